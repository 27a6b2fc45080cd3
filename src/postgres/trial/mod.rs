//! A script in a transaction that is rolled back, or committed once it did what it should.
//!
//! The transaction sees one moment, and a witness beside it sees the same: what differs between the two at the end is what the
//! script did, to the row, whatever others do meanwhile.

mod effects;
mod failure;
mod images;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::connect::Session;
use super::rows::{EXACT, Source};
use crate::base::quote::{ident, literal};
use crate::error::{Error, Result};
use crate::script::{Script, Statement, Truncate, reaching};
use crate::step::ScriptTerms;

pub use effects::Effects;
use failure::{failed, of};
pub use images::Kept;

/// How long whoever is at work still is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked.
const BEAT: Duration = Duration::from_millis(200);

/// A transaction at work, and its witness.
pub struct Trial {
    session: Session,
    witness: Session,
    terms: ScriptTerms,
    /// The first transaction id that is not of this moment.
    after: u64,
    /// Tables that the script empties, with their rows.
    emptied: BTreeMap<u32, u64>,
}

/// What a script took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// How long.
    pub time: Duration,
    /// How much of the log was written meanwhile, by whomever.
    pub wal_bytes: u64,
}

impl Trial {
    /// Begins the transaction, and lets a witness see the same moment.
    pub async fn begin(source: &Source, terms: ScriptTerms) -> Result<Self> {
        let (session, witness) = (source.connect().await?, source.connect().await?);
        let begin = failed("begin");
        session.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE").await.map_err(&begin)?;
        let question = "SELECT pg_export_snapshot(), pg_snapshot_xmax(pg_current_snapshot())::text, \
             current_setting('track_counts')";
        let row = session.query_one(question, &[]).await.map_err(&begin)?;
        if row.get::<_, String>(2) != "on" {
            return Err(Error::environment("the server does not count what a transaction does")
                .because("track_counts is off")
                .hint("Switch it on, as it is by default: ALTER SYSTEM RESET track_counts"));
        }
        let see = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET TRANSACTION SNAPSHOT {}; {EXACT}; SET LOCAL lock_timeout = '10s'",
            literal(&row.get::<_, String>(0))
        );
        witness.batch_execute(&see).await.map_err(&begin)?;
        let after = row.get::<_, String>(1).parse().unwrap_or_default();
        let trial = Self { session, witness, terms, after, emptied: BTreeMap::new() };
        trial.as_scripts().await?;
        Ok(trial)
    }

    /// The transaction, for questions; values read as they can be written back once [`Self::as_records`] was called.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The settings that a script finds: those of the role and the database. Where nobody waits for its end any more, a
    /// statement ends by itself.
    async fn as_scripts(&self) -> Result<()> {
        let ScriptTerms { lock_timeout, statement_timeout } = self.terms;
        let set = format!(
            "RESET ALL; SET LOCAL lock_timeout = '{lock_timeout}s'; SET LOCAL statement_timeout = '{statement_timeout}s'; \
             SET LOCAL idle_in_transaction_session_timeout = 0; \
             SELECT set_config(name, '1000', true) FROM pg_settings WHERE name = 'client_connection_check_interval'"
        );
        self.session.batch_execute(&set).await.map_err(failed("begin"))
    }

    /// The settings in which rows are recorded, whatever the script has set.
    pub async fn as_records(&self) -> Result<()> {
        let lock = self.terms.lock_timeout;
        let set = format!("RESET ROLE; RESET ALL; {EXACT}; SET LOCAL lock_timeout = '{lock}s'");
        self.session.batch_execute(&set).await.map_err(failed("look at what the script did"))
    }

    /// What only the database knows of a script, before anything of it runs.
    pub async fn examine(&self, script: &Script) -> Result<()> {
        for statement in &script.statements {
            self.within_its_names(script, statement).await?;
        }
        let question = "SELECT proname::text FROM pg_proc WHERE prokind = 'p' AND proname::text = ANY ($1) \
             AND prosrc ~* '(^|;|\\mbegin|\\mthen|\\melse|\\mloop)\\s*(commit|rollback)\\s*(;|\\mand\\M|$)'";
        let rows =
            self.session.query(question, &[&script.calls]).await.map_err(failed("look at procedures"))?;
        match rows.first() {
            None => Ok(()),
            Some(row) => {
                Err(Error::refused(format!("the procedure {} ends transactions", row.get::<_, String>(0)))
                    .because("all of a script is one transaction, so that it can be rehearsed and taken back")
                    .hint("Nothing was run. Call it by itself: odpm psql"))
            }
        }
    }

    /// Refuses a cascade that empties what its statement does not name.
    async fn within_its_names(&self, script: &Script, statement: &Statement) -> Result<()> {
        let Some(truncate) = statement.truncate.as_ref().filter(|truncate| truncate.cascade) else {
            return Ok(());
        };
        let beyond = self.beyond(truncate).await?;
        match beyond.is_empty() {
            true => Ok(()),
            false => Err(reaching(&beyond, script.problem(statement.at, ""))),
        }
    }

    /// The tables that a cascade empties and its statement does not name.
    async fn beyond(&self, truncate: &Truncate) -> Result<Vec<String>> {
        let question = "WITH RECURSIVE named(oid) AS (SELECT to_regclass(name)::oid FROM unnest($1::text[]) name), \
             reached(oid) AS (SELECT oid FROM named UNION SELECT k.conrelid FROM pg_constraint k \
             JOIN reached r ON k.confrelid = r.oid WHERE k.contype = 'f') \
             SELECT c.relname::text FROM reached JOIN pg_class c USING (oid) \
             WHERE oid NOT IN (SELECT oid FROM named WHERE oid IS NOT NULL) ORDER BY 1";
        let rows = self.session.query(question, &[&names(truncate)]).await;
        Ok(rows.map_err(failed("follow the references"))?.iter().map(|row| row.get(0)).collect())
    }

    /// Runs the script. A statement that fails is told with its place.
    pub async fn run(&mut self, script: &Script) -> Result<Took> {
        let (begun, log) = (Instant::now(), self.log_position().await?);
        for statement in &script.statements {
            if let Some(truncate) = &statement.truncate {
                // The script may have made the tables, or a schema is searched that was not.
                self.within_its_names(script, statement).await?;
                self.count(truncate).await?;
            }
            // By the extended protocol, which takes one statement and no more.
            self.session.execute_typed(&statement.text, &[]).await.map_err(|e| of(script, statement, &e))?;
        }
        let late = self.session.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await;
        late.map_err(|e| {
            failed("hold what is checked at the end of the script")(e).hint("All of it was taken back.")
        })?;
        let time = begun.elapsed();
        Ok(Took { time, wal_bytes: self.log_position().await?.saturating_sub(log) })
    }

    async fn log_position(&self) -> Result<u64> {
        let question = "SELECT (pg_current_wal_insert_lsn() - '0/0')::text";
        let row = self.session.query_one(question, &[]).await.map_err(failed("ask how far the log is"))?;
        Ok(row.get::<_, String>(0).parse().unwrap_or_default())
    }

    /// How many rows go with a TRUNCATE: PostgreSQL does not count them.
    async fn count(&mut self, truncate: &Truncate) -> Result<()> {
        let question = "WITH RECURSIVE named(oid) AS (SELECT to_regclass(name)::oid FROM unnest($1::text[]) name \
             UNION SELECT inhrelid FROM pg_inherits JOIN named ON inhparent = named.oid) \
             SELECT c.oid, n.nspname::text, c.relname::text FROM named JOIN pg_class c USING (oid) \
             JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relpersistence <> 't' AND c.relkind = 'r'";
        let counting = failed("count the rows that a TRUNCATE takes");
        for row in self.session.query(question, &[&names(truncate)]).await.map_err(&counting)? {
            let (schema, table): (String, String) = (row.get(1), row.get(2));
            let count = format!("SELECT count(*) FROM ONLY {}.{}", ident(&schema), ident(&table));
            let rows: i64 = self.session.query_one(&count, &[]).await.map_err(&counting)?.get(0);
            *self.emptied.entry(row.get(0)).or_default() += u64::try_from(rows).unwrap_or_default();
        }
        Ok(())
    }

    /// Takes all of it back.
    pub async fn give_up(self) -> Result<()> {
        self.session.batch_execute("ROLLBACK").await.map_err(failed("take the script back"))
    }

    /// Makes sure that nobody gets its number after a crash of the server, which gives those away again that its log does not
    /// know: the log is written out as far as it is.
    /// A role that may not do that goes without.
    pub async fn hold_number(&self) {
        let _ = self.witness.batch_execute("COMMIT").await;
        hold_number(&self.witness).await;
    }

    /// Commits. Odoo's processes are told that what they remember is old.
    pub async fn commit(self, tables: &[&str]) -> Result<()> {
        let safe = self.session.batch_execute("SET LOCAL synchronous_commit = on").await;
        safe.map_err(failed("commit"))?;
        super::patch::commit(&self.session, tables).await
    }
}

