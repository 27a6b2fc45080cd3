//! Drop, rename, copy, neutralize a database, set its administrator's password.

use super::{Make, Modules};
use crate::base::quote::SERVER_DATABASES;
use crate::facts::OWN;
use crate::grounds::{frame, specs};
use crate::plan::{Block, Plan, PlannedStep, Risk};
use crate::step::{DuplicateDatabase, SecretRef, SetPassword, Step, UpdateModules};

/// What is wrong with a name for a database.
pub fn unfit(name: &str) -> Option<Block> {
    let path = name.contains('/') || name == "." || name == "..";
    let why = match () {
        () if name.is_empty() => "it is empty",
        () if name.len() > 63 => "PostgreSQL takes at most 63 letters",
        () if name.chars().any(char::is_control) => "it has characters that cannot be typed",
        () if path => "its files lie in a folder of this name",
        () if SERVER_DATABASES.contains(&name) => "it is PostgreSQL's own",
        () if name.starts_with(OWN) => "names that begin with odpm_ are odpm's own",
        () => return None,
    };
    Some(Block::refused("bad_name", format!("`{}` cannot be a database", name.escape_debug())).because(why))
}

pub fn drop(database: &str, keep: bool, make: &Make<'_>, plan: &mut Plan) {
    if SERVER_DATABASES.contains(&database) {
        plan.blocked.extend(unfit(database));
        return;
    }
    if !make.wanted(database, plan) {
        return;
    }
    owner(database, make, plan);
    plan.destroys.push(database.to_owned());
    let step = if keep {
        let kept = make.hand.own_name("old");
        let mark = format!("{database}, dropped by {}", make.ground.all.run);
        let step = make.hand.moved(database, &kept, None, false, &mark);
        PlannedStep::new("keep-old", step, "until `odpm database prune` it can be brought back: odpm undo")
            .risk(Risk::Interrupts)
    } else {
        PlannedStep::new("drop", make.hand.dropped(database), "that is what was asked for")
            .risk(Risk::Destroys)
    };
    plan.steps.extend(make.without_services(&[database], vec![step]));
}

/// A database of another role: said, for not every role may do what is asked.
pub fn owner(database: &str, make: &Make<'_>, plan: &mut Plan) {
    let owner = make.ground.seen.find(database).map_or("", |seen| seen.owner.as_str());
    let app = &make.hand.operator.app_role;
    if owner != app {
        plan.warnings.push(format!(
            "{database} belongs to {owner}, not to {app}; {} acts on it.",
            make.hand.operator.role
        ));
    }
}

pub fn rename(from: &str, to: &str, make: &Make<'_>, plan: &mut Plan) {
    if !make.wanted(from, plan) {
        return;
    }
    make.free(to, plan);
    let step = make.hand.moved(from, to, None, true, "");
    let step = PlannedStep::new("rename", step, "its files go with it").risk(Risk::Interrupts);
    plan.steps.extend(make.without_services(&[from], vec![step]));
    if make.ground.all.project.odoo.database.as_deref() == Some(from) {
        plan.warnings
            .push(format!("odpm.yaml names {from} as Odoo's database: change odoo.database, then apply."));
    }
}

pub fn duplicate(from: &str, to: &str, switch_off: bool, make: &Make<'_>, plan: &mut Plan) {
    if !make.wanted(from, plan) {
        return;
    }
    make.free(to, plan);
    let copy = make.hand.own_name("new");
    let step = DuplicateDatabase {
        operator: make.hand.operator.clone(),
        from: from.to_owned(),
        to: copy.clone(),
        mark: format!("{to}, being copied by {}", make.ground.all.run),
        keep_closed: false,
        filestore: make.hand.filestore(),
    };
    let mut steps = make.without_services(
        &[from],
        vec![
            PlannedStep::new(
                "copy",
                Step::DuplicateDatabase(Box::new(step)),
                "a copy by template is the quickest",
            )
            .risk(Risk::Interrupts),
        ],
    );
    // Services start again on the original before the copy is worked on.
    steps.push(make.hand.renewed(&copy));
    if switch_off {
        steps.push(make.hand.neutralized(&copy));
    }
    steps.push(PlannedStep::new("rename", make.hand.moved(&copy, to, None, true, ""), "it is ready"));
    plan.steps.extend(steps);
}

pub fn neutralize(database: &str, make: &Make<'_>, plan: &mut Plan) {
    if make.wanted(database, plan) {
        plan.steps.extend(make.without_services(&[database], vec![make.hand.neutralized(database)]));
    }
}

pub fn modules(database: &str, modules: &Modules, make: &Make<'_>, plan: &mut Plan) {
    if !make.wanted(database, plan) {
        return;
    }
    let steps: Vec<PlannedStep> = updated(database, modules, make, plan).into_iter().collect();
    plan.steps.extend(make.without_services(&[database], steps));
}

/// The step of Odoo's own work on modules; `None` when there is none to do.
pub fn updated(database: &str, modules: &Modules, make: &Make<'_>, plan: &mut Plan) -> Option<PlannedStep> {
    let Modules { install, update } = modules.clone();
    if install.is_empty() && update.is_empty() {
        return None;
    }
    let project = make.ground.all.project;
    let Some(service) = specs::service("odoo", &make.ground.all) else {
        let what = "modules are Odoo's work, and odpm runs no Odoo here";
        plan.blocked.push(frame::no_odoo(what, &make.ground.all));
        return None;
    };
    let log = project.state().log().join(format!("modules-{}.log", make.ground.all.run));
    let step = UpdateModules {
        operator: make.hand.operator.clone(),
        service,
        database: database.to_owned(),
        install,
        update,
        log,
    };
    let step = Step::UpdateModules(Box::new(step));
    Some(PlannedStep::new("modules", step, "that is what was asked for").risk(Risk::Interrupts))
}

pub fn set_password(database: &str, login: &str, make: &Make<'_>, plan: &mut Plan) {
    if make.wanted(database, plan) {
        plan.steps.push(password(database, login, make));
    }
}

pub fn password(database: &str, login: &str, make: &Make<'_>) -> PlannedStep {
    let step = SetPassword {
        operator: make.hand.operator.clone(),
        database: database.to_owned(),
        login: login.to_owned(),
        secret: SecretRef::OdooAdmin,
    };
    PlannedStep::new("set-admin-pass", Step::SetPassword(Box::new(step)), "that is what was asked for")
        .risk(Risk::Access)
}
