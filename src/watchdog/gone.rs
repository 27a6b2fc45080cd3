//! What a change has left nothing to compare of: fields and models that were read before and cannot be read any more.

use serde::Serialize;

use crate::facts::{SectionTaken, Skipped};

/// A model or a field that was read before and is not read now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gone {
    /// The model, or the model and its field: `sale.order.state`.
    pub what: String,
    /// Why it is not read.
    pub why: String,
    /// Whether there is no such thing any more, or it is there in another way.
    pub absent: bool,
}

/// Why something that is simply not there is not read, in the words of [`super::resolve`].
const ABSENT: [&str; 2] = ["there is no such field", "it is not installed"];

impl Gone {
    fn new(what: String, why: Option<&str>) -> Self {
        let why = why.unwrap_or("there is no such field");
        Self { what, why: why.to_owned(), absent: ABSENT.contains(&why) }
    }

    /// In a few words.
    pub fn told(&self) -> String {
        match self.absent {
            true => format!("no longer there: {}", self.what),
            false => format!("no longer compared: {}: {}", self.what, self.why),
        }
    }
}

/// What was read before and is not read now, given what is read now and why the rest is not.
pub fn gone(before: &[SectionTaken], now: &[SectionTaken], skipped: &[Skipped]) -> Vec<Gone> {
    let why = |model: &str, field: Option<&str>| {
        let found =
            skipped.iter().find(|skipped| skipped.model == model && skipped.field.as_deref() == field);
        found.map(|skipped| skipped.why.as_str())
    };
    let mut found = Vec::new();
    for section in before {
        let model = section.model.as_str();
        let Some(after) = now.iter().find(|after| after.model == model) else {
            found.push(Gone::new(model.to_owned(), why(model, None)));
            continue;
        };
        for field in &section.fields {
            let name = format!("{model}.{}", field.name);
            match after.fields.iter().find(|other| other.name == field.name) {
                Some(other) if other.kind == field.kind => {}
                Some(_) => found.push(Gone::new(name, Some("it has another type now"))),
                None => found.push(Gone::new(name, why(model, Some(&field.name)))),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::FieldTaken;
    use crate::rows::{Kind, Origin};

    fn section(model: &str, fields: &[(&str, Kind)]) -> SectionTaken {
        let field = |(name, kind): &(&str, Kind)| FieldTaken {
            name: (*name).to_owned(),
            kind: *kind,
            origin: Origin::Column,
            noise: false,
        };
        SectionTaken { model: model.to_owned(), rows: 1, fields: fields.iter().map(field).collect() }
    }

    #[test]
    fn what_cannot_be_read_any_more_is_named_with_its_reason() {
        let text = Kind::Text;
        let before = [
            section(
                "sale.order",
                &[("foo", text), ("margin", Kind::Number), ("state", text), ("total", text)],
            ),
            section("sale.quota", &[("name", text)]),
        ];
        let now = [section("sale.order", &[("new", text), ("state", text), ("total", Kind::Number)])];
        let skip = |model: &str, field: Option<&str>, why: &str| Skipped {
            model: model.to_owned(),
            field: field.map(str::to_owned),
            why: why.to_owned(),
        };
        let skipped = [
            skip("sale.order", Some("foo"), "there is no such field"),
            skip("sale.order", Some("margin"), "it is computed and not stored"),
            skip("sale.quota", None, "it is not installed"),
        ];
        let told: Vec<String> = gone(&before, &now, &skipped).iter().map(Gone::told).collect();
        assert_eq!(
            told,
            [
                "no longer there: sale.order.foo",
                "no longer compared: sale.order.margin: it is computed and not stored",
                "no longer compared: sale.order.total: it has another type now",
                "no longer there: sale.quota",
            ]
        );
        assert_eq!(gone(&now, &now, &[]), []);
    }
}
