//! What the watchdog found, as one page: charts of how numbers moved and of when rows were written.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::findings::{count, shift_told, shown};
use crate::base::size::thousands;
use crate::watchdog::{FieldFindings, Findings, ModelFindings, Shift, moved, percent};

/// How long the longest bar of a chart is, in the units of its drawing.
const WIDTH: f64 = 190.0;

/// How high a bar is.
const BAR: usize = 16;

/// The look: one column that fits a phone, light or dark as the reader's machine is.
pub(super) const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5b6675; --line: #d9dee6; --card: #f6f8fa; --bad: #b3261e; --good: #1b7f4d; --bar: #3b6fb5; --paper: #fff }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa5b4; --line: #364050; --card: #1c222b; --bad: #ff8a80; --good: #6fd6a0; --bar: #7aa7e6; --paper: #12161c } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
h1 { font-size: 1.4rem } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem } h3 { font-size: 1rem; margin: 1rem 0 .25rem }
.sums { display: flex; flex-wrap: wrap; gap: .75rem } .sums div { flex: 1 1 8rem; padding: .75rem; border: 1px solid var(--line); border-radius: .5rem }
.sums b { display: block; font-size: 1.6rem } .bad { color: var(--bad) } .good { color: var(--good) } .soft { color: var(--soft) }
section { padding: .75rem 1rem; margin: .75rem 0; border: 1px solid var(--line); border-radius: .5rem; background: var(--card) }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: .9rem }
td, th { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere }
svg { width: 100%; max-width: 30rem; height: auto; display: block } svg text { font: 11px system-ui, sans-serif; fill: var(--ink) } rect { fill: var(--bar) }
code { overflow-wrap: anywhere }";

/// The findings as a page that needs nothing beside itself.
pub fn findings_page(found: &Findings) -> String {
    let [before, after] = &found.sides;
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{} to {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>What changed in {}</h1>\n",
        text(&before.name),
        text(&after.name),
        text(&after.database)
    );
    for (word, side) in ["From", "To"].iter().zip(&found.sides) {
        let (name, database, at) = (text(&side.name), text(&side.database), text(&side.at));
        let _ =
            writeln!(page, "<div>{word} <b>{name}</b> <span class=\"soft\">{database}, {at}</span></div>");
    }
    for note in &found.notes {
        let _ = writeln!(page, "<p>Note: {}</p>", text(note));
    }
    let class = if found.unexpected > 0 { "bad" } else { "good" };
    let sums = [
        ("unexpected", found.unexpected, class),
        ("expected", found.expected, ""),
        ("noise", found.noise, "soft"),
    ];
    page.push_str("<h2>Rows</h2>\n<div class=\"sums\">\n");
    for (word, rows, class) in sums {
        let _ = writeln!(page, "<div><b class=\"{class}\">{}</b>{word}</div>", thousands(rows));
    }
    page.push_str("</div>\n");
    if !found.patterns.is_empty() {
        page.push_str("<h2>What stands out</h2>\n<ul>\n");
        for pattern in &found.patterns {
            let _ = writeln!(page, "<li><b>{}</b>: {}</li>", text(&pattern.place()), text(&pattern.what));
        }
        page.push_str("</ul>\n");
    }
    found.models.iter().for_each(|found| model(found, &mut page));
    if !found.rules.is_empty() {
        page.push_str("<h2>Rules</h2>\n<div class=\"wide\"><table>\n");
        for rule in &found.rules {
            let (class, kept) = match &rule.broken {
                None => ("good", "kept".to_owned()),
                Some(why) => ("bad", format!("not kept: {}", text(why))),
            };
            let (what, rows) = (text(&rule.rule), count(rule.rows, "row"));
            let _ =
                writeln!(page, "<tr><td>{what}</td><td>{rows}</td><td class=\"{class}\">{kept}</td></tr>");
        }
        page.push_str("</table></div>\n");
    }
    if found.is_empty() {
        page.push_str("<p>Nothing that is watched has changed.</p>\n");
    }
    page + "</body>\n</html>\n"
}

fn model(found: &ModelFindings, page: &mut String) {
    let of = if found.rows > 0 { format!(", of {}", count(found.rows, "row")) } else { String::new() };
    let _ = writeln!(page, "<h2>{}<span class=\"soft\">{of}</span></h2>", text(&found.model));
    for (word, tally, keys) in [("added", found.added, &found.came), ("removed", found.removed, &found.gone)]
    {
        if tally.rows > 0 {
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            let rows = count(tally.rows, "row");
            let class = if tally.unexpected > 0 { "bad" } else { "good" };
            let _ = writeln!(page, "<p class=\"{class}\">{rows} {word}, such as {}</p>", keys.join(", "));
        }
    }
    found.fields.iter().for_each(|found| field(found, page));
    let mut minutes: BTreeMap<String, u64> = BTreeMap::new();
    for (minute, rows) in found.writers.iter().flat_map(|writer| &writer.minutes) {
        *minutes.entry(minute.clone()).or_default() += rows;
    }
    if found.writers.is_empty() {
        return;
    }
    page.push_str("<section>\n<h3>Who wrote these rows, and when (UTC)</h3>\n<ul>\n");
    for writer in &found.writers {
        let login = match writer.login.as_str() {
            "" => "no write is recorded: by SQL, or computed from what changed elsewhere".to_owned(),
            login => text(login),
        };
        let _ = writeln!(page, "<li>{login}: {}</li>", count(writer.rows, "row"));
    }
    page.push_str("</ul>\n");
    let bars: Vec<(String, u64)> = shortened(minutes);
    chart("writes by minute", &bars, page);
    page.push_str("</section>\n");
}

