//! The questions to both databases, in rounds: how much there is, which rows are the same, what rows refer to, what would clash.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::closure::Closure;
use super::company::{self, Companies};
use super::decision::{Conflict, Decision, Held, XmlConflict};
use super::kin::{self, Kin};
use super::language::{self, Languages};
use super::natural::{self, natural, rows};
use super::numbering::{self, Numbering};
use super::pairing::{Fates, Row};
use super::question::Question;
use super::refs::{Refs, refs};
use super::request::{Ask, End, Told, Wanted};
use super::selection::{Selection, select};
use super::texts::{self, Texts};
use super::xml::Named;
use super::{behind, clash, pin, tally, transactions, transfer, unchanged};
use crate::base::quote::{id_array, ident, literal};
use crate::facts::{Catalog, SideSeen, TableState};
use crate::project::MigrationSet;

/// How many ids one question names.
const CHUNK: usize = 20_000;

/// Tables whose rows are business that a target may have.
pub(super) const BUSINESS: [&str; 6] =
    ["sale_order", "purchase_order", "account_move", "stock_picking", "pos_order", "mrp_production"];

/// What a question was for.
#[derive(Clone, Debug)]
pub(super) enum Topic {
    /// Rows and highest ids of tables.
    Counts(End),
    /// What is open.
    Open,
    /// What the target holds.
    Holds,
    /// Rows of a table that is copied.
    Rows(End, String),
    /// Rows of a table that belong to rows of another one.
    Kin(End, String, String),
    /// All companies.
    Companies(End),
    /// The next numbers of documents.
    Numbers(End),
    /// References to rows that stay behind.
    Behind(String),
    /// How many attachments come.
    Attached,
    /// Rows of a table between two others, as the target has them.
    Pairs(End, String),
    /// What rows of a table refer to, by the numbers of its references.
    Used(String),
    /// What rows of a table refer to by one reference, whose model is in the row.
    UsedAny(String, usize),
    /// Rows that are referred to, of a table that does not come as a whole.
    Keys(End, String),
    /// Rows by their natural keys.
    ByKey(End, String),
    /// Checks that the target does not stand before anything is copied.
    Checks,
    /// Files of attachments.
    Files,
    /// Languages that a side has; without one, those of partners that come.
    Languages(Option<End>),
    /// Texts of a table that may have ids in them.
    Texts(String),
    /// Sequences that number documents.
    Sequences,
    /// What rows of a table refer to, as a digest.
    Referring(String),
    /// The sum of the target's next numbers.
    NextNumbers(String),
    /// Digests of keys, of a table and a unique index of it.
    Keyed(End, (String, String)),
    /// What rows that meet by such an index have.
    Valued((String, String)),
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Round {
    Begin,
    Counted,
    FirstRows,
    SecondRows,
    Used,
    Keys,
    ByKey,
    Last,
    Clashes,
    Values,
    Done,
}

/// An inquiry; [`Inquiry::next`] is called until it asks nothing more.
#[derive(Debug)]
pub struct Inquiry<'a> {
    pub(super) wanted: &'a Wanted,
    pub(super) own: &'a BTreeMap<String, MigrationSet>,
    pub(super) from: &'a SideSeen,
    pub(super) to: &'a SideSeen,
    pub(super) refs: Refs,
    /// Columns that both sides have: rows of both are asked by those alone.
    pub(super) common: Arc<Catalog>,
    pub(super) xml: (Named<'a>, Named<'a>),
    pub(super) chosen: Selection,
    added: BTreeSet<String>,
    round: Round,
    topics: Vec<Topic>,
    asks: Vec<Ask>,
    pub(super) counts: BTreeMap<(End, String), TableState>,
    pub(super) rows: BTreeMap<(End, String), BTreeMap<i64, Row>>,
    pub(super) kin: Kin,
    pub(super) companies: Companies,
    pub(super) numbering: Numbering,
    pub(super) fates: BTreeMap<String, Fates>,
    pub(super) closure: Closure,
    pub(super) conflicts: Vec<Conflict>,
    pub(super) xml_conflicts: Vec<XmlConflict>,
    open: Told,
    pub(super) holds: Vec<Held>,
    pub(super) lost: Vec<behind::Lost>,
    pub(super) tally: tally::Tally,
    pub(super) unchanged: unchanged::Unchanged,
    pub(super) languages: Languages,
    pub(super) texts: Texts,
    pub(super) files: Vec<String>,
    pub(super) sequences: Told,
    /// What has to hold of the target's copied tables.
    pub(super) checks: Vec<Question>,
    pub(super) broken_before: BTreeSet<String>,
    pub(super) clashes: clash::Clashes,
    /// The rows of copied tables that exist and have xml ids.
    pub(super) with_xml_ids: BTreeMap<String, BTreeSet<i64>>,
}

