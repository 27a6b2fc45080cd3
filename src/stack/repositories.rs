//! What pgBackRest needs before a server can push its log to it: folders, its configuration, its keys, a name for the cluster.

use std::path::{Path, PathBuf};

use super::Grounds;
use super::{files, specs};
use crate::facts::{DataDir, Owner};
use crate::plan::{Block, PlannedStep};
use crate::postgresql_conf::pgbackrest::arguments;
use crate::project::Repositories;
use crate::step::{CreateStanza, MakeDir, Pgbackrest, Step, WriteKeys};

/// What is asked for first was added with this version: notes on base backups.
const OLDEST: [u32; 2] = [2, 41];

/// The repositories, where the project has any, and how pgBackRest is called.
fn described<'a>(grounds: &Grounds<'a>) -> Option<(&'a Repositories, Pgbackrest)> {
    let all = grounds.project.archive.as_ref()?.repositories()?;
    let run_as = grounds.seen.engine.run_as.get().copied().flatten();
    Some((all, specs::pgbackrest(grounds.project, all, run_as)))
}

/// What stands in the way of it.
pub fn blocks(grounds: &Grounds<'_>) -> Option<Block> {
    let (all, how) = described(grounds)?;
    let seen = grounds.seen;
    let install = "Install it, on Debian with: apt install pgbackrest";
    let version = match seen.engine.pgbackrest.get() {
        Some(version) => version,
        None if seen.engine.available.get().is_none() => return None,
        None => {
            let why = seen.engine.pgbackrest.why().unwrap_or_default();
            let block = Block::environment("pgbackrest_missing", "pgBackRest is not on this machine");
            return Some(block.because(why).hint(install));
        }
    };
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    if numbers.as_slice() < OLDEST.as_slice() {
        let [major, minor] = OLDEST;
        let block = Block::environment("pgbackrest_old", format!("pgBackRest {version} is too old"));
        return Some(block.because(format!("odpm needs {major}.{minor} or later")).hint(install));
    }
    let taken = all.folders().find(|folder| seen.folders.contains(&all.place_in(folder)));
    let new = matches!(seen.data_dir, DataDir::Absent | DataDir::Empty);
    taken.filter(|_| new).map(|folder| {
        let what = format!("{} holds another cluster under the name {}", folder.display(), all.stanza);
        Block::refused("stanza_taken", what)
            .because(format!(
                "{} holds none, and a new one under that name would be taken for the old one",
                grounds.project.postgres.data.display()
            ))
            .hint(format!("Begin with a name of its own in odpm.yaml: archive: {{stanza: {}2}}", all.stanza))
            .hint(format!(
                "If the old cluster is what you want, bring it back to its place, as the server's account: pgbackrest {} restore",
                arguments(&how.config, &how.keys, &how.stanza).join(" ")
            ))
    })
}

/// The folders that are missing. pgBackRest writes there as the server's account.
pub fn folders(grounds: &Grounds<'_>) -> Vec<PlannedStep> {
    let Some((all, how)) = described(grounds) else { return Vec::new() };
    let missing = |path: &PathBuf| !grounds.seen.folders.contains(path);
    let make = |id: String, path: PathBuf, mode: u32, owner: Option<Owner>, reason: &str| {
        PlannedStep::new(id, Step::MakeDir(MakeDir { path, mode, owner }), reason)
    };
    let keys = Some(how.keys.clone()).filter(missing);
    let keys = keys.map(|path| {
        make(
            "pgbackrest-folder".to_owned(),
            path,
            0o700,
            how.run_as,
            "pgBackRest keeps its keys and locks there",
        )
    });
    let repositories = all.folders().map(Path::to_owned).filter(missing).enumerate().map(|(at, path)| {
        make(format!("repository-{}", at + 1), path, 0o750, how.run_as, "the server keeps its log there")
    });
    keys.into_iter().chain(repositories).collect()
}

/// What is secret of the configuration, where it is not as wanted. It goes into a folder that [`folders`] makes.
pub fn keys(grounds: &Grounds<'_>) -> Option<PlannedStep> {
    let (all, how) = described(grounds)?;
    let options: Vec<String> = all.keys().into_iter().map(|(option, _)| option).collect();
    if options.is_empty() || !options.iter().any(|option| grounds.seen.stale_secrets.contains(option)) {
        return None;
    }
    let step = WriteKeys { path: specs::keys_file(&how), owner: how.run_as, options };
    Some(PlannedStep::new("pgbackrest-keys", Step::WriteKeys(step), "only the server's account reads them"))
}

/// Makes the cluster known, where that may not be so yet: before the server starts, for it may finish a segment at once.
pub fn introduce(steps: &mut Vec<PlannedStep>, grounds: &Grounds<'_>) {
    let Some((all, pgbackrest)) = described(grounds) else { return };
    let known = all.folders().all(|folder| grounds.seen.folders.contains(&all.place_in(folder)));
    let changed = steps.iter().any(|step| {
        step.id == files::PGBACKREST || matches!(step.step, Step::WriteKeys(_) | Step::InitCluster(_))
    });
    if known && !changed {
        return;
    }
    let start = steps.iter().position(|step| matches!(step.step, Step::StartServer(_)));
    let reason = "without that pgBackRest keeps nothing of it";
    let step = PlannedStep::new("create-stanza", Step::CreateStanza(CreateStanza { pgbackrest }), reason);
    steps.insert(start.unwrap_or(steps.len()), step);
}
