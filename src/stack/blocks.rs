//! What stands in the way of bringing the stack up, whatever people accept.

use std::path::PathBuf;

use super::{Grounds, frame, repositories, specs};
use crate::base::PgMajor;
use crate::drift::{Drift, wording};
use crate::facts::{BaselineSeen, DataDir, FileSeen, PidFile, PortUse, ServerSeen};
use crate::odoo_conf::OdooConf;
use crate::plan::Block;
use crate::project::{EngineKind, Volume};

/// Volumes that are not there, or elsewhere than the project says.
fn volumes(grounds: &Grounds<'_>) -> Vec<Block> {
    let Grounds { project, seen, .. } = *grounds;
    let wanted = [
        ("postgres.data", &project.postgres.volume, &project.postgres.data),
        ("odoo.data_dir", &project.odoo.volume, &project.odoo.data_dir),
    ];
    let wrong = |(key, volume, place): (&str, &Option<Volume>, &PathBuf)| {
        let volume = volume.as_ref()?;
        match seen.engine.volumes.get(&volume.name)? {
            None => Some(
                Block::environment("volume_missing", format!("there is no volume {}", volume.name))
                    .hint(format!("Make it: docker volume create {}", volume.name))
                    .hint("See which there are: docker volume ls"),
            ),
            Some(mountpoint) if volume.within(mountpoint) != *place => {
                let real = volume.within(mountpoint);
                Some(
                    Block::refused(
                        "volume_elsewhere",
                        format!("the engine keeps the volume {} at another place", volume.name),
                    )
                    .hint(format!("Say so in odpm.yaml, beside the volume: {key}: {}", real.display())),
                )
            }
            Some(_) => None,
        }
    };
    wanted.into_iter().filter_map(wrong).collect()
}

/// Everything that stands in the way of an apply. Preparing files needs less than starting does.
pub fn up(skip_start: bool, set_aside: bool, drift: &[Drift], grounds: &Grounds<'_>) -> Vec<Block> {
    let mut blocks: Vec<Block> = frame::unfinished(grounds).into_iter().collect();
    blocks.extend(frame::frozen(grounds));
    blocks.extend(baseline(set_aside, grounds));
    blocks.extend(odoo_conf(grounds));
    if skip_start {
        return blocks;
    }
    if grounds.project.postgres.external.is_some() {
        blocks.extend(external(false, grounds));
    } else {
        blocks.extend(data_dir(grounds));
        blocks.extend(disk(grounds));
        blocks.extend(other_major(drift, grounds));
        blocks.extend(repositories::blocks(grounds));
    }
    blocks.extend(engine(grounds));
    blocks.extend(ports(grounds));
    blocks
}

/// What stands in the way of using a server elsewhere. `mend`: the roles are to be mended there.
pub fn external(mend: bool, grounds: &Grounds<'_>) -> Option<Block> {
    let Grounds { project, seen, .. } = *grounds;
    let external = project.postgres.external.as_ref()?;
    let (address, role) = (external.address(), &project.postgres.role);
    let live = &seen.live;
    if !live.ready.is(&true) {
        let block =
            Block::environment("external_unreachable", format!("the server on {address} does not answer"));
        let why = [live.ready.why(), live.role_login.why()].into_iter().flatten().next();
        return Some(
            block
                .because(why.unwrap_or("it takes no connections"))
                .hint("Check postgres.external, the network, and the server's own log."),
        );
    }
    if specs::admin_role(project).is_none() && (mend || !live.role_login.is(&true)) {
        let block = Block::refused("external_login", format!("{role} cannot be looked after on {address}"))
            .because(live.role_login.why().unwrap_or("no administrative role is known there"));
        return Some(block.hint(format!(
            "Create it there: CREATE ROLE {role} LOGIN CREATEDB PASSWORD '...'; or name a role that may: \
             postgres.external.admin_role and admin_password."
        )));
    }
    let have = live.version.get().and_then(|version| PgMajor::from_tag(version))?;
    (have != project.postgres.major).then(|| {
        let wanted = project.postgres.major;
        Block::refused(
            "external_other_major",
            format!("{address} is PostgreSQL {have}, the project says {wanted}"),
        )
        .hint(format!("Set postgres.version: \"{have}\"."))
    })
}

fn baseline(set_aside: bool, grounds: &Grounds<'_>) -> Option<Block> {
    match grounds.baseline {
        BaselineSeen::Absent | BaselineSeen::Present(..) => None,
        BaselineSeen::Corrupt(_) if set_aside => None,
        BaselineSeen::Corrupt(why) => Some(
            Block::refused("baseline_corrupt", "last_run.json cannot be understood")
                .because(why.clone())
                .hint("Put back a good copy of .odpm/database/last_run.json, if there is one.")
                .hint("Or record a new one, the old kept with the journal: odpm apply --set-aside-baseline"),
        ),
        BaselineSeen::Future(version) => Some(
            Block::refused("baseline_future", "last_run.json was written by a newer odpm")
                .because(format!("its schema_version is {version}, this odpm knows 1"))
                .hint("Use that odpm, or a newer one than this."),
        ),
    }
}

