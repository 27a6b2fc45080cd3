//! From what the inquiry knows to what is copied, and to what stands in the way.

use std::collections::{BTreeMap, BTreeSet};

use super::blocks;
use super::by_company;
use super::decision::{Decision, Mapped, TableDecided, XmlConflict};
use super::earlier::{giver, says_so};
use super::inquiry::{Inquiry, Topic};
use super::integrity::questions;
use super::loose::follow;
use super::order::order;
use super::pairing::Fates;
use super::question::{Question, Sort};
use super::refs::Way;
use super::request::{End, Shared};
use super::rewrite::{Select, coming};
use super::selection::shared;
use super::unchanged;
use super::upkeep::parent_of;
use crate::base::quote::literal;
use crate::facts::{Answer, ParentPath, SequenceCopy, TableCopy, Transfer, TransferCheck, XmlIdCopy};

/// How many rows both sides may have for them to be told apart by a list of their ids.
const LISTED: usize = 20_000;

/// From how many new rows on indexes are made anew.
const REBUILT: u64 = 50_000;

/// How many checks are one question.
const CHECKS: usize = 40;

/// The last questions: what does not hold on the target already, files, sequences.
pub(super) fn ask_last(inquiry: &mut Inquiry<'_>) {
    inquiry.checks = checks(inquiry);
    let before: Vec<String> = inquiry
        .checks
        .iter()
        .filter(|question| !kept_by_copy(question))
        .map(|question| {
            let what = literal(&what(question));
            format!("SELECT {what} WHERE EXISTS (SELECT FROM ({}) q)", question.sql)
        })
        .collect();
    for chunk in before.chunks(CHECKS) {
        inquiry.ask(Topic::Checks, End::To, chunk.join(" UNION ALL "));
    }
    let catalog = &inquiry.from.wiring.catalog;
    if inquiry.chosen.copied.contains_key("ir_attachment") && catalog.has("ir_attachment", "store_fname") {
        let sql = format!(
            "SELECT DISTINCT t.store_fname::text FROM ONLY ir_attachment t WHERE {} AND t.store_fname IS NOT NULL ORDER BY 1",
            coming(inquiry, "ir_attachment")
        );
        inquiry.ask(Topic::Files, End::From, sql);
    }
    if inquiry.chosen.copied.contains_key("ir_sequence") && catalog.has("ir_sequence", "implementation") {
        let mut sql = format!(
            "SELECT t.id::text, NULL::text FROM ONLY ir_sequence t WHERE {} AND t.implementation = 'standard'",
            coming(inquiry, "ir_sequence")
        );
        if inquiry.chosen.copied.contains_key("ir_sequence_date_range") {
            sql += &format!(
                " UNION ALL SELECT t.sequence_id::text, t.id::text FROM ONLY ir_sequence_date_range t WHERE {} AND t.sequence_id IN \
                 (SELECT q.id FROM ir_sequence q WHERE q.implementation = 'standard')",
                coming(inquiry, "ir_sequence_date_range")
            );
        }
        inquiry.ask(Topic::Sequences, End::From, sql);
    }
}

/// Whether copying the rows of a table sees to it as well.
fn kept_by_copy(question: &Question) -> bool {
    matches!(question.subject.sort, Sort::Serial | Sort::Sequence)
}

/// What has to hold of the target's copied tables.
fn checks(inquiry: &Inquiry<'_>) -> Vec<Question> {
    let wiring = &inquiry.to.wiring;
    let copied: BTreeSet<&String> = inquiry.chosen.tables().collect();
    let all = questions(wiring, Some(5), false);
    let mine = |question: &Question| question.tables.first().is_some_and(|table| copied.contains(table));
    let mut found: Vec<Question> = all.asked.into_iter().filter(mine).collect();
    let models: Vec<Answer> = wiring
        .models
        .iter()
        .filter(|model| {
            wiring.table_of(model).is_some_and(|(table, _)| inquiry.chosen.copied.contains_key(&table))
        })
        .map(|model| Answer { rows: 1, row: Some(model.clone()), ..Answer::default() })
        .collect();
    let loose =
        all.loose.iter().filter(|loose| loose.tables.first().is_some_and(|table| copied.contains(table)));
    for loose in loose {
        // A question reads the whole table for each model: those that no row that comes names are as they were.
        let named =
            loose.subject.at.split_once('.').and_then(|(table, column)| inquiry.referred(table, column));
        let is_named = |model: &&Answer| {
            let table = || Some(wiring.table_of(model.row.as_deref()?)?.0);
            named.as_ref().is_none_or(|named| table().is_some_and(|table| named.contains(table.as_str())))
        };
        let models: Vec<Answer> = models.iter().filter(is_named).cloned().collect();
        found.extend(follow(loose, &models, wiring, Some(5)).0);
    }
    found
}

