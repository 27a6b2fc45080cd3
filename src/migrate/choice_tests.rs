//! What comes, what stays behind, which rows are the same, in which order: over small databases made by hand.

use std::collections::{BTreeMap, BTreeSet};

use super::inquiry::Inquiry;
use super::never::never;
use super::order::{Edge, arrange};
use super::pairing::{Row, Table};
use super::pin;
use super::refs::refs;
use super::request::{Conflicts, Dangling, End, Shared, Told, Wanted};
use super::rewrite::Select;
use super::selection::{Selection, select};
use super::sets::{SHIPPED, expand};
use super::xml::Named;
use crate::facts::{Between, FieldSeen, ModuleInDatabase, SideSeen, XmlIdCopy};
use crate::project::MigrationSet;

/// A database of these tables: each with an id and these columns.
fn side(tables: &[(&str, &[(&str, &str)])]) -> SideSeen {
    let mut seen = SideSeen {
        place: "here".into(),
        identity: "one".into(),
        major: 15,
        encoding: "UTF8".into(),
        owned: true,
        ..SideSeen::default()
    };
    for (name, columns) in tables {
        let id = (!name.ends_with("_rel")).then_some(("id", "integer"));
        let columns = columns.iter().copied().chain(id);
        let columns = columns.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect();
        let table = seen.wiring.catalog.tables.entry((*name).to_owned()).or_default();
        table.columns = columns;
        seen.structure.entry((*name).to_owned()).or_default();
        let model = name.replace('_', ".");
        seen.wiring.catalog.fields.entry(model.clone()).or_default();
        seen.wiring.models.insert(model);
    }
    seen.modules.insert("base".into(), installed("18.0.1.3"));
    seen
}

fn installed(version: &str) -> ModuleInDatabase {
    let (state, version) = ("installed".to_owned(), Some(version.to_owned()));
    ModuleInDatabase { state, version, ..ModuleInDatabase::default() }
}

fn xml(name: &str, model: &str, res_id: i64) -> XmlIdCopy {
    let (module, name, model) = ("base".to_owned(), name.to_owned(), model.to_owned());
    XmlIdCopy { module, name, model, res_id, noupdate: false }
}

fn own(sets: &[(&str, &[&str], &[&str])]) -> BTreeMap<String, MigrationSet> {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let set = |tables: &[&str], include: &[&str]| MigrationSet {
        tables: words(tables),
        include: words(include),
        ..MigrationSet::default()
    };
    sets.iter().map(|(name, tables, include)| ((*name).to_owned(), set(tables, include))).collect()
}

#[test]
fn sets_include_each_other_and_may_be_replaced() {
    let sets = own(&[
        ("a", &["x_a"], &["b"]),
        ("b", &["x_b", "y_%"], &["a", "no_such"]),
        ("contacts", &["res_partner"], &[]),
        ("marketplace", &["x_m"], &["marketplace"]),
    ]);
    let named = |name: &str| {
        let expanded = expand(&[name.to_owned()], &sets);
        (expanded.tables.into_iter().collect::<Vec<_>>(), expanded.unknown)
    };
    let told = |all: &[(&str, bool)]| all.iter().map(|(t, n)| ((*t).to_owned(), *n)).collect::<Vec<_>>();
    let both = told(&[("x_a", true), ("x_b", true), ("y_%", false)]);
    assert_eq!(named("a"), (both, vec![("no_such".to_owned(), None)]));
    assert_eq!(named("contacts"), (told(&[("res_partner", true)]), vec![]));
    assert_eq!(named("marketplace").0, told(&[("fl_%", false), ("marketplace_%", false), ("x_m", true)]));
    assert_eq!(named("e-comerce").1, [("e-comerce".to_owned(), Some("e-commerce".to_owned()))]);
}

#[test]
fn no_shipped_set_has_what_is_never_copied() {
    let seen = side(&[]);
    for set in SHIPPED {
        for table in set.tables {
            assert_eq!(never(table, &seen.wiring), None, "{table}");
        }
        assert!(set.include.iter().all(|name| SHIPPED.iter().any(|set| set.name == *name)));
    }
}

#[test]
fn what_is_never_copied_has_a_reason() {
    let mut seen = side(&[("a_wizard", &[])]);
    seen.wiring.transient.insert("a.wizard".into());
    let cases = [
        ("ir_logging", "run state"),
        ("queue_job_lock", "run state"),
        ("mail_message", "history"),
        ("ir_config_parameter", "identity"),
        ("fetchmail_server", "credentials"),
        ("ir_model_fields_selection", "registry"),
        ("ir_act_window", "registry"),
        ("ir_model_data", "xml ids are merged"),
        ("a_wizard", "wizards"),
    ];
    for (table, words) in cases {
        assert!(never(table, &seen.wiring).is_some_and(|why| why.contains(words)), "{table}");
    }
    for table in ["res_partner", "mail_alias", "ir_sequence", "ir_attachment"] {
        assert_eq!(never(table, &seen.wiring), None, "{table}");
    }
}

