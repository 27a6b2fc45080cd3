use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::base::{Secret, SecretRef};
use crate::error::Result;

fn edit(option: &str, value: &str) -> ConfEdit {
    ConfEdit { option: option.into(), value: ConfValue::Text(value.into()) }
}

fn apply(text: &str, edits: &[ConfEdit]) -> String {
    apply_edits(Some(text), edits, &|_: &SecretRef| -> Result<Secret> { Ok(Secret::new("s3cret")) }).unwrap()
}

#[test]
fn what_is_kept_is_what_is_said_to_be_kept() {
    let text = "version: 1\nname: shop\nengine: local\nodoo:\n  version: 18.0\n  source: /opt/odoo\n  database: shop\n\
        postgres:\n  version: 16\n  password: x\n  external: {host: db.example}\n";
    let kept = desired(&crate::project::samples::project(text, &[]));
    let kept: BTreeSet<&str> = kept.iter().map(|edit| edit.option.as_str()).collect();
    assert_eq!(kept, crate::project::MANAGED.iter().map(|(name, _)| *name).collect());
}

/// What Python's `RawConfigParser` reads, value by value.
#[test]
fn values_are_read_as_odoo_reads_them() {
    for (text, key, value) in [
        ("[options]\ndb_name = x ; note\n", "db_name", Some("x ; note")),
        ("[options]\nDB_Name=x\n", "db_name", Some("x")),
        ("[options]\ndb_name: x=y\n", "db_name", Some("x=y")),
        ("[options]\npassword = 100%\n", "password", Some("100%")),
        ("[options]\na = \"quoted\"\n", "a", Some("\"quoted\"")),
        ("[options]\na = 1\n    2\n  # not here\n\n    3\n\n\nb = 4\n", "a", Some("1\n2\n\n3")),
        ("[options]\na =\nb = 4\n", "a", Some("")),
        ("[DEFAULT]\na = 1\n[options]\nb = 2\n", "a", Some("1")),
        ("[DEFAULT]\na = 1\n[options]\na = 2\n", "a", Some("2")),
        ("[other]\na = 1\n[options]\nb = 2\n", "a", None),
        ("[options] ; the options\na = 1\n", "a", Some("1")),
        ("  [options]\n  a = 1\n  b = 2\n", "b", Some("2")),
        ("[options]\r\na = 1\r\n", "a", Some("1")),
    ] {
        let conf = OdooConf::parse(text).unwrap_or_else(|e| panic!("{text:?}: {e:?}"));
        assert_eq!(conf.get(key), value, "{text:?}");
        assert_eq!(conf.to_text(), text);
    }
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (text, line, message) in [
        ("a = 1\n", 1, "there is text before the first section"),
        ("[options]\na = 1\nA = 2\n", 3, "`a` is in line 2 already"),
        ("[options]\n[options]\n", 2, "the section [options] is in line 1 already"),
        ("[options]\nworkers\n", 2, "this is no option"),
        ("[options]\n= 1\n", 2, "the option has no name"),
        ("\u{feff}[options]\n", 1, "the file begins with a byte order mark"),
    ] {
        let problems = OdooConf::parse(text).expect_err(text);
        assert_eq!((problems[0].line, problems[0].message.as_str()), (line, message), "{text:?}");
    }
}

#[test]
fn an_edit_keeps_order_comments_and_spacing() {
    let text =
        "; ours\n[options]\nworkers=2\n# the host\ndb_host   =  old\nlog_level = info\n\n[queue]\nx = 1\n";
    let after = apply(text, &[edit("db_host", "db"), edit("db_port", "5432")]);
    assert_eq!(
        after,
        "; ours\n[options]\nworkers=2\n# the host\ndb_host   =  db\nlog_level = info\ndb_port = 5432\n\n[queue]\nx = 1\n"
    );
    assert_eq!(apply(&after, &[edit("db_host", "db"), edit("db_port", "5432")]), after, "and again");
}

