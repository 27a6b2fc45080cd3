//! Runs Odoo on modules, looks on, and judges what came of it; compares a database with what it was before.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use regex::Regex;

use super::{Hands, app_session, cannot, once, restore};
use crate::base::Meter;
use crate::engine;
use crate::error::{Error, Result};
use crate::facts::{Before, DatabaseModules, MODULE_HASHES, ModuleInDatabase, Verdict};
use crate::postgres::{Session, check, modules};
use crate::state;
use crate::step::{CompareState, RunOdoo};
use crate::upgrade::{Judged, Progress, Ran, judge};

/// How many of what is wrong is told; the verdict has them all.
const TOLD: usize = 6;

/// How often it is told where Odoo is.
const BEAT: Duration = Duration::from_millis(250);

pub async fn run(step: &RunOdoo, begun: String, hands: Hands<'_>) -> Result<Vec<String>> {
    let folder = &step.folder;
    state::make_dir(folder, 0o700).map_err(|e| cannot("make", folder, &e))?;
    let record = folder.join("state.json");
    // Whoever is at work still, left by an odpm that is gone, is ended with this: it would write to the new copy.
    let command = command(step, &hands).await?;
    if record.exists() {
        again(step, &hands).await?;
    }
    let session = app_session(&step.operator, &hands, &step.database).await?;
    let before = Before {
        facts: check::facts(&session).await?,
        modules: known(&session).await?,
        missing: missing(&session, &step.files).await?,
        odd: check::inside(&session, &step.operator.app_role, None).await?,
    };
    drop(session);
    state::replace_json(&record, &before, 0o600)?;
    let log = folder.join("odoo.log");
    set_aside(&log)?;
    let clock = Instant::now();
    let status = odoo(command, &log, &hands).await?;
    let seconds = clock.elapsed().as_secs_f64();
    if status.signal() == Some(9) || status.code() == Some(137) {
        // A shell says it in the log; without one nobody does.
        let file = fs::OpenOptions::new().append(true).open(&log);
        file.and_then(|mut file| writeln!(file, "Killed")).map_err(|e| cannot("write", &log, &e))?;
    }
    hands.meter.tell("looking at what came of it".to_owned());
    // A log without a line of Odoo's own says nothing, and is judged so.
    let diagnosis = engine::diagnose(&log).ok();
    let session = app_session(&step.operator, &hands, &step.database).await?;
    let after = known(&session).await?.modules;
    let exit = status.to_string();
    let allow: Vec<Regex> = step.allow.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect();
    let Judged { wrong, notes } = judge(&Ran {
        exited_well: status.success(),
        exit: &exit,
        diagnosis: diagnosis.as_ref(),
        before: &before.modules.modules,
        after: &after,
        wanted: &step.wanted,
        allow: &allow,
    });
    state::replace_json(&folder.join("diagnosis.json"), &diagnosis, 0o600)?;
    let verdict = Verdict { begun, seconds, exit, wrong, notes, after };
    state::replace_json(&folder.join("verdict.json"), &verdict, 0o600)?;
    if let Some(first) = verdict.wrong.first() {
        let error = Error::environment(format!("the upgrade failed: {first}"));
        let error = verdict.wrong.iter().skip(1).take(TOLD).fold(error, |error, wrong| error.because(wrong));
        return Err(error.hint(format!(
            "See what it is and what usually mends it: odpm upgrade diagnose {}",
            log.display()
        )));
    }
    if !step.hashes.is_empty() {
        remember(&session, step).await?;
    }
    let changed = verdict.after.iter().filter(|(name, module)| {
        before.modules.modules.get(*name).map(|module| &module.version) != Some(&module.version)
    });
    let changed = changed.count();
    let installed = verdict.after.values().filter(|module| module.is_installed()).count();
    let mut told = vec![format!("{changed} of {installed} modules have another version")];
    told.extend(verdict.notes.iter().take(TOLD).cloned());
    Ok(told)
}

/// An attempt has begun with this database: what it has left half-way is no beginning.
async fn again(step: &RunOdoo, hands: &Hands<'_>) -> Result<()> {
    let Some(anew) = &step.anew else {
        let what = format!("{} is left half-way by an attempt before this one", step.database);
        let error = Error::refused(what);
        return Err(match step.rehearsal {
            true => error.hint("Give the rehearsal up, and begin a new one: odpm apply --abandon"),
            false => error
                .hint("Begin anew from the backup: odpm upgrade run --fix-forward")
                .hint("Go back to it: odpm upgrade rollback"),
        });
    };
    hands.meter.tell("making the copy anew".to_owned());
    restore::duplicate(anew, hands.clone()).await.map(drop)
}

/// Keeps the log of an earlier attempt under another name.
fn set_aside(log: &Path) -> Result<()> {
    if !log.exists() {
        return Ok(());
    }
    let free = (1..).map(|n| log.with_extension(format!("{n}.log"))).find(|path| !path.exists());
    let to = free.unwrap_or_else(|| log.with_extension("old.log"));
    fs::rename(log, &to).map_err(|e| cannot("rename", log, &e))
}

