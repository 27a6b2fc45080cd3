//! Asks a running server, concurrently and with a deadline, and changes nothing.

use std::time::Duration;

use tokio_postgres::types::{ToSql, Type};

use super::connect::{LoginFailure, Session, connect};
use crate::base::Secret;
use crate::error::{Error, Result};
use crate::facts::{Known, Live};
use crate::step::Endpoint;

/// Whom to ask as, and about what.
#[derive(Debug)]
pub struct Probe<'a> {
    /// The server.
    pub endpoint: &'a Endpoint,
    /// The application role.
    pub app_role: &'a str,
    /// Its password, where it is known.
    pub app: Option<&'a Secret>,
    /// The administrative role.
    pub admin_role: &'a str,
    /// Its password, where it is known.
    pub admin: Option<&'a Secret>,
    /// The extensions that `template1` should have.
    pub extensions: &'a [String],
    /// How long each question may take.
    pub deadline: Duration,
}

/// What the server answers.
pub async fn live(probe: &Probe<'_>) -> Live {
    let (app, (admin, template)) = tokio::join!(as_app(probe), as_admin(probe));
    let login = |asked: &Option<Result<Answers, LoginFailure>>, nobody: &str| match asked {
        None => Known::Unknown(nobody.to_owned()),
        Some(Ok(_)) => Known::Known(true),
        Some(Err(LoginFailure::Denied(_))) => Known::Known(false),
        Some(Err(failure)) => Known::Unknown(failure.why().to_owned()),
    };
    let role_login = login(&app, "the application role's password is not known");
    let admin_login = login(&admin, "the administrative role's password is not known");
    let ready = readiness(&[&app, &admin]);
    // Either role may read the catalog; the administrative one first, for it can log in when the other cannot.
    let answers = [admin, app].into_iter().flatten().find_map(Result::ok);
    let unknown = || match ready.get() {
        Some(false) => "the server is not ready".to_owned(),
        _ => "neither role can log in".to_owned(),
    };
    let Some(answers) = answers else {
        return Live {
            ready: ready.clone(),
            role_login,
            admin_login,
            missing_extensions: template,
            ..Live::unknown(&unknown())
        };
    };
    Live {
        ready,
        version: Known::Known(answers.version),
        role_present: Known::Known(answers.fit.is_some()),
        role_login,
        role_fit: match answers.fit {
            Some(fit) => Known::Known(fit),
            None => Known::Unknown("there is no such role".to_owned()),
        },
        role_bootstrap: Known::Known(answers.bootstrap),
        missing_extensions: template,
        admin_login,
        system_identifier: Known::Known(answers.system_identifier),
    }
}

struct Answers {
    version: String,
    system_identifier: u64,
    /// Whether the application role has the attributes that it needs; `None` when there is no such role.
    fit: Option<bool>,
    bootstrap: bool,
}

async fn as_app(probe: &Probe<'_>) -> Option<Result<Answers, LoginFailure>> {
    let session = connect(probe.endpoint, probe.app_role, probe.app?, "postgres", probe.deadline).await;
    Some(match session {
        Ok(session) => ask(probe, &session).await,
        Err(failure) => Err(failure),
    })
}

/// In `template1`, so that one login answers for the extensions too; where that takes no connections, in
/// `postgres`.
async fn as_admin(probe: &Probe<'_>) -> (Option<Result<Answers, LoginFailure>>, Known<Vec<String>>) {
    let Some(admin) = probe.admin else {
        return (None, Known::Unknown("the administrative role's password is not known".to_owned()));
    };
    let login = |database| connect(probe.endpoint, probe.admin_role, admin, database, probe.deadline);
    match login("template1").await {
        Ok(session) => {
            let (answers, missing) =
                tokio::join!(ask(probe, &session), missing_extensions(&session, probe.extensions));
            (Some(answers), missing.map_or_else(|e| Known::Unknown(words(&e)), Known::Known))
        }
        Err(failure @ (LoginFailure::NoDatabase(_) | LoginFailure::Other(_))) => {
            let why = Known::Unknown(failure.why().to_owned());
            match login("postgres").await {
                Ok(session) => (Some(ask(probe, &session).await), why),
                Err(failure) => (Some(Err(failure)), why),
            }
        }
        Err(failure) => {
            let why = Known::Unknown(failure.why().to_owned());
            (Some(Err(failure)), why)
        }
    }
}

