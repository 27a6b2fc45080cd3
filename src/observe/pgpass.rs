//! Passwords as libpq finds them: in the environment, else in a file that nobody else reads.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::base::Secret;
use crate::step::Endpoint;

/// Whom a password is for.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// The server.
    pub endpoint: &'a Endpoint,
    /// The database.
    pub database: &'a str,
    /// The role.
    pub role: &'a str,
}

/// The password of a login in the environment: `PGPASSWORD`, else a line of `PGPASSFILE` or `~/.pgpass`.
pub fn password(login: Login<'_>) -> Option<Secret> {
    let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let text = |value: OsString| value.into_string().ok();
    if let Some(password) = given("PGPASSWORD").and_then(text) {
        return Some(Secret::new(password));
    }
    let home = || given("HOME").map(|home| PathBuf::from(home).join(".pgpass"));
    let file = given("PGPASSFILE").map(PathBuf::from).or_else(home)?;
    find(&private(&file)?, login)
}

/// The text of a password file. One that others may read is as good as none, as it is to libpq.
fn private(file: &Path) -> Option<String> {
    let meta = fs::metadata(file).ok()?;
    if !meta.is_file() || meta.mode() & 0o077 != 0 {
        return None;
    }
    fs::read_to_string(file).ok()
}

/// Why a password file is not read, where there is one that is not; for people who wonder.
pub fn unread() -> Option<String> {
    let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let file = given("PGPASSFILE").or_else(|| given("HOME").map(|home| home.join(".pgpass")))?;
    let open = fs::metadata(&file).is_ok_and(|meta| meta.is_file() && meta.mode() & 0o077 != 0);
    open.then(|| format!("{0} is not read: others may read it, too (chmod 600 {0})", file.display()))
}

/// The password of the first line that is about this login.
fn find(text: &str, login: Login<'_>) -> Option<Secret> {
    let port = login.endpoint.port.to_string();
    // A socket is this machine's own, and called so.
    let host = if login.endpoint.host.starts_with('/') { "localhost" } else { &login.endpoint.host };
    let wanted = [host, &port, login.database, login.role];
    text.lines().find_map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.starts_with('#') {
            return None;
        }
        let fields = fields(line);
        let [host, port, database, role, password] = fields.as_slice() else { return None };
        let said = [host, port, database, role];
        let fits = said.iter().zip(wanted).all(|(said, wanted)| said.raw == "*" || said.text == wanted);
        fits.then(|| Secret::new(password.text.clone()))
    })
}

#[derive(Debug, Default)]
struct Field {
    raw: String,
    text: String,
}

/// The five fields of a line. A backslash takes its meaning from the character after it; a password may hold colons.
fn fields(line: &str) -> Vec<Field> {
    let mut fields = vec![Field::default()];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let last = fields.len() == 5;
        let Some(field) = fields.last_mut() else { break };
        match c {
            '\\' => {
                let next = chars.next();
                field.raw.push(c);
                field.raw.extend(next);
                field.text.push(next.unwrap_or(c));
            }
            ':' if !last => fields.push(Field::default()),
            c => {
                field.raw.push(c);
                field.text.push(c);
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn told(text: &str, host: &str, port: u16, database: &str, role: &str) -> Option<String> {
        let endpoint = Endpoint { host: host.into(), port, tls: None, container: None };
        find(text, Login { endpoint: &endpoint, database, role }).map(|secret| secret.reveal().to_owned())
    }

    #[test]
    fn the_first_line_that_fits_is_taken() {
        let text = "# db:5432:*:odoo:comment\nshort:5432\ndb:5432:prod:odoo:one\ndb:*:*:odoo:two\n*:*:*:boss:th:ree\\:4\r\n";
        assert_eq!(told(text, "db", 5432, "prod", "odoo").as_deref(), Some("one"));
        assert_eq!(told(text, "db", 5433, "prod", "odoo").as_deref(), Some("two"));
        assert_eq!(told(text, "x", 1, "y", "boss").as_deref(), Some("th:ree:4"));
        assert_eq!(told(text, "x", 1, "y", "odoo"), None);
        assert_eq!(told("localhost:5432:d:r:p", "/run/pg", 5432, "d", "r").as_deref(), Some("p"));
    }

    #[test]
    fn colons_backslashes_and_stars_can_be_meant_as_they_are() {
        let text = "\\:\\:1:5432:a\\\\b:r:p\nh:1:\\*:r:starred";
        assert_eq!(told(text, "::1", 5432, "a\\b", "r").as_deref(), Some("p"));
        assert_eq!(told(text, "h", 1, "*", "r").as_deref(), Some("starred"));
        assert_eq!(told(text, "h", 1, "other", "r"), None);
    }

    #[test]
    fn a_file_that_others_may_read_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pgpass");
        fs::write(&path, "*:*:*:*:p").unwrap();
        for (mode, read) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(private(&path).is_some(), read, "{mode:o}");
        }
        assert_eq!(private(dir.path()), None);
    }
}
