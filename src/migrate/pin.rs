//! What has to be equal before anything is copied, and what must not be.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::facts::SideSeen;
use crate::plan::Block;

/// Something that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// What: `module sale`, `res_partner.name`.
    pub what: String,
    /// As the source has it; `None` where it has none.
    pub from: Option<String>,
    /// As the target has it.
    pub to: Option<String>,
    /// Whether nothing can be copied as long as it is so.
    pub blocks: bool,
}

/// What differs, and what stands in the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pinned {
    /// Differences.
    pub differences: Vec<Difference>,
    /// What stands in the way, beside them.
    pub blocks: Vec<Block>,
    /// What is to be told.
    pub warnings: Vec<String>,
}

/// The databases themselves.
pub(super) fn databases(from: &SideSeen, to: &SideSeen) -> Pinned {
    let mut pinned = Pinned::default();
    let mut refuse = |block: Block| pinned.blocks.push(block);
    // A server that does not tell which one it is has the same number for many databases.
    let same = from.identity == to.identity && (!from.identity.starts_with('?') || from.place == to.place);
    if same {
        let what = format!("source and target are the same database, {}", to.database);
        refuse(Block::refused("same_database", what).hint("Name two databases: --from and --to"));
    }
    if !to.owned {
        let what = format!("who logs in to {} may not alter its tables", to.place);
        let block = Block::environment("not_owner", what);
        refuse(block.hint("Log in as the owner of the database's tables, which is Odoo's own role."));
    }
    if !to.sessions.is_empty() && !same {
        let block = Block::refused("in_use", format!("the target {} is in use", to.database));
        let who = to.sessions.iter().take(5).map(|session| {
            let name = if session.application.is_empty() { "somebody" } else { &session.application };
            format!("{name} as {}, process {}", session.role, session.pid)
        });
        let block = who.fold(block, Block::because);
        refuse(block.hint("Stop Odoo and disconnect who is connected, then plan again."));
    }
    if !same && from.uuid.is_some() && from.uuid == to.uuid {
        pinned.warnings.push(format!(
            "one of the two is a copy of the other: both have the database.uuid {}",
            from.uuid.as_deref().unwrap_or_default()
        ));
    }
    let mut differs = |what: &str, from: Option<String>, to: Option<String>, blocks: bool| {
        if from != to {
            pinned.differences.push(Difference { what: what.to_owned(), from, to, blocks });
        }
    };
    differs("encoding", Some(from.encoding.clone()), Some(to.encoding.clone()), true);
    let (ours, theirs) = (from.major, to.major);
    differs("PostgreSQL", Some(ours.to_string()), Some(theirs.to_string()), ours > theirs);
    let series = |side: &SideSeen| {
        let version = side.modules.get("base")?.version.as_deref()?;
        Some(version.split('.').take(2).collect::<Vec<_>>().join("."))
    };
    differs("Odoo", series(from), series(to), true);
    let names: BTreeSet<&String> = from.modules.keys().chain(to.modules.keys()).collect();
    for name in names {
        let said = |side: &SideSeen| {
            let module = side.modules.get(name).filter(|module| module.is_installed())?;
            let version = module.version.as_deref().unwrap_or("no version");
            Some(if module.is_pending() {
                format!("{version}, {}", module.state)
            } else {
                version.to_owned()
            })
        };
        differs(&format!("module {name}"), said(from), said(to), true);
        for side in [from, to] {
            if side.modules.get(name).is_some_and(crate::facts::ModuleInDatabase::is_pending) {
                let what = format!("the module {name} of {} is left half-way", side.place);
                pinned.blocks.push(
                    Block::refused("half_way", what)
                        .hint("Bring it to its end: odpm upgrade run, or Odoo itself."),
                );
            }
        }
    }
    pinned
}

/// Tables that are copied.
pub(super) fn tables<'a>(from: &SideSeen, to: &SideSeen, tables: impl Iterator<Item = &'a String>) -> Pinned {
    let mut pinned = Pinned::default();
    for table in tables {
        let Some(ours) = from.wiring.catalog.tables.get(table) else { continue };
        let Some(theirs) = to.wiring.catalog.tables.get(table) else {
            let from = Some("a table".to_owned());
            pinned.differences.push(Difference { what: table.clone(), from, to: None, blocks: true });
            continue;
        };
        let names: BTreeSet<&String> = ours.columns.keys().chain(theirs.columns.keys()).collect();
        for name in names {
            let said = |side: &SideSeen| {
                let seen = side.wiring.catalog.tables.get(table)?;
                let kind = seen.columns.get(name)?;
                Some(if seen.generated.contains(name) { format!("{kind}, generated") } else { kind.clone() })
            };
            let (said_from, said_to) = (said(from), said(to));
            let what = format!("{table}.{name}");
            if said_from != said_to {
                let (from, to) = (said_from, said_to);
                pinned.differences.push(Difference { what, from, to, blocks: true });
                continue;
            }
            let required =
                |side: &SideSeen| side.structure.get(table).is_some_and(|seen| seen.required.contains(name));
            let (ours, theirs) = (required(from), required(to));
            if ours != theirs {
                let said = |required| Some(if required { "required" } else { "not required" }.to_owned());
                let (from, to) = (said(ours), said(theirs));
                pinned.differences.push(Difference { what, from, to, blocks: theirs });
            }
        }
        for (name, kind) in &ours.columns {
            if matches!(kind.as_str(), "oid" | "lo") && from.large_objects > 0 {
                let what = format!("{table}.{name} refers to large objects, which are not copied");
                let block = Block::refused("large_objects", what);
                pinned.blocks.push(block.hint(format!("Leave the table out: --without {table}")));
            }
        }
        if let Some(structure) = to.structure.get(table) {
            for trigger in &structure.triggers {
                pinned.warnings.push(format!("the trigger {trigger} of {table} is at work while rows come"));
            }
        }
    }
    pinned
}
