//! Loads a SQL script into a database, statement by statement: the first error ends it, nothing of psql's own is run.

use futures_util::SinkExt;
use tokio::sync::mpsc::Receiver;
use tokio_postgres::CopyInSink;

use super::connect::Session;
use super::probe::words;
use super::script::{Piece, Splitter};
use crate::base::Meter;
use crate::error::{Error, Result};

/// What a script was found to hold beside data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// How many statements were run.
    pub statements: u64,
    /// How many on owners and privileges were left out: both are the project's.
    pub left_out: u64,
}

/// Loads a script that comes in chunks; an error of whoever reads it ends the load.
pub async fn script(
    session: &Session,
    mut chunks: Receiver<Result<Vec<u8>>>,
    meter: &Meter,
) -> Result<Loaded> {
    let mut load = Load { session, sink: None, loaded: Loaded::default() };
    let mut splitter = Splitter::default();
    let mut pieces = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        let chunk = chunk?;
        splitter.push(&chunk, &mut pieces)?;
        for piece in pieces.drain(..) {
            load.piece(piece).await?;
        }
        meter.add(chunk.len() as u64);
    }
    splitter.end(&mut pieces)?;
    for piece in pieces.drain(..) {
        load.piece(piece).await?;
    }
    Ok(load.loaded)
}

struct Load<'a> {
    session: &'a Session,
    sink: Option<(std::pin::Pin<Box<CopyInSink<bytes::Bytes>>>, String)>,
    loaded: Loaded,
}

impl Load<'_> {
    async fn piece(&mut self, piece: Piece) -> Result<()> {
        match piece {
            Piece::Statement(statement) => self.statement(&statement).await,
            Piece::Copy(statement) => {
                let sink = self.session.copy_in(&statement).await.map_err(|e| failed(&statement, &e))?;
                self.sink = Some((Box::pin(sink), statement));
                Ok(())
            }
            Piece::Data(data) => match &mut self.sink {
                Some((sink, statement)) => {
                    sink.send(bytes::Bytes::from(data)).await.map_err(|e| failed(statement, &e))
                }
                None => Ok(()),
            },
            Piece::End => match self.sink.take() {
                Some((mut sink, statement)) => {
                    sink.as_mut().finish().await.map_err(|e| failed(&statement, &e))?;
                    self.loaded.statements += 1;
                    Ok(())
                }
                None => Ok(()),
            },
            Piece::Meta(line) => meta(&line),
        }
    }

    async fn statement(&mut self, statement: &str) -> Result<()> {
        if let Some(encoding) = encoding(statement) {
            return Err(Error::input(format!("the script is in {encoding}, and only UTF-8 is read"))
                .hint("Take the dump anew: pg_dump --encoding=UTF8")
                .hint(format!("Or convert it, and the line that says so: iconv -f {encoding} -t UTF-8")));
        }
        match kind(statement) {
            Kind::Run => {}
            Kind::NotOurs => {
                self.loaded.left_out += 1;
                return Ok(());
            }
        }
        match self.session.batch_execute(statement).await {
            Ok(()) => self.loaded.statements += 1,
            // A newer pg_dump sets what an older server does not know.
            Err(e) if is_unknown_setting(statement, &e) => self.loaded.left_out += 1,
            Err(e) => return Err(failed(statement, &e)),
        }
        Ok(())
    }
}

/// The encoding that a script says it is in, where that is another one than UTF-8.
fn encoding(statement: &str) -> Option<String> {
    let (name, value) = statement.strip_prefix("SET ")?.split_once('=')?;
    let value = value.trim().trim_matches('\'').to_uppercase();
    let other = !["UTF8", "UTF-8", "UNICODE", "SQL_ASCII"].contains(&value.as_str());
    (name.trim() == "client_encoding" && other).then_some(value)
}

