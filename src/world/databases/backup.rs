//! Backs a database up, and reads a backup whole.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{Hands, blocking, cannot, session};
use crate::backup_file::{self as file, Pool};
use crate::base::size::human as size;
use crate::base::time::utc_seconds;
use crate::engine::{Tool, read_dump};
use crate::error::{Error, Result};
use crate::facts::{BackupManifest, DatabaseFacts, FilestoreFacts, MANIFEST_VERSION, OdooManifest, Part};
use crate::postgres::{Session, check, databases};
use crate::step::{BackupDatabase, BackupFormat, CheckBackup};

/// How many chunks of a dump may wait for whoever writes them.
const WAITING: usize = 16;

/// How old an unfinished backup has to be to count as left behind.
const LITTER: std::time::Duration = std::time::Duration::from_secs(86_400);

/// One backup at work.
struct Work<'a> {
    step: &'a BackupDatabase,
    hands: Hands<'a>,
    snapshot: String,
    facts: DatabaseFacts,
    partial: PathBuf,
}

pub async fn backup(step: &BackupDatabase, hands: Hands<'_>) -> Result<Vec<String>> {
    if file::manifest(&step.to)?.is_some() {
        // An earlier attempt has done it; its record is written last.
        return Ok(vec!["it was finished already".to_owned()]);
    }
    let partial = partial(&step.to)?;
    // An attempt that died before it wrote its record may have left its work here, and nobody else has: the plan saw nothing.
    let own = step.format == BackupFormat::Fast && step.to.join("dump").is_dir();
    if step.to.is_dir() && !own {
        return Err(Error::refused(format!("{} is a folder", step.to.display()))
            .because("it was not there when the plan was made, and is no backup that was begun")
            .hint("Look at it, and name another file: --out FILE"));
    }
    clear(&step.to)?;
    if let Some(folder) = step.to.parent() {
        crate::state::make_dir(folder, 0o700).map_err(|e| cannot("make", folder, &e))?;
    }
    let session = session(&step.operator, &hands, &step.database).await?;
    let snapshot = hold(&session).await?;
    let facts = check::facts(&session).await?;
    let wanted = check::attachments(&session).await?;
    let missing = missing(step.files.as_deref(), wanted);
    let work = Work { step, hands, snapshot, facts, partial };
    let created_at = utc_seconds(Timestamp::now());
    let made = match step.format {
        BackupFormat::Zip => work.zip().await,
        BackupFormat::Dump => work.dump().await.map(|()| None),
        BackupFormat::Fast => work.folder().await,
    };
    // The transaction that holds Odoo's clean-up of files ends with the session.
    drop(session);
    match made {
        Ok(mut filestore) => {
            if let Some(filestore) = &mut filestore {
                filestore.missing = missing;
            }
            work.finish(created_at, filestore).await
        }
        Err(error) => {
            // What is half done helps nobody; that it cannot be removed is not what went wrong.
            let _ = clear(&work.partial);
            Err(error)
        }
    }
}

/// Begins the transaction whose snapshot everything is read in, and keeps Odoo from removing files meanwhile: its clean-up
/// wants a lock on `ir_attachment` that this one excludes, and comes again later.
async fn hold(session: &Session) -> Result<String> {
    let failed = |e: tokio_postgres::Error| Error::environment("cannot begin a snapshot").caused_by(&e);
    let odoo = databases::has_table(session, "ir_attachment").await.map_err(failed)?;
    let lock = if odoo { "LOCK TABLE public.ir_attachment IN ROW EXCLUSIVE MODE;" } else { "" };
    let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ; {lock}");
    session.batch_execute(&begin).await.map_err(failed)?;
    let row = session.query_one("SELECT pg_export_snapshot()", &[]).await.map_err(failed)?;
    Ok(row.get(0))
}

/// The files that the database names and that are not in its folder.
fn missing(folder: Option<&Path>, wanted: BTreeSet<String>) -> Vec<String> {
    let Some(folder) = folder else { return Vec::new() };
    wanted.into_iter().filter(|name| !folder.join(name).exists()).collect()
}

