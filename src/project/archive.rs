//! `archive`: what it takes to go back to a moment: PostgreSQL's log, kept, and base backups of the whole cluster.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::build::{Paths, given};
use super::file::Word;
use super::rules::Rules;
use super::watchdog::seconds;
use crate::base::Secret;

/// How the log is kept, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MethodWord {
    /// In a folder of this machine, with base backups by pg_basebackup.
    Basebackup,
    /// In repositories of pgBackRest, for the local engine: several, S3-compatible storage, parallel, incremental.
    Pgbackrest,
}

/// The log of PostgreSQL, kept, and base backups: recovery to a moment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArchiveFile {
    /// How it is kept.
    pub method: MethodWord,
    /// Its folder, for `basebackup`; ./archive unless given.
    pub path: Option<String>,
    /// How many base backups `archive expire` keeps, with the log since the oldest of them; of pgBackRest's, full ones.
    /// 2 unless given.
    #[schemars(range(min = 1))]
    pub keep: Option<u32>,
    /// How soon after a change its log is archived at the latest: 90s, 5m. 1m unless given.
    pub switch: Option<Word>,
    /// The name of the cluster in pgBackRest's repositories; the project's unless given.
    pub stanza: Option<String>,
    /// The repositories of pgBackRest, each with everything; one in ./archive unless given.
    pub repositories: Option<Vec<RepositoryFile>>,
    /// With how many processes pgBackRest presses and copies; 1 unless given.
    #[schemars(range(min = 1, max = 999))]
    pub process_max: Option<u16>,
}

/// A repository of pgBackRest: a folder, or a bucket.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepositoryFile {
    /// Its folder on this machine.
    pub path: Option<String>,
    /// Its place in S3-compatible storage.
    pub s3: Option<S3File>,
}

/// A place in S3-compatible storage.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct S3File {
    /// The bucket.
    pub bucket: String,
    /// The host: s3.eu-central-1.amazonaws.com.
    pub endpoint: String,
    /// The region.
    pub region: String,
    /// The access key, best as ${VARIABLE}.
    pub key: Word,
    /// Its secret, best as ${VARIABLE}.
    pub secret: Word,
    /// The folder in the bucket; /NAME of the project unless given.
    pub path: Option<String>,
    /// Whether the bucket is named in the host or in the path; `host` unless given.
    pub uri_style: Option<UriStyle>,
}

/// Where a bucket is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UriStyle {
    /// In the host.
    Host,
    /// In the path, as storage of one's own mostly wants it.
    Path,
}

/// `archive`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// How it is kept.
    pub method: ArchiveMethod,
    /// How many base backups are kept.
    pub keep: usize,
    /// PostgreSQL's `archive_timeout`, in seconds.
    pub switch: u64,
}

/// How the log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchiveMethod {
    /// In a folder, by odpm's own script.
    Basebackup(ArchiveFolder),
    /// In repositories, by pgBackRest.
    Pgbackrest(Repositories),
}

/// A folder with the log and base backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveFolder {
    /// Where.
    pub path: PathBuf,
}

impl ArchiveFolder {
    /// The folder of the log's segments: the server's own.
    pub fn wal(&self) -> PathBuf {
        self.path.join("wal")
    }

    /// The folder of base backups.
    pub fn base(&self) -> PathBuf {
        self.path.join("base")
    }
}

/// pgBackRest's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repositories {
    /// The name of the cluster in them.
    pub stanza: String,
    /// Each with everything. pgBackRest counts them from 1.
    pub all: Vec<Repository>,
    /// With how many processes it works.
    pub process_max: u16,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repository {
    /// A folder of this machine.
    Folder(PathBuf),
    /// S3-compatible storage.
    S3(S3),
}

/// A place in S3-compatible storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3 {
    /// The bucket.
    pub bucket: String,
    /// The host.
    pub endpoint: String,
    /// The region.
    pub region: String,
    /// The access key.
    pub key: Secret,
    /// Its secret.
    pub secret: Secret,
    /// The folder in the bucket.
    pub path: String,
    /// Where the bucket is named.
    pub uri_style: UriStyle,
}

impl Repository {
    /// Its place in a few words.
    pub fn told(&self) -> String {
        match self {
            Self::Folder(path) => path.display().to_string(),
            Self::S3(s3) => format!("s3://{}{} at {}", s3.bucket, s3.path, s3.endpoint),
        }
    }
}

