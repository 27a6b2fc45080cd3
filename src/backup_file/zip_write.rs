//! Writes Odoo's own zip.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::files::Files;
use super::{CHUNK, Chunks, DUMP, MANIFEST, cannot};
use crate::base::Meter;
use crate::error::{Error, Result};
use crate::facts::{FilestoreFacts, OdooManifest};

/// How hard the script is pressed: beyond this it takes much longer and gets little smaller.
const LEVEL: i64 = 3;

/// Writes a zip of the script, which comes in chunks, the manifest, and the files of a folder, in this order. An error in the
/// chunks ends it.
pub fn write_zip(
    to: &Path,
    mut chunks: Chunks,
    manifest: &OdooManifest,
    files: Option<&Path>,
    meter: &Meter,
) -> Result<Option<FilestoreFacts>> {
    let file = File::create(to).map_err(|e| cannot("write", to, &e))?;
    let mut zip = ZipWriter::new(BufWriter::with_capacity(CHUNK, file));
    let failed = |e: io::Error| cannot("write", to, &e);
    let begin = |zip: &mut ZipWriter<_>, name: &str, method, large| {
        let options = SimpleFileOptions::default().compression_method(method).unix_permissions(0o644);
        let level = (method == CompressionMethod::Deflated).then_some(LEVEL);
        let options = options.compression_level(level).large_file(large);
        zip.start_file(name, options).map_err(|e| failed(io::Error::other(e)))
    };

    begin(&mut zip, DUMP, CompressionMethod::Deflated, true)?;
    while let Some(chunk) = chunks.blocking_recv() {
        zip.write_all(&chunk?).map_err(failed)?;
    }
    begin(&mut zip, MANIFEST, CompressionMethod::Deflated, false)?;
    let text = serde_json::to_string_pretty(manifest)
        .map_err(|e| Error::internal("cannot write a manifest").caused_by(&e))?;
    zip.write_all(text.as_bytes()).map_err(failed)?;

    let mut facts = None;
    if let Some(folder) = files {
        let mut seen = FilestoreFacts::default();
        let listing = Files::of(folder)?;
        meter.begin(listing.bytes());
        let mut buffer = vec![0; CHUNK];
        for (name, bytes) in listing.0 {
            let path = folder.join(&name);
            let mut from = match File::open(&path) {
                Ok(from) => from,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(cannot("read", &path, &e)),
            };
            let mut read = from.read(&mut buffer).map_err(|e| cannot("read", &path, &e))?;
            let method = method_for(buffer.get(..read).unwrap_or_default());
            begin(&mut zip, &format!("filestore/{name}"), method, bytes > u32::MAX.into())?;
            while read > 0 {
                zip.write_all(buffer.get(..read).unwrap_or_default()).map_err(failed)?;
                seen.bytes += read as u64;
                meter.add(read as u64);
                read = from.read(&mut buffer).map_err(|e| cannot("read", &path, &e))?;
            }
            seen.files += 1;
        }
        facts = Some(seen);
    }
    let out = zip.finish().map_err(|e| failed(io::Error::other(e)))?;
    let file = out.into_inner().map_err(|e| cannot("write", to, e.error()))?;
    file.sync_all().map_err(failed)?;
    // What it holds is nobody else's business.
    fs::set_permissions(to, std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(failed)?;
    Ok(facts)
}

/// Pictures, PDFs, archives and videos do not get smaller.
fn method_for(head: &[u8]) -> CompressionMethod {
    let pressed: [&[u8]; 8] =
        [b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"PK\x03\x04", b"\x1f\x8b", b"RIFF", b"7z\xbc\xaf"];
    let video = head.get(4..8) == Some(b"ftyp");
    if video || pressed.iter().any(|begin| head.starts_with(begin)) {
        CompressionMethod::Stored
    } else {
        CompressionMethod::Deflated
    }
}
