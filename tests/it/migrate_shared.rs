//! What belongs to rows that stay as the target has them, and ids where no reference is declared, over two real databases.

use odpm::migrate::{Conflicts, Dangling, Decision, Shared, Wanted};

use crate::migrate_plan::{ask, decide, load, two};
use crate::sandbox::Sandbox;

fn asked(shop: &Sandbox, wanted: &Wanted) -> Decision {
    decide(wanted, &|sql| ask(shop, "staging", sql), &|sql| ask(shop, "prod", sql))
}

/// Everything but what is asked of each test.
fn wanted() -> Wanted {
    let references = [
        ("product_template.shelf_id", Dangling::Add),
        ("product_template.vendor_id", Dangling::Null),
        ("product_category.account_id", Dangling::Null),
    ];
    Wanted {
        sets: vec!["e-commerce".to_owned()],
        conflicts: Conflicts::Renumber,
        references: references.into_iter().map(|(at, choice)| (at.to_owned(), choice)).collect(),
        ..Wanted::default()
    }
}

fn brought(shop: &Sandbox, decision: &Decision) {
    assert!(decision.blocks.is_empty(), "{:#?}", decision.blocks);
    for copied in &decision.transfer.tables {
        load(shop, copied);
    }
}

fn now(shop: &Sandbox, sql: &str) -> Vec<String> {
    let rows = ask(shop, "prod", sql);
    rows.into_iter()
        .map(|row| row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join(" "))
        .collect()
}

/// Two databases whose company and administrator have partners.
fn with_partners() -> Sandbox {
    let shop = two();
    // Tables are brought one after the other, which these two refer to in a circle.
    for (database, refer) in [("staging", "REFERENCES res_partner"), ("prod", "")] {
        let sql = format!(
            "ALTER TABLE res_company ADD partner_id integer {refer}; ALTER TABLE res_users ADD partner_id integer {refer};
            UPDATE product_tag SET name = 'other' WHERE id = 4; UPDATE res_company SET partner_id = 1"
        );
        let _ = ask(&shop, database, &sql);
    }
    let _ = ask(
        &shop,
        "staging",
        "INSERT INTO res_partner (id, name, country_id) VALUES (3, 'Admin of staging', 12); UPDATE res_users SET partner_id = 3 WHERE id = 2;
        UPDATE res_users SET partner_id = 7 WHERE id = 6; INSERT INTO res_partner (id, name, parent_id) VALUES (9, 'Of the administrator', 3);
        INSERT INTO ir_attachment (id, name, res_model, res_field, res_id, store_fname) VALUES
            (60, 'image', 'res.partner', 'image_1920', 3, 'gg/gg'), (61, 'image', 'res.partner', 'image_1920', 9, 'hh/hh')",
    );
    let _ = ask(
        &shop,
        "prod",
        "INSERT INTO res_partner (id, name) VALUES (2, 'Administrator'); UPDATE res_users SET partner_id = 2 WHERE id = 2",
    );
    // These are brought table by table.
    let _ = ask(
        &shop,
        "staging",
        "UPDATE ir_attachment SET create_uid = 2; UPDATE res_partner SET create_uid = 2, user_id = NULL; \
        UPDATE product_template SET create_uid = 2",
    );
    shop
}

const PARTNERS: &str =
    "SELECT id, name, parent_id, country_id FROM res_partner WHERE id IN (1, 2) OR parent_id = 2 ORDER BY id";

#[test]
fn partners_of_users_and_companies_stay_with_them() {
    let shop = with_partners();
    let decision = asked(&shop, &wanted());
    brought(&shop, &decision);
    assert_eq!(now(&shop, PARTNERS), ["1 Shop  ", "2 Administrator  ", "9 Of the administrator 2 "]);
    let partners = decision.tables.iter().find(|table| table.table == "res_partner").unwrap();
    assert_eq!((partners.both, partners.kept), (2, 2));
    let told = decision.warnings.join("\n");
    assert!(told.contains("2 rows of res_partner stay as the target has them"), "{told}");
    assert!(told.contains("--shared res_partner=take"), "{told}");
    // A user that is new brings its own; what hangs on a partner that stays is left there, too.
    assert_eq!(
        now(&shop, "SELECT p.name FROM res_users u JOIN res_partner p ON p.id = u.partner_id WHERE u.id = 6"),
        ["Ana"]
    );
    assert!(decision.files.contains(&"hh/hh".to_owned()) && !decision.files.contains(&"gg/gg".to_owned()));
}

