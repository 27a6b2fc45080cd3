//! The archive: base backups of the cluster, and the segments of its log that are kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Known;
use super::wal::{Lsn, Segment};

/// Settings that a recovery refuses to run below the primary's.
pub const FLOORS: [&str; 5] = [
    "max_connections",
    "max_worker_processes",
    "max_wal_senders",
    "max_prepared_transactions",
    "max_locks_per_transaction",
];

/// What is recorded of a base backup, as `ID.json` beside its folder; without it there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseBackup {
    /// The version of this form: 1.
    pub format_version: u32,
    /// Its name: the moment at which it was begun.
    pub id: String,
    /// When it was begun, by the server's clock.
    pub started_at: Timestamp,
    /// When it was whole, by the server's clock: no earlier moment can be recovered from it.
    pub stopped_at: Timestamp,
    /// The timeline of the cluster then.
    pub timeline: u32,
    /// Where its log begins.
    pub start: Lsn,
    /// Where it is whole.
    pub stop: Lsn,
    /// How many bytes a segment of the log has.
    pub segment_bytes: u64,
    /// PostgreSQL's name for the cluster.
    pub system_identifier: u64,
    /// The server's version: `15.18`.
    pub server_version: String,
    /// Its size.
    pub bytes: u64,
    /// [`FLOORS`], as they were.
    pub floors: BTreeMap<String, String>,
    /// Where pgBackRest keeps it; `None` for one of odpm's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<InRepository>,
}

/// A base backup's place with pgBackRest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InRepository {
    /// The number of its repository.
    pub repository: usize,
    /// The one that it is made on; `None` for a full one.
    pub prior: Option<String>,
    /// By what odpm knows it as its own.
    pub mark: Option<String>,
}

/// A repository of pgBackRest as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositorySeen {
    /// Its number.
    pub number: usize,
    /// Its place in a few words.
    pub place: String,
    /// Whether the cluster is known to it.
    pub knows: bool,
    /// The oldest segment of its log.
    pub oldest: Option<String>,
    /// What is wrong with it.
    pub trouble: Option<String>,
}

impl BaseBackup {
    /// The first segment that a recovery from it reads.
    pub fn first(&self) -> Segment {
        Segment::at(self.timeline, self.start, self.segment_bytes)
    }
}

/// How many bytes a segment has, by the newest base backup; without any it is what nearly every cluster has.
pub fn segment_bytes(bases: &[BaseBackup]) -> u64 {
    bases.last().map_or(16 << 20, |base| base.segment_bytes)
}

/// A segment that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptSegment {
    /// Which.
    pub segment: Segment,
    /// Its size as it is kept.
    pub bytes: u64,
    /// When it was written.
    pub at: Timestamp,
}

/// What the server says of its archiving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archiver {
    /// The server's clock.
    pub now: Timestamp,
    /// Whether it archives, as odpm.yaml describes it.
    pub on: bool,
    /// The last segment that was archived, and when.
    pub last: Option<(String, Timestamp)>,
    /// The last one that could not be, and when.
    pub failed: Option<(String, Timestamp)>,
    /// How many finished segments wait, where the role may ask.
    pub waiting: Option<u64>,
    /// PostgreSQL's name for the cluster.
    pub system_identifier: u64,
    /// The timeline that it writes.
    pub timeline: u32,
    /// The size of its databases.
    pub bytes: u64,
    /// How many bytes a segment of its log has.
    pub segment_bytes: u64,
    /// [`FLOORS`].
    pub floors: BTreeMap<String, String>,
}

impl Archiver {
    /// Whether the last attempt failed.
    pub fn fails(&self) -> bool {
        let last = self.last.as_ref().map(|(_, at)| *at);
        self.failed.as_ref().is_some_and(|(_, at)| last.is_none_or(|last| *at > last))
    }
}

/// The archive as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveSeen {
    /// The base backups, oldest first.
    pub bases: Vec<BaseBackup>,
    /// The segments, in their order.
    pub segments: Vec<KeptSegment>,
    /// What interrupted work has left in the folder of base backups.
    pub litter: Vec<std::path::PathBuf>,
    /// What the server says.
    pub archiver: Known<Archiver>,
    /// Free bytes where the archive is or will be.
    pub free_bytes: Known<u64>,
    /// The repositories, where pgBackRest keeps it.
    pub repositories: Vec<RepositorySeen>,
}

/// What can be recovered from one base backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The end of the log that is kept without a gap since it was begun: when its last segment was archived.
    pub until: Option<Timestamp>,
    /// The first segment that is missing though later ones are there.
    pub gap: Option<Segment>,
    /// The last segment before that.
    pub last: Option<Segment>,
}

