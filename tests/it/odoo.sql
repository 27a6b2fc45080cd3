-- A database as Odoo's, in small: what backups, neutralization and checks look at, and values that are hard to carry.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE TABLE ir_module_module (id serial PRIMARY KEY, name varchar NOT NULL, state varchar, latest_version varchar);
INSERT INTO ir_module_module (name, state, latest_version) VALUES
    ('base', 'installed', '18.0.1.3'), ('web', 'installed', '18.0.1.0'), ('mail', 'uninstalled', NULL);
CREATE TABLE ir_config_parameter (id serial PRIMARY KEY, key varchar UNIQUE, value text);
INSERT INTO ir_config_parameter (key, value) VALUES ('database.uuid', 'the-uuid'), ('database.secret', 'the-secret'),
    ('database.create_date', '2024-01-01 00:00:00'), ('web.base.url', 'https://shop.example');
CREATE TABLE ir_model_data (id serial PRIMARY KEY, module varchar, name varchar, model varchar, res_id integer);
INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('base', 'autovacuum_job', 'ir.cron', 1);
CREATE TABLE res_users (id serial PRIMARY KEY, login varchar, password varchar, active boolean DEFAULT true);
INSERT INTO res_users (login, password) VALUES ('__system__', NULL), ('admin', 'x');
CREATE TABLE res_users_apikeys (id serial PRIMARY KEY, user_id integer REFERENCES res_users, key varchar);
INSERT INTO res_users_apikeys (user_id, key) VALUES (2, 'key');
CREATE TABLE ir_cron (id serial PRIMARY KEY, active boolean);
INSERT INTO ir_cron (active) VALUES (true), (true);
CREATE TABLE ir_cron_trigger (id serial PRIMARY KEY, cron_id integer REFERENCES ir_cron);
INSERT INTO ir_cron_trigger (cron_id) VALUES (2);
CREATE TABLE ir_mail_server (id serial PRIMARY KEY, name varchar, smtp_host varchar, smtp_port integer,
    smtp_encryption varchar, smtp_authentication varchar, sequence integer, active boolean);
INSERT INTO ir_mail_server (name, smtp_host, smtp_port, active) VALUES ('real', 'smtp.shop.example', 25, true);
CREATE TABLE mail_mail (id serial PRIMARY KEY, state varchar);
INSERT INTO mail_mail (state) VALUES ('outgoing'), ('sent');
CREATE TABLE queue_job (id serial PRIMARY KEY, state varchar);
INSERT INTO queue_job (state) VALUES ('pending'), ('done');
CREATE TABLE payment_provider (id serial PRIMARY KEY, state varchar);
INSERT INTO payment_provider (state) VALUES ('enabled');
CREATE TABLE ir_sequence (id serial PRIMARY KEY, implementation varchar);
INSERT INTO ir_sequence (implementation) VALUES ('standard'), ('no_gap');
CREATE SEQUENCE ir_sequence_001;
SELECT nextval('ir_sequence_001') FROM generate_series(1, 41);
CREATE TABLE ir_attachment (id serial PRIMARY KEY, name varchar, store_fname varchar, checksum varchar);
CREATE TABLE res_partner (id serial PRIMARY KEY, name varchar, comment text, value jsonb, amount numeric, raw bytea, parent_id integer REFERENCES res_partner);
INSERT INTO res_partner (name, comment, value, amount, raw)
    SELECT 'partner ' || n, E'a\ttab, a \\ and a\nline, \\. and ' || repeat('é€𝄞', n % 7),
        jsonb_build_object('en_US', n, 'de_DE', NULL), n / 7.0, decode(md5(n::text), 'hex')
    FROM generate_series(1, 3000) n;
UPDATE res_partner SET parent_id = id - 1 WHERE id % 3 = 0;
UPDATE res_partner SET comment = NULL, amount = 'NaN' WHERE id = 7;
CREATE INDEX res_partner_name_trgm ON res_partner USING gin (name gin_trgm_ops);
CREATE VIEW "partner; view" AS SELECT id, name || ';' AS "a;b" FROM res_partner;
CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql AS $body$ SELECT n * 2; -- ; '
$body$;
COMMENT ON TABLE res_partner IS 'Contact; with ''quotes'' and \. lines
\.
in it';
