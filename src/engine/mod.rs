//! What runs the services: one face, [`Engine`], for processes of this machine and for containers.
//!
//! `tenancy` is common to both: a data directory has one server, whoever started it. So are `http`, one question to a service, and
//! `server_log`, the log of one read from end to end.
//!
//! Speaks in the words of `step` and `facts` only, so that nothing above it knows which engine it
//! talks to. It decides nothing: what to start, and whether that is allowed, stands in the plan.

mod deadline;
pub mod docker;
mod http;
pub mod local;
mod place;
mod server_log;
mod shell;
mod tenancy;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use crate::base::Secret;
use crate::error::{Error, Result};
use crate::facts::{DataDir, EngineSeen, Known};
use crate::project::{EngineKind, Project};
use crate::step::{Operator, PullImage, ReplaceData, ServerSpec, ServiceSpec, ShareFiles, Sidecar};

pub use http::{Answer, Unmet, get, unmet};
pub use server_log::diagnose;
pub use shell::{python_literal, shell_output, shell_progress};

/// The files in a data directory by which its server is set up.
const SETTINGS: [&str; 4] = ["postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf"];

/// An answer that is never a failure: what could not be learned is unknown in it.
pub type Looking<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A command for a person, to be run where a service runs.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// The project.
    pub project: &'a Project,
    /// The service's plain name.
    pub service: &'a str,
    /// The command.
    pub words: &'a [String],
    /// Variables of the command's own environment to hand on, by name.
    pub env: &'a [&'a str],
    /// Whether there is a terminal.
    pub tty: bool,
}

/// A client program of PostgreSQL, and what it works on.
#[derive(Debug)]
pub struct Tool<'a> {
    /// Who looks after the databases, and where the programs are.
    pub operator: &'a Operator,
    /// `pg_dump` or `pg_restore`.
    pub program: &'a str,
    /// Its arguments, but for those of the login.
    pub args: Vec<String>,
    /// The role that logs in.
    pub role: &'a str,
    /// Its password.
    pub secret: &'a Secret,
    /// The database; `None` for work on files alone.
    pub database: Option<&'a str>,
    /// Folders and files of this machine that it reads or writes, at these very paths.
    pub paths: Vec<&'a Path>,
    /// Where its output goes to, in chunks.
    pub output: Option<tokio::sync::mpsc::Sender<Result<Vec<u8>>>>,
}

impl Tool<'_> {
    /// The arguments of the login. A name is no connection string, whatever is in it.
    fn login(&self, host: &str, port: u16) -> Vec<String> {
        let Some(database) = self.database else { return Vec::new() };
        let name = database.replace('\\', "\\\\").replace('\'', "\\'");
        let words = ["-h", host, "-p", &port.to_string(), "-U", self.role, "-w", "-d"];
        words.map(str::to_owned).into_iter().chain([format!("dbname='{name}'")]).collect()
    }

    /// Variables of the program's environment, but for the password.
    fn variables(&self) -> Vec<(&'static str, String)> {
        // What a program prints reads the same everywhere.
        let plain = [("LC_ALL", "C"), ("TZ", "UTC"), ("PGAPPNAME", "odpm")];
        let mut variables: Vec<_> = plain.map(|(name, value)| (name, value.to_owned())).into();
        if let Some(tls) = &self.operator.endpoint.tls {
            variables.push(("PGSSLMODE", tls.mode.as_str().to_owned()));
            variables.extend(tls.root.iter().map(|root| ("PGSSLROOTCERT", root.display().to_string())));
        }
        variables
    }

    /// What it means that the program ended badly.
    fn failure(&self, how: &str, said: &str) -> Error {
        let error = Error::environment(format!("{} {how}", self.program));
        error.because_last(said.lines().map(str::trim).filter(|line| !line.is_empty()))
    }
}

/// Has pg_restore read a dump in PostgreSQL's own form to its end, and write nothing; a sentence on what is wrong with it.
pub async fn read_dump(engine: &dyn Engine, operator: &Operator, dump: &Path) -> Result<(), String> {
    // It logs in nowhere.
    let nobody = Secret::new("");
    let tool = Tool {
        operator,
        program: "pg_restore",
        args: vec!["--file=/dev/null".to_owned(), dump.display().to_string()],
        role: &operator.role,
        secret: &nobody,
        database: None,
        paths: vec![dump],
        output: None,
    };
    let read = engine.tool(tool).await;
    read.map_err(|e| format!("pg_restore cannot read it: {}", e.report().why.join(": ")))
}

/// A script for the Python that runs Odoo, which reads its input and prints its answer. It knows no database.
#[derive(Debug)]
pub struct PythonTask<'a> {
    /// The project.
    pub project: &'a Project,
    /// The script.
    pub script: &'a str,
    /// What it reads.
    pub input: &'a str,
    /// Folders of this machine that it looks into, at these very paths.
    pub folders: Vec<&'a Path>,
}

/// Which lines of the logs are wanted.
#[derive(Clone, Copy, Debug)]
pub struct LogQuery<'a> {
    /// The project.
    pub project: &'a Project,
    /// The services' plain names.
    pub services: &'a [String],
    /// Only what is younger.
    pub since: Option<jiff::Timestamp>,
    /// Whether to go on with what comes.
    pub follow: bool,
}

/// One line of a service's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The service's plain name.
    pub service: String,
    /// When it was written, where that is known.
    pub at: Option<jiff::Timestamp>,
    /// The line.
    pub text: String,
}

/// A future of the engine; odpm runs on one thread.
pub type EngineFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + 'a>>;

/// What runs the server and the services of a project.
pub trait Engine {
    /// What the engine has and runs. Changes nothing, and answers within a few seconds even when a
    /// daemon hangs; what could not be learned is unknown in the answer, not an error.
    fn look<'a>(&'a self, project: &'a Project) -> Looking<'a, EngineSeen>;