#[test]
fn partners_of_users_and_companies_come_where_that_is_wanted() {
    let shop = with_partners();
    let take = [("res_partner".to_owned(), Shared::Take)].into();
    let decision = asked(&shop, &Wanted { shared: take, ..wanted() });
    brought(&shop, &decision);
    assert_eq!(now(&shop, PARTNERS), ["1 Shop  14", "2 Admin of staging  14", "9 Of the administrator 2 "]);
    assert!(!decision.warnings.join("\n").contains("stay as the target has them"));
}

#[test]
fn nobody_takes_the_place_of_what_stays() {
    let shop = with_partners();
    // A user made on each side, with a partner, and sequences: of the same ids, and of nothing else.
    let _ = ask(
        &shop,
        "prod",
        "INSERT INTO res_users VALUES (6, 'bob', 'y', 1, 2, 7); INSERT INTO ir_sequence VALUES (4, 'B', 'standard');
        INSERT INTO product_category VALUES (2, 'Food', NULL, '2/')",
    );
    let _ = ask(
        &shop,
        "staging",
        "INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('x', 'tester', 'res.users', 6)",
    );
    // Who wants the source's numbering has it.
    let shared = [("ir_sequence".to_owned(), Shared::Take)].into();
    let decision = asked(&shop, &Wanted { conflicts: Conflicts::Take, shared, ..wanted() });
    let sequence = decision.conflicts.iter().find(|conflict| conflict.table == "ir_sequence").unwrap();
    assert_eq!((sequence.id, sequence.choice), (4, Conflicts::Take));

    let decision = asked(&shop, &Wanted { conflicts: Conflicts::Take, ..wanted() });
    brought(&shop, &decision);
    let users = "SELECT u.id, u.login, p.id, p.name FROM res_users u JOIN res_partner p ON p.id = u.partner_id WHERE u.id > 5 ORDER BY 1";
    assert_eq!(now(&shop, users), ["6 bob 7 Bob", "7 tester 10 Ana"]);
    assert_eq!(now(&shop, "SELECT parent_id FROM res_partner WHERE id = 8"), ["10"]);
    let sequences =
        "SELECT t.id, s.id, s.name FROM stock_picking_type t JOIN ir_sequence s ON s.id = t.sequence_id";
    assert_eq!(now(&shop, sequences), ["3 6 out"]);
    assert_eq!(now(&shop, "SELECT name FROM ir_sequence ORDER BY id"), ["B", "out"]);
    // What does not stay gives its place away.
    assert_eq!(now(&shop, "SELECT name FROM product_category WHERE id = 2"), ["Tools"]);
    let mut named: Vec<_> =
        decision.transfer.xml_ids.iter().map(|xml| (xml.name.as_str(), xml.res_id)).collect();
    named.retain(|(name, _)| ["ana", "tester"].contains(name));
    assert_eq!(named, [("ana", 10), ("tester", 7)]);
}

