//! What happens to a cluster while no server runs on it, done in one-off containers of the project's image.

use std::io::Write;
use std::path::Path;

use super::one_off::{OneOff, run};
use crate::base::{PgMajor, Secret};
use crate::engine::tenancy;
use crate::error::{Error, Result};
use crate::facts::{ClusterFiles, DataDir, PidFile};
use crate::postgres::{data_dir as files, single_user};
use crate::step::{ServerSpec, ShareFiles};

/// What stands at a path. Where this process may not look, a container does: what belongs to another user is
/// never taken for empty.
pub async fn data_dir(image: &str, path: &Path) -> DataDir {
    let seen = files::inspect(path);
    let DataDir::Unreadable { .. } = seen else { return seen };
    let script = "cd /look && ls -A | head -50 && echo -- && { cat PG_VERSION 2>/dev/null || true; } && echo -- \
         && { LC_ALL=C pg_controldata -D /look 2>/dev/null || true; } && echo -- && stat -c '%u %g %a' .";
    let one_off =
        OneOff { image, user: "root", script, args: &[], env: Vec::new(), binds: vec![(path, "/look:ro")] };
    match run(&one_off).await {
        Ok(said) if said.code == 0 => parse(&said.text).unwrap_or(seen),
        _ => seen,
    }
}

/// What the script in [`data_dir`] says.
fn parse(text: &str) -> Option<DataDir> {
    let mut parts = text.split("--\n");
    let entries: Vec<String> = parts.next()?.lines().map(str::to_owned).collect();
    let (version, control, owner) = (parts.next()?, parts.next()?, parts.next()?);
    if entries.is_empty() {
        return Some(DataDir::Empty);
    }
    let shown = || entries.iter().take(5).cloned().collect();
    let mut numbers = owner.split_whitespace();
    let (uid, gid) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    let mode = u32::from_str_radix(numbers.next()?, 8).ok()?;
    let identifier = control.lines().find_map(|line| line.strip_prefix("Database system identifier:"));
    let there = |name: &str| entries.iter().any(|entry| entry == name);
    Some(match (PgMajor::from_pg_version(version), identifier) {
        (Some(major), Some(identifier)) => DataDir::Cluster(ClusterFiles {
            major,
            system_identifier: identifier.trim().parse().ok(),
            uid,
            gid,
            mode,
            pid: PidFile::None,
            has_hba: there("pg_hba.conf"),
            in_recovery: there("recovery.signal") || there("standby.signal"),
        }),
        _ if there("PG_VERSION") || there("base") || there("global") => {
            DataDir::HalfInitialised { entries: shown() }
        }
        _ => DataDir::Foreign { entries: shown() },
    })
}

/// Runs as root in the image: a folder of its own beside the place, for the image's `postgres`.
const PREPARE: &str = r#"rm -rf /parent/".$1".odpm-init-* && mkdir -m 700 "/parent/$2" && cp /password "/parent/$2/password" &&
chmod 600 "/parent/$2/password" && chown -R postgres "/parent/$2""#;

/// Runs as `postgres`: the cluster, in the first character type that the image has.
const INITDB: &str = r#"cd "/parent/$1" && for ctype in C.UTF-8 en_US.utf8 C; do
LC_ALL=C initdb -D data -U "$2" --auth=scram-sha-256 --data-checksums --encoding=UTF8 --pwfile=password \
  --lc-collate=C --lc-messages=C --lc-monetary=C --lc-numeric=C --lc-time=C --lc-ctype="$ctype" >log 2>&1 && done=yes && break
rm -rf data; done
[ -n "$done" ] || { cat log >&2; exit 1; }
echo 'host all all all scram-sha-256' >>data/pg_hba.conf"#;

/// Runs as root: moves the finished cluster to its place, where nothing or an empty folder is.
const MOVE: &str = r#"{ rmdir "/parent/$1" 2>/dev/null || true; } && [ ! -e "/parent/$1" ] && mv "/parent/$2/data" "/parent/$1" && rm -rf "/parent/$2""#;

