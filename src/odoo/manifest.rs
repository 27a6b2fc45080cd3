//! [`Manifest`]: what a module says of itself in `__manifest__.py`, of which upgrades need to know.

use serde::{Deserialize, Serialize};

use super::version::{Adapted, adapt};
use super::{Literal, LiteralError, Series};

/// The names that a manifest may have; the first one that is there counts. The second is of times before Odoo 10.
pub const MANIFESTS: [&str; 2] = ["__manifest__.py", "__openerp__.py"];

/// What a module says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// What people call it.
    pub name: String,
    /// Its version as it is written; `1.0` where none is.
    pub version: String,
    /// The modules that it needs.
    pub depends: Vec<String>,
    /// What it needs of Python, as pip names it.
    pub python: Vec<String>,
    /// The programs that it needs.
    pub programs: Vec<String>,
    /// Packages of the system that it names; nobody checks them.
    pub packages: Vec<String>,
    /// Whether it can be installed.
    pub installable: bool,
    /// The modules with which it is installed by itself; `None` where it never is.
    pub auto_install: Option<Vec<String>>,
    /// The countries whose companies it is for; everybody's where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
    /// Whether it is shown as an application.
    pub application: bool,
    /// The data files that every update loads, in order.
    pub data: Vec<String>,
    /// Those of a database with demonstration data.
    pub demo: Vec<String>,
}

/// Why a manifest cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestError {
    /// The line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl From<LiteralError> for ManifestError {
    fn from(LiteralError { line, message }: LiteralError) -> Self {
        Self { line, message }
    }
}

impl Manifest {
    /// Reads a manifest. A value of a kind that Odoo itself would fail at is refused.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let all = Literal::parse(text)?;
        if !matches!(all, Literal::Dict(_)) {
            return Err(whole(format!("a manifest is a dictionary, and not {}", all.kind())));
        }
        let depends = texts(&all, "depends")?;
        let external = all.get("external_dependencies").filter(|value| value.is_true());
        if let Some(other) = external.filter(|value| !matches!(value, Literal::Dict(_))) {
            return Err(whole(format!("external_dependencies is a dictionary, and not {}", other.kind())));
        }
        let needs = |kind: &str| external.map_or_else(|| Ok(Vec::new()), |all| texts(all, kind));
        let data = ["init_xml", "update_xml", "data"].map(|key| texts(&all, key));
        let demo = ["demo_xml", "demo"].map(|key| texts(&all, key));
        Ok(Self {
            name: all.get("name").and_then(Literal::text).unwrap_or_default().to_owned(),
            version: version(&all)?,
            auto_install: auto_install(&all, &depends)?,
            depends,
            python: needs("python")?,
            programs: needs("bin")?,
            packages: needs("apt").unwrap_or_default(),
            installable: all.get("installable").is_none_or(Literal::is_true),
            countries: texts(&all, "countries").unwrap_or_default(),
            application: all.get("application").is_some_and(Literal::is_true),
            data: joined(data)?,
            demo: joined(demo)?,
        })
    }

    /// Its version as Odoo of this series completes it.
    pub fn adapted(&self, series: &Series) -> Adapted {
        adapt(&self.version, series)
    }

    /// The modules that it needs as Odoo of this series takes them: from 19 on every one but `base` needs `base`.
    pub fn needs(&self, own: &str, series: &Series) -> Vec<String> {
        match (series.major() >= 19, own == "base", self.depends.is_empty()) {
            (true, true, _) => Vec::new(),
            (true, false, true) => vec!["base".to_owned()],
            _ => self.depends.clone(),
        }
    }
}

fn whole(message: String) -> ManifestError {
    ManifestError { line: 0, message }
}

fn version(all: &Literal) -> Result<String, ManifestError> {
    match all.get("version") {
        None => Ok("1.0".to_owned()),
        Some(Literal::Text(text)) => Ok(text.clone()),
        Some(other) => Err(whole(format!("the version is text, and not {}: put it in quotes", other.kind()))),
    }
}

fn auto_install(all: &Literal, depends: &[String]) -> Result<Option<Vec<String>>, ManifestError> {
    let Some(value) = all.get("auto_install") else { return Ok(None) };
    let Some(_) = value.items() else {
        return Ok(value.is_true().then(|| depends.to_vec()));
    };
    let triggers = texts(all, "auto_install")?;
    match triggers.iter().find(|trigger| !depends.contains(trigger)) {
        Some(stranger) => Err(whole(format!("auto_install names {stranger}, which it does not depend on"))),
        None => Ok(Some(triggers)),
    }
}

/// The texts of a list; none where the key is missing or says nothing.
fn texts(all: &Literal, key: &str) -> Result<Vec<String>, ManifestError> {
    let Some(value) = all.get(key).filter(|value| value.is_true()) else { return Ok(Vec::new()) };
    let list = || whole(format!("{key} is a list of texts"));
    let items = value.items().ok_or_else(list)?;
    items.iter().map(|item| item.text().map(str::to_owned).ok_or_else(list)).collect()
}

fn joined<const N: usize>(
    lists: [Result<Vec<String>, ManifestError>; N],
) -> Result<Vec<String>, ManifestError> {
    Ok(lists.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_says_what_upgrades_need() {
        let text = "# Part of the shop.\n{\n 'name': 'Rent' 's',\n 'depends': ['base', \"sale\"],\n\
            'external_dependencies': {'python': ['phonenumbers>=8'], 'bin': ('wkhtmltopdf',), 'apt': {'a': 'b'}},\n\
            'auto_install': ['sale'], 'data': ['a.xml'], 'update_xml': ['old.xml'], 'application': 1,\n}\n";
        let read = Manifest::parse(text).unwrap();
        assert_eq!((read.name.as_str(), read.version.as_str()), ("Rents", "1.0"));
        assert_eq!(read.depends, ["base", "sale"]);
        assert_eq!(
            (read.python.as_slice(), read.programs.as_slice()),
            (&["phonenumbers>=8".to_owned()][..], &["wkhtmltopdf".to_owned()][..])
        );
        assert_eq!(read.auto_install.as_deref(), Some(&["sale".to_owned()][..]));
        assert_eq!(read.data, ["old.xml", "a.xml"]);
        assert!(read.installable && read.application);
    }

    #[test]
    fn what_odoo_would_fail_at_is_refused() {
        for (text, line, said) in [
            ("{'name': 'a'", 1, "never closed"),
            ("{'name': _('a')}", 1, "_ is a name"),
            ("['a']", 0, "not a list"),
            ("{\n'version': 1.0}", 0, "put it in quotes"),
            ("{'depends': 'base'}", 0, "depends is a list of texts"),
            ("{'depends': ['base', 1]}", 0, "depends is a list of texts"),
            ("{'auto_install': ['sale'], 'depends': ['base']}", 0, "auto_install names sale"),
            ("{'external_dependencies': ['a']}", 0, "is a dictionary"),
            ("{\n'a': 1\n'b': 2}", 3, "a comma is missing"),
        ] {
            let error = Manifest::parse(text).unwrap_err();
            assert!(error.line == line && error.message.contains(said), "{text}: {error:?}");
        }
    }

    #[test]
    fn false_and_none_are_nothing() {
        let read =
            Manifest::parse("{'depends': None, 'data': False, 'installable': False, 'auto_install': True}")
                .unwrap();
        assert_eq!((read.depends.len(), read.data.len(), read.installable), (0, 0, false));
        assert_eq!(read.auto_install.as_deref(), Some(&[][..]));
    }
}
