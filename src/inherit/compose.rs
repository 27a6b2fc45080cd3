//! Compose files: the PostgreSQL service, the Odoo service, and what else there is.

use std::path::Path;

use serde_yaml::Value;

use super::Draft;
use crate::error::{Error, Result};

/// The stack of a Compose file in `folder` as an `odpm.yaml`.
pub fn from_compose(name: &str, text: &str, folder: &Path) -> Result<Draft> {
    let file: Value =
        serde_yaml::from_str(text).map_err(|e| Error::input("the Compose file is not YAML").caused_by(&e))?;
    let services = file.get("services").and_then(Value::as_mapping);
    let services = services.ok_or_else(|| Error::input("the Compose file has no services"))?;
    let image = |service: &Value| service.get("image").and_then(Value::as_str).unwrap_or_default().to_owned();
    let repository = |image: &str| {
        let last = image.rsplit('/').next().unwrap_or_default();
        last.split([':', '@']).next().unwrap_or_default().to_owned()
    };
    let find = |word: &str| {
        services.iter().find_map(|(key, service)| {
            repository(&image(service)).contains(word).then(|| (key.as_str().unwrap_or_default(), service))
        })
    };
    let (database, db) = find("postgres")
        .ok_or_else(|| Error::input("the Compose file has no service with an image of postgres"))?;
    let mut draft = Draft::default();
    draft.set("name", name);
    draft.set("engine", "docker");
    postgres(database, db, &image(db), folder, &mut draft);
    match find("odoo") {
        Some((key, service)) => odoo(key, service, &image(service), folder, &mut draft),
        None => {
            draft.set("odoo.version", "18.0");
            draft.set("odoo.services.odoo.replicas", 0);
            draft.left_out("no service has an image of odoo: name its version and image in `odoo`");
        }
    }
    let known = [Some(database), find("odoo").map(|(key, _)| key)];
    for key in services.keys().filter_map(Value::as_str).filter(|key| !known.contains(&Some(*key))) {
        draft.left_out(format!("the service {key}: run it with a Compose file of its own"));
    }
    Ok(draft)
}

fn tag(image: &str) -> Option<&str> {
    image.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'))
}

fn postgres(key: &str, service: &Value, image: &str, folder: &Path, draft: &mut Draft) {
    draft.set("postgres.service", key);
    draft.set("postgres.image", image);
    match tag(image).filter(|tag| crate::base::PgMajor::from_tag(tag).is_some()) {
        Some(tag) => draft.set("postgres.version", tag),
        None => draft.left_out(format!("the image {image} does not tell its major: set postgres.version")),
    }
    match published(service, "5432") {
        Some(port) => draft.set("postgres.port", port),
        None => draft.left_out(format!("{key} publishes no port: odpm publishes 5432 on this machine only")),
    }
    match mount(service, "/var/lib/postgresql") {
        Some(source) if source.starts_with(['.', '/', '~']) => {
            draft.set("postgres.data", folder.join(source.trim_start_matches("./")).display().to_string());
        }
        Some(volume) => draft.left_out(format!(
            "the volume {volume}: copy its data to a folder with the stack stopped, and set postgres.data to it"
        )),
        None => draft.left_out(format!("{key} keeps its data in no mount: it is lost with its container")),
    }
    let role = variable(service, "POSTGRES_USER");
    if let Some(role) = role.filter(|role| role != "postgres") {
        draft.set("postgres.role", role);
    }
    others(
        key,
        service,
        &["image", "ports", "volumes", "environment", "restart", "healthcheck", "networks"],
        draft,
    );
}

fn odoo(key: &str, service: &Value, image: &str, folder: &Path, draft: &mut Draft) {
    draft.set("odoo.image", image);
    draft.set("odoo.version", tag(image).unwrap_or("18.0"));
    if let Some(port) = published(service, "8069") {
        draft.set("odoo.services.odoo.port", port);
    }
    match mount(service, "/var/lib/odoo") {
        Some(source) if source.starts_with(['.', '/', '~']) => {
            draft.set("odoo.data_dir", folder.join(source.trim_start_matches("./")).display().to_string());
        }
        Some(volume) => {
            draft.left_out(format!("the volume {volume} with Odoo's files: copy it to odoo.data_dir"))
        }
        None => {}
    }
    if let Some(source) = mount(service, "/mnt/extra-addons").filter(|source| source.starts_with(['.', '/']))
    {
        let path = folder.join(source.trim_start_matches("./")).display().to_string();
        draft.set("odoo.addons", vec![path]);
    }
    draft.set("odoo.services.odoo-cron.replicas", 0);
    let carried =
        ["image", "ports", "volumes", "environment", "depends_on", "restart", "healthcheck", "networks"];
    others(key, service, &carried, draft);
}

/// Keys of a service that have no counterpart.
fn others(key: &str, service: &Value, carried: &[&str], draft: &mut Draft) {
    let entries = service.as_mapping().into_iter().flat_map(|map| map.keys()).filter_map(Value::as_str);
    for entry in entries.filter(|entry| !carried.contains(entry)) {
        draft.left_out(format!("`{entry}` of the service {key}"));
    }
}

/// The port of this machine that leads to the container's.
fn published(service: &Value, inside: &str) -> Option<u16> {
    service.get("ports")?.as_sequence()?.iter().find_map(|port| match port {
        Value::String(text) => {
            let mut parts = text.split('/').next()?.rsplit(':');
            (parts.next()? == inside).then(|| parts.next()?.parse().ok())?
        }
        other => {
            let target = other.get("target")?.as_u64()?.to_string();
            let published = other.get("published")?;
            let published = published.as_u64().or_else(|| published.as_str()?.parse().ok())?;
            (target == inside).then(|| u16::try_from(published).ok())?
        }
    })
}

/// What is mounted at a path or below it.
fn mount(service: &Value, inside: &str) -> Option<String> {
    service.get("volumes")?.as_sequence()?.iter().find_map(|volume| match volume {
        Value::String(text) => {
            let mut parts = text.split(':');
            let (source, target) = (parts.next()?, parts.next()?);
            target.starts_with(inside).then(|| source.to_owned())
        }
        other => {
            let target = other.get("target")?.as_str()?;
            target.starts_with(inside).then(|| other.get("source")?.as_str().map(str::to_owned))?
        }
    })
}

/// A variable of a service, in either of Compose's forms.
fn variable(service: &Value, name: &str) -> Option<String> {
    let environment = service.get("environment")?;
    if let Some(list) = environment.as_sequence() {
        let prefix = format!("{name}=");
        return list
            .iter()
            .filter_map(Value::as_str)
            .find_map(|line| line.strip_prefix(&prefix).map(str::to_owned));
    }
    environment.get(name)?.as_str().map(str::to_owned)
}
