//! The steps of a migration: everything rests, files and rows come over and are compared, Odoo computes what follows.

use std::path::PathBuf;

use super::decision::Decision;
use crate::base::Digest;
use crate::base::size::count;
use crate::grounds::databases::Hand;
use crate::grounds::{Grounds, frame, services, specs};
use crate::plan::{Block, Plan, PlannedStep, Risk};
use crate::step::{
    BackupDatabase, BackupFormat, CheckTables, CloseDatabase, CopyFiles, CopyTables, DuplicateDatabase,
    Operator, Party, RecomputeFields, Step,
};

/// The file, in the migration's folder, that says what is copied.
pub const TRANSFER: &str = "transfer.json";

/// The file, in the migration's folder, that lists the files of attachments.
pub const FILES: &str = "files.txt";

/// How many connections a backup is dumped over.
const DUMPS: u16 = 2;

/// A migration that was decided on.
#[derive(Clone, Debug)]
pub struct Move<'a> {
    /// What was decided.
    pub decision: &'a Decision,
    /// The source.
    pub source: Party,
    /// Who writes to the target.
    pub operator: Operator,
    /// The target's database.
    pub database: String,
    /// Whether it is one of this project: its services are stopped, and it is backed up.
    pub own: bool,
    /// The file with what is copied, and its digest.
    pub transfer: (PathBuf, Digest),
    /// Where the files of attachments are, with the list of them and its digest; `None` where none come, or no file can.
    pub files: Option<Files>,
    /// The migration's folder.
    pub folder: PathBuf,
    /// Whether all happens to a copy of the target that takes its place.
    pub staged: bool,
    /// Over how many connections that copy is filled.
    pub jobs: u16,
    /// Whether the target is backed up first.
    pub backup: bool,
}

/// The files of attachments.
#[derive(Clone, Debug)]
pub struct Files {
    /// The source's folder.
    pub from: PathBuf,
    /// The target's.
    pub to: PathBuf,
    /// The list.
    pub list: PathBuf,
    /// Its digest.
    pub digest: Digest,
}

/// The plan.
pub fn plan(wanted: &Move<'_>, grounds: &Grounds<'_>) -> Plan {
    let mut plan = frame::empty("migrate apply", grounds);
    plan.blocked.extend(frame::unfinished(grounds));
    plan.blocked.extend(frame::frozen(grounds));
    plan.blocked.extend(frame::unavailable(grounds));
    if wanted.own {
        plan.blocked.extend(frame::stopped(grounds));
    }
    plan.blocked.extend(wanted.decision.blocks.iter().cloned());
    plan.warnings.extend(wanted.decision.warnings.iter().cloned());
    if wanted.staged && !wanted.own {
        let block = Block::refused(
            "staged_elsewhere",
            "a database of another server cannot be migrated to in stages",
        );
        plan.blocked.push(
            block
                .because("the copy takes the database's place by two renames, and its files and services are not here")
                .hint("Leave --staged out: then all is one transaction.")
                .hint("Or run odpm there, with --from naming the source."),
        );
    }
    if !plan.blocked.is_empty() || wanted.decision.transfer.tables.is_empty() {
        return plan;
    }
    let make = Make { wanted, hand: Hand { operator: wanted.operator.clone(), grounds: *grounds } };
    let steps = if wanted.staged { make.staged() } else { make.at_once() };
    plan.steps = vec![make.checked()];
    plan.steps.extend(if wanted.own { services::around(steps, grounds) } else { steps });
    // Somebody works there: what both have is written over, and source and target may have been swapped.
    if !wanted.decision.holds.is_empty() {
        plan.destroys.push(wanted.database.clone());
    }
    plan.warnings.extend(without(wanted, grounds));
    plan
}

/// What does not happen, and others may expect.
fn without(wanted: &Move<'_>, grounds: &Grounds<'_>) -> Vec<String> {
    let stays = "fields that are computed from other tables stay as they come";
    let mut told = Vec::new();
    if !wanted.own {
        told.push(format!(
            "{} is none of this project's databases: odpm takes no backup of it, stops no Odoo there, and {stays}.",
            wanted.database
        ));
    } else if specs::shell(grounds).is_none() {
        told.push(format!("odpm runs no Odoo here: {stays}."));
    }
    if wanted.own && !wanted.staged && !wanted.backup {
        told.push(format!("{} is not backed up: there will be no way back.", wanted.database));
    }
    told
}

struct Make<'a> {
    wanted: &'a Move<'a>,
    hand: Hand<'a>,
}

