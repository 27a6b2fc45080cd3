//! Databases as the watchdog sees them: held at one moment, written down, compared.
//!
//! The planner [`crate::watchdog`] says what is read and judges what differs; here it is read, written to a snapshot, and merged.

mod compare;
mod narrow;
mod shell;
mod take;
mod who;

use std::io::Read;

use jiff::Timestamp;

use crate::base::quote::ident;
use crate::error::{Error, Result};
use crate::facts::{Catalog, FieldTaken, SectionTaken, Skipped, SnapshotDatabase};
use crate::incident::Links;
use crate::postgres::catalog::{catalog, every_table, models, references};
use crate::postgres::rows::{Counts, Form, Moment, Source};
use crate::postgres::words;
use crate::rows::{Enriched, Further, Lines, Section};
use crate::watchdog::{self, Columns, Resolved, Spec};

pub use compare::{LIVE, Side, Way, compare};
pub use take::{Order, take};
pub use who::who;

/// A database at one moment, with the queries for what is watched in it.
pub struct Watched {
    /// The moment.
    pub moment: Moment,
    /// When that is.
    pub at: Timestamp,
    /// What the database says of itself.
    pub catalog: Catalog,
    /// What is read of it, and what is not.
    pub resolved: Resolved,
    /// Which database it is.
    pub database: SnapshotDatabase,
    /// What the Odoo shell told.
    further: Further,
    /// How long the watch has been going on.
    begun: std::time::Instant,
}

impl Watched {
    /// Holds the moment, and finds out what of the specification this database has.
    pub async fn begin(source: Source, spec: &Spec) -> Result<Self> {
        let begun = std::time::Instant::now();
        let moment = Moment::of(source).await?;
        let models: Vec<String> = spec.models.keys().cloned().collect();
        let catalog = catalog(moment.session(), &models, &watchdog::TABLES).await?;
        let resolved = watchdog::resolve(spec, &catalog, true);
        let (database, at) = identity(&moment, &catalog).await?;
        Ok(Self { moment, at, catalog, resolved, database, further: Further::new(), begun })
    }

    /// Holds the moment, for these tables with all their columns, or for every one, as people may see them.
    pub async fn whole(source: Source, tables: &[String]) -> Result<Self> {
        Self::tables(Moment::of(source).await?, tables, Columns::Shown).await
    }

    /// The same, for values that are written back: no digit is lost and no secret replaced.
    pub async fn exact(source: Source, tables: &[String]) -> Result<Self> {
        Self::tables(Moment::exact(source).await?, tables, Columns::Exact).await
    }

    async fn tables(moment: Moment, tables: &[String], columns: Columns) -> Result<Self> {
        let begun = std::time::Instant::now();
        // Only what is written back has to know which objects hold a value for each company or language.
        let models = match columns {
            Columns::Shown => Vec::new(),
            Columns::Exact => models(moment.session()).await?,
        };
        let mut catalog = catalog(moment.session(), &models, &[]).await?;
        catalog.tables = every_table(moment.session()).await?;
        let resolved = watchdog::whole(&catalog, tables, columns);
        let (database, at) = identity(&moment, &catalog).await?;
        Ok(Self { moment, at, catalog, resolved, database, further: Further::new(), begun })
    }

    /// How its tables refer to each other.
    pub async fn links(&self) -> Result<Links> {
        let references = references(self.moment.session()).await?;
        let sections = self.resolved.sections.iter();
        let keys = sections.map(|section| (section.table.clone(), section.keys.clone())).collect();
        Ok(Links { references, keys })
    }

    /// There is no Odoo to ask: what only it can compute is not read.
    pub fn without_shell(&mut self, spec: &Spec) {
        self.resolved = watchdog::resolve(spec, &self.catalog, false);
    }

