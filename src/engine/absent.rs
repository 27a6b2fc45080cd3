//! An engine that is not to be had: it says why, and does nothing.

use std::collections::BTreeMap;
use std::pin::Pin;

use super::{Engine, EngineFuture};
use crate::base::Secret;
use crate::error::Error;
use crate::facts::{EngineSeen, Known};
use crate::project::Project;
use crate::step::{ServerSpec, ServiceSpec};

/// An engine that is not to be had.
#[derive(Clone, Debug)]
pub struct Absent {
    /// Why: the end of a sentence.
    pub why: String,
}

impl Absent {
    fn refuse<'a, T: 'a>(&'a self) -> EngineFuture<'a, T> {
        let error = Error::environment("the engine cannot be used").because(&self.why);
        Box::pin(std::future::ready(Err(error)))
    }

    fn unknown<T>(&self) -> Known<T> {
        Known::Unknown(self.why.clone())
    }
}

impl Engine for Absent {
    fn look<'a>(&'a self, _: &'a Project) -> Pin<Box<dyn Future<Output = EngineSeen> + 'a>> {
        Box::pin(std::future::ready(EngineSeen {
            available: self.unknown(),
            binaries: self.unknown(),
            majors: Vec::new(),
            run_as: self.unknown(),
            socket_dir: "/".into(),
            server: self.unknown(),
            services: Known::<BTreeMap<_, _>>::Unknown(self.why.clone()),
            odoo: self.unknown(),
        }))
    }

    fn init_cluster<'a>(&'a self, _: &'a ServerSpec, _: &'a str, _: &'a Secret) -> EngineFuture<'a, ()> {
        self.refuse()
    }

    fn single_user<'a>(&'a self, _: &'a ServerSpec, _: &'a [String]) -> EngineFuture<'a, ()> {
        self.refuse()
    }

    fn start_server<'a>(&'a self, _: &'a ServerSpec) -> EngineFuture<'a, ()> {
        self.refuse()
    }

    fn stop_server<'a>(&'a self, _: &'a ServerSpec) -> EngineFuture<'a, ()> {
        self.refuse()
    }

    fn start_service<'a>(&'a self, _: &'a ServiceSpec) -> EngineFuture<'a, ()> {
        self.refuse()
    }

    fn stop_service<'a>(&'a self, _: &'a ServiceSpec) -> EngineFuture<'a, ()> {
        self.refuse()
    }
}
