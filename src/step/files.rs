//! Steps on files and folders.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::base::{Digest, SecretRef};
use crate::facts::Owner;
use crate::odoo_conf::ConfEdit;

/// Makes a folder and the folders above it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MakeDir {
    /// Where.
    pub path: PathBuf,
    /// Permission bits of the last folder.
    pub mode: u32,
    /// Who shall own the last folder; nobody else when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// Makes a secret of 32 random letters and digits. One that is there already stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GenerateSecret {
    /// Which.
    pub secret: SecretRef,
}

/// Writes a file that odpm renders; its text holds no secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WriteFile {
    /// Where.
    pub path: PathBuf,
    /// The whole text.
    pub content: String,
    /// Permission bits.
    pub mode: u32,
    /// The digest of the text that it replaces; `None` where there was no file. The step stops when
    /// something else is there by then.
    pub before: Option<Digest>,
}

/// Sets managed options in `odoo.conf`; everything else in the file stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EditConf {
    /// Where.
    pub path: PathBuf,
    /// What to set, in order.
    pub edits: Vec<ConfEdit>,
    /// Permission bits of a new file; an old file keeps its own.
    pub mode: u32,
    /// The digest of the text that it edits; `None` where there was no file.
    pub before: Option<Digest>,
}

/// Removes a file that odpm wrote, provided that nobody has changed it since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RemoveFile {
    /// Where.
    pub path: PathBuf,
    /// The digest of the text that may be removed.
    pub expect: Digest,
}

/// Puts back a file as a run found it, from the copy that the run kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RestoreFile {
    /// Where.
    pub path: PathBuf,
    /// The copy.
    pub copy: PathBuf,
    /// The digest of the text that may be replaced.
    pub expect: Digest,
}
