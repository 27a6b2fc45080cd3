//! What a database says of its models, fields and tables.

use std::collections::BTreeMap;

use tokio_postgres::types::{ToSql, Type};

use super::connect::Session;
use super::probe::words;
use crate::error::{Error, Result};
use crate::facts::{Between, Catalog, FieldSeen, Reference, Serial, TableSeen, table_of_model};

/// The models with their fields; their tables, those that their fields refer to by `related`, and these further ones.
pub async fn catalog(session: &Session, models: &[String], further: &[&str]) -> Result<Catalog> {
    let failed = |e: tokio_postgres::Error| {
        Error::environment("cannot read the database's catalog").because(words(&e))
    };
    let mut catalog = Catalog::default();
    let registry =
        tables(session, &["ir_model_fields", "ir_module_module", "ir_property"]).await.map_err(failed)?;
    if registry.contains_key("ir_module_module") {
        let question =
            "SELECT name, coalesce(latest_version, '') FROM ir_module_module WHERE state = 'installed'";
        let rows = session.query_typed(question, &[]).await.map_err(failed)?;
        catalog.modules = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    }
    if let Some(described) = registry.get("ir_model_fields") {
        let question = fields_sql(described, registry.contains_key("ir_property"));
        let models = (&models as &(dyn ToSql + Sync), Type::TEXT_ARRAY);
        for row in session.query_typed(&question, &[models]).await.map_err(failed)? {
            let field = FieldSeen {
                id: row.get(2),
                ttype: row.get(3),
                stored: row.get(4),
                company_dependent: row.get(5),
                translated: row.get(6),
                relation: row.get(7),
                related: row.get(8),
                between: row.get::<_, Option<String>>(9).map(|table| Between {
                    table,
                    own: row.get::<_, Option<String>>(10).unwrap_or_default(),
                    other: row.get::<_, Option<String>>(11).unwrap_or_default(),
                }),
            };
            catalog.fields.entry(row.get(0)).or_default().insert(row.get(1), field);
        }
    }
    let mut names: Vec<String> = models.iter().map(|model| table_of_model(model)).collect();
    names.extend(further.iter().map(|name| (*name).to_owned()));
    for fields in catalog.fields.values() {
        let followed = fields.values().filter_map(|field| field.related.as_deref()?.split('.').next());
        let through = followed.filter_map(|step| fields.get(step)?.relation.as_deref());
        names.extend(through.map(table_of_model));
    }
    names.sort();
    names.dedup();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    catalog.tables = tables(session, &names).await.map_err(failed)?;
    Ok(catalog)
}

/// The fields of models, whatever of `ir_model_fields` this version of Odoo has.
fn fields_sql(described: &TableSeen, properties: bool) -> String {
    let has = |column: &str| described.columns.contains_key(column);
    let or = |column: &str, otherwise: &str| {
        if has(column) { format!("f.{column}") } else { otherwise.to_owned() }
    };
    // Before Odoo 18 nothing says of a field that each company has a value of its own, but that there are such values.
    let own = match properties {
        true => {
            "(f.model, f.name) = ('product.product', 'standard_price') OR EXISTS (SELECT FROM ir_property p WHERE p.fields_id = f.id)"
        }
        false => "false",
    };
    let translated = match described.columns.get("translate").map(String::as_str) {
        Some("boolean") => "coalesce(f.translate, false)",
        Some(_) => "f.translate IS NOT NULL",
        None => "false",
    };
    format!(
        "SELECT f.model::text, f.name::text, f.id::bigint, f.ttype::text, coalesce({}, true), \
         coalesce({}, false) OR {own}, {translated}, {}::text, {}::text, {}::text, {}::text, {}::text FROM ir_model_fields f WHERE f.model = ANY ($1)",
        or("store", "true"),
        or("company_dependent", "false"),
        or("relation", "NULL"),
        or("related", "NULL"),
        or("relation_table", "NULL"),
        or("column1", "NULL"),
        or("column2", "NULL"),
    )
}

/// Every reference of one column to one column, by the tables that refer.
pub async fn references(session: &Session) -> Result<Vec<Reference>> {
    let question = "SELECT c.relname::text, a.attname::text, f.relname::text, k.confdeltype = 'c', NOT a.attnotnull, k.convalidated AND pg_table_is_visible(f.oid) \
         AND NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgconstraint = k.oid AND g.tgenabled IN ('D', 'R')) FROM pg_constraint k \
         JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid \
         JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1] \
         WHERE k.contype = 'f' AND cardinality(k.conkey) = 1 AND pg_table_is_visible(c.oid) ORDER BY 1, 2";
    let rows = session.query_typed(question, &[]).await;
    let rows =
        rows.map_err(|e| Error::environment("cannot read the references between tables").because(words(&e)))?;
    let reference = |row: &tokio_postgres::Row| Reference {
        table: row.get(0),
        column: row.get(1),
        to: row.get(2),
        cascades: row.get(3),
        nullable: row.get(4),
        kept: row.get(5),
    };
    Ok(rows.iter().map(reference).collect())
}

