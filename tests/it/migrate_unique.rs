//! What has to be unique, between rows that come and rows that are there: found whatever their number, and before anything is copied.

use std::cell::Cell;

use odpm::migrate::{Conflicts, Decision, Wanted};

use crate::migrate_pair::{migrate, pair, rows};
use crate::migrate_plan::{ask, codes, decide, two};
use crate::sandbox::Sandbox;

fn wanted() -> Wanted {
    let sets = vec!["e-commerce".to_owned()];
    Wanted { sets, conflicts: Conflicts::Renumber, ..Wanted::default() }
}

/// What is decided, and how many questions that took.
fn decided(shop: &Sandbox, wanted: &Wanted) -> (Decision, u32) {
    let asked = Cell::new(0);
    let of = |database: &str, sql: &str| {
        asked.set(asked.get() + 1);
        ask(shop, database, sql)
    };
    let decision = decide(wanted, &|sql| of("staging", sql), &|sql| of("prod", sql));
    (decision, asked.get())
}

/// Rows of the source and of the target, what the latter become, what both have.
fn clashes(decision: &Decision) -> Vec<(i64, i64, Option<i64>, &str)> {
    decision.clashes.iter().map(|clash| (clash.from, clash.to, clash.becomes, clash.value.as_str())).collect()
}

#[test]
fn what_clashes_is_found_with_as_many_questions_however_many_rows_there_are() {
    let shop = two();
    let (few, asked) = decided(&shop, &wanted());
    assert_eq!(clashes(&few), [(2, 4, None, r#"["old"]"#)]);
    let _ = ask(
        &shop,
        "prod",
        "INSERT INTO product_tag SELECT g, 'theirs ' || g FROM generate_series(1000, 31000) g",
    );
    let (many, asked_now) = decided(&shop, &wanted());
    assert_eq!(clashes(&many), clashes(&few));
    assert_eq!(asked_now, asked);
    // More than are named to the other side.
    let _ = ask(
        &shop,
        "prod",
        "INSERT INTO product_tag SELECT g, 'theirs ' || g FROM generate_series(31001, 60000) g",
    );
    let _ = ask(
        &shop,
        "staging",
        "INSERT INTO product_tag SELECT g, CASE g WHEN 100000 THEN 'theirs 2000' ELSE 'ours ' || g END FROM generate_series(100000, 160000) g",
    );
    let (most, _) = decided(&shop, &wanted());
    assert_eq!(clashes(&most), [(2, 4, None, r#"["old"]"#), (100_000, 2000, None, r#"["theirs 2000"]"#)]);
}

#[test]
fn rows_that_pass_on_what_is_unique_are_told_where_a_copy_cannot_do_it() {
    let shop = two();
    let both = |sql: &str| {
        for database in ["staging", "prod"] {
            let _ = ask(&shop, database, sql);
        }
    };
    both(
        "DELETE FROM product_tag_rel; DELETE FROM product_tag; CREATE UNIQUE INDEX partner_name ON res_partner (name); \
          INSERT INTO ir_model_data (module, name, model, res_id) SELECT 'x', 't' || g, 'product.tag', g FROM generate_series(1, 5) g",
    );
    // The first two change places, the next two move up, the last gives to one that is new.
    let _ = ask(
        &shop,
        "staging",
        "INSERT INTO product_tag VALUES (1, 'b'), (2, 'a'), (3, 'd'), (4, 'e'), (5, 'f'), (6, 'g')",
    );
    let _ =
        ask(&shop, "prod", "INSERT INTO product_tag VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'g')");
    // New partners come before those that are there are altered, because partners refer to partners.
    let _ = ask(&shop, "prod", "UPDATE res_partner SET name = 'Ana at work' WHERE id = 1");
    let (decision, _) = decided(&shop, &wanted());
    assert!(codes(&decision).contains(&"passed_on"), "{:#?}", decision.blocks);
    assert!(!codes(&decision).contains(&"not_unique"), "{:#?}", decision.blocks);
    let tags = [(1, 2, Some(2), r#"["b"]"#), (2, 1, Some(1), r#"["a"]"#), (3, 4, Some(4), r#"["d"]"#)];
    let partner = (8, 1, Some(1), r#"["Ana at work"]"#);
    assert_eq!(clashes(&decision), tags.into_iter().chain([partner]).collect::<Vec<_>>());
    let block = decision.blocks.iter().find(|block| block.code == "passed_on").unwrap();
    let told = r#"product_tag: row 1 of the source has ["b"], as row 2 of the target has until it becomes row 2 of the source"#;
    assert!(block.why.iter().any(|why| why.contains(told)), "{block:#?}");
    // In a copy of the target no reference is in place while it is filled.
    let (staged, _) = decided(&shop, &Wanted { staged: true, ..wanted() });
    assert_eq!(clashes(&staged), tags);
}

#[test]
fn a_new_row_takes_what_one_that_is_there_gives_up() {
    let shop = pair();
    let _ = ask(&shop, "prod", "UPDATE product_tag SET name = 'new' WHERE id = 4");
    let named = |database: &str, name: &str, id: i64| {
        let _ = ask(
            &shop,
            database,
            &format!(
                "INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('x', '{name}', 'product.tag', {id})"
            ),
        );
    };
    named("staging", "one", 1);
    named("staging", "two", 2);
    named("prod", "two", 4);
    let _ = shop.run(&migrate(&[])).code(0);
    assert_eq!(
        rows(&shop, "prod", "SELECT id, name FROM product_tag ORDER BY 1"),
        ["1|new", "4|old", "5|ours"]
    );
    // Then they change places on the source.
    let swap = "UPDATE product_tag SET name = 'x' WHERE id = 2; UPDATE product_tag SET name = 'old' WHERE id = 1; \
                UPDATE product_tag SET name = 'new' WHERE id = 2";
    let _ = ask(&shop, "staging", swap);
    let said = shop.run(&migrate(&["--plan"])).code(3);
    let _ = said.says(
        "row 1 of the source has [\"old\"], as row 4 of the target has until it becomes row 2 of the source",
    );
}

#[test]
fn a_copy_that_is_filled_over_one_connection_is_planned_as_such() {
    let shop = pair();
    for database in ["staging", "prod"] {
        let _ = ask(&shop, database, "CREATE UNIQUE INDEX partner_name ON res_partner (name)");
    }
    let _ = ask(&shop, "prod", "UPDATE res_partner SET name = 'Ana at work' WHERE id = 1");
    let told = "row 8 of the source has [\"Ana at work\"], as row 1 of the target has until it becomes row 1 of the source";
    let _ = shop.run(&migrate(&["--staged", "--jobs", "1", "--plan"])).code(3).says(told);
    let _ = shop.run(&migrate(&["--staged", "--jobs", "2"])).code(0);
    assert_eq!(
        rows(&shop, "prod", "SELECT name FROM res_partner WHERE id IN (1, 8) ORDER BY id"),
        ["Shop", "Ana at work"]
    );
}
