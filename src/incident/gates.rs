//! What has to hold in any database of Odoo's before it is reopened.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::quote::{ident, literal};
use crate::facts::{Catalog, Reference, Serial};

/// A gate, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Its name.
    pub name: String,
    /// How many rows break it.
    pub broken: u64,
    /// The first of them, as text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub first: String,
    /// Why it could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

impl Gate {
    /// Whether it is passed.
    pub fn passes(&self) -> bool {
        self.broken == 0 && self.unknown.is_none()
    }
}

/// An invariant: its name, the table and the columns that it needs, its query.
type Invariant = (&'static str, &'static str, &'static [&'static str], &'static str);

/// Odoo's own. Amounts of a move balance in the company's currency, to less than half a cent.
const INVARIANTS: [Invariant; 4] = [
    (
        "posted moves have a name",
        "account_move",
        &["state", "name"],
        "SELECT id, state, name FROM account_move WHERE state = 'posted' AND (name IS NULL OR name IN ('', '/'))",
    ),
    (
        "posted moves balance",
        "account_move_line",
        &["move_id", "debit", "credit", "parent_state"],
        "SELECT move_id, sum(coalesce(debit, 0) - coalesce(credit, 0)) FROM account_move_line \
         WHERE parent_state = 'posted' GROUP BY move_id HAVING abs(sum(coalesce(debit, 0) - coalesce(credit, 0))) >= 0.005",
    ),
    (
        "reconciled lines have nothing left",
        "account_move_line",
        &["reconciled", "amount_residual"],
        "SELECT id, amount_residual FROM account_move_line WHERE reconciled AND abs(coalesce(amount_residual, 0)) >= 0.005",
    ),
    (
        "reconciliations fit their lines",
        "account_partial_reconcile",
        &["debit_move_id", "amount"],
        "SELECT l.id, l.debit, sum(p.amount) FROM account_partial_reconcile p JOIN account_move_line l ON l.id = p.debit_move_id \
         GROUP BY l.id, l.debit HAVING sum(p.amount) >= abs(coalesce(l.debit, 0) - coalesce(l.credit, 0)) + 0.005",
    ),
];

/// The queries that this database can answer, by their names: each returns the rows that break it.
pub fn gates(catalog: &Catalog, serials: &[Serial], references: &[Reference]) -> BTreeMap<String, String> {
    let mut gates = BTreeMap::new();
    for (name, table, columns, query) in INVARIANTS {
        if columns.iter().all(|column| catalog.has(table, column)) {
            gates.insert(name.to_owned(), query.to_owned());
        }
    }
    let behind: Vec<String> = serials.iter().map(behind).collect();
    if !behind.is_empty() {
        gates.insert("sequences are ahead of their tables".to_owned(), behind.join(" UNION ALL "));
    }
    let dangling: Vec<String> = loose(catalog, references).iter().map(dangling).collect();
    if !dangling.is_empty() {
        gates.insert("what is referred to is there".to_owned(), dangling.join(" UNION ALL "));
    }
    gates
}

fn behind(Serial { table, column, sequence }: &Serial) -> String {
    format!(
        "SELECT {} AS what, m::text, last_value::text FROM {}, (SELECT max({}) AS m FROM {}) t \
         WHERE m > last_value OR (m = last_value AND NOT is_called)",
        literal(&format!("{table}.{column}")),
        ident(sequence),
        ident(column),
        ident(table)
    )
}

/// The stored references of models that no constraint of PostgreSQL keeps: table, column, the table that is referred to.
fn loose(catalog: &Catalog, references: &[Reference]) -> Vec<[String; 3]> {
    let kept = |table: &str, column: &str| {
        references.iter().any(|reference| reference.table == table && reference.column == column)
    };
    let mut found = Vec::new();
    for (model, fields) in &catalog.fields {
        let Some((table, seen)) = catalog.table_of(model) else { continue };
        for (name, field) in fields {
            let target = field.relation.as_deref().and_then(|relation| catalog.table_of(relation));
            let integer = seen.columns.get(name).is_some_and(|kind| kind == "integer");
            if field.ttype == "many2one"
                && field.stored
                && integer
                && !kept(&table, name)
                && let Some((to, _)) = target
            {
                found.push([table.clone(), name.clone(), to]);
            }
        }
    }
    found
}

fn dangling([table, column, to]: &[String; 3]) -> String {
    format!(
        "SELECT {} AS what, count(*)::text, min(t.id)::text FROM {} t WHERE t.{column} IS NOT NULL \
         AND NOT EXISTS (SELECT FROM {} o WHERE o.id = t.{column}) HAVING count(*) > 0",
        literal(&format!("{table}.{column} -> {to}")),
        ident(table),
        ident(to),
        column = ident(column),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{FieldSeen, TableSeen};

    #[test]
    fn a_database_is_asked_what_it_can_answer() {
        let table = |columns: &[(&str, &str)]| TableSeen {
            columns: columns.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect(),
            ..TableSeen::default()
        };
        let many2one = |to: &str| FieldSeen {
            ttype: "many2one".into(),
            stored: true,
            relation: Some(to.into()),
            ..FieldSeen::default()
        };
        let catalog = Catalog {
            tables: [
                (
                    "account_move".to_owned(),
                    table(&[("state", "character varying"), ("name", "character varying")]),
                ),
                ("sale_order".to_owned(), table(&[("partner_id", "integer"), ("team_id", "integer")])),
                ("res_partner".to_owned(), table(&[])),
                ("crm_team".to_owned(), table(&[])),
            ]
            .into(),
            fields: [(
                "sale.order".to_owned(),
                [
                    ("partner_id".to_owned(), many2one("res.partner")),
                    ("team_id".to_owned(), many2one("crm.team")),
                    ("gone_id".to_owned(), many2one("gone")),
                ]
                .into(),
            )]
            .into(),
            ..Catalog::default()
        };
        let kept = Reference {
            table: "sale_order".into(),
            column: "partner_id".into(),
            to: "res_partner".into(),
            cascades: false,
            nullable: true,
            kept: true,
        };
        let serial =
            Serial { table: "sale_order".into(), column: "id".into(), sequence: "sale_order_id_seq".into() };
        let gates = gates(&catalog, &[serial], &[kept]);
        let names: Vec<&String> = gates.keys().collect();
        assert_eq!(
            names,
            [
                "posted moves have a name",
                "sequences are ahead of their tables",
                "what is referred to is there"
            ]
        );
        let dangling = &gates["what is referred to is there"];
        assert!(
            dangling.contains("sale_order.team_id -> crm_team") && !dangling.contains("partner_id"),
            "{dangling}"
        );
    }
}
