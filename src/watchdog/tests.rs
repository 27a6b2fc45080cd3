use std::collections::BTreeMap;

use super::*;
use crate::base::{Digest, RunId};
use crate::facts::samples::bare_machine;
use crate::facts::{
    BaselineSeen, Catalog, Changed, FieldSeen, FieldTaken, SectionTaken, SnapshotDatabase, TableSeen,
};
use crate::grounds::Grounds;
use crate::project::samples::{project, try_project};
use crate::project::{Expect, Project, Watchdog};
use crate::rows::{Change, Key, Kind, Origin, Row, Section, Value, canonical_json};
use crate::step::{Step, Via};

const BASE: &str =
    "version: 1\nname: shop\nengine: local\nodoo: {version: \"18.0\"}\npostgres: {version: \"16\"}\n";

fn with(watchdog: &str) -> Project {
    project(&format!("{BASE}watchdog:\n{watchdog}"), &[])
}

fn watchdog(text: &str) -> Watchdog {
    with(text).watchdog
}

fn table(columns: &[(&str, &str)]) -> TableSeen {
    let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned()));
    let (columns, key) = (columns.collect(), vec!["id".to_owned()]);
    TableSeen { columns, key, rows: Some(10), ..TableSeen::default() }
}

fn field(ttype: &str) -> FieldSeen {
    FieldSeen { id: 7, ttype: ttype.to_owned(), stored: true, ..FieldSeen::default() }
}

/// Products as in Odoo 18.
fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    let tables = [
        (
            "product_template",
            table(&[
                ("id", "integer"),
                ("list_price", "numeric"),
                ("name", "jsonb"),
                ("type", "character varying"),
                ("uom_id", "integer"),
            ]),
        ),
        (
            "product_product",
            table(&[
                ("id", "integer"),
                ("product_tmpl_id", "integer"),
                ("standard_price", "jsonb"),
                ("active", "boolean"),
            ]),
        ),
        (
            "stock_quant",
            table(&[("id", "integer"), ("quantity", "numeric"), ("reserved_quantity", "numeric")]),
        ),
        ("stock_location", table(&[("id", "integer"), ("parent_path", "character varying")])),
        (
            "stock_warehouse",
            table(&[("id", "integer"), ("view_location_id", "integer"), ("active", "boolean")]),
        ),
        ("ir_config_parameter", table(&[("id", "integer"), ("key", "character varying"), ("value", "text")])),
        (
            "res_users",
            table(&[("id", "integer"), ("login", "character varying"), ("password", "character varying")]),
        ),
    ];
    catalog.tables.extend(tables.map(|(name, table)| (name.to_owned(), table)));
    let template = [
        ("name", FieldSeen { translated: true, ..field("char") }),
        ("list_price", field("float")),
        ("virtual_available", FieldSeen { stored: false, ..field("float") }),
        ("variant_ids", field("one2many")),
    ];
    let variant = [
        ("product_tmpl_id", FieldSeen { relation: Some("product.template".into()), ..field("many2one") }),
        ("standard_price", FieldSeen { company_dependent: true, ..field("float") }),
        (
            "list_price",
            FieldSeen { stored: false, related: Some("product_tmpl_id.list_price".into()), ..field("float") },
        ),
    ];
    let named =
        |fields: &[(&str, FieldSeen)]| fields.iter().map(|(n, f)| ((*n).to_owned(), f.clone())).collect();
    catalog.fields.insert("product.template".into(), named(&template));
    catalog.fields.insert("product.product".into(), named(&variant));
    catalog
}

fn resolved(text: &str, catalog: &Catalog, shell: bool) -> Resolved {
    resolve(&Spec::of(&watchdog(&format!("  defaults: false\n{text}")), None), catalog, shell)
}

