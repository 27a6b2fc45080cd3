//! Modules: those on disk, those of a database, the releases they come from, and what of them cannot be used.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Known;
use crate::base::Digest;
use crate::odoo::{Manifest, ManifestError, MigrationFile, Series};

/// The key of the parameter that holds the digests of the modules' files, as JSON by name. It lies in the database, so that it goes
/// with every copy of it.
pub const MODULE_HASHES: &str = "odpm.module_hashes";

/// Modules, as far as upgrades need to know them.
#[derive(Clone, Debug)]
pub struct ModulesSeen {
    /// The series of Odoo that the project runs.
    pub series: Series,
    /// The database that is meant.
    pub database: String,
    /// What is on the addons path.
    pub disk: DiskModules,
    /// What the database knows.
    pub installed: Known<DatabaseModules>,
    /// The working trees that modules lie in.
    pub releases: Vec<ReleaseSeen>,
    /// The image that Odoo's own modules come from, by name and by digest; `None` for an engine without images.
    pub image: Option<(String, Known<String>)>,
    /// The digests of modules' files, where they were asked for.
    pub hashes: BTreeMap<String, Known<Digest>>,
    /// What of the modules at hand cannot be used; nothing as long as nobody has looked.
    pub fitness: Option<Fitness>,
}

/// What is on the addons path.
#[derive(Clone, Debug, Default)]
pub struct DiskModules {
    /// The folders, in Odoo's order, with why one cannot be read.
    pub folders: Vec<AddonsFolder>,
    /// The modules, by name: of several, the one that Odoo takes.
    pub modules: BTreeMap<String, ModuleOnDisk>,
    /// Modules that are there again, where Odoo does not look any more: their folders.
    pub hidden: BTreeMap<String, Vec<PathBuf>>,
}

/// A folder of the addons path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddonsFolder {
    /// The folder; of an image, the image's.
    pub path: PathBuf,
    /// Whose modules lie there.
    pub origin: Origin,
    /// Why it cannot be read.
    pub trouble: Option<String>,
}

/// Whose a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Odoo's own, from its source or its image.
    Odoo,
    /// The project's.
    Own,
}

/// A module on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleOnDisk {
    /// Its folder; of an image, where it is in the image.
    pub folder: PathBuf,
    /// Whose it is.
    pub origin: Origin,
    /// Whether it lies in an image.
    pub in_image: bool,
    /// The name of its manifest's file.
    pub file: String,
    /// What it says of itself, or why that cannot be understood.
    pub manifest: Result<Manifest, ManifestError>,
    /// The files in its folders of migrations, and in those of the upgrade path.
    pub migrations: Vec<MigrationFile>,
}

/// What a database knows of modules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseModules {
    /// The modules, by name.
    pub modules: BTreeMap<String, ModuleInDatabase>,
    /// The digests of the files as of their last upgrade by odpm; `None` where none were ever recorded.
    pub hashes: Option<BTreeMap<String, Digest>>,
}

/// A module in a database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleInDatabase {
    /// `installed`, `uninstalled`, `to upgrade`, ...
    pub state: String,
    /// The version that is installed.
    pub version: Option<String>,
    /// Whether it came in through Odoo's own pages, and is on no disk.
    pub imported: bool,
    /// The modules that it needs, as of the last time that Odoo looked.
    pub depends: Vec<String>,
}

impl ModuleInDatabase {
    /// Whether it is installed, whatever it waits for.
    pub fn is_installed(&self) -> bool {
        matches!(self.state.as_str(), "installed" | "to upgrade" | "to remove")
    }

    /// Whether an earlier change of it never came to its end.
    pub fn is_pending(&self) -> bool {
        self.state.starts_with("to ")
    }
}

/// A working tree that modules lie in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReleaseSeen {
    /// The folders of the addons path in it.
    pub folders: Vec<PathBuf>,
    /// What git says of it.
    pub tree: Known<Tree>,
}

/// What git says of a working tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tree {
    /// Its top.
    pub root: PathBuf,
    /// The commit.
    pub sha: String,
    /// The branch; `None` where none is checked out.
    pub branch: Option<String>,
    /// Files that are not as committed, at most some of them.
    pub dirty: Vec<String>,
    /// How many there are.
    pub dirty_count: usize,
}

/// What of the modules at hand cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fitness {
    /// Files that are missing or cannot be understood.
    pub files: Vec<FileTrouble>,
    /// How many files were read.
    pub read: usize,
    /// What the Python that runs Odoo has.
    pub python: Known<Environment>,
}

/// A file that is missing or cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileTrouble {
    /// The module.
    pub module: String,
    /// The file.
    pub path: PathBuf,
    /// The line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// What the Python that runs Odoo has of what modules need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// The interpreter and its version.
    pub interpreter: String,
    /// What is missing of Python's packages, and why.
    pub packages: BTreeMap<String, String>,
    /// The programs that are missing.
    pub programs: Vec<String>,
}
