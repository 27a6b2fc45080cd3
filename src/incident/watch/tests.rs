use super::*;

/// A reading of one table, so many minutes after the first.
fn reading(minute: i64, rows: u64, [inserted, updated, deleted]: [u64; 3]) -> Reading {
    let table = TableReading { oid: 9, rows, exact: true, inserted, updated, deleted };
    Reading {
        at: Timestamp::from_second(1_000_000 + minute * 60).unwrap(),
        cluster: 7,
        database: 5,
        reset: None,
        tables: [("sale_order".to_owned(), table)].into(),
    }
}

/// The readings of two days, each hour: ten orders come, twenty change; each night a job changes three hundred.
fn two_days(rows: u64) -> Vec<Reading> {
    let (mut all, mut updated) = (Vec::new(), 0);
    for hour in 0..=48 {
        updated += if hour % 24 == 3 { 300 } else { 20 };
        all.push(reading(hour as i64 * 60, rows + hour * 10, [hour * 10, updated, 0]));
    }
    all
}

/// The reading an hour after the last, with so many more inserted, updated and deleted.
fn next(history: &[Reading], [inserted, updated, deleted]: [u64; 3]) -> Reading {
    let last = history.last().unwrap();
    let table = last.tables["sale_order"];
    let mut now = last.clone();
    now.at += SignedDuration::from_hours(1);
    let rows = table.rows + inserted - deleted;
    let table = TableReading {
        rows,
        inserted: table.inserted + inserted,
        updated: table.updated + updated,
        deleted: table.deleted + deleted,
        ..table
    };
    now.tables.insert("sale_order".to_owned(), table);
    now
}

#[test]
fn what_is_unusual_for_a_table_alarms_and_what_is_not_stays_quiet() {
    let table: &[(u64, [u64; 3], Option<&str>)] = &[
        (1000, [10, 20, 0], None),
        // Noise of a small shop.
        (1000, [150, 150, 19], None),
        // The nightly job, which has come twice.
        (1000, [10, 300, 0], None),
        (1000, [10, 550, 0], None),
        (
            1000,
            [10, 700, 0],
            Some("700 rows of sale_order were updated (usually 20 an hour, at times 300 an hour)"),
        ),
        (1000, [500, 20, 0], Some("500 rows of sale_order were inserted (usually 10 an hour)")),
        // Never were any deleted.
        (1000, [0, 0, 25], Some("25 rows of sale_order were deleted (usually none)")),
        (1000, [0, 0, 400], Some("sale_order lost 400 of 1,480 rows, 27 % (usually none)")),
        (100_000, [0, 0, 400], Some("400 rows of sale_order were deleted (usually none)")),
    ];
    for (rows, change, wanted) in table {
        let history = two_days(*rows);
        let verdict = judge(&history, &next(&history, *change), None);
        let told: Vec<String> =
            verdict.alarms.iter().map(|alarm| format!("{} ({})", alarm.what, alarm.usual)).collect();
        assert_eq!(told.first().map(String::as_str), *wanted, "{change:?}");
        assert_eq!(told.len(), usize::from(wanted.is_some()), "{told:?}");
        let standing = if wanted.is_some() { Standing::Alarm } else { Standing::Quiet };
        assert_eq!(verdict.standing, standing);
    }
}

/// A table that is emptied by TRUNCATE, which no statistics tell, or under a name of its own.
#[test]
fn rows_that_go_without_a_delete_are_missed() {
    let history = two_days(1000);
    let mut now = next(&history, [0, 0, 0]);
    now.tables.get_mut("sale_order").unwrap().rows = 0;
    assert_eq!(judge(&history, &now, None).alarms[0].what, "sale_order lost 1,480 of 1,480 rows, 100 %");
    now.tables.clear();
    assert_eq!(judge(&history, &now, None).alarms[0].what, "sale_order is gone, with its 1,480 rows");
}

#[test]
fn it_learns_for_a_day_and_hears_of_nothing_but_the_worst_before() {
    let standing = |readings: usize, change| {
        let mut history = two_days(1000);
        history.truncate(readings);
        judge(&history, &next(&history, change), None).standing
    };
    assert_eq!(standing(25, [0, 0, 30]), Standing::Alarm);
    assert_eq!(standing(24, [0, 0, 30]), Standing::Learning);
    assert_eq!(standing(2, [0, 5000, 400]), Standing::Learning);
    assert_eq!(standing(2, [0, 0, 600]), Standing::Alarm);
    let first = judge(&[], &reading(0, 10, [0, 0, 0]), None);
    assert_eq!((first.standing, first.since, first.anew), (Standing::Learning, None, None));
    // Many readings within an hour are no day.
    let hour: Vec<Reading> = (0..60).map(|minute| reading(minute, 1000, [0, 0, 0])).collect();
    assert_eq!(judge(&hour, &next(&hour, [0, 5000, 30]), None).standing, Standing::Learning);
}

#[test]
fn what_an_alarm_was_about_once_is_still_unusual_and_twice_is_usual() {
    let mut history = two_days(10_000);
    for standing in [Standing::Alarm, Standing::Alarm, Standing::Quiet] {
        let now = next(&history, [0, 20, 60]);
        assert_eq!(judge(&history, &now, None).standing, standing);
        history = kept(&history, &now);
    }
}

#[test]
fn what_cannot_be_compared_is_not() {
    let history = two_days(1000);
    let mut now = next(&history, [0, 0, 400]);
    // Estimates tell nothing of lost rows; the statistics do.
    now.tables.get_mut("sale_order").unwrap().exact = false;
    assert_eq!(judge(&history, &now, None).alarms[0].what, "400 rows of sale_order were deleted");
    now.reset = Some(now.at);
    let verdict = judge(&history, &now, None);
    assert!(verdict.alarms.is_empty() && verdict.notes[0].contains("were set back"), "{verdict:?}");
    // A crash sets counters back without a word.
    let mut now = next(&history, [0, 0, 0]);
    now.tables.get_mut("sale_order").unwrap().updated = 3;
    assert_eq!(judge(&history, &now, None).standing, Standing::Quiet);
    // Restored: whatever it holds now, its history begins here.
    let mut now = next(&history, [0, 0, 1400]);
    now.database = 6;
    let verdict = judge(&history, &now, None);
    assert_eq!((verdict.standing, verdict.since), (Standing::Learning, None));
    assert!(verdict.anew.is_some());
    assert_eq!(kept(&history, &now), [now.clone()]);
    let lacks = judge(&history, &now, Some(&["x_contract".to_owned()]));
    assert_eq!(lacks.notes, ["there is no table x_contract"]);
}

#[test]
fn a_history_stays_small_and_reaches_back() {
    let mut history = Vec::new();
    let mut last = Vec::new();
    for minute in 0..1500 {
        let now = reading(minute, 1000, [minute as u64, 0, 0]);
        history = kept(&history, &now);
        last = vec![now];
    }
    assert_eq!(history.len(), KEPT);
    assert_eq!(history.last(), last.last());
    let span = history[KEPT - 1].at.duration_since(history[0].at);
    assert!(span > SignedDuration::from_hours(24), "{span}");
    let written = |all: &[Reading]| {
        all.last().unwrap().tables["sale_order"].inserted - all[0].tables["sale_order"].inserted
    };
    assert_eq!(written(&history), 1499, "what was merged is still counted");
    let late = reading(1500 + 61 * 24 * 60, 1000, [9999, 0, 0]);
    assert_eq!(kept(&history, &late), std::slice::from_ref(&late));
}
