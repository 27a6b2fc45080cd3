//! Who wrote the rows that changed, as far as the database still knows.

use std::collections::BTreeMap;

use tokio_postgres::types::{ToSql, Type};

use super::Watched;
use crate::base::quote::ident;
use crate::error::{Error, Result};
use crate::rows::Key;
use crate::watchdog::Writer;

/// The last writers of these rows, by model. A row that was written again since tells its last writer.
pub async fn who(
    watched: &Watched,
    keys: &BTreeMap<String, Vec<Key>>,
) -> Result<BTreeMap<String, Vec<Writer>>> {
    let mut found = BTreeMap::new();
    for (model, keys) in keys {
        let Some((table, _)) = watched.catalog.table_of(model) else { continue };
        let has = |column| watched.catalog.has(&table, column);
        if !(has("id") && has("write_uid") && has("write_date") && watched.catalog.has("res_users", "login"))
        {
            continue;
        }
        let question = format!(
            "SELECT t.write_uid::bigint, u.login::text, to_char(t.write_date, 'YYYY-MM-DD HH24:MI'), count(*) \
             FROM {} t LEFT JOIN res_users u ON u.id = t.write_uid WHERE t.id = ANY ($1) GROUP BY 1, 2, 3",
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
        let rows = watched
            .moment
            .session()
            .query_typed(&question, &[ids])
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
                None => "nobody, by SQL".to_owned(),
            });
            writer.rows += count;
            *writer.minutes.entry(row.get::<_, Option<String>>(2).unwrap_or_default()).or_default() += count;
        }
        let mut writers: Vec<Writer> = writers.into_values().collect();
        writers.sort_by(|a, b| b.rows.cmp(&a.rows).then(a.uid.cmp(&b.uid)));
        found.insert(model.clone(), writers);
    }
    Ok(found)
}
