//! [`OdooConf`]: the file as Odoo reads it, every line kept.

use std::collections::BTreeMap;
use std::ops::Range;

/// A mistake that Odoo would stop at. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfProblem {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// How many characters are wrong.
    pub width: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub suggestion: Option<String>,
}

/// One option: where it stands and what its value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opt {
    pub section: String,
    pub key: String,
    pub value: String,
    /// The lines of the option, the first with the key; comments inside are among them.
    pub lines: Range<usize>,
    /// Where the value begins in the first line, in bytes.
    pub value_at: usize,
    indent: usize,
}

/// A parsed `odoo.conf`. [`OdooConf::to_text`] gives back the very bytes that were parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OdooConf {
    /// Every line with its own ending.
    pub(super) lines: Vec<String>,
    pub(super) options: Vec<Opt>,
    /// The headers and the lines they stand in.
    pub(super) sections: Vec<(String, usize)>,
}

impl OdooConf {
    /// Reads the text; every mistake is reported.
    pub fn parse(text: &str) -> Result<Self, Vec<ConfProblem>> {
        let mut reader = Reader::default();
        let lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        for (number, line) in lines.iter().enumerate() {
            reader.line(number, line);
        }
        for option in &mut reader.options {
            let value = option.value.trim_end().to_owned();
            option.value = value;
        }
        if !reader.problems.is_empty() {
            return Err(reader.problems);
        }
        Ok(Self { lines, options: reader.options, sections: reader.sections })
    }

    /// The text, byte for byte.
    pub fn to_text(&self) -> String {
        self.lines.concat()
    }

    /// The value of an option of the section `[options]`, whatever case its name is written in; what
    /// `[DEFAULT]` says holds where the section itself says nothing.
    pub fn get(&self, option: &str) -> Option<&str> {
        let key = option.to_lowercase();
        ["options", "DEFAULT"].iter().find_map(|section| {
            self.options.iter().find(|o| o.section == *section && o.key == key).map(|o| o.value.as_str())
        })
    }

    /// The text with the values of secret options replaced by `***`, for people's eyes.
    pub fn redacted(&self) -> String {
        let mut lines = self.lines.clone();
        for option in self.options.iter().filter(|o| crate::base::secret::is_secret_name(&o.key)) {
            for number in option.lines.clone() {
                let Some(line) = lines.get_mut(number) else { continue };
                let ending = line_ending(line).to_owned();
                let keep = if number == option.lines.start { option.value_at } else { 0 };
                let kept = line.get(..keep).unwrap_or_default().to_owned();
                *line = format!("{kept}***{ending}");
            }
        }
        lines.concat()
    }
}

/// The line's own ending: `\r\n`, `\n` or nothing.
pub(super) fn line_ending(line: &str) -> &str {
    if line.ends_with("\r\n") {
        "\r\n"
    } else if line.ends_with('\n') {
        "\n"
    } else {
        ""
    }
}

#[derive(Default)]
struct Reader {
    options: Vec<Opt>,
    sections: Vec<(String, usize)>,
    problems: Vec<ConfProblem>,
    /// Whether the lines that follow may continue the last option.
    open: bool,
    seen: BTreeMap<(String, String), usize>,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) {
        if number == 0 && line.starts_with('\u{feff}') {
            self.problem(
                0,
                0,
                1,
                "the file begins with a byte order mark",
                Some("Save it as UTF-8 without one."),
            );
            return;
        }
        let text = line.trim();
        if text.starts_with(['#', ';']) {
            return;
        }
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        if text.is_empty() {
            if let Some(option) = self.options.last_mut().filter(|_| self.open) {
                option.value.push('\n');
            }
            return;
        }
        if let Some(option) = self.options.last_mut().filter(|o| self.open && indent > o.indent) {
            option.value.push('\n');
            option.value.push_str(text);
            option.lines.end = number + 1;
            return;
        }
        if let Some(header) = header(text) {
            self.header(number, indent, text, header);
        } else if self.sections.is_empty() {
            self.problem(
                number,
                indent,
                text.chars().count(),
                "there is text before the first section",
                Some("Begin the file with a line that says [options]."),
            );
        } else {
            self.option(number, indent, line, text);
        }
    }

    fn header(&mut self, number: usize, indent: usize, text: &str, header: &str) {
        self.open = false;
        if header != "DEFAULT"
            && let Some((_, first)) = self.sections.iter().find(|(name, _)| name == header)
        {
            let message = format!("the section [{header}] is in line {} already", first + 1);
            self.problem(number, indent, text.chars().count(), &message, Some("Join the two."));
        }
        self.sections.push((header.to_owned(), number));
    }

    fn option(&mut self, number: usize, indent: usize, line: &str, text: &str) {
        let width = text.chars().count();
        let Some(at) = line.find(['=', ':']) else {
            self.open = false;
            self.problem(number, indent, width, "this is no option", Some("Write it as name = value."));
            return;
        };
        let (before, after) = (line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default());
        let key = before.trim().to_lowercase();
        if key.is_empty() {
            self.open = false;
            self.problem(number, indent, width, "the option has no name", Some("Write it as name = value."));
            return;
        }
        let section = self.sections.last().map(|(name, _)| name.clone()).unwrap_or_default();
        if let Some(first) = self.seen.insert((section.clone(), key.clone()), number) {
            let message = format!("`{key}` is in line {} already", first + 1);
            let width = before.trim().chars().count();
            self.problem(number, indent, width, &message, Some("Remove one of the two; Odoo reads neither."));
        }
        let body = after.trim_end_matches(['\r', '\n']);
        let space = body.len() - body.trim_start().len();
        self.open = true;
        self.options.push(Opt {
            section,
            key,
            value: body.trim().to_owned(),
            lines: number..number + 1,
            value_at: at + 1 + space,
            indent,
        });
    }

    fn problem(&mut self, line: usize, column: usize, width: usize, message: &str, suggestion: Option<&str>) {
        self.problems.push(ConfProblem {
            line: line + 1,
            column: column + 1,
            width,
            message: message.to_owned(),
            suggestion: suggestion.map(str::to_owned),
        });
    }
}

/// The name in `[name]`; what follows the last bracket does not count.
fn header(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.rfind(']')?;
    inner.get(..end).filter(|name| !name.is_empty())
}
