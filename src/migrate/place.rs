//! Where one of the two databases of a migration is: how a person writes it, and what that means.

use std::path::{Path, PathBuf};

use super::percent::{decoded, encoded};
use crate::base::Secret;
use crate::error::{Error, Result};
use crate::project::{SslMode, Tls};
use crate::step::Endpoint;

/// What a person has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A database of this project, by its name.
    Own(String),
    /// A database of another project; its `odoo.database` where none is named.
    Project {
        /// The folder of that project, or one below it.
        folder: PathBuf,
        /// The database.
        database: Option<String>,
    },
    /// A database of a server.
    Server(Box<ServerPlace>),
}

/// A database of a server that is named by a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerPlace {
    /// The server.
    pub endpoint: Endpoint,
    /// Who logs in.
    pub role: String,
    /// The database.
    pub database: String,
    /// The password, where the URL has one.
    pub password: Option<Secret>,
}

const POSTGRES: [&str; 2] = ["postgres://", "postgresql://"];
const DOCKER: &str = "docker://";
const PORT: u16 = 5432;
const FORMS: [&str; 4] = [
    "A database of this project: staging",
    "One of another project: ../staging, or ../staging#DB",
    "One of a server: postgres://ROLE@HOST:5432/DB?sslmode=verify-full",
    "One inside a container: docker://CONTAINER/DB?user=odoo",
];

impl Place {
    /// Reads what a person has written; paths in it begin at `here`.
    pub fn read(text: &str, here: &Path) -> Result<Self> {
        if let Some((scheme, rest)) = text.split_once("://") {
            let scheme = format!("{scheme}://");
            let container = scheme == DOCKER;
            if !container && !POSTGRES.contains(&scheme.as_str()) {
                return Err(wrong(format!("odpm reaches no {scheme}…")));
            }
            return url(rest, container, here).map(|place| Self::Server(Box::new(place)));
        }
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(wrong("a place that is no place".to_owned()));
        }
        // A database of this project is called what it is called; folders are told by how they are written.
        let folder = text.starts_with('.') || text.starts_with('~') || text.contains(['/', '#']);
        if !folder {
            return Ok(Self::Own(text.to_owned()));
        }
        let (folder, database) = match text.rsplit_once('#') {
            Some((_, "")) => return Err(wrong("there is no database after the #".to_owned())),
            Some((folder, database)) => (folder, Some(database.to_owned())),
            None => (text, None),
        };
        let folder = if folder.is_empty() { here.to_owned() } else { here.join(folder) };
        Ok(Self::Project { folder, database })
    }
}

impl ServerPlace {
    /// The place without its password; it is read as the same place again.
    pub fn shown(&self) -> String {
        let Endpoint { host, port, tls, container } = &self.endpoint;
        let (role, database) = (encoded(&self.role), encoded(&self.database));
        if let Some(container) = container {
            let port = if *port == PORT { String::new() } else { format!(":{port}") };
            return format!("{DOCKER}{container}{port}/{database}?user={role}");
        }
        let mut more = Vec::new();
        let socket = host.starts_with('/');
        if socket {
            more.push(format!("host={}", encoded(host)));
        }
        if let Some(tls) = tls {
            more.push(format!("sslmode={}", tls.mode.as_str()));
            more.extend(
                tls.root.as_ref().map(|root| format!("sslrootcert={}", encoded(&root.display().to_string()))),
            );
        }
        if tls.is_none() && !socket {
            more.push("sslmode=disable".to_owned());
        }
        let host = match host {
            _ if socket => String::new(),
            host if host.contains(':') => format!("[{host}]"),
            host => host.clone(),
        };
        let more = if more.is_empty() { String::new() } else { format!("?{}", more.join("&")) };
        format!("{}{role}@{host}:{port}/{database}{more}", POSTGRES[0])
    }
}

fn wrong(what: String) -> Error {
    FORMS.into_iter().fold(Error::usage(what), |error, form| error.hint(form))
}

/// What of a URL may be said before `/` or after `?`.
#[derive(Default)]
struct Parts {
    host: Option<String>,
    port: Option<u16>,
    role: Option<String>,
    password: Option<String>,
    database: Option<String>,
    mode: Option<SslMode>,
    root: Option<PathBuf>,
}