impl ArchiveSeen {
    /// The timeline that is written now: as the server says, else the newest that there is.
    pub fn timeline(&self) -> Option<u32> {
        let newest = self.segments.iter().map(|kept| kept.segment.timeline).max();
        self.archiver.get().map(|archiver| archiver.timeline).or(newest)
    }

    /// How far a base backup reaches, on its own timeline: where the cluster was promoted or rewound, the log forks, and
    /// beyond that another base backup is needed.
    pub fn reach(&self, base: &BaseBackup) -> Reach {
        let first = base.first();
        let own = self.segments.iter().filter(|kept| kept.segment.timeline == first.timeline);
        let kept: BTreeMap<u64, &KeptSegment> = own.map(|kept| (kept.segment.number, kept)).collect();
        let mut reach = Reach { until: None, gap: None, last: None };
        let mut number = first.number;
        while let Some(segment) = kept.get(&number) {
            reach.until = reach.until.max(Some(segment.at));
            reach.last = Some(segment.segment);
            number += 1;
        }
        if kept.range(number..).next().is_some() {
            reach.gap = Some(Segment { number, ..first });
        }
        reach
    }

    /// Whether a moment after a base backup lies on its timeline: that is written still, or was at that moment.
    pub fn on_its_timeline(&self, base: &BaseBackup, moment: Timestamp) -> bool {
        let goes_on = self.timeline().is_none_or(|now| now == base.timeline);
        let own = self.segments.iter().filter(|kept| kept.segment.timeline == base.timeline);
        goes_on || own.map(|kept| kept.at).max().is_some_and(|last| moment <= last)
    }

    /// The base backup from which a moment is recovered: the newest that was whole by then and on whose timeline it lies. Of those that
    /// one run took into several repositories it is the first one's, which is the nearest.
    pub fn base_for(&self, moment: Timestamp) -> Option<&BaseBackup> {
        let by_then = || self.bases.iter().rev().filter(|base| base.stopped_at <= moment);
        let newest =
            by_then().find(|base| self.on_its_timeline(base, moment)).or_else(|| by_then().next())?;
        let mark = |base: &BaseBackup| base.kept.as_ref().and_then(|kept| kept.mark.clone());
        let run = mark(newest);
        let same = by_then().filter(|base| run.is_some() && mark(base) == run);
        same.min_by_key(|base| base.kept.as_ref().map(|kept| kept.repository)).or(Some(newest))
    }

    /// The spans between base backups that nothing reaches, because the log forks in them.
    pub fn forks(&self) -> Vec<(Timestamp, Timestamp)> {
        let pairs = self.bases.iter().zip(self.bases.iter().skip(1));
        let forked = pairs.filter(|(old, new)| old.timeline != new.timeline);
        let until = |old: &BaseBackup| self.reach(old).until.unwrap_or(old.stopped_at).max(old.stopped_at);
        forked.map(|(old, new)| (until(old), new.stopped_at)).filter(|(from, to)| from < to).collect()
    }

    /// What is wrong, in sentences; a monitor cares for nothing else.
    pub fn troubles(&self) -> Vec<String> {
        let mut troubles = Vec::new();
        match &self.archiver {
            Known::Unknown(why) => troubles.push(format!("the server does not answer: {why}")),
            Known::Known(archiver) if !archiver.on => {
                troubles.push("the server does not archive as odpm.yaml describes".to_owned());
            }
            Known::Known(archiver) if archiver.fails() => {
                let name = archiver.failed.as_ref().map_or("", |(name, _)| name.as_str());
                troubles.push(format!("archiving fails: {name} could not be archived"));
            }
            Known::Known(archiver) => {
                let foreign = self.bases.iter().filter(|b| b.system_identifier != archiver.system_identifier);
                troubles.extend(foreign.map(|base| format!("{} is of another cluster", base.id)));
            }
        }
        if self.bases.is_empty() {
            troubles.push("there is no base backup".to_owned());
        } else if self.bases.iter().all(|base| self.timeline().is_some_and(|now| now != base.timeline)) {
            troubles.push(
                "the log forks after the newest base backup: what is committed now is in nobody's reach before another \
                 one, `odpm archive basebackup`"
                    .to_owned(),
            );
        }
        troubles.extend(self.repositories.iter().filter_map(|repository| self.trouble(repository)));
        troubles.extend(self.gaps());
        troubles
    }

    /// The base backups of one repository, oldest first.
    pub fn bases_in(&self, number: usize) -> impl DoubleEndedIterator<Item = (&BaseBackup, &InRepository)> {
        let kept = self.bases.iter().filter_map(|base| Some((base, base.kept.as_ref()?)));
        kept.filter(move |(_, kept)| kept.repository == number)
    }

