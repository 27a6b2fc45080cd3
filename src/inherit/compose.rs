//! Compose files: the PostgreSQL service, the Odoo service, and what else there is.

use std::path::{Path, PathBuf};

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
    let from = From { name, file: &file, folder };
    postgres(database, db, &image(db), &from, &mut draft);
    match find("odoo") {
        Some((key, service)) => odoo(key, service, &image(service), &from, &mut draft),
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

/// The name that Compose gives the project of a file: what the file, COMPOSE_PROJECT_NAME or the folder says.
pub fn compose_name(text: &str, variable: Option<&str>, folder: &Path) -> String {
    let file: Value = serde_yaml::from_str(text).unwrap_or_default();
    let named = variable.or_else(|| file.get("name").and_then(Value::as_str)).map(str::to_owned);
    let name = named.unwrap_or_else(|| {
        folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    });
    let name = name.to_lowercase();
    name.chars().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(*c)).collect()
}

/// The file that is taken over.
struct From<'a> {
    /// The Compose project's name.
    name: &'a str,
    file: &'a Value,
    folder: &'a Path,
}

impl From<'_> {
    /// The engine's name for a volume of the file.
    fn volume(&self, key: &str) -> String {
        let entry = self.file.get("volumes").and_then(|volumes| volumes.get(key));
        let external = entry.and_then(|entry| entry.get("external"));
        let names = [entry.and_then(|entry| entry.get("name")), external.and_then(|e| e.get("name"))];
        match names.into_iter().flatten().find_map(Value::as_str) {
            Some(name) => name.to_owned(),
            None if external.and_then(Value::as_bool) == Some(true) => key.to_owned(),
            None => format!("{}_{key}", self.name),
        }
    }

    /// Sets where data lies: `folder` of what is mounted.
    fn place(&self, source: &str, below: Option<&str>, keys: (&str, &str), draft: &mut Draft) {
        let below = below.filter(|below| !below.is_empty());
        if source.starts_with(['.', '/', '~']) {
            // Whose home is meant is for odpm.yaml to say, as it was for Compose.
            let folder = match source.starts_with('~') {
                true => PathBuf::from(source),
                false => self.folder.join(source.trim_start_matches("./")),
            };
            let place = below.map_or_else(|| folder.clone(), |below| folder.join(below));
            return draft.set(keys.0, place.display().to_string());
        }
        let volume = self.volume(source);
        draft.set(keys.1, below.map_or_else(|| volume.clone(), |below| format!("{volume}/{below}")));
    }
}

/// A value that is one variable of Compose, as `odpm.yaml` writes it.
fn of_variable(value: &str) -> Option<String> {
    let inner =
        value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).or(value.strip_prefix('$'))?;
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    let default = rest.strip_prefix(":-").or(rest.strip_prefix('-'));
    let given = !name.is_empty() && (rest.is_empty() || default.is_some() || rest.contains('?'));
    given.then(|| default.map_or_else(|| format!("${{{name}}}"), |value| format!("${{{name}:-{value}}}")))
}

/// Where the image keeps its cluster unless PGDATA says otherwise.
fn usual_pgdata(major: Option<crate::base::PgMajor>) -> String {
    match major {
        Some(major) if major.0 >= 18 => format!("/var/lib/postgresql/{major}/docker"),
        _ => "/var/lib/postgresql/data".to_owned(),
    }
}

fn tag(image: &str) -> Option<&str> {
    image.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'))
}