/// Writes the log out as far as it is, over another session than the one whose number is to be held: see [`Trial::hold_number`].
pub async fn hold_number(session: &Session) {
    let flush = "SET synchronous_commit = on; SELECT pg_logical_emit_message(true, 'odpm', 'work is about to be committed')";
    let _ = session.batch_execute(flush).await;
}

/// The number of the transaction at hand; `None` where nothing was written.
pub async fn number(session: &Session) -> Result<Option<String>> {
    let question = "SELECT pg_current_xact_id_if_assigned()::text";
    let row = session.query_one(question, &[]).await.map_err(failed("ask for the transaction's number"))?;
    Ok(row.get(0))
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was committed.
    Committed,
    /// It was not.
    Undone,
    /// The server has forgotten it.
    Forgotten,
}

/// What became of a transaction that another session has begun; one that is still at work is waited for.
pub async fn fate(session: &Session, number: &str) -> Result<Fate> {
    let asking = failed("ask what became of the transaction");
    let begun = Instant::now();
    loop {
        let row =
            session.query_one("SELECT pg_xact_status($1::text::xid8)", &[&number]).await.map_err(&asking)?;
        match row.get::<_, Option<String>>(0).as_deref() {
            Some("committed") => return Ok(Fate::Committed),
            Some("aborted") => return Ok(Fate::Undone),
            Some(_) if begun.elapsed() < PATIENCE => tokio::time::sleep(BEAT).await,
            Some(_) => {
                return Err(Error::refused("the attempt before this one is still at work in the server")
                    .because(format!("its transaction is {number}"))
                    .hint("Look who it is: odpm incident sessions; then go on: odpm apply --resume"));
            }
            None => return Ok(Fate::Forgotten),
        }
    }
}

/// The names of a TRUNCATE as PostgreSQL reads them.
fn names(truncate: &Truncate) -> Vec<String> {
    let name = |(schema, table): &(Option<String>, String)| match schema {
        Some(schema) => format!("{}.{}", ident(schema), ident(table)),
        None => ident(table),
    };
    truncate.tables.iter().map(name).collect()
}
