//! A script for the Python of this machine that runs Odoo.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::service::interpreter;
use crate::engine::PythonTask;
use crate::error::{Error, Result};
use crate::facts::Known;

/// How long a script may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// Runs it beside Odoo's source, which Odoo's own start puts on Python's path.
pub async fn run(task: &PythonTask<'_>) -> Result<String> {
    let program = match interpreter(task.project) {
        Known::Known(program) => program,
        Known::Unknown(why) => {
            return Err(Error::environment("there is no Python that runs Odoo").because(why));
        }
    };
    let mut command = Command::new(&program);
    command.args(["-B", "-c", task.script]).env("PYTHONIOENCODING", "utf-8").kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(source) = &task.project.odoo.source {
        command.current_dir(source);
    }
    let cannot =
        |e: std::io::Error| Error::environment(format!("cannot run {}", program.display())).caused_by(&e);
    let work = async {
        let mut child = command.spawn().map_err(cannot)?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that ends early says why itself.
            let _ = stdin.write_all(task.input.as_bytes()).await;
        }
        child.wait_with_output().await.map_err(cannot)
    };
    let output = tokio::time::timeout(DEADLINE, work).await;
    let output = output.unwrap_or_else(|_| {
        Err(Error::environment(format!("{} did not end within {} s", program.display(), DEADLINE.as_secs())))
    })?;
    if !output.status.success() {
        let error = Error::environment(format!("{} failed ({})", program.display(), output.status));
        return Err(error.because_last(String::from_utf8_lossy(&output.stderr).lines()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
