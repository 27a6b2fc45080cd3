//! What a migration would do, for people: what differs, what comes, what has to be decided and with which flags.

use std::fmt::Write;

use serde::Serialize;

use crate::base::size::{count, thousands};
use crate::facts::SideSeen;
use crate::migrate::{Dangles, Dangling, Decision, Shared};

/// How many lines of one kind are shown to people.
const SHOWN: usize = 20;

/// Both sides and what was decided.
#[derive(Clone, Copy, Debug)]
pub struct MigrationTold<'a> {
    /// The source.
    pub from: &'a SideSeen,
    /// The target.
    pub to: &'a SideSeen,
    /// What was decided.
    pub decision: &'a Decision,
}

impl Serialize for MigrationTold<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let Decision {
            blocks,
            warnings,
            differences,
            tables,
            conflicts,
            xml_conflicts,
            dangling,
            mapped,
            clashes,
            left_out,
            open,
            holds,
            files,
            transfer: _,
        } = self.decision;
        let mut map = serializer.serialize_map(None)?;
        for (name, side) in [("from", self.from), ("to", self.to)] {
            let side = serde_json::json!({ "place": side.place, "database": side.database, "identity": side.identity });
            map.serialize_entry(name, &side)?;
        }
        map.serialize_entry("blocks", blocks)?;
        map.serialize_entry("warnings", warnings)?;
        map.serialize_entry("differences", differences)?;
        map.serialize_entry("tables", tables)?;
        map.serialize_entry("conflicts", conflicts)?;
        map.serialize_entry("xml_conflicts", xml_conflicts)?;
        map.serialize_entry("dangling", dangling)?;
        map.serialize_entry("mapped", mapped)?;
        map.serialize_entry("clashes", clashes)?;
        map.serialize_entry("left_out", left_out)?;
        map.serialize_entry("open", open)?;
        map.serialize_entry("holds", holds)?;
        map.serialize_entry("files", &files.len())?;
        map.end()
    }
}

/// The whole of it; what stands in the way and what is to be noted the plan says after it.
pub fn migration(told: &MigrationTold<'_>) -> String {
    let mut text = format!("From {} to {}\n", told.from.place, told.to.place);
    differences(told, &mut text);
    tables(told, &mut text);
    dangling(told.decision, &mut text);
    behind(told, &mut text);
    text
}

/// A heading with lines, as many as are shown.
fn lines(heading: &str, lines: impl Iterator<Item = String>, text: &mut String) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{heading}");
    for line in lines.iter().take(SHOWN) {
        let _ = writeln!(text, "  {line}");
    }
    if let Some(more) = lines.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {} more: --format json has all", thousands(more as u64));
    }
}

/// Side by side.
fn differences(told: &MigrationTold<'_>, text: &mut String) {
    let all = &told.decision.differences;
    let none = "none";
    let wide = |of: &dyn Fn(&crate::migrate::Difference) -> usize| {
        all.iter().map(of).max().unwrap_or_default().min(48)
    };
    let what = wide(&|one| one.what.chars().count());
    let from = wide(&|one| one.from.as_deref().unwrap_or(none).chars().count());
    let line = |one: &crate::migrate::Difference| {
        let (left, right) = (one.from.as_deref().unwrap_or(none), one.to.as_deref().unwrap_or(none));
        let stops = if one.blocks { "  STOPS THE PLAN" } else { "" };
        format!("{:what$}  {left:from$}  {right}{stops}", one.what)
    };
    let heading = format!("Not the same: in {}, in {}", told.from.place, told.to.place);
    let (stop, pass): (Vec<_>, Vec<_>) = all.iter().partition(|one| one.blocks);
    lines(&heading, stop.into_iter().chain(pass).map(line), text);
}

