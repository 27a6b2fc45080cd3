//! Killed in the middle, interrupted, resumed, given up.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::{Said, Sandbox};

/// Begins an apply and sends it a signal as soon as its journal tells of this step.
fn interrupt(shop: &Sandbox, step: &str, signal: Signal) -> std::process::ExitStatus {
    let mut child =
        shop.command(&["apply", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pid = Pid::from_raw(child.id() as i32).unwrap();
    let wanted = format!("\"started\",\"step\":\"{step}\"");
    let begin = Instant::now();
    while !journals(shop).iter().any(|text| text.contains(&wanted)) {
        assert!(begin.elapsed() < Duration::from_secs(60), "{step} never began");
        if child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    let _ = kill_process(pid, signal);
    child.wait().unwrap()
}

fn journals(shop: &Sandbox) -> Vec<String> {
    let listing = std::fs::read_dir(shop.path(".odpm/journal")).into_iter().flatten().flatten();
    listing
        .filter(|e| e.path().is_file())
        .map(|e| std::fs::read_to_string(e.path()).unwrap_or_default())
        .collect()
}

fn resume(shop: &Sandbox) -> Said {
    shop.run(&["apply", "--resume", "--yes"])
}

#[test]
fn killed_in_any_step_it_is_explained_and_resumed() {
    for step in
        ["admin-password", "odoo-conf", "init-cluster", "start-server", "ensure-roles", "record-baseline"]
    {
        let shop = Sandbox::new();
        let status = interrupt(&shop, step, Signal::KILL);
        if status.signal().is_none() {
            // It was quicker than the signal: then it has to be whole.
            shop.at_rest();
            continue;
        }
        let _ = shop.run(&["plan"]).code(3).says("is not finished").says("odpm apply --resume");
        let _ = shop.run(&["apply", "--yes"]).code(3).says("--abandon");
        let _ = shop.run(&["status"]).code(0).says("unfinished");
        let _ = resume(&shop).code(0);
        shop.at_rest();
        let _ = shop.run(&["history"]).code(0).says("done");
        assert!(leftovers(&shop).is_empty(), "{:?}", leftovers(&shop));
    }
}

/// What an interrupted initdb has left beside the data directory.
fn leftovers(shop: &Sandbox) -> Vec<std::ffi::OsString> {
    let listing = std::fs::read_dir(shop.path("data")).into_iter().flatten().flatten();
    listing
        .map(|entry| entry.file_name())
        .filter(|name| name.to_string_lossy().contains("odpm-init"))
        .collect()
}

#[test]
fn killed_again_and_again_it_still_ends() {
    let shop = Sandbox::new();
    let _ = interrupt(&shop, "postgresql-conf", Signal::KILL);
    for delay in [3, 10, 40, 150, 400] {
        let mut child = shop
            .command(&["apply", "--resume", "--yes"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        let _ = child.kill();
        let _ = child.wait();
    }
    let _ = resume(&shop).code(0);
    shop.at_rest();
}

#[test]
fn ctrl_c_stops_between_steps_with_130() {
    let shop = Sandbox::new();
    let status = interrupt(&shop, "init-cluster", Signal::INT);
    assert_eq!(status.code(), Some(130));
    assert!(shop.data().join("PG_VERSION").exists(), "the step at hand was finished");
    assert_eq!(shop.server_pid(), None, "and no other was begun");
    let _ = resume(&shop).code(0);
    shop.at_rest();
    let _ = resume(&shop).code(0).says("No run was interrupted");
}

#[test]
fn an_abandoned_run_is_out_of_the_way() {
    let shop = Sandbox::new();
    let status = interrupt(&shop, "init-cluster", Signal::TERM);
    assert_eq!(status.code(), Some(130));
    let _ = shop.run(&["apply", "--abandon"]).code(0).says("given up");
    let _ = shop.apply();
    shop.at_rest();
    let _ = shop.run(&["history"]).code(0).says("abandoned");
}

#[test]
fn a_second_odpm_is_told_who_is_at_work() {
    let shop = Sandbox::new();
    let state = odpm::state::StateDir::of(shop.root());
    let lock = odpm::state::Lock::take(&state, "apply", "ada@laptop", jiff::Timestamp::now()).unwrap();
    for args in [&["apply", "--yes"][..], &["down", "--yes"], &["database", "ensure-role", "--yes"]] {
        let _ = shop.run(args).code(4).says("`odpm apply` of ada@laptop").says("pid");
    }
    let _ = shop.run(&["plan"]).code(0);
    let _ = shop.run(&["status"]).code(0).says("ada@laptop");
    drop(lock);
    let _ = shop.apply();
}

#[test]
fn a_step_that_fails_is_kept_and_goes_on_later() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    let _ = shop.run(&["down", "--yes"]).code(0);
    shop.describe("", "settings: {shared_buffers: nonsense}\n");
    let _ = shop
        .run(&["apply", "--yes"])
        .code(1)
        .says("PostgreSQL did not start")
        .says("shared_buffers")
        .says("--resume");
    assert!(shop.run(&["history"]).code(0).out.contains("failed"));
    shop.describe("", "");
    let _ = shop.run(&["apply", "--abandon"]).code(0);
    let _ = shop.apply();
    shop.at_rest();
}

#[test]
fn lock_files_are_cleared_by_whoever_may_start_the_server_only() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    let _ = shop.run(&["down", "--yes"]).code(0);
    // Of a process that is no server; and another odpm is about to start one.
    let stale = format!("{}\n{}\n1\n{}\n", std::process::id(), shop.data().display(), shop.port);
    shop.write("data/postgres/postmaster.pid", &stale);
    let lock = std::fs::OpenOptions::new().write(true).open(shop.path("data/.postgres.odpm-lock")).unwrap();
    lock.lock().unwrap();
    let _ = shop.run(&["apply", "--yes"]).code(4).says("another odpm is starting a server");
    assert_eq!(shop.read("data/postgres/postmaster.pid"), stale);
    drop(lock);
    let _ = resume(&shop).code(0);
    shop.at_rest();
}
