//! A server that is reached only inside its container: through `docker exec`, whose standard streams are the connection.

use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How much of what the engine's client says against it is kept.
const SAID: usize = 4096;

/// What runs inside, with the port as its one argument. It ends as soon as either side does: when odpm is gone its standard input
/// ends, when the server is gone the socket does; what is left of the pair is ended then, so that nothing stays behind in there.
/// Both are waited for to the very end: a process that is ended by a signal and has lost its parent falls to the container's first
/// process. Where that is PostgreSQL, it takes it for a crash of one of its own, and all of its sessions end.
/// `wait -n` is bash's; socat and nc are one process, and tell both ends apart by themselves.
const INSIDE: &str = r#"
if command -v bash >/dev/null 2>&1; then
  exec bash -c '
    exec 4<&0 3<>"/dev/tcp/127.0.0.1/$1" || exit 111
    cat <&3 3>&- 4<&- & one=$!
    cat <&4 >&3 4<&- & other=$!
    exec 0<&- 4<&-
    wait -n; kill "$one" "$other" 2>/dev/null; wait; exit 0' odpm "$1"
elif command -v socat >/dev/null 2>&1; then exec socat -t0 - "TCP:127.0.0.1:$1"
elif command -v nc >/dev/null 2>&1; then exec nc 127.0.0.1 "$1"
else echo "odpm: there is neither bash nor socat nor nc in the container" >&2; exit 127
fi"#;

/// The connection. The client's process ends when this is dropped.
pub struct Tunnel {
    input: ChildStdin,
    output: ChildStdout,
    _client: Child,
    said: Said,
}

/// What the engine's client says on its standard error.
#[derive(Clone, Debug, Default)]
pub struct Said(Arc<Mutex<String>>);

impl Said {
    /// The last of it, in one line; `None` where it said nothing.
    pub fn words(&self) -> Option<String> {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
    }
}

impl Tunnel {
    /// Begins one to a port inside a container.
    pub fn open(container: &str, port: u16) -> io::Result<Self> {
        let mut client = Command::new("docker")
            .args(["exec", "-i", container, "sh", "-c", INSIDE, "odpm", &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let taken = client.stdin.take().zip(client.stdout.take()).zip(client.stderr.take());
        let Some(((input, output), mut errors)) = taken else {
            return Err(io::Error::other("a child without its streams"));
        };
        let said = Said::default();
        let keep = said.clone();
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            while let Ok(read @ 1..) = errors.read(&mut buffer).await {
                let mut said = keep.0.lock().unwrap_or_else(PoisonError::into_inner);
                if said.len() < SAID {
                    said.push_str(&String::from_utf8_lossy(buffer.get(..read).unwrap_or_default()));
                }
            }
        });
        Ok(Self { input, output, _client: client, said })
    }

    /// What its client says, to be asked when the connection has failed.
    pub fn said(&self) -> Said {
        self.said.clone()
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.input).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_shutdown(cx)
    }
}
