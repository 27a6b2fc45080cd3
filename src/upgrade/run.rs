//! The plan of an upgrade: everything rests, a copy is upgraded and proved, and takes the place of the database.

use std::path::{Path, PathBuf};

use super::freeze::{give_back, rest};
use super::preflight::checkpoint::Choice;
use super::rollback::{brought_back, compared, left_by};
use super::watched::{self, Watch};
use super::{Code, Make};
use crate::base::time::utc_seconds;
use crate::facts::{Checkpoint, MODULE_HASHES, UpgradeEnd, UpgradeRecord, UpgradeSeen};
use crate::grounds::{Grounds, frame, services, specs};
use crate::plan::{Block, Plan, PlannedStep, Risk};
use crate::project::{ChangeKind, CheckpointKind, Expect};
use crate::step::{
    BackupDatabase, BackupFormat, DuplicateDatabase, ProbeOdoo, RunOdoo, ServiceSpec, ShellCheck, Step,
    WatchSpec, WriteFile,
};

/// How many connections dump and load at once.
pub const JOBS: u16 = 2;

/// An upgrade as it is wanted.
#[derive(Clone, Debug)]
pub struct Attempt<'a> {
    /// The database.
    pub database: &'a str,
    /// The modules, and what is known of them.
    pub code: &'a Code,
    /// What there is to go back to, and how long it takes.
    pub checkpoint: &'a Choice,
    /// Attempts before this one that are not at their end, the first one first: this one takes their place.
    pub before: &'a [UpgradeSeen],
    /// An upgrade that was taken back, and whose services wait still: this one takes its turn.
    pub rolled_back: Option<&'a UpgradeSeen>,
    /// The command, as it may be given again.
    pub command: String,
    /// What is watched of its rows, before and after; nothing where that is not wanted.
    pub watch: Option<&'a WatchSpec>,
    /// The scripts among the project's checks.
    pub scripts: &'a [ShellCheck],
}

/// One upgrade, or one rehearsal.
struct One<'a> {
    wanted: &'a Attempt<'a>,
    make: &'a Make<'a>,
    /// How Odoo is run.
    service: ServiceSpec,
    /// The name under which the database is upgraded.
    work: String,
    /// Whether that is thrown away.
    rehearsal: bool,
}

pub fn plan(wanted: &Attempt<'_>, make: &Make<'_>, plan: &mut Plan) {
    let Some(one) = One::new(wanted, false, make, plan) else { return };
    let database = wanted.database;
    let first = wanted.before.first().or(wanted.rolled_back);
    let before = first.map(|seen| seen.record.ran.as_slice());
    let rest = rest(database, make.ground.all.run, before, &make.ground.all);
    let then = Grounds { seen: &rest.then, ..make.ground.all };
    let kept = make.hand.own_name("old");
    let mark = format!("{database}, before the upgrade {}", make.ground.all.run);
    let backup = backup(wanted, make);
    let checkpoint = match wanted.checkpoint.kind {
        CheckpointKind::Copy => Checkpoint::Copy { kept: kept.clone() },
        CheckpointKind::Backup => Checkpoint::Backup { path: backup.place().to_owned() },
    };
    let time = wanted.checkpoint.time();
    let mut steps = vec![one.recorded(checkpoint, rest.ran.clone())];
    steps.extend(rest.steps);
    steps.extend(superseded(wanted, make, plan));
    if !plan.blocked.is_empty() {
        return;
    }
    let (anew, keep) = match wanted.checkpoint.kind {
        CheckpointKind::Copy => {
            let close = make.closed(database, true);
            let reason = "what is there now is what to go back to";
            steps.push(PlannedStep::new("close", close, reason).risk(Risk::Interrupts));
            let copy = one.copy(&format!("being upgraded by {}", make.ground.all.run), true);
            steps.push(PlannedStep::new(
                "copy",
                Step::DuplicateDatabase(Box::new(copy.clone())),
                format!(
                    "the copy is upgraded, the database itself is left alone until the copy has passed; {time}"
                ),
            ));
            (Some(copy), Some((kept.as_str(), mark.as_str())))
        }
        CheckpointKind::Backup => {
            let away = make.moved(database, &one.work, None);
            let reason = "nobody finds it under a name that nobody knows, so nobody writes to it";
            steps.push(PlannedStep::new("take-away", away, reason).risk(Risk::Interrupts));
            if let BackupOf::New(to) = backup {
                let files = make.ground.databases.folders.contains_key(database);
                let step = BackupDatabase {
                    operator: make.hand.operator.clone(),
                    database: one.work.clone(),
                    format: BackupFormat::Fast,
                    to,
                    files: files.then(|| make.hand.filestore().join(&one.work)),
                    jobs: JOBS,
                };
                let reason = format!("it is what to go back to; {time}");
                steps.push(PlannedStep::new("backup", Step::BackupDatabase(Box::new(step)), reason));
            }
            (None, None)
        }
    };
    steps.extend(one.proved(anew, plan));
    if !plan.blocked.is_empty() {
        return;
    }
    let publish = make.moved(&one.work, database, keep);
    let reason = match keep {
        Some(_) => "the copy has passed; what was there before is kept for `odpm upgrade rollback`",
        None => "it has passed; the backup is kept for `odpm upgrade rollback`",
    };
    steps.push(PlannedStep::new("publish", publish, reason).risk(Risk::Interrupts));
    let end = make.ended(&one.folder(), UpgradeEnd::Upgraded);
    steps.push(PlannedStep::new("record", end, "`odpm upgrade history` shows it"));
    steps.extend(give_back(&rest.ran, &then));
    plan.steps.extend(steps);
}

