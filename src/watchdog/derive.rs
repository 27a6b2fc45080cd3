//! Exact queries for well-known values that Odoo computes and does not store.

use crate::facts::Catalog;
use crate::rows::{Kind, Origin};

/// A value without a column of its own.
pub struct Derivation {
    model: &'static str,
    field: &'static str,
    /// The columns that have to be there, as `table.column`.
    needs: &'static [&'static str],
    /// What its text means.
    pub kind: Kind,
    /// Where it counts as coming from.
    pub origin: Origin,
    /// The expression.
    pub expression: &'static str,
    /// The joins that it needs.
    pub joins: &'static [&'static str],
}

/// The tables that derivations read.
pub const TABLES: [&str; 11] = [
    "ir_config_parameter",
    "ir_property",
    "product_product",
    "product_template",
    "product_template_attribute_value",
    "product_variant_combination",
    "res_users",
    "stock_location",
    "stock_quant",
    "stock_warehouse",
    "uom_uom",
];

const TEMPLATE: &str = "LEFT JOIN product_template pt ON pt.id = t.product_tmpl_id";

const UNIT: &str = "LEFT JOIN uom_uom u ON u.id = pt.uom_id";

/// What lies in the locations below the warehouses' own, of all companies.
const STOCK: &str = "LEFT JOIN (SELECT q.product_id AS id, sum(q.quantity::numeric) AS quantity, \
     sum(q.reserved_quantity::numeric) AS reserved FROM stock_quant q WHERE {within:q.product_id} \
     AND q.location_id IN (SELECT l.id FROM stock_location l, stock_warehouse w, stock_location v \
     WHERE w.active AND v.id = w.view_location_id AND l.parent_path LIKE v.parent_path || '%') \
     GROUP BY q.product_id) stock ON stock.id = t.id";

const EXTRA: &str = "LEFT JOIN (SELECT c.product_product_id AS id, sum(v.price_extra::numeric) AS price \
     FROM product_variant_combination c JOIN product_template_attribute_value v \
     ON v.id = c.product_template_attribute_value_id WHERE {within:c.product_product_id} \
     GROUP BY c.product_product_id) extra ON extra.id = t.id";

/// The only variant of a template: the active one, or where none is, the archived one.
const SINGLE: &str = "LEFT JOIN (SELECT v.product_tmpl_id AS id, min(v.id) AS variant FROM product_product v \
     WHERE {within:v.product_tmpl_id} AND (v.active OR NOT EXISTS (SELECT FROM product_product o \
     WHERE o.product_tmpl_id = v.product_tmpl_id AND o.active)) \
     GROUP BY v.product_tmpl_id HAVING count(*) = 1) single ON single.id = t.id";

const VARIANT: &str = "LEFT JOIN product_product variant ON variant.id = single.variant";

const COST: &str = "LEFT JOIN (SELECT split_part(p.res_id, ',', 2)::integer AS id, \
     jsonb_object_agg(coalesce(p.company_id::text, '*'), p.value_float) AS value FROM ir_property p \
     JOIN ir_model_fields f ON f.id = p.fields_id AND f.model = 'product.product' AND f.name = 'standard_price' \
     WHERE p.res_id LIKE 'product.product,%' GROUP BY 1) cost ON cost.id = single.variant";

const STOCK_NEEDS: [&str; 8] = [
    "product_product.product_tmpl_id",
    "product_template.type",
    "product_template.uom_id",
    "stock_quant.quantity",
    "stock_quant.reserved_quantity",
    "stock_location.parent_path",
    "stock_warehouse.view_location_id",
    "stock_warehouse.active",
];

const ROUNDED_NEEDS: [&str; 9] = {
    let mut needs = ["uom_uom.rounding"; 9];
    let mut at = 0;
    while at < 8 {
        needs[at] = STOCK_NEEDS[at];
        at += 1;
    }
    needs
};

/// The first whose needs are met is taken.
const DERIVATIONS: [Derivation; 7] = [
    stock(
        "qty_available",
        true,
        "CASE WHEN pt.type = 'service' THEN 0 ELSE coalesce(round(stock.quantity / nullif(u.rounding, 0)::numeric) * u.rounding::numeric, stock.quantity, 0) END",
    ),
    stock(
        "free_qty",
        true,
        "CASE WHEN pt.type = 'service' THEN 0 ELSE coalesce(round((stock.quantity - stock.reserved) / nullif(u.rounding, 0)::numeric) * u.rounding::numeric, stock.quantity - stock.reserved, 0) END",
    ),
    stock(
        "qty_available",
        false,
        "CASE WHEN pt.type = 'service' THEN 0 ELSE coalesce(stock.quantity, 0) END",
    ),
    stock(
        "free_qty",
        false,
        "CASE WHEN pt.type = 'service' THEN 0 ELSE coalesce(stock.quantity - stock.reserved, 0) END",
    ),
    Derivation {
        model: "product.product",
        field: "lst_price",
        needs: &[
            "product_product.product_tmpl_id",
            "product_template.list_price",
            "product_variant_combination.product_product_id",
            "product_template_attribute_value.price_extra",
        ],
        kind: Kind::Number,
        origin: Origin::Query,
        expression: "pt.list_price::numeric + coalesce(extra.price, 0)",
        joins: &[TEMPLATE, EXTRA],
    },
    Derivation {
        model: "product.template",
        field: "standard_price",
        needs: &[
            "product_product.product_tmpl_id",
            "product_product.active",
            "product_product.standard_price",
        ],
        kind: Kind::Json,
        origin: Origin::Query,
        expression: "variant.standard_price",
        joins: &[SINGLE, VARIANT],
    },
    Derivation {
        model: "product.template",
        field: "standard_price",
        needs: &["product_product.product_tmpl_id", "product_product.active", "ir_property.value_float"],
        kind: Kind::Json,
        origin: Origin::Query,
        expression: "cost.value",
        joins: &[SINGLE, COST],
    },
];

const fn stock(field: &'static str, rounded: bool, expression: &'static str) -> Derivation {
    Derivation {
        model: "product.product",
        field,
        needs: if rounded { &ROUNDED_NEEDS } else { &STOCK_NEEDS },
        kind: Kind::Number,
        origin: Origin::Query,
        expression,
        joins: if rounded { &[TEMPLATE, UNIT, STOCK] } else { &[TEMPLATE, STOCK] },
    }
}

/// The query for a field, where one is known and this database has what it needs.
pub fn of(model: &str, field: &str, catalog: &Catalog) -> Option<&'static Derivation> {
    let met = |need: &&str| need.split_once('.').is_some_and(|(table, column)| catalog.has(table, column));
    DERIVATIONS.iter().find(|d| d.model == model && d.field == field && d.needs.iter().all(met))
}
