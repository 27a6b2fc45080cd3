use super::*;
use crate::facts::{Answer, Between, Catalog, FieldSeen, FileNamed, Reference, Serial, TableSeen, Wiring};

fn table(columns: &[(&str, &str)]) -> TableSeen {
    let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned()));
    TableSeen {
        columns: [("id".to_owned(), "integer".to_owned())].into_iter().chain(columns).collect(),
        rows: Some(100),
        ..TableSeen::default()
    }
}

fn field(ttype: &str, to: Option<&str>) -> FieldSeen {
    FieldSeen { ttype: ttype.into(), stored: true, relation: to.map(str::to_owned), ..FieldSeen::default() }
}

/// A database of these tables and fields, whose models are those of the fields.
fn wiring(tables: &[(&str, &[(&str, &str)])], fields: &[(&str, &str, FieldSeen)]) -> Wiring {
    let mut catalog = Catalog::default();
    for (name, columns) in tables {
        catalog.tables.insert((*name).to_owned(), table(columns));
    }
    for (model, name, field) in fields {
        catalog.fields.entry((*model).to_owned()).or_default().insert((*name).to_owned(), field.clone());
    }
    let models = catalog.fields.keys().cloned().collect();
    Wiring { catalog, models, ..Wiring::default() }
}

fn kept(table: &str, column: &str, to: &str, kept: bool) -> Reference {
    Reference {
        table: table.into(),
        column: column.into(),
        to: to.into(),
        cascades: false,
        nullable: true,
        kept,
    }
}

/// What the questions are about: sort, place, model that is referred to.
fn about(made: &Questions) -> Vec<String> {
    let one = |subject: &Subject| {
        let to = subject.to.as_ref().map(|to| format!(" -> {to}")).unwrap_or_default();
        format!("{:?} {}{to}", subject.sort, subject.at)
    };
    let asked = made.asked.iter().map(|question| &question.subject);
    asked.chain(made.loose.iter().map(|loose| &loose.subject)).map(one).collect()
}

#[test]
fn each_kind_of_field_has_its_question() {
    let between = Between { table: "tag_rel".into(), own: "order_id".into(), other: "tag_id".into() };
    let cases: [(&str, &str, FieldSeen, &[&str]); 9] = [
        ("partner_id", "integer", field("many2one", Some("tag")), &["Many2one sale.partner_id -> tag"]),
        ("partner_id", "integer", FieldSeen { stored: false, ..field("many2one", Some("tag")) }, &[]),
        (
            "account_id",
            "jsonb",
            FieldSeen { company_dependent: true, ..field("many2one", Some("tag")) },
            &["Many2oneByCompany sale.account_id -> tag", "Company sale.account_id -> res.company"],
        ),
        (
            "cost",
            "jsonb",
            FieldSeen { company_dependent: true, ..field("float", None) },
            &["Company sale.cost -> res.company"],
        ),
        (
            "tag_ids",
            "",
            FieldSeen { between: Some(between.clone()), ..field("many2many", Some("tag")) },
            &["Many2many tag_rel.order_id -> sale", "Many2many tag_rel.tag_id -> tag"],
        ),
        ("of", "character varying", field("reference", None), &["Reference sale.of"]),
        ("res_id", "integer", field("many2one_reference", None), &["Many2oneReference sale.res_id"]),
        ("res_id", "integer", field("integer", None), &["Many2oneReference sale.res_id"]),
        ("parent_path", "character varying", field("char", None), &["ParentPath sale.parent_path"]),
    ];
    for (name, kind, described, want) in cases {
        let rel: &[(&str, &str)] = &[("order_id", "integer"), ("tag_id", "integer")];
        let mut columns = vec![("parent_id", "integer"), ("res_model", "character varying")];
        if !kind.is_empty() {
            columns.push((name, kind));
        }
        let seen = wiring(
            &[("sale", &columns), ("tag", &[]), ("tag_rel", rel), ("res_company", &[])],
            &[("sale", name, described), ("tag", "name", field("char", None))],
        );
        let made = questions(&seen, Some(5), false);
        assert_eq!(about(&made), want, "{name}");
        assert!(made.notes.is_empty() && made.kept.is_empty(), "{name}: {:?}", made.notes);
    }
}

