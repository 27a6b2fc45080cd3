-- A shop with customers, their orders and the orders' lines, as Odoo keeps them, written over the last day.
CREATE TABLE res_users (id serial PRIMARY KEY, login varchar);
INSERT INTO res_users (login) VALUES ('admin'), ('sales'), ('sync');
CREATE TABLE res_partner (
    id serial PRIMARY KEY, name varchar, email varchar, parent_id integer REFERENCES res_partner ON DELETE SET NULL,
    score double precision, labels jsonb,
    create_date timestamp, write_date timestamp, write_uid integer REFERENCES res_users);
CREATE TABLE sale_order (
    id serial PRIMARY KEY, name varchar, state varchar, note varchar, amount_total numeric,
    partner_id integer NOT NULL REFERENCES res_partner ON DELETE CASCADE,
    create_date timestamp, write_date timestamp, write_uid integer REFERENCES res_users);
CREATE TABLE sale_order_line (
    id serial PRIMARY KEY, product varchar, price double precision,
    order_id integer NOT NULL REFERENCES sale_order ON DELETE CASCADE,
    create_date timestamp, write_date timestamp, write_uid integer REFERENCES res_users);
CREATE TABLE sale_order_tag_rel (order_id integer NOT NULL REFERENCES sale_order ON DELETE CASCADE, tag_id integer NOT NULL, PRIMARY KEY (order_id, tag_id));
INSERT INTO res_partner (name, email, create_date, write_date, write_uid)
    SELECT 'Customer ' || n, 'c' || n || '@example.com', d, d, 2 FROM generate_series(1, 300) n, LATERAL (SELECT now() AT TIME ZONE 'UTC' - n * interval '4 minutes' AS d) w;
INSERT INTO sale_order (name, state, amount_total, partner_id, create_date, write_date, write_uid)
    SELECT 'S' || n, 'sale', n * 1.10, 1 + n % 300, d, d, 2 FROM generate_series(1, 1000) n, LATERAL (SELECT now() AT TIME ZONE 'UTC' - n * interval '80 seconds' AS d) w;
INSERT INTO sale_order_line (product, price, order_id, create_date, write_date, write_uid)
    SELECT 'P' || n % 20, n / 3.0, 1 + n % 1000, d, d, 2 FROM generate_series(1, 3000) n, LATERAL (SELECT now() AT TIME ZONE 'UTC' - n * interval '25 seconds' AS d) w;
INSERT INTO sale_order_tag_rel SELECT n, 1 + n % 3 FROM generate_series(1, 1000, 2) n;
-- Families: the last of a hundred is each one's parent, some of them among the first sixty; and values that only their exact text tells.
UPDATE res_partner SET parent_id = id + 20 WHERE id BETWEEN 21 AND 50;
UPDATE res_partner SET parent_id = id % 20 + 1 WHERE id BETWEEN 100 AND 140;
UPDATE res_partner SET score = 0.1::float8 + 0.2::float8, labels = jsonb_build_object('en_US', 'Mr. ' || name, 'fr_FR', 'M. "' || name || '"');
UPDATE sale_order SET amount_total = amount_total::numeric(12, 3) WHERE id % 2 = 0;
