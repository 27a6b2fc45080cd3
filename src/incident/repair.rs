//! What of the damage is taken back, and the plan that does it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use jiff::Timestamp;

use super::frame;
use super::order::{Ordered, order};
use crate::base::Digest;
use crate::base::secret::is_secret_column;
use crate::facts::{BackupSource, Reference};
use crate::grounds::Grounds;
use crate::plan::{Plan, PlannedStep};
use crate::rows::{BOOKS, Cell, Change, Conflict, Decision, Key, ROW, Row, Section, Value, decide};
use crate::step::{RepairRows, RepairTable, RestoreFiles, Step};

/// What is to be repaired.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only these columns of altered rows; all when empty.
    pub columns: Vec<String>,
    /// Only these rows; all when `None`.
    pub rows: Option<BTreeSet<Key>>,
    /// Whether tables were named: then what nothing dates is repaired, too, where all that is known is the damage's end.
    pub named: bool,
    /// Whether rows that came with the damage go.
    pub remove_added: bool,
    /// Whether what somebody has written since is overwritten.
    pub overwrite: bool,
    /// Whether what is written is dated now.
    pub stamp: bool,
    /// Where the damage's end is known by its time alone: what was written later is somebody else's.
    pub until: Option<Timestamp>,
}

/// A change that is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrepaired {
    /// Its table.
    pub table: String,
    /// The row.
    pub id: Key,
    /// Why, in a phrase.
    pub why: String,
}

/// What was found to be done.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// What is taken back: from the rows as they are now to what they were.
    pub changes: Vec<Change>,
    /// How many rows are as they were already.
    pub already: u64,
    /// What is left alone, and why.
    pub left: Vec<Unrepaired>,
    /// How many rows came with the damage and stay.
    pub added: u64,
}

impl Wanted {
    /// The change as far as it is wanted; `None` where nothing of it is.
    pub fn narrow(&self, mut change: Change) -> Option<Change> {
        if self.rows.as_ref().is_some_and(|rows| !rows.contains(&change.id)) {
            return None;
        }
        let altered = change.before.is_some() && change.after.is_some();
        let drop_column = |name: &String| {
            (self.stamp && name == BOOKS[0])
                || (altered && !self.columns.is_empty() && !self.columns.contains(name))
        };
        for row in [&mut change.before, &mut change.after].into_iter().flatten() {
            row.retain(|name, _| !drop_column(name));
        }
        (change.before != change.after).then_some(change)
    }
}

impl Gathered {
    /// One change of the damage, with the row as it is now.
    pub fn see(&mut self, change: &Change, now: Option<&Row>, section: &Section, wanted: &Wanted) {
        if change.before.is_none() && !wanted.remove_added {
            self.added += 1;
            return;
        }
        let has_parts = |name: &str| section.field(name).is_some_and(|field| field.origin.has_parts());
        let late = wanted.until.and_then(|until| not_the_damage(until, change, now, wanted.named));
        let mut decision = decide(change, now, &has_parts);
        if wanted.overwrite {
            overwrite(&mut decision, change, now);
        } else if let Some(why) = late {
            return self.leave(change, why);
        }
        let untouched = decision.cells.is_empty() && decision.conflicts.is_empty();
        self.already += u64::from(decision.already > 0 && untouched);
        if decision.insert || decision.delete {
            let after = now.cloned();
            self.changes.push(Change { after, ..change.clone() });
        } else if !decision.cells.is_empty() {
            let (before, after) = cells(decision.cells);
            self.changes.push(Change { before: Some(before), after: Some(after), ..change.clone() });
        }
        for conflict in decision.conflicts.iter().filter(|conflict| !BOOKS.contains(&conflict.field.as_str()))
        {
            self.leave(change, told(conflict));
        }
    }

    /// Leaves changes alone that would refer to rows that are gone.
    pub fn leave_dangling(&mut self, dangling: Vec<super::Dangling>) {
        for (at, why) in dangling.into_iter().rev() {
            let change = self.changes.remove(at);
            self.leave(&change, why);
        }
    }

    fn leave(&mut self, change: &Change, why: String) {
        self.left.push(Unrepaired { table: change.model.clone(), id: change.id, why });
    }

    /// How many rows come back, are mended, and go, by table.
    pub fn counts(&self) -> BTreeMap<String, [u64; 3]> {
        counts(&self.changes)
    }

