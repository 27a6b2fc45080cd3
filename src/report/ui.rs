//! [`Ui`]: the two streams, and whether somebody sits at them.

use std::io::Write;

/// The form of a command's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// Where words go.
#[derive(Clone, Copy, Debug)]
pub struct Ui {
    /// No progress, only results and failures.
    pub quiet: bool,
}

impl Ui {
    /// The answer of the command: to stdout. A reader that has gone away is no failure.
    pub fn answer(self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out
            .write_all(text.as_bytes())
            .and_then(|()| if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") });
        let _ = out.flush();
    }

    /// Where an answer of many lines goes to as it comes: stdout.
    pub fn lines() -> Box<dyn Write + Send> {
        Box::new(std::io::BufWriter::new(std::io::stdout()))
    }

    /// What happens meanwhile: to stderr.
    pub fn say(self, text: &str) {
        if !self.quiet {
            self.insist(text);
        }
    }

    /// What has to be heard even in quiet: to stderr.
    pub fn insist(self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// How many columns an answer may have.
    pub fn width(self) -> usize {
        console::Term::stdout().size_checked().map_or(80, |(_, columns)| usize::from(columns))
    }

    /// Whether a person can be asked: both ends are a terminal, and no pipeline says that it is one.
    pub fn can_ask(self) -> bool {
        use std::io::IsTerminal;
        let pipeline = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "false" && ci != "0");
        !pipeline && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }
}
