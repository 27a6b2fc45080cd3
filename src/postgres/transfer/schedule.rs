//! What several connections do beside each other: which work is next, and never two that would wait for each other's locks.

use std::collections::{BTreeMap, BTreeSet};

use super::Down;
use super::down::Kind;
use crate::base::quote::ident;
use crate::facts::Transfer;

/// A piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// A table is filled: its number in the transfer.
    Fill(usize),
    /// An index, a key or a reference is put back, a reference without a look at rows: its number in what was taken down.
    Part(usize),
    /// Rows are asked whether a reference holds, which needs its own table alone: likewise.
    Prove(usize),
    /// A table is looked through.
    Analyze(usize),
}

/// What there is to do for a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This, by its number.
    Work(usize, Unit),
    /// Nothing until another lane is done with something.
    Wait,
    /// Nothing any more.
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Done,
}

struct Task {
    unit: Unit,
    /// The table that it is about, quoted.
    table: String,
    cost: u64,
    after: Vec<usize>,
    /// Tables that others may share meanwhile, and those that they may not.
    shared: Vec<String>,
    alone: Vec<String>,
    state: State,
}

/// All the work.
pub(super) struct Schedule(Vec<Task>);

impl Schedule {
    pub(super) fn new(transfer: &Transfer, down: &Down) -> Self {
        let rows: BTreeMap<String, u64> = transfer
            .tables
            .iter()
            .map(|table| (ident(&table.table), table.rows.unwrap_or(1).max(1)))
            .collect();
        let mut tasks = Vec::new();
        let mut fills = BTreeMap::new();
        for (at, table) in transfer.tables.iter().enumerate() {
            let name = ident(&table.table);
            fills.insert(name.clone(), tasks.len());
            // Filling a table costs about as much as two indexes.
            let cost = rows[&name] * 2;
            let alone = vec![name.clone()];
            tasks.push(task(Unit::Fill(at), name, cost, Vec::new(), Vec::new(), alone));
        }
        let mut keys: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, part) in down.parts.iter().enumerate() {
            let (name, cost) = (part.table.clone(), rows.get(&part.table).copied().unwrap_or(1));
            let after: Vec<usize> = fills.get(&name).copied().into_iter().collect();
            let on = vec![name.clone()];
            match part.kind {
                Kind::Index { .. } => tasks.push(task(Unit::Part(at), name, cost, after, on, Vec::new())),
                Kind::Key => {
                    keys.entry(name.clone()).or_default().push(tasks.len());
                    tasks.push(task(Unit::Part(at), name, cost, after, Vec::new(), on));
                }
                Kind::Reference { .. } => {}
            }
        }
        for (at, table) in transfer.tables.iter().enumerate() {
            let name = ident(&table.table);
            let after = (0..tasks.len()).filter(|task| tasks[*task].table == name).collect();
            let alone = vec![name.clone()];
            tasks.push(task(Unit::Analyze(at), name, 1, after, Vec::new(), alone));
        }
        for (at, part) in down.parts.iter().enumerate() {
            let Kind::Reference { to, .. } = &part.kind else { continue };
            let mut after: Vec<usize> =
                [&part.table, to].into_iter().filter_map(|name| fills.get(name)).copied().collect();
            after.extend(keys.get(to).into_iter().flatten());
            let (name, cost) = (part.table.clone(), rows.get(&part.table).copied().unwrap_or(1));
            let both = vec![name.clone(), to.clone()];
            tasks.push(task(Unit::Part(at), name.clone(), 0, after, Vec::new(), both));
            let (after, alone) = (vec![tasks.len() - 1], vec![name.clone()]);
            tasks.push(task(Unit::Prove(at), name, cost, after, Vec::new(), alone));
        }
        Self(tasks)
    }

    /// The next piece of work: one that costs nothing and lets others begin, else of the table that has most left of it.
    pub(super) fn take(&mut self) -> Next {
        let running = || self.0.iter().filter(|task| task.state == State::Running);
        let alone: BTreeSet<&String> = running().flat_map(|task| &task.alone).collect();
        let shared: BTreeSet<&String> = running().flat_map(|task| &task.shared).collect();
        let mut left: BTreeMap<&String, u64> = BTreeMap::new();
        for task in self.0.iter().filter(|task| task.state != State::Done) {
            *left.entry(&task.table).or_default() += task.cost;
        }
        if left.is_empty() {
            return Next::Done;
        }
        let free = |task: &Task| {
            task.state == State::Waiting
                && task.after.iter().all(|before| self.0[*before].state == State::Done)
                && !task.shared.iter().any(|table| alone.contains(table))
                && !task.alone.iter().any(|table| alone.contains(table) || shared.contains(table))
        };
        let ready = (0..self.0.len()).filter(|at| free(&self.0[*at]));
        let next = ready.max_by_key(|at| {
            let task = &self.0[*at];
            let left = left.get(&task.table).copied().unwrap_or_default();
            (task.cost == 0, left, task.cost, std::cmp::Reverse(*at))
        });
        let Some(at) = next else { return Next::Wait };
        self.0[at].state = State::Running;
        Next::Work(at, self.0[at].unit)
    }

    pub(super) fn done(&mut self, at: usize) {
        self.0[at].state = State::Done;
    }
}

