//! What committed transactions did to which tables, read off the server's own log as `pg_waldump` prints it.
//!
//! The log knows what `write_date` does not: deletions, plain SQL, tables of relations, and the very moment of each commit.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;

use crate::facts::FileNode;

/// How many transactions are kept: those that changed most.
const KEPT: usize = 1000;

/// Rows that were changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ops {
    /// Inserted.
    pub inserted: u64,
    /// Updated.
    pub updated: u64,
    /// Deleted.
    pub deleted: u64,
    /// Whether its file was removed: the table was emptied, dropped, or written anew.
    pub removed: bool,
}

impl Ops {
    /// How many rows.
    pub fn rows(self) -> u64 {
        self.inserted + self.updated + self.deleted
    }

    fn add(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.deleted += other.deleted;
        self.removed |= other.removed;
    }
}

/// A transaction that was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its number.
    pub id: u32,
    /// When it was committed.
    pub at: Timestamp,
    /// What it did, by the file of the table.
    pub changes: BTreeMap<FileNode, Ops>,
}

impl Transaction {
    /// How many rows it changed.
    pub fn rows(&self) -> u64 {
        self.changes.values().map(|ops| ops.rows()).sum()
    }

    /// How many rows it updated or deleted: what was lost with it.
    pub fn lost(&self) -> u64 {
        self.changes.values().map(|ops| ops.updated + ops.deleted).sum()
    }

    /// Whether it removed a table's file.
    pub fn removed(&self) -> bool {
        self.changes.values().any(|ops| ops.removed)
    }
}

/// Reads the log line by line.
#[derive(Debug)]
pub struct Transactions {
    database: u32,
    own: HashSet<FileNode>,
    since: Timestamp,
    open: HashMap<u32, BTreeMap<FileNode, Ops>>,
    /// Those that changed most, in the order of their commits.
    pub committed: Vec<Transaction>,
    /// How many were committed since then.
    pub count: u64,
    /// How many of them updated or deleted so many rows.
    pub sizes: BTreeMap<u64, u64>,
    /// The last commit that was read.
    pub until: Option<Timestamp>,
}

impl Transactions {
    /// For one database, by PostgreSQL's number for it, and what was committed since a moment. `own`: the files of
    /// PostgreSQL's own tables, which are left out.
    pub fn new(database: u32, own: HashSet<FileNode>, since: Timestamp) -> Self {
        Self {
            database,
            own,
            since,
            open: HashMap::new(),
            committed: Vec::new(),
            count: 0,
            sizes: BTreeMap::new(),
            until: None,
        }
    }

    /// One line of `pg_waldump`.
    pub fn see(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("rmgr: ") else { return };
        let kind = rest.split_whitespace().next().unwrap_or_default();
        let (Some(id), Some((_, described))) = (number_after(line, "tx:"), line.split_once("desc: ")) else {
            return;
        };
        match kind {
            "Heap" | "Heap2" => self.change(id, described),
            "Transaction" if described.starts_with("COMMIT") => {
                self.commit(prepared(described).unwrap_or(id), described)
            }
            "Transaction" if described.starts_with("ABORT") => {
                for id in std::iter::once(prepared(described).unwrap_or(id)).chain(subtransactions(described))
                {
                    self.open.remove(&id);
                }
            }
            _ => {}
        }
    }

    fn change(&mut self, id: u32, described: &str) {
        let verb = described.split([' ', '+']).next().unwrap_or_default();
        let mut ops = Ops::default();
        match verb {
            "INSERT" => ops.inserted = 1,
            "UPDATE" | "HOT_UPDATE" => ops.updated = 1,
            "DELETE" => ops.deleted = 1,
            "MULTI_INSERT" => ops.inserted = tuples(described),
            _ => return,
        }
        if id == 0 {
            return;
        }
        let changes = self.open.entry(id).or_default();
        let Some((_, file)) = relation(described)
            .filter(|(database, file)| *database == self.database && !self.own.contains(file))
        else {
            return;
        };
        changes.entry(file).or_default().add(ops);
    }

