//! How two databases differ, table by table: counts and digests of all rows first, keys only where those differ.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Ask, End, Told};
use crate::base::quote::{ident, literal};
use crate::facts::SideSeen;

/// How many ids are digested together.
const WIDTH: u64 = 1000;

/// How many such groups are looked into at once: what bounds the memory that it takes.
const AT_ONCE: usize = 100;

/// How many rows of each kind of difference are named.
const NAMED: usize = 10;

/// A table on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableCompared {
    /// The table.
    pub table: String,
    /// How many rows there are where rows come from.
    pub from: u64,
    /// And where they go.
    pub to: u64,
    /// Whether all rows are the same.
    pub equal: bool,
    /// Rows that only the first has, as far as rows can be told apart.
    pub missing: Differing,
    /// Rows that only the second has.
    pub added: Differing,
    /// Rows that both have, with other values.
    pub altered: Differing,
    /// Columns that only one of them has; they are not compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
}

/// Rows that differ in one way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Differing {
    /// How many.
    pub rows: u64,
    /// The keys of the first of them.
    pub keys: Vec<String>,
}

impl Differing {
    fn add(&mut self, key: &str) {
        self.rows += 1;
        if self.keys.len() < NAMED {
            self.keys.push(key.to_owned());
        }
    }
}

/// What both databases are asked, until it is known how they differ.
#[derive(Debug)]
pub struct Comparison {
    plans: Vec<TablePlan>,
    stage: Stage,
    done: Vec<TableCompared>,
    /// Tables that only one of the two has.
    pub only: Vec<String>,
}

#[derive(Debug)]
struct TablePlan {
    table: String,
    columns: Vec<String>,
    /// The columns that tell rows apart; the first of them is a number. None where nothing of that kind does.
    key: Vec<String>,
}

#[derive(Debug)]
enum Stage {
    Begin,
    /// Counts and digests of all tables.
    Whole,
    /// Digests of groups of tables that differ, by their numbers among the plans.
    Groups(Vec<usize>),
    /// Keys of groups that differ: which are asked for now, and which are to come.
    Keys {
        now: usize,
        left: Vec<(usize, Vec<String>)>,
    },
    End,
}

impl Comparison {
    /// Of these tables; of all that both have where none is named.
    pub fn new(from: &SideSeen, to: &SideSeen, wanted: &BTreeSet<String>) -> Self {
        let (one, other) = (&from.wiring.catalog.tables, &to.wiring.catalog.tables);
        let named = |table: &&String| wanted.is_empty() || wanted.contains(*table);
        let all: BTreeSet<&String> = one.keys().chain(other.keys()).filter(named).collect();
        let (mut plans, mut done, mut only) = (Vec::new(), Vec::new(), Vec::new());
        for table in all {
            let (Some(here), Some(there)) = (one.get(table), other.get(table)) else {
                only.push(table.clone());
                continue;
            };
            let both: Vec<String> =
                here.columns.keys().filter(|name| there.columns.contains_key(*name)).cloned().collect();
            let alone = here.columns.keys().chain(there.columns.keys());
            let alone: BTreeSet<&String> = alone.filter(|name| !both.contains(name)).collect();
            let number = |name: &String| {
                here.columns.get(name).is_some_and(|kind| matches!(kind.as_str(), "integer" | "bigint"))
            };
            let key = if here.key == there.key && here.key.first().is_some_and(number) {
                here.key.clone()
            } else {
                Vec::new()
            };
            let columns = alone.into_iter().cloned().collect();
            done.push(TableCompared { table: table.clone(), columns, ..TableCompared::default() });
            plans.push(TablePlan { table: table.clone(), columns: both, key });
        }
        Self { plans, stage: Stage::Begin, done, only }
    }

