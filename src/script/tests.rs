use std::collections::BTreeMap;

use super::truncate::Truncate;
use super::words::{Word, words};
use super::*;
use crate::error::{Kind, Problem, Result};
use crate::facts::{Tie, Touched};

/// Statements with bars between them.
fn read(text: &str) -> Result<Script> {
    let mut at = 0;
    let mut parts = Vec::new();
    for piece in text.split_inclusive('|') {
        let said = piece.trim_end_matches('|').trim();
        let kind = if said.starts_with('\\') { PartKind::Meta } else { PartKind::Statement };
        if !said.is_empty() {
            parts.push(Part { kind, at: at + piece.find(said).unwrap(), text: said.to_owned() });
        }
        at += piece.len();
    }
    examine("fix.sql", text, parts)
}

#[test]
fn what_cannot_be_one_transaction_is_refused_with_its_place() {
    for (statement, why) in [
        ("BEGIN", "begins or ends"),
        ("ROLLBACK TO here", "begins or ends"),
        ("SAVEPOINT a", "begins or ends"),
        ("RELEASE a", "begins or ends"),
        ("end", "begins or ends"),
        ("PREPARE TRANSACTION 'a'", "begins or ends"),
        ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "begins or ends"),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "begins or ends"),
        ("DO $$ BEGIN DELETE FROM t /* a */ ; COMMIT AND CHAIN", "begins or ends"),
        ("VACUUM full t", "cannot be run inside"),
        ("/* x */ Create -- y\n Database d", "cannot be run inside"),
        ("DROP DATABASE d", "cannot be run inside"),
        ("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", "cannot be run inside"),
        ("DROP INDEX CONCURRENTLY i", "cannot be run inside"),
        ("REINDEX TABLE CONCURRENTLY t", "cannot be run inside"),
        ("REINDEX DATABASE d", "cannot be run inside"),
        ("ALTER SYSTEM SET a = 1", "cannot be run inside"),
        ("CLUSTER", "cannot be run inside"),
        ("DISCARD ALL", "cannot be run inside"),
        ("ALTER TABLE a DETACH PARTITION b CONCURRENTLY", "cannot be run inside"),
        ("\\i other.sql", "command of psql"),
        ("COPY t (a) TO STDOUT", "sends data"),
        ("COPY t\tFROM\nSTDIN", "wants data"),
        ("SET client_encoding = 'LATIN1'", "another encoding"),
        ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1", "not taken apart"),
    ] {
        let error = read(&format!("SELECT 1|\n  {statement}|\nSELECT 2")).unwrap_err();
        let report = error.report();
        assert_eq!(report.kind, Kind::Refused, "{statement}");
        assert!(report.problems[0].message.contains(why), "{statement}: {report:?}");
        assert!(report.problems[0].suggestion.is_some());
        assert_eq!((report.problems[0].line, report.problems[0].column), (2, 3), "{statement}");
    }
}

#[test]
fn the_rest_is_run() {
    for statement in [
        "UPDATE t SET state = 'commit; begin'",
        "SELECT 'VACUUM' AS \"begin\"",
        "INSERT INTO log VALUES ('COPY t FROM stdin')",
        "DO $$ BEGIN RAISE NOTICE 'commit'",
        "DO $$ BEGIN UPDATE t SET commit = 1",
        "CREATE INDEX concurrently_made ON t (a)",
        "SET client_encoding TO UTF8",
        "SET search_path = public",
        "TRUNCATE t",
        "CLUSTER t USING i",
        "PREPARE q AS SELECT 1",
        "CREATE TABLE start (a int)",
        "NOTIFY done",
    ] {
        let read = read(statement);
        assert!(read.is_ok(), "{statement}: {read:?}");
    }
    assert_eq!(read(" | ").unwrap_err().kind(), Kind::Usage);
}

#[test]
fn one_pair_of_brackets_around_all_of_it_is_left_out() {
    for (text, statements) in [
        ("BEGIN| DELETE FROM a| DELETE FROM b| COMMIT|", Some(2)),
        ("start transaction| DELETE FROM a| end", Some(1)),
        ("BEGIN| DELETE FROM a| COMMIT| DELETE FROM b", None),
        ("BEGIN| DELETE FROM a| ROLLBACK", None),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE| DELETE FROM a| COMMIT", None),
    ] {
        let read = read(text);
        assert_eq!(read.as_ref().ok().map(|script| script.statements.len()), statements, "{text}");
        assert!(read.map_or(true, |script| script.unwrapped));
    }
}

