//! The secrets that odpm keeps: one private file each.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::{StateDir, make_dir, replace};
use crate::base::{Secret, SecretRef};
use crate::error::{Error, Result};

/// Where secrets are found: in the project, else in odpm's own files.
#[derive(Clone, Debug)]
pub struct SecretFiles {
    folder: PathBuf,
    app: Option<Secret>,
    admin: Option<Secret>,
    conf: BTreeMap<String, Secret>,
    odoo_admin: Option<Secret>,
    keys: BTreeMap<String, Secret>,
    remotes: BTreeMap<(String, String), Secret>,
    seek: Option<SeekRemote>,
}

/// Finds the password of a role at a place that is not the project's: what `PGPASSWORD`, `~/.pgpass` or another project say.
pub type SeekRemote = fn(place: &str, role: &str) -> Result<Option<Secret>>;

impl SecretFiles {
    /// The secrets of a project: the application role's password and options of `odoo.conf` where the
    /// project gives them.
    pub fn new(state: &StateDir, app: Option<Secret>, conf: BTreeMap<String, Secret>) -> Self {
        Self {
            folder: state.secrets(),
            app,
            admin: None,
            conf,
            odoo_admin: None,
            keys: BTreeMap::new(),
            remotes: BTreeMap::new(),
            seek: None,
        }
    }

    /// With the administrative role's password, where the project gives it.
    #[must_use]
    pub fn with_admin(self, admin: Option<Secret>) -> Self {
        Self { admin, ..self }
    }

    /// With the password that Odoo's administrator shall get.
    #[must_use]
    pub fn with_odoo_admin(self, odoo_admin: Option<Secret>) -> Self {
        Self { odoo_admin, ..self }
    }

    /// With the keys of pgBackRest's repositories, by its names for them.
    #[must_use]
    pub fn with_keys(self, keys: BTreeMap<String, Secret>) -> Self {
        Self { keys, ..self }
    }

    /// With a way to find passwords of other places.
    #[must_use]
    pub fn with_seek(self, seek: SeekRemote) -> Self {
        Self { seek: Some(seek), ..self }
    }

    /// With the password of a role at another place, given with the command: it lasts as long as the command.
    pub fn give_remote(&mut self, place: &str, role: &str, secret: Secret) {
        self.remotes.insert((place.to_owned(), role.to_owned()), secret);
    }

    /// The file of a secret that odpm keeps itself.
    fn path(&self, secret: &SecretRef) -> Option<PathBuf> {
        match secret {
            SecretRef::AppPassword => Some(self.folder.join("app_password")),
            SecretRef::AdminPassword => Some(self.folder.join("admin_password")),
            SecretRef::OdooAdmin
            | SecretRef::OdooConf { .. }
            | SecretRef::RepositoryKey { .. }
            | SecretRef::Remote { .. } => None,
        }
    }

    /// The secret, where there is one.
    pub fn find(&self, secret: &SecretRef) -> Result<Option<Secret>> {
        if let (SecretRef::AppPassword, Some(given)) = (secret, &self.app) {
            return Ok(Some(given.clone()));
        }
        if let (SecretRef::AdminPassword, Some(given)) = (secret, &self.admin) {
            return Ok(Some(given.clone()));
        }
        if let SecretRef::OdooAdmin = secret {
            return Ok(self.odoo_admin.clone());
        }
        if let SecretRef::RepositoryKey { option } = secret {
            return Ok(self.keys.get(option).cloned());
        }
        if let SecretRef::OdooConf { option } = secret {
            return Ok(self.conf.get(option).cloned());
        }
        if let SecretRef::Remote { place, role } = secret {
            if let Some(given) = self.remotes.get(&(place.clone(), role.clone())) {
                return Ok(Some(given.clone()));
            }
            return self.seek.map_or(Ok(None), |seek| seek(place, role));
        }
        let Some(path) = self.path(secret) else { return Ok(None) };
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(Secret::new(text.trim_end_matches('\n'))).filter(|s| !s.reveal().is_empty())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::environment(format!("cannot read {}", path.display()))
                .caused_by(&e)
                .hint("Run odpm as the user who applied this project before.")),
        }
    }

    /// Makes a secret of 32 random letters and digits, unless there is one. Tells whether it was made.
    pub fn generate(&self, secret: &SecretRef) -> Result<bool> {
        if self.find(secret)?.is_some() {
            return Ok(false);
        }
        let Some(path) = self.path(secret) else {
            return Err(Error::internal(format!("odpm makes no secret like {secret:?}")));
        };
        let put = || -> io::Result<()> {
            make_dir(&self.folder, 0o700)?;
            replace(&path, format!("{}\n", random()?).as_bytes(), 0o600)
        };
        put().map_err(|e| Error::environment(format!("cannot write {}", path.display())).caused_by(&e))?;
        Ok(true)
    }
}

