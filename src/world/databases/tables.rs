//! Rows of tables from one database to another, and whether they are the same on both sides.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::attempt::Ended;
use super::{Hands, app_session, app_source, as_planned as same_file, attempt, restore};
use crate::base::Secret;
use crate::base::size::{count, thousands};
use crate::error::{Error, Result};
use crate::facts::Transfer;
use crate::postgres::rows::{Moment, Source};
use crate::postgres::structure::identity;
use crate::postgres::transfer::{
    self, Down, Filled, Gauge, Unlike, analyze, as_planned, begin, check, fill, lock, paths, sequences,
    serials, source_as_planned, take_down, xml_ids,
};
use crate::postgres::trial::{hold_number, number};
use crate::postgres::{Session, catalog, patch};
use crate::state::{self, cannot};
use crate::step::{CheckTables, CopyTables, Party};

/// How many tables that are not the same are named.
const TOLD: usize = 12;

/// What was done, as it is written down before it is committed.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Copied {
    /// The number of the transaction; a resume asks the server what became of it.
    transaction: String,
    /// What came into each table.
    tables: BTreeMap<String, Filled>,
    /// How many xml ids came along.
    xml_ids: u64,
    /// How many sequences were made or moved.
    sequences: u64,
    /// How many rows were found to be the same on both sides.
    #[serde(default)]
    same: u64,
}

impl Copied {
    /// Commits. Odoo's processes are told to remember nothing only where something is another than it was.
    async fn commit(&self, session: &Session) -> Result<()> {
        match self.xml_ids + self.sequences + self.tables.values().map(|filled| filled.rows()).sum::<u64>() {
            0 => patch::commit(session, &[]).await,
            _ => patch::commit_rows(session).await,
        }
    }

    fn told(&self) -> Vec<String> {
        let sum = |of: fn(&Filled) -> u64| self.tables.values().map(of).sum::<u64>();
        let mut told = vec![format!(
            "{} in {}",
            count(sum(|filled| filled.fresh + filled.added), "new row"),
            count(self.tables.len() as u64, "table")
        )];
        let altered = sum(|filled| filled.altered);
        if altered > 0 {
            told.push(format!("{} made equal", count(altered, "row")));
        }
        if self.xml_ids > 0 {
            told.push(count(self.xml_ids, "xml id"));
        }
        let tables = count(self.tables.len() as u64, "table");
        told.push(format!("{} of {tables} are the same on both sides", count(self.same, "row")));
        told
    }
}

/// The file that says what is copied, as long as it is the one that was planned.
fn planned(path: &Path, digest: &crate::base::Digest) -> Result<Transfer> {
    same_file(path, digest, "Make the plan again: odpm migrate plan")?;
    let text = fs::read(path).map_err(|e| cannot("read", path, &e))?;
    let wrong = |what: &str| Error::input(format!("{} {what}", path.display()));
    let transfer: Transfer =
        serde_json::from_slice(&text).map_err(|e| wrong("cannot be understood").caused_by(&e))?;
    match transfer.format_version {
        1 => Ok(transfer),
        _ => Err(wrong("is of a newer odpm").hint("Make the plan again, with the odpm that applies it.")),
    }
}

/// A moment of the source, as long as that is the database that was planned with, and another one than the target.
async fn moment(party: &Party, secret: Secret, target: &Session) -> Result<Moment> {
    let Party { endpoint, role, database, .. } = party.clone();
    let moment = Moment::exact(Source { endpoint, role, secret, database }).await?;
    let is = identity(moment.session()).await?;
    if is != party.identity {
        return Err(Error::refused(format!(
            "{} is another database than the one of the plan",
            party.database
        ))
        .because(format!("it is {is}, it was {}", party.identity))
        .hint("Make the plan again: odpm migrate plan"));
    }
    if is == identity(target).await? && !is.starts_with('?') {
        return Err(Error::refused("source and target are one database"));
    }
    Ok(moment)
}