    /// What stands at the place of a data directory, seen as the engine can see it.
    fn data_dir<'a>(&'a self, path: &'a Path) -> Looking<'a, DataDir>;

    /// Brings an image to this machine; one that is there already stays.
    fn pull_image<'a>(&'a self, step: &'a PullImage) -> EngineFuture<'a, ()>;

    /// Gives the user of an image what it needs of this machine's files.
    fn share_files<'a>(&'a self, step: &'a ShareFiles) -> EngineFuture<'a, ()>;

    /// Makes a new cluster in the server's data directory, which is absent or empty. Killed in the
    /// middle it leaves that directory as it was.
    fn init_cluster<'a>(
        &'a self,
        server: &'a ServerSpec,
        admin_role: &'a str,
        admin: &'a Secret,
    ) -> EngineFuture<'a, ()>;

    /// Runs statements in single-user mode on the stopped server's cluster, in the database
    /// `postgres`, and fails when one of them did.
    fn single_user<'a>(&'a self, server: &'a ServerSpec, statements: &'a [String]) -> EngineFuture<'a, ()>;

    /// Starts the server and waits until it accepts connections over TCP. One that runs already with
    /// this configuration stays; one with another configuration is restarted.
    fn start_server<'a>(&'a self, server: &'a ServerSpec) -> EngineFuture<'a, ()>;

    /// Stops the server and waits for its end. One that does not run stays so.
    fn stop_server<'a>(&'a self, server: &'a ServerSpec) -> EngineFuture<'a, ()>;

    /// Starts the server of a sidecar, which sees its own folders and the kept log, where that is in a folder, and nothing else;
    /// does not wait until it is ready.
    fn start_sidecar<'a>(&'a self, sidecar: &'a Sidecar, log: Option<&'a Path>) -> EngineFuture<'a, ()>;

    /// Whether the server of a sidecar runs.
    fn sidecar_runs<'a>(&'a self, sidecar: &'a Sidecar) -> EngineFuture<'a, bool>;

    /// Stops the server of a sidecar and waits for its end. One that does not run stays so.
    fn stop_sidecar<'a>(&'a self, sidecar: &'a Sidecar) -> EngineFuture<'a, ()>;

    /// Has the server of a sidecar write everything to its files, and waits for its end.
    fn shut_sidecar_down<'a>(&'a self, sidecar: &'a Sidecar) -> EngineFuture<'a, ()>;

    /// Sets the data directory of a stopped server aside and puts another cluster in its place; how large the old one is. Killed
    /// in the middle, it goes on where it was.
    fn replace_data<'a>(&'a self, step: &'a ReplaceData) -> EngineFuture<'a, u64>;

    /// Puts a data directory that was set aside back where its place is empty; whether that was so.
    fn put_data_back<'a>(&'a self, step: &'a ReplaceData) -> EngineFuture<'a, bool>;

    /// Starts as many of the service as wanted, and waits until they are up; stops those too many or
    /// with another configuration.
    fn start_service<'a>(&'a self, service: &'a ServiceSpec) -> EngineFuture<'a, ()>;

    /// Stops the service and waits for its end.
    fn stop_service<'a>(&'a self, service: &'a ServiceSpec) -> EngineFuture<'a, ()>;

    /// The command that takes a person to where a service runs.
    fn command_in<'a>(&'a self, visit: &'a Visit<'a>) -> EngineFuture<'a, std::process::Command>;

    /// Runs a client program of PostgreSQL to its end; fails when it fails.
    fn tool<'a>(&'a self, tool: Tool<'a>) -> EngineFuture<'a, ()>;

    /// The command that runs Odoo once, with further arguments, where and as the service runs it.
    fn odoo_command<'a>(
        &'a self,
        service: &'a ServiceSpec,
        args: &'a [String],
    ) -> EngineFuture<'a, std::process::Command>;

    /// The command that runs Odoo's server once, with further arguments, as the service runs it, on this port of this machine and
    /// no other address.
    fn server_command<'a>(
        &'a self,
        service: &'a ServiceSpec,
        args: &'a [String],
        port: u16,
    ) -> EngineFuture<'a, std::process::Command>;

    /// Ends what this odpm has started of Odoo for a while, whatever is left of it.
    fn end_command<'a>(&'a self, service: &'a ServiceSpec) -> EngineFuture<'a, ()>;

    /// The `data/neutralize.sql` of those of the modules that an image of Odoo's has one for, with their names.
    fn neutralize_scripts<'a>(
        &'a self,
        image: &'a str,
        modules: &'a [String],
    ) -> EngineFuture<'a, Vec<(String, String)>>;

    /// What a script says in the Python that runs Odoo.
    fn python<'a>(&'a self, task: &'a PythonTask<'a>) -> EngineFuture<'a, String>;

    /// What tells an image from every other one; `None` for an engine without images.
    fn image_id<'a>(&'a self, image: &'a str) -> EngineFuture<'a, Option<String>>;

    /// The further programs that this engine needs for the project, by name, with their versions.
    fn tools<'a>(&'a self, project: &'a Project) -> Looking<'a, Vec<(String, Known<String>)>>;

    /// Tells the log lines that were asked for, oldest first.
    fn logs<'a>(&'a self, query: &'a LogQuery<'a>, tell: &'a mut dyn FnMut(LogLine)) -> EngineFuture<'a, ()>;
}

/// The engine of a project.
pub fn of(project: &Project) -> Box<dyn Engine> {
    match project.engine {
        EngineKind::Local => Box::new(local::Local),
        EngineKind::Docker => Box::new(docker::Docker::new(&project.postgres.image)),
    }
}
