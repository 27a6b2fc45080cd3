//! Fills the `{{name}}` slots of a template.

/// The template with every slot filled. A slot that nobody fills is a mistake of the caller, kept in the
/// text so that tests see it.
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let filled = after.split_once("}}").and_then(|(name, after)| {
            values.iter().find(|(n, _)| *n == name.trim()).map(|(_, v)| (*v, after))
        });
        match filled {
            Some((value, after)) => {
                out.push_str(value);
                rest = after;
            }
            None => {
                out.push_str("{{");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn slots_are_filled_once_and_values_are_not_read_again() {
        assert_eq!(fill("a {{x}} b {{ y }}{{x}}", &[("x", "{{y}}"), ("y", "2")]), "a {{y}} b 2{{y}}");
        assert_eq!(fill("{{unknown}} {{", &[]), "{{unknown}} {{");
    }
}
