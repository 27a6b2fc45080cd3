//! What companies are called: rows are known by the name of their company, which may be another one on each side.

use std::collections::BTreeMap;

use super::inquiry::Inquiry;
use super::request::End;
use super::selection::ATTACHED;

/// Tables whose keys do not end with a company.
const WITHOUT: [&str; 2] = ["res_company", "product_product"];

/// Companies that are the same and are called differently: the source's names with the target's.
pub(super) fn renamed(inquiry: &Inquiry<'_>) -> BTreeMap<String, String> {
    let name = |end: End, id: &i64| {
        let key = inquiry.rows.get(&(end, "res_company".to_owned()))?.get(id)?.key.clone()?;
        Some(key.strip_suffix('|').map(str::to_owned).unwrap_or(key))
    };
    let same = inquiry.fates.get("res_company").into_iter().flat_map(|fates| &fates.pairs);
    let names = same.filter_map(|(id, other)| Some((name(End::From, id)?, name(End::To, other)?)));
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
