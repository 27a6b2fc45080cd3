//! What a migration copies, decided over two real databases: ids that collide, xml ids that differ, references that would dangle.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::Stdio;

use odpm::facts::{
    Between, FieldSeen, ModuleInDatabase, Reference, SideSeen, Structure, TableCopy, TableSeen, UniqueSeen,
    XmlIdCopy,
};
use odpm::migrate::{Conflicts, Dangling, Decision, End, Inquiry, Shared, Told, Wanted};
use odpm::report::MigrationTold;

use crate::sandbox::Sandbox;
use crate::shop::psql;

/// Rows of an answer, by psql: each value as text.
pub fn ask(shop: &Sandbox, database: &str, sql: &str) -> Told {
    let mut command = psql(shop, database);
    command.args(["-A", "-t", "-F", "\u{1f}", "-R", "\u{1e}", "-P", "null=\u{1d}", "-v", "ON_ERROR_STOP=1"]);
    let mut child = command
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = format!("{sql}\n;\n");
    let writing = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success(), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let text = text.trim_end_matches('\n').trim_end_matches('\u{1e}');
    if text.is_empty() {
        return Vec::new();
    }
    let value = |value: &str| (value != "\u{1d}").then(|| value.to_owned());
    text.split('\u{1e}').map(|row| row.split('\u{1f}').map(value).collect()).collect()
}

/// A database as the observation sees it.
fn side(place: &str, ask: &dyn Fn(&str) -> Told) -> SideSeen {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let is = |value: &Option<String>| value.as_deref() == Some("t");
    let mut seen = SideSeen {
        place: place.to_owned(),
        database: place.to_owned(),
        identity: place.to_owned(),
        major: 15,
        encoding: "UTF8".to_owned(),
        owned: true,
        ..SideSeen::default()
    };
    let columns = "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated <> '', \
         coalesce(array_position(i.indkey::smallint[], a.attnum), -1) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
         AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary \
         WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1, 6";
    for row in ask(columns) {
        let [table, column, kind, required, generated, key] = <[Option<String>; 6]>::try_from(row).unwrap();
        let (table, column) = (text(&table), text(&column));
        let of: &mut TableSeen = seen.wiring.catalog.tables.entry(table.clone()).or_default();
        of.columns.insert(column.clone(), text(&kind));
        if text(&key) != "-1" {
            of.key.push(column.clone());
        }
        if is(&generated) {
            of.generated.insert(column.clone());
        }
        let structure: &mut Structure = seen.structure.entry(table).or_default();
        if is(&required) {
            structure.required.insert(column);
        }
    }
    let unique = "SELECT c.relname, i.relname, x.indisprimary, pg_get_expr(x.indpred, x.indrelid), \
         (SELECT string_agg(pg_get_indexdef(x.indexrelid, n, true), E'\\n' ORDER BY n) FROM generate_series(1, x.indnkeyatts) n) \
         FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid \
         WHERE x.indisunique AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace";
    for row in ask(unique) {
        let [table, name, primary, predicate, terms] = <[Option<String>; 5]>::try_from(row).unwrap();
        let terms = text(&terms).split('\n').map(str::to_owned).collect();
        let unique =
            UniqueSeen { name: text(&name), terms, predicate, nulls_alike: false, primary: is(&primary) };
        seen.structure.entry(text(&table)).or_default().unique.push(unique);
    }
    let children = "SELECT p.relname, c.relname FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent JOIN pg_class c ON c.oid = h.inhrelid";
    for row in ask(children).iter().map(|row| row.iter().map(text).collect::<Vec<_>>()) {
        seen.structure.entry(row[0].clone()).or_default().children.push(row[1].clone());
    }
    let references = "SELECT c.relname, a.attname, f.relname, NOT a.attnotnull FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
         JOIN pg_class f ON f.oid = k.confrelid JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1] WHERE k.contype = 'f'";
    for row in ask(references) {
        seen.wiring.references.push(Reference {
            table: text(&row[0]),
            column: text(&row[1]),
            to: text(&row[2]),
            cascades: false,
            nullable: is(&row[3]),
            kept: true,
        });
    }
    for row in ask("SELECT model, transient FROM ir_model") {
        seen.wiring.models.insert(text(&row[0]));
        if is(&row[1]) {
            seen.wiring.transient.insert(text(&row[0]));
        }
    }
    let fields = "SELECT model, name, ttype, coalesce(store, true), coalesce(company_dependent, false), relation, relation_table, column1, column2 \
         FROM ir_model_fields";
    for row in ask(fields) {
        let between = row[6].clone().map(|table| Between { table, own: text(&row[7]), other: text(&row[8]) });
        let field = FieldSeen {
            ttype: text(&row[2]),
            stored: is(&row[3]),
            company_dependent: is(&row[4]),
            relation: row[5].clone(),
            between,
            ..FieldSeen::default()
        };
        let fields: &mut BTreeMap<String, FieldSeen> =
            seen.wiring.catalog.fields.entry(text(&row[0])).or_default();
        fields.insert(text(&row[1]), field);
    }
    for row in ask("SELECT name, state, latest_version FROM ir_module_module") {
        let module =
            ModuleInDatabase { state: text(&row[1]), version: row[2].clone(), ..ModuleInDatabase::default() };
        seen.modules.insert(text(&row[0]), module);
    }
    for row in ask(
        "SELECT module, name, model, res_id, coalesce(noupdate, false) FROM ir_model_data WHERE res_id > 0",
    ) {
        seen.xml_ids.push(XmlIdCopy {
            module: text(&row[0]),
            name: text(&row[1]),
            model: text(&row[2]),
            res_id: text(&row[3]).parse().unwrap(),
            noupdate: is(&row[4]),
        });
    }
    let sequences = "SELECT relname FROM pg_class WHERE relkind = 'S' AND relname ~ '^ir_sequence_[0-9]'";
    seen.sequences = ask(sequences).iter().map(|row| text(&row[0])).collect::<BTreeSet<_>>();
    seen.uuid = ask("SELECT value FROM ir_config_parameter WHERE key = 'database.uuid'")
        .first()
        .and_then(|row| row[0].clone());
    seen
}

