//! What is taken down while tables are filled - indexes, keys, references - and put back as it was.

use std::collections::BTreeSet;

use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use super::failed;
use crate::base::quote::{ident, literal};
use crate::error::{Error, Result};
use crate::facts::Transfer;
use crate::postgres::connect::Session;

/// How many rows that break a reference are named.
const TOLD: i64 = 5;

/// What the definition of a reference ends with that is not known to hold of the rows that were there before it.
const UNPROVED: &str = " NOT VALID";

/// What a part is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An index that stands for itself.
    Index {
        /// Its schema and name, quoted.
        place: String,
    },
    /// A primary or unique key.
    Key,
    /// A reference.
    Reference {
        /// The table that it leads to, quoted.
        to: String,
        /// Its columns, and those that they lead to.
        columns: Vec<(String, String)>,
        /// What is written on it.
        comment: Option<String>,
    },
}

/// An index, a key or a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The table, quoted.
    pub table: String,
    name: String,
    pub kind: Kind,
    /// Its definition, as PostgreSQL writes it.
    definition: String,
}

/// All that is taken down.
#[derive(Clone, Debug, Default)]
pub struct Down {
    pub(super) parts: Vec<Part>,
    /// Tables with references to rows of their own that stay in place.
    pub(super) looped: BTreeSet<String>,
}

/// References of these tables that hold at every moment; one whose triggers rest holds nothing, and keeps resting.
const REFERENCES: &str = "SELECT k.oid, c.relname::text, k.conname::text, pg_get_constraintdef(k.oid), \
     CASE WHEN pg_table_is_visible(f.oid) THEN '' ELSE quote_ident(n.nspname) || '.' END || '\"' || replace(f.relname, '\"', '\"\"') || '\"', \
     ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY x(n, i) JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = x.n ORDER BY i), \
     ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY x(n, i) JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = x.n ORDER BY i), \
     obj_description(k.oid, 'pg_constraint'), k.conrelid = k.confrelid \
     FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid \
     JOIN pg_namespace n ON n.oid = f.relnamespace \
     WHERE k.contype = 'f' AND k.conparentid = 0 AND c.relname = ANY ($1) AND c.relkind = 'r' AND pg_table_is_visible(c.oid) \
     AND NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgconstraint = k.oid AND g.tgenabled <> 'O') ORDER BY 2, 3";

/// Indexes that can be made again exactly as they are: nothing is set on them, and nothing leans on them but references, which
/// are named, and what has to be unique by them.
const INDEXES: &str = "SELECT i.indexrelid, c.relname::text, coalesce(k.conname, x.relname)::text, k.oid IS NOT NULL, \
     coalesce(pg_get_constraintdef(k.oid), pg_get_indexdef(i.indexrelid)), \
     ARRAY(SELECT r.oid FROM pg_constraint r WHERE r.contype = 'f' AND r.conindid = i.indexrelid), \
     CASE WHEN i.indisunique AND i.indpred IS NULL THEN ARRAY(SELECT a.attname::text FROM unnest((i.indkey::smallint[])[0:i.indnkeyatts - 1]) n \
     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = n ORDER BY 1) ELSE '{}' END, \
     quote_ident(n.nspname) || '.' || quote_ident(x.relname) \
     FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid \
     JOIN pg_namespace n ON n.oid = x.relnamespace \
     LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u') \
     WHERE c.relname = ANY ($1) AND c.relkind = 'r' AND pg_table_is_visible(c.oid) \
     AND i.indisvalid AND i.indisready AND i.indislive AND NOT i.indisclustered AND NOT i.indisreplident AND NOT i.indisexclusion \
     AND x.relkind = 'i' AND NOT x.relispartition AND x.reltablespace = 0 \
     AND obj_description(i.indexrelid, 'pg_class') IS NULL AND (k.oid IS NULL OR obj_description(k.oid, 'pg_constraint') IS NULL) \
     AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = i.indexrelid AND coalesce(a.attstattarget, -1) >= 0) \
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indexrelid AND d.deptype <> 'i' \
     AND NOT (d.classid = 'pg_constraint'::regclass AND EXISTS (SELECT FROM pg_constraint r WHERE r.oid = d.objid AND r.contype = 'f'))) \
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_constraint'::regclass AND d.refobjid = k.oid AND d.classid <> 'pg_class'::regclass) \
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.deptype IN ('x', 'e')) \
     ORDER BY 2, 4 DESC, 3";

