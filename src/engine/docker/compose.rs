//! The Compose command: found by its version, never by an exit code, which its first generation gives as 0
//! for flags that it does not know.

use std::path::Path;

use tokio::process::Command;

use crate::error::{Error, Result};

/// A Compose command of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compose {
    /// `docker compose` or `docker-compose`.
    words: &'static [&'static str],
    /// Its version.
    pub version: String,
}

const SECOND: &[&str] = &["docker", "compose"];
const FIRST: &[&str] = &["docker-compose"];

/// The Compose of the generation that made a stack, so that its containers keep their names; the second
/// generation where there is a choice. `made_by` is the version on the stack's containers.
pub async fn find(made_by: Option<&str>) -> Result<Compose> {
    let old = made_by.is_some_and(|version| version.starts_with("1."));
    let order = if old { [FIRST, SECOND] } else { [SECOND, FIRST] };
    let mut found = None;
    for words in order {
        if let Some(version) = version(words).await {
            let fits = made_by.is_none() || version.starts_with("1.") == old;
            let compose = Compose { words, version };
            if fits {
                return Ok(compose);
            }
            found.get_or_insert(compose);
        }
    }
    match (found, made_by) {
        (Some(other), Some(made_by)) => Err(Error::refused(format!(
            "this stack was made by Compose {made_by}, and here is only {}",
            other.version
        ))
        .because("the other generation would make every container anew under other names")
        .hint("Install the one that made it, or take the stack down with it first: the data stays.")),
        _ => Err(Error::environment("there is no Compose on this machine")
            .hint("Install it, on Debian with: apt install docker-compose")),
    }
}

async fn version(words: &[&str]) -> Option<String> {
    let (program, rest) = words.split_first()?;
    let output = Command::new(program).args(rest).args(["version", "--short"]).output().await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.lines().next()?.trim().trim_start_matches('v').to_owned();
    version.starts_with(|c: char| c.is_ascii_digit()).then_some(version)
}

impl std::fmt::Display for Compose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.words.join(" "), self.version)
    }
}

impl Compose {
    /// Its command line for a project; the project's name is always passed.
    pub fn command(&self, project: &str, file: &Path, args: &[String]) -> std::process::Command {
        let mut command = std::process::Command::new(self.words.first().copied().unwrap_or_default());
        command
            .args(self.words.iter().skip(1))
            .args(["-p", project, "-f"])
            .arg(file)
            .args(file.parent().into_iter().flat_map(|folder| [Path::new("--project-directory"), folder]))
            .args(args)
            // The first generation knows no contexts.
            .envs(super::client::context().iter().flat_map(super::client::Context::variables))
            // They win over the certificates of an engine in the first generation.
            .env_remove("REQUESTS_CA_BUNDLE")
            .env_remove("CURL_CA_BUNDLE")
            .stdin(std::process::Stdio::null());
        command
    }

    /// Runs it on a project.
    pub async fn run(&self, project: &str, file: &Path, args: &[&str]) -> Result<()> {
        let words: Vec<String> = args.iter().map(|word| (*word).to_owned()).collect();
        let output = Command::from(self.command(project, file, &words))
            .output()
            .await
            .map_err(|e| Error::environment("cannot run Compose").caused_by(&e))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let error = Error::environment(format!("{} {} failed", self.words.join(" "), args.join(" ")));
        let said = said.lines().map(str::trim);
        Err(error.because_last(said.filter(|line| !is_traceback(line))))
    }
}

/// Lines between the cause and its words when the first generation fails.
fn is_traceback(line: &str) -> bool {
    let code = line.starts_with("File \"") || line.starts_with("self.") || line.starts_with("raise ");
    code || line.starts_with("Traceback") || line.chars().all(|c| c == '^' || c == ' ')
}
