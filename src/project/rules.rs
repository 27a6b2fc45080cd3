//! What must be true of a project beyond the form of its file.

use std::collections::BTreeMap;

use super::archive::{ArchiveFile, MethodWord, Repositories, Repository};
use super::model::{EngineKind, Project};
use super::tree::{Node, Value, Wrong};
use crate::base::PgMajor;
use crate::base::quote::SERVER_DATABASES;

/// Options of `odoo.conf` that follow from other fields, and which: the only list of what odpm keeps in it.
pub const MANAGED: [(&str, &str); 9] = [
    ("db_host", "it follows from `engine` and the services' names"),
    ("db_port", "it follows from `postgres.port`"),
    ("db_user", "set `postgres.role`"),
    ("db_password", "set `postgres.password`"),
    (SSLMODE, "set `postgres.external.sslmode`"),
    ("db_name", "set `odoo.database`"),
    ("data_dir", "set `odoo.data_dir`"),
    ("addons_path", "set `odoo.addons`"),
    ("http_port", "set `odoo.services.odoo.port`"),
];

/// Kept for a server elsewhere only.
const SSLMODE: &str = "db_sslmode";

/// Settings of `postgresql.conf` that follow from other fields, and which.
const SETTINGS: [(&str, &str); 9] = [
    ("port", "set `postgres.port`"),
    ("data_directory", "set `postgres.data`"),
    ("listen_addresses", "the server listens on this machine only"),
    ("unix_socket_directories", "odpm chooses the folder of the socket"),
    ("config_file", "odpm renders that file"),
    ("hba_file", "the cluster's own pg_hba.conf counts"),
    ("include", "put the options themselves here"),
    ("include_if_exists", "put the options themselves here"),
    ("include_dir", "put the options themselves here"),
];

/// Collects what is wrong, each with its place in the file.
pub struct Rules<'a> {
    root: &'a Node,
    /// What is wrong.
    pub wrong: Vec<Wrong>,
}

impl<'a> Rules<'a> {
    /// Rules over this tree.
    pub fn new(root: &'a Node) -> Self {
        Self { root, wrong: Vec::new() }
    }

    fn at(&mut self, path: &[&str], message: impl Into<String>, suggestion: impl Into<String>) {
        let place = self.root.nearest(path).place;
        self.wrong.push(Wrong::new(place, message).suggest(suggestion));
    }

    /// A version that names no major.
    pub fn no_major(&mut self, version: &str) {
        let message = format!("`{version}` does not tell the major version of PostgreSQL");
        self.at(&["postgres", "version"], message, "Write the major first: 16, 16.4 or 16-alpine.");
    }

    /// A text that is no length of time.
    pub fn no_duration(&mut self, path: &[&str]) {
        self.at(
            path,
            "that is no length of time",
            "Write seconds, minutes, hours or days: 90s, 35m, 2h, 7d.",
        );
    }

    /// A text that is no regular expression.
    pub fn no_pattern(&mut self, path: &[&str], why: &str) {
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
        self.at(
            path,
            format!("that is no regular expression: {why}"),
            "Put a backslash before . ( ) [ ] * + ? |",
        );
    }

    /// A check that asks nothing, or more than one thing.
    pub fn no_kind_of_check(&mut self, name: &str) {
        let suggestion =
            "Write a query alone, or one of {sql: ...}, {http: /web/login} and {shell: checks/sale.py}.";
        self.at(&["checks", name], "a check asks one thing: `sql`, `http` or `shell`", suggestion);
    }

    /// A field of checks over HTTP in one of another kind.
    pub fn check_of_http(&mut self, name: &str, field: &str) {
        let suggestion = "Leave it out, or add a path: `http: /web/login`.";
        self.at(&["checks", name, field], format!("`{field}` belongs to `http`"), suggestion);
    }

    /// A path that no server of this machine is asked for.
    pub fn no_http_path(&mut self, name: &str, path: &str) {
        self.at(
            &["checks", name, "http"],
            format!("`{}` is no path of a server", path.escape_debug()),
            "Write what follows the host: /web/login. A blank is %20, other letters than ASCII's likewise.",
        );
    }

    /// A text that is no JSON.
    pub fn no_json(&mut self, name: &str, why: &str) {
        let suggestion = "Write it as one text: '{\"params\": {}}'.";
        self.at(&["checks", name, "json"], format!("that is no JSON: {why}"), suggestion);
    }

