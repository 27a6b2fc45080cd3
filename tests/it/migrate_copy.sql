-- The two sides of a migration: categories in a tree, products and variants that refer to each other, tags, notes of every odd sort.
CREATE TABLE shop_category (id serial PRIMARY KEY, name varchar NOT NULL, parent_id integer REFERENCES shop_category ON DELETE CASCADE, parent_path varchar);
CREATE INDEX shop_category_parent_idx ON shop_category (parent_id);
CREATE INDEX shop_category_path_idx ON shop_category (parent_path);
CREATE TABLE shop_tag (id serial PRIMARY KEY, name jsonb NOT NULL);
CREATE TABLE shop_product (id serial PRIMARY KEY, categ_id integer NOT NULL, main_variant_id integer, code varchar NOT NULL, price numeric, ratio double precision,
  data jsonb, blob bytea, born timestamp, active boolean, label text GENERATED ALWAYS AS (upper(code)) STORED, CONSTRAINT "product_code-uniq" UNIQUE (code));
CREATE TABLE shop_variant (id serial PRIMARY KEY, product_id integer NOT NULL, sku varchar);
ALTER TABLE shop_product ADD CONSTRAINT shop_product_categ_id_fkey FOREIGN KEY (categ_id) REFERENCES shop_category ON DELETE RESTRICT;
ALTER TABLE shop_product ADD CONSTRAINT shop_product_main_fkey FOREIGN KEY (main_variant_id) REFERENCES shop_variant ON DELETE SET NULL;
ALTER TABLE shop_variant ADD CONSTRAINT shop_variant_product_id_fkey FOREIGN KEY (product_id) REFERENCES shop_product ON DELETE CASCADE;
COMMENT ON CONSTRAINT shop_variant_product_id_fkey ON shop_variant IS 'whose it''s';
CREATE INDEX shop_product_lower_idx ON shop_product (lower(code::text)) WHERE active;
CREATE INDEX shop_product_data_idx ON shop_product USING gin (data jsonb_path_ops) WITH (fastupdate = off);
CREATE INDEX shop_product_born_idx ON shop_product (born DESC NULLS LAST) INCLUDE (price);
CREATE INDEX shop_product_told_idx ON shop_product (price);
COMMENT ON INDEX shop_product_told_idx IS 'stays where it is';
CREATE UNIQUE INDEX shop_variant_sku_idx ON shop_variant (sku);
CREATE TABLE shop_product_tag_rel (product_id integer NOT NULL REFERENCES shop_product ON DELETE CASCADE, tag_id integer NOT NULL REFERENCES shop_tag ON DELETE CASCADE, PRIMARY KEY (product_id, tag_id));
CREATE INDEX shop_product_tag_rel_idx ON shop_product_tag_rel (tag_id, product_id);
CREATE TABLE shop_loose_rel (product_id integer, tag_id integer);
CREATE TABLE "shop ""note" (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "Body" json, at point);
-- Production's own, with what leans on a copied table.
CREATE TABLE shop_line (id serial PRIMARY KEY, product_id integer REFERENCES shop_product);
CREATE TABLE ir_model_data (id serial PRIMARY KEY, module varchar NOT NULL, name varchar NOT NULL, model varchar NOT NULL, res_id integer, noupdate boolean);
CREATE UNIQUE INDEX ir_model_data_module_name_uniq_index ON ir_model_data (module, name);
CREATE SEQUENCE base_cache_signaling_default;
CREATE SEQUENCE ir_sequence_001;
