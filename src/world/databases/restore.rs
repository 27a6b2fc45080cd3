//! Makes databases, loads backups into them, checks them, renames, copies and drops them with their files.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use super::{Hands, app_session, blocking, cannot, session};
use crate::backup_file as file;
use crate::base::Meter;
use crate::engine::Tool;
use crate::error::{Error, Result};
use crate::facts::BackupSource;
use crate::postgres::databases::Renaming;
use crate::postgres::{Session, check as look, databases, load as loader};
use crate::state;
use crate::step::{
    CheckDatabase, DropDatabase, DuplicateDatabase, LoadBackup, LoadFiles, MoveDatabase, RecordDrill,
};

/// The database from which others are looked after.
const HOME: &str = "postgres";

/// How many chunks of a script may wait for the server.
const WAITING: usize = 16;

pub async fn load(step: &LoadBackup, hands: Hands<'_>) -> Result<Vec<String>> {
    let home = session(&step.operator, &hands, HOME).await?;
    databases::create(&home, &step.database, &step.operator.app_role, &step.mark).await?;
    // The backup's own statements may not come from somebody who may make extensions; so they are there before.
    let inside = session(&step.operator, &hands, &step.database).await?;
    databases::extend(&inside, &step.extensions).await?;
    drop(inside);
    match step.source {
        BackupSource::Fast => own(step, &hands, &step.path.join("dump")).await,
        BackupSource::Dump => own(step, &hands, &step.path).await,
        BackupSource::Zip | BackupSource::Folder | BackupSource::Sql | BackupSource::SqlGz => {
            script(step, &hands).await
        }
    }
}

async fn script(step: &LoadBackup, hands: &Hands<'_>) -> Result<Vec<String>> {
    let session = app_session(&step.operator, hands, &step.database).await?;
    // Until it is renamed into place nobody would miss what a crash takes.
    let quick = "SET synchronous_commit = off; SET client_min_messages = warning";
    session.batch_execute(quick).await.map_err(|e| Error::environment("cannot begin").caused_by(&e))?;
    let (sender, chunks) = mpsc::channel(WAITING);
    let (path, source, meter) = (step.path.clone(), step.source, hands.meter.clone());
    let reader = tokio::task::spawn_blocking(move || file::dump(&path, source, &sender, &meter));
    let loaded = loader::script(&session, chunks, &hands.meter).await;
    // It ends by itself: nobody takes its chunks any more.
    let _ = reader.await;
    let loaded = loaded?;
    let mut done = vec![format!("{} statements", loaded.statements)];
    if loaded.left_out > 0 {
        done.push(format!("{} on owners and privileges left out: both are the project's", loaded.left_out));
    }
    Ok(done)
}

/// A dump in PostgreSQL's own form, through pg_restore. What only an extension's owner may do is left out of its list.
async fn own(step: &LoadBackup, hands: &Hands<'_>, dump: &Path) -> Result<Vec<String>> {
    let tool = |args: Vec<String>, database, paths, output| Tool {
        operator: &step.operator,
        program: "pg_restore",
        args,
        role: &step.operator.app_role,
        secret: &hands.app,
        database,
        paths,
        output,
    };
    hands.meter.begin(0);
    let (sender, mut chunks) = mpsc::channel(WAITING);
    let listing = tool(vec!["--list".to_owned(), dump.display().to_string()], None, vec![dump], Some(sender));
    let mut list = Vec::new();
    let gather = async {
        while let Some(Ok(chunk)) = chunks.recv().await {
            list.extend(chunk);
        }
    };
    let (listed, ()) = tokio::join!(hands.engine.tool(listing), gather);
    listed?;
    let list = String::from_utf8_lossy(&list);
    let kept = list.lines().filter(|line| !line.contains(" COMMENT - EXTENSION "));
    let put = || -> io::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::NamedTempFile::new()?;
        for line in kept {
            writeln!(file, "{line}")?;
        }
        Ok(file)
    };
    let kept = put().map_err(|e| Error::environment("cannot write a temporary file").caused_by(&e))?;
    let args = vec![
        "--no-owner".to_owned(),
        "--no-privileges".to_owned(),
        "--exit-on-error".to_owned(),
        format!("--jobs={}", step.jobs),
        format!("--use-list={}", kept.path().display()),
        dump.display().to_string(),
    ];
    hands.engine.tool(tool(args, Some(&step.database), vec![dump, kept.path()], None)).await?;
    Ok(Vec::new())
}

