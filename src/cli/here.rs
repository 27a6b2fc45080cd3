use std::path::Path;

use super::status;
use crate::error::Result;
use crate::observe;
use crate::report::{self, Ui};

/// `odpm` alone: where the project stands, and the next sensible command.
pub async fn run(start: &Path, ui: Ui) -> Result<u8> {
    if let Err(error) = observe::find(start) {
        ui.answer(&report::no_project(&error));
        return Ok(0);
    }
    let (status, _) = status::look(start).await?;
    ui.answer(&format!("{}\n{}", report::status(&status), report::next(&status)));
    Ok(0)
}