    /// What is done at once: all of it, or altered rows in parts of so many. Rows that come back or go belong together.
    pub fn parts(&self, chunk: Option<NonZeroUsize>) -> Vec<Cow<'_, [Change]>> {
        let Some(chunk) = chunk else {
            return if self.changes.is_empty() { Vec::new() } else { vec![Cow::from(&self.changes)] };
        };
        let altered = |change: &Change| change.before.is_some() && change.after.is_some();
        let (altered, whole): (Vec<Change>, Vec<Change>) = self.changes.iter().cloned().partition(altered);
        let whole = (!whole.is_empty()).then_some(whole);
        whole
            .into_iter()
            .map(Cow::from)
            .chain(altered.chunks(chunk.get()).map(|part| part.to_vec().into()))
            .collect()
    }
}

/// The tables of changes, in the order in which rows are put back; fails with a column that allows none.
pub fn ordered(
    changes: &[Change],
    sections: &[Section],
    references: &[Reference],
) -> Result<Vec<RepairTable>, String> {
    let counts = counts(changes);
    let whole = counts.iter().filter(|(_, [insert, _, delete])| insert + delete > 0);
    let mut tables = order(&whole.map(|(table, _)| table.clone()).collect(), references)?;
    let others = counts.iter().filter(|(_, [insert, _, delete])| insert + delete == 0);
    tables.extend(others.map(|(table, _)| (table.clone(), Vec::new())));
    let mut named: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for change in changes {
        let names = [&change.before, &change.after].into_iter().flatten().flat_map(Row::keys);
        named.entry(&change.model).or_default().extend(names.map(String::as_str));
    }
    let table = |(table, late): Ordered| {
        let mut section = sections.iter().find(|section| section.table == table)?.clone();
        // What no change speaks of need not be read.
        section.fields.retain(|field| {
            named.get(table.as_str()).is_some_and(|names| names.contains(field.name.as_str()))
        });
        let [insert, update, delete] = counts.get(&table).copied()?;
        Some(RepairTable { section, late, insert, update, delete })
    };
    Ok(tables.into_iter().filter_map(table).collect())
}

/// How many rows come back, are mended, and go, by table.
pub(super) fn counts(changes: &[Change]) -> BTreeMap<String, [u64; 3]> {
    let mut counts: BTreeMap<String, [u64; 3]> = BTreeMap::new();
    for change in changes {
        let kind = match (&change.before, &change.after) {
            (_, None) => 0,
            (Some(_), Some(_)) => 1,
            (None, Some(_)) => 2,
        };
        counts.entry(change.model.clone()).or_default()[kind] += 1;
    }
    counts
}

fn cells(cells: Vec<Cell>) -> (Row, Row) {
    cells.into_iter().map(|cell| ((cell.field.clone(), cell.value), (cell.field, cell.seen))).unzip()
}

/// Why a row is not the damage's own, or may not be, where all that is known of the damage is when it ended.
fn not_the_damage(until: Timestamp, change: &Change, now: Option<&Row>, named: bool) -> Option<String> {
    let dated =
        |row: Option<&Row>, column: &str| -> Option<Timestamp> { row?.get(column)?.sql_text()?.parse().ok() };
    let (written, before) = (dated(now, BOOKS[0]), dated(change.before.as_ref(), BOOKS[0]));
    if let Some(at) = written.max(dated(now, "create_date")).filter(|at| *at > until) {
        return Some(format!("it was written at {at}, after the damage"));
    }
    // It is gone, its table says nothing, or it was written by SQL that says nothing.
    let told = now.is_some() && written.is_some() && written != before;
    (!told && !named)
        .then(|| "nothing tells when that happened; name its table if it is the damage: --table".to_owned())
}

/// What is in the way is written over, where there is still something to write.
fn overwrite(decision: &mut Decision, change: &Change, now: Option<&Row>) {
    for conflict in std::mem::take(&mut decision.conflicts) {
        match (conflict.field.as_str(), &change.before, now) {
            (ROW, None, Some(_)) => decision.delete = true,
            (ROW, Some(before), Some(now)) => {
                let cell = |(name, value): (&String, &Value)| {
                    let seen = now.get(name)?;
                    (seen != value).then(|| Cell {
                        field: name.clone(),
                        seen: seen.clone(),
                        value: value.clone(),
                    })
                };
                decision.cells.extend(before.iter().filter_map(cell));
            }
            (ROW, ..) => decision.conflicts.push(conflict),
            (field, Some(before), Some(now)) => {
                // Of a value with parts all of it is written.
                let name = field.split('@').next().unwrap_or(field);
                let (Some(seen), Some(value)) = (now.get(name), before.get(name)) else { continue };
                decision.cells.retain(|cell| cell.field != name);
                decision.cells.push(Cell {
                    field: name.to_owned(),
                    seen: seen.clone(),
                    value: value.clone(),
                });
            }
            _ => decision.conflicts.push(conflict),
        }
    }
}

