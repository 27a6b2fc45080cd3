//! The scripts among the project's checks, as they are now.

use super::Loaded;
use crate::error::{Error, Result};
use crate::state;
use crate::step::ShellCheck;

/// Each script with the digest of its text.
pub fn shell_checks(loaded: &Loaded) -> Result<Vec<ShellCheck>> {
    let all = loaded.project.shell_checks().into_iter();
    all.map(|(name, path)| {
        if !path.is_file() {
            let error = Error::input(format!("the check {name} has no script"));
            return Err(error
                .because(format!("there is no file {}", path.display()))
                .hint("Write it, or mend its path under checks in odpm.yaml."));
        }
        let sha256 = state::digest_of(&path)?;
        Ok(ShellCheck { name, path, sha256 })
    })
    .collect()
}
