//! Proves the kept log: every segment whole, of this cluster, in its place.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::segment_path;
use crate::base::Meter;
use crate::facts::{KeptSegment, Segment};

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// How many segments are whole.
    pub whole: u64,
    /// Their bytes, as the server wrote them.
    pub bytes: u64,
    /// What is wrong, in sentences.
    pub wrong: Vec<String>,
}

/// The flag on a segment's first page: its header tells the cluster and the size of segments.
const LONG_HEADER: u16 = 2;

/// How long that header is.
const HEADER: usize = 40;

/// Reads every segment to its end: it has the size of a segment, what gzip recorded of it holds, and its first page says that
/// it is of this cluster, timeline and place.
pub fn prove_log(
    folder: &Path,
    kept: &[KeptSegment],
    segment_bytes: u64,
    cluster: u64,
    meter: &Meter,
) -> Proof {
    let mut proof = Proof::default();
    for kept in kept {
        let name = kept.segment.name(segment_bytes);
        match prove(folder, kept.segment, segment_bytes, cluster) {
            Ok(bytes) => {
                proof.whole += 1;
                proof.bytes += bytes;
            }
            Err(why) => proof.wrong.push(format!("{name}: {why}")),
        }
        meter.add(kept.bytes);
    }
    proof
}

fn prove(folder: &Path, segment: Segment, segment_bytes: u64, cluster: u64) -> Result<u64, String> {
    let file = File::open(segment_path(folder, segment, segment_bytes)).map_err(|e| e.to_string())?;
    let mut text = MultiGzDecoder::new(BufReader::with_capacity(1 << 18, file));
    let damaged = |e: std::io::Error| format!("it is damaged: {e}");
    let mut header = [0; HEADER];
    text.read_exact(&mut header).map_err(damaged)?;
    let rest = std::io::copy(&mut text, &mut std::io::sink()).map_err(damaged)?;
    let bytes = HEADER as u64 + rest;
    if bytes != segment_bytes {
        return Err(format!("it has {bytes} bytes, a segment has {segment_bytes}"));
    }
    heading(&header, segment, segment_bytes, cluster)?;
    Ok(bytes)
}

/// `XLogLongPageHeaderData` of PostgreSQL's xlog_internal.h, in the order of bytes of the machines that Odoo runs on.
fn heading(header: &[u8; HEADER], segment: Segment, segment_bytes: u64, cluster: u64) -> Result<(), String> {
    let part = |at: usize, len: usize| {
        header[at..at + len].iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let (info, timeline, place) = (part(2, 2), part(4, 4), part(8, 8));
    if info & u64::from(LONG_HEADER) == 0 {
        return Err("it does not begin as a segment does".to_owned());
    }
    let (sysid, size) = (part(24, 8), part(32, 4));
    if sysid != cluster {
        return Err(format!("it is of another cluster ({sysid})"));
    }
    if size != segment_bytes || place != segment.number * segment_bytes {
        return Err("it is the segment of another place".to_owned());
    }
    // A segment in which a timeline begins has the older one's number on its first pages.
    if timeline > u64::from(segment.timeline) {
        return Err(format!("it is of timeline {timeline}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use jiff::Timestamp;

    use super::*;

    const SIZE: u64 = 1 << 20;

    fn segment(number: u64, cluster: u64) -> Vec<u8> {
        let mut bytes = vec![0; SIZE as usize];
        bytes[2] = 2;
        bytes[4] = 1;
        bytes[8..16].copy_from_slice(&(number * SIZE).to_le_bytes());
        bytes[24..32].copy_from_slice(&cluster.to_le_bytes());
        bytes[32..36].copy_from_slice(&(SIZE as u32).to_le_bytes());
        bytes
    }

    #[test]
    fn what_is_cut_swapped_or_of_another_cluster_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let press = |bytes: &[u8]| {
            let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gz.write_all(bytes).unwrap();
            gz.finish().unwrap()
        };
        let kept = |number| KeptSegment {
            segment: Segment { timeline: 1, number },
            bytes: 1,
            at: Timestamp::UNIX_EPOCH,
        };
        let good = press(&segment(3, 7));
        let mut flipped = good.clone();
        let end = flipped.len() - 6;
        flipped[end] ^= 1;
        for (bytes, why) in [
            (good.clone(), None),
            (good[..good.len() / 2].to_vec(), Some("damaged")),
            (flipped, Some("damaged")),
            (Vec::new(), Some("damaged")),
            (press(&segment(4, 7)), Some("another place")),
            (press(&segment(3, 8)), Some("another cluster (8)")),
            (press(&segment(3, 7)[..100]), Some("it has 100 bytes")),
            (press(&[0; SIZE as usize]), Some("does not begin")),
        ] {
            fs::write(segment_path(folder.path(), kept(3).segment, SIZE), bytes).unwrap();
            let proof = prove_log(folder.path(), &[kept(3)], SIZE, 7, &Meter::default());
            match why {
                None => assert_eq!((proof.whole, proof.wrong), (1, Vec::new())),
                Some(why) => assert!(proof.wrong.concat().contains(why), "{why}: {:?}", proof.wrong),
            }
        }
    }
}
