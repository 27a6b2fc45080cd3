//! Odoo's processes, played by a small program with Odoo's command line.

use crate::sandbox::{Sandbox, free_port};

/// Reads `-c FILE`, listens on its http_port unless told `--no-http`, and stays until it is told to stop.
pub const ODOO: &str = r#"#!/usr/bin/env python3
import configparser, http.server, signal, sys, time
args = sys.argv[1:]
conf = configparser.RawConfigParser()
conf.read(args[args.index("-c") + 1])
print("started with", args, flush=True)
if conf.get("options", "log_level", fallback="") == "broken":
    sys.exit("odoo: error: no such module: nonsense")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
if "--no-http" in args:
    while True:
        time.sleep(1)
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"pass")
http.server.HTTPServer(("127.0.0.1", conf.getint("options", "http_port")), Health).serve_forever()
"#;

fn shop() -> (Sandbox, u16) {
    let port = free_port();
    let shop = Sandbox::with(&odoo(port, ""), "");
    shop.write("odoo-src/odoo-bin", ODOO);
    (shop, port)
}

fn odoo(port: u16, conf: &str) -> String {
    format!(
        "source: ./odoo-src\nservices: {{odoo: {{port: {port}, args: [--log-level=info]}}}}\nconf: {{list_db: 'False'{conf}}}\n"
    )
}

#[test]
fn services_start_rest_restart_on_a_change_and_stop() {
    let (shop, port) = shop();
    let _ = shop.apply();
    shop.at_rest();
    let status = shop.json(&["status", "--format", "json"]);
    assert_eq!(status["services"]["odoo"]["running"], 1);
    assert_eq!(status["services"]["odoo-cron"]["running"], 1);
    let log = shop.read(".odpm/log/odoo.log");
    assert!(log.contains("--max-cron-threads=0") && log.contains("--log-level=info"), "{log}");
    assert!(shop.read(".odpm/log/odoo-cron.log").contains("--no-http"));
    let first = status["services"]["odoo"]["ids"].clone();

    shop.describe(&odoo(port, ", limit_time_real: 99"), "");
    let _ = shop.run(&["plan"]).code(0).says("it runs with another configuration");
    let _ = shop.apply();
    shop.at_rest();
    assert_ne!(shop.json(&["status", "--format", "json"])["services"]["odoo"]["ids"], first);

    let _ = shop.run(&["down", "--yes"]).code(0);
    let status = shop.json(&["status", "--format", "json"]);
    assert_eq!(status["services"]["odoo"]["running"], 0);
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn what_runs_is_stopped_though_programs_and_source_are_gone() {
    let (shop, port) = shop();
    let _ = shop.apply();
    std::fs::remove_dir_all(shop.path("odoo-src")).unwrap();
    shop.describe(&odoo(port, ""), "bin_dir: /nowhere\n");
    let _ = shop.run(&["down", "--yes"]).code(0).says("stop odoo");
    let status = shop.json(&["status", "--format", "json"]);
    assert_eq!(status["services"]["odoo"]["running"], 0);
    assert_eq!(status["services"]["odoo-cron"]["running"], 0);
    assert!(!shop.data().join("postmaster.pid").exists());
    let _ = shop.run(&["down", "--yes"]).code(0).says("Nothing to do.");
}

#[test]
fn a_service_that_dies_is_told_with_its_last_words_and_resumed() {
    let (shop, port) = shop();
    shop.describe(&odoo(port, ", log_level: broken"), "");
    let _ = shop
        .run(&["apply", "--yes"])
        .code(1)
        .says("ended right after its start")
        .says("no such module: nonsense");
    assert!(
        !shop.path(".odpm/database/last_run.json").exists(),
        "nothing is recorded before everything is up"
    );
    shop.write("odoo-src/odoo-bin", &ODOO.replace("\"broken\"", "\"mended\""));
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0);
    shop.at_rest();
}

#[test]
fn a_service_is_scaled_on_purpose_visibly_and_back() {
    let (shop, _) = shop();
    let _ = shop.apply();
    let _ = shop
        .run(&["scale", "--service", "odoo-cron", "--replicas", "0", "--yes"])
        .code(0)
        .says("stop odoo-cron");
    let status = shop.json(&["status", "--format", "json"]);
    assert_eq!(status["services"]["odoo-cron"]["running"], 0);
    let _ = shop.run(&["status"]).code(0).says("odoo-cron is scaled to 0 by ").says("--reset");
    // The next plan shows it, and an apply leaves it so.
    let _ = shop
        .run(&["plan", "--detailed-exitcode"])
        .code(0)
        .says("odoo-cron is scaled to 0")
        .says("Nothing to do.");
    let _ = shop.run(&["down", "--yes"]).code(0);
    let _ = shop.apply();
    assert_eq!(shop.json(&["status", "--format", "json"])["services"]["odoo-cron"]["running"], 0);
    let _ =
        shop.run(&["scale", "--service", "odoo-cron", "--reset", "--yes"]).code(0).says("start odoo-cron");
    shop.at_rest();
    assert!(!shop.run(&["plan"]).code(0).out.contains("scaled"));
    let _ = shop.run(&["scale", "--service", "odoo", "--replicas", "2", "--yes"]).code(3).says("one port");
    let _ = shop.run(&["scale", "--service", "odo", "--replicas", "2", "--yes"]).code(3).says("odoo-cron");
    let _ = shop.run(&["history"]).code(0).says("scale");
}

#[test]
fn logs_are_merged_and_searched_and_people_get_in() {
    let (shop, _) = shop();
    let _ = shop.apply();
    let all = shop.run(&["logs"]).code(0).out;
    assert!(all.contains("database system is ready") && all.contains("started with"), "{all}");
    let times: Vec<&str> =
        all.lines().filter(|line| line.starts_with("20")).map(|line| &line[..24]).collect();
    assert!(times.is_sorted(), "{all}");
    let odoo = shop.run(&["logs", "--service", "odoo", "--grep", "start.d"]).code(0).out;
    assert!(odoo.contains("started with") && !odoo.contains("database system"), "{odoo}");
    assert_eq!(
        shop.run(&["logs", "--service", "db", "--since", "1d", "--grep", "nothing like it"]).code(0).out,
        ""
    );
    let _ = shop.run(&["logs", "--service", "nobody"]).code(64).says("odoo-cron");
    let _ = shop.run(&["logs", "--since", "soon"]).code(64).says("30m");
    let _ = shop.run(&["psql", "-d", "postgres", "--", "-Atc", "SELECT current_user"]).code(0).says("odoo");
    let _ = shop.run(&["psql", "-d", "postgres", "--", "-c", "nonsense"]).code(1);
    let _ = shop.run(&["exec", "db", "--", "psql", "--version"]).code(0).says(&shop.major.to_string());
}

#[test]
fn a_service_that_was_killed_is_started_again() {
    let (shop, _) = shop();
    let _ = shop.apply();
    let status = shop.json(&["status", "--format", "json"]);
    let pid: i32 = status["services"]["odoo-cron"]["ids"][0].as_str().unwrap().parse().unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    let _ = shop.run(&["status"]).code(0).says("0 of 1 running");
    let _ = shop.run(&["plan"]).code(0).says("start odoo-cron");
    let _ = shop.apply();
    shop.at_rest();
}
