//! Orders, pickings and invoices: what is open of them, and the chain in which they come where that is wanted.

use super::request::{Ask, End, Told};
use crate::base::quote::{ident, literal};
use crate::facts::SideSeen;
use serde::Serialize;

/// What comes with transactions, in the order in which one follows from the other.
pub(super) const CHAIN: [&str; 24] = [
    "procurement_group",
    "stock_reference",
    "sale_order",
    "sale_order_line",
    "product_attribute_custom_value",
    "purchase_order",
    "purchase_order_line",
    "purchase_requisition",
    "purchase_requisition_line",
    "stock_picking",
    "stock_picking_batch",
    "stock_move",
    "stock_move_line",
    "stock_package_level",
    "stock_scrap",
    "stock_valuation_layer",
    "account_full_reconcile",
    "account_payment",
    "account_bank_statement",
    "account_bank_statement_line",
    "account_move",
    "account_move_line",
    "account_partial_reconcile",
    "account_analytic_line",
];

/// Tables of what is open, with the condition on what is, and how it is told.
const OPEN: [(&str, &str, &str, &str); 5] = [
    ("sale_order", "state", "'draft', 'sent', 'sale'", "open orders"),
    ("purchase_order", "state", "'draft', 'sent', 'to approve', 'purchase'", "open purchases"),
    ("stock_picking", "state", "'draft', 'waiting', 'confirmed', 'assigned'", "open pickings"),
    ("account_move", "state", "'draft'", "unposted invoices and entries"),
    ("pos_order", "state", "'draft', 'paid'", "open orders of points of sale"),
];

/// What a database has at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenWork {
    /// What: `open orders`.
    pub what: String,
    /// The table.
    pub table: String,
    /// How many.
    pub rows: u64,
    /// The first of them, by name.
    pub first: Vec<String>,
}

/// Why a table is not copied without being asked for.
pub(super) fn refused(table: &str) -> Option<&'static str> {
    let more = ["pos_order", "pos_order_line", "pos_payment", "pos_session", "mrp_production"];
    (CHAIN.contains(&table) || more.contains(&table))
        .then_some("it holds transactions, which go on on one side only and would be made twice")
}

/// The question what is open.
pub(super) fn ask(end: End, side: &SideSeen) -> Option<Ask> {
    let open = OPEN.iter().filter(|(table, state, _, _)| {
        side.wiring.catalog.has(table, state) && side.wiring.catalog.has(table, "name")
    });
    let parts = open.map(|(table, state, open, what)| {
        let name = ident(table);
        format!(
            "SELECT {}, {}, count(*)::text, (SELECT string_agg(n, ', ') FROM (SELECT coalesce(o.name, '#' || o.id) AS n FROM {name} o \
             WHERE o.{state} IN ({open}) ORDER BY o.id LIMIT 5) f) FROM {name} t WHERE t.{state} IN ({open})",
            literal(what),
            literal(table),
        )
    });
    let sql = parts.collect::<Vec<_>>().join(" UNION ALL ");
    (!sql.is_empty()).then_some(Ask { end, sql })
}

/// What was told of it.
pub(super) fn told(told: &Told) -> Vec<OpenWork> {
    let one = |row: &Vec<Option<String>>| {
        let [Some(what), Some(table), Some(rows), first] = row.as_slice() else { return None };
        let rows = rows.parse().ok().filter(|rows| *rows > 0)?;
        let first = first.as_deref().unwrap_or_default().split(", ").map(str::to_owned).collect();
        Some(OpenWork { what: what.clone(), table: table.clone(), rows, first })
    };
    told.iter().filter_map(one).collect()
}
