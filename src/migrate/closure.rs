//! What rows that come refer to, where those rows do not all come: which of the target's rows are meant, and what dangles.

use std::collections::{BTreeMap, BTreeSet};

use super::company;
use super::decision::{Dangles, Mapped};
use super::inquiry::{Inquiry, Topic, told_rows};
use super::natural::{natural, rows};
use super::never::never;
use super::pairing::{Row, by_key};
use super::refs::{AUDIT, Ref, Way};
use super::request::{Dangling, End, Shared, Told};
use super::rewrite;
use super::selection::{ATTACHED, shared};
use super::transactions;
use super::xml::counterparts;
use crate::base::quote::{id_array, ident, literal};
use crate::facts::{Catalog, SideSeen};

/// Columns that may be empty without anything missing: the picture that stands for a record, what an attachment was made of.
const IDLE: [&str; 2] = ["message_main_attachment_id", "original_id"];

/// Which row, of which table.
type Place = (String, i64);

/// What is known of references.
#[derive(Debug, Default)]
pub(super) struct Closure {
    /// By table and the number of its reference: rows that are referred to, with how many rows do.
    used: BTreeMap<(String, usize), BTreeMap<Place, u64>>,
    /// Rows of tables that do not come as a whole.
    rows: BTreeMap<(End, String), BTreeMap<i64, Row>>,
    /// Natural keys that one row alone has.
    keys: BTreeMap<(End, String), BTreeMap<String, i64>>,
    /// Names of companies: the source's with the target's.
    renamed: BTreeMap<String, String>,
    /// The source's ids with the target's.
    pub resolved: BTreeMap<String, BTreeMap<i64, i64>>,
    /// By table and the number of its reference: rows that references to become nothing.
    pub nulls: BTreeMap<(String, usize), BTreeSet<Place>>,
    /// What dangles.
    pub dangling: Vec<Dangles>,
}

impl Closure {
    pub fn take(&mut self, topic: Topic, told: Told, from: &SideSeen) {
        match topic {
            Topic::Used(table) => {
                for row in told {
                    let [Some(number), Some(to), Some(id), Some(count)] = row.as_slice() else { continue };
                    let (Ok(number), Ok(id), Ok(count)) = (number.parse(), id.parse(), count.parse::<u64>())
                    else {
                        continue;
                    };
                    let used = self.used.entry((table.clone(), number)).or_default();
                    *used.entry((to.clone(), id)).or_default() += count;
                }
            }
            Topic::UsedAny(table, number) => {
                for row in told {
                    let [Some(model), Some(id), Some(count)] = row.as_slice() else { continue };
                    let Some((to, _)) = from.wiring.table_of(model) else { continue };
                    let (Ok(id), Ok(count)) = (id.parse(), count.parse::<u64>()) else { continue };
                    let used = self.used.entry((table.clone(), number)).or_default();
                    *used.entry((to, id)).or_default() += count;
                }
            }
            Topic::Keys(end, table) => self.rows.entry((end, table)).or_default().extend(told_rows(told)),
            Topic::ByKey(end, table) => {
                let found = told.into_iter().filter_map(|row| {
                    let [key, id] = <[Option<String>; 2]>::try_from(row).ok()?;
                    Some((key?, id?.parse().ok()?))
                });
                self.keys.entry((end, table)).or_default().extend(found);
            }
            _ => {}
        }
    }

    /// Rows that are referred to, by table.
    fn ids(&self) -> BTreeMap<&str, BTreeSet<i64>> {
        let mut ids: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
        for (table, id) in self.used.values().flat_map(BTreeMap::keys) {
            ids.entry(table).or_default().insert(*id);
        }
        ids
    }

    /// Rows that a reference of a table leads to, by the reference's number.
    pub fn known(&self, table: &str, number: usize) -> impl Iterator<Item = i64> {
        let used = self.used.get(&(table.to_owned(), number));
        used.into_iter().flatten().map(|((_, id), _)| *id)
    }

    fn row(&self, end: End, table: &str, id: i64) -> Option<&Row> {
        self.rows.get(&(end, table.to_owned()))?.get(&id)
    }

    /// The key of a row of the source as the target would have it.
    fn theirs(&self, table: &str, key: String) -> String {
        company::follow(table, key, &self.renamed)
    }

    /// References that lead to other ids on the target.
    pub fn mapped(&self) -> Vec<Mapped> {
        let differing = self.resolved.iter().map(|(table, ids)| {
            let ids = ids.iter().filter(|(old, new)| old != new).map(|(old, new)| (*old, *new));
            Mapped { table: table.clone(), ids: ids.collect() }
        });
        differing.filter(|mapped| !mapped.ids.is_empty()).collect()
    }
}

