//! Plans that are kept and applied later.

use crate::sandbox::Sandbox;

#[test]
fn a_saved_plan_is_applied_once_and_exactly() {
    let shop = Sandbox::new();
    let _ = shop.run(&["plan", "--out", "a.plan"]).code(0).says("a.plan");
    let _ = shop.run(&["apply", "a.plan"]).code(3).says("--yes");
    let _ = shop.run(&["apply", "a.plan", "--yes"]).code(0);
    shop.at_rest();
    let _ = shop.run(&["apply", "a.plan", "--yes"]).code(3).says("something has changed");
}

#[test]
fn a_saved_plan_is_refused_once_anything_has_changed() {
    let shop = Sandbox::new();
    let _ = shop.run(&["plan", "--out", "a.plan"]).code(0);
    shop.describe("", "settings: {work_mem: 8MB}\n");
    let _ = shop.run(&["apply", "a.plan", "--yes"]).code(3).says("the project (odpm.yaml");
    shop.describe("", "");
    shop.write("odoo.conf", "[options]\nworkers = 2\n");
    let _ = shop.run(&["apply", "a.plan", "--yes"]).code(3).says("the world: odoo.conf");
    std::fs::remove_file(shop.path("odoo.conf")).unwrap();
    std::fs::create_dir_all(shop.data()).unwrap();
    shop.write("data/postgres/photo.jpg", "");
    let _ = shop.run(&["apply", "a.plan", "--yes"]).code(3).says("the world: data directory");
    std::fs::remove_dir_all(shop.path("data")).unwrap();
    let _ = shop.run(&["apply", "a.plan", "--yes"]).code(0);
}

#[test]
fn drift_accepted_in_the_plan_is_accepted_in_its_apply() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    let env = [("ODPM_SCENARIO", "ci")];
    let _ = shop.run_with(&["plan", "--out", "a.plan"], &env).code(0);
    let _ = shop.run_with(&["apply", "a.plan", "--yes"], &env).code(3).says("odpm_scenario");
    let _ =
        shop.run_with(&["plan", "--out", "b.plan", "--accept-database-drift=odpm_scenario"], &env).code(0);
    let _ = shop.run_with(&["apply", "b.plan", "--yes"], &env).code(0);
}

#[test]
fn what_is_no_plan_is_told_so() {
    let shop = Sandbox::new();
    shop.write("b.plan", "{}");
    let _ = shop.run(&["apply", "b.plan", "--yes"]).code(1).says("is not a plan of odpm");
    let _ = shop.run(&["apply", "c.plan", "--yes"]).code(1).says("cannot read the plan");
    let other = Sandbox::new();
    let _ = other.run(&["plan", "--out", "a.plan"]).code(0);
    let path = other.path("a.plan").display().to_string();
    let _ = shop.run(&["apply", &path, "--yes"]).code(3).says("another project");
}