#[test]
fn each_field_is_found_where_this_database_has_it() {
    let text = "  models:
    product.template: {id: , list_price: , name: , standard_price: , virtual_available: , variant_ids: , nonsense: }
    product.product: {standard_price: , list_price: , qty_available: }
    ir.config_parameter: {key: , value: }
    res_users: {login: , password: }
    marketplace.listing: {price: }
";
    let found = resolved(text, &catalog(), false);
    let origins: Vec<String> = found
        .sections
        .iter()
        .flat_map(|section| {
            section.fields.iter().map(|f| format!("{}.{} {:?}", section.model, f.name, f.origin))
        })
        .collect();
    assert_eq!(
        origins,
        [
            "ir.config_parameter.key Column",
            "ir.config_parameter.value Column",
            "product.product.list_price Related",
            "product.product.qty_available Query",
            "product.product.standard_price ByCompany",
            "product.template.list_price Column",
            "product.template.name ByLanguage",
            "product.template.standard_price Query",
            "res.users.login Column",
            "res.users.password Secret",
        ]
    );
    let skipped: Vec<String> = found
        .skipped
        .iter()
        .map(|s| {
            format!("{}.{}: {}", s.model, s.field.as_deref().unwrap_or("*"), s.why.split(',').next().unwrap())
        })
        .collect();
    assert_eq!(
        skipped,
        [
            "marketplace.listing.*: it is not installed",
            "product.template.nonsense: there is no such field",
            "product.template.variant_ids: it is a list of other rows; watch their model instead",
            "product.template.virtual_available: it is computed and not stored",
        ]
    );
    let value = &found.sections[0].fields[1].expression;
    assert!(value.contains("CASE WHEN t.key ~*") && value.contains("sha256"), "{value}");
    let shell = resolved(text, &catalog(), true);
    let asked = shell.sections.iter().flat_map(|s| &s.fields).filter(|f| f.origin == Origin::Shell);
    assert_eq!(asked.map(|f| f.name.as_str()).collect::<Vec<_>>(), ["virtual_available"]);
}

#[test]
fn before_odoo_18_a_companys_value_is_a_row_of_ir_property() {
    let mut catalog = catalog();
    let variant = catalog.tables.get_mut("product_product").unwrap();
    variant.columns.remove("standard_price");
    catalog.tables.insert(
        "ir_property".into(),
        table(&[("fields_id", "integer"), ("value_float", "double precision")]),
    );
    let found = resolved("  models: {product.product: {standard_price: }}\n", &catalog, false);
    assert_eq!(found.sections[0].fields[0].origin, Origin::Property);
    let sql = found.sections[0].sql(Some((1, 5)));
    assert!(sql.contains("fields_id = 7 AND p.res_id LIKE 'product.product,'"), "{sql}");
    assert!(sql.contains("t.\"id\" >= 1 AND t.\"id\" < 5"), "{sql}");
}

#[test]
fn tables_without_a_key_of_integers_are_refused_with_the_reason() {
    let mut catalog = catalog();
    catalog.tables.get_mut("product_template").unwrap().key.clear();
    let found = resolved("  models: {product.template: {list_price: }}\n", &catalog, false);
    assert_eq!(found.skipped[0].why, "its table has no primary key of one or two integers");
}

#[test]
fn queries_of_the_project_are_joined_by_id() {
    let text = "  derive: {product.template: {margin: \"SELECT id, list_price FROM product_template;\"}}\n";
    let section = resolved(text, &catalog(), false).sections.remove(0);
    assert_eq!(section.fields[0].name, "margin");
    assert!(!section.divides(), "what the query costs is paid once");
    assert!(section.sql(None).contains("(SELECT * FROM (SELECT id, list_price FROM product_template\n) q)"));
}

#[test]
fn a_preset_watches_its_models_and_those_of_the_project() {
    let watchdog = watchdog("  models: {x_own: {price: }}\n");
    let models = |name: &str| Spec::of(&watchdog, preset(name)).models.into_keys().collect::<Vec<_>>();
    assert!(models("config").contains(&"ir.cron".to_owned()));
    assert!(!models("config").contains(&"product.template".to_owned()));
    assert!(models("config").contains(&"x.own".to_owned()));
    assert_eq!(models("deploy").len(), Spec::of(&watchdog, None).models.len());
}

#[test]
fn mistakes_in_the_file_are_told_with_their_place() {
    for (text, what) in [
        ("  settle: soon\n", "no length of time"),
        ("  models: {a.b: {c: {noise: maybe}}}\n", "noise has to be true or false"),
        ("  expect: [{model: a.b, percent: -3}]\n", "percent has to be a number that is not negative"),
        ("  expect: [{fields: [a]}]\n", "needs `model`"),
        ("  models: {a.b: {c: {nois: true}}}\n", "has no `nois`"),
    ] {
        let error = try_project(&format!("{BASE}watchdog:\n{text}"), "", &[]).unwrap_err();
        let told = format!("{:?}", error.report().problems);
        assert!(told.contains(what), "{text}: {told}");
    }
}

fn taken(model: &str, rows: u64, fields: &[(&str, Kind, Origin, bool)]) -> SectionTaken {
    let field = |(name, kind, origin, noise): &(&str, Kind, Origin, bool)| FieldTaken {
        name: (*name).to_owned(),
        kind: *kind,
        origin: *origin,
        noise: *noise,
    };
    SectionTaken { model: model.to_owned(), rows, fields: fields.iter().map(field).collect() }
}