/// How far copying is, and how far comparing.
fn gauges(transfer: &Transfer, hands: &Hands<'_>) -> (Gauge, Gauge) {
    let (tables, meter) = (transfer.tables.len(), || hands.meter.clone());
    let rows = transfer.tables.iter().map(|table| table.rows).sum();
    (Gauge::new(meter(), tables, rows), Gauge::comparing(meter(), tables))
}

pub async fn copy(step: &CopyTables, source: Secret, hands: Hands<'_>) -> Result<Vec<String>> {
    let transfer = planned(&step.transfer, &step.digest)?;
    state::make_dir(&step.folder, 0o700).map_err(|e| cannot("make", &step.folder, &e))?;
    if step.jobs > 1 {
        return staged(step, &transfer, source, &hands).await;
    }
    let record = step.record();
    let session = app_session(&step.operator, &hands, &step.database).await?;
    if let Some(told) = earlier(&session, &record).await? {
        return Ok(told);
    }
    let moment = moment(&step.source, source, &session).await?;
    let unchanged =
        |e: Error| e.hint(format!("Nothing was changed in {}: all of it is one transaction.", step.database));
    let copied = at_once(step, &transfer, &moment, &session, &gauges(&transfer, &hands)).await;
    let copied = copied.map_err(unchanged)?;
    if copied.transaction.is_empty() {
        return Ok(copied.told());
    }
    state::replace_json(&record, &copied, 0o600).map_err(unchanged)?;
    hold_number(&app_session(&step.operator, &hands, &step.database).await.map_err(unchanged)?).await;
    copied.commit(&session).await.map_err(|e| {
        e.hint(format!("Whether {} has the rows now is asked when this run is gone on with.", step.database))
    })?;
    Ok(copied.told())
}

/// What an earlier attempt has done, where it was committed and could not say so any more.
async fn earlier(session: &Session, record: &Path) -> Result<Option<Vec<String>>> {
    if !attempt::was_committed(session, record).await? {
        return Ok(None);
    }
    done(record).map(Some)
}

/// What an attempt that was committed has written down.
fn done(record: &Path) -> Result<Vec<String>> {
    let mut told = vec!["it had been committed by the attempt before".to_owned()];
    let text = fs::read(record).map_err(|e| cannot("read", record, &e))?;
    told.extend(serde_json::from_slice::<Copied>(&text).unwrap_or_default().told());
    Ok(told)
}

/// Likewise, for whoever gives the run up. What was written to a copy goes with it.
pub async fn committed(step: &CopyTables, hands: Hands<'_>) -> Result<Ended<Vec<String>>> {
    let record = step.record();
    if step.anew.is_some() || !record.exists() {
        return Ok(Ended::Undone);
    }
    let session = app_session(&step.operator, &hands, &step.database).await?;
    Ok(match attempt::ended(&session, &record).await? {
        Ended::Committed(()) => Ended::Committed(done(&record)?),
        Ended::Undone => Ended::Undone,
        Ended::Forgotten => Ended::Forgotten,
    })
}

/// Whether both databases are what the plan was made for, asked while nothing is held.
pub async fn check_both(step: &CheckTables, source: Secret, hands: Hands<'_>) -> Result<Vec<String>> {
    let transfer = planned(&step.transfer, &step.digest)?;
    let session = app_session(&step.operator, &hands, &step.database).await?;
    let moment = moment(&step.source, source, &session).await?;
    source_as_planned(moment.session(), &transfer).await?;
    let reading = "SET SESSION default_transaction_read_only = on; SET SESSION statement_timeout = 0";
    let failed = |e| Error::environment("cannot read the target").because(crate::postgres::words(&e));
    session.batch_execute(reading).await.map_err(failed)?;
    as_planned(&session, &transfer).await?;
    Ok(Vec::new())
}

