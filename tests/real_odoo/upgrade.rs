//! Upgrades of a module of one's own, by a real Odoo: what works, and what fails as it does in real life.

use serde_json::Value;

use crate::sandbox::{Sandbox, free_port};
use crate::shop::{Content, content, stored};
use crate::{local, series, source};

const MODEL: &str = "from odoo import api, fields, models
from odoo.exceptions import ValidationError


class Flat(models.Model):
    _name = 'own.flat'
    _description = 'Flat'

    name = fields.Char(required=True)
    partner_id = fields.Many2one('res.partner')
    RATE = fields.Float()
    state = fields.Selection([('draft', 'Draft'), ('let', 'Let')], default='draft')

    def action_let(self):
        self.write({'state': 'let'})

    @api.constrains('RATE')
    def _check_rate(self):
        if any(flat.RATE < 0 for flat in self):
            raise ValidationError('A flat has no negative rent.')
";

const VIEWS: &str = "<odoo>
    <record id=\"flat_form\" model=\"ir.ui.view\">
        <field name=\"name\">own.flat.form</field>
        <field name=\"model\">own.flat</field>
        <field name=\"arch\" type=\"xml\">
            <form><group><field name=\"name\"/><field name=\"RATE\"/></group></form>
        </field>
    </record>
    <record id=\"flat_form_partner\" model=\"ir.ui.view\">
        <field name=\"name\">own.flat.form.partner</field>
        <field name=\"model\">own.flat</field>
        <field name=\"inherit_id\" ref=\"flat_form\"/>
        <field name=\"arch\" type=\"xml\">
            <xpath expr=\"//field[@name='name']\" position=\"after\"><field name=\"partner_id\"/></xpath>
        </field>
    </record>
</odoo>
";

const FLOW: &str = "partner = env['res.partner'].create({'name': 'left behind'})
flat = env['own.flat'].create({'name': 'left behind', 'partner_id': partner.id})
flat.action_let()
env.cr.commit()
assert flat.state == 'let' and flat.partner_id.name == 'left behind'
";

/// The module `own` as it is at a version, with the name that the rent has in it.
fn module(shop: &Sandbox, version: &str, depends: &str, rate: &str) {
    let manifest = format!(
        "{{'name': 'Own', 'version': '{version}', 'license': 'LGPL-3', 'depends': [{depends}],\n \
         'data': ['security/ir.model.access.csv', 'data/flats.xml', 'views/flat.xml']}}\n"
    );
    shop.write("addons/own/__manifest__.py", &manifest);
    shop.write("addons/own/__init__.py", "from . import models\n");
    shop.write("addons/own/models/__init__.py", "from . import flat\n");
    shop.write("addons/own/models/flat.py", &MODEL.replace("RATE", rate));
    shop.write("addons/own/views/flat.xml", &VIEWS.replace("RATE", rate));
    shop.write(
        "addons/own/security/ir.model.access.csv",
        "id,name,model_id:id,group_id:id,perm_read,perm_write,perm_create,perm_unlink\n\
         access_flat,flat,model_own_flat,base.group_user,1,1,1,1\n",
    );
    let data = format!(
        "<odoo noupdate=\"1\"><record id=\"first\" model=\"own.flat\"><field name=\"name\">First</field>\
         <field name=\"{rate}\">100</field></record></odoo>\n"
    );
    shop.write("addons/own/data/flats.xml", &data);
}

fn script(shop: &Sandbox, name: &str, statement: &str) {
    let text = format!("def migrate(cr, version):\n    cr.execute(\"{statement}\")\n");
    shop.write(&format!("addons/own/migrations/{name}.py"), &text);
}

type Whole = (Content, std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>);

fn whole(shop: &Sandbox) -> Whole {
    (content(shop, "shop"), stored(shop, "shop"))
}

#[track_caller]
fn equal(shop: &Sandbox, before: &Whole, what: &str) {
    let now = whole(shop);
    now.0.is_that_of(&before.0, what);
    assert!(now.1 == before.1, "{what}: the files differ");
}

fn in_service(shop: &Sandbox) {
    let status = shop.json(&["status", "--format", "json"]);
    assert_eq!(status["services"]["odoo"]["running"], 1, "{status}");
    assert!(!shop.path(".odpm/contained.json").exists());
}

fn version(shop: &Sandbox) -> Vec<String> {
    shop.sql("shop", "SELECT state || ' ' || latest_version FROM ir_module_module WHERE name = 'own'")
}

/// What was found of the last upgrade.
fn diagnosis(shop: &Sandbox) -> Value {
    let history = shop.json(&["upgrade", "history", "--format", "json"]);
    let last = history["upgrades"].as_array().unwrap().last().unwrap().clone();
    let text = shop.read(&format!("{}/diagnosis.json", last["folder"].as_str().unwrap()));
    serde_json::from_str::<Value>(&text).unwrap()["failure"].clone()
}

