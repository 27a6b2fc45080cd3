//! Until when a start may take.

use std::time::{Duration, Instant};

/// Counts from its making.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    begin: Instant,
    /// That many seconds.
    pub seconds: u32,
}

impl Deadline {
    /// That many seconds from now.
    pub fn of(seconds: u32) -> Self {
        Self { begin: Instant::now(), seconds }
    }

    /// How long it has run.
    pub fn elapsed(self) -> Duration {
        self.begin.elapsed()
    }

    /// Whether it has passed.
    pub fn is_over(self) -> bool {
        self.elapsed() > Duration::from_secs(self.seconds.into())
    }
}
