//! The first real failure of a server's log: not the last traceback, and nothing that the server survived.
//!
//! Errors of a process are kept as suspects while it loads modules. What ends the loading tells which of them it was; when the
//! server goes on to the end, they were survived.

mod cause;
mod class;
mod evidence;
mod judge;
mod place;
mod query;
mod survived;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_classes;
mod told;

use std::collections::BTreeMap;

use crate::odoo::{Landmark, Level, Record, Records, landmark};

pub use class::Class;
pub use told::{Diagnosis, Evidence, Failure, Finding, FindingKind, Later, Loaded, Phase, Place, Sql, View};

use judge::{Process, Suspect};
use query::BadQuery;
use survived::Kind;

/// How many processes, suspects, failures, findings and consequences are kept.
const PROCESSES: usize = 256;
const SUSPECTS: usize = 40;
const FAILURES: usize = 50;
const FINDINGS: usize = 60;
const CONSEQUENCES: usize = 12;

/// Reads a log line by line, in constant memory.
#[derive(Debug, Default)]
pub struct Reading {
    records: Records,
    seen: Seen,
}

impl Reading {
    /// The next line, without its end.
    pub fn see(&mut self, line: &str) {
        let Self { records, seen } = self;
        records.see(line, &mut |record| seen.record(record));
    }

    /// What the log says.
    pub fn end(mut self) -> Diagnosis {
        let Self { records, seen } = &mut self;
        records.end(&mut |record| seen.record(record));
        self.seen.end(self.records.lines, self.records.heads)
    }
}

#[derive(Debug, Default)]
struct Seen {
    processes: BTreeMap<u32, Process>,
    last_pid: u32,
    paths: Vec<String>,
    versions: Vec<String>,
    warnings: u64,
    /// Failures of loading, and failures while the server runs.
    failures: Vec<Failure>,
    running: Vec<Failure>,
    /// How often each came again.
    again: BTreeMap<u64, u64>,
    findings: Vec<Finding>,
    loaded: Vec<Loaded>,
}

impl Seen {
    fn record(&mut self, record: Record) {
        // What the kernel or Compose says has no process: it is about the one that was at work.
        let busy =
            || self.processes.iter().find(|(_, process)| process.attempt.is_some()).map(|(pid, _)| *pid);
        let pid = if record.pid == 0 { busy().unwrap_or(self.last_pid) } else { record.pid };
        self.last_pid = pid;
        if self.processes.len() >= PROCESSES && !self.processes.contains_key(&pid) {
            self.forget();
        }
        let mut process = self.processes.remove(&pid).unwrap_or_default();
        if record.database != "?" && !record.database.is_empty() {
            process.database = Some(record.database.clone());
        }
        self.settle_loose(&mut process, &record);
        if let Some(step) = landmark(&record) {
            self.step(&mut process, &record, step);
        } else {
            self.judge(&mut process, record);
        }
        self.processes.insert(pid, process);
    }

    /// Makes room: processes that load nothing have nothing to be remembered for.
    fn forget(&mut self) {
        let idle =
            self.processes.iter().find(|(_, process)| process.attempt.is_none() && process.loose.is_none());
        let pid = idle.or_else(|| self.processes.iter().next()).map(|(pid, _)| *pid);
        if let Some(mut process) = pid.and_then(|pid| self.processes.remove(&pid)) {
            self.over(&mut process, 0);
        }
    }

    /// A traceback that nobody logged ends a process; where it goes on, it did not.
    fn settle_loose(&mut self, process: &mut Process, record: &Record) {
        let farewell = record.logger == "odoo.sql_db" || record.message.starts_with("Initiating shutdown");
        if farewell || record.raw {
            return;
        }
        if let Some(loose) = process.loose.take()
            && loose.chain.last().is_some_and(|last| last.name() != "KeyboardInterrupt")
        {
            let what = loose.chain.root().map(|root| format!("{}: {}", root.class, root.first()));
            self.find(FindingKind::SurvivedError, loose.line, &what.unwrap_or_default());
        }
    }