fn what(question: &Question) -> String {
    match &question.subject.to {
        Some(to) => format!("{} -> {to}", question.subject.at),
        None => question.subject.at.clone(),
    }
}

/// Adds what was decided of all rows, and what is copied.
pub(super) fn conclude(inquiry: &Inquiry<'_>, decision: &mut Decision) {
    let chosen = &inquiry.chosen;
    let is_empty_between = |table: &String| {
        inquiry.refs.between.contains_key(table) && inquiry.count(End::From, table).rows == 0
    };
    decision.left_out =
        chosen.left_out.iter().filter(|left| !is_empty_between(&left.table)).cloned().collect();
    decision.dangling = inquiry.closure.dangling.clone();
    decision.mapped = mapped(inquiry);
    decision.clashes = inquiry.clashes.found.clone();
    let mut transfer = Transfer { format_version: 1, ..Transfer::default() };
    let (ordered, mut ahead) = order(inquiry);
    for table in ordered {
        decision.tables.push(decided(inquiry, &table));
        let ahead = ahead.remove(&table).unwrap_or_default();
        transfer.tables.extend(copy(inquiry, &table, ahead));
        transfer.target.insert(table.clone(), inquiry.count(End::To, &table));
        if inquiry.chosen.copied.contains_key(&table) {
            transfer.source.insert(table.clone(), inquiry.count(End::From, &table).highest);
        }
    }
    by_company::hold(inquiry, &mut transfer);
    unchanged::record(inquiry, &mut transfer);
    xml_ids(inquiry, &mut transfer, decision);
    transfer.sequences = sequences(inquiry);
    transfer.parent_paths = parent_paths(inquiry);
    for question in &inquiry.checks {
        // Of a table that nothing comes to, nobody moves the sequence.
        let comes = |name: &String| transfer.tables.iter().any(|copy| copy.table == *name);
        if kept_by_copy(question) && !question.tables.first().is_some_and(comes) {
            continue;
        }
        let what = what(question);
        if inquiry.broken_before.contains(&what) {
            decision
                .warnings
                .push(format!("{what} of the target leads nowhere in places already; it is not checked"));
        } else {
            transfer.checks.push(TransferCheck { what, sql: question.sql.clone() });
        }
    }
    decision.transfer = transfer;
    blocks::add(inquiry, decision);
}

/// Rows that have other ids on the target, be it that they come or that others refer to them.
fn mapped(inquiry: &Inquiry<'_>) -> Vec<Mapped> {
    let mut all: BTreeMap<String, BTreeMap<i64, i64>> = BTreeMap::new();
    for mapped in inquiry.closure.mapped() {
        all.entry(mapped.table).or_default().extend(mapped.ids);
    }
    for (table, fates) in &inquiry.fates {
        let ids = fates.changes().into_iter().filter_map(|(old, new)| Some((old, new?)));
        all.entry(table.clone()).or_default().extend(ids);
    }
    let all = all.into_iter().filter(|(_, ids)| !ids.is_empty());
    all.map(|(table, ids)| Mapped { table, ids: ids.into_iter().collect() }).collect()
}

fn decided(inquiry: &Inquiry<'_>, table: &str) -> TableDecided {
    let none = Fates::default();
    let fates = inquiry.fates.get(table).unwrap_or(&none);
    let counted = inquiry.tally.between(table);
    let both = counted.map_or(fates.pairs.len() as u64, |(_, both)| both);
    let between = inquiry.chosen.between.contains(table);
    let attachments = inquiry.tally.attachments.filter(|_| table == "ir_attachment" && !fates.keep);
    let attachments = attachments.map(|rows| rows + fates.stay().len() as u64);
    TableDecided {
        table: table.to_owned(),
        rows: counted.map(|(rows, _)| rows).or(attachments).unwrap_or(inquiry.count(End::From, table).rows),
        both,
        shared: if fates.keep { Shared::Keep } else { shared(table, inquiry.wanted) },
        kept: fates.left().count() as u64,
        renumbered: fates.renumbered.len() as u64,
        behind: fates.behind.len() as u64,
        counted: !between || counted.is_some(),
        stay: if between && counted.is_none() {
            0
        } else {
            inquiry.count(End::To, table).rows.saturating_sub(both)
        },
    }
}

