//! `postgresql.conf` as odpm renders it: the cluster's own file, and above it the project's settings; `pgbackrest.conf` beside
//! it.
//!
//! Pure text. Where the server is reached - port, addresses, socket - is not here: the engine says it on
//! the command line, where no file overrules it.

pub mod pgbackrest;

use std::collections::BTreeMap;
use std::path::Path;

use crate::base::quote::shell;
use crate::base::template::fill;
use crate::project::{Archive, ArchiveMethod, Project};

const TEMPLATE: &str = include_str!("../../templates/postgresql.conf");

/// `pg_hba.conf` for clusters that have none of their own.
pub const HBA: &str = include_str!("../../templates/pg_hba.conf");

/// The script by which finished segments of the log are kept.
pub const ARCHIVE: &str = include_str!("../../templates/archive.sh");

/// Files and folders as they appear to the server.
pub struct Places<'a> {
    /// Its data directory.
    pub data: &'a Path,
    /// The file of logins, where the cluster has none of its own.
    pub hba: Option<&'a Path>,
    /// The script that keeps the log, and the folder that it keeps it in; or pgBackRest's configuration, and the folder of what is
    /// secret in it.
    pub archive: [&'a Path; 2],
}

/// The text for a server.
pub fn render(project: &Project, places: &Places<'_>) -> String {
    let own = quote(&places.data.join("postgresql.conf").display().to_string());
    let hba = places.hba.map(|path| format!("hba_file = {}\n", quote(&path.display().to_string())));
    let archive = project.archive.iter().flat_map(|archive| archiving(archive, places));
    let settings = project.postgres.settings.iter().map(|(name, value)| (name.as_str(), value.clone()));
    let settings = archive.chain(settings).map(|(name, value)| format!("{name} = {}\n", quote(&value)));
    let lines: String = hba.into_iter().chain(settings).collect();
    fill(TEMPLATE, &[("own", &own), ("settings", lines.trim_end())]).trim_end().to_owned() + "\n"
}

/// Who gets into a sidecar: whoever gets into the folder of its socket.
pub const SIDECAR_HBA: &str = "local all all trust\n";

/// What a sidecar is recovered with.
pub struct Recovery<'a> {
    /// The file of its logins.
    pub hba: &'a Path,
    /// The folder of its socket.
    pub socket: &'a Path,
    /// The number of its socket.
    pub port: u16,
    /// The command that brings the kept log back.
    pub restore: String,
    /// The moment, as RFC 3339 in UTC.
    pub moment: &'a str,
    /// Settings that the recovery refuses to run below the primary's.
    pub floors: &'a BTreeMap<String, String>,
    /// Whether it goes on from there as a cluster of its own, instead of standing there.
    pub promoted: bool,
}

/// The text for a sidecar. The cluster's own file is no part of it: what the primary is told - to archive, to listen, to load
/// what this machine may not have - is not for its sidecar.
pub fn sidecar(recovery: &Recovery<'_>) -> String {
    let Recovery { hba, socket, port, restore, moment, floors, promoted } = recovery;
    let action = if *promoted { "promote" } else { "pause" };
    let own = [
        ("hba_file", hba.display().to_string()),
        ("listen_addresses", String::new()),
        ("unix_socket_directories", format!("\"{}\"", socket.display())),
        ("port", port.to_string()),
        ("restore_command", restore.clone()),
        // As PostgreSQL writes it: it knows no letters for zones as early as that.
        ("recovery_target_time", moment.replace('T', " ").replace('Z', "+00")),
        ("recovery_target_action", action.to_owned()),
        // Where the log forks later, the branch that the base backup is of is meant.
        ("recovery_target_timeline", "current".to_owned()),
        ("hot_standby", "on".to_owned()),
        ("archive_mode", "off".to_owned()),
        ("default_transaction_read_only", if *promoted { "off" } else { "on" }.to_owned()),
        // What this machine loses with a crash is recovered anew.
        ("fsync", "off".to_owned()),
        ("autovacuum", "off".to_owned()),
        ("lc_messages", "C".to_owned()),
        ("log_timezone", "UTC".to_owned()),
        ("timezone", "UTC".to_owned()),
    ];
    let own = own.into_iter().chain(floors.iter().map(|(name, value)| (name.as_str(), value.clone())));
    own.map(|(name, value)| format!("{name} = {}\n", quote(&value))).collect()
}

/// The command by which a sidecar gets what `archive.sh` has kept.
pub fn unpack_command(folder: &Path) -> String {
    let kept = word(&folder.display().to_string());
    // What was unpacked beforehand lies where the server looks next.
    format!("test ! -e pg_wal/%f && test -e {kept}/%f.gz && gzip -dc {kept}/%f.gz >\"%p\"")
}

/// A word of a command for a server: PostgreSQL puts its own words in place of `%` and a letter.
fn word(text: &str) -> String {
    shell(text).replace('%', "%%")
}

/// The settings by which a server keeps its log.
fn archiving(archive: &Archive, places: &Places<'_>) -> [(&'static str, String); 3] {
    let [first, second] = places.archive;
    let command = match &archive.method {
        ArchiveMethod::Basebackup(_) => {
            let [script, folder] = [first, second].map(|path| word(&path.display().to_string()));
            format!("sh {script} {folder} \"%p\" \"%f\"")
        }
        ArchiveMethod::Pgbackrest(all) => {
            pgbackrest::command(&pgbackrest::arguments(first, second, &all.stanza), "archive-push \"%p\"")
        }
    };
    [
        // `wal_level` is enough unless somebody has lowered it, and then the server says so; it may be `logical` on purpose.
        ("archive_mode", "on".to_owned()),
        ("archive_command", command),
        ("archive_timeout", format!("{}s", archive.switch)),
    ]
}

/// A value as `postgresql.conf` reads it: in quotes, in which quotes are doubled and backslashes escape.
fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn values_are_quoted_as_postgresql_reads_them() {
        assert_eq!(quote("%m [%p] it's"), "'%m [%p] it''s'");
        assert_eq!(quote(r"C:\x"), r"'C:\\x'");
    }
}