#[test]
fn rows_are_known_by_their_company_however_it_is_called() {
    let shop = with_partners();
    for (database, company, id) in [("staging", "Shop", 4), ("prod", "Renamed shop", 14)] {
        let sql = format!(
            "CREATE TABLE stock_location (id serial PRIMARY KEY, complete_name varchar, usage varchar, company_id integer REFERENCES res_company);
            CREATE TABLE x_rack (id serial PRIMARY KEY, name varchar, company_id integer REFERENCES res_company);
            INSERT INTO ir_model (model) SELECT unnest(ARRAY['stock.location', 'x.rack']); UPDATE res_company SET name = '{company}';
            INSERT INTO stock_location VALUES ({id}, 'Virtual/Scrap', 'inventory', 1), ({id} + 1, 'Transit', 'transit', NULL);
            INSERT INTO x_rack VALUES ({id}, 'left', 1);
            ALTER TABLE res_company ADD internal_transit_location_id integer; UPDATE res_company SET internal_transit_location_id = {id} + 1;
            INSERT INTO ir_model_fields (model, name, ttype, relation) VALUES ('res.company', 'internal_transit_location_id', 'many2one', 'stock.location');
            UPDATE stock_location SET complete_name = complete_name || ' of {company}' WHERE usage = 'transit';
            ALTER TABLE product_category ADD location_id integer REFERENCES stock_location, ADD rack_id integer REFERENCES x_rack"
        );
        let _ = ask(&shop, database, &sql);
    }
    let _ = ask(&shop, "staging", "UPDATE product_category SET location_id = 4, rack_id = 4 WHERE id = 2");
    let map = |table: &str| [(table.to_owned(), Shared::Map)].into();
    let without = || vec!["res_company".to_owned()];
    // Companies come or do not; locations that do not come are found as well, and what is known by no more than a name.
    for wanted in [
        Wanted { shared: map("stock_location"), ..wanted() },
        Wanted { shared: map("stock_location"), without: without(), ..wanted() },
        Wanted { shared: map("res_company"), ..wanted() },
        Wanted { without: without(), ..wanted() },
        wanted(),
    ] {
        let decision = asked(&shop, &wanted);
        assert!(decision.blocks.is_empty(), "{:#?}\n{wanted:?}", decision.blocks);
        let ids = |table: &str| {
            let mapped = decision.mapped.iter().find(|mapped| mapped.table == table);
            mapped.map(|mapped| mapped.ids.clone()).unwrap_or_default()
        };
        assert_eq!(ids("x_rack"), [(4, 14)], "{wanted:?}");
        // Of locations that do not come nobody refers to the second.
        let come = !wanted.shared.contains_key("stock_location");
        let want = if come { vec![(4, 14), (5, 15)] } else { vec![(4, 14)] };
        assert_eq!(ids("stock_location"), want, "{wanted:?}");
    }
    brought(&shop, &asked(&shop, &wanted()));
    assert_eq!(
        now(&shop, "SELECT id, complete_name FROM stock_location ORDER BY id"),
        ["14 Virtual/Scrap", "15 Transit of Shop"]
    );
}

#[test]
fn attachments_of_what_stays_get_no_names_and_lead_to_those_of_the_target() {
    let shop = with_partners();
    for (database, id, refer) in [("staging", 70, "REFERENCES ir_attachment"), ("prod", 51, "")] {
        let sql = format!(
            "ALTER TABLE res_partner ADD message_main_attachment_id integer {refer};
            INSERT INTO ir_attachment (id, name, res_model, res_field, res_id) VALUES ({id}, 'logo', 'res.company', 'logo_web', 1)"
        );
        let _ = ask(&shop, database, &sql);
    }
    let refer = "UPDATE res_partner SET message_main_attachment_id = CASE id WHEN 9 THEN 70 ELSE 60 END WHERE id IN (8, 9)";
    let _ = ask(&shop, "staging", refer);
    let _ = ask(&shop, "prod", "INSERT INTO ir_attachment (id, name) VALUES (60, 'x')");
    let decision = asked(&shop, &wanted());
    brought(&shop, &decision);
    let attachments = now(&shop, "SELECT res_id FROM ir_attachment WHERE res_model = 'res.company'");
    assert_eq!(attachments, ["1"]);
    assert_eq!(
        now(&shop, "SELECT id, message_main_attachment_id FROM res_partner WHERE id IN (8, 9)"),
        ["8 ", "9 51"]
    );
    for xml_id in decision.transfer.xml_ids.iter().filter(|xml_id| xml_id.model == "ir.attachment") {
        let there = now(&shop, &format!("SELECT id FROM ir_attachment WHERE id = {}", xml_id.res_id));
        assert_eq!(there, [xml_id.res_id.to_string()], "{xml_id:?}");
    }
}