fn told(conflict: &Conflict) -> String {
    let Conflict { model, field, seen, now, before, .. } = conflict;
    if field == ROW {
        return match now {
            Some(now) if !now.is_null() && before.is_null() => "it was worked on since".to_owned(),
            Some(_) => "there is another row with its id".to_owned(),
            None => "it is gone".to_owned(),
        };
    }
    if is_secret_column(model, field) {
        return format!("{field} was written since");
    }
    match now {
        Some(now) => format!(
            "{field} is {} now, was {} after the damage and {} before",
            now.as_json(),
            seen.as_json(),
            before.as_json()
        ),
        None => "it is gone".to_owned(),
    }
}

/// A part of a repair: a transaction of its own.
#[derive(Clone, Debug)]
pub struct Part {
    /// The file of its changes.
    pub path: PathBuf,
    /// The SHA-256 of it.
    pub sha256: Digest,
    /// Its tables, in the order in which rows are put back.
    pub tables: Vec<RepairTable>,
    /// Whether rows in it name files of the filestore.
    pub names_files: bool,
}

/// The files of the filestore that rows name which come back.
pub fn file_names(changes: &[Change]) -> BTreeSet<String> {
    let back = changes.iter().filter(|change| change.model == "ir_attachment");
    let name = |change: &Change| change.before.as_ref()?.get("store_fname")?.sql_text();
    back.filter_map(name).collect()
}

/// Lost files that a backup has.
#[derive(Clone, Debug)]
pub struct LostFiles {
    /// The backup.
    pub backup: PathBuf,
    /// Its form.
    pub source: BackupSource,
    /// How many of them.
    pub count: u64,
}

/// A repair that was found to be possible, written down.
#[derive(Clone, Debug)]
pub struct Repair {
    /// The database.
    pub database: String,
    /// Its parts, in their order.
    pub parts: Vec<Part>,
    /// The database's folder of the filestore, and the backups that have files which are gone from it.
    pub files: (PathBuf, Vec<LostFiles>),
    /// Whether what is written is dated now.
    pub stamp: bool,
    /// What has to hold before anything is committed.
    pub checks: BTreeMap<String, String>,
    /// Where it comes from, in words: `sidecar before`.
    pub from: String,
    /// What there is to be said.
    pub warnings: Vec<String>,
}