/// The models of the registry; a database without Odoo has none.
pub async fn models(session: &Session) -> Result<Vec<String>> {
    let failed = |e: tokio_postgres::Error| Error::environment("cannot read the models").because(words(&e));
    let there =
        session.query_typed("SELECT to_regclass('ir_model') IS NOT NULL", &[]).await.map_err(failed)?;
    if !there.first().is_some_and(|row| row.get(0)) {
        return Ok(Vec::new());
    }
    let rows = session.query_typed("SELECT model::text FROM ir_model", &[]).await.map_err(failed)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The columns that sequences fill.
pub async fn serials(session: &Session) -> Result<Vec<Serial>> {
    let question = "SELECT c.relname::text, a.attname::text, s.relname::text FROM pg_class s \
         JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass \
         AND d.deptype IN ('a', 'i') JOIN pg_class c ON c.oid = d.refobjid AND c.relkind = 'r' AND pg_table_is_visible(c.oid) \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid \
         JOIN pg_type t ON t.oid = a.atttypid AND t.typname IN ('int2', 'int4', 'int8') \
         WHERE s.relkind = 'S' AND pg_table_is_visible(s.oid) ORDER BY 1, 2";
    let rows = session.query_typed(question, &[]).await;
    let rows = rows.map_err(|e| Error::environment("cannot read the sequences").because(words(&e)))?;
    let serial =
        |row: &tokio_postgres::Row| Serial { table: row.get(0), column: row.get(1), sequence: row.get(2) };
    Ok(rows.iter().map(serial).collect())
}

/// The users' logins; a database without Odoo has none.
pub async fn logins(session: &Session) -> BTreeMap<i64, String> {
    let rows =
        session.query_typed("SELECT id::bigint, login::text FROM res_users", &[]).await.unwrap_or_default();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Every table of the database but PostgreSQL's own.
pub async fn every_table(session: &Session) -> Result<BTreeMap<String, TableSeen>> {
    let failed = |e: tokio_postgres::Error| {
        Error::environment("cannot read the database's catalog").because(words(&e))
    };
    let question = "SELECT c.relname::text FROM pg_class c WHERE c.relkind = 'r' AND pg_table_is_visible(c.oid) \
         AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'";
    let names = session.query_typed(question, &[]).await.map_err(failed)?;
    let names: Vec<String> = names.iter().map(|row| row.get(0)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    tables(session, &names).await.map_err(failed)
}

/// Those of the tables that are there, as this session finds them by their plain names.
async fn tables(
    session: &Session,
    names: &[&str],
) -> Result<BTreeMap<String, TableSeen>, tokio_postgres::Error> {
    let names = || (&names as &(dyn ToSql + Sync), Type::TEXT_ARRAY);
    let question = "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), \
         coalesce(array_position(i.indkey::smallint[], a.attnum), -1)::integer, c.reltuples::double precision, a.attgenerated <> '' \
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary \
         WHERE c.relname = ANY ($1) AND c.relkind = 'r' AND pg_table_is_visible(c.oid)";
    let mut found: BTreeMap<String, TableSeen> = BTreeMap::new();
    let mut keys: BTreeMap<String, Vec<(i32, String)>> = BTreeMap::new();
    for row in session.query_typed(question, &[names()]).await? {
        let (name, column): (String, String) = (row.get(0), row.get(1));
        let table = found.entry(name.clone()).or_default();
        let rows: f64 = row.get(4);
        table.rows = (rows >= 0.0).then_some(rows as u64);
        let at: i32 = row.get(3);
        if at >= 0 {
            keys.entry(name).or_default().push((at, column.clone()));
        }
        if row.get(5) {
            table.generated.insert(column.clone());
        }
        table.columns.insert(column, row.get(2));
    }
    for (name, mut columns) in keys {
        columns.sort();
        if let Some(table) = found.get_mut(&name) {
            table.key = columns.into_iter().map(|(_, column)| column).collect();
        }
    }
    Ok(found)
}

/// Tables that look like a connector's listings, whatever it calls them, with those of the columns that are there.
pub async fn listings(session: &Session, columns: &[&str]) -> Result<BTreeMap<String, Vec<String>>> {
    let question = "SELECT c.relname::text, array_agg(a.attname::text ORDER BY a.attname) FROM pg_class c \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = ANY ($1) AND NOT a.attisdropped \
         WHERE c.relkind = 'r' AND pg_table_is_visible(c.oid) \
         AND c.relname ~ '(listing|marketplace|_offer|product_binding|amazon|ebay|shopify|woo)' \
         AND EXISTS (SELECT FROM pg_attribute i WHERE i.attrelid = c.oid AND i.attname = 'id') \
         GROUP BY 1 HAVING count(*) > 1";
    let columns = (&columns as &(dyn ToSql + Sync), Type::TEXT_ARRAY);
    let rows = session.query_typed(question, &[columns]).await;
    let rows = rows.map_err(|e| Error::environment("cannot look for listings").because(words(&e)))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