/// The same on a copy that is thrown away: nothing is frozen, and people are sent away only while the copy is made.
pub fn rehearse(wanted: &Attempt<'_>, make: &Make<'_>, plan: &mut Plan) {
    if wanted.checkpoint.kind == CheckpointKind::Backup {
        let block = Block::environment("no_room", "there is no room for a copy to rehearse on");
        plan.blocked
            .push(block.hint("Make room on the disk of the data directory, or rehearse on another machine."));
        return;
    }
    let Some(one) = One::new(wanted, true, make, plan) else { return };
    let checkpoint = Checkpoint::Copy { kept: wanted.database.to_owned() };
    let copy = one.copy(&format!("a rehearsal of {}", make.ground.all.run), false);
    let copying = PlannedStep::new(
        "copy",
        Step::DuplicateDatabase(Box::new(copy)),
        "the rehearsal takes place on a copy; people are away while it is made",
    );
    let ran = specs::running(&make.ground.all).into_iter().map(str::to_owned).collect();
    plan.steps.push(one.recorded(checkpoint, ran));
    plan.steps.extend(services::around(vec![copying.risk(Risk::Interrupts)], &make.ground.all));
    plan.steps.push(make.hand.renewed(&one.work));
    plan.steps.push(make.hand.neutralized(&one.work));
    // One that was killed is not gone on with: its copy was neutralized, which another one would not be.
    let proved = one.proved(None, plan);
    plan.steps.extend(proved);
    plan.steps.push(make.dropped(&one.work, "the rehearsal is over"));
    let end = make.ended(&one.folder(), UpgradeEnd::Rehearsed);
    plan.steps.push(PlannedStep::new("record", end, "the real one says how long it will take"));
}

impl<'a> One<'a> {
    fn new(wanted: &'a Attempt<'a>, rehearsal: bool, make: &'a Make<'a>, plan: &mut Plan) -> Option<Self> {
        let Some(service) = specs::service("odoo", &make.ground.all) else {
            let what = "modules are Odoo's work, and odpm runs no Odoo here";
            plan.blocked.push(frame::no_odoo(what, &make.ground.all));
            return None;
        };
        Some(Self { wanted, make, service, work: make.hand.own_name("up"), rehearsal })
    }

    /// The folder of its record and its evidence.
    fn folder(&self) -> PathBuf {
        let grounds = &self.make.ground.all;
        grounds.project.state().upgrade(grounds.run)
    }

    /// The first step: what is to be done, on what grounds.
    fn recorded(&self, checkpoint: Checkpoint, ran: Vec<String>) -> PlannedStep {
        let (Grounds { seen, run, .. }, Attempt { code, .. }) = (self.make.ground.all, self.wanted);
        let Code { install, update, modules, releases, .. } = (*code).clone();
        let record = UpgradeRecord {
            format_version: 1,
            run: run.clone(),
            command: self.wanted.command.clone(),
            by: seen.author.name.clone(),
            begun: utc_seconds(seen.at),
            database: self.wanted.database.to_owned(),
            work: self.work.clone(),
            install,
            update,
            modules,
            rehearsal: self.rehearsal,
            ran,
            checkpoint,
            releases,
        };
        let content = serde_json::to_string_pretty(&record).unwrap_or_default() + "\n";
        let path = self.folder().join("upgrade.json");
        let step = Step::WriteFile(WriteFile { path, content, mode: 0o644, before: None });
        PlannedStep::new("begin", step, "command, versions and commits are on record")
    }

    /// The database copied; `what` the copy is.
    fn copy(&self, what: &str, keep_closed: bool) -> DuplicateDatabase {
        DuplicateDatabase {
            operator: self.make.hand.operator.clone(),
            from: self.wanted.database.to_owned(),
            to: self.work.clone(),
            mark: format!("{}, {what}", self.wanted.database),
            keep_closed,
            filestore: self.make.hand.filestore(),
        }
    }

