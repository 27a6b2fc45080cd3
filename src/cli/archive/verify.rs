use std::path::Path;

use super::described;
use crate::archive_file;
use crate::base::{Meter, Secret};
use crate::cli::session::Session;
use crate::engine::Tool;
use crate::error::Result;
use crate::facts::{ArchiveSeen, Known, segment_bytes};
use crate::grounds::specs;
use crate::observe::{self, Depth};
use crate::project::{ArchiveFolder, ArchiveMethod, Repositories};
use crate::report::{self, Format, Ui};
use crate::step::Operator;

/// Prove the archive: every file of every base backup, every segment of the log, no gap between them
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odpm archive verify")]
pub struct Args {
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let archive = described(&session)?;
    let seen = observe::archive(&session.loaded).await?;
    let mut proof = match &archive.method {
        ArchiveMethod::Basebackup(folder) => in_folder(folder, &seen, &session).await?,
        ArchiveMethod::Pgbackrest(all) => in_repositories(all, &seen, &session).await,
    };
    proof.wrong.extend(seen.gaps());
    ui.answer(&match args.format {
        Format::Text => report::archive_proof(&proof),
        Format::Json => report::json(&proof)?,
    });
    Ok(if proof.wrong.is_empty() { 0 } else { 1 })
}

/// Reads what odpm itself keeps.
async fn in_folder(
    folder: &ArchiveFolder,
    seen: &ArchiveSeen,
    session: &Session,
) -> Result<report::ArchiveProof> {
    let view = session.observe(Depth::Live).await?;
    let operator = session.operator(&view);
    let mut proof = report::ArchiveProof::default();
    for base in &seen.bases {
        let Some(operator) = &operator else {
            proof.notes.push("PostgreSQL's programs are not here: no base backup was read".to_owned());
            continue;
        };
        match read_base(operator, &folder.base().join(&base.id), session).await {
            Ok(()) => proof.bases.push(base.id.clone()),
            Err(e) => proof.wrong.push(format!("{}: {e}", base.id)),
        }
    }
    let cluster = match (&seen.archiver, seen.bases.last()) {
        (Known::Known(archiver), _) => Some(archiver.system_identifier),
        (_, newest) => newest.map(|base| base.system_identifier),
    };
    let segment_bytes = segment_bytes(&seen.bases);
    if let Some(cluster) = cluster {
        let (wal, kept) = (folder.wal(), seen.segments.clone());
        let meter = Meter::default();
        let log = crate::process::blocking(move || {
            Ok(archive_file::prove_log(&wal, &kept, segment_bytes, cluster, &meter))
        });
        let log = log.await?;
        (proof.segments, proof.bytes) = (log.whole, log.bytes);
        proof.wrong.extend(log.wrong);
    }
    Ok(proof)
}

async fn read_base(operator: &Operator, place: &Path, session: &Session) -> Result<()> {
    // It logs in nowhere.
    let nobody = Secret::new("");
    // The log since is proved by itself, and has more than the backup's own.
    let args = ["--no-parse-wal".to_owned(), place.display().to_string()].to_vec();
    let tool = Tool {
        operator,
        program: "pg_verifybackup",
        args,
        role: &operator.role,
        secret: &nobody,
        database: None,
        paths: vec![place],
        output: None,
    };
    session.engine.tool(tool).await
}

/// Has pgBackRest read each of its repositories.
async fn in_repositories(all: &Repositories, seen: &ArchiveSeen, session: &Session) -> report::ArchiveProof {
    let how = specs::pgbackrest(&session.loaded.project, all, None);
    let mut proof = report::ArchiveProof::default();
    for repository in &seen.repositories {
        let place = format!("repository {} ({})", repository.number, repository.place);
        match archive_file::pgbackrest::verify(&how, repository.number).await {
            Ok(found) => {
                proof.bases.extend(found.bases.iter().map(|label| format!("{label} in {place}")));
                proof.segments += found.segments;
                proof.wrong.extend(found.wrong.iter().map(|wrong| format!("{place}: {wrong}")));
            }
            Err(e) => proof.wrong.push(format!("{place}: {e}")),
        }
    }
    let bytes = seen.archiver.get().map_or(segment_bytes(&seen.bases), |archiver| archiver.segment_bytes);
    proof.bytes = proof.segments * bytes;
    proof
}