impl Repositories {
    /// Those that are folders.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.all.iter().filter_map(|repository| match repository {
            Repository::Folder(path) => Some(path.as_path()),
            Repository::S3(_) => None,
        })
    }

    /// Where one that is a folder keeps what it has of the cluster's log.
    pub fn place_in(&self, folder: &Path) -> PathBuf {
        folder.join("archive").join(&self.stanza)
    }

    /// What is secret of them, by pgBackRest's names for it.
    pub fn keys(&self) -> Vec<(String, Secret)> {
        let of = |(at, repository): (usize, &Repository)| match repository {
            Repository::Folder(_) => Vec::new(),
            Repository::S3(s3) => vec![
                (format!("repo{}-s3-key", at + 1), s3.key.clone()),
                (format!("repo{}-s3-key-secret", at + 1), s3.secret.clone()),
            ],
        };
        self.all.iter().enumerate().flat_map(of).collect()
    }
}

impl Archive {
    /// The folder, where it is one of odpm's own making.
    pub fn folder(&self) -> Option<&ArchiveFolder> {
        match &self.method {
            ArchiveMethod::Basebackup(folder) => Some(folder),
            ArchiveMethod::Pgbackrest(_) => None,
        }
    }

    /// pgBackRest's repositories, where it keeps the log.
    pub fn repositories(&self) -> Option<&Repositories> {
        match &self.method {
            ArchiveMethod::Basebackup(_) => None,
            ArchiveMethod::Pgbackrest(repositories) => Some(repositories),
        }
    }

    /// The folders of this machine that the server writes into.
    pub fn places(&self) -> Vec<PathBuf> {
        match &self.method {
            ArchiveMethod::Basebackup(folder) => vec![folder.wal()],
            ArchiveMethod::Pgbackrest(repositories) => repositories.folders().map(Path::to_owned).collect(),
        }
    }

    /// Where it is, in a few words.
    pub fn told(&self) -> String {
        match &self.method {
            ArchiveMethod::Basebackup(folder) => folder.path.display().to_string(),
            ArchiveMethod::Pgbackrest(repositories) => {
                repositories.all.iter().map(Repository::told).collect::<Vec<_>>().join(" and ")
            }
        }
    }

    /// The part of the server's `archive_command` by which it is known as this one.
    pub fn sign(&self) -> String {
        match &self.method {
            ArchiveMethod::Basebackup(_) => "archive.sh".to_owned(),
            ArchiveMethod::Pgbackrest(repositories) => {
                format!("--stanza={} archive-push", repositories.stanza)
            }
        }
    }
}

/// The part of the project; what is wrong goes into `rules`.
pub(super) fn build(file: ArchiveFile, project: &str, paths: &Paths<'_>, rules: &mut Rules<'_>) -> Archive {
    rules.archive_fields(&file);
    let switch = file.switch.map_or(Some(60), |word| seconds(&word.0));
    if switch.is_none() {
        rules.no_duration(&["archive", "switch"]);
    }
    let method = match file.method {
        MethodWord::Basebackup => ArchiveMethod::Basebackup(ArchiveFolder {
            path: paths.absolute(given(file.path).as_deref().unwrap_or("./archive")),
        }),
        MethodWord::Pgbackrest => {
            let usual = || vec![RepositoryFile { path: Some("./archive".to_owned()), s3: None }];
            let all = file.repositories.unwrap_or_else(usual).into_iter();
            ArchiveMethod::Pgbackrest(Repositories {
                stanza: given(file.stanza).unwrap_or_else(|| project.to_owned()),
                all: all.map(|file| repository(file, project, paths)).collect(),
                process_max: file.process_max.unwrap_or(1),
            })
        }
    };
    Archive { method, keep: file.keep.map_or(2, |keep| keep as usize), switch: switch.unwrap_or(60) }
}

fn repository(file: RepositoryFile, project: &str, paths: &Paths<'_>) -> Repository {
    let Some(s3) = file.s3 else {
        return Repository::Folder(paths.absolute(file.path.as_deref().unwrap_or("./archive")));
    };
    Repository::S3(S3 {
        bucket: s3.bucket,
        endpoint: s3.endpoint,
        region: s3.region,
        key: Secret::new(s3.key.0),
        secret: Secret::new(s3.secret.0),
        path: given(s3.path).unwrap_or_else(|| format!("/{project}")),
        uri_style: s3.uri_style.unwrap_or(UriStyle::Host),
    })
}
