//! From a decision to the steps that carry it out: in one transaction, or into a copy that takes the database's place.

use std::path::PathBuf;

use super::decision::Decision;
use crate::base::Digest;
use crate::grounds::databases::Hand;
use crate::plan::{PlannedStep, Risk};
use crate::step::{
    CloseDatabase, CompareTables, CopyFiles, CopyTables, DuplicateDatabase, Party, RecomputeFields,
    ServiceSpec, Step,
};

/// The file, in the migration's folder, that says what is copied.
pub const TRANSFER: &str = "transfer.json";

/// The file, in the migration's folder, that lists the files of attachments.
pub const FILES: &str = "files.txt";

/// A migration as it is to be carried out.
#[derive(Clone, Debug)]
pub struct Copying<'a> {
    /// What was decided; nothing of it may stand in the way.
    pub decision: &'a Decision,
    /// Where rows come from.
    pub source: Party,
    /// The filestore's folder of that database, where odpm can reach it.
    pub source_files: Option<PathBuf>,
    /// The database that they go to.
    pub database: &'a str,
    /// The digest of [`TRANSFER`], which whoever plans has written.
    pub transfer: Digest,
    /// That of [`FILES`]; `None` where there are none.
    pub files: Option<Digest>,
    /// Over how many connections a copy is filled that takes the database's place; `None`: the database itself is, in one transaction.
    pub staged: Option<u16>,
    /// How Odoo is run, where stored fields are computed anew.
    pub compute: Option<ServiceSpec>,
}

/// A step of a migration, or one that others have, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// One of the common steps.
    Common(Box<PlannedStep>),
    /// Files of attachments.
    Files(CopyFiles),
    /// Rows.
    Tables(Box<CopyTables>),
    /// Stored fields.
    Compute(Box<RecomputeFields>),
    /// Both sides compared.
    Compare(Box<CompareTables>),
}

/// One of them, with its name and why it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name within the plan.
    pub id: &'static str,
    /// Why.
    pub reason: String,
    /// What.
    pub work: Work,
}

/// The steps in their order. Services are stopped before them and started after them by `services::around`.
pub fn parts(copying: &Copying<'_>, hand: &Hand<'_>) -> Vec<Part> {
    let folder = hand.grounds.project.state().migration(hand.grounds.run);
    let database = copying.database;
    let work = if copying.staged.is_some() { hand.own_name("mig") } else { database.to_owned() };
    let mut parts = Vec::new();
    let run = hand.grounds.run;
    let anew = copying.staged.map(|_| DuplicateDatabase {
        operator: hand.operator.clone(),
        from: database.to_owned(),
        to: work.clone(),
        mark: format!("{database}, being filled by {run}"),
        keep_closed: true,
        filestore: hand.filestore(),
    });
    if let Some(copy) = &anew {
        let (operator, name) = (hand.operator.clone(), database.to_owned());
        let close = Step::CloseDatabase(CloseDatabase { operator, database: name, closed: true });
        let reason = "what is there now is what to go back to";
        parts.push(common("close", reason, PlannedStep::new("close", close, reason).risk(Risk::Interrupts)));
        let reason = "the copy is filled; the database itself is left alone until the copy has passed";
        let copy = Step::DuplicateDatabase(Box::new(copy.clone()));
        parts.push(common("copy", reason, PlannedStep::new("copy", copy, reason)));
    }
    if let (Some(digest), Some(from)) = (&copying.files, &copying.source_files) {
        let to = hand.filestore().join(&work);
        let step = CopyFiles { from: from.clone(), to, list: folder.join(FILES), digest: digest.clone() };
        let count = copying.decision.files.len();
        let reason =
            format!("{count} files belong to rows that come; a row without its file would be broken");
        parts.push(Part { id: "copy-files", reason, work: Work::Files(step) });
    }
    let tables: Vec<String> =
        copying.decision.transfer.tables.iter().map(|table| table.table.clone()).collect();
    let transfer = folder.join(TRANSFER);
    let step = CopyTables {
        source: copying.source.clone(),
        operator: hand.operator.clone(),
        database: work.clone(),
        transfer: transfer.clone(),
        digest: copying.transfer.clone(),
        jobs: copying.staged.unwrap_or(1),
        anew: anew.map(Box::new),
        folder: folder.clone(),
    };
    let reason = match copying.staged {
        Some(_) => format!("{} tables, from one moment of the source, into the copy", tables.len()),
        None => format!("{} tables, from one moment of the source, in one transaction", tables.len()),
    };
    parts.push(Part { id: "copy-tables", reason, work: Work::Tables(Box::new(step)) });
    if let Some(service) = &copying.compute {
        let step = RecomputeFields {
            operator: hand.operator.clone(),
            service: service.clone(),
            database: work.clone(),
            tables,
            fields: Vec::new(),
            folder,
        };
        let reason = "stored fields may depend on rows that did not come".to_owned();
        parts.push(Part { id: "compute", reason, work: Work::Compute(Box::new(step)) });
    }
    let step = CompareTables {
        source: copying.source.clone(),
        operator: hand.operator.clone(),
        database: work.clone(),
        transfer,
        digest: copying.transfer.clone(),
    };
    let reason = "every row that came has to be what the source has".to_owned();
    parts.push(Part { id: "compare", reason, work: Work::Compare(Box::new(step)) });
    if copying.staged.is_some() {
        let (kept, mark) = (hand.own_name("old"), format!("{database}, before the migration {run}"));
        let publish = hand.moved(&work, database, Some((&kept, &mark)), true, "");
        let reason = format!("the copy has passed; what was there before is kept as {kept}");
        let step = PlannedStep::new("publish", publish, reason.clone()).risk(Risk::Interrupts);
        parts.push(Part { id: "publish", reason, work: Work::Common(Box::new(step)) });
    }
    parts
}

fn common(id: &'static str, reason: &str, step: PlannedStep) -> Part {
    Part { id, reason: reason.to_owned(), work: Work::Common(Box::new(step)) }
}
