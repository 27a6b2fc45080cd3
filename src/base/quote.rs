//! Names and literals of SQL: the one place where they are quoted.
//!
//! Values are bound as parameters wherever PostgreSQL allows it; utility statements (`CREATE ROLE`,
//! `ALTER ROLE`) take none, so they use [`literal`].

use std::borrow::Borrow;

/// The databases that every cluster has of its own.
pub const SERVER_DATABASES: [&str; 3] = ["postgres", "template0", "template1"];

/// `name` as a quoted SQL identifier.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `text` as a SQL string literal, safe whatever `standard_conforming_strings` says.
pub fn literal(text: &str) -> String {
    if text.contains('\\') {
        format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// Ids as an array of SQL's, of `bigint`; they need no quotes.
pub fn id_array(ids: impl IntoIterator<Item: Borrow<i64>>) -> String {
    let ids: Vec<String> = ids.into_iter().map(|id| id.borrow().to_string()).collect();
    format!("'{{{}}}'::bigint[]", ids.join(","))
}

/// `text` as one word of a POSIX shell command line.
pub fn shell(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(ident(r#"we"ird"#), r#""we""ird""#);
        assert_eq!(literal("o'odoo"), "'o''odoo'");
        assert_eq!(literal(r"a\'b"), r"E'a\\''b'");
        assert_eq!(id_array([7, -1]), "'{7,-1}'::bigint[]");
        assert_eq!(id_array(Vec::<i64>::new()), "'{}'::bigint[]");
        assert_eq!(shell("it's"), r"'it'\''s'");
        assert_eq!(shell("/a/b.c"), "/a/b.c");
    }
}