impl<'a> Inquiry<'a> {
    /// An inquiry for what is wanted, of both sides as they were seen; `own` are the project's sets.
    pub fn new(
        wanted: &'a Wanted,
        from: &'a SideSeen,
        to: &'a SideSeen,
        own: &'a BTreeMap<String, MigrationSet>,
    ) -> Self {
        Self {
            wanted,
            own,
            from,
            to,
            refs: refs(from),
            common: Arc::new(natural::common(&from.wiring.catalog, &to.wiring.catalog)),
            xml: (Named::new(from), Named::new(to)),
            chosen: Selection::default(),
            added: BTreeSet::new(),
            round: Round::Begin,
            topics: Vec::new(),
            asks: Vec::new(),
            counts: BTreeMap::new(),
            rows: BTreeMap::new(),
            kin: Kin::default(),
            companies: Companies::default(),
            numbering: Numbering::default(),
            fates: BTreeMap::new(),
            closure: Closure::default(),
            conflicts: Vec::new(),
            xml_conflicts: Vec::new(),
            open: Told::new(),
            holds: Vec::new(),
            lost: Vec::new(),
            tally: tally::Tally::default(),
            unchanged: unchanged::Unchanged::default(),
            languages: Languages::default(),
            texts: Texts::default(),
            files: Vec::new(),
            sequences: Told::new(),
            checks: Vec::new(),
            broken_before: BTreeSet::new(),
            clashes: clash::Clashes::default(),
            with_xml_ids: BTreeMap::new(),
        }
    }

    /// What is to be asked next, in this order; `told` are the answers to what was asked before, in the same order. Nothing: it is done.
    pub fn next(&mut self, told: Vec<Told>) -> Vec<Ask> {
        for (topic, told) in std::mem::take(&mut self.topics).into_iter().zip(told) {
            self.take(topic, told);
        }
        while self.topics.is_empty() && self.round != Round::Done {
            self.round = self.advance();
        }
        std::mem::take(&mut self.asks)
    }

    /// What came of it.
    pub fn decided(self) -> Decision {
        let mut decision = Decision {
            conflicts: self.conflicts.clone(),
            xml_conflicts: self.xml_conflicts.clone(),
            open: transactions::told(&self.open),
            holds: self.holds.clone(),
            files: self.files.clone(),
            ..Decision::default()
        };
        let mut pinned = pin::databases(self.from, self.to);
        let tables = pin::tables(self.from, self.to, self.chosen.tables());
        decision.differences = std::mem::take(&mut pinned.differences);
        decision.differences.extend(tables.differences);
        decision.warnings = pinned.warnings.into_iter().chain(tables.warnings).collect();
        decision.blocks = pinned.blocks.into_iter().chain(tables.blocks).collect();
        transfer::conclude(&self, &mut decision);
        decision
    }

    pub(super) fn ask(&mut self, topic: Topic, end: End, sql: String) {
        self.topics.push(topic);
        self.asks.push(Ask { end, sql });
    }

    fn advance(&mut self) -> Round {
        match self.round {
            Round::Begin => {
                self.begin();
                Round::Counted
            }
            Round::Counted => {
                self.first_rows();
                Round::FirstRows
            }
            Round::FirstRows => {
                self.second_rows();
                Round::SecondRows
            }
            Round::SecondRows => {
                self.pair();
                self.ask_used();
                behind::ask(self);
                Round::Used
            }
            Round::Used => {
                self.ask_keys();
                Round::Keys
            }
            Round::Keys => {
                self.ask_by_key();
                Round::ByKey
            }
            Round::ByKey => {
                let more = self.resolve();
                if !more.is_empty() && !more.is_subset(&self.added) {
                    self.added.extend(more);
                    return Round::Begin;
                }
                transfer::ask_last(self);
                clash::ask_first(self);
                tally::ask(self);
                language::ask(self);
                texts::ask(self);
                unchanged::ask(self);
                Round::Last
            }
            Round::Last => {
                clash::ask_second(self);
                Round::Clashes
            }
            Round::Clashes => {
                clash::ask_values(self);
                Round::Values
            }
            Round::Values | Round::Done => Round::Done,
        }
    }