pub async fn load_files(step: &LoadFiles, meter: Meter) -> Result<u64> {
    let (path, source, to) = (step.path.clone(), step.source, step.to.clone());
    blocking(move || {
        state::remove_folder(&to)?;
        file::load_files(&path, source, &to, &meter)
    })
    .await
}

pub async fn check(step: &CheckDatabase, hands: Hands<'_>) -> Result<Vec<String>> {
    // What is called a table may be a view of the dump's own making.
    let session = app_session(&step.operator, &hands, &step.database).await?;
    let manifest = file::manifest(&step.backup)?;
    let facts = manifest.as_ref().map(|manifest| &manifest.database);
    let mut wrong = look::differences(&session, &step.operator.app_role, facts).await?;
    if let Some(before) = &step.before {
        let odd = state::database_before(before)?.odd;
        wrong.retain(|wrong| !odd.contains(wrong));
    }
    let mut notes = Vec::new();
    if let Some(folder) = &step.files {
        let known = manifest.as_ref().and_then(|manifest| manifest.filestore.as_ref());
        let known = |name: &String| known.is_some_and(|filestore| filestore.missing.contains(name));
        let named = look::attachments(&session).await?;
        let (before, since): (Vec<_>, Vec<_>) =
            named.into_iter().filter(|name| !folder.join(name).exists()).partition(known);
        if !before.is_empty() {
            notes.push(format!("{} files were missing already when it was taken", before.len()));
        }
        match manifest {
            // Odoo's own backups are taken so that a file may be missing; that is no reason to refuse one.
            None if !since.is_empty() => {
                notes.push(format!("{} files that the database names are not in the backup", since.len()));
            }
            _ => wrong.extend(since.first().map(|first| {
                format!("{} files that the database names are missing, the first is {first}", since.len())
            })),
        }
    }
    if wrong.is_empty() {
        analyze(&session).await?;
        return Ok(notes);
    }
    let error = Error::environment(format!("the database {} is not what the backup holds", step.database));
    Err(wrong.into_iter().take(12).fold(error, Error::because))
}

/// Without statistics the first hours of a restored database are slow.
async fn analyze(session: &Session) -> Result<()> {
    let done = session.batch_execute("SET client_min_messages = error; ANALYZE").await;
    done.map_err(|e| Error::environment("cannot gather statistics").caused_by(&e))
}

pub async fn rename(step: &MoveDatabase, hands: Hands<'_>) -> Result<(Option<u32>, Option<u32>)> {
    let home = session(&step.operator, &hands, HOME).await?;
    let now = databases::number(&home, &step.from).await?;
    let there = databases::number(&home, &step.to).await?;
    let (from, to) = (step.filestore.join(&step.from), step.filestore.join(&step.to));
    if now.is_some() {
        expected(&step.from, now, step.expect)?;
        expected(&step.to, there, step.keep_expect)?;
        // Whether it has files or none: from here on a folder that is gone was moved.
        if to.exists() || from.exists() {
            folder_like(&from, &step.filestore).map_err(|e| cannot("make", &from, &e))?;
        }
    } else {
        // It has its new name already, or somebody has dropped it since.
        expected(&step.to, there, step.expect)?;
    }
    let renaming = Renaming {
        from: &step.from,
        to: &step.to,
        mark: &step.mark,
        keep: step.keep.as_deref().map(|keep| (keep, step.keep_mark.as_str())),
    };
    databases::rename(&home, renaming).await?;
    let keep = step.keep.as_ref().map(|keep| step.filestore.join(keep));
    move_folder(&from, &to, keep.as_deref())?;
    databases::settle(&home, &step.to, step.open, &step.mark).await?;
    let mut kept = None;
    if let Some(keep) = &step.keep {
        kept = databases::number(&home, keep).await?;
        if kept.is_some() {
            databases::settle(&home, keep, false, &step.keep_mark).await?;
        }
    }
    Ok((databases::number(&home, &step.to).await?, kept))
}

