//! The queries on the source: which rows of a table come, with the ids that they have on the target.
//!
//! Ids that differ are rewritten by joins with literal arrays, those within a value by a literal object of JSON's, so that what the source
//! sends is what the target stores.

use std::collections::BTreeMap;

use super::inquiry::Inquiry;
use super::loose::Written;
use super::numbering;
use super::refs::{Ref, Way};
use crate::base::quote::{id_array, ident, literal};

/// Ids that are others on the target; `None` for references that become nothing.
pub(super) type Changes = BTreeMap<i64, Option<i64>>;

/// The condition on the rows `t` of a table that come.
pub(super) fn coming(inquiry: &Inquiry<'_>, table: &str) -> String {
    match inquiry.refs.between.get(table) {
        Some(_) if !inquiry.chosen.copied.contains_key(table) => between(inquiry, table),
        _ => {
            let mut terms = vec![format!("({})", inquiry.chosen.filter(table))];
            let stay = inquiry.fates.get(table).map(super::pairing::Fates::stay).unwrap_or_default();
            terms.extend((!stay.is_empty()).then(|| not_among("t.id", &stay)));
            if table == "ir_attachment" {
                terms.extend(of_rows_that_stay(inquiry));
            }
            terms.join(" AND ")
        }
    }
}

/// Attachments of rows that are not written stay as the rows do.
fn of_rows_that_stay(inquiry: &Inquiry<'_>) -> Vec<String> {
    let wiring = &inquiry.from.wiring;
    let found = wiring.models.iter().filter_map(|model| {
        let (table, _) = wiring.table_of(model)?;
        let stay = inquiry.fates.get(&table)?.stay();
        (!stay.is_empty())
            .then(|| format!("NOT (t.res_model = {} AND {})", literal(model), among("t.res_id", &stay)))
    });
    found.collect()
}

/// Rows between two models come where both of theirs do or are there, unless both stay as the target has them.
fn between(inquiry: &Inquiry<'_>, table: &str) -> String {
    let Some(between) = inquiry.refs.between.get(table) else { return "true".to_owned() };
    let (mut terms, mut stays) = (vec!["true".to_owned()], Vec::new());
    for (column, to) in &between.sides {
        let column = format!("t.{}", ident(column));
        let Some(filter) = inquiry.chosen.copied.get(to) else {
            stays.push("true".to_owned());
            continue;
        };
        if let Some(filter) = filter {
            terms.push(format!("{column} IN (SELECT t.id FROM ONLY {} t WHERE {filter})", ident(to)));
        }
        let Some(fates) = inquiry.fates.get(to) else { continue };
        if !fates.behind.is_empty() {
            terms.push(not_among(&column, &fates.behind));
        }
        if fates.left().next().is_some() {
            stays.push(among(&column, fates.left()));
        }
    }
    if let [first, second] = stays.as_slice() {
        terms.push(format!("NOT ({first} AND {second})"));
    }
    terms.join(" AND ")
}

fn among<'i>(column: &str, ids: impl IntoIterator<Item = &'i i64>) -> String {
    format!("EXISTS (SELECT FROM unnest({}) x(id) WHERE x.id = {column})", id_array(ids))
}

fn not_among<'i>(column: &str, ids: impl IntoIterator<Item = &'i i64>) -> String {
    format!("NOT {}", among(column, ids))
}

/// A query for rows of a table as the target has them.
pub(super) struct Select<'a> {
    inquiry: &'a Inquiry<'a>,
    table: &'a str,
    /// The columns, in their order.
    pub columns: Vec<String>,
    expressions: Vec<String>,
    joins: Vec<String>,
    /// Conditions that the joins bring.
    terms: Vec<String>,
}

