//! What an earlier upgrade has left behind, and which release this one is.

use super::graph::installed;
use super::{Ground, some};
use crate::facts::{Known, ReleaseSeen, Tree};
use crate::plan::Check;

/// Nothing waits since an earlier run.
pub fn pending(ground: &Ground<'_>) -> Vec<Check> {
    let all = installed(ground.seen).into_iter().flat_map(|all| &all.modules);
    let waiting: Vec<String> = all
        .filter(|(_, module)| module.is_pending())
        .map(|(name, module)| format!("{name} ({})", module.state))
        .collect();
    if waiting.is_empty() {
        return vec![Check::good("pending", "no module waits for anything")];
    }
    let check =
        Check::bad("pending", format!("an earlier change has not come to its end: {}", some(&waiting)));
    let back = "UPDATE ir_module_module SET state = CASE state WHEN 'to install' THEN 'uninstalled' ELSE 'installed' END WHERE state LIKE 'to %'";
    vec![
        check
            .remedy("Read that run's log first: odpm upgrade diagnose LOG")
            .remedy(format!("To forget it, as Odoo itself does after a failure: {back}")),
    ]
}

/// Which commit every folder is at, and what was changed in it by hand; which image Odoo comes from.
pub fn releases(ground: &Ground<'_>) -> Vec<Check> {
    let image = ground.seen.image.iter().map(|(name, id)| match id {
        Known::Known(id) => Check::good("release", format!("image {name}, {id}")),
        Known::Unknown(why) => Check::open("release", format!("image {name}: {why}")),
    });
    image.chain(ground.seen.releases.iter().map(release)).collect()
}

fn release(seen: &ReleaseSeen) -> Check {
    match &seen.tree {
        Known::Unknown(why) => {
            let folders: Vec<String> =
                seen.folders.iter().map(|folder| folder.display().to_string()).collect();
            let check = Check::open("release", format!("{}: {why}", some(&folders)));
            check.remedy("Without a commit nobody can say which code to deploy again.")
        }
        Known::Known(tree) => at(tree),
    }
}

fn at(tree: &Tree) -> Check {
    let branch =
        tree.branch.as_deref().map_or_else(|| "no branch".to_owned(), |branch| format!("branch {branch}"));
    let sha = tree.sha.get(..12).unwrap_or(&tree.sha);
    let place = format!("{} at {sha}, {branch}", tree.root.display());
    if tree.dirty_count == 0 {
        return Check::good("release", place);
    }
    let more = tree.dirty_count.saturating_sub(tree.dirty.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let detail = format!("{place}; not as committed: {}{more}", tree.dirty.join(", "));
    Check::open("release", detail)
        .remedy("Commit what is meant to be deployed, so that it can be found again.")
}
