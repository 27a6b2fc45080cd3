//! Whole databases: what there is, made, renamed, copied, dropped.

use std::time::Duration;

use super::connect::Session;
use super::probe::words;
use crate::base::quote::{ident, literal};
use crate::error::{Error, Result};
use crate::facts::{DatabaseSeen, MARK, OWN, OdooSeen, mark_of};

/// How long sessions that are told to end may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn failed(what: impl Into<String>, e: &tokio_postgres::Error) -> Error {
    Error::environment(what).because(words(e))
}

/// The databases of the cluster, templates left out. Odoo in them is seen by [`odoo`].
pub async fn list(session: &Session) -> Result<Vec<DatabaseSeen>> {
    let question = "SELECT d.datname, pg_get_userbyid(d.datdba), \
         CASE WHEN has_database_privilege(d.oid, 'CONNECT') THEN pg_database_size(d.oid) END, \
         (SELECT count(*) FROM pg_stat_activity a WHERE a.datid = d.oid AND a.pid <> pg_backend_pid()), \
         shobj_description(d.oid, 'pg_database'), d.datallowconn \
         FROM pg_database d WHERE NOT d.datistemplate ORDER BY d.datname";
    let rows = session.query(question, &[]).await.map_err(|e| failed("cannot list the databases", &e))?;
    Ok(rows
        .iter()
        .map(|row| DatabaseSeen {
            name: row.get(0),
            owner: row.get(1),
            bytes: row.get::<_, Option<i64>>(2).and_then(|bytes| u64::try_from(bytes).ok()),
            sessions: u32::try_from(row.get::<_, i64>(3)).unwrap_or(u32::MAX),
            comment: row.get(4),
            open: row.get(5),
            odoo: None,
        })
        .collect())
}

/// Odoo in the session's database; `None` where there is none.
pub async fn odoo(session: &Session) -> Result<Option<OdooSeen>, tokio_postgres::Error> {
    if !has_table(session, "ir_module_module").await? {
        return Ok(None);
    }
    let question = "SELECT (SELECT latest_version FROM ir_module_module WHERE name = 'base'), \
         (SELECT count(*) FROM ir_module_module WHERE state = 'installed'), \
         EXISTS (SELECT FROM ir_config_parameter WHERE key = 'database.is_neutralized' AND value ILIKE 'true')";
    let row = session.query_one(question, &[]).await?;
    Ok(row.get::<_, Option<String>>(0).map(|version| OdooSeen {
        version,
        modules: u32::try_from(row.get::<_, i64>(1)).unwrap_or(u32::MAX),
        neutralized: row.get(2),
    }))
}

/// Whether the database has a table of this name where sessions look first.
pub async fn has_table(session: &Session, name: &str) -> Result<bool, tokio_postgres::Error> {
    let row = session.query_one("SELECT to_regclass($1) IS NOT NULL", &[&format!("public.{name}")]).await?;
    Ok(row.get(0))
}

/// Whether there is a database of this name.
pub async fn exists(session: &Session, name: &str) -> Result<bool> {
    Ok(number(session, name).await?.is_some())
}

/// PostgreSQL's number for a database; `None` where there is none of this name.
pub async fn number(session: &Session, name: &str) -> Result<Option<u32>> {
    let row = session.query_opt("SELECT oid FROM pg_database WHERE datname = $1", &[&name]).await;
    let row = row.map_err(|e| failed(format!("cannot look at the database {name}"), &e))?;
    Ok(row.map(|row| row.get(0)))
}

/// Makes an empty database as Odoo makes its own. One of this name that carries our mark goes first.
pub async fn create(session: &Session, name: &str, owner: &str, mark: &str) -> Result<()> {
    make_room(session, name).await?;
    let create = format!(
        "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' {UNBORN}",
        ident(name),
        ident(owner)
    );
    run(session, &create, &format!("cannot make the database {name}")).await?;
    present(session, name, mark).await
}

/// How a database comes into being: in the very statement that makes it, it is closed. What carries a name of odpm's own, is
/// closed and has nothing written on it was left by an odpm that died before the next statement.
const UNBORN: &str = "ALLOW_CONNECTIONS false";

/// Marks a new database and opens it, at once or not at all.
async fn present(session: &Session, name: &str, mark: &str) -> Result<()> {
    let open = format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true", ident(name));
    let both = format!("BEGIN; {}; {open}; COMMIT", marking(name, mark));
    let done = run(session, &both, &format!("cannot mark the database {name}")).await;
    if done.is_err() {
        let _ = session.batch_execute("ROLLBACK").await;
    }
    done
}

