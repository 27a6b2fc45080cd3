//! Rows that came before under other ids, and that nothing names on both sides.
//!
//! Such a row gets an xml id on the target that says which row of the source it is; with it the next migration finds it again
//! instead of bringing it once more.

use std::collections::BTreeSet;

use crate::facts::{SideSeen, XmlIdCopy};

/// How the modules of such xml ids begin.
const MODULE: &str = "__odpm_";

/// The module of the xml ids that rows of a source get: `__odpm_`, the source's own id, `__`. Odoo leaves alone what belongs to no module
/// of its own.
fn module(from: &SideSeen) -> Option<String> {
    let uuid: String = from.uuid.as_ref()?.chars().filter(char::is_ascii_alphanumeric).collect();
    (!uuid.is_empty()).then(|| format!("{MODULE}{uuid}__"))
}

/// Whether an xml id says which row of another database a row was.
pub(super) fn says_so(xml_id: &XmlIdCopy) -> bool {
    xml_id.module.starts_with(MODULE)
}

/// Gives rows of one table that get other ids their xml ids; `None` where they cannot be known again.
pub(super) fn giver(from: &SideSeen, table: &str) -> Option<impl Fn(i64, i64) -> XmlIdCopy> {
    let of_table = |model: &&String| from.wiring.table_of(model).is_some_and(|(name, _)| name == table);
    let (module, model) = (module(from)?, from.wiring.models.iter().find(of_table)?.clone());
    let table = table.to_owned();
    Some(move |id, res_id| XmlIdCopy {
        module: module.clone(),
        name: format!("{table}_{id}"),
        model: model.clone(),
        res_id,
        noupdate: true,
    })
}

/// The xml ids that the target's rows were given for those of this source, as the source's own.
pub fn remembered(from: &SideSeen, to: &SideSeen) -> Vec<XmlIdCopy> {
    // Of a database that is a copy of the other all ids are the other's own.
    let Some(module) = module(from).filter(|_| from.uuid != to.uuid) else { return Vec::new() };
    let own: BTreeSet<&str> = from
        .xml_ids
        .iter()
        .filter(|xml_id| xml_id.module == module)
        .map(|xml_id| xml_id.name.as_str())
        .collect();
    let given =
        to.xml_ids.iter().filter(|xml_id| xml_id.module == module && !own.contains(xml_id.name.as_str()));
    let of_source = given.filter_map(|xml_id| {
        let (_, id) = xml_id.name.rsplit_once('_')?;
        Some(XmlIdCopy { res_id: id.parse().ok()?, ..xml_id.clone() })
    });
    of_source.collect()
}
