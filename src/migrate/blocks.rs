//! What of a decision stands in the way, in words.

use super::decision::Decision;
use super::inquiry::Inquiry;
use super::request::{Conflicts, Dangling, End};
use crate::plan::Block;

fn rows(count: u64) -> String {
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
    blocks.extend(clashes(decision));
    blocks.extend(analytic(inquiry));
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
    let found: Vec<String> = decision
        .conflicts
        .iter()
        .filter(|conflict| conflict.choice == Conflicts::Stop)
        .map(|conflict| {
            let said = |side: &Option<String>| side.clone().unwrap_or_else(|| "without a name".to_owned());
            format!(
                "{} {}: {} on the source, {} on the target",
                conflict.table,
                conflict.id,
                said(&conflict.from),
                said(&conflict.to)
            )
        })
        .collect();
    let block = Block::refused("conflicts", "ids of rows that come are other rows' on the target");
    let block = lines(block, found.clone().into_iter());
    (!found.is_empty()).then(|| {
        block
            .hint("Give the source's rows new ids, references follow: --conflicts renumber")
            .hint("Leave the source's rows behind: --conflicts keep; let them replace the target's: --conflicts take")
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
        let mut add: Vec<&str> = stops
            .iter()
            .filter(|dangles| dangles.broken < dangles.missing && inquiry.may_be_added(&dangles.to))
            .map(|dangles| dangles.to.as_str())
            .collect();
        add.sort_unstable();
        add.dedup();
        let block = match add.is_empty() {
            true => block,
            false => block.hint(format!("Copy what they lead to, too: --table {}", add.join(" --table "))),
        };
        let first = stops.first().map(|dangles| dangles.at.clone()).unwrap_or_default();
        blocks.push(block.hint(format!("Or let them become nothing: --reference {first}=null")));
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

fn clashes(decision: &Decision) -> Option<Block> {
    let found = decision.clashes.iter().map(|clash| {
        let super::decision::Clash { table, index, from, to, value } = clash;
        format!("{table}: row {from} of the source and row {to} of the target both have {value} ({index})")
    });
    let block =
        Block::refused("not_unique", "rows that come and rows that stay may not be beside each other");
    let block = lines(block, found.collect::<Vec<_>>().into_iter());
    (!decision.clashes.is_empty())
        .then(|| block.hint("Make them one record, or alter one of them, then plan again."))
}

/// Shares by analytic account are JSON with several ids in one key, which no query rewrites here.
fn analytic(inquiry: &Inquiry<'_>) -> Option<Block> {
    let accounts = inquiry.fates.get("account_analytic_account")?;
    let columns = &inquiry.from.wiring.catalog;
    let mut used = inquiry.chosen.copied.keys().filter(|table| columns.has(table, "analytic_distribution"));
    let table = used.next().filter(|_| !accounts.changes().is_empty())?;
    let what = format!("analytic accounts get other ids, and {table}.analytic_distribution would not follow");
    let block = Block::refused("analytic", what);
    Some(block.hint("Leave the analytic accounts out: --without account_analytic_account"))
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
    let at_work = decision.holds.iter().any(|held| held.table != "res_partner");
    if at_work
        && decision.transfer.sequences.iter().any(|sequence| inquiry.to.sequences.contains(&sequence.to))
    {
        decision.warnings.push(
            "documents of the target would be numbered on from where the source's are; to leave its numbering alone: \
             --shared ir_sequence=keep --shared ir_sequence_date_range=keep"
                .to_owned(),
        );
    }
    let auto = decision.conflicts.iter().filter(|conflict| conflict.choice == Conflicts::Renumber).count();
    if auto > 0 {
        decision.warnings.push(format!(
            "{} with ids that are other rows' on the target: they get new ones; those without an xml id would come once more if this were applied again",
            rows(auto as u64)
        ));
    }
    let empty =
        inquiry.chosen.copied.keys().filter(|table| inquiry.count(End::From, table).rows == 0).count();
    if empty > 0 {
        decision.warnings.push(format!("{empty} tables of the set have no rows on the source"));
    }
}
