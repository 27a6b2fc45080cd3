//! A project of the docker engine on a real engine, with images made from this machine's own programs.

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::sandbox::{Sandbox, free_port, is_root, major, skipped};

/// Whether there is an engine with the images; made once.
pub fn engine() -> Option<&'static str> {
    static ANSWER: OnceLock<Option<String>> = OnceLock::new();
    let answer = ANSWER.get_or_init(|| {
        let version = Command::new("docker").args(["version", "-f", "{{.Server.Version}}"]).output().ok()?;
        if !version.status.success() || !is_root() {
            return None;
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/images/build.sh");
        let built =
            Command::new(script).arg(major().to_string()).stdout(Stdio::null()).output().expect("bash");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        reachable().then(|| format!("odpm-test/postgres:{}", major()))
    });
    answer.as_deref()
}

/// Whether the engine is of this machine: it sees these folders, and its published ports lead here.
fn reachable() -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("here"), "").expect("a file");
    let (bind, port) = (format!("{}:/look", folder.path().display()), free_port());
    let (name, publish) = (format!("odpm-test-look-{port}"), format!("127.0.0.1:{port}:8069"));
    let serve = "test -e /look/here && exec python3 -m http.server 8069";
    let args =
        ["run", "-d", "--name", &name, "-v", &bind, "-p", &publish, "--user", "root", "--entrypoint", "sh"];
    docker(&[&args[..], &["odpm-test/odoo:1", "-c", serve]].concat());
    let answers = |_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return false };
        let mut answer = [0; 4];
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").is_ok() && stream.read_exact(&mut answer).is_ok()
    };
    let reachable = (0..100).any(answers);
    docker(&["rm", "-f", "-v", &name]);
    reachable
}

/// A project of the docker engine; its containers go with it.
pub struct Stack {
    pub shop: Sandbox,
    pub name: String,
}

impl Stack {
    pub fn new() -> Option<Self> {
        let image = engine();
        if image.is_none() {
            skipped("no Docker engine of this machine answers, or this is not root");
        }
        let shop = Sandbox::new();
        let name = format!("odpmtest{}", shop.port);
        let stack = Self { shop, name };
        stack.describe(image?, "");
        Some(stack)
    }

    pub fn describe(&self, image: &str, conf: &str) {
        let (name, port, major) = (&self.name, self.shop.port, major());
        let http = fs::read_to_string(self.shop.path("http-port")).unwrap_or_else(|_| {
            let http = free_port().to_string();
            self.shop.write("http-port", &http);
            http
        });
        self.shop.write(
            "odpm.yaml",
            &format!(
                "version: 1\nname: {name}\nengine: docker\nodoo:\n  version: \"18.0\"\n  image: odpm-test/odoo:1\n  \
                 services: {{odoo: {{port: {http}}}}}\n  conf: {{list_db: 'False'{conf}}}\n\
                 postgres: {{version: \"{major}\", memory: 512m, image: \"{image}\", port: {port}}}\n"
            ),
        );
    }

    pub fn containers(&self) -> Vec<String> {
        let filter = format!("label=com.docker.compose.project={}", self.name);
        let output =
            Command::new("docker").args(["ps", "-aq", "--filter", &filter]).output().expect("docker");
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        for id in self.containers() {
            docker(&["rm", "-f", "-v", &id]);
        }
        docker(&["network", "rm", &format!("{}_odpm", self.name)]);
    }
}

/// Runs docker and tells whether it succeeded.
pub fn docker(args: &[&str]) -> bool {
    let output = Command::new("docker").args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    output.is_ok_and(|status| status.success())
}

/// What docker says to a question.
pub fn asked(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().expect("docker");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The text of every journal of the project.
pub fn journal(shop: &Sandbox) -> String {
    let listing = fs::read_dir(shop.path(".odpm/journal")).into_iter().flatten().flatten();
    listing.filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect()
}

/// Waits until something is so; two minutes at most.
#[track_caller]
pub fn wait_for(mut so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !so() {
        assert!(begin.elapsed() < Duration::from_secs(120), "it never came to be");
        std::thread::sleep(Duration::from_millis(5));
    }
}
