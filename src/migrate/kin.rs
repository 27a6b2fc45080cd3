//! Rows that nothing names, and that are the same on both sides because the rows are that they belong to: the locations of a warehouse,
//! the lines of a tax.

use std::collections::{BTreeMap, BTreeSet};

use super::inquiry::{Inquiry, Topic};
use super::numbering::RANGES;
use super::pairing::Fates;
use super::request::{End, Shared, Told};
use super::selection::{ATTACHED, shared};
use crate::base::quote::{ident, literal};
use crate::facts::Catalog;

/// Tables whose rows have rows of other tables for themselves alone.
const OWNERS: [(&str, &[&str]); 7] = [
    (
        "stock_warehouse",
        &["stock_location", "stock_picking_type", "stock_route", "stock_location_route", "stock_rule"],
    ),
    ("stock_picking_type", &["ir_sequence"]),
    ("account_journal", &["ir_sequence", "mail_alias"]),
    ("crm_team", &["mail_alias"]),
    ("pos_config", &["ir_sequence"]),
    ("res_users", &["res_partner"]),
    ("res_company", &["res_partner", "stock_location", "ir_sequence"]),
];

/// Rows that are part of another one.
struct Lines {
    table: &'static str,
    /// What it is part of.
    of: &'static str,
    /// The column that says so.
    by: &'static str,
    /// What tells its lines apart, before their order does: expressions on `t`, each with the column that it needs.
    apart: &'static [(&'static str, &'static str)],
    /// Columns that give their order, before `id`.
    order: &'static [&'static str],
    /// A condition on `t`: there may be too many to ask for all of them.
    only: &'static str,
}

const NONE: Lines = Lines { table: "", of: "", by: "", apart: &[], order: &["sequence"], only: "true" };

const METHOD: &str =
    "(SELECT p.payment_type || '|' || p.code FROM account_payment_method p WHERE p.id = t.payment_method_id)";

/// A repartition belongs to the tax of either side of it in versions before 17.
const REPARTITION: Lines = Lines {
    table: "account_tax_repartition_line",
    of: "account_tax",
    apart: &[("document_type", "t.document_type"), ("repartition_type", "t.repartition_type")],
    ..NONE
};

const LINES: [Lines; 12] = [
    Lines { by: "tax_id", ..REPARTITION },
    Lines { by: "invoice_tax_id", ..REPARTITION },
    Lines { by: "refund_tax_id", ..REPARTITION },
    Lines { table: "account_payment_term_line", of: "account_payment_term", by: "payment_id", ..NONE },
    Lines { table: "account_reconcile_model_line", of: "account_reconcile_model", by: "model_id", ..NONE },
    Lines { table: "account_fiscal_position_tax", of: "account_fiscal_position", by: "position_id", ..NONE },
    Lines {
        table: "account_fiscal_position_account",
        of: "account_fiscal_position",
        by: "position_id",
        ..NONE
    },
    Lines {
        table: "account_payment_method_line",
        of: "account_journal",
        by: "journal_id",
        apart: &[("payment_method_id", METHOD)],
        ..NONE
    },
    Lines {
        table: "resource_calendar_attendance",
        of: "resource_calendar",
        by: "calendar_id",
        apart: &[("dayofweek", "t.dayofweek"), ("week_type", "t.week_type")],
        order: &["hour_from"],
        ..NONE
    },
    Lines {
        table: RANGES,
        of: "ir_sequence",
        by: "sequence_id",
        apart: &[("date_from", "t.date_from"), ("date_to", "t.date_to")],
        order: &[],
        ..NONE
    },
    Lines {
        table: "stock_rule",
        of: "stock_route",
        by: "route_id",
        apart: &[("name", "to_jsonb(t.name)->>'en_US'")],
        ..NONE
    },
    // A template that is imported under an xml id has a variant that Odoo has made, which has none.
    Lines {
        table: "product_product",
        of: "product_template",
        by: "product_tmpl_id",
        apart: &[],
        order: &["active"],
        only: "coalesce(t.combination_indices, '') = '' AND EXISTS (SELECT FROM ir_model_data d \
               WHERE d.model = 'product.template' AND d.res_id = t.product_tmpl_id)",
    },
];

