//! What the catalogs say of who may do what, and what the server writes down. Reads no password and no hash of one.

use std::time::Duration;

use tokio_postgres::Row;

use super::connect::Session;
use super::probe::words;
use crate::error::{Error, Result};
use crate::facts::{
    ForeignTables, Holdings, LOGGING, Logging, LoginRule, POWERFUL, RoleSeen, WRITE_ALL, WriteGrants,
};

/// How long one question may take in the server, and here.
const DEADLINE: Duration = Duration::from_secs(10);

/// Tables of people's, not of extensions: with their numbers, names and owners.
const TABLES: &str = "SELECT c.oid, c.relname::text AS name, c.relowner AS owner, c.relacl AS acl FROM pg_class c \
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' \
     AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)' \
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

fn failed(e: &tokio_postgres::Error) -> Error {
    Error::environment("cannot ask the server who may do what").because(words(e))
}

async fn ask(
    session: &Session,
    question: &str,
    values: &[&(dyn tokio_postgres::types::ToSql + Sync)],
) -> Result<Vec<Row>> {
    match tokio::time::timeout(DEADLINE, session.query(question, values)).await {
        Ok(rows) => rows.map_err(|e| failed(&e)),
        Err(_) => {
            Err(Error::environment("cannot ask the server who may do what")
                .because("it does not answer in time"))
        }
    }
}

/// Has the server give up a question that takes too long, or that somebody's lock keeps waiting.
pub async fn hurry(session: &Session) -> Result<()> {
    let settings =
        "SET statement_timeout = '8s'; SET lock_timeout = '1s'; SET default_transaction_read_only = on";
    session.batch_execute(settings).await.map_err(|e| failed(&e))
}

/// The roles but PostgreSQL's own.
pub async fn roles(session: &Session, app: &str) -> Result<Vec<RoleSeen>> {
    let question = "SELECT r.rolname::text, r.oid = 10, r.rolcanlogin, r.rolsuper, r.rolcreaterole, r.rolbypassrls, \
         ARRAY(SELECT g.rolname::text FROM pg_roles g WHERE g.oid <> r.oid AND NOT r.rolsuper \
           AND (g.rolsuper OR g.rolname = $1 OR g.rolname = ANY ($2)) AND pg_has_role(r.oid, g.oid, 'MEMBER') ORDER BY 1) \
         FROM pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY 1";
    let powerful: Vec<String> = POWERFUL.map(str::to_owned).to_vec();
    let role = |row: &Row| RoleSeen {
        name: row.get(0),
        bootstrap: row.get(1),
        login: row.get(2),
        superuser: row.get(3),
        createrole: row.get(4),
        bypassrls: row.get(5),
        member_of: row.get(6),
    };
    Ok(ask(session, question, &[&app, &powerful]).await?.iter().map(role).collect())
}

/// Who gets in, by the file as it is on disk.
pub async fn logins(session: &Session) -> Result<Vec<LoginRule>> {
    let question = "SELECT line_number, coalesce(type, ''), coalesce(database, '{}'), coalesce(user_name, '{}'), \
         coalesce(address, ''), coalesce(netmask, ''), coalesce(auth_method, ''), error \
         FROM pg_hba_file_rules ORDER BY line_number";
    let rule = |row: &Row| LoginRule {
        line: row.get(0),
        kind: row.get(1),
        databases: row.get(2),
        roles: row.get(3),
        address: row.get(4),
        mask: row.get(5),
        method: row.get(6),
        error: row.get(7),
    };
    Ok(ask(session, question, &[]).await?.iter().map(rule).collect())
}

/// What is written down.
pub async fn logging(session: &Session) -> Result<Logging> {
    let names: Vec<String> = LOGGING.map(str::to_owned).to_vec();
    let question = "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY ($1)";
    let settings = ask(session, question, &[&names]).await?;
    let available = "SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements'";
    Ok(Logging {
        settings: settings.iter().map(|row| (row.get(0), row.get(1))).collect(),
        statements: !ask(session, available, &[]).await?.is_empty(),
    })
}

