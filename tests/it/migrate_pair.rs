//! Two databases of which one can go to the other as it is asked for here, and how that is asked for.

use std::fs;

use crate::migrate_plan::{ask, two};
use crate::sandbox::{Said, Sandbox};
use crate::shop::{files, sha1};

/// What decides all that is open between the two.
const CHOICES: [&str; 8] = [
    "--conflicts",
    "renumber",
    "--reference",
    "product_template.shelf_id=add",
    "--reference",
    "product_template.vendor_id=null",
    "--reference",
    "product_category.account_id=null",
];

/// The two of the decisions' tests, without what no flag decides, and with files.
pub fn pair() -> Sandbox {
    let shop = two();
    let mended = "UPDATE product_tag SET name = 'other' WHERE id = 4; UPDATE ir_attachment SET id = 45, store_fname = NULL";
    let _ = ask(&shop, "prod", mended);
    // Rows were given ids by hand.
    let ahead =
        "SELECT setval(oid::regclass, 60) FROM pg_class WHERE relkind = 'S' AND relname LIKE '%\\_id\\_seq'";
    let _ = ask(&shop, "prod", ahead);
    for (id, content) in [(50, &b"a picture"[..]), (51, b"a face")] {
        let digest = sha1(content);
        let name = format!("{}/{digest}", &digest[..2]);
        let path = files(&shop, "staging").join(&name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        let _ = ask(
            &shop,
            "staging",
            &format!("UPDATE ir_attachment SET store_fname = '{name}' WHERE id = {id}"),
        );
    }
    shop
}

/// `odpm migrate apply` from the one to the other, with all that is open decided.
pub fn migrate<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let words = ["migrate", "apply", "--from", "staging", "--to", "prod", "--set", "e-commerce", "--yes"];
    [&words[..], &CHOICES, more].concat()
}

/// The last line that holds a command after these words; its words without `odpm`.
pub fn command(said: &Said, after: &str) -> Vec<String> {
    let mut line = said.out.lines().chain(said.err.lines()).filter_map(|line| line.split_once(after));
    let line = line.next_back().unwrap_or_else(|| panic!("{after:?} is not in\n{}", said.all())).1;
    line.split_whitespace().skip_while(|word| *word != "odpm").skip(1).map(str::to_owned).collect()
}

/// Rows of a database as text.
pub fn rows(shop: &Sandbox, database: &str, sql: &str) -> Vec<String> {
    let text = |row: Vec<Option<String>>| {
        row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join("|")
    };
    ask(shop, database, sql).into_iter().map(text).collect()
}
