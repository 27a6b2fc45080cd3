//! What each kind of step does: one file per group.

mod carry;
mod clusters;
mod copy;
mod database;
mod databases;
mod files;
mod record;
mod server;
mod upgrade;

use crate::error::Result;
use crate::plan::Outcome;
use crate::step::Step;
use crate::world::World;

/// Does the step's work.
pub async fn run(step: &Step, world: &mut World) -> Result<Outcome> {
    match step {
        Step::MakeDir(step) => files::make_dir(step, world),
        Step::GenerateSecret(step) => files::generate_secret(step, world),
        Step::WriteFile(step) => files::write_file(step, world),
        Step::EditConf(step) => files::edit_conf(step, world),
        Step::RemoveFile(step) => files::remove_file(step, world),
        Step::RestoreFile(step) => files::restore_file(step, world),
        Step::PullImage(step) => server::pull_image(step, world).await,
        Step::ShareFiles(step) => server::share_files(step, world).await,
        Step::InitCluster(step) => server::init_cluster(step, world).await,
        Step::BootstrapRoles(step) => server::bootstrap_roles(step, world).await,
        Step::StartServer(step) => server::start_server(step, world).await,
        Step::StopServer(step) => server::stop_server(step, world).await,
        Step::StartService(step) => server::start_service(step, world).await,
        Step::StopService(step) => server::stop_service(step, world).await,
        Step::EnsureRoles(step) => database::ensure_roles(step, world).await,
        Step::VerifyLogin(step) => database::verify_login(step, world).await,
        Step::BackupDatabase(step) => databases::backup(step, world).await,
        Step::CheckBackup(step) => databases::check_backup(step, world).await,
        Step::LoadBackup(step) => databases::load(step, world).await,
        Step::LoadFiles(step) => databases::load_files(step, world).await,
        Step::RestoreFiles(step) => databases::restore_files(step, world).await,
        Step::RenewIdentity(step) => databases::renew(step, world).await,
        Step::Neutralize(step) => databases::neutralize(step, world).await,
        Step::CheckDatabase(step) => databases::check(step, world).await,
        Step::MoveDatabase(step) => databases::rename(step, world).await,
        Step::DuplicateDatabase(step) => databases::duplicate(step, world).await,
        Step::DropDatabase(step) => databases::drop_database(step, world).await,
        Step::SetPassword(step) => databases::set_password(step, world).await,
        Step::UpdateModules(step) => databases::update_modules(step, world).await,
        Step::ProbeOdoo(step) => databases::probe(step, world).await,
        Step::RemoveBackup(step) => databases::remove_backup(step, world).await,
        Step::RestoreFields(step) => databases::restore_fields(step, world).await,
        Step::DamageScratch(step) => databases::damage_scratch(step, world).await,
        Step::HoldTraffic(step) => databases::hold_traffic(step, world).await,
        Step::RepairRows(step) => databases::repair_rows(step, world).await,
        Step::RunScript(step) => databases::run_script(step, world).await,
        Step::TakeSnapshot(step) => databases::take_snapshot(step, world).await,
        Step::JudgeChange(step) => databases::judge_change(step, world).await,
        Step::RemoveSnapshot(step) => databases::remove_snapshot(step, world).await,
        Step::RecordDrill(step) => databases::record_drill(step, world).await,
        Step::ArchiveLog(step) => clusters::archive_log(step, world).await,
        Step::TakeBaseBackup(step) => clusters::take_base_backup(step, world).await,
        Step::RemoveBaseBackup(step) => clusters::remove_base_backup(step, world).await,
        Step::RemoveLog(step) => clusters::remove_log(step, world).await,
        Step::WriteKeys(step) => files::write_keys(step, world),
        Step::CreateStanza(step) => clusters::create_stanza(step, world).await,
        Step::BackUpCluster(step) => clusters::back_up(step, world).await,
        Step::ExpireRepository(step) => clusters::expire(step, world).await,
        Step::LayOutSidecar(step) => clusters::lay_out_sidecar(step, world).await,
        Step::RecoverSidecar(step) => clusters::recover_sidecar(step, world).await,
        Step::RemoveSidecar(step) => clusters::remove_sidecar(step, world).await,
        Step::RewindCluster(step) => clusters::rewind_cluster(step, world).await,
        Step::ReplaceData(step) => clusters::replace_data(step, world).await,
        Step::EndSession(step) => clusters::end_session(step, world).await,
        Step::CloseDatabase(step) => upgrade::close(step, world).await,
        Step::RunOdoo(step) => upgrade::run_odoo(step, world).await,
        Step::CompareState(step) => upgrade::compare(step, world).await,
        Step::RecordUpgrade(step) => upgrade::record(step, world),
        Step::CopyFiles(step) => carry::copy_files(step, world).await,
        Step::HandOverFiles(step) => carry::hand_over(step, world).await,
        Step::RecomputeFields(step) => carry::recompute(step, world).await,
        Step::CheckTables(step) => copy::check(step, world).await,
        Step::CopyTables(step) => copy::tables(step, world).await,
        Step::RecordBaseline(step) => record::record_baseline(step, world).await,
    }
}