/// Whose a database and its tables are, and who else may write them.
pub async fn holdings(session: &Session, app: &str) -> Result<Holdings> {
    let question = format!(
        "SELECT d.datname::text, pg_get_userbyid(d.datdba)::text, \
         (SELECT count(*) FROM ({TABLES}) t WHERE pg_get_userbyid(t.owner) = $1), \
         EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements'), to_regclass('ir_model') IS NOT NULL \
         FROM pg_database d WHERE d.datname = current_database()"
    );
    let rows = ask(session, &question, &[&app]).await?;
    let Some(row) = rows.first() else { return Ok(Holdings::default()) };
    Ok(Holdings {
        database: row.get(0),
        owner: row.get(1),
        tables: row.get::<_, i64>(2).unsigned_abs(),
        statements: row.get(3),
        foreign: foreign(session, app, row.get(4)).await?,
        grants: grants(session, app).await?,
    })
}

async fn foreign(session: &Session, app: &str, odoo: bool) -> Result<Vec<ForeignTables>> {
    let model = match odoo {
        true => "t.name IN (SELECT replace(model, '.', '_') FROM ir_model)",
        false => "false",
    };
    let question = format!(
        "SELECT pg_get_userbyid(t.owner)::text, count(*), count(*) FILTER (WHERE {model}), \
         (array_agg(t.name ORDER BY t.name))[1:3] FROM ({TABLES}) t WHERE pg_get_userbyid(t.owner) <> $1 \
         GROUP BY 1 ORDER BY 1"
    );
    let tables = |row: &Row| ForeignTables {
        owner: row.get(0),
        tables: row.get::<_, i64>(1).unsigned_abs(),
        models: row.get::<_, i64>(2).unsigned_abs(),
        some: row.get(3),
    };
    Ok(ask(session, &question, &[&app]).await?.iter().map(tables).collect())
}

/// What everybody has is told once, not again for each role.
async fn grants(session: &Session, app: &str) -> Result<Vec<WriteGrants>> {
    let may = |who: &str, what: &str| format!("has_table_privilege({who}, t.oid, '{what}')");
    // Only what somebody was granted is asked of each role: of hundreds of tables few were.
    let question = format!(
        "WITH t AS (SELECT * FROM ({TABLES}) t WHERE pg_get_userbyid(t.owner) = $1 AND t.acl IS NOT NULL), \
         everybody AS (SELECT t.oid, t.name, bool_or(a.privilege_type IN ('DELETE', 'TRUNCATE')) AS removes \
           FROM t, aclexplode(t.acl) a WHERE a.grantee = 0 \
           AND a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') GROUP BY 1, 2), \
         named AS (SELECT r.rolname::text AS role, t.name, {removes} AS removes FROM pg_roles r, t \
           WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolname <> $1 AND r.rolname !~ '^pg_' \
           AND NOT EXISTS (SELECT FROM pg_roles g WHERE g.rolname IN ($1, $2) AND pg_has_role(r.oid, g.oid, 'MEMBER')) \
           AND {writes} AND t.oid NOT IN (SELECT oid FROM everybody)), \
         writers AS (SELECT role, name, removes FROM named UNION ALL SELECT NULL, name, removes FROM everybody) \
         SELECT role, count(*), count(*) FILTER (WHERE removes), (array_agg(name ORDER BY name))[1:3] \
         FROM writers GROUP BY 1 ORDER BY 1 NULLS FIRST",
        removes = may("r.oid", "DELETE, TRUNCATE"),
        writes = may("r.oid", "INSERT, UPDATE, DELETE, TRUNCATE"),
    );
    let grants = |row: &Row| WriteGrants {
        role: row.get(0),
        tables: row.get::<_, i64>(1).unsigned_abs(),
        removes: row.get::<_, i64>(2).unsigned_abs(),
        some: row.get(3),
    };
    Ok(ask(session, &question, &[&app, &WRITE_ALL]).await?.iter().map(grants).collect())
}
