//! Secrets in what a log quotes: statements with their values, settings, addresses with a password.

use crate::base::secret::is_secret_name;

const MASK: &str = "***";

/// Whether a text names something whose value must not be shown.
pub fn names_secret(text: &str) -> bool {
    const MORE: [&str; 8] =
        ["apikey", "api-key", "access_key", "passphrase", "otp", "credential", "client_key", "pbkdf2"];
    let lower = text.to_lowercase();
    is_secret_name(&lower) || MORE.iter().any(|word| lower.contains(word))
}

/// A line that is shown, without the secrets in it.
pub fn mask(text: &str) -> String {
    let text = address(text);
    if !names_secret(&text) {
        return text;
    }
    if statement(&text) { mask_statement(&text) } else { settings(&text) }
}

fn statement(text: &str) -> bool {
    let upper = text.to_uppercase();
    ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "ALTER ", "CREATE ", "COPY ", "LINE ", "VALUES", "WHERE "]
        .iter()
        .any(|word| upper.contains(word))
}

/// A statement without any of its texts: which of them is the secret depends on columns, keys and the order of values.
pub fn mask_statement(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '$']) {
        masked.push_str(&rest[..at]);
        let (from, length) = match literal(&rest[at..]) {
            Some(length) => (at, length),
            None => {
                masked.push_str(&rest[at..=at]);
                rest = &rest[at + 1..];
                continue;
            }
        };
        masked.push('\'');
        masked.push_str(MASK);
        masked.push('\'');
        rest = &rest[from + length..];
    }
    masked.push_str(rest);
    masked
}

/// How long the literal is that begins here; one that is cut goes on to the end.
fn literal(text: &str) -> Option<usize> {
    if let Some(body) = text.strip_prefix('\'') {
        let mut chars = body.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => drop(chars.next()),
                '\'' if chars.peek().is_some_and(|(_, next)| *next == '\'') => drop(chars.next()),
                '\'' => return Some(at + 2),
                _ => {}
            }
        }
        return Some(text.len());
    }
    let tag = text[1..].find('$')? + 2;
    let fits = text[1..tag - 1].chars().all(|c| c.is_alphanumeric() || c == '_');
    if !fits || text[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some(text[tag..].find(&text[..tag]).map_or(text.len(), |end| tag + end + tag))
}

/// `password=...`, `'api_key': '...'`, `Key (token)=(...)`.
fn settings(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['=', ':']) {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        masked.push_str(before);
        masked.push_str(&rest[at..=at]);
        rest = after;
        let name =
            before.rsplit([' ', ',', '{', ';', '&', '?']).find(|part| !part.is_empty()).unwrap_or_default();
        if names_secret(name) && !after.starts_with("//") {
            let value = value(after);
            if !after[..value].trim().is_empty() {
                masked.push_str(MASK);
                rest = &after[value..];
            }
        }
    }
    masked.push_str(rest);
    masked
}

/// How long the value is that begins here.
fn value(text: &str) -> usize {
    let start = text.len() - text.trim_start().len();
    let body = &text[start..];
    let end = match body.chars().next() {
        Some(quote @ ('\'' | '"')) => body[1..].find(quote).map(|at| at + 2),
        Some('(') => body.find(')').map(|at| at + 1),
        _ => body.find([' ', ',', '&', '}', ';']),
    };
    start + end.unwrap_or(body.len())
}

/// `postgresql://odoo:***@db`.
fn address(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        masked.push_str(before);
        let end = after.find(['/', ' ', '"', '\'']).unwrap_or(after.len());
        rest = after;
        if let Some(host) = after[..end].rfind('@')
            && let Some(colon) = after[..host].find(':')
        {
            masked.push_str(&after[..=colon]);
            masked.push_str(MASK);
            rest = &after[host..];
        }
    }
    masked.push_str(rest);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_shown() {
        let cases = [
            "UPDATE res_users SET password='hunter2' WHERE id=2",
            "INSERT INTO res_users (login, password) VALUES ('ada', 'hunter2'), ('bob', E'hunter2\\'')",
            "UPDATE ir_config_parameter SET value='hunter2' WHERE key='database.secret'",
            "UPDATE payment_provider SET api_key = $x$hunter2$x$",
            "UPDATE res_users SET password='it''s hunter2",
            "LINE 1: UPDATE res_users SET password='hunter2...",
            "password=hunter2 host=db",
            "{'api_key': 'hunter2', 'name': 'x'}",
            "DETAIL:  Key (access_token)=(hunter2) already exists.",
            "postgresql://odoo:hunter2@db/shop",
            "smtp_password: hunter2",
            "token = \"hunter2",
        ];
        for text in cases {
            assert!(!mask(text).contains("hunter2"), "{}", mask(text));
        }
    }

    #[test]
    fn what_is_not_secret_stays() {
        for text in [
            "UPDATE product_template SET lead_time_days = 'x'",
            "File \"/a/b.py\", line 2, in migrate",
            "http://localhost:8069/web",
            "WHERE id = $1",
        ] {
            assert_eq!(mask(text), text);
        }
        assert_eq!(mask("SELECT password FROM a WHERE b = $1"), "SELECT password FROM a WHERE b = $1");
    }
}
