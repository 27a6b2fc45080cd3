//! Projects of odpm 4: `odpm.json` of both forms, `.env`, and what `last_run.json` says of the cluster.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{Draft, word};
use crate::base::PgMajor;
use crate::facts::Baseline;
use crate::project::MANAGED;

/// The texts of a project of odpm 4.
#[derive(Clone, Copy, Debug)]
pub struct Legacy<'a> {
    /// Its folder, the one with `.odpm`.
    pub folder: &'a Path,
    /// The manifest, `odpm.json`.
    pub manifest: &'a Value,
    /// The variables of `.env`.
    pub env: &'a BTreeMap<String, String>,
    /// `last_run.json`, where there is one.
    pub baseline: Option<&'a Baseline>,
}

/// What of the manifest is in an image that odpm 4 builds, and not in this file.
const BUILT: [&str; 10] = [
    "platform",
    "python",
    "python_version",
    "distro",
    "distro_name",
    "requirements",
    "requirements_txt",
    "dependencies",
    "odoo_git_link",
    "locks",
];

/// What of the manifest has no counterpart at all.
const FOREIGN: [&str; 7] =
    ["hooks", "services", "service_patches", "service_sources", "extensions", "secrets", "scenarios"];

/// The project as an `odpm.yaml`. `ODPM_SCENARIO`, `ODPM_COMPOSE_PREFIX` and `POSTGRES_SERVICE_NAME` stay in
/// `.env`, from where they still win.
pub fn from_odpm(name: &str, legacy: &Legacy<'_>) -> Draft {
    let Legacy { folder, manifest, env, baseline } = *legacy;
    let mut draft = Draft::default();
    let given = |names: &[&str]| names.iter().find_map(|name| manifest.get(name).and_then(word));
    let port =
        |name: &str, usual: u16| env.get(name).and_then(|text| text.trim().parse().ok()).unwrap_or(usual);

    draft.set("name", name);
    draft.set("engine", "docker");
    draft.set("odoo.version", given(&["odoo_version"]).unwrap_or_else(|| "18.0".to_owned()));
    draft.set("odoo.services.odoo.port", port("ODOO_PORT", 8069));
    let version =
        baseline.map(|b| b.compose.image_tag.clone()).or_else(|| given(&["postgres", "postgres_version"]));
    let version = version.unwrap_or_else(|| "13".to_owned());
    draft.set("postgres.port", baseline.map_or(port("POSTGRES_PORT", 5432), |b| b.compose.host_port));
    let recorded = baseline.map(|b| b.compose.data_path_abs.clone());
    let data = recorded
        .unwrap_or_else(|| folder.join("data/postgresql/var/lib/postgresql/data").display().to_string());
    // From version 18 on the image keeps the cluster two folders below the mount.
    let below =
        PgMajor::from_tag(&version).filter(|major| major.0 >= 18).map(|major| format!("/{major}/docker"));
    draft.set("postgres.data", data + &below.unwrap_or_default());
    draft.set("postgres.version", version);
    if let Some(path) = env.get("BACKUP_DIR") {
        draft.set("backup.path", path.as_str());
    }
    options(manifest, &mut draft);

    let built: Vec<&str> = BUILT.into_iter().filter(|key| present(manifest, key)).collect();
    if !built.is_empty() {
        draft.left_out(format!(
            "{}: odpm 4 builds an image of them; name an image that has them in odoo.image",
            built.join(", ")
        ));
    }
    for key in FOREIGN.into_iter().filter(|key| present(manifest, key)) {
        draft.left_out(format!("{key} of odpm.json"));
    }
    draft
}

fn present(manifest: &Value, key: &str) -> bool {
    manifest.get(key).is_some_and(|value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
        _ => true,
    })
}

fn options(manifest: &Value, draft: &mut Draft) {
    let sections = manifest.get("odoo_conf").and_then(Value::as_object);
    for (section, options) in sections.into_iter().flatten() {
        if section != "options" {
            draft.left_out(format!(
                "section [{section}] of odoo_conf: write it into odoo.conf, where it stays"
            ));
            continue;
        }
        for (option, value) in options.as_object().into_iter().flatten() {
            self::option(option, value, draft);
        }
    }
}

/// One option of `odoo.conf`: odpm's own fields have it, or `odoo.conf` does.
fn option(option: &str, value: &Value, draft: &mut Draft) {
    let managed = MANAGED.iter().find(|(name, _)| option.eq_ignore_ascii_case(name));
    match (word(value), managed) {
        (Some(value), None) => draft.set(&format!("odoo.conf.{option}"), value),
        (Some(value), Some(("db_name", _))) => database(&value, draft),
        (None, None) => draft.left_out(format!("option {option} of odoo_conf: its value is no single word")),
        (_, Some((_, instead))) => {
            draft.left_out(format!("option {option} of odoo_conf: odpm keeps it itself, {instead}"));
        }
    }
}

/// Odoo takes several databases, and `False` for none; a project has one or none.
fn database(names: &str, draft: &mut Draft) {
    let mut given = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    match (given.next(), given.next()) {
        (None | Some("False"), _) => {}
        (Some(name), None) => draft.set("odoo.database", name),
        (Some(_), Some(_)) => draft.left_out(format!(
            "option db_name of odoo_conf, which names several ({names}): set odoo.database to the one that matters"
        )),
    }
}
