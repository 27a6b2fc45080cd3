use super::*;
use crate::facts::{
    DrillKind, DrillSeen, ForeignTables, Holdings, Logging, LoginRule, RoleSeen, WriteGrants, samples,
};
use crate::project::samples::project;

const HEAD: &str =
    "version: 1\nname: shop\nodoo: {version: \"18.0\", database: shop}\npostgres: {version: \"16\"}\n";
const NOW: i64 = 1_000_000_000;

fn moment(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(second).unwrap()
}

/// A server with which nothing is wrong.
fn well() -> AuditSeen {
    let role = |name: &str, superuser| RoleSeen {
        name: name.into(),
        login: true,
        superuser,
        bootstrap: superuser,
        ..RoleSeen::default()
    };
    let settings = [
        ("log_destination", "stderr"),
        ("log_line_prefix", "%m [%5p] %u@%-10d %a "),
        ("log_min_duration_statement", "1s"),
        ("log_statement", "none"),
        ("log_connections", "on"),
        ("log_lock_waits", "on"),
        ("track_commit_timestamp", "on"),
        ("shared_preload_libraries", "pg_stat_statements"),
    ];
    AuditSeen {
        roles: Known::Known(vec![role("odoo", false), role("postgres", true)]),
        holdings: Known::Known(Holdings {
            database: "shop".into(),
            owner: "odoo".into(),
            tables: 500,
            statements: true,
            ..Holdings::default()
        }),
        logins: Known::Known(vec![
            rule("local", "", "", "scram-sha-256"),
            rule("host", "127.0.0.1", "255.255.255.255", "md5"),
        ]),
        logging: Known::Known(Logging {
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            statements: true,
        }),
        drills: Vec::new(),
        backups: 0,
    }
}

fn rule(kind: &str, address: &str, mask: &str, method: &str) -> LoginRule {
    LoginRule {
        line: 7,
        kind: kind.into(),
        databases: vec!["all".into()],
        roles: vec!["all".into()],
        address: address.into(),
        mask: mask.into(),
        method: method.into(),
        error: None,
    }
}

fn role(seen: &mut AuditSeen, name: &str, change: impl FnOnce(&mut RoleSeen)) {
    let Known::Known(roles) = &mut seen.roles else { return };
    let mut role = match roles.iter().position(|role| role.name == name) {
        Some(at) => roles.remove(at),
        None => RoleSeen { name: name.into(), login: true, ..RoleSeen::default() },
    };
    change(&mut role);
    roles.push(role);
}

fn held(seen: &mut AuditSeen) -> &mut Holdings {
    match &mut seen.holdings {
        Known::Known(held) => held,
        Known::Unknown(why) => panic!("{why}"),
    }
}

fn set(seen: &mut AuditSeen, name: &str, value: &str) {
    let Known::Known(log) = &mut seen.logging else { return };
    let _ = log.settings.insert(name.into(), value.into());
}

fn let_in(seen: &mut AuditSeen, rule: LoginRule) {
    let Known::Known(rules) = &mut seen.logins else { return };
    rules.push(rule);
}

fn grant(role: Option<&str>, tables: u64) -> WriteGrants {
    WriteGrants { role: role.map(str::to_owned), tables, removes: 1, some: vec!["res_partner".into()] }
}

fn foreign(models: u64) -> ForeignTables {
    ForeignTables { owner: "bi".into(), tables: 2, models, some: vec!["a".into(), "b".into()] }
}

fn found(yaml: &str, change: impl FnOnce(&mut AuditSeen)) -> Vec<Finding> {
    let mut seen = well();
    change(&mut seen);
    let archive = samples::archive(vec![samples::base(1, NOW - 40 * 86_400)], &[]);
    audit(&project(&format!("{HEAD}{yaml}"), &[]), &seen, &archive, moment(NOW)).0
}

