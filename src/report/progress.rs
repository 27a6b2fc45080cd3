//! What a run tells while it goes on: a line for each step.

use std::path::PathBuf;
use std::time::Instant;

use console::style;

use super::steps::headline;
use super::ui::Ui;
use crate::apply::Event;
use crate::base::size::human;

/// Tells the events of a run.
pub struct Progress {
    ui: Ui,
    root: PathBuf,
    begun: Instant,
    terminal: console::Term,
    shown: bool,
}

impl Progress {
    /// Tells on this ui; paths below `root` are shown from there.
    pub fn new(ui: Ui, root: PathBuf) -> Self {
        Self { ui, root, begun: Instant::now(), terminal: console::Term::stderr(), shown: false }
    }

    /// Tells one event.
    pub fn tell(&mut self, event: &Event<'_>) {
        match event {
            Event::Skipped { step } => {
                self.ui.say(&format!(
                    "{} {}",
                    style("   done").for_stderr().dim(),
                    headline(&step.step, &self.root)
                ));
            }
            Event::Started { number, total, step } => {
                self.begun = Instant::now();
                self.ui.say(&format!("{:>3}/{total} {}", number, headline(&step.step, &self.root)));
            }
            Event::Working { done, total, words } => self.bar(*done, *total, words),
            Event::Finished { outcome, .. } => {
                self.clear();
                let seconds = self.begun.elapsed().as_secs_f32();
                if let Some(detail) = &outcome.detail {
                    self.ui.say(&format!("       {detail}"));
                }
                if seconds >= 1.0 {
                    self.ui
                        .say(&format!("       {}", style(format!("took {seconds:.1} s")).for_stderr().dim()));
                }
            }
            Event::Stopping => {
                self.clear();
                self.ui.insist("Stopping now.");
            }
        }
    }

    /// One line that is written over again and again; only where somebody watches, and only on what takes longer.
    fn bar(&mut self, done: u64, total: u64, words: &str) {
        let seconds = self.begun.elapsed().as_secs_f64();
        if self.ui.quiet || seconds < 1.0 || !self.terminal.is_term() {
            return;
        }
        let text = match words {
            "" => line(done, total, seconds),
            // What is longer than the terminal is wide could not be written over.
            words => {
                let width = usize::from(self.terminal.size().1).max(20) - 1;
                console::truncate_str(&format!("       {words}, {seconds:.0} s"), width, "...").into_owned()
            }
        };
        self.shown = self.terminal.clear_line().and_then(|()| self.terminal.write_str(&text)).is_ok();
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            // A line that stays is no harm.
            let _ = self.terminal.clear_line();
        }
    }
}

/// How long something took: `0.4 s`, `3 min 20 s`.
pub fn duration(took: std::time::Duration) -> String {
    let seconds = took.as_secs();
    match seconds / 60 {
        0 => format!("{:.1} s", took.as_secs_f32()),
        minutes => format!("{minutes} min {} s", seconds % 60),
    }
}

/// Bytes, rate, and the time left where that can be told.
fn line(done: u64, total: u64, seconds: f64) -> String {
    let rate = done as f64 / seconds.max(0.001);
    let so_far = format!("       {}, {}/s", human(done), human(rate as u64));
    if total <= done || rate < 1.0 {
        return so_far;
    }
    let left = (total - done) as f64 / rate;
    format!("       {} of {}, {}/s, {left:.0} s left", human(done), human(total), human(rate as u64))
}

#[cfg(test)]
mod tests {
    use super::{duration, line};

    #[test]
    fn a_duration_has_two_units_at_most() {
        assert_eq!(duration(std::time::Duration::from_millis(420)), "0.4 s");
        assert_eq!(duration(std::time::Duration::from_secs(200)), "3 min 20 s");
    }

    #[test]
    fn the_time_left_is_told_where_the_end_is_known() {
        assert_eq!(line(2_000_000, 0, 2.0), "       2.0 MB, 1.0 MB/s");
        assert_eq!(line(2_000_000, 5_000_000, 2.0), "       2.0 MB of 5.0 MB, 1.0 MB/s, 3 s left");
    }
}
