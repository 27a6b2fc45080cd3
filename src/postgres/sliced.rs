//! A connection on which wide rows of a copy come in slices, so that nobody holds one whole, let alone several.
//!
//! A server sends each row of a copy as one message, however wide, and a client takes a message only when all of it is there. Here,
//! below the client, such a message becomes several of its kind; all others pass as they are.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// How many bytes of a row a message holds at most. One that holds as many is followed by more of the same row; where a row ends with
/// one, an empty one follows.
pub(super) const SLICE: usize = 1 << 16;

/// Data of a copy.
const COPY_DATA: u8 = b'd';

/// What a message begins with: its kind, and how long the rest is, with these four bytes.
const HEAD: usize = 5;

/// Where in the messages reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before anything: a server that is asked for TLS answers with a letter of its own.
    Begin,
    /// It is encrypted from here on: another of these, within, sees the messages.
    Within,
    /// In what a message begins with, of which so much is there.
    Head(usize),
    /// In a message that passes as it is, with so much to come.
    Body(usize),
    /// In a slice, with so much of it to come, and so much of the row after it; whether it is a full one.
    Slice(usize, usize, bool),
}

/// Messages on their way, cut.
struct Cut {
    at: At,
    head: [u8; HEAD],
    /// How much of the head at hand is still to be handed on.
    unsent: usize,
}

impl Cut {
    fn new(at: At) -> Self {
        Self { at, head: [0; HEAD], unsent: 0 }
    }

    /// The next slice of a row of which so much is to come.
    fn slice(&mut self, left: usize) {
        let now = left.min(SLICE);
        let length = u32::try_from(now + HEAD - 1).unwrap_or(u32::MAX);
        self.head[1..].copy_from_slice(&length.to_be_bytes());
        self.unsent = HEAD;
        self.at = At::Slice(now, left - now, now == SLICE);
    }

    /// A head is whole.
    fn begin(&mut self) -> io::Result<()> {
        let [kind, length @ ..] = self.head;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let Some(length) = length.checked_sub(HEAD - 1) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message without a length"));
        };
        if kind == COPY_DATA && length >= SLICE {
            self.slice(length);
        } else {
            self.unsent = HEAD;
            self.at = At::Body(length);
        }
        Ok(())
    }

    /// Hands on what needs nothing to be read; `false` where there is no such thing any more.
    fn step(&mut self, to: &mut ReadBuf<'_>) -> bool {
        if self.unsent > 0 {
            let (from, more) = (HEAD - self.unsent, self.unsent.min(to.remaining()));
            to.put_slice(&self.head[from..from + more]);
            self.unsent -= more;
            return true;
        }
        match self.at {
            At::Body(0) | At::Slice(0, 0, false) => self.at = At::Head(0),
            At::Slice(0, left, _) => self.slice(left),
            _ => return false,
        }
        true
    }

    /// Takes what it can of bytes that have come, of which there is one at least; how many.
    fn take(&mut self, come: &[u8], to: &mut ReadBuf<'_>) -> io::Result<usize> {
        let mut pass = |most: usize| {
            let passed = most.min(come.len()).min(to.remaining());
            to.put_slice(&come[..passed]);
            passed
        };
        Ok(match self.at {
            At::Begin => {
                let answer = come.first().filter(|letter| matches!(letter, b'S' | b'N'));
                self.at = if answer == Some(&b'S') { At::Within } else { At::Head(0) };
                pass(usize::from(answer.is_some()))
            }
            At::Within => pass(usize::MAX),
            At::Head(there) => {
                let more = come.len().min(HEAD - there);
                self.head[there..there + more].copy_from_slice(&come[..more]);
                self.at = At::Head(there + more);
                if there + more == HEAD {
                    self.begin()?;
                }
                more
            }
            At::Body(left) => {
                let passed = pass(left);
                self.at = At::Body(left - passed);
                passed
            }
            At::Slice(left, after, full) => {
                let passed = pass(left);
                self.at = At::Slice(left - passed, after, full);
                passed
            }
        })
    }
}

/// The stream.
pub(super) struct Sliced<S> {
    inner: BufReader<S>,
    cut: Cut,
}

impl<S: AsyncRead> Sliced<S> {
    /// Of a connection that has not begun.
    pub(super) fn new(stream: S) -> Self {
        Self::beginning(stream, At::Begin)
    }

    fn beginning(stream: S, at: At) -> Self {
        Self { inner: BufReader::with_capacity(SLICE, stream), cut: Cut::new(at) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Sliced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { inner, cut } = &mut *self;
        let before = to.filled().len();
        while to.remaining() > 0 {
            if cut.step(to) {
                continue;
            }
            let come = match Pin::new(&mut *inner).poll_fill_buf(cx) {
                // What is there is handed on before more is waited for.
                Poll::Pending if to.filled().len() > before => return Poll::Ready(Ok(())),
                other => ready!(other)?,
            };
            if come.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let taken = cut.take(come, to)?;
            Pin::new(&mut *inner).consume(taken);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Sliced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Sliced<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.get_ref().channel_binding()
    }
}

/// What makes TLS connections whose messages are sliced within.
pub(super) struct SlicedTls<T>(pub(super) T);

impl<S, T> TlsConnect<S> for SlicedTls<T>
where
    T: TlsConnect<S>,
    T::Future: Send + 'static,
    T::Stream: 'static,
    T::Error: 'static,
{
    type Stream = Sliced<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, Self::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let handshake = self.0.connect(stream);
        Box::pin(async move { Ok(Sliced::beginning(handshake.await?, At::Head(0))) })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind][..], &length, body].concat()
    }

    /// What comes out, in reads of so many bytes.
    async fn out(sent: &[u8], at_once: usize) -> Vec<u8> {
        let (mut stream, mut out) = (Sliced::new(sent), Vec::new());
        let mut buffer = vec![0; at_once];
        loop {
            match stream.read(&mut buffer).await.unwrap() {
                0 => return out,
                read => out.extend_from_slice(&buffer[..read]),
            }
        }
    }

    #[tokio::test]
    async fn a_wide_row_comes_in_slices_and_all_else_as_it_is() {
        let other = [message(b'R', &[0; 4]), message(b'D', &vec![7; 3 * SLICE]), message(b'd', b"narrow")];
        let others = other.concat();
        let wide: Vec<u8> = (0..2 * SLICE + 5).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let sent = [&others[..], &message(b'd', &wide), &message(b'd', &wide[..SLICE]), &others].concat();
        let (one, rest) = wide.split_at(SLICE);
        let (two, three) = rest.split_at(SLICE);
        let row = [message(b'd', one), message(b'd', two), message(b'd', three)].concat();
        // One that is as long as a slice ends with an empty one.
        let even = [message(b'd', one), message(b'd', b"")].concat();
        let wanted = [&others[..], &row, &even, &others].concat();
        for at_once in [1, 3, 4096, 1 << 20] {
            assert!(out(&sent, at_once).await == wanted, "{at_once}");
            // A server that was asked for TLS, and has none.
            let refused = [&b"N"[..], &sent].concat();
            assert!(out(&refused, at_once).await == [&b"N"[..], &wanted].concat(), "{at_once}");
            let agreed = [&b"S"[..], &sent].concat();
            assert!(out(&agreed, at_once).await == agreed, "{at_once}");
        }
    }
}