    /// Which tables come, and how much there is of them.
    fn begin(&mut self) {
        self.chosen = select(self.wanted, self.own, &self.added, self.from, &self.refs);
        self.counts.clear();
        self.rows.clear();
        self.fates.clear();
        self.kin = Kin::default();
        self.numbering = Numbering::default();
        self.lost.clear();
        self.conflicts.clear();
        self.xml_conflicts.clear();
        self.closure = Closure::default();
        for end in [End::From, End::To] {
            let mut parts = Vec::new();
            let left_out = self.chosen.left_out.iter().map(|left| &left.table);
            let left_out =
                left_out.filter(|table| end == End::From && self.refs.between.contains_key(*table));
            for table in self.chosen.tables().chain(left_out) {
                if !self.side(end).wiring.catalog.tables.contains_key(table) {
                    continue;
                }
                let filter = if end == End::From { self.chosen.filter(table) } else { "true" };
                let highest = match self.from.wiring.catalog.has(table, "id") {
                    true => "coalesce(max(t.id), 0)::text",
                    false => "'0'",
                };
                parts.push(format!(
                    "SELECT {}, (count(*) FILTER (WHERE {filter}))::text, {highest} FROM ONLY {} t",
                    literal(table),
                    ident(table)
                ));
            }
            if !parts.is_empty() {
                self.ask(Topic::Counts(end), end, parts.join(" UNION ALL "));
            }
        }
        if let Some(ask) = transactions::ask(End::From, self.from) {
            self.ask(Topic::Open, ask.end, ask.sql);
        }
        let catalog = &self.to.wiring.catalog;
        let mut parts: Vec<String> = BUSINESS
            .iter()
            .filter(|table| catalog.tables.contains_key(**table))
            .map(|table| format!("SELECT {}, count(*)::text FROM {}", literal(table), ident(table)))
            .collect();
        if catalog.has("res_partner", "id") && catalog.has("ir_model_data", "res_id") {
            parts.push(
                "SELECT 'res_partner', count(*)::text FROM res_partner t WHERE NOT EXISTS (SELECT FROM ir_model_data d \
                 WHERE d.model = 'res.partner' AND d.res_id = t.id)"
                    .to_owned(),
            );
        }
        if !parts.is_empty() {
            self.ask(Topic::Holds, End::To, parts.join(" UNION ALL "));
        }
    }

