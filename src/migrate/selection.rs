//! Which tables come: the sets that are wanted, what goes with them, and what stays behind with the reason.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::never::{meant, never};
use super::refs::{Refs, Way};
use super::request::{Shared, Wanted};
use super::sets::expand;
use super::transactions::{self, CHAIN};
use crate::base::quote::{ident, literal};
use crate::base::suggest::nearest;
use crate::facts::SideSeen;
use crate::plan::Block;
use crate::project::MigrationSet;

/// Tables whose rows belong to rows of other tables, and come with those alone.
pub(super) const ATTACHED: [&str; 3] = ["ir_attachment", "ir_default", "ir_property"];

/// A table that stays behind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LeftOut {
    /// The table.
    pub table: String,
    /// Why.
    pub why: String,
}

/// What comes.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    /// Tables with an id, each with the condition on its rows `t` that come.
    pub copied: BTreeMap<String, Option<String>>,
    /// Tables between two of them.
    pub between: BTreeSet<String>,
    /// Tables that are asked for and whose references lead to the target's rows.
    pub mapped: BTreeSet<String>,
    /// What stays behind.
    pub left_out: Vec<LeftOut>,
    /// What of the wish cannot be.
    pub blocks: Vec<Block>,
}

impl Selection {
    /// The condition on the rows `t` of a table that come.
    pub fn filter(&self, table: &str) -> &str {
        self.copied.get(table).and_then(Option::as_deref).unwrap_or("true")
    }

    /// Whether all rows of a table come.
    pub fn whole(&self, table: &str) -> bool {
        matches!(self.copied.get(table), Some(None))
    }

    /// The tables, those between two others too.
    pub fn tables(&self) -> impl Iterator<Item = &String> {
        self.copied.keys().chain(&self.between)
    }
}

/// What becomes of rows that both have, unless it is said.
pub(super) fn shared(table: &str, wanted: &Wanted) -> Shared {
    let usual = match table {
        // What mail is taken in at which address is the target's affair.
        "res_users" | "res_company" | "mail_alias" => Shared::Keep,
        "res_currency" | "res_country" | "res_country_state" | "res_country_group" | "res_lang"
        | "res_groups" => Shared::Map,
        _ => Shared::Take,
    };
    wanted.shared.get(table).copied().unwrap_or(usual)
}

/// Which tables come; `added` is what the closure has added.
pub(super) fn select(
    wanted: &Wanted,
    own: &BTreeMap<String, MigrationSet>,
    added: &BTreeSet<String>,
    from: &SideSeen,
    refs: &Refs,
) -> Selection {
    let mut chosen = Selection::default();
    let there = &from.wiring.catalog.tables;
    let expanded = expand(&wanted.sets, own);
    for (name, near) in &expanded.unknown {
        let block = Block::refused("no_set", format!("there is no set {name}"));
        let block = match near {
            Some(near) => block.hint(format!("Did you mean {near}?")),
            None => block,
        };
        chosen.blocks.push(block.hint("See which there are: odpm migrate sets"));
    }
    let mut named = expanded.tables.clone();
    let further = wanted.tables.iter().chain(&wanted.force).chain(added);
    named.extend(further.map(|table| (table.clone(), true)));
    if wanted.with_transactions {
        named.extend(CHAIN.iter().map(|table| ((*table).to_owned(), false)));
    }
    for (pattern, by_name) in named {
        let found: Vec<&String> = there.keys().filter(|table| meant(&pattern, table)).collect();
        if found.is_empty() && by_name {
            let mut block = Block::refused("no_table", format!("{} has no table {pattern}", from.place));
            if let Some(near) = nearest(&pattern, there.keys().map(String::as_str)) {
                block = block.hint(format!("Did you mean {near}?"));
            }
            chosen.blocks.push(block);
        }
        for table in found.into_iter().filter(|table| !wanted.without.contains(table)) {
            if refs.between.contains_key(table) {
                chosen.between.insert(table.clone());
            } else if shared(table, wanted) == Shared::Map {
                chosen.mapped.insert(table.clone());
            } else {
                let filter = expanded.filters.get(table).map(|sql| format!("({sql})"));
                chosen.table(table, filter, by_name, wanted, from);
            }
        }
    }
    chosen.sequences(from, refs, wanted);
    chosen.between(refs, wanted);
    chosen.attached(from, refs, wanted);
    chosen
}

impl Selection {
    fn table(
        &mut self,
        table: &str,
        filter: Option<String>,
        by_name: bool,
        wanted: &Wanted,
        from: &SideSeen,
    ) {
        let forced = wanted.force.iter().any(|name| name == table);
        let transaction = transactions::refused(table).filter(|_| !wanted.with_transactions);
        let why = never(table, &from.wiring).filter(|_| table != "ir_config_parameter" || !forced);
        let id = from.wiring.catalog.has(table, "id");
        match why.or(transaction).filter(|_| !forced) {
            Some(why) if by_name => {
                let block = Block::refused("never_copied", format!("{table} is not copied")).because(why);
                let block = match transaction {
                    Some(_) => block.hint("Copy orders, pickings and invoices, too: --with-transactions"),
                    None => {
                        block.hint(format!("Insist on it, if you know that it is right: --force {table}"))
                    }
                };
                self.blocks.push(block);
            }
            Some(why) => self.left_out.push(LeftOut { table: table.to_owned(), why: why.to_owned() }),
            None if !id => {
                let why = "its rows have no id, and it is not between two models".to_owned();
                self.left_out.push(LeftOut { table: table.to_owned(), why });
            }
            None => {
                // The identity of a database is its own, however much somebody insists.
                let identity = "t.key NOT LIKE 'database.%' AND t.key NOT LIKE 'web.base.url%' AND t.key NOT LIKE 'report.url%' \
                     AND t.key NOT LIKE 'base.partially%'";
                let filter = if table == "ir_config_parameter" { Some(identity.to_owned()) } else { filter };
                self.copied.insert(table.to_owned(), filter);
            }
        }
    }

