//! Whether a data file that a manifest names is one that Odoo can take apart.

use std::fs;
use std::path::Path;

use roxmltree::{Document, ParsingOptions};

/// The largest number of elements and attributes that a file may have.
const NODES: u32 = 10_000_000;

/// What is wrong with a data file, and in which line; 0 is the file as a whole.
pub fn trouble(path: &Path) -> Option<(usize, String)> {
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default().to_lowercase();
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Some((0, "the manifest names it, and it is not there".to_owned()));
        }
        Err(e) => return Some((0, format!("it cannot be read: {e}"))),
    };
    match end.as_str() {
        "xml" => xml(&bytes),
        "csv" => csv(&bytes),
        // What is in them is known to PostgreSQL and to browsers alone.
        "sql" | "js" => None,
        _ => Some((0, "Odoo loads .xml, .csv and .sql files, and no others".to_owned())),
    }
}

fn xml(bytes: &[u8]) -> Option<(usize, String)> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}'),
        // Another encoding is read by Odoo where the file says so.
        Err(_) if declares_encoding(bytes) => return None,
        Err(e) => return Some((line_of(bytes, e.valid_up_to()), "it is not UTF-8 text".to_owned())),
    };
    let options = ParsingOptions { allow_dtd: true, nodes_limit: NODES, ..ParsingOptions::default() };
    match Document::parse_with_options(text, options) {
        Ok(document) => {
            let root = document.root_element().tag_name().name();
            let known = ["odoo", "openerp", "data"].contains(&root);
            (!known).then(|| (0, format!("its root is <{root}>, and not <odoo>")))
        }
        Err(e) => Some((e.pos().row as usize, e.to_string())),
    }
}

fn declares_encoding(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).to_lowercase();
    bytes.starts_with(&[0xff, 0xfe])
        || bytes.starts_with(&[0xfe, 0xff])
        || head.split("?>").next().is_some_and(|head| head.contains("encoding=") && !head.contains("utf-8"))
}

fn line_of(bytes: &[u8], at: usize) -> usize {
    1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count()
}

/// Looks at the line that names the columns. Odoo takes every line below it as it comes, one with too few columns, too.
fn csv(bytes: &[u8]) -> Option<(usize, String)> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => return Some((line_of(bytes, e.valid_up_to()), "it is not UTF-8 text".to_owned())),
    };
    let head = text.lines().next().unwrap_or_default();
    if head.is_empty() {
        return Some((1, "it has no line that names its columns".to_owned()));
    }
    let is_id = |name: &str| name == "id" || name == "\"id\"";
    (!head.split(',').any(is_id)).then(|| (1, "it has no column id: an update passes over it".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_is_well_formed_or_its_line_is_told() {
        for (text, line) in [
            ("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<odoo><record id=\"a\"/></odoo>\n", None),
            ("\u{feff}<openerp><data noupdate=\"1\"/></openerp>", None),
            ("<odoo>\n<record>\n</odoo>", Some(3)),
            ("<odoo>\n&nbsp;</odoo>", Some(2)),
            ("<odoo a=\"1\" a=\"2\"/>", Some(1)),
            ("<odoo/>\n<odoo/>", Some(2)),
            ("", Some(1)),
            ("<html/>", Some(0)),
            ("<odoo><t t-if=\"a < b\"/></odoo>", Some(1)),
            ("<odoo><!-- a -- b --></odoo>", Some(1)),
        ] {
            assert_eq!(xml(text.as_bytes()).map(|found| found.0), line, "{text}: {:?}", xml(text.as_bytes()));
        }
        assert!(xml(b"<?xml version='1.0' encoding='iso-8859-1'?><odoo>\xe9</odoo>").is_none());
        assert_eq!(xml(b"<odoo>\n\xe9</odoo>").map(|found| found.0), Some(2));
    }

    #[test]
    fn csv_names_its_columns_and_an_id_among_them() {
        for (text, line) in [
            ("id,name\na,b\n", None),
            ("\"name\",\"id\"\r\n\"a\",\"b\"\r\nc\r\n", None),
            ("name\nid\n", Some(1)),
            ("\nid\n", Some(1)),
            ("", Some(1)),
        ] {
            assert_eq!(csv(text.as_bytes()).map(|found| found.0), line, "{text}");
        }
        assert_eq!(csv(b"id\n\xff").map(|found| found.0), Some(2));
    }
}
