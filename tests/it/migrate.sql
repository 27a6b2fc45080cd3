-- A database as Odoo's in which every reference leads somewhere: one of each kind.
CREATE TABLE ir_model (id serial PRIMARY KEY, model varchar UNIQUE, transient boolean);
CREATE TABLE ir_model_fields (id serial PRIMARY KEY, model varchar, name varchar, ttype varchar, store boolean DEFAULT true,
    company_dependent boolean, relation varchar, relation_table varchar, column1 varchar, column2 varchar);
CREATE TABLE ir_model_constraint (id serial PRIMARY KEY, name varchar, model integer, type varchar);
CREATE TABLE res_company (id serial PRIMARY KEY, name varchar);
CREATE TABLE res_country (id serial PRIMARY KEY, name varchar);
CREATE TABLE res_tag (id serial PRIMARY KEY, name varchar);
CREATE TABLE res_partner (id serial PRIMARY KEY, name varchar, company_id integer REFERENCES res_company,
    country_id integer, account_id jsonb, cost jsonb, action_id integer);
CREATE TABLE partner_tag_rel (partner_id integer, tag_id integer);
CREATE TABLE res_category (id serial PRIMARY KEY, parent_id integer REFERENCES res_category, parent_path varchar);
CREATE TABLE stock_location (id serial PRIMARY KEY, location_id integer REFERENCES stock_location, parent_path varchar);
CREATE TABLE ir_actions (id serial PRIMARY KEY, name varchar);
CREATE TABLE ir_act_window (PRIMARY KEY (id), tag_id integer) INHERITS (ir_actions);
CREATE TABLE ir_ui_menu (id serial PRIMARY KEY, action varchar);
CREATE TABLE odd_table (id serial PRIMARY KEY, tag_id integer);
ALTER TABLE odd_table ADD CONSTRAINT odd_table_tag_id_fkey FOREIGN KEY (tag_id) REFERENCES res_tag NOT VALID;
CREATE TABLE ir_attachment (id serial PRIMARY KEY, name varchar, store_fname varchar, checksum varchar, res_model varchar, res_id integer);
CREATE TABLE mail_message (id serial PRIMARY KEY, model varchar, res_id integer);
CREATE TABLE mail_activity (id serial PRIMARY KEY, res_model_id integer REFERENCES ir_model, res_id integer);
CREATE TABLE a_wizard (id serial PRIMARY KEY, res_model varchar, res_id integer);
CREATE TABLE ir_property (id serial PRIMARY KEY, fields_id integer, res_id varchar, value_reference varchar);
CREATE TABLE ir_default (id serial PRIMARY KEY, field_id integer REFERENCES ir_model_fields, json_value varchar);
CREATE TABLE ir_sequence (id serial PRIMARY KEY, implementation varchar);
CREATE TABLE ir_sequence_date_range (id serial PRIMARY KEY, sequence_id integer REFERENCES ir_sequence);
CREATE VIEW partner_report AS SELECT id, company_id AS tag_id FROM res_partner;

INSERT INTO ir_model (model, transient) SELECT unnest(ARRAY['ir.model', 'res.company', 'res.country', 'res.tag', 'res.partner',
    'res.category', 'stock.location', 'ir.actions.actions', 'ir.actions.act_window', 'ir.ui.menu', 'odd.model', 'ir.attachment',
    'mail.message', 'mail.activity', 'partner.report', 'a.mixin', 'ir.property', 'ir.default']), false;
