//! What a run tells while it goes on: a line for each step.

use std::path::PathBuf;
use std::time::Instant;

use console::style;

use super::steps::headline;
use super::ui::Ui;
use crate::apply::Event;

/// Tells the events of a run.
pub struct Progress {
    ui: Ui,
    root: PathBuf,
    begun: Instant,
}

impl Progress {
    /// Tells on this ui; paths below `root` are shown from there.
    pub fn new(ui: Ui, root: PathBuf) -> Self {
        Self { ui, root, begun: Instant::now() }
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
            Event::Finished { outcome, .. } => {
                let seconds = self.begun.elapsed().as_secs_f32();
                if let Some(detail) = &outcome.detail {
                    self.ui.say(&format!("       {detail}"));
                }
                if seconds >= 1.0 {
                    self.ui
                        .say(&format!("       {}", style(format!("took {seconds:.1} s")).for_stderr().dim()));
                }
            }
            Event::Stopping => self.ui.insist("Stopping now."),
        }
    }
}
