use proptest::prelude::*;

use super::*;

fn text(value: &str) -> Literal {
    Literal::Text(value.to_owned())
}

fn number(value: &str) -> Literal {
    Literal::Number(value.to_owned())
}

#[test]
fn values_are_read_as_python_reads_them() {
    let list = Literal::List;
    for (written, value) in [
        ("None", Literal::None),
        (" \tTrue # yes\n", Literal::Bool(true)),
        ("# a\n\n...", Literal::Ellipsis),
        ("-1_000", number("-1_000")),
        ("+ 0x_ff", number("0x_ff")),
        ("1.5e-3", number("1.5e-3")),
        (".5", number(".5")),
        ("00", number("00")),
        ("3j", number("3j")),
        ("'a' \"b\"'''c'''", text("abc")),
        ("('a'\n  # why\n  'b')", text("ab")),
        ("\"\"\"a'\n\"b\"\\\n c\"\"\"", text("a'\n\"b\" c")),
        ("''", text("")),
        ("''''''", text("")),
        (r#"'\x41\101\u00e9\U0001f600\'\"\\\n\q'"#, text("AA\u{e9}\u{1f600}'\"\\\n\\q")),
        (r"r'\n\''", text("\\n\\'")),
        (r"u'\N{BULLET}'", text("\u{fffd}")),
        (r"b'\xff\0a'", Literal::Bytes(vec![255, 0, b'a'])),
        (r"rB'\x'", Literal::Bytes(b"\\x".to_vec())),
        ("'\\ud83d'", text("\u{fffd}")),
        ("'a\\\r\nb'", text("ab")),
        ("[1, 'a',]", list(vec![number("1"), text("a")])),
        ("[\n]", list(vec![])),
        ("()", Literal::Tuple(vec![])),
        ("(1)", number("1")),
        ("((1,))", Literal::Tuple(vec![number("1")])),
        ("(1, 2)", Literal::Tuple(vec![number("1"), number("2")])),
        ("{}", Literal::Dict(vec![])),
        ("{1}", Literal::Set(vec![number("1")])),
        ("set()", Literal::Set(vec![])),
        (
            "{'a': {'b': []},}",
            Literal::Dict(vec![(text("a"), Literal::Dict(vec![(text("b"), list(vec![]))]))]),
        ),
        (
            "{(1, 2): \\\n 3}",
            Literal::Dict(vec![(Literal::Tuple(vec![number("1"), number("2")]), number("3"))]),
        ),
    ] {
        assert_eq!(Literal::parse(written), Ok(value), "{written}");
    }
}

#[test]
fn what_is_no_value_is_refused_where_it_stands() {
    for (written, line, said) in [
        ("", 1, "end of the file"),
        ("# nothing\n", 2, "end of the file"),
        ("{'a': 1", 1, "'{' is never closed"),
        ("{\n'a': [1,\n}", 3, "unexpected '}'"),
        ("{'a'\n: 1 'b': 2}", 2, "a comma is missing before '\\''"),
        ("{'a': 1, 'b'}", 1, "a colon and a value are missing"),
        ("{1, 'a': 2}", 1, "a comma is missing before ':'"),
        ("{[]: 1}", 1, "a list cannot be a key"),
        ("{([],)}", 1, "a tuple cannot be a key"),
        ("open('/etc/passwd')", 1, "open is a name"),
        ("[x for x in y]", 1, "x is a name"),
        ("'a' + 'b'", 1, "something follows the value: '+'"),
        ("f'{x}'", 1, "f-string"),
        ("x'a'", 1, "no prefix"),
        ("'a' b'b'", 1, "side by side"),
        ("'a'\n'b'", 2, "something follows"),
        ("b'\u{e9}'", 1, "ASCII"),
        ("\n'a\nb'", 2, "not closed on its line"),
        ("'''a\n", 1, "never closed"),
        ("'a\\", 1, "never closed"),
        (r"'\x4'", 1, "1 of 2 digits"),
        (r"'\U00110000'", 1, "no such character"),
        (r"'\N{BULLET'", 1, "names no character"),
        ("012", 1, "no number"),
        ("1__0", 1, "no number"),
        ("1e", 1, "no number"),
        ("0x", 1, "no number"),
        ("--1", 1, "a number is missing"),
        ("-True", 1, "True is no number"),
        ("1 2", 1, "something follows"),
        ("\u{feff}{}", 1, "unexpected '\\u{feff}'"),
        ("{}\0", 1, "zero byte"),
        ("# a\n {}", 2, "unexpected indent"),
        ("{**a}", 1, "unexpected '*'"),
        ("[,]", 1, "unexpected ','"),
        ("{'a': 1,, 'b': 2}", 1, "unexpected ','"),
        ("[1 \\ ]", 1, "backslash"),
    ] {
        let error = Literal::parse(written).expect_err(written);
        assert!(error.line == line && error.message.contains(said), "{written:?}: {error}");
    }
}

#[test]
fn what_is_nested_without_end_is_refused() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Literal::parse(&deep).unwrap_err().message.contains("deep"));
    let well = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    assert!(Literal::parse(&well).is_ok());
}