/// How Odoo is started.
async fn command(step: &RunOdoo, hands: &Hands<'_>) -> Result<Command> {
    let mut args = step.args.clone();
    args.extend(once::work_on_modules(&step.database, &step.install, &step.update));
    // The way through the modules is told at this level, and the verdict needs it.
    args.push("--log-level=info".to_owned());
    // Whatever odoo.conf says of its log, this one comes here, whole.
    args.extend(["--logfile=", "--log-handler=:INFO"].map(str::to_owned));
    hands.engine.odoo_command(&step.service, &args).await
}

async fn odoo(command: Command, log: &Path, hands: &Hands<'_>) -> Result<ExitStatus> {
    let mut child = once::start(command, log)?;
    let mut tail = Tail::of(log)?;
    loop {
        tokio::select! {
            status = child.wait() => {
                return status.map_err(|e| Error::environment("cannot wait for Odoo").caused_by(&e));
            }
            () = tokio::time::sleep(BEAT) => tail.tell(&hands.meter),
        }
    }
}

/// A log that is read while it is written.
struct Tail {
    file: fs::File,
    /// A line that is not at its end.
    part: Vec<u8>,
    progress: Progress,
}

impl Tail {
    fn of(log: &Path) -> Result<Self> {
        let file = fs::File::open(log).map_err(|e| cannot("read", log, &e))?;
        Ok(Self { file, part: Vec::new(), progress: Progress::default() })
    }

    /// Where Odoo is by now. That it cannot be told is no failure.
    fn tell(&mut self, meter: &Meter) {
        let mut chunk = vec![0; 64 << 10];
        while let Ok(count @ 1..) = self.file.read(&mut chunk) {
            self.part.extend_from_slice(&chunk[..count]);
            let end = self.part.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let text = String::from_utf8_lossy(&self.part[..end]).into_owned();
            text.lines().for_each(|line| self.progress.see(line));
            self.part.drain(..end);
            // A statement may be as long as a file, and says nothing of the way.
            if self.part.len() > chunk.len() {
                self.part.clear();
            }
        }
        meter.tell(self.progress.words());
    }
}

/// The modules of a database; none where it is not Odoo's.
async fn known(session: &Session) -> Result<DatabaseModules> {
    Ok(modules::modules(session).await?.unwrap_or_default())
}

/// Records the digests of the modules' files in the database, where they go with it.
async fn remember(session: &Session, step: &RunOdoo) -> Result<()> {
    let hashes = serde_json::to_string(&step.hashes)
        .map_err(|e| Error::internal("cannot write JSON").caused_by(&e))?;
    let statement = "INSERT INTO ir_config_parameter (key, value) VALUES ($1, $2) \
         ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value";
    let done = session.execute(statement, &[&MODULE_HASHES, &hashes]).await;
    done.map(drop)
        .map_err(|e| Error::environment("cannot record the digests of the modules' files").caused_by(&e))
}

/// Files that a database names and that are not in its folder.
async fn missing(session: &Session, files: &Path) -> Result<BTreeSet<String>> {
    let named = check::attachments(session).await?;
    Ok(named.into_iter().filter(|name| !files.join(name).exists()).collect())
}

pub async fn compare(step: &CompareState, hands: Hands<'_>) -> Result<Vec<String>> {
    // A login tells that it is there and takes connections.
    let session = app_session(&step.operator, &hands, &step.database).await?;
    let Some(path) = &step.before else {
        return Ok(vec![format!("{} is there; Odoo was never begun with", step.database)]);
    };
    let before = state::database_before(path)?;
    // Only what differs counts: what was so before is no reason to keep a shop closed.
    let mut wrong = check::inside(&session, &step.operator.app_role, Some(&before.facts)).await?;
    wrong.retain(|wrong| !before.odd.contains(wrong));
    let (was, now) = (&before.modules.modules, known(&session).await?.modules);
    for name in was.keys().chain(now.keys()).collect::<BTreeSet<_>>() {
        let told = |module: Option<&ModuleInDatabase>| match module {
            Some(module) => format!("{} {}", module.state, module.version.as_deref().unwrap_or("-")),
            None => "unknown".to_owned(),
        };
        let (then, is) = (told(was.get(name)), told(now.get(name)));
        if then != is {
            wrong.push(format!("{name} is {is}, it was {then}"));
        }
    }
    let gone = missing(&session, &step.files).await?;
    let gone: Vec<&String> = gone.difference(&before.missing).collect();
    if let Some(first) = gone.first() {
        wrong.push(format!("{} files that were there are missing, the first is {first}", gone.len()));
    }
    if wrong.is_empty() {
        let rows: u64 = before.facts.rows.values().sum();
        return Ok(vec![format!(
            "{} modules and {rows} rows of key tables are as they were",
            before.facts.modules.len()
        )]);
    }
    if step.as_it_is {
        return Ok(wrong.into_iter().take(2 * TOLD).collect());
    }
    let error = Error::environment(format!("{} is not what it was before the upgrade", step.database));
    let error = wrong.into_iter().take(2 * TOLD).fold(error, Error::because);
    Err(error
        .hint("Where that was written by people meanwhile, and may stay: odpm upgrade rollback --reopen"))
}
