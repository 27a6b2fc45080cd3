//! What a script did, as the server counts it.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Row;

use super::Trial;
use super::failure::failed;
use crate::error::{Error, Result};
use crate::facts::{LockTaken, Tie, Touched, Trigger};
use crate::script::firing;

/// The locks of tables, from the weakest, with what each keeps others from.
const LOCKS: [(&str, &str, &str); 8] = [
    ("AccessShareLock", "ACCESS SHARE", "nothing but the removal of the table"),
    ("RowShareLock", "ROW SHARE", "writes of the very rows that it holds"),
    ("RowExclusiveLock", "ROW EXCLUSIVE", "writes of the very rows that it writes"),
    ("ShareUpdateExclusiveLock", "SHARE UPDATE EXCLUSIVE", "VACUUM and changes of the table"),
    ("ShareLock", "SHARE", "all writes"),
    ("ShareRowExclusiveLock", "SHARE ROW EXCLUSIVE", "all writes"),
    ("ExclusiveLock", "EXCLUSIVE", "all writes"),
    ("AccessExclusiveLock", "ACCESS EXCLUSIVE", "everything, reading too"),
];

/// From which on a lock is that of a writer.
const WRITES: usize = 2;

/// The catalogs that a temporary table is written in, too: of these the very rows are looked at.
const OF_TABLES: [&str; 14] = [
    "pg_class",
    "pg_attribute",
    "pg_attrdef",
    "pg_type",
    "pg_index",
    "pg_constraint",
    "pg_trigger",
    "pg_proc",
    "pg_namespace",
    "pg_sequence",
    "pg_inherits",
    "pg_depend",
    "pg_shdepend",
    "pg_init_privs",
];

/// What a script did.
#[derive(Debug, Default)]
pub struct Effects {
    /// What happened to rows, by table.
    pub tables: BTreeMap<String, Touched>,
    /// References between these tables.
    pub ties: Vec<Tie>,
    /// Their triggers.
    pub triggers: Vec<Trigger>,
    /// The strongest lock on each table, strongest first.
    pub locks: Vec<LockTaken>,
    /// Touched tables that nobody else can read.
    pub exclusive: Vec<String>,
    /// Sequences that were advanced or set.
    pub sequences: Vec<String>,
    /// Definitions that were altered.
    pub definitions: Vec<String>,
    /// Touched tables whose rows cannot be put back for where they are, and why.
    pub elsewhere: Vec<String>,
}

/// The name of a table for people: with its schema where it is not found without.
const NAME: &str = "CASE WHEN pg_table_is_visible(c.oid) THEN c.relname::text \
     ELSE c.relnamespace::regnamespace::text || '.' || c.relname END";

impl Effects {
    fn lock(&mut self, table: String, rank: usize) {
        let Some((_, mode, blocks)) = LOCKS.get(rank) else { return };
        if rank + 1 == LOCKS.len() && self.tables.contains_key(&table) {
            self.exclusive.push(table.clone());
        }
        self.locks.push(LockTaken { table, mode: (*mode).into(), blocks: (*blocks).into() });
    }
}

impl Trial {
    /// What it did so far.
    pub async fn effects(&self) -> Result<Effects> {
        let mut effects = Effects::default();
        let locks = self.locks().await?;
        self.as_records().await?;
        let oids = self.tables(&mut effects).await?;
        self.ties(&oids, &mut effects).await?;
        self.triggers(&oids, &mut effects).await?;
        for ((name, kind), rank) in locks {
            match kind.as_str() {
                "S" => effects.sequences.push(name),
                "f" if rank >= WRITES => {
                    effects.elsewhere.push(format!("{name}: it is a table of another server"))
                }
                _ => effects.lock(name, rank),
            }
        }
        self.definitions(&mut effects).await?;
        Ok(effects)
    }

    async fn ask(&self, question: &str, oids: &[u32]) -> Result<Vec<Row>> {
        let rows = self.session.query(question, &[&oids]).await;
        rows.map_err(failed("look at what the script did"))
    }

    async fn tables(&self, effects: &mut Effects) -> Result<Vec<u32>> {
        let emptied: Vec<u32> = self.emptied.keys().copied().collect();
        let question = format!(
            "SELECT c.oid, {NAME}, coalesce(s.n_tup_ins, 0), coalesce(s.n_tup_upd, 0), coalesce(s.n_tup_del, 0), pg_table_is_visible(c.oid) \
             FROM pg_class c JOIN pg_stat_xact_user_tables s ON s.relid = c.oid WHERE c.relpersistence <> 't' \
             AND (s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0 OR c.oid = ANY ($1))"
        );
        let mut oids = Vec::new();
        let count = |row: &Row, at| u64::try_from(row.get::<_, i64>(at)).unwrap_or_default();
        for row in self.ask(&question, &emptied).await? {
            let (oid, name): (u32, String) = (row.get(0), row.get(1));
            let emptied = self.emptied.get(&oid).copied().unwrap_or_default();
            let touched = Touched {
                inserted: count(&row, 2),
                updated: count(&row, 3),
                deleted: count(&row, 4),
                emptied,
            };
            if touched.rows() == 0 {
                continue;
            }
            if !row.get::<_, bool>(5) {
                effects.elsewhere.push(format!("{name}: it is in a schema that is not searched"));
            }
            effects.tables.insert(name, touched);
            oids.push(oid);
        }
        Ok(oids)
    }

