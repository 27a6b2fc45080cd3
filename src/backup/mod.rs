//! The planner of databases: backups, restores and drills, names and copies, what to keep.
//!
//! Pure and sync, as every planner: a [`Request`], the [`Ground`] and the databases that were seen go in, a plan comes out. A
//! database in service is never written to by a restore: the new one is made beside it, checked, and then given its name.

mod keep;
mod names;
mod restore;
mod save;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::facts::{BackupSeen, DatabasesSeen};
use crate::grounds::databases::{Hand, missing, unready};
use crate::grounds::{Grounds, frame, services, specs};
use crate::plan::{Block, Plan, PlannedStep};
use crate::step::BackupFormat;

/// What a restored database shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A copy beside its original: it gets an identity of its own.
    Copy,
    /// The original, moved: it keeps its identity.
    Move,
}

/// How a backup is restored.
#[derive(Clone, Debug)]
pub struct Restore {
    /// The backup.
    pub backup: BackupSeen,
    /// The database.
    pub database: String,
    /// Whether it may take the place of one of this name.
    pub replace: bool,
    /// Whether that one is kept.
    pub keep_old: bool,
    /// Whether what it does outside is switched off.
    pub neutralize: bool,
    /// What it shall be.
    pub identity: Identity,
    /// Whether its files are restored too.
    pub files: bool,
    /// How many connections load at once.
    pub jobs: u16,
    /// Modules to install and to update before it is in service.
    pub modules: Modules,
    /// The administrator's new login; its password is given with the command.
    pub admin_login: Option<String>,
}

/// Modules to install and to update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modules {
    /// Those to install.
    pub install: Vec<String>,
    /// Those to update.
    pub update: Vec<String>,
}

/// What a person asked for.
#[derive(Clone, Debug)]
pub enum Request {
    /// Back a database up.
    Backup {
        /// The database.
        database: String,
        /// The form.
        format: BackupFormat,
        /// Where to; a name of its own in the project's folder for backups when `None`.
        to: Option<PathBuf>,
        /// Whether anything is there already.
        taken: bool,
        /// Whether its files belong to it.
        files: bool,
        /// How many connections dump at once.
        jobs: u16,
    },
    /// Restore a backup.
    Restore(Box<Restore>),
    /// Restore a backup on trial, check it, drop it again, and record that as the project's drill.
    Drill {
        /// The backup.
        backup: Box<BackupSeen>,
        /// How many connections load at once.
        jobs: u16,
    },
    /// Drop a database.
    Drop {
        /// The database.
        database: String,
        /// Whether it is kept under another name, for `odpm undo`.
        keep: bool,
    },
    /// Rename a database.
    Rename {
        /// Its name now.
        from: String,
        /// Its name then.
        to: String,
    },
    /// Copy a database.
    Duplicate {
        /// The original.
        from: String,
        /// The copy.
        to: String,
        /// Whether what the copy does outside is switched off.
        neutralize: bool,
    },
    /// Switch off what a database does outside.
    Neutralize {
        /// The database.
        database: String,
    },
    /// Set the administrator's login and password; the password is given with the command.
    SetPassword {
        /// The database.
        database: String,
        /// The login.
        login: String,
    },
    /// Have Odoo install and update modules.
    Modules {
        /// The database.
        database: String,
        /// The modules.
        modules: Modules,
    },
    /// One after the other, as one plan.
    Several(Vec<Request>),
    /// Remove the backups that the project does not want to keep, and what interrupted runs have left.
    Prune,
}

/// What these plans are made on.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// As for every plan.
    pub all: Grounds<'a>,
    /// The databases, their files, the backups.
    pub seen: &'a DatabasesSeen,
}