fn chosen(wanted: &Wanted, seen: &SideSeen) -> Selection {
    select(wanted, &BTreeMap::new(), &BTreeSet::new(), seen, &refs(seen))
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|&word| word.to_owned()).collect()
}

#[test]
fn tables_are_refused_left_out_or_forced() {
    let tables: &[(&str, &[(&str, &str)])] = &[
        ("res_partner", &[]),
        ("res_users", &[]),
        ("res_currency", &[]),
        ("sale_order", &[]),
        ("fl_log", &[]),
        ("bus_bus", &[]),
        ("ir_config_parameter", &[("key", "text")]),
    ];
    let seen = side(tables);
    // Tables, forced ones, with transactions; what is copied, what stands in the way.
    type Case<'a> = (&'a [&'a str], &'a [&'a str], bool, &'a [&'a str], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (&["res_partner", "res_currency"], &[], false, &["res_partner"], &[]),
        (&["sale_order"], &[], false, &[], &["never_copied"]),
        (&["sale_order"], &[], true, &["sale_order"], &[]),
        (&["bus_bus"], &[], false, &[], &["never_copied"]),
        (&[], &["bus_bus"], false, &["bus_bus"], &[]),
        (&["res_partnr"], &[], false, &[], &["no_table"]),
        (&["fl_%"], &[], false, &["fl_log"], &[]),
    ];
    for (tables, force, with_transactions, copied, blocks) in cases {
        let wanted = Wanted {
            tables: words(tables),
            force: words(force),
            with_transactions: *with_transactions,
            ..Wanted::default()
        };
        let chosen = chosen(&wanted, &seen);
        let found: Vec<&str> = chosen
            .copied
            .keys()
            .map(String::as_str)
            .filter(|t| *t != "sale_order" || *with_transactions)
            .collect();
        assert_eq!(found, *copied, "{tables:?}");
        let codes: Vec<&str> = chosen.blocks.iter().map(|block| block.code.as_str()).collect();
        assert_eq!(codes, *blocks, "{tables:?}");
    }
    // The identity stays behind even then.
    let forced = chosen(&Wanted { force: words(&["ir_config_parameter"]), ..Wanted::default() }, &seen);
    assert!(forced.filter("ir_config_parameter").contains("t.key NOT LIKE 'database.%'"));
}

#[test]
fn what_hangs_on_tables_comes_with_them() {
    let mut seen = side(&[
        ("a", &[("sequence_id", "integer")]),
        ("b", &[]),
        ("c", &[]),
        ("a_b_rel", &[("a_id", "integer"), ("b_id", "integer")]),
        ("a_c_rel", &[("a_id", "integer"), ("c_id", "integer")]),
        ("ir_attachment", &[("res_model", "text"), ("res_id", "integer"), ("url", "text")]),
        ("ir_sequence", &[]),
        ("ir_model_fields", &[("relation", "text")]),
        ("ir_default", &[("field_id", "integer"), ("json_value", "text")]),
    ]);
    let mut field = |name: &str, ttype: &str, to: &str, table: Option<&str>| {
        let between =
            table.map(|table| Between { table: table.into(), own: "a_id".into(), other: format!("{to}_id") });
        let field = FieldSeen {
            ttype: ttype.into(),
            stored: true,
            relation: Some(to.into()),
            between,
            ..FieldSeen::default()
        };
        seen.wiring.catalog.fields.get_mut("a").unwrap().insert(name.to_owned(), field);
    };
    field("b_ids", "many2many", "b", Some("a_b_rel"));
    field("c_ids", "many2many", "c", Some("a_c_rel"));
    field("sequence_id", "many2one", "ir.sequence", None);
    let chosen = chosen(&Wanted { tables: words(&["a", "b"]), ..Wanted::default() }, &seen);
    let copied: Vec<&str> = chosen.copied.keys().map(String::as_str).collect();
    assert_eq!(copied, ["a", "b", "ir_attachment", "ir_default", "ir_sequence"]);
    assert_eq!(chosen.between.iter().collect::<Vec<_>>(), ["a_b_rel"]);
    assert_eq!((chosen.left_out[0].table.as_str(), chosen.left_out.len()), ("a_c_rel", 1));
    let (files, numbers) = (chosen.filter("ir_attachment"), chosen.filter("ir_sequence"));
    assert!(
        files.contains("t.res_model = 'a'") && !files.contains("'c'") && files.contains("/web/assets/%"),
        "{files}"
    );
    assert!(numbers.contains(r#"SELECT t."sequence_id" FROM ONLY "a" t"#), "{numbers}");
    // Unless references are to lead to the target's.
    let hanging = ["ir_attachment", "ir_default", "ir_sequence"];
    let shared = hanging.map(|table| (table.to_owned(), Shared::Map)).into();
    let mapped = self::chosen(&Wanted { tables: words(&["a", "b"]), shared, ..Wanted::default() }, &seen);
    assert_eq!(mapped.copied.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(mapped.mapped.iter().collect::<Vec<_>>(), hanging);
}

fn row(key: &str, made: Option<&str>) -> Row {
    Row { key: Some(key.to_owned()), digest: None, made: made.map(str::to_owned), comes: true }
}

#[test]
fn rows_are_paired_by_xml_id_then_by_key_then_by_id() {
    let mut from = side(&[("res_partner", &[("name", "text")]), ("res_users", &[("login", "text")])]);
    let mut to = from.clone();
    from.xml_ids = vec![xml("a", "res.partner", 1), xml("b", "res.partner", 2), xml("c", "res.partner", 3)];
    to.xml_ids = vec![xml("a", "res.partner", 2), xml("b", "res.partner", 1), xml("c", "res.users", 3)];
    let paired =
        |table: &str, ours: &[(i64, Row)], theirs: &[(i64, Row)], choice, stays: &dyn Fn(i64) -> bool| {
            let (ours, theirs) = (ours.iter().cloned().collect(), theirs.iter().cloned().collect());
            let catalog = &from.wiring.catalog;
            let both = Table {
                name: table,
                catalog,
                from: &ours,
                to: &theirs,
                kin: &BTreeMap::new(),
                highest: 90,
                by_looks: true,
                stays,
            };
            let paired = both.pair((&Named::new(&from), &Named::new(&to)), choice);
            let pairs: Vec<(i64, i64)> = paired.fates.pairs.iter().map(|(a, b)| (*a, *b)).collect();
            let conflicts: Vec<i64> = paired.conflicts.iter().map(|conflict| conflict.id).collect();
            (pairs, conflicts, paired.fates.changes())
        };
    let pair = |table: &str, ours: &[(i64, Row)], theirs: &[(i64, Row)], choice| {
        paired(table, ours, theirs, choice, &|_| false)
    };
    let stop = Conflicts::Stop;
    // By xml id, whatever the ids are; the model has to be the same.
    let (ours, theirs) =
        ([(1, row("a", None)), (2, row("b", None))], [(1, row("b", None)), (2, row("a", None))]);
    assert_eq!(pair("res_partner", &ours, &theirs, stop).0, [(1, 2), (2, 1)]);
    assert_eq!(pair("res_partner", &[(3, row("x", None))], &[(3, row("y", None))], stop).1, [3]);
    // A row that is another one of the source is not this one, too.
    let (ours, theirs) = ([(1, row("a", None)), (2, row("x", None))], [(2, row("x", None))]);
    let ours_without_b = [ours[0].clone(), (5, row("q", None))];
    assert_eq!(pair("res_partner", &ours_without_b, &theirs, stop).0, [(1, 2)]);
    // By a key that is unique by its nature, unless two have it.
    let users = [(7, row("ana", None)), (8, row("bob", None)), (9, row("bob", None))];
    assert_eq!(pair("res_users", &users, &[(4, row("ana", None)), (5, row("bob", None))], stop).0, [(7, 4)]);
    // By id: with the same name, or made in the same microsecond.
    let same = [
        (11, row("ana", None)),
        (12, row("old", Some("2026-01-01 10:00:00.123"))),
        (13, row("x", Some("2026-01-01 10:00:00"))),
    ];
    let theirs = [
        (11, row("ana", None)),
        (12, row("new", Some("2026-01-01 10:00:00.123"))),
        (13, row("y", Some("2026-01-01 10:00:00"))),
    ];
    let found = pair("res_partner", &same, &theirs, stop);
    assert_eq!((found.0, found.1), (vec![(11, 11), (12, 12)], vec![13]));
    // What becomes of the others.
    let (ours, theirs) = ([(13, row("x", None))], [(13, row("y", None))]);
    for (choice, pairs, changes) in [
        (Conflicts::Take, vec![(13, 13)], BTreeMap::new()),
        (Conflicts::Keep, vec![], BTreeMap::from([(13, None)])),
        (Conflicts::Renumber, vec![], BTreeMap::from([(13, Some(91))])),
    ] {
        let found = pair("res_partner", &ours, &theirs, choice);
        assert_eq!((found.0, found.2), (pairs, changes), "{choice:?}");
    }
    // Nobody takes the place of a row that stays as it is.
    let found = paired("res_partner", &ours, &theirs, Conflicts::Take, &|id| id == 13);
    assert_eq!((found.0, found.2), (vec![], BTreeMap::from([(13, Some(91))])));
}

#[test]
fn tables_are_copied_after_those_that_they_refer_to() {
    let edge = |table, column, to, needed| Edge { table, column, to, needed };
    let tables = BTreeSet::from(["a", "b", "c", "d"]);
    let edges = [
        edge("a", "b_id", "b", true),
        edge("b", "c_id", "c", true),
        edge("c", "a_id", "a", false),
        edge("d", "a_id", "a", true),
    ];
    let (ordered, ahead) = arrange(&tables, &edges);
    assert_eq!(ordered, ["c", "b", "a", "d"]);
    assert_eq!(ahead, BTreeMap::from([("c".to_owned(), vec!["a_id".to_owned()])]));
}

#[test]
fn what_has_to_be_equal_is_told_side_by_side() {
    let from = side(&[("a", &[("name", "text"), ("n", "integer")])]);
    let mut to = from.clone();
    to.identity = "two".into();
    assert_eq!(pin::databases(&from, &to), pin::Pinned::default());
    type Alter = fn(&mut SideSeen);
    let alter: [(&str, Alter); 9] = [
        ("module base!", |to| drop(to.modules.insert("base".into(), installed("18.0.1.2")))),
        ("module sale!", |to| drop(to.modules.insert("sale".into(), installed("1")))),
        ("encoding!", |to| to.encoding = "LATIN1".into()),
        ("PostgreSQL!", |to| to.major = 14),
        ("PostgreSQL", |to| to.major = 17),
        ("a.name!", |to| drop(to.wiring.catalog.tables.get_mut("a").unwrap().columns.remove("name"))),
        ("a.n!", |to| {
            let _ = to.wiring.catalog.tables.get_mut("a").unwrap().generated.insert("n".into());
        }),
        ("a.n!", |to| {
            let _ = to.structure.get_mut("a").unwrap().required.insert("n".into());
        }),
        ("a!", |to| drop(to.wiring.catalog.tables.remove("a"))),
    ];
    for (want, alter) in alter {
        let mut to = to.clone();
        alter(&mut to);
        let tables = pin::tables(&from, &to, ["a".to_owned()].iter());
        let mut found = pin::databases(&from, &to).differences;
        found.extend(tables.differences);
        let told: Vec<String> =
            found.iter().map(|d| format!("{}{}", d.what, if d.blocks { "!" } else { "" })).collect();
        assert_eq!(told, [want]);
    }
    let codes = |from: &SideSeen, to: &SideSeen| {
        pin::databases(from, to).blocks.into_iter().map(|block| block.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(&from, &from), ["same_database"]);
    to.owned = false;
    assert_eq!(codes(&from, &to), ["not_owner"]);
    let mut with_objects = from.clone();
    with_objects.large_objects = 1;
    with_objects.wiring.catalog.tables.get_mut("a").unwrap().columns.insert("n".into(), "oid".into());
    let pinned = pin::tables(&with_objects, &with_objects, ["a".to_owned()].iter());
    assert_eq!(pinned.blocks[0].code, "large_objects");
}

/// Rows of an answer.
fn told(rows: &[&[&str]]) -> Told {
    rows.iter().map(|row| row.iter().map(|value| Some((*value).to_owned())).collect()).collect()
}

#[test]
fn a_reference_to_what_does_not_come_is_resolved_in_rounds() {
    // A row of `b` as the questions for rows have it; `same` and `named` say what the target has of it.
    type Case<'a> = (&'a str, Option<Dangling>, bool, bool, &'a [&'a str], &'a str);
    let cases: [Case<'_>; 6] = [
        ("nothing", None, false, false, &["dangling"], ""),
        ("nothing to map it to", Some(Dangling::Map), false, false, &["dangling"], ""),
        ("null", Some(Dangling::Null), false, false, &[], "unnest('{5}'::bigint[], '{NULL}'::bigint[])"),
        ("the same id", None, true, false, &[], "SELECT t.\"id\" AS \"id\", t.\"b_id\" AS \"b_id\""),
        ("the same name", None, false, true, &[], "unnest('{5}'::bigint[], '{9}'::bigint[])"),
        (
            "added",
            Some(Dangling::Add),
            false,
            false,
            &[],
            "SELECT t.\"id\" AS \"id\", t.\"b_id\" AS \"b_id\"",
        ),
    ];
    for (what, choice, same, named, blocks, sql) in cases {
        let mut from = side(&[("a", &[("b_id", "integer")]), ("b", &[("name", "text")])]);
        let to_b = FieldSeen {
            ttype: "many2one".into(),
            stored: true,
            relation: Some("b".into()),
            ..FieldSeen::default()
        };
        from.wiring.catalog.fields.get_mut("a").unwrap().insert("b_id".into(), to_b);
        let to = SideSeen { identity: "two".into(), ..from.clone() };
        let references = choice.map(|choice| ("b".to_owned(), choice)).into_iter().collect();
        let wanted = Wanted { tables: words(&["a"]), references, ..Wanted::default() };
        let answer = |end: End, sql: &str| match end {
            End::From if sql.contains("FILTER") => told(&[&["a", "12", "12"], &["b", "1", "5"]]),
            End::From if sql.contains("LATERAL (VALUES") => told(&[&["0", "b", "5", "12"]]),
            End::To if sql.contains("min(s.id)") && named => told(&[&["x|", "9"]]),
            End::From if sql.contains("min(s.id)") => told(&[&["x|", "5"]]),
            End::From if sql.contains("t.id = ANY") => told(&[&["5", "x|", "", "", "f"]]),
            End::To if sql.contains("t.id = ANY") && same => told(&[&["5", "x|", "", "", "f"]]),
            _ => Told::new(),
        };
        let none = BTreeMap::new();
        let mut inquiry = Inquiry::new(&wanted, &from, &to, &none);
        let mut rounds = Vec::new();
        loop {
            let asks = inquiry.next(std::mem::take(&mut rounds));
            if asks.is_empty() {
                break;
            }
            rounds = asks.iter().map(|ask| answer(ask.end, &ask.sql)).collect();
        }
        let decision = inquiry.decided();
        let codes: Vec<&str> = decision.blocks.iter().map(|block| block.code.as_str()).collect();
        assert_eq!(codes, blocks, "{what}");
        if let Some(block) = decision.blocks.first() {
            assert_eq!(block.why, ["a.b_id -> b: 12 rows, to 5"], "{what}");
            assert!(block.hints[0].contains("--table b"), "{what}: {:?}", block.hints);
        }
        let copied: Vec<&str> = decision.transfer.tables.iter().map(|copied| copied.table.as_str()).collect();
        let added: &[&str] = if choice == Some(Dangling::Add) { &["a", "b"] } else { &["a"] };
        assert_eq!(copied, added, "{what}");
        let select = decision.transfer.tables[0].fresh.as_deref().unwrap_or_default();
        assert!(select.contains(sql), "{what}: {select}");
    }
}

#[test]
fn ids_within_a_value_are_looked_up_and_not_searched_for() {
    let columns = [("combination_indices", "text"), ("account_id", "jsonb")];
    let mut from =
        side(&[("product_product", &columns), ("account", &[("name", "text")]), ("res_company", &[])]);
    let by_company = FieldSeen {
        ttype: "many2one".into(),
        stored: true,
        company_dependent: true,
        relation: Some("account".into()),
        ..FieldSeen::default()
    };
    from.wiring.catalog.fields.get_mut("product.product").unwrap().insert("account_id".into(), by_company);
    let to = SideSeen { identity: "two".into(), ..from.clone() };
    let (wanted, none) =
        (Wanted { tables: words(&["product_product"]), ..Wanted::default() }, BTreeMap::new());
    let mut inquiry = Inquiry::new(&wanted, &from, &to, &none);
    let _ = inquiry.next(Vec::new());
    for table in ["product_template_attribute_value", "account", "res_company"] {
        let changed = [(5, 9)].into_iter().collect();
        inquiry.closure.resolved.insert(table.to_owned(), changed);
    }
    let select = Select::new(&inquiry, "product_product").sql(None);
    // A join within a row would read all ids for each row.
    assert!(!select.contains("JOIN"), "{select}");
    let looked_up = [
        "'{\"5\":9}'::jsonb ->> x.id",
        "'{\"5\":9}'::jsonb ->> e.key",
        "'{\"5\":9}'::jsonb -> e.value::text",
    ];
    for words in looked_up {
        assert!(select.contains(words), "{words}: {select}");
    }
}
