//! The merge of two row streams, in constant memory.

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;

use super::layout::Layout;
use super::line::{Key, place};
use crate::error::{Error, Result};

/// How much is read at once.
const CHUNK: usize = 1 << 18;

/// The longest line that is believed.
const LONGEST: usize = 64 << 20;

/// How a stream writes its rows; the two streams of a merge do it in the same way.
#[derive(Clone, Debug)]
pub enum Dialect {
    /// Lines of JSON.
    Json,
    /// The text of `COPY`, of one model.
    Copy(Arc<Layout>),
}

/// A row that is on one side only, or not the same on both; lines of JSON.
#[derive(Debug)]
pub struct Difference<'a> {
    /// The row on the left.
    pub left: Option<Cow<'a, [u8]>>,
    /// The row on the right.
    pub right: Option<Cow<'a, [u8]>>,
}

/// A stream of lines. It never hands out half of one.
pub struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    /// The end of the last whole line.
    whole: usize,
    end: usize,
    over: bool,
    last: Option<(Vec<u8>, Key)>,
    /// What the stream is, for people.
    name: String,
}

impl<R: Read + Send + 'static> Lines<R> {
    /// The same lines, from wherever.
    pub fn boxed(self) -> Lines<Box<dyn Read + Send>> {
        let Self { reader, buffer, start, whole, end, over, last, name } = self;
        Lines { reader: Box::new(reader), buffer, start, whole, end, over, last, name }
    }
}

impl<R: Read> Lines<R> {
    /// The lines of a stream; its name is for people.
    pub fn new(reader: R, name: impl Into<String>) -> Self {
        let (buffer, name) = (vec![0; CHUNK], name.into());
        Self { reader, buffer, start: 0, whole: 0, end: 0, over: false, last: None, name }
    }

    /// The whole lines at hand; none at the end of the stream.
    fn lines(&mut self) -> Result<&[u8]> {
        while self.start == self.whole && !self.over {
            self.read_on()?;
        }
        Ok(&self.buffer[self.start..self.whole])
    }

    /// Takes the whole lines at hand; none at the end of the stream.
    pub(super) fn take_lines(&mut self) -> Result<&[u8]> {
        let length = self.lines()?.len();
        self.start += length;
        Ok(&self.buffer[self.start - length..self.start])
    }

    fn read_on(&mut self) -> Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.whole -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            if self.end >= LONGEST {
                return Err(self.wrong("it has a line of more than 64 MiB"));
            }
            self.buffer.resize(self.end * 2, 0);
        }
        let read = match self.reader.read(&mut self.buffer[self.end..]) {
            Ok(read) => read,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            Err(e) => return Err(Error::through(e, &format!("cannot read {}", self.name))),
        };
        let fresh = self.end;
        self.end += read;
        match memchr::memrchr(b'\n', &self.buffer[fresh..self.end]) {
            Some(at) => self.whole = fresh + at + 1,
            None if read == 0 && self.end > 0 => return Err(self.wrong("its last line is cut off")),
            None => self.over = read == 0,
        }
        Ok(())
    }

    fn wrong(&self, why: impl std::fmt::Display) -> Error {
        Error::input(format!("cannot read {}", self.name)).because(why)
    }

    /// Goes on by whole lines, the last of which is `line`; its key has to come after those before it.
    fn pass(&mut self, bytes: usize, line: std::ops::Range<usize>, dialect: &Dialect) -> Result<()> {
        let line = &self.buffer[self.start + line.start..self.start + line.end];
        let (model, key) = dialect.place(line).map_err(|e| e.because(format!("in {}", self.name)))?;
        let late = self.last.as_ref().is_some_and(|(m, k)| (m.as_slice(), *k) >= (&*model, key));
        if late {
            let model = String::from_utf8_lossy(&model).into_owned();
            let why = format!("{model} {key} stands twice, or after one that should follow it");
            return Err(self.wrong(why).hint("Rows have to be in the order of their models and ids."));
        }
        match &mut self.last {
            Some((m, k)) => {
                m.clear();
                m.extend_from_slice(&model);
                *k = key;
            }
            None => self.last = Some((model.into_owned(), key)),
        }
        self.start += bytes;
        Ok(())
    }
}

impl Dialect {
    fn place<'a>(&'a self, line: &'a [u8]) -> Result<(Cow<'a, [u8]>, Key)> {
        match self {
            Self::Json => place(line),
            Self::Copy(layout) => {
                let key = layout.key(line).ok_or_else(|| Error::internal("a row without a key"))?;
                Ok((layout.model().as_bytes().into(), key))
            }
        }
    }

    fn json<'a>(&self, line: &'a [u8]) -> Result<Cow<'a, [u8]>> {
        let Self::Copy(layout) = self else { return Ok(line.into()) };
        let mut out = Vec::with_capacity(line.len() * 2);
        layout.encode(line.strip_suffix(b"\n").unwrap_or(line), &mut out)?;
        Ok(out.into())
    }
}

/// Tells every row that is not the same on both sides, in the order of the keys.
pub fn join<L: Read, R: Read>(
    left: &mut Lines<L>,
    right: &mut Lines<R>,
    dialect: &Dialect,
    tell: &mut dyn FnMut(&Difference<'_>) -> Result<()>,
) -> Result<()> {
    loop {
        let (l, r) = (left.lines()?, right.lines()?);
        let same = common(l, r);
        if let Some(end) = memchr::memrchr(b'\n', &l[..same]) {
            let begin = memchr::memrchr(b'\n', &l[..end]).map_or(0, |at| at + 1);
            left.pass(end + 1, begin..end + 1, dialect)?;
            right.pass(end + 1, begin..end + 1, dialect)?;
            continue;
        }
        let (one, two) = (first(l), first(r));
        if one == 0 && two == 0 {
            return Ok(());
        }
        let order = if one == 0 {
            std::cmp::Ordering::Greater
        } else if two == 0 {
            std::cmp::Ordering::Less
        } else {
            dialect.place(&l[..one])?.cmp(&dialect.place(&r[..two])?)
        };
        let difference = Difference {
            left: order.is_le().then(|| dialect.json(&l[..one])).transpose()?,
            right: order.is_ge().then(|| dialect.json(&r[..two])).transpose()?,
        };
        tell(&difference)?;
        if order.is_le() {
            left.pass(one, 0..one, dialect)?;
        }
        if order.is_ge() {
            right.pass(two, 0..two, dialect)?;
        }
    }
}

/// The length of the first line, its newline included.
fn first(lines: &[u8]) -> usize {
    memchr::memchr(b'\n', lines).map_or(0, |at| at + 1)
}

/// How many bytes are the same at the beginning.
fn common(a: &[u8], b: &[u8]) -> usize {
    let length = a.len().min(b.len());
    let mut at = 0;
    for step in [4096, 256, 32] {
        while at + step <= length && a[at..at + step] == b[at..at + step] {
            at += step;
        }
    }
    while at < length && a[at] == b[at] {
        at += 1;
    }
    at
}