/// How many rows of a table the target has none of.
fn new_rows(inquiry: &Inquiry<'_>, table: &str) -> u64 {
    let known = inquiry.fates.get(table).map_or(0, |fates| fates.pairs.len() + fates.behind.len());
    inquiry.count(End::From, table).rows.saturating_sub(known as u64)
}

/// Whether a table's indexes are made anew.
fn rebuilt(inquiry: &Inquiry<'_>, table: &str) -> bool {
    let new = new_rows(inquiry, table);
    new >= REBUILT && new >= inquiry.count(End::To, table).rows
}

/// Whether new rows of a table come before those that are there become equal: its rows refer to each other, and these references
/// stay in place meanwhile.
pub(super) fn new_come_first(inquiry: &Inquiry<'_>, table: &str) -> bool {
    let apart = inquiry.fates.get(table).is_some_and(|fates| fates.pairs.len() <= LISTED);
    let mut references = inquiry.to.wiring.references.iter();
    apart
        && !inquiry.wanted.staged
        && !rebuilt(inquiry, table)
        && references.any(|reference| reference.table == table && reference.to == table)
}

fn copy(inquiry: &Inquiry<'_>, table: &str, ahead: Vec<String>) -> Option<TableCopy> {
    let (ours, theirs) = (inquiry.count(End::From, table), inquiry.count(End::To, table));
    let none = Fates::default();
    let fates = inquiry.fates.get(table).unwrap_or(&none);
    let select = Select::new(inquiry, table);
    let (mut fresh, mut merged) = (None, None);
    let new;
    if let Some(between) = inquiry.refs.between.get(table).filter(|_| inquiry.chosen.between.contains(table))
    {
        let sql = select.sql(None);
        let is_empty = theirs.rows == 0;
        new = if is_empty { ours.rows } else { 0 };
        if is_empty {
            fresh = Some(sql)
        } else {
            merged = Some(sql)
        }
        if ours.rows == 0 {
            return None;
        }
        let seen = inquiry.from.wiring.catalog.tables.get(table)?;
        let sides = between.sides.each_ref().map(|(column, _)| column.clone()).to_vec();
        let key = if seen.key.is_empty() { sides } else { seen.key.clone() };
        let rebuild = new >= REBUILT && new >= theirs.rows;
        let columns = select.columns.clone();
        let rows = inquiry.tally.between(table).map(|(rows, _)| rows);
        if rows == Some(0) {
            return None;
        }
        return Some(TableCopy {
            table: table.to_owned(),
            columns,
            key,
            fresh,
            merged,
            rows,
            rebuild,
            ahead,
            own: None,
        });
    }
    let both = fates.pairs.len();
    new = new_rows(inquiry, table);
    let stay = fates.stay().len() as u64;
    let rows = ours.rows.saturating_sub(stay);
    if rows == 0 {
        return None;
    }
    if both == 0 || fates.keep {
        fresh = Some(select.sql(None));
    } else if new == 0 || both > LISTED {
        merged = Some(select.sql(None));
    } else {
        fresh = Some(select.split(&fates.pairs, false));
        merged = Some(select.split(&fates.pairs, true));
    }
    let own = merged.is_some().then(|| by_company::own(inquiry, table)).flatten();
    // Attachments of rows that stay are left out, too.
    let rows = if table == "ir_attachment" { inquiry.tally.attachments } else { Some(rows) };
    Some(TableCopy {
        table: table.to_owned(),
        columns: select.columns.clone(),
        key: vec!["id".to_owned()],
        fresh,
        merged,
        rows,
        rebuild: rebuilt(inquiry, table),
        ahead,
        own,
    })
}

