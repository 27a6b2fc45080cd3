//! `postgresql.conf` as odpm renders it: the cluster's own file, and above it the project's settings.
//!
//! Pure text. Where the server is reached - port, addresses, socket - is not here: the engine says it on
//! the command line, where no file overrules it.

use std::path::Path;

use crate::base::template::fill;
use crate::project::Project;

const TEMPLATE: &str = include_str!("../../templates/postgresql.conf");

/// `pg_hba.conf` for clusters that have none of their own.
pub const HBA: &str = include_str!("../../templates/pg_hba.conf");

/// The text for a server whose data directory appears to it as `data`. `hba` names the file of logins
/// where the cluster has none of its own.
pub fn render(project: &Project, data: &Path, hba: Option<&Path>) -> String {
    let own = quote(&data.join("postgresql.conf").display().to_string());
    let hba = hba.map(|path| format!("hba_file = {}\n", quote(&path.display().to_string())));
    let settings = project.postgres.settings.iter();
    let lines: String =
        hba.into_iter().chain(settings.map(|(name, value)| format!("{name} = {}\n", quote(value)))).collect();
    fill(TEMPLATE, &[("own", &own), ("settings", lines.trim_end())]).trim_end().to_owned() + "\n"
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
