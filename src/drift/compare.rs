//! The one table that compares: every fact of the baseline, field by field.

use super::fingerprint::Fingerprint;
use super::{Drift, Kind, Origin, Severity};
use crate::base::PgMajor;
use crate::facts::{
    Baseline, BaselineCluster, BaselineCompose, BaselineConf, BaselineSeen, Companion, DataDir, Observation,
};

/// Every difference between the baseline and now, in the order of their kinds.
///
/// `now` is the fingerprint of the project and of `seen`, `wanted` the major that the project asks
/// for, `conf_host` the `db_host` that stands in `odoo.conf`, where one does. A baseline that cannot
/// be read yields nothing here: the planner refuses to go on without it.
pub fn compare(
    now: &Fingerprint,
    wanted: PgMajor,
    conf_host: Option<&str>,
    seen: &Observation,
    recorded: &BaselineSeen,
) -> Vec<Drift> {
    let mut found = match recorded {
        BaselineSeen::Present(baseline, companion) => against(now, wanted, seen, baseline, companion),
        BaselineSeen::Absent => first(wanted, seen),
        BaselineSeen::Corrupt(_) | BaselineSeen::Future(_) => Vec::new(),
    };
    // A host that is neither today's nor the recorded one was written by another hand. One that is
    // merely the recorded one follows from an edit of the project, which has a kind of its own.
    let expected = &now.baseline.odoo_conf.db_host;
    let old = recorded.get().map(|b| b.odoo_conf.db_host.as_str());
    if let Some(actual) = conf_host
        && actual != expected
        && Some(actual) != old
    {
        let origin = if recorded.get().is_some() { Origin::Outside } else { Origin::First };
        found.push(Drift::new(Kind::DbHostMismatch, expected, actual, origin));
    }
    found.extend(superuser(seen, &now.baseline.cluster.app_role));
    if !seen.engine.orphans.is_empty() {
        let names = seen.engine.orphans.join(" ");
        found.push(
            Drift::new(Kind::Orphans, "none", &names, Origin::Outside)
                .note(format!("Once nobody needs them: docker rm -f {names}")),
        );
    }
    // As long as a run is not finished, what is not as recorded may be its half-done work.
    if seen.unfinished.is_some() {
        found
            .iter_mut()
            .filter(|drift| drift.origin == Origin::Outside)
            .for_each(|d| d.origin = Origin::Interrupted);
    }
    found.sort_by_key(|drift| drift.kind);
    found
}

/// What there is to say of a project that has no baseline yet.
fn first(wanted: PgMajor, seen: &Observation) -> Vec<Drift> {
    let what = match seen.data_dir.nonempty() {
        Some(true) => "an inherited data directory",
        Some(false) => "a new data directory",
        None => "a data directory that cannot be read",
    };
    let mut found = vec![Drift::new(Kind::FirstRun, "nothing", what, Origin::First)];
    found.extend(other_major(wanted, seen, Origin::First));
    found
}

/// The differences between a baseline and now.
fn against(
    now: &Fingerprint,
    wanted: PgMajor,
    seen: &Observation,
    baseline: &Baseline,
    companion: &Companion,
) -> Vec<Drift> {
    // Taken apart without `..`: a fact that is recorded and not compared does not compile.
    let Baseline { schema_version: _, recorded_at: _, odpm_scenario, engine: _, compose, odoo_conf, cluster } =
        baseline;
    let BaselineCompose {
        service_name,
        image_tag,
        data_path_abs,
        host_port,
        compose_project_name,
        odoo_service_name,
    } = compose;
    let BaselineConf { db_host: _, db_port, db_user } = odoo_conf;
    let BaselineCluster { data_dir_nonempty, app_role, pg_major, app_role_present } = cluster;

    let new = &now.baseline;
    // odpm 4, which leaves no companion, knew one engine. A move to another brings its own addresses
    // along; it is told once, as `engine`.
    let engine = companion.engine.as_deref().unwrap_or("docker");
    let edited = |kind, old: &str, new: &str| {
        (old != new).then(|| Drift::new(kind, old, new, Origin::Edited)).into_iter()
    };
    let port = |kind, old: u16, new: u16| edited(kind, &old.to_string(), &new.to_string());

    let mut found = Vec::new();
    found.extend(edited(Kind::OdpmScenario, odpm_scenario, &new.odpm_scenario));
    found.extend(edited(Kind::ServiceName, service_name, &new.compose.service_name));
    found.extend(edited(Kind::ImageTag, image_tag, &new.compose.image_tag));
    found.extend(port(Kind::HostPort, *host_port, new.compose.host_port));
    found.extend(edited(Kind::AppRole, app_role, &new.cluster.app_role));
    // Odoo logs in as the application role: where the record agrees, the edit is told once.
    if db_user != app_role {
        found.extend(edited(Kind::DbUser, db_user, &new.odoo_conf.db_user));
    }
    // On this machine the two ports are one; they are told once, as `host_port`.
    if engine == now.engine && db_port != host_port {
        found.extend(port(Kind::DbPort, *db_port, new.odoo_conf.db_port));
    }
    found.extend(edited(Kind::Engine, engine, now.engine));
    // odpm 4's container leaves both names out, so a missing project name means something only
    // beside a recorded name of the Odoo service.
    if compose_project_name.is_some() || odoo_service_name.is_some() {
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        found.extend(edited(
            Kind::ComposeProjectName,
            &name(compose_project_name),
            &name(&new.compose.compose_project_name),
        ));
    }
    if let (Some(old), Some(new)) = (odoo_service_name, &new.compose.odoo_service_name) {
        found.extend(edited(Kind::OdooServiceName, old, new));
    }
    let same_cluster = identity(now, companion);
    found.extend(data_path(data_path_abs, &new.compose.data_path_abs, same_cluster, seen));
    found.extend(emptied(*data_dir_nonempty, *app_role_present, seen));
    if same_cluster == Some(false)
        && let (Some(old), Some(new)) = (&companion.system_identifier, &now.system_identifier)
    {
        found.push(Drift::new(Kind::ClusterIdentity, old, new, Origin::Outside));
    }
    found.extend(major(*pg_major, image_tag, wanted, seen));
    // Another role that does not exist yet follows from the edit, which is told already.
    if *app_role == new.cluster.app_role {
        found.extend(role(seen, app_role));
    }
    found
}

