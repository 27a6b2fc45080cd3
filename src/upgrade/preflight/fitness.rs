//! What modules need of the machine, and whether their files can be read.

use super::{Ground, count, some};
use crate::facts::{Environment, FileTrouble, Fitness, Known};
use crate::plan::Check;

/// How many broken files are told.
const FILES: usize = 20;

/// What the modules need is there, and their files are well-formed.
pub fn fitness(ground: &Ground<'_>) -> Vec<Check> {
    let Some(fitness) = &ground.seen.fitness else { return Vec::new() };
    externals(fitness, ground).into_iter().chain(files(fitness)).collect()
}

fn externals(fitness: &Fitness, ground: &Ground<'_>) -> Vec<Check> {
    let needed = ground.resolved.names().filter_map(|name| ground.graph.manifest(name));
    let needed: usize = needed.map(|manifest| manifest.python.len() + manifest.programs.len()).sum();
    let environment = match &fitness.python {
        Known::Known(environment) => environment,
        Known::Unknown(_) if ground.resolved.modules.is_empty() => return Vec::new(),
        Known::Unknown(why) => {
            let detail = format!("neither what is needed of Python nor Python files were looked at: {why}");
            return vec![Check::open("externals", detail)];
        }
    };
    let mut found = packages(environment, ground);
    if found.is_empty() && needed > 0 {
        let detail = format!("all {needed} that are needed are there ({})", environment.interpreter);
        found.push(Check::good("externals", detail));
    }
    found
}

fn packages(environment: &Environment, ground: &Ground<'_>) -> Vec<Check> {
    let wants = |is: &dyn Fn(&str) -> bool| {
        let names: Vec<&str> = ground.resolved.names().filter(|name| is(name)).collect();
        some(&names)
    };
    let of = |name: &str| ground.graph.manifest(name);
    let python = environment.packages.iter().map(|(package, why)| {
        let who = wants(&|name| of(name).is_some_and(|manifest| manifest.python.contains(package)));
        let check = Check::bad("externals", format!("{who}: {why}"));
        check.remedy(format!("Install it where Odoo runs: pip install '{package}'"))
    });
    let programs = environment.programs.iter().map(|program| {
        let who = wants(&|name| of(name).is_some_and(|manifest| manifest.programs.contains(program)));
        let check = Check::bad("externals", format!("{who}: there is no program {program}"));
        check.remedy(format!("Install {program} where Odoo runs."))
    });
    python.chain(programs).collect()
}

fn files(fitness: &Fitness) -> Vec<Check> {
    let told = |trouble: &FileTrouble| {
        let FileTrouble { module, path, line, message } = trouble;
        let place = match line {
            0 => path.display().to_string(),
            line => format!("{}:{line}", path.display()),
        };
        Check::bad("files", format!("{module}: {place}: {message}"))
    };
    let mut found: Vec<Check> = fitness.files.iter().take(FILES).map(told).collect();
    match fitness.files.len().saturating_sub(FILES) {
        0 => {}
        more => found.push(Check::bad("files", format!("and {}", count(more, "more")))),
    }
    match found.pop() {
        Some(last) => found.push(last.remedy("Odoo would stop there: correct it, then ask again.")),
        None if fitness.read > 0 => {
            found
                .push(Check::good("files", format!("{} read, all well-formed", count(fitness.read, "file"))));
        }
        None => {}
    }
    found
}