#[test]
fn a_server_that_is_well_kept_gives_no_findings() {
    assert_eq!(found("engine: local\n", |_| ()), []);
    // A container's own network is all that its server hears of.
    assert_eq!(found("", |seen| let_in(seen, rule("host", "all", "", "scram-sha-256"))), []);
    let (_, checks) = audit(
        &project(HEAD, &[]),
        &AuditSeen { roles: Known::Unknown("it sleeps".into()), ..well() },
        &samples::archive(Vec::new(), &[]),
        moment(NOW),
    );
    assert_eq!(checks.len(), 1);
    assert_eq!(checks[0].detail, "not known: it sleeps");
}

/// What was found, and how much it weighs on a machine that others depend on.
#[test]
fn each_danger_is_named_with_its_weight() {
    use Weight::{Advice, Person};
    type Change = fn(&mut AuditSeen);
    let table: &[(&str, Weight, &str, Change)] = &[
        ("roles", Person, "ada is a superuser beside", |s| role(s, "ada", |r| r.superuser = true)),
        ("roles", Advice, "old is a superuser beside", |s| {
            role(s, "old", |r| (r.superuser, r.login) = (true, false));
        }),
        ("roles", Advice, "and the cluster was made with it", |s| {
            role(s, "initdb", |r| (r.superuser, r.bootstrap) = (true, true));
        }),
        ("roles", Person, "application role odoo is a superuser", |s| {
            role(s, "odoo", |r| r.superuser = true)
        }),
        ("roles", Person, "odoo has CREATEROLE", |s| role(s, "odoo", |r| r.createrole = true)),
        ("roles", Person, "odoo has BYPASSRLS", |s| role(s, "odoo", |r| r.bypassrls = true)),
        ("roles", Person, "odoo is a member of pg_read_server_files", |s| {
            role(s, "odoo", |r| r.member_of.push("pg_read_server_files".into()));
        }),
        ("roles", Person, "sync is a member of pg_write_server_files", |s| {
            role(s, "sync", |r| r.member_of.push("pg_write_server_files".into()));
        }),
        ("roles", Person, "sync is a member of odoo, which owns", |s| {
            role(s, "sync", |r| r.member_of.push("odoo".into()));
        }),
        ("roles", Person, "sync is a member of pg_write_all_data", |s| {
            role(s, "sync", |r| r.member_of.push("pg_write_all_data".into()));
        }),
        ("roles", Person, "sync has CREATEROLE", |s| role(s, "sync", |r| r.createrole = true)),
        ("ownership", Person, "the database shop belongs to ada", |s| held(s).owner = "ada".into()),
        ("ownership", Person, "bi owns 2 tables of shop", |s| held(s).foreign.push(foreign(1))),
        ("ownership", Advice, "bi owns 2 tables of shop", |s| held(s).foreign.push(foreign(0))),
        ("grants", Advice, "sync may write 1 table of shop, and delete from them: res_partner", |s| {
            held(s).grants.push(grant(Some("sync"), 1));
        }),
        ("grants", Person, "sync may write 400 tables of shop, and delete from 1", |s| {
            held(s).grants.push(grant(Some("sync"), 400));
        }),
        ("grants", Person, "every role may write 1 table", |s| held(s).grants.push(grant(None, 1))),
        (
            "logins",
            Person,
            "on other machines get in without a password once the server listens to them, by line 7 (host all all 10.0.0.0/255.0.0.0",
            |s| {
                let_in(s, rule("host", "10.0.0.0", "255.0.0.0", "trust"));
            },
        ),
        ("logins", Person, "whoever is on the server's machine gets in", |s| {
            let_in(s, rule("local", "", "", "trust"))
        }),
        ("logins", Person, "passwords cross the network", |s| let_in(s, rule("host", "all", "", "password"))),
        ("logins", Advice, "passwords are sent as they are", |s| {
            let_in(s, rule("host", "::1", "", "password"))
        }),
        ("logins", Advice, "every machine of the world", |s| {
            let_in(s, rule("host", "0.0.0.0", "0.0.0.0", "scram-sha-256"));
        }),
        ("logins", Person, "a reload will fail by line 7 (invalid", |s| {
            let_in(s, LoginRule { error: Some("invalid".into()), ..rule("", "", "", "") });
        }),
        ("logging", Advice, "do not tell the role, the application", |s| {
            set(s, "log_line_prefix", "%m [%p] %%u %d")
        }),
        ("logging", Advice, "no statement is written down", |s| set(s, "log_min_duration_statement", "-1")),
        ("logging", Advice, "logins are not written down", |s| set(s, "log_connections", "")),
        ("logging", Advice, "long waits for locks", |s| set(s, "log_lock_waits", "off")),
        ("logging", Advice, "the moments of commits", |s| set(s, "track_commit_timestamp", "off")),
        ("logging", Advice, "is not loaded", |s| set(s, "shared_preload_libraries", "auto_explain")),
        ("logging", Advice, "not made in the database", |s| held(s).statements = false),
        ("drills", Person, "no backup was ever restored", |s| s.backups = 1),
    ];
    for (area, weight, words, change) in table {
        let found = found("engine: local\nscenario: server\narchive: {method: basebackup}\n", change);
        let one = found.iter().find(|finding| finding.area == *area && finding.what.contains(words));
        let one = one.unwrap_or_else(|| panic!("{words}: {found:#?}"));
        assert_eq!(one.weight, *weight, "{words}");
        assert!(!one.remedies.is_empty() && one.remedies.iter().all(|remedy| remedy.len() > 10), "{words}");
    }
}

