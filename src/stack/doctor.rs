//! Is this machine fit for the project? Each thing that an apply needs, with its remedy where it is missing.

use serde::Serialize;

use super::{Finding, Grounds, Weight, audit, blocks, frame};
use crate::facts::{ArchiveSeen, AuditSeen, DataDir, Known, PortUse, ServerSeen};
use crate::plan::{Block, Check};

/// The areas, with the codes of the blocks that belong to each.
const AREAS: [(&str, &[&str]); 8] = [
    ("engine", &["engine_unavailable", "compose_project_taken"]),
    ("programs", &["programs_missing", "image_other_major", "pgbackrest_missing", "pgbackrest_old"]),
    ("account", &["account"]),
    (
        "data directory",
        &[
            "data_dir_half_initialised",
            "data_dir_foreign",
            "data_dir_unreadable",
            "data_dir_not_a_directory",
            "data_dir_in_use",
            "foreign_server",
            "other_major",
            "external_unreachable",
            "external_login",
            "external_other_major",
            "volume_missing",
            "volume_elsewhere",
        ],
    ),
    ("disk", &["disk_full"]),
    ("ports", &["port_in_use"]),
    ("odoo.conf", &["odoo_conf_unreadable", "odoo_conf_invalid"]),
    ("state", &["baseline_corrupt", "baseline_future", "unfinished_run"]),
];

/// What was looked at beside the grounds.
#[derive(Clone, Copy, Debug)]
pub struct Further<'a> {
    /// Further programs by their names, with their versions.
    pub tools: &'a [(String, Known<String>)],
    /// Whether the project's folder can be written to.
    pub writable: &'a Known<()>,
    /// The archive.
    pub archive: &'a ArchiveSeen,
    /// Who may do what, what is written down, which drills were held.
    pub audit: &'a AuditSeen,
}

/// What was looked at, and what was found that would not hold on a bad day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// Every check.
    pub checks: Vec<Check>,
    /// What an audit found.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Whether the machine lacks something that an apply needs.
    pub fn unfit(&self) -> bool {
        self.checks.iter().any(|check| check.good == Some(false))
    }

    /// Whether somebody has to look.
    pub fn waits(&self) -> bool {
        self.findings.iter().any(|finding| finding.weight == Weight::Person)
    }
}

/// Every check, and every finding.
pub fn doctor(further: &Further<'_>, grounds: &Grounds<'_>) -> Diagnosis {
    let Further { tools, writable, archive: seen, audit: audited } = *further;
    let found = blocks::up(false, false, &frame::drift(grounds), grounds);
    let mut checks: Vec<Check> =
        AREAS.iter().map(|(name, codes)| area(name, codes, &found, grounds)).collect();
    checks.extend(tools.iter().map(|(name, version)| known(name, version)));
    checks.push(match writable {
        Known::Known(()) => Check::good("permissions", "the project's folder can be written to"),
        Known::Unknown(why) => {
            Check::bad("permissions", format!("the project's folder cannot be written to: {why}"))
                .remedy("Make it writable for the user that runs odpm.")
        }
    });
    checks.extend(grounds.project.archive.as_ref().map(|_| archive(seen)));
    let (findings, audited) = audit::audit(grounds.project, audited, seen, grounds.seen.at);
    checks.extend(audited);
    Diagnosis { checks, findings }
}

/// Whether any moment can be recovered.
fn archive(seen: &ArchiveSeen) -> Check {
    if let Some(why) = seen.archiver.why() {
        // Before the first apply nobody can say, and nothing is wrong with that.
        let detail = told(Known::Unknown(why.to_owned()));
        return Check::open("archive", detail);
    }
    let troubles = seen.troubles();
    let Some(newest) = seen.bases.last().filter(|_| troubles.is_empty()) else {
        return Check::bad("archive", troubles.join("; "))
            .remedy("See what there is: odpm archive status")
            .remedy("Begin, or begin again: odpm archive enable");
    };
    Check::good(
        "archive",
        format!("any moment since {} can be recovered", newest.stopped_at.strftime("%Y-%m-%d %H:%M:%S UTC")),
    )
}

fn known(name: &str, version: &Known<String>) -> Check {
    match version {
        Known::Known(version) => Check::good(name, version),
        Known::Unknown(why) => Check::bad(name, why).remedy(format!("Install {name}.")),
    }
}

fn area(name: &str, codes: &[&str], found: &[Block], grounds: &Grounds<'_>) -> Check {
    let mut ours = found.iter().filter(|block| codes.contains(&block.code.as_str())).peekable();
    if ours.peek().is_some() {
        let ours: Vec<&Block> = ours.collect();
        let told = ours.iter().map(|block| {
            std::iter::once(&block.what).chain(&block.why).cloned().collect::<Vec<_>>().join("; ")
        });
        return Check {
            name: name.to_owned(),
            good: Some(false),
            detail: told.collect::<Vec<_>>().join("; "),
            remedies: ours.iter().flat_map(|block| block.hints.clone()).collect(),
        };
    }
    let detail = seen(name, grounds);
    Check {
        good: detail.get().map(|_| true),
        detail: told(detail),
        name: name.to_owned(),
        remedies: Vec::new(),
    }
}

fn told(known: Known<String>) -> String {
    match known {
        Known::Known(text) => text,
        Known::Unknown(why) => format!("not known: {why}"),
    }
}

/// What there is to say of an area with which nothing is wrong.
fn seen(name: &str, grounds: &Grounds<'_>) -> Known<String> {
    let engine = &grounds.seen.engine;
    Known::Known(match name {
        "engine" => return engine.available.clone(),
        "programs" => match (engine.binaries.get(), engine.image_major.get()) {
            (Some(binaries), _) => format!("PostgreSQL {} in {}", binaries.version, binaries.dir.display()),
            (None, Some(major)) => format!("the image holds PostgreSQL {major}"),
            (None, None) if !engine.missing_images.is_empty() => {
                format!("to be pulled: {}", engine.missing_images.join(", "))
            }
            (None, None) => return Known::Unknown(engine.image_major.why().unwrap_or_default().to_owned()),
        },
        "account" => match engine.run_as.get() {
            Some(Some(owner)) => format!("PostgreSQL runs as uid {}", owner.uid),
            _ => "PostgreSQL runs as this user, or as its container says".to_owned(),
        },
        "data directory" => match (&grounds.seen.data_dir, engine.server.get()) {
            (DataDir::Cluster(files), Some(ServerSeen::Running { port, .. })) => {
                let live =
                    grounds.seen.live.version.get().map_or_else(String::new, |v| format!(", server {v}"));
                format!("a cluster of PostgreSQL {}{live} on port {port}", files.major)
            }
            (DataDir::Cluster(files), _) => format!("a cluster of PostgreSQL {}, at rest", files.major),
            _ => "empty: a cluster will be made".to_owned(),
        },
        "disk" => match grounds.seen.free_bytes.get() {
            Some(bytes) => format!("{} MiB free", bytes >> 20),
            None => return Known::Unknown(grounds.seen.free_bytes.why().unwrap_or_default().to_owned()),
        },
        "ports" => {
            let port = |seen: &crate::facts::PortSeen| {
                let ours = if seen.usage == PortUse::Ours { "ours" } else { "free" };
                format!("{} ({}, {ours})", seen.port, seen.service)
            };
            grounds.seen.ports.iter().map(port).collect::<Vec<_>>().join(", ")
        }
        "odoo.conf" => "Odoo can read it, or there is none yet".to_owned(),
        _ => "nothing is unfinished".to_owned(),
    })
}