impl<'a> Select<'a> {
    /// The query for all columns that can be written.
    pub fn new(inquiry: &'a Inquiry<'a>, table: &'a str) -> Self {
        let mut made = Self {
            inquiry,
            table,
            columns: Vec::new(),
            expressions: Vec::new(),
            joins: Vec::new(),
            terms: Vec::new(),
        };
        let Some(seen) = inquiry.from.wiring.catalog.tables.get(table) else { return made };
        let written = seen.columns.iter().filter(|(name, _)| !seen.generated.contains(*name));
        let mut columns: Vec<(&String, &String)> = written.collect();
        columns.sort_by_key(|(name, _)| (*name != "id", *name));
        for (name, kind) in columns {
            let expression = made.expression(name, kind);
            made.expressions.push(format!("{expression} AS {}", ident(name)));
            made.columns.push(name.clone());
        }
        made
    }

    /// The rows that come and for which this holds.
    pub fn sql(&self, condition: Option<&str>) -> String {
        let coming = coming(self.inquiry, self.table);
        let terms =
            std::iter::once(coming).chain(condition.map(str::to_owned)).chain(self.terms.iter().cloned());
        // Two rows between models can become one.
        let is_between = !self.inquiry.chosen.copied.contains_key(self.table);
        let distinct = if is_between && !self.joins.is_empty() { "DISTINCT " } else { "" };
        format!(
            "SELECT {distinct}{} FROM ONLY {} t{} WHERE {}",
            self.expressions.join(", "),
            ident(self.table),
            self.joins.concat(),
            terms.collect::<Vec<_>>().join(" AND ")
        )
    }

    /// The rows that come and are not, or are, among these.
    pub fn split(&self, ids: &BTreeMap<i64, i64>, among_them: bool) -> String {
        let condition = match among_them {
            true => among("t.id", ids.keys()),
            false => not_among("t.id", ids.keys()),
        };
        self.sql(Some(&condition))
    }

    fn expression(&mut self, name: &str, kind: &str) -> String {
        let column = format!("t.{}", ident(name));
        if name == "id" {
            let changes = self.inquiry.fates.get(self.table).map(super::pairing::Fates::changes);
            return self.id(&column, kind, &changes.unwrap_or_default());
        }
        let all = self.inquiry.refs.of.get(self.table).map_or(&[][..], Vec::as_slice);
        let mine: Vec<(usize, &Ref)> =
            all.iter().enumerate().filter(|(_, reference)| reference.column == name).collect();
        if name == "number_next" {
            return self.number(&column, kind);
        }
        if self.table == "res_lang" && name == "active" {
            return super::language::active(self.inquiry, &column);
        }
        if self.table == "product_product" && name == "combination_indices" {
            return self.indices(&column);
        }
        if name == "analytic_distribution" && kind == "jsonb" {
            return self.shares(&column);
        }
        if mine.iter().any(|(_, reference)| matches!(reference.way, Way::Values | Way::Keys)) {
            return self.by_company(&column, &mine);
        }
        let Some((number, reference)) = mine.first() else { return column };
        match (&reference.way, reference.to.as_deref()) {
            (Way::Id, Some(to)) => {
                let changes = self.changes(*number, to);
                self.id(&column, kind, &changes)
            }
            (Way::Any(loose), _) => self.any(&column, kind, *number, &loose.written),
            _ => column,
        }
    }

    /// The ids of a table that are others on the target, as this reference has them.
    fn changes(&self, number: usize, to: &str) -> Changes {
        let mut changes = changes(self.inquiry, to);
        let nulls = self.inquiry.closure.nulls.get(&(self.table.to_owned(), number));
        let nulls = nulls.into_iter().flatten().filter(|(table, _)| table == to);
        changes.extend(nulls.map(|(_, id)| (*id, None)));
        changes
    }

    /// A name for one more join.
    fn name(&self) -> String {
        format!("m{}", self.joins.len() + 1)
    }

    fn id(&mut self, column: &str, kind: &str, changes: &Changes) -> String {
        if changes.is_empty() {
            return column.to_owned();
        }
        let name = self.name();
        self.joins.push(format!(" LEFT JOIN {} ON {name}.old = {column}", lists(&name, changes)));
        if !self.inquiry.chosen.copied.contains_key(self.table) {
            self.terms.push(format!("({name}.old IS NULL OR {name}.new IS NOT NULL)"));
        }
        let kind = if kind == "integer" { "integer" } else { "bigint" };
        format!("(CASE WHEN {name}.old IS NULL THEN {column} ELSE {name}.new END)::{kind}")
    }

