//! Tables copied from another database, killed anywhere: into the target at once, or into a copy that takes its place.

use super::*;

fn party() -> Party {
    Party {
        endpoint: operator().endpoint,
        role: "odoo".into(),
        secret: SecretRef::AppPassword,
        database: "staging".into(),
        identity: "7/16384".into(),
    }
}

fn copy(database: &str, anew: Option<DuplicateDatabase>) -> Step {
    Step::CopyTables(Box::new(CopyTables {
        source: party(),
        operator: operator(),
        database: database.into(),
        transfer: "transfer.json".into(),
        digest: Digest::of("rows"),
        tables: 1,
        rows: 1,
        before: None,
        jobs: if anew.is_some() { 2 } else { 1 },
        anew: anew.map(Box::new),
        folder: "migration".into(),
    }))
}

fn world() -> Fake {
    let fake = super::before();
    fake.change(|d| {
        d.databases.insert("shop".into(), vec!["own"]);
        with_secrets(d);
    });
    fake
}

#[test]
fn what_is_copied_at_once_is_copied_once() {
    let plan = wrap(vec![step("copy", copy("shop", None))]);
    every_crash(&world, &plan);
    let (end, undo, _) = uncrashed(&world, &plan);
    assert_eq!((&end.databases["shop"], end.once["rows copied"]), (&vec!["own", "rows"], 1));
    assert!(undo.iter().all(Vec::is_empty), "nothing deletes rows of production");
}

#[test]
fn what_is_copied_in_stages_never_stands_half_under_its_name() {
    let duplicate = DuplicateDatabase {
        operator: operator(),
        from: "shop".into(),
        to: "odpm_new".into(),
        mark: "new".into(),
        keep_closed: true,
        filestore: "filestore".into(),
    };
    let plan = wrap(vec![
        step("duplicate", Step::DuplicateDatabase(Box::new(duplicate.clone()))),
        step("copy", copy("odpm_new", Some(duplicate))),
        step("rename", replacing()),
    ]);
    every_crash(&world, &plan);
    let (_, _, points) = uncrashed(&world, &plan);
    for at in 0..points {
        let fake = world();
        fake.fuse(Some(at));
        attempt(&fake, &plan).unwrap_err();
        let shop = fake.durable().databases["shop"].clone();
        assert!(shop == ["own"] || shop == ["own", "rows"], "killed at {at}: {shop:?}");
    }
}