    /// The next questions, given the answers to those before; none at the end.
    pub fn next(&mut self, told: Vec<Told>) -> Vec<Ask> {
        loop {
            let asks = match std::mem::replace(&mut self.stage, Stage::End) {
                Stage::Begin => {
                    self.stage = Stage::Whole;
                    self.plans.iter().flat_map(|plan| both(&plan.whole())).collect()
                }
                Stage::Whole => self.groups(&told),
                Stage::Groups(which) => {
                    let left = self.keys(&which, &told);
                    self.more(left)
                }
                Stage::Keys { now, left } => {
                    self.told_keys(now, &told);
                    self.more(left)
                }
                Stage::End => return Vec::new(),
            };
            if !asks.is_empty() || matches!(self.stage, Stage::End) {
                return asks;
            }
        }
    }

    /// What was found, in the order of the tables' names.
    pub fn found(self) -> Vec<TableCompared> {
        self.done
    }

    fn groups(&mut self, told: &[Told]) -> Vec<Ask> {
        let mut which = Vec::new();
        for (at, (plan, done)) in self.plans.iter().zip(&mut self.done).enumerate() {
            let (from, to) = (pair(told, at, End::From), pair(told, at, End::To));
            done.from = number(from.first(), 0);
            done.to = number(to.first(), 0);
            done.equal = from == to;
            if !done.equal && !plan.key.is_empty() {
                which.push(at);
            }
        }
        let asks = which.iter().filter_map(|at| self.plans.get(*at)).flat_map(|plan| both(&plan.grouped()));
        let asks = asks.collect();
        self.stage = Stage::Groups(which);
        asks
    }

    /// The groups that differ.
    fn keys(&self, which: &[usize], told: &[Told]) -> Vec<(usize, Vec<String>)> {
        let mut left = Vec::new();
        for (asked, at) in which.iter().enumerate() {
            let of = |end| -> BTreeMap<&str, &Vec<Option<String>>> {
                pair(told, asked, end)
                    .iter()
                    .filter_map(|row| Some((row.first()?.as_deref()?, row)))
                    .collect()
            };
            let (from, to) = (of(End::From), of(End::To));
            let names: BTreeSet<&str> = from.keys().chain(to.keys()).copied().collect();
            let differ: Vec<String> =
                names.into_iter().filter(|name| from.get(name) != to.get(name)).map(str::to_owned).collect();
            left.extend(differ.chunks(AT_ONCE).map(|chunk| (*at, chunk.to_vec())));
        }
        left.reverse();
        left
    }

    fn more(&mut self, mut left: Vec<(usize, Vec<String>)>) -> Vec<Ask> {
        let Some((now, groups)) = left.pop() else { return Vec::new() };
        let asks = self.plans.get(now).map(|plan| Vec::from(both(&plan.keyed(&groups)))).unwrap_or_default();
        self.stage = Stage::Keys { now, left };
        asks
    }

    fn told_keys(&mut self, now: usize, told: &[Told]) {
        let of = |end| -> BTreeMap<&str, Option<&str>> {
            let rows = pair(told, 0, end).iter();
            rows.filter_map(|row| Some((row.first()?.as_deref()?, row.get(1)?.as_deref()))).collect()
        };
        let (from, to) = (of(End::From), of(End::To));
        let Some(done) = self.done.get_mut(now) else { return };
        for (key, digest) in &from {
            match to.get(key) {
                None => done.missing.add(key),
                Some(other) if other != digest => done.altered.add(key),
                Some(_) => {}
            }
        }
        to.keys().filter(|key| !from.contains_key(*key)).for_each(|key| done.added.add(key));
    }
}

/// The same question to both.
fn both(sql: &str) -> [Ask; 2] {
    [End::From, End::To].map(|end| Ask { end, sql: sql.to_owned() })
}

fn pair(told: &[Told], at: usize, end: End) -> &[Vec<Option<String>>] {
    let at = at * 2 + usize::from(end == End::To);
    told.get(at).map(Vec::as_slice).unwrap_or_default()
}

fn number(row: Option<&Vec<Option<String>>>, at: usize) -> u64 {
    row.and_then(|row| row.get(at)?.as_deref()?.parse().ok()).unwrap_or_default()
}

