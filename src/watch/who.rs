//! Who wrote the rows that changed, as far as the database still knows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio_postgres::types::{ToSql, Type};

use super::Watched;
use crate::base::quote::ident;
use crate::error::{Error, Result};
use crate::rows::Key;
use crate::watchdog::Writer;

/// The last writers of these rows, by model. A row that was written again since tells its last writer; one that tells of no
/// write since the moment given was changed by SQL, or by a transaction that had begun before, or is computed.
pub async fn who(
    watched: &Watched,
    keys: &BTreeMap<String, Vec<Key>>,
    since: Timestamp,
) -> Result<BTreeMap<String, Vec<Writer>>> {
    let mut found = BTreeMap::new();
    let since = since.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string();
    for (model, keys) in keys {
        let Some((table, _)) = watched.catalog.table_of(model) else { continue };
        let has = |column| watched.catalog.has(&table, column);
        if !(has("id") && has("write_uid") && has("write_date") && watched.catalog.has("res_users", "login"))
        {
            continue;
        }
        let question = format!(
            "SELECT CASE WHEN w.told THEN t.write_uid::bigint END, CASE WHEN w.told THEN u.login::text END, \
             CASE WHEN w.told THEN to_char(t.write_date, 'YYYY-MM-DD HH24:MI') END, count(*) FROM {} t \
             CROSS JOIN LATERAL (SELECT t.write_date >= $2::text::timestamp AS told) w \
             LEFT JOIN res_users u ON u.id = t.write_uid WHERE t.id = ANY ($1) GROUP BY 1, 2, 3",
            ident(&table)
        );
        let ids: Vec<i64> = keys
            .iter()
            .filter_map(|key| match key {
                Key::One(id) => Some(*id),
                Key::Two(..) => None,
            })
            .collect();
        let ids = (&ids as &(dyn ToSql + Sync), Type::INT8_ARRAY);
        let since = (&since as &(dyn ToSql + Sync), Type::TEXT);
        let rows = watched
            .moment
            .session()
            .query_typed(&question, &[ids, since])
            .await
            .map_err(|e| Error::environment(format!("cannot ask who wrote {model}")).caused_by(&e))?;
        let mut writers: BTreeMap<Option<i64>, Writer> = BTreeMap::new();
        for row in rows {
            let uid: Option<i64> = row.get(0);
            let writer = writers.entry(uid).or_default();
            let count = u64::try_from(row.get::<_, i64>(3)).unwrap_or_default();
            writer.uid = uid;
            writer.login = row.get::<_, Option<String>>(1).unwrap_or_else(|| match uid {
                Some(uid) => format!("user {uid}"),
                None => String::new(),
            });
            writer.rows += count;
            if let Some(minute) = row.get::<_, Option<String>>(2) {
                *writer.minutes.entry(minute).or_default() += count;
            }
        }
        let mut writers: Vec<Writer> = writers.into_values().collect();
        writers.sort_by(|a, b| b.rows.cmp(&a.rows).then(a.uid.cmp(&b.uid)));
        found.insert(model.clone(), writers);
    }
    Ok(found)
}
