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

/// The sidecar before the damage, and the one after it where one is named; the first may be left out where there is no other.
pub fn pair(
    session: &Session,
    before: Option<&str>,
    after: Option<&str>,
) -> Result<(SidecarRecord, Option<SidecarRecord>)> {
    let Some(after) = after else { return Ok((chosen(session, before)?, None)) };
    let late = chosen(session, Some(after))?;
    let others: Vec<SidecarRecord> = observe::sidecars(&session.loaded)?;
    let mut others = others.into_iter().filter(|record| record.stands && record.sidecar.name != after);
    let early = match (before, others.next(), others.next()) {
        (None, Some(only), None) => only,
        _ => chosen(session, before)?,
    };
    let at = |record: &SidecarRecord| record.moment.parse::<jiff::Timestamp>().ok();
    if at(&early) >= at(&late) {
        let told = format!(
            "{} stands at {}, {} at {}",
            early.sidecar.name, early.moment, late.sidecar.name, late.moment
        );
        return Err(Error::usage("the sidecar before the damage does not stand before the one after it")
            .because(told));
    }
    Ok((early, Some(late)))
}

/// The database as it was. Who may enter the folder of the socket is let in.
pub fn beside(record: &SidecarRecord, database: &str) -> Source {
    let host = record.sidecar.socket.display().to_string();
    Source {
        endpoint: Endpoint { host, port: record.sidecar.port, tls: None, container: None },
        role: record.role.clone(),
        secret: Secret::new(""),
        database: database.to_owned(),
    }
}
