//! Versions of modules: how Odoo completes what a manifest says, and in which order it puts them.

use super::Series;

/// The version of a manifest, as Odoo takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adapted {
    /// With the series before it.
    Whole(String),
    /// Odoo passes over the module: the version is that of another series.
    Elsewhere(String),
    /// Odoo cannot read the manifest because of it; the text says why.
    Wrong(String),
}

/// Completes the version of a manifest as this series of Odoo does: up to 16 anything goes, 17 and 18 want two or three numbers,
/// from 19 on a version of another series makes a module one that cannot be installed.
pub fn adapt(version: &str, series: &Series) -> Adapted {
    let serie = series.as_str();
    let forms =
        || format!("a version is `x.y`, `x.y.z`, `{serie}.x.y` or `{serie}.x.y.z`, and not {version:?}");
    if series.major() >= 19 {
        let parts = version.split('.').count();
        let numbers = version.split('.').all(|part| part.trim().parse::<i64>().is_ok());
        // The series of a saas release begins with letters.
        let of_saas = version.starts_with(serie) && !serie.starts_with(|c: char| c.is_ascii_digit());
        if !(2..=5).contains(&parts) || !(numbers || of_saas) {
            return Adapted::Wrong(forms());
        }
        let whole = match parts <= 3 && !version.starts_with(serie) {
            true => format!("{serie}.{version}"),
            false => version.to_owned(),
        };
        return match whole.strip_prefix(serie).is_some_and(|rest| rest.starts_with('.')) {
            true => Adapted::Whole(whole),
            false => Adapted::Elsewhere(whole),
        };
    }
    let own = version.strip_prefix(serie).and_then(|rest| rest.strip_prefix('.'));
    let base = own.unwrap_or(version);
    if series.major() >= 17 {
        let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !(2..=3).contains(&base.split('.').count()) || !base.split('.').all(number) {
            return Adapted::Wrong(forms());
        }
    }
    Adapted::Whole(if own.is_some() { version.to_owned() } else { format!("{serie}.{version}") })
}

/// A version as Odoo compares it: numbers by their value, what comes before a release before it, zeros at the end for nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order(Vec<String>);

impl Order {
    /// The place of a version.
    pub fn of(version: &str) -> Self {
        let version = if version.is_empty() { "0.1" } else { version }.to_lowercase();
        let mut parts: Vec<String> = Vec::new();
        let end = std::iter::once("*final".to_owned());
        for part in pieces(&version).filter_map(component).chain(end) {
            if part.starts_with('*') {
                if *part < *"*final" {
                    pop(&mut parts, "*final-");
                }
                pop(&mut parts, "00000000");
            }
            parts.push(part);
        }
        Self(parts)
    }

    /// What is left of it without the two numbers of the series.
    pub fn without_series(&self) -> &[String] {
        self.0.get(2..).unwrap_or_default()
    }
}

fn pop(parts: &mut Vec<String>, what: &str) {
    while parts.last().is_some_and(|last| last == what) {
        parts.pop();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Digits,
    Letters,
    /// A full stop and a dash stand for themselves, each of them.
    Alone,
    Other,
}

fn sort(c: char) -> Sort {
    match c {
        '0'..='9' => Sort::Digits,
        'a'..='z' => Sort::Letters,
        '.' | '-' => Sort::Alone,
        _ => Sort::Other,
    }
}

/// Runs of digits, runs of letters, and what is between them.
fn pieces(version: &str) -> impl Iterator<Item = &str> {
    let mut rest = version;
    std::iter::from_fn(move || {
        let first = sort(rest.chars().next()?);
        let same = |c: char| sort(c) != first;
        let end = match first {
            Sort::Alone => 1,
            _ => rest.find(same).unwrap_or(rest.len()),
        };
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

fn component(piece: &str) -> Option<String> {
    let word = match piece {
        "pre" | "preview" | "rc" => "c",
        "-" | "_" => "final-",
        "dev" => "@",
        "saas" | "~" | "." => return None,
        other => other,
    };
    Some(match word.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("{word:0>8}"),
        false => format!("*{word}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapted(version: &str, series: &str) -> Option<String> {
        match adapt(version, &Series::parse(series).unwrap()) {
            Adapted::Whole(version) => Some(version),
            Adapted::Elsewhere(version) => Some(format!("not {version}")),
            Adapted::Wrong(_) => None,
        }
    }

    #[test]
    fn versions_are_completed_as_each_series_does() {
        for (version, by_16, by_18, by_19) in [
            ("1.0", Some("16.0.1.0"), Some("18.0.1.0"), Some("19.0.1.0")),
            ("1.0.2", Some("16.0.1.0.2"), Some("18.0.1.0.2"), Some("19.0.1.0.2")),
            ("1", Some("16.0.1"), None, None),
            ("1.0.0.1", Some("16.0.1.0.0.1"), None, Some("not 1.0.0.1")),
            ("18.0.1.0", Some("16.0.18.0.1.0"), Some("18.0.1.0"), Some("not 18.0.1.0")),
            ("18.0.1.0.2", Some("16.0.18.0.1.0.2"), Some("18.0.1.0.2"), Some("not 18.0.1.0.2")),
            ("18.0.1.0.2.3", Some("16.0.18.0.1.0.2.3"), None, None),
            ("18.0", Some("16.0.18.0"), Some("18.0.18.0"), Some("19.0.18.0")),
            ("19.0", Some("16.0.19.0"), Some("18.0.19.0"), Some("not 19.0")),
            ("1.x", Some("16.0.1.x"), None, None),
            ("", Some("16.0."), None, None),
            ("1.03.00", Some("16.0.1.03.00"), Some("18.0.1.03.00"), Some("19.0.1.03.00")),
        ] {
            for (series, want) in [("16.0", by_16), ("18.0", by_18), ("19.0", by_19)] {
                assert_eq!(adapted(version, series).as_deref(), want, "{version} in {series}");
            }
        }
        assert_eq!(adapted("18.0.1.0", "17.0"), None);
        assert_eq!(adapted("1.2", "saas~18.1").as_deref(), Some("saas~18.1.1.2"));
    }

    #[test]
    fn versions_have_the_order_of_odoo() {
        for line in [
            vec![
                "",
                "0",
                "4.2",
                "4.2.3.4",
                "5.0.0-alpha",
                "5.0.0-rc1",
                "5.0.0-rc1.1",
                "5.0.0_rc2",
                "5.0.0_rc3",
                "5.0.0",
            ],
            vec!["5.0.0-0_rc3", "5.0.0-1dev", "5.0.0-1"],
            vec!["18.0.1.2", "18.0.1.2.1", "18.0.1.10", "18.0.2"],
            vec!["saas~17.4.1.0", "18.0.1.0", "saas~18.1.1.0"],
        ] {
            // An empty version is 0.1.
            for pair in line.windows(2).filter(|pair| !pair[0].is_empty()) {
                assert!(Order::of(pair[0]) < Order::of(pair[1]), "{pair:?}");
            }
        }
        assert_eq!(Order::of("18.0.1.0"), Order::of("18.0.1"));
        assert_eq!(Order::of(""), Order::of("0.1"));
        assert_eq!(Order::of("18.0.1.03"), Order::of("18.0.1.3"));
    }
}
