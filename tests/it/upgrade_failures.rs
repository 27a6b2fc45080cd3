//! How Odoo fails, by the class of the failure: what it writes, and what is to be found of that.

use odpm::upgrade::Class;
use serde_json::{Value, json};

/// How Odoo fails, and what is to be found of it.
pub struct Case {
    pub failure: Value,
    pub module: Option<&'static str>,
    /// How the file that failed ends.
    pub file: Option<&'static str>,
}

fn frame(file: &str, line: u32, function: &str, code: &str) -> String {
    format!("  File \"{file}\", line {line}, in {function}\n    {code}\n")
}

fn odoo(file: &str, line: u32, function: &str, code: &str) -> String {
    frame(&format!("/opt/odoo/odoo/{file}"), line, function, code)
}

/// From the server to the loading of modules, as Odoo 18 has it.
fn modules() -> String {
    "Traceback (most recent call last):\n".to_owned()
        + &odoo(
            "service/server.py",
            1366,
            "preload_registries",
            "registry = Registry.new(dbname, update_module=update_module)",
        )
        + "  File \"<decorator-gen-13>\", line 2, in new\n"
        + &odoo("tools/func.py", 97, "locked", "return func(inst, *args, **kwargs)")
        + &odoo(
            "modules/registry.py",
            129,
            "new",
            "odoo.modules.load_modules(registry, force_demo, status, update_module)",
        )
}

/// Further to a module.
fn graph() -> String {
    modules()
        + &odoo(
            "modules/loading.py",
            485,
            "load_modules",
            "processed_modules += load_marked_modules(env, graph,",
        )
        + &odoo("modules/loading.py", 365, "load_marked_modules", "loaded, processed = load_module_graph(")
}

fn ends(
    steps: Vec<Value>,
    traceback: String,
    module: Option<&'static str>,
    file: Option<&'static str>,
) -> Case {
    let reset = [
        json!(["WARNING", "odoo.modules.loading", "Transient module states were reset"]),
        json!(["ERROR", "odoo.modules.registry", "Failed to load registry"]),
    ];
    Case { failure: json!({ "before": steps, "reset": reset, "traceback": traceback }), module, file }
}

/// What is asked for is refused before the first module.
fn refused(said: &str, module: Option<&'static str>) -> Case {
    let frames = odoo("modules/loading.py", 462, "load_modules", "modules.button_upgrade()")
        + "  File \"<decorator-gen-73>\", line 2, in button_upgrade\n"
        + &odoo(
            "addons/base/models/ir_module.py",
            77,
            "check_and_log",
            "return method(self, *args, **kwargs)",
        )
        + &odoo("addons/base/models/ir_module.py", 722, "button_upgrade", "raise UserError(_('...'))");
    let mut case =
        ends(vec![], format!("{}{frames}odoo.exceptions.UserError: {said}", modules()), module, None);
    case.failure["at"] = "base".into();
    case
}

/// A module that cannot be imported.
fn import(said: &str) -> Case {
    let unread = said.starts_with("SyntaxError");
    let frames = odoo("modules/loading.py", 186, "load_module_graph", "load_openerp_module(package.name)")
        + &odoo("modules/module.py", 384, "load_openerp_module", "__import__(qualname)")
        + &frame("/srv/own/rent/__init__.py", 1, "<module>", "from . import models")
        + &frame("/srv/own/rent/models/__init__.py", 1, "<module>", "from . import flat")
        + &match unread {
            true => "  File \"/srv/own/rent/models/flat.py\", line 8\n    def price(:\n              ^\n"
                .to_owned(),
            false => frame("/srv/own/rent/models/flat.py", 3, "<module>", "import phonenumbers"),
        };
    let steps = vec![json!(["CRITICAL", "odoo.modules.module", "Couldn't load module rent"])];
    ends(steps, format!("{}{frames}{said}", graph()), Some("rent"), Some("models/flat.py"))
}

