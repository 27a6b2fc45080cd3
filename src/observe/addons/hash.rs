//! The digest of a module's files: what makes it another module, wherever it lies and whenever it was written.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::cache::{Cache, Stamp};
use crate::base::Digest;
use crate::base::digest::hex;
use crate::error::Result;
use crate::state::{cannot, digest_of};

/// A file of a module.
struct File {
    /// Its path below the module's folder.
    name: String,
    path: PathBuf,
    /// Where it points at, of a link to a folder.
    link: Option<PathBuf>,
    stamp: Stamp,
}

/// The SHA-256 over the names and contents of a module's files. What Python and editors make of them, templates of translations and
/// the module's page in the shop are no part of it.
pub fn hash(folder: &Path, cache: &mut Cache) -> Result<Digest> {
    let mut files = Vec::new();
    collect(folder, "", &mut files)?;
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let stamps: Vec<(&str, Stamp)> = files.iter().map(|file| (file.name.as_str(), file.stamp)).collect();
    let stamps = Digest::of_json(&stamps);
    if let Some(known) = cache.hash(folder, &stamps) {
        return Ok(known);
    }
    let mut whole = Sha256::new();
    for file in &files {
        let content = match &file.link {
            Some(target) => Digest::of(target.as_os_str().as_encoded_bytes()),
            None => digest_of(&file.path)?,
        };
        // No name has a zero byte in it, every digest the same length.
        whole.update(file.name.as_bytes());
        whole.update([0]);
        whole.update(content.as_str().as_bytes());
    }
    let hash = Digest::from_hex(hex(&whole.finalize()));
    cache.keep_hash(folder, stamps, Stamp::newest(files.iter().map(|file| &file.stamp)), hash.clone());
    Ok(hash)
}

fn collect(folder: &Path, below: &str, files: &mut Vec<File>) -> Result<()> {
    let listing = fs::read_dir(folder).map_err(|e| cannot("read", folder, &e))?;
    for entry in listing {
        let path = entry.map_err(|e| cannot("read", folder, &e))?.path();
        // Whatever a name is, it becomes text.
        let own = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = if below.is_empty() { own.clone() } else { format!("{below}/{own}") };
        if is_made(&own, &name) {
            continue;
        }
        let link = fs::symlink_metadata(&path).map_err(|e| cannot("read", &path, &e))?;
        let meta = if link.is_symlink() { fs::metadata(&path).ok() } else { Some(link.clone()) };
        match meta {
            Some(meta) if meta.is_dir() && !link.is_symlink() => collect(&path, &name, files)?,
            Some(meta) if meta.is_file() => {
                files.push(File { name, path, link: None, stamp: Stamp::of(&meta) })
            }
            // A link to a folder, or to nothing: what counts is where it points.
            _ if link.is_symlink() => {
                let target = fs::read_link(&path).map_err(|e| cannot("read", &path, &e))?;
                files.push(File { name, path, link: Some(target), stamp: Stamp::of(&link) });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a file is none that the module's author wrote for Odoo to run.
fn is_made(own: &str, name: &str) -> bool {
    own == "__pycache__"
        || [".pyc", ".pyo", ".pot", ".swp", "~"].iter().any(|end| own.ends_with(end))
        || [".git", ".idea", ".vscode"].contains(&own)
        || name == "static/description"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::StateDir;

    fn of(folder: &Path) -> Digest {
        hash(folder, &mut Cache::open(&StateDir::of(folder))).unwrap()
    }

    #[test]
    fn what_counts_is_names_and_contents() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join("m").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let folder = dir.path().join("m");
        write("a.py", "1");
        write("views/b.xml", "<odoo/>");
        let first = of(&folder);
        for (name, counts) in [
            ("__pycache__/a.cpython-312.pyc", false),
            ("i18n/m.pot", false),
            ("static/description/icon.png", false),
            ("i18n/de.po", true),
            ("static/src/a.js", true),
            ("b.py", true),
        ] {
            write(name, "x");
            assert_eq!(of(&folder) != first, counts, "{name}");
            fs::remove_file(folder.join(name)).unwrap();
            assert_eq!(of(&folder), first, "{name} is gone");
        }
        write("a.py", "2");
        assert_ne!(of(&folder), first);
        write("a.py", "1");
        std::os::unix::fs::symlink("..", folder.join("loop")).unwrap();
        assert_ne!(of(&folder), first);
        fs::remove_file(folder.join("loop")).unwrap();
        fs::rename(folder.join("a.py"), folder.join("c.py")).unwrap();
        assert_ne!(of(&folder), first);
    }
}