    fn step(&mut self, process: &mut Process, record: &Record, step: Landmark) {
        if !matches!(step, Landmark::Shutdown) {
            process.suspects.iter_mut().for_each(|suspect| suspect.survived = true);
        }
        match &step {
            Landmark::Started(version) => {
                self.over(process, record.line);
                *process = Process::default();
                if !self.versions.contains(version) && self.versions.len() < FINDINGS {
                    self.versions.push(version.clone());
                }
            }
            Landmark::AddonsPaths(paths) => self.paths.clone_from(paths),
            Landmark::Loading(_) if process.attempt.is_none() => {
                process.attempt = Some(record.line);
                (process.failed, process.step) = (None, None);
                process.reset.clear();
            }
            Landmark::Loaded(modules) => process.modules = *modules,
            Landmark::AllLoaded | Landmark::Registry => {
                self.survived(process);
                self.stands(record, process.modules);
                (process.attempt, process.registry, process.step) = (None, None, None);
                return;
            }
            Landmark::ModuleLoaded(_) => {
                process.step = None;
                return;
            }
            Landmark::Shutdown => return self.over(process, record.line),
            _ => {}
        }
        if place::module_of(&step).is_some() || matches!(step, Landmark::Started(_)) {
            process.step = Some((step, evidence::head(record)));
        }
    }

    fn stands(&mut self, record: &Record, modules: u64) {
        match self.loaded.iter().position(|loaded| loaded.database == record.database) {
            Some(at) => (self.loaded[at].modules, self.loaded[at].line) = (modules, record.line),
            None if self.loaded.len() < FINDINGS => {
                self.loaded.push(Loaded { database: record.database.clone(), modules, line: record.line });
            }
            None => {}
        }
    }

    fn judge(&mut self, process: &mut Process, record: Record) {
        self.warnings += u64::from(record.level == Level::Warning);
        match survived::kind(&record) {
            Kind::Nothing => {}
            Kind::Reset => process.reset.push(evidence::head(&record)),
            Kind::RegistryFailed => process.registry = Some(record),
            Kind::Unloadable(module) => process.unloadable = Some((evidence::head(&record), module)),
            Kind::Survived(kind) => self.find(kind, record.line, &record.message),
            Kind::Fatal => self.fail(process, &record, true),
            Kind::TestFailed => self.test(process, &record),
            Kind::TestsFailed => self.tests(process, &record),
            Kind::Suspect if record.raw => process.loose = Some(record),
            Kind::Suspect if process.failed.is_some() => self.consequence(process, &record),
            Kind::Suspect if process.registry.is_some() && record.chain.last().is_some() => {
                self.fail(process, &record, true)
            }
            Kind::Suspect => self.suspect(process, record),
        }
    }

    fn suspect(&mut self, process: &mut Process, record: Record) {
        let query = BadQuery::of(&record);
        if process.attempt.is_none() && query.is_none() {
            return self.runs(process, &record);
        }
        if process.suspects.len() == SUSPECTS {
            process.suspects.remove(SUSPECTS / 2);
        }
        process.suspects.push(Suspect { record, query, survived: false });
    }

    /// An error of a server that runs: a request, a scheduled action.
    fn runs(&mut self, process: &mut Process, record: &Record) {
        if record.chain.last().is_none() {
            return self.find(
                FindingKind::SurvivedError,
                record.line,
                &format!("{}: {}", record.logger, record.message),
            );
        }
        let mut failure = judge::failure(record, process, &self.paths, true);
        process.suspects.clear();
        let logger = record.logger.as_str();
        if failure.phase == Phase::Running {
            failure.phase = match logger {
                "odoo.http" => Phase::Request,
                _ if logger.contains("cron") || logger.contains("queue_job") => Phase::ScheduledAction,
                _ => Phase::Running,
            };
        }
        keep(&mut self.running, &mut self.again, failure);
    }

