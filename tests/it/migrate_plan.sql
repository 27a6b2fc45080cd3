-- A database as Odoo's of which some goes to another one, before either has rows of its own.
CREATE TABLE ir_module_module (id serial PRIMARY KEY, name varchar UNIQUE, state varchar, latest_version varchar);
CREATE TABLE ir_model (id serial PRIMARY KEY, model varchar UNIQUE, transient boolean DEFAULT false);
CREATE TABLE ir_model_fields (id serial PRIMARY KEY, model varchar, name varchar, ttype varchar, store boolean DEFAULT true,
    company_dependent boolean, relation varchar, relation_table varchar, column1 varchar, column2 varchar, UNIQUE (model, name));
CREATE TABLE ir_model_data (id serial PRIMARY KEY, module varchar, name varchar, model varchar, res_id integer, noupdate boolean DEFAULT false,
    UNIQUE (module, name));
CREATE TABLE ir_config_parameter (id serial PRIMARY KEY, key varchar UNIQUE, value text);
CREATE TABLE res_currency (id serial PRIMARY KEY, name varchar UNIQUE);
CREATE TABLE res_country (id serial PRIMARY KEY, code varchar UNIQUE);
CREATE TABLE res_company (id serial PRIMARY KEY, name varchar, currency_id integer NOT NULL REFERENCES res_currency);
CREATE TABLE res_users (id serial PRIMARY KEY, login varchar UNIQUE, password varchar, company_id integer NOT NULL REFERENCES res_company,
    create_uid integer REFERENCES res_users);
CREATE TABLE res_partner (id serial PRIMARY KEY, name varchar, company_id integer REFERENCES res_company,
    parent_id integer REFERENCES res_partner, country_id integer REFERENCES res_country, user_id integer REFERENCES res_users,
    create_uid integer REFERENCES res_users);
CREATE TABLE x_shelf (id serial PRIMARY KEY, name varchar);
CREATE TABLE account_account (id serial PRIMARY KEY, name jsonb, code_store jsonb);
CREATE TABLE product_category (id serial PRIMARY KEY, name varchar, parent_id integer REFERENCES product_category, parent_path varchar,
    account_id jsonb);
CREATE TABLE product_tag (id serial PRIMARY KEY, name varchar UNIQUE);
CREATE TABLE product_template (id serial PRIMARY KEY, name jsonb NOT NULL, categ_id integer NOT NULL REFERENCES product_category,
    shelf_id integer REFERENCES x_shelf, vendor_id integer, origin varchar, weight numeric,
    double_weight numeric GENERATED ALWAYS AS (weight * 2) STORED, create_uid integer REFERENCES res_users);
CREATE TABLE product_tag_rel (product_id integer REFERENCES product_template, tag_id integer REFERENCES product_tag, PRIMARY KEY (product_id, tag_id));
CREATE TABLE sale_order (id serial PRIMARY KEY, name varchar, state varchar, partner_id integer REFERENCES res_partner);
CREATE TABLE ir_attachment (id serial PRIMARY KEY, name varchar, res_model varchar, res_field varchar, res_id integer, url varchar,
    store_fname varchar, checksum varchar, create_uid integer REFERENCES res_users);
CREATE TABLE mail_message (id serial PRIMARY KEY, model varchar, res_id integer);
CREATE TABLE stock_picking_type (id serial PRIMARY KEY, name jsonb, sequence_id integer);
CREATE TABLE ir_sequence (id serial PRIMARY KEY, name varchar, implementation varchar);

INSERT INTO ir_module_module (name, state, latest_version) VALUES ('base', 'installed', '18.0.1.3'), ('stock', 'installed', '18.0.1.1');
INSERT INTO ir_model (model) SELECT unnest(ARRAY['ir.model', 'ir.model.fields', 'ir.config_parameter', 'res.currency', 'res.country',
    'res.company', 'res.users', 'res.partner', 'x.shelf', 'account.account', 'product.category', 'product.tag', 'product.template',
    'sale.order', 'ir.attachment', 'mail.message', 'stock.picking.type', 'ir.sequence']);
INSERT INTO ir_model_fields (model, name, ttype, company_dependent, relation) VALUES
    ('res.company', 'currency_id', 'many2one', false, 'res.currency'), ('res.users', 'company_id', 'many2one', false, 'res.company'),
    ('res.partner', 'country_id', 'many2one', false, 'res.country'), ('res.partner', 'parent_id', 'many2one', false, 'res.partner'),
    ('product.category', 'parent_id', 'many2one', false, 'product.category'), ('product.category', 'parent_path', 'char', false, NULL),
    ('product.category', 'account_id', 'many2one', true, 'account.account'),
    ('product.template', 'categ_id', 'many2one', false, 'product.category'), ('product.template', 'shelf_id', 'many2one', false, 'x.shelf'),
    ('product.template', 'vendor_id', 'many2one', false, 'res.partner'), ('product.template', 'origin', 'reference', false, NULL),
    ('ir.attachment', 'res_id', 'many2one_reference', false, NULL), ('mail.message', 'res_id', 'many2one_reference', false, NULL),
    ('stock.picking.type', 'sequence_id', 'many2one', false, 'ir.sequence');
INSERT INTO ir_model_fields (model, name, ttype, relation, relation_table, column1, column2) VALUES
    ('product.template', 'tag_ids', 'many2many', 'product.tag', 'product_tag_rel', 'product_id', 'tag_id');
INSERT INTO ir_config_parameter (key, value) VALUES ('database.uuid', gen_random_uuid()::text);
