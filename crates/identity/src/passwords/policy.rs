//! What a password must be like, and the making of one that is.

use std::{collections::HashSet, sync::LazyLock};

use kernel::{FieldErrors, Secret, Surroundings};

use crate::{settings::PasswordPolicy, tokens::Disclosed};

/// Characters at the most; hashing more would only cost time.
pub(crate) const MAX_LENGTH: usize = 256;

/// Passwords that are tried first by whoever guesses, in lower case.
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("common.txt").lines().collect());

impl PasswordPolicy {
    /// Notes every rule that the password breaks under `field`.
    pub(crate) fn check(&self, field: &str, password: &Secret, wrong: &mut FieldErrors) {
        let text = password.reveal();
        let length = text.chars().count();
        let least = self.min_length.get();
        let has = |kind: fn(char) -> bool| text.chars().any(kind);
        let mut rule = |kept: bool, problem: &str| wrong.check(kept, field, problem);

        rule(length >= least as usize, &format!("must have at least {least} characters"));
        rule(length <= MAX_LENGTH, &format!("must have at most {MAX_LENGTH} characters"));
        rule(!self.require_uppercase || has(char::is_uppercase), "must contain an upper-case letter");
        rule(!self.require_lowercase || has(char::is_lowercase), "must contain a lower-case letter");
        rule(!self.require_numbers || has(char::is_numeric), "must contain a digit");
        rule(
            !self.require_special || has(|c| !c.is_alphanumeric()),
            "must contain a character that is neither letter nor digit",
        );
        rule(!is_common(text), "must not be one that everybody tries first");
    }

    /// A random password, of five groups or more, that keeps every rule.
    pub(crate) fn generate(&self, world: &Surroundings) -> Disclosed {
        loop {
            let password = groups_of(self.min_length.get() as usize, world);
            let mut wrong = FieldErrors::default();
            self.check("password", &Secret::new(password.clone()), &mut wrong);
            if wrong.is_empty() {
                return Disclosed::new(password);
            }
        }
    }
}

/// A password that nobody is told.
pub(crate) fn unknowable(world: &Surroundings) -> String {
    groups_of(GROUPS * 2 * (GROUP_LENGTH + 1), world)
}

const GROUPS: usize = 5;
const GROUP_LENGTH: usize = 5;
/// Without the characters that look like others (0 O o, 1 I l), since people read it off a screen.
const ALPHABET: &[u8; 56] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";

/// Groups joined by hyphens, at least as long as asked.
fn groups_of(least: usize, world: &Surroundings) -> String {
    let groups = least.div_ceil(GROUP_LENGTH + 1).max(GROUPS);
    let group = |_| (0..GROUP_LENGTH).map(|_| character(world)).collect::<String>();
    let mut password = (0..groups).map(group).collect::<Vec<_>>().join("-");
    if password.len() < least {
        password.push('-');
    }
    password
}

fn character(world: &Surroundings) -> char {
    loop {
        let [byte] = world.bytes::<1>();
        // Four whole alphabets fit in a byte; what is left over would favour its first characters.
        if usize::from(byte) < ALPHABET.len() * 4 {
            return char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]);
        }
    }
}

/// Is it on the list, as it is or with digits and signs hung on: `Password2024!` is `password`.
fn is_common(password: &str) -> bool {
    let folded = kernel::text::key(password);
    let bare = folded.trim_end_matches(|c: char| !c.is_alphabetic());
    COMMON.contains(folded.as_str()) || COMMON.contains(bare)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::settings::Within;

    fn broken(password: &str) -> usize {
        let mut wrong = FieldErrors::default();
        PasswordPolicy::default().check("password", &Secret::new(password), &mut wrong);
        match wrong.finish() {
            Ok(()) => 0,
            Err(error) => error.details()["fields"]["password"].as_array().map_or(0, Vec::len),
        }
    }

    #[test]
    fn every_rule_that_is_broken_is_named() {
        assert_eq!(broken("Correct-Horse-7-Battery"), 0);
        assert_eq!(broken("short"), 4, "length, upper case, digit, special character");
        assert_eq!(broken(""), 5);
        assert_eq!(broken(&"Ab1-".repeat(65)), 1, "too long");
    }

    #[test]
    fn a_common_password_is_refused_however_it_is_decorated() {
        for password in ["Password123!!", "QWERTY-2024-!", "Changeme!!!1", "1q2w3e4r5t6y"] {
            assert!(is_common(password), "{password}");
        }
        assert!(!is_common("Correct-Horse-7-Battery"));
        assert!(!is_common("!!!"));
    }

    #[test]
    fn a_generated_password_keeps_the_policy_and_is_never_the_same() {
        let world = Surroundings::system();
        let policy = PasswordPolicy::default();
        let password = policy.generate(&world);

        assert_eq!(broken(password.reveal()), 0);
        assert_ne!(password, policy.generate(&world));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_generated_password_is_as_long_as_the_policy_asks(least in 8_u32..128) {
            let policy = PasswordPolicy { min_length: Within::new(least), ..PasswordPolicy::default() };
            prop_assert!(policy.generate(&Surroundings::system()).reveal().len() >= least as usize);
        }

        #[test]
        fn no_password_panics(text in ".*") {
            broken(&text);
        }
    }
}