#[test]
fn a_language_that_one_side_lacks_is_told() {
    let shop = with_partners();
    for (database, active) in [("staging", "'en_US', 'de_DE'"), ("prod", "'en_US', 'fr_FR'")] {
        let sql = format!(
            "CREATE TABLE res_lang (id serial PRIMARY KEY, code varchar UNIQUE, active boolean); INSERT INTO ir_model (model) VALUES ('res.lang');
            INSERT INTO res_lang (code, active) SELECT code, code IN ({active}) FROM unnest(ARRAY['en_US', 'de_DE', 'fr_FR']) code;
            ALTER TABLE res_partner ADD lang varchar; UPDATE res_partner SET lang = 'en_US';
            INSERT INTO product_template (id, name, categ_id) SELECT 90, '{{\"en_US\": \"Axe\"}}', min(id) FROM product_category;
            INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('product', 'axe', 'product.template', 90)"
        );
        let _ = ask(&shop, database, &sql);
    }
    // Of partners that do not come nobody has to speak the language.
    let _ = ask(&shop, "staging", "UPDATE res_partner SET lang = 'de_DE' WHERE id IN (1, 7, 8)");
    let decision = asked(&shop, &wanted());
    let [block] = decision.blocks.as_slice() else { panic!("{:#?}", decision.blocks) };
    assert_eq!(
        (block.code.as_str(), block.why.as_slice()),
        ("languages", &["de_DE: 2 rows of res_partner".to_owned()][..])
    );
    let told = decision.warnings.join("\n");
    assert!(told.contains("fr_FR of the target is not active on the source"), "{told}");

    let shared = [("res_lang".to_owned(), Shared::Take)].into();
    brought(&shop, &asked(&shop, &Wanted { shared, ..wanted() }));
    // Of the target's own none is put out of use: its partners speak it.
    assert_eq!(now(&shop, "SELECT code FROM res_lang WHERE active ORDER BY 1"), ["de_DE", "en_US", "fr_FR"]);
}

