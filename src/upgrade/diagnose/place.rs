//! Where it happened: the phase by the frames of a traceback, the file and line, the module.

use crate::odoo::{Chain, Frame, Landmark, Raised, Stage};

use super::cause::between;
use super::told::{Phase, Place, View};

/// Functions of Odoo's own by which a phase is known, the most telling first.
const PHASES: [(&[&str], Phase); 11] = [
    (&["run_unit_tests", "run_suite", "_callTestMethod"], Phase::Tests),
    (&["_validate_module_views", "_validate_custom_views"], Phase::Views),
    (&["load_data", "convert_file", "convert_xml_import", "convert_csv_import", "_tag_root"], Phase::Data),
    (&["_update_translations", "_load_module_terms", "load_module_terms", "trans_load"], Phase::Translations),
    (
        &["init_models", "_auto_init", "update_db", "check_foreign_keys", "finalize_constraints"],
        Phase::Schema,
    ),
    (
        &["button_upgrade", "button_install", "check_external_dependencies", "add_modules", "update_list"],
        Phase::Dependencies,
    ),
    (&["load_openerp_module", "load_script"], Phase::LoadingPython),
    (&["setup_models", "_setup_models__", "_setup_base", "_build_model"], Phase::Models),
    (&["load_module_graph", "load_modules", "preload_registries", "load_marked_modules"], Phase::Loading),
    (&["_process_job", "_process_jobs", "_callback", "ir_cron_trigger"], Phase::ScheduledAction),
    (&["_dispatch", "dispatch", "dispatch_rpc", "_serve_db", "serve_db"], Phase::Request),
];

/// The phase that the frames tell.
pub fn phase(chain: &Chain) -> Option<Phase> {
    let frames = || chain.raised.iter().flat_map(|raised| &raised.frames);
    if let Some((script, _)) = script_frame(chain) {
        return Some(stage(script));
    }
    if hook(chain).is_some() {
        return Some(Phase::Hooks);
    }
    if chain.raised.iter().any(|raised| raised.name() == "ParseError") {
        return Some(Phase::Data);
    }
    let told = |names: &[&str]| frames().any(|frame| names.contains(&frame.function.as_str()));
    if let Some((_, phase)) = PHASES.iter().find(|(names, _)| told(names)) {
        return Some(*phase);
    }
    frames()
        .any(|frame| frame.function == "<module>" && frame.file.contains("/addons/"))
        .then_some(Phase::LoadingPython)
}

/// The phase of the step that was last begun.
pub fn phase_of(landmark: &Landmark) -> Phase {
    match landmark {
        Landmark::Script { stage: Stage::Pre, .. } => Phase::PreMigration,
        Landmark::Script { stage: Stage::Post, .. } => Phase::PostMigration,
        Landmark::Script { stage: Stage::End, .. } => Phase::EndMigration,
        Landmark::Tables(_) => Phase::Schema,
        Landmark::File { .. } => Phase::Data,
        Landmark::Tests(_) => Phase::Tests,
        Landmark::Started(_) | Landmark::AddonsPaths(_) => Phase::Starting,
        Landmark::Shutdown => Phase::Running,
        Landmark::Loading(_)
        | Landmark::Module(_)
        | Landmark::ModuleLoaded(_)
        | Landmark::Loaded(_)
        | Landmark::AllLoaded
        | Landmark::Registry => Phase::Loading,
    }
}

/// The module of a step.
pub fn module_of(landmark: &Landmark) -> Option<&str> {
    match landmark {
        Landmark::Module(module) | Landmark::Tables(module) | Landmark::Tests(module) => Some(module),
        Landmark::File { module, .. } | Landmark::Script { module, .. } => Some(module),
        _ => None,
    }
}

fn stage(file: &str) -> Phase {
    match file.rsplit('/').next().unwrap_or_default() {
        name if name.starts_with("pre-") => Phase::PreMigration,
        name if name.starts_with("end-") => Phase::EndMigration,
        _ => Phase::PostMigration,
    }
}

/// Whether a file is a migration script: `MODULE/migrations/VERSION/pre-x.py`, or `MODULE/VERSION/pre-x.py` on an upgrade path.
fn is_script(file: &str) -> bool {
    let mut parts = file.rsplit('/');
    let (Some(name), Some(version)) = (parts.next(), parts.next()) else { return false };
    let staged =
        ["pre-", "post-", "end-"].iter().any(|stage| name.starts_with(stage)) && name.ends_with(".py");
    staged && version.contains('.') && version.chars().all(|c| c.is_ascii_alphanumeric() || ".~".contains(c))
}

/// The migration script that failed, and its deepest frame; a script that could not even be loaded is named in the message.
fn script_frame(chain: &Chain) -> Option<(&str, Option<&Frame>)> {
    let frames = chain.raised.iter().flat_map(|raised| &raised.frames);
    if let Some(frame) = frames.rev().find(|frame| is_script(&frame.file)) {
        return Some((&frame.file, Some(frame)));
    }
    let said = chain.raised.iter().flat_map(|raised| raised.first().split_whitespace());
    said.map(|word| word.trim_matches(['\'', '"', ',', ':']))
        .find(|word| is_script(word))
        .map(|file| (file, None))
}

