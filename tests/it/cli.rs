//! The face of the program: help, completions, manual pages, schemas.

use std::path::Path;

use crate::sandbox::Sandbox;

#[test]
fn every_verb_explains_itself() {
    let shop = Sandbox::new();
    let help = shop.run(&["--help"]).code(0).out;
    for verb in ["init", "validate", "plan", "apply", "status", "down", "history", "undo", "database"] {
        assert!(help.contains(verb), "{verb}");
        let _ = shop.run(&[verb, "--help"]).code(0).says("Usage: odpm");
    }
    assert!(help.contains("Exit codes"), "{help}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let _ = shop.run(&["completions", shell]).code(0).says("accept-database-drift");
    }
    let _ = shop.run(&["man"]).code(0).says(".TH odpm");
    let _ = shop.run(&["man", "apply"]).code(0).says("resume");
}

/// `schemas/` is generated from the types; run with `ODPM_BLESS=1` after a change of theirs.
#[test]
fn the_schemas_on_disk_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    for name in odpm::schemas::NAMES {
        let text = odpm::report::json(&odpm::schemas::schema(name).unwrap()).unwrap() + "\n";
        let path = folder.join(format!("{name}.json"));
        if std::env::var_os("ODPM_BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let on_disk = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(on_disk == text, "{} differs from its types; ODPM_BLESS=1 writes it anew", path.display());
    }
}

#[test]
fn what_is_written_fits_its_schema() {
    let shop = Sandbox::new();
    let check = |name: &str, value: &serde_json::Value| {
        let schema = odpm::schemas::schema(name).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> = validator.iter_errors(value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    };
    check("plan.v1", &shop.json(&["plan", "--format", "json"]));
    let _ = shop.apply();
    let read = |name: &str| serde_json::from_str::<serde_json::Value>(&shop.read(name)).unwrap();
    check("last_run.v1", &read(".odpm/database/last_run.json"));
    check("companion.v1", &read(".odpm/database/companion.json"));
    let run = shop.json(&["history", "--format", "json"])["runs"][0]["run"].as_str().unwrap().to_owned();
    for line in shop.read(&format!(".odpm/journal/{run}.jsonl")).lines() {
        check("journal.v1", &serde_json::from_str(line).unwrap());
    }
    let example =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".odpm-example/odpm.yaml"))
            .unwrap();
    let yaml: serde_json::Value = serde_yaml::from_str(&example).unwrap();
    let schema = odpm::schemas::schema("odpm.v1").unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    // Variables stand where numbers will be; everything else has to fit as it is.
    let errors: Vec<String> = validator
        .iter_errors(&yaml)
        .filter(|error| !error.instance().as_str().is_some_and(|text| text.contains("${")))
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}

/// What the README shows is what is printed, but for ports, versions and ids.
#[test]
fn the_readme_shows_real_output() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let shop = Sandbox::new();
    let own = regex::Regex::new("odpm_(new|old)_[0-9a-f]{8}").unwrap();
    let shown = |said: &str| {
        let said = said
            .replace(&format!("port {}", shop.port), "port 5432")
            .replace(&format!("PostgreSQL {}", shop.major), "PostgreSQL 15");
        let said = own.replace_all(&said, "odpm_${1}_1a2b3c4d");
        for line in said.lines().filter(|line| !line.trim().is_empty()) {
            assert!(
                readme.contains(&format!("    {}\n", line.trim_end())),
                "the README does not show: {line}"
            );
        }
    };
    shown(&shop.run(&["plan"]).code(0).out);
    let _ = shop.apply();
    shop.sql("postgres", "DROP ROLE odoo");
    shown(&shop.run_with(&["apply", "--yes", "--quiet"], &[("ODPM_SCENARIO", "server")]).code(3).err);
    let _ = shop.apply_with(&["--accept-database-drift=app_role_missing"]);
    crate::shop::fill(&shop, "shop");
    let _ = shop.run(&["database", "backup", "-d", "shop", "--out", "backups/shop.zip", "--yes"]).code(0);
    shown(
        &shop
            .run(&["database", "restore", "shop.zip", "-d", "shop", "--replace", "--neutralize", "--plan"])
            .code(0)
            .out,
    );
    let verdict = shop.run(&["database", "verify", "shop.zip"]).code(0).out;
    shown(verdict.lines().last().unwrap());
    shop.write("odpm.yaml", "version: 1\nname: shop\n\nengnie: local\n\nodoo:\n  version: \"18.0\"\npostgres:\n  version: \"15\"\n  port: many\n");
    shown(&shop.run(&["validate"]).code(1).err);
}

#[test]
fn alone_it_says_where_the_project_stands_and_what_comes_next() {
    let nowhere = tempfile::tempdir().unwrap();
    let output =
        std::process::Command::new(env!("CARGO_BIN_EXE_odpm")).current_dir(nowhere.path()).output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("odpm init --from-odpm DIR"));
    let shop = Sandbox::new();
    let _ = shop.run(&[]).code(0).says("Next: see what would be set up: odpm plan");
    let _ = shop.apply();
    let _ = shop.run(&[]).code(0).says("Next: take a first backup: odpm database backup");
}