#[test]
fn analytic_plans_need_a_column_and_shares_follow_their_accounts() {
    let shop = with_partners();
    // The target's plan 2 is another one.
    for (database, columns, plans) in [
        (
            "staging",
            "x_plan2_id integer, x_plan3_id integer",
            r#"(2, '{"en_US": "Projects"}', NULL), (4, '{"en_US": "Small"}', 2)"#,
        ),
        (
            "prod",
            "x_plan2_id integer, x_plan3_id integer",
            r#"(2, '{"en_US": "Regions"}', NULL), (5, '{"en_US": "Small"}', 2)"#,
        ),
    ] {
        let sql = format!(
            "CREATE TABLE account_analytic_line (id serial PRIMARY KEY, {columns});
            CREATE TABLE account_analytic_plan (id serial PRIMARY KEY, name jsonb, parent_id integer REFERENCES account_analytic_plan);
            INSERT INTO account_analytic_plan VALUES {plans};
            CREATE TABLE account_analytic_account (id serial PRIMARY KEY, name varchar, plan_id integer REFERENCES account_analytic_plan);
            CREATE TABLE account_analytic_distribution_model (id serial PRIMARY KEY, analytic_distribution jsonb);
            INSERT INTO ir_model (model) SELECT unnest(ARRAY['account.analytic.line', 'account.analytic.plan', 'account.analytic.account',
                'account.analytic.distribution.model'])"
        );
        let _ = ask(&shop, database, &sql);
    }
    let _ = ask(
        &shop,
        "staging",
        r#"INSERT INTO account_analytic_account VALUES (1, 'One', 2), (2, 'Two', 2), (12, 'Three', 2);
        INSERT INTO account_analytic_distribution_model VALUES (1, '{"1,12": 60.5, "2": 39.5}'), (2, '{"1,77": 100, "x": 1}'), (3, NULL), (4, '{}')"#,
    );
    let _ = ask(
        &shop,
        "prod",
        "INSERT INTO account_analytic_account VALUES (1, 'Another', NULL), (2, 'One more', NULL)",
    );
    let decision = asked(&shop, &wanted());
    let [block] = decision.blocks.as_slice() else { panic!("{:#?}", decision.blocks) };
    assert_eq!(block.code, "analytic_plans");
    assert_eq!(block.why, ["plan 2 of the source, Projects, is none of the target's"]);

    // As Odoo makes it with a plan of the same name, which gets the next id.
    let made = r#"ALTER TABLE account_analytic_line ADD x_plan6_id integer; INSERT INTO account_analytic_plan VALUES (6, '{"en_US": "Projects"}')"#;
    let _ = ask(&shop, "prod", made);
    brought(&shop, &asked(&shop, &wanted()));
    assert_eq!(
        now(&shop, "SELECT id, name->>'en_US', parent_id FROM account_analytic_plan ORDER BY id"),
        ["2 Regions ", "4 Small 6", "5 Small 2", "6 Projects "]
    );
    assert_eq!(now(&shop, "SELECT DISTINCT plan_id FROM account_analytic_account WHERE id > 2"), ["6"]);
    assert_eq!(
        now(&shop, "SELECT analytic_distribution FROM account_analytic_distribution_model ORDER BY id"),
        [r#"{"14": 39.5, "13,12": 60.5}"#, r#"{"x": 1, "13,77": 100}"#, "", "{}"]
    );
}

#[test]
fn texts_that_name_rows_of_other_ids_are_told() {
    let shop = with_partners();
    for database in ["staging", "prod"] {
        let _ = ask(
            &shop,
            database,
            "CREATE TABLE mail_alias (id serial PRIMARY KEY, alias_name varchar, alias_model_id integer REFERENCES ir_model, alias_defaults text);
            CREATE TABLE ir_filters (id serial PRIMARY KEY, name varchar, model_id varchar, domain text, context text);
            INSERT INTO ir_model (model) SELECT unnest(ARRAY['mail.alias', 'ir.filters']);
            INSERT INTO ir_model_fields (model, name, ttype, relation) VALUES ('sale.order', 'partner_id', 'many2one', 'res.partner')",
        );
    }
    // Partner 7 is another one's id on the target, partner 8 is not.
    let _ = ask(
        &shop,
        "staging",
        r#"INSERT INTO mail_alias (alias_name, alias_model_id, alias_defaults) SELECT n, m.id, d FROM ir_model m, (VALUES
            ('a', '{''partner_id'': 7}'), ('b', '{''partner_id'': 8, ''name'': ''7''}'), ('c', '{''partner_id'': seven}')) v(n, d)
            WHERE m.model = 'sale.order';
        INSERT INTO ir_filters (name, model_id, domain, context) VALUES ('a', 'sale.order', '["|", ("partner_id.parent_id", "in", [8, 7]), (1, "=", 1)]', '{}'),
            ('b', 'res.partner', '[("id", "=", 7)]', '{''default_parent_id'': 8}'), ('c', 'sale.order', '[("partner_id", "=", uid), ("no_such", "=", 7)]', '{}')"#,
    );
    let tables = vec!["ir_filters".to_owned()];
    let decision = asked(&shop, &Wanted { tables, ..wanted() });
    let told: Vec<&String> =
        decision.warnings.iter().filter(|told| told.contains("no text is rewritten")).collect();
    let [filters, aliases] = told.as_slice() else { panic!("{told:#?}") };
    assert!(filters.starts_with("ir_filters.domain names rows of res_partner"), "{filters}");
    assert!(filters.contains("in 2 rows of the source (1, 2)"), "{filters}");
    assert!(
        aliases.starts_with("mail_alias.alias_defaults") && aliases.contains("in 1 row of the source (1)"),
        "{aliases}"
    );
}

#[test]
fn values_by_company_of_what_stays_are_left_too() {
    let shop = with_partners();
    for (database, values) in [
        (
            "staging",
            "(1, 'res.partner,3', f, 'res.country,12'), (2, 'res.partner,9', f, 'res.country,12'), (3, 'res.partner,1', f, NULL)",
        ),
        ("prod", "(7, 'res.partner,2', f, 'res.country,14'), (8, 'res.partner,7', f, NULL)"),
    ] {
        let sql = format!(
            "CREATE TABLE ir_property (id serial PRIMARY KEY, res_id varchar, company_id integer, fields_id integer NOT NULL REFERENCES ir_model_fields,
                value_reference varchar);
            INSERT INTO ir_model (model) VALUES ('ir.property');
            INSERT INTO ir_model_fields (id, model, name, ttype, relation) VALUES (900, 'res.partner', 'property_country', 'many2one', 'res.country');
            INSERT INTO ir_property (id, res_id, fields_id, value_reference) VALUES {}",
            values.replace(" f,", " 900,")
        );
        let _ = ask(&shop, database, &sql);
    }
    brought(&shop, &asked(&shop, &wanted()));
    assert_eq!(
        now(&shop, "SELECT res_id, value_reference FROM ir_property ORDER BY id"),
        ["res.partner,9 res.country,14", "res.partner,2 res.country,14", "res.partner,7 "]
    );
}

