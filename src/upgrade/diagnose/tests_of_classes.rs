//! What exceptions mean, one by one.

use super::tests::{failed, frame, in_data, in_script, upgrade};
use super::{Class, Phase};

/// Every class that one exception tells, with the frames before it.
#[test]
fn each_exception_has_its_class_and_phase() {
    let load =
        frame(
            "/srv/odoo/odoo/modules/loading.py",
            190,
            "load_module_graph",
            "load_openerp_module(package.name)",
        ) + &frame("/srv/odoo/odoo/modules/module.py", 395, "load_openerp_module", "__import__(qualname)")
            + &frame("/srv/own/rent/models/rent.py", 3, "<module>", "import x");
    let schema = frame("/srv/odoo/odoo/modules/registry.py", 560, "init_models", "model._auto_init()");
    let models = frame("/srv/odoo/odoo/modules/registry.py", 300, "setup_models", "model._setup_fields()");
    let refuse =
        frame("/srv/odoo/odoo/addons/base/models/ir_module.py", 722, "button_upgrade", "raise UserError(x)");
    let hook = frame(
        "/srv/odoo/odoo/modules/loading.py",
        250,
        "load_module_graph",
        "getattr(py_module, post_init)(env)",
    ) + &frame("/srv/own/rent/hooks.py", 5, "fill", "1 / 0");
    let data = in_data();
    let pre = in_script("pre");
    let connect = frame("/srv/odoo/odoo/sql_db.py", 700, "borrow", "psycopg2.connect(**info)");
    let unread =
        load.clone() + "  File \"/srv/own/rent/models/price.py\", line 8\n    def f(:\n          ^\n";
    let cases: Vec<(&str, &str, Phase, Class)> = vec![
        (
            &load,
            "ModuleNotFoundError: No module named 'odoo.addons.queue_job'",
            Phase::LoadingPython,
            Class::MissingModule,
        ),
        (
            &load,
            "ModuleNotFoundError: No module named 'phonenumbers'",
            Phase::LoadingPython,
            Class::MissingPythonPackage,
        ),
        (
            &load,
            "ImportError: cannot import name 'slug' from 'odoo.tools'",
            Phase::LoadingPython,
            Class::PythonImport,
        ),
        (
            &load,
            "AttributeError: module 'odoo.fields' has no attribute 'Chars'",
            Phase::LoadingPython,
            Class::PythonError,
        ),
        (&unread, "SyntaxError: invalid syntax", Phase::LoadingPython, Class::PythonSyntax),
        (
            &refuse,
            "odoo.exceptions.UserError: You try to upgrade the module rent that depends on the module: queue_job.\nBut this module is not available in your system.",
            Phase::Dependencies,
            Class::MissingModule,
        ),
        (
            &refuse,
            "odoo.exceptions.UserError: Unable to upgrade module \"rent\" because an external dependency is not met: Python library not installed: xlrd",
            Phase::Dependencies,
            Class::MissingExternalDependency,
        ),
        (
            &models,
            "TypeError: Model 'rent.old' does not exist in registry.",
            Phase::Models,
            Class::ModelDefinition,
        ),
        (
            &models,
            "ValueError: Wrong @depends on '_compute_a' (compute method of field rent.a). Dependency field 'b' not found in model rent.",
            Phase::Models,
            Class::ModelDefinition,
        ),
        (
            &schema,
            "psycopg2.errors.DuplicateTable: relation \"rent\" already exists",
            Phase::Schema,
            Class::DuplicateObject,
        ),
        (
            &schema,
            "psycopg2.errors.FeatureNotSupported: cannot alter type of a column used by a view or rule",
            Phase::Schema,
            Class::DependentObjects,
        ),
        (
            &schema,
            "psycopg2.errors.InsufficientPrivilege: must be owner of table rent",
            Phase::Schema,
            Class::PermissionDenied,
        ),
        (
            &pre,
            "psycopg2.errors.UniqueViolation: duplicate key value violates unique constraint \"a\"",
            Phase::PreMigration,
            Class::UniqueViolation,
        ),
        (
            &pre,
            "psycopg2.errors.NotNullViolation: null value in column \"a\"",
            Phase::PreMigration,
            Class::NotNullViolation,
        ),
        (
            &pre,
            "psycopg2.errors.ForeignKeyViolation: update or delete on table \"a\"",
            Phase::PreMigration,
            Class::ForeignKeyViolation,
        ),
        (
            &pre,
            "psycopg2.errors.CheckViolation: check constraint \"a\" is violated by some row",
            Phase::PreMigration,
            Class::CheckViolation,
        ),
        (
            &pre,
            "psycopg2.errors.UndefinedTable: relation \"a\" does not exist",
            Phase::PreMigration,
            Class::UndefinedTable,
        ),
        (
            &pre,
            "psycopg2.errors.UndefinedFunction: la fonction a() n'existe pas",
            Phase::PreMigration,
            Class::UndefinedObject,
        ),
        (
            &pre,
            "psycopg2.errors.SyntaxError: syntax error at or near \"FORM\"",
            Phase::PreMigration,
            Class::SqlSyntax,
        ),
        (
            &pre,
            "psycopg2.errors.InvalidTextRepresentation: invalid input syntax for type integer: \"a\"",
            Phase::PreMigration,
            Class::DataType,
        ),
        (
            &pre,
            "psycopg2.errors.LockNotAvailable: canceling statement due to lock timeout",
            Phase::PreMigration,
            Class::LockTimeout,
        ),
        (&pre, "psycopg2.errors.DeadlockDetected: deadlock detected", Phase::PreMigration, Class::Deadlock),
        (
            &pre,
            "psycopg2.errors.QueryCanceled: canceling statement due to statement timeout",
            Phase::PreMigration,
            Class::StatementTimeout,
        ),
        (
            &pre,
            "psycopg2.errors.DiskFull: could not extend file \"base/1/2\": No space left on device",
            Phase::PreMigration,
            Class::DiskFull,
        ),
        (
            &pre,
            "psycopg2.errors.InFailedSqlTransaction: current transaction is aborted, commands ignored",
            Phase::PreMigration,
            Class::TransactionAborted,
        ),
        (
            &pre,
            "psycopg2.OperationalError: server closed the connection unexpectedly",
            Phase::PreMigration,
            Class::ConnectionLost,
        ),
        (
            &pre,
            "psycopg2.ProgrammingError: column \"a\" does not exist",
            Phase::PreMigration,
            Class::UndefinedColumn,
        ),
        (&pre, "psycopg2.errors.Surprise: what is this", Phase::PreMigration, Class::OtherSql),
        (
            &pre,
            "AttributeError: module rent: Each pre-upgrade file must have a \"migrate(cr, installed_version)\" function, not found in /srv/own/rent/migrations/18.0.1.1.0/pre-prices.py",
            Phase::PreMigration,
            Class::MigrationScript,
        ),
        (&pre, "MemoryError", Phase::PreMigration, Class::OutOfMemory),
        (&pre, "TypeError: unsupported operand", Phase::PreMigration, Class::PythonError),
        (&hook, "ZeroDivisionError: division by zero", Phase::Hooks, Class::PythonError),
        (&hook, "KeyError: 'rent.gone'", Phase::Hooks, Class::UnknownModel),
        (
            &data,
            "odoo.tools.convert.ParseError: while parsing /srv/own/rent/data/a.xml:7, somewhere inside\n<record id=\"a\"/>\n\nExternal ID not found in the system: rent.b",
            Phase::Data,
            Class::MissingExternalId,
        ),
        (
            &data,
            "odoo.tools.convert.ParseError: while parsing /srv/own/rent/data/a.xml:7, somewhere inside\nInvalid field 'x' on model 'rent'",
            Phase::Data,
            Class::InvalidXml,
        ),
        (&data, "ValueError: Invalid field 'x' on model 'rent'", Phase::Data, Class::InvalidField),
        (
            &data,
            "lxml.etree.XMLSyntaxError: Opening and ending tag mismatch: a line 3 and b, line 4, column 5",
            Phase::Data,
            Class::InvalidXml,
        ),
        (
            &data,
            "Exception: Module loading rent failed: file rent/security/ir.model.access.csv could not be processed:\n No matching record found for external id 'rent.group' in field 'Group'",
            Phase::Data,
            Class::InvalidCsv,
        ),
        (&data, "FileNotFoundError: File not found: rent/views/gone.xml", Phase::Data, Class::MissingFile),
        (&data, "odoo.exceptions.ValidationError: The name must be unique", Phase::Data, Class::Refused),
        (
            &data,
            "odoo.tools.convert.ParseError: while parsing /srv/own/rent/data/a.xml:7\nThe name must be unique\n\nView error context:\n'-no context-'",
            Phase::Data,
            Class::Refused,
        ),
        (
            &data,
            "odoo.tools.convert.ParseError: while parsing /srv/own/rent/views/a.xml:7\nError while validating view:\n\nField \"gone\" does not exist in model \"rent\"\n\nView error context:\n{'file': '/srv/own/rent/views/a.xml'}",
            Phase::Views,
            Class::InvalidView,
        ),
        (
            &connect,
            "psycopg2.OperationalError: connection to server at \"db\" (10.0.0.2), port 5432 failed: Connection refused",
            Phase::Connecting,
            Class::ServerUnreachable,
        ),
        (
            &connect,
            "psycopg2.OperationalError: FATAL:  password authentication failed for user \"odoo\"",
            Phase::Connecting,
            Class::Authentication,
        ),
        (
            &connect,
            "psycopg2.OperationalError: FATAL:  database \"shop\" does not exist",
            Phase::Connecting,
            Class::DatabaseMissing,
        ),
        (
            &connect,
            "psycopg2.OperationalError: FATAL:  sorry, too many clients already",
            Phase::Connecting,
            Class::TooManyConnections,
        ),
        (
            &load,
            "PermissionError: [Errno 13] Permission denied: '/var/lib/odoo'",
            Phase::LoadingPython,
            Class::FilePermission,
        ),
        (&connect, "OSError: [Errno 98] Address already in use", Phase::Loading, Class::PortInUse),
    ];
    for (frames, said, phase, class) in cases {
        let failure = failed(&upgrade("", &format!("{frames}{said}")));
        assert_eq!((failure.phase, failure.class), (phase, class), "{said}");
        assert!(!failure.cause.is_empty() && !failure.remedies.is_empty());
    }
}