/// The plan for a request.
pub fn plan(request: &Request, ground: &Ground<'_>) -> Plan {
    let mut plan = frame::empty(verb(request), &ground.all);
    plan.blocked.extend(frame::unfinished(&ground.all));
    // While an upgrade rests, what looks left behind may be the only copy.
    let frozen = frame::frozen(&ground.all);
    let prunes = matches!(request, Request::Prune);
    plan.blocked.extend(frozen.filter(|block| !saves(request) || prunes && block.code == frame::UPGRADING));
    plan.blocked.extend(unready(ground.seen, &ground.all));
    let Some(operator) = specs::operator(&ground.all).filter(|_| plan.blocked.is_empty()) else {
        if plan.blocked.is_empty() {
            plan.blocked.push(frame::no_programs(&ground.all));
        }
        return plan;
    };
    let hand = Hand { operator, grounds: ground.all };
    build(request, &Make { hand, ground: *ground }, &mut plan);
    if !plan.blocked.is_empty() {
        plan.steps.clear();
        plan.destroys.clear();
    }
    plan
}

fn build(request: &Request, make: &Make<'_>, plan: &mut Plan) {
    match request {
        Request::Backup { database, format, to, taken, files, jobs } => {
            save::plan(database, *format, to.as_deref().map(|to| (to, *taken)), *files, *jobs, make, plan);
        }
        Request::Restore(restore) => restore::plan(restore, make, plan),
        Request::Drill { backup, jobs } => restore::drill(backup, *jobs, make, plan),
        Request::Drop { database, keep } => names::drop(database, *keep, make, plan),
        Request::Rename { from, to } => names::rename(from, to, make, plan),
        Request::Duplicate { from, to, neutralize } => names::duplicate(from, to, *neutralize, make, plan),
        Request::Neutralize { database } => names::neutralize(database, make, plan),
        Request::SetPassword { database, login } => names::set_password(database, login, make, plan),
        Request::Modules { database, modules } => names::modules(database, modules, make, plan),
        Request::Several(requests) => requests.iter().for_each(|request| build(request, make, plan)),
        Request::Prune => keep::plan(make, plan),
    }
}

/// Whether it changes no database.
fn saves(request: &Request) -> bool {
    match request {
        Request::Backup { .. } | Request::Drill { .. } | Request::Prune => true,
        Request::Several(requests) => requests.iter().all(saves),
        _ => false,
    }
}

fn verb(request: &Request) -> &'static str {
    match request {
        Request::Backup { .. } => "database backup",
        Request::Restore(_) => "database restore",
        Request::Drill { .. } => "database drill",
        Request::Drop { .. } => "database drop",
        Request::Rename { .. } => "database rename",
        Request::Duplicate { .. } => "database duplicate",
        Request::Neutralize { .. } => "database neutralize",
        Request::SetPassword { .. } => "database set-admin-pass",
        Request::Modules { .. } => "modules",
        Request::Several(requests) => requests.last().map_or("nothing", verb),
        Request::Prune => "database prune",
    }
}

/// What every builder of steps here works with.
struct Make<'a> {
    hand: Hand<'a>,
    ground: Ground<'a>,
}

impl Make<'_> {
    /// The database has to be there.
    fn wanted(&self, name: &str, plan: &mut Plan) -> bool {
        let missing = missing(name, self.ground.seen);
        let there = missing.is_none();
        plan.blocked.extend(missing);
        there
    }

    /// The name has to be free and fit for a database.
    fn free(&self, name: &str, plan: &mut Plan) {
        if let Some(block) = names::unfit(name) {
            plan.blocked.push(block);
        } else if self.ground.seen.find(name).is_some() {
            let block = Block::refused("database_exists", format!("there is a database {name} already"));
            plan.blocked.push(block.hint("See it: odpm database list"));
        } else if self.ground.seen.folders.contains_key(name) {
            let folder = self.hand.filestore().join(name);
            plan.blocked.push(
                Block::refused("files_exist", format!("{} is there already", folder.display()))
                    .because(format!("it holds the files of a database {name} that is not in this cluster"))
                    .hint("Look at it, then move it away."),
            );
        }
    }

    /// Odoo's services around steps that take a database away from under them.
    fn without_services(&self, names: &[&str], steps: Vec<PlannedStep>) -> Vec<PlannedStep> {
        let in_service = |name: &&&str| self.ground.seen.find(name).is_some_and(|database| database.open);
        match names.iter().any(|name| in_service(&name)) {
            true => services::around(steps, &self.ground.all),
            false => steps,
        }
    }
}