fn products(rows: u64) -> Vec<SectionTaken> {
    vec![taken(
        "p",
        rows,
        &[
            ("price", Kind::Number, Origin::Column, false),
            ("cost", Kind::Json, Origin::ByCompany, false),
            ("synced", Kind::Timestamp, Origin::Column, true),
        ],
    )]
}

fn row(fields: &[(&str, &str)]) -> Option<Row> {
    Some(
        fields
            .iter()
            .map(|(name, json)| ((*name).to_owned(), Value::canonical(canonical_json(json))))
            .collect(),
    )
}

fn altered(id: i64, fields: &[(&str, &str, &str)]) -> Change {
    let side = |at: fn(&(&str, &str, &str)) -> String| {
        let row = fields.iter().map(|f| (f.0.to_owned(), Value::canonical(at(f)))).collect();
        Some(row)
    };
    Change {
        model: "p".into(),
        id: Key::One(id),
        before: side(|f| f.1.to_owned()),
        after: side(|f| f.2.to_owned()),
    }
}

fn judged(rules: &[Expect], rows: u64, changes: &[Change]) -> Findings {
    let sections = products(rows);
    let mut judge = Judge::new(rules, &sections, &sections);
    changes.iter().for_each(|change| judge.see(change));
    judge.findings(Default::default(), Vec::new())
}

fn rules(text: &str) -> Vec<Expect> {
    watchdog(&format!("  expect:\n{text}")).expect
}

#[test]
fn a_factor_common_to_many_rows_stands_out() {
    let changes: Vec<Change> = (1..=140)
        .map(|id| altered(id, &[("price", &format!("{id}0"), &format!("{}", id as f64 * 8.8))]))
        .collect();
    let found = judged(&[], 1000, &changes);
    assert_eq!((found.unexpected, found.expected, found.noise), (140, 0, 0));
    assert_eq!(found.patterns.len(), 1);
    assert_eq!(found.patterns[0].kind, PatternKind::OneFactor);
    assert_eq!(found.patterns[0].what, "140 of 140 rows moved by the same factor, -12 % (14 % of all)");
    let shift = found.models[0].fields[0].shift.as_ref().unwrap();
    assert_eq!((shift.median, shift.commonest), (0.88, (0.88, 140)));
    assert_eq!(shift.histogram.iter().map(|bar| bar.2).sum::<u64>(), 140);
}

#[test]
fn one_value_that_many_rows_get_stands_out() {
    let changes: Vec<Change> = (1..=20).map(|id| altered(id, &[("price", &id.to_string(), "0")])).collect();
    let found = judged(&[], 1000, &changes);
    assert_eq!(found.patterns[0].kind, PatternKind::OneValue);
    assert_eq!(found.patterns[0].what, "20 of 20 rows became 0 (2.0 % of all)");
}

#[test]
fn noise_is_counted_and_never_gates() {
    let found = judged(&[], 10, &[altered(1, &[("synced", "\"a\"", "\"b\"")])]);
    assert!(!found.gates());
    assert_eq!((found.unexpected, found.noise), (0, 1));
    assert!(found.patterns.is_empty());
    let both = judged(&[], 10, &[altered(1, &[("synced", "\"a\"", "\"b\""), ("price", "1", "2")])]);
    assert_eq!((both.unexpected, both.noise), (1, 0), "noise beside a change does not hide it");
}

#[test]
fn a_moment_in_many_rows_comes_with_what_marks_it_as_noise() {
    let mut sections = products(10);
    sections[0].fields[2].noise = false;
    let mut judge = Judge::new(&[], &sections, &sections);
    (1..4).for_each(|id| judge.see(&altered(id, &[("synced", "\"a\"", "\"b\"")])));
    let found = judge.findings(Default::default(), Vec::new());
    let hint = found.models[0].fields[0].hint.as_deref();
    assert_eq!(hint, Some("watchdog: {models: {p: {synced: {noise: true}}}}"));
}