/// Something while the models are set up, or their tables made.
fn models(function: &str, said: &str) -> Case {
    let frames = odoo(
        "modules/loading.py",
        206,
        "load_module_graph",
        "registry.init_models(env.cr, model_names, {'module': package.name}, new_install)",
    ) + &odoo("modules/registry.py", 584, function, "model._auto_init()")
        + &odoo("models.py", 3355, "_add_sql_constraints", "self._cr.execute(query)");
    ends(vec![], format!("{}{frames}{said}", graph()), Some("rent"), None)
}

/// The statement of a table's.
fn schema(said: &str) -> Case {
    let mut case = models("init_models", said);
    case.failure["before"] = json!([bad_query("ALTER TABLE \"rent\" ADD COLUMN \"price\" numeric", said)]);
    case
}

fn bad_query(statement: &str, said: &str) -> Value {
    let (_, said) = said.split_once(": ").unwrap_or(("", said));
    json!(["ERROR", "odoo.sql_db", format!("bad query: {statement}\nERROR: {said}\n")])
}

/// A migration script.
fn script(code: &str, deeper: &str, said: &str) -> Case {
    let frames = odoo(
        "modules/loading.py",
        182,
        "load_module_graph",
        "migrations.migrate_module(package, 'pre')",
    ) + &odoo(
        "modules/migration.py",
        222,
        "migrate_module",
        "exec_script(self.cr, installed_version, pyfile, pkg.name, stage, stageformat[stage] % version)",
    ) + &odoo("modules/migration.py", 259, "exec_script", "mod.migrate(cr, installed_version)")
        + &frame("/srv/own/rent/migrations/18.0.1.0/pre-prices.py", 12, "migrate", code)
        + deeper;
    let runs = "module rent: Running migration [>18.0.1.0] pre-prices";
    let steps = vec![json!(["INFO", "odoo.modules.migration", runs])];
    ends(steps, format!("{}{frames}{said}", graph()), Some("rent"), Some("pre-prices.py"))
}

/// A statement of a migration script.
fn sql(said: &str) -> Case {
    let execute = odoo("sql_db.py", 357, "execute", "res = self._obj.execute(query, params)");
    let mut case = script("cr.execute(query)", &execute, said);
    let statement = "UPDATE rent SET price = rate * 1.2";
    case.failure["before"].as_array_mut().unwrap().push(bad_query(statement, said));
    case
}

/// A data file of the module.
fn data(file: &'static str, said: &str) -> Case {
    let frames = odoo(
        "modules/loading.py",
        228,
        "load_module_graph",
        "load_data(env, idref, mode, kind='data', package=package)",
    ) + &odoo(
        "modules/loading.py",
        72,
        "load_data",
        "tools.convert_file(env, package.name, filename, idref, mode, noupdate, kind)",
    ) + &odoo(
        "tools/convert.py",
        662,
        "convert_file",
        "convert_xml_import(env, module, fp, idref, mode, noupdate)",
    );
    let steps = vec![json!(["INFO", "odoo.modules.loading", format!("loading rent/{file}")])];
    ends(steps, format!("{}{frames}{said}", graph()), Some("rent"), None)
}

/// A record of a data file: what is wrong, and the file.
fn record(file: &'static str, xml: &str, said: &str) -> Case {
    let first = "Traceback (most recent call last):\n".to_owned()
        + &odoo("tools/convert.py", 580, "_tag_root", "f(rec)")
        + &odoo(
            "tools/convert.py",
            480,
            "_tag_record",
            "record = model._load_records([data], self.mode == 'update')",
        );
    let at = format!(
        "odoo.tools.convert.ParseError: while parsing /srv/own/rent/{file}:7, somewhere inside\n{xml}"
    );
    let mut case = data(file, &at);
    let then = case.failure["traceback"].as_str().unwrap().to_owned();
    let then = format!(
        "{first}{said}\n\nThe above exception was the direct cause of the following exception:\n\n{then}"
    );
    case.failure["traceback"] = then.into();
    Case { file: Some(file), ..case }
}