pub(super) fn plan(repair: &Repair, grounds: &Grounds<'_>, plan: &mut Plan) {
    plan.warnings.extend(repair.warnings.iter().cloned());
    let Some(operator) = frame::operator(grounds, plan) else { return };
    let (to, lost) = &repair.files;
    let named = repair.parts.iter().filter(|part| part.names_files);
    let files = named.flat_map(|part| lost.iter().map(move |lost| (part, lost)));
    for (at, (part, lost)) in files.enumerate() {
        let LostFiles { backup, source, count } = lost.clone();
        let (changes, sha256, to) = (part.path.clone(), part.sha256.clone(), to.clone());
        let step = RestoreFiles { changes, sha256, backup, source, to, count };
        let id = if at == 0 { "restore-files".to_owned() } else { format!("restore-files-{}", at + 1) };
        let reason = "rows that come back name them, and they are gone";
        plan.steps.push(PlannedStep::new(id, Step::RestoreFiles(Box::new(step)), reason));
    }
    for (at, Part { path, sha256, tables, .. }) in repair.parts.iter().enumerate() {
        let step = RepairRows {
            operator: operator.clone(),
            database: repair.database.clone(),
            changes: path.clone(),
            sha256: sha256.clone(),
            tables: tables.clone(),
            stamp: repair.stamp,
            checks: repair.checks.clone(),
            record: path.with_extension("written.jsonl"),
        };
        let id = if at == 0 { "repair-rows".to_owned() } else { format!("repair-rows-{}", at + 1) };
        let reason = format!("as they were in {}; all of it or nothing", repair.from);
        plan.steps.push(PlannedStep::new(id, Step::RepairRows(Box::new(step)), reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{Field, Kind, Origin};

    fn section() -> Section {
        let field = |name: &str| Field {
            name: name.into(),
            kind: Kind::Text,
            origin: Origin::Column,
            expression: format!("t.{name}"),
            noise: false,
        };
        Section {
            model: "sale_order".into(),
            table: "sale_order".into(),
            keys: vec!["id".into()],
            fields: ["state", "note", "write_date"].map(field).into(),
            joins: Vec::new(),
        }
    }

    fn row(state: &str, note: &str, at: &str) -> Row {
        let text = |text: &str| Value::canonical(crate::rows::quoted(text));
        [("state", state), ("note", note), ("write_date", at)]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), text(value)))
            .collect()
    }

    const T0: &str = "2026-05-17T10:00:00Z";
    const ROGUE: &str = "2026-05-17T14:00:00Z";
    const LATER: &str = "2026-05-17T15:00:00Z";

    fn cancelled() -> Change {
        let (before, after) = (Some(row("sale", "", T0)), Some(row("cancel", "", ROGUE)));
        Change { model: "sale_order".into(), id: Key::One(1), before, after }
    }

    fn seen(change: &Change, now: Option<Row>, wanted: &Wanted) -> Gathered {
        let mut gathered = Gathered::default();
        let change = wanted.narrow(change.clone());
        change.iter().for_each(|change| gathered.see(change, now.as_ref(), &section(), wanted));
        gathered
    }

    fn written(gathered: &Gathered) -> Vec<&str> {
        gathered.changes.iter().flat_map(|change| change.altered().map(|(name, ..)| name)).collect()
    }

    #[test]
    fn what_was_written_later_stays_and_the_rest_of_the_row_is_mended() {
        let all = Wanted::default();
        assert_eq!(
            written(&seen(&cancelled(), Some(row("cancel", "", ROGUE)), &all)),
            ["state", "write_date"]
        );
        // Somebody has put a note on it since: the note and its date stay.
        let noted = seen(&cancelled(), Some(row("cancel", "call back", LATER)), &all);
        assert_eq!((written(&noted), noted.left.len()), (vec!["state"], 0));
        let confirmed = seen(&cancelled(), Some(row("done", "", LATER)), &all);
        assert!(confirmed.changes.is_empty());
        assert_eq!(
            confirmed.left[0].why,
            "state is \"done\" now, was \"cancel\" after the damage and \"sale\" before"
        );
        let over = Wanted { overwrite: true, ..all.clone() };
        assert_eq!(
            written(&seen(&cancelled(), Some(row("done", "", LATER)), &over)),
            ["state", "write_date"]
        );
        assert_eq!(seen(&cancelled(), Some(row("sale", "", T0)), &all).already, 1);
        assert_eq!(seen(&cancelled(), None, &all).left[0].why, "it is gone");
    }

    #[test]
    fn without_a_second_sidecar_the_time_of_the_last_write_decides() {
        let until = Some("2026-05-17T14:30:00Z".parse().unwrap());
        let wanted = Wanted { until, ..Wanted::default() };
        let named = Wanted { named: true, ..wanted.clone() };
        let change = |now: Row| Change { after: Some(now), ..cancelled() };
        let rogue = change(row("cancel", "", ROGUE));
        assert_eq!(written(&seen(&rogue, rogue.after.clone(), &wanted)), ["state", "write_date"]);
        let later = change(row("done", "", LATER));
        assert!(seen(&later, later.after.clone(), &wanted).left[0].why.ends_with("after the damage"));
        // Rows that are gone, and those that SQL has written, tell nothing: only of tables that were named.
        let gone = Change { after: None, ..cancelled() };
        assert!(seen(&gone, None, &wanted).left[0].why.starts_with("nothing tells when"));
        assert_eq!(seen(&gone, None, &named).counts()["sale_order"], [1, 0, 0]);
        let by_sql = change(row("cancel", "", T0));
        assert!(seen(&by_sql, by_sql.after.clone(), &wanted).changes.is_empty());
        assert_eq!(written(&seen(&by_sql, by_sql.after.clone(), &named)), ["state"]);
    }

    #[test]
    fn only_what_is_asked_for_is_taken_back() {
        let wanted = Wanted { columns: vec!["state".into()], ..Wanted::default() };
        assert_eq!(written(&seen(&cancelled(), Some(row("cancel", "", ROGUE)), &wanted)), ["state"]);
        let stamped = Wanted { stamp: true, ..Wanted::default() };
        assert_eq!(written(&seen(&cancelled(), Some(row("cancel", "", ROGUE)), &stamped)), ["state"]);
        let other = Wanted { rows: Some([Key::One(2)].into()), ..Wanted::default() };
        assert!(seen(&cancelled(), Some(row("cancel", "", ROGUE)), &other).changes.is_empty());
        let rogue = Change { before: None, ..cancelled() };
        let now = rogue.after.clone();
        assert_eq!(seen(&rogue, now.clone(), &Wanted::default()).added, 1);
        let gone = seen(&rogue, now, &Wanted { remove_added: true, ..Wanted::default() });
        assert_eq!(gone.counts()["sale_order"], [0, 0, 1]);
    }
}
