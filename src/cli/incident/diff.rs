use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::filter::Filter;
use super::sides::{beside, chosen};
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::facts::Happening;
use crate::incident::{Links, Lost, Minutes, Writers, consequences};
use crate::observe;
use crate::postgres::catalog::logins;
use crate::report::{self, Format, Ui};
use crate::rows::{Change, Key};
use crate::watch::{self, Side, Watched, Way};
use crate::watchdog::{Apart, Judge, Pattern, PatternKind, SideTold, Writer};

/// What differs between a sidecar and the primary: lost, added, altered rows, who wrote them, what went with them
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  odpm incident diff\n  odpm incident diff --table sale_order --table res_partner\n  odpm incident diff --table sale_order --where \"state = 'cancel'\"\n  odpm incident diff --sidecar before --format json"
)]
pub struct Args {
    /// The database; odoo.database unless given
    #[arg(short, long, value_name = "DB")]
    database: Option<String>,
    #[command(flatten)]
    filter: Filter,
    /// The sidecar; the only one unless given
    #[arg(long, value_name = "NAME")]
    sidecar: Option<String>,
    /// The form of the answer
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// What sees the changes as they come.
struct Eyes {
    judge: Judge,
    lost: Lost,
    writers: Writers,
    links: Links,
    rows: Option<BTreeSet<Key>>,
}

impl Eyes {
    fn see(&mut self, change: Change) -> Result<()> {
        if self.rows.as_ref().is_some_and(|rows| !rows.contains(&change.id)) {
            return Ok(());
        }
        self.lost.see(&change, &self.links);
        self.writers.see(&change);
        self.judge.see(&change);
        Ok(())
    }
}

pub async fn run(args: &Args, start: &Path, ui: Ui) -> Result<u8> {
    let session = Session::reading(start)?;
    let database = session.database(args.database.as_deref())?;
    let record = chosen(&session, args.sidecar.as_deref())?;
    let moment = record
        .moment
        .parse()
        .map_err(|e: jiff::Error| Error::internal("a sidecar without a moment").caused_by(&e))?;
    let then = Watched::whole(beside(&record, &database), &args.filter.tables).await?;
    let now = Watched::whole(observe::source(&session.loaded, &database)?, &args.filter.tables).await?;
    args.filter.known(&[&then, &now], &[])?;
    let links = then.links().await?;
    let rows = args.filter.rows(&[&then, &now]).await?;
    let (then, now) = (Side::Live(Box::new(then)), Side::Live(Box::new(now)));
    let comparable = then.comparable(&now);
    let mut notes = comparable.notes.clone();
    let gone = |apart: &Apart| {
        format!(
            "{} {}",
            apart.what,
            if apart.first { "is GONE from the primary" } else { "is new in the primary" }
        )
    };
    let apart: Vec<String> = comparable.apart.iter().map(gone).collect();
    let eyes = Eyes {
        judge: Judge::new(&[], &then.sections(), &now.sections()),
        lost: Lost::default(),
        writers: Writers::default(),
        links,
        rows,
    };
    let (mut eyes, rows) = watch::compare(&then, &now, comparable, Way::Measured, eyes, Eyes::see).await?;
    eyes.judge.counted(rows);
    let Side::Live(watched) = &now else { return Err(Error::internal("the primary is not live")) };
    let logins = logins(watched.moment.session()).await;
    let skipped = watched.resolved.skipped.iter();
    notes.extend(skipped.map(|skipped| format!("{} is not compared: {}.", skipped.model, skipped.why)));
    let told =
        SideTold { name: format!("sidecar {}", record.sidecar.name), database, at: report::moment(moment) };
    let mut findings = eyes.judge.findings([told, now.told()], notes);
    for model in &mut findings.models {
        model.writers = writers(eyes.writers.by_table.get(&model.model), &logins);
        for field in &mut model.fields {
            field.hint = None;
            if is_reference(&field.field) {
                field.shift = None;
            }
        }
    }
    let number = |pattern: &Pattern| {
        pattern.kind != PatternKind::OneFactor || !pattern.field.as_deref().is_some_and(is_reference)
    };
    findings.patterns.retain(number);
    let consequences = consequences(&eyes.lost, &eyes.links);
    if eyes.lost.is_cut() {
        ui.insist("note: more rows are lost than could be followed; what went with them is at least this.");
    }
    let text = format!("{} rows differ from the sidecar {}", findings.unexpected, record.sidecar.name);
    session.chronicle(Happening::Finding, &text, serde_json::Value::Null, ui);
    ui.answer(&match args.format {
        Format::Text => report::damaged(&findings, &apart, &consequences),
        Format::Json => {
            report::json(&report::Damaged { format_version: 1, findings: &findings, apart, consequences })?
        }
    });
    Ok(0)
}

/// A number that names a row: that it grew by half means nothing.
fn is_reference(column: &str) -> bool {
    column.ends_with("_id") || column.ends_with("_uid")
}

fn writers(found: Option<&BTreeMap<Option<i64>, Minutes>>, logins: &BTreeMap<i64, String>) -> Vec<Writer> {
    let writer = |(uid, minutes): (&Option<i64>, &Minutes)| Writer {
        login: uid.map_or_else(String::new, |uid| {
            logins.get(&uid).cloned().unwrap_or_else(|| format!("user {uid}"))
        }),
        uid: *uid,
        rows: minutes.values().sum(),
        minutes: minutes.clone(),
    };
    let mut all: Vec<Writer> = found.into_iter().flatten().map(writer).collect();
    all.sort_by(|a, b| b.rows.cmp(&a.rows).then(a.uid.cmp(&b.uid)));
    all
}
