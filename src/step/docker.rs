//! Steps that only containers need.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Brings an image to this machine. One that is there already stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PullImage {
    /// The image with its tag.
    pub image: String,
}

/// Gives the user of an image what it needs of this machine's files. Its number differs from image to
/// image, so the image is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ShareFiles {
    /// The image.
    pub image: String,
    /// Folders that its user shall own.
    pub own: Vec<PathBuf>,
    /// Files that its group shall read; their owner stays.
    pub read: Vec<PathBuf>,
    /// The user, where it is another one than the image runs as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Whether the folders stay readable to the group that odpm works in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub visible: bool,
}