/// What a rule of the model says against a record or a view.
fn parsed(file: &'static str, said: &str) -> Case {
    let at = format!("odoo.tools.convert.ParseError: while parsing /srv/own/rent/{file}:7\n{said}\n");
    Case { file: Some(file), ..data(file, &at) }
}

/// What ends it before any module is loaded; nobody logs it.
fn connecting(said: &str) -> Case {
    let trace = "Traceback (most recent call last):\n".to_owned()
        + &frame("/opt/odoo/odoo-bin", 8, "<module>", "odoo.cli.main()")
        + &odoo("cli/command.py", 76, "main", "o.run(args)")
        + &odoo("cli/server.py", 182, "run", "main(args)")
        + &odoo("cli/server.py", 149, "main", "odoo.service.db._create_empty_database(db_name)")
        + &odoo("sql_db.py", 769, "borrow", "result = psycopg2.connect(")
        + "psycopg2.OperationalError: "
        + said;
    let told = json!(["INFO", "odoo.sql_db", "Connection to the database failed"]);
    let failure = json!({ "at": "connected", "before": [told], "raw": trace, "exit": 1 });
    Case { failure, module: None, file: None }
}

/// How an upgrade fails by this class; why it cannot, for those by which none does.
pub fn case(class: Class) -> Result<Case, &'static str> {
    Ok(match class {
        Class::MissingModule => refused(
            "You try to upgrade the module rent that depends on the module: queue_job.\nBut this module is not available in your system.",
            Some("rent"),
        ),
        Class::DependencyCycle => refused("Recursion error in modules dependencies!", None),
        Class::MissingExternalDependency => refused(
            "Unable to upgrade module \"rent\" because an external dependency is not met: Python library not installed: xlrd",
            Some("rent"),
        ),
        Class::MissingPythonPackage => import("ModuleNotFoundError: No module named 'phonenumbers'"),
        Class::PythonImport => import(
            "ImportError: cannot import name 'slug' from 'odoo.tools' (/opt/odoo/odoo/tools/__init__.py)",
        ),
        Class::PythonSyntax => import("SyntaxError: invalid syntax"),
        Class::PythonError => {
            script("rates[name] / total", "    ~~~~~~~~~~~~^~~~~~~\n", "ZeroDivisionError: division by zero")
        }
        Class::ModelDefinition => {
            models("setup_models", "TypeError: Model 'rent.old' does not exist in registry.")
        }
        Class::UnknownModel => {
            let deeper = odoo("api.py", 577, "__getitem__", "return self.registry[model_name](self, (), ())")
                + &odoo("modules/registry.py", 246, "__getitem__", "return self.models[model_name]");
            script("env['rent.gone'].search([])", &deeper, "KeyError: 'rent.gone'")
        }
        Class::MigrationScript => {
            let frames = odoo("modules/migration.py", 241, "exec_script", "raise AttributeError(");
            let said = "AttributeError: module rent: Each pre-migration file must have a \"migrate(cr, installed_version)\" function, not found in /srv/own/rent/migrations/18.0.1.0/pre-prices.py";
            ends(vec![], format!("{}{frames}{said}", graph()), Some("rent"), Some("pre-prices.py"))
        }
        Class::InvalidXml => data(
            "data/flats.xml",
            "lxml.etree.XMLSyntaxError: Opening and ending tag mismatch: field line 3 and record, line 4, column 10",
        ),
        Class::InvalidCsv => Case {
            file: Some("ir.model.access.csv"),
            ..data(
                "security/ir.model.access.csv",
                "Exception: Module loading rent failed: file rent/security/ir.model.access.csv could not be processed:\nNo matching record found for external id 'rent.group' in field 'Group'",
            )
        },
        Class::InvalidField => record(
            "data/flats.xml",
            "<record id=\"a\" model=\"rent\">\n    <field name=\"rate\">1</field>\n  </record>",
            "ValueError: Invalid field 'rate' on model 'rent'",
        ),
        Class::MissingExternalId => record(
            "data/flats.xml",
            "<record id=\"a\" model=\"rent\">\n    <field name=\"kind\" ref=\"kind_flat\"/>\n  </record>",
            "ValueError: External ID not found in the system: rent.kind_flat",
        ),
        Class::MissingFile => {
            data("views/gone.xml", "FileNotFoundError: File not found: rent/views/gone.xml")
        }
        Class::ViewInheritance => parsed(
            "views/flat.xml",
            "Error while parsing or validating view:\n\nElement '<xpath expr=\"//field[@name='rate']\">' cannot be located in parent view\n\n\
             View error context:\n{'file': '/srv/own/rent/views/flat.xml',\n 'line': 1,\n 'name': 'rent.form',\n 'view': ir.ui.view(900,),\n 'view.model': 'rent',\n \
             'view.parent': ir.ui.view(899,),\n 'xmlid': 'flat_form'}",
        ),
        Class::InvalidView => parsed(
            "views/flat.xml",
            "Error while validating view near:\n\n<form __validate__=\"1\"><field name=\"rate\"/></form>\n\nField \"rate\" does not exist in model \"rent\"\n\n\
             View error context:\n{'file': '/srv/own/rent/views/flat.xml',\n 'line': 3,\n 'name': 'rent.form',\n 'view': ir.ui.view(900,),\n 'view.model': 'rent',\n \
             'xmlid': 'flat_form'}",
        ),
        Class::Refused => {
            parsed("data/flats.xml", "A flat has to have a price.\n\nView error context:\n'-no context-'")
        }
        Class::UndefinedColumn => sql(
            "psycopg2.errors.UndefinedColumn: column \"rate\" does not exist\nLINE 1: UPDATE rent SET price = rate * 1.2\n                                ^\n",
        ),
        Class::UndefinedTable => sql(
            "psycopg2.errors.UndefinedTable: relation \"rent_old\" does not exist\nLINE 1: SELECT FROM rent_old\n",
        ),
        Class::UndefinedObject => sql(
            "psycopg2.errors.UndefinedFunction: function unaccent(text) does not exist\nHINT:  No function matches the given name and argument types.\n",
        ),
        Class::DuplicateObject => {
            schema("psycopg2.errors.DuplicateColumn: column \"price\" of relation \"rent\" already exists\n")
        }
        Class::UniqueViolation => sql(
            "psycopg2.errors.UniqueViolation: duplicate key value violates unique constraint \"rent_name_uniq\"\nDETAIL:  Key (name)=(flat 7) already exists.\n",
        ),
        Class::NotNullViolation => sql(
            "psycopg2.errors.NotNullViolation: null value in column \"price\" of relation \"rent\" violates not-null constraint\nDETAIL:  Failing row contains (7, null, flat 7).\n",
        ),
        Class::ForeignKeyViolation => schema(
            "psycopg2.errors.ForeignKeyViolation: insert or update on table \"rent\" violates foreign key constraint \"rent_kind_id_fkey\"\nDETAIL:  Key (kind_id)=(9) is not present in table \"rent_kind\".\n",
        ),
        Class::CheckViolation => sql(
            "psycopg2.errors.CheckViolation: check constraint \"rent_price_positive\" of relation \"rent\" is violated by some row\n",
        ),
        Class::DataType => sql(
            "psycopg2.errors.InvalidTextRepresentation: invalid input syntax for type numeric: \"cheap\"\n",
        ),
        Class::DependentObjects => schema(
            "psycopg2.errors.FeatureNotSupported: cannot alter type of a column used by a view or rule\nDETAIL:  rule _RETURN on view rent_report depends on column \"price\"\n",
        ),
        Class::SqlSyntax => sql(
            "psycopg2.errors.SyntaxError: syntax error at or near \"FORM\"\nLINE 1: SELECT id FORM rent\n",
        ),
        Class::TransactionAborted => script(
            "cr.execute(query)",
            &odoo("sql_db.py", 357, "execute", "res = self._obj.execute(query, params)"),
            "psycopg2.errors.InFailedSqlTransaction: current transaction is aborted, commands ignored until end of transaction block\n",
        ),
        Class::PermissionDenied => {
            schema("psycopg2.errors.InsufficientPrivilege: must be owner of table rent\n")
        }
        Class::LockTimeout => {
            schema("psycopg2.errors.LockNotAvailable: canceling statement due to lock timeout\n")
        }
        Class::Deadlock => sql(
            "psycopg2.errors.DeadlockDetected: deadlock detected\nDETAIL:  Process 51 waits for ShareLock on transaction 901; blocked by process 52.\n",
        ),
        Class::StatementTimeout => {
            sql("psycopg2.errors.QueryCanceled: canceling statement due to statement timeout\n")
        }
        Class::DiskFull => sql(
            "psycopg2.errors.DiskFull: could not extend file \"base/16384/2619\": No space left on device\nHINT:  Check free disk space.\n",
        ),
        Class::TooManyConnections => connecting(
            "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  sorry, too many clients already\n",
        ),
        Class::Authentication => connecting(
            "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  password authentication failed for user \"odoo\"\n",
        ),
        Class::DatabaseMissing => connecting(
            "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  database \"odpm_up_1\" does not exist\n",
        ),
        Class::ServerUnreachable => connecting(
            "connection to server at \"127.0.0.1\", port 5432 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n",
        ),
        Class::ConnectionLost => sql(
            "psycopg2.OperationalError: server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n\tbefore or while processing the request.\n",
        ),
        Class::OtherSql => sql(
            "psycopg2.errors.ObjectInUse: cannot DROP TABLE \"rent\" because it is being used by active queries in this session\n",
        ),
        Class::TestFailed => {
            let fail = "FAIL: TestPrice.test_sum\nTraceback (most recent call last):\n  File \"/srv/own/rent/tests/test_price.py\", line 9, in test_sum\n    self.assertEqual(1, 2)\nAssertionError: 1 != 2\n";
            let failure = json!({
                "before": [
                    ["INFO", "odoo.addons.rent.tests.test_price", "Starting TestPrice.test_sum ..."],
                    ["INFO", "odoo.addons.rent.tests.test_price", "======================================================================"],
                    ["ERROR", "odoo.addons.rent.tests.test_price", fail],
                    ["ERROR", "odoo.tests.result", "1 failed, 0 error(s) of 7 tests when loading database 'shop'"],
                ],
                "exit": 1,
            });
            Case { failure, module: Some("rent"), file: Some("tests/test_price.py") }
        }
        Class::OutOfMemory => script("rows = cr.fetchall()", "", "MemoryError"),
        Class::Killed => Case { failure: json!({ "kill": true }), module: Some("rent"), file: None },
        Class::Limit => return Err("Odoo limits its workers, and an upgrade runs without any"),
        Class::FilePermission => {
            let deeper = odoo(
                "addons/base/models/ir_attachment.py",
                161,
                "_file_write",
                "with open(full_path, 'wb') as fp:",
            );
            script(
                "env['ir.attachment'].create({'name': 'a', 'raw': b'a'})",
                &deeper,
                "PermissionError: [Errno 13] Permission denied: '/var/lib/odoo/filestore/shop/0f/0f4a'",
            )
        }
        Class::PortInUse => return Err("an upgrade listens on no port: it is given --no-http"),
        Class::Configuration => {
            let raw =
                "Usage: odoo-bin server [options]\n\nodoo-bin server: error: no such option: --nonsense";
            Case { failure: json!({ "at": "options", "raw": raw, "exit": 2 }), module: None, file: None }
        }
        Class::Unknown => {
            let told = json!(["CRITICAL", "odoo.service.server", "Failed to initialize database `shop`."]);
            Case { failure: json!({ "before": [told] }), module: Some("rent"), file: None }
        }
    })
}