/// By whom a row is had, and as what.
type Claim = (i64, String);

/// What was told of them.
#[derive(Debug, Default)]
pub(super) struct Kin {
    /// By side, table of the rows and table of those that have them.
    rows: BTreeMap<(End, String, String), BTreeMap<Claim, i64>>,
}

impl Kin {
    pub fn take(&mut self, end: End, table: String, of: String, told: Told) {
        let rows = self.rows.entry((end, table, of)).or_default();
        for row in told {
            let [Some(id), Some(by), Some(part)] = row.as_slice() else { continue };
            let (Ok(id), Ok(by)) = (id.parse(), by.parse()) else { continue };
            rows.entry((by, part.clone())).or_insert(id);
        }
    }

    /// The rows of a table that others have.
    pub fn ids(&self, end: End, table: &str) -> impl Iterator<Item = i64> {
        let mine = self.rows.iter().filter(move |((side, of, _), _)| *side == end && of == table);
        mine.flat_map(|(_, rows)| rows.values().copied())
    }

    /// Whose the rows of a table are, and their ids.
    pub fn claims(&self, end: End, table: &str, of: &str) -> impl Iterator<Item = (i64, i64)> {
        let rows = self.rows.get(&(end, table.to_owned(), of.to_owned()));
        rows.into_iter().flatten().map(|((by, _), id)| (*by, *id))
    }

    /// Rows of a table that are the same: the source's ids with the target's. `companies` are those that are, be they copied or not.
    pub fn same(
        &self,
        table: &str,
        fates: &BTreeMap<String, Fates>,
        companies: &BTreeMap<i64, i64>,
    ) -> BTreeMap<i64, i64> {
        let mut found = BTreeMap::new();
        let mine = self.rows.iter().filter(|((end, of, _), _)| *end == End::From && of == table);
        for ((_, _, of), rows) in mine {
            let theirs = self.rows.get(&(End::To, table.to_owned(), of.clone()));
            let owners = match of.as_str() {
                "res_company" => Some(companies),
                _ => fates.get(of).map(|fates| &fates.pairs),
            };
            let (Some(theirs), Some(owners)) = (theirs, owners) else { continue };
            for ((by, part), id) in rows {
                let Some(by) = owners.get(by) else { continue };
                if let Some(other) = theirs.get(&(*by, part.clone())) {
                    found.entry(*id).or_insert(*other);
                }
            }
        }
        found
    }
}

/// Partners of the target that stay with its users and companies, which stay as they are.
pub(super) fn staying(inquiry: &Inquiry<'_>, table: &str) -> BTreeSet<i64> {
    if table != "res_partner" || inquiry.wanted.shared.contains_key(table) {
        return BTreeSet::new();
    }
    let stays = |owner: &str| {
        !inquiry.chosen.copied.contains_key(owner) || shared(owner, inquiry.wanted) == Shared::Keep
    };
    let claims = inquiry.kin.rows.iter();
    let claims = claims.filter(|((end, of, owner), _)| *end == End::To && of == table && stays(owner));
    claims.flat_map(|(_, rows)| rows.values().copied()).collect()
}

