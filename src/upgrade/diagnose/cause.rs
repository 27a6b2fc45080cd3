//! What an exception means: the class of its cause, and one line about it.

use crate::odoo::{Raised, condition_of_message, sqlstate};

use super::class::Class;
use super::told::Phase;

/// The SQLSTATE of an exception, by its class or its words.
pub fn state(raised: &Raised) -> Option<&'static str> {
    let of_sql = raised.class.starts_with("psycopg");
    sqlstate(&raised.class)
        .filter(|_| of_sql)
        .or_else(|| of_sql.then(|| condition_of_message(raised.first())).flatten())
}

/// The message of an exception without the place that it names: its first line that says something.
pub fn said(raised: &Raised) -> String {
    let dull = |line: &&String| {
        let line = line.trim();
        line.is_empty()
            || line.starts_with("while parsing ")
            || line.starts_with('<')
            || line.starts_with("Error while parsing or validating view")
            || line.starts_with("Error while validating view")
    };
    let told = raised.message.iter().take_while(|line| !line.starts_with("View error context"));
    let first = told.into_iter().find(|line| !dull(line)).map(|line| line.trim());
    first.unwrap_or_else(|| raised.first().trim()).to_owned()
}

/// The class of a cause, and the cause in one line.
pub fn judge(raised: &Raised, phase: Phase) -> (Class, String) {
    let text = raised.text();
    let said = said(raised);
    let class = by_words(raised.name(), &text)
        .or_else(|| by_sql(raised, &text))
        .or_else(|| by_name(raised, phase))
        .unwrap_or(Class::PythonError);
    (class, sentence(class, raised, &said, &text))
}

/// What stands between two texts.
pub fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(from)?;
    Some(rest.split_once(to)?.0)
}

fn quoted(text: &str) -> Option<&str> {
    between(text, "'", "'").or_else(|| between(text, "\"", "\""))
}

/// The module and what it needs, in the words of a refusal to install or to upgrade.
pub fn needs(text: &str) -> Option<(String, String)> {
    let (before, after) = text.split_once(" that depends on ")?;
    let module = before.rsplit("module ").next()?.trim().trim_matches('"');
    let name = after.trim_start_matches("the ").trim_start_matches("module").trim_start_matches(':');
    let name = name.lines().next()?.trim().trim_end_matches('.').trim_matches('"');
    Some((module.to_owned(), name.to_owned()))
}

fn sentence(class: Class, raised: &Raised, said: &str, text: &str) -> String {
    let named = |what: &str| if what.is_empty() { raised.name().to_owned() } else { what.to_owned() };
    match class {
        Class::MissingModule => match (needs(text), between(text, "odoo.addons.", "'")) {
            (Some((module, name)), _) => {
                format!("{module} depends on {name}, which is not on the addons path")
            }
            (None, Some(name)) => {
                format!(
                    "{} is imported, and is not on the addons path",
                    name.split('.').next().unwrap_or(name)
                )
            }
            _ => named(said),
        },
        Class::MissingPythonPackage => {
            let name = quoted(said).map_or(said, |name| name);
            format!("the Python package {} is not installed", name.trim_start_matches("No module named "))
        }
        Class::InvalidCsv => {
            // What is wrong with it is on the next line.
            let file = between(text, "file ", " could not be processed");
            let why = text.split_once("could not be processed:").map(|(_, why)| why.trim());
            match (file, why.and_then(|why| why.lines().next())) {
                (Some(file), Some(why)) => format!("{file}: {why}"),
                _ => named(said),
            }
        }
        Class::UnknownModel if raised.name() == "KeyError" => format!("there is no model {said}"),
        Class::PythonError | Class::PythonSyntax | Class::Limit => match said {
            "" => raised.name().to_owned(),
            said => format!("{}: {said}", raised.name()),
        },
        _ => named(said),
    }
}