/// All of it in one transaction, which is not committed yet.
async fn at_once(
    step: &CopyTables,
    transfer: &Transfer,
    moment: &Moment,
    target: &Session,
    (copying, comparing): &(Gauge, Gauge),
) -> Result<Copied> {
    let source = &moment.copier().await?;
    source_as_planned(source, transfer).await?;
    begin(target, true).await?;
    let down = Down::find(target, transfer, false).await?;
    lock(target, transfer, &down).await?;
    as_planned(target, transfer).await?;
    save_xml_ids(target, &step.folder).await?;
    // What the source yields is digested meanwhile, so that locks are held no longer than for the target's own; a source that
    // cannot be copied from is told before one that cannot be compared.
    let yielded = async { Ok::<_, Error>(transfer::digests(moment, transfer).await) };
    let (mut copied, yielded) =
        tokio::try_join!(written(transfer, (source, target), &down, copying), yielded)?;
    let both = (source, target);
    let (rows, unlike) = transfer::compare_uncommitted(both, transfer, &yielded?, comparing).await?;
    all_same(step, target, &unlike).await?;
    copied.same = rows;
    copied.transaction = number(target).await?.unwrap_or_default();
    Ok(copied)
}

/// Writes all of it.
async fn written(
    transfer: &Transfer,
    (source, target): (&Session, &Session),
    down: &Down,
    gauge: &Gauge,
) -> Result<Copied> {
    // Whoever asks for a number waits until this is decided; so what others hold is waited for before the rows are copied.
    let mut copied =
        Copied { sequences: sequences(source, target, &transfer.sequences).await?, ..Copied::default() };
    take_down(target, down).await?;
    for table in &transfer.tables {
        let filled = fill((source, target), table, down.looped(&table.table), gauge).await?;
        copied.tables.insert(table.table.clone(), filled);
        for tree in transfer.parent_paths.iter().filter(|tree| tree.table == table.table) {
            paths(target, tree).await?;
        }
        gauge.tell(&format!("indexing {}", table.table));
        down.put_back(target, &table.table).await?;
    }
    gauge.tell("looking at references");
    down.refer(target).await?;
    finish(target, transfer, &mut copied, gauge).await?;
    analyze(target, &names(transfer)).await?;
    Ok(copied)
}

fn names(transfer: &Transfer) -> Vec<&str> {
    transfer.tables.iter().map(|table| table.table.as_str()).collect()
}

/// What belongs to the rows, and whether all of it holds.
async fn finish(target: &Session, transfer: &Transfer, copied: &mut Copied, gauge: &Gauge) -> Result<()> {
    copied.xml_ids = xml_ids(target, &transfer.xml_ids).await?;
    copied.sequences += serials(target, &names(transfer)).await?;
    gauge.tell("asking whether all of it holds");
    check(target, &transfer.checks).await
}

/// Keeps the xml ids of the target as they are before anything is written.
async fn save_xml_ids(target: &Session, folder: &Path) -> Result<()> {
    const TABLE: &str = "ir_model_data";
    let there = catalog::every_table(target).await?.contains_key(TABLE);
    if !there {
        return Ok(());
    }
    let to = folder.join("ir_model_data.csv.gz");
    let failed = |e: std::io::Error| cannot("write", &to, &e);
    let file =
        tempfile::Builder::new().prefix(".odpm-").suffix(".tmp").tempfile_in(folder).map_err(failed)?;
    let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    transfer::save(target, TABLE, &mut gz).await?;
    let mut file = gz.finish().map_err(failed)?;
    file.flush().and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(&to).map_err(|e| failed(e.error))?;
    state::sync_folder(folder).map_err(failed)
}

