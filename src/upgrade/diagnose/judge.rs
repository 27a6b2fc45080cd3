//! One failure, from the record that tells it and what its process has said before.

use crate::odoo::{Chain, Landmark, Record};

use super::cause;
use super::class::Class;
use super::evidence::{self, short};
use super::place;
use super::query::BadQuery;
use super::told::{Evidence, Failure, Phase, Sql};

/// An error that may have been survived.
#[derive(Debug)]
pub struct Suspect {
    /// Its record.
    pub record: Record,
    /// The statement that failed, where it is about one.
    pub query: Option<BadQuery>,
    /// Whether the server went on with something else after it.
    pub survived: bool,
}

/// What a process has said so far.
#[derive(Debug, Default)]
pub struct Process {
    /// The last step on its way, and the line that says so.
    pub step: Option<(Landmark, Evidence)>,
    /// Where it began to load modules, while it does.
    pub attempt: Option<u64>,
    /// The database.
    pub database: Option<String>,
    /// How many modules were loaded.
    pub modules: u64,
    /// Errors since then.
    pub suspects: Vec<Suspect>,
    /// A module that could not be imported.
    pub unloadable: Option<(Evidence, String)>,
    /// That the registry failed, without the reason yet.
    pub registry: Option<Record>,
    /// Lines that only follow from a failure that is still to be told.
    pub reset: Vec<Evidence>,
    /// A traceback that nobody logged.
    pub loose: Option<Record>,
    /// The failure that it has come to.
    pub failed: Option<usize>,
}

/// How long a cause may be.
const CAUSE: usize = 300;

/// The statement that the exception is about: the one that poisoned the transaction where it only says that it is aborted.
fn query<'a>(chain: &Chain, process: &'a Process) -> Option<&'a BadQuery> {
    let queries =
        || process.suspects.iter().rev().filter(|suspect| !suspect.survived).filter_map(|s| s.query.as_ref());
    let Some(root) = chain.root() else { return queries().find(|query| query.state() != Some("25P02")) };
    let aborted = cause::state(root) == Some("25P02");
    let same = |query: &&BadQuery| query.error == root.first();
    match aborted {
        true => queries().find(|query| !same(query) && query.state() != Some("25P02")),
        false if root.class.starts_with("psycopg") => {
            queries().find(same).or_else(|| queries().find(|query| query.error.is_empty()))
        }
        false => None,
    }
}

/// The failure that a record tells. `confirmed`: the log says itself that this ended it.
pub fn failure(record: &Record, process: &Process, paths: &[String], confirmed: bool) -> Failure {
    let suspect = process.suspects.iter().rev().find(|suspect| !suspect.survived);
    // A record without a traceback, at the end of a log that is cut: the last error before it is the best there is.
    let chain = match suspect {
        Some(suspect) if record.chain.root().is_none() && suspect.query.is_none() => &suspect.record.chain,
        _ => &record.chain,
    };
    let query = query(chain, process);
    let phase = phase(chain, process);
    let root = chain.root();
    let poisoned = query.filter(|query| root.is_none_or(|root| query.error != root.first()));
    let (class, cause) = match (poisoned, root) {
        (Some(query), _) => of_query(query),
        (None, Some(root)) => cause::judge(root, phase),
        (None, None) => of_words(record, process),
    };
    let phase = match class {
        Class::ServerUnreachable
        | Class::Authentication
        | Class::DatabaseMissing
        | Class::TooManyConnections => Phase::Connecting,
        Class::MissingExternalDependency | Class::DependencyCycle => Phase::Dependencies,
        Class::ViewInheritance | Class::InvalidView => Phase::Views,
        _ => phase,
    };
    let (frame, place) = root.map_or((None, None), |root| place::place(chain, root, phase, paths));
    let mut evidence: Vec<Evidence> = process.step.iter().map(|(_, line)| line.clone()).collect();
    evidence.extend(process.unloadable.iter().map(|(line, _)| line.clone()));
    evidence.extend(query.iter().flat_map(|query| query.evidence.clone()));
    if let Some(frame) = &frame {
        let text = format!("File \"{}\", line {}, in {}", frame.file, frame.line, frame.function);
        evidence.push(evidence::line(frame.at, text.trim_end_matches(", in ")));
        evidence.extend((frame.code_at > 0).then(|| evidence::line(frame.code_at, &frame.code)));
    }
    let told = poisoned.is_none().then_some(root).flatten();
    evidence.extend(told.map(evidence::raised).unwrap_or_default());
    // Where the place and the cause are told by two exceptions, both are shown.
    let outer = chain
        .last()
        .filter(|last| told.is_some_and(|told| told.at != last.at) && last.name() == "ParseError");
    evidence.extend(outer.into_iter().flat_map(|last| evidence::raised(last).into_iter().take(1)));
    let bare = root.is_none() && query.is_none();
    evidence.extend(bare.then(|| evidence::head(record)));
    evidence.sort();
    evidence.dedup_by_key(|line| line.line);
    let line = match (query, told) {
        (Some(query), _) => query.error_line,
        (None, Some(root)) => root.at,
        (None, None) => record.line,
    };
    let mut consequences = process.reset.clone();
    let heads = [process.registry.as_ref(), Some(record)].into_iter().flatten();
    consequences.extend(heads.filter(|head| head.line != line && !head.raw).map(evidence::head));
    consequences.sort();
    consequences.dedup_by_key(|line| line.line);
    consequences.retain(|line| evidence.iter().all(|shown| shown.line != line.line));
    let state = query.and_then(BadQuery::state).filter(|_| poisoned.is_some());
    let state = state.or_else(|| told.and_then(cause::state));
    let sql =
        Sql { statement: query.map(|query| query.statement.clone()), sqlstate: state.map(str::to_owned) };
    Failure {
        line,
        time: Some(record.time.clone()).filter(|time| !time.is_empty()),
        pid: Some(record.pid).filter(|pid| *pid > 0),
        database: Some(record.database.clone())
            .filter(|name| name != "?")
            .or_else(|| process.database.clone()),
        module: module(
            class,
            told.map(crate::odoo::Raised::text),
            place.as_ref().map(|place| place.file.as_str()),
            process,
            paths,
        ),
        phase,
        place,
        cause: short(&crate::odoo::mask(&cause), CAUSE),
        class,
        exception: told.map(|root| root.class.clone()),
        sql: Some(sql).filter(|sql| *sql != Sql::default()),
        view: place::view(chain).filter(|_| matches!(class, Class::ViewInheritance | Class::InvalidView)),
        remedies: class.remedies().iter().map(|&remedy| remedy.to_owned()).collect(),
        confirmed,
        evidence,
        consequences,
    }
}

