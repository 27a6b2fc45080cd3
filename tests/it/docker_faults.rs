//! What goes wrong around containers: the engine goes away, health never comes, Compose is of another generation.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::skipped;
use crate::stack::{Stack, asked, docker, engine, journal, wait_for};

/// Stands before the engine's socket, and can be gone from one moment to the next, as the engine itself.
struct Front {
    path: PathBuf,
    gone: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<UnixStream>>>,
}

impl Front {
    fn new(folder: &Path) -> Self {
        let path = folder.join("engine.sock");
        let listener = UnixListener::bind(&path).expect("a socket");
        let (gone, open) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let front = Self { path, gone: Arc::clone(&gone), open: Arc::clone(&open) };
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if gone.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(far) = UnixStream::connect("/var/run/docker.sock") else { return };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    std::thread::spawn(move || {
                        let mut buffer = [0; 16384];
                        while let Ok(read @ 1..) = from.read(&mut buffer) {
                            if to.write_all(&buffer[..read]).is_err() {
                                break;
                            }
                        }
                        let _ = to.shutdown(std::net::Shutdown::Write);
                    });
                }
                open.lock().unwrap().extend([near, far]);
            }
        });
        front
    }

    fn go(&self) {
        self.gone.store(true, Ordering::SeqCst);
        std::fs::remove_file(&self.path).unwrap();
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

#[test]
fn an_engine_that_goes_away_in_the_middle_is_told_and_the_run_resumed() {
    let Some(stack) = Stack::new() else { return };
    let shop = &stack.shop;
    for step in ["init-cluster", "start-server", "start-odoo"] {
        let front = Front::new(shop.root());
        let host = format!("unix://{}", front.path.display());
        let resume = shop.path(".odpm/journal").exists();
        let args: &[&str] = if resume { &["apply", "--resume", "--yes"] } else { &["apply", "--yes"] };
        let mut command = shop.command(args);
        command.env("DOCKER_HOST", &host).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let begun = format!("\"started\",\"step\":\"{step}\"");
        wait_for(|| journal(shop).contains(&begun) || child.try_wait().unwrap().is_some());
        front.go();
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{step}: {said}");
        assert!(said.contains("odpm apply --resume"), "{step}: {said}");
        let _ = shop.run_with(&["apply", "--resume", "--yes"], &[("DOCKER_HOST", &host)]).code(1);
    }
    let _ = shop.run(&["apply", "--resume", "--yes"]).code(0);
    shop.at_rest();
}

#[test]
fn a_health_check_that_never_passes_ends_at_its_time() {
    let Some(stack) = Stack::new() else { return };
    let shop = &stack.shop;
    stack.describe(engine().unwrap(), ", log_level: sick");
    let text = shop.read("odpm.yaml").replace("{odoo: {port:", "{odoo: {start_timeout: 4, port:");
    shop.write("odpm.yaml", &text);
    let said = shop.run(&["apply", "--yes"]).code(1);
    let _ = said
        .says("odoo is not healthy after 4 s")
        .says("HTTP service (werkzeug) running")
        .says("start_timeout");
    assert!(!shop.path(".odpm/database/last_run.json").exists());
    let _ = shop.run(&["plan"]).code(3).says("--resume");
}

#[test]
fn a_restart_of_long_ago_fails_no_start() {
    let Some(stack) = Stack::new() else { return };
    let shop = &stack.shop;
    let _ = shop.apply();
    let status = shop.json(&["status", "--format", "json"]);
    let id = status["services"]["odoo-cron"]["ids"][0].as_str().unwrap();
    let pid: i32 = asked(&["inspect", "-f", "{{.State.Pid}}", id]).parse().unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    wait_for(|| asked(&["inspect", "-f", "{{.RestartCount}} {{.State.Status}}", id]) == "1 running");
    let _ = shop.run(&["scale", "--service", "odoo-cron", "--replicas", "2", "--yes"]).code(0);
}

/// The folder with the second generation of Compose that the test set-up has brought, or nothing where `docker`
/// has it already.
fn compose2() -> Option<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/target/compose2");
    Path::new(folder).join("cli-plugins/docker-compose").exists().then(|| folder.to_owned())
}

fn compose_of(stack: &Stack, service: &str) -> String {
    let project = format!("label=com.docker.compose.project={}", stack.name);
    let service = format!("label=com.docker.compose.service={service}");
    asked(&[
        "ps",
        "--filter",
        &project,
        "--filter",
        &service,
        "--format",
        "{{.Label \"com.docker.compose.version\"}}",
    ])
}

#[test]
fn each_generation_of_compose_keeps_the_stacks_that_it_made() {
    let first = Command::new("docker-compose").arg("version").output().is_ok_and(|o| o.status.success());
    let Some(second) = compose2().filter(|_| first) else {
        return skipped("there are not both generations of Compose");
    };
    let Some(stack) = Stack::new() else { return };
    let (shop, both) = (&stack.shop, [("DOCKER_CONFIG", second.as_str())]);
    let _ = shop.run(&["apply", "--yes"]).code(0);
    assert!(compose_of(&stack, "odoo").starts_with("1."), "{}", compose_of(&stack, "odoo"));

    // The second one is there, and leaves the stack to the first.
    let ids = stack.containers();
    let _ = shop.run_with(&["plan", "--detailed-exitcode"], &both).code(0);
    let _ = shop.run_with(&["scale", "--service", "odoo-cron", "--replicas", "2", "--yes"], &both).code(0);
    assert!(ids.iter().all(|id| stack.containers().contains(id)), "no container was made anew");
    assert!(compose_of(&stack, "odoo-cron").lines().all(|version| version.starts_with("1.")));

    // A stack of the second is refused by the first.
    let _ = shop.run_with(&["scale", "--service", "odoo-cron", "--reset", "--yes"], &both).code(0);
    let _ = shop.run_with(&["down", "--yes"], &both).code(0);
    let _ = shop.run_with(&["apply", "--yes"], &both).code(0);
    assert!(compose_of(&stack, "odoo").starts_with("2."), "{}", compose_of(&stack, "odoo"));
    let ids = stack.containers();
    assert!(docker(&["kill", &ids[0]]));
    let _ = shop.run(&["apply", "--yes"]).code(3).says("was made by Compose 2");
    assert_eq!(stack.containers().len(), ids.len());
    let _ = shop.run_with(&["apply", "--resume", "--yes"], &both).code(0);
    let _ = shop.run_with(&["down", "--yes"], &both).code(0);
    assert_eq!(stack.containers(), Vec::<String>::new());
}