impl Down {
    /// What has to be taken down for a transfer. With `unordered`, tables are filled in any order, and no reference stays.
    pub async fn find(session: &Session, transfer: &Transfer, unordered: bool) -> Result<Self> {
        let looking = |e: tokio_postgres::Error| failed("look what the target's tables hold to", &e);
        let names: Vec<&str> = transfer.tables.iter().map(|table| table.table.as_str()).collect();
        let names = || (&names as &(dyn ToSql + Sync), Type::TEXT_ARRAY);
        let copy_of = |name: &str| transfer.tables.iter().find(|table| table.table == name);
        let mut down = Self::default();
        let mut references = BTreeSet::new();
        for row in session.query_typed(REFERENCES, &[names()]).await.map_err(looking)? {
            let (oid, table): (u32, String) = (row.get(0), row.get(1));
            let (columns, far): (Vec<String>, Vec<String>) = (row.get(5), row.get(6));
            let Some(copy) = copy_of(&table) else { continue };
            let ahead = columns.iter().any(|column| copy.ahead.contains(column));
            if !(unordered || copy.rebuild || ahead) {
                if row.get(8) {
                    down.looped.insert(table);
                }
                continue;
            }
            references.insert(oid);
            let columns = columns.into_iter().zip(far).collect();
            let kind = Kind::Reference { to: row.get(4), columns, comment: row.get(7) };
            down.parts.push(Part { table: ident(&table), name: row.get(2), kind, definition: row.get(3) });
        }
        for row in session.query_typed(INDEXES, &[names()]).await.map_err(looking)? {
            let (table, leaning, unique): (String, Vec<u32>, Vec<String>) =
                (row.get(1), row.get(5), row.get(6));
            let Some(copy) = copy_of(&table).filter(|copy| copy.rebuild) else { continue };
            let mut key = copy.key.clone();
            key.sort();
            // By its key a row that is there is found.
            let wanted = copy.merged.is_some() && unique == key;
            if wanted || !leaning.iter().all(|oid| references.contains(oid)) {
                continue;
            }
            let kind = if row.get(3) { Kind::Key } else { Kind::Index { place: row.get(7) } };
            down.parts.push(Part { table: ident(&table), name: row.get(2), kind, definition: row.get(4) });
        }
        Ok(down)
    }

    /// The tables, quoted, that nobody else can read while this is done.
    pub(super) fn touched(&self) -> BTreeSet<String> {
        let mut tables: BTreeSet<String> = self.parts.iter().map(|part| part.table.clone()).collect();
        tables.extend(self.parts.iter().filter_map(|part| match &part.kind {
            Kind::Reference { to, .. } => Some(to.clone()),
            Kind::Index { .. } | Kind::Key => None,
        }));
        tables
    }

    /// Whether references of a table to rows of its own stay in place.
    pub fn looped(&self, table: &str) -> bool {
        self.looped.contains(table)
    }

    /// Puts indexes and keys of a table back.
    pub async fn put_back(&self, session: &Session, table: &str) -> Result<()> {
        let table = ident(table);
        for part in self.parts.iter().filter(|part| part.table == table && !part.is_reference()) {
            part.put_back(session, true).await?;
        }
        Ok(())
    }

    /// Puts references back: each row is looked at.
    pub async fn refer(&self, session: &Session) -> Result<()> {
        for part in self.parts.iter().filter(|part| part.is_reference()) {
            let failed = |e| failed("look at references", &e);
            session.batch_execute("SAVEPOINT odpm_reference").await.map_err(failed)?;
            part.put_back(session, true).await?;
            session.batch_execute("RELEASE odpm_reference").await.map_err(failed)?;
        }
        Ok(())
    }
}

/// Takes all of it down: references first, which lean on keys.
pub async fn take_down(session: &Session, down: &Down) -> Result<()> {
    for part in &down.parts {
        let drop = match &part.kind {
            Kind::Index { place } => format!("DROP INDEX {place}"),
            Kind::Key | Kind::Reference { .. } => {
                format!("ALTER TABLE ONLY {} DROP CONSTRAINT {}", part.table, ident(&part.name))
            }
        };
        session.batch_execute(&drop).await.map_err(|e| failed(format!("take {} down", part.name), &e))?;
    }
    Ok(())
}

