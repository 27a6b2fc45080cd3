use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::session::Session;
use crate::engine::{LogLine, LogQuery};
use crate::error::{Error, Result};
use crate::report::Ui;

/// Show the logs of the services, merged by time
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm logs --service odoo --since 30m --grep 'Traceback|ERROR' -f")]
pub struct Args {
    /// Only this service; repeatable
    #[arg(long)]
    service: Vec<String>,
    /// Only what is younger: 90s, 30m, 2h, 1d
    #[arg(long, value_name = "AGE", value_parser = age)]
    since: Option<Duration>,
    /// Only lines that match this regular expression
    #[arg(long, value_name = "REGEX")]
    grep: Option<regex::Regex>,
    /// Go on with what comes
    #[arg(short, long)]
    follow: bool,
}

/// `30m` as a duration.
fn age(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no age; write 90s, 30m, 2h or 1d");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: u64 = text.trim_end_matches(unit).parse().map_err(|_| wrong())?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86400,
        _ => return Err(wrong()),
    };
    Ok(Duration::from_secs(number.saturating_mul(seconds)))
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let project = &session.loaded.project;
    let known: Vec<String> =
        std::iter::once("db".to_owned()).chain(project.odoo.services.keys().cloned()).collect();
    if let Some(unknown) = args.service.iter().find(|service| !known.contains(service)) {
        return Err(Error::usage(format!("there is no service {unknown}"))
            .hint(format!("The services are: {}.", known.join(", "))));
    }
    let services = if args.service.is_empty() { &known } else { &args.service };
    let age = args.since.and_then(|age| SignedDuration::try_from(age).ok());
    let since = age.and_then(|age| Timestamp::now().checked_sub(age).ok());
    let mut tell = |line: LogLine| {
        if args.grep.as_ref().is_none_or(|grep| grep.is_match(&line.text)) {
            let at =
                line.at.map_or_else(String::new, |at| at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ ").to_string());
            ui.answer(&format!("{at}{:<11} {}", line.service, line.text));
        }
    };
    let query = LogQuery { project, services, since, follow: args.follow };
    session.engine.logs(&query, &mut tell).await?;
    Ok(0)
}
