//! [`Known`]: a fact, or why it could not be learned.

use serde::Serialize;

/// A fact, or the reason why it could not be learned.
///
/// Serialises as the fact itself, or as `{"unknown": "why"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    /// It was seen.
    Known(T),
    /// It could not be learned; the text says why, as the end of a sentence.
    Unknown(String),
}

impl<T> Known<T> {
    /// A fact that nobody asked for.
    pub fn unasked() -> Self {
        Self::Unknown("not probed".to_owned())
    }

    /// The fact, where it is known.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Something of the fact, where it is known.
    pub fn map<U>(self, of: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Self::Known(value) => Known::Known(of(value)),
            Self::Unknown(why) => Known::Unknown(why),
        }
    }

    /// Why it is not known.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(why) => Some(why),
        }
    }
}

impl<T: PartialEq> Known<T> {
    /// Whether it is known and equal to `value`.
    pub fn is(&self, value: &T) -> bool {
        self.get() == Some(value)
    }
}

impl<T: Serialize> Serialize for Known<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) => value.serialize(serializer),
            Self::Unknown(why) => serializer.collect_map([("unknown", why)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_never_false() {
        let unknown: Known<bool> = Known::Unknown("the server does not answer".into());
        assert!(!unknown.is(&false) && !unknown.is(&true));
        assert_eq!(
            serde_json::to_string(&[Known::Known(false), unknown]).unwrap(),
            r#"[false,{"unknown":"the server does not answer"}]"#
        );
    }
}