    fn fail(&mut self, process: &mut Process, record: &Record, confirmed: bool) {
        if process.failed.is_some() && !record.raw {
            return self.consequence(process, record);
        }
        let failure = judge::failure(record, process, &self.paths, confirmed);
        process.failed = keep(&mut self.failures, &mut self.again, failure);
        process.suspects.clear();
        process.reset.clear();
        (process.attempt, process.registry, process.unloadable) = (None, None, None);
    }

    fn consequence(&mut self, process: &Process, record: &Record) {
        let failure = process.failed.and_then(|at| self.failures.get_mut(at));
        if let Some(failure) = failure.filter(|failure| failure.consequences.len() < CONSEQUENCES) {
            failure.consequences.push(evidence::head(record));
        }
    }

    fn test(&mut self, process: &mut Process, record: &Record) {
        let mut failure = judge::failure(record, process, &self.paths, true);
        let said = failure.cause.clone();
        let name = record.message.split_once(": ").map_or(record.message.as_str(), |(_, name)| name);
        failure.class = Class::TestFailed;
        failure.phase = Phase::Tests;
        failure.cause = evidence::short(&format!("test {name} failed: {said}"), 300);
        failure.remedies = Class::TestFailed.remedies().iter().map(|&remedy| remedy.to_owned()).collect();
        if let Some(module) =
            record.logger.strip_prefix("odoo.addons.").and_then(|rest| rest.split('.').next())
        {
            failure.module = Some(module.to_owned());
        }
        failure.consequences.clear();
        failure.evidence.push(evidence::head(record));
        failure.evidence.sort();
        failure.evidence.dedup_by_key(|line| line.line);
        process.suspects.clear();
        keep(&mut self.failures, &mut self.again, failure);
    }

    fn tests(&mut self, process: &mut Process, record: &Record) {
        let told = self.failures.iter_mut().rfind(|failure| failure.class == Class::TestFailed);
        match told {
            Some(failure) if failure.consequences.len() < CONSEQUENCES => {
                failure.consequences.push(evidence::head(record));
            }
            Some(_) => {}
            None => {
                let mut failure = judge::failure(record, &Process::default(), &self.paths, true);
                failure.class = Class::TestFailed;
                failure.phase = Phase::Tests;
                failure.remedies =
                    Class::TestFailed.remedies().iter().map(|&remedy| remedy.to_owned()).collect();
                failure.database = failure.database.or_else(|| process.database.clone());
                keep(&mut self.failures, &mut self.again, failure);
            }
        }
    }

    fn find(&mut self, kind: FindingKind, line: u64, what: &str) {
        let what = evidence::short(&crate::odoo::mask(what), 300);
        match self.findings.iter().position(|finding| finding.kind == kind && finding.what == what) {
            Some(at) => self.findings[at].count += 1,
            None if self.findings.len() < FINDINGS => {
                self.findings.push(Finding { kind, line, count: 1, what })
            }
            None => {}
        }
    }

    /// The server went on to the end: its errors were none.
    fn survived(&mut self, process: &mut Process) {
        for suspect in std::mem::take(&mut process.suspects) {
            let what = match (&suspect.query, suspect.record.chain.root()) {
                (Some(query), _) if query.error.is_empty() => query.statement.clone(),
                (Some(query), _) => format!("{} ({})", query.error, evidence::short(&query.statement, 120)),
                (None, Some(root)) => format!("{}: {}: {}", suspect.record.message, root.class, root.first()),
                (None, None) => format!("{}: {}", suspect.record.logger, suspect.record.message),
            };
            self.find(FindingKind::SurvivedError, suspect.record.line, &what);
        }
    }

