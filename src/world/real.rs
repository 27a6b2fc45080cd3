//! The real world.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::{Clock, Database, Files, Log, Secrets, World};
use crate::base::time::utc_seconds;
use crate::base::{Digest, RunId, Secret, SecretRef};
use crate::engine::{Engine, EngineFuture};
use crate::error::Result;
use crate::facts::{Baseline, Companion, Owner};
use crate::plan::{Entry, Record};
use crate::postgres;
use crate::state::{self, JournalFile, SecretFiles, StateDir, cannot};
use crate::step::{EnsureRoles, MakeDir, RecordBaseline, VerifyLogin};

/// How long a login or a statement on roles may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// The real world of a run.
pub fn real(state: &StateDir, run: &RunId, engine: Box<dyn Engine>, secrets: SecretFiles) -> World {
    World {
        files: Box::new(RealFiles { copies: state.copies(run), state: state.clone() }),
        engine,
        database: Box::new(RealDatabase),
        databases: Box::new(super::databases::RealDatabases { rates: state.rates() }),
        clusters: Box::new(super::clusters::RealClusters),
        meter: crate::base::Meter::default(),
        secrets: Box::new(secrets),
        clock: Box::new(RealClock),
    }
}

struct RealFiles {
    state: StateDir,
    copies: PathBuf,
}

impl RealFiles {
    /// The place of a file's copy, without its ending.
    fn copy(&self, path: &Path) -> PathBuf {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.copies.join(format!("{}-{name}", Digest::of(path.as_os_str().as_encoded_bytes()).short()))
    }

    fn absent_mark(&self, path: &Path) -> PathBuf {
        let mut mark = self.copy(path).into_os_string();
        mark.push(".absent");
        mark.into()
    }
}

impl Files for RealFiles {
    fn read(&self, path: &Path) -> Result<Option<String>> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(cannot("read", path, &e)),
        }
    }

    fn write(&self, path: &Path, text: &str, mode: u32) -> Result<()> {
        let put = || {
            if let Some(folder) = path.parent() {
                state::make_dir(folder, 0o755)?;
            }
            state::replace(path, text.as_bytes(), mode)
        };
        put().map_err(|e| cannot("write", path, &e))
    }

    fn write_private(&self, path: &Path, text: &str, owner: Option<Owner>) -> Result<()> {
        let put = || state::replace(path, text.as_bytes(), 0o600).and_then(|()| state::give(path, owner));
        put().map_err(|e| cannot("write", path, &e))
    }

    fn keep(&self, path: &Path) -> Result<()> {
        let (copy, mark) = (self.copy(path), self.absent_mark(path));
        if copy.exists() || mark.exists() {
            return Ok(());
        }
        let put = || {
            state::make_dir(&self.copies, 0o700)?;
            match fs::read(path) {
                Ok(bytes) => state::replace(&copy, &bytes, 0o600),
                Err(e) if e.kind() == io::ErrorKind::NotFound => state::replace(&mark, b"", 0o600),
                Err(e) => Err(e),
            }
        };
        put().map_err(|e| cannot("keep a copy of", path, &e))
    }

    fn kept(&self, path: &Path) -> Option<PathBuf> {
        Some(self.copy(path)).filter(|copy| copy.exists())
    }

    fn remove(&self, path: &Path) -> Result<()> {
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(cannot("remove", path, &e)),
            _ => Ok(()),
        }
    }

    fn make_dir(&self, step: &MakeDir) -> Result<bool> {
        if step.path.is_dir() {
            return Ok(false);
        }
        let put = || {
            state::make_dir(&step.path, step.mode)?;
            match step.owner {
                Some(owner) => std::os::unix::fs::chown(&step.path, Some(owner.uid), Some(owner.gid)),
                None => Ok(()),
            }
        };
        put().map_err(|e| cannot("make", &step.path, &e))?;
        Ok(true)
    }

    fn record(&self, baseline: &Baseline, companion: &Companion) -> Result<()> {
        state::write_baseline(&self.state, baseline, companion)
    }

    fn baseline_files(&self) -> [PathBuf; 2] {
        [self.state.baseline(), self.state.companion()]
    }
}

struct RealDatabase;

impl Database for RealDatabase {
    fn ensure_roles<'a>(
        &'a self,
        step: &'a EnsureRoles,
        admin: &'a Secret,
        app: &'a Secret,
    ) -> EngineFuture<'a, Vec<String>> {
        Box::pin(async move {
            let done = postgres::roles::ensure(step, admin, app, DEADLINE).await?;
            Ok(done.created.into_iter().chain(done.changed).collect())
        })
    }

    fn verify_login<'a>(&'a self, step: &'a VerifyLogin, secret: &'a Secret) -> EngineFuture<'a, ()> {
        Box::pin(postgres::roles::verify_login(step, secret, DEADLINE))
    }

    fn system_identifier<'a>(
        &'a self,
        step: &'a RecordBaseline,
        secret: &'a Secret,
    ) -> EngineFuture<'a, u64> {
        Box::pin(async move {
            let login = postgres::connect(&step.endpoint, &step.role, secret, "postgres", DEADLINE).await;
            let session = login.map_err(|failure| failure.into_error(&step.endpoint, &step.role))?;
            postgres::system_identifier(&session).await
        })
    }

    fn bootstrap_statements(&self, admin_role: &str, admin: &Secret) -> Result<Vec<String>> {
        Ok(postgres::roles::bootstrap_statements(admin_role, admin))
    }
}

impl Secrets for SecretFiles {
    fn find(&self, secret: &SecretRef) -> Result<Option<Secret>> {
        self.find(secret)
    }

    fn generate(&self, secret: &SecretRef) -> Result<bool> {
        self.generate(secret)
    }
}

struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The journal file of a run.
pub struct RealJournal(pub JournalFile);

impl Log for RealJournal {
    fn append(&mut self, record: Record) -> Result<()> {
        self.0.append(&Entry { at: utc_seconds(Timestamp::now()), record })
    }
}
