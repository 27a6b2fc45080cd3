//! What stands out by itself: rows that nobody meant to touch, and the right field on far too many rows or moved by one
//! factor.

use super::field_tally::FieldTally;
use super::findings::{FieldFindings, Pattern, PatternKind, Shift};
use crate::project::Expect;

/// From how many rows on changes can have something in common.
const FEW: u64 = 10;

/// Which part of the changed rows makes it common to them.
const MOST: f64 = 0.6;

/// Which part of all rows is large.
const LARGE: f64 = 0.05;

/// The factor that most rows have, or that most are near to: prices are rounded to cents.
fn common(shift: &Shift, rows: u64) -> (&'static str, f64, u64) {
    let (factor, same) = shift.commonest;
    match same as f64 >= MOST * rows as f64 {
        true => ("the same", factor, same),
        false => ("about the same", shift.median, shift.near),
    }
}

/// What stands out about the changes of one field.
pub fn patterns(model: &str, found: &FieldFindings, tally: &FieldTally, rules: &[&Expect]) -> Vec<Pattern> {
    let mut standing: Vec<Pattern> = Vec::new();
    if found.noise {
        return standing;
    }
    let tell = |standing: &mut Vec<Pattern>, kind, rows, what| {
        standing.push(Pattern {
            kind,
            model: model.to_owned(),
            field: Some(found.field.clone()),
            rows,
            what,
        });
    };
    let share = found.share.map_or_else(String::new, |share| format!(" ({} of all)", percent(share)));
    if let Some(shift) = &found.shift
        && let (word, factor, rows) = common(shift, found.rows)
        && rows >= FEW
        && rows as f64 >= MOST * found.rows as f64
        && (factor - 1.0).abs() >= 0.0001
        && factor != 0.0
    {
        let what = format!("{rows} of {} rows moved by {word} factor, {}{share}", found.rows, moved(factor));
        tell(&mut standing, PatternKind::OneFactor, rows, what);
    } else if let Some((value, rows)) = tally.commonest_after()
        && rows >= FEW
        && rows as f64 >= MOST * found.rows as f64
    {
        let value = value.as_json();
        tell(
            &mut standing,
            PatternKind::OneValue,
            rows,
            format!("{rows} of {} rows became {value}{share}", found.rows),
        );
    }
    // What moved together has its share told with it.
    if standing.is_empty() && found.share.is_some_and(|share| share >= LARGE) && found.rows >= FEW {
        tell(
            &mut standing,
            PatternKind::LargeShare,
            found.rows,
            format!("{} rows changed{share}", found.rows),
        );
    }
    let plain = found.field.split('@').next().unwrap_or(&found.field);
    let meant = |rule: &&Expect| {
        rule.model == model && (rule.fields.is_empty() || rule.fields.iter().any(|field| field == plain))
    };
    if !rules.is_empty() && !rules.iter().any(meant) {
        match standing.first_mut() {
            Some(pattern) => pattern.what.push_str("; nothing expects it"),
            None => tell(
                &mut standing,
                PatternKind::NotMeant,
                found.rows,
                format!("{} rows changed, and nothing expects it", found.rows),
            ),
        }
    }
    standing
}

/// A part of 1 as percent.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if p >= 99.95 => "100 %".to_owned(),
        p if p >= 10.0 => format!("{p:.0} %"),
        p if p >= 0.1 => format!("{p:.1} %"),
        _ => "less than 0.1 %".to_owned(),
    }
}

/// A factor as what it does: 0.88 is -12 %.
pub fn moved(factor: f64) -> String {
    let change = (factor - 1.0) * 100.0;
    let digits = if (change - change.round()).abs() < 0.05 { 0 } else { 2 };
    format!("{change:+.digits$} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_and_shares_are_told_in_percent() {
        assert_eq!(moved(0.88), "-12 %");
        assert_eq!(moved(1.0625), "+6.25 %");
        assert_eq!(percent(0.14), "14 %");
        assert_eq!(percent(0.00001), "less than 0.1 %");
    }
}
