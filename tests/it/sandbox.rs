//! A project in a folder of its own, with a port of its own, that takes its server along when it goes.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use odpm::base::Digest;

/// What a command said.
#[derive(Debug)]
#[must_use = "assert the exit code"]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    #[track_caller]
    pub fn code(self, want: i32) -> Self {
        assert_eq!(self.code, want, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Everything, for a search.
    pub fn all(&self) -> String {
        format!("{}\n{}", self.out, self.err)
    }

    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(self.all().contains(words), "{words:?} is not in\n{}", self.all());
        self
    }
}

/// A project in a temporary folder.
pub struct Sandbox {
    dir: tempfile::TempDir,
    pub port: u16,
    pub major: u32,
}

/// The newest PostgreSQL of this machine. `make test` installs one; without it these tests cannot run.
pub fn major() -> u32 {
    odpm::engine::local::majors().last().expect("PostgreSQL is installed (make test does it)").0
}

pub fn bin_dir() -> PathBuf {
    match odpm::engine::local::programs(odpm::base::PgMajor(major())) {
        Some(dir) => dir,
        None => panic!("no programs of PostgreSQL {}", major()),
    }
}

/// A port that nobody uses now and no other test gets: below those that the kernel gives to connections,
/// which could take it before a server does.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = (std::process::id() + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        let port = 20_000 + u16::try_from(number).expect("a small number");
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}

impl Sandbox {
    /// A project of the local engine with PostgreSQL of this machine.
    pub fn new() -> Self {
        Self::with("", "")
    }

    /// The same with more lines below `odoo:` and `postgres:`.
    pub fn with(odoo: &str, postgres: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("odpm-it-").tempdir().expect("a folder");
        // The account that PostgreSQL runs as has to get in.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
        let sandbox = Self { dir, port: free_port(), major: major() };
        sandbox.describe(odoo, postgres);
        sandbox
    }

    /// Writes odpm.yaml anew.
    pub fn describe(&self, odoo: &str, postgres: &str) {
        let indent = |text: &str| text.lines().map(|line| format!("  {line}\n")).collect::<String>();
        let port =
            if postgres.contains("port:") { String::new() } else { format!("  port: {}\n", self.port) };
        self.write(
            "odpm.yaml",
            &format!(
                "version: 1\nname: shop\nengine: local\nodoo:\n  version: \"18.0\"\n{}postgres:\n  version: \"{}\"\n{port}{}",
                indent(odoo),
                self.major,
                indent(postgres)
            ),
        );
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("data/postgres")
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("written");
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The program, in this project, in an environment without surprises.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_odpm"));
        command.current_dir(self.root()).env_clear().args(args).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.root());
        command
    }

    pub fn run(&self, args: &[&str]) -> Said {
        self.run_with(args, &[])
    }

    pub fn run_with(&self, args: &[&str], env: &[(&str, &str)]) -> Said {
        let output = self.command(args).envs(env.iter().copied()).output().expect("odpm runs");
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Applies and expects it to succeed.
    #[track_caller]
    pub fn apply(&self) -> Said {
        self.run(&["apply", "--yes"]).code(0)
    }

    /// Applies with further flags and expects it to succeed.
    #[track_caller]
    pub fn apply_with(&self, flags: &[&str]) -> Said {
        self.run(&[&["apply", "--yes"], flags].concat()).code(0)
    }

    /// Expects that there is nothing to do.
    #[track_caller]
    pub fn at_rest(&self) {
        let _ = self.run(&["plan", "--detailed-exitcode"]).code(0).says("Nothing to do.");
    }

    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let said = self.run(args);
        serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {}", said.all()))
    }

    /// The name of the last run.
    pub fn last_run(&self) -> String {
        let history = self.json(&["history", "--format", "json"]);
        history["runs"].as_array().unwrap().last().unwrap()["run"].as_str().unwrap().to_owned()
    }

    /// Answers of the server as its superuser: the first column of each row.
    pub fn sql(&self, database: &str, sql: &str) -> Vec<String> {
        self.try_sql(database, sql).unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    /// The same, or what the server says against it.
    pub fn try_sql(&self, database: &str, sql: &str) -> Result<Vec<String>, String> {
        let password = self.read(".odpm/secrets/admin_password");
        query(self.port, "postgres", password.trim(), database, sql)
    }

    /// A digest of every file's name, permissions and text, but for the named folders.
    pub fn tree(&self, without: &[&str]) -> BTreeMap<PathBuf, (u32, Digest)> {
        let mut found = BTreeMap::new();
        let without: Vec<PathBuf> = without.iter().map(|name| self.path(name)).collect();
        let mut folders = vec![self.root().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder").flatten() {
                let path = entry.path();
                let meta = fs::symlink_metadata(&path).expect("an entry");
                if without.contains(&path) {
                    continue;
                }
                let text = if meta.is_file() { fs::read(&path).unwrap_or_default() } else { Vec::new() };
                found.insert(path.clone(), (meta.permissions().mode(), Digest::of(text)));
                if meta.is_dir() {
                    folders.push(path);
                }
            }
        }
        found
    }

    /// The process id of the server.
    pub fn server_pid(&self) -> Option<u32> {
        let text = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        text.lines().next()?.parse().ok()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // By its own pid file, whatever the test has done to the project.
        if let Some(pid) = self.server_pid() {
            let _ = Command::new("kill").args(["-QUIT", &pid.to_string()]).stderr(Stdio::null()).status();
        }
        let run = self.path(".odpm/run");
        for entry in fs::read_dir(run).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|e| e == "pid")
                && let Ok(text) = fs::read_to_string(entry.path())
                && let Some(pid) = text.split_whitespace().next()
            {
                let _ = Command::new("kill").args(["-KILL", pid]).stderr(Stdio::null()).status();
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// The first column of each row, as text.
pub fn query(
    port: u16,
    role: &str,
    password: &str,
    database: &str,
    sql: &str,
) -> Result<Vec<String>, String> {
    let output = Command::new(bin_dir().join("psql"))
        .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", &port.to_string()])
        .args(["-U", role, "-d", database, "-c", sql])
        .env("PGPASSWORD", password)
        .output()
        .map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

/// Runs a program of PostgreSQL as the account that may: another one than root.
pub fn as_postgres(program: &str, args: &[&str]) -> std::process::Output {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(bin_dir().join(program));
        command
    } else {
        Command::new(bin_dir().join(program))
    };
    command.args(args).current_dir("/").env("LC_ALL", "C").output().expect("a program of PostgreSQL")
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says that a test could not run here. libtest knows no skipping at run time, so the line is what counts:
/// `make test` collects these lines and prints their number.
pub fn skipped(why: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("skipped: {name}: {why}\n");
    eprint!("{line}");
    if let Some(path) = std::env::var_os("ODPM_TEST_SKIPPED") {
        use std::io::Write;
        let file = fs::OpenOptions::new().create(true).append(true).open(path);
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}
