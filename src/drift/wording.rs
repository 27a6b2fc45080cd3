//! What each kind means, in words: one match, for people.

use super::{Drift, Kind};

/// The difference in one line: `the data directory moved: /old -> /new`.
pub fn line(drift: &Drift) -> String {
    let Drift { recorded, current, .. } = drift;
    let subject = match drift.kind {
        Kind::FirstRun => return format!("nothing is recorded yet: {current} becomes the baseline"),
        Kind::ClusterIdentity => "another cluster is in the data directory",
        Kind::DataPath => "the data directory is at another place",
        Kind::PostgresMajor if !drift.acceptable => {
            return format!("the data directory is of PostgreSQL {recorded}, the project wants {current}");
        }
        Kind::PostgresMajor => "the major version of PostgreSQL is another",
        Kind::AppRoleMissing => return format!("the application role `{recorded}` does not exist"),
        Kind::AppRoleLogin => {
            return "the application role cannot log in with the project's password".to_owned();
        }
        Kind::DataDirEmptyChanged => "the data directory",
        Kind::OdpmScenario => "the scenario is another",
        Kind::AppRole => "the application role is another",
        Kind::Engine => "another engine runs the services",
        Kind::ServiceName => "the PostgreSQL service has another name",
        Kind::OdooServiceName => "the Odoo service has another name",
        Kind::ComposeProjectName => "the Compose project has another name",
        Kind::ImageTag => "the image tag of PostgreSQL is another",
        Kind::HostPort => "PostgreSQL's port on this machine is another",
        Kind::DbHostMismatch => {
            return format!("odoo.conf has db_host = {current}, the project's is {recorded}");
        }
        Kind::DbPort => "the port that Odoo reaches the database on is another",
        Kind::DbUser => "the role that Odoo logs in as is another",
        Kind::SuperuserAppRole => {
            return format!("the application role `{current}` is the cluster's bootstrap superuser");
        }
        Kind::Orphans => return format!("containers are left over under old names: {current}"),
    };
    let shown = |text: &str| if text.is_empty() { "(none)".to_owned() } else { text.to_owned() };
    format!("{subject}: {} -> {}", shown(recorded), shown(current))
}

/// What accepting the difference means, as the answer at the prompt.
pub fn acceptance(drift: &Drift) -> &'static str {
    match drift.kind {
        Kind::AppRoleMissing => "create the role",
        Kind::AppRoleLogin => "set the role's password to the project's",
        Kind::DataPath => "accept the new place",
        Kind::ClusterIdentity => "accept this cluster as the project's",
        Kind::PostgresMajor => "accept the new major",
        Kind::DataDirEmptyChanged => "accept the data directory as it is",
        Kind::FirstRun
        | Kind::OdpmScenario
        | Kind::AppRole
        | Kind::Engine
        | Kind::ServiceName
        | Kind::OdooServiceName
        | Kind::ComposeProjectName
        | Kind::ImageTag
        | Kind::HostPort
        | Kind::DbHostMismatch
        | Kind::DbPort
        | Kind::DbUser
        | Kind::SuperuserAppRole
        | Kind::Orphans => "accept it",
    }
}

/// Whether the prompt offers instructions for starting over with an empty data directory.
pub fn offers_wipe(kind: Kind) -> bool {
    matches!(kind, Kind::DataPath | Kind::PostgresMajor | Kind::ClusterIdentity)
}

/// How to bring a data directory of another major over; odpm does it for nobody.
pub fn other_major_hints(have: u32, wanted: u32, data: &str) -> Vec<String> {
    let mut hints = vec![format!(
        "To keep the data as it is, set `postgres.version: \"{have}\"` in odpm.yaml and apply."
    )];
    if wanted > have {
        hints.push(format!(
            "To upgrade: with version {have} running, dump every database with PostgreSQL {wanted}'s \
             pg_dump, point `postgres.data` at a new folder, set version {wanted}, apply, and restore \
             the dumps. {data} stays as the way back."
        ));
    } else {
        hints.push(format!(
            "To go back to {wanted}: with version {have} running, dump every database, point \
             `postgres.data` at a new folder, set version {wanted}, apply, and restore the dumps; a dump \
             of {have} may hold what {wanted} does not know. {data} stays as the way back."
        ));
    }
    hints
}

/// How to start over with an empty data directory; odpm does it for nobody.
pub fn wipe_instructions(data: &str) -> Vec<String> {
    vec![
        "Starting over loses every database in the data directory. odpm does not do it for you:".to_owned(),
        "1. Stop the stack: odpm down".to_owned(),
        format!("2. Move the data directory away: mv {0} {0}.old", crate::base::quote::shell(data)),
        "3. Move the baseline away: mv .odpm/database/last_run.json .odpm/database/last_run.json.old"
            .to_owned(),
        "4. Apply: odpm apply".to_owned(),
        "Remove the .old copies once nobody needs them any more.".to_owned(),
    ]
}
