//! [`FileSeen`]: a file that odpm may want to change.

use crate::base::Digest;

/// A file as it stands. The text may hold secrets: it never goes into a plan or to the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileSeen {
    /// It does not exist.
    Absent,
    /// Its text.
    Text(String),
    /// It exists and cannot be read as text.
    Unreadable(String),
}

impl FileSeen {
    /// The text, where there is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }

    /// The digest of the text; `None` when there is no such file, or none that can be read.
    pub fn digest(&self) -> Option<Digest> {
        self.text().map(Digest::of)
    }
}
