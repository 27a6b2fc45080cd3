use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::error::Result;

fn encoded(kind: Kind, raw: &str) -> String {
    let mut out = Vec::new();
    kind.encode(raw.as_bytes(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn values_have_one_text() {
    let table = [
        (Kind::Boolean, "t", "true"),
        (Kind::Boolean, "\\N", "null"),
        (Kind::Integer, "-7", "-7"),
        (Kind::Number, "12.50", "12.5"),
        (Kind::Number, "12.00", "12"),
        (Kind::Number, "100", "100"),
        (Kind::Number, "0.30", "0.3"),
        (Kind::Number, "-0", "0"),
        (Kind::Number, "1e+20", "1e+20"),
        (Kind::Number, "1.50e-07", "1.5e-07"),
        (Kind::Number, "NaN", "\"NaN\""),
        (Kind::Number, "-Infinity", "\"-Infinity\""),
        (Kind::Number, "123456789012345678901234567890.10", "123456789012345678901234567890.1"),
        (Kind::Timestamp, "2026-05-17 14:02:00.5", "\"2026-05-17T14:02:00.5Z\""),
        (Kind::Timestamp, "2026-05-17 14:02:00+00", "\"2026-05-17T14:02:00Z\""),
        (Kind::Timestamp, "infinity", "\"infinity\""),
        (Kind::Timestamp, "0044-03-15 00:00:00 BC", "\"0044-03-15 00:00:00 BC\""),
        (Kind::Json, r#"{"b": 1.10, "a": [1, {"z": null}]}"#, r#"{"a": [1, {"z": null}], "b": 1.1}"#),
        (Kind::Json, r#"{"en_US": "a \\"quoted\\" \\\\ word"}"#, r#"{"en_US": "a \"quoted\" \\ word"}"#),
        (Kind::Text, r"a\tb\nc\\d", r#""a\tb\nc\\d""#),
        (Kind::Text, "say \"é€𝄞\"", "\"say \\\"é€𝄞\\\"\""),
        (Kind::Text, r"\v", "\"\\u000b\""),
        (Kind::Text, r"\\N", r#""\\N""#),
        (Kind::Text, "2026-05-17", "\"2026-05-17\""),
    ];
    for (kind, raw, json) in table {
        assert_eq!(encoded(kind, raw), json, "{kind:?} {raw}");
    }
}

#[test]
fn types_have_a_kind() {
    let table = [
        ("numeric(16,2)", Kind::Number),
        ("timestamp without time zone", Kind::Timestamp),
        ("timestamp(0) without time zone", Kind::Timestamp),
        ("character varying(64)", Kind::Text),
        ("jsonb", Kind::Json),
        ("integer[]", Kind::Text),
        ("date", Kind::Text),
    ];
    for (name, kind) in table {
        assert_eq!(Kind::of(name), kind, "{name}");
    }
}

fn column(name: &str, kind: Kind) -> Column {
    Column { name: name.to_owned(), kind }
}

#[test]
fn lines_of_copy_become_json() {
    let layout =
        Layout::new("product.template", 1, vec![column("name", Kind::Json), column("price", Kind::Number)]);
    let mut out = Vec::new();
    assert!(layout.encode(b"7\t{\"en_US\": \"Desk\"}\t12.00", &mut out).is_ok());
    let line = String::from_utf8(out).unwrap();
    assert_eq!(
        line,
        "{\"_model\": \"product.template\", \"id\": 7, \"name\": {\"en_US\": \"Desk\"}, \"price\": 12}\n"
    );
    assert!(layout.encode(b"7\t{}", &mut Vec::new()).is_err(), "a column is missing");
    assert!(layout.encode(b"7\t{}\t1\t2", &mut Vec::new()).is_err(), "a column too many");
    let pair = Layout::new("rel", 2, Vec::new());
    let mut out = Vec::new();
    assert!(pair.encode(b"3\t4", &mut out).is_ok());
    assert_eq!(parse(&out).unwrap().key, Key::Two(3, 4));
}

/// A value as `COPY` reads it; `None` is NULL.
fn copy_text(value: Option<&str>, out: &mut Vec<u8>) {
    let Some(value) = value else {
        out.extend_from_slice(b"\\N");
        return;
    };
    for byte in value.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => out.push(other),
        }
    }
}

/// A row as a line.
fn write(model: &str, key: Key, row: &Row, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{{\"_model\": {}, \"id\": {key}", quoted(model)).as_bytes());
    for (name, value) in row {
        out.extend_from_slice(format!(", {}: {}", quoted(name), value.as_json()).as_bytes());
    }
    out.extend_from_slice(b"}\n");
}

type Rows = BTreeMap<(String, i64), Row>;

fn text_of(rows: &Rows) -> Vec<u8> {
    let mut out = Vec::new();
    for ((model, id), row) in rows {
        write(model, Key::One(*id), row, &mut out);
    }
    out
}

/// A reader that gives a few bytes at a time.
struct Drip<'a>(&'a [u8], usize);

impl Read for Drip<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(self.0.len()).min(to.len());
        to[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn changes(left: &[u8], right: &[u8], drip: (usize, usize)) -> Result<Vec<Change>> {
    let mut found = Vec::new();
    let mut left = Lines::new(Drip(left, drip.0), "left");
    let mut right = Lines::new(Drip(right, drip.1), "right");
    join(&mut left, &mut right, &Dialect::Json, &mut |difference| {
        found.extend(Change::of(difference)?);
        Ok(())
    })?;
    Ok(found)
}

fn undo(rows: &mut Rows, write: Write) {
    let place = |model: String, key| match key {
        Key::One(id) => (model, id),
        Key::Two(..) => unreachable!("these rows have one id"),
    };
    match write {
        Write::Insert(model, key, row) => assert!(rows.insert(place(model, key), row).is_none()),
        Write::Delete(model, key, seen) => assert_eq!(rows.remove(&place(model, key)), Some(seen)),
        Write::Update(model, key, cells) => {
            let row = rows.get_mut(&place(model, key)).unwrap();
            for cell in cells {
                assert_eq!(row.insert(cell.field, cell.value), Some(cell.seen));
            }
        }
    }
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just("null".to_owned()),
        Just("\"NaN\"".to_owned()),
        any::<i32>().prop_map(|n| n.to_string()),
        ".{0,6}".prop_map(|text| quoted(&text)),
        (0..3, ".{0,3}").prop_map(|(n, text)| format!("{{{}: {n}}}", quoted(&text))),
    ]
    .prop_map(|json| Value::canonical(canonical_json(&json)))
}

fn row_sets() -> impl Strategy<Value = (Rows, Rows)> {
    let place = (prop_oneof![Just("a.b".to_owned()), Just("a.c".to_owned()), Just("b".to_owned())], 0..30i64);
    let row = || (values(), values()).prop_map(|(x, y)| Row::from([("x".into(), x), ("y".into(), y)]));
    let one = (row(), row(), 0..8u8);
    proptest::collection::btree_map(place, one, 0..40).prop_map(|rows| {
        let (mut left, mut right) = (Rows::new(), Rows::new());
        for (place, (before, after, how)) in rows {
            if how != 0 {
                left.insert(place.clone(), before.clone());
            }
            if how != 1 {
                right.insert(place, if how == 2 { after } else { before });
            }
        }
        (left, right)
    })
}

proptest! {
    #[test]
    fn patching_the_right_with_the_difference_gives_the_left(
        (left, right) in row_sets(), one in 1..300usize, two in 1..300usize,
    ) {
        let mut mended = right.clone();
        let found = changes(&text_of(&left), &text_of(&right), (one, two)).unwrap();
        let differing = left.keys().chain(right.keys()).collect::<std::collections::BTreeSet<_>>();
        prop_assert_eq!(found.len(), differing.iter().filter(|p| left.get(**p) != right.get(**p)).count());
        found.iter().filter_map(patch).for_each(|write| undo(&mut mended, write));
        prop_assert_eq!(mended, left);
    }

    #[test]
    fn what_is_written_is_read((rows, _) in row_sets()) {
        for line in text_of(&rows).split_inclusive(|byte| *byte == b'\n') {
            let parsed = parse(line).unwrap();
            let Key::One(id) = parsed.key else { panic!("one id") };
            prop_assert_eq!(Some(&parsed.row), rows.get(&(parsed.model, id)));
        }
    }

    #[test]
    fn the_text_of_copy_says_what_the_text_said(text in "[^\0]{0,20}") {
        let mut raw = Vec::new();
        copy_text(Some(&text), &mut raw);
        let mut json = Vec::new();
        Kind::Text.encode(&raw, &mut json);
        prop_assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
    }

    #[test]
    fn nothing_that_is_read_makes_a_merge_panic(left in any::<Vec<u8>>(), right in any::<Vec<u8>>()) {
        let _ = changes(&left, &right, (7, 11));
        let _ = parse(&left);
        let _ = canonical_json(&String::from_utf8_lossy(&left));
    }
}

#[test]
fn a_merge_over_many_reads_finds_the_one_row() {
    let row = |price: i64| Row::from([("price".to_owned(), Value::canonical(price.to_string()))]);
    let rows = |odd: i64| -> Rows {
        (0..30_000)
            .map(|id| (("product".to_owned(), id), row(if id == odd { 1_000_000 } else { id })))
            .collect()
    };
    let found = changes(&text_of(&rows(-1)), &text_of(&rows(17_777)), (1 << 18, 70_001)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id, Key::One(17_777));
    let altered: Vec<_> = found[0].altered().map(|(f, b, a)| (f, b.as_json(), a.as_json())).collect();
    assert_eq!(altered, [("price", "17777", "1000000")]);
}

#[test]
fn copy_text_is_merged_as_it_is() {
    let layout = Arc::new(Layout::new("m", 1, vec![column("x", Kind::Number)]));
    let mut found = Vec::new();
    let mut left = Lines::new(&b"1\t1.0\n2\t2.50\n10\t3\n"[..], "left");
    let mut right = Lines::new(&b"1\t1.00\n2\t2.51\n9\t3\n10\t3\n"[..], "right");
    join(&mut left, &mut right, &Dialect::Copy(layout), &mut |difference| {
        found.extend(Change::of(difference)?.map(|change| (change.id, change.before.is_some())));
        Ok(())
    })
    .unwrap();
    assert_eq!(found, [(Key::One(2), true), (Key::One(9), false)], "1.0 and 1.00 are the same");
}

#[test]
fn streams_that_are_wrong_are_told() {
    let line = |id: i64| format!("{{\"_model\": \"m\", \"id\": {id}, \"x\": 1}}\n");
    let table = [
        (format!("{}{}", line(2), line(1)), "in the order"),
        (format!("{}{}", line(2), line(2)), "in the order"),
        (line(1).trim_end().to_owned(), "cut off"),
        ("{\"_model\": \"m\"}\n".to_owned(), "no `id`"),
        ("{\"_model\": \"m\", \"id\": 1, \"x\": 1, \"x\": 2}\n".to_owned(), "stands twice"),
        ("nothing\n".to_owned(), "the line is: nothing"),
    ];
    for (text, why) in table {
        let error = changes(text.as_bytes(), line(3).as_bytes(), (10, 10)).unwrap_err();
        let said = format!("{:?}", error.report());
        assert!(said.contains(why), "{text}: {said}");
        assert!(changes(line(3).as_bytes(), text.as_bytes(), (10, 10)).is_err());
    }
    let bytes = b"{\"_model\": \"m\", \"id\": 1, \"x\": \"\xff\"}\n";
    let error = changes(bytes, line(1).as_bytes(), (9, 9)).unwrap_err();
    assert!(format!("{:?}", error.report()).contains("not UTF-8"));
}
