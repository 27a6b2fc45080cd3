//! Python's tracebacks, read line by line: frames, what was raised, and what that came from.

/// How many frames and lines of a message are kept; of a recursion the first and the last are.
const FRAMES: usize = 60;
const LINES: usize = 60;
/// How many exceptions of a chain are kept.
const CHAIN: usize = 12;

/// One frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The line of the log.
    pub at: u64,
    /// The file of the program.
    pub file: String,
    /// Its line.
    pub line: u64,
    /// The function.
    pub function: String,
    /// The text of the line, where it was shown.
    pub code: String,
    /// The line of the log that shows it; 0 where none does.
    pub code_at: u64,
}

/// How an exception came out of the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// `raise ... from`.
    Cause,
    /// It happened while the other was dealt with.
    During,
}

/// An exception and the way to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raised {
    /// The line of the log where its traceback begins.
    pub begun: u64,
    /// The line of the log that names it; 0 where the log is cut before.
    pub at: u64,
    /// How it came out of the one before it.
    pub link: Option<Link>,
    /// Its frames, the outermost first.
    pub frames: Vec<Frame>,
    /// Its class with the modules.
    pub class: String,
    /// The lines of its message.
    pub message: Vec<String>,
    /// Where in the log they are.
    pub message_at: Vec<u64>,
}

impl Raised {
    /// The name of its class.
    pub fn name(&self) -> &str {
        self.class.rsplit('.').next().unwrap_or_default()
    }

    /// The first line of its message.
    pub fn first(&self) -> &str {
        self.message.first().map(String::as_str).unwrap_or_default()
    }

    /// Its whole message.
    pub fn text(&self) -> String {
        self.message.join("\n")
    }
}

/// Exceptions that came out of one another, the first first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Those that were raised.
    pub raised: Vec<Raised>,
    open: bool,
    link: Option<Link>,
}

const BEGIN: &str = "Traceback (most recent call last):";

impl Chain {
    /// Whether a line begins a traceback.
    pub fn begins(line: &str) -> bool {
        line.ends_with(BEGIN) && line.len() < BEGIN.len() + 80
    }

    /// Whether a traceback was begun whose exception has not been named yet.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether a line can only be a part of a traceback that is open.
    pub fn continues(&self, line: &str) -> bool {
        self.open && (line.starts_with("  ") || exception(line).is_some())
    }

    /// Reads the next line; false when it is no part of a traceback.
    pub fn see(&mut self, at: u64, line: &str) -> bool {
        if Self::begins(line.trim_end()) {
            let link = self.link.take();
            if self.raised.len() == CHAIN {
                self.raised.remove(1);
            }
            self.raised.push(Raised { begun: at, link, ..Raised::default() });
            self.open = true;
            return true;
        }
        if line.contains("direct cause of the following exception") {
            self.link = Some(Link::Cause);
            return true;
        }
        if line.starts_with("During handling of the above exception") {
            self.link = Some(Link::During);
            return true;
        }
        let Some(last) = self.raised.last_mut() else { return false };
        if self.open {
            self.open = !last.inside(at, line);
        } else if self.link.is_none() && last.message.len() < LINES {
            last.message.push(line.trim_end().to_owned());
            last.message_at.push(at);
        }
        true
    }

    /// The exception from which all others came. What is handled on the way, such as a key that is looked up in vain, is none;
    /// and `raise ... from` leads to it.
    pub fn root(&self) -> Option<&Raised> {
        let mut at = self.raised.iter().rposition(|raised| !raised.class.is_empty())?;
        while at > 0 {
            let (before, now) = (&self.raised[at - 1], &self.raised[at]);
            let earlier = match now.link {
                Some(Link::Cause) => true,
                Some(Link::During) => wraps(now) || !looked_up(before),
                None => false,
            };
            if !earlier || before.class.is_empty() {
                break;
            }
            at -= 1;
        }
        self.raised.get(at)
    }

    /// The exception that came out in the end.
    pub fn last(&self) -> Option<&Raised> {
        self.raised.iter().rfind(|raised| !raised.class.is_empty())
    }
}

/// What caches and dispatchers raise and catch all the time.
fn looked_up(raised: &Raised) -> bool {
    ["KeyError", "CacheMiss", "AttributeError", "StopIteration", "IndexError", "LookupError"]
        .contains(&raised.name())
}

/// What is raised to say where something happened.
fn wraps(raised: &Raised) -> bool {
    raised.name() == "ParseError" || raised.text().contains("could not be processed")
}

