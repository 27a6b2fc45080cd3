//! The connection to the engine, and what its failures mean.

use std::path::PathBuf;

use bollard::Docker;

use crate::base::Digest;
use crate::error::Error;

/// The engine that `docker` on this machine would talk to: DOCKER_HOST, else the context in use, else the
/// usual socket. Connects to nothing yet.
pub fn client() -> Result<Docker, String> {
    let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty()).or_else(of_context);
    match host {
        Some(host) => Docker::connect_with_host(&host).map_err(|e| why(&e)),
        None => Docker::connect_with_defaults().map_err(|e| why(&e)),
    }
}

/// The address that the context in use names; the context `default` names none.
fn of_context() -> Option<String> {
    let folder = std::env::var_os("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker")))?;
    let named = std::env::var("DOCKER_CONTEXT").ok().filter(|name| !name.is_empty());
    let name = named.or_else(|| {
        let text = std::fs::read_to_string(folder.join("config.json")).ok()?;
        let config: serde_json::Value = serde_json::from_str(&text).ok()?;
        config.get("currentContext")?.as_str().map(str::to_owned)
    })?;
    if name == "default" {
        return None;
    }
    let meta = folder.join("contexts/meta").join(Digest::of(&name).as_str()).join("meta.json");
    let meta: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(meta).ok()?).ok()?;
    meta.pointer("/Endpoints/docker/Host")?.as_str().map(str::to_owned)
}

/// Why the engine did not answer, told apart: not there, not allowed, or something it said.
pub fn why(e: &bollard::errors::Error) -> String {
    let mut text = e.to_string();
    let mut source = std::error::Error::source(e);
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    match text {
        text if text.contains("ermission denied") => {
            format!("its socket may not be used ({text}): is this user in the group `docker`?")
        }
        text if ["No such file", "onnection refused", "ocket not found"].iter().any(|w| text.contains(w)) => {
            format!("no engine answers ({text}): is the daemon running?")
        }
        text => text,
    }
}

/// A failure of a call.
pub fn failed(what: &str, e: &bollard::errors::Error) -> Error {
    Error::environment(what).because(why(e))
}

/// The client, or why there is none.
pub fn connected() -> crate::error::Result<Docker> {
    client().map_err(|why| Error::environment("the Docker engine cannot be reached").because(why))
}
