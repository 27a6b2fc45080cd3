//! The options that odpm keeps.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::OdooConf;
use crate::base::SecretRef;
use crate::base::secret::is_secret_name;
use crate::project::{EngineKind, Project};

/// One option to set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ConfEdit {
    /// The option in the section `[options]`.
    pub option: String,
    /// Its value.
    pub value: ConfValue,
}

/// A value of `odoo.conf`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConfValue {
    /// Text as it stands.
    Text(String),
    /// A secret, filled in when the step runs.
    Secret(SecretRef),
}

/// Every option that odpm keeps, with the value that the project wants, in the order in which a new file
/// gets them: how to reach the database, where the files are, then `odoo.conf` of the project.
pub fn desired(project: &Project) -> Vec<ConfEdit> {
    let text =
        |option: &str, value: String| ConfEdit { option: option.into(), value: ConfValue::Text(value) };
    let (host, port) = project.db_address();
    let mut wanted = vec![
        text("db_host", host),
        text("db_port", port.to_string()),
        text("db_user", project.postgres.role.clone()),
        ConfEdit { option: "db_password".into(), value: ConfValue::Secret(SecretRef::AppPassword) },
    ];
    wanted.extend(
        project
            .postgres
            .external
            .iter()
            .map(|external| text("db_sslmode", external.tls.mode.as_str().to_owned())),
    );
    wanted.extend(project.odoo.database.clone().map(|name| text("db_name", name)));
    wanted.push(text("data_dir", data_dir(project)));
    wanted.extend(http_port(project).map(|port| text("http_port", port.to_string())));
    let addons = addons_path(project);
    if !addons.is_empty() {
        wanted.push(text("addons_path", addons.join(",")));
    }
    for (option, value) in &project.odoo.conf {
        let value = if is_secret_name(option) {
            ConfValue::Secret(SecretRef::OdooConf { option: option.clone() })
        } else {
            ConfValue::Text(value.clone())
        };
        wanted.push(ConfEdit { option: option.clone(), value });
    }
    wanted
}

/// Odoo's `data_dir` as Odoo sees it.
fn data_dir(project: &Project) -> String {
    match project.engine {
        EngineKind::Docker => "/var/lib/odoo".to_owned(),
        EngineKind::Local => project.odoo.data_dir.display().to_string(),
    }
}

/// The port that Odoo listens on: always the same inside a container.
fn http_port(project: &Project) -> Option<u16> {
    match project.engine {
        EngineKind::Docker => Some(8069),
        EngineKind::Local => project.odoo.services.get("odoo").and_then(|service| service.port),
    }
}

/// The addons folders as Odoo sees them, its own first where it runs from a source tree.
fn addons_path(project: &Project) -> Vec<String> {
    let own = &project.odoo.addons;
    match (project.engine, &project.odoo.source) {
        (EngineKind::Docker, _) => (0..own.len()).map(|n| format!("/mnt/addons-{n}")).collect(),
        (EngineKind::Local, source) => {
            let tree = source.iter().flat_map(|s| [s.join("odoo/addons"), s.join("addons")]);
            tree.chain(own.iter().cloned()).map(|path| path.display().to_string()).collect()
        }
    }
}

/// Those of the wanted options that the file does not have as wanted. `stale` names the secret options
/// whose value is another one; values of secrets are not compared here.
pub fn pending(conf: Option<&OdooConf>, wanted: Vec<ConfEdit>, stale: &BTreeSet<String>) -> Vec<ConfEdit> {
    let current = |option: &str| conf.and_then(|conf| conf.get(option));
    wanted
        .into_iter()
        .filter(|edit| match (&edit.value, current(&edit.option)) {
            (_, None) => true,
            (ConfValue::Text(wanted), Some(now)) => wanted.trim() != now,
            (ConfValue::Secret(_), Some(_)) => stale.contains(&edit.option),
        })
        .collect()
}