impl Part {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_reference(&self) -> bool {
        matches!(self.kind, Kind::Reference { .. })
    }

    /// Puts it back under its name; a reference without a look at rows unless it is to be `proved` at once.
    pub(super) async fn put_back(&self, session: &Session, proved: bool) -> Result<()> {
        let Self { table, definition, .. } = self;
        let name = ident(&self.name);
        let mut statement = match self.kind {
            Kind::Index { .. } => definition.clone(),
            Kind::Key | Kind::Reference { .. } => {
                format!("ALTER TABLE ONLY {table} ADD CONSTRAINT {name} {definition}")
            }
        };
        if !proved && self.is_reference() && !self.is_unproved() {
            statement.push_str(UNPROVED);
        }
        if let Kind::Reference { comment: Some(comment), .. } = &self.kind {
            statement.push_str(&format!("; COMMENT ON CONSTRAINT {name} ON {table} IS {}", literal(comment)));
        }
        self.run(session, &statement).await
    }

    /// Asks the rows whether a reference holds; one that was never to hold of those that are there is left so.
    pub(super) async fn prove(&self, session: &Session) -> Result<()> {
        if self.is_unproved() {
            return Ok(());
        }
        let (table, name) = (&self.table, ident(&self.name));
        self.run(session, &format!("ALTER TABLE ONLY {table} VALIDATE CONSTRAINT {name}")).await
    }

    /// As it was defined.
    fn is_unproved(&self) -> bool {
        self.definition.ends_with(UNPROVED)
    }

    async fn run(&self, session: &Session, statement: &str) -> Result<()> {
        let table = &self.table;
        let Err(e) = session.batch_execute(statement).await else { return Ok(()) };
        let error = failed(format!("put {} of {table} back", self.name), &e);
        match e.code() == Some(&SqlState::FOREIGN_KEY_VIOLATION) {
            true => Err(self.told(session, error).await),
            false => Err(error),
        }
    }

    /// Which rows break a reference.
    async fn told(&self, session: &Session, error: Error) -> Error {
        let Kind::Reference { to, columns, .. } = &self.kind else { return error };
        // Outside of a transaction there is nothing to go back to.
        let _ = session.batch_execute("ROLLBACK TO odpm_reference").await;
        let set: Vec<String> =
            columns.iter().map(|(own, _)| format!("t.{} IS NOT NULL", ident(own))).collect();
        let same: Vec<String> =
            columns.iter().map(|(own, far)| format!("r.{} = t.{}", ident(far), ident(own))).collect();
        let values: Vec<String> = columns.iter().map(|(own, _)| format!("t.{}", ident(own))).collect();
        let question = format!(
            "SELECT coalesce(to_jsonb(t)->>'id', '-'), concat_ws(', ', {}) FROM ONLY {} t WHERE {} \
             AND NOT EXISTS (SELECT FROM {to} r WHERE {}) ORDER BY 1 LIMIT {TOLD}",
            values.join(", "),
            self.table,
            set.join(" AND "),
            same.join(" AND ")
        );
        let names: Vec<&str> = columns.iter().map(|(own, _)| own.as_str()).collect();
        let rows = session.query_typed(&question, &[]).await.unwrap_or_default();
        let told = rows.iter().map(|row| {
            let (id, value): (String, String) = (row.get(0), row.get(1));
            format!("row {id}: {} {value} is not in {to}", names.join(", "))
        });
        told.fold(error, Error::because)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn part(table: &str, kind: Kind) -> Part {
        Part { table: ident(table), name: "x".into(), kind, definition: String::new() }
    }

    pub fn key(table: &str) -> Part {
        part(table, Kind::Key)
    }

    pub fn index(table: &str) -> Part {
        part(table, Kind::Index { place: "public.x".into() })
    }

    pub fn reference(table: &str, to: &str) -> Part {
        part(table, Kind::Reference { to: ident(to), columns: Vec::new(), comment: None })
    }

    #[test]
    fn what_a_reference_leads_to_is_locked_with_it() {
        let down = Down { parts: vec![reference("a", "b"), index("c")], ..Down::default() };
        assert_eq!(down.touched().into_iter().collect::<Vec<_>>(), ["\"a\"", "\"b\"", "\"c\""]);
    }
}
