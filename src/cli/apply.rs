use std::path::{Path, PathBuf};

use super::admin_password::PasswordSource;
use super::carry_out::{Consent, Naming};
use super::session::Session;
use super::{carry_out, resume};
use crate::drift::Acceptance;
use crate::error::{Error, Result};
use crate::observe::Depth;
use crate::plan::{FORMAT_VERSION, Plan};
use crate::report::{Ui, prompt};
use crate::stack::Request;

/// Do what the plan says: bring the stack, odoo.conf and the cluster to what odpm.yaml describes
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("named").args(["file", "abandon"]), after_help = "Examples:\n  odpm apply\n  odpm apply --yes --accept-database-drift=data_path\n  \
odpm apply today.plan --yes\n  odpm apply --resume")]
pub struct Args {
    /// A plan that `odpm plan --out` has saved; refused when anything has changed since
    #[arg(value_name = "FILE", conflicts_with_all = ["resume", "abandon", "skip_start", "accept_database_drift", "set_aside_baseline"])]
    file: Option<PathBuf>,
    /// Do not ask for a confirmation
    #[arg(short, long)]
    yes: bool,
    /// The database that a saved plan replaces or drops, named once more; or, with --abandon, whose server does not say any more whether
    /// the rows of a migration were committed
    #[arg(long, value_name = "DB", requires = "named")]
    confirm: Option<String>,
    /// Go on with the run that was interrupted
    #[arg(long, conflicts_with = "abandon")]
    resume: bool,
    /// Give up the run that was interrupted; what it did stays done
    #[arg(long)]
    abandon: bool,
    /// Agree to a kind of drift, or to its present values only (KIND=HASH); repeatable
    #[arg(long, value_name = "KIND")]
    accept_database_drift: Vec<String>,
    /// Prepare files and secrets, start nothing
    #[arg(long)]
    skip_start: bool,
    /// Take a last_run.json that cannot be understood for none; a copy stays with the journal
    #[arg(long)]
    set_aside_baseline: bool,
    #[command(flatten)]
    password: PasswordSource,
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let mut accepted: Vec<Acceptance> =
        args.accept_database_drift.iter().map(|text| Acceptance::parse(text)).collect::<Result<_>>()?;
    let mut session = Session::writing(start, "apply")?;
    if args.resume || args.abandon {
        return resume::run(
            &mut session,
            args.abandon,
            args.confirm.as_deref(),
            args.yes,
            &args.password,
            ui,
        )
        .await;
    }
    if let Some(file) = &args.file {
        let plan = saved(file, &session).await?;
        args.password.give_for(&plan, &mut session, ui)?;
        let naming = if plan.named { Naming::Given } else { Naming::Confirm };
        let consent = Consent { yes: args.yes, confirm: args.confirm.clone(), naming };
        return carry_out::begin(&session, &plan, &consent, ui).await;
    }
    let depth = if args.skip_start { Depth::Files } else { Depth::Live };
    let view = session.observe(depth).await?;
    let plan = loop {
        let (skip_start, set_aside) = (args.skip_start, args.set_aside_baseline);
        let plan = session.plan(&Request::Up { skip_start, accepted: accepted.clone(), set_aside }, &view);
        let ask = plan.blocked.is_empty() && ui.can_ask();
        let Some(judged) = plan.pending().next().filter(|_| ask) else { break plan };
        let data = session.loaded.project.postgres.data.display().to_string();
        accepted.push(prompt::accept(ui, judged, &data)?);
    };
    carry_out::begin(&session, &plan, &Consent::of(args.yes), ui).await
}

/// A saved plan, provided that the project and the world are still what it was made from.
pub async fn saved(file: &Path, session: &Session) -> Result<Plan> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|e| Error::input(format!("cannot read the plan {name}")).caused_by(&e))?;
    let plan: Plan = serde_json::from_str(&text)
        .map_err(|e| Error::input(format!("{name} is not a plan of odpm")).caused_by(&e))?;
    if plan.format_version != FORMAT_VERSION {
        return Err(Error::input(format!("{name} is a plan of another form"))
            .because(format!("it was made by odpm {}", plan.odpm_version))
            .hint(anew(&plan)));
    }
    if plan.project.root != session.loaded.project.root {
        return Err(Error::refused(format!("{name} is a plan for another project"))
            .because(format!("it is for {}", plan.project.root.display())));
    }
    // A plan made without asking the server is compared without asking it.
    let depth = if plan.skip_start { Depth::Files } else { Depth::Live };
    let view = session.observe(depth).await?;
    let request = Request::Up { skip_start: depth == Depth::Files, accepted: Vec::new(), set_aside: false };
    let now = session.plan(&request, &view);
    let changed = now.basis.changed_since(&plan.basis);
    if !changed.is_empty() {
        let error = Error::refused(format!("{name} no longer fits: something has changed since it was made"));
        let error = changed.into_iter().fold(error, Error::because);
        return Err(error.hint(anew(&plan)));
    }
    if crate::state::find_journal(&session.loaded.state, &plan.run)?.is_some() {
        return Err(Error::refused(format!("{name} was applied already")).hint(anew(&plan)));
    }
    Ok(plan)
}

/// How a plan that cannot be applied is made once more.
fn anew(plan: &Plan) -> String {
    match plan.command.as_str() {
        "apply" => "Make it anew: odpm plan --out FILE".to_owned(),
        "migrate apply" => "Make it anew: odpm migrate plan, with --save-plan FILE".to_owned(),
        other => format!("Make it anew: odpm {other}, with --save-plan FILE"),
    }
}
