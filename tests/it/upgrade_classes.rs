//! Every class of failure that can end an upgrade: it happens, is diagnosed rightly, and leaves a database that is equal row for row.

use std::fs;

use odpm::upgrade::Class;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::upgrade_run::{in_service, version, whole};

/// Every class, in the order of their declaration.
const CLASSES: [Class; 49] = [
    Class::MissingModule,
    Class::DependencyCycle,
    Class::MissingExternalDependency,
    Class::MissingPythonPackage,
    Class::PythonImport,
    Class::PythonSyntax,
    Class::PythonError,
    Class::ModelDefinition,
    Class::UnknownModel,
    Class::MigrationScript,
    Class::InvalidXml,
    Class::InvalidCsv,
    Class::InvalidField,
    Class::MissingExternalId,
    Class::MissingFile,
    Class::ViewInheritance,
    Class::InvalidView,
    Class::Refused,
    Class::UndefinedColumn,
    Class::UndefinedTable,
    Class::UndefinedObject,
    Class::DuplicateObject,
    Class::UniqueViolation,
    Class::NotNullViolation,
    Class::ForeignKeyViolation,
    Class::CheckViolation,
    Class::DataType,
    Class::DependentObjects,
    Class::SqlSyntax,
    Class::TransactionAborted,
    Class::PermissionDenied,
    Class::LockTimeout,
    Class::Deadlock,
    Class::StatementTimeout,
    Class::DiskFull,
    Class::TooManyConnections,
    Class::Authentication,
    Class::DatabaseMissing,
    Class::ServerUnreachable,
    Class::ConnectionLost,
    Class::OtherSql,
    Class::TestFailed,
    Class::OutOfMemory,
    Class::Killed,
    Class::Limit,
    Class::FilePermission,
    Class::PortInUse,
    Class::Configuration,
    Class::Unknown,
];

