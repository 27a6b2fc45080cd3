//! What a `TRUNCATE` names, and what of that which it reaches is missing there.

use super::words::Word;
use crate::error::{Error, Problem};

/// A `TRUNCATE` of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truncate {
    /// The tables as the statement names them: with a schema, or without.
    pub tables: Vec<(Option<String>, String)>,
    /// Whether it empties what refers to them, too.
    pub cascade: bool,
}

impl Truncate {
    /// The one that these words are.
    pub fn of(words: &[Word]) -> Option<Self> {
        let mut words = words.iter().peekable();
        words.next_if(|word| word.plain() == Some("truncate"))?;
        words.next_if(|word| word.plain() == Some("table"));
        let mut found = Self::default();
        loop {
            words.next_if(|word| word.plain() == Some("only"));
            let first = words.next()?.name()?.to_owned();
            found.tables.push(match words.next_if(|word| **word == Word::Sign('.')) {
                Some(_) => (Some(first), words.next()?.name()?.to_owned()),
                None => (None, first),
            });
            words.next_if(|word| **word == Word::Sign('*'));
            if words.next_if(|word| **word == Word::Sign(',')).is_none() {
                break;
            }
        }
        found.cascade = words.any(|word| word.plain() == Some("cascade"));
        Some(found)
    }
}

/// How many tables are named one by one.
const TOLD: usize = 12;

/// A cascade that empties tables which its statement does not name.
pub fn reaching(beyond: &[String], mut place: Problem) -> Error {
    let (count, named) = (beyond.len(), beyond.iter().take(TOLD).cloned().collect::<Vec<_>>().join(", "));
    let more = count.checked_sub(TOLD).filter(|more| *more > 0);
    let more = more.map_or_else(String::new, |more| format!(" and {more} more"));
    place.message = format!("it empties {count} further tables: {named}{more}");
    Error::refused("a TRUNCATE ... CASCADE would empty tables that it does not name")
        .because("CASCADE follows every reference, whatever it is declared to do, and empties whole tables")
        .with_problems(vec![place])
        .hint("Delete the rows that are meant instead: DELETE FROM ... WHERE ...")
        .hint("Where all of these are meant, name each of them in the TRUNCATE.")
}