    async fn ties(&self, oids: &[u32], effects: &mut Effects) -> Result<()> {
        let to = NAME.replace("c.", "f.");
        let question = format!(
            "SELECT {NAME}, ARRAY(SELECT a.attname::text FROM unnest(k.conkey) n JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = n), \
             {to}, k.confdeltype::text, k.confupdtype::text FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
             JOIN pg_class f ON f.oid = k.confrelid WHERE k.contype = 'f' AND k.conrelid = ANY ($1) AND k.confrelid = ANY ($1) ORDER BY k.conname"
        );
        let letter = |row: &Row, at| row.get::<_, String>(at).chars().next().unwrap_or('a');
        let tie = |row: &Row| {
            let (on_delete, on_update) = (letter(row, 3), letter(row, 4));
            // What a TRUNCATE takes along it takes by name: see `script::reaching`.
            Tie { table: row.get(0), columns: row.get(1), to: row.get(2), on_delete, on_update }
        };
        effects.ties = self.ask(&question, oids).await?.iter().map(tie).collect();
        Ok(())
    }

    async fn triggers(&self, oids: &[u32], effects: &mut Effects) -> Result<()> {
        let question = format!(
            "SELECT {NAME}, t.tgname::text, p.proname::text, t.tgtype, t.tgenabled::text IN ('O', 'A') FROM pg_trigger t \
             JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid \
             WHERE NOT t.tgisinternal AND t.tgrelid = ANY ($1) ORDER BY 1, 2"
        );
        let tables = &effects.tables;
        let trigger = |row: &Row| {
            let table: String = row.get(0);
            let touched = tables.get(&table).copied().unwrap_or_default();
            let runs = firing(row.get(3), row.get(4), &touched);
            Trigger { table, name: row.get(1), function: row.get(2), runs }
        };
        effects.triggers = self.ask(&question, oids).await?.iter().map(trigger).collect();
        Ok(())
    }