fn tables(told: &MigrationTold<'_>, text: &mut String) {
    let mut all: Vec<&crate::migrate::TableDecided> = told.decision.tables.iter().collect();
    let fresh = |table: &crate::migrate::TableDecided| {
        table.rows.saturating_sub(table.both).saturating_sub(table.behind)
    };
    all.sort_by_key(|table| (std::cmp::Reverse(fresh(table)), std::cmp::Reverse(table.both)));
    let name = all.iter().map(|table| table.table.len()).max().unwrap_or_default();
    let line = |table: &&crate::migrate::TableDecided| {
        let to_come = format!("{} to come", thousands(fresh(table)));
        let mut parts = match table.counted {
            true => vec![to_come],
            false => vec![format!("{} to come or there already", thousands(table.rows))],
        };
        let both = match table.shared {
            Shared::Take | Shared::Keep => "made equal",
            Shared::Map => "referred to as they are",
        };
        let more = [
            (table.both.saturating_sub(table.kept), both),
            (table.kept, "left as they are"),
            (table.renumbered, "get another id"),
            (table.behind, "stay behind"),
            (table.stay, "only there, stay"),
        ];
        parts.extend(
            more.iter()
                .filter(|(rows, _)| *rows > 0)
                .map(|(rows, what)| format!("{} {what}", thousands(*rows))),
        );
        format!("{:name$}  {}", table.table, parts.join(", "))
    };
    let touched = |table: &&&crate::migrate::TableDecided| table.rows > 0;
    lines("Rows", all.iter().filter(touched).map(line), text);
    let files = told.decision.files.len() as u64;
    if files > 0 {
        let _ = writeln!(text, "  {} of their attachments", count(files, "file"));
    }
}

/// References that stop the plan, with the flag for each way out.
fn dangling(decision: &Decision, text: &mut String) {
    let (pass, stop): (Vec<&Dangles>, Vec<_>) =
        decision.dangling.iter().partition(|one| one.choice == Dangling::Null);
    let line = |one: &Dangles| {
        let mut line = one.to_string();
        let first: Vec<String> = one.first.iter().take(5).map(i64::to_string).collect();
        let _ = write!(line, ", {} of {}: {}", count(one.missing, "missing row"), one.to, first.join(", "));
        if one.broken > 0 {
            let _ = write!(line, " ({} missing in the source, too)", thousands(one.broken));
        }
        line
    };
    let with_choices = |one: &Dangles| {
        let tried = match one.choice {
            Dangling::Add => "; those do not come",
            Dangling::Map => "; the target has none like them",
            Dangling::Stop | Dangling::Null => "",
        };
        let ways = match one.ways.as_slice() {
            [] if one.broken == one.missing => "mend them on the source".to_owned(),
            [] => format!(
                "make those on the target, or leave out what refers to them: --without {}",
                one.table()
            ),
            ways => format!("one of: {}", ways.join("  or  ")),
        };
        format!("{}{tried}\n      {ways}", line(one))
    };
    lines(
        "References that would lead nowhere: say what becomes of them",
        stop.into_iter().map(with_choices),
        text,
    );
    let told = |one: &Dangles| format!("{}; they become nothing", line(one));
    lines("References to rows that do not come", pass.into_iter().map(told), text);
    let mapped = decision.mapped.iter().filter(|one| !one.ids.is_empty());
    let mapped =
        mapped.map(|one| format!("{}: {} of another id", one.table, count(one.ids.len() as u64, "row")));
    lines("Same rows under other ids: references to them follow", mapped, text);
}

/// What stays behind, and why.
fn behind(told: &MigrationTold<'_>, text: &mut String) {
    let decision = told.decision;
    let mut whys: Vec<(&str, Vec<&str>)> = Vec::new();
    for left in &decision.left_out {
        match whys.iter_mut().find(|(why, _)| *why == left.why) {
            Some((_, tables)) => tables.push(&left.table),
            None => whys.push((&left.why, vec![&left.table])),
        }
    }
    let left = whys.into_iter().map(|(why, tables)| {
        let shown: Vec<&str> = tables.iter().take(6).copied().collect();
        let more = tables.len().saturating_sub(shown.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}: {why}", shown.join(", "))
    });
    lines("Stays behind", left, text);
}

/// A set of tables.
#[derive(Clone, Debug, Serialize)]
pub struct SetTold {
    /// Its name.
    pub name: String,
    /// What it is.
    pub what: String,
    /// Whether it is the project's own.
    pub own: bool,
    /// Its tables, those of sets that are part of it, too.
    pub tables: Vec<String>,
    /// Those of them that the database has not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
}

/// Which sets there are.
pub fn sets(sets: &[SetTold]) -> String {
    let mut text = String::new();
    for set in sets {
        let _ = writeln!(text, "{}: {}", set.name, set.what);
        let _ = writeln!(text, "  {}", set.tables.join(", "));
        if !set.absent.is_empty() {
            let _ = writeln!(text, "  not there: {}", set.absent.join(", "));
        }
    }
    text
}