    /// Whether a table comes that goes with others; one whose rows are to be the target's is noted as such.
    fn comes(&mut self, table: &str, wanted: &Wanted) -> bool {
        if wanted.without.iter().any(|name| name == table) {
            return false;
        }
        let is_mapped = shared(table, wanted) == Shared::Map;
        if is_mapped {
            self.mapped.insert(table.to_owned());
        }
        !is_mapped
    }

    /// Numbering that what comes refers to.
    fn sequences(&mut self, from: &SideSeen, refs: &Refs, wanted: &Wanted) {
        if self.copied.contains_key("ir_sequence") {
            return;
        }
        let used = self.copied.iter().flat_map(|(table, filter)| {
            let to =
                |used: &&super::refs::Ref| used.way == Way::Id && used.to.as_deref() == Some("ir_sequence");
            let used = refs.of.get(table).into_iter().flatten().filter(to);
            used.map(move |used| {
                format!(
                    "t.id IN (SELECT t.{} FROM ONLY {} t WHERE {})",
                    ident(&used.column),
                    ident(table),
                    filter.as_deref().unwrap_or("true")
                )
            })
        });
        let used: Vec<String> = used.collect();
        if used.is_empty() || !self.comes("ir_sequence", wanted) {
            return;
        }
        let filter = format!("({})", used.join(" OR "));
        if from.wiring.catalog.has("ir_sequence_date_range", "sequence_id")
            && self.comes("ir_sequence_date_range", wanted)
        {
            let ranges = format!("t.sequence_id IN (SELECT t.id FROM ONLY ir_sequence t WHERE {filter})");
            self.copied.insert("ir_sequence_date_range".to_owned(), Some(ranges));
        }
        self.copied.insert("ir_sequence".to_owned(), Some(filter));
    }

    /// Tables between two models of which one comes, and the other comes too or is the target's.
    fn between(&mut self, refs: &Refs, wanted: &Wanted) {
        for (table, between) in &refs.between {
            let comes = between.sides.each_ref().map(|(_, to)| self.copied.contains_key(to));
            let at_hand = between.sides.each_ref().map(|(_, to)| self.mapped.contains(to));
            if comes == [false, false] || wanted.without.contains(table) || self.between.contains(table) {
                continue;
            }
            let other = (0..2).find(|side| !comes[*side] && !at_hand[*side]);
            match other.and_then(|side| between.sides.get(side)) {
                None => {
                    self.between.insert(table.clone());
                }
                Some((_, other)) => {
                    let why = format!("it leads to {other}, which is not copied");
                    self.left_out.push(LeftOut { table: table.clone(), why });
                }
            }
        }
    }

    /// Attachments, defaults and values by company of rows that come.
    fn attached(&mut self, from: &SideSeen, refs: &Refs, wanted: &Wanted) {
        let wiring = &from.wiring;
        let models: Vec<(String, String)> = wiring
            .models
            .iter()
            .filter_map(|model| Some((model.clone(), wiring.table_of(model)?.0)))
            .filter(|(_, table)| self.copied.contains_key(table) && !ATTACHED.contains(&table.as_str()))
            .collect();
        let list: Vec<String> = models.iter().map(|(model, _)| literal(model)).collect();
        if list.is_empty() {
            return;
        }
        let list = list.join(", ");
        let has = |table: &str, column: &str| wiring.catalog.has(table, column);
        if has("ir_attachment", "res_model")
            && has("ir_attachment", "res_id")
            && self.comes("ir_attachment", wanted)
        {
            let of = models.iter().map(|(model, table)| {
                format!(
                    "(t.res_model = {} AND t.res_id IN (SELECT t.id FROM ONLY {} t WHERE {}))",
                    literal(model),
                    ident(table),
                    self.filter(table)
                )
            });
            let of = of.collect::<Vec<_>>().join(" OR ");
            let asset = match has("ir_attachment", "url") {
                true => " AND coalesce(t.url, '') NOT LIKE '/web/assets/%'",
                false => "",
            };
            self.copied.insert("ir_attachment".to_owned(), Some(format!("({of}){asset}")));
        }
        for (table, column) in [("ir_default", "field_id"), ("ir_property", "fields_id")] {
            if has(table, column) && refs.of.contains_key(table) && self.comes(table, wanted) {
                let of =
                    format!("t.{column} IN (SELECT f.id FROM ir_model_fields f WHERE f.model IN ({list}))");
                self.copied.insert(table.to_owned(), Some(of));
            }
        }
    }
}
