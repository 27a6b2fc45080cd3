//! The connection to the engine, and what its failures mean.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use bollard::Docker;

use crate::base::Digest;
use crate::error::Error;

/// How long the engine may take to begin an answer, in seconds.
const TIMEOUT: u64 = 120;

/// An engine that a context of the docker command names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    host: String,
    /// The folder of `ca.pem`, `cert.pem` and `key.pem`, where it is reached over TLS.
    certs: Option<PathBuf>,
}

impl Context {
    /// The variables by which every other program finds the same engine.
    pub fn variables(&self) -> Vec<(&'static str, &OsStr)> {
        let mut variables = vec![("DOCKER_HOST", OsStr::new(&self.host))];
        if let Some(certs) = &self.certs {
            variables
                .extend([("DOCKER_TLS_VERIFY", OsStr::new("1")), ("DOCKER_CERT_PATH", certs.as_os_str())]);
        }
        variables
    }
}

/// The engine that `docker` on this machine would talk to: DOCKER_HOST, else the context in use, else the
/// usual socket. Connects to nothing yet.
pub fn client() -> Result<Docker, String> {
    let client = match (host(), context()) {
        (Some(host), _) => Docker::connect_with_host(&host),
        (None, Some(Context { host, certs: Some(certs) })) => {
            let [ca, cert, key] = ["ca.pem", "cert.pem", "key.pem"].map(|name| certs.join(name));
            Docker::connect_with_ssl(&host, &key, &cert, &ca, TIMEOUT, bollard::API_DEFAULT_VERSION)
        }
        (None, Some(Context { host, certs: None })) => Docker::connect_with_host(&host),
        (None, None) => Docker::connect_with_defaults(),
    };
    client.map_err(|e| why(&e))
}

fn host() -> Option<String> {
    std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty())
}

/// The context in use, unless DOCKER_HOST wins over it; the context `default` is none.
pub fn context() -> Option<Context> {
    if host().is_some() {
        return None;
    }
    let folder = std::env::var_os("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker")))?;
    let named = std::env::var("DOCKER_CONTEXT").ok().filter(|name| !name.is_empty());
    of_folder(&folder, named)
}

/// The context of this name in a folder of the docker command; its own choice when there is no name.
fn of_folder(folder: &Path, named: Option<String>) -> Option<Context> {
    let name = named.or_else(|| {
        let text = std::fs::read_to_string(folder.join("config.json")).ok()?;
        let config: serde_json::Value = serde_json::from_str(&text).ok()?;
        config.get("currentContext")?.as_str().map(str::to_owned)
    })?;
    if name == "default" {
        return None;
    }
    let digest = Digest::of(&name);
    let meta = folder.join("contexts/meta").join(digest.as_str()).join("meta.json");
    let meta: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(meta).ok()?).ok()?;
    let host = meta.pointer("/Endpoints/docker/Host")?.as_str()?.to_owned();
    let certs = folder.join("contexts/tls").join(digest.as_str()).join("docker");
    Some(Context { host, certs: certs.join("ca.pem").exists().then_some(certs) })
}

/// Why the engine did not answer, told apart: not there, not allowed, or something it said.
pub fn why(e: &bollard::errors::Error) -> String {
    let mut text = e.to_string();
    let mut source = std::error::Error::source(e);
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    match text.trim() {
        text if text.contains("ermission denied") => {
            format!("its socket may not be used ({text}): is this user in the group `docker`?")
        }
        text if ["No such file", "onnection refused", "ocket not found"].iter().any(|w| text.contains(w)) => {
            format!("no engine answers ({text}): is the daemon running?")
        }
        text => text.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_names_its_engine_and_its_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert_eq!(of_folder(folder.path(), None), None);
        write("config.json", r#"{"currentContext": "far"}"#);
        assert_eq!(of_folder(folder.path(), None), None, "a context that is not there");
        let far = Digest::of("far");
        let meta = r#"{"Name": "far", "Endpoints": {"docker": {"Host": "tcp://far.example:2376"}}}"#;
        write(&format!("contexts/meta/{far}/meta.json"), meta);
        let plain = of_folder(folder.path(), None).unwrap();
        assert_eq!(plain.variables(), [("DOCKER_HOST", OsStr::new("tcp://far.example:2376"))]);
        write(&format!("contexts/tls/{far}/docker/ca.pem"), "");
        let secure = of_folder(folder.path(), Some("far".to_owned())).unwrap();
        assert_eq!(secure.certs, Some(folder.path().join(format!("contexts/tls/{far}/docker"))));
        assert_eq!(secure.variables().len(), 3);
        assert_eq!(of_folder(folder.path(), Some("default".to_owned())), None);
    }
}
