//! Sidecars: laid out, recovered to a moment, removed.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::archive_file::{self as file, pgbackrest};
use crate::base::size::human;
use crate::base::{Meter, Secret};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::facts::{KeptSegment, Owner, Segment};
use crate::postgres::{self, Session, recovery};
use crate::postgresql_conf;
use crate::process::blocking;
use crate::state::{self, cannot, give, remove_folder};
use crate::step::{
    Endpoint, KeptLog, LayOutSidecar, LogRange, RecoverSidecar, RemoveSidecar, Sidecar, SidecarRecord,
    SidecarSource,
};

/// How often a recovery is looked at.
const BEAT: Duration = Duration::from_millis(50);

/// How long a login may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// What of a data directory is of the server that it was copied from alone: which settings it got by ALTER SYSTEM.
const OWN_SETTINGS: &str = "postgresql.auto.conf";

/// Since when the machine runs, in words of its own: written down when a sidecar is laid out.
const BOOT: &str = "boot";

/// Held by whoever lays a sidecar out from a repository.
const RESTORING: &str = "restore.lock";

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

pub async fn lay_out(step: &LayOutSidecar, engine: &dyn Engine, meter: Meter) -> Result<Vec<String>> {
    Ok(vec![copy_out(step, engine, meter).await?])
}

/// Lays a base backup out with its log, after whatever an attempt before has left; what was laid out, in a phrase.
pub(super) async fn copy_out(step: &LayOutSidecar, engine: &dyn Engine, meter: Meter) -> Result<String> {
    let sidecar = &step.record.sidecar;
    engine.stop_sidecar(sidecar).await?;
    let told = match &step.from {
        SidecarSource::Basebackup { base, log } => {
            make_place(&step.record).await?;
            copy_base(sidecar.clone(), base.clone(), log.clone(), meter).await?
        }
        SidecarSource::Pgbackrest { pgbackrest: how, repository, set } => {
            let lock = sidecar.place.join(RESTORING);
            pgbackrest::end_restore(&lock).await?;
            if pgbackrest::reaches_out(how, *repository, set).await? {
                return Err(Error::refused(format!(
                    "{set} has tablespaces or links outside the data directory"
                ))
                .because("pgBackRest would lay them out where the primary has them")
                .hint("Move their tables to pg_default, and take another base backup."));
            }
            make_place(&step.record).await?;
            pgbackrest::restore(how, *repository, set, &sidecar.data(), &lock).await?;
            set.clone()
        }
    };
    // What the primary was told by ALTER SYSTEM is not for its sidecar.
    put(&sidecar.data().join(OWN_SETTINGS), "", sidecar.launch.run_as())?;
    put(&sidecar.place.join(BOOT), &boot(), None)?;
    Ok(told)
}

fn own_folder(path: &Path, mode: u32, owner: Option<Owner>) -> Result<()> {
    state::make_dir(path, mode).and_then(|()| give(path, owner)).map_err(|e| cannot("make", path, &e))
}

/// Empty folders, and the record; whatever was there goes.
async fn make_place(record: &SidecarRecord) -> Result<()> {
    let record = record.clone();
    blocking(move || {
        let sidecar = &record.sidecar;
        clear_place(sidecar)?;
        // Whoever the server runs as has to get through to its own folders, and nobody else into them.
        own_folder(&sidecar.place, 0o711, None)?;
        // From here on it can be listed and removed, whatever becomes of it.
        write_record(&record)?;
        let owned = [sidecar.data(), sidecar.place.join("log")];
        owned.iter().try_for_each(|own| own_folder(own, 0o700, sidecar.launch.run_as()))
    })
    .await
}

/// Copies a base backup, and lays the log out beside it: one processor copies while another one unpacks.
async fn copy_base(sidecar: Sidecar, base: PathBuf, log: LogRange, meter: Meter) -> Result<String> {
    blocking(move || {
        let owner = sidecar.launch.run_as();
        let pg_wal = sidecar.data().join("pg_wal");
        own_folder(&pg_wal, 0o700, owner)?;
        let kept = file::segments(&log.folder, log.segment_bytes)?;
        // What was archived of a segment is all of it; what a base backup brings along may end in its middle.
        let kept_name = |name: &OsStr| {
            let segment = name.to_str().and_then(|name| Segment::parse(name, log.segment_bytes));
            segment.is_some_and(|segment| kept.iter().any(|kept| kept.segment == segment))
        };
        let bytes = std::thread::scope(|scope| {
            let unpacking = scope.spawn(|| unpack(&log, &kept, &pg_wal, owner));
            let copied = copy(&base, &sidecar.data(), owner, &kept_name, &meter);
            let unpacked =
                unpacking.join().unwrap_or_else(|_| Err(Error::internal("unpacking the log failed")));
            unpacked.and(copied)
        })?;
        Ok(human(bytes))
    })
    .await
}