/// Where the backup is made. What earlier attempts have left goes; a `pg_dump` that outlived one of them would write on at its
/// own place only.
fn partial(to: &Path) -> Result<PathBuf> {
    let name = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = to.parent().unwrap_or(Path::new("/"));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let other = entry.file_name().to_string_lossy().into_owned();
        if !other.ends_with(file::PARTIAL) {
            continue;
        }
        // One of another name may be at work on another machine: only what nobody has touched for a day is litter.
        let touched = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
        if other.starts_with(&format!("{name}.")) || touched.is_some_and(|age| age > LITTER) {
            clear(&entry.path())?;
        }
    }
    Ok(folder.join(format!("{name}.{}{}", std::process::id(), file::PARTIAL)))
}

/// Removes what an earlier attempt has left half done.
fn clear(path: &Path) -> Result<()> {
    let gone = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match gone {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(cannot("remove", path, &e)),
        _ => Ok(()),
    }
}

impl Work<'_> {
    fn tool(&self, args: Vec<String>) -> Tool<'_> {
        let mut words = ["--no-owner", "--encoding=UTF8"].map(str::to_owned).to_vec();
        words.push(format!("--snapshot={}", self.snapshot));
        words.extend(args);
        Tool {
            operator: &self.step.operator,
            program: "pg_dump",
            args: words,
            role: &self.step.operator.role,
            secret: &self.hands.operator,
            database: Some(&self.step.database),
            paths: self.partial.parent().into_iter().collect(),
            output: None,
        }
    }

    /// The dump goes straight into the zip, pressed while PostgreSQL reads on.
    async fn zip(&self) -> Result<Option<FilestoreFacts>> {
        let (sender, chunks) = mpsc::channel(WAITING);
        let (to, manifest) = (self.partial.clone(), odoo_manifest(&self.facts));
        let (files, meter) = (self.step.files.clone(), self.hands.meter.clone());
        let counted = meter.clone();
        let (counter, mut seen) = mpsc::channel::<Result<Vec<u8>>>(WAITING);
        let pass_on = async move {
            while let Some(chunk) = seen.recv().await {
                counted.add(chunk.as_ref().map_or(0, |chunk| chunk.len() as u64));
                if sender.send(chunk).await.is_err() {
                    break;
                }
            }
        };
        self.hands.meter.begin(0);
        let writer = blocking(move || file::write_zip(&to, chunks, &manifest, files.as_deref(), &meter));
        let failed = counter.clone();
        let dump = async move {
            let done = self.hands.engine.tool(Tool { output: Some(counter), ..self.tool(Vec::new()) }).await;
            // Where nobody listens any more the zip failed first - a full disk -, and is why the dump could not go on.
            let first = !failed.is_closed();
            if done.is_err() {
                // Without its end the zip would look whole.
                let _ = failed.send(Err(Error::environment("the dump failed"))).await;
            }
            drop(failed);
            (done, first)
        };
        let ((dumped, first), written, ()) = tokio::join!(dump, writer, pass_on);
        match (dumped, written) {
            (Err(dump), Err(_)) if first => Err(dump),
            (_, Err(zip)) => Err(zip),
            (dumped, Ok(facts)) => dumped.map(|()| facts),
        }
    }

    async fn dump(&self) -> Result<()> {
        let to = format!("--file={}", self.partial.display());
        self.hands.meter.begin(0);
        // What it holds is nobody else's business; pg_dump writes into the file that is there.
        let private = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.partial);
        private.map_err(|e| cannot("write", &self.partial, &e))?;
        self.hands.engine.tool(self.tool(vec!["--format=custom".to_owned(), to])).await
    }

    async fn folder(&self) -> Result<Option<FilestoreFacts>> {
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&self.partial)
            .map_err(|e| cannot("make", &self.partial, &e))?;
        let to = format!("--file={}", self.partial.join("dump").display());
        let dump = |press: &str| {
            let args = ["--format=directory", &format!("--jobs={}", self.step.jobs), press, &to];
            self.tool(args.map(str::to_owned).to_vec())
        };
        self.hands.meter.begin(0);
        let new =
            crate::base::PgMajor::from_tag(&self.facts.server_version).is_some_and(|major| major.0 >= 16);
        let first = if new { "--compress=zstd:1" } else { "--compress=1" };
        let done = self.hands.engine.tool(dump(first)).await;
        let lacks = |e: &Error| e.report().why.iter().any(|why| why.contains("zstd"));
        match done {
            Err(e) if new && lacks(&e) => {
                // It may have made the folder before it noticed.
                clear(&self.partial.join("dump"))?;
                self.hands.engine.tool(dump("--compress=1")).await?;
            }
            done => done?,
        }
        let Some(files) = self.step.files.clone() else { return Ok(None) };
        let (partial, pool, meter) =
            (self.partial.clone(), Pool::of(&self.step.to), self.hands.meter.clone());
        blocking(move || file::store_files(&files, &partial, &pool, &meter)).await.map(Some)
    }

    /// Everything is on disk, under its name, before the record says that it is whole.
    async fn finish(self, created_at: String, filestore: Option<FilestoreFacts>) -> Result<Vec<String>> {
        let (partial, to, meter) = (self.partial, self.step.to.clone(), self.hands.meter.clone());
        let database = self.facts;
        blocking(move || {
            let parts = parts(&partial, &to, &meter)?;
            let bytes: u64 = parts.iter().map(|part| part.bytes).sum();
            let mut done = vec![format!("{} in {}", size(bytes), to.display())];
            if let Some(filestore) = &filestore {
                done.push(format!("{} files, {}", filestore.files, size(filestore.bytes)));
                if !filestore.missing.is_empty() {
                    done.push(format!(
                        "{} files that the database names are missing",
                        filestore.missing.len()
                    ));
                }
            }
            let odpm_version = env!("CARGO_PKG_VERSION").to_owned();
            let manifest = BackupManifest {
                odpm_backup: MANIFEST_VERSION,
                odpm_version,
                created_at,
                database,
                filestore,
                parts,
            };
            if partial.is_dir() {
                // In a folder the record comes first and the folder's name last.
                file::write_manifest(&partial, &manifest)?;
            }
            sync(&partial)?;
            fs::rename(&partial, &to).map_err(|e| cannot("rename", &partial, &e))?;
            if !to.is_dir() {
                file::write_manifest(&to, &manifest)?;
            }
            sync(&to)?;
            Ok(done)
        })
        .await
    }
}

