//! Databases and backups for people.

use std::fmt::Write;

use serde::Serialize;

use crate::backup_file::Verdict;
use crate::base::size::human;
use crate::facts::{BackupSeen, DatabaseSeen, DatabasesSeen, FolderSeen};

/// `odpm database list --format json`.
#[derive(Debug, Serialize)]
pub struct DatabaseList<'a> {
    /// 1.
    pub format_version: u32,
    /// The databases.
    pub databases: Vec<Listed<'a>>,
}

/// One of them.
#[derive(Debug, Serialize)]
pub struct Listed<'a> {
    /// As the server tells.
    #[serde(flatten)]
    pub seen: &'a DatabaseSeen,
    /// Its files.
    pub filestore: Option<FolderSeen>,
    /// When its newest backup was taken, and where that is.
    pub last_backup: Option<(&'a str, String)>,
}

impl<'a> DatabaseList<'a> {
    /// The list of what was seen.
    pub fn of(seen: &'a DatabasesSeen) -> Self {
        let listed = |database: &'a DatabaseSeen| Listed {
            seen: database,
            filestore: seen.folders.get(&database.name).copied().flatten(),
            last_backup: seen.last_backup(&database.name).and_then(|backup| {
                let at = backup.manifest.as_ref()?.created_at.as_str();
                Some((at, backup.path.display().to_string()))
            }),
        };
        Self { format_version: 1, databases: seen.all.get().into_iter().flatten().map(listed).collect() }
    }
}

/// The databases as a table.
pub fn databases(seen: &DatabasesSeen) -> String {
    let header = ["name", "owner", "size", "odoo", "modules", "files", "last backup"].map(str::to_owned);
    let mut rows = vec![header];
    let mut notes = Vec::new();
    for database in DatabaseList::of(seen).databases {
        let (odoo, modules) = match &database.seen.odoo {
            Some(odoo) => {
                let neutral = if odoo.neutralized { " neutralized" } else { "" };
                (format!("{}{neutral}", odoo.version), odoo.modules.to_string())
            }
            None => ("-".to_owned(), "-".to_owned()),
        };
        rows.push([
            database.seen.name.clone(),
            database.seen.owner.clone(),
            database.seen.bytes.map_or_else(|| "?".to_owned(), human),
            odoo,
            modules,
            database.filestore.map_or_else(|| "-".to_owned(), |files| human(files.bytes)),
            database.last_backup.map_or_else(|| "none".to_owned(), |(at, _)| at.to_owned()),
        ]);
        notes.extend(database.seen.mark().map(|mark| format!("{} is odpm's: {mark}", database.seen.name)));
    }
    let mut text = table(&rows);
    if !notes.is_empty() {
        text.push('\n');
        for note in &notes {
            let _ = writeln!(text, "{note}");
        }
        text.push_str("`odpm database prune` drops what nobody needs any more.\n");
    }
    text
}

/// Columns beside each other, each as wide as its widest cell.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| console::measure_text_width(cell)).max()
    };
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let pad = width(column).unwrap_or_default().saturating_sub(console::measure_text_width(cell)) + 2;
            line.push_str(cell);
            line.push_str(&" ".repeat(pad));
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// How much that is wrong is shown.
const SHOWN: usize = 20;

/// What was found in a backup.
pub fn verdict(backup: &BackupSeen, verdict: &Verdict) -> String {
    let mut text = format!("{}: {}\n", backup.path.display(), human(backup.bytes));
    let of = match (&backup.manifest, &backup.odoo) {
        (Some(manifest), _) => {
            let version = manifest.database.odoo_version.as_deref().unwrap_or("no Odoo");
            let (name, at) = (&manifest.database.name, &manifest.created_at);
            Some(format!(
                "{name}, Odoo {version}, PostgreSQL {}, taken {at}",
                manifest.database.server_version
            ))
        }
        (None, Some(odoo)) => {
            Some(format!("{}, Odoo {}, PostgreSQL {}", odoo.db_name, odoo.version, odoo.pg_version))
        }
        (None, None) => None,
    };
    if let Some(of) = of {
        let _ = writeln!(text, "  of       {of}");
    }
    let _ = writeln!(text, "  read     {} of the dump, {} files", human(verdict.dump_bytes), verdict.files);
    for note in &verdict.notes {
        let _ = writeln!(text, "  note     {note}");
    }
    for wrong in verdict.wrong.iter().take(SHOWN) {
        let _ = writeln!(text, "  wrong    {wrong}");
    }
    if verdict.wrong.len() > SHOWN {
        let _ =
            writeln!(text, "  wrong    and {} more; --format json has them all", verdict.wrong.len() - SHOWN);
    }
    text.push_str(if verdict.wrong.is_empty() { "It is good.\n" } else { "It is not good.\n" });
    text
}