pub use clusters::release;
pub use copy::committed;

/// Looks whether a step that was begun took effect: its outcome when it did, `None` when it has to run.
pub async fn probe(step: &Step, world: &World) -> Result<Option<Outcome>> {
    match step {
        Step::WriteFile(step) => files::probe_write(step, world),
        Step::EditConf(step) => files::probe_edit(step, world),
        Step::RemoveFile(step) => files::probe_remove(step, world),
        Step::RestoreFile(step) => files::probe_restore(step, world),
        Step::InitCluster(step) => Ok(server::probe_init(step, world).await),
        Step::MakeDir(_)
        | Step::PullImage(_)
        | Step::ShareFiles(_)
        | Step::GenerateSecret(_)
        | Step::BootstrapRoles(_)
        | Step::StartServer(_)
        | Step::StopServer(_)
        | Step::StartService(_)
        | Step::StopService(_)
        | Step::EnsureRoles(_)
        | Step::VerifyLogin(_)
        | Step::BackupDatabase(_)
        | Step::CheckBackup(_)
        | Step::LoadBackup(_)
        | Step::LoadFiles(_)
        | Step::RestoreFiles(_)
        | Step::RenewIdentity(_)
        | Step::Neutralize(_)
        | Step::CheckDatabase(_)
        | Step::MoveDatabase(_)
        | Step::DuplicateDatabase(_)
        | Step::DropDatabase(_)
        | Step::ProbeOdoo(_)
        | Step::SetPassword(_)
        | Step::UpdateModules(_)
        | Step::RemoveBackup(_)
        | Step::RestoreFields(_)
        | Step::RepairRows(_)
        | Step::HoldTraffic(_)
        | Step::DamageScratch(_)
        | Step::RunScript(_)
        | Step::TakeSnapshot(_)
        | Step::JudgeChange(_)
        | Step::RemoveSnapshot(_)
        | Step::RecordDrill(_)
        | Step::ArchiveLog(_)
        | Step::TakeBaseBackup(_)
        | Step::RemoveBaseBackup(_)
        | Step::RemoveLog(_)
        | Step::WriteKeys(_)
        | Step::CreateStanza(_)
        | Step::BackUpCluster(_)
        | Step::ExpireRepository(_)
        | Step::LayOutSidecar(_)
        | Step::RecoverSidecar(_)
        | Step::RemoveSidecar(_)
        | Step::RewindCluster(_)
        | Step::ReplaceData(_)
        | Step::EndSession(_)
        | Step::CloseDatabase(_)
        | Step::RunOdoo(_)
        | Step::CopyFiles(_)
        | Step::HandOverFiles(_)
        | Step::RecomputeFields(_)
        | Step::CompareState(_)
        | Step::RecordUpgrade(_)
        | Step::CopyTables(_)
        | Step::CheckTables(_)
        | Step::RecordBaseline(_) => Ok(None),
    }
}
