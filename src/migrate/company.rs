//! What companies are called: rows are known by the name of their company, which may be another one on each side.

use std::collections::BTreeMap;

use super::inquiry::{Inquiry, Topic, told_rows};
use super::natural::rows;
use super::pairing::Row;
use super::request::{End, Told};
use super::selection::ATTACHED;
use super::xml::counterparts;

/// The table of companies.
const COMPANIES: &str = "res_company";

/// Tables whose keys do not end with a company.
const WITHOUT: [&str; 2] = [COMPANIES, "product_product"];

/// The companies of both sides, whether they are copied or not.
#[derive(Debug, Default)]
pub(super) struct Companies {
    of: BTreeMap<End, BTreeMap<i64, Row>>,
}

impl Companies {
    pub fn take(&mut self, end: End, told: Told) {
        self.of.entry(end).or_default().extend(told_rows(told));
    }

    /// The ids of one side's.
    pub fn ids(&self, end: End) -> impl Iterator<Item = i64> {
        self.of.get(&end).into_iter().flatten().map(|(id, _)| *id)
    }

    fn row(&self, end: End, id: i64) -> Option<&Row> {
        self.of.get(&end)?.get(&id)
    }

    fn name(&self, end: End, id: i64) -> Option<&str> {
        let key = self.row(end, id)?.key.as_deref()?;
        Some(key.strip_suffix('|').unwrap_or(key))
    }
}

/// Asks both sides for them.
pub(super) fn ask(inquiry: &mut Inquiry<'_>) {
    for end in [End::From, End::To] {
        if inquiry.side(end).wiring.catalog.has(COMPANIES, "id") {
            let sql = rows(COMPANIES, &inquiry.common, "true", "'false'");
            inquiry.ask(Topic::Companies(end), end, sql);
        }
    }
}

/// Companies that are the same: the source's ids with the target's. Where none is copied, those of one xml id, and those of one id that are
/// alike.
pub(super) fn same(inquiry: &Inquiry<'_>) -> BTreeMap<i64, i64> {
    if inquiry.chosen.copied.contains_key(COMPANIES) {
        return inquiry.fates.get(COMPANIES).map(|fates| fates.pairs.clone()).unwrap_or_default();
    }
    let companies = &inquiry.companies;
    let other = |id: i64, row: &Row| {
        let there = |id: &i64| companies.row(End::To, *id).is_some();
        let named = counterparts(&inquiry.xml.0, &inquiry.xml.1, COMPANIES, id).into_iter().find(there);
        named.or_else(|| companies.row(End::To, id).is_some_and(|theirs| row.is_like(theirs)).then_some(id))
    };
    let ours = companies.of.get(&End::From).into_iter().flatten();
    ours.filter_map(|(id, row)| Some((*id, other(*id, row)?))).collect()
}

/// Companies that are the same and are called differently: the source's names with the target's.
pub(super) fn renamed(inquiry: &Inquiry<'_>) -> BTreeMap<String, String> {
    let companies = &inquiry.companies;
    let names = same(inquiry).into_iter().filter_map(|(id, other)| {
        Some((companies.name(End::From, id)?.to_owned(), companies.name(End::To, other)?.to_owned()))
    });
    names.filter(|(ours, theirs)| ours != theirs).collect()
}

/// The key of a row of the source as the target would have it.
pub(super) fn follow(table: &str, key: String, renamed: &BTreeMap<String, String>) -> String {
    if WITHOUT.contains(&table) || ATTACHED.contains(&table) {
        return key;
    }
    let mut found = renamed.iter().filter_map(|(ours, theirs)| {
        let rest = key.strip_suffix(ours.as_str()).filter(|rest| rest.ends_with('|'))?;
        Some(format!("{rest}{theirs}"))
    });
    found.next().unwrap_or(key)
}