/// On a machine of one's own only strangers who get in without a password are worth an alarm.
#[test]
fn a_laptop_gets_advice() {
    let all = found("engine: local\n", |seen| {
        role(seen, "ada", |role| role.superuser = true);
        held(seen).grants.push(grant(None, 1));
        let_in(seen, rule("local", "", "", "trust"));
        seen.backups = 1;
    });
    assert_eq!(all.len(), 4);
    assert!(all.iter().all(|finding| finding.weight == Weight::Advice), "{all:#?}");
    let strangers = |yaml: &str| found(yaml, |seen| let_in(seen, rule("host", "all", "", "trust")))[0].weight;
    // What listens to its own machine only waits until it is told to listen to others.
    assert_eq!([strangers("engine: local\n"), strangers("")], [Weight::Advice, Weight::Person]);
}

#[test]
fn drills_and_base_backups_have_an_age() {
    let yaml = "engine: local\nscenario: server\narchive: {method: basebackup}\n";
    let days = |kind, days: i64| DrillSeen { kind, begun: moment(NOW - days * 86_400) };
    let told = |restore: i64, sidecar: i64| {
        let drills = vec![
            days(DrillKind::Restore, restore),
            days(DrillKind::Sidecar, sidecar),
            days(DrillKind::Sidecar, 900),
        ];
        let found = found(yaml, |seen| (seen.backups, seen.drills) = (3, drills));
        found.into_iter().map(|finding| finding.what).collect::<Vec<_>>()
    };
    let base = "the newest base backup is 39 d old";
    assert_eq!(told(7, 90), [base]);
    assert_eq!(told(9, 90), ["the last restore on trial was 9 d ago", base]);
    assert_eq!(told(7, 94), ["the last drill with a sidecar was 94 d ago", base]);
    // Without backups there is nothing to practise with.
    assert_eq!(found("scenario: developer\n", |_| ()), []);
}

#[test]
fn a_server_elsewhere_is_set_there() {
    let external = HEAD.replace("\"16\"}", "\"16\", password: s3cret, external: {host: db.example.org}}");
    let mut seen = well();
    set(&mut seen, "log_connections", "off");
    let archive = samples::archive(Vec::new(), &[]);
    let (found, _) = audit(&project(&external, &[]), &seen, &archive, moment(NOW));
    // Its administrator is not odpm's to know.
    let what: Vec<&str> = found.iter().map(|finding| finding.remedies[0].as_str()).collect();
    assert!(what.contains(&"Set on db.example.org: log_connections: on"), "{what:?}");
    assert!(found.iter().all(|finding| finding.weight == Weight::Advice));
}
