//! A script for the Python of Odoo's image.

use std::io::Write;

use super::client::{connected, failed};
use super::one_off::{self, OneOff};
use crate::engine::PythonTask;
use crate::error::{Error, Result};

/// Where the script finds its input.
const INPUT: &str = "/odpm-input:ro";

/// What is printed before the script's own words: a container's streams come as one.
const BEGIN: &str = "--odpm-answer--";

/// Runs it in a container of its own.
pub async fn run(task: &PythonTask<'_>) -> Result<String> {
    let input =
        input(task.input).map_err(|e| Error::environment("cannot write a temporary file").caused_by(&e))?;
    let read_only: Vec<String> =
        task.folders.iter().map(|folder| format!("{}:ro", folder.display())).collect();
    let folders = task.folders.iter().zip(&read_only).map(|(folder, inside)| (*folder, inside.as_str()));
    let one_off = OneOff {
        image: &task.project.odoo.image,
        user: "root",
        script: r#"echo "$2"; exec python3 -B -c "$1" < /odpm-input"#,
        args: &[task.script, BEGIN],
        env: vec!["PYTHONIOENCODING=utf-8".to_owned()],
        binds: folders.chain([(input.path(), INPUT)]).collect(),
    };
    let text = one_off::run(&one_off).await?.success("asking Odoo's Python")?;
    Ok(text.rsplit(BEGIN).next().unwrap_or_default().to_owned())
}

fn input(text: &str) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

/// The digest of an image that is on this machine.
pub async fn image_id(image: &str) -> Result<Option<String>> {
    let found = connected()?.inspect_image(image).await;
    found.map(|image| image.id).map_err(|e| failed(&format!("cannot look at the image {image}"), &e))
}
