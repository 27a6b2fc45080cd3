//! Both databases of a migration, each held at one moment: what they are made of, and what the planner asks of their rows.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};

use futures_util::future::try_join_all;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

use super::{Reached, Whose};
use crate::error::{Error, Result};
use crate::facts::SideSeen;
use crate::migrate::{Ask, End, Told, remembered};
use crate::postgres::catalog::every_table;
use crate::postgres::rows::{Moment, Source};
use crate::postgres::{Session, integrity, modules, sessions, structure, words};

/// Over how many connections each of the two is asked.
const SESSIONS: usize = 3;

/// How long a question waits for a table that somebody else has locked.
const LOCKED: &str = "SET LOCAL lock_timeout = '10s'";

/// The tables of a database, by name.
pub async fn tables(source: Source) -> Result<BTreeSet<String>> {
    let session = source.connect().await?;
    Ok(every_table(&session).await?.into_keys().collect())
}

/// One of the two, held at one moment as long as this lives. Nothing can be written through it.
pub struct Side {
    /// Where it is.
    pub reached: Reached,
    /// What was seen of it.
    pub seen: SideSeen,
    moment: Moment,
    others: Vec<Session>,
}

/// Both of them.
pub struct Pair {
    /// Where rows come from.
    pub from: Side,
    /// Where they go.
    pub to: Side,
}

/// Looks at both databases, at the same time. `seconds`: how long one question may take.
pub async fn pair(from: Reached, to: Reached, seconds: u64) -> Result<Pair> {
    let (mut from, to) = tokio::try_join!(Side::of(from, seconds), Side::of(to, seconds))?;
    let remembered = remembered(&from.seen, &to.seen);
    from.seen.xml_ids.extend(remembered);
    Ok(Pair { from, to })
}

impl Side {
    async fn of(reached: Reached, seconds: u64) -> Result<Self> {
        let moment = Moment::exact(reached.source.clone()).await.map_err(|error| at(error, &reached))?;
        let mut seen = SideSeen { place: reached.shown.clone(), ..SideSeen::default() };
        // Who is connected is asked before we are, several times.
        let looked = look(&moment, &mut seen, seconds).await;
        looked.map_err(|error| at(error, &reached))?;
        let others = moment.others(SESSIONS - 1).await;
        for other in &others {
            limit(other, seconds).await?;
        }
        seen.filestore = reached.filestore.clone();
        Ok(Self { reached, seen, moment, others })
    }

    /// The session that holds the moment.
    pub fn session(&self) -> &Session {
        self.moment.session()
    }

    fn sessions(&self) -> impl Iterator<Item = &Session> {
        std::iter::once(self.moment.session()).chain(&self.others)
    }
}

/// What failed, with where: two databases are asked, so it has to be told of which.
fn at(error: Error, reached: &Reached) -> Error {
    let error = error.because(format!("this is about {}", reached.shown));
    match super::pgpass::unread().filter(|_| reached.whose == Whose::Server) {
        Some(unread) => error.because(unread),
        None => error,
    }
}

async fn limit(session: &Session, seconds: u64) -> Result<()> {
    // Many small plans: compiling them would take longer than running them.
    let limits = format!("SET LOCAL jit = off; SET LOCAL statement_timeout = '{seconds}s'; {LOCKED}");
    let failed = |e: tokio_postgres::Error| Error::environment("cannot begin to ask").because(words(&e));
    session.batch_execute(&limits).await.map_err(failed)
}

async fn look(moment: &Moment, seen: &mut SideSeen, seconds: u64) -> Result<()> {
    let session = moment.session();
    limit(session, seconds).await?;
    structure::whole(session, seen).await?;
    seen.sessions = sessions::list(session).await?;
    seen.sessions.retain(|other| other.database == seen.database);
    seen.modules = modules::modules(session).await?.map(|seen| seen.modules).unwrap_or_default();
    if seen.modules.is_empty() {
        let error = Error::input(format!("{} is no database of Odoo's: it has no modules", seen.place));
        return Err(error.hint("Which databases of this project are: odpm database list"));
    }
    seen.wiring = integrity::wiring(session).await?;
    seen.structure = structure::structure(session).await?;
    seen.xml_ids = structure::xml_ids(session).await?;
    Ok(())
}

impl Pair {
    /// Has all questions answered, in their order.
    pub async fn ask(&self, asks: Vec<Ask>) -> Result<Vec<Told>> {
        let told = RefCell::new(vec![Told::new(); asks.len()]);
        let (from, to): (Vec<_>, Vec<_>) =
            asks.into_iter().enumerate().partition(|(_, ask)| ask.end == End::From);
        tokio::try_join!(answer(&self.from, from, &told), answer(&self.to, to, &told))?;
        Ok(told.into_inner())
    }

    /// Answers whoever asks as long as there is something to ask. It is told nothing at first, and then what it has asked for.
    pub async fn inquire(&self, next: &mut dyn FnMut(Vec<Told>) -> Vec<Ask>) -> Result<()> {
        let mut told = Vec::new();
        loop {
            let asks = next(told);
            if asks.is_empty() {
                return Ok(());
            }
            told = self.ask(asks).await?;
        }
    }
}

/// Answers what one of the two is asked, over its sessions.
async fn answer(side: &Side, asks: Vec<(usize, Ask)>, told: &RefCell<Vec<Told>>) -> Result<()> {
    let waiting: RefCell<VecDeque<(usize, Ask)>> = RefCell::new(asks.into());
    try_join_all(side.sessions().map(async |session| {
        loop {
            let Some((number, ask)) = waiting.borrow_mut().pop_front() else { return Ok(()) };
            let rows = put(session, &ask.sql).await.map_err(|error| at(error, &side.reached))?;
            if let Some(place) = told.borrow_mut().get_mut(number) {
                *place = rows;
            }
        }
    }))
    .await?;
    Ok(())
}

/// One question. The savepoint gives the locks of its tables back, of which a server has not many.
async fn put(session: &Session, sql: &str) -> Result<Told> {
    let asked = format!("SAVEPOINT asked; {sql}\n; ROLLBACK TO asked; RELEASE asked");
    let messages = session.simple_query(&asked).await.map_err(|e| failed(&e, sql))?;
    let mut rows = Told::new();
    for message in messages {
        if let SimpleQueryMessage::Row(row) = message {
            rows.push((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect());
        }
    }
    Ok(rows)
}

fn failed(e: &tokio_postgres::Error, sql: &str) -> Error {
    let error = Error::environment("a question of the plan has no answer").because(words(e));
    match e.code() {
        Some(&SqlState::QUERY_CANCELED) => error.hint("Give it more time: --timeout 30m"),
        Some(&SqlState::LOCK_NOT_AVAILABLE) => error
            .hint("Another session has locked one of the tables: odpm incident sessions; try again later."),
        _ => error.because(
            sql.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect::<String>(),
        ),
    }
}
