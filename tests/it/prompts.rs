//! Questions, asked at a pseudo-terminal.

use std::time::Duration;

use expectrl::process::unix::WaitStatus;
use expectrl::session::OsSession;
use expectrl::{Expect, Session};

use crate::sandbox::Sandbox;

const DOWN: &str = "\x1b[B";

fn session(shop: &Sandbox, args: &[&str], env: &[(&str, &str)]) -> OsSession {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_odpm"));
    command.current_dir(shop.root()).env_clear().args(args).envs(env.iter().copied());
    command
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", shop.root())
        .env("TERM", "xterm");
    let mut session = Session::spawn(command).expect("a session");
    session.set_expect_timeout(Some(Duration::from_secs(60)));
    session
}

#[track_caller]
fn ends_with(session: &mut OsSession, code: i32) {
    let _ = session.expect(expectrl::Eof);
    match session.get_process().wait().expect("an end") {
        WaitStatus::Exited(_, got) => assert_eq!(got, code),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_yes_applies_and_a_no_does_nothing() {
    let shop = Sandbox::new();
    let mut no = session(&shop, &["apply"], &[]);
    no.expect("Run apply on shop: 11 steps?").unwrap();
    no.send("n").unwrap();
    ends_with(&mut no, 3);
    assert!(!shop.path("data").exists());

    let mut enter = session(&shop, &["apply"], &[]);
    enter.expect("steps?").unwrap();
    enter.send("\r").unwrap();
    ends_with(&mut enter, 3);
    assert!(!shop.path("data").exists(), "the default is no");

    let mut yes = session(&shop, &["apply"], &[]);
    yes.expect("steps?").unwrap();
    yes.send("y").unwrap();
    yes.expect("Done: apply").unwrap();
    ends_with(&mut yes, 0);
    shop.at_rest();
}

#[test]
fn each_drift_is_asked_for_by_itself() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    shop.sql("postgres", "DROP ROLE odoo");
    let env = [("ODPM_SCENARIO", "server")];

    let mut abort = session(&shop, &["apply"], &env);
    abort.expect("does not exist").unwrap();
    abort.expect("abort").unwrap();
    abort.send("\r").unwrap();
    ends_with(&mut abort, 3);
    assert_eq!(shop.sql("postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'odoo'"), ["0"]);

    let mut one = session(&shop, &["apply"], &env);
    one.expect("create the role").unwrap();
    one.send(DOWN).unwrap();
    one.send("\r").unwrap();
    one.expect("the scenario is another").unwrap();
    one.expect("abort").unwrap();
    one.send("\r").unwrap();
    ends_with(&mut one, 3);
    assert_eq!(
        shop.sql("postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'odoo'"),
        ["0"],
        "one is not both"
    );

    let mut both = session(&shop, &["apply"], &env);
    both.expect("create the role").unwrap();
    both.send(DOWN).unwrap();
    both.send("\r").unwrap();
    both.expect("the scenario is another").unwrap();
    both.expect("abort").unwrap();
    both.send(DOWN).unwrap();
    both.send("\r").unwrap();
    both.expect("steps?").unwrap();
    both.send("y").unwrap();
    both.expect("Done: apply").unwrap();
    ends_with(&mut both, 0);
    let companion = shop.read(".odpm/database/companion.json");
    assert!(companion.contains("\"how\": \"prompt\""), "{companion}");
}

#[test]
fn instructions_for_starting_over_are_shown_and_not_carried_out() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    let _ = shop.run(&["down", "--yes"]).code(0);
    shop.describe("", "data: ./elsewhere\n");
    let mut wipe = session(&shop, &["apply"], &[]);
    wipe.expect("show how to start over").unwrap();
    wipe.send(DOWN).unwrap();
    wipe.send(DOWN).unwrap();
    wipe.send("\r").unwrap();
    wipe.expect("odpm does not do it for you").unwrap();
    ends_with(&mut wipe, 3);
    assert!(shop.data().join("PG_VERSION").exists());
    assert!(!shop.path("elsewhere").exists());
}

#[test]
fn a_pipeline_is_never_asked_even_with_a_terminal() {
    let shop = Sandbox::new();
    let mut session = session(&shop, &["apply"], &[("CI", "true")]);
    session.expect("there is no terminal to ask at").unwrap();
    ends_with(&mut session, 3);
}

#[test]
fn an_interrupt_is_for_the_program_that_has_the_terminal() {
    let shop = Sandbox::new();
    let _ = shop.apply();
    let env = [("PAGER", "cat")];
    let mut psql = session(&shop, &["psql", "-d", "postgres", "-X"], &env);
    psql.expect("postgres=>").unwrap();
    psql.send("SELECT pg_sleep(100);\n").unwrap();
    // Between its prompt and its query psql ignores an interrupt.
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    crate::stack::wait_for(|| shop.sql("postgres", asleep) == ["1"]);
    psql.send("\x03").unwrap();
    psql.expect("postgres=>").unwrap();
    psql.send("SELECT 'still ' || 'there';\n").unwrap();
    psql.expect("still there").unwrap();
    psql.send("\\q\n").unwrap();
    ends_with(&mut psql, 0);
}

#[test]
fn what_is_lost_has_to_be_named_by_hand() {
    let shop = crate::shop::shop();
    let drop = ["database", "drop", "-d", "shop"];
    let mut wrong = session(&shop, &drop, &[]);
    wrong.expect("Type its name").unwrap();
    wrong.send("yes\r").unwrap();
    ends_with(&mut wrong, 3);
    assert_eq!(crate::shop::names(&shop), ["shop"]);

    let mut pass = session(&shop, &["database", "set-admin-pass", "-d", "shop", "--yes"], &[]);
    pass.expect("New password of the administrator").unwrap();
    pass.send("geheim\r").unwrap();
    pass.expect("Once more").unwrap();
    pass.send("geheim\r").unwrap();
    pass.expect("Done: database set-admin-pass").unwrap();
    ends_with(&mut pass, 0);

    let mut right = session(&shop, &drop, &[]);
    right.expect("Type its name").unwrap();
    right.send("shop\r").unwrap();
    right.expect("Done: database drop").unwrap();
    ends_with(&mut right, 0);
    // On a server's project `--yes` alone is not enough.
    let _ = shop.run(&["database", "list"]).code(0).says("shop, dropped by");
    crate::shop::fill(&shop, "again");
    let server = [("ODPM_SCENARIO", "server")];
    let drop = ["database", "drop", "-d", "again", "--yes"];
    let _ = shop.run_with(&drop, &server).code(3).says("--yes --confirm=again");
    let _ = shop.run_with(&[&drop[..], &["--confirm=other"]].concat(), &server).code(3);
    let _ = shop.run_with(&[&drop[..], &["--confirm=again"]].concat(), &server).code(0);
}
