//! Values in JSON that stay as the target has them, whatever the source's row has.

use crate::base::quote::{ident, literal};
use crate::facts::TableCopy;

/// Their keys as an array of SQL's, where a column has any.
fn keys(copy: &TableCopy, column: &str) -> Option<String> {
    let own = copy.own.as_ref().filter(|own| own.columns.iter().any(|name| name == column))?;
    let keys: Vec<String> = own.keys.iter().map(|key| literal(key)).collect();
    Some(format!("ARRAY[{}]::text[]", keys.join(", ")))
}

/// What a column of a row `t` of the target becomes that is to be equal to a row `s`.
pub(super) fn merged(copy: &TableCopy, column: &str) -> String {
    let name = ident(column);
    let Some(keys) = keys(copy, column) else { return format!("s.{name}") };
    // Where the target's row has none of them the sum is NULL, and it becomes what the source's is.
    format!(
        "CASE WHEN coalesce(jsonb_typeof(s.{name}), 'null') IN ('null', 'object') THEN coalesce(\
         coalesce(nullif(s.{name}, 'null'::jsonb), '{{}}'::jsonb) || (SELECT jsonb_object_agg(e.key, e.value) \
         FROM jsonb_each(CASE jsonb_typeof(t.{name}) WHEN 'object' THEN t.{name} END) e WHERE e.key = ANY ({keys})), s.{name}) \
         ELSE s.{name} END"
    )
}

/// What of a column of rows `s` is the same on both sides.
pub(super) fn compared(copy: &TableCopy, column: &str) -> String {
    let name = ident(column);
    let Some(keys) = keys(copy, column) else { return format!("s.{name}") };
    format!(
        "CASE jsonb_typeof(s.{name}) WHEN 'object' THEN nullif(s.{name} - {keys}, '{{}}'::jsonb) ELSE nullif(s.{name}, 'null'::jsonb) END \
         AS {name}"
    )
}
