//! Reads the two files of a project, already in memory, with every mistake of both.

use std::collections::BTreeMap;
use std::path::Path;

use super::build::{Origin, Overrides, build};
use super::check::check;
use super::env;
use super::file::{ProjectFile, json_schema};
use super::model::{Project, Scenario};
use super::rules::Rules;
use super::tree::{self, Place, Wrong};
use super::variables::Variables;
use crate::base::Digest;
use crate::base::suggest::nearest;
use crate::error::{Error, Problem, Result};

/// The texts that a project is read from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// The folder of `odpm.yaml`, canonical.
    pub root: &'a Path,
    /// The path of `odpm.yaml`.
    pub file: &'a Path,
    /// The text of `odpm.yaml`.
    pub text: &'a str,
    /// The text of `.env`, where there is one.
    pub env: Option<&'a str>,
    /// The environment.
    pub environment: &'a BTreeMap<String, String>,
}

/// The project, or all that is wrong with it.
pub fn read(sources: &Sources<'_>) -> Result<Project> {
    let mut problems = Vec::new();
    let vars = match env::parse(sources.env.unwrap_or_default()) {
        Ok(vars) => vars,
        Err(wrong) => {
            problems.extend(wrong.into_iter().map(|w| problem(".env", sources.env.unwrap_or_default(), w)));
            env::Env::new()
        }
    };
    let env_failed = !problems.is_empty();
    let mut variables = Variables::new(sources.environment, vars);
    let name = sources.file.file_name().map_or("odpm.yaml".into(), |n| n.to_string_lossy());
    let of_file = |wrong: Wrong| problem(&name, sources.text, wrong);

    let mut root = match tree::parse(sources.text) {
        Ok(root) => root,
        Err(wrong) => {
            problems.extend(wrong.into_iter().map(of_file));
            return Err(invalid(&name, problems));
        }
    };
    let mut wrong = Vec::new();
    variables.substitute(&mut root, &mut wrong);
    if env_failed {
        // Variables of a file that cannot be read are not known to be missing.
        wrong.clear();
    }
    let over = overrides(&mut variables, &mut problems);
    let json = check(&root, &json_schema(), &mut wrong);
    if !wrong.is_empty() || !problems.is_empty() {
        problems.extend(wrong.into_iter().map(of_file));
        return Err(invalid(&name, problems));
    }
    let file: ProjectFile = serde_json::from_value(json.unwrap_or_default())
        .map_err(|e| Error::input(format!("{name} does not describe a project")).caused_by(&e))?;
    let mut rules = Rules::new(&root);
    let origin = Origin { root: sources.root, file: sources.file };
    let mut project = build(file, over, &origin, &mut variables, &mut rules);
    if !rules.wrong.is_empty() {
        problems.extend(rules.wrong.into_iter().map(of_file));
        return Err(invalid(&name, problems));
    }
    project.inputs = Digest::of_json(&(sources.text, sources.env, variables.used()));
    Ok(project)
}

/// What the environment and `.env` set over the file.
fn overrides(variables: &mut Variables<'_>, problems: &mut Vec<Problem>) -> Overrides {
    let mut given = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    let scenario = given("ODPM_SCENARIO").and_then(|text| {
        let scenario =
            [Scenario::Developer, Scenario::Server, Scenario::Ci].into_iter().find(|s| s.as_str() == text);
        if scenario.is_none() {
            let wrong =
                Wrong::new(Place::default(), format!("ODPM_SCENARIO is `{text}`, which is not a scenario"));
            let wrong = match nearest(&text, Scenario::NAMES) {
                Some(near) => wrong.suggest(format!("Did you mean `{near}`?")),
                None => wrong.suggest(format!("It is one of: {}.", Scenario::NAMES.join(", "))),
            };
            problems.push(problem("environment or .env", "", wrong));
        }
        scenario
    });
    Overrides {
        scenario,
        service: given("POSTGRES_SERVICE_NAME"),
        prefix: given("ODPM_COMPOSE_PREFIX").map(|prefix| prefix.trim_end_matches('-').to_owned()),
    }
}

fn invalid(name: &str, mut problems: Vec<Problem>) -> Error {
    problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    let count = problems.len();
    let what = if count == 1 { "one mistake".to_owned() } else { format!("{count} mistakes") };
    Error::input(format!("{name} cannot be used: {what}")).with_problems(problems)
}

fn problem(file: &str, text: &str, wrong: Wrong) -> Problem {
    let Wrong { place, message, suggestion } = wrong;
    let line = place.line.checked_sub(1).and_then(|index| text.lines().nth(index)).unwrap_or_default();
    Problem {
        file: file.to_owned(),
        line: place.line,
        column: place.column,
        excerpt: masked(line),
        width: place.width,
        message,
        suggestion,
    }
}

/// The line without the values of secrets: what follows the first name on it that tells of one. A line may hold several.
fn masked(line: &str) -> String {
    for (at, delimiter) in line.match_indices([':', '=']) {
        let (before, after) = (&line[..at], &line[at + delimiter.len()..]);
        let name = before.rsplit([',', '{', ' ', '\t']).next().unwrap_or_default();
        if crate::base::secret::is_secret_name(name) && !after.trim().is_empty() {
            return format!("{before}{delimiter} ***");
        }
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn no_secret_on_a_line_is_shown() {
        for (line, shown) in [
            ("  password: hunter2", "  password: ***"),
            ("postgres: {password: hunter2, prot: 1}", "postgres: {password: ***"),
            ("postgres: {port: 1, admin_password: \"a:b\"}", "postgres: {port: 1, admin_password: ***"),
            ("POSTGRES_PASSWORD=x y", "POSTGRES_PASSWORD= ***"),
            ("  password:", "  password:"),
            ("  port: many", "  port: many"),
        ] {
            assert_eq!(masked(line), shown);
        }
    }
}