impl Make<'_> {
    /// All in one transaction.
    fn at_once(&self) -> Vec<PlannedStep> {
        let mut steps: Vec<PlannedStep> = self.backup().into_iter().collect();
        let name = &self.wanted.database;
        steps.extend(self.files(name));
        steps.push(self.rows(name, 1, None));
        steps.extend(self.computed(name));
        steps
    }

    /// On a copy, which takes the place of the database.
    fn staged(&self) -> Vec<PlannedStep> {
        let name = &self.wanted.database;
        let (work, kept) = (self.hand.own_name("mig"), self.hand.own_name("old"));
        let close = Step::CloseDatabase(CloseDatabase {
            operator: self.wanted.operator.clone(),
            database: name.clone(),
            closed: true,
        });
        let copy = DuplicateDatabase {
            operator: self.wanted.operator.clone(),
            from: name.clone(),
            to: work.clone(),
            mark: format!("{name}, being migrated to by {}", self.hand.grounds.run),
            keep_closed: true,
            filestore: self.hand.filestore(),
        };
        let reason = "what is there now is what to go back to";
        let mut steps = vec![PlannedStep::new("close", close, reason).risk(Risk::Interrupts)];
        let reason = "the copy is filled, the database itself is left alone until the copy has passed";
        steps.push(PlannedStep::new("copy", Step::DuplicateDatabase(Box::new(copy.clone())), reason));
        // The copy's folder is made with it; the files of the target are in it already.
        steps.extend(self.files(&work));
        steps.push(self.rows(&work, self.wanted.jobs, Some(copy)));
        steps.extend(self.computed(&work));
        let mark = format!("{name}, before the migration {}", self.hand.grounds.run);
        let publish = self.hand.moved(&work, name, Some((&kept, &mark)), true, "");
        let reason = format!("the copy has passed; what was there before is kept as {kept}");
        steps.push(PlannedStep::new("publish", publish, reason).risk(Risk::Interrupts));
        steps
    }

    fn backup_path(&self) -> Option<PathBuf> {
        let Move { own, backup, database, .. } = self.wanted;
        let short = self.hand.grounds.run.short();
        (*own && *backup).then(|| self.hand.backup(database, &format!("before-migration-{short}.odpm")))
    }

    fn backup(&self) -> Option<PlannedStep> {
        let database = &self.wanted.database;
        let step = BackupDatabase {
            operator: self.wanted.operator.clone(),
            database: database.clone(),
            format: BackupFormat::Fast,
            to: self.backup_path()?,
            files: Some(self.hand.filestore().join(database)),
            jobs: DUMPS,
        };
        let reason = "what was committed is taken back by nothing else";
        Some(PlannedStep::new("backup", Step::BackupDatabase(Box::new(step)), reason))
    }

    /// Files come before the rows that name them: one that is damaged ends the run with no row written.
    fn files(&self, database: &str) -> Option<PlannedStep> {
        let files = self.wanted.files.as_ref()?;
        let to = match files.to.parent() {
            Some(above) => above.join(database),
            None => files.to.clone(),
        };
        let (from, list, digest) = (files.from.clone(), files.list.clone(), files.digest.clone());
        let step = CopyFiles { from, to, list, digest, require_all: false };
        let many = count(self.wanted.decision.files.len() as u64, "file");
        Some(PlannedStep::new(
            "copy-files",
            Step::CopyFiles(step),
            format!("the attachments that come name {many}"),
        ))
    }

    /// Before anybody is sent away, and before a backup of minutes.
    fn checked(&self) -> PlannedStep {
        let (transfer, digest) = self.wanted.transfer.clone();
        let step = CheckTables {
            source: self.wanted.source.clone(),
            operator: self.wanted.operator.clone(),
            database: self.wanted.database.clone(),
            transfer,
            digest,
        };
        let reason = "what has changed since is no longer what was planned; the copy asks once more";
        PlannedStep::new("check", Step::CheckTables(Box::new(step)), reason)
    }

    fn rows(&self, database: &str, jobs: u16, anew: Option<DuplicateDatabase>) -> PlannedStep {
        let (transfer, digest) = self.wanted.transfer.clone();
        let step = CopyTables {
            source: self.wanted.source.clone(),
            operator: self.wanted.operator.clone(),
            database: database.to_owned(),
            transfer,
            digest,
            tables: self.wanted.decision.transfer.tables.len() as u64,
            rows: self.wanted.decision.coming(),
            before: if anew.is_none() { self.backup_path() } else { None },
            jobs,
            anew: anew.map(Box::new),
            folder: self.wanted.folder.clone(),
        };
        let reason = if jobs > 1 {
            "several transactions, into a copy that nobody uses before each table is found to be what the source has"
        } else {
            "one transaction, committed only when each table is found to be what the source has: all of it or nothing"
        };
        PlannedStep::new("copy-tables", Step::CopyTables(Box::new(step)), reason)
    }

    fn computed(&self, database: &str) -> Option<PlannedStep> {
        if !self.wanted.own {
            return None;
        }
        let step = RecomputeFields {
            operator: self.wanted.operator.clone(),
            service: specs::shell(&self.hand.grounds)?,
            database: database.to_owned(),
            tables: self.wanted.decision.transfer.tables.iter().map(|table| table.table.clone()).collect(),
            // Rows that were there before are what Odoo has computed there: they are not touched.
            whole: self
                .wanted
                .decision
                .tables
                .iter()
                .filter(|table| table.stay == 0)
                .map(|table| table.table.clone())
                .collect(),
            fields: Vec::new(),
            folder: self.wanted.folder.clone(),
        };
        let reason = "what is computed from rows that did not come is not what it was there";
        Some(PlannedStep::new("compute", Step::RecomputeFields(Box::new(step)), reason))
    }
}
