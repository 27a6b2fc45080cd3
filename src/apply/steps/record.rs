//! The step that replaces the baseline.

use crate::base::time::utc_seconds;
use crate::error::Result;
use crate::facts::Companion;
use crate::plan::Outcome;
use crate::step::RecordBaseline;
use crate::world::World;

pub async fn record_baseline(step: &RecordBaseline, world: &mut World) -> Result<Outcome> {
    let secret = world.secret(&step.secret)?;
    let identifier = world.database.system_identifier(step, &secret).await?;
    let mut baseline = step.baseline.clone();
    baseline.recorded_at = utc_seconds(world.clock.now());
    let path = std::path::Path::new(&baseline.compose.data_path_abs).to_owned();
    // A server that answers has a data directory, even where this process may not look into it.
    baseline.cluster.data_dir_nonempty = true;
    let elsewhere = step.endpoint.tls.is_some();
    if !elsewhere {
        let data = world.engine.data_dir(&path).await;
        baseline.cluster.data_dir_nonempty = data.nonempty().unwrap_or(true);
        baseline.cluster.pg_major = data.cluster().map(|files| files.major.0).or(baseline.cluster.pg_major);
    }
    baseline.cluster.app_role_present = Some(true);
    let companion = Companion {
        format_version: 1,
        run: Some(step.run.clone()),
        engine: Some(step.engine.clone()),
        system_identifier: Some(identifier.to_string()),
        accepted: step.accepted.clone(),
        ..Companion::default()
    };
    let mut undo = Vec::new();
    for path in world.files.baseline_files() {
        world.files.keep(&path)?;
        undo.push(path);
    }
    world.files.record(&baseline, &companion)?;
    let undo = undo.iter().map(|path| super::files::take_back(path, world)).collect::<Result<Vec<_>>>()?;
    Ok(Outcome::changed(undo))
}