/// Since August 2025 pg_dump brackets its scripts so that psql runs no commands hidden in data; any other command of psql
/// is none of a dump's.
fn meta(line: &str) -> Result<()> {
    let word = line.split_whitespace().next().unwrap_or_default();
    if matches!(word, "restrict" | "unrestrict") {
        return Ok(());
    }
    Err(Error::refused(format!("the script has a command of psql: \\{word}"))
        .because("a dump needs none, and such a command could run programs on this machine")
        .hint("Look where the file comes from; remove the line if it is harmless."))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Run,
    /// On owners, privileges, or what only an extension's owner may write.
    NotOurs,
}

fn kind(statement: &str) -> Kind {
    let upper = |text: &str| text.split_whitespace().map(str::to_ascii_uppercase).collect::<Vec<_>>();
    // Statements on owners and privileges are short; what is long is none of them.
    let head: String = statement.chars().take(2000).collect();
    let words = upper(&head);
    let starts =
        |wanted: &[&str]| words.len() >= wanted.len() && words.iter().zip(wanted).all(|(a, b)| a == b);
    let owner = starts(&["ALTER"])
        && words.len() >= 4
        && words.get(words.len() - 3..).is_some_and(|end| {
            end.first().is_some_and(|word| word == "OWNER") && end.get(1).is_some_and(|word| word == "TO")
        });
    let privileges = starts(&["GRANT"]) || starts(&["REVOKE"]) || starts(&["ALTER", "DEFAULT", "PRIVILEGES"]);
    let extension = starts(&["COMMENT", "ON", "EXTENSION"]);
    let role = starts(&["SET", "SESSION", "AUTHORIZATION"]) || starts(&["SET", "ROLE"]);
    if owner || privileges || extension || role { Kind::NotOurs } else { Kind::Run }
}

/// `SET transaction_timeout` on a server that does not know it; any other unknown setting is an error.
fn is_unknown_setting(statement: &str, e: &tokio_postgres::Error) -> bool {
    let unknown = e.code() == Some(&tokio_postgres::error::SqlState::UNDEFINED_OBJECT);
    unknown && statement.trim_start().to_ascii_lowercase().starts_with("set transaction_timeout")
}

fn failed(statement: &str, e: &tokio_postgres::Error) -> Error {
    let begin: String =
        statement.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect();
    Error::environment("a statement of the backup failed").because(words(e)).because(format!("in: {begin}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_and_privileges_are_the_projects() {
        for (statement, want) in [
            ("ALTER TABLE public.t OWNER TO somebody", Kind::NotOurs),
            ("ALTER TABLE ONLY public.t ADD CONSTRAINT x PRIMARY KEY (id)", Kind::Run),
            ("GRANT ALL ON SCHEMA public TO PUBLIC", Kind::NotOurs),
            ("REVOKE ALL ON TABLE t FROM odoo", Kind::NotOurs),
            ("COMMENT ON EXTENSION pg_trgm IS 'text'", Kind::NotOurs),
            ("COMMENT ON TABLE t IS 'owner to x'", Kind::Run),
            ("SET SESSION AUTHORIZATION 'postgres'", Kind::NotOurs),
            ("CREATE TABLE granted (owner text)", Kind::Run),
        ] {
            assert_eq!(kind(statement), want, "{statement}");
        }
    }

    #[test]
    fn a_script_in_another_encoding_is_told() {
        assert_eq!(encoding("SET client_encoding = 'LATIN1'"), Some("LATIN1".to_owned()));
        assert_eq!(encoding("SET client_encoding = 'UTF8'"), None);
        assert_eq!(encoding("SET statement_timeout = 0"), None);
    }

    #[test]
    fn commands_of_psql_are_refused_but_for_its_own_brackets() {
        meta("restrict aBc").unwrap();
        meta("unrestrict aBc").unwrap();
        for line in ["! touch x", "connect other", "i file", "copy t from program 'x'"] {
            assert!(meta(line).is_err(), "{line}");
        }
    }
}
