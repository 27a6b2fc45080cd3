//! What the watchdog found, as one page.

use crate::watchdog::Findings;

/// The findings as a page that needs nothing beside itself.
pub fn findings_page(found: &Findings) -> String {
    super::findings(found)
}