async fn ask(probe: &Probe<'_>, session: &Session) -> Result<Answers, LoginFailure> {
    // The bootstrap superuser (oid 10) cannot be demoted; it is as fit as it can be.
    let question = "SELECT current_setting('server_version'), s.system_identifier::text, \
         (SELECT rolcanlogin AND rolcreatedb AND (NOT rolsuper OR oid = 10) FROM pg_roles WHERE rolname = $1), \
         COALESCE((SELECT oid = 10 AND rolsuper FROM pg_roles WHERE rolname = $1), false) \
         FROM pg_control_system() AS s";
    let role = (&probe.app_role as &(dyn ToSql + Sync), Type::TEXT);
    let answer = tokio::time::timeout(probe.deadline, session.query_typed(question, &[role])).await;
    match answer {
        Err(_) => Err(LoginFailure::Other("the server does not answer in time".to_owned())),
        Ok(Err(e)) => Err(LoginFailure::Other(words(&e))),
        Ok(Ok(rows)) => {
            let Some(row) = rows.first() else {
                return Err(LoginFailure::Other("the server gave no answer".to_owned()));
            };
            Ok(Answers {
                // Debian appends its package's version in brackets.
                version: row.get::<_, String>(0).split_whitespace().next().unwrap_or_default().to_owned(),
                system_identifier: row.get::<_, String>(1).parse().unwrap_or_default(),
                fit: row.get(2),
                bootstrap: row.get(3),
            })
        }
    }
}

/// Those of the extensions that the server has and this database has not.
pub(super) async fn missing_extensions(
    session: &Session,
    wanted: &[String],
) -> Result<Vec<String>, tokio_postgres::Error> {
    let wanted = || (&wanted as &(dyn ToSql + Sync), Type::TEXT_ARRAY);
    // What the server could have stands in hundreds of files: asked only where something is missing.
    let lacks = "SELECT w FROM unnest($1) AS w WHERE w NOT IN (SELECT extname FROM pg_extension)";
    if session.query_typed(lacks, &[wanted()]).await?.is_empty() {
        return Ok(Vec::new());
    }
    let question = "SELECT name FROM pg_available_extensions \
         WHERE name = ANY ($1) AND installed_version IS NULL ORDER BY name";
    let rows = session.query_typed(question, &[wanted()]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Whether the server takes connections: a refusal is an answer too.
fn readiness(asked: &[&Option<Result<Answers, LoginFailure>>]) -> Known<bool> {
    let mut silent = None;
    for answer in asked.iter().filter_map(|asked| asked.as_ref()) {
        match answer {
            Ok(_) | Err(LoginFailure::Denied(_) | LoginFailure::NoDatabase(_)) => return Known::Known(true),
            Err(LoginFailure::Unreachable(_) | LoginFailure::NotReady(_)) => silent = Some(false),
            Err(LoginFailure::Other(why)) => return Known::Unknown(why.clone()),
        }
    }
    silent.map_or_else(|| Known::Unknown("no role's password is known".to_owned()), Known::Known)
}

/// PostgreSQL's name for the cluster that a session is on.
pub async fn system_identifier(session: &Session) -> Result<u64> {
    let cannot = || Error::environment("cannot ask the server for its identity");
    let row = session
        .query_one("SELECT system_identifier::text FROM pg_control_system()", &[])
        .await
        .map_err(|e| cannot().because(words(&e)))?;
    row.get::<_, String>(0).parse().map_err(|_| cannot().because("the answer is not a number"))
}

/// The server's own words, without the client's frame around them.
pub fn words(e: &tokio_postgres::Error) -> String {
    e.as_db_error().map_or_else(|| e.to_string(), |db| db.message().to_owned())
}
