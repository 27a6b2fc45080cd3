//! What pgBackRest says, read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::facts::{BaseBackup, FLOORS, InRepository, KeptSegment, Lsn, Segment};

/// The note on odpm's own base backups by which it knows one again.
pub const MARK: &str = "odpm-id";
/// The note that says how many bytes a segment of the log has.
pub const SEGMENT_BYTES: &str = "odpm-segment-bytes";
/// The note that says which version the server had.
pub const SERVER_VERSION: &str = "odpm-server-version";

/// What the repositories hold of the cluster, but for the log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Each repository that was looked at.
    pub repositories: Vec<Holding>,
    /// The base backups of the cluster in its present form, oldest first.
    pub bases: Vec<BaseBackup>,
}

/// A repository.
#[derive(Debug, PartialEq, Eq)]
pub struct Holding {
    /// Its number.
    pub number: usize,
    /// Whether the cluster is known to it.
    pub knows: bool,
    /// pgBackRest's name for the cluster's present form: `15-1`.
    pub form: Option<String>,
    /// The oldest segment of its log.
    pub oldest: Option<String>,
    /// What is wrong with it.
    pub trouble: Option<String>,
}

#[derive(Deserialize)]
struct Stanza {
    #[serde(default)]
    archive: Vec<Archive>,
    #[serde(default)]
    backup: Vec<Backup>,
    #[serde(default)]
    db: Vec<Db>,
    #[serde(default)]
    repo: Vec<Repo>,
}

#[derive(Deserialize)]
struct Archive {
    database: DbOf,
    id: String,
    min: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
struct DbOf {
    id: u32,
    #[serde(rename = "repo-key")]
    repo: usize,
}

#[derive(Deserialize)]
struct Db {
    #[serde(flatten)]
    of: DbOf,
    #[serde(rename = "system-id")]
    system_id: u64,
    version: String,
}

#[derive(Deserialize)]
struct Repo {
    key: usize,
    status: Status,
}

#[derive(Deserialize)]
struct Status {
    code: u32,
    message: String,
}

#[derive(Deserialize)]
struct Backup {
    annotation: Option<BTreeMap<String, String>>,
    archive: Span<Option<String>>,
    database: DbOf,
    #[serde(default)]
    error: bool,
    info: Size,
    label: String,
    lsn: Option<Span<String>>,
    prior: Option<String>,
    timestamp: Span<i64>,
    tablespace: Option<serde_json::Value>,
    link: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Span<T> {
    start: T,
    stop: T,
}

#[derive(Deserialize)]
struct Size {
    size: u64,
}

fn not_understood(e: &serde_json::Error) -> Error {
    let error = Error::environment("what pgBackRest says of its repositories is not understood");
    error.caused_by(e).hint("odpm knows pgBackRest 2.41 and later: pgbackrest version")
}

fn stanza(text: &str) -> Result<Option<Stanza>> {
    let all: Vec<Stanza> = serde_json::from_str(text).map_err(|e| not_understood(&e))?;
    Ok(all.into_iter().next())
}

/// Reads `info --output=json`.
pub fn holdings(text: &str) -> Result<Holdings> {
    let Some(stanza) = stanza(text)? else { return Ok(Holdings::default()) };
    let holding = |repo: &Repo| {
        let present = present(&stanza, repo.key);
        let log = stanza.archive.iter().find(|log| present.is_some_and(|db| log.database == db.of));
        // 1 and 3: it does not know the cluster; 2: it has no base backup of it.
        let trouble = match repo.status.code {
            0..=3 => damaged(&stanza, repo.key),
            _ => Some(repo.status.message.clone()),
        };
        Holding {
            number: repo.key,
            knows: !matches!(repo.status.code, 1 | 3),
            form: log.map(|log| log.id.clone()),
            oldest: log.and_then(|log| log.min.clone()),
            trouble,
        }
    };
    let base = |backup: &Backup| {
        let db = present(&stanza, backup.database.repo).filter(|db| db.of == backup.database)?;
        base(backup, db)
    };
    let mut bases: Vec<BaseBackup> = stanza.backup.iter().filter_map(base).collect();
    bases.sort_by_key(|base| base.stopped_at);
    Ok(Holdings { repositories: stanza.repo.iter().map(holding).collect(), bases })
}

/// The cluster's present form in a repository: a major upgrade begins a new one.
fn present(stanza: &Stanza, repo: usize) -> Option<&Db> {
    stanza.db.iter().filter(|db| db.of.repo == repo).max_by_key(|db| db.of.id)
}

fn damaged(stanza: &Stanza, repo: usize) -> Option<String> {
    let found = stanza.backup.iter().filter(|backup| backup.database.repo == repo && backup.error);
    let names: Vec<&str> = found.map(|backup| backup.label.as_str()).collect();
    (!names.is_empty())
        .then(|| format!("pages of the cluster had wrong checksums when {} was taken", names.join(", ")))
}

fn base(backup: &Backup, db: &Db) -> Option<BaseBackup> {
    let none = BTreeMap::new();
    let notes = backup.annotation.as_ref().unwrap_or(&none);
    let segment_bytes = notes.get(SEGMENT_BYTES).and_then(|text| text.parse().ok()).unwrap_or(16 << 20);
    let first = Segment::parse(backup.archive.start.as_deref()?, segment_bytes)?;
    let lsn = backup.lsn.as_ref()?;
    let at = |second| Timestamp::from_second(second).ok();
    Some(BaseBackup {
        format_version: 1,
        id: backup.label.clone(),
        started_at: at(backup.timestamp.start)?,
        // It tells whole seconds, and the rest of this one may be before its end.
        stopped_at: at(backup.timestamp.stop + 1)?,
        timeline: first.timeline,
        start: Lsn::parse(&lsn.start)?,
        stop: Lsn::parse(&lsn.stop)?,
        segment_bytes,
        system_identifier: db.system_id,
        server_version: notes.get(SERVER_VERSION).unwrap_or(&db.version).clone(),
        bytes: backup.info.size,
        floors: FLOORS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), notes.get(&format!("odpm-{name}"))?.clone())))
            .collect(),
        kept: Some(InRepository {
            repository: backup.database.repo,
            prior: backup.prior.clone(),
            mark: notes.get(MARK).cloned(),
        }),
    })
}

