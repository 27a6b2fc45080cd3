//! Analytic accounts: Odoo keeps the items of each plan in a column of its own, and shares by account in JSON.

use super::inquiry::Inquiry;
use super::request::End;
use crate::plan::Block;

/// The table of plans.
pub(super) const PLANS: &str = "account_analytic_plan";

/// The table of analytic items.
const ITEMS: &str = "account_analytic_line";

/// Plans for whose items the target has no column: only Odoo makes it, with the plan, and every view of analytic items fails without.
pub(super) fn plans(inquiry: &Inquiry<'_>) -> Option<Block> {
    let fates = inquiry.fates.get(PLANS)?;
    let columns = &inquiry.from.wiring.catalog.tables.get(ITEMS)?.columns;
    let id = |column: &String| column.strip_prefix("x_plan")?.strip_suffix("_id")?.parse::<i64>().ok();
    let there = |id: i64| inquiry.to.wiring.catalog.has(ITEMS, &format!("x_plan{id}_id"));
    let missing = columns.keys().filter_map(id).filter_map(|id| Some((id, fates.on_target(id)?)));
    let missing: Vec<(i64, i64)> = missing.filter(|(_, becomes)| !there(*becomes)).collect();
    if missing.is_empty() {
        return None;
    }
    let what =
        "analytic plans come for whose items the target has no column, which Odoo alone makes, with the plan";
    let block = missing.iter().fold(Block::refused("analytic_plans", what), |block, (id, becomes)| {
        // Whatever Odoo makes there gets an id of its own.
        block.because(match fates.pairs.contains_key(id) {
            true => {
                format!("plan {id} of the source is plan {becomes} of the target, without {ITEMS}.x_plan{becomes}_id")
            }
            false => format!("plan {id} of the source{} is none of the target's", called(inquiry, *id)),
        })
    });
    Some(
        block
            .hint("Create these plans in Odoo on the target, by the same names: they are the same then, whatever ids they get there.")
            .hint("Or leave analytic accounting out: --without account_analytic_plan --without account_analytic_account \
                   --without account_analytic_distribution_model"),
    )
}

/// What the source calls a plan.
fn called(inquiry: &Inquiry<'_>, id: i64) -> String {
    let plans = inquiry.rows.get(&(End::From, PLANS.to_owned()));
    let key = plans.and_then(|plans| plans.get(&id)?.key.as_deref());
    key.and_then(|key| key.split('|').next()).map(|name| format!(", {name},")).unwrap_or_default()
}

/// Shares of accounts that stay behind would be nobody's.
pub(super) fn shares(inquiry: &Inquiry<'_>) -> Option<Block> {
    let accounts = inquiry.fates.get("account_analytic_account")?;
    let columns = &inquiry.from.wiring.catalog;
    let mut used = inquiry.chosen.copied.keys().filter(|table| columns.has(table, "analytic_distribution"));
    let table = used.next().filter(|_| !accounts.behind.is_empty())?;
    let what = format!("analytic accounts stay behind, and {table}.analytic_distribution may name them");
    let block = Block::refused("analytic", what);
    Some(
        block
            .hint("Give the accounts new ids instead, shares follow: --conflicts renumber")
            .hint("Or leave them out: --without account_analytic_account"),
    )
}
