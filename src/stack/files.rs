//! The steps on files: secrets, rendered files, `odoo.conf`, folders.

use std::path::{Path, PathBuf};

use super::Grounds;
use super::{repositories, specs};
use crate::base::SecretRef;
use crate::compose;
use crate::facts::{FileSeen, Owner};
use crate::plan::PlannedStep;
use crate::postgresql_conf;
use crate::project::{Archive, ArchiveFolder, EngineKind};
use crate::step::{ConfValue, EditConf, GenerateSecret, MakeDir, PullImage, ShareFiles, Step, WriteFile};

/// The step that writes `pgbackrest.conf`.
pub const PGBACKREST: &str = "pgbackrest-conf";

/// Secrets that odpm makes because nobody gives them.
pub fn secrets(grounds: &Grounds<'_>) -> Vec<PlannedStep> {
    let Grounds { project, seen, .. } = *grounds;
    let mut steps = Vec::new();
    if !seen.admin_secret && project.postgres.external.is_none() {
        let step = Step::GenerateSecret(GenerateSecret { secret: SecretRef::AdminPassword });
        steps.push(PlannedStep::new(
            "admin-password",
            step,
            "odpm needs a role of its own to look after the others",
        ));
    }
    if project.postgres.password.is_none() && !seen.app_secret {
        let step = Step::GenerateSecret(GenerateSecret { secret: SecretRef::AppPassword });
        steps.push(PlannedStep::new("app-password", step, "postgres.password gives none"));
    }
    steps
}

/// The images that are not on this machine; Odoo's, where a service of it is to run.
pub fn images(grounds: &Grounds<'_>) -> Vec<PlannedStep> {
    let of_odoo = |image: &String| *image == grounds.project.odoo.image;
    let missing =
        grounds.seen.engine.missing_images.iter().filter(|image| !of_odoo(image) || odoo_runs(grounds));
    let pull = |image: &String| {
        let id = if *image == grounds.project.postgres.image { "pull-postgres" } else { "pull-odoo" };
        let step = Step::PullImage(PullImage { image: image.clone() });
        PlannedStep::new(id, step, "it is not on this machine yet")
    };
    missing.map(pull).collect()
}

fn odoo_runs(grounds: &Grounds<'_>) -> bool {
    grounds.project.odoo.services.values().any(|service| service.replicas > 0)
}

/// Lets the user of Odoo's image at Odoo's files, once they are there or whenever they were made anew. Where no service runs,
/// what runs for once still reads them.
pub fn shared(changed: bool, grounds: &Grounds<'_>) -> Option<PlannedStep> {
    let Grounds { project, baseline, seen, .. } = *grounds;
    let there = odoo_runs(grounds) || !seen.engine.missing_images.contains(&project.odoo.image);
    let readable = seen.modes.get(&project.odoo_conf()).is_some_and(|mode| mode & 0o040 != 0);
    let needed = changed || baseline.get().is_none() || !readable;
    let step = Step::ShareFiles(ShareFiles {
        image: project.odoo.image.clone(),
        own: vec![project.odoo.data_dir.clone()],
        read: vec![project.odoo_conf()],
        user: None,
        visible: false,
    });
    (project.engine == EngineKind::Docker && there && needed)
        .then(|| PlannedStep::new("share-files", step, "Odoo runs as a user of its image"))
}

/// The files that odpm renders, where their text is not as wanted.
pub fn rendered(grounds: &Grounds<'_>) -> Vec<PlannedStep> {
    let Grounds { project, seen, .. } = *grounds;
    let (conf, text) = specs::rendered_conf(grounds);
    let mut wanted = Vec::new();
    if project.postgres.external.is_none() {
        wanted.push(("postgresql-conf", conf, text));
    }
    if project.engine == EngineKind::Local
        && project.postgres.external.is_none()
        && seen.data_dir.cluster().is_some_and(|files| !files.has_hba)
    {
        wanted.push((
            "pg-hba-conf",
            specs::rendered(project, "pg_hba.conf"),
            postgresql_conf::HBA.to_owned(),
        ));
    }
    if project.archive.as_ref().and_then(Archive::folder).is_some() {
        let text = postgresql_conf::ARCHIVE.to_owned();
        wanted.push(("archive-script", specs::rendered(project, "archive.sh"), text));
    }
    if let Some(text) = specs::pgbackrest_conf(grounds) {
        wanted.push((PGBACKREST, specs::rendered(project, "pgbackrest.conf"), text));
    }
    if project.engine == EngineKind::Docker
        && let Ok(text) = compose::render(project, &specs::compose_configs(grounds))
    {
        wanted.push(("compose-file", project.root.join("docker-compose.yml"), text));
    }
    wanted.into_iter().filter_map(|(id, path, text)| write(id, path, text, grounds)).collect()
}