    /// The strongest lock on each table, strongest first, and the sequences that were asked for a number or set to one.
    async fn locks(&self) -> Result<Vec<((String, String), usize)>> {
        let question = format!(
            "SELECT {NAME}, c.relkind::text, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
             WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND c.relpersistence <> 't' \
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND (c.relkind IN ('r', 'p', 'm', 'f') OR c.relkind = 'S' AND l.mode = 'RowExclusiveLock') AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)' \
             AND cardinality($1::oid[]) = 0"
        );
        let mut strongest: BTreeMap<(String, String), usize> = BTreeMap::new();
        for row in self.ask(&question, &[]).await? {
            let mode: String = row.get(2);
            let rank = LOCKS.iter().position(|(name, ..)| *name == mode).unwrap_or_default();
            let entry = strongest.entry((row.get(0), row.get(1))).or_default();
            *entry = rank.max(*entry);
        }
        let mut locks: Vec<_> = strongest.into_iter().filter(|(_, rank)| *rank > 0).collect();
        locks.sort_by(|(one, first), (other, second)| second.cmp(first).then(one.cmp(other)));
        Ok(locks)
    }

    /// Whether a row is this transaction's own: its number is not of the moment that it sees. An old row that was frozen long
    /// ago may seem so, too.
    pub(super) fn own(&self, xmin: &str) -> String {
        let first = self.after % (1 << 32);
        format!("mod({xmin}::text::bigint - {first} + 4294967296, 4294967296) < 2147483648")
    }

    /// The definitions that it altered: rows of the catalog that are its own, and those that are gone.
    async fn definitions(&self, effects: &mut Effects) -> Result<()> {
        let counted = "SELECT relname::text, n_tup_del > 0 FROM pg_stat_xact_sys_tables WHERE schemaname = 'pg_catalog' \
             AND n_tup_ins + n_tup_upd + n_tup_del > 0 AND relname NOT LIKE 'pg_statistic%' AND cardinality($1::oid[]) = 0";
        let written = self.ask(counted, &[]).await?;
        if written.is_empty() {
            return Ok(());
        }
        let mut altered: BTreeSet<String> = BTreeSet::new();
        let emptied: Vec<u32> = self.emptied.keys().copied().collect();
        altered.extend(self.ask(&self.altered_sql(), &emptied).await?.iter().map(|row| row.get(0)));
        if written.iter().any(|row| row.get(1)) {
            altered.extend(self.gone().await?);
        }
        let other = written.iter().map(|row| row.get::<_, String>(0));
        altered.extend(other.filter(|name| !OF_TABLES.contains(&name.as_str())));
        effects.definitions = altered.into_iter().collect();
        self.emptied_unseen(&emptied).await
    }

    /// What a TRUNCATE writes in the catalog, and what is of temporary tables, is left out.
    fn altered_sql(&self) -> String {
        let lasting = "c.relpersistence <> 't' AND c.relnamespace <> 'pg_toast'::regnamespace";
        let own = |xmin| self.own(xmin);
        format!(
            "WITH emptied(oid) AS (SELECT unnest($1::oid[])), aside(oid) AS (SELECT oid FROM emptied \
               UNION SELECT indexrelid FROM pg_index JOIN emptied ON indrelid = oid) \
             SELECT CASE c.relkind WHEN 'i' THEN 'index ' WHEN 'S' THEN 'sequence ' WHEN 'v' THEN 'view ' ELSE 'table ' END || c.relname \
               FROM pg_class c WHERE {lasting} AND {} AND c.oid NOT IN (SELECT oid FROM aside) \
             UNION SELECT 'table ' || c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
               WHERE {lasting} AND c.relkind IN ('r', 'p', 'f') AND {} \
             UNION SELECT 'table ' || c.relname FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid WHERE {lasting} AND {} \
             UNION SELECT 'function ' || proname FROM pg_proc WHERE {} \
             UNION SELECT 'constraint ' || k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE {lasting} AND {} \
             UNION SELECT 'trigger ' || t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid \
               WHERE {lasting} AND NOT t.tgisinternal AND {} \
             UNION SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND {} \
             UNION SELECT 'type ' || typname FROM pg_type WHERE typrelid = 0 AND typelem = 0 AND {} ORDER BY 1",
            own("c.xmin"),
            own("a.xmin"),
            own("d.xmin"),
            own("xmin"),
            own("k.xmin"),
            own("t.xmin"),
            own("xmin"),
            own("xmin"),
        )
    }

    /// What was defined and is no more.
    async fn gone(&self) -> Result<Vec<String>> {
        let defined = "SELECT c.oid, 'table ' || c.relname FROM pg_class c WHERE c.relpersistence <> 't' AND c.relkind IN ('r', 'p', 'f', 'v', 'm') \
             UNION ALL SELECT c.oid, 'relation ' || c.relname FROM pg_class c WHERE c.relpersistence <> 't' AND c.relkind IN ('i', 'S') \
             UNION ALL SELECT oid, 'function ' || proname FROM pg_proc \
             UNION ALL SELECT k.oid, 'constraint ' || k.conname FROM pg_constraint k \
             UNION ALL SELECT oid, 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal";
        let asking = failed("look at what the script removed");
        let was = self.witness.query(defined, &[]).await.map_err(&asking)?;
        let is = self.session.query(defined, &[]).await.map_err(&asking)?;
        let is: BTreeSet<(u32, String)> = is.iter().map(|row| (row.get(0), row.get(1))).collect();
        let was = was.iter().map(|row| (row.get::<_, u32>(0), row.get::<_, String>(1)));
        Ok(was.filter(|one| !is.contains(one)).map(|(_, name)| name).collect())
    }

    /// A TRUNCATE within a function: how many rows went cannot be told, nor taken back.
    async fn emptied_unseen(&self, named: &[u32]) -> Result<()> {
        let question = format!(
            "SELECT c.oid, c.relfilenode, format('%I.%I', n.nspname, c.relname) FROM pg_class c \
             JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname <> 'pg_toast' AND c.relkind = 'r' AND c.relpersistence <> 't' AND {} AND NOT c.oid = ANY ($1) \
             AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND {})",
            self.own("c.xmin"),
            self.own("a.xmin")
        );
        let mut emptied = Vec::new();
        for row in self.ask(&question, named).await? {
            let (oid, node, name): (u32, u32, String) = (row.get(0), row.get(1), row.get(2));
            let asking = failed("look at what the script emptied");
            let was = self.witness.query("SELECT relfilenode FROM pg_class WHERE oid = $1", &[&oid]).await;
            let was: Option<u32> = was.map_err(&asking)?.first().map(|row| row.get(0));
            let any = self
                .session
                .query(&format!("SELECT FROM ONLY {name} LIMIT 1"), &[])
                .await
                .map_err(&asking)?;
            if was.is_some_and(|was| was != node) && any.is_empty() {
                emptied.push(name);
            }
        }
        if emptied.is_empty() {
            return Ok(());
        }
        Err(Error::refused("the script empties tables from within a function")
            .because(emptied.join(", "))
            .hint("Nothing was changed. Delete the rows, or put the TRUNCATE into the script itself."))
    }
}
