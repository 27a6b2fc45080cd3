-- A product catalogue as Odoo 18's, in small or in large: psql -v products=3000 -v quants=3000 -v rules=900
CREATE TABLE ir_module_module (id serial PRIMARY KEY, name varchar NOT NULL, state varchar, latest_version varchar);
INSERT INTO ir_module_module (name, state, latest_version) VALUES ('base', 'installed', '18.0.1.3'),
    ('product', 'installed', '18.0.1.2'), ('stock', 'installed', '18.0.1.1'), ('crm', 'uninstalled', NULL);
CREATE TABLE res_users (id serial PRIMARY KEY, login varchar, active boolean DEFAULT true);
INSERT INTO res_users (login) VALUES ('__system__'), ('admin'), ('olga');
CREATE TABLE ir_config_parameter (id serial PRIMARY KEY, key varchar UNIQUE, value text, write_uid integer, write_date timestamp);
INSERT INTO ir_config_parameter (key, value) VALUES ('database.uuid', 'the-uuid'), ('database.secret', 'the-secret'),
    ('database.create_date', '2024-01-01 00:00:00'), ('web.base.url', 'https://shop.example'),
    ('connector.api_key', 'very-private');
CREATE TABLE ir_cron (id serial PRIMARY KEY, active boolean, interval_number integer, interval_type varchar);
INSERT INTO ir_cron (active, interval_number, interval_type) VALUES (true, 1, 'days'), (false, 5, 'minutes');
CREATE TABLE ir_default (id serial PRIMARY KEY, field_id integer, json_value varchar);
INSERT INTO ir_default (field_id, json_value) VALUES (17, '"consu"');
CREATE TABLE ir_model_fields (id serial PRIMARY KEY, model varchar, name varchar, ttype varchar, store boolean DEFAULT true,
    company_dependent boolean DEFAULT false, translate boolean DEFAULT false, relation varchar, related varchar);
INSERT INTO ir_model_fields (model, name, ttype, store, company_dependent, translate, relation, related) VALUES
    ('product.template', 'name', 'char', true, false, true, NULL, NULL),
    ('product.template', 'list_price', 'float', true, false, false, NULL, NULL),
    ('product.template', 'standard_price', 'float', false, false, false, NULL, NULL),
    ('product.template', 'product_variant_ids', 'one2many', true, false, false, 'product.product', NULL),
    ('product.template', 'virtual_available', 'float', false, false, false, NULL, NULL),
    ('product.product', 'product_tmpl_id', 'many2one', true, false, false, 'product.template', NULL),
    ('product.product', 'standard_price', 'float', true, true, false, NULL, NULL),
    ('product.product', 'list_price', 'float', false, false, false, NULL, 'product_tmpl_id.list_price'),
    ('product.product', 'lst_price', 'float', false, false, false, NULL, NULL),
    ('product.product', 'qty_available', 'float', false, false, false, NULL, NULL),
    ('product.product', 'free_qty', 'float', false, false, false, NULL, NULL);
CREATE TABLE uom_uom (id serial PRIMARY KEY, rounding numeric NOT NULL);
INSERT INTO uom_uom (rounding) VALUES (0.01), (1);
CREATE TABLE product_template (id serial PRIMARY KEY, categ_id integer, uom_id integer, default_code varchar,
    name jsonb NOT NULL, description_sale jsonb, type varchar, list_price numeric, weight numeric, volume numeric,
    sale_ok boolean, purchase_ok boolean, active boolean, tracking varchar, create_uid integer, write_uid integer,
    create_date timestamp, write_date timestamp);
INSERT INTO product_template (categ_id, uom_id, default_code, name, description_sale, type, list_price, weight, volume,
        sale_ok, purchase_ok, active, tracking, create_uid, write_uid, create_date, write_date)
    SELECT 1 + n % 40, 1, 'SKU-' || lpad(n::text, 7, '0'),
        jsonb_build_object('en_US', 'Product ' || n, 'de_DE', 'Artikel "' || n || '"'),
        jsonb_build_object('en_US', repeat('a fine thing, ', 1 + n % 8)), CASE WHEN n % 50 = 0 THEN 'service' ELSE 'consu' END,
        round((5 + (n::bigint * 7919 % 100000) / 100.0)::numeric, 2), (n % 300) / 10.0, 0.01, true, n % 3 > 0, n % 25 > 0, 'none',
        1, 2, '2026-01-01', timestamp '2026-05-01' + n % 86400 * interval '1 second'
    FROM generate_series(1, :products) n;