fn write(id: &str, path: PathBuf, content: String, grounds: &Grounds<'_>) -> Option<PlannedStep> {
    let now = grounds.seen.files.get(&path).unwrap_or(&FileSeen::Absent);
    if now.text() == Some(content.as_str()) {
        return None;
    }
    let reason = match now {
        FileSeen::Text(_) => "it is not as odpm.yaml describes it".to_owned(),
        FileSeen::Absent => "there is none yet".to_owned(),
        FileSeen::Unreadable(why) => format!("what is there cannot be read: {why}"),
    };
    let step = Step::WriteFile(WriteFile { path, content, mode: 0o644, before: now.digest() });
    Some(PlannedStep::new(id, step, reason))
}

/// The options of `odoo.conf` that are not as wanted, in one step.
pub fn odoo_conf(grounds: &Grounds<'_>) -> Option<PlannedStep> {
    let edits = specs::conf_edits(grounds);
    if edits.is_empty() {
        return None;
    }
    let path = grounds.project.odoo_conf();
    let now = grounds.seen.files.get(&path).unwrap_or(&FileSeen::Absent);
    let reason = match now.text() {
        None => "there is none yet".to_owned(),
        Some(_) => {
            let names: Vec<&str> = edits.iter().map(|edit| edit.option.as_str()).collect();
            format!(
                "{} not as odpm.yaml describes",
                if names.len() == 1 {
                    format!("{} is", names.join(""))
                } else {
                    format!("{} are", names.join(", "))
                }
            )
        }
    };
    let before = now.digest();
    Some(PlannedStep::new("odoo-conf", Step::EditConf(EditConf { path, edits, mode: 0o600, before }), reason))
}

/// Whether `odoo.conf` gets another password: a running Odoo has to be started anew to read it.
pub fn changes_secrets(grounds: &Grounds<'_>) -> bool {
    specs::conf_edits(grounds).iter().any(|edit| matches!(edit.value, ConfValue::Secret(_)))
}

/// The folders that have to be there: above the data directory, and Odoo's own.
pub fn folders(skip_start: bool, grounds: &Grounds<'_>) -> Vec<PlannedStep> {
    let Grounds { project, seen, .. } = *grounds;
    let missing = |path: &Path| !seen.folders.iter().any(|there| there == path);
    // A volume's folders are the engine's.
    let own = project.postgres.external.is_none() && project.postgres.volume.is_none();
    let mut steps = Vec::new();
    if let Some(parent) =
        project.postgres.data.parent().filter(|parent| !skip_start && own && missing(parent))
    {
        let step = Step::MakeDir(MakeDir { path: parent.to_owned(), mode: 0o755, owner: None::<Owner> });
        steps.push(PlannedStep::new("data-folder", step, "the data directory goes there"));
    }
    let folder = project.archive.as_ref().and_then(Archive::folder);
    if let Some(archive) = folder.filter(|archive| !skip_start && missing(&archive.wal())) {
        steps.extend(archive_folders(archive, grounds));
    }
    if !skip_start {
        steps.extend(repositories::folders(grounds));
        steps.extend(repositories::keys(grounds));
    }
    if project.odoo.volume.is_none() && missing(&project.odoo.data_dir) {
        let step = Step::MakeDir(MakeDir { path: project.odoo.data_dir.clone(), mode: 0o700, owner: None });
        steps.push(PlannedStep::new("odoo-folder", step, "Odoo keeps its files there"));
    }
    steps
}

/// The folders of the archive. The server writes into the one for its log.
fn archive_folders(archive: &ArchiveFolder, grounds: &Grounds<'_>) -> Vec<PlannedStep> {
    let reason = "the server keeps its log there";
    let run_as = grounds.seen.engine.run_as.get().copied().flatten();
    let folder = |id: &str, path: PathBuf, mode: u32, owner: Option<Owner>| {
        PlannedStep::new(id, Step::MakeDir(MakeDir { path, mode, owner }), reason)
    };
    [
        folder("archive-folder", archive.path.clone(), 0o755, None),
        folder("log-folder", archive.wal(), 0o750, run_as),
    ]
    .into()
}

/// Gives the server in its container the folder of its log.
pub fn shared_archive(grounds: &Grounds<'_>) -> Option<PlannedStep> {
    let Grounds { project, seen, .. } = *grounds;
    let archive = project.archive.as_ref().filter(|_| project.engine == EngineKind::Docker)?;
    let wal = archive.folder()?.wal();
    if seen.modes.get(&wal).is_some_and(|mode| mode & 0o2000 != 0) {
        return None;
    }
    let step = ShareFiles {
        image: project.postgres.image.clone(),
        own: vec![wal],
        read: Vec::new(),
        user: Some("postgres".to_owned()),
        visible: true,
    };
    Some(PlannedStep::new("share-archive", Step::ShareFiles(step), "the server keeps its log there"))
}
