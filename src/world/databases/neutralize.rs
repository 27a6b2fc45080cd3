//! Takes a copy's teeth: what it would do to the world outside, and what it would be taken for.

use std::collections::BTreeSet;
use std::fs;

use tokio_postgres::Client;

use super::{Hands, app_session};
use crate::error::{Error, Result};
use crate::postgres::databases::has_table;
use crate::step::{Neutralize, RenewIdentity};

/// What Odoo's own scripts switch off since 16, done for every version, and what they leave live: keys, queues, letters that
/// wait, triggers. Each is for the databases that have the table and the columns.
///
/// From the `neutralize.sql` files of Odoo 17 to 19, and the tables of 14 to 16.
const OURS: [(&str, &[&str], &str); 17] = [
    (
        "ir_mail_server",
        &["active", "smtp_host"],
        "UPDATE ir_mail_server SET active = (smtp_host IS NOT DISTINCT FROM 'invalid')",
    ),
    (
        "ir_mail_server",
        &["name", "smtp_host", "smtp_port", "smtp_encryption", "smtp_authentication", "sequence"],
        "INSERT INTO ir_mail_server (name, smtp_host, smtp_port, smtp_encryption, smtp_authentication, sequence, active) \
         SELECT 'neutralized', 'invalid', 1025, 'none', 'login', 10, true \
         WHERE NOT EXISTS (SELECT FROM ir_mail_server WHERE smtp_host = 'invalid')",
    ),
    ("fetchmail_server", &["active"], "UPDATE fetchmail_server SET active = false"),
    (
        "ir_cron",
        &["active"],
        "UPDATE ir_cron SET active = false WHERE id NOT IN (SELECT res_id FROM ir_model_data \
         WHERE model = 'ir.cron' AND name = 'autovacuum_job')",
    ),
    ("ir_cron_trigger", &[], "DELETE FROM ir_cron_trigger"),
    (
        "payment_provider",
        &["state"],
        "UPDATE payment_provider SET state = 'disabled' WHERE state <> 'disabled'",
    ),
    (
        "payment_acquirer",
        &["state"],
        "UPDATE payment_acquirer SET state = 'disabled' WHERE state <> 'disabled'",
    ),
    (
        "ir_act_server",
        &["webhook_url"],
        "UPDATE ir_act_server SET webhook_url = 'http://invalid/' WHERE webhook_url IS NOT NULL",
    ),
    (
        "mail_mail",
        &["state"],
        "UPDATE mail_mail SET state = 'cancel' WHERE state IN ('outgoing', 'exception')",
    ),
    (
        "sms_sms",
        &["state"],
        "UPDATE sms_sms SET state = 'canceled' WHERE state IN ('outgoing', 'process', 'error')",
    ),
    ("res_users_apikeys", &[], "DELETE FROM res_users_apikeys"),
    (
        "queue_job",
        &["state"],
        "UPDATE queue_job SET state = 'cancelled' WHERE state IN ('pending', 'enqueued', 'started', 'wait_dependencies')",
    ),
    (
        "iap_account",
        &["account_token"],
        "UPDATE iap_account SET account_token = 'neutralized' WHERE account_token IS NOT NULL",
    ),
    (
        "mail_template",
        &["mail_server_id"],
        "UPDATE mail_template SET mail_server_id = NULL WHERE mail_server_id IS NOT NULL",
    ),
    ("website", &["domain"], "UPDATE website SET domain = NULL WHERE domain IS NOT NULL"),
    (
        "ir_config_parameter",
        &["key", "value"],
        "DELETE FROM ir_config_parameter WHERE key IN ('database.enterprise_code', 'database.expiration_date', \
         'database.expiration_reason', 'mail_mobile.endpoint', 'ocn.ocn_push_notification')",
    ),
    (
        "ir_config_parameter",
        &["key", "value"],
        "INSERT INTO ir_config_parameter (key, value) VALUES ('database.is_neutralized', 'true') \
         ON CONFLICT (key) DO UPDATE SET value = 'true'",
    ),
];

fn failed(what: &str, e: &tokio_postgres::Error) -> Error {
    let error = Error::environment(what.to_owned());
    match e.as_db_error() {
        Some(db) => error.because(db.message()),
        None => error.caused_by(e),
    }
}

