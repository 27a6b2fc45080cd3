//! The logs of processes: files that grow.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use crate::engine::{LogLine, LogQuery};
use crate::error::Result;
use crate::project::Project;

/// How often a followed file is looked at.
const BEAT: Duration = Duration::from_millis(250);

/// Tells the lines of the services' files, oldest first, and those that come.
pub async fn logs(query: &LogQuery<'_>, tell: &mut dyn FnMut(LogLine)) -> Result<()> {
    let LogQuery { project, services, since, follow } = *query;
    let mut files: Vec<Followed> = services.iter().map(|service| Followed::new(project, service)).collect();
    let mut lines: Vec<LogLine> = files.iter_mut().flat_map(Followed::read).collect();
    // A line without a time of its own belongs to the one before it; the sort keeps their order.
    lines.sort_by_key(|line| line.at);
    lines.into_iter().filter(|line| since.is_none() || line.at >= since).for_each(&mut *tell);
    if !follow {
        return Ok(());
    }
    loop {
        tokio::time::sleep(BEAT).await;
        files.iter_mut().flat_map(Followed::read).for_each(&mut *tell);
    }
}

struct Followed {
    service: String,
    path: PathBuf,
    read: u64,
    last: Option<Timestamp>,
}

impl Followed {
    fn new(project: &Project, service: &str) -> Self {
        let name = if service == "db" { "postgresql" } else { service };
        let path = project.state().log().join(format!("{name}.log"));
        Self { service: service.to_owned(), path, read: 0, last: None }
    }

    /// The whole lines that were not read yet.
    fn read(&mut self) -> Vec<LogLine> {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.read)).and_then(|_| file.read_to_end(&mut bytes))
        });
        if read.is_err() {
            return Vec::new();
        }
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        self.read += whole as u64;
        let text = String::from_utf8_lossy(bytes.get(..whole).unwrap_or_default()).into_owned();
        text.lines()
            .map(|line| {
                self.last = time_of(line).or(self.last);
                LogLine { service: self.service.clone(), at: self.last, text: line.to_owned() }
            })
            .collect()
    }
}

/// The moment that a line of PostgreSQL or Odoo begins with, both of which write UTC:
/// `2026-11-20 21:13:33.123 UTC`, `2026-11-20 21:13:33,123`.
fn time_of(line: &str) -> Option<Timestamp> {
    let date = line.get(..10)?;
    let time = line.get(11..19)?;
    let millis =
        line.get(20..23).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit())).unwrap_or("000");
    format!("{date}T{time}.{millis}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::time_of;

    #[test]
    fn both_programs_times_are_read() {
        let want = "2026-11-20T21:13:33.123Z".parse().ok();
        assert_eq!(time_of("2026-11-20 21:13:33.123 UTC [12] LOG:  ready"), want);
        assert_eq!(time_of("2026-11-20 21:13:33,123 12 INFO shop odoo: ready"), want);
        assert_eq!(time_of("Traceback (most recent call last):"), None);
        assert_eq!(time_of("ä"), None);
    }
}
