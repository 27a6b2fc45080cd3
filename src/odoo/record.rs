//! Records of the log, put together from lines: a head, and what follows until the next one of the same source.

use std::collections::{HashMap, VecDeque};

use super::line::{Level, foreign, head, strip};
use super::traceback::Chain;

/// How many lines of a record that are no traceback are kept, at its beginning and at its end.
const KEPT: usize = 30;
/// How many bytes of a line are kept there.
const LONG: usize = 4096;
/// How many sources are followed at once.
const SOURCES: usize = 64;

/// A record that is worth a look: a landmark, a warning, an error, or a traceback that nobody has logged.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its first line in the log.
    pub line: u64,
    /// Its last line.
    pub last: u64,
    /// When, as it is written; empty where no head tells.
    pub time: String,
    /// The process; 0 where no head tells.
    pub pid: u32,
    /// How bad it says it is.
    pub level: Level,
    /// The database; `?` where none is meant.
    pub database: String,
    /// Who says it.
    pub logger: String,
    /// What it says.
    pub message: String,
    /// The traceback.
    pub chain: Chain,
    /// The lines that follow and are no traceback, with their numbers.
    pub more: VecDeque<(u64, String)>,
    /// Whether the traceback was printed by Python itself, after the record had ended.
    pub raw: bool,
}

impl Record {
    /// The message with all that follows it.
    pub fn text(&self) -> String {
        let more = self.more.iter().map(|(_, line)| line.as_str());
        std::iter::once(self.message.as_str()).chain(more).collect::<Vec<_>>().join("\n")
    }

    fn follow(&mut self, at: u64, line: &str) {
        let tells =
            self.level >= Level::Warning || !self.chain.raised.is_empty() || Chain::begins(line.trim_end());
        if !tells {
            return;
        }
        self.last = at;
        let line = cut(line);
        if self.chain.see(at, line) {
            return;
        }
        if self.more.len() == 2 * KEPT {
            let _ = self.more.remove(KEPT);
        }
        self.more.push_back((at, line.to_owned()));
    }
}

fn cut(line: &str) -> &str {
    let mut end = line.len().min(LONG);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

#[derive(Debug, Default)]
struct Source {
    open: Option<Record>,
    /// One whose traceback another process has interrupted.
    parked: Option<Record>,
}

/// Puts records together, in constant memory.
#[derive(Debug, Default)]
pub struct Records {
    sources: HashMap<u64, Source>,
    /// How many lines were read.
    pub lines: u64,
    /// How many of them were heads of Odoo's records.
    pub heads: u64,
}

impl Records {
    /// Reads one line; tells the records that have ended with it.
    pub fn see(&mut self, line: &str, tell: &mut dyn FnMut(Record)) {
        self.lines += 1;
        let at = self.lines;
        let (source, line) = strip(line);
        let Some(head) = head(&line) else {
            if let Some(source) = self.sources.get_mut(&source) {
                source.follow(at, &line, tell);
            } else if Chain::begins(line.trim_end()) || worth(&line) {
                self.source(source, tell).follow(at, &line, tell);
            }
            return;
        };
        self.heads += 1;
        // Most of a long log is requests: of those only the process is of interest.
        let told = head.level >= Level::Warning || tells(head.logger);
        let record = Record {
            line: at,
            last: at,
            time: if told { head.time.to_owned() } else { String::new() },
            pid: head.pid,
            level: head.level,
            database: head.database.to_owned(),
            logger: if told { head.logger.to_owned() } else { String::new() },
            message: if told { cut(head.message).trim_end().to_owned() } else { String::new() },
            chain: Chain::default(),
            more: VecDeque::new(),
            raw: false,
        };
        self.source(source, tell).begin(record, tell);
    }

    /// Tells what is still open when the log has ended.
    pub fn end(&mut self, tell: &mut dyn FnMut(Record)) {
        let mut left: Vec<Record> =
            self.sources.drain().flat_map(|(_, source)| [source.parked, source.open]).flatten().collect();
        left.sort_by_key(|record| record.line);
        left.into_iter().for_each(tell);
    }

    fn source(&mut self, source: u64, tell: &mut dyn FnMut(Record)) -> &mut Source {
        if self.sources.len() >= SOURCES && !self.sources.contains_key(&source) {
            self.end(tell);
        }
        self.sources.entry(source).or_default()
    }
}

impl Source {
    fn begin(&mut self, record: Record, tell: &mut dyn FnMut(Record)) {
        if let Some(open) = self.open.take() {
            // Workers write over one another: what goes on with a traceback belongs to the one that began it.
            let interrupted = open.chain.is_open() && open.pid != record.pid;
            match interrupted {
                true => self.parked.replace(open).into_iter().for_each(&mut *tell),
                false => tell(open),
            }
        }
        if self.parked.as_ref().is_some_and(|parked| !parked.chain.is_open() || parked.pid == record.pid) {
            self.parked.take().into_iter().for_each(&mut *tell);
        }
        self.open = Some(record);
    }

    fn follow(&mut self, at: u64, line: &str, tell: &mut dyn FnMut(Record)) {
        let own = self.open.as_ref().is_some_and(|open| open.chain.is_open());
        if let Some(parked) = &mut self.parked
            && !own
            && (parked.chain.continues(line) || !parked.chain.is_open() && !line.is_empty())
        {
            parked.follow(at, line);
            return;
        }
        if foreign(line) {
            return;
        }
        let logged = self
            .open
            .as_ref()
            .is_some_and(|open| open.level >= Level::Warning || !open.chain.raised.is_empty());
        if worth(line) || !logged && Chain::begins(line.trim_end()) {
            // Python's own words at the end of a process have no head; they begin a record of their own.
            let pid = self.open.as_ref().map_or(0, |open| open.pid);
            let database = self.open.as_ref().map_or_else(|| "?".to_owned(), |open| open.database.clone());
            self.open.take().into_iter().for_each(&mut *tell);
            self.open = Some(bare(at, line, pid, database));
        } else if let Some(open) = &mut self.open {
            open.follow(at, line);
        }
    }
}

/// Whether a logger tells of more than a request.
fn tells(logger: &str) -> bool {
    logger == "odoo"
        || ["odoo.modules", "odoo.service", "odoo.registry", "odoo.orm", "odoo.tests", "odoo.sql_db"]
            .iter()
            .any(|start| logger.starts_with(start))
        || logger.contains(".tests.")
}

/// A line without a head that is a message in itself.
fn worth(line: &str) -> bool {
    line == "Killed"
        || line.contains(" exited with code ")
        || refuses_options(line)
        || line.contains(": Killed process ") && line.contains("ut of memory")
}

/// `odoo-bin: error: `, or with the command that it was given: `odoo server: error: `.
fn refuses_options(line: &str) -> bool {
    let Some((who, _)) = line.split_once(": error: ") else { return false };
    who.rsplit(' ').take(2).any(|word| ["odoo-bin", "odoo"].contains(&word))
}

fn bare(at: u64, line: &str, pid: u32, database: String) -> Record {
    let mut record = Record {
        line: at,
        last: at,
        time: String::new(),
        pid,
        level: Level::Info,
        database,
        logger: String::new(),
        message: String::new(),
        chain: Chain::default(),
        more: VecDeque::new(),
        raw: true,
    };
    if !record.chain.see(at, line) {
        cut(line).clone_into(&mut record.message);
    }
    record
}