fn sync(path: &Path) -> Result<()> {
    let opened = fs::File::open(path).map_err(|e| cannot("read", path, &e))?;
    rustix::fs::syncfs(&opened).map_err(|e| cannot("write", path, &e.into()))
}

/// Every file of a backup with its digest, under the names that they will have.
fn parts(partial: &Path, to: &Path, meter: &crate::base::Meter) -> Result<Vec<Part>> {
    if !partial.is_dir() {
        let folder = partial.parent().unwrap_or(Path::new("/"));
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let part = file::part(folder, &name(partial), meter)?;
        return Ok(vec![Part { path: name(to), ..part }]);
    }
    let files = file::Files::of(partial)?;
    meter.begin(files.bytes());
    files.0.iter().map(|(name, _)| file::part(partial, name, meter)).collect()
}

/// Odoo's manifest for a database.
fn odoo_manifest(facts: &DatabaseFacts) -> OdooManifest {
    let version = facts.odoo_version.as_deref().unwrap_or_default();
    let mut numbers = version.split('.');
    let major = numbers.next().unwrap_or_default();
    let minor = numbers.next().unwrap_or_default();
    let series = format!("{major}.{minor}");
    let server: Vec<&str> = facts.server_version.split('.').collect();
    OdooManifest {
        odoo_dump: "1".to_owned(),
        db_name: facts.name.clone(),
        version: series.clone(),
        version_info: serde_json::json!([
            major.parse::<u32>().unwrap_or_default(),
            minor.parse::<u32>().unwrap_or_default(),
            0,
            "final",
            0,
            ""
        ]),
        major_version: series,
        pg_version: format!("{}.{}", server.first().unwrap_or(&"0"), server.get(1).unwrap_or(&"0")),
        modules: facts.modules.clone(),
    }
}

/// Reads a backup whole; fails when anything is wrong with it.
pub async fn check(step: &CheckBackup, hands: Hands<'_>) -> Result<Vec<String>> {
    let (path, source, meter) = (Arc::new(step.path.clone()), step.source, hands.meter.clone());
    let reads = Arc::clone(&path);
    let verdict = blocking(move || file::verify(&reads, source, &meter)).await?;
    let mut verdict = verdict;
    if let Some(own) = source.own_dump(&path) {
        let read = read_dump(hands.engine, &step.operator, &own).await;
        verdict.wrong.extend(read.err());
    }
    let verdict = verdict.into_result(&path)?;
    Ok(verdict.notes)
}
