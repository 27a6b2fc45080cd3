//! [`Fingerprint`]: the facts that decide whether this is still the same database home.

use crate::base::Digest;
use crate::base::time::utc_seconds;
use crate::facts::{Baseline, BaselineCluster, BaselineCompose, BaselineConf, Observation};
use crate::project::Project;

/// What would be recorded now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// In the shape of the baseline.
    pub baseline: Baseline,
    /// `docker` or `local`.
    pub engine: &'static str,
    /// PostgreSQL's name for the cluster, where it could be seen.
    pub system_identifier: Option<String>,
}

impl Fingerprint {
    /// SHA-256 over the canonical JSON of the facts, without the moment of their recording.
    pub fn digest(&self) -> Digest {
        let mut baseline = self.baseline.clone();
        baseline.recorded_at.clear();
        Digest::of_json(&(baseline, self.engine, &self.system_identifier))
    }
}

/// The fingerprint of the project as described, with what was seen of its cluster.
pub fn fingerprint(project: &Project, seen: &Observation) -> Fingerprint {
    let cluster = seen.data_dir.cluster();
    let (db_host, db_port) = project.db_address();
    let baseline = Baseline {
        schema_version: 1,
        recorded_at: utc_seconds(seen.at),
        odpm_scenario: project.scenario.as_str().to_owned(),
        engine: "postgres".to_owned(),
        compose: BaselineCompose {
            service_name: project.postgres_service(),
            image_tag: image_tag(project),
            data_path_abs: match &project.postgres.external {
                Some(external) => external.address(),
                None => seen.data_path.display().to_string(),
            },
            host_port: project.postgres.external.as_ref().map_or(project.postgres.port, |e| e.port),
            compose_project_name: project.prefix.clone(),
            odoo_service_name: Some(project.service_name("odoo")),
        },
        odoo_conf: BaselineConf { db_host, db_port, db_user: project.postgres.role.clone() },
        cluster: BaselineCluster {
            data_dir_nonempty: seen.data_dir.nonempty().unwrap_or(true),
            app_role: project.postgres.role.clone(),
            pg_major: cluster.map(|c| c.major.0),
            app_role_present: seen.live.role_present.get().copied(),
        },
    };
    let on_disk = cluster.and_then(|c| c.system_identifier);
    let system_identifier = seen.live.system_identifier.get().copied().or(on_disk).map(|id| id.to_string());
    Fingerprint { baseline, engine: project.engine.as_str(), system_identifier }
}

/// The tag of the PostgreSQL image: what odpm 4 records as its version.
fn image_tag(project: &Project) -> String {
    let image = project.postgres.image.split('@').next().unwrap_or_default();
    match image.rsplit_once(':') {
        // A colon before a slash belongs to the port of a host, not to a tag.
        Some((_, tag)) if !tag.contains('/') => tag.to_owned(),
        _ => project.postgres.version.clone(),
    }
}