/// Lays segments of the kept log out where the server looks after it has asked for them. One that is not there or cannot be
/// unpacked is left to the recovery, which says what is wrong with it.
fn unpack(log: &LogRange, kept: &[KeptSegment], to: &Path, owner: Option<Owner>) -> Result<()> {
    for kept in kept {
        let name = kept.segment.name(log.segment_bytes);
        let target = to.join(&name);
        let wanted =
            kept.segment.timeline == log.timeline && (log.first..=log.last).contains(&kept.segment.number);
        if !wanted {
            continue;
        }
        let partial = to.join(format!("{name}.partial"));
        let put = || -> io::Result<()> {
            let bytes = file::unpack_segment(&log.folder, kept.segment, log.segment_bytes, &partial)?;
            if bytes != log.segment_bytes {
                return Err(io::Error::other("it has another size"));
            }
            give(&partial, owner)?;
            fs::rename(&partial, &target)
        };
        if put().is_err() {
            // What is left of it must not be taken for a segment; the recovery meets the same file.
            let _ = fs::remove_file(&partial);
        }
    }
    Ok(())
}

/// Copies a folder; where the file system can, its files share their blocks until one of them is written to.
fn copy(
    from: &Path,
    to: &Path,
    owner: Option<Owner>,
    passed_over: &dyn Fn(&OsStr) -> bool,
    meter: &Meter,
) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(from).map_err(|e| cannot("read", from, &e))? {
        let entry = entry.map_err(|e| cannot("read", from, &e))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(|e| cannot("read", &path, &e))?;
        if kind.is_dir() {
            state::make_dir(&target, 0o700)
                .and_then(|()| give(&target, owner))
                .map_err(|e| cannot("make", &target, &e))?;
            bytes += copy(&path, &target, owner, passed_over, meter)?;
        } else if passed_over(&entry.file_name()) {
            // The kept one takes its place.
        } else if kind.is_file() {
            let done = copy_file(&path, &target, owner).map_err(|e| cannot("copy to", &target, &e))?;
            meter.add(done);
            bytes += done;
        } else {
            return Err(Error::refused(format!("{} is neither a file nor a folder", path.display()))
                .because("a base backup of odpm's has no links"));
        }
    }
    Ok(bytes)
}

fn copy_file(from: &Path, to: &Path, owner: Option<Owner>) -> io::Result<u64> {
    let mut source = File::open(from)?;
    let mut target = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to)?;
    let bytes = match rustix::fs::ioctl_ficlone(&target, &source) {
        Ok(()) => source.metadata()?.len(),
        Err(_) => io::copy(&mut source, &mut target)?,
    };
    give(to, owner)?;
    Ok(bytes)
}

/// Writes a file of the server's.
fn put(path: &Path, text: &str, owner: Option<Owner>) -> Result<()> {
    state::replace(path, text.as_bytes(), 0o600)
        .and_then(|()| give(path, owner))
        .map_err(|e| cannot("write", path, &e))
}

/// Removes a sidecar's folder, its record last: as long as anything is left, it is listed and can be removed.
fn clear_place(sidecar: &Sidecar) -> Result<()> {
    let record = sidecar.record();
    for entry in
        fs::read_dir(&sidecar.place).into_iter().flatten().flatten().filter(|entry| entry.path() != record)
    {
        let path = entry.path();
        match path.is_dir() {
            true => remove_folder(&path)?,
            false => fs::remove_file(&path).map_err(|e| cannot("remove", &path, &e))?,
        }
    }
    remove_folder(&sidecar.place)
}

fn write_record(record: &SidecarRecord) -> Result<()> {
    state::replace_json(&record.sidecar.record(), record, 0o644)
}

pub async fn recover(step: &RecoverSidecar, engine: &dyn Engine) -> Result<Vec<String>> {
    let sidecar = &step.record.sidecar;
    let begin = Instant::now();
    if !engine.sidecar_runs(sidecar).await? {
        if fs::read_to_string(sidecar.place.join(BOOT)).unwrap_or_default() != boot() {
            return Err(Error::refused(format!(
                "the machine was started anew since {} was laid out",
                sidecar.name
            ))
            .because("nothing of it was written to the disk for good: it may be damaged")
            .hint(format!(
                "Begin again: odpm apply --abandon, odpm incident sidecar rm {}, then the same command",
                sidecar.name
            )));
        }
        write_configuration(step, false)?;
        engine.start_sidecar(sidecar, step.log.folder()).await?;
    }
    let session = standing(step, engine).await?;
    let stands = recovery::look(&session).await?;
    let said = log_of(step);
    if !stands.recovering || !recovery::stopped_at_target(&said) {
        engine.stop_sidecar(sidecar).await?;
        return Err(failure(step, "it does not stand at the moment that was asked for"));
    }
    let last_commit = stands.last_commit.map(|at| at.to_string());
    write_record(&SidecarRecord { stands: true, last_commit, ..step.record.clone() })?;
    let last = stands.last_commit.map_or_else(
        || "no commit since the base backup".to_owned(),
        |at| format!("its last commit is of {at}"),
    );
    Ok(vec![
        format!("stands at {}", step.record.moment),
        last,
        format!("{:.1} s", begin.elapsed().as_secs_f64()),
    ])
}