/// 32 letters and digits from the system's random source: 190 bits.
fn random() -> io::Result<String> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut out = String::with_capacity(32);
    while out.len() < 32 {
        let [byte] = random_bytes()?;
        // 248 is the largest multiple of 62 in a byte; the rest would favour the first letters.
        if let Some(letter) = LETTERS.get(usize::from(byte % 62)).filter(|_| byte < 248) {
            out.push(char::from(*letter));
        }
    }
    Ok(out)
}

/// Bytes from the system's random source.
pub fn random_bytes<const N: usize>() -> io::Result<[u8; N]> {
    use io::Read;
    let mut bytes = [0; N];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A secret that a step or a verb wants and nobody has.
pub fn missing(secret: &SecretRef) -> Error {
    let (what, hint) = match secret {
        SecretRef::OdooConf { option } | SecretRef::RepositoryKey { option } => {
            return Error::environment(format!("the value of {option} is not known"))
                .hint("Run the command with the odpm.yaml and .env that the plan was made from.");
        }
        SecretRef::Remote { place, role } => {
            let error = Error::environment(format!("the password of {role} at {place} is not known"));
            return error
                .because("a plan holds no password; each command that needs one finds it again")
                .hint("Give it in the environment: PGPASSWORD=... odpm ...")
                .hint("Or in ~/.pgpass, which nobody else may read: HOST:PORT:DATABASE:ROLE:PASSWORD");
        }
        SecretRef::AppPassword => (
            "the application role's password is not known",
            "Set postgres.password in odpm.yaml (as ${POSTGRES_PASSWORD}, say), or have odpm make one: odpm apply.",
        ),
        SecretRef::OdooAdmin => (
            "the administrator's new password is not known",
            "It is asked for, or comes from ODPM_ADMIN_PASSWORD or a file; give it again with the command.",
        ),
        SecretRef::AdminPassword => (
            "the administrative role's password is not known",
            "It is kept in .odpm/secrets/admin_password; put it back there.",
        ),
    };
    Error::environment(what).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_secret_is_made_once_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = SecretFiles::new(&StateDir::of(dir.path()), None, BTreeMap::new());
        assert_eq!(secrets.find(&SecretRef::AdminPassword).unwrap(), None);
        assert!(secrets.generate(&SecretRef::AdminPassword).unwrap());
        let first = secrets.find(&SecretRef::AdminPassword).unwrap().unwrap();
        assert!(!secrets.generate(&SecretRef::AdminPassword).unwrap());
        assert_eq!(secrets.find(&SecretRef::AdminPassword).unwrap().unwrap(), first);
        assert_eq!(first.reveal().len(), 32);
        let mode = fs::metadata(secrets.path(&SecretRef::AdminPassword).unwrap()).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_projects_password_wins() {
        let dir = tempfile::tempdir().unwrap();
        let secrets =
            SecretFiles::new(&StateDir::of(dir.path()), Some(Secret::new("given")), BTreeMap::new());
        assert!(!secrets.generate(&SecretRef::AppPassword).unwrap());
        assert_eq!(secrets.find(&SecretRef::AppPassword).unwrap().unwrap().reveal(), "given");
    }
}
