//! PostgreSQL's client programs of this machine.

use std::process::Stdio;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::engine::Tool;
use crate::error::{Error, Result};
use crate::step::Programs;

/// How much of its output is handed on at once.
const CHUNK: usize = 256 << 10;

/// Runs a program to its end.
pub async fn run(tool: Tool<'_>) -> Result<()> {
    let Programs::Local { bin_dir } = &tool.operator.programs else {
        return Err(Error::internal("a step for containers came to the local engine"));
    };
    let endpoint = &tool.operator.endpoint;
    let program = bin_dir.join(tool.program);
    let mut child = Command::new(&program)
        .args(tool.login(&endpoint.host, endpoint.port))
        .args(&tool.args)
        .envs(tool.variables())
        .env("PGPASSWORD", tool.secret.reveal())
        .env_remove("PGOPTIONS")
        .stdin(Stdio::null())
        .stdout(if tool.output.is_some() { Stdio::piped() } else { Stdio::null() })
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| {
            let error = Error::environment(format!("cannot start {}", program.display())).caused_by(&e);
            error.hint("Install PostgreSQL's client programs, on Debian with: apt install postgresql-client")
        })?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let hand_on = async {
        let (Some(mut stdout), Some(output)) = (stdout, &tool.output) else { return };
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            match stdout.read_buf(&mut chunk).await {
                Ok(1..) if output.send(Ok(chunk)).await.is_ok() => {}
                // Whoever takes it has failed and says why; the program ends when nobody reads.
                _ => return,
            }
        }
    };
    let mut said = String::new();
    let listen = async {
        if let Some(mut stderr) = stderr {
            // What cannot be read is not said.
            let _ = stderr.read_to_string(&mut said).await;
        }
    };
    tokio::join!(hand_on, listen);
    let cannot = |e: &std::io::Error| Error::environment("cannot wait for a program").caused_by(e);
    let status = child.wait().await.map_err(|e| cannot(&e))?;
    if status.success() { Ok(()) } else { Err(tool.failure(&format!("failed ({status})"), &said)) }
}
