//! Who may do what.

use super::{Case, Finding, Weight, some};
use crate::base::quote::ident;
use crate::facts::{Holdings, RoleSeen, WRITE_ALL, WriteGrants};
use crate::grounds::specs;

const SUPERUSER: &str =
    "nothing stops a superuser: it reads every file of the server, and no privilege and no log holds it back";

/// Roles that may more than they need.
pub fn roles(case: &Case<'_>, roles: &[RoleSeen]) -> Vec<Finding> {
    let app = case.project.postgres.role.as_str();
    let admin = specs::admin_role(case.project);
    let others = roles.iter().filter(|role| role.name != app && Some(role.name.as_str()) != admin);
    let mut found: Vec<Finding> = others.flat_map(|role| other(case, role)).collect();
    found.extend(roles.iter().filter(|role| role.name == app).flat_map(|role| application(case, role)));
    found
}

fn finding(weight: Weight, what: String, why: &'static str, remedy: String) -> Finding {
    Finding { area: "roles", weight, what, why, remedies: vec![remedy] }
}

/// A role beside the application's and the administrator.
fn other(case: &Case<'_>, role: &RoleSeen) -> Vec<Finding> {
    if role.superuser {
        return superuser(case, role).into_iter().collect();
    }
    if !role.login {
        // What it may, those may who belong to it and log in.
        return Vec::new();
    }
    let name = ident(&role.name);
    let mut found = Vec::new();
    if role.createrole {
        let what = format!("{} has CREATEROLE", role.name);
        let why =
            "it gives itself other roles, before PostgreSQL 16 those that run programs on the server, too";
        let remedy = case.sql("postgres", &format!("ALTER ROLE {name} NOCREATEROLE"));
        found.push(finding(case.grave_here(), what, why, remedy));
    }
    found.extend(role.member_of.iter().map(|of| member(case, role, of)));
    found
}

fn superuser(case: &Case<'_>, role: &RoleSeen) -> Option<Finding> {
    let (weight, also, change) = match (role.bootstrap, role.login) {
        (true, false) => return None,
        (true, true) => (Weight::Advice, ", and the cluster was made with it", "NOLOGIN"),
        (false, true) => (case.grave_here(), "", "NOSUPERUSER"),
        (false, false) => (Weight::Advice, "", "NOSUPERUSER"),
    };
    let what = format!("{} is a superuser beside the administrator{also}", role.name);
    let remedy = case.sql("postgres", &format!("ALTER ROLE {} {change}", ident(&role.name)));
    let remedy = match case.project.postgres.external {
        Some(_) => format!("Nothing where it is the service's own. Else: {remedy}"),
        None => remedy,
    };
    Some(finding(weight, what, SUPERUSER, remedy))
}

fn member(case: &Case<'_>, role: &RoleSeen, of: &str) -> Finding {
    let app = &case.project.postgres.role;
    let (also, why) = match of {
        of if of == app => {
            (", which owns the tables", "it may change, empty and drop every table of Odoo, as Odoo may")
        }
        WRITE_ALL => ("", "it may write every table of every database, and pass every rule of Odoo's"),
        _ => ("", "its members read, write or run what the server may: that is a superuser by another name"),
    };
    let what = format!("{} is a member of {of}{also}", role.name);
    let remedy =
        format!("REVOKE {} FROM {}, then GRANT the tables that it works on", ident(of), ident(&role.name));
    finding(case.grave_here(), what, why, case.sql("postgres", &remedy))
}