#[test]
fn what_is_expected_passes_within_its_limits() {
    let change = |id, to: &str| altered(id, &[("price", "10", to)]);
    let table: [(&str, &[Change], u64, Option<&str>); 7] = [
        ("    - {model: p, fields: [price]}\n", &[change(1, "11"), change(2, "99")], 0, None),
        ("    - {model: p, fields: [price], shift: 12}\n", &[change(1, "11.2"), change(2, "11.3")], 1, None),
        (
            "    - {model: p, fields: [price], rows: 1}\n",
            &[change(1, "11"), change(2, "12")],
            2,
            Some("at most 1 are"),
        ),
        ("    - {model: p, percent: 1.5}\n", &[change(1, "11"), change(2, "12")], 2, Some("at most 1.5 %")),
        ("    - {model: p, fields: [cost]}\n", &[change(1, "11")], 1, None),
        ("    - {model: q}\n", &[change(1, "11")], 1, None),
        (
            "    - {model: p, filter: {price: 10}}\n",
            &[change(1, "11"), altered(2, &[("price", "9", "8")])],
            1,
            None,
        ),
    ];
    for (text, changes, unexpected, broken) in table {
        let found = judged(&rules(text), 100, changes);
        assert_eq!(found.unexpected, unexpected, "{text}");
        assert_eq!(found.expected, changes.len() as u64 - unexpected, "{text}");
        let why = found.rules[0].broken.as_deref();
        assert_eq!(why.is_some(), broken.is_some(), "{text}: {why:?}");
        assert_eq!(
            found.rules[0].rule.contains("nothing that is watched"),
            text.contains("model: q"),
            "{text}"
        );
        assert!(broken.is_none_or(|part| why.unwrap_or_default().contains(part)), "{text}: {why:?}");
    }
}

#[test]
fn a_row_on_which_two_rules_are_broken_is_one_row() {
    let text = "    - {model: p, fields: [price], rows: 0}\n    - {model: p, fields: [cost], rows: 0}\n";
    let found = judged(&rules(text), 10, &[altered(1, &[("price", "1", "2"), ("cost", "1", "2")])]);
    assert!(found.rules.iter().all(|rule| rule.broken.is_some()), "{:?}", found.rules);
    assert_eq!((found.unexpected, found.models[0].altered.rows), (1, 1));
    assert_eq!(found.models[0].altered.unexpected, 1);
    assert!(found.models[0].fields.iter().all(|field| field.unexpected == 1));
}

#[test]
fn rows_that_come_and_go_are_expected_only_where_a_rule_says_so() {
    let came = Change { model: "p".into(), id: Key::One(1), before: None, after: row(&[("price", "1")]) };
    let gone = Change { model: "p".into(), id: Key::One(2), before: row(&[("price", "1")]), after: None };
    let found = judged(&rules("    - {model: p, changes: [added]}\n"), 10, &[came, gone]);
    assert_eq!((found.unexpected, found.expected), (1, 1));
    let model = &found.models[0];
    assert_eq!((model.added.unexpected, model.removed.unexpected), (0, 1));
    assert_eq!((model.came.as_slice(), model.gone.as_slice()), (&[Key::One(1)][..], &[Key::One(2)][..]));
}

