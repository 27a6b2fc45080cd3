//! `checks`: what has to hold, asked in SQL, over HTTP or in the Odoo shell.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::build::{Paths, given};
use super::rules::Rules;

/// A check: a query alone, or in full.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum CheckFile {
    /// A query that returns the rows that break it.
    Query(String),
    /// In full.
    Full(Box<CheckFields>),
}

impl JsonSchema for CheckFile {
    fn schema_name() -> Cow<'static, str> {
        "CheckFile".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = CheckFields::json_schema(generator);
        schema.insert("type".to_owned(), serde_json::json!(["string", "object"]));
        schema
    }
}

/// A check: a query alone, or one of `sql`, `http` and `shell`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckFields {
    /// A query that returns the rows that break it.
    pub sql: Option<String>,
    /// A path that the server is asked for: /web/login.
    pub http: Option<String>,
    /// The status that it answers with; 200 unless given. A redirection is an answer.
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
    /// A text that the answer holds.
    pub contains: Option<String>,
    /// How it is asked; GET unless there is a body.
    pub method: Option<Method>,
    /// What it is sent, as JSON in a text.
    pub json: Option<String>,
    /// What it is sent, as a form is.
    pub body: Option<String>,
    /// A script for the Odoo shell, from this file on: what it raises is the failure, what it writes is taken back.
    pub shell: Option<String>,
}

/// How a server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// For a page.
    Get,
    /// With a body.
    Post,
}

/// What is sent along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// JSON. An error in the answer is a failure, whatever its status.
    Json(String),
    /// The fields of a form.
    Form(String),
}

/// A question over HTTP, and the answer that is right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HttpCheck {
    /// The path, with what follows a `?`.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// A text in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// How it is asked.
    pub method: Method,
    /// What is sent along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

impl HttpCheck {
    /// That a page is there.
    pub fn page(path: &str) -> Self {
        Self { path: path.to_owned(), status: 200, contains: None, method: Method::Get, body: None }
    }

    /// Whether it fetches a page, and sends nothing.
    pub fn only_fetches(&self) -> bool {
        self.method == Method::Get
    }
}

/// What has to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// A query that returns the rows that break it.
    Sql(String),
    /// An answer of the server.
    Http(HttpCheck),
    /// A script for the Odoo shell that raises nothing.
    Shell(PathBuf),
}

/// The part of the project; what is wrong goes into `rules`.
pub fn build(
    file: Option<BTreeMap<String, CheckFile>>,
    paths: &Paths<'_>,
    rules: &mut Rules<'_>,
) -> BTreeMap<String, Check> {
    let all = file.unwrap_or_default().into_iter();
    all.filter_map(|(name, file)| {
        let check = match file {
            CheckFile::Query(sql) => Some(Check::Sql(sql)),
            CheckFile::Full(fields) => full(&name, *fields, paths, rules),
        };
        check.map(|check| (name, check))
    })
    .collect()
}

fn full(name: &str, file: CheckFields, paths: &Paths<'_>, rules: &mut Rules<'_>) -> Option<Check> {
    let of_http = [
        ("status", file.status.is_some()),
        ("contains", file.contains.is_some()),
        ("method", file.method.is_some()),
        ("json", file.json.is_some()),
        ("body", file.body.is_some()),
    ];
    if file.http.is_none()
        && let Some((field, _)) = of_http.into_iter().find(|(_, given)| *given)
    {
        rules.check_of_http(name, field);
    }
    match (given(file.sql), given(file.http), given(file.shell)) {
        (Some(sql), None, None) => Some(Check::Sql(sql)),
        (None, None, Some(script)) => Some(Check::Shell(paths.absolute(&script))),
        (None, Some(path), None) => {
            if !is_path(&path) {
                rules.no_http_path(name, &path);
            }
            let body = match (file.json, file.body) {
                (Some(_), Some(_)) => {
                    rules.two_bodies(name);
                    None
                }
                (Some(json), None) => {
                    if let Err(e) = serde_json::from_str::<serde::de::IgnoredAny>(&json) {
                        rules.no_json(name, &e.to_string());
                    }
                    Some(Body::Json(json))
                }
                (None, Some(body)) => Some(Body::Form(body)),
                (None, None) => None,
            };
            if body.is_some() && file.method == Some(Method::Get) {
                rules.body_of_get(name);
            }
            let method = file.method.unwrap_or(if body.is_some() { Method::Post } else { Method::Get });
            let status = file.status.unwrap_or(200);
            Some(Check::Http(HttpCheck { path, status, contains: given(file.contains), method, body }))
        }
        _ => {
            rules.no_kind_of_check(name);
            None
        }
    }
}

