//! Upgrades that are not at their end, and what is to become of them.

use crate::cli::give_up;
use crate::cli::session::Session;
use crate::error::Result;
use crate::facts::{UpgradeEnd, UpgradeSeen};
use crate::report::Ui;
use crate::state::{self, StateDir};

/// What upgrades before this one have left to it.
#[derive(Debug, Default)]
pub struct Earlier {
    /// Attempts that are not at their end, the first one first.
    pub open: Vec<UpgradeSeen>,
    /// An upgrade that was taken back, and whose services wait for its turn to end.
    pub rolled_back: Option<UpgradeSeen>,
}

impl Earlier {
    /// What is on record. `forward`: whether attempts that are not at their end are gone on from.
    pub fn of(state: &StateDir, named: Option<&str>, forward: bool) -> Result<Self> {
        let held = state::contained(state)?.filter(|held| held.upgrade.is_some());
        let ours = |database: &str| named.is_none_or(|named| named == database);
        let Some(held) = held.filter(|held| ours(&held.database)) else { return Ok(Self::default()) };
        let mut all = state::upgrades(state)?;
        all.retain(|seen| seen.record.database == held.database && !seen.record.rehearsal);
        let (mut open, ended): (Vec<_>, Vec<_>) = all.into_iter().partition(UpgradeSeen::is_open);
        let rolled_back = ended.into_iter().rev().find(|seen| seen.ended(UpgradeEnd::RolledBack));
        let rolled_back = rolled_back.filter(|_| open.is_empty());
        open.retain(|_| forward);
        Ok(Self { open, rolled_back })
    }
}

/// An upgrade's run that is not at its end is given up: what it did is taken back otherwise. That of an upgrade of another database
/// stands in the way.
pub async fn give_up_run(session: &Session, database: &str, ui: Ui) -> Result<()> {
    let unfinished = state::unfinished_journal(&session.loaded.state)?;
    let Some(journal) = unfinished.filter(|journal| journal.plan.command.starts_with("upgrade")) else {
        return Ok(());
    };
    let all = state::upgrades(&session.loaded.state)?;
    let other = all.iter().find(|one| one.record.run == journal.plan.run);
    if other.is_some_and(|other| other.record.database != database) {
        return Ok(());
    }
    give_up::abandon(session, &journal, None, ui).await.map(drop)
}

/// Attempts at one upgrade that are not at their end, the first one first: what that began with is what they go back to.
pub fn attempts(session: &Session, seen: UpgradeSeen) -> Result<Vec<UpgradeSeen>> {
    if !seen.is_open() {
        return Ok(vec![seen]);
    }
    let mut all = state::upgrades(&session.loaded.state)?;
    all.retain(|other| other.is_open() && other.record.database == seen.record.database);
    Ok(all)
}
