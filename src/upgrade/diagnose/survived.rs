//! What a server says and goes on, though it should be known.

use crate::odoo::{Level, Record};

use super::told::FindingKind;

/// What a record is to a diagnosis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It ends the loading of a database, or the process.
    Fatal,
    /// The registry failed; the reason follows.
    RegistryFailed,
    /// It only follows from a failure.
    Reset,
    /// This module could not be imported; the reason follows.
    Unloadable(String),
    /// A test failed.
    TestFailed,
    /// That tests failed.
    TestsFailed,
    /// An error that may be survived.
    Suspect,
    /// Known to be survived, and worth telling.
    Survived(FindingKind),
    /// Nothing.
    Nothing,
}

/// Words of the modules' loggers by which a finding is known.
const WORDS: [(&str, &str, FindingKind); 22] = [
    ("odoo.schema", "unable to ", FindingKind::ConstraintMissing),
    ("odoo.schema", "Missing not-null constraint", FindingKind::ConstraintMissing),
    ("odoo.schema", "could not ", FindingKind::ConstraintMissing),
    ("odoo.", "Missing not-null constraint", FindingKind::ConstraintMissing),
    ("odoo.", "invalid module names, ignored", FindingKind::UnknownModule),
    ("odoo.", "Some modules are not loaded", FindingKind::ModulesNotLoaded),
    ("odoo.", "have inconsistent states", FindingKind::ModuleStates),
    ("odoo.modules", "not installable, skipped", FindingKind::NotInstallable),
    ("odoo.modules", "Unmet dependencies", FindingKind::NotInstallable),
    ("odoo.modules", "nmet dependenc", FindingKind::NotInstallable),
    ("odoo.modules.migration", "file must have a", FindingKind::MigrationScript),
    ("odoo.modules.migration", "Invalid version for upgrade script", FindingKind::MigrationScript),
    ("odoo.modules", "demo data failed to install", FindingKind::DemoData),
    ("odoo.", "invalid custom view", FindingKind::View),
    ("odoo.addons.base.models.ir_ui_view", "alidation error for view", FindingKind::View),
    ("odoo.", "is declared but cannot be loaded", FindingKind::Model),
    ("odoo.", "unknown comodel_name", FindingKind::Model),
    ("odoo.service", "Failed to load server-wide module", FindingKind::ServerWideModule),
    ("odoo.", "not initialized, you can force it", FindingKind::NotInitialised),
    ("odoo.service", "time limit", FindingKind::Limit),
    ("odoo.service", "Server memory limit", FindingKind::Limit),
    ("odoo.service", "timeout after", FindingKind::Limit),
];

/// What a record is.
pub fn kind(record: &Record) -> Kind {
    let said = record.message.as_str();
    if record.raw {
        return raw(record);
    }
    if record.level < Level::Warning {
        let limit = record.logger.starts_with("odoo.service") && said.contains("time limit");
        return if limit { Kind::Survived(FindingKind::Limit) } else { Kind::Nothing };
    }
    if said.starts_with("Transient module states were reset") {
        return Kind::Reset;
    }
    if let Some(module) = said.strip_prefix("Couldn't load module ") {
        return Kind::Unloadable(module.split([' ', ':']).next().unwrap_or(module).to_owned());
    }
    if let Some(kind) = test(record) {
        return kind;
    }
    let known = |(logger, words, _): &&(&str, &str, FindingKind)| {
        record.logger.starts_with(logger) && said.contains(words)
    };
    if let Some((_, _, kind)) = WORDS.iter().find(known) {
        return Kind::Survived(*kind);
    }
    match record.level {
        Level::Critical => Kind::Fatal,
        Level::Error if said.starts_with("Failed to load registry") && record.chain.last().is_none() => {
            Kind::RegistryFailed
        }
        Level::Error if said.starts_with("Failed to load registry") => Kind::Fatal,
        Level::Error if loads(record) => Kind::Fatal,
        Level::Error => Kind::Suspect,
        _ => Kind::Nothing,
    }
}

/// Whether the traceback comes out of the loading of a whole database.
fn loads(record: &Record) -> bool {
    let whole = |name: &str| ["load_modules", "preload_registries"].contains(&name);
    record.chain.raised.iter().flat_map(|raised| &raised.frames).any(|frame| whole(&frame.function))
}

fn raw(record: &Record) -> Kind {
    let said = record.message.as_str();
    let code = said.rsplit_once(" exited with code ").map(|(_, code)| code.trim());
    match code {
        Some("137" | "139") => Kind::Fatal,
        Some(_) => Kind::Nothing,
        None if said.is_empty() => Kind::Suspect,
        None => Kind::Fatal,
    }
}

fn test(record: &Record) -> Option<Kind> {
    let said = record.message.as_str();
    let of_tests = record.logger.contains(".tests") || record.logger.starts_with("odoo.tests");
    if record.level < Level::Error {
        return None;
    }
    if said.contains("At least one test failed") {
        return Some(Kind::TestsFailed);
    }
    if said.contains(" failed, ") && said.contains(" error(s) of ") {
        return Some(if said.starts_with("0 failed, 0 error") { Kind::Nothing } else { Kind::TestsFailed });
    }
    let named = said.starts_with("FAIL: ") || said.starts_with("ERROR: ");
    (named && (of_tests || record.logger.starts_with("odoo.addons"))).then_some(Kind::TestFailed)
}
