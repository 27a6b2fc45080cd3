//! What is migrated, from where to where, as it is said with the command.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::migrate::{Conflicts, Dangling, Shared, Wanted};

/// What is wanted.
#[derive(Debug, clap::Args)]
pub struct Choice {
    /// Where rows come from: a database of this project, FOLDER or FOLDER#DB of another, postgres://ROLE@HOST/DB, docker://CONTAINER/DB
    #[arg(long, value_name = "PLACE")]
    pub from: Option<String>,
    /// Where they go, likewise; odoo.database unless given
    #[arg(long, value_name = "PLACE")]
    pub to: Option<String>,
    /// A set of tables: odpm migrate sets shows which there are
    #[arg(long = "set", value_name = "NAME", value_delimiter = ',')]
    sets: Vec<String>,
    /// One more table
    #[arg(long = "table", value_name = "TABLE", value_delimiter = ',')]
    tables: Vec<String>,
    /// A table that stays behind
    #[arg(long, value_name = "TABLE", value_delimiter = ',')]
    without: Vec<String>,
    /// A table that is never copied, and is to be all the same
    #[arg(long, value_name = "TABLE", value_delimiter = ',')]
    force: Vec<String>,
    /// What becomes of references that would dangle: TABLE.COLUMN=add|map|null|stop, or the table that they lead to
    #[arg(long = "reference", value_name = "REF=CHOICE", value_parser = pair::<Dangling>)]
    references: Vec<(String, Dangling)>,
    /// What becomes of rows that both have: TABLE=take|keep|map
    #[arg(long, value_name = "TABLE=CHOICE", value_parser = pair::<Shared>)]
    shared: Vec<(String, Shared)>,
    /// What becomes of a row whose id is another row's on the target
    #[arg(long, value_enum, value_name = "CHOICE", default_value = "stop")]
    conflicts: Conflicts,
    /// Orders, pickings and invoices come, too
    #[arg(long)]
    with_transactions: bool,
    /// Fill a copy of the target, which takes its place when it has passed; what was there is kept
    #[arg(long)]
    pub staged: bool,
    /// Over how many connections that copy is filled
    #[arg(long, value_name = "N", requires = "staged", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub jobs: u16,
    /// How long one question to a database may take: 90s, 10m
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = crate::cli::length)]
    pub timeout: u64,
    /// Do not back the target up first
    #[arg(long)]
    pub no_checkpoint: bool,
}

impl Choice {
    /// The same for the planner.
    pub fn wanted(&self) -> Result<Wanted> {
        if self.sets.is_empty() && self.tables.is_empty() && self.force.is_empty() {
            return Err(Error::usage("nothing is named that is to come")
                .hint("Name sets: --set e-commerce; which there are: odpm migrate sets")
                .hint("Or tables: --table product_template"));
        }
        Ok(Wanted {
            sets: self.sets.clone(),
            tables: self.tables.clone(),
            without: self.without.clone(),
            force: self.force.clone(),
            references: once("--reference", &self.references)?,
            shared: once("--shared", &self.shared)?,
            conflicts: self.conflicts,
            with_transactions: self.with_transactions,
            // Over one connection a copy is filled as the target itself would be.
            staged: self.staged && self.jobs > 1,
        })
    }
}

/// `NAME=CHOICE`.
fn pair<T: clap::ValueEnum>(text: &str) -> Result<(String, T), String> {
    let choices = || {
        let all = T::value_variants().iter().filter_map(|value| value.to_possible_value());
        all.map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(", ")
    };
    let (name, choice) =
        text.split_once('=').ok_or_else(|| format!("there is no =CHOICE: one of {}", choices()))?;
    match T::from_str(choice, false) {
        Ok(value) if !name.is_empty() => Ok((name.to_owned(), value)),
        _ => Err(format!("{choice:?} is none of {}", choices())),
    }
}

/// What is said twice has to be the same.
fn once<T: Copy + PartialEq>(flag: &str, said: &[(String, T)]) -> Result<BTreeMap<String, T>> {
    let mut all = BTreeMap::new();
    for (name, choice) in said {
        if all.insert(name.clone(), *choice).is_some_and(|before| before != *choice) {
            return Err(Error::usage(format!("{flag} says two things of {name}")));
        }
    }
    Ok(all)
}