/// What is decided, each side being asked by these.
pub fn decide(wanted: &Wanted, from: &dyn Fn(&str) -> Told, to: &dyn Fn(&str) -> Told) -> Decision {
    let (source, target) = (side("staging", from), side("prod", to));
    let own = BTreeMap::new();
    let mut inquiry = Inquiry::new(wanted, &source, &target, &own);
    let mut told = Vec::new();
    loop {
        let asks = inquiry.next(told);
        if asks.is_empty() {
            return inquiry.decided();
        }
        let answer = |end: End, sql: &str| if end == End::From { from(sql) } else { to(sql) };
        told = asks.iter().map(|ask| answer(ask.end, &ask.sql)).collect();
    }
}

pub fn codes(decision: &Decision) -> Vec<&str> {
    decision.blocks.iter().map(|block| block.code.as_str()).collect()
}

/// Two databases that were installed in another order, and that have gone ways of their own since.
pub fn two() -> Sandbox {
    let shop = Sandbox::with("database: shop", "");
    let _ = shop.apply();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/migrate_plan.sql");
    for database in ["staging", "prod"] {
        let _ = shop.sql("postgres", &format!("CREATE DATABASE {database} OWNER odoo"));
        let output = psql(&shop, database).args(["-v", "ON_ERROR_STOP=1", "-f", script]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let of = |database: &str, sql: &str| {
        let _ = ask(&shop, database, sql);
    };
    of(
        "staging",
        r#"INSERT INTO res_currency VALUES (1, 'EUR'), (2, 'USD');
        INSERT INTO res_country VALUES (12, 'AT');
        INSERT INTO res_company VALUES (1, 'Shop', 1);
        INSERT INTO res_users VALUES (1, 'system', 'x', 1, NULL), (2, 'admin', 'staging', 1, 1), (6, 'tester', 'x', 1, 2);
        INSERT INTO res_partner (id, name, company_id, parent_id, country_id, user_id, create_uid) VALUES (1, 'Shop', 1, NULL, 12, NULL, 1),
            (7, 'Ana', NULL, NULL, 12, 6, 6), (8, 'Ana at work', NULL, 7, NULL, NULL, 6);
        INSERT INTO x_shelf VALUES (9, 'upper');
        INSERT INTO account_account VALUES (31, '{"en_US": "Sales"}', '{"1": "4000"}'), (32, '{"en_US": "More"}', '{"1": "4100"}');
        INSERT INTO product_category VALUES (1, 'All', NULL, '1/', '{"1": 31}'), (2, 'Tools', 1, '1/2/', '{"1": 32, "9": 31}');
        INSERT INTO product_tag VALUES (1, 'new'), (2, 'old');
        INSERT INTO product_template (id, name, categ_id, shelf_id, vendor_id, origin, weight, create_uid) VALUES
            (100, '{"en_US": "Hammer"}', 1, 9, 7, 'product.category,1', 2, 6), (101, '{"en_US": "Saw"}', 2, NULL, 77, 'res.partner,7', 3, 6);
        INSERT INTO product_tag_rel VALUES (100, 1), (101, 2);
        INSERT INTO sale_order VALUES (1, 'S0001', 'sale', 7);
        INSERT INTO ir_sequence VALUES (4, 'out', 'standard'), (5, 'unused', 'standard');
        CREATE SEQUENCE ir_sequence_004; CREATE SEQUENCE ir_sequence_005;
        INSERT INTO stock_picking_type VALUES (3, '{"en_US": "Out"}', 4);
        INSERT INTO ir_attachment (id, name, res_model, res_field, res_id, url, store_fname, create_uid) VALUES
            (50, 'image', 'product.template', 'image_1920', 100, NULL, 'ab/ab', 6), (51, 'image', 'res.partner', 'image_1920', 7, NULL, 'cd/cd', 6),
            (52, 'x.js', 'product.template', NULL, 100, '/web/assets/x.js', 'ef/ef', 6), (53, 'logo', 'res.company', 'logo', 1, NULL, 'aa/aa', 6),
            (54, 'order', 'sale.order', NULL, 1, NULL, 'bb/bb', 6);
        INSERT INTO mail_message VALUES (1, 'res.partner', 7);
        INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('base', 'main_company', 'res.company', 1),
            ('base', 'main_partner', 'res.partner', 1), ('product', 'all', 'product.category', 1), ('base', 'at', 'res.country', 12),
            ('base', 'user_admin', 'res.users', 2), ('__import__', 'ana', 'res.partner', 7), ('__import__', 'gone', 'res.partner', 70)"#,
    );
    of(
        "prod",
        r#"INSERT INTO res_currency VALUES (5, 'EUR'), (6, 'USD');
        INSERT INTO res_country VALUES (14, 'AT');
        INSERT INTO res_company VALUES (1, 'Shop', 5);
        INSERT INTO res_users VALUES (1, 'system', 'y', 1, NULL), (2, 'admin', 'production', 1, 1);
        INSERT INTO res_partner (id, name, company_id, country_id, create_uid) VALUES (1, 'Shop', 1, NULL, 1), (7, 'Bob', NULL, 14, 2);
        INSERT INTO account_account VALUES (41, '{"en_US": "Sales"}', '{"1": "4000"}');
        INSERT INTO product_category VALUES (3, 'All', NULL, '3/', NULL);
        INSERT INTO product_tag VALUES (4, 'old'), (5, 'ours');
        INSERT INTO sale_order VALUES (1, 'S0001', 'sale', 7);
        INSERT INTO ir_attachment (id, name, url, store_fname) VALUES (50, 'web.js', '/web/assets/web.js', 'ff/ff');
        INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('base', 'main_company', 'res.company', 1),
            ('base', 'main_partner', 'res.partner', 1), ('product', 'all', 'product.category', 3), ('base', 'at', 'res.country', 14),
            ('base', 'user_admin', 'res.users', 2)"#,
    );
    shop
}

fn wanted() -> Wanted {
    Wanted { sets: vec!["e-commerce".to_owned()], ..Wanted::default() }
}

#[test]
fn what_stands_in_the_way_is_told_with_its_rows() {
    let shop = two();
    let decision = decide(&wanted(), &|sql| ask(&shop, "staging", sql), &|sql| ask(&shop, "prod", sql));
    assert_eq!(codes(&decision), ["conflicts", "dangling", "not_unique"], "{:#?}", decision.blocks);
    let conflicts: Vec<_> = decision.conflicts.iter().map(|c| (c.table.as_str(), c.id, c.choice)).collect();
    // Nobody knows attachments by their ids.
    let want = [("ir_attachment", 50, Conflicts::Renumber), ("res_partner", 7, Conflicts::Stop)];
    assert_eq!(conflicts, want);
    let mut dangling: Vec<_> = decision.dangling.iter().map(ToString::to_string).collect();
    dangling.sort();
    let want = [
        "product_category.account_id -> res_company: 1 row",
        "product_template.shelf_id -> x_shelf: 1 row",
        "product_template.vendor_id -> res_partner: 1 row",
    ];
    assert_eq!(dangling, want);
    let clash = &decision.clashes[0];
    assert_eq!(
        (clash.table.as_str(), clash.from, clash.to, clash.value.as_str()),
        ("product_tag", 2, 4, r#"["old"]"#)
    );
    let told = decision
        .blocks
        .iter()
        .flat_map(|block| block.why.iter().chain(&block.hints))
        .cloned()
        .collect::<Vec<_>>();
    let told = told.join("\n");
    for words in [
        "res_partner 7: Ana on the source, Bob on the target",
        "--table x_shelf",
        "the source has none of them either",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let warned = decision.warnings.join("\n");
    assert!(warned.contains("1 open orders of the source stay behind: S0001"), "{warned}");
    assert!(warned.contains("the target holds 1 row of sale_order"), "{warned}");
}

#[test]
fn what_comes_has_the_ids_of_the_target() {
    let shop = two();
    let _ = ask(&shop, "prod", "UPDATE product_tag SET name = 'other' WHERE id = 4");
    let references = [
        ("product_template.shelf_id", Dangling::Add),
        ("product_template.vendor_id", Dangling::Null),
        ("product_category.account_id", Dangling::Null),
    ];
    let wanted = Wanted {
        conflicts: Conflicts::Renumber,
        references: references.into_iter().map(|(at, choice)| (at.to_owned(), choice)).collect(),
        ..wanted()
    };
    let decision = decide(&wanted, &|sql| ask(&shop, "staging", sql), &|sql| ask(&shop, "prod", sql));
    assert!(decision.blocks.is_empty(), "{:#?}", decision.blocks);
    assert_eq!(decision.files, ["ab/ab", "cd/cd"]);
    let transfer = &decision.transfer;
    let named: Vec<_> = transfer.xml_ids.iter().map(|xml| (xml.name.as_str(), xml.res_id)).collect();
    assert_eq!(named, [("ana", 9), ("ir_attachment_50", 55)]);
    let sequences: Vec<_> = transfer.sequences.iter().map(|one| one.to.as_str()).collect();
    assert_eq!(sequences, ["ir_sequence_004"]);
    let paths: Vec<_> =
        transfer.parent_paths.iter().map(|one| (one.table.as_str(), one.parent.as_str())).collect();
    assert_eq!(paths, [("product_category", "parent_id")]);
    for copied in &transfer.tables {
        assert!(copied.ahead.is_empty(), "{copied:?}");
        load(&shop, copied);
    }
    let now = |sql: &str| -> Vec<String> {
        let rows = ask(&shop, "prod", sql);
        rows.into_iter()
            .map(|row| row.into_iter().map(|v| v.unwrap_or_default()).collect::<Vec<_>>().join(" "))
            .collect()
    };
    assert_eq!(
        now("SELECT id, name, parent_id, country_id, user_id, create_uid FROM res_partner ORDER BY id"),
        ["1 Shop  14  1", "7 Bob  14  2", "8 Ana at work 9   6", "9 Ana  14 6 6"]
    );
    assert_eq!(
        now(
            "SELECT id, categ_id, shelf_id, vendor_id, origin, double_weight FROM product_template ORDER BY id"
        ),
        ["100 3 9 9 product.category,3 4", "101 2   res.partner,9 6"]
    );
    assert_eq!(
        now("SELECT id, parent_id, account_id FROM product_category ORDER BY id"),
        [r#"2 3 {"1": 32}"#, r#"3  {"1": 41}"#]
    );
    assert_eq!(
        now("SELECT login, password FROM res_users ORDER BY id"),
        ["system y", "admin production", "tester x"]
    );
    assert_eq!(now("SELECT product_id, tag_id FROM product_tag_rel ORDER BY 1"), ["100 1", "101 2"]);
    assert_eq!(
        now("SELECT id, res_model, res_id FROM ir_attachment ORDER BY id"),
        ["50  ", "51 res.partner 9", "55 product.template 100"]
    );
    assert_eq!(now("SELECT count(*) FROM mail_message"), ["0"]);
    // Of any model, those are asked for that rows name.
    let any =
        transfer.checks.iter().filter_map(|check| check.what.strip_prefix("product_template.origin -> "));
    assert_eq!(any.collect::<Vec<_>>(), ["product.category", "res.partner"]);
    // What is brought about by further steps is theirs to check: paths, sequences.
    for check in transfer.checks.iter().filter(|check| check.what.contains(" -> ")) {
        assert_eq!(ask(&shop, "prod", &check.sql), Told::new(), "{}", check.what);
    }
}

#[test]
fn flags_are_offered_that_bring_what_is_missing() {
    let shop = two();
    let new =
        "INSERT INTO res_country VALUES (13, 'XX'); UPDATE res_partner SET country_id = 13 WHERE id = 8";
    let _ = ask(&shop, "staging", new);
    let _ = ask(&shop, "prod", "UPDATE product_tag SET name = 'other' WHERE id = 4");
    let of = |country: Dangling, shared: Option<Shared>| {
        let references = [
            ("product_template.shelf_id", Dangling::Add),
            ("product_template.vendor_id", Dangling::Null),
            ("product_category.account_id", Dangling::Null),
            ("res_partner.country_id", country),
        ];
        let wanted = Wanted {
            conflicts: Conflicts::Renumber,
            tables: shared.iter().map(|_| "res_country".to_owned()).collect(),
            references: references.into_iter().map(|(at, choice)| (at.to_owned(), choice)).collect(),
            shared: shared.into_iter().map(|shared| ("res_country".to_owned(), shared)).collect(),
            ..wanted()
        };
        decide(&wanted, &|sql| ask(&shop, "staging", sql), &|sql| ask(&shop, "prod", sql))
    };
    // Countries are the target's: none comes because somebody refers to it.
    let side = SideSeen::default();
    for (choice, tried) in [
        (Dangling::Stop, "13\n"),
        (Dangling::Add, "13; those do not come\n"),
        (Dangling::Map, "none like them\n"),
    ] {
        let decision = of(choice, None);
        assert_eq!(codes(&decision), ["dangling"], "{:#?}", decision.blocks);
        let hint = "Copy what they lead to, too: --table res_country --shared res_country=keep";
        assert!(decision.blocks[0].hints.contains(&hint.to_owned()), "{:?}", decision.blocks);
        let told = MigrationTold { from: &side, to: &side, decision: &decision };
        let told = odpm::report::migration(&told);
        let ways = "one of: --table res_country --shared res_country=keep  or  --reference res_partner.country_id=null\n";
        assert!(told.contains(ways) && told.contains(tried), "{told}");
        assert!(!told.contains("=add") && !told.contains("rows come, too"), "{told}");
    }
    let decision = of(Dangling::Stop, Some(Shared::Keep));
    assert_eq!(codes(&decision), Vec::<&str>::new());
    for copied in &decision.transfer.tables {
        load(&shop, copied);
    }
    let countries = "SELECT c.id::text, c.code FROM res_country c JOIN res_partner p ON p.country_id = c.id WHERE p.id = 8 OR p.name = 'Ana'";
    let want =
        [("13", "XX"), ("14", "AT")].map(|(id, code)| vec![Some(id.to_owned()), Some(code.to_owned())]);
    assert_eq!(ask(&shop, "prod", &format!("{countries} ORDER BY 1")), want);
}

/// Rows of a table brought over, as the step does it.
pub fn load(shop: &Sandbox, copied: &TableCopy) {
    let columns = copied.columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    for (sql, merged) in [(&copied.fresh, false), (&copied.merged, true)] {
        let Some(sql) = sql else { continue };
        let output = psql(shop, "staging").args(["-c", &format!("COPY ({sql}) TO STDOUT")]).output().unwrap();
        assert!(output.status.success(), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
        let rows = String::from_utf8(output.stdout).unwrap();
        let table = &copied.table;
        let script = if merged {
            let set = copied.columns.iter().filter(|name| !copied.key.contains(name));
            let set: Vec<String> = set.map(|name| format!("\"{name}\" = excluded.\"{name}\"")).collect();
            let then =
                if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", set.join(", ")) };
            let key = copied.key.join(", ");
            format!(
                "CREATE TEMPORARY TABLE n AS SELECT {columns} FROM \"{table}\" WHERE false;\nCOPY n ({columns}) FROM STDIN;\n{rows}\\.\n\
                 INSERT INTO \"{table}\" ({columns}) SELECT {columns} FROM n ON CONFLICT ({key}) DO {then};\n"
            )
        } else {
            format!("COPY \"{table}\" ({columns}) FROM STDIN;\n{rows}\\.\n")
        };
        let _ = ask(shop, "prod", script.trim_end().trim_end_matches(';'));
    }
}
