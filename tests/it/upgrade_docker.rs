//! Upgrades of the docker engine, with an image that plays Odoo on a real engine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::{Sandbox, free_port};
use crate::shop::fill;
use crate::stack::{Stack, asked, docker, engine, wait_for};
use crate::upgrade_run::{ODOO, failing, fill_modules, in_service, modules, own, version, whole};

/// An image of Odoo's, and a shop that runs on it; the image goes with it.
struct Shop {
    stack: Stack,
    image: String,
}

impl Shop {
    fn new() -> Option<Self> {
        let stack = Stack::new()?;
        let image = format!("odpm-test/upgrade:{}", stack.name);
        let shop = &stack.shop;
        let addons = "/usr/lib/python3/dist-packages/odoo/addons";
        let (major, postgres) = (shop.major, engine()?);
        shop.write(
            "image/odoo",
            &ODOO.replace("PSQL", "/usr/bin/psql").replace("/usr/bin/env python3", "/usr/bin/python3"),
        );
        fs::set_permissions(shop.path("image/odoo"), fs::Permissions::from_mode(0o755)).unwrap();
        shop.write("image/base/__manifest__.py", "{'name': 'base', 'version': '1.3'}");
        shop.write("image/base/__init__.py", "");
        shop.write("image/web/__manifest__.py", "{'name': 'web', 'version': '1.0', 'depends': ['base']}");
        shop.write("image/web/__init__.py", "");
        shop.write(
            "image/Dockerfile",
            &format!(
                "FROM odpm-test/odoo:1\nUSER root\nCOPY --from={postgres} /usr/lib/ /usr/lib/\n\
                 COPY --from={postgres} /usr/lib/postgresql/{major}/bin/psql /usr/bin/psql\nCOPY odoo /usr/bin/odoo\n\
                 COPY base {addons}/base\nCOPY web {addons}/web\nUSER odoo\n"
            ),
        );
        let folder = shop.path("image");
        let built = Command::new("docker")
            .env("DOCKER_BUILDKIT", "0")
            .args(["build", "-q", "-t", &image, &folder.display().to_string()])
            .output();
        let built = built.unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let major = shop.major;
        shop.write(
            "odpm.yaml",
            &format!(
                "version: 1\nname: {}\nengine: docker\nodoo:\n  version: \"18.0\"\n  image: {image}\n  addons: [./addons]\n  database: shop\n  \
                 services: {{odoo: {{port: {}}}, odoo-cron: {{replicas: 1}}}}\n\
                 postgres: {{version: \"{major}\", memory: 512m, image: \"{postgres}\", port: {}}}\nupgrade: {{watch: 0s}}\n",
                stack.name,
                free_port(),
                shop.port
            ),
        );
        for module in ["rent", "lease"] {
            version(shop, module, "1.1");
        }
        let _ = shop.apply();
        fill(shop, "shop");
        fill_modules(shop);
        let _ = shop.run(&["database", "backup", "--yes"]).code(0);
        Some(Self { stack, image })
    }

    fn shop(&self) -> &Sandbox {
        &self.stack.shop
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for id in self.stack.containers() {
            docker(&["rm", "-f", "-v", &id]);
        }
        docker(&["rmi", "-f", &self.image]);
    }
}

/// The containers in which Odoo runs once.
fn once(shop: &Shop) -> Vec<String> {
    let filter = format!("label=com.docker.compose.project={}", shop.stack.name);
    let said = asked(&["ps", "-q", "--filter", &filter, "--filter", "label=odpm.one-off"]);
    said.lines().map(str::to_owned).collect()
}

#[test]
fn in_containers_a_copy_is_upgraded_and_what_fails_is_taken_back() {
    let Some(stack) = Shop::new() else { return };
    let shop = stack.shop();
    let before = whole(shop);
    let frames = "Traceback (most recent call last):\n  File \"/mnt/extra-addons/rent/migrations/18.0.1.1/pre-prices.py\", line 12, in migrate\n    \
        cr.execute(query)\npsycopg2.errors.UndefinedColumn: column \"rate\" of relation \"rent\" does not exist\n";
    failing(shop, "rent", frames);
    let run = ["upgrade", "run", "--yes", "--rollback-on-failure", "-u", "rent,lease"];
    let said = shop.run(&run).code(1);
    let _ = said.says("column \"rate\" of relation \"rent\" does not exist").says("the code is not");
    assert!(whole(shop) == before);
    assert_eq!(once(&stack), Vec::<String>::new());
    let _ = shop.run(&["upgrade", "rollback", "--reopen", "--yes"]).code(0);
    in_service(shop);
    assert!(own(shop).is_empty(), "{:?}", own(shop));

    // odpm is killed while Odoo is at work: it works on in its container, and is ended before another one begins.
    fs::remove_file(shop.path("addons/rent/failure.json")).unwrap();
    shop.write("addons/rent/upgrade.sql", "UPDATE rent SET price = price * 2");
    shop.write("data/odoo/hold", "");
    let (mut child, left) = killed(&stack, &run);
    fs::remove_file(shop.path("data/odoo/waits")).unwrap();
    let _ = child.wait();
    assert_eq!(once(&stack), [left.as_str()], "it outlives odpm");
    // Held still: only the one that begins anew goes on.
    let mut resumed = shop.command(&["apply", "--resume", "--yes"]);
    let mut resumed = resumed.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for(|| shop.path("data/odoo/waits").exists());
    let now = once(&stack);
    assert!(now.len() == 1 && now[0] != left, "the one before is ended: {now:?}, {left}");
    fs::remove_file(shop.path("data/odoo/hold")).unwrap();
    assert_eq!(resumed.wait().unwrap().code(), Some(0));
    assert_eq!(shop.sql("shop", "SELECT sum(price)::int FROM rent"), ["250500"]);
    assert_eq!(modules(shop), ["lease installed 18.0.1.1", "rent installed 18.0.1.1"]);
    in_service(shop);
    assert_eq!(once(&stack), Vec::<String>::new());
    shop.at_rest();
    let _ = shop.run(&["upgrade", "rollback", "--reopen", "--yes", "-d", "shop"]).code(0);
    assert!(whole(shop) == before);
    in_service(shop);
}

/// An upgrade whose odpm is killed while Odoo is in the middle, and the container that it leaves.
fn killed(stack: &Shop, run: &[&str]) -> (std::process::Child, String) {
    let shop = stack.shop();
    let mut command = shop.command(run);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for(|| shop.path("data/odoo/waits").exists());
    let _ = kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::KILL);
    let [left] = once(stack).try_into().unwrap();
    (child, left)
}