fn postgres(key: &str, service: &Value, image: &str, from: &From<'_>, draft: &mut Draft) {
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
    let major = tag(image).and_then(crate::base::PgMajor::from_tag);
    let pgdata = variable(service, "PGDATA").unwrap_or_else(|| usual_pgdata(major));
    let holds = |target: &str| Path::new(&pgdata).strip_prefix(target).ok().map(Path::to_owned);
    let mut taken = Vec::new();
    match mount(service, &|target| holds(target).is_some()) {
        Some((source, target)) => {
            let below = holds(&target).unwrap_or_default().display().to_string();
            from.place(&source, Some(&below), ("postgres.data", "postgres.volume"), draft);
            taken.push(target);
        }
        None => draft.left_out(format!("{key} keeps its data in no mount: it is lost with its container")),
    }
    let role = variable(service, "POSTGRES_USER");
    if let Some(role) = role.filter(|role| role != "postgres") {
        match of_variable(&role) {
            Some(variable) => draft.set_as_written("postgres.role", variable),
            None => draft.set("postgres.role", role),
        }
    }
    let password = variable(service, "POSTGRES_PASSWORD").unwrap_or_default();
    if let Some(variable) = of_variable(&password) {
        draft.set_as_written("postgres.password", variable);
    } else {
        draft.set_as_written("postgres.password", "${POSTGRES_PASSWORD:-}");
        draft.left_out(
            "the role's password: put POSTGRES_PASSWORD=... into .env, or the role gets a new one that odpm keeps",
        );
    }
    left_inside(key, service, &taken, &["PGDATA", "POSTGRES_USER", "POSTGRES_PASSWORD"], draft);
    others(
        key,
        service,
        &["image", "ports", "volumes", "environment", "restart", "healthcheck", "networks"],
        draft,
    );
}

fn odoo(key: &str, service: &Value, image: &str, from: &From<'_>, draft: &mut Draft) {
    draft.set("odoo.image", image);
    draft.set("odoo.version", tag(image).unwrap_or("18.0"));
    if let Some(port) = published(service, "8069") {
        draft.set("odoo.services.odoo.port", port);
    }
    let mut taken = Vec::new();
    if let Some((source, target)) = mount(service, &|target| target == "/var/lib/odoo") {
        from.place(&source, None, ("odoo.data_dir", "odoo.volume"), draft);
        taken.push(target);
    }
    let addons = mount(service, &|target| target == "/mnt/extra-addons");
    if let Some((source, target)) = addons.filter(|(source, _)| source.starts_with(['.', '/'])) {
        taken.push(target);
        let path = from.folder.join(source.trim_start_matches("./")).display().to_string();
        draft.set("odoo.addons", vec![path]);
    }
    draft.set("odoo.services.odoo-cron.replicas", 0);
    // How Odoo reaches its server stands in odoo.conf.
    left_inside(key, service, &taken, &["HOST", "PORT", "USER", "PASSWORD"], draft);
    let carried =
        ["image", "ports", "volumes", "environment", "depends_on", "restart", "healthcheck", "networks"];
    others(key, service, &carried, draft);
}

/// Mounts and variables of a service that nothing of odpm's renders. Values are not told: they may be secrets.
fn left_inside(key: &str, service: &Value, taken: &[String], known: &[&str], draft: &mut Draft) {
    for (source, target) in mounts(service).filter(|(_, target)| !taken.contains(target)) {
        let mount = source.map_or_else(|| target.clone(), |source| format!("{source}:{target}"));
        draft.left_out(format!("the mount {mount} of the service {key}"));
    }
    for name in variables(service).filter(|name| !known.contains(&name.as_str())) {
        draft.left_out(format!("the variable {name} of the service {key}"));
    }
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

/// The first mount whose place in the container is as wanted: its source and that place.
fn mount(service: &Value, wanted: &dyn Fn(&str) -> bool) -> Option<(String, String)> {
    mounts(service).find_map(|(source, target)| Some((source?, target)).filter(|(_, target)| wanted(target)))
}

/// The mounts of a service, in either of Compose's forms: sources, where they have any, and places.
fn mounts(service: &Value) -> impl Iterator<Item = (Option<String>, String)> {
    let volumes = service.get("volumes").and_then(Value::as_sequence).into_iter().flatten();
    volumes.filter_map(|volume| {
        let (source, target) = match volume {
            Value::String(text) => match text.split_once(':') {
                Some((source, rest)) => (Some(source), rest.split(':').next()?),
                None => (None, text.as_str()),
            },
            other => (other.get("source").and_then(Value::as_str), other.get("target")?.as_str()?),
        };
        Some((source.map(str::to_owned), target.trim_end_matches('/').to_owned()))
    })
}

/// The names of a service's variables.
fn variables(service: &Value) -> impl Iterator<Item = String> {
    let environment = service.get("environment");
    let list = environment.and_then(Value::as_sequence).into_iter().flatten();
    let map = environment.and_then(Value::as_mapping).into_iter().flat_map(|map| map.keys());
    let name = |entry: &Value| Some(entry.as_str()?.split('=').next()?.to_owned());
    list.chain(map).filter_map(name)
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
