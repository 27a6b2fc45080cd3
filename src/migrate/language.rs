//! Languages: partners who speak one that the target does not have, texts of the target in one that the source does not have.

use std::collections::{BTreeMap, BTreeSet};

use super::inquiry::{Inquiry, Topic};
use super::request::{End, Told};
use super::rewrite::coming;
use crate::base::quote::literal;
use crate::plan::Block;

/// What is known of them.
#[derive(Debug, Default)]
pub(super) struct Languages {
    /// Those that are active, by side.
    active: BTreeMap<End, BTreeSet<String>>,
    /// How many partners that come speak each.
    spoken: BTreeMap<String, u64>,
}

impl Languages {
    pub fn take(&mut self, end: Option<End>, told: Told) {
        for row in told {
            match (end, row.as_slice()) {
                (Some(end), [Some(code)]) => {
                    self.active.entry(end).or_default().insert(code.clone());
                }
                (None, [Some(code), Some(rows)]) => {
                    self.spoken.insert(code.clone(), rows.parse().unwrap_or_default());
                }
                _ => {}
            }
        }
    }
}

/// Asks which are active, and who speaks which.
pub(super) fn ask(inquiry: &mut Inquiry<'_>) {
    let has = |end, column| inquiry.side(end).wiring.catalog.has("res_lang", column);
    if ![End::From, End::To].into_iter().all(|end| has(end, "code") && has(end, "active")) {
        return;
    }
    for end in [End::From, End::To] {
        let sql = "SELECT t.code::text FROM ONLY res_lang t WHERE t.active".to_owned();
        inquiry.ask(Topic::Languages(Some(end)), end, sql);
    }
    if inquiry.chosen.copied.contains_key("res_partner")
        && inquiry.from.wiring.catalog.has("res_partner", "lang")
    {
        let coming = coming(inquiry, "res_partner");
        let sql = format!(
            "SELECT t.lang::text, count(*)::text FROM ONLY res_partner t WHERE {coming} AND t.lang <> '' GROUP BY 1"
        );
        inquiry.ask(Topic::Languages(None), End::From, sql);
    }
}

/// Partners in whose language Odoo would refuse to work.
pub(super) fn block(inquiry: &Inquiry<'_>) -> Option<Block> {
    let known = &inquiry.languages;
    let theirs = known.active.get(&End::To)?;
    // Where languages come, too, those of the source are active then.
    let taken = inquiry.fates.get("res_lang").is_some_and(|fates| !fates.keep);
    let ours = known.active.get(&End::From).filter(|_| taken);
    let missing = |code: &&String| !theirs.contains(*code) && !ours.is_some_and(|ours| ours.contains(*code));
    let codes: Vec<&String> = known.spoken.keys().filter(missing).collect();
    if codes.is_empty() {
        return None;
    }
    let what =
        "partners come in whose language Odoo would refuse to work, since it is not active on the target";
    let block = codes.iter().fold(Block::refused("languages", what), |block, code| {
        let rows = known.spoken.get(*code).copied().unwrap_or_default();
        block.because(format!("{code}: {} of res_partner", super::blocks::rows(rows)))
    });
    Some(
        block
            .hint("Add the language on the target, in Odoo: Settings > Translations > Languages")
            .hint(
                "Or copy the languages, too: --table res_lang --shared res_lang=take (what modules say stays untranslated; those that are \
                 active on the target stay so)",
            ),
    )
}

/// Whether a language is active on the target then, as an expression of SQL's: partners and websites there speak those that are, and Odoo
/// would refuse to work in one that no longer is.
pub(super) fn active(inquiry: &Inquiry<'_>, column: &str) -> String {
    let Some(theirs) = inquiry.languages.active.get(&End::To) else { return column.to_owned() };
    let codes: Vec<String> = theirs.iter().map(|code| literal(code)).collect();
    format!("({column} OR t.code IN ({}))", codes.join(", "))
}

/// Texts that rows of the target lose.
pub(super) fn warning(inquiry: &Inquiry<'_>) -> Option<String> {
    let active = &inquiry.languages.active;
    let lost: Vec<&str> =
        active.get(&End::To)?.difference(active.get(&End::From)?).map(String::as_str).collect();
    let catalog = &inquiry.from.wiring.catalog;
    let texts = |table: &str| {
        let seen = catalog.tables.get(table);
        seen.is_some_and(|seen| seen.columns.values().any(|kind| kind == "jsonb"))
    };
    let taken =
        |table: &str, fates: &super::pairing::Fates| texts(table) && fates.pairs.len() > fates.left().count();
    let altered = inquiry.fates.iter().any(|(table, fates)| taken(table, fates));
    (!lost.is_empty() && altered).then(|| {
        format!(
            "{} of the target is not active on the source: rows that are made equal lose their texts in it; add the language on the \
             source first, or load it on the target again afterwards",
            lost.join(", ")
        )
    })
}