#[test]
fn values_by_company_are_told_apart() {
    let found = judged(&[], 10, &[altered(1, &[("cost", r#"{"1": 5}"#, r#"{"1": 6, "2": 7}"#)])]);
    let fields: Vec<&str> = found.models[0].fields.iter().map(|field| field.field.as_str()).collect();
    assert_eq!(fields, ["cost@1", "cost@2"]);
    assert_eq!(found.unexpected, 1, "one row, whatever changed in it");
}

fn database(oid: u32, modules: &[(&str, &str)]) -> SnapshotDatabase {
    SnapshotDatabase {
        name: "shop".into(),
        oid,
        system_identifier: "7".into(),
        server_version: "16.1".into(),
        lsn: "0/1".into(),
        modules: modules.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
    }
}

#[test]
fn only_what_both_have_is_compared_and_the_rest_is_told() {
    let (one, two) = (database(1, &[("base", "1"), ("web", "1")]), database(2, &[("base", "2")]));
    let left = [
        taken(
            "p",
            1,
            &[("a", Kind::Number, Origin::Column, false), ("b", Kind::Text, Origin::Column, false)],
        ),
        taken("q", 1, &[]),
    ];
    let right = [taken(
        "p",
        1,
        &[("a", Kind::Number, Origin::Column, false), ("c", Kind::Text, Origin::Column, false)],
    )];
    let (spec, other) = (Digest::of("1"), Digest::of("2"));
    let comparable = Comparable::of(
        &View { database: &one, sections: &left, spec: Some(&spec) },
        &View { database: &two, sections: &right, spec: Some(&other) },
    );
    assert_eq!(
        comparable.sentences(),
        [
            "shop was restored or made anew in between: the same id can be another row.",
            "Modules changed: base 1 -> 2, web is gone.",
            "The two snapshots were taken of other fields; what both have is compared.",
            "p.b is in the first only, and not compared.",
            "p.c is in the second only, and not compared.",
            "q is in the first only, and not compared.",
        ]
    );
    let change = altered(1, &[("a", "1", "2"), ("b", "1", "2")]);
    let narrowed = comparable.narrow(change).unwrap();
    assert_eq!(narrowed.altered().map(|(name, ..)| name).collect::<Vec<_>>(), ["a"]);
    assert!(comparable.narrow(altered(1, &[("b", "1", "2")])).is_none());
    assert!(comparable.narrow(Change { model: "q".into(), ..altered(1, &[("a", "1", "2")]) }).is_none());
}

fn section() -> Section {
    let field = |name: &str, origin, noise| crate::rows::Field {
        name: name.into(),
        kind: Kind::Number,
        origin,
        expression: format!("t.{name}"),
        noise,
    };
    Section {
        model: "p".into(),
        table: "p".into(),
        keys: vec!["id".into()],
        fields: vec![
            field("price", Origin::Column, false),
            field("stock", Origin::Query, false),
            field("synced", Origin::Column, true),
        ],
        joins: Vec::new(),
    }
}

#[test]
fn a_rollback_writes_what_can_be_written_and_tells_the_rest() {
    let change = altered(1, &[("price", "1", "2"), ("stock", "3", "4"), ("synced", "5", "6")]);
    let mut gather = Gather::new(&[section()], &[], false);
    let kept = gather.see(change.clone()).unwrap();
    assert_eq!(kept.altered().map(|(name, ..)| name).collect::<Vec<_>>(), ["price"]);
    assert_eq!(gather.unwritable.keys().collect::<Vec<_>>(), ["p.stock"]);
    let mut named = Gather::new(&[section()], &["p.synced".into()], false);
    assert_eq!(named.see(change).unwrap().altered().next().map(|(name, ..)| name), Some("synced"));
    let secret = altered(1, &[("price", "\"keyed-sha256:ab\"", "\"keyed-sha256:cd\"")]);
    assert!(gather.see(secret).is_none(), "a digest is not written where a value was");
    let gone = Change { after: None, ..altered(1, &[("price", "1", "2")]) };
    assert!(gather.see(gone).is_none());
    assert_eq!(gather.gone, BTreeMap::from([("p".to_owned(), 1)]));
    assert_eq!(Gather::new(&[section()], &["p.prise".into()], false).unknown(&[section()]), ["p.prise"]);
}

fn rollback_plan(orm: bool, counts: &[(&str, u64)]) -> crate::plan::Plan {
    let project = with("  keep: 1\n");
    let changed = Changed {
        database: "shop".into(),
        path: "/srv/shop/.odpm/watchdog/x.jsonl".into(),
        sha256: Digest::of("x"),
        sections: vec![section()],
        counts: counts.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect(),
        unwritable: BTreeMap::from([("p.stock".to_owned(), 3)]),
        came: BTreeMap::new(),
        gone: BTreeMap::from([("p".to_owned(), 2)]),
    };
    let seen = bare_machine(&project.postgres.data);
    let run = RunId::new(seen.at, [1; 4]);
    let baseline = BaselineSeen::Absent;
    let grounds = Grounds { project: &project, seen: &seen, baseline: &baseline, run: &run };
    plan(&Request::Rollback { changed: &changed, orm }, &grounds)
}

#[test]
fn a_rollback_is_one_step_with_its_changes_named_by_digest() {
    let plan = rollback_plan(false, &[("p.price", 5)]);
    let [step] = plan.steps.as_slice() else { panic!("{:?}", plan.steps) };
    let Step::RestoreFields(step) = &step.step else { panic!("{step:?}") };
    assert_eq!((step.via.clone(), step.sha256.clone()), (Via::Sql, Digest::of("x")));
    assert_eq!(step.record, std::path::Path::new("/srv/shop/.odpm/watchdog/x.written.jsonl"));
    assert!(plan.warnings.iter().any(|warning| warning.contains("p.stock (3)")));
    assert!(plan.warnings.iter().any(|warning| warning.contains("A backup has them")));
    assert!(rollback_plan(false, &[]).is_empty());
    let blocked = rollback_plan(true, &[("p.price", 5)]);
    assert_eq!(blocked.blocked[0].what, "there is no Odoo to write through");
    assert!(blocked.steps.is_empty());
}
