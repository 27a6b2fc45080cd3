//! Steps on files and folders.

use std::path::Path;

use crate::base::{Digest, SecretRef};
use crate::error::{Error, Result};
use crate::odoo_conf;
use crate::plan::Outcome;
use crate::step::{EditConf, GenerateSecret, MakeDir, RemoveFile, RestoreFile, Step, WriteFile, WriteKeys};
use crate::world::World;

pub fn make_dir(step: &MakeDir, world: &mut World) -> Result<Outcome> {
    let made = world.files.make_dir(step)?;
    Ok(if made { Outcome::stays("an empty folder stays") } else { Outcome::unchanged() })
}

pub fn generate_secret(step: &GenerateSecret, world: &mut World) -> Result<Outcome> {
    let made = world.secrets.generate(&step.secret)?;
    Ok(if made { Outcome::stays("the secret stays: the cluster knows it") } else { Outcome::unchanged() })
}

/// pgBackRest reads its options line by line.
pub fn write_keys(step: &WriteKeys, world: &mut World) -> Result<Outcome> {
    let mut text = String::from("[global]\n");
    for option in &step.options {
        let key = world.secret(&SecretRef::RepositoryKey { option: option.clone() })?;
        text.push_str(&format!("{option}={}\n", key.reveal()));
    }
    world.files.write_private(&step.path, &text, step.owner)?;
    Ok(Outcome::stays("the keys stay: the server reads them"))
}

pub fn write_file(step: &WriteFile, world: &mut World) -> Result<Outcome> {
    if world.files.read(&step.path)?.as_ref() == Some(&step.content) {
        return Ok(Outcome::unchanged());
    }
    replace(&step.path, &step.content, step.mode, world)
}

pub fn probe_write(step: &WriteFile, world: &World) -> Result<Option<Outcome>> {
    let done = world.files.read(&step.path)?.as_ref() == Some(&step.content);
    if done { taken_back(&step.path, world).map(Some) } else { Ok(None) }
}

pub fn edit_conf(step: &EditConf, world: &mut World) -> Result<Outcome> {
    let before = world.files.read(&step.path)?;
    let after = edited(step, before.as_deref(), world)?;
    if before.as_ref() == Some(&after) {
        return Ok(Outcome::unchanged());
    }
    replace(&step.path, &after, step.mode, world)
}

pub fn probe_edit(step: &EditConf, world: &World) -> Result<Option<Outcome>> {
    let Some(now) = world.files.read(&step.path)? else { return Ok(None) };
    let done = edited(step, Some(&now), world)? == now;
    if done { taken_back(&step.path, world).map(Some) } else { Ok(None) }
}

fn edited(step: &EditConf, before: Option<&str>, world: &World) -> Result<String> {
    odoo_conf::apply_edits(before, &step.edits, &|secret: &SecretRef| world.secret(secret))
}

pub fn remove_file(step: &RemoveFile, world: &mut World) -> Result<Outcome> {
    world.files.keep(&step.path)?;
    world.files.remove(&step.path)?;
    Ok(removed())
}

pub fn probe_remove(step: &RemoveFile, world: &World) -> Result<Option<Outcome>> {
    Ok(world.files.read(&step.path)?.is_none().then(removed))
}

fn removed() -> Outcome {
    Outcome::stays("the file is removed; a copy is kept with the journal")
}

pub fn restore_file(step: &RestoreFile, world: &mut World) -> Result<Outcome> {
    replace(&step.path, &copy_of(step, world)?, 0o600, world)
}

pub fn probe_restore(step: &RestoreFile, world: &World) -> Result<Option<Outcome>> {
    let done = world.files.read(&step.path)? == Some(copy_of(step, world)?);
    if done { taken_back(&step.path, world).map(Some) } else { Ok(None) }
}

fn copy_of(step: &RestoreFile, world: &World) -> Result<String> {
    world.files.read(&step.copy)?.ok_or_else(|| {
        Error::environment(format!("the copy of {} is gone", step.path.display()))
            .because(format!("there is no {}", step.copy.display()))
    })
}

/// Keeps the file as it was, then replaces it.
fn replace(path: &Path, text: &str, mode: u32, world: &World) -> Result<Outcome> {
    world.files.keep(path)?;
    world.files.write(path, text, mode)?;
    taken_back(path, world)
}

fn taken_back(path: &Path, world: &World) -> Result<Outcome> {
    Ok(Outcome::changed(vec![take_back(path, world)?]))
}

/// The step that puts a file back as this run found it: the copy, or nothing at all.
pub fn take_back(path: &Path, world: &World) -> Result<Step> {
    let expect = Digest::of(world.files.read(path)?.unwrap_or_default());
    Ok(match world.files.kept(path) {
        Some(copy) => Step::RestoreFile(RestoreFile { path: path.to_owned(), copy, expect }),
        None => Step::RemoveFile(RemoveFile { path: path.to_owned(), expect }),
    })
}
