//! What the docker engine renders; nothing here needs Docker.

use crate::sandbox::Sandbox;

#[test]
fn files_are_prepared_without_an_engine() {
    let shop = Sandbox::new();
    let text = shop.read("odpm.yaml").replace("engine: local", "engine: docker");
    shop.write("odpm.yaml", &text);
    let _ = shop
        .run(&["plan", "--skip-start", "--show-diff"])
        .code(0)
        .says("+services:")
        .says("b/docker-compose.yml");
    let _ = shop.run(&["apply", "--yes", "--skip-start"]).code(0);
    let file = shop.read("docker-compose.yml");
    assert!(file.contains(&format!("image: postgres:{}", shop.major)), "{file}");
    assert!(shop.read("odoo.conf").contains("db_host = db\n"));
    let _ = shop.run(&["plan", "--skip-start", "--detailed-exitcode"]).code(0).says("Nothing to do.");
    assert!(
        !shop.path(".odpm/database/last_run.json").exists(),
        "nothing was verified, so nothing is recorded"
    );
    shop.write("docker-compose.yml", &file.replace("unless-stopped", "no"));
    let _ =
        shop.run(&["plan", "--skip-start", "--detailed-exitcode"]).code(2).says("not as odpm.yaml describes");
    let _ = shop.run(&["apply", "--yes"]).code(1).says("--skip-start");
}
