-- What rows have that nothing names: a warehouse with its locations, taxes with their lines, defaults, properties, numbering.
CREATE TABLE stock_location (id serial PRIMARY KEY, name varchar, complete_name varchar, usage varchar, location_id integer REFERENCES stock_location,
    parent_path varchar, company_id integer REFERENCES res_company);
CREATE TABLE stock_warehouse (id serial PRIMARY KEY, name varchar, code varchar, company_id integer REFERENCES res_company,
    lot_stock_id integer NOT NULL REFERENCES stock_location, out_type_id integer REFERENCES stock_picking_type);
CREATE TABLE account_tax (id serial PRIMARY KEY, name varchar);
CREATE TABLE account_tax_repartition_line (id serial PRIMARY KEY, tax_id integer REFERENCES account_tax, document_type varchar,
    repartition_type varchar, factor numeric, sequence integer);
CREATE TABLE product_product (id serial PRIMARY KEY, product_tmpl_id integer NOT NULL REFERENCES product_template, combination_indices varchar,
    barcode varchar);
CREATE TABLE ir_default (id serial PRIMARY KEY, field_id integer NOT NULL REFERENCES ir_model_fields, user_id integer REFERENCES res_users,
    company_id integer REFERENCES res_company, condition varchar, json_value varchar);
CREATE TABLE ir_property (id serial PRIMARY KEY, name varchar, res_id varchar, company_id integer REFERENCES res_company,
    fields_id integer NOT NULL REFERENCES ir_model_fields, value_reference varchar, type varchar);
ALTER TABLE ir_sequence ADD number_next integer, ADD code varchar, ADD prefix varchar, ADD company_id integer;
CREATE TABLE ir_sequence_date_range (id serial PRIMARY KEY, sequence_id integer NOT NULL REFERENCES ir_sequence ON DELETE CASCADE, date_from date,
    date_to date, number_next integer, UNIQUE (sequence_id, date_from, date_to));
INSERT INTO ir_model (model) SELECT unnest(ARRAY['stock.location', 'stock.warehouse', 'account.tax', 'account.tax.repartition.line',
    'product.product', 'ir.default', 'ir.property', 'ir.sequence.date_range']);
INSERT INTO ir_model_fields (model, name, ttype, relation) VALUES ('stock.location', 'location_id', 'many2one', 'stock.location'),
    ('stock.location', 'parent_path', 'char', NULL), ('stock.warehouse', 'lot_stock_id', 'many2one', 'stock.location'),
    ('stock.warehouse', 'out_type_id', 'many2one', 'stock.picking.type'), ('account.tax.repartition.line', 'tax_id', 'many2one', 'account.tax'),
    ('product.product', 'product_tmpl_id', 'many2one', 'product.template'), ('product.template', 'property_location', 'many2one', 'stock.location'),
    ('product.template', 'weight', 'float', NULL), ('res.partner', 'property_account', 'many2one', 'account.account'),
    ('ir.property', 'fields_id', 'many2one', 'ir.model.fields'), ('ir.default', 'field_id', 'many2one', 'ir.model.fields'),
    ('ir.sequence.date_range', 'sequence_id', 'many2one', 'ir.sequence'),
    ('ir.default', 'user_id', 'many2one', 'res.users'), ('ir.default', 'company_id', 'many2one', 'res.company');