#[test]
fn the_last_of_equal_keys_counts() {
    let read = Literal::parse("{'a': 1, 'a': 2}").unwrap();
    assert_eq!(read.get("a"), Some(&number("2")));
}

#[test]
fn truth_is_that_of_python() {
    for (written, truth) in [
        ("0", false),
        ("0.0", false),
        ("0x0", false),
        ("0e9", false),
        ("1e-3", true),
        ("-1", true),
        ("''", false),
        ("[0]", true),
        ("()", false),
    ] {
        assert_eq!(Literal::parse(written).unwrap().is_true(), truth, "{written}");
    }
}

/// A value as `repr` of Python writes it.
fn repr(value: &Literal) -> String {
    let all = |items: &[Literal]| items.iter().map(repr).collect::<Vec<_>>().join(", ");
    match value {
        Literal::None => "None".to_owned(),
        Literal::Ellipsis => "Ellipsis".to_owned(),
        Literal::Bool(true) => "True".to_owned(),
        Literal::Bool(false) => "False".to_owned(),
        Literal::Number(text) => text.clone(),
        Literal::Text(text) => quoted(text.chars(), |c, out| match c {
            c if (c as u32) < 0x20 || (0x7f..0xa1).contains(&(c as u32)) => {
                out.push_str(&format!("\\x{:02x}", c as u32))
            }
            '\u{ad}' | '\u{2028}' | '\u{feff}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }),
        Literal::Bytes(bytes) => {
            let chars = bytes.iter().map(|byte| char::from(*byte));
            format!(
                "b{}",
                quoted(chars, |c, out| match c {
                    ' '..='~' => out.push(c),
                    c => out.push_str(&format!("\\x{:02x}", c as u32)),
                })
            )
        }
        Literal::List(items) => format!("[{}]", all(items)),
        Literal::Tuple(items) if items.len() == 1 => format!("({},)", repr(&items[0])),
        Literal::Tuple(items) => format!("({})", all(items)),
        Literal::Set(items) if items.is_empty() => "set()".to_owned(),
        Literal::Set(items) => format!("{{{}}}", all(items)),
        Literal::Dict(pairs) => {
            let pairs: Vec<_> =
                pairs.iter().map(|(key, value)| format!("{}: {}", repr(key), repr(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

fn quoted(chars: impl Iterator<Item = char> + Clone, other: impl Fn(char, &mut String)) -> String {
    let has = |wanted: char| chars.clone().any(|c| c == wanted);
    let mark = if has('\'') && !has('"') { '"' } else { '\'' };
    let mut out = String::from(mark);
    for c in chars {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == mark => {
                out.push('\\');
                out.push(c);
            }
            c => other(c, &mut out),
        }
    }
    out.push(mark);
    out
}

fn value() -> impl Strategy<Value = Literal> {
    let key = prop_oneof![
        any::<String>().prop_map(Literal::Text),
        any::<i64>().prop_map(|n| Literal::Number(n.to_string())),
        any::<bool>().prop_map(Literal::Bool),
        any::<Vec<u8>>().prop_map(Literal::Bytes),
        Just(Literal::None),
    ];
    key.clone().prop_recursive(5, 64, 6, move |inner| {
        let many = || prop::collection::vec(inner.clone(), 0..6);
        prop_oneof![
            many().prop_map(Literal::List),
            many().prop_map(Literal::Tuple),
            prop::collection::vec(key.clone(), 0..4).prop_map(Literal::Set),
            prop::collection::vec((key.clone(), inner.clone()), 0..6).prop_map(Literal::Dict),
        ]
    })
}

proptest! {
    #[test]
    fn what_repr_prints_is_read(value in value()) {
        prop_assert_eq!(Literal::parse(&repr(&value)), Ok(value));
    }
}