fn url(rest: &str, container: bool, here: &Path) -> Result<ServerPlace> {
    // Nothing of what is wrong with a URL may show what is secret in it.
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, server) = authority.rsplit_once('@').map_or((None, authority), |(user, at)| (Some(user), at));
    let mut parts = Parts::default();
    if let Some(user) = user {
        let (role, password) = user.split_once(':').map_or((user, None), |(role, word)| (role, Some(word)));
        parts.role = Some(text(role)?).filter(|role| !role.is_empty());
        parts.password = password.map(text).transpose()?;
    }
    server_of(server, &mut parts)?;
    parts.database = Some(text(path)?).filter(|database| !database.is_empty());
    for (key, value) in query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    {
        said(key, text(value)?, container, here, &mut parts)?;
    }
    let Some(database) = parts.database else { return Err(wrong("the URL names no database".to_owned())) };
    if container {
        let Some(name) = parts.host.filter(|name| plain_name(name)) else {
            return Err(wrong("the URL names no container".to_owned()));
        };
        let endpoint = Endpoint {
            host: "127.0.0.1".to_owned(),
            port: parts.port.unwrap_or(PORT),
            tls: None,
            container: Some(name),
        };
        let role = parts.role.unwrap_or_else(|| "odoo".to_owned());
        return Ok(ServerPlace { endpoint, role, database, password: parts.password.map(Secret::new) });
    }
    let Some(role) = parts.role else { return Err(wrong("the URL names no role to log in as".to_owned())) };
    let host = parts.host.unwrap_or_else(|| "localhost".to_owned());
    let usual = if parts.root.is_some() { SslMode::VerifyFull } else { SslMode::Prefer };
    // A socket of this machine is nobody else's.
    let tls = Some(Tls { mode: parts.mode.unwrap_or(usual), root: parts.root });
    let tls = tls.filter(|tls| tls.mode != SslMode::Disable && !host.starts_with('/'));
    let endpoint = Endpoint { host, port: parts.port.unwrap_or(PORT), tls, container: None };
    Ok(ServerPlace { endpoint, role, database, password: parts.password.map(Secret::new) })
}

/// `host`, `host:port`, `[::1]:port`.
fn server_of(server: &str, parts: &mut Parts) -> Result<()> {
    let (host, port) = match server.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.trim_start_matches(':'))),
        None => server.split_once(':').map_or((server, None), |(host, port)| (host, Some(port))),
    };
    parts.host = Some(text(host)?).filter(|host| !host.is_empty());
    if host.contains(',') {
        return Err(wrong("the URL names several hosts".to_owned()));
    }
    parts.port = port.map(port_of).transpose()?;
    Ok(())
}

fn port_of(port: &str) -> Result<u16> {
    port.parse().ok().filter(|port| *port > 0).ok_or_else(|| wrong(format!("{port:?} is no port")))
}

fn said(key: &str, value: String, container: bool, here: &Path, parts: &mut Parts) -> Result<()> {
    match key {
        "user" => parts.role = Some(value),
        "password" => parts.password = Some(value),
        "port" => parts.port = Some(port_of(&value)?),
        "host" if !container => parts.host = Some(value),
        "dbname" => parts.database = Some(value),
        "sslmode" if !container => parts.mode = Some(mode(&value)?),
        "sslrootcert" if !container => parts.root = Some(here.join(value)),
        other => return Err(wrong(format!("a URL says nothing of {other:?} to odpm"))),
    }
    Ok(())
}

fn mode(value: &str) -> Result<SslMode> {
    use SslMode::{Disable, Prefer, Require, VerifyCa, VerifyFull};
    let all = [Disable, Prefer, Require, VerifyCa, VerifyFull];
    all.into_iter()
        .find(|mode| mode.as_str() == value)
        // What libpq calls `allow` is without TLS where the server lets it.
        .or((value == "allow").then_some(Prefer))
        .ok_or_else(|| wrong(format!("{value:?} is no sslmode")))
}

fn text(part: &str) -> Result<String> {
    let text =
        decoded(part).ok_or_else(|| wrong("a % in the URL is followed by no two digits".to_owned()))?;
    match text.contains('\0') {
        true => Err(wrong("the URL holds a zero byte".to_owned())),
        false => Ok(text),
    }
}

/// What the engine takes as a container's name or id, and what is no option of its client.
fn plain_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}
