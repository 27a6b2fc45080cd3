//! Sizes for people.

/// `812 B`, `4.7 MB`, `1.2 GB`: decimal, as disks are sold and `df -H` shows them.
pub fn human(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut unit = 0;
    let mut divisor = 1u64;
    while unit + 1 < UNITS.len() && bytes / divisor >= 1000 {
        divisor *= 1000;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if unit == 0 {
        return format!("{bytes} {name}");
    }
    let tenths = bytes / (divisor / 10);
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

/// A count with its thousands set apart: `1,247`.
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// So many of something: `1 row`, `1,247 rows`.
pub fn count(many: u64, word: &str) -> String {
    format!("{} {word}{}", thousands(many), if many == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_digit_after_the_point() {
        for (bytes, want) in
            [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (4_912_345, "4.9 MB"), (1_999_999_999, "1.9 GB")]
        {
            assert_eq!(human(bytes), want);
        }
    }
}