/// Whether a server on this machine can be asked for it, and no other.
fn is_path(path: &str) -> bool {
    path.starts_with('/') && !path.starts_with("//") && path.chars().all(|c| c.is_ascii_graphic() && c != '#')
}

#[cfg(test)]
mod tests {
    use super::super::samples::try_project;
    use super::*;

    const SMALL: &str = "version: 1\nname: shop\nodoo:\n  version: 18.0\npostgres:\n  version: 16\n";

    #[test]
    fn a_check_is_sql_http_or_a_script() {
        let get = HttpCheck::page("/web/login");
        let post = |body: Body| HttpCheck {
            method: Method::Post,
            body: Some(body),
            ..HttpCheck::page("/web/login")
        };
        for (text, check) in [
            ("SELECT 1", Check::Sql("SELECT 1".into())),
            ("{sql: SELECT 1}", Check::Sql("SELECT 1".into())),
            ("{http: /web/login}", Check::Http(get.clone())),
            (
                "{http: /web/login, status: 303, contains: '404', method: POST}",
                Check::Http(HttpCheck {
                    status: 303,
                    contains: Some("404".into()),
                    method: Method::Post,
                    ..get.clone()
                }),
            ),
            (
                "{http: /web/login, json: '{\"params\": {}}'}",
                Check::Http(post(Body::Json("{\"params\": {}}".into()))),
            ),
            ("{http: /web/login, body: a=b}", Check::Http(post(Body::Form("a=b".into())))),
            ("{shell: checks/sale.py}", Check::Shell("/srv/shop/checks/sale.py".into())),
        ] {
            let project = try_project(&format!("{SMALL}checks:\n  one: {text}\n"), "", &[]);
            let project = project.unwrap_or_else(|e| panic!("{text}: {:?}", e.report().problems));
            assert_eq!(project.checks["one"], check, "{text}");
            let fetches = matches!(&check, Check::Http(asked) if asked.only_fetches());
            assert_eq!(fetches, text == "{http: /web/login}", "{text}");
        }
    }

    #[test]
    fn each_kind_is_asked_by_those_who_can() {
        let checks = "checks:\n  a: SELECT 1\n  b: {http: /}\n  c: {shell: c.py}\n";
        let project = try_project(&format!("{SMALL}{checks}"), "", &[]).unwrap();
        assert_eq!(project.sql_checks().into_keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(project.http_checks().into_keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(project.shell_checks().into_keys().collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn what_is_wrong_with_a_check_is_told_at_its_place() {
        for (text, column, message) in [
            ("{}", 8, "a check asks one thing"),
            ("", 8, "a check asks one thing"),
            ("{http: /, shell: a.py}", 8, "a check asks one thing"),
            ("{sql: '', status: 200}", 26, "`status` belongs to `http`"),
            ("{shell: a.py, contains: x}", 32, "`contains` belongs to `http`"),
            ("{http: web/login}", 15, "`web/login` is no path of a server"),
            ("{http: 'http://elsewhere/'}", 15, "is no path of a server"),
            ("{http: //elsewhere/}", 15, "is no path of a server"),
            ("{http: '/a b'}", 15, "is no path of a server"),
            ("{http: /, status: 99}", 26, "status has to be between 100 and 599"),
            ("{http: /, methd: POST}", 18, "one has no `methd`"),
            ("{http: /, method: PUT}", 26, "method cannot be `PUT`"),
            ("{http: /, json: '{'}", 24, "that is no JSON"),
            ("{http: /, json: '1', body: a=b}", 35, "either `json` or `body`"),
            ("{http: /, body: a=b, method: GET}", 37, "a GET takes no body"),
            ("[a]", 8, "one has to be a word or a text, not a list"),
        ] {
            let error = try_project(&format!("{SMALL}checks:\n  one: {text}\n"), "", &[]).expect_err(text);
            let found = &error.report().problems;
            let told = found.iter().any(|p| {
                p.message.contains(message) && p.line == 8 && (p.column == column || text.is_empty())
            });
            assert!(told, "{text}: {found:?}");
        }
    }
}