fn task(
    unit: Unit,
    table: String,
    cost: u64,
    after: Vec<usize>,
    shared: Vec<String>,
    alone: Vec<String>,
) -> Task {
    Task { unit, table, cost, after, shared, alone, state: State::Waiting }
}

#[cfg(test)]
mod tests {
    use super::super::down::tests::{index, key, reference};
    use super::*;
    use crate::facts::TableCopy;

    fn schedule() -> Schedule {
        let table =
            |name: &str, rows| TableCopy { table: name.into(), rows: Some(rows), ..TableCopy::default() };
        let transfer =
            Transfer { tables: vec![table("small", 10), table("large", 1000)], ..Transfer::default() };
        let parts = vec![
            key("small"),
            key("large"),
            index("large"),
            index("large"),
            reference("small", "large"),
            reference("large", "small"),
            reference("small", "elsewhere"),
        ];
        Schedule::new(&transfer, &Down { parts, ..Down::default() })
    }

    /// What is taken until nothing is free.
    fn all(schedule: &mut Schedule) -> Vec<(usize, Unit)> {
        let mut taken = Vec::new();
        while let Next::Work(at, unit) = schedule.take() {
            taken.push((at, unit));
        }
        taken
    }

    #[test]
    fn the_largest_table_is_first_and_no_two_wait_for_each_other() {
        let mut schedule = schedule();
        let units = |taken: &[(usize, Unit)]| taken.iter().map(|(_, unit)| *unit).collect::<Vec<_>>();
        let first = all(&mut schedule);
        assert_eq!(units(&first), [Unit::Fill(1), Unit::Fill(0)]);
        schedule.done(first[0].0);
        // Two indexes of one table share it; its key wants it alone.
        let second = all(&mut schedule);
        assert!(
            units(&second) == [Unit::Part(2), Unit::Part(3)] || units(&second) == [Unit::Part(1)],
            "{second:?}"
        );
        schedule.done(first[1].0);
        for (at, _) in second {
            schedule.done(at);
        }
        // Whatever is taken together, a table that one has for itself no other touches.
        let mut order = Vec::new();
        loop {
            let taken = all(&mut schedule);
            let alone: Vec<&String> = taken.iter().flat_map(|(at, _)| &schedule.0[*at].alone).collect();
            let shared: Vec<&String> = taken.iter().flat_map(|(at, _)| &schedule.0[*at].shared).collect();
            let distinct: BTreeSet<&&String> = alone.iter().collect();
            assert_eq!(distinct.len(), alone.len(), "{taken:?}");
            assert!(!shared.iter().any(|table| alone.contains(table)), "{taken:?}");
            order.extend(units(&taken));
            for (at, _) in &taken {
                schedule.done(*at);
            }
            if taken.is_empty() {
                break;
            }
        }
        assert_eq!(schedule.take(), Next::Done);
        let place = |unit| order.iter().position(|other| *other == unit);
        assert!(place(Unit::Part(1)) < place(Unit::Part(4)), "a reference leans on the key: {order:?}");
        assert!(place(Unit::Part(0)) < place(Unit::Part(5)), "{order:?}");
        for reference in [4, 5, 6] {
            assert!(place(Unit::Part(reference)).is_some(), "{order:?}");
            assert!(place(Unit::Part(reference)) < place(Unit::Prove(reference)), "{order:?}");
        }
    }

    #[test]
    fn references_to_one_table_are_proved_beside_each_other() {
        let table = |name: &str| TableCopy { table: name.into(), rows: Some(9), ..TableCopy::default() };
        let transfer = Transfer { tables: vec![table("a"), table("b"), table("to")], ..Transfer::default() };
        let parts = vec![reference("a", "to"), reference("b", "to")];
        let mut schedule = Schedule::new(&transfer, &Down { parts, ..Down::default() });
        let mut proving = 0;
        // What is proved is never through, and the other one begins all the same.
        while proving < 2 {
            let taken = all(&mut schedule);
            assert_ne!(taken, [], "one waits for the other");
            for (at, unit) in taken {
                match unit {
                    Unit::Prove(_) => proving += 1,
                    _ => schedule.done(at),
                }
            }
        }
    }
}