    /// Nothing more comes from this process. `stopped`: the line that says so; 0 where the log just ends.
    fn over(&mut self, process: &mut Process, stopped: u64) {
        if let Some(loose) = process.loose.take() {
            let interrupted = loose.chain.last().is_some_and(|last| last.name() == "KeyboardInterrupt");
            if !interrupted && (loose.chain.last().is_some() || process.attempt.is_some()) {
                self.fail(process, &loose, loose.chain.last().is_some());
            }
        }
        if let Some(record) = process.registry.take() {
            return self.fail(process, &record, true);
        }
        let ended = process.suspects.iter().rposition(|suspect| !suspect.survived);
        match (process.attempt, ended) {
            (Some(_), Some(at)) => {
                let record = process.suspects[at].record.clone();
                self.fail(process, &record, stopped > 0);
            }
            (Some(_), None) if process.unloadable.is_some() => {
                if let Some((line, _)) = process.unloadable.clone() {
                    let record = unloadable(process, line.line);
                    self.fail(process, &record, stopped > 0);
                }
            }
            (Some(begun), None) => self.unfinished(process, begun, stopped),
            (None, _) => self.survived(process),
        }
        process.attempt = None;
    }

    fn unfinished(&mut self, process: &mut Process, begun: u64, stopped: u64) {
        let (line, step) = match &process.step {
            Some((_, said)) => (said.line, format!("after `{}`", said.text)),
            None => (begun, "while modules were being loaded".to_owned()),
        };
        let what = match stopped {
            0 => format!("the log ends {step}: it does not say how that went"),
            _ => format!("the server was stopped {step}"),
        };
        self.find(FindingKind::Unfinished, line, &what);
        self.survived(process);
    }

    fn end(mut self, lines: u64, heads: u64) -> Diagnosis {
        for (_, mut process) in std::mem::take(&mut self.processes) {
            self.over(&mut process, 0);
        }
        self.failures.sort_by_key(|failure| failure.line);
        self.running.sort_by_key(|failure| failure.line);
        // What fails while the server runs is the failure of a log in which no loading failed.
        let mut all = self.failures.into_iter().chain(self.running);
        let failure = all.next();
        let again = &self.again;
        let later = all.map(|failure| Later {
            line: failure.line,
            count: 1 + again.get(&failure.line).copied().unwrap_or_default(),
            module: failure.module,
            cause: failure.cause,
            class: failure.class,
        });
        let later = later.collect();
        self.findings.sort_by_key(|finding| (finding.line, finding.kind));
        Diagnosis {
            format_version: 1,
            lines,
            records: heads,
            warnings: self.warnings,
            versions: self.versions,
            failure,
            later,
            findings: self.findings,
            loaded: self.loaded,
        }
    }
}

/// Keeps a failure, or counts it where the same was kept: workers that are started again fail again.
fn keep(kept: &mut Vec<Failure>, again: &mut BTreeMap<u64, u64>, failure: Failure) -> Option<usize> {
    let same = |other: &Failure| {
        (other.class, &other.cause, &other.module, &other.place)
            == (failure.class, &failure.cause, &failure.module, &failure.place)
    };
    if let Some(at) = kept.iter().position(same) {
        *again.entry(kept[at].line).or_default() += 1;
        return Some(at);
    }
    if kept.len() < FAILURES {
        kept.push(failure);
    }
    Some(kept.len() - 1)
}

/// The record of an import that failed, where the log ends before it says why.
fn unloadable(process: &Process, line: u64) -> Record {
    Record {
        line,
        last: line,
        time: String::new(),
        pid: 0,
        level: Level::Critical,
        database: process.database.clone().unwrap_or_else(|| "?".to_owned()),
        logger: "odoo.modules.module".to_owned(),
        message: process.unloadable.as_ref().map(|(said, _)| said.text.clone()).unwrap_or_default(),
        chain: crate::odoo::Chain::default(),
        more: std::collections::VecDeque::new(),
        raw: true,
    }
}