/// Its configuration, and none of the primary's. `promoted`: it goes on from the moment, instead of standing there.
pub(super) fn write_configuration(step: &RecoverSidecar, promoted: bool) -> Result<()> {
    let sidecar = &step.record.sidecar;
    let owner = sidecar.launch.run_as();
    let recovery = postgresql_conf::Recovery {
        hba: &sidecar.place.join("pg_hba.conf"),
        socket: &sidecar.socket,
        port: sidecar.port,
        restore: match &step.log {
            KeptLog::Basebackup { folder } => postgresql_conf::unpack_command(folder),
            KeptLog::Pgbackrest { pgbackrest: how } => pgbackrest::fetch_command(how, &sidecar.data()),
        },
        moment: &step.record.moment,
        floors: &step.floors,
        promoted,
    };
    state::own_dir(&sidecar.socket, owner)
        // Who gets into it gets into the sidecar.
        .and_then(|()| fs::set_permissions(&sidecar.socket, fs::Permissions::from_mode(0o700)))
        .map_err(|e| cannot("make", &sidecar.socket, &e))?;
    // What an attempt before said is not said of this one.
    put(&sidecar.log(), "", owner)?;
    put(&sidecar.place.join("pg_hba.conf"), postgresql_conf::SIDECAR_HBA, owner)?;
    put(&sidecar.place.join("postgresql.conf"), &postgresql_conf::sidecar(&recovery), owner)?;
    // Without it the server would not recover but go on by itself, and take writes.
    put(&sidecar.data().join("recovery.signal"), "", owner)
}

/// A session in the sidecar once it stands still, or recovers no more.
pub(super) async fn standing(step: &RecoverSidecar, engine: &dyn Engine) -> Result<Session> {
    let sidecar = &step.record.sidecar;
    let patience = Duration::from_secs(u64::from(step.timeout));
    let (mut moved, mut seen) = (Instant::now(), (0, String::new()));
    loop {
        let mut now = (fs::metadata(sidecar.log()).map_or(0, |meta| meta.len()), String::new());
        if let Ok(session) = login(sidecar, &step.record.role).await
            && let Ok(stands) = recovery::look(&session).await
        {
            if stands.paused || !stands.recovering {
                return Ok(session);
            }
            now.1 = stands.place;
        }
        if !engine.sidecar_runs(sidecar).await? {
            return Err(failure(step, "the recovery failed"));
        }
        if now != seen {
            (moved, seen) = (Instant::now(), now);
        }
        if moved.elapsed() > patience {
            return Err(failure(step, &format!("the recovery has not moved for {} s", step.timeout)));
        }
        tokio::time::sleep(BEAT).await;
    }
}

async fn login(sidecar: &Sidecar, role: &str) -> Result<Session, postgres::LoginFailure> {
    let endpoint = Endpoint {
        host: sidecar.socket.display().to_string(),
        port: sidecar.port,
        tls: None,
        container: None,
    };
    // Who may enter the folder of its socket is let in.
    postgres::connect(&endpoint, role, &Secret::new(""), "postgres", DEADLINE).await
}

/// What the server has said.
pub(super) fn log_of(step: &RecoverSidecar) -> String {
    fs::read_to_string(step.record.sidecar.log()).unwrap_or_default()
}

/// Why a recovery failed, by the server's own log.
pub(super) fn failure(step: &RecoverSidecar, what: &str) -> Error {
    let (log, said) = (step.record.sidecar.log(), log_of(step));
    let error = Error::environment(format!("sidecar {}: {what}", step.record.sidecar.name));
    let error = match recovery::explain(&said) {
        Some((why, hint)) => error.because(why).hint(hint),
        None => error.because_last(said.lines()),
    };
    error.hint(format!("Its whole log: {}", log.display()))
}

pub async fn remove(step: &RemoveSidecar, engine: &dyn Engine) -> Result<()> {
    engine.stop_sidecar(&step.sidecar).await?;
    pgbackrest::end_restore(&step.sidecar.place.join(RESTORING)).await?;
    let sidecar = step.sidecar.clone();
    blocking(move || {
        // Only what is a sidecar's is ever removed.
        if sidecar.place.exists() && !sidecar.record().exists() {
            return Err(Error::refused(format!("{} is no sidecar", sidecar.place.display()))
                .hint("Look at it, and remove it by hand."));
        }
        remove_folder(&sidecar.socket)?;
        clear_place(&sidecar)
    })
    .await
}
