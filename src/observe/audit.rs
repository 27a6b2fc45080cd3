//! Gathers what an audit looks at: who may do what, what is written down, which drills were held.

use std::time::Duration;

use super::Loaded;
use super::databases::{backups, drills};
use crate::error::Result;
use crate::facts::{AuditSeen, Known};
use crate::grounds::specs;
use crate::postgres::{self, Session, audit};

/// How long a login may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// What an audit looks at. What the role may not ask, or what takes too long, is unknown with the reason.
pub async fn audit(loaded: &Loaded) -> Result<AuditSeen> {
    let project = &loaded.project;
    let app = project.postgres.role.as_str();
    let server = login(loaded, "postgres").await?;
    let database = match &project.odoo.database {
        Some(name) => login(loaded, name).await?,
        None => Known::Unknown("odoo.database names none".to_owned()),
    };
    let (roles, logins, logging, holdings) = tokio::join!(
        asked(&server, async |session| audit::roles(session, app).await),
        asked(&server, audit::logins),
        asked(&server, audit::logging),
        asked(&database, async |session| audit::holdings(session, app).await),
    );
    let backups = backups(loaded).iter().filter(|backup| backup.manifest.is_some()).count();
    Ok(AuditSeen { roles, holdings, logins, logging, drills: drills(loaded), backups })
}

pub(super) async fn asked<T>(
    session: &Known<Session>,
    ask: impl AsyncFnOnce(&Session) -> Result<T>,
) -> Known<T> {
    match session {
        Known::Unknown(why) => Known::Unknown(why.clone()),
        Known::Known(session) => match ask(session).await {
            Ok(seen) => Known::Known(seen),
            Err(e) => Known::Unknown(e.report().why.join(": ")),
        },
    }
}

/// A session of whoever looks after databases, that waits for nothing.
pub(super) async fn login(loaded: &Loaded, database: &str) -> Result<Known<Session>> {
    let (role, secret) = specs::login(&loaded.project);
    let Some(secret) = loaded.secrets.find(&secret)? else {
        return Ok(Known::Unknown(format!("the password of {role} is not known")));
    };
    let endpoint = specs::endpoint(&loaded.project);
    Ok(match postgres::connect(&endpoint, role, &secret, database, DEADLINE).await {
        Err(failure) => Known::Unknown(failure.why().to_owned()),
        Ok(session) => match audit::hurry(&session).await {
            Ok(()) => Known::Known(session),
            Err(e) => Known::Unknown(e.report().why.join(": ")),
        },
    })
}
