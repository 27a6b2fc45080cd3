//! What every plan of the stack has in common.

use super::Grounds;
use crate::base::Digest;
use crate::base::time::utc_seconds;
use crate::drift::{Drift, compare, fingerprint};
use crate::facts::{BaselineSeen, FileSeen};
use crate::odoo_conf::OdooConf;
use crate::plan::{Basis, FORMAT_VERSION, Plan, ProjectRef};

/// A plan without steps.
pub fn empty(command: &str, grounds: &Grounds<'_>) -> Plan {
    let Grounds { project, seen, baseline, run } = *grounds;
    Plan {
        format_version: FORMAT_VERSION,
        odpm_version: env!("CARGO_PKG_VERSION").to_owned(),
        run: run.clone(),
        created_at: utc_seconds(seen.at),
        command: command.to_owned(),
        skip_start: false,
        author: seen.author.name.clone(),
        project: ProjectRef { name: project.name.clone(), root: project.root.clone() },
        basis: Basis {
            project: project.inputs.clone(),
            baseline: baseline_digest(baseline),
            world: seen.parts(),
        },
        drift: Vec::new(),
        blocked: Vec::new(),
        warnings: Vec::new(),
        steps: Vec::new(),
    }
}

fn baseline_digest(baseline: &BaselineSeen) -> Digest {
    match baseline {
        BaselineSeen::Absent => Digest::of("absent"),
        BaselineSeen::Present(baseline, companion) => Digest::of_json(&(baseline, companion)),
        BaselineSeen::Corrupt(why) => Digest::of(why),
        BaselineSeen::Future(version) => Digest::of(version.to_string()),
    }
}

/// Every difference between the baseline and now.
pub fn drift(grounds: &Grounds<'_>) -> Vec<Drift> {
    let Grounds { project, seen, baseline, .. } = *grounds;
    let conf = seen.files.get(&project.odoo_conf()).and_then(FileSeen::text);
    let conf = conf.and_then(|text| OdooConf::parse(text).ok());
    let host = conf.as_ref().and_then(|conf| conf.get("db_host"));
    compare(&fingerprint(project, seen), project.postgres.major, host, seen, baseline)
}