/// The frame of a hook: the one after Odoo's call of it.
fn hook(chain: &Chain) -> Option<&Frame> {
    const HOOKS: [&str; 4] = ["pre_init", "post_init", "uninstall_hook", "post_load"];
    chain.raised.iter().find_map(|raised| {
        let calls = |frame: &Frame| {
            let own = ["load_module_graph", "load_openerp_module", "load_modules", "module_uninstall"];
            own.contains(&frame.function.as_str()) && HOOKS.iter().any(|hook| frame.code.contains(hook))
        };
        let at = raised.frames.iter().position(calls)?;
        raised.frames.get(at + 1).or_else(|| raised.frames.get(at))
    })
}

/// The frame that is shown, and the place that is told.
pub fn place(chain: &Chain, root: &Raised, phase: Phase, paths: &[String]) -> (Option<Frame>, Option<Place>) {
    let at = |frame: &Frame| Place { file: frame.file.clone(), line: frame.line };
    if let Some((file, frame)) = script_frame(chain) {
        let place = frame.map_or_else(|| Place { file: file.to_owned(), line: 0 }, at);
        return (frame.cloned(), Some(place));
    }
    let data = chain.raised.iter().rev().find_map(data_file);
    if data.is_some() {
        return (None, data);
    }
    let deepest =
        || root.frames.iter().rfind(|frame| module_of_file(&frame.file, paths).is_some_and(|m| m != "base"));
    // Python shows the line that it cannot read as a frame without a function.
    let unread = || root.frames.last().filter(|frame| frame.function.is_empty());
    let frame = match phase {
        Phase::Hooks => hook(chain).filter(|_| deepest().is_none()).or_else(deepest),
        _ => unread().or_else(deepest).or_else(|| root.frames.last()),
    };
    // Where Odoo refuses, its own line tells nothing.
    let telling = !matches!(phase, Phase::Dependencies | Phase::Connecting);
    let frame = frame.filter(|_| telling || deepest().is_some());
    (frame.cloned(), frame.map(at))
}

/// `while parsing FILE:LINE, somewhere inside`, or the CSV file that could not be processed.
fn data_file(raised: &Raised) -> Option<Place> {
    let text = raised.text();
    if let Some(rest) = text.split_once("while parsing ").map(|(_, rest)| rest) {
        let place = rest.lines().next()?;
        let place = place.split(", ").next()?.trim();
        let (file, line) = place.rsplit_once(':').unwrap_or((place, "0"));
        let file = file.trim_start_matches("file:").to_owned();
        if file == "None" {
            // Odoo makes the view of a `<template>` anew, without the file that it is from.
            let file = between(&text, "'file': '", "'")?.to_owned();
            let line = between(&text, "'line': ", ",").and_then(|line| line.trim().parse().ok());
            return Some(Place { file, line: line.unwrap_or_default() });
        }
        return Some(Place { file, line: line.parse().unwrap_or_default() });
    }
    let file = between(&text, "file ", " could not be processed")?;
    Some(Place { file: file.to_owned(), line: 0 })
}

/// The module that a file belongs to.
pub fn module_of_file<'a>(file: &'a str, paths: &[String]) -> Option<&'a str> {
    let inside = paths.iter().filter_map(|path| file.strip_prefix(path.as_str())?.strip_prefix('/'));
    if let Some(rest) = inside.min_by_key(|rest| rest.len()) {
        return rest.split_once('/').map(|(module, _)| module);
    }
    if is_script(file) {
        let mut parts = file.rsplit('/').skip(2).filter(|part| !["migrations", "upgrades"].contains(part));
        return parts.next();
    }
    const FOLDERS: [&str; 12] = [
        "models",
        "views",
        "data",
        "security",
        "wizard",
        "wizards",
        "report",
        "reports",
        "controllers",
        "tests",
        "demo",
        "i18n",
    ];
    let parts: Vec<&str> = file.split('/').collect();
    if let Some(at) = parts.iter().rposition(|part| *part == "addons") {
        return parts.get(at + 1).copied().filter(|_| parts.len() > at + 2);
    }
    if file.contains("/odoo/") || file.contains("-packages/") || file.contains("/lib/python") {
        return None;
    }
    let at = parts.iter().rposition(|part| FOLDERS.contains(part)).filter(|at| *at > 0)?;
    parts.get(at - 1).copied()
}

/// The view that is meant, from the context that Odoo adds and the words of the message.
pub fn view(chain: &Chain) -> Option<View> {
    let text: String = chain.raised.iter().map(Raised::text).collect::<Vec<_>>().join("\n");
    let context = text.split_once("View error context:").map(|(_, context)| context);
    let entry = |key: &str| {
        let rest = context?.split_once(&format!("'{key}': "))?.1;
        let quote = rest.chars().next().filter(|c| ['\'', '"'].contains(c))?;
        rest[1..].split_once(quote).map(|(value, _)| value.to_owned())
    };
    let element = text.split_once("cannot be located in parent view").and_then(|(before, _)| locator(before));
    let view =
        View { xmlid: entry("xmlid"), name: entry("name"), model: entry("view.model"), locator: element };
    (view != View::default()).then_some(view)
}

/// `Element '<xpath expr="//field[@name='a']">' `: the expression, or the element.
fn locator(before: &str) -> Option<String> {
    let at = before.rfind("Element ")?;
    let element = before[at + "Element ".len()..].trim();
    let element = element.trim_matches(['\'', '"', '“', '”', '‘', '’']);
    let expression = element.strip_prefix("<xpath expr=").and_then(|rest| {
        let quote = rest.chars().next()?;
        rest[quote.len_utf8()..].rsplit_once(quote).map(|(expression, _)| expression.to_owned())
    });
    Some(expression.unwrap_or_else(|| element.to_owned())).filter(|text| !text.is_empty())
}