/// So many bars as a screen holds: the minutes with the most rows, in their order.
fn shortened(minutes: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut bars: Vec<(String, u64)> = minutes.into_iter().collect();
    bars.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    bars.truncate(24);
    bars.sort();
    bars
}

fn field(found: &FieldFindings, page: &mut String) {
    let share = found.share.map_or_else(String::new, |share| format!(", {} of all", percent(share)));
    let (class, word) = match () {
        () if found.noise => ("soft", "noise".to_owned()),
        () if found.unexpected == found.rows => ("bad", "unexpected".to_owned()),
        () if found.unexpected == 0 => ("good", "expected".to_owned()),
        () => ("bad", format!("{} unexpected", thousands(found.unexpected))),
    };
    let name = text(&found.field);
    let _ = writeln!(
        page,
        "<section>\n<h3>{name}: {}{share} <span class=\"{class}\">{word}</span></h3>",
        count(found.rows, "row")
    );
    if found.noise {
        page.push_str("</section>\n");
        return;
    }
    if let Some(shift) = &found.shift {
        let _ = writeln!(page, "<p>Moved {}</p>", text(&shift_told(shift)));
        chart("rows by how far a number moved", &bars(shift), page);
    }
    page.push_str("<div class=\"wide\"><table>\n<tr><th>row</th><th>before</th><th>after</th></tr>\n");
    for pair in &found.pairs {
        let (rows, before, after) =
            (count(pair.rows, "row"), text(&shown(&pair.before)), text(&shown(&pair.after)));
        let _ = writeln!(
            page,
            "<tr><td>{rows}</td><td><code>{before}</code></td><td><code>{after}</code></td></tr>"
        );
    }
    for sample in &found.samples {
        let (before, after) = (text(&shown(&sample.before)), text(&shown(&sample.after)));
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td><code>{before}</code></td><td><code>{after}</code></td></tr>",
            sample.id
        );
    }
    page.push_str("</table></div>\n");
    if let Some(hint) = &found.hint {
        let _ = writeln!(
            page,
            "<p class=\"soft\">Where that is a schedule's doing: <code>{}</code></p>",
            text(hint)
        );
    }
    page.push_str("</section>\n");
}

fn bars(shift: &Shift) -> Vec<(String, u64)> {
    shift.histogram.iter().map(|(from, _, rows)| (moved(*from), *rows)).collect()
}

/// Lying bars with their labels: the same on a phone and on a wall.
fn chart(title: &str, bars: &[(String, u64)], page: &mut String) {
    let Some(most) = bars.iter().map(|bar| bar.1).max().filter(|most| *most > 0) else { return };
    let height = bars.len() * (BAR + 4) + 4;
    let _ = writeln!(page, "<svg viewBox=\"0 0 360 {height}\" role=\"img\" aria-label=\"{}\">", text(title));
    for (at, (label, rows)) in bars.iter().enumerate() {
        let (top, length) = (at * (BAR + 4) + 2, (*rows as f64 / most as f64 * WIDTH).max(1.0));
        let base = top + 12;
        let _ = writeln!(
            page,
            "<text x=\"104\" y=\"{base}\" text-anchor=\"end\">{}</text><rect x=\"110\" y=\"{top}\" width=\"{length:.0}\" height=\"{BAR}\"/>\
             <text x=\"{:.0}\" y=\"{base}\">{}</text>",
            text(label),
            115.0 + length,
            thousands(*rows)
        );
    }
    page.push_str("</svg>\n");
}

/// A text that cannot be taken for markup.
pub(super) fn text(raw: &str) -> String {
    let mut safe = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{Key, Value};
    use crate::watchdog::{Sample, SideTold, Writer};

    #[test]
    fn a_page_stands_alone_and_nothing_in_the_data_is_markup() {
        let hostile = "<script>alert('x')</script>";
        let value = || Value::canonical(format!("\"{hostile}\""));
        let field = FieldFindings {
            field: "list_price".into(),
            rows: 2,
            unexpected: 1,
            noise: false,
            share: Some(0.5),
            shift: Some(Shift {
                rows: 2,
                median: 0.88,
                least: 0.5,
                greatest: 0.88,
                commonest: (0.88, 1),
                near: 1,
                histogram: vec![(0.5, 0.6, 1), (0.88, 0.9, 1)],
            }),
            pairs: Vec::new(),
            samples: vec![Sample { id: Key::One(1), before: value(), after: value() }],
            hint: None,
        };
        let minutes = BTreeMap::from([("2026-05-17 14:02".to_owned(), 2)]);
        let model = ModelFindings {
            model: "product.template".into(),
            rows: 4,
            fields: vec![field],
            writers: vec![Writer { login: hostile.into(), uid: Some(3), rows: 2, minutes }],
            ..ModelFindings::default()
        };
        let side = SideTold { name: hostile.into(), database: "shop".into(), at: "now".into() };
        let found = Findings {
            sides: [side.clone(), side],
            unexpected: 2,
            models: vec![model],
            ..Findings::default()
        };
        let page = findings_page(&found);
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains("http"), "nothing is fetched");
        assert_eq!(page.matches("<svg").count(), 2, "a histogram and a timeline");
        for tag in ["section", "table", "svg", "ul", "div", "html", "body", "h2"] {
            let opened =
                page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }
}