/// Ends what an odpm that died has left at work: the server goes on making a database for nobody, and is as good as not to be seen
/// until it has done so. `part` is in the statement.
async fn end_making(session: &Session, part: &str) -> Result<()> {
    let question = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE starts_with(query, 'CREATE DATABASE ') \
         AND position($1 IN query) > 0 AND state = 'active' AND application_name = 'odpm' AND pid <> pg_backend_pid()";
    let begin = std::time::Instant::now();
    loop {
        let row = session.query_one(question, &[&part]).await;
        let row = row.map_err(|e| failed("cannot end what an earlier attempt has left at work", &e))?;
        if row.get::<_, i64>(0) == 0 {
            return Ok(());
        }
        if begin.elapsed() > PATIENCE {
            return Err(Error::environment("an earlier attempt is at work still, and does not end")
                .hint("See it: SELECT * FROM pg_stat_activity; when it has ended, resume."));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Drops what an attempt before this one has left. Anything else keeps its name: a name alone is no mark.
async fn make_room(session: &Session, name: &str) -> Result<()> {
    end_making(session, &format!("DATABASE {} ", ident(name))).await?;
    let question =
        "SELECT shobj_description(oid, 'pg_database'), datallowconn FROM pg_database WHERE datname = $1";
    let row = session.query_opt(question, &[&name]).await;
    let row = row.map_err(|e| failed(format!("cannot look at the database {name}"), &e))?;
    let ours = |row: &tokio_postgres::Row| mark_of(name, row.get(0), row.get(1)).is_some();
    match row {
        Some(row) if ours(&row) => drop_database(session, name).await,
        Some(_) => Err(taken(name)),
        None => Ok(()),
    }
}

fn taken(name: &str) -> Error {
    Error::refused(format!("there is a database {name} already, and odpm did not make it"))
        .hint("See it: odpm database list")
}

/// The statement that writes a mark on a database.
fn marking(name: &str, mark: &str) -> String {
    let text = if mark.is_empty() { "NULL".to_owned() } else { literal(&format!("{MARK}{mark}")) };
    format!("COMMENT ON DATABASE {} IS {text}", ident(name))
}

/// The same, where an empty mark gives way to what people have written.
fn labelling(name: &str, mark: &str, written: Option<&str>) -> String {
    match written.filter(|_| mark.is_empty()) {
        Some(written) => format!("COMMENT ON DATABASE {} IS {}", ident(name), literal(written)),
        None => marking(name, mark),
    }
}

async fn run(session: &Session, statement: &str, what: &str) -> Result<()> {
    session.batch_execute(statement).await.map_err(|e| failed(what, &e))
}

/// Makes the extensions that the server has and the session's database has not. Odoo searches without accents through an index,
/// for which the function has to be called immutable, as Odoo itself calls it.
pub async fn extend(session: &Session, wanted: &[String]) -> Result<()> {
    let missing = super::probe::missing_extensions(session, wanted).await;
    for name in missing.map_err(|e| failed("cannot look for extensions", &e))? {
        let create = format!("CREATE EXTENSION IF NOT EXISTS {} WITH SCHEMA public", ident(&name));
        run(session, &create, &format!("cannot make the extension {name}")).await?;
    }
    let question = "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e' \
         JOIN pg_extension e ON e.oid = d.refobjid WHERE e.extname = 'unaccent' AND p.proname = 'unaccent' AND p.provolatile <> 'i' \
         AND pg_has_role(p.proowner, 'MEMBER')";
    let rows = session.query(question, &[]).await.map_err(|e| failed("cannot look for unaccent", &e))?;
    for row in rows {
        let alter = format!("ALTER FUNCTION {} IMMUTABLE", row.get::<_, String>(0));
        run(session, &alter, "cannot make unaccent fit for an index").await?;
    }
    Ok(())
}

/// Ends every session in a database but this one, and lets no new one in. Tells whether it took connections before; where nothing
/// comes of it, it takes them again.
async fn empty(session: &Session, name: &str) -> Result<bool> {
    let question = "SELECT COALESCE((SELECT datallowconn FROM pg_database WHERE datname = $1), false)";
    let row = session.query_one(question, &[&name]).await;
    let before: bool = row.map_err(|e| failed(format!("cannot look at the database {name}"), &e))?.get(0);
    let close = format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false", ident(name));
    run(session, &close, &format!("cannot close the database {name}")).await?;
    let left = nobody_left(session, name).await;
    if left.is_err() {
        as_before(session, name, before).await;
    }
    left.map(|()| before)
}

/// Opens a database that was open before work on it failed. That this fails too is not what went wrong.
async fn as_before(session: &Session, name: &str, before: bool) {
    if before {
        let _ = open(session, name).await;
    }
}

async fn nobody_left(session: &Session, name: &str) -> Result<()> {
    let left = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()";
    let begin = std::time::Instant::now();
    loop {
        let row = session.query_one(left, &[&name]).await;
        let row = row.map_err(|e| failed(format!("cannot end the sessions in {name}"), &e))?;
        if row.get::<_, i64>(0) == 0 {
            return Ok(());
        }
        if begin.elapsed() > PATIENCE {
            return Err(Error::environment(format!("somebody stays in the database {name}"))
                .hint("See who: SELECT * FROM pg_stat_activity; end the session, then resume."));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn open(session: &Session, name: &str) -> Result<()> {
    let statement = format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true", ident(name));
    run(session, &statement, &format!("cannot open the database {name}")).await
}

/// What people have said of a database, which no template brings along.
#[derive(Debug, Default)]
struct Label {
    /// What is written on it, unless that is a mark of ours.
    comment: Option<String>,
    /// How many connections it takes, where that is limited.
    limit: Option<i32>,
}

async fn label(session: &Session, name: &str) -> Result<Label> {
    let question =
        "SELECT shobj_description(oid, 'pg_database'), datconnlimit FROM pg_database WHERE datname = $1";
    let row = session.query_opt(question, &[&name]).await;
    let Some(row) = row.map_err(|e| failed(format!("cannot look at the database {name}"), &e))? else {
        return Ok(Label::default());
    };
    let comment = row.get::<_, Option<String>>(0).filter(|comment| !comment.starts_with(MARK));
    Ok(Label { comment, limit: Some(row.get(1)).filter(|limit| *limit >= 0) })
}

/// Another name for a database.
#[derive(Clone, Copy, Debug)]
pub struct Renaming<'a> {
    /// Its name now.
    pub from: &'a str,
    /// Its name then.
    pub to: &'a str,
    /// Our mark on it then; what people have written on it when empty.
    pub mark: &'a str,
    /// The name that whatever has that name now is kept under, and what is written on that one.
    pub keep: Option<(&'a str, &'a str)>,
}

/// Renames in one transaction, with what is written on each: at no moment does a database in service carry the mark of one
/// that may be dropped. What takes another's place takes over what was written on that one, and its limit of connections. Done
/// work is found done.
pub async fn rename(session: &Session, renaming: Renaming<'_>) -> Result<()> {
    let Renaming { from, to, mark, keep } = renaming;
    if !exists(session, from).await? {
        return match exists(session, to).await? {
            true => Ok(()),
            false => Err(Error::environment(format!("there is no database {from}"))),
        };
    }
    let replaced = exists(session, to).await?;
    let (own, others) = (label(session, from).await?, label(session, to).await?);
    let mut statements = String::new();
    let mut was_open = false;
    match keep.filter(|_| replaced) {
        Some((keep, mark)) => {
            was_open = empty(session, to).await?;
            statements.push_str(&format!("ALTER DATABASE {} RENAME TO {};", ident(to), ident(keep)));
            statements.push_str(&format!("{};", marking(keep, mark)));
        }
        None if replaced => return Err(taken(to)),
        None => {}
    }
    let emptied = empty(session, from).await;
    if emptied.is_err() {
        as_before(session, to, was_open).await;
    }
    let from_open = emptied?;
    statements.push_str(&format!("ALTER DATABASE {} RENAME TO {};", ident(from), ident(to)));
    statements.push_str(&labelling(to, mark, own.comment.or(others.comment).as_deref()));
    if let Some(limit) = others.limit {
        statements.push_str(&format!("; ALTER DATABASE {} CONNECTION LIMIT {limit}", ident(to)));
    }
    let renamed =
        run(session, &format!("BEGIN; {statements}; COMMIT"), &format!("cannot rename {from} to {to}")).await;
    if renamed.is_err() {
        // Both stay in service under the names that they had.
        let _ = session.batch_execute("ROLLBACK").await;
        as_before(session, from, from_open).await;
        as_before(session, to, was_open).await;
    }
    renamed
}

/// Has a database take no connections, or take them again.
pub async fn close(session: &Session, name: &str, closed: bool) -> Result<()> {
    if closed { empty(session, name).await.map(drop) } else { open(session, name).await }
}

/// Sets whether a database takes connections and what is written on it.
pub async fn settle(session: &Session, name: &str, takes: bool, mark: &str) -> Result<()> {
    let written = label(session, name).await?.comment;
    let labelling = labelling(name, mark, written.as_deref());
    run(session, &labelling, &format!("cannot mark the database {name}")).await?;
    if takes { open(session, name).await } else { empty(session, name).await.map(drop) }
}

/// Opens databases that an attempt has closed and not opened again, and tells which. What only we name stays as it is. A copy of
/// one of them that is made still is for nobody.
pub async fn reopen(session: &Session, names: &[&str]) -> Result<Vec<String>> {
    for name in names {
        end_making(session, &format!(" TEMPLATE {} ", ident(name))).await?;
    }
    let question = "SELECT datname::text FROM pg_database WHERE datname = ANY ($1) AND NOT datallowconn AND NOT datistemplate";
    let rows = session.query(question, &[&names]).await;
    let rows = rows.map_err(|e| failed("cannot look at the databases", &e))?;
    let closed: Vec<String> =
        rows.iter().map(|row| row.get(0)).filter(|name: &String| !name.starts_with(OWN)).collect();
    for name in &closed {
        open(session, name).await?;
    }
    Ok(closed)
}

/// Copies a database by template; sessions in the original are ended while that lasts. A copy that carries our mark was not
/// finished and is made anew. What is set on the original itself, which no template brings along, is set on the copy before anybody gets in; what of that
/// could not be set is told.
pub async fn duplicate(
    session: &Session,
    from: &str,
    to: &str,
    owner: &str,
    mark: &str,
    keep_closed: bool,
) -> Result<Vec<String>> {
    make_room(session, to).await?;
    let strategy = strategy(session, from).await;
    empty(session, from).await?;
    let (to_name, owner_name, from_name) = (ident(to), ident(owner), ident(from));
    let create =
        format!("CREATE DATABASE {to_name} OWNER {owner_name} TEMPLATE {from_name}{strategy} {UNBORN}");
    let made = run(session, &create, &format!("cannot copy {from} to {to}")).await;
    if !keep_closed {
        open(session, from).await?;
    }
    made?;
    let left = super::database_settings::carry(session, from, to, owner).await?;
    present(session, to, mark).await?;
    Ok(left)
}

/// From how many bytes on files are copied.
const LARGE: i64 = 100_000_000;

/// How a large database is copied: its files, between two checkpoints, rather than page by page through the log, which would get
/// all of it once more, and the archive with it. While a base backup is taken that is not done: a recovery from it would copy the
/// files anew, as they are by then. What cannot be learned leaves it to the server.
async fn strategy(session: &Session, from: &str) -> &'static str {
    let modern = "SELECT current_setting('server_version_num')::integer >= 150000";
    let question = "SELECT pg_database_size(oid) >= $2 \
         AND NOT EXISTS (SELECT FROM pg_stat_progress_basebackup) \
         AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name LIKE 'pgBackRest [%') \
         FROM pg_database WHERE datname = $1";
    let modern = session.query_one(modern, &[]).await.is_ok_and(|row| row.get(0));
    let files = modern && session.query_one(question, &[&from, &LARGE]).await.is_ok_and(|row| row.get(0));
    if files { " STRATEGY file_copy" } else { "" }
}

/// The size of a database in bytes; `None` where there is none of this name.
pub async fn size(session: &Session, name: &str) -> Result<Option<u64>> {
    let question = "SELECT pg_database_size(oid) FROM pg_database WHERE datname = $1";
    let row = session.query_opt(question, &[&name]).await;
    let row = row.map_err(|e| failed(format!("cannot look at the database {name}"), &e))?;
    Ok(row.and_then(|row| u64::try_from(row.get::<_, i64>(0)).ok()))
}

/// Drops a database; one that is gone stays gone.
pub async fn drop_database(session: &Session, name: &str) -> Result<()> {
    if !exists(session, name).await? {
        return Ok(());
    }
    let before = empty(session, name).await?;
    let drop = format!("DROP DATABASE {}", ident(name));
    let dropped = run(session, &drop, &format!("cannot drop the database {name}")).await;
    if dropped.is_err() {
        as_before(session, name, before).await;
    }
    dropped?;
    if exists(session, name).await? {
        return Err(Error::environment(format!("the database {name} is still there after it was dropped")));
    }
    Ok(())
}
