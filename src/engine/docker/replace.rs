//! A data directory set aside, and another cluster put in its place: in a container, for they may belong to another account.

use std::path::Path;

use super::one_off::{OneOff, run};
use crate::engine::place::{Stage, stage};
use crate::engine::{SETTINGS, tenancy};
use crate::error::{Error, Result};
use crate::state;
use crate::step::ReplaceData;

/// Runs as root in the image, in the folder that all of them are in. What was moved is on the disk before the next is.
const REPLACE: &str = r#"data=$1 from=$2 aside=$3 owner=$4 settings=$5; cd /parent || exit 1
keep() { sync "$@" 2>/dev/null || sync; }
if [ -e "$data" ]; then
    for name in $settings; do [ ! -e "$data/$name" ] || cp -p "$data/$name" "$from/$name" || exit 1; done
    [ -z "$owner" ] || { chown -R "$owner" "$from" && chmod 700 "$from" && sync; } || exit 1
    mv "$data" "$aside" && keep . || exit 1
fi
mv "$from" "$data" && keep . "$(dirname "$from")""#;

/// How large a folder is, in bytes.
const SIZE: &str = r#"du -sk "/parent/$1" | { read -r size _; echo "$((size * 1024))"; }"#;

/// Sets the data directory aside by one rename and moves the other one in by another.
pub async fn replace(image: &str, step: &ReplaceData) -> Result<u64> {
    let data = &step.server.data;
    let _tenancy = tenancy::take(data, &[]).await?;
    let (data, from, aside) = (name(step, data)?, name(step, &step.from)?, name(step, &step.aside)?);
    let owner = step.owner.map_or_else(String::new, |owner| format!("{}:{}", owner.uid, owner.gid));
    let settings = if step.settings { SETTINGS.join(" ") } else { String::new() };
    if stage(step)? != Stage::Done {
        in_parent(image, step, REPLACE, &[data, from, aside, &owner, &settings]).await?;
    }
    step.scratch.as_deref().map_or(Ok(()), state::remove_folder)?;
    let said = in_parent(image, step, SIZE, &[aside]).await?;
    Ok(said.trim().parse().unwrap_or_default())
}

pub async fn put_back(image: &str, step: &ReplaceData) -> Result<bool> {
    if stage(step)? != Stage::Between {
        return Ok(false);
    }
    let names = [name(step, &step.aside)?, name(step, &step.server.data)?];
    in_parent(image, step, r#"cd /parent && mv "$1" "$2" && sync"#, &names).await?;
    Ok(true)
}

async fn in_parent(image: &str, step: &ReplaceData, script: &str, args: &[&str]) -> Result<String> {
    let binds = vec![(parent(step)?, "/parent")];
    let one_off = OneOff { image, user: "root", script, args, env: Vec::new(), binds };
    run(&one_off).await?.success("putting a cluster in the place of the data directory")
}

fn parent(step: &ReplaceData) -> Result<&Path> {
    step.server.data.parent().ok_or_else(|| Error::input("the root of the disk cannot be a data directory"))
}

/// A folder as the container sees it.
fn name<'a>(step: &ReplaceData, path: &'a Path) -> Result<&'a str> {
    let inside = path.strip_prefix(parent(step)?).ok().and_then(Path::to_str);
    inside.ok_or_else(|| Error::internal(format!("{} is not beside the data directory", path.display())))
}
