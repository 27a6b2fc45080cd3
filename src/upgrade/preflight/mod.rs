//! What is looked at before modules are upgraded, each finding with its remedy.
//!
//! `resolve` says what Odoo will do for the modules that are named, the others judge whether it will come to its end. All of it is
//! decided on what was seen; nothing of a module was run for it.

pub mod checkpoint;
mod dependencies;
mod fitness;
mod graph;
pub mod operation;
mod presence;
mod release;
mod resolve;
#[cfg(test)]
mod tests;
mod versions;

#[cfg(test)]
mod tests_of_operation;

pub use graph::Graph;
pub use resolve::{Action, Because, Moved, Resolved, Wanted, resolve};

use crate::facts::{Known, ModulesSeen};
use crate::plan::Check;

/// How many names a sentence has.
const TOLD: usize = 8;

/// What the checks are made on.
struct Ground<'a> {
    wanted: &'a Wanted,
    seen: &'a ModulesSeen,
    resolved: &'a Resolved,
    graph: Graph<'a>,
}

/// Everything about modules that decides whether an upgrade can be begun, and what it will do.
pub fn modules(wanted: &Wanted, seen: &ModulesSeen) -> (Vec<Check>, Resolved) {
    if let Known::Unknown(why) = &seen.installed {
        let check = Check::bad("modules", format!("the modules of {} are not known: {why}", seen.database));
        return (vec![check.remedy("Look at it: odpm database status")], Resolved::default());
    }
    let resolved = resolve(wanted, seen);
    let ground = Ground { wanted, seen, resolved: &resolved, graph: Graph::of(seen) };
    let parts: [fn(&Ground<'_>) -> Vec<Check>; 11] = [
        presence::folders,
        presence::named,
        presence::series,
        dependencies::closure,
        dependencies::circles,
        versions::versions,
        versions::scripts,
        dependencies::taken_along,
        fitness::fitness,
        release::pending,
        release::releases,
    ];
    let checks = parts.into_iter().flat_map(|part| part(&ground)).collect();
    (checks, resolved)
}

/// Names for a sentence: the first of them, and how many more there are.
pub(super) fn some<T: AsRef<str>>(names: &[T]) -> String {
    let told: Vec<&str> = names.iter().take(TOLD).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(TOLD) {
        0 => told.join(", "),
        more => format!("{} and {more} more", told.join(", ")),
    }
}

/// `1 module`, `3 modules`.
fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}
