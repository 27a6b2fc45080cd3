//! Whether a shop that is reopened is calm.

use crate::base::size::thousands;

/// What in a log is trouble.
pub const LOG_TROUBLE: &str = r"Traceback|CRITICAL| ERROR |serialization|deadlock";

/// How many times the usual rate of writes is too many.
const TIMES: f64 = 50.0;

/// Fewer writes a second than this are never too many.
const FEW: f64 = 500.0;

/// For how many seconds a session may wait for a lock.
const PATIENCE: u64 = 10;

/// What was seen while it was watched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calm {
    /// For how many seconds.
    pub seconds: u64,
    /// Lines of the logs that are trouble, of each service.
    pub lines: Vec<(String, String)>,
    /// The longest that a session has waited for a lock, in seconds.
    pub waited: u64,
    /// Rows written a second.
    pub writes: f64,
    /// Rows written a second on the average since the server's statistics began; `None` where they just began.
    pub usual: Option<f64>,
}

/// Why a reopening does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble(pub String);

/// What is wrong; `errors` lines are taken as no sign of anything.
pub fn troubles(calm: &Calm, errors: usize) -> Vec<Trouble> {
    let mut found = Vec::new();
    if calm.lines.len() > errors {
        let (service, line) = &calm.lines[0];
        let first: String = line.chars().take(160).collect();
        found.push(Trouble(format!(
            "{} lines of the logs are trouble, the first of {service}: {first}",
            calm.lines.len()
        )));
    }
    if calm.waited > PATIENCE {
        found.push(Trouble(format!("a session has waited {} s for a lock", calm.waited)));
    }
    if let Some(usual) = calm.usual.filter(|usual| calm.writes > FEW.max(usual * TIMES)) {
        let (now, usual) = (thousands(calm.writes as u64), thousands(usual as u64));
        found.push(Trouble(format!("{now} rows a second are written, {usual} are usual")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_errors_short_waits_and_busy_hours_are_no_trouble() {
        let line =
            || ("odoo".to_owned(), "2026-05-17 14:00:00 1 ERROR shop odoo.sql_db: bad query".to_owned());
        let told = |calm: &Calm| troubles(calm, 1).len();
        let calm = Calm { seconds: 30, lines: vec![line()], waited: 9, writes: 400.0, usual: Some(1.0) };
        assert_eq!(told(&calm), 0);
        assert_eq!(told(&Calm { lines: vec![line(), line()], ..calm.clone() }), 1);
        assert_eq!(told(&Calm { waited: 11, ..calm.clone() }), 1);
        assert_eq!(told(&Calm { writes: 600.0, ..calm.clone() }), 1);
        assert_eq!(told(&Calm { writes: 600.0, usual: Some(20.0), ..calm.clone() }), 0);
        assert_eq!(told(&Calm { writes: 600.0, usual: None, ..calm }), 0);
    }
}
