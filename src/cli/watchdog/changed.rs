use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::{Choice, Comparison};
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::facts::Changed;
use crate::rows::Change;
use crate::state::{self, cannot};
use crate::watch::{self, Side, Way};
use crate::watchdog::{Findings, Gather, Judge};

/// What writes changes down as they come.
struct Pen {
    gather: Gather,
    judge: Judge,
    file: BufWriter<File>,
}

impl Pen {
    fn see(&mut self, change: Change) -> Result<()> {
        let Some(change) = self.gather.see(change) else { return Ok(()) };
        self.judge.see(&Change {
            before: change.after.clone(),
            after: change.before.clone(),
            ..change.clone()
        });
        let written = change.write_line(&mut self.file);
        written.map_err(|e| Error::environment("cannot write the changes").caused_by(&e))
    }
}

impl Comparison {
    /// Writes down at `path` what a rollback of the database at hand writes back, and counts it; with what that changes.
    pub async fn changed(
        &self,
        session: &Session,
        choice: &Choice,
        only: &[String],
        orm: bool,
        path: &Path,
    ) -> Result<(Changed, Findings)> {
        let seen = match (&self.left, &self.right) {
            (Side::File(seen), _) | (_, Side::File(seen)) => Some(&**seen),
            _ => None,
        };
        let (choice, spec) = choice.like(session, seen)?;
        let (live, _) = choice.found(session, &spec).await?;
        let gather = Gather::new(&live.resolved.sections, only, orm);
        if let Some(name) = gather.unknown(&live.resolved.sections).first() {
            let error = Error::usage(format!("nothing that is watched is called {name}"));
            return Err(error.hint("Name a model or a field of it: product.template.list_price"));
        }
        let comparable = self.left.comparable(&self.right);
        let mut notes = comparable.sentences();
        let file = File::create(path).map_err(|e| cannot("write", path, &e))?;
        let (left, right) = (self.left.sections(), self.right.sections());
        let judge = Judge::new(&[], &right, &left);
        let pen = Pen { gather, judge, file: BufWriter::new(file) };
        let (mut pen, _) =
            watch::compare(&self.left, &self.right, comparable, Way::Measured, pen, Pen::see).await?;
        let flushed = pen.file.flush().and_then(|()| pen.file.get_ref().sync_all());
        flushed.map_err(|e| cannot("write", path, &e))?;
        let Gather { counts, unwritable, came, gone, .. } = pen.gather;
        let mut sections = live.resolved.sections.clone();
        for section in &mut sections {
            section.fields.retain(|field| counts.contains_key(&format!("{}.{}", section.model, field.name)));
            section.joins.clear();
        }
        sections.retain(|section| !section.fields.is_empty());
        let (path, sha256, database) = (path.to_owned(), state::digest_of(path)?, live.database.name.clone());
        // Whether the database at hand is not the one of the snapshots.
        notes.extend(self.right.comparable(&Side::Live(Box::new(live))).sentences());
        let findings = pen.judge.findings([self.right.told(), self.left.told()], notes);
        Ok((Changed { database, path, sha256, sections, counts, unwritable, came, gone }, findings))
    }
}