/// How Odoo fails, and what is to be found of it.
struct Case {
    failure: Value,
    module: Option<&'static str>,
    /// How the file that failed ends.
    file: Option<&'static str>,
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
fn case(class: Class) -> Result<Case, &'static str> {
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

/// A shop where nothing runs, whose module `rent` is at the version of the database.
fn shop() -> Sandbox {
    let shop = crate::upgrade_run::shop("");
    version(&shop, "rent", "1.0");
    version(&shop, "lease", "1.0");
    let described = shop.read("odpm.yaml");
    let described = described
        .replace("odoo: {port", "odoo: {replicas: 0, port")
        .replace("odoo-cron: {replicas: 1}", "odoo-cron: {replicas: 0}");
    shop.write("odpm.yaml", &described);
    let _ = shop.apply();
    shop
}

/// What Odoo does until it fails.
const DAMAGE: &str = "DELETE FROM rent WHERE id % 2 = 0; ALTER TABLE rent DROP COLUMN price; DELETE FROM ir_attachment; \
    CREATE TABLE half_way (n int)";
/// Further, where it fails.
const HALF_WAY: &str = "UPDATE ir_module_module SET state = 'to upgrade'";

/// Runs an upgrade that fails, and returns the folder of its evidence.
#[track_caller]
fn fails(shop: &Sandbox, mut failure: Value, what: &str) -> std::path::PathBuf {
    failure["sql"] = match failure["exit"] == 0 {
        true => DAMAGE.into(),
        false => format!("{DAMAGE}; {HALF_WAY}").into(),
    };
    failure["file"] = "0f4a".into();
    failure["unlink"] = true.into();
    shop.write("addons/rent/failure.json", &failure.to_string());
    let said = shop.run(&["upgrade", "run", "-u", "rent", "--yes", "--rollback-on-failure"]);
    assert_eq!(said.code, 1, "{what}: {}", said.all());
    let said = said.says("the upgrade of shop failed, and was rolled back");
    let told = said.all();
    let (_, folder) = told.split_once("The evidence is in ").unwrap();
    folder.lines().next().unwrap().trim().into()
}

fn json(path: &std::path::Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Every third class, beginning with one: in three tests they take the time of one third.
fn every_third(first: usize) {
    let shop = shop();
    let before = whole(&shop);
    for class in CLASSES.into_iter().skip(first).step_by(3) {
        let Ok(case) = case(class) else { continue };
        let folder = fails(&shop, case.failure, &class.name());
        let found = json(&folder.join("diagnosis.json"))["failure"].clone();
        let log = fs::read_to_string(folder.join("odoo.log")).unwrap();
        let what = || format!("{}: {found:#}\n{log}", class.name());
        assert_eq!(found["class"], class.name(), "{}", what());
        assert_eq!(found["module"].as_str(), case.module, "{}", what());
        let file = found["place"]["file"].as_str();
        assert!(case.file.is_none_or(|end| file.is_some_and(|file| file.ends_with(end))), "{}", what());
        assert!(!found["remedies"].as_array().unwrap().is_empty(), "{}", what());
        let told = shop.run(&["upgrade", "diagnose", &folder.join("odoo.log").display().to_string()]).code(3);
        let _ = told.says(found["cause"].as_str().unwrap());
        assert!(whole(&shop) == before, "{}: the database is not what it was", class.name());
        assert!(crate::upgrade_run::own(&shop).is_empty(), "{}", class.name());
    }
}

#[test]
fn every_class_is_known_here() {
    for (at, class) in CLASSES.into_iter().enumerate() {
        assert_eq!(class as usize, at, "{}: the list has not the order of the declaration", class.name());
        let _ = case(class);
    }
    assert_eq!(CLASSES.len(), Class::Unknown as usize + 1, "a class has no case");
}

#[test]
fn classes_of_failures_first_third() {
    every_third(0);
}

#[test]
fn classes_of_failures_second_third() {
    every_third(1);
}

#[test]
fn classes_of_failures_last_third() {
    every_third(2);
}

#[test]
fn what_exits_with_0_and_is_wrong_is_rolled_back() {
    let shop = shop();
    let before = whole(&shop);
    let cases = [
        (
            "unable to set NOT NULL",
            json!({ "before": [["ERROR", "odoo.schema", "Table 'rent': unable to set NOT NULL on column 'price'"]] }),
        ),
        (
            "invalid module names, ignored: rnet",
            json!({ "before": [["WARNING", "odoo.modules.loading", "invalid module names, ignored: rnet"]] }),
        ),
        (
            "Some modules are not loaded",
            json!({ "after": [["ERROR", "odoo.modules.loading", "Some modules are not loaded, some dependencies or manifest may be missing: ['lease']"]] }),
        ),
        (
            "left half-way: rent (to upgrade)",
            json!({ "then": "UPDATE ir_module_module SET state = 'to upgrade' WHERE name = 'rent'" }),
        ),
        (
            "rent is at 18.0.0.9, its manifest says 18.0.1.0",
            json!({ "then": "UPDATE ir_module_module SET latest_version = '18.0.0.9' WHERE name = 'rent'" }),
        ),
        (
            "rent is uninstalled, not installed",
            json!({ "then": "UPDATE ir_module_module SET state = 'uninstalled' WHERE name = 'rent'" }),
        ),
        ("rent is not installed", json!({ "then": "DELETE FROM ir_module_module WHERE name = 'rent'" })),
    ];
    for (sentence, mut failure) in cases {
        failure["exit"] = 0.into();
        let folder = fails(&shop, failure, sentence);
        let verdict = json(&folder.join("verdict.json"));
        let wrong: Vec<&str> =
            verdict["wrong"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(wrong.iter().any(|wrong| wrong.contains(sentence)), "{sentence}: {wrong:?}");
        assert_eq!(verdict["exit"], "exit status: 0");
        assert!(whole(&shop) == before, "{sentence}: the database is not what it was");
    }
    // Where something runs, it runs again.
    let described = shop.read("odpm.yaml");
    shop.write("odpm.yaml", &described.replace("replicas: 0", "replicas: 1"));
    let _ = shop.apply();
    let failure =
        json!({ "exit": 0, "then": "UPDATE ir_module_module SET state = 'to install' WHERE name = 'rent'" });
    let _ = fails(&shop, failure, "to install");
    assert!(whole(&shop) == before);
    in_service(&shop);
}