/// The role that Odoo logs in as needs to make databases, and nothing else.
fn application(case: &Case<'_>, role: &RoleSeen) -> Vec<Finding> {
    let name = ident(&role.name);
    let why = "who gets into Odoo gets into the server with the rights of this role";
    let mut found = Vec::new();
    if role.superuser {
        let what = format!("the application role {} is a superuser", role.name);
        let remedy = match role.bootstrap {
            false => "Take that from it: odpm database ensure-role".to_owned(),
            true => {
                "PostgreSQL never demotes the role that a cluster was made with: back up, let postgres.data \
                 name a new folder, apply, restore."
                    .to_owned()
            }
        };
        found.push(finding(case.grave(), what, why, remedy));
        return found;
    }
    let attributes = [(role.createrole, "CREATEROLE"), (role.bypassrls, "BYPASSRLS")];
    for (_, word) in attributes.into_iter().filter(|(has, _)| *has) {
        let what = format!("the application role {} has {word}", role.name);
        let remedy = case.sql("postgres", &format!("ALTER ROLE {name} NO{word}"));
        found.push(finding(case.grave(), what, why, remedy));
    }
    for power in &role.member_of {
        let what = format!("the application role {} is a member of {power}", role.name);
        let remedy = case.sql("postgres", &format!("REVOKE {} FROM {name}", ident(power)));
        found.push(finding(case.grave(), what, why, remedy));
    }
    found
}

/// What in the Odoo database is somebody else's.
pub fn ownership(case: &Case<'_>, held: &Holdings) -> Vec<Finding> {
    let app = &case.project.postgres.role;
    let mut found = Vec::new();
    if held.owner != *app {
        found.push(Finding {
            area: "ownership",
            weight: case.grave(),
            what: format!("the database {} belongs to {}, not to {app}", held.database, held.owner),
            why: "Odoo lists, backs up and drops only databases of the role that it logs in as",
            remedies: vec![case.sql(
                "postgres",
                &format!("ALTER DATABASE {} OWNER TO {}", ident(&held.database), ident(app)),
            )],
        });
    }
    for foreign in &held.foreign {
        let example = foreign.some.first().map(|name| ident(name)).unwrap_or_default();
        let change = format!("ALTER TABLE {example} OWNER TO {}", ident(app));
        let each = if foreign.tables > 1 { ", and so on for each" } else { "" };
        found.push(Finding {
            area: "ownership",
            weight: if foreign.models > 0 { case.grave() } else { Weight::Advice },
            what: format!(
                "{} owns {} of {}, not {app}: {}",
                foreign.owner,
                tables(foreign.tables),
                held.database,
                some(&foreign.some, foreign.tables)
            ),
            why: "an upgrade stops at the first table that Odoo does not own",
            remedies: vec![case.sql(&held.database, &format!("{change}{each}"))],
        });
    }
    found
}

/// Who else may write the tables.
pub fn grants(case: &Case<'_>, held: &Holdings) -> Vec<Finding> {
    held.grants.iter().map(|grant| granted(case, held, grant)).collect()
}

fn granted(case: &Case<'_>, held: &Holdings, grant: &WriteGrants) -> Finding {
    let role = grant.role.as_deref().unwrap_or("every role");
    let to = grant.role.as_deref().map_or("PUBLIC".to_owned(), ident);
    let of = some(&grant.some, grant.tables);
    let removes = match grant.removes {
        0 => String::new(),
        all if all == grant.tables => ", and delete from them".to_owned(),
        part => format!(", and delete from {part} of them"),
    };
    // An integration that writes a few tables does its work; one that writes most of them was given all to be done with it.
    let broad = grant.role.is_none() || grant.tables * 2 > held.tables && held.tables > 10;
    Finding {
        area: "grants",
        weight: if broad { case.grave() } else { Weight::Advice },
        what: format!("{role} may write {} of {}{removes}: {of}", tables(grant.tables), held.database),
        why: "what writes beside Odoo passes its rules, its access rights and its history of changes; leave what it needs",
        remedies: vec![case.sql(
            &held.database,
            &format!("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {} FROM {to}", which(grant)),
        )],
    }
}

fn which(grant: &WriteGrants) -> String {
    match &*grant.some {
        [only] if grant.tables == 1 => ident(only),
        [first, ..] => format!("{}, ...", ident(first)),
        [] => "the tables".to_owned(),
    }
}

fn tables(count: u64) -> String {
    if count == 1 { "1 table".to_owned() } else { format!("{count} tables") }
}
