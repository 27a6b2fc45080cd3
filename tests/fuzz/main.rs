//! What is read from files, damaged in every way that chance finds: it may be refused, and never takes the program down.
//!
//! Each target runs for `ODPM_FUZZ_SECONDS` (one second unless given; `make fuzz` gives ten minutes) and prints the seed that
//! brings a failure back: `ODPM_FUZZ_SEED`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use odpm::base::Meter;
use odpm::rows::{Change, Dialect, Lines, join};
use odpm::{backup_file, odoo_conf, postgres, project, rows, snapshot_file, state, upgrade};

/// Numbers that a seed decides: xorshift, which is plenty for this.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Pieces that mean something somewhere.
const PIECES: [&[u8]; 24] = [
    b"\0",
    b"\xff\xfe",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"'",
    b"\\",
    b"\n",
    b"\r\n",
    b": ",
    b"- ",
    b"&a ",
    b"*a",
    b"${X:-",
    b"}",
    b"null",
    b"-1",
    b"99999999999999999999",
    b"1e999",
    b"\xe2\x80\xa8",
    b"PK\x03\x04",
    b"../../",
];

/// One of the seeds with some damage.
fn damaged(seeds: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = seeds[chance.below(seeds.len())].clone();
    for _ in 0..=chance.below(6) {
        let at = chance.below(bytes.len() + 1);
        match chance.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            1 if at < bytes.len() => bytes[at] = chance.next() as u8,
            2 => bytes.truncate(at),
            3 => {
                let end = (at + chance.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let end = (at + chance.below(60)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = chance.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            _ => {
                let piece = PIECES[chance.below(PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
    bytes
}

/// Runs a target over damaged seeds until its time is up.
fn fuzz(name: &str, seeds: &[Vec<u8>], target: impl Fn(&[u8])) {
    let given = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let time = Duration::from_secs(given("ODPM_FUZZ_SECONDS").unwrap_or(1));
    let begun = Instant::now();
    // A short run is the same each time; a long one is another each time.
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let clock = given("ODPM_FUZZ_SECONDS").map_or(0x5eed, |_| clock);
    let (mut seed, mut count) = (given("ODPM_FUZZ_SEED").unwrap_or(clock) | 1, 0_u64);
    while count == 0 || begun.elapsed() < time {
        let input = damaged(seeds, &mut Chance(seed));
        let run = catch_unwind(AssertUnwindSafe(|| target(&input)));
        assert!(run.is_ok(), "{name}: ODPM_FUZZ_SEED={seed} on {:?}", String::from_utf8_lossy(&input));
        seed = Chance(seed).next() | 1;
        count += 1;
    }
    println!("{name}: {count} inputs");
}

fn text_target(name: &str, seeds: &[&str], target: impl Fn(&str)) {
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect();
    fuzz(name, &seeds, |bytes| target(&String::from_utf8_lossy(bytes)));
}

const PROJECT: &str = include_str!("../../.odpm-example/odpm.yaml");

#[test]
fn odpm_yaml() {
    let environment: BTreeMap<String, String> = [("HOME".to_owned(), "/home/ada".to_owned())].into();
    let template = include_str!("../../templates/odpm.yaml").replace("# ", "");
    text_target("odpm.yaml", &[PROJECT, &template], |text| {
        let root = Path::new("/srv/shop");
        let file = root.join("odpm.yaml");
        let sources =
            project::Sources { root, file: &file, text, env: Some("A=b\n"), environment: &environment };
        if let Err(error) = project::read(&sources) {
            assert!(!error.report().what.is_empty());
        }
    });
}

#[test]
fn dot_env() {
    let seeds = [include_str!("../../templates/env.example"), "A=b\nexport C='d e'\nE=\"f\\n$A\" # g\n"];
    text_target(".env", &seeds, |text| drop(project::parse_env(text)));
}

#[test]
fn odoo_conf() {
    let seeds =
        [include_str!("../../templates/odoo.conf"), "[options]\na = b\n  c\n; d\nE: f\n[DEFAULT]\ng = h\n"];
    text_target("odoo.conf", &seeds, |text| {
        let edit = odpm::step::ConfEdit {
            option: "db_host".into(),
            value: odpm::step::ConfValue::Text("elsewhere".into()),
        };
        if odoo_conf::OdooConf::parse(text).is_ok()
            && let Ok(edited) =
                odoo_conf::apply_edits(Some(text), &[edit], &|_| panic!("no secret is asked for"))
        {
            let again = odoo_conf::OdooConf::parse(&edited).expect("an edited file is one still");
            assert_eq!(again.get("db_host"), Some("elsewhere"));
        }
    });
}

#[test]
fn last_run_json() {
    let folder = tempfile::tempdir().unwrap();
    let place = state::StateDir::of(folder.path());
    fs::create_dir_all(place.baseline().parent().unwrap()).unwrap();
    let seed = r#"{"schema_version": 1, "recorded_at": "2026-11-20T21:13:33+00:00", "odpm_scenario": "developer", "engine": "postgres",
        "compose": {"service_name": "db", "image_tag": "postgres:16", "data_path_abs": "/srv/data", "host_port": 5432},
        "odoo_conf": {"db_host": "db", "db_port": 5432, "db_user": "odoo"},
        "cluster": {"data_dir_nonempty": true, "app_role": "odoo", "pg_major": 16, "app_role_present": true}}"#;
    text_target("last_run.json", &[seed], |text| {
        fs::write(place.baseline(), text).unwrap();
        let _ = state::read_baseline(&place);
    });
}

#[test]
fn journals() {
    let folder = tempfile::tempdir().unwrap();
    let place = state::StateDir::of(folder.path());
    fs::create_dir_all(place.journal()).unwrap();
    let seed = include_str!("journal.jsonl");
    text_target("journal", &[seed], |text| {
        fs::write(place.journal().join("20261120T211333Z-01020304.jsonl"), text).unwrap();
        let _ = state::journals(&place);
        let _ = state::unfinished_journal(&place);
    });
}

const ROWS: &str = "{\"_model\": \"a\", \"id\": 1, \"x\": {\"en_US\": \"y\"}}\n{\"_model\": \"a\", \"id\": 2, \"x\": 1.5}\n{\"_model\": \"b\", \"id\": [1, 2], \"x\": null}\n";

#[test]
fn rows_of_snapshots() {
    text_target("rows", &[ROWS], |text| {
        let (mut left, mut right) =
            (Lines::new(text.as_bytes(), "left"), Lines::new(ROWS.as_bytes(), "right"));
        let _ = join(&mut left, &mut right, &Dialect::Json, &mut |difference| {
            if let Some(change) = Change::of(difference)? {
                let line = serde_json::to_string(&change.essential()).expect("a change is JSON");
                let _: Change = serde_json::from_str(&line).expect("and JSON a change");
            }
            Ok(())
        });
        let json = rows::canonical_json(text);
        assert_eq!(rows::canonical_json(&json), json, "what is canonical stays so");
    });
}

#[test]
fn manifests_of_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let seed = include_str!("snapshot.json");
    text_target("snapshot manifest", &[seed], |text| {
        fs::write(folder.path().join("t-x.json"), text).unwrap();
        fs::write(folder.path().join("t-x.jsonl"), ROWS).unwrap();
        for seen in snapshot_file::list(folder.path()).unwrap_or_default() {
            if let Ok(mut lines) = snapshot_file::open(&seen) {
                let mut right = Lines::new(ROWS.as_bytes(), "right");
                let _ = join(&mut lines, &mut right, &Dialect::Json, &mut |_| Ok(()));
            }
        }
    });
}

#[test]
fn zips_and_their_manifests() {
    let folder = tempfile::tempdir().unwrap();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let parts: [(&str, &str); 3] = [
        ("dump.sql", "CREATE TABLE a (b integer);\nCOPY a FROM stdin;\n1\n\\.\n"),
        (
            "manifest.json",
            "{\"odoo_dump\": \"1\", \"db_name\": \"shop\", \"version\": \"18.0\", \"version_info\": [18, 0, 0, \"final\", 0, \"\"], \"major_version\": \"18.0\", \"pg_version\": \"16.0\", \"modules\": {\"base\": \"18.0.1.3\"}}",
        ),
        ("filestore/aa/aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d", "hello"),
    ];
    for (name, content) in parts {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    let seed = zip.finish().unwrap().into_inner();
    let path = folder.path().join("a.zip");
    fuzz("zip", &[seed], |bytes| {
        fs::write(&path, bytes).unwrap();
        if let Some(source) = backup_file::look(&path).ok().and_then(|seen| seen.source) {
            let _ = backup_file::verify(&path, source, &Meter::default());
        }
    });
}

#[test]
fn sql_scripts() {
    let seed = "--\n\\restrict x\nCREATE FUNCTION f() RETURNS int AS $b$ SELECT 1; $b$ LANGUAGE sql;\nCOPY t (a) FROM stdin;\n1\t\\N\n\\.\nSELECT E'\\'', \"a;b\" /* /* ; */ */;\n";
    text_target("script", &[seed], |text| {
        let (mut script, mut pieces) = (postgres::script::Splitter::default(), Vec::new());
        let whole = text.as_bytes().chunks(7).try_for_each(|bytes| script.push(bytes, &mut pieces));
        if whole.is_ok() {
            let _ = script.end(&mut pieces);
        }
    });
    let seed = "BEGIN; -- x\nTRUNCATE ONLY s.a, \"B\" * CASCADE;\nDO $é$ BEGIN COMMIT; END $é$;\nUPDATE ü SET a = E'\\'' /* /* */ */, b = $$$$;\nCOMMIT";
    text_target("script of a person's own", &[seed, "CALL f(1);SET client_encoding = 'x'"], |text| {
        if let Ok(script) = odpm::observe::script("fix.sql", text) {
            assert!(
                script.statements.iter().all(|statement| text[statement.at..].starts_with(&statement.text))
            );
        }
    });
}

const SERVER_LOG: &str = "\
2026-01-09 08:00:00,001 41 INFO ? odoo: Odoo version 18.0
odoo-1  | 2026-01-09 08:00:01,001 41 INFO shop odoo.modules.loading: loading 9 modules...
2026-01-09 08:00:01,005 41 INFO shop odoo.modules.loading: Loading module rent (7/9)
2026-01-09 08:00:02,001 41 INFO shop odoo.modules.migration: module rent: Running migration [>18.0.1.1.0] pre-prices
2026-01-09 08:00:02,002 41 ERROR shop odoo.sql_db: bad query: b'UPDATE rent SET token = \\'a\\', b = $$c$$'
ERROR: column \"token\" does not exist
DETAIL:  Key (token)=(a) already exists.
Jan 09 08:00:03 host odoo[41]: 2026-01-09 08:00:03,002 41 ERROR shop odoo.modules.registry: Failed to load registry
2026-01-09 08:00:03,003 41 CRITICAL shop odoo.service.server: Failed to initialize database `shop`.
Traceback (most recent call last):
  File \"/srv/own/rent/migrations/18.0.1.1.0/pre-prices.py\", line 12, in migrate
    cr.execute(query)
ValueError: Element '<xpath expr=\"//field[@name='a']\">' cannot be located in parent view

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File \"/srv/odoo/tools/convert.py\", line 1, in _tag_root
odoo.tools.convert.ParseError: while parsing /srv/own/rent/views/a.xml:4, near
View error context:
{'file': '/a.xml', 'xmlid': 'v'}
{\"log\":\"2026-01-09 08:00:04,001 41 INFO shop odoo.service.server: Initiating shutdown\\n\",\"stream\":\"stderr\"}
\u{1b}[1;31mKilled\u{1b}[0m
";

#[test]
fn server_logs() {
    text_target("server logs", &[SERVER_LOG], |text| {
        let mut reading = upgrade::Reading::default();
        text.lines().for_each(|line| reading.see(line));
        let seen = reading.end();
        if let Some(failure) = seen.failure {
            assert!((1..=seen.lines).contains(&failure.line));
            assert!(failure.evidence.iter().all(|shown| (1..=seen.lines).contains(&shown.line)));
        }
    });
}

const MANIFEST: &str = "# -*- coding: utf-8 -*-\n{\n    'name': \"Rent\" u's \\N{BULLET} \\x41',\n    'version': '18.0.1.2.0',\n\
    'depends': ['base', 'sale',],  # both\n    'external_dependencies': {'python': ('a>=1',), 'bin': {'b'}},\n\
    'description': r\"\"\"\\n long\n\"\"\",\n    'sequence': -1_0.5e-3, 'auto_install': ['sale'], 'x': (1, [None, ...], b'\\xff', set()),\n}\n";

#[test]
fn manifests() {
    text_target("manifests", &[MANIFEST, "{}", "(('a' 'b'),)"], |text| {
        let lines = 1 + text.replace("\r\n", "\n").matches(['\n', '\r']).count();
        if let Err(error) = odpm::odoo::Literal::parse(text) {
            assert!((1..=lines).contains(&error.line), "{error}");
        }
        let series =
            ["16.0", "18.0", "19.0", "saas~18.1"].map(|series| odpm::odoo::Series::parse(series).unwrap());
        if let Ok(manifest) = odpm::odoo::Manifest::parse(text) {
            series.iter().for_each(|series| drop(manifest.adapted(series)));
        }
        // Whatever stands where a version should is one that can be compared.
        let order = odpm::odoo::VersionOrder::of(text);
        assert!(order <= odpm::odoo::VersionOrder::of(text));
    });
}