    /// A check over HTTP that sends two things.
    pub fn two_bodies(&mut self, name: &str) {
        self.at(
            &["checks", name, "body"],
            "a check sends either `json` or `body`",
            "Leave one of the two out.",
        );
    }

    /// A check that sends something where nothing is taken.
    pub fn body_of_get(&mut self, name: &str) {
        self.at(&["checks", name, "method"], "a GET takes no body", "Leave `method` out, or write POST.");
    }

    /// A list of tables to watch without any.
    pub fn no_tables(&mut self) {
        let suggestion =
            "Name some, or leave `watch` out: the tables that matter to most shops are watched then.";
        self.at(&["incident", "watch"], "no table is named", suggestion);
    }

    /// A name that no table has, at its place in the list.
    pub fn no_table(&mut self, at: usize, name: &str) {
        let list = self.root.nearest(&["incident", "watch"]);
        let place = match &list.value {
            Value::List(items) => items.get(at).map_or(list.place, |item| item.place),
            _ => list.place,
        };
        let message = format!("`{name}` is not the name of a table");
        self.wrong.push(Wrong::new(place, message).suggest("Write sale_order, or sale.order."));
    }

    /// Every rule.
    pub fn check(&mut self, project: &Project) {
        self.names(project);
        self.versions(project);
        self.ports(project);
        self.memory(project);
        self.options(project);
        self.volumes(project);
        self.archive(project);
    }

    /// What of `archive` belongs to its method.
    pub fn archive_fields(&mut self, file: &ArchiveFile) {
        let others: &[(&str, bool)] = match file.method {
            MethodWord::Pgbackrest => &[("path", file.path.is_some())],
            MethodWord::Basebackup => &[
                ("stanza", file.stanza.is_some()),
                ("repositories", file.repositories.is_some()),
                ("process_max", file.process_max.is_some()),
            ],
        };
        let (message, suggestion) = match file.method {
            MethodWord::Pgbackrest => {
                ("pgBackRest keeps the log in `repositories`", "Write: repositories: [{path: ./archive}]")
            }
            MethodWord::Basebackup => ("that is pgBackRest's", "Leave it out, or write: method: pgbackrest"),
        };
        for (field, _) in others.iter().filter(|(_, given)| *given) {
            self.at(&["archive", field], message, suggestion);
        }
        let all = file.repositories.iter().flatten();
        if all.clone().any(|one| one.path.is_some() == one.s3.is_some())
            || file.repositories.as_ref().is_some_and(Vec::is_empty)
        {
            self.at(
                &["archive", "repositories"],
                "each repository is a folder or a bucket, and there is at least one",
                "Write: repositories: [{path: ./archive}, {s3: {bucket: ..., endpoint: ..., ...}}]",
            );
        }
    }

    /// pgBackRest works where the server's processes do, and reads its settings line by line.
    fn repositories(&mut self, project: &Project, repositories: &Repositories) {
        if project.engine == EngineKind::Docker {
            self.at(
                &["archive", "method"],
                "pgBackRest has to be where the server is, and the images of PostgreSQL are without it",
                "Write `method: basebackup`, or use `engine: local`.",
            );
        }
        let letter = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let first = repositories.stanza.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !first || !repositories.stanza.chars().all(letter) {
            self.at(
                &["archive", "stanza"],
                format!("`{}` cannot name a cluster in a repository", repositories.stanza.escape_debug()),
                "Use letters, digits, `-`, `_` and `.`, with a letter or digit first.",
            );
        }
        let plain = |text: &str| !text.trim().is_empty() && !text.chars().any(char::is_control);
        let fit = |repository: &Repository| match repository {
            Repository::Folder(path) => path.to_str().is_some_and(plain),
            Repository::S3(s3) => {
                let words = [&s3.bucket, &s3.endpoint, &s3.region, &s3.path].map(String::as_str);
                words.into_iter().chain([s3.key.reveal(), s3.secret.reveal()]).all(plain)
                    && s3.path.starts_with('/')
            }
        };
        if !repositories.all.iter().all(fit) {
            self.at(
                &["archive", "repositories"],
                "a repository's fields are one line each and not empty, a path in a bucket begins with `/`",
                "Look for a variable that is not set in .env.",
            );
        }
        let mut folders: Vec<_> = repositories.folders().collect();
        folders.sort_unstable();
        if folders.windows(2).any(|pair| pair[0] == pair[1]) {
            self.at(
                &["archive", "repositories"],
                "two repositories are the same folder",
                "Give one of them another path.",
            );
        }
    }

