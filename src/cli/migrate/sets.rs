use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::cli::session::Session;
use crate::error::Result;
use crate::migrate::sets::{SHIPPED, expand};
use crate::observe;
use crate::report::{self, Format, SetTold, Ui};

/// The sets of tables that can be copied: those that come with odpm, and the project's own
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odpm migrate sets
  odpm migrate sets --from staging
  odpm migrate sets --from ../staging --format json

Sets of your own are in odpm.yaml, under migrate.sets.")]
pub struct Args {
    /// Only the tables that this database has
    #[arg(long, value_name = "PLACE")]
    from: Option<String>,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let mut session = Session::reading(start)?;
    let there = match &args.from {
        Some(place) => {
            let reached = observe::reach(&mut session.loaded, place, start)?;
            Some(observe::tables(reached.source).await?)
        }
        None => None,
    };
    let own = &session.loaded.project.migrate.sets;
    let mut sets: BTreeMap<&str, SetTold> = BTreeMap::new();
    for set in &SHIPPED {
        sets.insert(set.name, told(set.name, set.what, false, own, there.as_ref()));
    }
    for name in own.keys() {
        sets.insert(name, told(name, "the project's own", true, own, there.as_ref()));
    }
    let sets: Vec<SetTold> = sets.into_values().collect();
    ui.answer(&match args.format {
        Format::Text => report::sets(&sets),
        Format::Json => report::json(&serde_json::json!({ "format_version": 1, "sets": sets }))?,
    });
    Ok(0)
}

/// A set with what is part of it; of tables that begin with something, those that are there.
fn told(
    name: &str,
    what: &str,
    own: bool,
    sets: &BTreeMap<String, crate::project::MigrationSet>,
    there: Option<&BTreeSet<String>>,
) -> SetTold {
    let expanded = expand(&[name.to_owned()], sets);
    let wanted: Vec<String> = expanded.tables.into_keys().collect();
    let (mut tables, mut absent) = (BTreeSet::new(), Vec::new());
    for table in wanted {
        let fits = |one: &&String| match table.strip_suffix('%') {
            Some(begin) => one.starts_with(begin),
            None => **one == table,
        };
        let Some(there) = there else {
            tables.insert(table);
            continue;
        };
        let before = tables.len();
        tables.extend(there.iter().filter(fits).cloned());
        if tables.len() == before {
            absent.push(table);
        }
    }
    SetTold {
        name: name.to_owned(),
        what: what.to_owned(),
        own,
        tables: tables.into_iter().collect(),
        absent,
    }
}