    fn commit(&mut self, id: u32, described: &str) {
        let mut changes = self.open.remove(&id).unwrap_or_default();
        for sub in subtransactions(described) {
            for (file, ops) in self.open.remove(&sub).unwrap_or_default() {
                changes.entry(file).or_default().add(ops);
            }
        }
        for file in removed_files(described, self.database) {
            if !self.own.contains(&file) {
                changes.entry(file).or_default().removed = true;
            }
        }
        let Some(at) = committed_at(described) else { return };
        self.until = self.until.max(Some(at));
        if at < self.since || changes.is_empty() {
            return;
        }
        self.count += 1;
        let transaction = Transaction { id, at, changes };
        *self.sizes.entry(transaction.lost()).or_default() += 1;
        self.committed.push(transaction);
        if self.committed.len() >= 2 * KEPT {
            self.shorten();
        }
    }

    fn shorten(&mut self) {
        self.committed.sort_by_key(|transaction| std::cmp::Reverse(transaction.rows()));
        self.committed.truncate(KEPT);
        self.committed.sort_by_key(|transaction| transaction.at);
    }
}

/// The number that follows a word.
fn number_after(line: &str, word: &str) -> Option<u32> {
    let (_, after) = line.split_once(word)?;
    after.trim_start().split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// `MULTI_INSERT+INIT 61 tuples flags 0x03`, from version 16 on `ntuples: 61`.
fn tuples(described: &str) -> u64 {
    let named = number_after(described, "ntuples:");
    let counted =
        described.split(" tuples").next().and_then(|before| before.rsplit(' ').next()?.parse().ok());
    named.or(counted).map_or(1, u64::from)
}

/// The database and the file of `rel 1663/5/16480`.
fn relation(described: &str) -> Option<(u32, FileNode)> {
    let (_, after) = described.split_once("rel ")?;
    let mut parts = after.split([' ', ',', '/']);
    let _space = parts.next()?;
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// `COMMIT 2026-11-21 14:36:44.024155 UTC; ...`
fn committed_at(described: &str) -> Option<Timestamp> {
    let text = match described.strip_prefix("COMMIT_PREPARED ") {
        Some(prepared) => prepared.split_once(": ")?.1,
        None => described.strip_prefix("COMMIT ")?,
    };
    let text = text.split(';').next()?;
    let (day, rest) = text.trim().split_once(' ')?;
    let (time, zone) = rest.split_once(' ')?;
    (zone == "UTC").then(|| format!("{day}T{time}Z").parse().ok())?
}

/// The transaction of `COMMIT_PREPARED 742: ...`, whose record has no number of its own.
fn prepared(described: &str) -> Option<u32> {
    let rest =
        described.strip_prefix("COMMIT_PREPARED ").or_else(|| described.strip_prefix("ABORT_PREPARED "))?;
    rest.split(':').next()?.parse().ok()
}

/// `...; rels: base/5/16480 base/5/t3_16481; ...`: files that go with the commit; those of temporary tables are nobody's loss.
fn removed_files(described: &str, database: u32) -> Vec<FileNode> {
    let Some((_, after)) = described.split_once("rels: ") else { return Vec::new() };
    let place = format!("base/{database}/");
    let paths = after.split(';').next().unwrap_or_default().split(' ');
    paths.filter_map(|path| path.strip_prefix(&place)?.parse().ok()).collect()
}

/// `...; subxacts: 744 745; ...`
fn subtransactions(described: &str) -> Vec<u32> {
    let Some((_, after)) = described.split_once("subxacts: ") else { return Vec::new() };
    after.split(';').next().unwrap_or_default().split(' ').filter_map(|id| id.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As PostgreSQL 15 prints them.
    const LOG: &str = "\
rmgr: Heap        len (rec/tot):     54/  2334, tx:        742, lsn: 0/080000C0, prev 0/08000090, desc: INSERT off 12 flags 0x00, blkref #0: rel 1663/5/16480 blk 14 FPW
rmgr: Heap        len (rec/tot):    203/   203, tx:        742, lsn: 0/080162D0, prev 0/080162A0, desc: INSERT off 3 flags 0x00, blkref #0: rel 1663/5/1259 blk 1
rmgr: Heap2       len (rec/tot):     59/    59, tx:        742, lsn: 0/09004A10, prev 0/090049D0, desc: MULTI_INSERT+INIT 61 tuples flags 0x03, blkref #0: rel 1663/5/16480 blk 0
rmgr: Transaction len (rec/tot):     82/    82, tx:        742, lsn: 0/0900C0A8, prev 0/0900C068, desc: COMMIT 2026-11-21 14:36:40.5 UTC; inval msgs: catcache 63
rmgr: Heap        len (rec/tot):     54/   211, tx:        743, lsn: 0/08007DC0, prev 0/080066F8, desc: HOT_UPDATE off 13 xmax 743 flags 0x60 ; new off 1 xmax 0, blkref #0: rel 1663/5/16480 blk 14
rmgr: Heap        len (rec/tot):     54/    54, tx:        744, lsn: 0/0800B580, prev 0/08009F88, desc: DELETE off 1 flags 0x01 KEYS_UPDATED , blkref #0: rel 1663/5/16490 blk 1
rmgr: Heap        len (rec/tot):     54/    54, tx:        743, lsn: 0/0800B580, prev 0/08009F88, desc: DELETE off 1 flags 0x01, blkref #0: rel 1663/7/16490 blk 1
rmgr: Heap        len (rec/tot):     54/    54, tx:        745, lsn: 0/0800B580, prev 0/08009F88, desc: DELETE off 2 flags 0x01, blkref #0: rel 1663/5/16490 blk 1
rmgr: Transaction len (rec/tot):     82/    82, tx:        745, lsn: 0/0900C0A8, prev 0/0900C068, desc: ABORT 2026-11-21 14:36:43.000000 UTC
rmgr: Transaction len (rec/tot):     82/    82, tx:        743, lsn: 0/0900C0A8, prev 0/0900C068, desc: COMMIT 2026-11-21 14:36:44.024155 UTC; rels: base/5/16495 base/5/t3_16496 base/7/16497; subxacts: 744; inval msgs: catcache 63
rmgr: Heap        len (rec/tot):     54/    54, tx:        747, lsn: 0/0800B580, prev 0/08009F88, desc: DELETE off 3 flags 0x01, blkref #0: rel 1663/5/16490 blk 1
rmgr: Transaction len (rec/tot):     82/    82, tx:          0, lsn: 0/0900C0A8, prev 0/0900C068, desc: COMMIT_PREPARED 747: 2026-11-21 14:36:45.000000 UTC
rmgr: Standby     len (rec/tot):     50/    50, tx:          0, lsn: 0/0900C0A8, prev 0/0900C068, desc: RUNNING_XACTS nextXid 746
nonsense";

    fn read(since: &str) -> Transactions {
        let mut found = Transactions::new(5, HashSet::from([1259]), since.parse().unwrap());
        LOG.lines().for_each(|line| found.see(line));
        found
    }

    #[test]
    fn transactions_are_told_with_what_their_subtransactions_did() {
        let found = read("2026-11-21T14:00:00Z");
        let told: Vec<(u32, u64, u64)> = found.committed.iter().map(|t| (t.id, t.rows(), t.lost())).collect();
        assert_eq!(told, [(742, 62, 0), (743, 2, 2), (747, 1, 1)]);
        assert_eq!(found.committed[1].changes.keys().copied().collect::<Vec<_>>(), [16480, 16490, 16495]);
        assert!(found.committed[1].removed() && !found.committed[0].removed());
        assert_eq!(found.committed[1].at.to_string(), "2026-11-21T14:36:44.024155Z");
        assert_eq!(found.committed[1].changes[&16490].deleted, 1, "the other database's row is not counted");
        assert!(found.open.is_empty());
    }

    #[test]
    fn what_was_committed_before_is_left_out() {
        assert_eq!(read("2026-11-21T14:36:41Z").committed.len(), 2);
        assert_eq!(tuples("MULTI_INSERT+INIT ntuples: 9, flags: 0x02, offsets: []"), 9);
    }
}
