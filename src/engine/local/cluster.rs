//! What happens to a cluster while no server runs on it: its making, and single-user mode.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use super::super::tenancy;
use super::server::prepare_run_dir;
use super::{daemon, terms};
use crate::base::Secret;
use crate::error::{Error, Result};
use crate::facts::{DataDir, PidFile};
use crate::postgres::{data_dir, single_user};
use crate::state;
use crate::step::{ServerSpec, Terms};

/// Character types to try, best first: Odoo searches without regard to case, in every script.
const CTYPES: [&str; 3] = ["C.UTF-8", "en_US.UTF-8", "C"];

/// Makes the cluster in a folder beside its place and moves it there whole.
pub async fn init(server: &ServerSpec, admin_role: &str, admin: &Secret) -> Result<()> {
    let terms = terms(&server.launch)?;
    let cannot = |e: io::Error| {
        Error::environment(format!("cannot make the cluster in {}", server.data.display())).caused_by(&e)
    };
    prepare_run_dir(terms)?;
    let _tenancy = tenancy::take(&server.data, &[]).await?;
    remove_leftovers(&server.data).await.map_err(cannot)?;
    let password = password_file(terms, admin).map_err(cannot)?;
    let folder = beside(&server.data, &std::process::id().to_string());
    let mut refused = None;
    for ctype in CTYPES {
        make_folder(&folder, terms).map_err(cannot)?;
        let output = initdb(&folder, terms, admin_role, password.path(), ctype).await?;
        if output.status.success() {
            return move_into_place(&folder, &server.data);
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        fs::remove_dir_all(&folder).map_err(cannot)?;
        let next = said.contains("invalid locale");
        refused = Some(said);
        if !next {
            break;
        }
    }
    let error = Error::environment("initdb failed");
    Err(refused.unwrap_or_default().lines().filter(|l| !l.trim().is_empty()).fold(error, Error::because))
}

async fn initdb(
    folder: &Path,
    terms: &Terms,
    admin_role: &str,
    password: &Path,
    ctype: &str,
) -> Result<Output> {
    let mut command = daemon::as_account(&terms.bin_dir.join("initdb"), terms.run_as);
    command
        .arg("-D")
        .arg(folder)
        .args(["-U", admin_role, "--auth=scram-sha-256", "--data-checksums", "--encoding=UTF8"])
        .args(["--lc-collate=C", "--lc-messages=C", "--lc-monetary=C", "--lc-numeric=C", "--lc-time=C"])
        .arg(format!("--lc-ctype={ctype}"))
        .arg(format!("--pwfile={}", password.display()))
        .env("LC_ALL", "C");
    tokio::process::Command::from(command)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|e| Error::environment("cannot run initdb").caused_by(&e))
}

/// `/data/.pg.odpm-init-812` for `/data/pg`: what an interrupted run leaves behind is known by its name.
fn beside(data: &Path, suffix: &str) -> PathBuf {
    let name = data.file_name().unwrap_or_default().to_string_lossy();
    data.with_file_name(format!(".{name}.odpm-init-{suffix}"))
}

/// Removes what interrupted runs have left beside the data directory.
async fn remove_leftovers(data: &Path) -> io::Result<()> {
    let prefix = beside(data, "");
    let prefix = prefix.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some(folder) = data.parent() else { return Ok(()) };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) && entry.file_type()?.is_dir() {
            remove_tree(&entry.path()).await?;
        }
    }
    Ok(())
}

/// Removes a folder that an initdb whose odpm was killed may still be writing to: it fails as soon as its
/// files are gone, and until then makes new ones.
async fn remove_tree(folder: &Path) -> io::Result<()> {
    let mut tries = 100;
    loop {
        match fs::remove_dir_all(folder) {
            Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty && tries > 0 => tries -= 1,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => return other,
        }
        tokio::time::sleep(daemon::BEAT).await;
    }
}

fn make_folder(folder: &Path, terms: &Terms) -> io::Result<()> {
    fs::create_dir(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    match terms.run_as {
        Some(owner) => std::os::unix::fs::chown(folder, Some(owner.uid), Some(owner.gid)),
        None => Ok(()),
    }
}

/// The password in a file that only the server's account reads, and only for a moment: a process's
/// arguments are there for everybody.
fn password_file(terms: &Terms, admin: &Secret) -> io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix(".pw-").tempfile_in(&terms.run_dir)?;
    writeln!(file, "{}", admin.reveal())?;
    if let Some(owner) = terms.run_as {
        std::os::unix::fs::fchown(file.as_file(), Some(owner.uid), Some(owner.gid))?;
    }
    Ok(file)
}

/// Moves the finished cluster to its place, where nothing or an empty folder is.
fn move_into_place(folder: &Path, data: &Path) -> Result<()> {
    let put = || -> io::Result<()> {
        fs::rename(folder, data)?;
        data.parent().map_or(Ok(()), state::sync_folder)
    };
    put().map_err(|e| {
        let error =
            Error::environment(format!("cannot move the new cluster to {}", data.display())).caused_by(&e);
        match e.kind() {
            io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices => error.hint(
                "A mount point cannot be the data directory itself: set postgres.data to a folder inside it.",
            ),
            _ => error,
        }
    })
}

/// Runs statements in single-user mode. It ends well whatever happens, so what it says decides.
pub async fn run_single_user(server: &ServerSpec, statements: &[String]) -> Result<()> {
    let terms = terms(&server.launch)?;
    if let DataDir::Cluster(files) = data_dir::inspect(&server.data)
        && let PidFile::Alive { pid, .. } = files.pid
    {
        return Err(Error::refused("single-user mode needs the server stopped")
            .because(format!("process {pid} runs on {}", server.data.display())));
    }
    let _tenancy = tenancy::take(&server.data, &[]).await?;
    let mut command = daemon::as_account(&terms.bin_dir.join("postgres"), terms.run_as);
    command.args(["--single", "-D"]).arg(&server.data);
    for setting in [
        format!("config_file={}", terms.config_file.display()),
        format!("data_directory={}", server.data.display()),
        "lc_messages=C".to_owned(),
        "logging_collector=off".to_owned(),
        "log_statement=none".to_owned(),
        "log_min_error_statement=panic".to_owned(),
    ] {
        command.args(["-c", &setting]);
    }
    command.arg("postgres").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = async {
        use tokio::io::AsyncWriteExt;
        let mut child = tokio::process::Command::from(command).spawn()?;
        if let Some(mut input) = child.stdin.take() {
            for statement in statements {
                input.write_all(format!("{statement}\n").as_bytes()).await?;
            }
        }
        child.wait_with_output().await
    };
    let output = run.await.map_err(|e| Error::environment("cannot run single-user mode").caused_by(&e))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    single_user::verdict(output.status.success(), &said)
}