#[test]
fn what_cannot_be_asked_is_told() {
    let m2m = |table: &str| {
        let between = Between { table: table.into(), own: "a_id".into(), other: "b_id".into() };
        FieldSeen { between: Some(between), ..field("many2many", Some("tag")) }
    };
    let cases = [
        ("gone", "x_id", field("many2one", Some("tag")), "gone: it has no table"),
        ("report", "x_id", field("many2one", Some("tag")), "report: it is a view"),
        ("sale", "x_id", field("many2one", Some("tag")), "sale.x_id: its table has no such column"),
        ("sale", "a_id", field("many2one", None), "sale.a_id: what it refers to is not recorded"),
        ("sale", "a_id", field("many2one", Some("no")), "sale.a_id: it refers to no: there is no such model"),
        ("sale", "a_id", field("many2one", Some("report")), "sale.a_id: it refers to report: it is a view"),
        ("sale", "t", field("many2one", Some("tag")), "sale.t: its column is of the type text"),
        ("sale", "m", m2m("not_there"), "sale.m: its table not_there is not there"),
        ("sale", "m", m2m("tag"), "sale.m: tag has no columns a_id and b_id of ids"),
        ("sale", "m", field("many2many", Some("tag")), "sale.m: its table is not recorded"),
        (
            "sale",
            "a_id",
            field("many2one_reference", None),
            "sale.a_id: which column has its model is not known",
        ),
        (
            "sale",
            "parent_path",
            field("char", None),
            "sale.parent_path: which of its fields is the parent is not known",
        ),
    ];
    for (model, name, described, want) in cases {
        let columns = [("a_id", "integer"), ("t", "text"), ("parent_path", "text")];
        let mut seen = wiring(&[("sale", &columns), ("tag", &[])], &[(model, name, described)]);
        seen.views.insert("report".to_owned());
        let made = questions(&seen, None, false);
        let told = made.notes.iter().map(|note| match &note.field {
            Some(field) => format!("{}.{field}: {}", note.model, note.why),
            None => format!("{}: {}", note.model, note.why),
        });
        assert_eq!(told.collect::<Vec<_>>(), [want]);
        assert!(made.asked.is_empty() && made.loose.is_empty(), "{want}");
    }
}

#[test]
fn what_postgresql_keeps_is_asked_only_when_that_is_wanted() {
    let columns = [("a_id", "integer"), ("b_id", "integer"), ("c_id", "integer")];
    let many2one = || field("many2one", Some("tag"));
    let mut seen = wiring(
        &[("sale", &columns), ("tag", &[])],
        &[("sale", "a_id", many2one()), ("sale", "b_id", many2one()), ("sale", "c_id", many2one())],
    );
    // One that was not looked at row by row, and one to another table, keep nothing.
    seen.references = vec![
        kept("sale", "a_id", "tag", true),
        kept("sale", "b_id", "tag", false),
        kept("sale", "c_id", "sale", true),
    ];
    let made = questions(&seen, None, false);
    assert_eq!(about(&made), ["Many2one sale.b_id -> tag", "Many2one sale.c_id -> tag"]);
    assert_eq!(made.kept.len(), 1);
    let all = questions(&seen, None, true);
    assert_eq!((all.asked.len(), all.kept.len()), (3, 0));
}

#[test]
fn a_column_of_two_fields_is_asked_once() {
    let between =
        |own: &str, other: &str| Between { table: "rel".into(), own: own.into(), other: other.into() };
    let seen = wiring(
        &[("a", &[]), ("b", &[]), ("rel", &[("a_id", "integer"), ("b_id", "integer")])],
        &[
            (
                "a",
                "b_ids",
                FieldSeen { between: Some(between("a_id", "b_id")), ..field("many2many", Some("b")) },
            ),
            (
                "b",
                "a_ids",
                FieldSeen { between: Some(between("b_id", "a_id")), ..field("many2many", Some("a")) },
            ),
        ],
    );
    assert_eq!(about(&questions(&seen, None, false)), ["Many2many rel.a_id -> a", "Many2many rel.b_id -> b"]);
}

#[test]
fn tables_with_other_names_are_found() {
    let mut seen = wiring(
        &[
            ("ir_act_window", &[("view_id", "integer")]),
            ("mail_x", &[("a_id", "integer")]),
            ("ir_actions", &[]),
        ],
        &[
            ("ir.actions.act_window", "view_id", field("many2one", Some("ir.actions.actions"))),
            ("mail.other", "a_id", field("many2one", Some("mail.other"))),
        ],
    );
    seen.elsewhere.insert("mail.other".to_owned(), "mail_x".to_owned());
    let made = questions(&seen, None, false);
    let want = ["Many2one ir_act_window.view_id -> ir.actions.actions", "Many2one mail_x.a_id -> mail.other"];
    assert_eq!(about(&made), want);
    let sql = &made.asked[0].sql;
    assert!(sql.contains("FROM ONLY \"ir_act_window\"") && sql.contains("FROM \"ir_actions\" o"), "{sql}");
}