/// Asks both sides for them.
pub(super) fn ask(inquiry: &mut Inquiry<'_>) {
    let comes = |table: &str| inquiry.chosen.copied.contains_key(table);
    let catalog = &inquiry.from.wiring.catalog;
    let theirs = &inquiry.to.wiring.catalog;
    let both = |table: &str, column: &str| catalog.has(table, column) && theirs.has(table, column);
    let mut asked = Vec::new();
    // Partners stay with users and companies that do not come, too.
    let matters = |owner: &str, owned: &[&str]| comes(owner) || owned.contains(&"res_partner");
    for (owner, owned) in OWNERS.iter().filter(|(owner, owned)| matters(owner, owned)) {
        // References lead to what the target's owner has, whether rows come or not.
        let is_mapped = |table: &str| inquiry.chosen.mapped.contains(table);
        for table in owned.iter().filter(|table| comes(table) || is_mapped(table)) {
            let refs = inquiry.refs.of.get(*owner).into_iter().flatten();
            let columns = refs
                .filter(|used| used.to.as_deref() == Some(*table) && used.way == super::refs::Way::Id)
                .filter(|used| *table != "res_partner" || used.column == "partner_id")
                .filter(|used| both(owner, &used.column));
            let parts: Vec<String> = columns
                .map(|used| {
                    let (column, part) = (ident(&used.column), literal(&used.column));
                    format!(
                        "SELECT t.{column}::text, t.id::text, {part} FROM ONLY {} t WHERE t.{column} IS NOT NULL",
                        ident(owner)
                    )
                })
                .collect();
            if !parts.is_empty() {
                asked.push((*table, *owner, parts.join(" UNION ALL ")));
            }
        }
    }
    for lines in LINES.iter().filter(|lines| comes(lines.table) && comes(lines.of)) {
        if both(lines.table, lines.by) {
            asked.push((lines.table, lines.of, lines.sql(catalog)));
        }
    }
    for (table, of, sql) in asked {
        for end in [End::From, End::To] {
            inquiry.ask(Topic::Kin(end, table.to_owned(), of.to_owned()), end, sql.clone());
        }
    }
}

impl Lines {
    fn sql(&self, catalog: &Catalog) -> String {
        let apart = self.apart.iter().filter(|(column, _)| catalog.has(self.table, column));
        let mut apart: Vec<String> = apart.map(|(_, term)| format!("coalesce(({term})::text, '')")).collect();
        apart.insert(0, literal(self.by));
        let apart = apart.join(" || '|' || ");
        let order = self.order.iter().filter(|column| catalog.has(self.table, column));
        let order: String = order.map(|column| format!("t.{}, ", ident(column))).collect();
        let (table, by, only) = (ident(self.table), ident(self.by), self.only);
        format!(
            "SELECT t.id::text, t.{by}::text, {apart} || '|' || row_number() OVER (PARTITION BY t.{by}, {apart} ORDER BY {order}t.id) \
             FROM ONLY {table} t WHERE t.{by} IS NOT NULL AND {only}"
        )
    }
}

/// Tables in an order in which rows come after those that have them.
pub(super) fn ordered<'t>(tables: impl Iterator<Item = &'t String>) -> Vec<String> {
    let (attached, mut waiting): (Vec<&String>, Vec<&String>) =
        tables.partition(|table| ATTACHED.contains(&table.as_str()));
    let after = |table: &str| -> BTreeSet<&str> {
        let owners = OWNERS.iter().filter(|(_, owned)| owned.contains(&table)).map(|(owner, _)| *owner);
        let lines = LINES.iter().filter(|lines| lines.table == table).map(|lines| lines.of);
        let made_of = (table == "product_product").then_some("product_template_attribute_value");
        // What a row is known by names its company.
        let company = (table != "res_company").then_some("res_company");
        owners.chain(lines).chain(made_of).chain(company).collect()
    };
    let mut found: Vec<String> = Vec::new();
    while !waiting.is_empty() {
        let free = |table: &&String| !waiting.iter().any(|other| after(table).contains(other.as_str()));
        let (free, rest): (Vec<&String>, Vec<&String>) = waiting.iter().copied().partition(free);
        // What goes in a circle is as good in one order as in another.
        let stuck = free.is_empty();
        found.extend(if stuck { &rest } else { &free }.iter().map(|table| (*table).clone()));
        waiting = if stuck { Vec::new() } else { rest };
    }
    found.extend(attached.into_iter().cloned());
    found
}
