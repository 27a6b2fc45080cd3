//! Each kind of step in a few words.

use std::path::Path;

use super::findings::count;
use crate::base::SecretRef;
use crate::facts::UpgradeEnd;
use crate::step::{Ending, RepairTable, SidecarSource, Step, Via};

/// What the step does, as an order: `write odoo.conf`. Paths below `root` are shown from there.
pub fn headline(step: &Step, root: &Path) -> String {
    let at = |path: &Path| match path.strip_prefix(root) {
        Ok(inside) if !inside.as_os_str().is_empty() => inside.display().to_string(),
        _ => path.display().to_string(),
    };
    match step {
        Step::MakeDir(step) => format!("make the folder {}", at(&step.path)),
        Step::GenerateSecret(step) => format!("make {}", secret(&step.secret)),
        Step::WriteFile(step) => format!("write {}", at(&step.path)),
        Step::EditConf(step) => {
            let options: Vec<&str> = step.edits.iter().map(|edit| edit.option.as_str()).collect();
            format!("set {} in {}", options.join(", "), at(&step.path))
        }
        Step::RemoveFile(step) => format!("remove {}", at(&step.path)),
        Step::RestoreFile(step) => format!("put back {}", at(&step.path)),
        Step::PullImage(step) => format!("pull the image {}", step.image),
        Step::ShareFiles(step) => {
            let paths: Vec<String> = step.own.iter().chain(&step.read).map(|path| at(path)).collect();
            format!("let the user of {} at {}", step.image, paths.join(" and "))
        }
        Step::InitCluster(step) => {
            format!("make a PostgreSQL {} cluster in {}", step.server.major, at(&step.server.data))
        }
        Step::BootstrapRoles(step) => {
            format!("set the role {}'s password in single-user mode", step.admin_role)
        }
        Step::StartServer(server) => format!("start PostgreSQL {} on port {}", server.major, server.port),
        Step::StopServer(server) => format!("stop PostgreSQL on port {}", server.port),
        Step::EnsureRoles(step) => {
            format!("create or mend the role {} and {}", step.app_role, step.extensions.join(", "))
        }
        Step::VerifyLogin(step) => format!("log in as {} over TCP", step.role),
        Step::StartService(service) if service.replicas > 1 => {
            format!("start {} {}", service.replicas, service.service)
        }
        Step::StartService(service) => format!("start {}", service.service),
        Step::StopService(service) => format!("stop {}", service.service),
        Step::BackupDatabase(step) => format!("back {} up to {}", step.database, at(&step.to)),
        Step::CheckBackup(step) => format!("read {} and check it", at(&step.path)),
        Step::LoadBackup(step) => format!("load {} into {}", at(&step.path), step.database),
        Step::RestoreFiles(step) => {
            format!("put {} back into {} from {}", count(step.count, "file"), at(&step.to), at(&step.backup))
        }
        Step::LoadFiles(step) => format!("put its files into {}", at(&step.to)),
        Step::RenewIdentity(step) => format!("give {} an identity of its own", step.database),
        Step::Neutralize(step) => format!("switch off what {} does outside", step.database),
        Step::CheckDatabase(step) => format!("compare {} with {}", step.database, at(&step.backup)),
        Step::MoveDatabase(step) => match &step.keep {
            Some(keep) => format!("rename {} to {}, what has that name to {keep}", step.from, step.to),
            None => format!("rename {} to {}", step.from, step.to),
        },
        Step::DuplicateDatabase(step) => format!("copy {} to {}", step.from, step.to),
        Step::DropDatabase(step) => format!("drop the database {} with its files", step.name),
        Step::UpdateModules(step) => {
            let what = |verb: &str, modules: &[String]| {
                (!modules.is_empty()).then(|| format!("{verb} {}", modules.join(", ")))
            };
            let parts = [what("install", &step.install), what("update", &step.update)];
            format!("{} in {}", parts.into_iter().flatten().collect::<Vec<_>>().join(" and "), step.database)
        }
        Step::ProbeOdoo(step) => {
            let checks = match step.http.len() + step.sql.len() + step.scripts.len() {
                0 => String::new(),
                some => format!(" with {}", count(some as u64, "check")),
            };
            format!("start Odoo on {}, ask it{checks}, and end it", step.database)
        }
        Step::SetPassword(step) => {
            format!("set login {} and password of the administrator in {}", step.login, step.database)
        }
        Step::RemoveBackup(step) => format!("remove {}", at(&step.path)),
        Step::RestoreFields(step) => {
            let fields: Vec<String> = step
                .counts
                .iter()
                .map(|(field, rows)| format!("{field} of {}", count(*rows, "row")))
                .collect();
            let how = if step.via == Via::Sql { "by SQL" } else { "through Odoo" };
            format!("put back {how}: {}", fields.join(", "))
        }
        Step::CloseDatabase(step) if step.closed => {
            format!("let nobody into {}, and send everybody away from it", step.database)
        }
        Step::CloseDatabase(step) => format!("let {} take connections again", step.database),
        Step::RunOdoo(step) => {
            let part = |(what, modules): (&str, &Vec<String>)| {
                (!modules.is_empty()).then(|| format!("{what} {}", modules.join(", ")))
            };
            let parts: Vec<String> = [("install", &step.install), ("upgrade", &step.update)]
                .into_iter()
                .filter_map(part)
                .collect();
            format!("{} in {}", parts.join(" and "), step.database)
        }
        Step::CompareState(step) => format!("compare {} with what it was before", step.database),
        Step::RecordUpgrade(step) => match step.end {
            UpgradeEnd::Upgraded => "record that the upgrade is done".to_owned(),
            UpgradeEnd::RolledBack => "record that the upgrade is rolled back".to_owned(),
            UpgradeEnd::Rehearsed => "record that the rehearsal has passed".to_owned(),
            UpgradeEnd::Superseded => "record that another attempt takes its place".to_owned(),
        },
        Step::CheckTables(step) => {
            format!(
                "look whether {} and {} are still what was planned for",
                step.source.database, step.database
            )
        }
        Step::CopyTables(step) => {
            let over =
                if step.jobs > 1 { format!(", over {} connections", step.jobs) } else { String::new() };
            format!(
                "copy up to {} of {} from {} to {}{over}",
                crate::base::size::count(step.rows, "row"),
                crate::base::size::count(step.tables, "table"),
                step.source.database,
                step.database
            )
        }
        Step::DamageScratch(step) => format!("damage the scratch database {} on purpose", step.database),
        Step::HoldTraffic(step) if step.hold => {
            format!("let nobody write to {}, and send everybody away from it", step.database)
        }
        Step::HoldTraffic(step) => {
            format!("let everybody write to {} again, and send everybody away from it once", step.database)
        }
        Step::RepairRows(step) => {
            let part = |(count_of, what): (u64, &str)| (count_of > 0).then(|| format!("{what} {count_of}"));
            let table = |table: &RepairTable| {
                let parts = [(table.insert, "put back"), (table.update, "mend"), (table.delete, "delete")];
                let parts: Vec<String> = parts.into_iter().filter_map(part).collect();
                format!("{}: {}", table.section.table, parts.join(", "))
            };
            let tables: Vec<String> = step.tables.iter().map(table).collect();
            format!("repair rows of {}: {}", step.database, tables.join("; "))
        }
        Step::RunScript(step) => {
            let tables: Vec<String> =
                step.counts.iter().map(|(table, touched)| format!("{table}: {touched}")).collect();
            let what = if tables.is_empty() { "no rows".to_owned() } else { tables.join("; ") };
            format!("run {} in {}: {what}", at(&step.script), step.database)
        }
        Step::TakeSnapshot(step) => format!("take a snapshot of {} into {}", step.database, at(&step.to)),
        Step::JudgeChange(step) => {
            format!("compare {} with {}, and judge what has changed", step.database, at(&step.snapshot))
        }
        Step::RemoveSnapshot(step) => format!("remove {}", at(&step.rows)),
        Step::RecordDrill(step) => format!("record the drill of {}", at(&step.backup)),
        Step::ArchiveLog(_) => "have the server archive its log up to now".to_owned(),
        Step::TakeBaseBackup(step) => {
            format!("take a base backup of the cluster: {}", at(&step.folder.join(&step.id)))
        }
        Step::RemoveBaseBackup(step) => format!("remove {}", at(&step.folder.join(&step.id))),
        Step::RemoveLog(step) => {
            format!("remove {} of the log from {}", count(step.count, "segment"), at(&step.folder))
        }
        Step::WriteKeys(step) => format!("write {}", at(&step.path)),
        Step::CreateStanza(step) => {
            format!("make the cluster known to pgBackRest as {}", step.pgbackrest.stanza)
        }
        Step::BackUpCluster(step) => {
            let kind = if step.full { "a full" } else { "an incremental" };
            format!("have pgBackRest take {kind} base backup into repository {}", step.repository)
        }
        Step::ExpireRepository(step) if step.sets.is_empty() => {
            format!("remove the log from repository {} that no base backup needs", step.repository)
        }
        Step::ExpireRepository(step) => {
            format!(
                "remove {} from repository {}, with what is made on it and the log before the rest",
                step.sets.join(", "),
                step.repository
            )
        }
        Step::LayOutSidecar(step) => {
            let place = at(&step.record.sidecar.place);
            match &step.from {
                SidecarSource::Basebackup { base, .. } => format!("copy {} to {place}", at(base)),
                SidecarSource::Pgbackrest { repository, set, .. } => {
                    format!("have pgBackRest lay {set} of repository {repository} out in {place}")
                }
            }
        }
        Step::RecoverSidecar(step) => {
            format!("start the sidecar {} and recover it to {}", step.record.sidecar.name, step.record.moment)
        }
        Step::EndSession(step) => match step.ending {
            Ending::Cancel => format!("cancel the statement of process {}", step.pid),
            Ending::Terminate => format!("cancel the statement of process {}, then terminate it", step.pid),
        },
        Step::RemoveSidecar(step) => format!("stop the sidecar {} and remove it", step.sidecar.name),
        Step::RewindCluster(step) => {
            let record = &step.recovery.record;
            let from = match &step.lay_out.from {
                SidecarSource::Basebackup { base, .. } => at(base),
                SidecarSource::Pgbackrest { repository, set, .. } => {
                    format!("{set} of repository {repository}")
                }
            };
            format!("recover {from} to {} in {}", record.moment, at(&record.sidecar.place))
        }
        Step::ReplaceData(step) => {
            let (data, from) = (at(&step.server.data), at(&step.from));
            format!("set {data} aside as {}, and put {from} in its place", at(&step.aside))
        }
        Step::CopyFiles(step) => {
            format!("bring the files of copied attachments from {} to {}", at(&step.from), at(&step.to))
        }
        Step::HandOverFiles(step) => {
            format!(
                "have Odoo's own clean-up look through the files that were brought to {}",
                at(&step.folder)
            )
        }
        Step::RecomputeFields(step) => {
            format!("compute fields of {} anew where that is needed", step.database)
        }
        Step::RecordBaseline(_) => "record the baseline".to_owned(),
    }
}

fn secret(secret: &SecretRef) -> String {
    match secret {
        SecretRef::AppPassword => "the application role's password".to_owned(),
        SecretRef::AdminPassword => "the administrative role's password".to_owned(),
        SecretRef::OdooAdmin => "the administrator's password".to_owned(),
        SecretRef::Remote { place, role } => format!("the password of {role} at {place}"),
        SecretRef::OdooConf { option } | SecretRef::RepositoryKey { option } => {
            format!("a value of {option}")
        }
    }
}