/// Reads `info --output=json --set=...`: whether anything lies outside the data directory.
pub fn reaches_out(text: &str) -> Result<bool> {
    let some = |value: &Option<serde_json::Value>| {
        value.as_ref().and_then(serde_json::Value::as_array).is_some_and(|list| !list.is_empty())
    };
    let found = stanza(text)?.is_some_and(|stanza| {
        stanza.backup.iter().any(|backup| some(&backup.tablespace) || some(&backup.link))
    });
    Ok(found)
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    size: u64,
    #[serde(default)]
    time: i64,
}

/// Reads `repo-ls --recurse --output=json` of a cluster's log: `0000000100000000/000000010000000000000003-DIGEST.gz`.
pub fn segments(text: &str, segment_bytes: u64) -> Result<Vec<KeptSegment>> {
    let all: BTreeMap<String, Entry> = serde_json::from_str(text).map_err(|e| not_understood(&e))?;
    let kept = |(path, entry): (&String, &Entry)| {
        let (name, rest) = path.rsplit('/').next()?.split_at_checked(24)?;
        // The server's notes on backups, and segments that were never finished, are none.
        let segment = Segment::parse(name, segment_bytes).filter(|_| rest.starts_with('-'))?;
        Some(KeptSegment { segment, bytes: entry.size, at: Timestamp::from_second(entry.time).ok()? })
    };
    let mut found: Vec<KeptSegment> = all.iter().filter_map(kept).collect();
    found.sort_by_key(|kept| kept.segment);
    Ok(found)
}

/// What a proof of a repository has found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// The base backups that are whole.
    pub bases: Vec<String>,
    /// How many segments are.
    pub segments: u64,
    /// What is wrong, in sentences.
    pub wrong: Vec<String>,
}