impl TablePlan {
    /// Each row's digest, as a number that can be added up.
    fn digest(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|column| format!("t.{}", ident(column))).collect();
        format!("('x' || left(md5(ROW({})::text), 16))::bit(64)::bigint", columns.join(", "))
    }

    fn whole(&self) -> String {
        let (digest, table) = (self.digest(), ident(&self.table));
        format!("SELECT count(*)::text, coalesce(sum({digest}), 0)::text FROM ONLY {table} t")
    }

    fn group(&self) -> String {
        let first = self.key.first().map(|column| ident(column)).unwrap_or_default();
        format!("(t.{first} / {WIDTH})::bigint")
    }

    fn grouped(&self) -> String {
        let (digest, table, group) = (self.digest(), ident(&self.table), self.group());
        format!(
            "SELECT {group}::text, count(*)::text, sum({digest})::text FROM ONLY {table} t GROUP BY {group}"
        )
    }

    fn keyed(&self, groups: &[String]) -> String {
        let (digest, table, group) = (self.digest(), ident(&self.table), self.group());
        let key: Vec<String> = self.key.iter().map(|column| format!("t.{}::text", ident(column))).collect();
        let order: Vec<String> = self.key.iter().map(|column| format!("t.{}", ident(column))).collect();
        let groups = literal(&format!("{{{}}}", groups.join(",")));
        format!(
            "SELECT concat_ws(', ', {}), {digest}::text FROM ONLY {table} t WHERE {group} = ANY({groups}::bigint[]) ORDER BY {}",
            key.join(", "),
            order.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Catalog, TableSeen, Wiring};

    fn side(tables: &[(&str, &[&str])]) -> SideSeen {
        let table = |columns: &[&str]| TableSeen {
            columns: columns.iter().map(|name| ((*name).to_owned(), "integer".to_owned())).collect(),
            key: vec!["id".to_owned()],
            ..TableSeen::default()
        };
        let tables = tables.iter().map(|(name, columns)| ((*name).to_owned(), table(columns))).collect();
        let catalog = Catalog { tables, ..Catalog::default() };
        SideSeen { wiring: Wiring { catalog, ..Wiring::default() }, ..SideSeen::default() }
    }

    fn row(cells: &[&str]) -> Vec<Option<String>> {
        cells.iter().map(|cell| Some((*cell).to_owned())).collect()
    }

    #[test]
    fn what_differs_is_looked_for_where_digests_do() {
        let from = side(&[("a", &["id", "x"]), ("b", &["id"]), ("c", &["id"])]);
        let to = side(&[("a", &["id", "y"]), ("b", &["id"])]);
        let mut comparison = Comparison::new(&from, &to, &BTreeSet::new());
        assert_eq!(comparison.only, ["c"]);
        let asks = comparison.next(Vec::new());
        assert_eq!(asks.len(), 4);
        assert!(asks[0].sql.contains(r#"ROW(t."id")"#), "{}", asks[0].sql);
        let same = vec![row(&["2", "9"])];
        let asks = comparison.next(vec![same.clone(), same, vec![row(&["3", "5"])], vec![row(&["2", "4"])]]);
        assert_eq!(asks.len(), 2, "only b differs: {asks:?}");
        let groups = [
            vec![row(&["0", "1", "1"]), row(&["7", "2", "2"])],
            vec![row(&["0", "1", "1"]), row(&["9", "1", "1"])],
        ];
        let asks = comparison.next(groups.to_vec());
        assert!(asks[0].sql.contains("'{7,9}'"), "{}", asks[0].sql);
        let keys =
            [vec![row(&["7001", "1"]), row(&["7002", "1"])], vec![row(&["7001", "2"]), row(&["9000", "1"])]];
        assert!(comparison.next(keys.to_vec()).is_empty());
        let found = comparison.found();
        assert!(found[0].equal);
        assert_eq!(found[0].columns, ["x", "y"]);
        let b = &found[1];
        assert_eq!((b.from, b.to, b.equal), (3, 2, false));
        assert_eq!(
            (&b.missing.keys, &b.altered.keys, &b.added.keys),
            (&vec!["7002".into()], &vec!["7001".into()], &vec!["9000".into()])
        );
    }
}