fn odoo_conf(grounds: &Grounds<'_>) -> Option<Block> {
    let path = grounds.project.odoo_conf();
    match grounds.seen.files.get(&path)? {
        FileSeen::Absent => None,
        FileSeen::Unreadable(why) => Some(
            Block::environment("odoo_conf_unreadable", format!("{} cannot be read", path.display()))
                .because(why.clone())
                .hint("Check who owns it, and who runs odpm."),
        ),
        FileSeen::Text(text) => {
            let problems = OdooConf::parse(text).err()?;
            let block = Block::refused("odoo_conf_invalid", format!("Odoo cannot read {}", path.display()));
            let block = problems.iter().fold(block, |block, p| {
                let fix = p.suggestion.as_ref().map_or_else(String::new, |s| format!(". {s}"));
                block.because(format!("line {}, column {}: {}{fix}", p.line, p.column, p.message))
            });
            Some(block.hint("Mend the file; odpm changes nothing in it before Odoo can read it."))
        }
    }
}

fn data_dir(grounds: &Grounds<'_>) -> Option<Block> {
    let path = grounds.project.postgres.data.display();
    let block = match &grounds.seen.data_dir {
        DataDir::Absent | DataDir::Empty | DataDir::Cluster(_) => return None,
        DataDir::HalfInitialised { entries } => {
            Block::refused("data_dir_half_initialised", format!("{path} holds a cluster that is not whole"))
                .because(format!(
                    "without PG_VERSION or global/pg_control no server can start; there is: {}",
                    entries.join(", ")
                ))
                .hint("If it is the rest of an initdb, move it away and apply again.")
                .hint("If it held data, restore it from a copy; odpm deletes nothing here.")
        }
        DataDir::Foreign { entries } => {
            Block::refused("data_dir_foreign", format!("{path} is not empty and holds no cluster"))
                .because(format!("there is: {}", entries.join(", ")))
                .hint("Point postgres.data at an empty folder or at a data directory.")
        }
        DataDir::Unreadable { why, owner } => {
            let block = Block::environment("data_dir_unreadable", format!("{path} may not be read"))
                .because(why.clone())
                .because("what cannot be seen is never taken for empty");
            match owner {
                Some(uid) => {
                    block.hint(format!("It belongs to uid {uid}: run odpm as that user, or as root."))
                }
                None => block.hint("Let the user that runs odpm into the folders above it."),
            }
        }
        DataDir::NotADirectory => {
            Block::refused("data_dir_not_a_directory", format!("{path} is not a folder"))
                .hint("Point postgres.data at an empty folder or at a data directory.")
        }
    };
    Some(block)
}

/// A new cluster takes about 40 MB, and its write-ahead log grows at once.
const ROOM: u64 = 200 * 1024 * 1024;

fn disk(grounds: &Grounds<'_>) -> Option<Block> {
    let free = *grounds.seen.free_bytes.get()?;
    if free >= ROOM || grounds.seen.data_dir.cluster().is_some() {
        return None;
    }
    let data = grounds.project.postgres.data.display();
    Some(
        Block::environment("disk_full", format!("there is no room for a cluster in {data}"))
            .because(format!("{} MiB are free, {} MiB are wanted", free >> 20, ROOM >> 20))
            .hint("Make room, or point postgres.data at another disk."),
    )
}

/// A data directory of another major is never started, accepted or not.
fn other_major(drift: &[Drift], grounds: &Grounds<'_>) -> Option<Block> {
    let found = drift.iter().find(|d| d.kind == crate::drift::Kind::PostgresMajor && !d.acceptable)?;
    let data = grounds.project.postgres.data.display().to_string();
    let have = grounds.seen.data_dir.cluster()?.major.0;
    let block = Block::refused("other_major", wording::line(found));
    let block = found.note.iter().fold(block, |block, note| block.because(note.clone()));
    let hints = wording::other_major_hints(have, grounds.project.postgres.major.0, &data);
    Some(hints.into_iter().fold(block, Block::hint))
}

