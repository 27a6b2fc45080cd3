//! Odoo started on a database, asked, and ended; checks in SQL, over HTTP and in the Odoo shell.

use std::process::Stdio;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::{Said, Sandbox, free_port};
use crate::stack::{Stack, engine, wait_for};

/// A shop with a database, where nothing of Odoo's runs.
struct Shop(Sandbox);

impl Shop {
    fn new() -> Self {
        let port = free_port();
        let odoo = format!(
            "database: shop\nsource: ./odoo-src\nservices:\n  odoo: {{replicas: 0, port: {port}, start_timeout: 4, args: [--workers=4, --load=web]}}\n  \
             odoo-cron: {{replicas: 0}}\nconf: {{workers: 2, proxy_mode: 'True'}}"
        );
        let shop = Self(Sandbox::with(&odoo, ""));
        shop.0.write("odoo-src/odoo-bin", include_str!("probe_odoo.py"));
        shop.mode("good");
        let _ = shop.0.apply();
        let _ = shop.0.sql("postgres", "CREATE DATABASE shop OWNER odoo");
        let _ = shop.0.sql("shop", "CREATE TABLE price (name text); ALTER TABLE price OWNER TO odoo");
        shop
    }

    fn mode(&self, mode: &str) {
        self.0.write("odoo-src/mode", mode);
    }

    /// Adds checks to odpm.yaml, in place of others.
    fn checks(&self, checks: &str) {
        let yaml = self.0.read("odpm.yaml");
        let yaml = yaml.split("checks:").next().unwrap();
        self.0.write("odpm.yaml", &format!("{yaml}checks:\n{checks}"));
    }

    #[track_caller]
    fn probe(&self, code: i32) -> Said {
        let said = self.0.run(&["upgrade", "probe", "--yes"]).code(code);
        assert!(!lives(self.started()), "no server stays");
        let left = std::fs::read_dir(self.0.path(".odpm/run")).unwrap().flatten();
        let left: Vec<_> =
            left.filter(|entry| entry.file_name().to_string_lossy().starts_with("once")).collect();
        assert!(left.is_empty(), "{left:?}");
        // Nothing has to be resumed or given up.
        self.0.at_rest();
        said
    }

    fn server(&self) -> serde_json::Value {
        serde_json::from_str(&self.0.read("odoo-src/started")).unwrap()
    }

    /// The process id of the server that was started last.
    fn started(&self) -> i32 {
        i32::try_from(self.server()["pid"].as_i64().unwrap()).unwrap()
    }

    fn prices(&self) -> Vec<String> {
        self.0.sql("shop", "SELECT name FROM price ORDER BY 1")
    }
}

fn lives(pid: i32) -> bool {
    odpm::process::lives(u32::try_from(pid).unwrap())
}

#[test]
fn a_server_that_works_is_asked_and_ended() {
    let shop = Shop::new();
    let _ = shop.probe(0).says("start Odoo on shop, ask it, and end it").says("it answered after");
    let args: Vec<String> = serde_json::from_value(shop.server()["args"].clone()).unwrap();
    let at =
        |word: &str| args.iter().rposition(|arg| arg == word).unwrap_or_else(|| panic!("{word}: {args:?}"));
    assert!(at("--workers=0") > at("--workers=4") && args.contains(&"--load=web".to_owned()), "{args:?}");
    for word in
        ["--db-filter=^shop$", "--no-database-list", "--max-cron-threads=0", "--http-interface=127.0.0.1"]
    {
        let _ = at(word);
    }
    shop.checks(
        "  pages: {http: /web/login, contains: Log in to shop}\n  rows: SELECT name FROM price\n  flow: {shell: flow.py}\n",
    );
    shop.0.write("flow.py", "assert env.cr\n");
    let _ = shop.probe(0).says("with 3 checks").says("all 3 checks hold");
    let _ = shop.0.run(&["upgrade", "probe", "--plan"]).code(0).says("start Odoo on shop");
    let _ = shop.0.run(&["upgrade", "probe", "-d", "shoq", "--yes"]).code(3).says("Did you mean shop?");
    std::fs::remove_file(shop.0.path("flow.py")).unwrap();
    let _ = shop.0.run(&["upgrade", "probe", "--yes"]).code(1).says("the check flow has no script");
}