/// Reads what `verify --output=text --verbose` says, with its log before it. Its exit code says nothing of damage.
pub fn verified(text: &str) -> Verified {
    let mut found = Verified::default();
    // Those who read, `P01` and so on, name what is not as it should be; `P00` sums up.
    let named = text.lines().filter(|line| line.starts_with('P') && !line.starts_with("P00"));
    let named = named.filter_map(|line| Some(line.split_once("INFO: ")?.1));
    let bad = |told: &&str| ["invalid ", "file missing "].iter().any(|word| told.starts_with(word));
    found.wrong = named.filter(bad).map(str::to_owned).collect();
    // The log repeats the report, indented.
    let report = text.lines().skip_while(|line| !line.starts_with("stanza: "));
    let mut good = false;
    for line in report {
        let fields: BTreeMap<&str, &str> =
            line.trim().split(", ").filter_map(|field| field.split_once(": ")).collect();
        let number = |name: &str| fields.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        if let Some(label) = fields.get("backup") {
            let status = fields.get("status").copied().unwrap_or_default();
            let bad = number("total files checked").saturating_sub(number("total valid files"));
            match status {
                "valid" => found.bases.push((*label).to_owned()),
                _ => found
                    .wrong
                    .push(format!("base backup {label}: {status}, files of it that are not whole: {bad}")),
            }
        } else if fields.contains_key("archiveId") {
            let (checked, valid) = (number("total WAL checked"), number("total valid WAL"));
            found.segments += valid;
            if valid < checked {
                found.wrong.push(format!("segments of the log that are not whole: {}", checked - valid));
            }
        } else if let Some(status) = fields.get("status") {
            good = *status == "ok";
        }
    }
    if !good && found.wrong.is_empty() {
        found.wrong.push("pgBackRest does not call the repository good".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = include_str!("../../../tests/it/pgbackrest-info.json");

    #[test]
    fn what_repositories_hold_is_read() {
        let found = holdings(INFO).unwrap();
        let told: Vec<_> = found
            .repositories
            .iter()
            .map(|held| (held.number, held.knows, held.form.as_deref(), held.oldest.as_deref()))
            .collect();
        let first = (1, true, Some("15-1"), Some("000000010000000000000001"));
        assert_eq!(told, [first, (2, false, None, None)]);
        let [full, incr] = &found.bases[..] else { panic!("{:?}", found.bases) };
        assert_eq!((full.id.as_str(), full.first().number, full.bytes), ("20261121-165629F", 2, 22_992_370));
        assert_eq!(full.floors["max_connections"], "100");
        assert_eq!(full.stopped_at.as_second(), 1_795_280_196, "the end of its last second");
        let kept = incr.kept.as_ref().unwrap();
        assert_eq!((kept.repository, kept.prior.as_deref()), (1, Some("20261121-165629F")));
        assert_eq!(holdings("[]").unwrap(), Holdings::default());
        assert!(holdings("ERROR").is_err());
        assert!(!reaches_out(INFO).unwrap());
        let outside = INFO.replacen("\"prior\":null", "\"prior\":null,\"tablespace\":[{\"oid\":1}]", 1);
        assert!(reaches_out(&outside).unwrap());
    }

    #[test]
    fn the_log_is_listed_by_its_segments() {
        let text = "{\".\":{\"type\":\"path\"},\
             \"0000000100000000/000000010000000000000004-93f0.gz\":{\"type\":\"file\",\"size\":7,\"time\":9},\
             \"0000000100000000/000000010000000000000003-a502.zst\":{\"type\":\"file\",\"size\":8,\"time\":8},\
             \"0000000100000000/000000010000000000000002.00000028.backup\":{\"type\":\"file\",\"size\":371,\"time\":1},\
             \"0000000100000000/000000010000000000000005.partial-00.gz\":{\"type\":\"file\",\"size\":371,\"time\":1}}";
        let found = segments(text, 16 << 20).unwrap();
        assert_eq!(
            found.iter().map(|kept| (kept.segment.number, kept.bytes)).collect::<Vec<_>>(),
            [(3, 8), (4, 7)]
        );
    }

    #[test]
    fn damage_is_read_off_a_proof() {
        let good = "P00   INFO: stanza: shop\n  status: ok\n    backup: A, status: valid\nstanza: shop\nstatus: ok\n  \
             archiveId: 15-1, total WAL checked: 4, total valid WAL: 4\n    missing: 0, checksum invalid: 0\n  \
             backup: A, status: valid, total files checked: 964, total valid files: 964\n";
        let want = Verified { bases: vec!["A".into()], segments: 4, wrong: Vec::new() };
        assert_eq!(verified(good), want);
        let bad = "P01   INFO: invalid result 15-1/00/0003-a5.gz: [29] unexpected eof\n\
             P02   INFO: invalid checksum 'A/pg_data/base/1/1259.gz'\nstanza: shop\nstatus: error\n  \
             archiveId: 15-1, total WAL checked: 4, total valid WAL: 3\n    other: 1\n  \
             backup: A, status: invalid, total files checked: 964, total valid files: 963\n    checksum invalid: 1\n";
        let found = verified(bad);
        assert_eq!((found.bases.len(), found.segments), (0, 3));
        let wrong = found.wrong.join("\n");
        assert!(wrong.contains("0003-a5.gz: [29] unexpected eof"), "{wrong}");
        assert!(wrong.contains("invalid checksum 'A/pg_data/base/1/1259.gz'"), "{wrong}");
        assert!(wrong.contains("not whole: 1") && wrong.contains("A: invalid, files"), "{wrong}");
        assert_eq!(verified("").wrong.len(), 1, "silence is no proof");
    }
}
