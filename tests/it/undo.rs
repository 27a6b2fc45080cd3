//! History, and taking runs back.

use crate::sandbox::Sandbox;

#[test]
fn files_and_the_baseline_go_back_and_the_data_stays() {
    let shop = Sandbox::new();
    let mine = "[options]\nworkers = 2\n";
    shop.write("odoo.conf", mine);
    let _ = shop.apply();
    let run = shop.last_run();
    let _ = shop.run(&["undo", &run]).code(3).says("--yes");
    let _ = shop.run(&["undo", &run, "--yes"]).code(0).says("the data directory stays");
    assert_eq!(shop.read("odoo.conf"), mine);
    assert!(!shop.path(".odpm/database/last_run.json").exists());
    assert!(!shop.path(".odpm/rendered/postgresql.conf").exists());
    assert_eq!(shop.server_pid(), None);
    assert!(shop.data().join("PG_VERSION").exists());
    let _ = shop.apply();
    shop.at_rest();
    let _ = shop.run(&["history"]).code(0).says("undo");
}

#[test]
fn what_was_written_since_is_not_lost() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    let run = shop.last_run();
    let conf = shop.read("odoo.conf") + "workers = 8\n";
    shop.write("odoo.conf", &conf);
    let _ = shop.run(&["undo", &run, "--yes"]).code(3).says("was changed since");
    assert_eq!(shop.read("odoo.conf"), conf);
}

#[test]
fn a_down_taken_back_is_up() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    let _ = shop.run(&["down", "--yes"]).code(0);
    let _ = shop.run(&["undo", &shop.last_run(), "--yes"]).code(0);
    shop.at_rest();
    let _ = shop.run(&["undo", "nonsense", "--yes"]).code(64).says("odpm history");
    let _ = shop.run(&["undo", "20200101T000000Z-00000000", "--yes"]).code(64);
}
