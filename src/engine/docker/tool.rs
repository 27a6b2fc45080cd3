//! PostgreSQL's client programs in the project's image, in a container beside the server.

use std::io::Write;

use bollard::container::LogOutput;
use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptions, StartContainerOptions, WaitContainerOptions,
};
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc::Sender;

use super::client::{connected, failed};
use super::{containers, one_off};
use crate::engine::Tool;
use crate::error::{Error, Result};
use crate::step::Programs;

/// Where the file with the password appears in the container.
const PASSFILE: &str = "/tmp/odpm-pgpass";

/// How much of what it says is kept for an error.
const SAID: usize = 64 << 10;

/// Runs a program to its end.
pub async fn run(tool: Tool<'_>) -> Result<()> {
    let Programs::Image { image, project, service } = &tool.operator.programs else {
        return Err(Error::internal("a step for processes came to the docker engine"));
    };
    let client = connected()?;
    one_off::sweep(&client).await;
    let endpoint = &tool.operator.endpoint;
    let (network, host, port) = match service {
        None => ("host".to_owned(), endpoint.host.clone(), endpoint.port),
        Some(service) => {
            let all = containers::list(project).await?;
            let server = all.iter().find(|container| container.service == *service && container.running);
            let server = server.ok_or_else(|| {
                Error::environment("PostgreSQL does not run").hint("Start the stack: odpm apply")
            })?;
            (format!("container:{}", server.id), "127.0.0.1".to_owned(), 5432)
        }
    };
    let passfile = passfile(&tool)?;
    let mut binds = vec![format!("{}:{PASSFILE}:ro", passfile.path().display())];
    binds.extend(tool.paths.iter().map(|path| format!("{0}:{0}", path.display())));
    let mut env: Vec<String> =
        tool.variables().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    env.push(format!("PGPASSFILE={PASSFILE}"));
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let body = ContainerCreateBody {
        image: Some(image.clone()),
        user: Some(format!("{uid}:{gid}")),
        entrypoint: Some(vec![tool.program.to_owned()]),
        cmd: Some(tool.login(&host, port).into_iter().chain(tool.args.iter().cloned()).collect()),
        env: Some(env),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        labels: Some([(one_off::LABEL.to_owned(), crate::process::me())].into()),
        host_config: Some(HostConfig {
            binds: Some(binds),
            network_mode: Some(network),
            // A dump does not belong into the engine's log.
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let made = client
        .create_container(None::<CreateContainerOptions>, body)
        .await
        .map_err(|e| failed(&format!("cannot make a container of {image}"), &e))?;
    let result = work(&client, &made.id, &tool).await;
    one_off::remove(&client, &made.id).await;
    result
}

async fn work(client: &bollard::Docker, id: &str, tool: &Tool<'_>) -> Result<()> {
    let options = AttachContainerOptionsBuilder::new().stdout(true).stderr(true).stream(true).build();
    let attached = client
        .attach_container(id, Some(options))
        .await
        .map_err(|e| failed("cannot listen to a container", &e))?;
    client
        .start_container(id, None::<StartContainerOptions>)
        .await
        .map_err(|e| failed(&format!("cannot start {} in a container", tool.program), &e))?;
    let said = listen(attached.output, tool.output.as_ref()).await?;
    let Some(said) = said else {
        // It would wait for a reader for ever: its container is stopped and removed right after this.
        return Err(Error::environment(format!("nobody takes what {} writes any more", tool.program)));
    };
    let code = match client.wait_container(id, None::<WaitContainerOptions>).next().await {
        Some(Ok(end)) => end.status_code,
        Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => code,
        Some(Err(e)) => return Err(failed("cannot wait for a container", &e)),
        None => return Err(Error::environment("a container ended without a word")),
    };
    if code == 0 { Ok(()) } else { Err(tool.failure(&format!("failed (exit code {code})"), &said)) }
}

/// Hands on what a program writes, and gives what it says; `None` when whoever takes the output has failed, who says why.
async fn listen(
    mut stream: impl Stream<Item = Result<LogOutput, bollard::errors::Error>> + Unpin,
    output: Option<&Sender<Result<Vec<u8>>>>,
) -> Result<Option<String>> {
    let mut said = String::new();
    while let Some(chunk) = stream.next().await {
        match chunk.map_err(|e| failed("cannot read from a container", &e))? {
            LogOutput::StdOut { message } => {
                if let Some(output) = output
                    && output.send(Ok(message.to_vec())).await.is_err()
                {
                    return Ok(None);
                }
            }
            other if said.len() < SAID => said.push_str(&other.to_string()),
            _ => {}
        }
    }
    Ok(Some(said))
}

/// The password in libpq's own file: a variable would be seen on the container.
fn passfile(tool: &Tool<'_>) -> Result<tempfile::NamedTempFile> {
    let escaped = tool.secret.reveal().replace('\\', "\\\\").replace(':', "\\:");
    let put = || -> std::io::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::NamedTempFile::new()?;
        writeln!(file, "*:*:*:*:{escaped}")?;
        Ok(file)
    };
    put().map_err(|e| Error::environment("cannot write a temporary file").caused_by(&e))
}

/// Prints the scripts of the modules, each after a line that names it, from wherever the image keeps Odoo.
const SCRIPTS: &str = r#"for folder in /usr/lib/python3/dist-packages/odoo/addons /opt/odoo/odoo/addons /opt/odoo/addons /mnt/extra-addons; do
for module in "$@"; do f="$folder/$module/data/neutralize.sql"; [ -f "$f" ] && { echo "--odpm-module $module"; cat "$f"; echo; }; done; done; true"#;

/// The scripts by which modules of an image are neutralized.
pub async fn neutralize_scripts(image: &str, modules: &[String]) -> Result<Vec<(String, String)>> {
    let args: Vec<&str> = modules.iter().map(String::as_str).collect();
    let one_off = one_off::OneOff {
        image,
        user: "root",
        script: SCRIPTS,
        args: &args,
        env: Vec::new(),
        binds: Vec::new(),
    };
    let text = one_off::run(&one_off).await?.success("reading Odoo's scripts")?;
    let parts = text.split("--odpm-module ").skip(1);
    Ok(parts
        .filter_map(|part| part.split_once('\n'))
        .map(|(m, sql)| (m.trim().to_owned(), sql.to_owned()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that writes on and on into a stream that never ends, as one does whose reader has failed.
    #[tokio::test]
    async fn a_writer_that_has_failed_ends_the_listening() {
        let chunk = |text: &'static str| Ok(LogOutput::StdOut { message: text.into() });
        let endless = futures_util::stream::iter([chunk("one"), chunk("two")]);
        let endless = endless.chain(futures_util::stream::pending());
        let (sender, mut taker) = tokio::sync::mpsc::channel::<Result<Vec<u8>>>(1);
        let take = async move { taker.recv().await.expect("the first chunk").expect("no error") };
        let both = futures_util::future::join(listen(endless, Some(&sender)), take);
        let (heard, first) =
            tokio::time::timeout(std::time::Duration::from_secs(60), both).await.expect("an end");
        assert_eq!((heard.unwrap(), first), (None, b"one".to_vec()));

        let whole = [chunk("one"), Ok(LogOutput::StdErr { message: "a word".into() })];
        let (sender, _taker) = tokio::sync::mpsc::channel(1);
        let heard = listen(futures_util::stream::iter(whole), Some(&sender)).await.unwrap();
        assert_eq!(heard.as_deref(), Some("a word"));
    }
}
