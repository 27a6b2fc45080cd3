use crate::base::Secret;
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::observe;
use crate::postgres::rows::Source;
use crate::step::{Endpoint, SidecarRecord};

/// The sidecar that is meant.
pub fn chosen(session: &Session, name: Option<&str>) -> Result<SidecarRecord> {
    let mut all = observe::sidecars(&session.loaded)?;
    if let Some(name) = name {
        all.retain(|record| record.sidecar.name == name);
    }
    let list = "See which there are: odpm incident sidecar list";
    all.retain(|record| record.stands);
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(Error::refused("there is no such sidecar")
            .hint(list)
            .hint("Make one: odpm incident sidecar --at MOMENT")),
        (Some(_), false) => {
            Err(Error::usage("there are several sidecars").hint("Name one: --sidecar NAME").hint(list))
        }
    }
}

/// The database as it was. Who may enter the folder of the socket is let in.
pub fn beside(record: &SidecarRecord, database: &str) -> Source {
    let host = record.sidecar.socket.display().to_string();
    Source {
        endpoint: Endpoint { host, port: record.sidecar.port, tls: None },
        role: record.role.clone(),
        secret: Secret::new(""),
        database: database.to_owned(),
    }
}
