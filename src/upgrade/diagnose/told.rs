//! What a diagnosis says.

use serde::Serialize;

use super::class::Class;

/// Where on its way the server was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before any database.
    Starting,
    /// Reaching PostgreSQL.
    Connecting,
    /// Which modules need which.
    Dependencies,
    /// Importing a module's Python.
    LoadingPython,
    /// Setting the models up.
    Models,
    /// A script before the module is loaded.
    PreMigration,
    /// A script after its data.
    PostMigration,
    /// A script after all modules.
    EndMigration,
    /// Making and altering tables.
    Schema,
    /// Loading a data file.
    Data,
    /// Applying or checking views.
    Views,
    /// Loading translations.
    Translations,
    /// A hook of the manifest.
    Hooks,
    /// Tests.
    Tests,
    /// Somewhere between the first module and the last.
    Loading,
    /// Answering a request.
    Request,
    /// A scheduled action or a job of a queue.
    ScheduledAction,
    /// Anything else while it runs.
    Running,
}

/// A file and a line of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line; 0 where none is told.
    pub line: u64,
}

/// A statement that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sql {
    /// The statement, without secrets, where the log has it.
    pub statement: Option<String>,
    /// The SQLSTATE, where it is known.
    pub sqlstate: Option<String>,
}

/// A view that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct View {
    /// Its external id.
    pub xmlid: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// What it wants to find in its parent: an element, or the expression of an `xpath`.
    pub locator: Option<String>,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Evidence {
    /// Its number, from 1.
    pub line: u64,
    /// What it says, without what carried it and without secrets.
    pub text: String,
}

/// The first failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The line that names it.
    pub line: u64,
    /// When, as the log writes it.
    pub time: Option<String>,
    /// The process.
    pub pid: Option<u32>,
    /// The database.
    pub database: Option<String>,
    /// The module.
    pub module: Option<String>,
    /// Where on its way the server was.
    pub phase: Phase,
    /// The file and line that failed.
    pub place: Option<Place>,
    /// Why, in one line.
    pub cause: String,
    /// Why, as a class.
    pub class: Class,
    /// The class of the exception.
    pub exception: Option<String>,
    /// The statement.
    pub sql: Option<Sql>,
    /// The view.
    pub view: Option<View>,
    /// What usually mends it.
    pub remedies: Vec<String>,
    /// Whether the log says itself that this is how it ended; it may be cut before.
    pub confirmed: bool,
    /// The lines that show it.
    pub evidence: Vec<Evidence>,
    /// Lines that followed from it.
    pub consequences: Vec<Evidence>,
}

/// A failure after the first, by another cause or in another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Later {
    /// The line that names it.
    pub line: u64,
    /// The module.
    pub module: Option<String>,
    /// Why, in one line.
    pub cause: String,
    /// Why, as a class.
    pub class: Class,
    /// How often.
    pub count: u64,
}

/// What is worth knowing beside a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A constraint that the code declares is not in the database.
    ConstraintMissing,
    /// A module was asked for that nobody knows; Odoo exits with 0.
    UnknownModule,
    /// Modules that are installed were not loaded.
    ModulesNotLoaded,
    /// Modules are left half-way.
    ModuleStates,
    /// A module or its dependencies cannot be installed here.
    NotInstallable,
    /// A migration script was passed over.
    MigrationScript,
    /// Demo data could not be loaded.
    DemoData,
    /// A view does not fit any more.
    View,
    /// A model or field is declared and cannot be used.
    Model,
    /// A module for the whole server could not be loaded.
    ServerWideModule,
    /// The database has no Odoo in it.
    NotInitialised,
    /// An error that did not stop the server.
    SurvivedError,
    /// A limit was reached.
    Limit,
    /// The log ends before the server says how it ended.
    Unfinished,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What sort it is.
    pub kind: FindingKind,
    /// The first line that says so.
    pub line: u64,
    /// How often.
    pub count: u64,
    /// What is said.
    pub what: String,
}

/// A registry that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loaded {
    /// The database.
    pub database: String,
    /// How many modules.
    pub modules: u64,
    /// The line that says so.
    pub line: u64,
}

/// What a log says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// The version of this form.
    pub format_version: u32,
    /// How many lines were read.
    pub lines: u64,
    /// How many records of Odoo's they hold.
    pub records: u64,
    /// How many warnings.
    pub warnings: u64,
    /// The versions of Odoo that started.
    pub versions: Vec<String>,
    /// The first failure; none where nothing failed.
    pub failure: Option<Failure>,
    /// Those after it that it does not explain.
    pub later: Vec<Later>,
    /// What is worth knowing beside it.
    pub findings: Vec<Finding>,
    /// Registries that stand.
    pub loaded: Vec<Loaded>,
}