    /// Leaves out the project's own queries that this database does not answer any more, and says of each why.
    pub async fn as_far_as_it_answers(&mut self, spec: &Spec) -> Result<()> {
        let mut answered = spec.clone();
        let mut silent = Vec::new();
        for (model, queries) in &spec.derive {
            let Some((table, _)) = self.catalog.table_of(model) else { continue };
            for (name, query) in queries {
                let Some(why) = self.silent(&table, query).await? else { continue };
                if let Some(queries) = answered.derive.get_mut(model) {
                    queries.remove(name);
                }
                silent.push(Skipped { model: model.clone(), field: Some(name.clone()), why });
            }
        }
        self.resolved = watchdog::resolve(&answered, &self.catalog, false);
        self.resolved.skipped.extend(silent);
        Ok(())
    }

    /// Why the database does not answer a query; `None` where it does. None of its rows are read.
    async fn silent(&self, table: &str, query: &str) -> Result<Option<String>> {
        let failed = |e| Error::environment("cannot ask the database").caused_by(&e);
        let question = format!("SELECT FROM {} t {} LIMIT 0", ident(table), watchdog::joined(query, "q"));
        let session = self.moment.session();
        session.batch_execute("SAVEPOINT asked").await.map_err(failed)?;
        let answer = session.query_typed(&question, &[]).await;
        session.batch_execute("ROLLBACK TO asked; RELEASE asked").await.map_err(failed)?;
        Ok(answer.err().map(|e| format!("its query has no answer: {}", words(&e))))
    }

    /// Its rows as lines of JSON, over so many connections; and their numbers.
    async fn lines(&self) -> Result<(Box<dyn Read + Send>, Counts)> {
        let rows = self.moment.read(&self.resolved.sections, &self.catalog, Form::Json, take::JOBS).await?;
        let counts = rows.counts();
        let wanted = self.wanted_of_shell();
        if wanted.is_empty() {
            return Ok((Box::new(rows), counts));
        }
        let lines = Lines::new(rows, format!("the database {}", self.database.name));
        Ok((Box::new(Enriched::new(lines, wanted, self.further.clone())), counts))
    }

    /// What is read, as a snapshot records it, with these numbers of rows.
    fn sections(&self, rows: &[u64]) -> Vec<SectionTaken> {
        let counts = rows.iter().copied().chain(std::iter::repeat(0));
        self.resolved
            .sections
            .iter()
            .zip(counts)
            .map(|(section, rows)| section_taken(section, rows))
            .collect()
    }
}

fn section_taken(section: &Section, rows: u64) -> SectionTaken {
    let field = |field: &crate::rows::Field| FieldTaken {
        name: field.name.clone(),
        kind: field.kind,
        origin: field.origin,
        noise: field.noise,
    };
    SectionTaken { model: section.model.clone(), rows, fields: section.fields.iter().map(field).collect() }
}

async fn identity(moment: &Moment, catalog: &Catalog) -> Result<(SnapshotDatabase, Timestamp)> {
    // On a server that follows another there is no position to write at, only one that was replayed.
    let question = "SELECT d.datname::text, d.oid, s.system_identifier::text, current_setting('server_version'), \
         (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)::text, \
         (extract(epoch FROM clock_timestamp()) * 1000000)::bigint \
         FROM pg_database d, pg_control_system() s WHERE d.datname = current_database()";
    let failed = || Error::environment("cannot ask the database who it is");
    let rows = moment.session().query_typed(question, &[]).await.map_err(|e| failed().caused_by(&e))?;
    let row = rows.first().ok_or_else(failed)?;
    let at = Timestamp::from_microsecond(row.get(5)).map_err(|e| failed().caused_by(&e))?;
    let database = SnapshotDatabase {
        name: row.get(0),
        oid: row.get(1),
        system_identifier: row.get(2),
        server_version: row.get::<_, String>(3).split_whitespace().next().unwrap_or_default().to_owned(),
        lsn: row.get::<_, Option<String>>(4).unwrap_or_default(),
        modules: catalog.modules.clone(),
    };
    Ok((database, at))
}
