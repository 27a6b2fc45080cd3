//! Moments: always UTC, to the second, in the spelling that `last_run.json` uses.

use jiff::Timestamp;

/// `2026-11-20T21:13:33+00:00`: the form of odpm 4's `recorded_at`.
pub fn utc_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// `20261120T211333Z`: a moment in a name, so that names sort by time.
pub fn stamp(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// How long ago `then` was, in the largest unit that fits: `42 s`, `5 min`, `3 h`, `12 d`.
pub fn ago(now: Timestamp, then: Timestamp) -> String {
    let seconds = (now.as_second() - then.as_second()).max(0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spelling_is_the_predecessors() {
        let at: Timestamp = "2026-11-20T21:13:33.7Z".parse().unwrap();
        assert_eq!(utc_seconds(at), "2026-11-20T21:13:33+00:00");
    }

    #[test]
    fn ages_use_the_largest_unit_that_fits() {
        let now: Timestamp = "2026-11-20T00:00:00Z".parse().unwrap();
        let at = |s: i64| Timestamp::from_second(now.as_second() - s).unwrap();
        assert_eq!(ago(now, at(42)), "42 s");
        assert_eq!(ago(now, at(300)), "5 min");
        assert_eq!(ago(now, at(3 * 86_400)), "3 d");
    }
}
