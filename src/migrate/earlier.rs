//! Rows that came before under other ids, and that nothing names on both sides.
//!
//! Such a row gets an xml id on the target that says which row of the source it is; with it the next migration finds it again
//! instead of bringing it once more.

use crate::facts::{SideSeen, XmlIdCopy};

/// How many characters of a database's own id tell it apart.
const UUID: usize = 8;

/// The module of the xml ids that rows of a source get: `__odpm_1a2b3c4d__`. Odoo leaves alone what belongs to no module of its own.
fn module(from: &SideSeen) -> Option<String> {
    let uuid: String = from.uuid.as_ref()?.chars().filter(char::is_ascii_alphanumeric).take(UUID).collect();
    (uuid.len() == UUID).then(|| format!("__odpm_{uuid}__"))
}

/// The xml id of a row that gets another id.
pub(super) fn given(from: &SideSeen, table: &str, id: i64, res_id: i64) -> Option<XmlIdCopy> {
    let of_table = |model: &&String| from.wiring.table_of(model).is_some_and(|(name, _)| name == table);
    let model = from.wiring.models.iter().find(of_table)?.clone();
    Some(XmlIdCopy { module: module(from)?, name: format!("{table}_{id}"), model, res_id, noupdate: true })
}

/// The xml ids that the target's rows were given for those of this source, as the source's own.
pub fn remembered(from: &SideSeen, to: &SideSeen) -> Vec<XmlIdCopy> {
    let Some(module) = module(from) else { return Vec::new() };
    let given = to.xml_ids.iter().filter(|xml_id| xml_id.module == module);
    let of_source = given.filter_map(|xml_id| {
        let (_, id) = xml_id.name.rsplit_once('_')?;
        Some(XmlIdCopy { res_id: id.parse().ok()?, ..xml_id.clone() })
    });
    of_source.collect()
}
