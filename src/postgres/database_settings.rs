//! What is set on a database itself, and how a copy by template, which has none of it, gets the same.

use super::connect::Session;
use super::probe::words;
use crate::base::quote::{ident, literal};
use crate::error::{Error, Result};
use crate::facts::DatabaseSetting;

/// Settings whose value is a list of names, each of them quoted by itself.
const LISTS: [&str; 5] = [
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
];

/// How odpm holds traffic back: for that one database, and for a while.
const HELD: &str = "default_transaction_read_only";

fn failed(e: &tokio_postgres::Error) -> Error {
    Error::environment("cannot ask what is set on a database").because(words(e))
}

/// A privilege on a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who has it; `None` for everybody.
    role: Option<String>,
    /// `CONNECT`.
    privilege: String,
    /// Whether it may be handed on.
    handed_on: bool,
    /// Whether it is the owner's.
    pub owners: bool,
}

impl Grant {
    /// In a few words.
    pub fn told(&self) -> String {
        let more = if self.handed_on { " WITH GRANT OPTION" } else { "" };
        format!("{} TO {}{more}", self.privilege, self.role.as_deref().unwrap_or("PUBLIC"))
    }

    fn sql(&self, database: &str) -> String {
        let more = if self.handed_on { " WITH GRANT OPTION" } else { "" };
        let role = self.role.as_deref().map_or_else(|| "PUBLIC".to_owned(), ident);
        format!("GRANT {} ON DATABASE {} TO {role}{more}", self.privilege, ident(database))
    }
}

/// The settings of a database, for everybody and for single roles.
pub async fn settings(session: &Session, database: &str) -> Result<Vec<DatabaseSetting>> {
    let question = "SELECT r.rolname::text, unnest(s.setconfig) FROM pg_db_role_setting s \
         JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole \
         WHERE d.datname = $1 AND (s.setrole = 0 OR r.oid IS NOT NULL) ORDER BY 1 NULLS FIRST, 2";
    let rows = session.query(question, &[&database]).await.map_err(|e| failed(&e))?;
    Ok(rows.iter().map(|row| DatabaseSetting { role: row.get(0), setting: row.get(1) }).collect())
}

/// The privileges on a database.
pub async fn grants(session: &Session, database: &str) -> Result<Vec<Grant>> {
    let question = "SELECT g.rolname::text, a.privilege_type, bool_or(a.is_grantable), bool_or(a.grantee = d.datdba) FROM pg_database d \
         CROSS JOIN LATERAL aclexplode(d.datacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee \
         WHERE d.datname = $1 AND (a.grantee = 0 OR g.oid IS NOT NULL) \
         GROUP BY 1, 2 ORDER BY 1 NULLS FIRST, 2";
    let rows = session.query(question, &[&database]).await.map_err(|e| failed(&e))?;
    let grant = |row: &tokio_postgres::Row| Grant {
        role: row.get(0),
        privilege: row.get(1),
        handed_on: row.get(2),
        owners: row.get(3),
    };
    Ok(rows.iter().map(grant).collect())
}

/// Sets on one database what is set on another: settings and privileges. Whether writes to it are held
/// back stays its own; its limit of connections and what is written on it come with its name. Tells what could not be set, and why: a role that is no superuser may not
/// set everything.
pub async fn carry(session: &Session, from: &str, to: &str, owner: &str) -> Result<Vec<String>> {
    let mut statements: Vec<(String, String)> = Vec::new();
    for DatabaseSetting { role, setting } in settings(session, from).await? {
        let Some((name, value)) = setting.split_once('=').filter(|(name, _)| *name != HELD) else { continue };
        let whose = match &role {
            Some(role) => format!("ROLE {} IN DATABASE {}", ident(role), ident(to)),
            None => format!("DATABASE {}", ident(to)),
        };
        let told = role.map_or_else(|| setting.clone(), |role| format!("{setting} for {role}"));
        statements.push((told, format!("ALTER {whose} SET {} TO {}", ident(name), value_of(name, value))));
    }
    let default = "SELECT datacl IS NULL FROM pg_database WHERE datname = $1";
    let row = session.query_one(default, &[&from]).await.map_err(|e| failed(&e))?;
    if !row.get::<_, bool>(0) {
        let revoke = format!("REVOKE ALL ON DATABASE {} FROM PUBLIC", ident(to));
        statements.push(("that not everybody may connect".to_owned(), revoke));
        let grants = grants(session, from).await?.into_iter();
        // An owner has every privilege by itself; another owner's original leaves that one those that it had.
        let others = grants.filter(|grant| grant.role.as_deref() != Some(owner));
        statements.extend(others.map(|grant| (grant.told(), grant.sql(to))));
    }
    let mut left = Vec::new();
    for (told, statement) in statements {
        if let Err(e) = session.batch_execute(&statement).await {
            if e.as_db_error().is_none() {
                return Err(failed(&e));
            }
            left.push(format!("not carried over: {told} ({})", words(&e)));
        }
    }
    Ok(left)
}

/// A setting's value as SQL. What the catalog has of a list is its names, quoted where they have to be.
fn value_of(name: &str, value: &str) -> String {
    if !LISTS.contains(&name.to_lowercase().as_str()) {
        return literal(value);
    }
    let names: Vec<String> = names(value).iter().map(|name| literal(name)).collect();
    if names.is_empty() { "''".to_owned() } else { names.join(", ") }
}

/// The names of a list: `"$user", public`.
fn names(list: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut letters = list.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            ',' | ' ' => {}
            '"' => {
                let mut name = String::new();
                while let Some(letter) = letters.next() {
                    if letter == '"' && letters.next_if_eq(&'"').is_none() {
                        break;
                    }
                    name.push(letter);
                }
                found.push(name);
            }
            first => {
                let mut name = first.to_string();
                while let Some(letter) = letters.next_if(|letter| *letter != ',') {
                    name.push(letter);
                }
                found.push(name.trim_end().to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_set_as_they_are() {
        let table = [
            ("work_mem", "64MB", "'64MB'"),
            ("application_name", "it's", "'it''s'"),
            ("search_path", "\"$user\", public", "'$user', 'public'"),
            ("search_path", "\"a \"\"b\"\", c\", d", "'a \"b\", c', 'd'"),
            ("search_path", "\"\"", "''"),
            ("search_path", "", "''"),
            ("DateStyle", "ISO, DMY", "'ISO, DMY'"),
        ];
        for (name, value, want) in table {
            assert_eq!(value_of(name, value), want, "{name}={value}");
        }
    }
}