INSERT INTO ir_model (model, transient) VALUES ('a.wizard', true);
INSERT INTO ir_model_fields (model, name, ttype, company_dependent, relation) VALUES
    ('res.partner', 'company_id', 'many2one', false, 'res.company'), ('res.partner', 'country_id', 'many2one', false, 'res.country'),
    ('res.partner', 'account_id', 'many2one', true, 'res.tag'), ('res.partner', 'cost', 'float', true, NULL),
    ('res.partner', 'action_id', 'many2one', false, 'ir.actions.actions'),
    ('res.category', 'parent_id', 'many2one', false, 'res.category'), ('res.category', 'parent_path', 'char', false, NULL),
    ('stock.location', 'location_id', 'many2one', false, 'stock.location'), ('stock.location', 'parent_path', 'char', false, NULL),
    ('ir.actions.act_window', 'tag_id', 'many2one', false, 'res.tag'), ('ir.ui.menu', 'action', 'reference', false, NULL),
    ('odd.model', 'tag_id', 'many2one', false, 'res.tag'), ('a.mixin', 'tag_id', 'many2one', false, 'res.tag'),
    ('partner.report', 'tag_id', 'many2one', false, 'res.tag'),
    ('ir.attachment', 'res_id', 'many2one_reference', false, NULL), ('mail.message', 'res_id', 'many2one_reference', false, NULL),
    ('mail.activity', 'res_id', 'many2one_reference', false, NULL), ('mail.activity', 'res_model_id', 'many2one', false, 'ir.model'),
    ('a.wizard', 'res_id', 'many2one_reference', false, NULL);
INSERT INTO ir_model_fields (model, name, ttype, relation, relation_table, column1, column2) VALUES
    ('res.partner', 'tag_ids', 'many2many', 'res.tag', 'partner_tag_rel', 'partner_id', 'tag_id'),
    ('res.tag', 'partner_ids', 'many2many', 'res.partner', 'partner_tag_rel', 'tag_id', 'partner_id');
INSERT INTO ir_model_constraint (name, model, type) SELECT 'odd_table_tag_id_fkey', id, 'f' FROM ir_model WHERE model = 'odd.model';
INSERT INTO res_company (name) VALUES ('one'), ('two');
INSERT INTO res_country (name) VALUES ('Austria');
INSERT INTO res_tag (name) VALUES ('red'), ('blue');
INSERT INTO ir_act_window (name, tag_id) VALUES ('orders', 1);
INSERT INTO res_partner (name, company_id, country_id, account_id, cost, action_id) VALUES
    ('first', 1, 1, '{"1": 1, "2": 2}', '{"1": 4.5}', 1), ('second', 2, NULL, '{"1": false, "2": null}', NULL, NULL),
    ('third', NULL, NULL, NULL, NULL, NULL);
INSERT INTO partner_tag_rel VALUES (1, 1), (2, 2);
INSERT INTO res_category (parent_id, parent_path) VALUES (NULL, '1/'), (1, '1/2/'), (2, '1/2/3/');
INSERT INTO stock_location (location_id, parent_path) VALUES (NULL, '1/'), (1, '1/2/');
INSERT INTO ir_ui_menu (action) VALUES ('ir.actions.act_window,1'), (NULL), ('');
INSERT INTO odd_table (tag_id) VALUES (1);
INSERT INTO ir_attachment (name, res_model, res_id) VALUES ('a', 'res.partner', 1), ('b', 'res.partner', 0), ('c', NULL, 77), ('d', 'partner.report', 9);
INSERT INTO mail_message (model, res_id) VALUES ('res.partner', 2), ('res.tag', NULL);
INSERT INTO mail_activity (res_model_id, res_id) SELECT id, 1 FROM ir_model WHERE model = 'res.partner';
INSERT INTO a_wizard (res_model, res_id) VALUES ('res.partner', 4711);
INSERT INTO ir_property (res_id, value_reference) VALUES ('res.partner,1', 'res.tag,2'), (NULL, 'res.tag,1'), ('res.partner,2', NULL);
INSERT INTO ir_default (field_id, json_value) SELECT id, CASE ttype WHEN 'many2one' THEN '1' ELSE '"x"' END FROM ir_model_fields WHERE name IN ('country_id', 'parent_path');
INSERT INTO ir_sequence (implementation) VALUES ('standard'), ('no_gap');
INSERT INTO ir_sequence_date_range (sequence_id) VALUES (1), (2);
CREATE SEQUENCE ir_sequence_001;
CREATE SEQUENCE ir_sequence_001_001;
ANALYZE;
