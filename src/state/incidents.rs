//! Incidents: a folder each, with a timeline that only grows, and what was kept as evidence.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;

use serde_json::Value;

use super::{cannot, create, entries, make_dir, sync_folder};
use crate::base::{Digest, StateDir};
use crate::error::{Error, Result};
use crate::facts::{Contained, Happening, Incident, IncidentEntry};

/// The name of the timeline in an incident's folder.
const TIMELINE: &str = "timeline.jsonl";

/// The incidents, oldest first.
pub fn incidents(state: &StateDir) -> Result<Vec<Incident>> {
    let mut found = Vec::new();
    for entry in entries(&state.incidents())? {
        let path = entry.path().join(TIMELINE);
        match fs::read(&path) {
            // A crash may have torn the last line in the middle of a letter.
            Ok(text) => found
                .push(Incident::read(&entry.file_name().to_string_lossy(), &String::from_utf8_lossy(&text))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(cannot("read", &path, &e)),
        }
    }
    found.retain(|incident| !incident.timeline.is_empty());
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

/// What is held back; `None` where nothing is.
pub fn contained(state: &StateDir) -> Result<Option<Contained>> {
    let path = state.contained();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(cannot("read", &path, &e)),
    };
    Contained::read(Some(&text))
        .map_err(|why| Error::environment(format!("{} cannot be understood", path.display())).because(why))
}

/// The incident that goes on; the newest where there are several.
pub fn open_incident(state: &StateDir) -> Result<Option<Incident>> {
    Ok(incidents(state)?.into_iter().rfind(Incident::is_open))
}

/// What is to be written down.
#[derive(Clone, Debug)]
pub struct Told {
    /// When: RFC 3339, UTC.
    pub at: String,
    /// Who: `user@host`.
    pub by: String,
    /// What it is about.
    pub what: Happening,
    /// A sentence.
    pub text: String,
    /// The same as data.
    pub data: Value,
}

/// Adds an entry to an incident's timeline, which begins with the first; it is on disk when this returns.
pub fn tell(state: &StateDir, id: &str, told: Told) -> Result<()> {
    create(state)?;
    let folder = state.incident(id);
    make_dir(&folder, 0o700).map_err(|e| cannot("make", &folder, &e))?;
    let path = folder.join(TIMELINE);
    let append = || -> io::Result<()> {
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        // Two that write at once would both follow the same line.
        file.lock()?;
        let before = last(&mut file)?;
        let Told { at, by, what, text, data } = told;
        let entry = IncidentEntry { at, by, what, text, data, after: Digest::of(before) };
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        file.write_all(&line)?;
        file.sync_all()
    };
    append().and_then(|()| sync_folder(&folder)).map_err(|e| cannot("write", &path, &e))
}

/// The last whole line; what a crash has torn behind it is cut off, and the file stands at its end.
fn last(file: &mut File) -> io::Result<String> {
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    file.set_len(whole as u64)?;
    file.seek(SeekFrom::End(0))?;
    text.truncate(whole);
    Ok(String::from_utf8_lossy(&text).lines().last().unwrap_or_default().to_owned())
}

/// The incident that goes on, or what to do where there is none.
pub fn wanted_incident(state: &StateDir) -> Result<Incident> {
    open_incident(state)?.ok_or_else(|| {
        Error::refused("no incident is open").hint("Open one: odpm incident open --note 'what was seen'")
    })
}
