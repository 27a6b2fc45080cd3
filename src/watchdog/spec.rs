//! What is watched: the fields that cost money or trust, by model; and for which change which of them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::base::Digest;
use crate::facts::SectionTaken;
use crate::project::Watchdog;
pub use crate::step::WatchSpec as Spec;

/// What most shops want to have watched. Models and fields that a database does not have are passed over with a note.
const DEFAULTS: [(&str, &[&str]); 16] = [
    ("product.template", &["default_code", "list_price", "standard_price", "sale_ok", "active"]),
    (
        "product.product",
        &["default_code", "barcode", "free_qty", "qty_available", "lst_price", "standard_price", "active"],
    ),
    ("product.pricelist", &["active", "currency_id"]),
    ("product.pricelist.item", &["fixed_price", "percent_price", "price_discount", "applied_on", "active"]),
    ("product.supplierinfo", &["price", "min_qty", "partner_id"]),
    ("stock.quant", &["quantity", "reserved_quantity", "location_id"]),
    ("account.tax", &["amount", "amount_type", "active"]),
    ("res.currency", &["active", "rounding"]),
    ("ir.default", &["field_id", "json_value"]),
    ("ir.config_parameter", &["key", "value"]),
    ("ir.cron", &["active", "interval_number", "interval_type"]),
    ("payment.provider", &["state"]),
    ("delivery.carrier", &["active", "fixed_price", "margin"]),
    (
        "marketplace.listing",
        &["state", "qty", "price", "lead_time_to_ship", "last_synced_at", "channel", "sku"],
    ),
    ("fl.marketplaces.amazon.listing", &["product_type", "fulfillment_channel", "sku", "asin"]),
    ("fl.marketplaces.ebay.listing", &["listing_id", "category_id", "dispatch_time"]),
];

/// What of that changes all the time.
const NOISE: [(&str, &str); 2] =
    [("marketplace.listing", "last_synced_at"), ("stock.quant", "reserved_quantity")];

/// Columns of a listing that cost money when they are wrong.
pub const LISTING: [&str; 12] = [
    "active",
    "asin",
    "category_id",
    "dispatch_time",
    "fulfillment_channel",
    "lead_time_to_ship",
    "list_price",
    "price",
    "qty",
    "quantity",
    "sku",
    "state",
];

/// A kind of change that people make, and the models that it can hurt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// When it is used.
    pub when: &'static str,
    /// The models that it watches; all of them when empty.
    pub models: &'static [&'static str],
}

const PRODUCTS: [&str; 2] = ["product.template", "product.product"];

/// The kinds of change after which one should look.
pub const PRESETS: [Preset; 6] = [
    Preset { name: "deploy", when: "a module is installed, upgraded or removed", models: &[] },
    Preset {
        name: "connector",
        when: "a connector or an override of write() or create() changes",
        models: &[
            "product.template",
            "product.product",
            "stock.quant",
            "marketplace.listing",
            "fl.marketplaces.amazon.listing",
            "fl.marketplaces.ebay.listing",
            "ir.config_parameter",
            "ir.cron",
        ],
    },
    Preset {
        name: "bulk-edit",
        when: "an import, an edit of many rows, SQL by hand",
        models: &[
            "product.template",
            "product.product",
            "product.pricelist.item",
            "product.supplierinfo",
            "stock.quant",
            "marketplace.listing",
        ],
    },
    Preset {
        name: "pricing",
        when: "prices, price lists, taxes, currencies",
        models: &[
            PRODUCTS[0],
            PRODUCTS[1],
            "product.pricelist",
            "product.pricelist.item",
            "product.supplierinfo",
            "account.tax",
            "res.currency",
            "delivery.carrier",
            "marketplace.listing",
        ],
    },
    Preset {
        name: "config",
        when: "scheduled actions, queues, parameters, defaults",
        models: &["ir.default", "ir.config_parameter", "ir.cron", "payment.provider", "delivery.carrier"],
    },
    Preset { name: "core-patch", when: "Odoo itself or its data is patched or migrated", models: &[] },
];

/// The preset of a name.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

impl Spec {
    /// What the project wants to have watched; of that, with a preset, only its models and the project's own.
    pub fn of(watchdog: &Watchdog, preset: Option<&Preset>) -> Self {
        let mut models: BTreeMap<String, BTreeMap<String, bool>> = BTreeMap::new();
        if watchdog.defaults {
            for (model, fields) in DEFAULTS {
                if preset.is_some_and(|p| !p.models.is_empty() && !p.models.contains(&model)) {
                    continue;
                }
                let noise = |field: &str| NOISE.contains(&(model, field));
                let fields = fields.iter().map(|field| ((*field).to_owned(), noise(field)));
                models.insert(model.to_owned(), fields.collect());
            }
        }
        for (model, fields) in &watchdog.models {
            models.entry(model.clone()).or_default().extend(fields.clone());
        }
        for model in watchdog.derive.keys() {
            models.entry(model.clone()).or_default();
        }
        Self { models, derive: watchdog.derive.clone() }
    }

    /// The same models and fields as a snapshot has, with the noise and the queries of this one.
    pub fn like(&self, sections: &[SectionTaken]) -> Self {
        let mut like = Self { models: BTreeMap::new(), derive: BTreeMap::new() };
        for section in sections {
            let own = self.models.get(&section.model);
            let queries = self.derive.get(&section.model);
            let fields = like.models.entry(section.model.clone()).or_default();
            for field in &section.fields {
                match queries.and_then(|queries| queries.get(&field.name)) {
                    Some(query) => {
                        let queries = like.derive.entry(section.model.clone()).or_default();
                        queries.insert(field.name.clone(), query.clone());
                    }
                    None => {
                        let noise = own.and_then(|own| own.get(&field.name)).copied().unwrap_or(field.noise);
                        fields.insert(field.name.clone(), noise);
                    }
                }
            }
        }
        like
    }

    /// With the tables of listings that a database has, by the names of their tables.
    #[must_use]
    pub fn with_listings(mut self, found: BTreeMap<String, Vec<String>>) -> Self {
        for (table, columns) in found {
            let fields = self.models.entry(table.replace('_', ".")).or_default();
            for column in columns {
                fields.entry(column).or_insert(false);
            }
        }
        self
    }

    /// The digest by which snapshots know whether they were taken of the same.
    pub fn digest(&self) -> Digest {
        Digest::of_json(self)
    }
}
