//! Journal files: one record in a line, synced before the run goes on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{StateDir, atomic::sync_folder};
use crate::base::RunId;
use crate::error::{Error, Result};
use crate::facts::RunStatus;
use crate::plan::{Entry, Journal, Record};

/// The journal of one run, open for writing.
#[derive(Debug)]
pub struct JournalFile {
    path: PathBuf,
    file: File,
}

impl JournalFile {
    /// Begins the journal of a run.
    pub fn create(state: &StateDir, run: &RunId) -> Result<Self> {
        let path = path_of(state, run);
        let open = || -> io::Result<File> {
            let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path)?;
            sync_folder(&state.journal())?;
            Ok(file)
        };
        let file = open().map_err(|e| cannot_write(&path, &e))?;
        Ok(Self { path, file })
    }

    /// Goes on with the journal of a run. A last line that was torn by a crash is cut off: it is no record.
    pub fn reopen(state: &StateDir, run: &RunId) -> Result<Self> {
        let path = path_of(state, run);
        let open = || -> io::Result<File> {
            let text = fs::read(&path)?;
            let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            let mut file = OpenOptions::new().write(true).open(&path)?;
            file.set_len(whole as u64)?;
            file.seek(SeekFrom::End(0))?;
            file.sync_all()?;
            Ok(file)
        };
        let file = open().map_err(|e| cannot_write(&path, &e))?;
        Ok(Self { path, file })
    }

    /// Adds a record and waits until it is on disk.
    pub fn append(&mut self, entry: &Entry) -> Result<()> {
        let mut line = serde_json::to_vec(entry)
            .map_err(|e| Error::internal("cannot write a journal record").caused_by(&e))?;
        line.push(b'\n');
        #[cfg(feature = "crash-points")]
        super::crash_points::at("before");
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        written.map_err(|e| cannot_write(&self.path, &e))?;
        #[cfg(feature = "crash-points")]
        super::crash_points::at("after");
        Ok(())
    }
}

fn cannot_write(path: &Path, e: &io::Error) -> Error {
    super::cannot("write the journal", path, e).hint("When that is mended, go on: odpm apply --resume")
}

fn path_of(state: &StateDir, run: &RunId) -> PathBuf {
    state.journal().join(format!("{run}.jsonl"))
}

/// The journal of one run; `None` when there is none.
pub fn find(state: &StateDir, run: &RunId) -> Result<Option<Journal>> {
    let path = path_of(state, run);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => {
            return Err(super::cannot("read", &path, &e));
        }
    };
    decode(&text).map_err(|why| {
        Error::environment(format!("the journal {} cannot be understood", path.display()))
            .because(why)
            .hint("Put a good copy of it back, or move it away: what its run did stays done, and `odpm plan` shows what is left.")
    })
}

/// Reads the lines of a journal. `Ok(None)` for one that was created and never begun: no step ran.
fn decode(text: &str) -> Result<Option<Journal>, String> {
    let whole = text.rfind('\n').map_or("", |at| &text[..at]);
    let mut entries = Vec::new();
    for (number, line) in whole.lines().enumerate() {
        let entry: Entry = serde_json::from_str(line).map_err(|e| format!("line {}: {e}", number + 1))?;
        entries.push(entry);
    }
    if entries.is_empty() {
        return Ok(None);
    }
    Journal::read(entries).map(Some).ok_or_else(|| "it does not begin with its plan".to_owned())
}

/// Every journal of the project, in the order in which their runs began.
pub fn all(state: &StateDir) -> Result<Vec<Journal>> {
    let mut journals = Vec::new();
    for run in runs(state)? {
        let written = fs::metadata(path_of(state, &run)).and_then(|meta| meta.modified()).ok();
        journals.extend(find(state, &run)?.map(|journal| (written, journal)));
    }
    // Two may begin within a second; as one odpm works at a time, the one that was written last is the later one.
    journals.sort_by(|(a_written, a), (b_written, b)| {
        (&a.started_at, a_written).cmp(&(&b.started_at, b_written))
    });
    Ok(journals.into_iter().map(|(_, journal)| journal).collect())
}

/// The run that has not come to its end, where there is one.
pub fn unfinished(state: &StateDir) -> Result<Option<Journal>> {
    for run in runs(state)?.iter().rev() {
        if ended(&path_of(state, run)) {
            continue;
        }
        if let Some(journal) = find(state, run)?.filter(Journal::unfinished) {
            return Ok(Some(journal));
        }
    }
    Ok(None)
}

/// Whether the last line says that the run came to its end. A history is long and its plans are large, so
/// only the end of each file is read.
fn ended(path: &Path) -> bool {
    const LAST: i64 = 512;
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let length = i64::try_from(file.metadata()?.len()).unwrap_or(LAST);
        file.seek(SeekFrom::End(-LAST.min(length)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let Some(line) = text.strip_suffix('\n').and_then(|text| text.lines().last()) else { return false };
    let entry = serde_json::from_str::<Entry>(line);
    matches!(
        entry.map(|entry| entry.record),
        Ok(Record::End { status: RunStatus::Done | RunStatus::Abandoned })
    )
}

fn runs(state: &StateDir) -> Result<Vec<RunId>> {
    let folder = state.journal();
    let listing = match fs::read_dir(&folder) {
        Ok(listing) => listing,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => {
            return Err(super::cannot("read", &folder, &e));
        }
    };
    let mut runs: Vec<RunId> = listing
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            RunId::parse(name.to_str()?.strip_suffix(".jsonl")?)
        })
        .collect();
    runs.sort();
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(step: &str) -> Entry {
        Entry {
            at: "2026-11-20T21:13:33+00:00".into(),
            record: Record::Started { step: step.into(), attempt: 1 },
        }
    }

    #[test]
    fn a_torn_line_is_no_record_and_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::of(dir.path());
        super::super::create(&state).unwrap();
        let run = RunId::parse("20261120T211333Z-1a2b3c4d").unwrap();
        JournalFile::create(&state, &run).unwrap().append(&entry("one")).unwrap();
        let path = path_of(&state, &run);
        let mut torn = fs::read(&path).unwrap();
        let whole = torn.clone();
        torn.extend_from_slice(br#"{"at":"2026-11-20T"#);
        fs::write(&path, &torn).unwrap();
        let mut file = JournalFile::reopen(&state, &run).unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole);
        file.append(&entry("two")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    #[test]
    fn a_journal_that_was_never_begun_is_none() {
        assert_eq!(decode(""), Ok(None));
        assert_eq!(decode(r#"{"at":"2026"#), Ok(None));
        assert!(decode("{}\n").is_err());
    }
}
