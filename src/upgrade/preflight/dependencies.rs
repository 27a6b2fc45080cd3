//! Whether what the modules need is there, and what Odoo takes along.

use std::collections::{BTreeSet, VecDeque};

use super::resolve::Because;
use super::{Action, Ground, Moved, count, some};
use crate::base::suggest::nearest;
use crate::plan::Check;

/// Everything that the modules need is there, and can be loaded.
pub fn closure(ground: &Ground<'_>) -> Vec<Check> {
    if ground.resolved.modules.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut passed: BTreeSet<&str> = BTreeSet::new();
    let mut next: VecDeque<(&str, Vec<&str>)> = ground
        .resolved
        .modules
        .iter()
        .map(|module| (module.name.as_str(), vec![module.name.as_str()]))
        .collect();
    while let Some((name, way)) = next.pop_front() {
        if !passed.insert(name) {
            continue;
        }
        for need in ground.graph.needs(name) {
            let way: Vec<&str> = way.iter().copied().chain([need.as_str()]).collect();
            if !passed.contains(need.as_str()) {
                found.extend(missing(need, &way, ground));
            }
            next.push_back((need, way));
        }
    }
    if found.is_empty() {
        found.push(Check::good(
            "dependencies",
            format!("{} needed, all there", count(passed.len(), "module")),
        ));
    }
    found
}

fn missing(need: &str, way: &[&str], ground: &Ground<'_>) -> Option<Check> {
    let chain = way.join(" -> ");
    let graph = &ground.graph;
    let Some(disk) = graph.on_disk(need) else {
        let near = nearest(need, ground.seen.disk.modules.keys().map(String::as_str));
        let check = Check::bad("dependencies", format!("{need} is not on the addons path ({chain})"));
        return Some(match near {
            Some(near) => check.remedy(format!("Did you mean {near}? Correct 'depends' in the manifest.")),
            None => check.remedy("Add its folder to odoo.addons in odpm.yaml."),
        });
    };
    // What is part of the upgrade is spoken of as such.
    if ground.resolved.get(need).is_some() || graph.is_installable(need) {
        return None;
    }
    let why = match &disk.manifest {
        Err(error) => format!("its manifest cannot be read, line {}: {}", error.line, error.message),
        Ok(_) => "it is not installable".to_owned(),
    };
    let check = Check::bad("dependencies", format!("{need} cannot be loaded: {why} ({chain})"));
    Some(check.remedy("Odoo leaves out what needs it: correct it first."))
}

/// No module needs itself by way of others: Odoo would load none of them.
pub fn circles(ground: &Ground<'_>) -> Vec<Check> {
    let circles = ground.graph.circles(ground.resolved.names());
    let told = |mut circle: Vec<String>| {
        // Wherever it was entered, it is told from the same module on.
        let least = circle.iter().enumerate().min_by_key(|(_, name)| name.as_str()).map_or(0, |(at, _)| at);
        circle.rotate_left(least);
        let first = circle.first().cloned().unwrap_or_default();
        let detail = format!("{} -> {first}: Odoo loads none of them", circle.join(" -> "));
        Check::bad("dependencies", detail).remedy("Take one of them out of 'depends'.")
    };
    circles.into_iter().map(told).collect()
}

/// What is updated or installed though nobody named it.
pub fn taken_along(ground: &Ground<'_>) -> Vec<Check> {
    let along = |action: Action| -> Vec<&Moved> {
        ground.resolved.taken_along().filter(|module| module.action == action).collect()
    };
    let (updated, installed) = (along(Action::Update), along(Action::Install));
    let mut found = Vec::new();
    if !updated.is_empty() {
        let names: Vec<&str> = updated.iter().map(|module| module.name.as_str()).collect();
        found.push(Check::good(
            "taken along",
            format!("{} updated as well, for what they need is: {}", is(names.len(), "module"), some(&names)),
        ));
    }
    if !installed.is_empty() {
        let names: Vec<String> = installed.iter().map(|module| reason(module)).collect();
        let detail = format!("{} installed as well: {}", is(names.len(), "module"), some(&names));
        found.push(
            Check::open("taken along", detail).remedy("Say so yourself, where that is meant: -i MODULE"),
        );
    }
    if found.is_empty() && !ground.resolved.modules.is_empty() {
        found.push(Check::good("taken along", "nothing but what is named is updated"));
    }
    found
}

fn is(number: usize, word: &str) -> String {
    format!("{} {}", count(number, word), if number == 1 { "is" } else { "are" })
}

fn reason(module: &Moved) -> String {
    match &module.because {
        Because::NeededBy(other) => format!("{} ({other} needs it)", module.name),
        Because::ByItself => format!("{} (it installs itself)", module.name),
        Because::Needs(_) | Because::Named => module.name.clone(),
    }
}
