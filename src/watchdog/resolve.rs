//! From the names of fields to the queries that this very database answers.

use std::collections::BTreeMap;

use super::derive;
use super::spec::Spec;
use crate::base::quote::ident;
use crate::base::secret::is_secret_name;
use crate::facts::{Catalog, FieldSeen, Skipped, TableSeen, table_of_model};
use crate::rows::{DIGEST, Field, Kind, Origin, Section};

/// What is read, and what is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// What is read, ordered by model.
    pub sections: Vec<Section>,
    /// What is wanted and not read.
    pub skipped: Vec<Skipped>,
}

/// Finds every field of the specification. `shell`: values that only the Odoo shell knows can be asked for.
pub fn resolve(spec: &Spec, catalog: &Catalog, shell: bool) -> Resolved {
    let mut resolved = Resolved::default();
    for (model, wanted) in &spec.models {
        let skip = |field: Option<&str>, why: &str| Skipped {
            model: model.clone(),
            field: field.map(str::to_owned),
            why: why.to_owned(),
        };
        let Some((table, seen)) = catalog.table_of(model) else {
            resolved.skipped.push(skip(None, "it is not installed"));
            continue;
        };
        if !has_integer_key(seen) {
            resolved.skipped.push(skip(None, "its table has no primary key of one or two integers"));
            continue;
        }
        let mut section = Section {
            model: model.clone(),
            table,
            keys: seen.key.clone(),
            fields: Vec::new(),
            joins: Vec::new(),
        };
        // The key is in every line as it is.
        for (name, noise) in wanted.iter().filter(|(name, _)| *name != "id") {
            match field(model, name, seen, catalog, shell, &mut section.joins) {
                Ok(found) => section.fields.push(Field { noise: *noise, ..found }),
                Err(why) => resolved.skipped.push(skip(Some(name), &why)),
            }
        }
        let queries = spec.derive.get(model).into_iter().flatten();
        for (at, (name, query)) in queries.enumerate() {
            let alias = format!("derived_{at}");
            section.joins.push(joined(query, &alias));
            section.fields.push(Field {
                name: name.clone(),
                kind: Kind::Json,
                origin: Origin::Query,
                expression: format!("to_jsonb({alias}.value)"),
                noise: false,
            });
        }
        // The order of the fields is part of what a snapshot is.
        section.fields.sort_by(|a, b| a.name.cmp(&b.name));
        if section.fields.is_empty() {
            resolved.skipped.push(skip(None, "none of its fields can be read"));
        } else {
            resolved.sections.push(section);
        }
    }
    resolved
}

/// How the rows of a query of the project's own are found for those of a table.
pub fn joined(query: &str, alias: &str) -> String {
    let query = query.trim().trim_end_matches(';');
    format!("LEFT JOIN (SELECT * FROM ({query}\n) q) {alias}(id, value) ON {alias}.id = t.id")
}

/// Where a field's value is; joins that it needs are added.
fn field(
    model: &str,
    name: &str,
    table: &TableSeen,
    catalog: &Catalog,
    shell: bool,
    joins: &mut Vec<String>,
) -> Result<Field, String> {
    let described = catalog.fields.get(model).and_then(|fields| fields.get(name));
    let make =
        |kind, origin, expression| Field { name: name.to_owned(), kind, origin, expression, noise: false };
    if let Some(kind) = table.columns.get(name) {
        return Ok(column(model, name, kind, described, catalog, &make));
    }
    if let Some(known) = derive::of(model, name, catalog) {
        add(joins, known.joins.iter().copied());
        return Ok(make(known.kind, known.origin, known.expression.to_owned()));
    }
    let Some(described) = described else { return Err("there is no such field".to_owned()) };
    let own = described.company_dependent && catalog.has("ir_property", "fields_id");
    if let Some((join, expression)) = own.then(|| property(model, name, described)).flatten() {
        add(joins, [join.as_str()]);
        return Ok(make(Kind::Json, Origin::Property, expression));
    }
    if let Some((join, kind, expression)) = related(model, described, table, catalog) {
        add(joins, [join.as_str()]);
        return Ok(make(kind, Origin::Related, expression));
    }
    match described.ttype.as_str() {
        "one2many" | "many2many" => Err("it is a list of other rows; watch their model instead".to_owned()),
        "binary" => Err("it is a file; odpm database verify looks at those".to_owned()),
        _ if shell => Ok(make(Kind::Json, Origin::Shell, String::new())),
        _ => Err(
            "it is computed and not stored, and there is no Odoo to ask; `derive` can give a query for it"
                .to_owned(),
        ),
    }
}

/// What the columns of whole tables are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// To be shown: secrets are digests.
    Shown,
    /// To be written back as they are; what PostgreSQL computes itself is left out.
    Exact,
}

