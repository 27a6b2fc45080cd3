//! Values by company of companies that the target alone has: rows that are made equal keep them.

use std::collections::BTreeSet;

use super::company;
use super::inquiry::Inquiry;
use super::pairing::Fates;
use super::refs::Way;
use super::request::End;
use crate::facts::{OwnKeys, TableState, Transfer};

/// Where companies are.
const COMPANY: &str = "res_company";

/// The columns of a table that have a value for each company, in JSON whose keys are ids of companies.
fn columns(inquiry: &Inquiry<'_>, table: &str) -> Vec<String> {
    let refs = inquiry.refs.of.get(table).into_iter().flatten();
    let mine = refs.filter(|one| one.way == Way::Keys && one.to.as_deref() == Some(COMPANY));
    mine.map(|one| one.column.clone()).collect()
}

/// Whether rows with such values are made equal.
fn matters(inquiry: &Inquiry<'_>) -> bool {
    let written = |fates: &Fates| fates.pairs.len() > fates.left().count();
    inquiry.fates.iter().any(|(table, fates)| written(fates) && !columns(inquiry, table).is_empty())
}

/// What rows of a table keep: the values of companies that none of the source's is.
pub(super) fn own(inquiry: &Inquiry<'_>, table: &str) -> Option<OwnKeys> {
    let columns = columns(inquiry, table);
    let meant = inquiry.closure.resolved.get(COMPANY).into_iter().flat_map(|ids| ids.values().copied());
    let known: BTreeSet<i64> = company::same(inquiry).into_values().chain(meant).collect();
    let own = inquiry.companies.ids(End::To).filter(|id| !known.contains(id));
    let keys: Vec<String> = own.map(|id| id.to_string()).collect();
    (!columns.is_empty() && !keys.is_empty()).then_some(OwnKeys { columns, keys })
}

/// A company that the target gets after the plan has values of which the plan knows nothing.
pub(super) fn hold(inquiry: &Inquiry<'_>, transfer: &mut Transfer) {
    let ids = || inquiry.companies.ids(End::To);
    let Some(highest) = ids().max().filter(|_| matters(inquiry)) else { return };
    let state = TableState { rows: ids().count() as u64, highest };
    transfer.target.entry(COMPANY.to_owned()).or_insert(state);
}