    /// Whoever runs the server keeps its log.
    fn archive(&mut self, project: &Project) {
        let Some(archive) = &project.archive else { return };
        if let Some(repositories) = archive.repositories() {
            self.repositories(project, repositories);
        }
        if project.postgres.external.is_some() {
            self.at(
                &["archive"],
                "the log of a server elsewhere is kept by whoever runs it",
                "Leave `archive` out, and have it kept there.",
            );
        }
        let kept = ["archive_mode", "archive_command", "archive_library", "archive_timeout"];
        let is_kept = |name: &&String| kept.iter().any(|kept| name.eq_ignore_ascii_case(kept));
        for name in project.postgres.settings.keys().filter(is_kept) {
            let message = format!("`{name}` follows from `archive`");
            self.at(&["postgres", "settings", name], message, "Leave one of the two out.");
        }
    }

    fn volumes(&mut self, project: &Project) {
        for (part, volume) in [("postgres", &project.postgres.volume), ("odoo", &project.odoo.volume)] {
            let Some(volume) = volume else { continue };
            if project.engine != EngineKind::Docker {
                self.at(
                    &[part, "volume"],
                    "only the docker engine has named volumes",
                    "Use a folder instead.",
                );
            }
            let letter = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
            let folder = volume.folder.as_deref().unwrap_or("a");
            let steps = folder.split('/').all(|step| !step.trim_matches('.').is_empty());
            let first = volume.name.starts_with(|c: char| c.is_ascii_alphanumeric());
            if !first || !volume.name.chars().all(letter) || !steps {
                self.at(
                    &[part, "volume"],
                    "that is no name of a volume",
                    "Write NAME or NAME/FOLDER; `docker volume ls` shows the names.",
                );
            }
        }
    }

    fn names(&mut self, project: &Project) {
        let name = &project.name;
        if !is_name(name) {
            self.at(
                &["name"],
                format!("`{name}` is not a project name"),
                "Use lower-case letters, digits, `-` and `_`, with a letter or digit first.",
            );
        }
        let service = &project.postgres.service;
        if !is_name(service) || project.odoo.services.contains_key(service) {
            self.at(
                &["postgres", "service"],
                format!("`{service}` cannot be the name of the PostgreSQL service"),
                "Use lower-case letters, digits, `-` and `_`, and no name of an Odoo service.",
            );
        }
        if let Some(prefix) = &project.prefix
            && !is_name(prefix)
        {
            self.at(
                &["name"],
                format!("ODPM_COMPOSE_PREFIX is `{prefix}`, which cannot begin a name"),
                "Use lower-case letters, digits, `-` and `_`, with a letter or digit first.",
            );
        }
        let role = &project.postgres.role;
        let bad = role.is_empty()
            || role.len() > 63
            || role.starts_with("pg_")
            || role.chars().any(char::is_control);
        if bad || role == "postgres" {
            self.at(
                &["postgres", "role"],
                format!("`{role}` cannot be the application role"),
                "Odoo refuses `postgres`, PostgreSQL names that begin with `pg_`; use a name of its own, such as `odoo`.",
            );
        }
        if let Some(database) = &project.odoo.database
            && (SERVER_DATABASES.contains(&database.as_str()) || database.len() > 63)
        {
            self.at(
                &["odoo", "database"],
                format!("`{database}` cannot be Odoo's database"),
                "Use a name of its own of at most 63 letters.",
            );
        }
    }

    fn versions(&mut self, project: &Project) {
        let postgres = &project.postgres;
        if postgres.external.is_some() && postgres.password.is_none() {
            self.at(
                &["postgres", "external"],
                "a server elsewhere needs the application role's password",
                "Set postgres.password, best as ${VARIABLE}.",
            );
        }
        let major = postgres.major;
        if (1..10).contains(&major.0) {
            self.at(&["postgres", "version"], format!("PostgreSQL {major} is too old"), "Use 10 or later.");
        }
        let tag = postgres.image.rsplit_once(':').and_then(|(_, tag)| PgMajor::from_tag(tag));
        if let Some(image) = tag.filter(|image| *image != major && major.0 > 0) {
            let message = format!("the image is of PostgreSQL {image}, `postgres.version` says {major}");
            self.at(&["postgres", "image"], message, "Make the two agree.");
        }
    }

