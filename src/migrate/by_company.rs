//! Values by company of companies that the target alone has: rows that are made equal keep them.

use std::collections::BTreeSet;

use super::inquiry::{Inquiry, Topic};
use super::pairing::Fates;
use super::refs::Way;
use super::request::{End, Told};
use crate::facts::{OwnKeys, TableState, Transfer};

/// Where companies are.
const COMPANY: &str = "res_company";

/// The columns of a table that have a value for each company, in JSON whose keys are ids of companies.
fn columns(inquiry: &Inquiry<'_>, table: &str) -> Vec<String> {
    let refs = inquiry.refs.of.get(table).into_iter().flatten();
    let mine = refs.filter(|one| one.way == Way::Keys && one.to.as_deref() == Some(COMPANY));
    mine.map(|one| one.column.clone()).collect()
}

/// Asks which companies the target has, where rows with such values are made equal.
pub(super) fn ask(inquiry: &mut Inquiry<'_>) {
    let written = |fates: &Fates| fates.pairs.len() > fates.left().count();
    let matters = |(table, fates): (&String, &Fates)| written(fates) && !columns(inquiry, table).is_empty();
    if inquiry.fates.iter().any(matters) && inquiry.to.wiring.catalog.has(COMPANY, "id") {
        inquiry.ask(Topic::Companies, End::To, format!("SELECT t.id::text FROM ONLY {COMPANY} t"));
    }
}

/// Their ids.
pub(super) fn told(told: Told) -> BTreeSet<i64> {
    told.into_iter().flatten().flatten().filter_map(|id| id.parse().ok()).collect()
}

/// What rows of a table keep: the values of companies that none of the source's is.
pub(super) fn own(inquiry: &Inquiry<'_>, table: &str) -> Option<OwnKeys> {
    let columns = columns(inquiry, table);
    let same = inquiry.fates.get(COMPANY).into_iter().flat_map(|fates| fates.pairs.values());
    let meant = inquiry.closure.resolved.get(COMPANY).into_iter().flat_map(|ids| ids.values());
    let known: BTreeSet<i64> = same.chain(meant).copied().collect();
    let keys: Vec<String> = inquiry.companies.difference(&known).map(i64::to_string).collect();
    (!columns.is_empty() && !keys.is_empty()).then_some(OwnKeys { columns, keys })
}

/// A company that the target gets after the plan has values of which the plan knows nothing.
pub(super) fn hold(inquiry: &Inquiry<'_>, transfer: &mut Transfer) {
    let Some(highest) = inquiry.companies.last().copied() else { return };
    let state = TableState { rows: inquiry.companies.len() as u64, highest };
    transfer.target.entry(COMPANY.to_owned()).or_insert(state);
}
