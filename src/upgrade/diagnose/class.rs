//! The classes of causes: a closed set, each with what usually mends it.

use serde::Serialize;

/// Why something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A module that another needs is not on the addons path.
    MissingModule,
    /// Modules need each other in a circle.
    DependencyCycle,
    /// A Python package or a program that a manifest asks for is missing.
    MissingExternalDependency,
    /// An import of a Python package that is not there.
    MissingPythonPackage,
    /// An import of a name that is not there.
    PythonImport,
    /// Python cannot read a file.
    PythonSyntax,
    /// Code raised an exception.
    PythonError,
    /// A model or a field is declared in a way that cannot stand.
    ModelDefinition,
    /// A model that nobody has declared.
    UnknownModel,
    /// A migration script has no `migrate(cr, version)`.
    MigrationScript,
    /// An XML file that cannot be read, or is not of Odoo's form.
    InvalidXml,
    /// A CSV file that cannot be loaded.
    InvalidCsv,
    /// A record of a data file names a field that its model does not have.
    InvalidField,
    /// Data refer to an external id that does not exist.
    MissingExternalId,
    /// A file that the manifest names is not there.
    MissingFile,
    /// A view changes a place that its parent does not have.
    ViewInheritance,
    /// A view that does not fit its model.
    InvalidView,
    /// Odoo refused what was asked: a rule of the business, an access right.
    Refused,
    /// A column that does not exist.
    UndefinedColumn,
    /// A table that does not exist.
    UndefinedTable,
    /// A function, a type or an index that does not exist.
    UndefinedObject,
    /// What is to be made is there already.
    DuplicateObject,
    /// Rows that are equal where none may be.
    UniqueViolation,
    /// An empty value where none may be.
    NotNullViolation,
    /// A row refers to one that does not exist, or is referred to.
    ForeignKeyViolation,
    /// A row breaks a rule of its table.
    CheckViolation,
    /// A value that does not fit its type.
    DataType,
    /// Something else depends on what is to be altered or dropped.
    DependentObjects,
    /// SQL that PostgreSQL cannot read.
    SqlSyntax,
    /// An earlier error of the same transaction, which the log does not show.
    TransactionAborted,
    /// A role may not do that.
    PermissionDenied,
    /// Somebody else held a lock for too long.
    LockTimeout,
    /// Two transactions waited for, or overtook, each other.
    Deadlock,
    /// A statement took longer than it may.
    StatementTimeout,
    /// No room on a disk.
    DiskFull,
    /// PostgreSQL lets nobody else in.
    TooManyConnections,
    /// The password or the role is wrong.
    Authentication,
    /// There is no such database.
    DatabaseMissing,
    /// PostgreSQL does not answer.
    ServerUnreachable,
    /// PostgreSQL went away.
    ConnectionLost,
    /// Another error of PostgreSQL.
    OtherSql,
    /// A test failed.
    TestFailed,
    /// Memory ran out.
    OutOfMemory,
    /// The process was killed from outside.
    Killed,
    /// Odoo took longer, or more memory, than its limits allow.
    Limit,
    /// A file or folder may not be read or written.
    FilePermission,
    /// Somebody else listens on the port.
    PortInUse,
    /// Odoo refuses its options.
    Configuration,
    /// The log says that it failed, and not why.
    Unknown,
}

