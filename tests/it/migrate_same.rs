//! Rows that no xml id names and that are the same all the same, and what refers to them, over two real databases.

use odpm::migrate::{Conflicts, Decision, Shared, Wanted};

use crate::migrate_plan::{ask, codes, decide, load};
use crate::sandbox::Sandbox;
use crate::shop::psql;

/// Two databases in which the same rows have other ids: those of fields, of a warehouse and all that it has, of a tax and its lines.
fn shifted() -> Sandbox {
    let shop = Sandbox::with("database: shop", "");
    let _ = shop.apply();
    for database in ["staging", "prod"] {
        let _ = shop.sql("postgres", &format!("CREATE DATABASE {database} OWNER odoo TEMPLATE template0"));
        for script in ["migrate_plan.sql", "migrate_same.sql"] {
            let script = format!("{}/tests/it/{script}", env!("CARGO_MANIFEST_DIR"));
            let output =
                psql(&shop, database).args(["-v", "ON_ERROR_STOP=1", "-f", &script]).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    let _ = ask(&shop, "prod", "UPDATE ir_model_fields SET id = id + 100");
    // The same rows: on the target each id is another one, and some are another row's on the source.
    for (database, by, next) in [("staging", 0, 9), ("prod", 1, 40)] {
        let id = |id: i64| if by == 0 { id } else { 7 - id };
        let sql = format!(
            "INSERT INTO res_currency VALUES (1, 'EUR'); INSERT INTO res_company VALUES (1, 'Shop', 1);
            INSERT INTO res_users VALUES (1, 'system', 'x', 1, NULL);
            INSERT INTO account_account VALUES ({a}, '{{\"en_US\": \"Sales\"}}', '{{\"1\": \"4000\"}}');
            INSERT INTO product_category VALUES (1, 'All', NULL, '1/', NULL);
            INSERT INTO ir_sequence (id, name, implementation, number_next) VALUES ({b}, 'out', 'no_gap', {next}), ({a}, 'other', 'no_gap', 3);
            INSERT INTO stock_picking_type VALUES ({c}, '{{\"en_US\": \"Out of {database}\"}}', {b});
            INSERT INTO stock_location VALUES ({d}, 'Stock of {database}', 'WH/Stock of {database}', 'internal', NULL, '{d}/', 1),
                ({e}, 'Shelf', 'WH/Shelf', 'internal', {d}, '{d}/{e}/', 1);
            INSERT INTO stock_warehouse VALUES ({a}, 'Main', 'WH', 1, {d}, {c});
            INSERT INTO account_tax VALUES ({a}, '20 %'), ({b}, '10 %');
            INSERT INTO account_tax_repartition_line VALUES ({a}, {a}, 'invoice', 'base', 1, 1), ({b}, {a}, 'invoice', 'tax', {next}, 2),
                ({c}, {b}, 'invoice', 'base', 1, 1);
            INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('base', 'main_company', 'res.company', 1), ('tax', 'tax_20', 'account.tax', {a}),
                ('tax', 'tax_10', 'account.tax', {b}), ('product', 'all', 'product.category', 1), ('stock', 'other', 'ir.sequence', {a})",
            a = id(1),
            b = id(2),
            c = id(3),
            d = id(2),
            e = id(5),
        );
        let _ = ask(&shop, database, &sql);
    }
    shop
}

fn asked(shop: &Sandbox, wanted: &Wanted) -> Decision {
    decide(wanted, &|sql| ask(shop, "staging", sql), &|sql| ask(shop, "prod", sql))
}

fn wanted() -> Wanted {
    Wanted { sets: vec!["e-commerce".to_owned()], ..Wanted::default() }
}

fn now(shop: &Sandbox, sql: &str) -> Vec<String> {
    let rows = ask(shop, "prod", sql);
    rows.into_iter()
        .map(|row| row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join(" "))
        .collect()
}

fn brought(shop: &Sandbox, decision: &Decision) {
    assert!(decision.blocks.is_empty(), "{:#?}", decision.blocks);
    for copied in &decision.transfer.tables {
        load(shop, copied);
    }
}

#[test]
fn what_a_warehouse_or_a_tax_has_is_the_same_under_other_ids() {
    let shop = shifted();
    let take = [("ir_sequence".to_owned(), Shared::Take)].into();
    let decision = asked(&shop, &Wanted { shared: take, ..wanted() });
    brought(&shop, &decision);
    assert_eq!(
        now(&shop, "SELECT id, name, location_id FROM stock_location ORDER BY id"),
        ["2 Shelf 5", "5 Stock of staging "]
    );
    assert_eq!(
        now(&shop, "SELECT id, name->>'en_US', sequence_id FROM stock_picking_type"),
        ["4 Out of staging 5"]
    );
    assert_eq!(
        now(
            &shop,
            "SELECT id, tax_id, repartition_type, factor FROM account_tax_repartition_line ORDER BY id"
        ),
        ["4 5 base 1", "5 6 tax 9", "6 6 base 1"]
    );
    // The target's number is ahead: it is not set back.
    assert_eq!(
        now(&shop, "SELECT id, name, number_next FROM ir_sequence ORDER BY id"),
        ["5 out 40", "6 other 3"]
    );
    let mapped: Vec<&str> = decision.mapped.iter().map(|mapped| mapped.table.as_str()).collect();
    assert!(
        mapped.contains(&"stock_warehouse") && mapped.contains(&"account_tax_repartition_line"),
        "{mapped:?}"
    );
}

#[test]
fn a_target_that_is_ahead_keeps_its_numbering() {
    let shop = shifted();
    let decision = asked(&shop, &wanted());
    brought(&shop, &decision);
    assert_eq!(now(&shop, "SELECT number_next FROM ir_sequence ORDER BY id"), ["40", "3"]);
    let sequences = decision.tables.iter().find(|table| table.table == "ir_sequence").unwrap();
    assert_eq!((sequences.shared, sequences.both), (Shared::Keep, 1));
    let told = decision.warnings.join("\n");
    assert!(told.contains("ir_sequence 5 of it goes on with 40, the source's with 9"), "{told}");
    assert!(told.contains("--shared ir_sequence=take"), "{told}");

    let _ = ask(&shop, "prod", "UPDATE ir_sequence SET number_next = 2");
    let decision = asked(&shop, &wanted());
    let sequences = decision.tables.iter().find(|table| table.table == "ir_sequence").unwrap();
    assert_eq!(sequences.shared, Shared::Take, "{:?}", decision.warnings);
    let _ = ask(&shop, "prod", "INSERT INTO sale_order VALUES (1, 'S1', 'sale', NULL)");
    let decision = asked(&shop, &wanted());
    let told = decision.warnings.join("\n");
    assert!(told.contains("it holds 1 row of sale_order"), "{told}");
}

#[test]
fn a_number_that_a_person_has_set_is_the_next_one() {
    let shop = shifted();
    // Who writes down the next number has Odoo restart the sequence; nobody has asked it since.
    let numbers = |database: &str, next: i64, asked: i64| {
        let sql = format!(
            "UPDATE ir_sequence SET implementation = 'standard' WHERE name = 'out';
            SELECT format('CREATE SEQUENCE IF NOT EXISTS ir_sequence_%1$s; ALTER SEQUENCE ir_sequence_%1$s RESTART WITH {next}', lpad(id::text, 3, '0'))
                FROM ir_sequence WHERE name = 'out' \\gexec
            SELECT count(nextval('ir_sequence_' || lpad(q.id::text, 3, '0'))) FROM ir_sequence q, generate_series(1, {asked}) WHERE q.name = 'out'"
        );
        let _ = ask(&shop, database, &sql);
    };
    // The target is asked for 4 next.
    numbers("staging", 5000, 0);
    numbers("prod", 1, 3);
    let decision = asked(&shop, &wanted());
    let sequences = decision.tables.iter().find(|table| table.table == "ir_sequence").unwrap();
    assert_eq!(sequences.shared, Shared::Take, "{:?}", decision.warnings);

    numbers("staging", 1, 3);
    numbers("prod", 5000, 0);
    let decision = asked(&shop, &wanted());
    let sequences = decision.tables.iter().find(|table| table.table == "ir_sequence").unwrap();
    assert_eq!(sequences.shared, Shared::Keep, "{:?}", decision.warnings);
    let told = decision.warnings.join("\n");
    assert!(told.contains("ir_sequence 5 of it goes on with 5000, the source's with 4"), "{told}");
}

#[test]
fn numbering_that_references_lead_to_is_not_written() {
    let shop = shifted();
    // It is ahead of the target's, which has no documents: nothing but the wish keeps it away.
    let _ = ask(&shop, "staging", "UPDATE ir_sequence SET number_next = 90, prefix = 'ours/'");
    let map = |table: &str| Wanted { shared: [(table.to_owned(), Shared::Map)].into(), ..wanted() };
    let decision = asked(&shop, &map("ir_sequence"));
    brought(&shop, &decision);
    let sequences = "SELECT id, coalesce(prefix, 'none'), number_next FROM ir_sequence ORDER BY id";
    assert_eq!(now(&shop, sequences), ["5 none 40", "6 none 3"]);
    assert!(decision.tables.iter().all(|table| !table.table.starts_with("ir_sequence")));
    // It is the one that the target's row has, which nothing names.
    let types = "SELECT id, name->>'en_US', sequence_id FROM stock_picking_type";
    assert_eq!(now(&shop, types), ["4 Out of staging 5"]);

    // What is said of ranges says nothing of sequences.
    let _ = ask(&shop, "staging", "UPDATE ir_sequence SET number_next = 9");
    let decision = asked(&shop, &map("ir_sequence_date_range"));
    let sequences = decision.tables.iter().find(|table| table.table == "ir_sequence").unwrap();
    assert_eq!(sequences.shared, Shared::Keep, "{:?}", decision.warnings);
}

#[test]
fn a_range_of_the_same_sequence_and_time_is_the_same() {
    let shop = shifted();
    let range = |database: &str, rows: &str| {
        let sql = format!(
            "INSERT INTO ir_sequence_date_range (id, sequence_id, date_from, date_to, number_next) SELECT v.id, q.id, make_date(v.year, 1, 1), \
             make_date(v.year, 12, 31), v.next FROM (VALUES {rows}) v(id, name, year, next) JOIN ir_sequence q ON q.name = v.name"
        );
        let _ = ask(&shop, database, &sql);
    };
    range("staging", "(1, 'out', 2025, 9), (2, 'out', 2026, 70)");
    range("prod", "(1, 'other', 2025, 3), (7, 'out', 2026, 30)");
    let ranges = "SELECT id, sequence_id, extract(year FROM date_from), number_next FROM ir_sequence_date_range ORDER BY id";
    // Of a time that the target has not come to, too, its own sequence goes on with its own numbers.
    let decision = asked(&shop, &wanted());
    let told = decision.tables.iter().find(|table| table.table == "ir_sequence_date_range").unwrap();
    assert_eq!((told.shared, told.both, told.kept, told.behind), (Shared::Keep, 1, 1, 1));
    brought(&shop, &decision);
    assert_eq!(now(&shop, ranges), ["1 6 2025 3", "7 5 2026 30"]);

    // A range of its own that stands in another one's place gets another id, whatever becomes of others: nobody knows it by that.
    let take = [("ir_sequence".to_owned(), Shared::Take)].into();
    let decision = asked(&shop, &Wanted { shared: take, conflicts: Conflicts::Take, ..wanted() });
    brought(&shop, &decision);
    assert_eq!(now(&shop, ranges), ["1 6 2025 3", "7 5 2026 70", "8 5 2025 9"]);
}

#[test]
fn defaults_and_properties_name_the_rows_of_the_target() {
    let shop = shifted();
    let own = |database: &str, account: i64, location: i64, value: &str| {
        let sql = format!(
            "INSERT INTO res_partner (id, name) VALUES (7, 'Ana');
            INSERT INTO ir_default (field_id, company_id, json_value) SELECT id, 1, '{location}' FROM ir_model_fields WHERE name = 'property_location';
            INSERT INTO ir_default (field_id, company_id, json_value) SELECT id, NULL, '{value}' FROM ir_model_fields WHERE name = 'weight';
            INSERT INTO ir_property (name, res_id, company_id, fields_id, value_reference, type)
                SELECT 'property_account', 'res.partner,7', 1, id, 'account.account,{account}', 'many2one' FROM ir_model_fields WHERE name = 'property_account'"
        );
        let _ = ask(&shop, database, &sql);
    };
    own("staging", 1, 5, "1.5");
    // The partner of the target is another one, which has a property of its own.
    own("prod", 6, 2, "2");
    let _ = ask(&shop, "prod", "UPDATE res_partner SET name = 'Bob' WHERE id = 7");
    let decision = asked(&shop, &Wanted { conflicts: Conflicts::Renumber, ..wanted() });
    brought(&shop, &decision);
    assert_eq!(
        now(
            &shop,
            "SELECT f.name, d.company_id, d.json_value FROM ir_default d JOIN ir_model_fields f ON f.id = d.field_id ORDER BY 1"
        ),
        ["property_location 1 2", "weight  1.5"]
    );
    assert_eq!(
        now(
            &shop,
            "SELECT p.res_id, f.name, p.value_reference FROM ir_property p JOIN ir_model_fields f ON f.id = p.fields_id ORDER BY 1"
        ),
        [
            "res.partner,7 property_account account.account,6",
            "res.partner,8 property_account account.account,6"
        ]
    );
}

#[test]
fn a_variant_of_another_product_is_another_one() {
    let shop = shifted();
    for (database, name) in [("staging", "Hammer"), ("prod", "Saw")] {
        let sql = format!(
            "INSERT INTO product_template (id, name, categ_id) VALUES (1, '{{\"en_US\": \"{name}\"}}', 1); \
             INSERT INTO product_product VALUES (1, 1, '', '{name}');
             INSERT INTO ir_attachment (id, name, res_model, res_field, res_id, store_fname) VALUES (1, 'image', 'product.template', 'image', 1, '{name}')"
        );
        let _ = ask(&shop, database, &sql);
    }
    let decision = asked(&shop, &Wanted { conflicts: Conflicts::Renumber, ..wanted() });
    brought(&shop, &decision);
    let variants = "SELECT id, product_tmpl_id, barcode FROM product_product ORDER BY id";
    assert_eq!(now(&shop, variants), ["1 1 Saw", "2 2 Hammer"]);
    let images = "SELECT id, res_id, store_fname FROM ir_attachment ORDER BY id";
    assert_eq!(now(&shop, images), ["1 1 Saw", "2 2 Hammer"]);
}

#[test]
fn a_row_left_behind_stops_what_has_to_refer_to_it() {
    let shop = shifted();
    let insert = |database: &str, sql: &str| {
        let _ = ask(&shop, database, sql);
    };
    insert(
        "staging",
        "INSERT INTO product_category VALUES (2, 'Tools', 1, '1/2/', NULL); \
         INSERT INTO product_template (id, name, categ_id) VALUES (8, '{\"en_US\": \"Hammer\"}', 2)",
    );
    insert("prod", "INSERT INTO product_category VALUES (2, 'Food', 1, '1/2/', NULL)");
    let decision = asked(&shop, &Wanted { conflicts: Conflicts::Keep, ..wanted() });
    assert_eq!(codes(&decision), ["left_behind"], "{:#?}", decision.blocks);
    let told = format!("{:?}", decision.blocks);
    assert!(told.contains("product_template.categ_id -> product_category: 1 row refers"), "{told}");
    assert!(told.contains("8 to 2"), "{told}");
}

#[test]
fn what_is_new_between_two_tables_is_counted() {
    let shop = shifted();
    for database in ["staging", "prod"] {
        let sql = "INSERT INTO product_tag VALUES (1, 'new'), (2, 'old'); INSERT INTO product_template (id, name, categ_id) \
             VALUES (1, '{\"en_US\": \"Hammer\"}', 1); INSERT INTO product_tag_rel VALUES (1, 1)";
        let _ = ask(&shop, database, sql);
    }
    let _ = ask(&shop, "staging", "INSERT INTO product_tag_rel VALUES (1, 2)");
    let decision = asked(&shop, &wanted());
    let found = decision.tables.iter().find(|table| table.table == "product_tag_rel").unwrap();
    assert_eq!((found.rows, found.both, found.stay, found.counted), (2, 1, 0, true));
}
