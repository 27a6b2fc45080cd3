//! Databases in plans: what stands in the way of any work on them, and the steps that planners of backups and of upgrades share.

use std::path::PathBuf;

use super::{Grounds, frame, specs};
use crate::base::suggest::nearest;
use crate::facts::DatabasesSeen;
use crate::plan::{Block, PlannedStep};
use crate::step::{DropDatabase, MoveDatabase, Neutralize, Operator, RenewIdentity, Step};

/// A server whose databases cannot be worked on.
pub fn unready(seen: &DatabasesSeen, grounds: &Grounds<'_>) -> Option<Block> {
    if let Some(block) = frame::unavailable(grounds).or_else(|| frame::stopped(grounds)) {
        return Some(block);
    }
    let why = seen.all.why()?;
    let block = Block::environment("databases_unknown", "the databases cannot be listed").because(why);
    Some(block.hint("See how the server is: odpm database status"))
}

/// A database that is not there.
pub fn missing(name: &str, seen: &DatabasesSeen) -> Option<Block> {
    if seen.find(name).is_some() {
        return None;
    }
    let all = seen.all.get().map_or(&[][..], Vec::as_slice);
    let mut block = Block::refused("no_database", format!("there is no database {name}"));
    if let Some(near) = nearest(name, all.iter().map(|database| database.name.as_str())) {
        block = block.hint(format!("Did you mean {near}?"));
    }
    Some(block.hint("See which there are: odpm database list"))
}

/// Who acts on databases, and for which run.
#[derive(Clone, Debug)]
pub struct Hand<'a> {
    /// Who.
    pub operator: Operator,
    /// The grounds of the plan.
    pub grounds: Grounds<'a>,
}

impl Hand<'_> {
    /// A name of odpm's own for this run: `odpm_new_1a2b3c4d`.
    pub fn own_name(&self, what: &str) -> String {
        format!("odpm_{what}_{}", self.grounds.run.short())
    }

    /// The folder above the databases' folders of files.
    pub fn filestore(&self) -> PathBuf {
        specs::filestore(self.grounds.project)
    }

    /// The place of a backup of a database among the project's own; `end` is the rest of its name: `20261121T081500Z.odpm`.
    pub fn backup(&self, database: &str, end: &str) -> PathBuf {
        let letter = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let name: String = database.chars().map(letter).collect();
        self.grounds.project.backup.path.join(format!("{name}-{end}"))
    }

    /// A database takes a name. `keep`: what has that name already is kept under another one, closed, with a word on it.
    pub fn moved(&self, from: &str, to: &str, keep: Option<(&str, &str)>, open: bool, mark: &str) -> Step {
        Step::MoveDatabase(Box::new(MoveDatabase {
            operator: self.operator.clone(),
            from: from.to_owned(),
            to: to.to_owned(),
            expect: None,
            keep: keep.map(|(name, _)| name.to_owned()),
            keep_expect: None,
            keep_mark: keep.map_or_else(String::new, |(_, mark)| mark.to_owned()),
            open,
            mark: mark.to_owned(),
            filestore: self.filestore(),
        }))
    }

    /// A database is dropped with its files.
    pub fn dropped(&self, name: &str) -> Step {
        let (operator, filestore) = (self.operator.clone(), self.filestore());
        Step::DropDatabase(Box::new(DropDatabase { operator, name: name.to_owned(), filestore }))
    }

    /// A copy gets an identity of its own.
    pub fn renewed(&self, database: &str) -> PlannedStep {
        let step = RenewIdentity { operator: self.operator.clone(), database: database.to_owned() };
        let reason = "a copy must not be taken for its original";
        PlannedStep::new("renew-identity", Step::RenewIdentity(Box::new(step)), reason)
    }

    /// What a database does outside is switched off.
    pub fn neutralized(&self, database: &str) -> PlannedStep {
        let (addons, image) = specs::addons(self.grounds.project);
        let step =
            Neutralize { operator: self.operator.clone(), database: database.to_owned(), addons, image };
        let reason = "mail, payments, crons, webhooks and keys must not reach the world outside";
        PlannedStep::new("neutralize", Step::Neutralize(Box::new(step)), reason)
    }
}
