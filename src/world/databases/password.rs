//! The administrator's password, hashed as Odoo's own library (passlib) does it.

use pbkdf2::pbkdf2_hmac;
use sha2::Sha512;

use super::{Hands, app_session};
use crate::base::Secret;
use crate::error::{Error, Result};
use crate::state::random_bytes;
use crate::step::SetPassword;

/// The rounds that Odoo asks for since 17; older ones take any number.
const ROUNDS: u32 = 600_000;

/// The id of the administrator in every Odoo database since 12.
const ADMIN: i32 = 2;

pub async fn set(step: &SetPassword, secret: Secret, hands: Hands<'_>) -> Result<()> {
    let salt: [u8; 16] =
        random_bytes().map_err(|e| Error::environment("the system has no random numbers").caused_by(&e))?;
    let hash = tokio::task::spawn_blocking(move || hash(secret.reveal(), &salt, ROUNDS)).await;
    let hash = hash.map_err(|e| Error::internal("a thread died").caused_by(&e))?;
    // What the database brings along may run with it, and is not to run as an administrator.
    let session = app_session(&step.operator, &hands, &step.database).await?;
    let update = "UPDATE public.res_users SET login = $1, password = $2 WHERE id = $3";
    let done = session.execute(update, &[&step.login, &hash, &ADMIN]).await;
    let done = done.map_err(|e| {
        let error =
            Error::environment(format!("cannot set the administrator's password in {}", step.database));
        error.caused_by(&e)
    })?;
    if done == 0 {
        return Err(Error::environment(format!("{} has no user {ADMIN}", step.database))
            .because("that is Odoo's administrator; the database may not be Odoo's"));
    }
    Ok(())
}

/// `$pbkdf2-sha512$ROUNDS$SALT$HASH`, in passlib's own base 64: a dot for the plus, no padding.
fn hash(password: &str, salt: &[u8], rounds: u32) -> String {
    let mut key = [0; 64];
    pbkdf2_hmac::<Sha512>(password.as_bytes(), salt, rounds, &mut key);
    format!("$pbkdf2-sha512${rounds}${}${}", base64(salt), base64(&key))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |n: usize| u32::from(three.get(n).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..=three.len() {
            let six = usize::try_from(bits >> (18 - 6 * n) & 63).unwrap_or_default();
            text.push(char::from(LETTERS.get(six).copied().unwrap_or_default()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answer_of_passlib() {
        // passlib.hash.pbkdf2_sha512.using(rounds=1000, salt=b"0123456789abcdef").hash("admin")
        let want = "$pbkdf2-sha512$1000$MDEyMzQ1Njc4OWFiY2RlZg$VYpayuGgwzZdp432P4BiD\
            Osz2R32OckUD4cZP0OnU/dRJDzvbA9NzD4JRchh6MOV7dGmpArYbuwTJVUOgj66DA";
        assert_eq!(hash("admin", b"0123456789abcdef", 1000), want);
    }
}