/// Makes a folder that belongs to whom the one above belongs to, as far as that can be.
fn folder_like(path: &Path, above: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    fs::create_dir_all(path)?;
    let meta = fs::metadata(above)?;
    match std::os::unix::fs::chown(path, Some(meta.uid()), Some(meta.gid())) {
        Err(e) if e.kind() != io::ErrorKind::PermissionDenied => Err(e),
        _ => Ok(()),
    }
}

fn expected(name: &str, now: Option<u32>, wanted: Option<u32>) -> Result<()> {
    match (now, wanted) {
        (Some(now), Some(wanted)) if now != wanted => {
            Err(Error::refused(format!("{name} is not the database that this run made"))
                .because("a later run has given its name to another one")
                .hint("Take the later runs back first: odpm history"))
        }
        _ => Ok(()),
    }
}

/// Renames a folder; whatever has its new name is kept under another one. Done work is found done.
fn move_folder(from: &Path, to: &Path, keep: Option<&Path>) -> Result<()> {
    if !from.exists() {
        return Ok(());
    }
    let rename = |from: &Path, to: &Path| fs::rename(from, to).map_err(|e| cannot("rename", from, &e));
    if let Some(keep) = keep.filter(|keep| to.exists() && !keep.exists()) {
        rename(to, keep)?;
    }
    match to.exists() {
        false => rename(from, to),
        true => Err(Error::refused(format!("{} is there already", to.display()))
            .because(
                "it holds the files of a database that is gone, or of one that somebody else looks after",
            )
            .hint("Look at it, then move it away and resume.")),
    }
}

/// How large the copy is, and what could not be carried over to it.
pub async fn duplicate(step: &DuplicateDatabase, hands: Hands<'_>) -> Result<(Option<u64>, Vec<String>)> {
    let home = session(&step.operator, &hands, HOME).await?;
    let (from, to, owner) = (&step.from, &step.to, &step.operator.app_role);
    let left = databases::duplicate(&home, from, to, owner, &step.mark, step.keep_closed).await?;
    let (from, to) = (step.filestore.join(&step.from), step.filestore.join(&step.to));
    blocking(move || file::link_files(&from, &to)).await?;
    Ok((databases::size(&home, &step.to).await?, left))
}

pub async fn drop_database(step: &DropDatabase, hands: Hands<'_>) -> Result<()> {
    let home = session(&step.operator, &hands, HOME).await?;
    databases::drop_database(&home, &step.name).await?;
    state::remove_folder(&step.filestore.join(&step.name))
}

pub fn record_drill(step: &RecordDrill, seconds: i64) -> Result<()> {
    let drill = crate::facts::Drill {
        kind: step.kind,
        backup: PathBuf::clone(&step.backup),
        database: step.database.clone(),
        begun: step.begun.clone(),
        seconds,
    };
    let line =
        serde_json::to_string(&drill).map_err(|e| Error::internal("cannot write a drill").caused_by(&e))?;
    let before = match fs::read_to_string(&step.file) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(cannot("read", &step.file, &e)),
    };
    let text = format!("{before}{line}\n");
    state::replace(&step.file, text.as_bytes(), 0o600).map_err(|e| cannot("write", &step.file, &e))
}
