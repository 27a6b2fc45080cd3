//! Which commit the working trees of modules are at, and what in them is not as committed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::process::Command;

use crate::facts::{Known, ReleaseSeen, Tree};

/// How long git may take for one tree.
const DEADLINE: Duration = Duration::from_secs(10);

/// How many files that are not as committed are named.
const TOLD: usize = 6;

/// What git says of the trees that the folders lie in, all at the same time.
pub async fn releases(folders: &[PathBuf]) -> Vec<ReleaseSeen> {
    let mut trees: BTreeMap<Option<PathBuf>, Vec<PathBuf>> = BTreeMap::new();
    for folder in folders {
        // A folder may be a link into the tree that it belongs to.
        let real = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.clone());
        let root = real.ancestors().find(|above| above.join(".git").exists()).map(Path::to_owned);
        let inside = trees.entry(root).or_default();
        if !inside.contains(&real) {
            inside.push(real);
        }
    }
    join_all(trees.into_iter().map(|(root, folders)| async move {
        let tree = match root {
            None => Known::Unknown("it lies in no git repository".to_owned()),
            Some(root) => match tokio::time::timeout(DEADLINE, look(&root, &folders)).await {
                Ok(Ok(tree)) => Known::Known(tree),
                Ok(Err(why)) => Known::Unknown(why),
                Err(_) => Known::Unknown(format!("git did not answer within {} s", DEADLINE.as_secs())),
            },
        };
        ReleaseSeen { folders, tree }
    }))
    .await
}

async fn look(root: &Path, folders: &[PathBuf]) -> Result<Tree, String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal", "--"])
        .args(folders)
        // Nothing is written, not even git's own index, and nothing of the caller's git is meant.
        .envs([("GIT_OPTIONAL_LOCKS", "0"), ("LC_ALL", "C"), ("GIT_TERMINAL_PROMPT", "0")])
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    match output {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            Err("there is no git on this machine".to_owned())
        }
        Err(e) => Err(format!("cannot run git: {e}")),
        Ok(output) if !output.status.success() => Err(refusal(root, &output)),
        Ok(output) => tree(root, &String::from_utf8_lossy(&output.stdout)),
    }
}

fn refusal(root: &Path, output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("dubious ownership") || said.contains("safe.directory") {
        let root = root.display();
        return format!(
            "git does not trust it, because it belongs to another account; to change that: git config --global --add safe.directory {root}"
        );
    }
    let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    format!("git: {}", first.trim_start_matches("fatal: "))
}

/// Reads what `git status --porcelain=v2 --branch -z` prints.
fn tree(root: &Path, text: &str) -> Result<Tree, String> {
    let mut tree =
        Tree { root: root.to_owned(), sha: String::new(), branch: None, dirty: Vec::new(), dirty_count: 0 };
    let mut records = text.split('\0');
    while let Some(record) = records.next() {
        let (kind, rest) = record.split_once(' ').unwrap_or_default();
        let words = |count: usize| rest.splitn(count, ' ').nth(count - 1);
        let path = match kind {
            "#" => {
                match rest.split_once(' ') {
                    Some(("branch.oid", "(initial)")) => return Err("it has no commit yet".to_owned()),
                    Some(("branch.oid", sha)) => tree.sha = sha.to_owned(),
                    Some(("branch.head", head)) if head != "(detached)" => {
                        tree.branch = Some(head.to_owned())
                    }
                    _ => {}
                }
                continue;
            }
            "1" => words(8),
            "2" => {
                // The old name follows.
                let _ = records.next();
                words(9)
            }
            "u" => words(10),
            "?" => Some(rest),
            _ => None,
        };
        let Some(path) = path.filter(|path| !path.ends_with(".pyc") && !path.contains("__pycache__")) else {
            continue;
        };
        tree.dirty_count += 1;
        if tree.dirty.len() < TOLD {
            tree.dirty.push(path.to_owned());
        }
    }
    match tree.sha.is_empty() {
        true => Err("git names no commit".to_owned()),
        false => Ok(tree),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_record_is_read() {
        let text = "# branch.oid 0a1b\0# branch.head main\0# branch.ab +1 -0\0\
            1 .M N... 100644 100644 100644 aa bb rent/models/a b.py\0\
            2 R. N... 100644 100644 100644 aa bb R100 rent/new.py\0rent/old.py\0\
            u UU N... 100644 100644 100644 100644 aa bb cc rent/c.py\0? rent/d.py\0? rent/__pycache__/\0! x\0";
        let tree = tree(Path::new("/srv/own"), text).unwrap();
        assert_eq!((tree.sha.as_str(), tree.branch.as_deref()), ("0a1b", Some("main")));
        assert_eq!(tree.dirty, ["rent/models/a b.py", "rent/new.py", "rent/c.py", "rent/d.py"]);
        assert_eq!(tree.dirty_count, 4);
    }

    #[test]
    fn a_tree_without_a_commit_has_no_release() {
        assert!(tree(Path::new("/"), "# branch.oid (initial)\0# branch.head main\0").is_err());
        assert!(tree(Path::new("/"), "").is_err());
        let detached = tree(Path::new("/"), "# branch.oid 0a\0# branch.head (detached)\0").unwrap();
        assert_eq!(detached.branch, None);
    }

    #[tokio::test]
    async fn what_is_in_no_repository_is_unknown() {
        let dir = tempfile::tempdir().unwrap();
        let seen = releases(&[dir.path().to_owned()]).await;
        // Whoever keeps the temporary folder under git has a release there.
        assert_eq!(seen.len(), 1);
    }
}
