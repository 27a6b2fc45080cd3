//! What is not copied unless somebody insists on it, and why.

use crate::facts::{Wiring, table_of_model};

const RUN: &str = "it is run state: what a server has at work, not what people have made";
const HISTORY: &str = "it is mail and its history, which would be sent or told again";
const IDENTITY: &str = "it holds the database's identity: database.uuid, database.secret, web.base.url";
const CREDENTIALS: &str = "it holds credentials of servers and services, which differ between the two";
const REGISTRY: &str = "it is the registry that production's own installation has made";
const XML_IDS: &str = "xml ids are merged: those of rows that come, come with them";
const WIZARD: &str = "its rows are wizards at work, which go by themselves";

/// Tables, or the beginnings of their names where a `%` follows, with why.
const NEVER: &[(&str, &str)] = &[
    ("ir_logging", RUN),
    ("ir_profile", RUN),
    ("ir_cron", RUN),
    ("ir_cron_%", RUN),
    ("ir_autovacuum", RUN),
    ("bus_bus", RUN),
    ("bus_presence", RUN),
    ("orm_signaling_%", RUN),
    ("queue_job", RUN),
    ("queue_job_%", RUN),
    ("auditlog_%", RUN),
    ("res_users_log", RUN),
    ("res_device_log", RUN),
    ("res_users_deletion", RUN),
    ("privacy_log", RUN),
    ("digest_%", RUN),
    ("onboarding_%", RUN),
    ("web_tour_%", RUN),
    ("base_import_%", RUN),
    ("mail_message", HISTORY),
    ("mail_mail", HISTORY),
    ("mail_mail_%", HISTORY),
    ("mail_notification", HISTORY),
    ("mail_notification_%", HISTORY),
    ("mail_tracking_%", HISTORY),
    ("mail_followers", HISTORY),
    ("mail_followers_%", HISTORY),
    ("mail_activity", HISTORY),
    ("mail_message_%", HISTORY),
    ("mail_push%", HISTORY),
    ("mail_partner_device", HISTORY),
    ("mail_link_preview", HISTORY),
    ("mail_scheduled_message", HISTORY),
    ("sms_sms", HISTORY),
    ("sms_tracker", HISTORY),
    ("snailmail_letter", HISTORY),
    ("discuss_%", HISTORY),
    ("mail_channel", HISTORY),
    ("mail_channel_%", HISTORY),
    ("mail_guest", HISTORY),
    ("ir_config_parameter", IDENTITY),
    ("fetchmail_server", CREDENTIALS),
    ("ir_mail_server", CREDENTIALS),
    ("res_users_apikeys", CREDENTIALS),
    ("auth_totp_%", CREDENTIALS),
    ("auth_oauth_provider", CREDENTIALS),
    ("auth_passkey_key", CREDENTIALS),
    ("iap_account", CREDENTIALS),
    ("payment_provider", CREDENTIALS),
    ("payment_token", CREDENTIALS),
    ("payment_transaction", CREDENTIALS),
    ("google_%", CREDENTIALS),
    ("microsoft_%", CREDENTIALS),
    ("ir_model_data", XML_IDS),
    ("ir_module_%", REGISTRY),
    ("ir_model", REGISTRY),
    ("ir_model_%", REGISTRY),
    ("ir_ui_view", REGISTRY),
    ("ir_ui_view_%", REGISTRY),
    ("ir_ui_menu", REGISTRY),
    ("ir_ui_menu_%", REGISTRY),
    ("ir_act%", REGISTRY),
    ("ir_embedded_actions", REGISTRY),
    ("ir_asset", REGISTRY),
    ("ir_rule", REGISTRY),
    ("rule_group_rel", REGISTRY),
    ("ir_translation", REGISTRY),
];

/// Whether a name is meant by a pattern: `%` at its end is for whatever follows.
pub(super) fn meant(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('%') {
        Some(begin) => name.starts_with(begin),
        None => pattern == name,
    }
}

/// Why a table is not copied.
pub fn never(table: &str, wiring: &Wiring) -> Option<&'static str> {
    if let Some((_, why)) = NEVER.iter().find(|(pattern, _)| meant(pattern, table)) {
        return Some(why);
    }
    let wizard = wiring.transient.iter().any(|model| {
        table_of_model(model) == table || wiring.elsewhere.get(model).is_some_and(|name| name == table)
    });
    wizard.then_some(WIZARD)
}
