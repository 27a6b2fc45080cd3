//! A project with a database as Odoo's in it, and files as Odoo keeps them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::sandbox::{Sandbox, bin_dir};

/// The files of the database's filestore: some text, a picture, an empty one.
const FILES: [&[u8]; 4] =
    [b"hello", b"\x89PNG not really", b"", b"a longer text that gets smaller, smaller, smaller"];

/// Fills a database of a running project; it belongs to the application role.
pub fn fill(shop: &Sandbox, database: &str) {
    let _ = shop.sql("postgres", &format!("CREATE DATABASE \"{database}\" OWNER odoo TEMPLATE template0"));
    for extension in ["pg_trgm", "unaccent"] {
        let _ = shop.sql(database, &format!("CREATE EXTENSION {extension}"));
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/odoo.sql");
    let output = psql(shop, database).args(["-v", "ON_ERROR_STOP=1", "-f", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for content in FILES {
        add_file(shop, database, content);
    }
}

/// psql as the application role.
pub fn psql(shop: &Sandbox, database: &str) -> Command {
    let mut command = Command::new(bin_dir().join("psql"));
    command.args(["-Xq", "-h", "127.0.0.1", "-p", &shop.port.to_string(), "-U", "odoo", "-d", database]);
    command.env("PGPASSWORD", shop.read(".odpm/secrets/app_password").trim());
    command
}

/// Adds a file to the filestore and its row to the database, as Odoo does; its path in the filestore.
pub fn add_file(shop: &Sandbox, database: &str, content: &[u8]) -> String {
    let digest = sha1(content);
    let name = format!("{}/{digest}", &digest[..2]);
    let path = files(shop, database).join(&name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    let insert =
        format!("INSERT INTO ir_attachment (name, store_fname, checksum) VALUES ('f', '{name}', '{digest}')");
    let _ = shop.sql(database, &insert);
    name
}

/// What Odoo names a file by.
pub fn sha1(content: &[u8]) -> String {
    use sha1::Digest;
    odpm::base::digest::hex(&sha1::Sha1::digest(content))
}

/// The folder of a database's files.
pub fn files(shop: &Sandbox, database: &str) -> PathBuf {
    shop.path("data/odoo/filestore").join(database)
}

/// Everything in a database, as pg_dump writes it, without what is different in every dump.
pub fn content(shop: &Sandbox, database: &str) -> Content {
    let output = Command::new(bin_dir().join("pg_dump"))
        .args(["-h", "127.0.0.1", "-p", &shop.port.to_string(), "-U", "postgres", "--no-comments", database])
        .env("PGPASSWORD", shop.read(".odpm/secrets/admin_password").trim())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let own = |line: &&str| {
        !line.is_empty() && !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict")
    };
    let mut lines: Vec<String> = text.lines().filter(own).map(str::to_owned).collect();
    // In which order a table holds its rows is no part of what it holds.
    lines.sort();
    Content(lines)
}

/// What is in a database; two of them are shown by their first difference.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(Vec<String>);

impl Content {
    #[track_caller]
    pub fn is_that_of(&self, other: &Self, what: &str) {
        let only = |these: &Self, those: &Self| -> Vec<String> {
            let mut left: BTreeMap<&String, usize> = BTreeMap::new();
            those.0.iter().for_each(|line| *left.entry(line).or_default() += 1);
            let mut missing = these.0.iter().filter(|line| match left.get_mut(line) {
                Some(count @ 1..) => {
                    *count -= 1;
                    false
                }
                _ => true,
            });
            missing.by_ref().take(5).cloned().collect()
        };
        let (here, there) = (only(self, other), only(other, self));
        assert!(here.is_empty() && there.is_empty(), "{what}: {here:?} instead of {there:?}");
    }
}

/// Every file of a database with its content.
pub fn stored(shop: &Sandbox, database: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let root = files(shop, database);
    let mut found = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => {
                    let name = entry.path().strip_prefix(&root).unwrap().to_owned();
                    found.insert(name, fs::read(entry.path()).unwrap());
                }
            }
        }
    }
    found
}

/// The names of the databases but PostgreSQL's own.
/// Writes something on the database and limits its connections; what both are then.
pub fn label(shop: &Sandbox) -> Vec<String> {
    let _ = shop.sql(
        "postgres",
        "COMMENT ON DATABASE shop IS 'Ana''s shop'; ALTER DATABASE shop CONNECTION LIMIT 50",
    );
    label_of(shop, "shop")
}

/// What is written on a database, and its limit of connections.
pub fn label_of(shop: &Sandbox, database: &str) -> Vec<String> {
    shop.sql("postgres", &format!(
        "SELECT shobj_description(oid, 'pg_database') || ' ' || datconnlimit FROM pg_database WHERE datname = '{database}'"))
}

pub fn names(shop: &Sandbox) -> Vec<String> {
    shop.sql(
        "postgres",
        "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1",
    )
}

/// The one backup with this ending.
pub fn backup(shop: &Sandbox, end: &str) -> PathBuf {
    let entries = fs::read_dir(shop.path("backups")).unwrap().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == end)).collect();
    found.sort();
    found.pop().expect("a backup")
}

/// A running project with a filled database `shop`.
pub fn shop() -> Sandbox {
    let shop = Sandbox::with("database: shop", "");
    let _ = shop.apply();
    fill(&shop, "shop");
    shop
}