    /// The next number of a sequence, which is not set back where the target's is ahead.
    fn number(&mut self, column: &str, kind: &str) -> String {
        let floors = numbering::floors(self.inquiry, self.table);
        if floors.is_empty() {
            return column.to_owned();
        }
        let name = self.name();
        self.joins.push(format!(" LEFT JOIN {} ON {name}.old = t.id", lists(&name, &floors)));
        let kind = if kind == "integer" { "integer" } else { "bigint" };
        format!("greatest({column}, {name}.new)::{kind}")
    }

    fn by_company(&self, column: &str, mine: &[(usize, &Ref)]) -> String {
        let (mut keys, mut values) = (Changes::new(), Changes::new());
        for (number, reference) in mine {
            let Some(to) = reference.to.as_deref() else { continue };
            match reference.way {
                Way::Keys => keys = self.changes(*number, to),
                Way::Values => values = self.changes(*number, to),
                _ => {}
            }
        }
        if keys.is_empty() && values.is_empty() {
            return column.to_owned();
        }
        let (key, stays) = match keys.is_empty() {
            true => ("e.key".to_owned(), String::new()),
            false => {
                let keys = map(&keys);
                let gone = format!(" WHERE {keys} -> e.key IS DISTINCT FROM 'null'::jsonb");
                (format!("coalesce({keys} ->> e.key, e.key)"), gone)
            }
        };
        let value = match values.is_empty() {
            true => "e.value".to_owned(),
            false => format!(
                "CASE jsonb_typeof(e.value) WHEN 'number' THEN coalesce({} -> e.value::text, e.value) ELSE e.value END",
                map(&values)
            ),
        };
        format!(
            "CASE WHEN jsonb_typeof({column}) = 'object' THEN (SELECT jsonb_object_agg({key}, {value}) FROM jsonb_each({column}) e{stays}) \
             ELSE {column} END"
        )
    }

    /// What a variant is made of: ids in a text, in their order.
    fn indices(&self, column: &str) -> String {
        let changes = changes(self.inquiry, "product_template_attribute_value");
        if changes.is_empty() {
            return column.to_owned();
        }
        format!(
            "CASE WHEN {column} ~ '^[0-9,]+$' THEN (SELECT string_agg(s.id::text, ',' ORDER BY s.id) FROM \
             (SELECT coalesce({} ->> x.id, x.id)::bigint AS id FROM unnest(string_to_array({column}, ',')) x(id)) s) ELSE {column} END",
            map(&changes)
        )
    }

    /// Shares by analytic account: JSON whose keys are ids, several in one where an item is of several plans.
    fn shares(&self, column: &str) -> String {
        let changes = changes(self.inquiry, "account_analytic_account");
        if changes.is_empty() {
            return column.to_owned();
        }
        format!(
            "CASE WHEN jsonb_typeof({column}) = 'object' THEN coalesce((SELECT jsonb_object_agg((SELECT \
             string_agg(coalesce({} ->> x.id, x.id), ',' ORDER BY x.n) FROM unnest(string_to_array(e.key, ',')) WITH ORDINALITY x(id, n)), \
             e.value) FROM jsonb_each({column}) e), {column}) ELSE {column} END",
            map(&changes)
        )
    }