#[test]
fn a_server_that_does_not_work_is_told_with_its_cause() {
    let shop = Shop::new();
    for (mode, told) in [
        ("dies", ["ended while it started on shop (exit status: 255)", "stdnum"]),
        ("words", ["ended while it started on shop (exit status: 1)", "no such option: --nonsense"]),
        ("500", ["/web/login answers 500", "nickname"]),
        ("nowhere", ["/web/login answers 303, to /web/database/selector", "Odoo does not work on shop"]),
        ("hangs", ["is not up on shop after 4 s", "/web/health is not answered"]),
    ] {
        shop.mode(mode);
        let begun = Instant::now();
        let said = shop.probe(1).says("The server's log: ");
        assert!(begun.elapsed().as_secs() < 30, "{mode}");
        assert!(!said.all().contains("--resume"), "{}", said.all());
        for words in told {
            assert!(said.all().contains(words), "{mode}: {words:?} is not in\n{}", said.all());
        }
    }
}

#[test]
fn all_checks_that_do_not_hold_are_told_together() {
    let shop = Shop::new();
    let _ = shop.0.sql("shop", "INSERT INTO price VALUES ('wrong')");
    shop.checks(
        "  a page: {http: /shop, contains: Welcome}\n  a call: {http: /call, json: '{}'}\n  a status: {http: /x, status: 303}\n  \
         no prices: SELECT name FROM price\n  nonsense: SELECT nothing FROM nowhere\n  slow: {sql: SELECT name FROM price WHERE false}\n  \
         flow: {shell: checks/flow.py}\n  fine: {http: /fine}\n",
    );
    shop.0.write("checks/flow.py", "price = 0\nassert price > 0, 'no price'\n");
    let said = shop.probe(3).all();
    for words in [
        "what has to hold does not in shop",
        "a page: the answer of /shop does not hold `Welcome`",
        "a call: /call answers with an error: no price",
        "a status: /x answers 200, not 303",
        "no prices: 1 rows, the first: wrong",
        "the check nonsense cannot be asked",
        "flow: AssertionError: no price (line 2: assert price > 0, 'no price')",
    ] {
        assert!(said.contains(words), "{words:?} is not in\n{said}");
    }
    assert!(!said.contains("fine:") && !said.contains("slow:"), "{said}");
}

#[test]
fn what_a_script_writes_is_not_there_afterwards() {
    let shop = Shop::new();
    shop.checks("  flow: {shell: flow.py}\n");
    let insert = "env.cr.execute(\"INSERT INTO price VALUES ('left behind')\")\n";
    let other = "other = env.registry.cursor()\nother.execute(\"INSERT INTO price VALUES ('beside')\")\n";
    for (script, wrong) in [
        (insert.to_owned(), None),
        (format!("{insert}env.cr.commit()\nenv.cr._cnx.commit()\n"), None),
        (format!("env.cr._cnx.autocommit = True\n{insert}"), None),
        (format!("{other}other.commit()\n"), None),
        (format!("{insert}env['ir.mail_server'].send_email({{'Message-Id': '1'}})\n"), None),
        (format!("env.cr.postcommit.append(lambda: open('/nowhere'))\n{insert}env.cr.commit()\n"), None),
        (format!("{insert}env.cr.rollback()\nenv.cr.execute('SELECT 1')\n"), None),
        (format!("{insert}import sys\nsys.exit(0)\n"), None),
        (format!("{insert}raise ValueError('no such price')\n"), Some("ValueError: no such price (line 2")),
        (format!("{insert}env.cr.execute('commit')\n"), Some("a check may not commit")),
        (
            "import types\nenv.cr.execute(types.SimpleNamespace(code='COMMIT'))\n".to_owned(),
            Some("a check may not commit"),
        ),
        (
            "env.cr.pending.append(lambda: env.cr.execute('SELECT late'))\n".to_owned(),
            Some("column \"late\" does not exist"),
        ),
        ("if True print\n".to_owned(), Some("flow: SyntaxError")),
        ("env.cr.execute('SELECT nothing')\n".to_owned(), Some("column \"nothing\" does not exist")),
    ] {
        shop.0.write("flow.py", &script);
        match wrong {
            None => drop(shop.probe(0)),
            Some(words) => drop(shop.probe(3).says(words)),
        }
        assert_eq!(shop.prices(), Vec::<String>::new(), "{script}");
        assert!(!shop.0.path("odoo-src/mail-was-sent").exists(), "{script}");
    }
    // Whoever goes behind its back is found out.
    shop.0.write("flow.py", &format!("{insert}env.cr._cnx.run('COMMIT; BEGIN')\n"));
    let _ = shop.probe(3).says("the check has committed what it did");
}