CREATE TABLE product_product (id serial PRIMARY KEY, product_tmpl_id integer NOT NULL REFERENCES product_template,
    default_code varchar, barcode varchar, standard_price jsonb, active boolean, write_uid integer, write_date timestamp);
INSERT INTO product_product (product_tmpl_id, default_code, barcode, standard_price, active, write_uid, write_date)
    SELECT id, default_code, '40' || lpad(id::text, 11, '0'), jsonb_build_object('1', round(list_price * 0.6, 2)), active,
        write_uid, write_date FROM product_template ORDER BY id;
CREATE INDEX ON product_product (product_tmpl_id);
CREATE TABLE product_template_attribute_value (id serial PRIMARY KEY, price_extra numeric);
INSERT INTO product_template_attribute_value (price_extra) VALUES (2.5), (0);
CREATE TABLE product_variant_combination (product_product_id integer, product_template_attribute_value_id integer,
    PRIMARY KEY (product_product_id, product_template_attribute_value_id));
INSERT INTO product_variant_combination SELECT id, 1 + id % 2 FROM product_product WHERE id % 10 = 0;
CREATE TABLE product_pricelist_item (id serial PRIMARY KEY, pricelist_id integer, product_tmpl_id integer, applied_on varchar,
    compute_price varchar, min_quantity numeric, fixed_price numeric, percent_price double precision, active boolean,
    write_uid integer, write_date timestamp);
INSERT INTO product_pricelist_item (pricelist_id, product_tmpl_id, applied_on, compute_price, min_quantity, fixed_price,
        percent_price, active, write_uid, write_date)
    SELECT 1, 1 + n % :products, '1_product', 'fixed', 0, round((n % 5000) / 10.0, 2), (n % 30) / 10.0, true, 2, '2026-05-01'
    FROM generate_series(1, :rules) n;
CREATE TABLE stock_location (id serial PRIMARY KEY, usage varchar, parent_path varchar, active boolean);
INSERT INTO stock_location (usage, parent_path, active) VALUES ('view', '1/', true), ('internal', '1/2/', true),
    ('internal', '1/3/', false), ('customer', '4/', true);
CREATE TABLE stock_warehouse (id serial PRIMARY KEY, view_location_id integer, active boolean);
INSERT INTO stock_warehouse (view_location_id, active) VALUES (1, true);
CREATE TABLE stock_quant (id serial PRIMARY KEY, product_id integer, location_id integer, lot_id integer, quantity numeric,
    reserved_quantity numeric NOT NULL, in_date timestamp, write_uid integer, write_date timestamp);
INSERT INTO stock_quant (product_id, location_id, quantity, reserved_quantity, in_date, write_uid, write_date)
    SELECT 1 + n % :products, CASE WHEN n % 12 = 0 THEN 4 ELSE 2 + n % 2 END, n % 90, n % 4, '2026-04-01', 1, '2026-05-01'
    FROM generate_series(1, :quants) n;
CREATE INDEX ON stock_quant (product_id);
CREATE TABLE marketplace_listing (id serial PRIMARY KEY, sku varchar, state varchar, qty integer, price numeric,
    lead_time_to_ship integer, last_synced_at timestamp, write_uid integer, write_date timestamp);
INSERT INTO marketplace_listing (sku, state, qty, price, lead_time_to_ship, last_synced_at, write_uid, write_date)
    SELECT default_code, 'active', id % 90, list_price, 2, '2026-05-01 12:00', 1, '2026-05-01'
    FROM product_template WHERE id % 2 = 0 ORDER BY id;
SET client_min_messages = error;
ANALYZE;
