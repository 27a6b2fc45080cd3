use std::path::Path;

use super::described;
use crate::archive_file;
use crate::base::{Meter, Secret};
use crate::cli::session::Session;
use crate::engine::Tool;
use crate::error::Result;
use crate::facts::{Known, segment_bytes};
use crate::observe::{self, Depth};
use crate::report::{self, Format, Ui};

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
    let view = session.observe(Depth::Live).await?;
    let seen = observe::archive(&session.loaded).await?;
    let mut proof = report::ArchiveProof::default();
    for base in &seen.bases {
        let place = archive.base().join(&base.id);
        match session.operator(&view) {
            Some(operator) => {
                // It logs in nowhere.
                let nobody = Secret::new("");
                // The log since is proved below, and has more than the backup's own.
                let args = ["--no-parse-wal".to_owned(), place.display().to_string()].to_vec();
                let tool = Tool {
                    operator: &operator,
                    program: "pg_verifybackup",
                    args,
                    role: &operator.role,
                    secret: &nobody,
                    database: None,
                    paths: vec![&place],
                    output: None,
                };
                match session.engine.tool(tool).await {
                    Ok(()) => proof.bases.push(base.id.clone()),
                    Err(e) => proof.wrong.push(format!("{}: {e}", base.id)),
                }
            }
            None => {
                proof.notes.push("PostgreSQL's programs are not here: no base backup was read".to_owned())
            }
        }
    }
    let cluster = match (&seen.archiver, seen.bases.last()) {
        (Known::Known(archiver), _) => Some(archiver.system_identifier),
        (_, newest) => newest.map(|base| base.system_identifier),
    };
    let segment_bytes = segment_bytes(&seen.bases);
    if let Some(cluster) = cluster {
        let (wal, kept) = (archive.wal(), seen.segments.clone());
        let meter = Meter::default();
        let log = crate::process::blocking(move || {
            Ok(archive_file::prove_log(&wal, &kept, segment_bytes, cluster, &meter))
        });
        let log = log.await?;
        (proof.segments, proof.bytes) = (log.whole, log.bytes);
        proof.wrong.extend(log.wrong);
    }
    proof.wrong.extend(seen.gaps());
    ui.answer(&match args.format {
        Format::Text => report::archive_proof(&proof),
        Format::Json => report::json(&proof)?,
    });
    Ok(if proof.wrong.is_empty() { 0 } else { 1 })
}