#[test]
fn a_script_that_is_another_than_planned_does_not_run() {
    let shop = Shop::new();
    shop.checks("  flow: {shell: flow.py}\n");
    shop.0.write("flow.py", "pass\n");
    let _ = shop.0.run(&["upgrade", "probe", "--save-plan", "probe.json"]).code(0);
    shop.0.write("flow.py", "raise SystemExit(1)\n");
    let _ = shop.0.run(&["apply", "probe.json", "--yes"]).code(3).says("is not what was planned");
}

#[test]
fn a_server_whose_odpm_is_gone_is_ended_by_the_next() {
    let shop = Shop::new();
    let yaml = shop.0.read("odpm.yaml");
    shop.0.write("odpm.yaml", &yaml.replace("start_timeout: 4", "start_timeout: 300"));
    shop.mode("hangs");
    let mut child = shop.0.command(&["upgrade", "probe", "--yes"]);
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for(|| shop.0.path("odoo-src/started").exists() && shop.0.read("odoo-src/started").ends_with('}'));
    let _ = kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::KILL);
    let _ = child.wait();
    let left = shop.started();
    assert!(lives(left));
    shop.mode("good");
    let _ = shop.0.run(&["upgrade", "probe", "--yes"]).code(3).says("is not finished");
    let _ = shop.0.run(&["apply", "--resume", "--yes"]).code(0).says("it answered after");
    assert!(!lives(left) && !lives(shop.started()));
}

#[test]
fn verify_asks_the_service_that_runs() {
    let shop = Shop::new();
    let yaml = shop.0.read("odpm.yaml");
    shop.0.write("odpm.yaml", &yaml.replace("odoo: {replicas: 0", "odoo: {replicas: 1"));
    shop.checks("  a page: {http: /web/login, contains: Log in}\n  another: {http: /x, status: 404}\n");
    let _ = shop.0.apply();
    let verified = shop.0.json(&["incident", "verify", "--logs", "1s", "--format", "json"]);
    let gates = verified["gates"].as_array().unwrap();
    let broken = |name: &str| gates.iter().find(|gate| gate["name"] == name).unwrap()["broken"].clone();
    assert_eq!((broken("a page"), broken("another")), (0.into(), 1.into()), "{verified}");
    let _ = shop.0.run(&["scale", "--service", "odoo", "--replicas", "0", "--yes"]).code(0);
    let said = shop.0.run(&["incident", "verify", "--logs", "1s"]).code(0);
    let _ = said.says("the checks over HTTP are not asked: odoo does not run");
}

#[test]
fn in_containers_it_is_the_same() {
    let Some(stack) = Stack::new() else { return };
    let shop = &stack.shop;
    let _ = shop.apply();
    let _ = shop.sql("postgres", "CREATE DATABASE shop OWNER odoo");
    let describe = |conf: &str, checks: &str| {
        stack.describe(engine().unwrap(), conf);
        let yaml = shop.read("odpm.yaml").replace("{odoo: {port:", "{odoo: {start_timeout: 120, port:");
        shop.write("odpm.yaml", &format!("{yaml}checks: {{{checks}}}\n"));
    };
    let before = stack.containers();
    let probe = || shop.run(&["upgrade", "probe", "-d", "shop", "--yes"]);
    describe("", "page: {http: /web/login, contains: pass}, rows: SELECT 1 WHERE false");
    let _ = probe().code(0).says("all 2 checks hold");
    assert_eq!(stack.containers(), before);
    describe("", "page: {http: /web/login, contains: else}, rows: SELECT 42");
    let _ = probe().code(3).says("page: the answer").says("rows: 1 rows, the first: 42");
    assert_eq!(stack.containers(), before);

    // One that was killed leaves its container to the next, which ends it.
    let conf = shop.read("odoo.conf");
    shop.write("odoo.conf", &format!("{conf}\nlog_level = sick\n"));
    let mut child = shop.command(&["upgrade", "probe", "-d", "shop", "--yes"]);
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let log = |entry: std::fs::DirEntry| std::fs::read_to_string(entry.path()).unwrap_or_default();
    let logs = || std::fs::read_dir(shop.path(".odpm/log")).into_iter().flatten().flatten().map(log);
    wait_for(|| logs().filter(|text| text.contains("HTTP service")).count() > 2);
    assert!(stack.containers().len() > before.len());
    let _ = kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::KILL);
    let _ = child.wait();
    shop.write("odoo.conf", &conf);
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(3).says("rows: 1 rows");
    assert_eq!(stack.containers(), before);
    let _ = shop.run(&["apply", "--abandon"]).code(0);
    shop.write("odoo.conf", &conf.replace("[options]", "[options]\nlog_level = broken"));
    let _ = probe().code(1).says("Odoo ended while it started on shop").says("no such module: nonsense");
    assert_eq!(stack.containers(), before);
}