    fn any(&mut self, column: &str, kind: &str, number: usize, written: &Written) -> String {
        let wiring = &self.inquiry.from.wiring;
        let (mut models, mut old, mut new) = (Vec::new(), Vec::new(), Vec::new());
        for model in &wiring.models {
            let Some((table, _)) = wiring.table_of(model) else { continue };
            for (was, becomes) in self.changes(number, &table) {
                models.push(model.clone());
                old.push(was);
                new.push(becomes);
            }
        }
        if models.is_empty() {
            return column.to_owned();
        }
        let name = self.name();
        if *written == Written::Text {
            let one = |(model, id): (&String, &i64)| Some(format!("{model},{id}"));
            let was: Vec<Option<String>> = models.iter().zip(&old).map(one).collect();
            let becomes: Vec<Option<String>> =
                models.iter().zip(&new).map(|(model, id)| id.map(|id| format!("{model},{id}"))).collect();
            self.joins.push(format!(
                " LEFT JOIN unnest({}, {}) {name}(old, new) ON {name}.old = {column}",
                texts(&was),
                texts(&becomes)
            ));
            return format!("CASE WHEN {name}.old IS NULL THEN {column} ELSE {name}.new END");
        }
        let models: Vec<Option<String>> = models.into_iter().map(Some).collect();
        let lists = format!(
            "unnest({}, {}, {}) {name}(model, old, new)",
            texts(&models),
            id_array(&old),
            optional(new.iter().copied())
        );
        match written {
            Written::Beside(model) => {
                let kind = if kind == "integer" { "integer" } else { "bigint" };
                self.joins
                    .push(format!(" LEFT JOIN {lists} ON {name}.model = {model} AND {name}.old = {column}"));
                format!("(CASE WHEN {name}.old IS NULL THEN {column} ELSE {name}.new END)::{kind}")
            }
            Written::Json(model) => {
                self.joins.push(format!(
                    " LEFT JOIN {lists} ON {name}.model = {model} AND {name}.old::text = trim(both '\"' from {column})"
                ));
                format!(
                    "CASE WHEN {name}.old IS NULL THEN {column} ELSE coalesce({name}.new::text, 'false') END"
                )
            }
            Written::Text => column.to_owned(),
        }
    }
}

/// The ids of a table that are others on the target.
pub(super) fn changes(inquiry: &Inquiry<'_>, table: &str) -> Changes {
    let mut changes = inquiry.fates.get(table).map(super::pairing::Fates::changes).unwrap_or_default();
    if !inquiry.fates.contains_key(table) {
        let resolved = inquiry.closure.resolved.get(table).into_iter().flatten();
        changes.extend(resolved.filter(|(old, new)| old != new).map(|(old, new)| (*old, Some(*new))));
        return changes;
    }
    // Of a table of which only some rows come, others may be meant, too.
    let resolved = inquiry.closure.resolved.get(table).into_iter().flatten();
    for (old, new) in resolved.filter(|(old, new)| old != new) {
        changes.entry(*old).or_insert(Some(*new));
    }
    changes
}

/// Ids beside each other as a table of SQL's.
fn lists(name: &str, changes: &Changes) -> String {
    format!("unnest({}, {}) {name}(old, new)", id_array(changes.keys()), optional(changes.values().copied()))
}

/// Ids beside each other as an object of JSON's, for those within a value: a look into it costs each row the same however many there are,
/// where a join that is made for each row reads all of them. An id that becomes nothing is there with `null`.
fn map(changes: &Changes) -> String {
    let one = |(old, new): (&i64, &Option<i64>)| match new {
        Some(new) => format!("\"{old}\":{new}"),
        None => format!("\"{old}\":null"),
    };
    format!("'{{{}}}'::jsonb", changes.iter().map(one).collect::<Vec<_>>().join(","))
}

fn optional(ids: impl Iterator<Item = Option<i64>>) -> String {
    let ids: Vec<String> = ids.map(|id| id.map_or_else(|| "NULL".to_owned(), |id| id.to_string())).collect();
    format!("'{{{}}}'::bigint[]", ids.join(","))
}

/// Texts as an array of SQL's.
fn texts(all: &[Option<String>]) -> String {
    let all = all.iter().map(|text| match text {
        Some(text) => literal(text),
        None => "NULL".to_owned(),
    });
    format!("ARRAY[{}]::text[]", all.collect::<Vec<_>>().join(", "))
}
