//! Run ids: the moment an apply was planned, and four random bytes.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::digest::hex;

/// Names one apply, everywhere: journal file, lock, history, process titles.
///
/// `20261120T211333Z-1a2b3c4d`: sorts by time, is safe in file names, and survives a double-click.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// The id of a run that starts `at`, made unique by `random`.
    pub fn new(at: Timestamp, random: [u8; 4]) -> Self {
        Self(format!("{}-{}", super::time::stamp(at), hex(&random)))
    }

    /// Reads an id that a person typed or a file name holds; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let (time, random) = text.split_once('-')?;
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        let time_ok = time.len() == 16
            && digits(time.get(..8)?)
            && time.get(8..9)? == "T"
            && digits(time.get(9..15)?)
            && time.get(15..)? == "Z";
        let random_ok = random.len() == 8 && random.bytes().all(|b| b.is_ascii_hexdigit());
        (time_ok && random_ok).then(|| Self(text.to_owned()))
    }

    /// The random part: short, for names that have to be short.
    pub fn short(&self) -> &str {
        self.0.split_once('-').map_or(self.as_str(), |(_, random)| random)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_a_path_does_not() {
        let id = RunId::new(Timestamp::from_second(1_795_000_000).unwrap(), [0x1a, 0x2b, 0x3c, 0x4d]);
        assert_eq!(RunId::parse(id.as_str()), Some(id));
        for bad in [
            "",
            "-",
            "../../etc/passwd",
            "20261120T211333Z",
            "20261120T211333Z-xyz",
            "2026é120T21133-1a2b3c4d",
        ] {
            assert_eq!(RunId::parse(bad), None, "{bad}");
        }
    }
}
