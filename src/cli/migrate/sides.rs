//! The two databases of a migration, as they are named with the command.

use std::collections::BTreeSet;
use std::path::Path;

use crate::base::suggest;
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::observe::{self, Pair, Reached};

/// Where rows go: the place that is named, else the project's own database.
pub fn target(session: &mut Session, named: Option<&str>, start: &Path) -> Result<Reached> {
    match named {
        Some(place) => observe::reach(&mut session.loaded, place, start),
        None => observe::reach_own(&session.loaded, &session.database(None)?),
    }
}

/// Refuses one database as both.
pub fn differ(pair: &Pair) -> Result<()> {
    let (from, to) = (&pair.from.seen, &pair.to.seen);
    if from.identity != to.identity || from.identity.starts_with('?') {
        return Ok(());
    }
    let error = Error::usage(format!("{} and {} are the same database", from.place, to.place));
    Err(error.hint("Name two: --from PLACE --to PLACE"))
}

/// The tables that are named, each of which one of the two has.
pub fn known(named: &[String], pair: &Pair) -> Result<BTreeSet<String>> {
    let tables =
        |side: &observe::Side| side.seen.wiring.catalog.tables.keys().cloned().collect::<BTreeSet<_>>();
    let (from, to) = (tables(&pair.from), tables(&pair.to));
    for table in named {
        if from.contains(table) || to.contains(table) {
            continue;
        }
        let error = Error::usage(format!("there is no table {table} on either side"));
        let near = suggest::nearest(table, from.iter().map(String::as_str));
        return Err(match near {
            Some(near) => error.hint(format!("Did you mean {near}?")),
            None => error.hint("Tables are named as PostgreSQL names them: product_template"),
        });
    }
    Ok(named.iter().cloned().collect())
}
