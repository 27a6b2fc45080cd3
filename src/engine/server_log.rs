//! A server's log, read once from its beginning to its end in constant memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::error::{Error, Result};
use crate::upgrade::{Diagnosis, Reading};

/// How much is read at once, and how much of one line is looked at: a statement may be as long as a file.
const CHUNK: usize = 256 << 10;
const LINE: usize = 64 << 10;

/// Diagnoses a log; `-` is what comes in through stdin. A log that was pressed by `gzip` is unpacked on the way.
pub fn diagnose(log: &Path) -> Result<Diagnosis> {
    let (name, source): (String, Box<dyn Read>) = if log == Path::new("-") {
        ("stdin".to_owned(), Box::new(std::io::stdin()))
    } else {
        let file = File::open(log);
        let file =
            file.map_err(|e| Error::usage(format!("{} cannot be read", log.display())).caused_by(&e))?;
        (log.display().to_string(), Box::new(file))
    };
    let unreadable = |e: std::io::Error| Error::input(format!("{name} cannot be read")).caused_by(&e);
    let mut source = BufReader::with_capacity(CHUNK, source);
    let pressed = source.fill_buf().map_err(unreadable)?.starts_with(&[0x1f, 0x8b]);
    let diagnosis = match pressed {
        true => read(BufReader::with_capacity(CHUNK, flate2::bufread::MultiGzDecoder::new(source))),
        false => read(source),
    };
    worth(diagnosis.map_err(unreadable)?, &name)
}

/// A log that holds nothing of Odoo's says nothing, and least of all that nothing failed.
fn worth(diagnosis: Diagnosis, name: &str) -> Result<Diagnosis> {
    if diagnosis.records > 0 || diagnosis.failure.is_some() {
        return Ok(diagnosis);
    }
    let what = match diagnosis.lines {
        0 => format!("{name} is empty"),
        _ => format!("{name} holds no line of an Odoo server's log"),
    };
    Err(Error::input(what)
        .because("nothing can be said of an upgrade by it, not even that it went well")
        .hint("Give the log that odoo-bin writes to stderr, or to the file that `logfile` in odoo.conf names")
        .hint("Docker: docker logs CONTAINER 2>&1 | odpm upgrade diagnose -"))
}

fn read(mut source: impl BufRead) -> std::io::Result<Diagnosis> {
    let mut reading = Reading::default();
    let (mut kept, mut first) = (Vec::new(), true);
    let mut see = |line: &[u8]| {
        let line = if std::mem::take(&mut first) {
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
        } else {
            line
        };
        reading.see(&String::from_utf8_lossy(&line[..line.len().min(LINE)]));
    };
    loop {
        let chunk = match source.fill_buf() {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            chunk => chunk?,
        };
        if chunk.is_empty() {
            break;
        }
        let mut begin = 0;
        for end in memchr::memchr_iter(b'\n', chunk) {
            let line = &chunk[begin..end];
            if kept.is_empty() {
                see(line);
            } else {
                keep(&mut kept, line);
                see(&kept);
                kept.clear();
            }
            begin = end + 1;
        }
        keep(&mut kept, &chunk[begin..]);
        let length = chunk.len();
        source.consume(length);
    }
    if !kept.is_empty() {
        see(&kept);
    }
    Ok(reading.end())
}

/// Keeps the part of a line that the next chunk goes on with.
fn keep(kept: &mut Vec<u8>, part: &[u8]) {
    let room = LINE.saturating_sub(kept.len()).min(part.len());
    kept.extend_from_slice(&part[..room]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const LOG: &str = "2026-11-20 20:39:14,098 6467 INFO shop odoo.modules.loading: Modules loaded.\n";

    fn of(bytes: &[u8]) -> Result<Diagnosis> {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all(bytes).unwrap();
        diagnose(file.path())
    }

    #[test]
    fn lines_are_counted_whatever_they_hold() {
        let long = "x".repeat(3 * CHUNK);
        let text = format!("\u{feff}{LOG}{long}\n\u{1}\r\n{LOG}");
        let mut bytes = text.into_bytes();
        bytes.extend(b"\xff\xfe end without a newline");
        let seen = of(&bytes).unwrap();
        assert_eq!((seen.lines, seen.records), (5, 2));
    }

    #[test]
    fn what_gzip_has_pressed_is_read_as_well() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(LOG.as_bytes()).unwrap();
        assert_eq!(of(&gz.finish().unwrap()).unwrap().records, 1);
    }

    #[test]
    fn a_log_without_odoo_is_refused() {
        for text in ["", "\n\n", "127.0.0.1 - - [20/Nov/2026] \"GET / HTTP/1.1\" 200\n"] {
            assert_eq!(of(text.as_bytes()).unwrap_err().kind(), crate::error::Kind::Input, "{text}");
        }
        assert_eq!(diagnose(Path::new("/nowhere.log")).unwrap_err().kind(), crate::error::Kind::Usage);
        assert_eq!(diagnose(&std::env::temp_dir()).unwrap_err().kind(), crate::error::Kind::Input);
    }
}
