//! What tells a row apart for people: its natural key, as an expression on the row `t`.

use super::refs::AUDIT;
use super::transactions;
use crate::base::quote::ident;
use crate::facts::{Catalog, Wiring};

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

/// Whether rows of a table are called by numbers, which begin anew in each database and name nothing.
fn is_numbered(table: &str) -> bool {
    let numbered = ["stock_lot", "stock_production_lot", "stock_quant_package", "stock_warehouse_orderpoint"];
    numbered.contains(&table) || transactions::refused(table).is_some()
}

/// Expressions on `t` of the rows that others are known by; `None` where only an xml id tells them apart.
pub(super) fn natural(table: &str, catalog: &Catalog) -> Option<Natural> {
    if table == "res_groups" || is_numbered(table) {
        return None;
    }
    let has = |column: &str| catalog.has(table, column);
    let field = "(SELECT f.model || ',' || f.name FROM ir_model_fields f WHERE f.id = t.";
    let made = match table {
        "ir_model" => Some((vec!["t.model".to_owned()], true)),
        "ir_model_fields" => Some((columns(&["model", "name"]), true)),
        "ir_module_module" | "res_currency" | "decimal_precision" => Some((columns(&["name"]), true)),
        "res_lang" | "res_country" => Some((columns(&["code"]), true)),
        "res_users" => Some((columns(&["login"]), true)),
        // Its name is a day.
        "res_currency_rate" => {
            let currency = "(SELECT c.name FROM res_currency c WHERE c.id = t.currency_id)".to_owned();
            Some((vec![currency, "t.name".to_owned(), company(catalog)], true))
        }
        "res_country_state" => {
            let country = "(SELECT c.code FROM res_country c WHERE c.id = t.country_id)".to_owned();
            Some((vec![country, "t.code".to_owned()], true))
        }
        "account_account" if has("code_store") => Some((columns(&["code_store"]), true)),
        "account_account" | "account_journal" | "stock_warehouse" => {
            Some((vec!["t.code".to_owned(), company(catalog)], true))
        }
        // Follows the row that it belongs to: see `follow`.
        "ir_attachment" if has("res_model") && has("res_id") && has("res_field") && has("name") => {
            let sum = if has("checksum") { "coalesce(t.checksum, '')" } else { "''" };
            let beside = format!(
                "CASE WHEN t.res_field <> '' THEN '=' || t.res_field ELSE coalesce(t.name, '') || '|' || {sum} END"
            );
            let of = "CASE WHEN t.res_model <> '' AND t.res_id > 0 THEN t.res_model || '|' || t.res_id END";
            Some((vec![of.to_owned(), beside], true))
        }
        "ir_sequence" => Some((
            vec!["nullif(t.code, '')".to_owned(), sequence_prefix(has("prefix")), company(catalog)],
            true,
        ))
        .filter(|_| has("code")),
        "stock_location" if has("complete_name") && has("usage") => {
            Some((vec!["t.complete_name".to_owned(), "t.usage".to_owned(), company(catalog)], true))
        }
        "account_payment_method" => Some((columns(&["code", "payment_type"]), true)),
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
        // Odoo gives it the next id, and analytic items a column of that name.
        "account_analytic_plan" if has("name") => {
            let company = has("company_id").then(|| company(catalog));
            Some((std::iter::once(plan_path(catalog)).chain(company).collect(), true))
        }
        "product_product" => Some((columns(&["product_tmpl_id", "combination_indices"]), false)),
        "mail_alias" if has("alias_name") => {
            let domain = match has("alias_domain_id") {
                true => {
                    "coalesce((SELECT d.name FROM mail_alias_domain d WHERE d.id = t.alias_domain_id), '')"
                }
                false => "''",
            };
            Some((vec!["nullif(t.alias_name, '')".to_owned(), domain.to_owned()], true))
        }
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

/// The name of an analytic plan after those of the plans that it is below.
fn plan_path(catalog: &Catalog) -> String {
    let table = "account_analytic_plan";
    let kind = catalog.tables.get(table).and_then(|seen| seen.columns.get("name"));
    let name = |row: &str| match kind.map(String::as_str) {
        Some("jsonb") => format!("nullif({row}.name->>'en_US', '')"),
        _ => format!("nullif({row}.name::text, '')"),
    };
    if !catalog.has(table, "parent_id") {
        return name("t");
    }
    // A circle of parents, which Odoo allows nobody to make, leads to no name.
    format!(
        "(WITH RECURSIVE above(id, path, height) AS (SELECT t.parent_id, {}, 1 UNION ALL SELECT p.parent_id, {} || ' / ' || a.path, a.height + 1 \
         FROM {table} p JOIN above a ON p.id = a.id WHERE a.height < 100) SELECT a.path FROM above a WHERE a.id IS NULL)",
        name("t"),
        name("p")
    )
}

fn sequence_prefix(has: bool) -> String {
    if has { "coalesce(t.prefix, '')" } else { "''" }.to_owned()
}

/// The key of a row of the source that belongs to another one, which has another id on the target; `None` where that one stays behind.
/// `on_target` yields the id of a table's row there.
pub(super) fn follow(
    table: &str,
    key: &str,
    wiring: &Wiring,
    on_target: &dyn Fn(&str, i64) -> Option<i64>,
) -> Option<String> {
    let of_model = |model: &str, id: &str| -> Option<String> {
        let Some((of, _)) = wiring.table_of(model) else { return Some(id.to_owned()) };
        let Ok(number) = id.parse() else { return Some(id.to_owned()) };
        on_target(&of, number).map(|id| id.to_string())
    };
    let parts: Vec<&str> = key.splitn(if table == "ir_attachment" { 3 } else { 4 }, '|').collect();
    match (table, parts.as_slice()) {
        ("product_product", [template, indices]) => {
            let id = |id: &str| of_model("product.template.attribute.value", id);
            let mut ids: Vec<String> = indices.split(',').map(id).collect::<Option<_>>()?;
            ids.sort_by_key(|id| id.parse::<i64>().unwrap_or_default());
            Some(format!("{}|{}", of_model("product.template", template)?, ids.join(",")))
        }
        ("ir_attachment", [model, id, beside]) => Some(format!("{model}|{}|{beside}", of_model(model, id)?)),
        ("ir_default", [field, user, company, beside]) => Some(format!(
            "{field}|{}|{}|{beside}",
            of_model("res.users", user).filter(|_| *user != "0").unwrap_or_else(|| (*user).to_owned()),
            of_model("res.company", company)
                .filter(|_| *company != "0")
                .unwrap_or_else(|| (*company).to_owned()),
        )),
        ("ir_property", [field, row, company]) => {
            let row = match row.split_once(',') {
                Some((model, id)) => format!("{model},{}", of_model(model, id)?),
                None => (*row).to_owned(),
            };
            let company = of_model("res.company", company)
                .filter(|_| *company != "0")
                .unwrap_or_else(|| (*company).to_owned());
            Some(format!("{field}|{row}|{company}"))
        }
        _ => Some(key.to_owned()),
    }
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

/// The tables with the columns that both have in the same way; a table of one side as it is there.
pub(super) fn common(from: &Catalog, to: &Catalog) -> Catalog {
    let mut tables = from.tables.clone();
    for (name, table) in &mut tables {
        let Some(theirs) = to.tables.get(name) else { continue };
        table.columns.retain(|column, kind| theirs.columns.get(column) == Some(kind));
    }
    Catalog { tables, ..Catalog::default() }
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