fn by_words(name: &str, text: &str) -> Option<Class> {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let import = ["ModuleNotFoundError", "ImportError"].contains(&name);
    Some(match () {
        () if needs(text).is_some() && has(&["not available"]) => Class::MissingModule,
        () if import && has(&["No module named 'odoo.addons.", "No module named odoo.addons."]) => {
            Class::MissingModule
        }
        () if import && has(&["No module named"]) => Class::MissingPythonPackage,
        () if import => Class::PythonImport,
        () if has(&["external dependency is not met", "External dependency "]) => {
            Class::MissingExternalDependency
        }
        () if has(&["Recursion error in modules dependencies", "ependency cycle"]) => Class::DependencyCycle,
        () if has(&[
            "file must have a \"migrate(",
            "`migrate` needs to be a function",
            "`migrate`'s signature",
        ]) =>
        {
            Class::MigrationScript
        }
        () if has(&["cannot be located in parent view"]) => Class::ViewInheritance,
        () if has(&["External ID not found in the system", "No matching record found for external id"])
            && !has(&[".csv could not be processed"]) =>
        {
            Class::MissingExternalId
        }
        () if has(&["could not be processed"]) && has(&[".csv"]) => Class::InvalidCsv,
        () if name == "ValueError" && has(&["Invalid field "]) => Class::InvalidField,
        () if has(&["validating view", "validate view", "nvalid view", "View inheritance may not"]) => {
            Class::InvalidView
        }
        // Odoo says this of whatever a data file has refused; of a view there is a context.
        () if has(&["View error context:\n'-no context-'"]) => Class::Refused,
        () if has(&["View error context"]) => Class::InvalidView,
        () if has(&[
            "Wrong @depends",
            "related field definition",
            "unknown comodel",
            "does not exist in registry",
            "inherits from non-existing",
            "without the name of a model",
            "must be a model",
        ]) =>
        {
            Class::ModelDefinition
        }
        () if has(&["Unknown model name", "No such model", "unknown model", "Model not found"]) => {
            Class::UnknownModel
        }
        () if has(&["CPU time limit exceeded"]) => Class::Limit,
        () if has(&["No space left on device"]) => Class::DiskFull,
        () if has(&["Address already in use"]) => Class::PortInUse,
        () => return None,
    })
}

fn by_sql(raised: &Raised, text: &str) -> Option<Class> {
    if !raised.class.starts_with("psycopg") {
        return None;
    }
    let lower = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let unreachable = [
        "could not connect",
        "connection refused",
        "could not translate host",
        "connection to server",
        "timeout expired",
    ];
    let lost = [
        "server closed the connection",
        "terminating connection",
        "connection already closed",
        "ssl connection has been closed",
    ];
    Some(match state(raised) {
        Some(state) => Class::of_state(state),
        None if has(&lost) => Class::ConnectionLost,
        None if has(&unreachable) => Class::ServerUnreachable,
        None if ["OperationalError", "InterfaceError"].contains(&raised.name()) => Class::ConnectionLost,
        None => Class::OtherSql,
    })
}

fn by_name(raised: &Raised, phase: Phase) -> Option<Class> {
    Some(match raised.name() {
        "SyntaxError" | "IndentationError" | "TabError" => Class::PythonSyntax,
        "MemoryError" => Class::OutOfMemory,
        "PermissionError" => Class::FilePermission,
        "XMLSyntaxError" | "DocumentInvalid" | "XMLSchemaError" | "RelaxNGError" => Class::InvalidXml,
        "AssertionError" if phase == Phase::Data => Class::InvalidXml,
        "FileNotFoundError" if [Phase::Data, Phase::Dependencies].contains(&phase) => Class::MissingFile,
        "KeyError" if raised.first().contains('.') && !raised.first().contains(' ') => Class::UnknownModel,
        "UserError" | "ValidationError" | "AccessError" | "RedirectWarning" | "MissingError" => {
            Class::Refused
        }
        "ParseError" if phase == Phase::Data => Class::InvalidXml,
        "CpuTimeLimitExceeded" => Class::Limit,
        _ => return None,
    })
}
