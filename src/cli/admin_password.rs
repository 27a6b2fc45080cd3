//! The new password of Odoo's administrator: from a file, the environment or a prompt, never from the command line, where
//! every process of the machine could read it.

use std::path::PathBuf;

use super::session::Session;

use crate::base::Secret;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::report::{Ui, prompt};
use crate::state::SecretFiles;
use crate::step::Step;

/// The variable that it may come from.
const VARIABLE: &str = "ODPM_ADMIN_PASSWORD";

/// Who the administrator shall be.
#[derive(Debug, clap::Args)]
pub struct AdminPassword {
    /// The administrator's login
    #[arg(long, value_name = "LOGIN", default_value = "admin")]
    pub admin_login: String,
    #[command(flatten)]
    pub password: PasswordSource,
}

/// Where the password comes from.
#[derive(Debug, clap::Args)]
pub struct PasswordSource {
    /// A file with the administrator's new password; else ODPM_ADMIN_PASSWORD counts, else it is asked for
    #[arg(long, value_name = "FILE")]
    admin_pass_file: Option<PathBuf>,
}

impl PasswordSource {
    /// Gives a session the password, where a step of the plan wants it.
    pub fn give_for(&self, plan: &Plan, session: &mut Session, ui: Ui) -> Result<()> {
        if plan.steps.iter().any(|planned| matches!(planned.step, Step::SetPassword(_))) {
            session.loaded.secrets = self.give(&session.loaded.secrets, ui)?;
        }
        Ok(())
    }

    /// The secrets with the password in them.
    pub fn give(&self, secrets: &SecretFiles, ui: Ui) -> Result<SecretFiles> {
        let text = match (&self.admin_pass_file, std::env::var(VARIABLE)) {
            (Some(file), _) => std::fs::read_to_string(file)
                .map_err(|e| Error::input(format!("cannot read {}", file.display())).caused_by(&e))?,
            (None, Ok(text)) => text,
            (None, Err(_)) if ui.can_ask() => prompt::new_password("New password of the administrator")?,
            (None, Err(_)) => {
                return Err(Error::refused("the administrator's new password is not given")
                    .hint(format!("Put it into {VARIABLE}, or into a file: --admin-pass-file FILE")));
            }
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(Error::input("the administrator's new password is empty"));
        }
        Ok(secrets.clone().with_odoo_admin(Some(Secret::new(text))))
    }
}
