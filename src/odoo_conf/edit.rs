//! Sets options in the section `[options]`; every other byte stays.

use super::parse::{OdooConf, line_ending};
use super::{ConfEdit, ConfValue};
use crate::base::{Secret, SecretRef};
use crate::error::{Error, Result};

/// What a new file begins with.
const HEADER: &str = include_str!("../../templates/odoo.conf");

/// The text with the edits made. A file that is not there yet begins with a short comment.
///
/// Fails when the text cannot be read by Odoo's rules, or when `resolve` fails.
pub fn apply_edits(
    text: Option<&str>,
    edits: &[ConfEdit],
    resolve: &dyn Fn(&SecretRef) -> Result<Secret>,
) -> Result<String> {
    let mut text = text.unwrap_or(HEADER).to_owned();
    for edit in edits {
        let value = match &edit.value {
            ConfValue::Text(value) => value.clone(),
            ConfValue::Secret(secret) => resolve(secret)?.reveal().to_owned(),
        };
        let conf = OdooConf::parse(&text).map_err(|problems| {
            let first =
                problems.first().map_or_else(String::new, |p| format!("line {}: {}", p.line, p.message));
            Error::input("odoo.conf cannot be read").because(first)
        })?;
        text = set(conf, &edit.option, &value);
    }
    Ok(text)
}

/// The text with one option set.
fn set(mut conf: OdooConf, option: &str, value: &str) -> String {
    let key = option.to_lowercase();
    let ending = if conf.lines.first().is_some_and(|l| l.ends_with("\r\n")) { "\r\n" } else { "\n" };
    // A continuation has to be indented, or Odoo would read it as an option of its own.
    let value = value.lines().collect::<Vec<_>>().join(&format!("{ending}    "));
    let found = conf.options.iter().find(|o| o.section == "options" && o.key == key).cloned();
    if let Some(found) = found {
        if found.value == value {
            return conf.to_text();
        }
        replace(&mut conf, &found, &value);
        return conf.to_text();
    }
    let at = match section_end(&conf) {
        Some(at) => at,
        None => {
            finish_last_line(&mut conf.lines, ending);
            conf.lines.push(format!("[options]{ending}"));
            conf.lines.len()
        }
    };
    let (head, _) = conf.lines.split_at_mut(at);
    if let Some(last) = head.last_mut().filter(|line| line_ending(line).is_empty()) {
        last.push_str(ending);
    }
    // What follows is a header; one that stands deeper than the option before it would become a part of its value.
    let next = conf.lines.iter().skip(at).find(|line| !line.trim().is_empty());
    let indent = next.map_or("", |line| &line[..line.len() - line.trim_start().len()]).to_owned();
    conf.lines.insert(at, format!("{indent}{option} = {value}{ending}"));
    conf.to_text()
}

/// Replaces a value in its place: the name, the delimiter and its spaces stay, and so do comments inside
/// a value of several lines.
fn replace(conf: &mut OdooConf, found: &super::parse::Opt, value: &str) {
    let mut kept = Vec::new();
    for number in found.lines.clone() {
        let Some(line) = conf.lines.get(number) else { continue };
        if number == found.lines.start {
            let name = line.get(..found.value_at).unwrap_or(line).trim_end_matches(['\r', '\n']);
            let space = if name.ends_with(['=', ':']) && !value.is_empty() { " " } else { "" };
            kept.push(format!("{name}{space}{value}{}", line_ending(line)));
        } else if line.trim_start().starts_with(['#', ';']) {
            kept.push(line.clone());
        }
    }
    conf.lines.splice(found.lines.clone(), kept);
}

/// The line after the last one of `[options]` that says something.
fn section_end(conf: &OdooConf) -> Option<usize> {
    let start = conf.sections.iter().find(|(name, _)| name == "options")?.1;
    let end = conf.sections.iter().map(|(_, at)| *at).find(|at| *at > start).unwrap_or(conf.lines.len());
    let body = conf.lines.get(start..end)?;
    Some(start + body.iter().rposition(|line| !line.trim().is_empty()).map_or(1, |at| at + 1))
}

fn finish_last_line(lines: &mut [String], ending: &str) {
    if let Some(last) = lines.last_mut().filter(|line| line_ending(line).is_empty()) {
        last.push_str(ending);
    }
}
