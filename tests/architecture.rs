//! The laws of the house, as far as a test can keep them: reads imports, line counts and headers.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, from the bottom of the house to the top. A room imports only those before it.
const ROOMS: [&str; 36] = [
    "error",
    "base",
    "rows",
    "project",
    "odoo_conf",
    "odoo",
    "postgresql_conf",
    "compose",
    "facts",
    "step",
    "drift",
    "inherit",
    "plan",
    "grounds",
    "stack",
    "backup",
    "watchdog",
    "archive",
    "incident",
    "script",
    "upgrade",
    "migrate",
    "schemas",
    "process",
    "state",
    "postgres",
    "backup_file",
    "archive_file",
    "snapshot_file",
    "engine",
    "watch",
    "world",
    "observe",
    "apply",
    "report",
    "cli",
];

/// Those that decide: pure, synchronous, without a clock.
const PURE: std::ops::RangeInclusive<usize> = 0..=21;

/// The planners among them; none knows another.
const PLANNERS: [&str; 8] =
    ["stack", "backup", "watchdog", "archive", "incident", "script", "upgrade", "migrate"];

/// What a pure room never says.
const EFFECTS: [&str; 9] = [
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "tokio",
    "Timestamp::now",
    "SystemTime",
    "Instant::now",
    "async fn",
];

struct File {
    path: PathBuf,
    room: String,
    text: String,
}

impl File {
    fn is_test(&self) -> bool {
        let name = self.path.file_name().unwrap().to_string_lossy();
        name.contains("tests")
            || name == "samples.rs"
            || self.path.components().any(|part| part.as_os_str() == "fake")
    }

    /// The text without the tests at its end.
    fn code(&self) -> &str {
        if self.is_test() {
            ""
        } else {
            self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
        }
    }
}

fn sources() -> Vec<File> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inside = path.strip_prefix(&src).unwrap();
            let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
            let room = first.trim_end_matches(".rs").to_owned();
            found.push(File { text: fs::read_to_string(&path).unwrap(), path, room });
        }
    }
    found.retain(|file| !["lib", "main"].contains(&file.room.as_str()));
    assert!(found.len() > 60, "the sources were found");
    found
}

/// The rooms that a text names: `crate::plan`, `crate::{..}` is not used.
fn imports(text: &str) -> Vec<String> {
    let word =
        |text: &str| text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let code =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    assert!(!code.contains("crate::{"), "one line for each room");
    code.split("crate::").skip(1).map(word).collect()
}

#[test]
fn every_room_has_its_floor_and_imports_only_below_it() {
    let floor: BTreeMap<&str, usize> = ROOMS.iter().enumerate().map(|(n, room)| (*room, n)).collect();
    for file in sources() {
        let own =
            *floor.get(file.room.as_str()).unwrap_or_else(|| panic!("{} is no room of the house", file.room));
        for import in imports(&file.text).iter().filter(|import| **import != file.room) {
            let Some(other) = floor.get(import.as_str()) else { continue };
            assert!(*other < own, "{}: {} is above {}", file.path.display(), import, file.room);
        }
    }
}

#[test]
fn planners_do_not_know_each_other() {
    for file in sources().iter().filter(|file| PLANNERS.contains(&file.room.as_str())) {
        for import in imports(&file.text) {
            let another = PLANNERS.contains(&import.as_str()) && import != file.room;
            assert!(!another, "{} imports {import}", file.path.display());
        }
    }
}

#[test]
fn decisions_have_no_effects() {
    for file in sources() {
        let Some(at) = ROOMS.iter().position(|room| *room == file.room) else { continue };
        if !PURE.contains(&at) {
            continue;
        }
        for word in EFFECTS {
            assert!(!file.code().contains(word), "{} says {word}", file.path.display());
        }
    }
}

#[test]
fn the_interpreter_knows_no_project_and_no_flags() {
    for file in sources().iter().filter(|file| file.room == "apply") {
        let above = ["project", "cli", "stack", "observe", "drift"];
        for import in imports(file.code()) {
            assert!(!above.contains(&import.as_str()), "{} imports {import}", file.path.display());
        }
    }
}

#[test]
fn only_the_front_door_prints_and_asks() {
    for file in sources().iter().filter(|file| file.room != "report") {
        for word in ["dialoguer", "console::", "io::stdout", "io::stderr()"] {
            assert!(!file.code().contains(word), "{} says {word}", file.path.display());
        }
    }
}

/// Waiting has a deadline and lets signals through.
#[test]
fn nobody_sleeps_through_a_signal() {
    for file in sources() {
        assert!(!file.code().contains("thread::sleep"), "{} blocks the only thread", file.path.display());
    }
}

#[test]
fn no_file_is_a_pile() {
    for file in sources() {
        let lines = file.text.lines().count();
        let limit = match file.room.as_str() {
            "cli" => 150,
            _ => 500,
        };
        assert!(lines <= limit, "{} has {lines} lines, {limit} are the limit", file.path.display());
    }
}

#[test]
fn every_room_says_what_it_knows() {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for room in ROOMS {
        assert!(map.contains(&format!("//! - [`{room}`]: ")), "{room} is missing on the map in lib.rs");
    }
    for file in sources() {
        let room = file.path.file_name().unwrap() == "mod.rs" || file.path.parent().unwrap().ends_with("src");
        if room {
            assert!(file.text.starts_with("//! "), "{} has no header", file.path.display());
        }
    }
}

/// No wildcard arm where steps or kinds of drift are told apart: a new one has to be answered everywhere.
#[test]
fn closed_sets_stay_closed() {
    for (name, start) in [("src/step/mod.rs", "match self {"), ("src/apply/steps/mod.rs", "match step {")] {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
        assert!(text.contains(start));
        assert!(!text.contains("_ =>"), "{name} has a wildcard arm");
    }
}

/// The project speaks of itself alone.
#[test]
fn nothing_names_a_machine_or_a_registry() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["README.md", "ARCHITECTURE.md", "Makefile", ".ci/run", "Cargo.toml"] {
        let text = fs::read_to_string(root.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        for word in ["/work/", "/root/", "ghcr.io", "index.crates"] {
            assert!(!text.contains(word), "{name} says {word}");
        }
    }
}
