//! Who asks.

use crate::facts::Author;
use crate::process::accounts;

/// The user and the machine, as `user@host`.
pub fn author() -> Author {
    let uid = rustix::process::geteuid().as_raw();
    let user =
        accounts::name_of(uid).or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| format!("uid {uid}"));
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Author { name: format!("{user}@{host}"), uid }
}
