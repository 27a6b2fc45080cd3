//! Percent signs in URLs.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stands for itself in every part of a URL.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The text behind a part of a URL; `None` where a percent sign is followed by no two digits, or the bytes are no text.
pub(super) fn decoded(part: &str) -> Option<String> {
    let digits = |rest: &str| {
        rest.as_bytes().first_chunk::<2>().is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    };
    let whole = part.split('%').skip(1).all(digits);
    let text = whole.then(|| percent_decode_str(part).decode_utf8())?;
    text.ok().map(|text| text.into_owned())
}

/// A text as a part of a URL.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}
