//! What tells a row apart for people: its natural key, as an expression on the row `t`.

use super::refs::AUDIT;
use crate::base::quote::ident;
use crate::facts::Catalog;

/// Columns that are values of no meaning of their own.
const STAMPS: [&str; 2] = ["create_date", "write_date"];

/// Columns that name a row, the best first.
const NAMES: [&str; 6] = ["complete_name", "name", "code", "default_code", "login", "display_name"];

/// A natural key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Natural {
    /// Its expression, of text; NULL where a row has none.
    pub sql: String,
    /// Whether it is unique by its nature, so that rows with other ids are the same for it.
    pub strong: bool,
}

/// Expressions on `t` of the rows that others are known by; `None` where only an xml id tells them apart.
pub(super) fn natural(table: &str, catalog: &Catalog) -> Option<Natural> {
    if table == "res_groups" {
        return None;
    }
    let has = |column: &str| catalog.has(table, column);
    let field = "(SELECT f.model || ',' || f.name FROM ir_model_fields f WHERE f.id = t.";
    let made = match table {
        "ir_model" => Some((vec!["t.model".to_owned()], true)),
        "ir_model_fields" => Some((columns(&["model", "name"]), true)),
        "ir_module_module" | "res_currency" | "decimal_precision" => Some((columns(&["name"]), true)),
        "res_lang" | "res_country" | "account_payment_method" => Some((columns(&["code"]), true)),
        "res_users" => Some((columns(&["login"]), true)),
        "res_country_state" => {
            let country = "(SELECT c.code FROM res_country c WHERE c.id = t.country_id)".to_owned();
            Some((vec![country, "t.code".to_owned()], true))
        }
        "account_account" if has("code_store") => Some((columns(&["code_store"]), true)),
        "account_account" | "account_journal" | "stock_warehouse" => {
            Some((vec!["t.code".to_owned(), company(catalog)], true))
        }
        "ir_attachment" => Some((columns(&["res_model", "res_field", "res_id", "name"]), false)),
        "ir_default" => {
            let condition = if has("condition") { "coalesce(t.condition, '')" } else { "''" };
            Some((
                vec![
                    format!("{field}field_id)"),
                    "coalesce(t.user_id, 0)".to_owned(),
                    "coalesce(t.company_id, 0)".to_owned(),
                    condition.to_owned(),
                ],
                true,
            ))
        }
        "ir_property" => Some((
            vec![
                format!("{field}fields_id)"),
                "coalesce(t.res_id, '')".to_owned(),
                "coalesce(t.company_id, 0)".to_owned(),
            ],
            true,
        )),
        "product_product" => Some((columns(&["product_tmpl_id", "combination_indices"]), false)),
        "mail_alias" => Some((columns(&["alias_name", "alias_model_id"]), false)),
        _ => None,
    };
    // What a version of Odoo does not have is no part of a key.
    let there = |term: &String| {
        let Some(column) = term.strip_prefix("t.") else { return true };
        has(column.trim_matches('"'))
    };
    if let Some((terms, strong)) = made {
        let terms: Vec<String> = terms.into_iter().filter(there).collect();
        if !terms.is_empty() {
            return Some(Natural { sql: joined(&terms, strong), strong });
        }
    }
    let name = NAMES.into_iter().find(|name| has(name))?;
    let kind = catalog.tables.get(table)?.columns.get(name)?;
    let column = match kind.as_str() {
        "jsonb" => format!("t.{}->>'en_US'", ident(name)),
        _ => format!("t.{}::text", ident(name)),
    };
    let company = if has("company_id") { company(catalog) } else { "''".to_owned() };
    Some(Natural {
        sql: format!("CASE WHEN {column} <> '' THEN {column} || '|' || {company} END"),
        strong: false,
    })
}

fn columns(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("t.{}", ident(name))).collect()
}

/// The company of a row, by its name.
fn company(catalog: &Catalog) -> String {
    match catalog.has("res_company", "name") {
        true => "coalesce((SELECT c.name::text FROM res_company c WHERE c.id = t.company_id), '')".to_owned(),
        false => "coalesce(t.company_id::text, '')".to_owned(),
    }
}

/// Terms as one text. A strong one is none where one of its terms is missing.
fn joined(terms: &[String], strong: bool) -> String {
    let term = |term: &String| match strong {
        true => format!("({term})::text"),
        false => format!("coalesce(({term})::text, '')"),
    };
    terms.iter().map(term).collect::<Vec<_>>().join(" || '|' || ")
}

/// A query for rows of a table: id, natural key, a digest where there is none, when it was made; `beside` is one more column.
pub(super) fn rows(table: &str, catalog: &Catalog, filter: &str, beside: &str) -> String {
    let seen = catalog.tables.get(table);
    let natural = natural(table, catalog);
    let hashed = seen.into_iter().flat_map(|seen| &seen.columns).filter(|(name, kind)| {
        let stamp = AUDIT.contains(&name.as_str()) || STAMPS.contains(&name.as_str());
        !stamp && *name != "id" && *kind != "bytea"
    });
    let hashed: Vec<String> = hashed.map(|(name, _)| format!("t.{}", ident(name))).collect();
    let key = natural.map_or_else(|| "NULL::text".to_owned(), |natural| natural.sql);
    // What only an xml id tells apart is like nothing else, however much it looks so.
    let digest = match (table, hashed.is_empty()) {
        ("res_groups", _) | (_, true) => "NULL::text".to_owned(),
        _ => format!("CASE WHEN ({key}) IS NULL THEN md5(ROW({})::text) END", hashed.join(", ")),
    };
    let made = if catalog.has(table, "create_date") { "t.create_date::text" } else { "NULL::text" };
    format!("SELECT t.id::text, {key}, {digest}, {made}, {beside} FROM {} t WHERE {filter}", ident(table))
}
