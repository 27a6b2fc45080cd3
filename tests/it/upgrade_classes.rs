//! Every class of failure that can end an upgrade: it happens, is diagnosed rightly, and leaves a database that is equal row for row.

use std::fs;

use odpm::upgrade::Class;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;
use crate::upgrade_failures::case;
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
