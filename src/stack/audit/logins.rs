//! Who gets in, and what is asked of them.

use super::{Case, Finding, Weight};
use crate::facts::LoginRule;
use crate::project::{EngineKind, Scenario};

/// From how far a line lets people in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// The socket, or the machine's own address.
    Here,
    /// Other machines.
    Some,
    /// Every machine.
    All,
}

fn reach(rule: &LoginRule) -> Reach {
    let LoginRule { kind, address, mask, .. } = rule;
    let here = ["localhost", "samehost", "::1"].contains(&address.as_str()) || address.starts_with("127.");
    match (kind.as_str(), address.as_str(), mask.as_str()) {
        ("local", ..) => Reach::Here,
        (_, "all", _) | (_, "0.0.0.0", "0.0.0.0") | (_, "::", "::") => Reach::All,
        _ if here => Reach::Here,
        _ => Reach::Some,
    }
}

/// What is wrong with the lines, one finding for those that are wrong in the same way.
pub fn findings(case: &Case<'_>, rules: &[LoginRule]) -> Vec<Finding> {
    let place = match case.project.postgres.external {
        Some(_) => "pg_hba.conf of that server".to_owned(),
        None => case.project.postgres.data.join("pg_hba.conf").display().to_string(),
    };
    let trusted = |beyond: bool| {
        move |rule: &LoginRule| rule.method == "trust" && (reach(rule) != Reach::Here) == beyond
    };
    let clear = |rule: &LoginRule| rule.method == "password" && ["host", "hostnossl"].contains(&&*rule.kind);
    let ours = |engine| case.project.engine == engine && case.project.postgres.external.is_none();
    // In a container every login comes from another machine, and the port is published on this one alone.
    let contained = ours(EngineKind::Docker);
    // odpm has it listen to its own machine only; what the file says takes effect when somebody else starts it.
    let deaf = ours(EngineKind::Local);
    let wide = |rule: &LoginRule| {
        !contained
            && reach(rule) == Reach::All
            && !["trust", "reject"].contains(&&*rule.method)
            && !clear(rule)
    };
    let scram =
        format!("Write scram-sha-256 there instead, in {place}; then, in postgres: SELECT pg_reload_conf()");
    let mut found = Vec::new();
    let mut tell = |which: &dyn Fn(&LoginRule) -> bool, weight, what: &str, why, remedy: &str| {
        let lines: Vec<String> = rules.iter().filter(|rule| which(rule)).map(line).collect();
        if !lines.is_empty() {
            let what = format!("{what} by {}", lines.join("; "));
            found.push(Finding { area: "logins", weight, what, why, remedies: vec![remedy.to_owned()] });
        }
    };
    tell(
        &trusted(true),
        if deaf { case.grave() } else { Weight::Person },
        match deaf {
            true => "people on other machines get in without a password once the server listens to them,",
            false => "people on other machines get in without a password",
        },
        "whoever reaches the port is whoever they say they are, a superuser too",
        &scram,
    );
    tell(
        &trusted(false),
        if case.project.scenario == Scenario::Server && !contained {
            case.grave_here()
        } else {
            Weight::Advice
        },
        "whoever is on the server's machine gets in without a password",
        "every account and every program there may log in as any role, a superuser too",
        &scram,
    );
    tell(
        &|rule| clear(rule) && reach(rule) != Reach::Here,
        case.grave_here(),
        "passwords cross the network as they are",
        "who listens on the way reads them",
        &scram,
    );
    tell(
        &|rule| clear(rule) && reach(rule) == Reach::Here,
        Weight::Advice,
        "passwords are sent as they are",
        "the server sees them, where scram-sha-256 shows them to nobody",
        &scram,
    );
    tell(
        &wide,
        Weight::Advice,
        "every machine of the world may try passwords",
        "only the firewall is left between them and the server",
        &format!("Name the machines that need it instead, in {place}"),
    );
    tell(
        &|rule| rule.error.is_some(),
        case.grave_here(),
        "a restart or a reload will fail",
        "PostgreSQL takes a file with a mistake in it for none: it keeps the old one, and after a restart it does not start",
        &format!("Correct it in {place}"),
    );
    found
}

/// `line 12 (host all all 0.0.0.0/0.0.0.0 trust)`.
fn line(rule: &LoginRule) -> String {
    if let Some(error) = &rule.error {
        return format!("line {} ({error})", rule.line);
    }
    let mask = if rule.mask.is_empty() { String::new() } else { format!("/{}", rule.mask) };
    let words = [
        rule.kind.clone(),
        rule.databases.join(","),
        rule.roles.join(","),
        format!("{}{mask}", rule.address),
    ];
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    format!("line {} ({} {})", rule.line, words.join(" "), rule.method)
}
