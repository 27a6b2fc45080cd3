//! What has happened to either database since the plan of a migration.

use crate::migrate_pair::{migrate, pair, rows};
use crate::migrate_plan::ask;
use crate::shop::content;

/// In which database, what somebody does after the plan, what takes it back, and what is told.
const SINCE: [(&str, &str, &str, &str); 4] = [
    (
        "staging",
        r#"UPDATE product_category SET account_id = '{"1": 41}' WHERE id = 2"#,
        r#"UPDATE product_category SET account_id = '{"1": 32, "9": 31}' WHERE id = 2"#,
        "rows of product_category refer to others than they did",
    ),
    (
        "staging",
        "UPDATE product_template SET origin = 'res.partner,1' WHERE id = 100",
        "UPDATE product_template SET origin = 'product.category,1' WHERE id = 100",
        "rows of product_template refer to others than they did",
    ),
    (
        "staging",
        "INSERT INTO product_tag_rel VALUES (100, 2)",
        "DELETE FROM product_tag_rel WHERE product_id = 100 AND tag_id = 2",
        "of product_tag_rel 3 rows would come, 2 were planned",
    ),
    (
        "staging",
        "DELETE FROM product_tag WHERE id = 9",
        "INSERT INTO product_tag VALUES (9, 'gone')",
        "of product_tag 2 rows would come, 3 were planned",
    ),
];

#[test]
fn what_would_come_as_something_else_since_the_plan_is_refused() {
    let shop = pair();
    // Production is new. Staging has an account whose number is another account's there, a tag with an xml id, and a writer of products
    // whom others have, too.
    let sequence = "ALTER TABLE ir_sequence ADD number_next integer; UPDATE ir_sequence SET implementation = 'no_gap', number_next = 40";
    let _ = ask(&shop, "staging", sequence);
    let _ = ask(
        &shop,
        "staging",
        r#"INSERT INTO account_account VALUES (41, '{"en_US": "Others"}', '{"1": "7000"}'); INSERT INTO product_tag VALUES (9, 'gone');
        INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('__import__', 'tag', 'product.tag', 9);
        UPDATE product_template SET create_uid = 2 WHERE id = 101"#,
    );
    let _ = ask(&shop, "prod", sequence);
    let _ =
        ask(&shop, "prod", "DELETE FROM sale_order; INSERT INTO ir_sequence VALUES (4, 'out', 'no_gap', 3)");
    let without = ["--without", "account_account", "--save-plan", "m.plan"];
    for (database, since, back, told) in SINCE {
        let _ = shop.run(&migrate(&without)).code(0);
        let before = content(&shop, "prod");
        let _ = ask(&shop, database, since);
        let said = shop.run(&["apply", "m.plan", "--yes"]).code(3).says(told).says("odpm migrate plan");
        assert!(said.err.contains("1/") && !said.err.contains("2/"), "{}", said.all());
        let _ = shop.run(&["apply", "--abandon"]).code(0);
        let _ = ask(&shop, database, back);
        content(&shop, "prod").is_that_of(&before, told);
    }
    // A value that is another one comes as it is then, whoever of those has written it.
    let _ = shop.run(&migrate(&without)).code(0);
    let _ = ask(&shop, "staging", "UPDATE product_template SET weight = 7, create_uid = 2 WHERE id = 100");
    let _ = shop.run(&["apply", "m.plan", "--yes"]).code(0);
    let templates = "SELECT id, weight, create_uid FROM product_template ORDER BY 1";
    assert_eq!(rows(&shop, "prod", templates), ["100|7|2", "101|3|2"]);
}
