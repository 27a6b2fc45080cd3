//! A snapshot and what is judged by it, killed anywhere.

use super::*;
use crate::step::WatchSpec;
use crate::upgrade::watched::{self, Watch};

#[test]
fn a_change_killed_anywhere_is_judged_by_the_snapshot_before_it() {
    let (operator, spec) = (operator(), WatchSpec::default());
    let watch = Watch {
        operator: &operator,
        database: "shop",
        spec: &spec,
        expect: &[],
        folder: "upgrades/r1".as_ref(),
        by: "olga",
        gate: true,
    };
    let plan = wrap(vec![watched::before(&watch), watched::after(&watch)]);
    let world = || {
        let fake = super::before();
        fake.change(with_secrets);
        fake
    };
    every_crash(&world, &plan);
    let (end, ..) = uncrashed(&world, &plan);
    assert!(end.backups.contains(&watch.snapshot()));
}