/// Xml ids of rows that come and that the target does not have.
fn xml_ids(inquiry: &Inquiry<'_>, transfer: &mut Transfer, decision: &mut Decision) {
    for (table, fates) in &inquiry.fates {
        let there = inquiry.with_xml_ids.get(table);
        for (id, named) in inquiry.xml.0.of(table) {
            if !there.is_some_and(|there| there.contains(&id)) {
                continue;
            }
            let Some(res_id) = fates.on_target(id) else { continue };
            let own = named.iter().filter(|xml_id| inquiry.xml.0.table(&xml_id.model) == Some(table));
            for xml_id in own {
                match inquiry.xml.1.get(&xml_id.module, &xml_id.name) {
                    None => transfer.xml_ids.push(XmlIdCopy { res_id, ..(*xml_id).clone() }),
                    Some(other) if other.model == xml_id.model && other.res_id == res_id => {}
                    // It was another row's when it was given.
                    Some(_) if says_so(xml_id) => {}
                    Some(other) => decision.xml_conflicts.push(XmlConflict {
                        name: format!("{}.{}", xml_id.module, xml_id.name),
                        why: format!(
                            "it names {} {res_id}, and {} {} on the target",
                            xml_id.model, other.model, other.res_id
                        ),
                    }),
                }
            }
        }
    }
    for (table, fates) in &inquiry.fates {
        let nameless = fates.renumbered.iter().filter(|(id, _)| inquiry.xml.0.of_row(table, **id).is_empty());
        match giver(inquiry.from, table) {
            Some(given) => transfer.xml_ids.extend(nameless.map(|(id, res_id)| given(*id, *res_id))),
            None if nameless.count() > 0 => decision.warnings.push(format!(
                "rows of {table} get other ids and cannot be known again: applied once more, they would come once more"
            )),
            None => {}
        }
    }
    transfer.xml_ids.sort();
    decision.xml_conflicts.sort();
    decision.xml_conflicts.dedup();
}

/// Sequences of rows that come.
fn sequences(inquiry: &Inquiry<'_>) -> Vec<SequenceCopy> {
    let on_target =
        |table: &str, id: i64| inquiry.fates.get(table).map_or(Some(id), |fates| fates.on_target(id));
    let one = |row: &Vec<Option<String>>| {
        let [Some(sequence), range] = row.as_slice() else { return None };
        let sequence: i64 = sequence.parse().ok()?;
        let here = on_target("ir_sequence", sequence)?;
        let Some(range) = range else {
            return Some((format!("ir_sequence_{sequence:03}"), format!("ir_sequence_{here:03}")));
        };
        let range: i64 = range.parse().ok()?;
        let there = on_target("ir_sequence_date_range", range)?;
        Some((format!("ir_sequence_{sequence:03}_{range:03}"), format!("ir_sequence_{here:03}_{there:03}")))
    };
    let found = inquiry.sequences.iter().filter_map(one);
    let there = found.filter(|(from, _)| inquiry.from.sequences.contains(from));
    there.map(|(from, to)| SequenceCopy { from, to }).collect()
}

/// Trees in which ids are others.
fn parent_paths(inquiry: &Inquiry<'_>) -> Vec<ParentPath> {
    let wiring = &inquiry.from.wiring;
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for (model, fields) in &wiring.catalog.fields {
        let Some((table, seen)) = wiring.table_of(model) else { continue };
        let Some(fates) = inquiry.fates.get(&table) else { continue };
        if !seen.columns.contains_key("parent_path") {
            continue;
        }
        let Some(parent) = parent_of(model, fields, seen) else { continue };
        // The parent may have become nothing, too.
        let refs = inquiry.refs.of.get(&table).into_iter().flatten().enumerate();
        let nulled = refs
            .filter(|(_, reference)| reference.column == parent && reference.way == Way::Id)
            .any(|(number, _)| inquiry.closure.nulls.contains_key(&(table.clone(), number)));
        // Below a row that moves, the target may have rows of its own.
        let mixed = !fates.pairs.is_empty() && inquiry.count(End::To, &table).rows > fates.pairs.len() as u64;
        if nulled || mixed || fates.differ() {
            found.insert(table, parent.to_owned());
        }
    }
    found.into_iter().map(|(table, parent)| ParentPath { table, parent }).collect()
}
