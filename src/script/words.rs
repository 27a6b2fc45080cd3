//! The words of a statement, as PostgreSQL's lexer sees them: comments are none, and what is in quotes stays whole.

/// A word of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// A keyword or a plain name, in small letters; a number.
    Plain(String),
    /// A name in double quotes.
    Quoted(String),
    /// A string, be it in quotes or between dollars.
    Text(String),
    /// Anything else.
    Sign(char),
}

impl Word {
    /// The keyword or plain name that it is.
    pub fn plain(&self) -> Option<&str> {
        match self {
            Self::Plain(word) => Some(word),
            _ => None,
        }
    }

    /// The name that it is, in quotes or not.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Plain(word) | Self::Quoted(word) => Some(word),
            _ => None,
        }
    }
}

/// The words of a statement.
pub fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = match c {
            c if c.is_whitespace() => &rest[c.len_utf8()..],
            '-' if rest.starts_with("--") => rest.find('\n').map_or("", |end| &rest[end..]),
            '/' if rest.starts_with("/*") => after_comment(rest),
            '\'' => quoted(rest, '\'', false, &mut found),
            '"' => quoted(rest, '"', false, &mut found),
            'e' | 'E' if rest[1..].starts_with('\'') => quoted(&rest[1..], '\'', true, &mut found),
            '$' => dollar(rest, &mut found),
            c if is_word(c) => {
                let end = rest.find(|c| !is_word(c) && c != '$').unwrap_or(rest.len());
                found.push(Word::Plain(rest[..end].to_lowercase()));
                &rest[end..]
            }
            c => {
                found.push(Word::Sign(c));
                &rest[c.len_utf8()..]
            }
        };
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

/// What follows a comment; one may hold another.
fn after_comment(text: &str) -> &str {
    let (mut depth, mut rest) = (0u32, text);
    while let Some(at) = rest.find(['/', '*']) {
        let here = &rest[at..];
        let (open, close) = (here.starts_with("/*"), here.starts_with("*/"));
        depth = if open {
            depth + 1
        } else if close {
            depth.saturating_sub(1)
        } else {
            depth
        };
        rest = &here[if open || close { 2 } else { 1 }..];
        if depth == 0 {
            return rest;
        }
    }
    ""
}

/// A string or a name in quotes; a doubled quote is one of its own.
fn quoted<'a>(text: &'a str, quote: char, escapes: bool, found: &mut Vec<Word>) -> &'a str {
    let mut content = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    let mut end = text.len();
    while let Some((at, c)) = chars.next() {
        let doubled = c == quote && chars.peek().is_some_and(|(_, next)| *next == quote);
        if doubled || (escapes && c == '\\') {
            content.extend(chars.next().map(|(_, next)| next));
        } else if c == quote {
            end = at + 1;
            break;
        } else {
            content.push(c);
        }
    }
    found.push(if quote == '"' { Word::Quoted(content) } else { Word::Text(content) });
    &text[end..]
}

/// A string between dollars, or just a dollar.
fn dollar<'a>(text: &'a str, found: &mut Vec<Word>) -> &'a str {
    let tag = text[1..].find('$').map(|end| &text[..end + 2]);
    let good = |tag: &&str| {
        let inside = &tag[1..tag.len() - 1];
        inside.chars().all(is_word) && !inside.starts_with(|c: char| c.is_ascii_digit())
    };
    let Some(tag) = tag.filter(good) else {
        found.push(Word::Sign('$'));
        return &text[1..];
    };
    let body = &text[tag.len()..];
    let (body, rest) = body.split_once(tag).unwrap_or((body, ""));
    found.push(Word::Text(body.to_owned()));
    rest
}