/// Over several connections, each with transactions of its own, into a copy that nobody uses.
async fn staged(
    step: &CopyTables,
    transfer: &Transfer,
    source: Secret,
    hands: &Hands<'_>,
) -> Result<Vec<String>> {
    let begun = step.folder.join("begun.json");
    if begun.exists() {
        again(step, hands).await?;
    }
    let session = app_session(&step.operator, hands, &step.database).await?;
    let moment = moment(&step.source, source, &session).await?;
    source_as_planned(moment.session(), transfer).await?;
    let (gauge, comparing) = gauges(transfer, hands);
    let unchanged = |e: Error| match &step.anew {
        Some(anew) => e.hint(format!("{} is as it was; the copy {} is made anew.", anew.from, anew.to)),
        None => e,
    };
    begin(&session, true).await?;
    let down = Down::find(&session, transfer, true).await?;
    lock(&session, transfer, &down).await?;
    as_planned(&session, transfer).await.map_err(unchanged)?;
    save_xml_ids(&session, &step.folder).await?;
    state::replace_json(&begun, &step.database, 0o600)?;
    let commit = async |session: &Session| {
        let done = session.batch_execute("COMMIT").await;
        done.map_err(|e| Error::environment("cannot commit").because(crate::postgres::words(&e)))
    };
    take_down(&session, &down).await.map_err(unchanged)?;
    commit(&session).await.map_err(unchanged)?;
    let target = app_source(&step.operator, hands, &step.database);
    let filled = transfer::staged(&moment, &target, transfer, &down, step.jobs, &gauge).await;
    let mut copied = Copied { tables: filled.map_err(unchanged)?, ..Copied::default() };
    begin(&session, true).await.map_err(unchanged)?;
    copied.sequences = sequences(moment.session(), &session, &transfer.sequences).await.map_err(unchanged)?;
    finish(&session, transfer, &mut copied, &gauge).await.map_err(unchanged)?;
    copied.transaction = number(&session).await.map_err(unchanged)?.unwrap_or_default();
    copied.commit(&session).await.map_err(unchanged)?;
    // All of the copy is there, and nobody uses it yet; whoever is killed here has it made anew.
    let compared = transfer::compare(&moment, &target, transfer, step.jobs, &comparing).await;
    let (rows, unlike) = compared.map_err(unchanged)?;
    all_same(step, &session, &unlike).await.map_err(unchanged)?;
    copied.same = rows;
    state::replace_json(&step.record(), &copied, 0o600)?;
    Ok(copied.told())
}

/// An attempt has begun with this copy: what it has left half-way is no beginning.
async fn again(step: &CopyTables, hands: &Hands<'_>) -> Result<()> {
    let Some(anew) = &step.anew else {
        let what = format!("{} is left half-way by an attempt before this one", step.database);
        return Err(
            Error::refused(what).hint("Give the run up, and make the plan again: odpm apply --abandon")
        );
    };
    hands.meter.tell("making the copy anew".to_owned());
    restore::duplicate(anew, hands.clone()).await.map(drop)
}

/// Refuses what is not the same on both sides: both were seen as they are at one moment, so it became another on its way.
async fn all_same(step: &CopyTables, target: &Session, unlike: &[Unlike]) -> Result<()> {
    if unlike.is_empty() {
        return Ok(());
    }
    let triggers = transfer::triggers(target, unlike).await?;
    let tables = count(unlike.len() as u64, "copied table");
    let mut error = Error::refused(format!("{tables} {} not the same on both sides", are(unlike.len())));
    for table in unlike.iter().take(TOLD) {
        let rows = match table.source == table.target {
            true => format!("{} on each, with other values", count(table.source, "row")),
            false => format!(
                "{} on the source, {} on the target",
                thousands(table.source),
                thousands(table.target)
            ),
        };
        let run = triggers.get(&table.table).map(|names| format!("; triggers there: {}", names.join(", ")));
        error = error.because(format!("{}: {rows}{}", table.table, run.unwrap_or_default()));
    }
    let more = unlike.len().saturating_sub(TOLD);
    let error = if more > 0 { error.because(format!("and {more} more tables")) } else { error };
    let altered = "A trigger or a rule of the target's alters what is copied";
    Err(match &step.anew {
        None => error.hint(format!("{altered}: disable it meanwhile, then go on.")),
        // The copy is made anew with all that the database has, which is closed meanwhile.
        Some(anew) => error.hint(format!(
            "{altered}, and each copy has it again: give this run up, which opens {}: odpm apply --abandon; disable it there; then make the plan again.",
            anew.from
        )),
    })
}

fn are(many: usize) -> &'static str {
    if many == 1 { "is" } else { "are" }
}
