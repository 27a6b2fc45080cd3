//! Restore a backup: beside the database in service, checked, then given its name.

use super::names::{owner, password, updated};
use super::{Identity, Make, Restore};
use crate::base::PgMajor;
use crate::base::time::utc_seconds;
use crate::facts::{BackupSeen, BackupSource, DrillKind};
use crate::grounds::{loading, specs};
use crate::plan::{Block, Plan, PlannedStep, Risk};
use crate::step::{RecordDrill, Step};

pub fn plan(restore: &Restore, make: &Make<'_>, plan: &mut Plan) {
    let Restore { backup, database, .. } = restore;
    let taken = make.ground.seen.find(database).is_some();
    if !taken {
        make.free(database, plan);
    } else if !restore.replace {
        let block = Block::refused("database_exists", format!("there is a database {database} already"));
        let block =
            block.hint("Take its place: --replace; it stays in service until the new one has passed.");
        plan.blocked.push(block.hint("Or restore under another name: -d NAME"));
    } else if super::names::unfit(database).is_some() {
        plan.blocked.extend(super::names::unfit(database));
    }
    let Some(source) = usable(backup, make, plan) else { return };

    let new = make.hand.own_name("new");
    let mark = format!("{database}, being restored by {}", make.ground.all.run);
    let (files, jobs) = (restore.files, restore.jobs);
    let mut steps = loading::Loading { backup, source, name: &new, mark: &mark, files, jobs }
        .steps(&make.hand.operator, &make.hand.filestore());
    if restore.identity == Identity::Copy {
        steps.push(make.hand.renewed(&new));
    }
    if restore.neutralize {
        steps.push(make.hand.neutralized(&new));
    }
    steps.extend(updated(&new, &restore.modules, make, plan));
    if restore.neutralize && steps.last().is_some_and(|step| step.id == "modules") {
        // An update of a module can switch a cron on again.
        let again = make.hand.neutralized(&new);
        steps.push(PlannedStep { id: "neutralize-again".to_owned(), ..again });
    }
    steps.extend(restore.admin_login.iter().map(|login| password(&new, login, make)));
    let old = make.hand.own_name("old");
    let mark = format!("{database}, replaced by {}", make.ground.all.run);
    let keep = taken.then_some((old.as_str(), mark.as_str()));
    let reason = if taken { "the new one has passed" } else { "it has passed" };
    let rename = PlannedStep::new("rename", make.hand.moved(&new, database, keep, true, ""), reason);
    if taken {
        owner(database, make, plan);
        plan.destroys.push(database.clone());
        let rename = rename.risk(Risk::Interrupts);
        steps.extend(make.without_services(&[database], vec![rename]));
        if !restore.keep_old {
            let drop =
                PlannedStep::new("drop-old", make.hand.dropped(&old), format!("{database} is replaced"));
            steps.push(drop.risk(Risk::Destroys));
        }
    } else {
        steps.push(rename);
    }
    plan.steps.extend(steps);
}

pub fn drill(backup: &BackupSeen, jobs: u16, make: &Make<'_>, plan: &mut Plan) {
    let Some(source) = usable(backup, make, plan) else { return };
    let name = make.hand.own_name("drill");
    let mark = format!("a drill of {}", make.ground.all.run);
    let mut steps = loading::Loading { backup, source, name: &name, mark: &mark, files: true, jobs }
        .steps(&make.hand.operator, &make.hand.filestore());
    let drop = PlannedStep::new("drop-scratch", make.hand.dropped(&name), "the drill is over");
    steps.push(drop);
    let step = RecordDrill {
        kind: DrillKind::Restore,
        backup: backup.path.clone(),
        database: backup.database().unwrap_or_default().to_owned(),
        begun: utc_seconds(make.ground.all.seen.at),
        file: specs::drills(make.ground.all.project),
    };
    steps.push(PlannedStep::new("record-drill", Step::RecordDrill(step), "`odpm status` shows its age"));
    plan.steps.extend(steps);
}

/// What a backup is, when it can be restored here.
fn usable(backup: &BackupSeen, make: &Make<'_>, plan: &mut Plan) -> Option<BackupSource> {
    let project = make.ground.all.project;
    let shown = backup.path.display();
    let Some(source) = backup.source else {
        plan.blocked.push(
            Block::refused("no_backup", format!("{shown} is no backup that odpm knows")).hint(
                "It reads Odoo's zip, odpm's own folders, pg_dump -Fc, .sql, .sql.gz, and unpacked zips.",
            ),
        );
        return None;
    };
    let server = backup.manifest.as_ref().map(|manifest| manifest.database.server_version.as_str());
    let server = server.or(backup.odoo.as_ref().map(|odoo| odoo.pg_version.as_str()));
    if let Some(major) = server.and_then(PgMajor::from_tag).filter(|major| *major > project.postgres.major) {
        plan.blocked.push(
            Block::refused("newer_dump", format!("{shown} comes from PostgreSQL {major}"))
                .because(format!("this cluster is of {}, and an older server does not take a newer dump", project.postgres.major))
                .hint("Restore it on a server of that version, or set postgres.version to it for a new cluster."),
        );
    }
    let odoo = backup.manifest.as_ref().and_then(|manifest| manifest.database.odoo_version.clone());
    let odoo = odoo.or(backup.odoo.as_ref().map(|odoo| odoo.major_version.clone())).filter(|v| !v.is_empty());
    let series = |version: &str| version.split('.').take(2).collect::<Vec<_>>().join(".");
    match odoo {
        Some(version) if series(&version) != series(&project.odoo.version) => plan.warnings.push(format!(
            "The backup is of Odoo {}, the project runs {}: Odoo will not start on it before it is migrated.",
            series(&version),
            project.odoo.version
        )),
        None if source == BackupSource::Zip => {
            plan.warnings.push("The zip has no manifest: which Odoo it is of cannot be seen.".to_owned());
        }
        _ => {}
    }
    room(backup, make, plan);
    Some(source)
}

/// A restored database takes about what it took where the backup was made. Where nobody wrote that down it is guessed, for a
/// compressed dump grows about sixfold; and a guess refuses nothing.
fn room(backup: &BackupSeen, make: &Make<'_>, plan: &mut Plan) {
    let size = crate::base::size::human;
    let grounds = &make.ground.all;
    if grounds.project.postgres.external.is_some() {
        // What is free on this machine says nothing of that one.
        return;
    }
    let Some(free) = grounds.seen.free_bytes.get().copied() else { return };
    let recorded = backup.manifest.as_ref().map(|manifest| manifest.database.bytes);
    let needed = recorded.unwrap_or_else(|| backup.bytes.saturating_mul(6));
    if needed <= free {
        return;
    }
    if recorded.is_none() {
        plan.warnings.push(format!(
            "The room may not do: {} may take {}, which is a guess, and {} are free on the disk of the data directory.",
            backup.path.display(),
            size(needed),
            size(free)
        ));
        return;
    }
    plan.blocked.push(
        Block::environment("disk_full", format!("there is no room for {}", backup.path.display()))
            .because(format!("it takes about {}, and {} are free", size(needed), size(free)))
            .hint("Make room on the disk of the data directory."),
    );
}