/// Whether rows of a table are known by what names them alone. Attachments and the like are by what they belong to.
fn by_name(table: &str, catalog: &Catalog) -> bool {
    !ATTACHED.contains(&table) && natural(table, catalog).is_some_and(|natural| natural.strong)
}

/// Whether it is asked which rows a column refers to whose model is in the row. Attachments come with the rows that they refer to.
fn is_asked(table: &str, column: &str) -> bool {
    (table, column) != ("ir_attachment", "res_id")
}

/// The flags with which a table comes whose rows are the target's: those that both have stay as they are there.
pub(super) fn said(table: &str) -> String {
    format!("--table {table} --shared {table}=keep")
}

impl Inquiry<'_> {
    /// The tables that rows that come refer to by a column whose model is in the row; `None` where that was not asked.
    pub(super) fn referred(&self, table: &str, column: &str) -> Option<BTreeSet<&str>> {
        let is_it = |one: &Ref| one.column == column && matches!(one.way, Way::Any(_));
        let number = self.refs.of.get(table)?.iter().position(is_it).filter(|_| is_asked(table, column))?;
        let used = self.closure.used.get(&(table.to_owned(), number));
        Some(used.into_iter().flatten().map(|((to, _), _)| to.as_str()).collect())
    }

    /// What rows refer to of tables that do not come as a whole, and references that lead nowhere.
    pub(super) fn ask_used(&mut self) {
        let tables: Vec<String> = self.chosen.tables().cloned().collect();
        for table in tables {
            let all: Vec<Ref> = self.refs.of.get(&table).cloned().unwrap_or_default();
            let coming = rewrite::coming(self, &table);
            let name = ident(&table);
            let (mut columns, mut parts) = (Vec::new(), Vec::new());
            for (number, reference) in all.iter().enumerate() {
                let column = format!("t.{}", ident(&reference.column));
                let Some(to) = reference.to.as_deref() else {
                    if let Way::Any(loose) = &reference.way
                        && is_asked(&table, &reference.column)
                    {
                        let sql = loose.distinct(&table, &coming);
                        self.ask(Topic::UsedAny(table.clone(), number), End::From, sql);
                    }
                    continue;
                };
                let whole = self.chosen.whole(to);
                let nowhere = match whole {
                    true => format!(" AND NOT EXISTS (SELECT FROM {} o WHERE o.id = v.id)", ident(to)),
                    false => String::new(),
                };
                let to = literal(to);
                match reference.way {
                    Way::Id if whole && reference.kept => {}
                    Way::Id if whole => parts.push(format!(
                        "SELECT '{number}', {to}, v.id::text, count(*)::text FROM (SELECT {column}::bigint AS id FROM ONLY {name} t \
                         WHERE {coming} AND {column} IS NOT NULL) v WHERE true{nowhere} GROUP BY v.id"
                    )),
                    Way::Id => columns.push(format!("('{number}', {to}, {column}::bigint)")),
                    Way::Values | Way::Keys => {
                        let value = if reference.way == Way::Keys { "e.key" } else { "e.value" };
                        parts.push(format!(
                            "SELECT '{number}', {to}, v.id::text, count(*)::text FROM (SELECT {value}::bigint AS id FROM ONLY {name} t \
                             CROSS JOIN LATERAL jsonb_each_text(CASE jsonb_typeof({column}) WHEN 'object' THEN {column} END) e \
                             WHERE {coming} AND {value} ~ '^[0-9]{{1,18}}$' AND {value} <> '0' OFFSET 0) v WHERE true{nowhere} GROUP BY v.id"
                        ));
                    }
                    Way::Any(_) => {}
                }
            }
            if !columns.is_empty() {
                parts.push(format!(
                    "SELECT v.n, v.o, v.id::text, count(*)::text FROM ONLY {name} t CROSS JOIN LATERAL (VALUES {}) v(n, o, id) \
                     WHERE {coming} AND v.id IS NOT NULL GROUP BY v.n, v.o, v.id",
                    columns.join(", ")
                ));
            }
            if !parts.is_empty() {
                self.ask(Topic::Used(table.clone()), End::From, parts.join(" UNION ALL "));
            }
        }
    }

    /// What these rows are, on both sides.
    pub(super) fn ask_keys(&mut self) {
        let wanted: Vec<(String, BTreeSet<i64>)> =
            self.closure.ids().into_iter().map(|(table, ids)| (table.to_owned(), ids)).collect();
        let common = std::sync::Arc::clone(&self.common);
        let catalog = &*common;
        for (table, ids) in wanted.into_iter().filter(|(table, _)| catalog.has(table, "id")) {
            let ours = format!("t.id = ANY ({})", id_array(&ids));
            let comes = match self.chosen.copied.contains_key(&table) {
                true => format!("({})::text", self.chosen.filter(&table)),
                false => "'false'".to_owned(),
            };
            self.ask(Topic::Keys(End::From, table.clone()), End::From, rows(&table, catalog, &ours, &comes));
            if !self.to.wiring.catalog.has(&table, "id") {
                continue;
            }
            let strong = by_name(&table, catalog);
            let theirs = if strong {
                "true".to_owned()
            } else {
                let xml = (&self.xml.0, &self.xml.1);
                let others = ids.iter().flat_map(|id| counterparts(xml.0, xml.1, &table, *id));
                let all: BTreeSet<i64> = others.chain(ids.iter().copied()).collect();
                format!("t.id = ANY ({})", id_array(&all))
            };
            self.ask(Topic::Keys(End::To, table.clone()), End::To, rows(&table, catalog, &theirs, "'false'"));
        }
    }

    /// Rows that neither an xml id nor the same id tells, by their natural keys.
    pub(super) fn ask_by_key(&mut self) {
        self.closure.renamed = company::renamed(self);
        let companies = company::same(self);
        let mut found: BTreeMap<String, BTreeMap<i64, i64>> = BTreeMap::new();
        let mut open: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (table, ids) in self.closure.ids() {
            let strong = by_name(table, &self.common);
            let theirs = self.closure.rows.get(&(End::To, table.to_owned()));
            let by_key = theirs.filter(|_| strong).map(|rows| by_key(rows.iter())).unwrap_or_default();
            let kin = self.kin.same(table, &self.fates, &companies);
            for id in ids {
                let Some(row) = self.closure.row(End::From, table, id) else { continue };
                let here = |id: &i64| self.closure.row(End::To, table, *id).is_some();
                let xml = counterparts(&self.xml.0, &self.xml.1, table, id).into_iter().find(here);
                let there = row.key.clone().map(|key| self.closure.theirs(table, key));
                let key = || match by_key.get(there.as_deref()?).map(Vec::as_slice) {
                    Some(&[other]) => Some(other),
                    _ => None,
                };
                let fate = || self.fates.get(table).filter(|_| row.comes)?.on_target(id);
                let same = || {
                    let row = Row { key: there.clone(), ..row.clone() };
                    let alike =
                        self.closure.row(End::To, table, id).is_some_and(|theirs| row.is_like(theirs));
                    alike.then_some(id)
                };
                match fate().or(xml).or_else(key).or_else(|| kin.get(&id).copied()).or_else(same) {
                    Some(other) => {
                        found.entry(table.to_owned()).or_default().insert(id, other);
                    }
                    None if !strong && !ATTACHED.contains(&table) => {
                        open.entry(table.to_owned()).or_default().extend(row.key.clone());
                    }
                    None => {}
                }
            }
        }
        self.closure.resolved = found;
        let common = std::sync::Arc::clone(&self.common);
        let catalog = &*common;
        for (table, keys) in open.into_iter().filter(|(_, keys)| !keys.is_empty()) {
            let Some(natural) = natural(&table, catalog) else { continue };
            let theirs = keys.iter().map(|key| self.closure.theirs(&table, key.clone())).collect();
            for (end, keys) in [(End::From, keys), (End::To, theirs)] {
                let keys: Vec<String> = keys.iter().map(|key| literal(key)).collect();
                let sql = format!(
                    "SELECT s.k, min(s.id)::text FROM (SELECT t.id, {} AS k FROM {} t) s WHERE s.k IN ({}) GROUP BY s.k HAVING count(*) = 1",
                    natural.sql,
                    ident(&table),
                    keys.join(", ")
                );
                if self.side(end).wiring.catalog.has(&table, "id") {
                    self.ask(Topic::ByKey(end, table.clone()), end, sql);
                }
            }
        }
    }

    /// Decides on every reference; the tables that are to come, too.
    pub(super) fn resolve(&mut self) -> BTreeSet<String> {
        let mut closure = std::mem::take(&mut self.closure);
        let by_key = |closure: &Closure, table: &str, id: i64| {
            let key = closure.row(End::From, table, id)?.key.as_deref()?;
            let one = |end, key: &str| closure.keys.get(&(end, table.to_owned()))?.get(key).copied();
            one(End::From, key).and(one(End::To, &closure.theirs(table, key.to_owned())))
        };
        for (table, ids) in
            closure.ids().into_iter().map(|(table, ids)| (table.to_owned(), ids)).collect::<Vec<_>>()
        {
            for id in ids {
                let known = closure.resolved.get(&table).is_some_and(|known| known.contains_key(&id));
                if let Some(other) = by_key(&closure, &table, id).filter(|_| !known) {
                    closure.resolved.entry(table.clone()).or_default().insert(id, other);
                }
            }
        }
        let (mut more, mut dangling, mut nulls) = (BTreeSet::new(), Vec::new(), BTreeMap::new());
        for ((table, number), used) in &closure.used {
            let Some(reference) = self.refs.of.get(table).and_then(|all| all.get(*number)) else { continue };
            let mut open: BTreeMap<&str, Dangles> = BTreeMap::new();
            for ((to, id), count) in used {
                let known = closure.resolved.get(to).is_some_and(|known| known.contains_key(id));
                // Rows of a table that comes as a whole are all there, unless they are nowhere.
                let is_any = matches!(reference.way, Way::Any(_));
                let there = closure.row(End::From, to, *id).is_some();
                if known
                    || (self.chosen.whole(to) && is_any && there)
                    || self.is_lost(table, reference, to, *id)
                {
                    continue;
                }
                let at = format!("{table}.{}", reference.column);
                let choice = self.choice(table, reference, to);
                let dangles = open.entry(to).or_insert_with(|| Dangles {
                    at,
                    to: to.clone(),
                    rows: 0,
                    missing: 0,
                    first: Vec::new(),
                    broken: 0,
                    required: reference.required && !self.refs.between.contains_key(table),
                    choice,
                    ways: Vec::new(),
                });
                dangles.rows += count;
                dangles.missing += 1;
                dangles.broken += u64::from(!there);
                if dangles.first.len() < 5 {
                    dangles.first.push(*id);
                }
                match choice {
                    Dangling::Null => {
                        let place: Place = (to.clone(), *id);
                        nulls.entry((table.clone(), *number)).or_insert_with(BTreeSet::new).insert(place);
                    }
                    Dangling::Add if there && (more.contains(to) || self.may_be_added(to)) => {
                        more.insert(to.clone());
                    }
                    _ => {}
                }
            }
            dangling
                .extend(open.into_values().map(|dangles| Dangles { ways: self.ways(&dangles), ..dangles }));
        }
        closure.dangling = dangling;
        closure.nulls = nulls;
        self.closure = closure;
        more
    }

    /// Whether it is told elsewhere (`left_behind`), with its reason, that a reference cannot be: it has to lead to a row that stays behind.
    fn is_lost(&self, table: &str, reference: &Ref, to: &str, id: i64) -> bool {
        let asked =
            self.chosen.copied.contains_key(table) && reference.required && reference.way != Way::Values;
        asked && self.fates.get(to).is_some_and(|fates| fates.behind.contains(&id))
    }

    /// What becomes of references to rows that are not there.
    fn choice(&self, table: &str, reference: &Ref, to: &str) -> Dangling {
        let at = format!("{table}.{}", reference.column);
        let idle = AUDIT.contains(&reference.column.as_str()) || IDLE.contains(&reference.column.as_str());
        let usual = if idle { Dangling::Null } else { Dangling::Stop };
        let by_column = self.wanted.references.get(&at);
        // Who wrote a row is no reason to bring all users.
        let by_table = self.wanted.references.get(to).filter(|_| !idle);
        by_column.or(by_table).copied().unwrap_or(usual)
    }

    /// The flags with which these references would pass.
    fn ways(&self, dangles: &Dangles) -> Vec<String> {
        let Dangles { at, to, .. } = dangles;
        let mut ways = Vec::new();
        // Rows that the source has not either can neither come nor be found.
        if dangles.broken < dangles.missing {
            ways.extend(self.may_be_added(to).then(|| format!("--reference {at}=add")));
            ways.extend(self.comes_if_said(to).then(|| said(to)));
        }
        ways.extend((!dangles.required).then(|| format!("--reference {at}=null")));
        ways
    }

    /// Whether a table can come because others refer to it.
    pub(super) fn may_be_added(&self, table: &str) -> bool {
        self.may_come(table) && shared(table, self.wanted) != Shared::Map
    }

    /// Whether a table whose rows are the target's comes where it is said what becomes of those that both have.
    pub(super) fn comes_if_said(&self, table: &str) -> bool {
        self.may_come(table) && shared(table, self.wanted) == Shared::Map
    }

    fn may_come(&self, table: &str) -> bool {
        let among = |names: &[String]| names.iter().any(|name| name == table);
        let refused = transactions::refused(table).filter(|_| !self.wanted.with_transactions);
        let why = never(table, &self.from.wiring).or(refused).filter(|_| !among(&self.wanted.force));
        why.is_none() && !self.chosen.copied.contains_key(table) && !among(&self.wanted.without)
    }
}