#[test]
fn names_are_those_outside_of_strings_and_comments() {
    let script =
        read("DELETE FROM Sale_Order o USING \"Odd\" -- res_partner\n WHERE o.a = 'stock'| CALL x.tidy(1)")
            .unwrap();
    assert!(script.says("sale_order") && script.says("Odd") && script.says("public.sale_order"));
    assert!(!script.says("res_partner") && !script.says("stock") && !script.says("odd"));
    assert_eq!(script.calls, ["tidy"]);
    assert!(read("DO $$ BEGIN DELETE FROM sale_order").unwrap().says("sale_order"));
    let said = words("E'it\\'s' $a$ b $$ $a$ U&'x' 1.5");
    assert_eq!(said[..2], [Word::Text("it's".into()), Word::Text(" b $$ ".into())]);
}

#[test]
fn a_truncate_says_what_it_names() {
    let of = |text: &str| Truncate::of(&words(text));
    let named = |tables: &[(Option<&str>, &str)], cascade| {
        let own = |(schema, name): &(Option<&str>, &str)| (schema.map(str::to_owned), (*name).to_owned());
        Some(Truncate { tables: tables.iter().map(own).collect(), cascade })
    };
    assert_eq!(of("TRUNCATE a"), named(&[(None, "a")], false));
    assert_eq!(
        of("truncate TABLE ONLY s.A, \"B\" * RESTART IDENTITY CASCADE"),
        named(&[(Some("s"), "a"), (None, "B")], true)
    );
    assert_eq!(of("DELETE FROM truncate"), None);
    let place = Problem {
        file: "f".into(),
        line: 1,
        column: 1,
        excerpt: String::new(),
        width: 1,
        message: String::new(),
        suggestion: None,
    };
    let many: Vec<String> = (0..20).map(|n| format!("t{n}")).collect();
    assert!(reaching(&many, place).report().problems[0].message.ends_with("t11 and 8 more"));
}

#[test]
fn what_goes_by_reference_is_told_with_the_reference() {
    let touched = |inserted, updated, deleted| Touched { inserted, updated, deleted, emptied: 0 };
    let tables = BTreeMap::from([
        ("partner".to_owned(), touched(0, 0, 2)),
        ("order".to_owned(), touched(0, 0, 3)),
        ("note".to_owned(), touched(0, 4, 0)),
        ("log".to_owned(), touched(9, 0, 0)),
        ("stat".to_owned(), touched(0, 1, 0)),
    ]);
    let tie = |table: &str, on_delete| Tie {
        table: table.into(),
        columns: vec!["partner_id".into()],
        to: "partner".into(),
        on_delete,
        on_update: 'a',
    };
    let ties = [tie("order", 'c'), tie("order", 'n'), tie("note", 'n'), tie("stat", 'a')];
    let script = read("DELETE FROM partner").unwrap();
    let found: Vec<String> = cascades(&tables, &ties, &script)
        .iter()
        .map(|found| format!("{} {}", found.table, found.by.join("; ")))
        .collect();
    assert_eq!(
        found,
        [
            "note partner_id -> partner ON DELETE SET NULL",
            "order partner_id -> partner ON DELETE CASCADE",
            "stat "
        ]
    );
    assert!(
        firing(16, true, &touched(0, 1, 0))
            && !firing(16, false, &touched(0, 1, 0))
            && !firing(4, true, &touched(0, 1, 0))
    );
}

#[test]
fn two_runs_are_alike_to_the_row() {
    let one = |rows| BTreeMap::from([("t".to_owned(), Touched { updated: rows, ..Touched::default() })]);
    assert!(differences(&one(3), &one(3)).is_empty());
    assert_eq!(differences(&one(3), &one(4)), ["t: now 4 updated; when it was shown, 3 updated"]);
    assert_eq!(differences(&one(3), &BTreeMap::new()), ["t: now nothing; when it was shown, 3 updated"]);
    assert_eq!(unlike(&["table t".into()], &[]), ["table t would not be altered any more"]);
}
