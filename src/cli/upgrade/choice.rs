use crate::cli::session::Session;
use crate::error::Result;
use crate::facts::{DatabaseModules, ModulesSeen};
use crate::observe;
use crate::plan::Check;
use crate::upgrade::{Changes, Resolved, Wanted, changed, modules, resolve};

/// Which modules of which database.
#[derive(Debug, clap::Args)]
pub struct Choice {
    /// The database; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    pub database: Option<String>,
    /// The modules to update; `all` is every installed one
    #[arg(short, long, value_name = "MODULES", value_delimiter = ',')]
    update: Vec<String>,
    /// The modules to install
    #[arg(short, long, value_name = "MODULES", value_delimiter = ',')]
    install: Vec<String>,
    /// Update the modules whose version or files differ from what the database has
    #[arg(long)]
    changed: bool,
}

/// What was found before an upgrade.
pub struct Preflight {
    /// The modules that are named, or differ.
    pub wanted: Wanted,
    /// What was seen of modules.
    pub seen: ModulesSeen,
    /// What differs, where that was asked.
    pub changes: Option<Changes>,
    /// What Odoo will do.
    pub resolved: Resolved,
    /// What was looked at.
    pub checks: Vec<Check>,
}

impl Choice {
    /// The modules that are named.
    pub fn wanted(&self) -> Wanted {
        Wanted { update: names(&self.update), install: names(&self.install), changed: self.changed }
    }
}

impl Preflight {
    /// Looks at everything about modules that an upgrade has to know. The digests of the files of what is upgraded are taken, too.
    /// `before`: the modules of the database, where it takes no connections and they are on record.
    pub async fn gather(
        session: &Session,
        database: &str,
        before: Option<DatabaseModules>,
        mut wanted: Wanted,
    ) -> Result<Self> {
        let (loaded, engine) = (&session.loaded, session.engine.as_ref());
        let mut view = observe::modules(loaded, engine, database, before).await?;
        let changes = wanted.changed.then(|| {
            view.hash_installed();
            changed(&view.seen)
        });
        let differ = changes
            .iter()
            .flat_map(Changes::names)
            .filter(|name| !wanted.update.iter().any(|own| own == name));
        let differ: Vec<String> = differ.map(str::to_owned).collect();
        wanted.update.extend(differ);
        let resolved = resolve(&wanted, &view.seen);
        view.hash(resolved.names());
        view.look_closer(loaded, engine, &wanted, &resolved).await;
        let seen = view.close();
        let mut checks: Vec<Check> = changes.iter().flat_map(Changes::checks).collect();
        let (more, resolved) = modules(&wanted, &seen);
        checks.extend(more);
        Ok(Preflight { wanted, seen, changes, resolved, checks })
    }
}

fn names(given: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in given.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}