fn phase(chain: &Chain, process: &Process) -> Phase {
    let step = || process.step.as_ref().map(|(step, _)| place::phase_of(step));
    let told = place::phase(chain);
    if process.unloadable.is_some() && !matches!(told, Some(Phase::PreMigration | Phase::Hooks)) {
        return Phase::LoadingPython;
    }
    match told {
        // The frames say no more than that modules were being loaded; the last step may.
        Some(Phase::Loading) | None if process.attempt.is_some() => step().unwrap_or(Phase::Loading),
        Some(phase) => phase,
        None if process.registry.is_some() => step().unwrap_or(Phase::Loading),
        None => step().filter(|step| *step == Phase::Starting).unwrap_or(Phase::Running),
    }
}

fn of_query(query: &BadQuery) -> (Class, String) {
    let class = query.state().map_or(Class::OtherSql, Class::of_state);
    let cause = if query.error.is_empty() {
        "a statement failed, and the log ends before it says why"
    } else {
        &query.error
    };
    (class, cause.to_owned())
}

fn of_words(record: &Record, process: &Process) -> (Class, String) {
    let said = record.message.trim();
    let killed = said == "Killed" || said.contains("Killed process") || said.contains("exited with code 137");
    match &process.unloadable {
        _ if killed => (Class::Killed, "the process was killed from outside".to_owned()),
        _ if said.contains(": error: ") => (Class::Configuration, said.to_owned()),
        Some((_, module)) => {
            (Class::Unknown, format!("{module} could not be imported; the log ends before it says why"))
        }
        None if said.contains("Failed to ") => {
            (Class::Unknown, "the registry could not be loaded; the log does not say why".to_owned())
        }
        None => (Class::Unknown, said.to_owned()),
    }
}

fn module(
    class: Class,
    text: Option<String>,
    file: Option<&str>,
    process: &Process,
    paths: &[String],
) -> Option<String> {
    let text = text.unwrap_or_default();
    let refused = || cause::needs(&text).map(|(module, _)| module);
    let external = || cause::between(&text, "module \"", "\"").map(str::to_owned);
    let step = || process.step.as_ref().and_then(|(step, _)| place::module_of(step)).map(str::to_owned);
    let unloadable = || process.unloadable.as_ref().map(|(_, module)| module.clone());
    let of_file = || {
        let file = file?;
        // A CSV file is told from its module's folder on; the step says which module that is.
        place::module_of_file(file, paths).map(str::to_owned)
    };
    match class {
        Class::MissingModule => refused().or_else(unloadable).or_else(of_file).or_else(step),
        Class::MissingExternalDependency => external().or_else(step),
        Class::Authentication | Class::ServerUnreachable | Class::DatabaseMissing | Class::Configuration => {
            None
        }
        _ => {
            let known = || of_file().filter(|module| module != "base");
            unloadable().or_else(known).or_else(step).or_else(of_file)
        }
    }
}