    /// Odoo at work, and what has to hold then.
    fn proved(&self, anew: Option<DuplicateDatabase>, plan: &mut Plan) -> Vec<PlannedStep> {
        let Grounds { seen, project, .. } = self.make.ground.all;
        let mut expect = project.watchdog.expect.clone();
        // The digests of the modules' files are odpm's own.
        expect.push(Expect {
            model: "ir.config_parameter".to_owned(),
            fields: Vec::new(),
            changes: vec![ChangeKind::Added, ChangeKind::Altered],
            filter: [("key".to_owned(), MODULE_HASHES.to_owned())].into(),
            rows: None,
            percent: None,
            shift: None,
        });
        let folder = self.folder();
        let watch = self.wanted.watch.map(|spec| Watch {
            operator: &self.make.hand.operator,
            database: &self.work,
            spec,
            expect: &expect,
            folder: &folder,
            by: &seen.author.name,
            gate: true,
        });
        let mut steps: Vec<PlannedStep> = watch.iter().map(watched::before).collect();
        steps.push(self.odoo(anew));
        steps.extend(watch.iter().map(watched::after));
        if self.rehearsal {
            // An update can switch crons and mail servers on again.
            let again = self.make.hand.neutralized(&self.work);
            steps.push(PlannedStep { id: "neutralize-again".to_owned(), ..again });
        }
        match super::probe_step(&self.work, self.wanted.scripts, &self.make.ground.all) {
            Ok(probe) => {
                let probe = Step::ProbeOdoo(Box::new(ProbeOdoo { log: folder.join("probe.log"), ..probe }));
                let reason = "it has to start, people have to be able to log in, and the checks to hold";
                steps.push(PlannedStep::new("probe", probe, reason));
            }
            Err(block) => plan.blocked.push(block),
        }
        steps
    }

    /// Odoo at work.
    fn odoo(&self, anew: Option<DuplicateDatabase>) -> PlannedStep {
        let (project, code) = (self.make.ground.all.project, self.wanted.code);
        let step = RunOdoo {
            operator: self.make.hand.operator.clone(),
            service: self.service.clone(),
            args: super::probe::further_args(project),
            database: self.work.clone(),
            rehearsal: self.rehearsal,
            anew,
            install: code.install.clone(),
            update: code.update.clone(),
            wanted: code.versions_wanted(),
            allow: project.upgrade.allow.iter().map(|allowed| allowed.pattern.clone()).collect(),
            hashes: code.hashes.clone(),
            files: self.make.hand.filestore().join(&self.work),
            folder: self.folder(),
        };
        let reason = "judged by what the modules are afterwards and by the log, not by the exit code";
        PlannedStep::new("upgrade", Step::RunOdoo(Box::new(step)), reason)
    }
}

/// What attempts before this one have left goes, and the database is brought back where it was upgraded itself.
fn superseded(attempt: &Attempt<'_>, make: &Make<'_>, plan: &mut Plan) -> Vec<PlannedStep> {
    let Some(first) = attempt.before.first() else { return Vec::new() };
    if first.record.checkpoint.kind() != attempt.checkpoint.kind {
        let block = Block::refused("another_checkpoint", "what there is to go back to stays what it was");
        plan.blocked.push(block.hint("Leave --checkpoint out, or go back first: odpm upgrade rollback"));
        return Vec::new();
    }
    if attempt.before.iter().any(|seen| make.in_service(seen)) {
        let block = Block::refused("published", "the upgraded database has taken its place already");
        let block = block.hint("Bring what is left to its end: odpm apply --resume");
        plan.blocked.push(block.hint("Or go back: odpm upgrade rollback"));
        return Vec::new();
    }
    let mut steps = match first.record.checkpoint.kind() {
        CheckpointKind::Copy => left_by(attempt.before, make).collect(),
        CheckpointKind::Backup => {
            let (mut brought, left) = brought_back(first, make, plan);
            brought.push(compared(first, false, make));
            brought.extend(left);
            brought.extend(left_by(&attempt.before[1..], make));
            brought
        }
    };
    for before in attempt.before {
        let end = make.ended(&before.folder, UpgradeEnd::Superseded);
        let id = format!("supersede-{}", before.record.run);
        steps.push(PlannedStep::new(id, end, "this attempt takes its place"));
    }
    steps
}

/// The backup to go back to.
enum BackupOf {
    /// One that is to be made.
    New(PathBuf),
    /// That of the attempt before this one: nothing was written since.
    Before(PathBuf),
}

impl BackupOf {
    fn place(&self) -> &Path {
        match self {
            Self::New(path) | Self::Before(path) => path,
        }
    }
}

fn backup(wanted: &Attempt<'_>, make: &Make<'_>) -> BackupOf {
    let known = |path: &&PathBuf| make.ground.databases.backups.iter().any(|backup| backup.path == **path);
    let before = wanted.before.first().and_then(|before| match &before.record.checkpoint {
        Checkpoint::Backup { path } => Some(path).filter(known),
        Checkpoint::Copy { .. } => None,
    });
    if let Some(path) = before {
        return BackupOf::Before(path.clone());
    }
    let short = make.ground.all.run.short();
    BackupOf::New(make.hand.backup(wanted.database, &format!("before-upgrade-{short}.odpm")))
}