/// Whether the cluster is the recorded one; `None` when either is not known.
fn identity(now: &Fingerprint, companion: &Companion) -> Option<bool> {
    Some(companion.system_identifier.as_ref()? == now.system_identifier.as_ref()?)
}

/// A data directory at another place: what that means depends on what is there.
fn data_path(old: &str, new: &str, same_cluster: Option<bool>, seen: &Observation) -> Option<Drift> {
    if old == new {
        return None;
    }
    let drift = Drift::new(Kind::DataPath, old, new, Origin::Edited);
    let left_behind = seen.recorded_data_dir.as_ref().and_then(DataDir::cluster);
    Some(match (&seen.data_dir, same_cluster) {
        (_, Some(true)) => drift.severity(Severity::Low).note("The recorded cluster itself has moved there."),
        (DataDir::Absent | DataDir::Empty, _) => drift.note(match left_behind {
            Some(files) => format!(
                "There is no cluster at the new place: accepting it starts with an empty one, and the \
                 PostgreSQL {} cluster stays behind at the old place.",
                files.major
            ),
            None => "There is no cluster at the new place: accepting it starts with an empty one.".to_owned(),
        }),
        (_, Some(false)) => drift.note("Another cluster than the recorded one stands at the new place."),
        (_, None) => drift.note("Whether it is the recorded cluster cannot be told."),
    })
}

/// A data directory that has been emptied or filled.
fn emptied(recorded: bool, role_was_present: Option<bool>, seen: &Observation) -> Option<Drift> {
    let now = seen.data_dir.nonempty()?;
    // odpm 4's container records what it saw before the first start: "empty" beside a role that has
    // logged in. Such a record is known to be wrong, and no drift follows from it.
    let misrecorded = !recorded && role_was_present == Some(true) && seen.data_dir.cluster().is_some();
    if recorded == now || misrecorded {
        return None;
    }
    let word = |nonempty| if nonempty { "not empty" } else { "empty" };
    let drift = Drift::new(Kind::DataDirEmptyChanged, word(recorded), word(now), Origin::Outside);
    Some(if now {
        drift
    } else {
        drift.note("The data is no longer there: accepting it starts with an empty cluster.")
    })
}

/// The major of the data directory against the recorded and the wanted one.
fn major(recorded: Option<u32>, tag: &str, wanted: PgMajor, seen: &Observation) -> Option<Drift> {
    let edited = recorded.is_some_and(|old| old != wanted.0);
    let outside = recorded.is_some() && seen.data_dir.cluster().map(|files| files.major.0) != recorded;
    let origin = match (edited, outside) {
        (true, true) => Origin::Both,
        (false, true) => Origin::Outside,
        _ => Origin::Edited,
    };
    if let Some(drift) = other_major(wanted, seen, origin) {
        return Some(drift);
    }
    let recorded = recorded.map(PgMajor).or_else(|| PgMajor::from_tag(tag))?;
    let (now, origin) = match seen.data_dir.cluster() {
        Some(files) => (files.major, Origin::Outside),
        None => (wanted, Origin::Edited),
    };
    (recorded != now).then(|| Drift::new(Kind::PostgresMajor, recorded.to_string(), now.to_string(), origin))
}

/// A data directory of another major than the wanted one. No server may ever be started on it.
fn other_major(wanted: PgMajor, seen: &Observation, origin: Origin) -> Option<Drift> {
    let have = seen.data_dir.cluster()?.major;
    if have == wanted {
        return None;
    }
    let note = if wanted < have {
        format!("The data directory is of PostgreSQL {have}: no older server can read it.")
    } else {
        format!("The data directory is of PostgreSQL {have}: a newer server cannot read it as it is.")
    };
    Some(Drift::new(Kind::PostgresMajor, have.to_string(), wanted.to_string(), origin).note(note).never())
}

/// A superuser as the application role, which only a new role can part from its powers.
fn superuser(seen: &Observation, role: &str) -> Option<Drift> {
    seen.live.role_bootstrap.is(&true).then(|| {
        Drift::new(Kind::SuperuserAppRole, "no superuser", role, Origin::Outside).note(format!(
            "Odoo could read and write every file of the server, and PostgreSQL takes neither that nor what it owns from \
             {role}. To part them: back each database up (odpm database backup), set postgres.role to a new name, apply, \
             and put the backups in their place (odpm database restore --replace): what is restored belongs to the new role."
        ))
    })
}

/// What the running server says of the application role.
fn role(seen: &Observation, name: &str) -> Option<Drift> {
    if seen.live.role_present.is(&false) {
        return Some(Drift::new(Kind::AppRoleMissing, name, "no such role", Origin::Outside));
    }
    let refused = seen.live.role_present.is(&true) && seen.live.role_login.is(&false);
    refused.then(|| {
        Drift::new(Kind::AppRoleLogin, format!("{name} logs in"), "the server refuses", Origin::Outside)
    })
}
