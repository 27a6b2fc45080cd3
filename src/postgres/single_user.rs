//! Single-user mode ends well whatever happens, so what it says decides.

use crate::error::{Error, Result};

/// Whether every statement was done: `success` is how the program ended, `said` what it wrote.
pub fn verdict(success: bool, said: &str) -> Result<()> {
    let wrong: Vec<&str> = said
        .lines()
        .filter(|line| ["ERROR:", "FATAL:", "PANIC:"].iter().any(|word| line.contains(word)))
        .collect();
    if success && wrong.is_empty() {
        return Ok(());
    }
    let error = Error::environment("single-user mode did not do what it was told");
    Err(wrong.iter().fold(error, |error, line| error.because(line)))
}

#[cfg(test)]
mod tests {
    use super::verdict;

    #[test]
    fn a_good_end_is_not_enough() {
        assert!(verdict(true, "backend> \nbackend> ").is_ok());
        assert!(verdict(false, "").is_err());
        let error = verdict(true, "backend> 2026-11-20 ERROR:  syntax error\n").unwrap_err();
        assert!(error.to_string().contains("syntax error"), "{error}");
    }
}