#[test]
fn a_module_of_ones_own_is_upgraded_and_what_fails_is_diagnosed_and_taken_back() {
    let Some(source) = source() else { return };
    let (shop, port) = (Sandbox::new(), free_port());
    let describe = |replicas: u8| {
        local(&shop, &source, port)("shop", replicas);
        let own = format!("source: {source}\n  addons: [./addons]\n");
        let described = shop.read("odpm.yaml").replacen(&format!("source: {source}\n"), &own, 1);
        let more = "upgrade: {watchdog: true, watch: 0s}\nwatchdog: {models: {own.flat: {name: , state: }, res.partner: {name: }}}\n\
            checks: {rows: {sql: \"SELECT id FROM own_flat WHERE name IS NULL\"}, login: {http: /web/login, contains: password}, flow: {shell: checks/flow.py}}\n";
        shop.write("odpm.yaml", &format!("{described}{more}"));
    };
    module(&shop, "1.0", "'base'", "rate");
    shop.write("checks/flow.py", FLOW);
    describe(0);
    let _ = shop.apply();
    let create = "CREATE DATABASE shop OWNER odoo TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'";
    let _ = shop.sql("postgres", create);
    let _ = shop.run(&["-d", "shop", "-i", "base,own", "--yes"]).code(0);
    describe(1);
    let _ = shop.apply();
    let _ = shop.run(&["database", "backup", "--yes"]).code(0);
    let series = series(&source);
    assert_eq!(version(&shop), [format!("installed {series}.1.0")]);
    let plan = shop.json(&["upgrade", "plan", "-u", "all", "--format", "json"]);
    let bad: Vec<&Value> =
        plan["checks"].as_array().unwrap().iter().filter(|check| check["good"] == false).collect();
    assert!(bad.is_empty(), "{bad:?}");
    assert_eq!(plan["plan"]["blocked"], serde_json::json!([]), "{plan}");

    // A column gets another name, and what it holds goes with it: rehearsed, and done.
    module(&shop, "1.1", "'base'", "price");
    script(&shop, "1.1/pre-price", "ALTER TABLE own_flat RENAME COLUMN rate TO price");
    script(&shop, "1.1/post-price", "UPDATE own_flat SET price = price * 2");
    let said = shop.run(&["upgrade", "run", "-u", "own", "--rehearse", "--yes"]).code(0);
    let _ = said.says("The rehearsal has passed").says("shop is upgraded and in service");
    assert_eq!(version(&shop), [format!("installed {series}.1.1")]);
    assert_eq!(shop.sql("shop", "SELECT price::int FROM own_flat"), ["200"]);
    for table in ["res_partner", "own_flat"] {
        assert_eq!(shop.sql("shop", &format!("SELECT count(*) FROM {table} WHERE name LIKE 'left%'")), ["0"]);
    }
    in_service(&shop);

    // One file is edited without another version.
    let _ = shop.run(&["upgrade", "run", "--changed", "--yes"]).code(0).says("nothing to upgrade");
    let views = shop.read("addons/own/views/flat.xml");
    shop.write("addons/own/views/flat.xml", &views.replace("<form>", "<form string=\"Flat\">"));
    let plan = shop.json(&["upgrade", "plan", "--changed", "--format", "json"]);
    assert_eq!(plan["update"], serde_json::json!(["own"]), "{plan}");
    let _ = shop.run(&["upgrade", "run", "--changed", "--yes"]).code(0).says("in service");
    let _ = shop.run(&["upgrade", "run", "--changed", "--yes"]).code(0).says("nothing to upgrade");

    let before = whole(&shop);
    failures(&shop, &before);
    let _ = shop.run(&["upgrade", "probe", "--yes"]).code(0).says("all 3 checks hold");
}

/// Real failures, one after the other; after each the code is what it was before.
fn failures(shop: &Sandbox, before: &Whole) {
    let good = shop.read("addons/own/views/flat.xml");
    let run = ["upgrade", "run", "-u", "own", "--rollback-on-failure", "--yes"];

    module(shop, "1.2", "'base', 'no_such_module'", "price");
    let _ = shop.run(&run).code(3).says("no_such_module");
    equal(shop, before, "a dependency that is missing");
    in_service(shop);

    let cases: [(&str, &dyn Fn(), &str, &str); 4] = [
        (
            "a column that is missing",
            &|| script(shop, "1.2/pre-tax", "UPDATE own_flat SET tax = price * 0.2"),
            "undefined_column",
            "pre-tax.py",
        ),
        (
            "an xpath that matches nothing",
            &|| {
                let views = good.replace("//field[@name='name']", "//field[@name='title']");
                shop.write("addons/own/views/flat.xml", &views);
            },
            "view_inheritance",
            "views/flat.xml",
        ),
        (
            "a rule of the model",
            &|| {
                let data = shop.read("addons/own/data/flats.xml");
                let data = data.replace("first", "second").replace("100", "-1");
                shop.write("addons/own/data/flats.xml", &data);
            },
            "refused",
            "data/flats.xml",
        ),
        (
            "an import",
            &|| {
                let model = shop.read("addons/own/models/flat.py");
                let model = format!("from odoo.tools import no_such_name\n{model}");
                shop.write("addons/own/models/flat.py", &model);
            },
            "python_import",
            "models/flat.py",
        ),
    ];
    for (what, breaks, class, file) in cases {
        module(shop, "1.2", "'base'", "price");
        shop.write("addons/own/views/flat.xml", &good);
        breaks();
        let said = shop.run(&run).code(1).says("the code is not");
        let found = diagnosis(shop);
        assert_eq!(found["class"], class, "{what}: {found:#}\n{}", said.all());
        assert_eq!(found["module"], "own", "{what}: {found:#}");
        assert!(found["place"]["file"].as_str().unwrap().ends_with(file), "{what}: {found:#}");
        equal(shop, before, what);
        module(shop, "1.1", "'base'", "price");
        shop.write("addons/own/views/flat.xml", &good);
        let _ = std::fs::remove_dir_all(shop.path("addons/own/migrations/1.2"));
        let _ = shop.run(&["upgrade", "rollback", "--yes"]).code(0);
        in_service(shop);
        equal(shop, before, what);
    }
}