    /// What is wrong with a repository, in a sentence.
    fn trouble(&self, repository: &RepositorySeen) -> Option<String> {
        let RepositorySeen { number, place, knows, trouble, .. } = repository;
        let what = match trouble {
            Some(trouble) => trouble.as_str(),
            None if !knows => "it does not know the cluster yet",
            None if !self.bases.is_empty() && self.bases_in(*number).next().is_none() => {
                "there is no base backup in it"
            }
            None => return None,
        };
        Some(format!("repository {number} ({place}): {what}"))
    }

    /// The gaps in the log behind base backups, in sentences.
    pub fn gaps(&self) -> Vec<String> {
        let gap = |base: &BaseBackup| {
            let name = self.reach(base).gap?.name(base.segment_bytes);
            Some(format!(
                "the log has a gap: {name} is missing, and from {} nothing behind it is in reach",
                base.id
            ))
        };
        self.bases.iter().filter_map(gap).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::facts::samples;

    fn seen(kept: &[(u32, u64)]) -> ArchiveSeen {
        let bases = [2, 5].map(|number| samples::base(number, number as i64 * 100));
        let mut seen =
            samples::archive(bases.into(), &kept.iter().map(|(_, number)| *number).collect::<Vec<_>>());
        for (kept, (timeline, _)) in seen.segments.iter_mut().zip(kept) {
            kept.segment.timeline = *timeline;
        }
        seen
    }

    #[test]
    fn a_reach_ends_at_the_first_gap_and_with_its_timeline() {
        let second = |s: i64| Some(Timestamp::from_second(s).unwrap());
        let reach = |kept: &[(u32, u64)], of: u64| {
            let reach = seen(kept).reach(&samples::base(of, 0));
            (reach.until, reach.gap.map(|gap| gap.number))
        };
        assert_eq!(reach(&[(1, 1), (1, 2), (1, 3)], 2), (second(399), None));
        assert_eq!(reach(&[(1, 2), (1, 4)], 2), (second(299), Some(3)));
        assert_eq!(reach(&[(1, 3), (1, 4)], 2), (None, Some(2)));
        assert_eq!(reach(&[], 2), (None, None));
        assert_eq!(reach(&[(1, 2), (2, 3), (2, 4)], 2), (second(299), None));
    }

    #[test]
    fn a_moment_is_recovered_from_the_newest_base_that_was_whole_by_then() {
        let seen = seen(&[]);
        let base = |second| seen.base_for(Timestamp::from_second(second).unwrap()).map(|b| b.id.as_str());
        assert_eq!(
            [base(204), base(205), base(504), base(505)],
            [None, Some("base-2"), Some("base-2"), Some("base-5")]
        );
    }

    #[test]
    fn of_one_runs_base_backups_the_first_repositorys_is_taken() {
        let mut seen = seen(&[]);
        for (base, repository) in seen.bases.iter_mut().zip([1, 2]) {
            base.kept = Some(InRepository { repository, prior: None, mark: Some("one".to_owned()) });
        }
        let base =
            |seen: &ArchiveSeen| seen.base_for(Timestamp::from_second(505).unwrap()).map(|b| b.id.clone());
        assert_eq!(base(&seen).as_deref(), Some("base-2"));
        seen.bases[0].kept.as_mut().unwrap().mark = Some("another".to_owned());
        assert_eq!(base(&seen).as_deref(), Some("base-5"));
    }

    #[test]
    fn where_the_log_forks_each_branch_has_its_own_base_backups() {
        // Rewound between the second 499 and the second base backup.
        let on = |timeline: u32| {
            let mut seen = seen(&[(1, 2), (1, 3), (1, 4), (2, 4), (2, 5)]);
            seen.bases[1].timeline = 2;
            seen.archiver = seen.archiver.map(|archiver| Archiver { timeline, ..archiver });
            seen
        };
        let base = |seen: &ArchiveSeen, second| {
            let at = Timestamp::from_second(second).unwrap();
            let found = seen.base_for(at).unwrap();
            (found.id.clone(), seen.on_its_timeline(found, at))
        };
        for (now, second, name, whole) in [
            (2, 490, "base-2", true),
            (2, 503, "base-2", false),
            (2, 505, "base-5", true),
            (2, 900, "base-5", true),
            // Taken back: the first one goes on, and the other branch has an end.
            (1, 503, "base-2", true),
            (1, 590, "base-5", true),
            (1, 900, "base-2", true),
        ] {
            assert_eq!(base(&on(now), second), (name.to_owned(), whole), "{now}, {second}");
        }
        let span = |from, to| (Timestamp::from_second(from).unwrap(), Timestamp::from_second(to).unwrap());
        assert_eq!(on(2).forks(), [span(499, 505)]);
        assert!(on(2).troubles().is_empty() && on(3).troubles().concat().contains("the log forks"));
    }
}
