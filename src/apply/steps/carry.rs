//! Steps on what belongs to copied rows outside their tables: files, and fields that are computed.

use crate::base::size::count;
use crate::error::{Error, Result};
use crate::plan::Outcome;
use crate::step::{CopyFiles, HandOverFiles, RecomputeFields, Step};
use crate::world::World;

pub async fn copy_files(step: &CopyFiles, world: &mut World) -> Result<Outcome> {
    let done = world.databases.copy_files(step, world.meter.clone()).await?;
    let carried = &done.carried;
    if step.require_all && carried.missing > 0 {
        let what = format!("{} of copied attachments the source has not", count(carried.missing, "file"));
        let error =
            carried.first_missing.iter().fold(Error::refused(what), |error, name| error.because(name));
        return Err(error.because(format!("all of them are in {}", done.missing.display())));
    }
    let mut told = Vec::new();
    for (many, what) in
        [(carried.linked, "linked"), (carried.copied, "copied"), (carried.there, "there already")]
    {
        if many > 0 {
            told.push(format!("{} {what}", count(many, "file")));
        }
    }
    if carried.missing > 0 {
        let names = carried.first_missing.join(", ");
        let list = done.missing.display();
        told.push(format!(
            "{} MISSING in the source, all in {list}: {names}",
            count(carried.missing, "file")
        ));
    }
    let detail = Some(told.join(", ")).filter(|told| !told.is_empty());
    let Some((list, digest)) = done.added else { return Ok(Outcome { detail, ..Outcome::default() }) };
    let back = HandOverFiles { folder: step.to.clone(), list, digest };
    Ok(Outcome { detail, ..Outcome::changed(vec![Step::HandOverFiles(back)]) })
}

pub async fn hand_over(step: &HandOverFiles, world: &mut World) -> Result<Outcome> {
    let handed = world.databases.hand_over_files(step).await?;
    let told =
        format!("{} left to Odoo's clean-up, which removes what no attachment names", count(handed, "file"));
    Ok(Outcome::stays("Odoo's clean-up is not taken back: it removes nothing that is named").detail(told))
}

/// Files whose rows do not come any more. Tells how many.
pub async fn release(step: &CopyFiles, world: &World) -> Result<Vec<String>> {
    Ok(match world.databases.leave_files(step).await? {
        0 => Vec::new(),
        many => vec![format!(
            "{} that had come: left to Odoo's clean-up, which removes what no attachment names.",
            count(many, "file")
        )],
    })
}

pub async fn recompute(step: &RecomputeFields, world: &mut World) -> Result<Outcome> {
    let told = world.databases.recompute(step, world.hands(&step.operator)?).await?;
    match told.is_empty() {
        true => Ok(Outcome::unchanged()),
        false => Ok(Outcome::stays("what is computed follows from the rows it is computed from")
            .detail(told.join(", "))),
    }
}
