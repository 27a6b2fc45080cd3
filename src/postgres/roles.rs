//! Roles and the extensions of new databases: looked at first, changed only where they differ.

use std::time::Duration;

use super::connect::{LoginFailure, Session, connect};
use super::probe::{missing_extensions, words};
use crate::base::Secret;
use crate::base::quote::{ident, literal};
use crate::error::{Error, Result};
use crate::step::{EnsureRoles, VerifyLogin};

/// What was done, one phrase each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ensured {
    /// What was made.
    pub created: Vec<String>,
    /// What was changed.
    pub changed: Vec<String>,
}

/// What the catalog says of a role.
struct Role {
    oid: u32,
    superuser: bool,
    login: bool,
    createdb: bool,
}

/// Brings the application role and the extensions of `template1` to what the step wants.
///
/// A second run over its own result writes nothing. Passwords leave this process only as SCRAM
/// verifiers, so that no server log can hold them.
pub async fn ensure(step: &EnsureRoles, admin: &Secret, app: &Secret, deadline: Duration) -> Result<Ensured> {
    let login = connect(&step.endpoint, &step.admin_role, admin, "postgres", deadline).await;
    let session = login.map_err(|failure| failure.into_error(&step.endpoint, &step.admin_role))?;
    let mut done = Ensured::default();
    let name = &step.app_role;
    match find(&session, name).await? {
        None => {
            let sql = format!(
                "CREATE ROLE {} LOGIN CREATEDB NOSUPERUSER PASSWORD {}",
                ident(name),
                literal(&verifier(app))
            );
            execute(&session, &sql, &format!("create the role {name}")).await?;
            done.created.push(format!("created the role {name}"));
        }
        Some(role) => mend(step, &session, &role, app, deadline, &mut done).await?,
    }
    drop(session);
    extensions(step, admin, deadline, &mut done).await?;
    Ok(done)
}

/// Changes what of an existing role is not as wanted.
async fn mend(
    step: &EnsureRoles,
    session: &Session,
    role: &Role,
    app: &Secret,
    deadline: Duration,
    done: &mut Ensured,
) -> Result<()> {
    let name = &step.app_role;
    let mut attributes = Vec::new();
    if !role.login {
        attributes.push("LOGIN");
    }
    if !role.createdb {
        attributes.push("CREATEDB");
    }
    // From version 16 on PostgreSQL refuses to demote the bootstrap superuser, and before that it would
    // leave the cluster's own objects with an owner who may not touch them.
    if role.superuser && role.oid != 10 {
        attributes.push("NOSUPERUSER");
    }
    if !attributes.is_empty() {
        let sql = format!("ALTER ROLE {} {}", ident(name), attributes.join(" "));
        execute(session, &sql, &format!("change the role {name}")).await?;
        done.changed.push(format!("made {name} {}", attributes.join(" ")));
    }
    match connect(&step.endpoint, name, app, "postgres", deadline).await {
        Ok(_) => Ok(()),
        Err(LoginFailure::Denied(_)) => {
            let sql = format!("ALTER ROLE {} PASSWORD {}", ident(name), literal(&verifier(app)));
            execute(session, &sql, &format!("set the password of {name}")).await?;
            done.changed.push(format!("set the password of {name}"));
            Ok(())
        }
        Err(other) => Err(other.into_error(&step.endpoint, name)),
    }
}

/// Makes extensions available to databases that are made from `template1` from now on.
async fn extensions(
    step: &EnsureRoles,
    admin: &Secret,
    deadline: Duration,
    done: &mut Ensured,
) -> Result<()> {
    let login = connect(&step.endpoint, &step.admin_role, admin, "template1", deadline).await;
    let session = login.map_err(|failure| failure.into_error(&step.endpoint, &step.admin_role))?;
    let missing = missing_extensions(&session, &step.extensions)
        .await
        .map_err(|e| Error::environment("cannot list the extensions of template1").because(words(&e)))?;
    for name in missing {
        let sql = format!("CREATE EXTENSION IF NOT EXISTS {}", ident(&name));
        execute(&session, &sql, &format!("make the extension {name} available")).await?;
        done.created.push(format!("made {name} available to new databases"));
    }
    Ok(())
}

async fn find(session: &Session, name: &str) -> Result<Option<Role>> {
    let row = session
        .query_opt(
            "SELECT oid, rolsuper, rolcanlogin, rolcreatedb FROM pg_roles WHERE rolname = $1",
            &[&name],
        )
        .await
        .map_err(|e| Error::environment(format!("cannot look up the role {name}")).because(words(&e)))?;
    Ok(row.map(|row| Role {
        oid: row.get(0),
        superuser: row.get(1),
        login: row.get(2),
        createdb: row.get(3),
    }))
}

async fn execute(session: &Session, sql: &str, what: &str) -> Result<()> {
    session
        .batch_execute(sql)
        .await
        .map_err(|e| Error::environment(format!("cannot {what}")).because(words(&e)))
}

/// The SCRAM-SHA-256 verifier of a password, which a server stores as it is.
fn verifier(secret: &Secret) -> String {
    postgres_protocol::password::scram_sha_256(secret.reveal().as_bytes())
}

/// Logs in over TCP and asks one question.
pub async fn verify_login(step: &VerifyLogin, secret: &Secret, deadline: Duration) -> Result<()> {
    let login = connect(&step.endpoint, &step.role, secret, &step.database, deadline).await;
    let session = login.map_err(|failure| {
        let denied = matches!(failure, LoginFailure::Denied(_));
        let error = failure.into_error(&step.endpoint, &step.role);
        if denied {
            return error.hint("If pg_hba.conf was edited by hand, see that it lets this role in over TCP.");
        }
        error
    })?;
    let answer = tokio::time::timeout(deadline, session.query_one("SELECT 1", &[])).await;
    match answer {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(e)) => {
            Err(Error::environment("the server accepts the login and no question").because(words(&e)))
        }
        Err(_) => Err(Error::environment("the server accepts the login and does not answer in time")),
    }
}

/// The statements that give a stopped cluster its administrative role, for single-user mode: each in
/// one line, and each of them right whether the role is there or not.
pub fn bootstrap_statements(admin_role: &str, admin: &Secret) -> Vec<String> {
    let (role, password) = (ident(admin_role), literal(&verifier(admin)));
    vec![format!(
        "DO $odpm$ BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {}) \
         THEN ALTER ROLE {role} LOGIN SUPERUSER PASSWORD {password}; \
         ELSE CREATE ROLE {role} LOGIN SUPERUSER PASSWORD {password}; END IF; END $odpm$",
        literal(admin_role)
    )]
}
