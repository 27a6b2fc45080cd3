//! Sets of tables that belong together: those that come with odpm, and a project's own.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::suggest::nearest;
use crate::project::MigrationSet;

/// A set that comes with odpm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShippedSet {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub what: &'static str,
    /// Sets that are part of it.
    pub include: &'static [&'static str],
    /// Its tables; one that is not there is left out. `%` at the end is for whatever follows.
    pub tables: &'static [&'static str],
}

/// The sets that come with odpm.
pub const SHIPPED: [ShippedSet; 4] = [
    ShippedSet {
        name: "contacts",
        what: "partners with their categories, industries and banks; users and companies that are new",
        include: &[],
        tables: &[
            "res_company",
            "res_users",
            "res_partner",
            "res_partner_bank",
            "res_partner_category",
            "res_partner_industry",
            "res_partner_title",
            "res_bank",
            "res_country",
            "res_country_group",
            "res_country_state",
            "res_currency",
            "res_groups",
            "res_lang",
        ],
    },
    ShippedSet {
        name: "accounting",
        what: "accounts, taxes, journals, fiscal positions, payment terms",
        include: &["contacts"],
        tables: &[
            "account_account",
            "account_account_tag",
            "account_analytic_account",
            "account_analytic_distribution_model",
            "account_analytic_plan",
            "account_asset_group",
            "account_cash_rounding",
            "account_fiscal_position",
            "account_fiscal_position_account",
            "account_fiscal_position_tax",
            "account_group",
            "account_incoterms",
            "account_journal",
            "account_journal_group",
            "account_payment_method",
            "account_payment_method_line",
            "account_payment_term",
            "account_payment_term_line",
            "account_reconcile_model",
            "account_reconcile_model_line",
            "account_tax",
            "account_tax_group",
            "account_tax_repartition_line",
            "mail_alias",
            "mail_alias_domain",
            "res_currency_rate",
        ],
    },
    ShippedSet {
        name: "e-commerce",
        what: "products with variants, attributes and prices, warehouses with what is in them, and what all of that needs",
        include: &["contacts", "accounting"],
        tables: &[
            "barcode_nomenclature",
            "barcode_rule",
            "crm_tag",
            "crm_team",
            "crm_team_member",
            "delivery_carrier",
            "delivery_price_rule",
            "delivery_zip_prefix",
            "loyalty_program",
            "loyalty_reward",
            "loyalty_rule",
            "product_attribute",
            "product_attribute_value",
            "product_category",
            "product_combo",
            "product_combo_item",
            "product_document",
            "product_image",
            "product_packaging",
            "product_pricelist",
            "product_pricelist_item",
            "product_product",
            "product_public_category",
            "product_removal",
            "product_ribbon",
            "product_supplierinfo",
            "product_tag",
            "product_template",
            "product_template_attribute_exclusion",
            "product_template_attribute_line",
            "product_template_attribute_value",
            "product_uom",
            "resource_calendar",
            "resource_calendar_attendance",
            "sale_order_template",
            "sale_order_template_line",
            "sale_order_template_option",
            "stock_location",
            "stock_lot",
            "stock_package_type",
            "stock_picking_type",
            "stock_production_lot",
            "stock_putaway_rule",
            "stock_quant",
            "stock_quant_package",
            "stock_route",
            "stock_rule",
            "stock_storage_category",
            "stock_storage_category_capacity",
            "stock_warehouse",
            "stock_warehouse_orderpoint",
            "uom_category",
            "uom_uom",
        ],
    },
    ShippedSet {
        name: "marketplace",
        what: "what connectors of marketplaces keep, where they are installed",
        include: &[],
        tables: &["marketplace_%", "fl_%"],
    },
];

/// What sets come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expanded {
    /// Their tables, `%` still in them; `true` where the person has named it, so that it has to be there.
    pub tables: BTreeMap<String, bool>,
    /// Conditions on rows, by table.
    pub filters: BTreeMap<String, String>,
    /// Sets that are not there, each with the nearest one.
    pub unknown: Vec<(String, Option<String>)>,
}

/// The tables of these sets. A project's own set takes the place of a shipped one of its name.
pub fn expand(names: &[String], own: &BTreeMap<String, MigrationSet>) -> Expanded {
    let mut expanded = Expanded::default();
    let mut waiting: Vec<String> = names.to_vec();
    let mut seen = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        // A set of the project's that includes the shipped one of its own name means that one.
        let shipped = SHIPPED.iter().find(|set| set.name == name);
        let from_shipped = |set: &ShippedSet, expanded: &mut Expanded, waiting: &mut Vec<String>| {
            waiting.extend(set.include.iter().map(|&name| name.to_owned()));
            for table in set.tables {
                expanded.tables.entry((*table).to_owned()).or_insert(false);
            }
        };
        match (own.get(&name), shipped) {
            (Some(set), shipped) => {
                if let Some(shipped) = shipped.filter(|_| set.include.contains(&name)) {
                    from_shipped(shipped, &mut expanded, &mut waiting);
                }
                waiting.extend(set.include.iter().cloned());
                for table in &set.tables {
                    expanded.tables.insert(table.clone(), !table.ends_with('%'));
                }
                let filters = set.filters.iter().map(|(table, sql)| (table.clone(), sql.clone()));
                expanded.filters.extend(filters);
            }
            (None, Some(set)) => from_shipped(set, &mut expanded, &mut waiting),
            (None, None) => {
                let known = SHIPPED.iter().map(|set| set.name).chain(own.keys().map(String::as_str));
                let near = nearest(&name, known).map(str::to_owned);
                expanded.unknown.push((name, near));
            }
        }
    }
    expanded
}
