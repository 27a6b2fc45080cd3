//! What an upgrade does to modules, for people.

use std::fmt::Write;

use crate::upgrade::{Action, Because, Moved, Resolved};

/// The modules that are updated and installed, a line each, in the order in which Odoo loads them.
pub fn moved(database: &str, resolved: &Resolved) -> String {
    if resolved.modules.is_empty() {
        return "Nothing is upgraded.\n".to_owned();
    }
    let width = |of: fn(&Moved) -> String, least: usize| {
        resolved.modules.iter().map(|module| of(module).chars().count()).max().unwrap_or(0).max(least)
    };
    let (names, from, to) = (width(|m| m.name.clone(), 6), width(from, 4), width(to, 2));
    let mut text = format!("In {database}, in this order:\n\n");
    let mut line = |cells: [&str; 4]| {
        let [a, b, c, d] = cells;
        let _ = writeln!(text, "{}", format!("  {a:<names$}  {b:<from$}  {c:<to$}  {d}").trim_end());
    };
    line(["MODULE", "FROM", "TO", "SCRIPTS"]);
    for module in &resolved.modules {
        let last = [scripts(module), because(module)].into_iter().filter(|part| !part.is_empty());
        let last = last.collect::<Vec<_>>().join("  ");
        line([&module.name, &self::from(module), &self::to(module), &last]);
    }
    text
}

fn from(module: &Moved) -> String {
    match module.action {
        Action::Update => module.from.clone().unwrap_or_else(|| "?".to_owned()),
        Action::Install => "new".to_owned(),
    }
}

fn to(module: &Moved) -> String {
    module.to.clone().unwrap_or_else(|| "?".to_owned())
}

fn scripts(module: &Moved) -> String {
    let names: Vec<String> =
        module.scripts.iter().map(|script| format!("{}/{}", script.version, script.file)).collect();
    names.join(", ")
}

fn because(module: &Moved) -> String {
    match &module.because {
        Because::Named => String::new(),
        Because::Needs(other) => format!("(needs {other})"),
        Because::NeededBy(other) => format!("({other} needs it)"),
        Because::ByItself => "(installs itself)".to_owned(),
    }
}
