//! Segments of PostgreSQL's log by their names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in the log: PostgreSQL writes it as `16/B374D848`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

impl Lsn {
    /// Reads `16/B374D848`.
    pub fn parse(text: &str) -> Option<Self> {
        let (high, low) = text.trim().split_once('/')?;
        let part =
            |text: &str| u64::from_str_radix(text, 16).ok().filter(|part| *part <= u64::from(u32::MAX));
        Some(Self(part(high)? << 32 | part(low)?))
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl Serialize for Lsn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Lsn {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no place in the log")))
    }
}

/// A segment: which timeline, and which one counted from the log's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    /// The timeline.
    pub timeline: u32,
    /// Its number.
    pub number: u64,
}

impl Segment {
    /// The segment that a place lies in, with segments of so many bytes.
    pub fn at(timeline: u32, place: Lsn, size: u64) -> Self {
        Self { timeline, number: place.0 / size.max(1) }
    }

    /// Reads a segment's name of 24 hexadecimal digits.
    pub fn parse(name: &str, size: u64) -> Option<Self> {
        let digits =
            name.len() == 24 && name.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
        let part = |at: usize| u64::from_str_radix(name.get(at..at + 8)?, 16).ok();
        let per_log = (1u64 << 32) / size.max(1);
        let low = part(16).filter(|low| digits && *low < per_log)?;
        Some(Self { timeline: u32::try_from(part(0)?).ok()?, number: part(8)? * per_log + low })
    }

    /// Its name.
    pub fn name(self, size: u64) -> String {
        let per_log = ((1u64 << 32) / size.max(1)).max(1);
        format!("{:08X}{:08X}{:08X}", self.timeline, self.number / per_log, self.number % per_log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 16 << 20;

    #[test]
    fn places_and_names_are_those_of_postgresql() {
        // What `pg_walfile_name` says of these places.
        for (place, name) in [
            ("0/3000028", "000000010000000000000003"),
            ("16/B374D848", "0000000100000016000000B3"),
            ("0/FFFFFFFF", "0000000100000000000000FF"),
            ("1/0", "000000010000000100000000"),
        ] {
            let lsn = Lsn::parse(place).unwrap();
            assert_eq!(lsn.to_string(), place);
            assert_eq!(Segment::at(1, lsn, SIZE).name(SIZE), name);
            assert_eq!(Segment::parse(name, SIZE), Some(Segment::at(1, lsn, SIZE)));
        }
        for wrong in ["", "00000001000000000000010", "000000010000000000000100", "00000001.history", "g"] {
            assert_eq!(Segment::parse(wrong, SIZE), None, "{wrong}");
        }
        assert_eq!(Lsn::parse("0/100000000"), None);
    }
}
