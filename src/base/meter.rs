//! How far a long piece of work has come: counted by whoever does it, read by whoever shows it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A count of bytes, and words beside it, shared by its clones.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    done: AtomicU64,
    total: AtomicU64,
    words: Mutex<String>,
}

impl Meter {
    /// Begins anew, with as many bytes to come; 0 where that is not known.
    pub fn begin(&self, total: u64) {
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(total, Ordering::Relaxed);
        self.tell(String::new());
    }

    /// Where the work is, where that is no matter of bytes.
    pub fn tell(&self, words: String) {
        *self.0.words.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }

    /// Where the work is; empty where only bytes are counted.
    pub fn words(&self) -> String {
        self.0.words.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// So many more are done.
    pub fn add(&self, bytes: u64) {
        self.0.done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How many are done, and of how many; 0 of them where that is not known.
    pub fn read(&self) -> (u64, u64) {
        (self.0.done.load(Ordering::Relaxed), self.0.total.load(Ordering::Relaxed))
    }
}