fn engine(grounds: &Grounds<'_>) -> Vec<Block> {
    let Grounds { project, seen, .. } = *grounds;
    let mut blocks = Vec::new();
    if let Some(block) = frame::unavailable(grounds) {
        blocks.push(block.hint("Prepare the files alone: odpm apply --skip-start"));
        return blocks;
    }
    if !seen.engine.in_use_by.is_empty() {
        let block = Block::refused(
            "data_dir_in_use",
            format!("somebody is at work in {}", project.postgres.data.display()),
        );
        let block = seen.engine.in_use_by.iter().fold(block, |block, other| block.because(other.clone()));
        blocks.push(block.hint("Two servers on one data directory destroy it: stop the other one first."));
    }
    if let Some(folder) = &seen.engine.compose_taken_by {
        let name = project.compose_project();
        blocks.push(
            Block::refused(
                "compose_project_taken",
                format!("the Compose project `{name}` belongs to {}", folder.display()),
            )
            .because("bringing this one up would replace its containers")
            .hint("Give this project another `name`, or set ODPM_COMPOSE_PREFIX."),
        );
    }
    if project.postgres.external.is_some() {
        return blocks;
    }
    if project.engine == EngineKind::Docker {
        blocks.extend(image_major(grounds));
        blocks.extend(volumes(grounds));
        return blocks;
    }
    if let Some(why) = seen.engine.binaries.why() {
        let major = project.postgres.major;
        let have: Vec<String> = seen.engine.majors.iter().map(ToString::to_string).collect();
        let block = Block::environment("programs_missing", format!("PostgreSQL {major} is not installed"))
            .because(why)
            .hint(format!("Install it, on Debian with: apt install postgresql-{major}"))
            .hint("Or name the folder of its programs: postgres.bin_dir");
        blocks.push(if have.is_empty() {
            block
        } else {
            block.hint(format!("This machine has: {}. For a new project, use one of these.", have.join(", ")))
        });
    }
    // Installing PostgreSQL makes the account that it runs as.
    if let (Some(why), Some(_)) = (seen.engine.run_as.why(), seen.engine.binaries.get()) {
        blocks.push(
            Block::environment("account", "PostgreSQL cannot run on this data directory")
                .because(why)
                .hint("Run odpm as the owner of the data directory.")
                .hint("Or move the project where that account may go, such as below /srv."),
        );
    }
    if let Some(ServerSeen::Foreign { pid, port }) = seen.engine.server.get() {
        blocks.push(foreign_server(*pid, *port, grounds));
    }
    blocks
}

/// An image of another major than its tag or the project says.
fn image_major(grounds: &Grounds<'_>) -> Option<Block> {
    let Grounds { project, seen, .. } = *grounds;
    let (have, wanted) = (seen.engine.image_major.get()?, project.postgres.major);
    (*have != wanted).then(|| {
        let image = &project.postgres.image;
        Block::refused(
            "image_other_major",
            format!("the image {image} holds PostgreSQL {have}, the project wants {wanted}"),
        )
        .hint(
            "Name an image of the wanted major in postgres.image, or the image's major in postgres.version.",
        )
    })
}

/// A server that odpm did not start runs on the data directory.
pub fn foreign_server(pid: u32, port: u16, grounds: &Grounds<'_>) -> Block {
    let data = grounds.project.postgres.data.display();
    Block::refused("foreign_server", format!("a server that odpm did not start runs on {data}"))
        .because(format!("it is process {pid}, on port {port}"))
        .hint("Stop it the way it was started (pg_ctl, systemctl, the program it belongs to), then apply again.")
}

fn ports(grounds: &Grounds<'_>) -> impl Iterator<Item = Block> {
    let local = grounds.project.engine == EngineKind::Local;
    let odoo = grounds.seen.engine.odoo.get().is_some() || !local;
    grounds.seen.ports.iter().filter_map(move |seen| {
        let PortUse::Taken { by } = &seen.usage else { return None };
        let database = seen.service == grounds.project.postgres_service();
        if (database && grounds.project.postgres.external.is_some()) || (!database && !odoo) {
            return None;
        }
        let field = if database {
            "postgres.port".to_owned()
        } else {
            format!("odoo.services.{}.port", seen.service)
        };
        let block = Block::environment(
            "port_in_use",
            format!("port {}, which {} wants, is in use", seen.port, seen.service),
        );
        let block = match by {
            Some(by) => block.because(format!("{by} listens on it")),
            None => block,
        };
        Some(block.hint(format!("Stop the other program, or set {field} to another port.")))
    })
}

/// What to know of a server that was not shut down: nothing is in the way, PostgreSQL mends it itself.
pub fn unclean_stop(grounds: &Grounds<'_>) -> Option<String> {
    let PidFile::Stale { pid } = grounds.seen.data_dir.cluster()?.pid else { return None };
    // In a container the process id means something else; there the engine tells whether the server runs.
    let engine = &grounds.seen.engine;
    if matches!(engine.server.get(), Some(ServerSeen::Running { .. })) || !engine.in_use_by.is_empty() {
        return None;
    }
    Some(format!(
        "The server was not shut down cleanly: postmaster.pid names process {pid}, which is gone. \
         PostgreSQL recovers by itself when it starts."
    ))
}
