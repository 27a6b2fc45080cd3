//! The accounts of this machine, as `/etc/passwd` lists them.

use std::fs;

/// The user and group of the account with this name.
pub fn find(name: &str) -> Option<(u32, u32)> {
    all().into_iter().find(|(account, ..)| account == name).map(|(_, uid, gid)| (uid, gid))
}

/// The name of an account.
pub fn name_of(uid: u32) -> Option<String> {
    all().into_iter().find(|(_, id, _)| *id == uid).map(|(name, ..)| name)
}

fn all() -> Vec<(String, u32, u32)> {
    let text = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let parse = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        Some((name, fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    text.lines().filter_map(parse).collect()
}
