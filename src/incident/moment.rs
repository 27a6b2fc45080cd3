//! Moments as people write them.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A moment, and whether its zone was given with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// Whether the zone is this machine's for want of one.
    pub assumed_local: bool,
}

/// Reads `2026-03-21T17:42:00Z`, `2026-03-21 17:42:00+01`, `2026-03-21 17:42`, `17:42` (today) or `10m ago`; what has no zone
/// is in `here`. `None` for anything else, and for a moment that a change of clocks has twice or never.
pub fn parse(text: &str, now: Timestamp, here: &TimeZone) -> Option<Moment> {
    // A zone may stand apart: `17:00 +01:00`.
    let joined = text.trim().replace(" +", "+").replace(" -", "-");
    let text = joined.as_str();
    if let Some(ago) = text.strip_suffix("ago") {
        let seconds = i64::try_from(crate::project::seconds(ago.trim())?).ok()?;
        let at = now.checked_sub(SignedDuration::from_secs(seconds)).ok()?;
        return Some(Moment { at, assumed_local: false });
    }
    if let Some(at) = with_zone(text) {
        return Some(Moment { at, assumed_local: false });
    }
    let today = now.to_zoned(here.clone()).date();
    // `17:41+00`: today, in that zone.
    if text.contains(['+', 'Z', 'z']) || text.matches('-').count() == 1 {
        return with_zone(&format!("{today} {text}")).map(|at| Moment { at, assumed_local: false });
    }
    let local = match text.parse::<DateTime>() {
        Ok(local) => local,
        Err(_) => today.to_datetime(text.parse::<Time>().ok()?),
    };
    let at = here.to_ambiguous_zoned(local).unambiguous().ok()?.timestamp();
    Some(Moment { at, assumed_local: true })
}

/// With a zone, as RFC 3339, as PostgreSQL writes it - `+01` for `+01:00` -, or without seconds.
fn with_zone(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let at = text.rfind(['+', '-', 'Z', 'z']).filter(|at| *at > 10)?;
    let (local, zone) = text.split_at(at);
    let zone = match zone.len() {
        3 => format!("{zone}:00"),
        5 => format!("{}:{}", &zone[..3], &zone[3..]),
        _ => zone.to_owned(),
    };
    let local = if local.matches(':').count() == 1 { format!("{local}:00") } else { local.to_owned() };
    format!("{local}{zone}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_write_them() {
        let now: Timestamp = "2026-11-21T14:00:00Z".parse().unwrap();
        let here = TimeZone::fixed(jiff::tz::offset(1));
        for (text, at, local) in [
            ("2026-03-21T17:42:00Z", "2026-03-21T17:42:00Z", false),
            ("2026-03-21 17:42:00+00", "2026-03-21T17:42:00Z", false),
            ("2026-03-21 17:42:00.25+01:00", "2026-03-21T16:42:00.25Z", false),
            ("2026-03-21 17:42:00", "2026-03-21T16:42:00Z", true),
            ("2026-03-21 17:42", "2026-03-21T16:42:00Z", true),
            ("17:42", "2026-11-21T16:42:00Z", true),
            ("17:42+00", "2026-11-21T17:42:00Z", false),
            ("17:42Z", "2026-11-21T17:42:00Z", false),
            ("17:42:10-03:00", "2026-11-21T20:42:10Z", false),
            ("2026-03-21 17:42 +02:00", "2026-03-21T15:42:00Z", false),
            ("2026-03-21 17:42:00 -0330", "2026-03-21T21:12:00Z", false),
            ("10m ago", "2026-11-21T13:50:00Z", false),
            ("90s ago", "2026-11-21T13:58:30Z", false),
        ] {
            let wanted = Moment { at: at.parse().unwrap(), assumed_local: local };
            assert_eq!(parse(text, now, &here), Some(wanted), "{text}");
        }
        for text in ["", "yesterday", "25:00", "2026-13-01 10:00", "ago", "2026-03-21"] {
            let read = parse(text, now, &here);
            assert!(read.is_none() || text == "2026-03-21", "{text}: {read:?}");
        }
    }
}
