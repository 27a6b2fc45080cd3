//! Who uses the wanted ports.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};

use crate::facts::{EngineSeen, PortSeen, PortUse, ServerSeen};
use crate::project::Project;

/// The ports that the project wants on this machine, and who uses them now.
pub fn ports(project: &Project, engine: &EngineSeen) -> Vec<PortSeen> {
    let port = project.postgres.port;
    let ours = matches!(engine.server.get(), Some(ServerSeen::Running { port: now, .. }) if *now == port);
    let mut seen = vec![look(project.postgres_service(), port, Ipv4Addr::LOCALHOST, ours)];
    for (name, service) in project.odoo.services.iter().filter(|(_, service)| service.replicas > 0) {
        let Some(port) = service.port else { continue };
        let running =
            engine.services.get().and_then(|all| all.get(name)).is_some_and(|seen| seen.running > 0);
        seen.push(look(name.clone(), port, Ipv4Addr::UNSPECIFIED, running));
    }
    seen
}

fn look(service: String, port: u16, address: Ipv4Addr, ours: bool) -> PortSeen {
    let usage = match TcpListener::bind((address, port)) {
        Err(e) if e.kind() == io::ErrorKind::AddrInUse && ours => PortUse::Ours,
        Err(e) if e.kind() == io::ErrorKind::AddrInUse => PortUse::Taken { by: listener(port) },
        // What cannot be tried - a port for root only, say - shows when the service starts.
        _ => PortUse::Free,
    };
    PortSeen { service, port, usage }
}

/// The process that listens on a port, where that can be seen: `nginx (pid 812)`.
fn listener(port: u16) -> Option<String> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|text| text.lines().filter_map(|line| inode(line, port)).collect::<Vec<_>>())
        .collect();
    fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
        let pid = process.file_name().to_str()?.parse::<u32>().ok()?;
        let holds = fs::read_dir(process.path().join("fd")).ok()?.flatten().any(|fd| {
            fs::read_link(fd.path()).is_ok_and(|link| {
                inodes.iter().any(|inode| link.as_os_str() == format!("socket:[{inode}]").as_str())
            })
        });
        let name = fs::read_to_string(process.path().join("comm")).ok().filter(|_| holds)?;
        Some(format!("{} (pid {pid})", name.trim_end()))
    })
}

/// The inode of a line of `/proc/net/tcp` that says LISTEN on this port.
fn inode(line: &str, port: u16) -> Option<String> {
    let mut fields = line.split_whitespace();
    let local = fields.nth(1)?;
    let listens = fields.nth(1)? == "0A";
    let (_, hex) = local.split_once(':')?;
    (listens && u16::from_str_radix(hex, 16).ok()? == port).then(|| fields.nth(5).map(str::to_owned))?
}