    pub(super) fn side(&self, end: End) -> &'a SideSeen {
        match end {
            End::From => self.from,
            End::To => self.to,
        }
    }

    /// How much a side has of a table.
    pub(super) fn count(&self, end: End, table: &str) -> TableState {
        self.counts.get(&(end, table.to_owned())).copied().unwrap_or_default()
    }

    /// Whether rows of a table come that the target has none of.
    pub(super) fn brings(&self, table: &str) -> bool {
        let known = self.fates.get(table).map_or(0, |fates| fates.pairs.len() + fates.behind.len());
        self.count(End::From, table).rows > known as u64
    }

    /// Whether the source's rows are read first, because it has fewer of them; whether both sides' are read as a whole.
    fn way(&self, table: &str) -> (bool, bool) {
        let (ours, theirs) = (self.count(End::From, table).rows, self.count(End::To, table).rows);
        // Of the target's attachments most are of no concern.
        if table == "ir_attachment" {
            return (true, false);
        }
        let strong = natural(table, &self.common).is_some_and(|natural| natural.strong);
        (ours < theirs, strong)
    }

    /// All rows of the side that has fewer.
    fn first_rows(&mut self) {
        let tables: Vec<String> = self.chosen.copied.keys().cloned().collect();
        for table in tables {
            if self.count(End::To, &table).rows == 0 {
                continue;
            }
            let (source_first, whole) = self.way(&table);
            for end in [End::From, End::To] {
                if whole || source_first == (end == End::From) {
                    self.ask_rows(end, &table, None);
                }
            }
            if table == "ir_attachment" {
                self.ask_attached();
            }
        }
        kin::ask(self);
        company::ask(self);
        numbering::ask(self);
    }

    /// Of the other side the same ids, and those that xml ids name.
    fn second_rows(&mut self) {
        let tables: Vec<String> = self.chosen.copied.keys().cloned().collect();
        for table in tables {
            let (source_first, whole) = self.way(&table);
            let there = self.count(End::To, &table).rows > 0;
            if whole && there {
                continue;
            }
            let end = if source_first && there { End::To } else { End::From };
            let other = if end == End::From { End::To } else { End::From };
            let known = self.rows.get(&(other, table.clone()));
            let mut ids: BTreeSet<i64> = known.into_iter().flatten().map(|(id, _)| *id).collect();
            let named = if end == End::From { &self.xml.0 } else { &self.xml.1 };
            ids.extend(named.of(&table).map(|(id, _)| id));
            ids.extend(self.kin.ids(end, &table));
            self.ask_rows(end, &table, Some(&ids));
        }
    }

    /// Asks for rows of a table that is copied; `ids`: for these.
    fn ask_rows(&mut self, end: End, table: &str, ids: Option<&BTreeSet<i64>>) {
        let catalog = &self.side(end).wiring.catalog;
        if !catalog.has(table, "id") {
            return;
        }
        let comes = if end == End::From { self.chosen.filter(table) } else { "true" };
        let (limited, beside) = (format!("({comes})"), format!("({comes})::text"));
        let common = Arc::clone(&self.common);
        let catalog = &*common;
        let topic = Topic::Rows(end, table.to_owned());
        let Some(ids) = ids else {
            return self.ask(topic, end, rows(table, catalog, &limited, &beside));
        };
        for chunk in ids.iter().collect::<Vec<_>>().chunks(CHUNK) {
            let filter = format!("t.id = ANY ({})", id_array(chunk.iter().copied()));
            self.ask(topic.clone(), end, rows(table, catalog, &filter, &beside));
        }
    }

    /// The target's attachments of models whose rows come.
    fn ask_attached(&mut self) {
        let wiring = &self.from.wiring;
        let comes = |model: &&String| {
            wiring.table_of(model).is_some_and(|(table, _)| self.chosen.copied.contains_key(&table))
        };
        let models: Vec<String> = wiring.models.iter().filter(comes).map(|model| literal(model)).collect();
        let sql =
            rows("ir_attachment", &self.common, &format!("t.res_model IN ({})", models.join(", ")), "'true'");
        if !models.is_empty() && self.to.wiring.catalog.has("ir_attachment", "res_model") {
            self.ask(Topic::Rows(End::To, "ir_attachment".to_owned()), End::To, sql);
        }
    }

    fn take(&mut self, topic: Topic, told: Told) {
        match topic {
            Topic::Counts(end) => {
                for row in &told {
                    let [Some(table), Some(rows), Some(highest)] = row.as_slice() else { continue };
                    let number = |text: &str| text.parse().unwrap_or_default();
                    let highest = highest.parse().unwrap_or_default();
                    self.counts.insert((end, table.clone()), TableState { rows: number(rows), highest });
                }
            }
            Topic::Open => self.open = told,
            Topic::Holds => {
                let held = |row: &Vec<Option<String>>| {
                    let [Some(table), Some(rows)] = row.as_slice() else { return None };
                    let rows = rows.parse().ok().filter(|rows| *rows > 0)?;
                    Some(Held { table: table.clone(), rows })
                };
                self.holds = told.iter().filter_map(held).collect();
            }
            Topic::Rows(end, table) => self.rows.entry((end, table)).or_default().extend(told_rows(told)),
            Topic::Kin(end, table, of) => self.kin.take(end, table, of, told),
            Topic::Companies(end) => self.companies.take(end, told),
            Topic::Numbers(end) => self.numbering.take(end, told),
            Topic::Attached | Topic::Pairs(..) => self.tally.take(topic, told),
            Topic::Behind(table) => behind::take(self, &table, told),
            Topic::Referring(_) | Topic::NextNumbers(_) => self.unchanged.take(topic, told),
            Topic::Languages(end) => self.languages.take(end, told),
            Topic::Texts(table) => self.texts.take(table, told),
            Topic::Files => self.files = told.into_iter().flatten().flatten().collect(),
            Topic::Sequences => self.sequences = told,
            Topic::Checks => self.broken_before.extend(told.into_iter().flatten().flatten()),
            Topic::Keyed(end, place) => self.clashes.keyed(end, place, told),
            Topic::Valued(place) => self.clashes.valued(&place, told),
            topic => self.closure.take(topic, told, self.from),
        }
    }
}

/// Rows as `natural::rows` asks for them.
pub(super) fn told_rows(told: Told) -> impl Iterator<Item = (i64, Row)> {
    told.into_iter().filter_map(|row| {
        let [id, key, digest, made, comes] = <[Option<String>; 5]>::try_from(row).ok()?;
        let comes = comes.as_deref() == Some("true") || comes.as_deref() == Some("t");
        Some((id?.parse().ok()?, Row { key, digest, made, comes }))
    })
}