/// Whole tables, these or every one, with each of their columns; rows of tables without a key of integers cannot be told apart.
/// A table goes by its own name.
pub fn whole(catalog: &Catalog, only: &[String], columns: Columns) -> Resolved {
    let mut resolved = Resolved::default();
    let fields: BTreeMap<String, &BTreeMap<String, FieldSeen>> =
        catalog.fields.iter().rev().map(|(model, fields)| (table_of_model(model), fields)).collect();
    for (table, seen) in catalog.tables.iter().filter(|(table, _)| only.is_empty() || only.contains(table)) {
        let described = fields.get(table);
        if !has_integer_key(seen) {
            let why = "its table has no primary key of one or two integers".to_owned();
            resolved.skipped.push(Skipped { model: table.clone(), field: None, why });
            continue;
        }
        // Which of its values are secrets is known by the model.
        let model = if table == "ir_config_parameter" { "ir.config_parameter" } else { table };
        let wanted = |name: &str| columns == Columns::Shown || !seen.generated.contains(name);
        let of_table = seen.columns.iter().filter(|(name, _)| !seen.key.contains(name) && wanted(name));
        let field = |(name, type_name): (&String, &String)| {
            let make = |kind, origin, expression| Field {
                name: name.clone(),
                kind,
                origin,
                expression,
                noise: false,
            };
            match columns {
                Columns::Shown => column(model, name, type_name, None, catalog, &make),
                Columns::Exact => {
                    exact(name, type_name, described.and_then(|fields| fields.get(name)), &make)
                }
            }
        };
        resolved.sections.push(Section {
            model: table.clone(),
            table: table.clone(),
            keys: seen.key.clone(),
            fields: of_table.map(field).collect(),
            joins: Vec::new(),
        });
    }
    resolved
}

fn has_integer_key(seen: &TableSeen) -> bool {
    let integer =
        |column: &String| seen.columns.get(column).is_some_and(|kind| Kind::of(kind) == Kind::Integer);
    (1..=2).contains(&seen.key.len()) && seen.key.iter().all(integer)
}

/// A column as it can be written back. Of a number the text counts; of an object that holds a value for each company or language
/// those are values of their own, any other one is a whole.
fn exact(
    name: &str,
    type_name: &str,
    described: Option<&FieldSeen>,
    make: &dyn Fn(Kind, Origin, String) -> Field,
) -> Field {
    let column = format!("t.{}", ident(name));
    match (type_name, Kind::of(type_name)) {
        ("jsonb", kind) => {
            let parts = described.is_some_and(|field| field.translated || field.company_dependent);
            make(kind, if parts { Origin::ByLanguage } else { Origin::Column }, column)
        }
        (_, Kind::Json | Kind::Number) => make(Kind::Text, Origin::Column, column),
        (_, kind) => make(kind, Origin::Column, column),
    }
}

/// A column: as it is, by company, by language, or as a digest where it must not be shown.
fn column(
    model: &str,
    name: &str,
    type_name: &str,
    described: Option<&FieldSeen>,
    catalog: &Catalog,
    make: &dyn Fn(Kind, Origin, String) -> Field,
) -> Field {
    let column = format!("t.{}", ident(name));
    let own = "(SELECT value FROM ir_config_parameter WHERE key = 'database.secret')";
    let keyed = match catalog.has("ir_config_parameter", "value") {
        true => format!("coalesce({own}, '') || {column}::text"),
        false => format!("{column}::text"),
    };
    let digest = format!("'{DIGEST}' || encode(sha256(convert_to({keyed}, 'UTF8')), 'hex')");
    if (model, name) == ("ir.config_parameter", "value") {
        let secret = "t.key ~* '(secret|token|passw|api_?key|_key$|\\.key$)'";
        let expression = format!("CASE WHEN {secret} THEN {digest} ELSE {column} END");
        return make(Kind::Text, Origin::Column, expression);
    }
    if is_secret_name(name) {
        return make(Kind::Text, Origin::Secret, digest);
    }
    let kind = Kind::of(type_name);
    let origin = match described {
        Some(field) if kind == Kind::Json && field.company_dependent => Origin::ByCompany,
        Some(field) if kind == Kind::Json && field.translated => Origin::ByLanguage,
        _ => Origin::Column,
    };
    make(kind, origin, column)
}

fn add<'a>(joins: &mut Vec<String>, more: impl IntoIterator<Item = &'a str>) {
    for join in more {
        if !joins.iter().any(|there| there == join) {
            joins.push(join.to_owned());
        }
    }
}

/// Before Odoo 18 a company's own value is a row of `ir_property`.
fn property(model: &str, name: &str, field: &FieldSeen) -> Option<(String, String)> {
    let value = match field.ttype.as_str() {
        "float" | "monetary" => "p.value_float",
        "integer" | "boolean" => "p.value_integer",
        "char" | "text" | "selection" | "html" => "p.value_text",
        "date" | "datetime" => "p.value_datetime",
        "many2one" => "split_part(p.value_reference, ',', 2)::integer",
        _ => return None,
    };
    let alias = ident(&format!("property_{name}"));
    let prefix = crate::base::quote::literal(&format!("{model},"));
    let join = format!(
        "LEFT JOIN (SELECT substr(p.res_id, length({prefix}) + 1)::integer AS id, \
         jsonb_object_agg(coalesce(p.company_id::text, '*'), {value}) AS value FROM ir_property p \
         WHERE p.fields_id = {} AND p.res_id LIKE {prefix} || '%' GROUP BY 1) {alias} ON {alias}.id = t.id",
        field.id
    );
    Some((join, format!("{alias}.value")))
}

/// A field that follows a stored reference to a stored column.
fn related(
    model: &str,
    field: &FieldSeen,
    table: &TableSeen,
    catalog: &Catalog,
) -> Option<(String, Kind, String)> {
    let (step, target) = field.related.as_deref()?.split_once('.')?;
    let through = catalog.fields.get(model)?.get(step)?;
    let (other, seen) = catalog.table_of(through.relation.as_deref()?)?;
    let (true, Some(kind)) = (table.columns.contains_key(step), seen.columns.get(target)) else {
        return None;
    };
    let alias = ident(&format!("related_{step}"));
    let join = format!("LEFT JOIN {} {alias} ON {alias}.id = t.{}", ident(&other), ident(step));
    Some((join, Kind::of(kind), format!("{alias}.{}", ident(target))))
}
