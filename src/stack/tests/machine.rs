//! A machine that changes as a plan's steps would change it.

use super::cluster;
use crate::base::{PgMajor, RunId, Secret, SecretRef};
use crate::drift::Acceptance;
use crate::facts::*;
use crate::odoo_conf;
use crate::plan::Plan;
use crate::project::{EngineKind, Project};
use crate::stack::{Grounds, Request, plan};
use crate::step::Step;

/// A machine with PostgreSQL 16 and nothing else.
pub struct Machine {
    pub seen: Observation,
    pub baseline: BaselineSeen,
}

impl Machine {
    pub fn new(project: &Project) -> Self {
        let app_secret = project.postgres.password.is_some();
        let mut seen = Observation { app_secret, ..samples::bare_machine(&project.postgres.data) };
        if project.engine == EngineKind::Docker {
            seen.engine.missing_images = vec![project.postgres.image.clone(), project.odoo.image.clone()];
        }
        Self { seen, baseline: BaselineSeen::Absent }
    }

    pub fn plan(&self, project: &Project, request: &Request) -> Plan {
        let run = RunId::parse("20261120T211333Z-1a2b3c4d").unwrap();
        plan(request, &Grounds { project, seen: &self.seen, baseline: &self.baseline, run: &run })
    }

    pub fn up(&self, project: &Project, accepted: &[&str]) -> Plan {
        let accepted = accepted.iter().map(|text| Acceptance::parse(text).unwrap()).collect();
        self.plan(project, &Request::Up { skip_start: false, accepted, set_aside: false })
    }

    /// Looks at a project anew: some of what is seen depends on what is asked.
    pub fn look_at(&mut self, project: &Project) {
        self.seen.data_path = project.postgres.data.clone();
        self.seen.app_secret |= project.postgres.password.is_some();
        let major =
            if project.engine == EngineKind::Docker { Known::Known(PgMajor(16)) } else { Known::unasked() };
        self.seen.engine.image_major = major;
    }

    /// Does what the interpreter and the engine would do.
    pub fn apply(&mut self, plan: &Plan) {
        assert!(plan.blocked.is_empty(), "{:?}", plan.blocked);
        assert_eq!(plan.pending().count(), 0, "{:?}", plan.drift);
        plan.steps.iter().for_each(|step| self.step(&step.step));
    }

    fn step(&mut self, step: &Step) {
        let seen = &mut self.seen;
        match step {
            Step::MakeDir(step) => seen.folders.push(step.path.clone()),
            Step::GenerateSecret(step) => match step.secret {
                SecretRef::AppPassword => seen.app_secret = true,
                _ => seen.admin_secret = true,
            },
            Step::WriteFile(step) => {
                drop(seen.files.insert(step.path.clone(), FileSeen::Text(step.content.clone())));
            }
            Step::EditConf(step) => {
                let before = seen.files.get(&step.path).and_then(FileSeen::text);
                let secret = |secret: &SecretRef| Ok(Secret::new(format!("{secret:?}")));
                let after = odoo_conf::apply_edits(before, &step.edits, &secret).unwrap();
                seen.files.insert(step.path.clone(), FileSeen::Text(after));
                seen.stale_secrets.clear();
                seen.modes.insert(step.path.clone(), 0o600);
            }
            Step::WriteKeys(step) => {
                assert!(seen.folders.iter().any(|folder| step.path.starts_with(folder)), "it has a folder");
                seen.stale_secrets.clear();
            }
            Step::CreateStanza(step) => {
                assert!(seen.data_dir.cluster().is_some(), "there is something to make known");
                let stanza = &step.pgbackrest.stanza;
                let places = seen.folders.iter().filter(|folder| folder.starts_with("/repositories"));
                let places: Vec<_> = places.map(|place| place.join("archive").join(stanza)).collect();
                seen.folders.extend(places);
            }
            Step::InitCluster(step) => seen.data_dir = cluster(step.server.major.0, 7),
            Step::PullImage(step) => seen.engine.missing_images.retain(|image| *image != step.image),
            Step::ShareFiles(step) => {
                assert!(seen.engine.missing_images.is_empty(), "the image is asked");
                seen.modes.extend(step.read.iter().map(|path| (path.clone(), 0o640)));
                seen.modes.extend(step.own.iter().map(|path| (path.clone(), 0o2750)));
                assert!(step.own.iter().all(|folder| seen.folders.contains(folder)));
            }
            Step::BootstrapRoles(_) => {
                assert_eq!(seen.engine.server, Known::Known(ServerSeen::Stopped), "single-user mode");
                seen.admin_secret = true;
            }
            Step::StartServer(server) => {
                seen.engine.server = Known::Known(ServerSeen::Running {
                    id: "1".into(),
                    port: server.port,
                    config: Some(server.config.as_str().to_owned()),
                });
                seen.live = Live { ready: Known::Known(true), ..seen.live.clone() };
            }
            Step::StopServer(_) => {
                seen.engine.server = Known::Known(ServerSeen::Stopped);
                seen.live = Live::stopped();
            }
            Step::EnsureRoles(_) => seen.live = samples::well(),
            Step::VerifyLogin(_) => assert_eq!(seen.live.ready, Known::Known(true)),
            Step::StartService(service) => {
                let Known::Known(all) = &mut seen.engine.services else { panic!("unknown services") };
                let now = ServiceSeen {
                    running: service.replicas,
                    ids: Vec::new(),
                    config: Some(service.config.as_str().to_owned()),
                    exited: Vec::new(),
                };
                all.insert(service.name.clone(), now);
            }
            Step::StopService(service) => {
                let Known::Known(all) = &mut seen.engine.services else { panic!("unknown services") };
                all.remove(&service.name);
            }
            Step::RecordBaseline(step) => {
                let companion = Companion {
                    engine: Some(step.engine.clone()),
                    system_identifier: seen
                        .data_dir
                        .cluster()
                        .and_then(|c| c.system_identifier)
                        .map(|id| id.to_string()),
                    accepted: step.accepted.clone(),
                    ..Companion::default()
                };
                self.baseline = BaselineSeen::Present(Box::new(step.baseline.clone()), Box::new(companion));
            }
            step => panic!("not in an apply: {step:?}"),
        }
        // A server that runs and has good roles answers so.
        if let Known::Known(ServerSeen::Running { .. }) = seen.engine.server
            && matches!(self.baseline, BaselineSeen::Present(..))
        {
            seen.live = samples::well();
        }
    }
}