impl Class {
    /// What usually mends it.
    pub fn remedies(self) -> &'static [&'static str] {
        match self {
            Self::MissingModule => &[
                "Put the module that is missing on the addons path, in the version of this Odoo, or take it out of `depends` in the manifest.",
                "If it was renamed or merged, name its successor in `depends`.",
            ],
            Self::DependencyCycle => &[
                "Take one of the modules out of `depends` of the others; what both need belongs in a third.",
            ],
            Self::MissingExternalDependency => &[
                "Install what the manifest asks for in `external_dependencies` where Odoo runs, in the image as well, and run the upgrade again.",
            ],
            Self::MissingPythonPackage => &[
                "Install the package into the Python that runs Odoo, in the image as well, and name it in `external_dependencies` of the manifest.",
            ],
            Self::PythonImport => {
                &["The name is not there in this version of the package or of Odoo: import its successor."]
            }
            Self::PythonSyntax => &[
                "Mend the file at the line that is told; `python3 -m py_compile FILE` checks it with the Python that runs Odoo.",
            ],
            Self::PythonError => &[
                "Mend the code at the line that is told, or the data that it cannot deal with; rehearse on a copy before running again.",
            ],
            Self::ModelDefinition => &[
                "Correct the declaration: the model, field or dependency that it names is not there in this version, or its module is missing from `depends`.",
            ],
            Self::UnknownModel => &[
                "Name the module that declares the model in `depends`, or its new name where it was renamed.",
            ],
            Self::MigrationScript => &["Give the script a function `migrate(cr, version)`."],
            Self::InvalidXml => &[
                "Mend the XML at the line that is told; `xmllint --noout FILE` finds what is not well formed.",
            ],
            Self::InvalidCsv => &[
                "Mend the line of the CSV file: its ids have to exist before it is loaded, and its columns have to be fields.",
            ],
            Self::InvalidField => &[
                "Take the field out of the data, or name it as this version does; if another module declares it, name that in `depends`.",
            ],
            Self::MissingExternalId => &[
                "Load the file that defines the id earlier in `data` of the manifest, name its module in `depends`, or use its new name.",
            ],
            Self::MissingFile => {
                &["Add the file, or take it out of the manifest; is it in the release that was deployed?"]
            }
            Self::ViewInheritance => &[
                "Adapt the locator to the parent view as it is in this version; views of modules that are upgraded later may be the ones that differ.",
                "If the view is a left-over of an earlier version, remove or deactivate it in a pre-migration script.",
            ],
            Self::InvalidView => &[
                "Correct the view: its fields, buttons and groups have to exist in the model as this version has it.",
            ],
            Self::Refused => &[
                "Do what the message says, or set the data right before the upgrade; a migration script can do it.",
            ],
            Self::UndefinedColumn => &[
                "In a migration script: look whether the column exists first; before the module is loaded its new columns do not, so add it yourself or do it in a post- script.",
                "Elsewhere: the code is newer than the database; upgrade the module that declares the field.",
            ],
            Self::UndefinedTable => &[
                "The table is made when its module is loaded, or was removed or renamed: use a post- script, look first, or upgrade the module that declares the model.",
            ],
            Self::UndefinedObject => &[
                "Look whether it exists before using it, or create it (an extension, a function, a type) beforehand.",
            ],
            Self::DuplicateObject => &[
                "It is there already, from an earlier attempt perhaps: start from the checkpoint again, or make the script look first.",
            ],
            Self::UniqueViolation => &[
                "Find the rows that are equal with SELECT ... GROUP BY ... HAVING count(*) > 1, and merge or rename them in a pre-migration script.",
            ],
            Self::NotNullViolation => {
                &["Fill the empty values in a pre-migration script, or give the field a default."]
            }
            Self::ForeignKeyViolation => &[
                "Mend or remove the rows that refer to what is gone, or what still refers to the row that is to be removed, in a pre-migration script.",
            ],
            Self::CheckViolation => &["Correct the rows that break the rule in a pre-migration script."],
            Self::DataType => {
                &["Convert the values in a pre-migration script, or cast them in the statement."]
            }
            Self::DependentObjects => &[
                "Drop the views or rules that depend on it in a pre-migration script, and make them anew in a post- script.",
            ],
            Self::SqlSyntax => &["Correct the statement; try it on a copy: odpm sql FILE rehearses it."],
            Self::TransactionAborted => &[
                "An earlier statement of the same transaction failed and the code went on: look for it before this line, or run with --log-handler=odoo.sql_db:DEBUG; use a savepoint where failing is expected.",
            ],
            Self::PermissionDenied => {
                &["Let the application role own what it alters: odpm doctor says what is not its own."]
            }
            Self::LockTimeout => &[
                "Stop traffic and crons first, and end sessions that are idle in a transaction: odpm incident sessions shows them.",
            ],
            Self::Deadlock => {
                &["Nothing else may write meanwhile: stop traffic and crons, then run the upgrade again."]
            }
            Self::StatementTimeout => {
                &["Raise statement_timeout for the upgrade, or do the work in parts or with an index."]
            }
            Self::DiskFull => &[
                "Make room where the database, its log or the filestore is, then start again from the checkpoint.",
            ],
            Self::TooManyConnections => {
                &["Stop other clients, lower db_maxconn and workers, or raise max_connections."]
            }
            Self::Authentication => &[
                "Check db_user and db_password against the server's role and pg_hba.conf: odpm status logs in as Odoo does.",
            ],
            Self::DatabaseMissing => &["Check the name; odpm database list shows those that exist."],
            Self::ServerUnreachable => {
                &["Check that PostgreSQL runs and that db_host and db_port are its own: odpm status."]
            }
            Self::ConnectionLost => &[
                "PostgreSQL was stopped, restarted or ran out of memory: its own log of that minute says which; then start again from the checkpoint.",
            ],
            Self::OtherSql => {
                &["Look at the statement and the message; odpm sql rehearses statements on a copy."]
            }
            Self::TestFailed => {
                &["Mend the code or the test; the database was upgraded nevertheless if nothing else failed."]
            }
            Self::OutOfMemory => &[
                "Give the process more memory (limit_memory_hard, the container's limit), or work in batches.",
            ],
            Self::Killed => &[
                "The kernel or the container's limit ended it, mostly for memory: `dmesg` or `docker inspect` says so; give it more, or work in batches.",
            ],
            Self::Limit => &[
                "Run the upgrade without workers and with higher limit_time_real, limit_time_cpu and limit_memory_hard.",
            ],
            Self::FilePermission => &["Give the account that runs Odoo access to the file or folder."],
            Self::PortInUse => {
                &["Stop the other server, or run the upgrade with --stop-after-init --no-http."]
            }
            Self::Configuration => &["Correct the option; `odoo-bin --help` lists those of this version."],
            Self::Unknown => &["Run it again with --log-level=debug and keep the whole log from its start."],
        }
    }

    /// Its name in machine-readable answers.
    pub fn name(self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// The class of a SQLSTATE.
    pub fn of_state(state: &str) -> Self {
        match state {
            "42703" | "42P10" => Self::UndefinedColumn,
            "42P01" => Self::UndefinedTable,
            "42883" | "42704" | "3F000" => Self::UndefinedObject,
            "42P07" | "42701" | "42710" | "42P04" | "42P06" => Self::DuplicateObject,
            "23505" | "23P01" => Self::UniqueViolation,
            "23502" => Self::NotNullViolation,
            "23503" => Self::ForeignKeyViolation,
            "23514" => Self::CheckViolation,
            "2BP01" | "0A000" => Self::DependentObjects,
            "42601" | "42803" | "42702" | "42725" => Self::SqlSyntax,
            "25P02" => Self::TransactionAborted,
            "42501" => Self::PermissionDenied,
            "55P03" => Self::LockTimeout,
            "40P01" | "40001" => Self::Deadlock,
            "57014" => Self::StatementTimeout,
            "53100" => Self::DiskFull,
            "53200" => Self::OutOfMemory,
            "53300" => Self::TooManyConnections,
            "28P01" | "28000" => Self::Authentication,
            "3D000" => Self::DatabaseMissing,
            "57P01" | "57P02" => Self::ConnectionLost,
            "57P03" => Self::ServerUnreachable,
            "42804" | "42846" | "42P18" => Self::DataType,
            state if state.starts_with("22") => Self::DataType,
            state if state.starts_with("08") => Self::ConnectionLost,
            _ => Self::OtherSql,
        }
    }
}
