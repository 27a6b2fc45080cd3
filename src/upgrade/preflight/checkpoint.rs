//! Which checkpoint there is room for, and how long it takes there and back.

use crate::facts::{FolderSeen, Measured, OperationSeen, Rate};
use crate::project::CheckpointKind;

/// What a copy wants beside its own size: an upgrade writes tables anew.
const MORE: u64 = 4;

/// What is wanted in any case: log, temporary files.
const LEAST: u64 = 256 << 20;

/// A dump in the fast form takes about this part of its database, where no earlier one tells: it is compressed.
const DUMPED: u64 = 3;

/// Two renames, and the sessions that have to go before: seconds, whatever the size.
const RENAMED: u64 = 5;

/// Reading a backup before it is loaded, and comparing the database after that, take about this part of the loading.
const AROUND: u64 = 4;

/// A measurement of less than this part of a database does not count.
const SMALL: u64 = 20;

/// How many of the last measurements count.
const COUNTED: usize = 5;

/// The checkpoint of an upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The kind.
    pub kind: CheckpointKind,
    /// How many bytes it wants.
    pub bytes: u64,
    /// How many are free where it goes to, as far as that is known.
    pub free: Option<u64>,
    /// Whether there is room for it; `None` where that is not known.
    pub fits: Option<bool>,
    /// Why that is not known.
    pub why: String,
    /// How many seconds it takes; `None` as long as nothing was measured.
    pub seconds: Option<u64>,
    /// How many seconds the way back takes.
    pub back: Option<u64>,
}

impl Choice {
    /// How long there and back, in words.
    pub fn time(&self) -> String {
        let span = |what: &str, seconds: Option<u64>| match seconds {
            None => format!("how long {what} was not measured yet"),
            Some(seconds) if seconds < 120 => format!("{what} about {seconds} s"),
            Some(seconds) => format!("{what} about {} min", seconds.div_ceil(60)),
        };
        format!("{}, {}", span("it takes", self.seconds), span("the way back takes", self.back))
    }
}

/// The checkpoint that is wanted; else a copy where there is room for one, and a backup where there is only room for that. Where
/// there is room for neither it is the copy that does not fit.
pub fn checkpoint(seen: &OperationSeen, wanted: Option<CheckpointKind>) -> Choice {
    let choice = |kind| match kind {
        CheckpointKind::Copy => copy(seen),
        CheckpointKind::Backup => backup(seen),
    };
    if let Some(kind) = wanted {
        return choice(kind);
    }
    let copy = choice(CheckpointKind::Copy);
    if copy.fits == Some(false) {
        let backup = choice(CheckpointKind::Backup);
        return if backup.fits == Some(false) { copy } else { backup };
    }
    copy
}

fn size(seen: &OperationSeen) -> Option<u64> {
    seen.subject.get()?.as_ref()?.bytes
}

fn bytes_of(folder: Option<FolderSeen>) -> u64 {
    folder.map_or(0, |folder| folder.bytes)
}

fn copy(seen: &OperationSeen) -> Choice {
    let database = size(seen);
    let own = database.unwrap_or_default();
    let bytes = own + own / MORE + LEAST + bytes_of(seen.room.unlinked);
    let free = seen.room.data.get().copied();
    Choice {
        kind: CheckpointKind::Copy,
        bytes,
        free,
        fits: free.zip(database).map(|(free, _)| free >= bytes),
        why: seen.room.data.why().unwrap_or("the database's size is not known").to_owned(),
        seconds: database.and_then(|bytes| estimate(seen, Measured::Copy, bytes)),
        back: Some(RENAMED),
    }
}

fn backup(seen: &OperationSeen) -> Choice {
    let database = size(seen);
    let own = seen.room.fast.unwrap_or(database.unwrap_or_default() / DUMPED);
    let bytes = own + bytes_of(seen.room.unshared);
    let free = seen.room.backups.get().copied();
    Choice {
        kind: CheckpointKind::Backup,
        bytes,
        free,
        fits: free.zip(database).map(|(free, _)| free >= bytes + LEAST),
        why: seen.room.backups.why().unwrap_or("the database's size is not known").to_owned(),
        seconds: database.and_then(|bytes| estimate(seen, Measured::Backup, bytes)),
        // What is measured is the loading; the backup is read before, and the database compared after it.
        back: database
            .and_then(|bytes| estimate(seen, Measured::Restore, bytes))
            .map(|load| load + load.div_ceil(AROUND) + RENAMED),
    }
}

/// How many seconds so many bytes take, by the slowest of the last measurements: what is announced should rather be kept than be
/// short. Something small says nothing of what is large.
fn estimate(seen: &OperationSeen, what: Measured, bytes: u64) -> Option<u64> {
    let counts = |rate: &&Rate| rate.what == what && rate.bytes > 0 && rate.bytes >= bytes / SMALL;
    let measured = seen.rates.iter().rev().filter(counts).take(COUNTED);
    let ms = measured.map(|rate| {
        let scaled = u128::from(rate.ms) * u128::from(bytes) / u128::from(rate.bytes);
        u64::try_from(scaled).unwrap_or(u64::MAX)
    });
    ms.max().map(|ms| ms.div_ceil(1000))
}
