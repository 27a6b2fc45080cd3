//! The steps from an empty database to one that has been compared with its backup.

use std::path::Path;

use super::specs;
use crate::facts::{BackupSeen, BackupSource};
use crate::plan::PlannedStep;
use crate::step::{CheckBackup, CheckDatabase, LoadBackup, LoadFiles, Operator, Step};

/// A backup to be loaded beside what is in service.
#[derive(Clone, Copy, Debug)]
pub struct Loading<'a> {
    /// The backup.
    pub backup: &'a BackupSeen,
    /// What it is.
    pub source: BackupSource,
    /// The database that is made.
    pub name: &'a str,
    /// What is written on it until it is in service.
    pub mark: &'a str,
    /// Whether its files are loaded, too.
    pub files: bool,
    /// How many connections load at once.
    pub jobs: u16,
}

impl Loading<'_> {
    /// The steps.
    pub fn steps(&self, operator: &Operator, filestore: &Path) -> Vec<PlannedStep> {
        let Self { backup, source, name, mark, files, jobs } = *self;
        let path = || backup.path.clone();
        let check = Step::CheckBackup(CheckBackup { operator: operator.clone(), path: path(), source });
        let load = LoadBackup {
            operator: operator.clone(),
            path: path(),
            source,
            database: name.to_owned(),
            mark: mark.to_owned(),
            extensions: specs::EXTENSIONS.map(str::to_owned).to_vec(),
            jobs,
        };
        let mut steps = vec![
            PlannedStep::new("check-backup", check, "what is damaged is not restored"),
            PlannedStep::new(
                "load",
                Step::LoadBackup(Box::new(load)),
                "nothing in service is written to, and the first error ends it",
            ),
        ];
        let folder = filestore.join(name);
        let has_files = match source {
            BackupSource::Zip | BackupSource::Folder => true,
            BackupSource::Fast => {
                backup.manifest.as_ref().is_some_and(|manifest| manifest.filestore.is_some())
            }
            BackupSource::Dump | BackupSource::Sql | BackupSource::SqlGz => false,
        };
        let files = files && has_files;
        if files {
            let step = Step::LoadFiles(LoadFiles { path: path(), source, to: folder.clone() });
            steps.push(PlannedStep::new("load-files", step, "attachments and pictures lie there"));
        }
        let step = CheckDatabase {
            operator: operator.clone(),
            database: name.to_owned(),
            backup: path(),
            files: files.then_some(folder),
            before: None,
        };
        let reason = "owner, extensions, rows, sequences and files have to be right";
        steps.push(PlannedStep::new("check", Step::CheckDatabase(Box::new(step)), reason));
        steps
    }
}