/// All of it in one transaction: a database is neutralized, or it is as it was. As the application role: a dump from elsewhere
/// brings triggers and views along, which run as whoever writes and reads.
pub async fn neutralize(step: &Neutralize, hands: Hands<'_>) -> Result<Vec<String>> {
    let session = app_session(&step.operator, &hands, &step.database).await?;
    let cannot = |e: &tokio_postgres::Error| failed(&format!("cannot neutralize {}", step.database), e);
    if !has_table(&session, "ir_module_module").await.map_err(|e| cannot(&e))? {
        return Ok(vec!["it is not Odoo's: there is nothing to switch off".to_owned()]);
    }
    let question = "SELECT name FROM ir_module_module WHERE state IN ('installed', 'to upgrade', 'to remove') ORDER BY id";
    let modules = session.query(question, &[]).await.map_err(|e| cannot(&e))?;
    let modules: Vec<String> = modules.iter().map(|row| row.get(0)).collect();
    let scripts = scripts(step, &modules, &hands).await?;

    session.batch_execute("BEGIN").await.map_err(|e| cannot(&e))?;
    for (module, script) in &scripts {
        let run = session.batch_execute(script).await;
        run.map_err(|e| failed(&format!("the neutralize.sql of the module {module} failed"), &e))?;
    }
    let mut done = 0;
    for (table, columns, statement) in &OURS {
        if has_columns(&session, table, columns).await.map_err(|e| cannot(&e))? {
            session
                .batch_execute(statement)
                .await
                .map_err(|e| failed(&format!("cannot neutralize {table}"), &e))?;
            done += 1;
        }
    }
    session.batch_execute("COMMIT").await.map_err(|e| cannot(&e))?;
    Ok(vec![format!("{done} statements of odpm's, {} scripts of installed modules", scripts.len())])
}

async fn has_columns(session: &Client, table: &str, columns: &[&str]) -> Result<bool, tokio_postgres::Error> {
    let question = "SELECT to_regclass('public.' || $1) IS NOT NULL AND NOT EXISTS (SELECT FROM unnest($2::text[]) c \
         WHERE c NOT IN (SELECT column_name FROM information_schema.columns \
         WHERE table_schema = 'public' AND table_name = $1))";
    Ok(session.query_one(question, &[&table, &columns]).await?.get(0))
}

/// The scripts of installed modules, in the order of their installation.
async fn scripts(step: &Neutralize, modules: &[String], hands: &Hands<'_>) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut left: BTreeSet<&str> = modules.iter().map(String::as_str).collect();
    for folder in &step.addons {
        for module in modules {
            // A name that leads elsewhere is no module's.
            let decent = module.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let script = folder.join(module).join("data/neutralize.sql");
            if decent && let Ok(text) = fs::read_to_string(&script) {
                left.remove(module.as_str());
                found.push((module.clone(), text));
            }
        }
    }
    if let Some(image) = &step.image {
        let wanted: Vec<String> = left.into_iter().map(str::to_owned).collect();
        found.extend(hands.engine.neutralize_scripts(&image.image, &wanted).await?);
    }
    let order = |module: &str| modules.iter().position(|name| name == module);
    found.sort_by_key(|(module, _)| order(module));
    Ok(found)
}

/// A new name and a new secret for a copy: with the old ones it would be taken for the original, and its sessions and signed
/// links would be good in both.
pub async fn renew(step: &RenewIdentity, hands: Hands<'_>) -> Result<()> {
    let session = app_session(&step.operator, &hands, &step.database).await?;
    let cannot =
        |e: &tokio_postgres::Error| failed(&format!("cannot renew the identity of {}", step.database), e);
    if !has_table(&session, "ir_config_parameter").await.map_err(|e| cannot(&e))? {
        return Ok(());
    }
    let date = "UPDATE ir_config_parameter SET value = to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') \
         WHERE key = 'database.create_date'";
    session.batch_execute(date).await.map_err(|e| cannot(&e))?;
    for key in ["database.uuid", "database.secret"] {
        let update = "UPDATE ir_config_parameter SET value = $1 WHERE key = $2";
        session.execute(update, &[&uuid()?, &key]).await.map_err(|e| cannot(&e))?;
    }
    Ok(())
}

/// A random UUID, from the system's own random numbers: the secret signs sessions.
fn uuid() -> Result<String> {
    let bytes: [u8; 16] = crate::state::random_bytes()
        .map_err(|e| Error::environment("the system has no random numbers").caused_by(&e))?;
    let h = crate::base::digest::hex(&bytes);
    let part = |from: usize, to: usize| h.get(from..to).unwrap_or_default();
    Ok(format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32)))
}