impl Raised {
    /// A line between `Traceback` and the exception; true when it is the exception.
    fn inside(&mut self, at: u64, line: &str) -> bool {
        if let Some(frame) = frame(at, line) {
            if self.frames.len() == FRAMES {
                self.frames.remove(FRAMES / 2);
            }
            self.frames.push(frame);
            return false;
        }
        if line.starts_with(' ') || line.trim().is_empty() {
            let code = line.trim();
            if let Some(frame) = self.frames.last_mut()
                && frame.code.is_empty()
                && code.chars().any(|c| c.is_alphanumeric())
            {
                frame.code = code.chars().take(400).collect();
                frame.code_at = at;
            }
            return false;
        }
        let Some((class, message)) = exception(line) else { return false };
        self.at = at;
        class.clone_into(&mut self.class);
        self.message = vec![message.trim_end().to_owned()];
        self.message_at = vec![at];
        true
    }
}

/// `  File "/x.py", line 2, in migrate`.
fn frame(at: u64, line: &str) -> Option<Frame> {
    let rest = line.trim_start().strip_prefix("File \"")?;
    let (file, rest) = rest.split_once("\", line ")?;
    let (number, function) = rest.split_once(", in ").unwrap_or((rest, ""));
    let line = number.trim().parse().ok()?;
    let function = function.trim().to_owned();
    Some(Frame { at, file: file.to_owned(), line, function, ..Frame::default() })
}

/// `package.Class: message`, or the class alone.
fn exception(line: &str) -> Option<(&str, &str)> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(line.len());
    let (class, rest) = line.split_at(end);
    let name = class.rsplit('.').next()?;
    let fits = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_') || class.contains('.');
    if class.is_empty() || !fits || !class.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return None;
    }
    match rest.strip_prefix(':') {
        Some(message) => Some((class, message.strip_prefix(' ').unwrap_or(message))),
        None => rest.trim().is_empty().then_some((class, "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(text: &str) -> Chain {
        let mut chain = Chain::default();
        for (at, line) in text.lines().enumerate() {
            chain.see(at as u64 + 1, line);
        }
        chain
    }

    #[test]
    fn frames_and_the_exception_are_read() {
        let read = chain(
            "Traceback (most recent call last):\n  File \"/a.py\", line 3, in go\n    x.y()\n    ^^^^^\n\
             psycopg2.errors.UndefinedColumn: column \"a\" does not exist\nLINE 1: a\n",
        );
        let root = read.root().unwrap();
        assert_eq!(
            (root.name(), root.first(), root.at),
            ("UndefinedColumn", "column \"a\" does not exist", 5)
        );
        assert_eq!(root.frames[0].code, "x.y()");
        assert_eq!((root.frames[0].line, root.frames[0].function.as_str()), (3, "go"));
        assert_eq!(root.message.len(), 2);
    }

    #[test]
    fn the_root_is_found_behind_what_wraps_it() {
        let tail = "Traceback (most recent call last):\n  File \"/a.py\", line 3, in go\n    f()\n";
        let cases = [
            (
                "ValueError: x",
                "\nThe above exception was the direct cause of the following exception:\n",
                "ParseError: y",
                "ValueError",
            ),
            (
                "KeyError: 3",
                "\nDuring handling of the above exception, another exception occurred:\n",
                "TypeError: y",
                "TypeError",
            ),
            (
                "KeyError: 3",
                "\nDuring handling of the above exception, another exception occurred:\n",
                "a.ParseError: y",
                "KeyError",
            ),
            (
                "UniqueViolation: 3",
                "\nDuring handling of the above exception, another exception occurred:\n",
                "InFailedSqlTransaction: y",
                "UniqueViolation",
            ),
        ];
        for (first, link, last, root) in cases {
            let read = chain(&format!("{tail}{first}\n{link}\n{tail}{last}\n"));
            assert_eq!(read.root().unwrap().name(), root, "{first} {last}");
            assert_eq!(read.raised.len(), 2);
        }
    }

    #[test]
    fn a_deep_recursion_keeps_its_ends() {
        let mut text = "Traceback (most recent call last):\n".to_owned();
        for line in 1..5000 {
            text.push_str(&format!("  File \"/a.py\", line {line}, in go\n    go()\n"));
        }
        let read = chain(&format!("{text}RecursionError: maximum recursion depth exceeded\n"));
        let frames = &read.root().unwrap().frames;
        assert_eq!((frames.len(), frames[0].line, frames.last().unwrap().line), (FRAMES, 1, 4999));
    }

    #[test]
    fn a_traceback_that_is_cut_names_nothing() {
        let read = chain("Traceback (most recent call last):\n  File \"/a.py\", line 3, in go\n");
        assert!(read.root().is_none() && read.is_open());
    }
}