    fn ports(&mut self, project: &Project) {
        let own = project.postgres.external.is_none().then(|| (project.postgres.port, "postgres".to_owned()));
        let mut taken: BTreeMap<u16, String> = own.into_iter().collect();
        for (name, service) in project.odoo.services.iter().filter(|(_, s)| s.replicas > 0) {
            let Some(port) = service.port else { continue };
            if let Some(other) = taken.insert(port, name.clone()) {
                self.at(
                    &["odoo", "services", name, "port"],
                    format!("{name} and {other} both want port {port}"),
                    "Give one of them another port.",
                );
            }
            if service.replicas > 1 {
                self.at(
                    &["odoo", "services", name, "replicas"],
                    format!("{} of {name} cannot share port {port}", service.replicas),
                    "Use one with more `workers` in odoo.conf, or odoo-worker without a port.",
                );
            }
        }
        let worker = project.odoo.services.get("odoo-worker");
        if project.engine == EngineKind::Local && worker.is_some_and(|w| w.replicas > 0 && w.port.is_none()) {
            self.at(
                &["odoo", "services", "odoo-worker"],
                "odoo-worker needs a port of its own on the local engine",
                "Add `port: ...`, or use `workers` in odoo.conf.",
            );
        }
    }

    fn memory(&mut self, project: &Project) {
        let services = project
            .odoo
            .services
            .iter()
            .map(|(name, s)| (vec!["odoo", "services", name, "memory"], &s.memory));
        let all: Vec<_> = services.chain([(vec!["postgres", "memory"], &project.postgres.memory)]).collect();
        for (path, memory) in all {
            let Some(memory) = memory else { continue };
            let digits = memory.trim_end_matches(['k', 'm', 'g']);
            let whole =
                memory.len() - digits.len() == 1 && digits.parse::<u32>().is_ok_and(|number| number > 0);
            if !whole {
                self.at(&path, format!("`{memory}` is no amount of memory"), "Write 512m or 2g.");
            }
        }
    }

    fn options(&mut self, project: &Project) {
        for (option, value) in &project.odoo.conf {
            let free = option.eq_ignore_ascii_case(SSLMODE) && project.postgres.external.is_none();
            let managed = MANAGED.iter().find(|(name, _)| option.eq_ignore_ascii_case(name) && !free);
            self.option(&["odoo", "conf", option], option, value, managed, "odoo.conf");
        }
        let mut names = BTreeMap::new();
        for (option, value) in &project.postgres.settings {
            // To PostgreSQL both are one setting, of which the last counts.
            if let Some(other) = names.insert(option.to_ascii_lowercase(), option) {
                let message = format!("`{other}` and `{option}` are one setting");
                self.at(&["postgres", "settings", option], message, "Leave one of the two out.");
            }
            let managed = SETTINGS.iter().find(|(name, _)| option.eq_ignore_ascii_case(name));
            self.option(&["postgres", "settings", option], option, value, managed, "postgresql.conf");
        }
    }

    fn option(
        &mut self,
        path: &[&str],
        option: &str,
        value: &str,
        managed: Option<&(&str, &str)>,
        file: &str,
    ) {
        if let Some((_, instead)) = managed {
            self.at(
                path,
                format!("odpm keeps `{option}` of {file} itself"),
                format!("Remove it: {instead}."),
            );
        }
        let letter = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if option.is_empty() || !option.chars().all(letter) {
            self.at(
                path,
                format!("`{option}` cannot be an option of {file}"),
                "Use letters, digits, `_` and `.`.",
            );
        }
        if value.contains(['\n', '\r', '\0']) {
            self.at(path, format!("the value of `{option}` has several lines"), "Write it in one line.");
        }
    }
}

/// Whether it may name a project or a service.
pub fn is_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 40 && name.starts_with(first) && name.chars().all(|c| first(c) || c == '-' || c == '_')
}
