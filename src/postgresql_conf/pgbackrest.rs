//! `pgbackrest.conf` as odpm renders it, and the commands by which servers call pgBackRest.

use std::path::Path;

use super::word;
use crate::base::template::fill;
use crate::project::{Archive, Project, Repositories, Repository, UriStyle};

const TEMPLATE: &str = include_str!("../../templates/pgbackrest.conf");

/// Where pgBackRest finds things.
pub struct Places<'a> {
    /// The folder of the server's socket.
    pub socket: &'a Path,
    /// The folder of its locks.
    pub locks: &'a Path,
    /// The role that it logs in as.
    pub role: &'a str,
}

/// The text, without what is secret.
pub fn render(project: &Project, archive: &Archive, all: &Repositories, places: &Places<'_>) -> String {
    let postgres = &project.postgres;
    let each = all.all.iter().enumerate().map(|(at, one)| repository(at + 1, one, archive.keep));
    let values = [
        ("repositories", each.collect::<Vec<_>>().join("\n")),
        ("process_max", all.process_max.to_string()),
        ("locks", places.locks.display().to_string()),
        ("stanza", all.stanza.clone()),
        ("data", postgres.data.display().to_string()),
        ("port", postgres.port.to_string()),
        ("socket", places.socket.display().to_string()),
        ("role", places.role.to_owned()),
    ];
    fill(TEMPLATE, &values.each_ref().map(|(name, value)| (*name, value.as_str())))
}

fn repository(number: usize, repository: &Repository, keep: usize) -> String {
    let own = match repository {
        Repository::Folder(path) => vec![("path", path.display().to_string())],
        Repository::S3(s3) => {
            let style = match s3.uri_style {
                UriStyle::Host => "host",
                UriStyle::Path => "path",
            };
            vec![
                ("type", "s3".to_owned()),
                ("path", s3.path.clone()),
                ("s3-bucket", s3.bucket.clone()),
                ("s3-endpoint", s3.endpoint.clone()),
                ("s3-region", s3.region.clone()),
                ("s3-uri-style", style.to_owned()),
            ]
        }
    };
    let own = own.into_iter().chain([("retention-full", keep.to_string())]);
    own.map(|(name, value)| format!("repo{number}-{name}={value}")).collect::<Vec<_>>().join("\n")
}

/// The arguments by which pgBackRest is told which configuration and which cluster are meant.
pub fn arguments(config: &Path, keys: &Path, stanza: &str) -> Vec<String> {
    vec![
        format!("--config={}", config.display()),
        format!("--config-include-path={}", keys.display()),
        format!("--stanza={stanza}"),
    ]
}

/// A command for a server, in which PostgreSQL puts its own words in place of `%` and a letter.
pub fn command(arguments: &[String], end: &str) -> String {
    let words: Vec<String> = arguments.iter().map(|text| word(text)).collect();
    format!("pgbackrest {} {end}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::samples::project;

    #[test]
    fn each_repository_is_rendered_and_nothing_secret_is() {
        let text = "version: 1\nname: shop\nengine: local\nodoo: {version: 18.0}\npostgres: {version: 16, data: /srv/pg}\n\
             archive:\n  method: pgbackrest\n  keep: 3\n  process_max: 4\n  repositories:\n  - {path: /srv/archive}\n  \
             - {s3: {bucket: b, endpoint: e, region: r, key: \"${K}\", secret: \"${S}\", uri_style: path}}\n";
        let project = project(text, &[("K", "AKIA"), ("S", "hidden")]);
        let archive = project.archive.as_ref().unwrap();
        let all = archive.repositories().unwrap();
        let places =
            Places { socket: Path::new("/run/shop"), locks: Path::new("/srv/locks"), role: "postgres" };
        let text = render(&project, archive, all, &places);
        for line in [
            "repo1-path=/srv/archive",
            "repo1-retention-full=3",
            "repo2-type=s3",
            "repo2-path=/shop",
            "repo2-s3-bucket=b",
            "repo2-s3-endpoint=e",
            "repo2-s3-region=r",
            "repo2-s3-uri-style=path",
            "repo2-retention-full=3",
            "process-max=4",
            "expire-auto=n",
            "[shop]",
            "pg1-path=/srv/pg",
            "pg1-socket-path=/run/shop",
        ] {
            assert!(text.lines().any(|have| have == line), "{line}\n{text}");
        }
        assert!(!text.contains("AKIA") && !text.contains("hidden") && !text.contains('{'), "{text}");
        let keys: Vec<_> =
            all.keys().into_iter().map(|(name, key)| (name, key.reveal().to_owned())).collect();
        let want = [("repo2-s3-key", "AKIA"), ("repo2-s3-key-secret", "hidden")];
        assert_eq!(keys, want.map(|(name, key)| (name.to_owned(), key.to_owned())));
    }

    #[test]
    fn a_servers_command_survives_blanks_and_percent_signs() {
        let arguments = arguments(Path::new("/srv/my shop/100%.conf"), Path::new("/srv/k"), "shop");
        let text = command(&arguments, "archive-push \"%p\"");
        assert!(text.contains("'--config=/srv/my shop/100%%.conf'"), "{text}");
        assert!(text.ends_with("--stanza=shop archive-push \"%p\""), "{text}");
    }
}
