//! How far a server has come through the modules, in words.

use crate::odoo::{Landmark, Records, Stage, landmark};

/// The progress of a server whose log is read while it is written.
#[derive(Debug, Default)]
pub struct Progress {
    records: Records,
    at: At,
}

#[derive(Debug, Default)]
struct At {
    number: u64,
    of: u64,
    module: String,
    phase: String,
}

impl Progress {
    /// The next line, without its end.
    pub fn see(&mut self, line: &str) {
        let Self { records, at } = self;
        records.see(line, &mut |record| {
            if let Some(step) = landmark(&record) {
                at.step(step);
            }
        });
    }

    /// Where it is: `module 3 of 12: sale, views/sale_view.xml`. Empty before anything is known.
    pub fn words(&self) -> String {
        let At { number, of, module, phase } = &self.at;
        let comma = |text: &str| if text.is_empty() { String::new() } else { format!(", {text}") };
        match (of, module.as_str()) {
            (0, "") => phase.clone(),
            (_, "") => format!("{of} modules{}", comma(phase)),
            (0, module) => format!("{module}{}", comma(phase)),
            // What is not updated is loaded without a word: the count is of those that are told.
            (_, module) => format!("module {} of {of}: {module}{}", (*number).min(*of), comma(phase)),
        }
    }
}

impl At {
    fn step(&mut self, step: Landmark) {
        let phase = match step {
            Landmark::Started(version) => format!("Odoo {version} starts"),
            Landmark::Loading(count) => {
                (self.number, self.of, self.module) = (0, count, String::new());
                "loading".to_owned()
            }
            Landmark::Module(name) => {
                self.number += 1;
                self.module = name;
                "loading".to_owned()
            }
            Landmark::Tables(_) => "tables".to_owned(),
            Landmark::File { file, .. } => file,
            Landmark::Script { module, stage, name } => {
                self.module = module;
                let stage = match stage {
                    Stage::Pre => "before it is loaded",
                    Stage::Post => "after its data",
                    Stage::End => "after all modules",
                };
                format!("migration script {name} {stage}")
            }
            Landmark::Tests(_) => "tests".to_owned(),
            Landmark::AllLoaded | Landmark::Registry => {
                self.module.clear();
                "all modules are loaded".to_owned()
            }
            Landmark::Shutdown => {
                self.module.clear();
                "ending".to_owned()
            }
            Landmark::AddonsPaths(_) | Landmark::ModuleLoaded(_) | Landmark::Loaded(_) => return,
        };
        self.phase = phase;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_and_phases_are_told_as_they_come() {
        let table = [
            ("odoo: Odoo version 18.0", "Odoo 18.0 starts"),
            ("odoo.modules.loading: loading 12 modules...", "12 modules, loading"),
            ("odoo.modules.loading: Loading module sale (3/12)", "module 1 of 12: sale, loading"),
            (
                "odoo.modules.migration: module sale: Running migration [18.0.1.3>] post-terms",
                "module 1 of 12: sale, migration script 18.0.1.3/post-terms after its data",
            ),
            (
                "odoo.modules.registry: module sale: creating or updating database tables",
                "module 1 of 12: sale, tables",
            ),
            (
                "odoo.modules.loading: loading sale/views/sale_view.xml",
                "module 1 of 12: sale, views/sale_view.xml",
            ),
            ("odoo.addons.sale.models: 3 warnings", "module 1 of 12: sale, views/sale_view.xml"),
            ("odoo.modules.loading: Modules loaded.", "12 modules, all modules are loaded"),
        ];
        let mut progress = Progress::default();
        let (mut said, mut last) = (Vec::new(), String::new());
        for (line, wanted) in table {
            // A record is whole when the next one begins.
            progress.see(&format!("2026-01-09 08:00:00,001 41 INFO shop {line}"));
            said.push(progress.words());
            last = wanted.to_owned();
        }
        progress.see("2026-01-09 08:00:09,001 41 INFO shop odoo.tools: over");
        said.push(progress.words());
        let wanted: Vec<&str> = table.iter().map(|(_, wanted)| *wanted).collect();
        assert_eq!(said[1..], wanted[..]);
        assert_eq!(said.last(), Some(&last));
    }
}
