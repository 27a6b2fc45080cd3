//! Steps on roles and logins.

use crate::error::Result;
use crate::plan::Outcome;
use crate::step::{EnsureRoles, VerifyLogin};
use crate::world::World;

pub async fn ensure_roles(step: &EnsureRoles, world: &mut World) -> Result<Outcome> {
    let (admin, app) = (world.secret(&step.admin)?, world.secret(&step.app)?);
    let done = world.database.ensure_roles(step, &admin, &app).await?;
    if done.is_empty() {
        return Ok(Outcome::unchanged());
    }
    Ok(Outcome::stays("roles, passwords and extensions stay as they are now").detail(done.join(", ")))
}

pub async fn verify_login(step: &VerifyLogin, world: &mut World) -> Result<Outcome> {
    let secret = world.secret(&step.secret)?;
    world.database.verify_login(step, &secret).await?;
    Ok(Outcome::unchanged())
}
