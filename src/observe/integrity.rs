//! Whether the references of a database lead somewhere: asked of one moment of it, over several connections.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::backup_file;
use crate::error::{Error, Result};
use crate::facts::FileNamed;
use crate::migrate::{Integrity, Note, Question, follow, judge, questions, statements};
use crate::postgres::Session;
use crate::postgres::integrity::{self, Put};
use crate::postgres::rows::{Moment, Source};

/// Over how many connections it is asked.
const SESSIONS: usize = 3;

/// How thoroughly.
#[derive(Clone, Copy, Debug)]
pub struct Thoroughness {
    /// How many rows of a field are named at most.
    pub limit: Option<u64>,
    /// Whether what PostgreSQL keeps is asked too.
    pub all: bool,
    /// Whether files are read.
    pub deep: bool,
    /// How many seconds a statement may take.
    pub seconds: u64,
}

/// Whether the references of a database lead somewhere. Nothing is changed. `folder`: where its files are, as far as this machine has
/// them.
pub async fn integrity(source: Source, folder: Option<PathBuf>, how: Thoroughness) -> Result<Integrity> {
    let database = source.database.clone();
    let moment = Moment::of(source).await?;
    let wiring = integrity::wiring(moment.session()).await?;
    if wiring.models.is_empty() {
        let error = Error::input(format!("{database} is no database of Odoo's: it has no models"));
        return Err(error.hint("Which databases are there: odpm database list"));
    }
    let (named, elsewhere) = integrity::files(moment.session()).await?;
    let unseen = if folder.is_some() { 0 } else { named.len() };
    let files = tokio::task::spawn_blocking(move || match folder {
        Some(folder) => look_at(named, &folder, how.deep),
        None => Vec::new(),
    });
    let others = moment.others(SESSIONS - 1).await;
    let sessions: Vec<&Session> = std::iter::once(moment.session()).chain(&others).collect();

    let made = questions(&wiring, how.limit, how.all);
    let (mut asked, mut notes) = (made.asked, made.notes);
    let first: Vec<Question> = made.loose.iter().map(|loose| loose.models()).collect();
    let mut named = put(&sessions, &first, how.seconds).await?;
    let mut answers = Vec::new();
    for (at, loose) in made.loose.iter().enumerate() {
        let models = named.remove(&at).unwrap_or_else(|| Ok(Vec::new()));
        if let Ok(models) = &models {
            let (more, said) = follow(loose, models, &wiring, how.limit);
            asked.extend(more);
            notes.extend(said);
        }
        answers.push(models.map(|_| Vec::new()));
    }
    let mut answered = put(&sessions, &asked, how.seconds).await?;
    let never = || Err("it was not asked".to_owned());
    answers.extend((0..asked.len()).map(|at| answered.remove(&at).unwrap_or_else(never)));
    let asked: Vec<Question> = first.into_iter().chain(asked).collect();
    if elsewhere > 0 {
        let why = format!("{elsewhere} files are in another store, and were not looked for");
        notes.push(Note { model: "ir.attachment".to_owned(), field: Some("store_fname".to_owned()), why });
    }
    if unseen > 0 {
        let why = format!("{unseen} files are where this machine does not reach, and were not looked for");
        notes.push(Note { model: "ir.attachment".to_owned(), field: Some("store_fname".to_owned()), why });
    }
    let mut integrity = judge(&asked, answers, made.kept, notes);
    let files = files.await.map_err(|e| Error::internal("files could not be looked at").caused_by(&e))?;
    integrity.add_files(&files, how.limit);
    Ok(integrity)
}

async fn put(sessions: &[&Session], questions: &[Question], seconds: u64) -> Result<integrity::Answers> {
    let groups = statements(questions).into_iter().map(|group| {
        let put = |at: usize| {
            questions.get(at).map(|question| Put { number: at, tables: &question.tables, sql: &question.sql })
        };
        group.into_iter().filter_map(put).collect()
    });
    integrity::answers(sessions, groups.collect(), seconds).await
}

/// Which of the files are missing; read, where that is wanted, whether they are what they should be. Several attachments may have one.
fn look_at(mut named: Vec<FileNamed>, folder: &Path, deep: bool) -> Vec<FileNamed> {
    let mut seen: BTreeMap<String, Option<String>> = BTreeMap::new();
    for file in &mut named {
        let wrong = match seen.get(&file.path) {
            Some(wrong) => wrong.clone(),
            None => {
                let wrong = wrong(file, folder, deep);
                seen.insert(file.path.clone(), wrong.clone());
                wrong
            }
        };
        file.wrong = wrong;
    }
    named
}

fn wrong(file: &FileNamed, folder: &Path, deep: bool) -> Option<String> {
    if !backup_file::is_inside(&file.path) {
        return Some("it leads out of the filestore".to_owned());
    }
    let path = folder.join(&file.path);
    match path.metadata() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Some("it is missing".to_owned()),
        Err(e) => return Some(format!("it cannot be looked at: {e}")),
        Ok(meta) if !meta.is_file() => return Some("it is no file".to_owned()),
        Ok(_) => {}
    }
    let wanted = file.checksum.as_ref().filter(|_| deep)?;
    let read = File::open(&path).and_then(|mut from| backup_file::sha1(&mut from));
    match read {
        Ok(found) if found != *wanted => Some(format!("its SHA-1 is {found}, not {wanted}")),
        Ok(_) => None,
        Err(e) => Some(format!("it cannot be read: {e}")),
    }
}