/// Makes the cluster beside its place and moves it there whole.
pub async fn init(image: &str, server: &ServerSpec, admin_role: &str, admin: &Secret) -> Result<()> {
    let data = &server.data;
    let _tenancy = tenancy::take(data, &[]).await?;
    let name = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = format!(".{name}.odpm-init-{}", std::process::id());
    let Some(parent) = data.parent() else {
        return Err(Error::input("the root of the disk cannot be a data directory"));
    };
    let password = || -> std::io::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::NamedTempFile::new()?;
        writeln!(file, "{}", admin.reveal())?;
        Ok(file)
    };
    let password =
        password().map_err(|e| Error::environment("cannot write a temporary file").caused_by(&e))?;
    let names = [name.as_str(), folder.as_str()];
    let as_root = |script| OneOff {
        image,
        user: "root",
        script,
        args: &names,
        env: Vec::new(),
        binds: vec![(parent, "/parent"), (password.path(), "/password:ro")],
    };
    run(&as_root(PREPARE)).await?.success("preparing the cluster's folder")?;
    let initdb = OneOff {
        image,
        user: "postgres",
        script: INITDB,
        args: &[&folder, admin_role],
        env: Vec::new(),
        binds: vec![(parent, "/parent")],
    };
    run(&initdb).await?.success("initdb")?;
    run(&as_root(MOVE)).await?.success("moving the new cluster to its place")?;
    Ok(())
}

/// Runs statements in single-user mode, as the owner of the directory. It ends well whatever happens, so
/// what it says decides.
pub async fn run_single_user(image: &str, server: &ServerSpec, statements: &[String]) -> Result<()> {
    let data = &server.data;
    let _tenancy = tenancy::take(data, &[]).await?;
    let DataDir::Cluster(cluster) = data_dir(image, data).await else {
        return Err(Error::environment(format!("there is no whole cluster in {}", data.display())));
    };
    // The rendered file may name what another image lacks; for one statement the defaults will do.
    let script = r#"touch /tmp/empty.conf && printf '%s\n' "$ODPM_SQL" | postgres --single -D /data -c config_file=/tmp/empty.conf \
-c lc_messages=C -c log_min_error_statement=panic postgres"#;
    let user = format!("{}:{}", cluster.uid, cluster.gid);
    let one_off = OneOff {
        image,
        user: &user,
        script,
        args: &[],
        // Passwords are in here as SCRAM verifiers only.
        env: vec![format!("ODPM_SQL={}", statements.join("\n"))],
        binds: vec![(data, "/data")],
    };
    let text = run(&one_off).await?.success("single-user mode")?;
    single_user::verdict(true, &text)
}

/// Gives the image's own user its folders, and lets that user's group read files.
pub async fn share(step: &ShareFiles) -> Result<()> {
    let client = super::client::connected()?;
    let image = client
        .inspect_image(&step.image)
        .await
        .map_err(|e| super::client::failed(&format!("cannot look at the image {}", step.image), &e))?;
    let user = image.config.and_then(|config| config.user).filter(|user| !user.is_empty());
    let user = step.user.clone().or(user).unwrap_or_else(|| "root".to_owned());
    let user = user.split(':').next().unwrap_or("root");
    let paths = |kind: &str, count: usize| -> Vec<String> {
        (0..count).map(|n| format!("/share/{kind}/{n}")).collect()
    };
    let (own, read) = (paths("own", step.own.len()), paths("read", step.read.len()));
    let binds = step.own.iter().chain(&step.read).map(std::path::PathBuf::as_path);
    let binds = binds.zip(own.iter().chain(&read).map(String::as_str)).collect();
    let ours = if step.visible { rustix::process::getegid().as_raw().to_string() } else { String::new() };
    let script = r#"group=$(id -g "$1") || exit 1
for path in /share/own/*; do [ -e "$path" ] && { chown "$1" "$path" && chgrp "${2:-$group}" "$path" || exit 1; }
    [ -z "$2" ] || chmod 2750 "$path" || exit 1; done
for path in /share/read/*; do [ -e "$path" ] && { chgrp "$group" "$path" && chmod 640 "$path" || exit 1; }; done
exit 0"#;
    let one_off =
        OneOff { image: &step.image, user: "root", script, args: &[user, &ours], env: Vec::new(), binds };
    run(&one_off).await?.success("sharing files with the image's user").map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_tells_what_this_process_may_not_see() {
        let whole = "PG_VERSION\nbase\nglobal\npg_hba.conf\n--\n16\n--\nDatabase system identifier:           7412\nother: 1\n--\n999 999 700\n";
        let Some(DataDir::Cluster(files)) = parse(whole) else { panic!("no cluster") };
        assert_eq!(
            (files.major.0, files.system_identifier, files.uid, files.mode),
            (16, Some(7412), 999, 0o700)
        );
        assert!(files.has_hba);
        assert_eq!(parse("--\n--\n--\n999 999 700\n"), Some(DataDir::Empty));
        assert!(matches!(parse("base\n--\n--\n--\n0 0 755\n"), Some(DataDir::HalfInitialised { .. })));
        assert!(matches!(parse("a.jpg\n--\n--\n--\n0 0 755\n"), Some(DataDir::Foreign { .. })));
    }
}
