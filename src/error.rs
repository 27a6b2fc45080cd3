//! The one error of the crate: what failed, why, and what to do about it.
//!
//! Every room returns [`Error`]; only [`Kind`] decides the exit code, and only `report` prints.
//! `what` is one sentence without a full stop, `why` the chain of causes from near to far, `hints`
//! whole sentences that end in a command to type or a thing to change.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure it is; the exit code follows from it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The command line is wrong.
    Usage,
    /// The project file, `.env`, or another input is wrong.
    Input,
    /// The machine, the server or the network did not do what was asked.
    Environment,
    /// Stopped on purpose: a person has to decide, or the world has moved.
    Refused,
    /// Another odpm holds the lock.
    Locked,
    /// A signal stopped the run.
    Interrupted,
    /// A bug in odpm.
    Internal,
}

impl Kind {
    /// The process exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Input | Self::Environment | Self::Internal => 1,
            Self::Refused => 3,
            Self::Locked => 4,
            Self::Usage => 64,
            Self::Interrupted => 130,
        }
    }
}

/// A place in an input file that is wrong. Lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file as the person named it.
    pub file: String,
    /// The line, from 1; 0 when the problem is of the file as a whole.
    pub line: usize,
    /// The column, from 1; 0 when the problem is of the file as a whole.
    pub column: usize,
    /// The text of that line; secrets are masked.
    pub excerpt: String,
    /// How many characters are wrong, from the column on.
    pub width: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub suggestion: Option<String>,
}

/// A failure, told so that a person can act on it.
#[derive(Debug)]
pub struct Error(Box<Report>);

/// The content of an [`Error`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What sort of failure it is.
    pub kind: Kind,
    /// What failed.
    pub what: String,
    /// Why, from near to far.
    pub why: Vec<String>,
    /// What to do.
    pub hints: Vec<String>,
    /// The places in input files that are wrong.
    pub problems: Vec<Problem>,
}

impl Error {
    /// A failure of the given kind.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self(Box::new(Report {
            kind,
            what: what.into(),
            why: Vec::new(),
            hints: Vec::new(),
            problems: Vec::new(),
        }))
    }

    /// Wrong usage of the command line.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Kind::Usage, what)
    }

    /// Wrong input.
    pub fn input(what: impl Into<String>) -> Self {
        Self::new(Kind::Input, what)
    }

    /// The failure of a reader or writer: an [`Error`] that came through it unharmed, or `what` failed.
    pub fn through(e: std::io::Error, what: &str) -> Self {
        if !e.get_ref().is_some_and(|inner| inner.is::<Self>()) {
            return Self::environment(what).caused_by(&e);
        }
        match e.into_inner().map(|inner| inner.downcast::<Self>()) {
            Some(Ok(error)) => *error,
            _ => Self::internal("an error got lost"),
        }
    }

    /// The machine or the server did not do what was asked.
    pub fn environment(what: impl Into<String>) -> Self {
        Self::new(Kind::Environment, what)
    }

    /// Stopped on purpose.
    pub fn refused(what: impl Into<String>) -> Self {
        Self::new(Kind::Refused, what)
    }

    /// A bug in odpm.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::new(Kind::Internal, what)
    }

    /// Adds a cause, and that cause's own causes.
    #[must_use]
    pub fn because(mut self, why: impl fmt::Display) -> Self {
        self.0.why.push(why.to_string());
        self
    }

    /// Adds an underlying error with everything behind it.
    #[must_use]
    pub fn caused_by(mut self, source: &dyn std::error::Error) -> Self {
        let mut next = Some(source);
        while let Some(error) = next {
            let text = error.to_string();
            // Many libraries repeat their source in their own message; say each thing once.
            if !self.0.why.iter().any(|w| w.contains(&text)) {
                self.0.why.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Adds the last words of a program: its last eight lines that are not empty.
    #[must_use]
    pub fn because_last<'a>(self, lines: impl IntoIterator<Item = &'a str>) -> Self {
        const LAST: usize = 8;
        let lines: Vec<&str> = lines.into_iter().filter(|line| !line.trim().is_empty()).collect();
        let from = lines.len().saturating_sub(LAST);
        lines.into_iter().skip(from).fold(self, Self::because)
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// With what another one says: its sentence and its causes as causes, its hints as hints.
    #[must_use]
    pub fn also(self, other: &Self) -> Self {
        let other = other.report();
        let causes = std::iter::once(&other.what).chain(&other.why);
        let error = causes.fold(self, Self::because);
        other.hints.iter().fold(error, Self::hint)
    }

    /// Without the hints that say this: whoever knows more of what can be done says it himself.
    #[must_use]
    pub fn without_hints(mut self, words: &str) -> Self {
        self.0.hints.retain(|hint| !hint.contains(words));
        self
    }

    /// Adds the places in input files that are wrong.
    #[must_use]
    pub fn with_problems(mut self, problems: Vec<Problem>) -> Self {
        self.0.problems = problems;
        self
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Everything there is to say.
    pub fn report(&self) -> &Report {
        &self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)?;
        for why in &self.0.why {
            write!(f, ": {why}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_contract() {
        let codes =
            [Kind::Input, Kind::Environment, Kind::Internal, Kind::Refused, Kind::Locked, Kind::Usage]
                .map(Kind::exit_code);
        assert_eq!(codes, [1, 1, 1, 3, 4, 64]);
        assert_eq!(Kind::Interrupted.exit_code(), 130);
    }

    #[test]
    fn causes_are_told_once() {
        let io = std::io::Error::other("disk on fire");
        let error = Error::environment("cannot write a.txt").caused_by(&io).hint("Put it out.");
        assert_eq!(error.to_string(), "cannot write a.txt: disk on fire");
    }
}
