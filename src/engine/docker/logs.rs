//! The logs of containers, and commands for people inside them.

use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;
use futures_util::stream::select_all;
use jiff::Timestamp;

use super::client::{connected, failed};
use super::containers::{self, Container};
use crate::engine::{LogLine, LogQuery, Visit};
use crate::error::{Error, Result};
use crate::project::Project;

/// The containers of the project with the plain names of their services.
async fn containers(project: &Project) -> Result<Vec<(String, Container)>> {
    let all = containers::list(project.compose_project()).await?;
    let plain = |service: &str| {
        if service == project.postgres_service() {
            return Some("db".to_owned());
        }
        project.odoo.services.keys().find(|name| project.service_name(name) == service).cloned()
    };
    let ours = all.into_iter().filter(|container| container.is_of(&project.root));
    Ok(ours.filter_map(|container| Some((plain(&container.service)?, container))).collect())
}

/// Tells the lines of the services' containers, oldest first, and those that come.
pub async fn logs(query: &LogQuery<'_>, tell: &mut dyn FnMut(LogLine)) -> Result<()> {
    let LogQuery { project, services, since, follow } = *query;
    let client = connected()?;
    let since = since.and_then(|at| i32::try_from(at.as_second()).ok()).unwrap_or_default();
    let options = || LogsOptionsBuilder::new().stdout(true).stderr(true).timestamps(true).since(since);
    let mut lines = Vec::new();
    let mut streams = Vec::new();
    let now = i32::try_from(Timestamp::now().as_second()).unwrap_or(i32::MAX);
    for (service, container) in
        containers(project).await?.into_iter().filter(|(name, _)| services.contains(name))
    {
        let mut past = client.logs(&container.id, Some(options().build()));
        while let Some(line) = past.next().await {
            let line = line.map_err(|e| failed("cannot read a container's log", &e))?;
            lines.push(log_line(&service, &line.to_string()));
        }
        if follow {
            let coming = options().since(now).follow(true).build();
            let stream = client.logs(&container.id, Some(coming));
            streams
                .push(stream.map(move |line| line.map(|line| log_line(&service, &line.to_string()))).boxed());
        }
    }
    lines.sort_by_key(|line| line.at);
    lines.into_iter().for_each(&mut *tell);
    let mut coming = select_all(streams);
    while let Some(line) = coming.next().await {
        tell(line.map_err(|e| failed("cannot read a container's log", &e))?);
    }
    Ok(())
}

/// `2026-11-20T21:13:33.123456789Z text`, as the engine marks each line.
fn log_line(service: &str, line: &str) -> LogLine {
    let line = line.trim_end();
    let (at, text) = match line.split_once(' ') {
        Some((time, text)) => (time.parse().ok(), text),
        None => (line.parse().ok(), ""),
    };
    let text = if at.is_some() { text } else { line };
    LogLine { service: service.to_owned(), at, text: text.to_owned() }
}

/// `docker exec` into the service's first running container.
pub async fn command_in(visit: &Visit<'_>) -> Result<std::process::Command> {
    let Visit { project, service, words, env, tty } = *visit;
    let running = containers(project).await?.into_iter().find(|(name, c)| name == service && c.running);
    let Some((_, container)) = running else {
        return Err(Error::environment(format!("{service} is not running")).hint("Start it: odpm apply"));
    };
    let mut command = std::process::Command::new("docker");
    command.args(["exec", "-i"]);
    if tty {
        command.arg("-t");
    }
    // By name only: a value would be there for everybody to see in the list of processes.
    for name in env {
        command.args(["-e", name]);
    }
    command.arg(&container.id).args(words);
    Ok(command)
}
