//! The rules for a new password. They follow NIST SP 800-63B-4 section 3.1.1.2: a minimum length and a check against easily
//! guessed passwords, but no composition rules.

use crate::error::{Error, Result};

/// The fewest characters of a password.
pub const SHORTEST: usize = 15;
/// The most characters of a password. A longer one would only make hashing slow.
pub const LONGEST: usize = 256;

/// Checks a new password and its confirmation; `about` is what an attacker would try first: name, e-mail address, shop.
/// Errors: [`Error::Invalid`] with the reason.
pub fn check_new(password: &str, confirmation: &str, about: &[&str]) -> Result<()> {
    match password == confirmation {
        true => check(password, about),
        false => Err(Error::Invalid("The passwords do not match.".into())),
    }
}

/// Checks a new password. Errors: [`Error::Invalid`] with the reason.
pub fn check(password: &str, about: &[&str]) -> Result<()> {
    let length = password.chars().count();
    if length < SHORTEST {
        let sentence = format!(
            "The password must have at least {SHORTEST} characters; yours has {length}. Use several unrelated words."
        );
        return Err(Error::Invalid(sentence));
    }
    if length > LONGEST {
        return Err(Error::Invalid(format!(
            "The password must have at most {LONGEST} characters; yours has {length}."
        )));
    }
    let folded = password.to_lowercase();
    for word in about.iter().flat_map(|text| std::iter::once(*text).chain(text.split(['@', '.', ' ', '-']))) {
        let word = word.to_lowercase();
        let rest = if word.chars().count() >= 4 { folded.replace(&word, "") } else { folded.clone() };
        if rest.chars().filter(|c| c.is_alphanumeric()).count()
            < folded.chars().filter(|c| c.is_alphanumeric()).count() / 2
        {
            let sentence =
                format!("The password is mostly “{word}”, which is easy to guess. Use several unrelated words.");
            return Err(Error::Invalid(sentence));
        }
    }
    let estimate = zxcvbn::zxcvbn(password, about);
    if u8::from(estimate.score()) < 3 {
        let reason = estimate.feedback().and_then(|feedback| feedback.warning()).map(|warning| warning.to_string());
        let reason = reason.unwrap_or_else(|| "It can be guessed quickly.".into());
        return Err(Error::Invalid(format!(
            "The password is too easy to guess. {reason} Use several unrelated words."
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: [&str; 3] = ["Harbour & Pine", "Marta Lindqvist", "marta@harbourandpine.example"];

    #[test]
    fn length_counts_and_composition_does_not() {
        assert!(check("tulip raft 49 k", &ABOUT).is_ok());
        assert!(check("tulip raft 49 ", &ABOUT).is_err());
        assert!(check("ett långt lösenord med många ord på svenska och lite till", &ABOUT).is_ok());
        assert!(check(&"correct horse battery staple ".repeat(3), &ABOUT).is_ok());
    }

    #[test]
    fn what_is_guessed_first_is_refused_with_the_reason() {
        for weak in ["passwordpassword", "aaaaaaaaaaaaaaaa", "1234567890123456", "harbour & pine1", "martalindqvist12"]
        {
            let Err(Error::Invalid(sentence)) = check(weak, &ABOUT) else { panic!("{weak} was accepted") };
            assert!(!sentence.contains(weak));
        }
    }
}
