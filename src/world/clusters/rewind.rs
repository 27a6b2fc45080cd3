//! A cluster rewound to a moment beside its data directory, and put in the place of that.

use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;

use super::Rewinding;
use super::sidecar::{copy_out, failure, log_of, standing, write_configuration};
use crate::base::Meter;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::facts::DataDir;
use crate::postgres::{Session, data_dir, recovery};
use crate::process::blocking;
use crate::state::{cannot, give};
use crate::step::{RecoverSidecar, ReplaceData};

/// Lays the base backup out, recovers it, has it go on from the moment, proves that, and shuts it down.
pub async fn rewind(work: Rewinding<'_>, meter: Meter) -> Result<Vec<String>> {
    let Rewinding { step, statements, engine } = work;
    let (begin, recovery) = (Instant::now(), &step.recovery);
    let sidecar = &recovery.record.sidecar;
    // An attempt before may have come to any point, and the machine may have gone down since: it is done anew.
    let laid_out = copy_out(&step.lay_out, engine, meter).await?;
    write_configuration(recovery, true)?;
    engine.start_sidecar(sidecar, recovery.log.folder()).await?;
    let session = standing(recovery, engine).await?;
    let last_commit = proved(recovery, &session).await;
    let timeline = match &last_commit {
        Ok(_) => go_on(&session, statements).await,
        Err(_) => Ok(0),
    };
    drop(session);
    let ended = engine.shut_sidecar_down(sidecar).await;
    let (last_commit, timeline) = (last_commit?, timeline?);
    ended?;
    let recovery = recovery.clone();
    blocking(move || make_last(&recovery, timeline)).await?;
    let last = last_commit.map_or_else(
        || "no commit since the base backup".to_owned(),
        |at| format!("its last commit is of {at}"),
    );
    Ok(vec![laid_out, last, format!("{:.1} s", begin.elapsed().as_secs_f64())])
}

/// That it stopped where it was told to, not later, and goes on from there. Gives its last commit.
async fn proved(step: &RecoverSidecar, session: &Session) -> Result<Option<Timestamp>> {
    let stands = recovery::look(session).await?;
    let said = log_of(step);
    if !recovery::stopped_at_target(&said) {
        return Err(failure(step, "it did not stop at the moment that was asked for"));
    }
    if stands.recovering {
        return Err(failure(step, "it was not promoted"));
    }
    let wanted: Option<Timestamp> = step.record.moment.parse().ok();
    if let Some((last, wanted)) = stands.last_commit.zip(wanted).filter(|(last, wanted)| last > wanted) {
        return Err(failure(step, &format!("its last commit is of {last}, after {wanted}")));
    }
    Ok(stands.last_commit)
}

/// Gives it the administrative role that odpm knows. Tells its timeline.
async fn go_on(session: &Session, statements: &[String]) -> Result<u32> {
    for statement in statements {
        recovery::run(session, statement).await?;
    }
    recovery::timeline(session).await
}

/// Until here it was written without waiting for the disk. The note on its timeline is archived before any of its log: another
/// recovery that forks gets another number by it.
fn make_last(step: &RecoverSidecar, timeline: u32) -> Result<()> {
    let (data, owner) = (step.record.sidecar.data(), step.record.sidecar.launch.run_as());
    let unread = |e: std::io::Error| cannot("read", &data, &e);
    let waits = data.join("recovery.signal").exists();
    if waits || !data_dir::was_shut_down(&data).map_err(unread)? {
        return Err(failure(step, "it was not shut down in order"));
    }
    let note = format!("{timeline:08X}.history");
    if !data.join("pg_wal").join(&note).exists() {
        return Err(failure(step, &format!("it has no {note}: it was not promoted")));
    }
    let ready = data.join("pg_wal").join("archive_status").join(format!("{note}.ready"));
    let write = || -> std::io::Result<()> {
        fs::write(&ready, "")?;
        give(&ready, owner)?;
        rustix::fs::syncfs(File::open(&data)?)?;
        Ok(())
    };
    write().map_err(|e| cannot("write", &data, &e))
}

/// Puts a cluster in the place of the data directory; how large the one is that is set aside.
pub async fn replace(step: &ReplaceData, engine: &dyn Engine) -> Result<u64> {
    is_of_this_cluster(step, &step.from, engine).await?;
    engine.replace_data(step).await
}

/// Nothing takes the place of a data directory but the same cluster. One that is in its place already was looked at before.
async fn is_of_this_cluster(step: &ReplaceData, path: &Path, engine: &dyn Engine) -> Result<()> {
    let refused = |why: String| {
        Err(Error::refused(format!("{} does not get into the place of the data directory", path.display()))
            .because(why))
    };
    match engine.data_dir(path).await {
        DataDir::Absent => Ok(()),
        DataDir::Cluster(files) => {
            let now = files.system_identifier.map(|id| id.to_string());
            if step.system_identifier.is_some() && now.is_some() && now != step.system_identifier {
                return refused(format!("it is another cluster: {}", now.unwrap_or_default()));
            }
            if files.major != step.server.major {
                return refused(format!("it is of PostgreSQL {}", files.major));
            }
            Ok(())
        }
        _ => refused("there is no whole cluster in it".to_owned()),
    }
}