#[test]
fn odd_files_are_edited_too() {
    for (text, want) in [
        ("[options]", "[options]\ndb_host = db\n"),
        ("[options]\ndb_host=", "[options]\ndb_host= db"),
        ("", "[options]\ndb_host = db\n"),
        ("[queue]\na = 1", "[queue]\na = 1\n[options]\ndb_host = db\n"),
        ("[options]\r\na = 1\r\n", "[options]\r\na = 1\r\ndb_host = db\r\n"),
        ("[options]\ndb_host = a\n  b\n  ; why\n  c\nz = 1\n", "[options]\ndb_host = db\n  ; why\nz = 1\n"),
        (
            "[DEFAULT]\ndb_host = db\n[options]\nz = 1\n",
            "[DEFAULT]\ndb_host = db\n[options]\nz = 1\ndb_host = db\n",
        ),
    ] {
        assert_eq!(apply(text, &[edit("db_host", "db")]), want, "{text:?}");
    }
}

#[test]
fn secrets_are_filled_in_and_hidden() {
    let secret = ConfEdit { option: "db_password".into(), value: ConfValue::Secret(SecretRef::AppPassword) };
    let text = apply("[options]\nadmin_passwd = $pbkdf2\n", &[secret]);
    assert!(text.contains("db_password = s3cret"));
    let shown = OdooConf::parse(&text).unwrap().redacted();
    assert_eq!(shown, "[options]\nadmin_passwd = ***\ndb_password = ***\n");
}

#[test]
fn only_what_differs_is_pending() {
    let conf = OdooConf::parse("[options]\ndb_host = db\ndb_password = x\n").unwrap();
    let wanted = vec![
        edit("db_host", "db"),
        edit("db_port", "5432"),
        ConfEdit { option: "db_password".into(), value: ConfValue::Secret(SecretRef::AppPassword) },
    ];
    let names = |stale: &[&str]| {
        let stale: BTreeSet<String> = stale.iter().map(|s| (*s).to_owned()).collect();
        pending(Some(&conf), wanted.clone(), &stale).into_iter().map(|e| e.option).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["db_port"]);
    assert_eq!(names(&["db_password"]), ["db_port", "db_password"]);
    assert_eq!(pending(None, wanted.clone(), &BTreeSet::new()).len(), 3);
}

proptest! {
    #[test]
    fn parsing_never_panics_and_keeps_every_byte(text in "(\\[?[a-c =:;#%\\]\\r\\n\\t\u{e9}]{0,3}(options\\])?){0,20}") {
        if let Ok(conf) = OdooConf::parse(&text) {
            prop_assert_eq!(conf.to_text(), text);
        }
    }

    #[test]
    fn a_set_option_reads_back_and_the_others_stay(
        keys in proptest::collection::btree_set("[a-e]{1,2}", 1..5),
        value in "[a-z0-9=:;#% ]{0,10}",
    ) {
        let text = keys.iter().fold("[options]\n".to_owned(), |t, k| t + &format!("# about {k}\n{k} = old\n"));
        let key = keys.iter().next().unwrap();
        let after = apply(&text, &[edit(key, &value)]);
        let conf = OdooConf::parse(&after).unwrap();
        prop_assert_eq!(conf.get(key), Some(value.trim()));
        for other in keys.iter().skip(1) {
            prop_assert_eq!(conf.get(other), Some("old"));
        }
        prop_assert_eq!(after.lines().count(), text.lines().count());
    }
}

#[test]
fn an_option_before_a_header_that_is_indented_keeps_its_value() {
    let edit = ConfEdit { option: "db_host".into(), value: ConfValue::Text("db".into()) };
    let text = "[options]\n  [queue_job]\nchannels = root:2\n";
    let edited = apply_edits(Some(text), &[edit], &|_| unreachable!("no secret")).unwrap();
    let conf = OdooConf::parse(&edited).unwrap();
    assert_eq!(conf.get("db_host"), Some("db"), "{edited}");
    assert!(edited.contains("  [queue_job]\nchannels = root:2\n"), "{edited}");
}