#[test]
fn who_has_to_refer_to_what_stays_is_told_why_it_does() {
    let shop = with_partners();
    for database in ["staging", "prod"] {
        let sql = r#"CREATE TABLE product_document (id serial PRIMARY KEY, ir_attachment_id integer NOT NULL REFERENCES ir_attachment);
            INSERT INTO ir_model (model) VALUES ('product.document');
            INSERT INTO product_template (id, name, categ_id) SELECT 90, '{"en_US": "Axe"}', min(id) FROM product_category;
            INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('product', 'axe', 'product.template', 90)"#;
        let _ = ask(&shop, database, sql);
    }
    let document = "INSERT INTO ir_attachment (id, name, res_model, res_id) VALUES (80, 'manual', 'product.template', 90);
        INSERT INTO product_document VALUES (1, 80)";
    let _ = ask(&shop, "staging", document);
    let keep = || [("product_template".to_owned(), Shared::Keep)].into();
    let decision = asked(&shop, &Wanted { shared: keep(), ..wanted() });
    let [block] = decision.blocks.as_slice() else { panic!("{:#?}", decision.blocks) };
    assert_eq!(block.code, "left_behind");
    assert_eq!(
        block.why,
        [
            "product_document.ir_attachment_id -> ir_attachment: 1 row refers to what stays behind: 1 to 80",
            "rows of product_template stay as the target has them, and so do their attachments"
        ]
    );
    // What is hinted at is a way out, and nothing else is.
    assert_eq!(block.hints.len(), 2, "{:?}", block.hints);
    assert!(block.hints[0].ends_with(": --shared product_template=take"), "{:?}", block.hints);
    assert!(block.hints[1].ends_with(": --without product_document"), "{:?}", block.hints);
    let without = vec!["product_document".to_owned()];
    for wanted in [Wanted { shared: keep(), without, ..wanted() }, wanted()] {
        let decision = asked(&shop, &wanted);
        assert!(decision.blocks.is_empty(), "{:#?}", decision.blocks);
    }
}

#[test]
fn references_to_what_stays_behind_are_told_however_they_are_written() {
    let shop = with_partners();
    for database in ["staging", "prod"] {
        let sql = "CREATE TABLE x_note (id serial PRIMARY KEY, res_model varchar, res_id integer NOT NULL);
            INSERT INTO ir_model (model) VALUES ('x.note');
            INSERT INTO ir_model_fields (model, name, ttype) VALUES ('x.note', 'res_id', 'many2one_reference')";
        let _ = ask(&shop, database, sql);
    }
    let _ = ask(&shop, "staging", "INSERT INTO x_note VALUES (1, 'res.partner', 7), (2, 'res.partner', 8)");
    let other = r#"INSERT INTO account_account VALUES (32, '{"en_US": "Other"}', '{"1": "9"}')"#;
    let _ = ask(&shop, "prod", other);
    let keep = |tables: &[&str]| Wanted {
        conflicts: Conflicts::Keep,
        tables: tables.iter().map(|&table| table.to_owned()).collect(),
        ..wanted()
    };
    let decision = asked(&shop, &keep(&["x_note"]));
    let [block] = decision.blocks.as_slice() else { panic!("{:#?}", decision.blocks) };
    assert_eq!(block.code, "left_behind");
    assert_eq!(block.why, ["x_note.res_id -> res_partner: 1 row refers to what stays behind: 1 to 7"]);
    assert!(block.hints[0].contains("--conflicts renumber"), "{:?}", block.hints);
    let decision = asked(&shop, &keep(&[]));
    let told = decision.warnings.join("\n");
    let value = "product_category.account_id -> account_account: 1 row refers to what stays behind: 2 to 32; these references become nothing";
    assert!(told.contains(value), "{told}");
}