#[test]
fn models_that_rows_name_are_asked_one_by_one() {
    let mut seen = wiring(
        &[("mail_message", &[("model", "character varying"), ("res_id", "integer")]), ("tag", &[])],
        &[
            ("mail.message", "res_id", field("many2one_reference", None)),
            ("tag", "name", field("char", None)),
        ],
    );
    seen.models.insert("mixin".to_owned());
    let made = questions(&seen, Some(3), false);
    let named = |model: &str| Answer {
        rows: 7,
        row: Some(model.to_owned()),
        missing: Some("6".to_owned()),
        ..Answer::default()
    };
    let (asked, notes) =
        follow(&made.loose[0], &[named("tag"), named("gone"), named("mixin")], &seen, Some(3));
    let tables: Vec<&[String]> = asked.iter().map(|question| &question.tables[..]).collect();
    assert_eq!(tables, [&["mail_message".to_owned(), "tag".to_owned()][..], &["mail_message".to_owned()]]);
    assert!(asked[0].sql.contains("\"tag\" o WHERE o.id = s.ref") && asked[0].sql.ends_with("LIMIT 3"));
    assert!(asked[1].sql.contains("there is no such model"), "{}", asked[1].sql);
    assert_eq!(notes[0].why, "6 of its rows refer to mixin, which has no table of rows");
    // Wizards go by themselves, whatever they refer to.
    seen.transient.insert("mail.message".to_owned());
    assert!(questions(&seen, None, false).loose.is_empty());
}

#[test]
fn sequences_and_names_are_quoted() {
    let mut seen = wiring(&[("odd\"table", &[])], &[]);
    let (table, column, sequence) = ("odd\"table".to_owned(), "id".to_owned(), "odd seq".to_owned());
    seen.serials.push(Serial { table, column, sequence });
    let made = questions(&seen, None, false);
    assert!(
        made.asked[0].sql.contains("FROM \"odd seq\" s, (SELECT max(\"id\") AS m FROM \"odd\"\"table\") m")
    );
}

#[test]
fn statements_are_neither_too_many_nor_too_large() {
    let question = |rows: u64| {
        let columns = [("a_id", "integer")];
        let seen = wiring(&[("sale", &columns)], &[("sale", "a_id", field("many2one", Some("sale")))]);
        Question { rows, ..questions(&seen, None, false).asked.remove(0) }
    };
    let groups = |rows: &[u64]| statements(&rows.iter().map(|rows| question(*rows)).collect::<Vec<_>>());
    assert_eq!(groups(&[]), Vec::<Vec<usize>>::new());
    assert_eq!(groups(&[1, 2, 3]), [[2, 1, 0]]);
    assert_eq!(groups(&[1, 9_000_000, 300_000, 200_000]), [vec![1], vec![2], vec![3, 0]]);
    assert_eq!(groups(&[1; 100]).iter().map(Vec::len).collect::<Vec<_>>(), [40, 40, 20]);
}

#[test]
fn answers_are_judged_field_by_field() {
    let columns = [("a_id", "integer"), ("b_id", "integer"), ("c_id", "integer")];
    let many2one = || field("many2one", Some("tag"));
    let seen = wiring(
        &[("sale", &columns), ("tag", &[])],
        &[("sale", "a_id", many2one()), ("sale", "b_id", many2one()), ("sale", "c_id", many2one())],
    );
    let made = questions(&seen, Some(1), false);
    let row = Answer { rows: 12, row: Some("7".into()), missing: Some("99".into()), beside: None };
    let answers = vec![Ok(vec![]), Ok(vec![row]), Err("tag is locked".to_owned())];
    let mut found = judge(&made.asked, answers, Vec::new(), Vec::new());
    assert_eq!(found.fields(), 2, "the one that was not answered is not counted");
    assert_eq!(found.unknown[0].field.as_deref(), Some("c_id"));
    let finding = &found.findings[0];
    assert_eq!((finding.subject.field.as_str(), finding.count), ("b_id", 12));
    assert_eq!(serde_json::json!(finding.rows), serde_json::json!([{"id": 7, "missing": 99}]));
    let file = |wrong: Option<&str>| FileNamed { wrong: wrong.map(str::to_owned), ..FileNamed::default() };
    found.add_files(&[file(None), file(Some("it is missing")), file(Some("it is missing"))], Some(1));
    assert_eq!((found.files, found.rows(), found.findings[1].rows.len()), (3, 14, 1));
    assert!(!found.is_clean());
    let open =
        judge(&made.asked, vec![Ok(vec![]), Ok(vec![]), Err("slow".to_owned())], Vec::new(), Vec::new());
    assert!(!open.is_clean(), "what is not known is not clean");
}
