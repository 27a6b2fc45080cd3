//! Small logs, each of which fails in its own way.

use super::*;

const UPGRADE: &str = "\
2026-01-09 08:00:00,001 41 INFO ? odoo: Odoo version 18.0
2026-01-09 08:00:00,002 41 INFO ? odoo: addons paths: ['/srv/odoo/odoo/addons', '/srv/odoo/addons', '/srv/own']
2026-01-09 08:00:01,001 41 INFO shop odoo.modules.loading: loading 1 modules...
2026-01-09 08:00:01,002 41 INFO shop odoo.modules.loading: 1 modules loaded in 0.01s, 0 queries (+0 extra)
2026-01-09 08:00:01,003 41 INFO shop odoo.modules.loading: updating modules list
2026-01-09 08:00:01,004 41 INFO shop odoo.modules.loading: loading 9 modules...
2026-01-09 08:00:01,005 41 INFO shop odoo.modules.loading: Loading module rent (7/9)
";

const FAILED: &str = "\
2026-01-09 08:00:03,001 41 WARNING shop odoo.modules.loading: Transient module states were reset
2026-01-09 08:00:03,002 41 ERROR shop odoo.modules.registry: Failed to load registry
2026-01-09 08:00:03,003 41 CRITICAL shop odoo.service.server: Failed to initialize database `shop`.
Traceback (most recent call last):
  File \"/srv/odoo/odoo/service/server.py\", line 1366, in preload_registries
    registry = Registry.new(dbname, update_module=update_module)
  File \"/srv/odoo/odoo/modules/loading.py\", line 485, in load_modules
    processed_modules += load_marked_modules(env, graph,
";

const DONE: &str = "\
2026-01-09 08:00:05,001 41 INFO shop odoo.modules.loading: 9 modules loaded in 3.00s, 900 queries (+9 extra)
2026-01-09 08:00:05,002 41 INFO shop odoo.modules.loading: Modules loaded.
2026-01-09 08:00:05,003 41 INFO shop odoo.modules.registry: Registry loaded in 3.552s
2026-01-09 08:00:05,004 41 INFO shop odoo.service.server: Initiating shutdown
";

fn read(text: &str) -> Diagnosis {
    let mut reading = Reading::default();
    text.lines().for_each(|line| reading.see(line));
    reading.end()
}

fn line(level: &str, rest: &str) -> String {
    format!("2026-01-09 08:00:02,001 41 {level} shop {rest}\n")
}

/// An upgrade that says `steps` on its way and ends in a traceback with these frames and words.
pub(super) fn upgrade(steps: &str, tail: &str) -> String {
    format!("{UPGRADE}{steps}{FAILED}{tail}\n{}", line("INFO", "odoo.service.server: Initiating shutdown"))
}

pub(super) fn failed(text: &str) -> Failure {
    read(text).failure.unwrap_or_else(|| panic!("no failure was found in\n{text}"))
}

pub(super) fn frame(file: &str, at: u64, function: &str, code: &str) -> String {
    format!("  File \"{file}\", line {at}, in {function}\n    {code}\n")
}

fn script(stage: &str) -> String {
    let version = match stage {
        "pre" => "[>18.0.1.1.0]",
        "post" => "[18.0.1.1.0>]",
        _ => "[$18.0.1.1.0]",
    };
    let runs = format!("odoo.modules.migration: module rent: Running migration {version} {stage}-prices");
    line("INFO", &runs)
}

pub(super) fn in_script(stage: &str) -> String {
    let file = format!("/srv/own/rent/migrations/18.0.1.1.0/{stage}-prices.py");
    frame("/srv/odoo/odoo/modules/migration.py", 259, "exec_script", "mod.migrate(cr, installed_version)")
        + &frame(&file, 12, "migrate", "cr.execute(query)")
        + &frame("/srv/odoo/odoo/sql_db.py", 357, "execute", "res = self._obj.execute(query, params)")
}

pub(super) fn in_data() -> String {
    frame(
        "/srv/odoo/odoo/modules/loading.py",
        72,
        "load_data",
        "tools.convert_file(env, package.name, filename)",
    ) + &frame("/srv/odoo/odoo/tools/convert.py", 662, "convert_file", "convert_xml_import(env, module, fp)")
}

fn bad_query(statement: &str, said: &str) -> String {
    line("ERROR", &format!("odoo.sql_db: bad query: b'{statement}'\nERROR: {said}\n"))
}

#[test]
fn scripts_are_named_with_their_stage_file_and_line() {
    for (stage, phase) in
        [("pre", Phase::PreMigration), ("post", Phase::PostMigration), ("end", Phase::EndMigration)]
    {
        let said = "column \"price\" does not exist";
        let steps = script(stage) + &bad_query("UPDATE rent SET price = 1", said);
        let failure = failed(&upgrade(
            &steps,
            &format!("{}psycopg2.errors.UndefinedColumn: {said}\n", in_script(stage)),
        ));
        assert_eq!((failure.phase, failure.class), (phase, Class::UndefinedColumn));
        let file = format!("/srv/own/rent/migrations/18.0.1.1.0/{stage}-prices.py");
        assert_eq!(failure.place, Some(Place { file, line: 12 }));
        let sql = failure.sql.unwrap();
        assert_eq!(sql.statement.as_deref(), Some("UPDATE rent SET price = 1"));
        assert_eq!(sql.sqlstate.as_deref(), Some("42703"));
        assert_eq!(
            (failure.line, failure.module.as_deref(), failure.cause.as_str()),
            (10, Some("rent"), said)
        );
        assert_eq!(failure.consequences.len(), 3);
    }
}

#[test]
fn python_that_cannot_be_read_is_named_with_its_line() {
    let frames =
        frame("/srv/odoo/odoo/modules/module.py", 395, "load_openerp_module", "__import__(qualname)")
            + "  File \"/srv/own/rent/models/price.py\", line 8\n    def f(:\n          ^\n";
    let steps = line("CRITICAL", "odoo.modules.module: Couldn't load module rent");
    let failure = failed(&upgrade(&steps, &format!("{frames}SyntaxError: invalid syntax\n")));
    assert_eq!(failure.place, Some(Place { file: "/srv/own/rent/models/price.py".into(), line: 8 }));
    assert_eq!((failure.phase, failure.module.as_deref()), (Phase::LoadingPython, Some("rent")));
}

#[test]
fn views_are_named_with_what_they_look_for() {
    let element = "Element '<xpath expr=\"//field[@name='price']\">' cannot be located in parent view";
    let context = "View error context:\n{'file': '/srv/own/rent/views/a.xml',\n 'line': 4,\n 'name': 'rent.form',\n \
         'view.model': 'rent',\n 'xmlid': 'rent_form'}";
    let now = format!(
        "odoo.tools.convert.ParseError: while parsing /srv/own/rent/views/a.xml:4\nError while parsing or validating view:\n\n{element}\n\n{context}"
    );
    // Odoo 14 raises twice, and says the place in the second.
    let then = format!(
        "ValueError: {element}\n\nThe above exception was the direct cause of the following exception:\n\n\
         Traceback (most recent call last):\n{}odoo.tools.convert.ParseError: while parsing /srv/own/rent/views/a.xml:4, near\n<record id=\"rent_form\"/>",
        in_data()
    );
    let template = now.replace("parsing /srv/own/rent/views/a.xml:4", "parsing None:1");
    let nineteen = now.replace("'<xpath", "“<xpath").replace(">' cannot", ">” cannot");
    for said in [now, then, nineteen, template] {
        let failure = failed(&upgrade("", &format!("{}{said}", in_data())));
        assert_eq!((failure.phase, failure.class), (Phase::Views, Class::ViewInheritance), "{said}");
        assert_eq!(failure.place, Some(Place { file: "/srv/own/rent/views/a.xml".into(), line: 4 }));
        assert_eq!(failure.view.unwrap().locator.as_deref(), Some("//field[@name='price']"));
        assert_eq!(failure.module.as_deref(), Some("rent"));
    }
}

/// The script swallowed the error, and everything after it only says that the transaction is aborted.
#[test]
fn the_statement_that_poisoned_a_transaction_is_the_cause() {
    for (first, then, state) in [
        (
            "relation \"gone\" does not exist",
            "current transaction is aborted, commands ignored until end",
            Some("42P01"),
        ),
        (
            "la relation « gone » n'existe pas",
            "la transaction est annulée, les commandes sont ignorées",
            None,
        ),
    ] {
        let steps = script("post") + &bad_query("SELECT * FROM gone", first) + &bad_query("SELECT 1", then);
        let tail = format!("{}psycopg2.errors.InFailedSqlTransaction: {then}", in_script("post"));
        let failure = failed(&upgrade(&steps, &tail));
        assert_eq!((failure.cause.as_str(), failure.line), (first, 10));
        let sql = failure.sql.unwrap();
        assert_eq!((sql.statement.as_deref(), sql.sqlstate.as_deref()), (Some("SELECT * FROM gone"), state));
        assert_eq!(failure.phase, Phase::PostMigration);
    }
}

#[test]
fn csv_files_are_named_with_what_is_wrong_in_them() {
    let said = "Exception: Module loading rent failed: file rent/security/a.csv could not be processed:\nNo matching record found for external id 'rent.group' in field 'Group'";
    let failure = failed(&upgrade("", &format!("{}{said}", in_data())));
    assert_eq!(
        failure.cause,
        "rent/security/a.csv: No matching record found for external id 'rent.group' in field 'Group'"
    );
    assert_eq!(failure.place, Some(Place { file: "rent/security/a.csv".into(), line: 0 }));
}

#[test]
fn what_the_server_survives_is_no_failure() {
    let cases = [
        (
            line("ERROR", "odoo.schema: Table 'rent': unable to set NOT NULL on column 'price'"),
            Some(FindingKind::ConstraintMissing),
        ),
        (
            line("WARNING", "odoo.modules.loading: invalid module names, ignored: rnet"),
            Some(FindingKind::UnknownModule),
        ),
        (
            line(
                "ERROR",
                "odoo.modules.loading: Some modules are not loaded, some dependencies or manifest may be missing: ['rent']",
            ),
            Some(FindingKind::ModulesNotLoaded),
        ),
        (
            line(
                "ERROR",
                "odoo.modules.loading: Some modules have inconsistent states, some dependencies may be missing: ['rent']",
            ),
            Some(FindingKind::ModuleStates),
        ),
        (
            line("WARNING", "odoo.modules.graph: module rent: not installable, skipped"),
            Some(FindingKind::NotInstallable),
        ),
        (
            line(
                "ERROR",
                "odoo.modules.migration: module rent: Each pre-migration file must have a \"migrate(cr, installed_version)\" function",
            ),
            Some(FindingKind::MigrationScript),
        ),
        (
            line(
                "WARNING",
                "odoo.modules.loading: Module rent demo data failed to install, installed without demo data\nTraceback (most recent call last):\n  File \"/a.py\", line 1, in f\n    g()\nValueError: x",
            ),
            Some(FindingKind::DemoData),
        ),
        (bad_query("SELECT gone", "column \"gone\" does not exist"), Some(FindingKind::SurvivedError)),
        (line("WARNING", "odoo.tools.translate: no translation for language fr_FR"), None),
        (line("WARNING", "py.warnings: /a.py:1: DeprecationWarning: x is deprecated"), None),
        (
            line(
                "INFO",
                "odoo.addons.rent: looked up\nTraceback (most recent call last):\n  File \"/a.py\", line 1, in f\n    g()\nKeyError: 3",
            ),
            Some(FindingKind::SurvivedError),
        ),
    ];
    for (said, kind) in cases {
        let seen = read(&format!("{UPGRADE}{said}{DONE}"));
        assert_eq!(seen.failure, None, "{said}");
        assert_eq!(seen.findings.first().map(|finding| finding.kind), kind, "{said}");
        assert_eq!(seen.loaded, [Loaded { database: "shop".into(), modules: 9, line: seen.loaded[0].line }]);
        // Beside a real failure they stay what they are.
        let both =
            failed(&upgrade(&said, &format!("{}ZeroDivisionError: division by zero", in_script("end"))));
        assert_eq!(both.phase, Phase::EndMigration, "{said}");
    }
}

#[test]
fn tests_that_fail_are_told_although_everything_was_loaded() {
    let said = line("INFO", "odoo.addons.rent.tests.test_price: Starting TestPrice.test_sum ...")
        + &line(
            "ERROR",
            "odoo.addons.rent.tests.test_price: FAIL: TestPrice.test_sum\nTraceback (most recent call last):\n  File \"/srv/own/rent/tests/test_price.py\", line 9, in test_sum\n    self.assertEqual(1, 2)\nAssertionError: 1 != 2\n",
        )
        + &line("ERROR", "odoo.tests.result: 1 failed, 0 error(s) of 7 tests when loading database 'shop'");
    let failure = failed(&format!("{UPGRADE}{said}{DONE}"));
    assert_eq!(
        (failure.phase, failure.class, failure.module.as_deref()),
        (Phase::Tests, Class::TestFailed, Some("rent"))
    );
    assert_eq!(failure.cause, "test TestPrice.test_sum failed: AssertionError: 1 != 2");
    assert_eq!(failure.place, Some(Place { file: "/srv/own/rent/tests/test_price.py".into(), line: 9 }));
    assert_eq!(failure.consequences.len(), 1);
    let calm =
        line("INFO", "odoo.tests.result: 0 failed, 0 error(s) of 7 tests when loading database 'shop'");
    assert_eq!(read(&format!("{UPGRADE}{calm}{DONE}")).failure, None);
}

#[test]
fn the_first_cause_is_told_and_what_comes_again_is_counted() {
    let one = upgrade("", &format!("{}ZeroDivisionError: division by zero", in_script("pre")));
    let two = upgrade("", &format!("{}TypeError: other", in_script("post"))).replace(" 41 ", " 42 ");
    let seen = read(&format!("{one}{one}{two}"));
    assert_eq!(seen.failure.unwrap().phase, Phase::PreMigration);
    assert_eq!(seen.later.iter().map(|later| later.cause.as_str()).collect::<Vec<_>>(), ["TypeError: other"]);
}

#[test]
fn a_server_that_runs_tells_of_requests_and_scheduled_actions() {
    let trace = "Traceback (most recent call last):\n  File \"/srv/own/rent/models/rent.py\", line 4, in go\n    x\npsycopg2.errors.UndefinedColumn: column rent.price does not exist\n";
    let request = line("ERROR", &format!("odoo.http: Exception during request handling.\n{trace}"));
    let cron = line(
        "ERROR",
        &format!(
            "odoo.addons.base.models.ir_cron: Call from cron Rent for server action #5 failed in Job #9\n{trace}"
        ),
    );
    for (said, phase) in [(request, Phase::Request), (cron, Phase::ScheduledAction)] {
        let failure = failed(&format!("{UPGRADE}{DONE}{said}"));
        assert_eq!((failure.phase, failure.class), (phase, Class::UndefinedColumn));
        // A loading that failed comes first, wherever it is.
        let other = upgrade("", &format!("{}ZeroDivisionError: x", in_script("pre")));
        assert_eq!(failed(&format!("{said}{other}")).phase, Phase::PreMigration);
    }
}

#[test]
fn processes_that_end_without_a_word_are_told() {
    let killed = failed(&format!("{UPGRADE}{}Killed\n", script("pre")));
    assert_eq!(
        (killed.class, killed.phase, killed.module.as_deref()),
        (Class::Killed, Phase::PreMigration, Some("rent"))
    );
    let code = failed(&format!("{UPGRADE}odoo-1 exited with code 137\n"));
    assert_eq!(code.class, Class::Killed);
    for who in ["odoo-bin", "odoo-bin server", "odoo server"] {
        let usage = failed(&format!("Usage: {who} [options]\n\n{who}: error: no such option: --updat\n"));
        assert_eq!(usage.class, Class::Configuration);
    }
    let import = failed(
        "Traceback (most recent call last):\n  File \"/srv/odoo/odoo-bin\", line 5, in <module>\n    import odoo\nModuleNotFoundError: No module named 'babel'\n",
    );
    assert_eq!((import.class, import.line), (Class::MissingPythonPackage, 4));
    let only = read(&format!("{UPGRADE}{}", script("pre")));
    assert_eq!(
        (only.failure, only.findings[0].kind, only.findings[0].line),
        (None, FindingKind::Unfinished, 8)
    );
}

/// However the log was carried, the diagnosis is the same but for what its lines are.
#[test]
fn carriers_change_nothing() {
    let said = "column \"price\" does not exist";
    let steps = script("pre") + &bad_query("UPDATE rent SET price = 1", said);
    let plain = upgrade(&steps, &format!("{}psycopg2.errors.UndefinedColumn: {said}\n", in_script("pre")));
    let whole = failed(&plain);
    let each =
        |form: &dyn Fn(&str) -> String| plain.lines().map(|line| form(line) + "\n").collect::<String>();
    for text in [
        each(&|line| format!("odoo-1  | {line}")),
        each(&|line| format!("2026-01-09T08:00:00.000000000Z {line}")),
        each(&|line| format!("Jan 09 08:00:00 host odoo[41]: {line}")),
        each(&|line| format!("{line}\r")),
        each(&|line| line.replace(" ERROR ", " \u{1b}[1;31mERROR\u{1b}[0m ")),
    ] {
        assert_eq!(failed(&text), whole);
    }
    let mixed = failed(&each(&|line| {
        format!("odoo-1  | {line}\ndb-1    | 2026-01-09 08:00:02.000 UTC [9] ERROR:  {said}")
    }));
    assert_eq!(
        (mixed.class, mixed.cause, mixed.place),
        (whole.class, whole.cause.clone(), whole.place.clone())
    );
    let server =
        failed(&each(&|line| format!("{line}\n2026-01-09 08:00:02.000 UTC [9] STATEMENT:  UPDATE rent")));
    assert_eq!(
        (server.class, server.cause, server.place),
        (whole.class, whole.cause.clone(), whole.place.clone())
    );
    let worker = line("INFO", "werkzeug: 10.0.0.1 \"GET /web HTTP/1.1\" 200 -").replace(" 41 ", " 77 ");
    let others = failed(&each(&|line| match line.starts_with("    ") {
        true => format!("{line}\n{}", worker.trim_end()),
        false => line.to_owned(),
    }));
    assert_eq!((others.class, others.cause, others.place), (whole.class, whole.cause, whole.place));
}

#[test]
fn secrets_are_in_no_part_of_a_diagnosis() {
    let said = "duplicate key value violates unique constraint \"a\"\nDETAIL:  Key (token)=(hunter2) already exists.";
    let steps = script("pre")
        + &line(
            "ERROR",
            &format!(
                "odoo.sql_db: bad query: INSERT INTO a (login, token)\nVALUES ('ada', 'hunter2')\nERROR: {said}"
            ),
        )
        + &line("ERROR", "odoo.addons.rent: login with password=hunter2 failed");
    let frames =
        in_script("pre").replace("cr.execute(query)", "cr.execute(\"UPDATE a SET token = 'hunter2'\")");
    let seen = read(&upgrade(&steps, &format!("{frames}psycopg2.errors.UniqueViolation: {said}")));
    let told = serde_json::to_string(&seen).unwrap();
    assert!(!told.contains("hunter2"), "{told}");
    assert!(told.contains("INSERT INTO a (login, token)"));
}

/// A log that ends anywhere blames no line that it does not have, and never takes a warning for a failure.
#[test]
fn a_log_may_end_and_begin_anywhere() {
    let said = "column \"price\" does not exist";
    let steps = script("pre") + &bad_query("UPDATE rent SET price = 1", said);
    let whole =
        upgrade(&steps, &format!("{}psycopg2.errors.UndefinedColumn: {said}\nLINE 1: x\n", in_script("pre")));
    let lines: Vec<&str> = whole.lines().collect();
    for cut in 0..=lines.len() {
        for part in [&lines[..cut], &lines[cut..]] {
            let seen = read(&part.join("\n"));
            let Some(failure) = seen.failure else { continue };
            let shown = failure.evidence.iter().chain(&failure.consequences);
            assert!(shown.clone().all(|shown| shown.line >= 1 && shown.line <= part.len() as u64), "{cut}");
            for Evidence { line, text } in shown {
                let start = text.split(&[':', '\''][..]).next().unwrap_or_default();
                assert!(part[*line as usize - 1].contains(start), "{cut}: {line} {text}");
            }
            assert!(failure.line >= 1 && failure.line <= part.len() as u64);
        }
        let begun = read(&lines[..cut].join("\n"));
        assert_eq!(begun.failure.is_some(), cut >= 9, "{cut}");
        assert!(begun.failure.is_none_or(|failure| failure.confirmed == (cut >= 13)), "{cut}");
    }
}

#[test]
fn the_form_for_programs_is_kept() {
    let seen = read(&upgrade("", &format!("{}ZeroDivisionError: division by zero", in_script("pre"))));
    let value = serde_json::to_value(&seen).unwrap();
    assert_eq!(value["format_version"], 1);
    assert_eq!(value["failure"]["phase"], "pre_migration");
    assert_eq!(value["failure"]["class"], "python_error");
    assert_eq!(value["failure"]["evidence"][0]["line"], 7);
}
