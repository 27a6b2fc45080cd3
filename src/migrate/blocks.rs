//! What of a decision stands in the way, in words.

use std::collections::{BTreeMap, BTreeSet};

use super::decision::{Clash, Decision};
use super::inquiry::Inquiry;
use super::request::{Conflicts, Dangling, End, Shared};
use super::{analytic, closure, language, texts};
use crate::plan::Block;

pub(super) fn rows(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

/// How many of a kind are told.
const TOLD: usize = 20;

pub(super) fn add(inquiry: &Inquiry<'_>, decision: &mut Decision) {
    let mut blocks = inquiry.chosen.blocks.clone();
    blocks.append(&mut decision.blocks);
    if inquiry.chosen.copied.is_empty() {
        let block = Block::refused("nothing", "no table would be copied");
        blocks.push(block.hint("Name a set or tables: --set e-commerce, --table res_partner"));
    }
    blocks.extend(differences(decision));
    blocks.extend(conflicts(decision));
    blocks.extend(xml_conflicts(decision));
    blocks.extend(dangling(inquiry, decision));
    blocks.extend(lost(inquiry, decision));
    blocks.extend(clashes(decision));
    blocks.extend(analytic::shares(inquiry));
    blocks.extend(analytic::plans(inquiry));
    blocks.extend(language::block(inquiry));
    blocks.extend(charts(inquiry));
    warn(inquiry, decision);
    decision.blocks = blocks;
}

fn lines(block: Block, lines: impl ExactSizeIterator<Item = String>) -> Block {
    let more = lines.len().saturating_sub(TOLD);
    let block = lines.take(TOLD).fold(block, Block::because);
    if more > 0 { block.because(format!("and {more} more")) } else { block }
}

fn differences(decision: &Decision) -> Option<Block> {
    let found: Vec<String> = decision
        .differences
        .iter()
        .filter(|difference| difference.blocks)
        .map(|difference| {
            let said = |side: &Option<String>| side.clone().unwrap_or_else(|| "none".to_owned());
            format!(
                "{}: {} on the source, {} on the target",
                difference.what,
                said(&difference.from),
                said(&difference.to)
            )
        })
        .collect();
    let block = Block::refused("not_equal", "source and target are not equal where they have to be");
    let block = lines(block, found.clone().into_iter());
    (!found.is_empty()).then(|| block.hint("Install and upgrade the same modules on both: odpm upgrade run"))
}

fn conflicts(decision: &Decision) -> Option<Block> {
    let stops = decision.conflicts.iter().filter(|conflict| conflict.choice == Conflicts::Stop);
    let mut tables: BTreeMap<&str, u64> = BTreeMap::new();
    for conflict in stops {
        *tables.entry(&conflict.table).or_default() += 1;
    }
    let found: Vec<String> = decision
        .conflicts
        .iter()
        .filter(|conflict| conflict.choice == Conflicts::Stop)
        .map(|conflict| {
            let said = |side: &Option<String>| match side.as_deref().map(|key| key.trim_end_matches('|')) {
                Some(key) if !key.is_empty() => key.replace('|', ", "),
                _ => "without a name".to_owned(),
            };
            if conflict.table == "product_product" {
                return format!(
                    "product_product {}: the variant of another product on the target",
                    conflict.id
                );
            }
            format!(
                "{} {}: {} on the source, {} on the target",
                conflict.table,
                conflict.id,
                said(&conflict.from),
                said(&conflict.to)
            )
        })
        .collect();
    let many: Vec<String> =
        tables.iter().map(|(table, many)| format!("{} of {table}", rows(*many))).collect();
    let what = format!("ids of rows that come are other rows' on the target: {}", many.join(", "));
    let block = Block::refused("conflicts", what);
    let block = lines(block, found.clone().into_iter());
    (!found.is_empty()).then(|| {
        block
            .hint("Give the source's rows new ids, references follow: --conflicts renumber")
            .hint("Leave the source's rows behind: --conflicts keep; let them replace the target's, but for those that stay as they are: --conflicts take")
    })
}

fn xml_conflicts(decision: &Decision) -> Option<Block> {
    let found = decision.xml_conflicts.iter().map(|conflict| format!("{}: {}", conflict.name, conflict.why));
    let block = Block::refused("xml_ids", "xml ids name different rows on both sides");
    let block = lines(block, found);
    let hint = "Put them right on the source, where nobody works with them.";
    (!decision.xml_conflicts.is_empty()).then(|| block.hint(hint))
}

fn dangling(inquiry: &Inquiry<'_>, decision: &Decision) -> Vec<Block> {
    let mut blocks = Vec::new();
    let stops = decision.dangling.iter().filter(|dangles| match dangles.choice {
        Dangling::Null => false,
        Dangling::Stop | Dangling::Map | Dangling::Add => true,
    });
    let stops: Vec<_> = stops.collect();
    let told = |dangles: &&super::decision::Dangles| {
        let first: Vec<String> = dangles.first.iter().map(i64::to_string).collect();
        let mut said = format!("{dangles}, to {}", first.join(", "));
        if dangles.missing > dangles.first.len() as u64 {
            said += &format!(" and {} more", dangles.missing - dangles.first.len() as u64);
        }
        match dangles.broken {
            0 => {}
            broken if broken == dangles.missing => said += "; the source has none of them either",
            broken => said += &format!("; {broken} of them the source has not either"),
        }
        said
    };
    if !stops.is_empty() {
        let block = Block::refused("dangling", "references would lead nowhere on the target");
        let block = lines(block, stops.iter().map(told).collect::<Vec<_>>().into_iter());
        let there = stops.iter().filter(|dangles| dangles.broken < dangles.missing);
        let tables: BTreeSet<&str> = there.map(|dangles| dangles.to.as_str()).collect();
        let add =
            tables.iter().filter(|table| inquiry.may_be_added(table)).map(|table| format!("--table {table}"));
        let said =
            tables.iter().filter(|table| inquiry.comes_if_said(table)).map(|table| closure::said(table));
        let add: Vec<String> = add.chain(said).collect();
        let block = match add.is_empty() {
            true => block,
            false => block.hint(format!("Copy what they lead to, too: {}", add.join(" "))),
        };
        // What is broken on the source neither comes nor is found: somebody has to look at those rows there.
        let broken = stops.iter().filter(|dangles| dangles.broken > 0).take(TOLD);
        let block = broken.fold(block, |block, dangles| {
            let Some((table, column)) = dangles.at.split_once('.') else { return block };
            block.hint(format!(
                "Mend those of {table}.{column} on the source that lead nowhere there already, among them to {}",
                dangles.first.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
            ))
        });
        blocks.push(match stops.iter().find(|dangles| !dangles.required) {
            Some(first) => block.hint(format!("Or let them become nothing: --reference {}=null", first.at)),
            None => block,
        });
    }
    let needed =
        decision.dangling.iter().filter(|dangles| dangles.choice == Dangling::Null && dangles.required);
    let needed: Vec<String> = needed.map(ToString::to_string).collect();
    if !needed.is_empty() {
        let block =
            Block::refused("required", "references that have to lead somewhere cannot become nothing");
        blocks.push(
            lines(block, needed.into_iter()).hint("Copy what they lead to, too, or leave their table out."),
        );
    }
    blocks
}

/// References to rows that stay behind.
fn lost(inquiry: &Inquiry<'_>, decision: &mut Decision) -> Option<Block> {
    let told = |lost: &super::behind::Lost| {
        format!(
            "{} -> {}: {} {} to what stays behind: {}{}",
            lost.at,
            lost.to,
            lost.rows,
            if lost.rows == 1 { "row refers" } else { "rows refer" },
            lost.first,
            if lost.rows > 5 { " and more" } else { "" }
        )
    };
    let (required, others): (Vec<_>, Vec<_>) = inquiry.lost.iter().partition(|lost| lost.required);
    decision
        .warnings
        .extend(others.into_iter().map(|lost| format!("{}; these references become nothing", told(lost))));
    if required.is_empty() {
        return None;
    }
    let what = "rows that come have to refer to rows that stay behind";
    let block = lines(Block::refused("left_behind", what), required.iter().map(|lost| told(lost)));
    // Attachments get new ids in any case: they stay behind with what they belong to.
    let owners: BTreeSet<&String> = required.iter().flat_map(|lost| &lost.of).collect();
    let fates = |table: &str| inquiry.fates.get(table);
    let by_id = |lost: &&super::behind::Lost| {
        let mut whose = lost.of.iter().chain(Some(&lost.to).filter(|_| lost.of.is_empty()));
        whose.any(|table| fates(table).is_some_and(|fates| !fates.behind.is_empty()))
    };
    let block = match required.iter().any(by_id) {
        true => block.hint("Give the rows new ids instead, references follow: --conflicts renumber"),
        false => block,
    };
    let stay = owners.iter().filter(|table| fates(table).is_some_and(|fates| fates.left().next().is_some()));
    let block = stay.fold(block, |block, table| {
        let block = block
            .because(format!("rows of {table} stay as the target has them, and so do their attachments"));
        match inquiry.wanted.shared.get(*table) {
            Some(Shared::Keep) => block
                .hint(format!("Have the source's rows, with what belongs to them: --shared {table}=take")),
            _ => block,
        }
    });
    let tables: BTreeSet<&str> =
        required.iter().filter_map(|lost| Some(lost.at.split_once('.')?.0)).collect();
    let tables: Vec<&str> = tables.into_iter().collect();
    Some(block.hint(format!("Or leave out what refers to them: --without {}", tables.join(" --without "))))
}

/// Rows that come and have what rows of the target have: rows that stay, and rows that give it up.
fn clashes(decision: &Decision) -> Vec<Block> {
    let (passed_on, staying): (Vec<&Clash>, Vec<&Clash>) =
        decision.clashes.iter().partition(|clash| clash.becomes.is_some());
    let stay = Block::refused("not_unique", "rows that come and rows that stay may not be beside each other");
    let pass_on = Block::refused(
        "passed_on",
        "rows are to have what other rows have until they are altered, too, and PostgreSQL looks at each row as it is written",
    );
    let mend = "Make them one record, or alter one of them, then plan again.";
    let free = "Give the rows of the target something else there first, then plan again: they become what the source has.";
    let mut blocks = Vec::new();
    for (block, clashes, hint) in [(stay, staying, mend), (pass_on, passed_on, free)] {
        if clashes.is_empty() {
            continue;
        }
        let block = lines(block, clashes.iter().map(|clash| clashing(clash))).hint(hint);
        let mut tables: Vec<&str> = clashes.iter().map(|clash| clash.table.as_str()).collect();
        tables.dedup();
        blocks.push(tables.into_iter().fold(block, |block, table| {
            block.hint(format!(
                "Or copy no rows of {table}: --shared {table}=map, and references lead to the target's rows of the same name"
            ))
        }));
    }
    blocks
}

fn clashing(clash: &Clash) -> String {
    let Clash { table, index, from, to, becomes, value } = clash;
    match becomes {
        None => format!(
            "{table}: row {from} of the source and row {to} of the target both have {value} ({index})"
        ),
        Some(becomes) => format!(
            "{table}: row {from} of the source has {value}, as row {to} of the target has until it becomes row {becomes} of the source ({index})"
        ),
    }
}

/// Accounts, taxes and journals of a company are told by the company's id: in their xml ids (`account.2_bank`), in the codes of accounts.
fn charts(inquiry: &Inquiry<'_>) -> Option<Block> {
    let changes = inquiry.fates.get("res_company")?.changes();
    let company = |name: &str| name.split_once('_')?.0.parse::<i64>().ok();
    let charts = inquiry.from.xml_ids.iter().filter(|xml_id| xml_id.module == "account");
    let of_these = charts.filter(|xml_id| company(&xml_id.name).is_some_and(|id| changes.contains_key(&id)));
    let named = of_these.count();
    let copied = ["account_account", "account_tax", "account_journal"];
    if named == 0 || !copied.iter().any(|table| inquiry.chosen.copied.contains_key(*table)) {
        return None;
    }
    let block = Block::refused(
        "charts",
        "companies have other ids on the target, and their charts of accounts come, too",
    );
    Some(
        block
            .because(format!("{named} xml ids of accounts, taxes and journals hold the id of such a company"))
            .hint("Leave the charts out: --set e-commerce --without account_account --without account_tax --without account_journal")
            .hint("Or make the companies on the target in the order in which the source has them."),
    )
}

fn warn(inquiry: &Inquiry<'_>, decision: &mut Decision) {
    for difference in decision.differences.iter().filter(|difference| !difference.blocks) {
        let said = |side: &Option<String>| side.clone().unwrap_or_else(|| "none".to_owned());
        let (from, to) = (said(&difference.from), said(&difference.to));
        decision.warnings.push(format!("{}: {from} on the source, {to} on the target", difference.what));
    }
    for dangles in
        decision.dangling.iter().filter(|dangles| dangles.choice == Dangling::Null && !dangles.required)
    {
        decision.warnings.push(format!("{dangles} become nothing"));
    }
    if !inquiry.wanted.with_transactions {
        for open in &decision.open {
            let first = open.first.join(", ");
            decision.warnings.push(format!("{} {} of the source stay behind: {first}", open.rows, open.what));
        }
    }
    for held in &decision.holds {
        decision.warnings.push(format!("the target holds {} of {}", rows(held.rows), held.table));
    }
    if let Some(why) = &inquiry.numbering.kept {
        decision.warnings.push(format!(
            "the target goes on with its own numbering of documents, prefixes too, since {why}; to have the source's: --shared ir_sequence=take \
             (no number is set back then)"
        ));
    }
    let auto = decision.conflicts.iter().filter(|conflict| conflict.choice == Conflicts::Renumber).count();
    if auto > 0 {
        decision.warnings.push(format!(
            "{} with ids that are other rows' on the target: they get new ones",
            rows(auto as u64)
        ));
    }
    let left = inquiry.fates.get("res_partner").map_or(0, |fates| fates.kept.len());
    if left > 0 {
        decision.warnings.push(format!(
            "{} of res_partner stay as the target has them, since its users and companies do: their addresses, their mail; to have the \
             source's: --shared res_partner=take",
            rows(left as u64)
        ));
    }
    decision.warnings.extend(language::warning(inquiry));
    decision.warnings.extend(texts::warnings(inquiry));
    let empty =
        inquiry.chosen.copied.keys().filter(|table| inquiry.count(End::From, table).rows == 0).count();
    if empty > 0 {
        decision.warnings.push(format!("{empty} tables of the set have no rows on the source"));
    }
}
