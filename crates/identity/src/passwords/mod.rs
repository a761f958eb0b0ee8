//! Passwords: hashed with Argon2id off the async threads, a bounded number at once.
//!
//! One hash takes 19 MiB and some 20 ms of a core, so how many run at once is a limit of memory and of fairness:
//! sign-ins queue here while other requests go on.

mod policy;

use std::{sync::Arc, thread};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::phc::ParamsString,
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use kernel::{Error, Kind, Secret, Surroundings};
use tokio::sync::Semaphore;

pub(crate) use policy::{MAX_LENGTH, unknowable};

use crate::settings::Hashing;

/// A hashed password in the PHC string format, as the database keeps it.
pub(crate) type PasswordHashText = String;

/// Hashes and verifies passwords. Cloning shares the pool.
#[derive(Clone)]
pub(crate) struct Passwords(Arc<Inner>);

struct Inner {
    world: Surroundings,
    params: Params,
    /// One for each hash that may be computed at once.
    cores: Arc<Semaphore>,
    /// One for each hash that may be computed or wait.
    queue: Arc<Semaphore>,
    /// What nobody's password hashes to, with today's parameters.
    decoy: PasswordHashText,
    /// How many were computed: tests compare costs by it, not by the clock.
    #[cfg(test)]
    computed: std::sync::atomic::AtomicUsize,
}

/// What a verification found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The password is right.
    Right {
        /// Was it hashed with other parameters than today's?
        outdated: bool,
    },
    /// It is wrong, or there is none.
    Wrong,
}

impl Passwords {
    pub(crate) fn new(settings: &Hashing, world: Surroundings) -> Self {
        let cores = match settings.parallelism {
            0 => thread::available_parallelism().map_or(1, usize::from),
            given => given as usize,
        };
        // The ranges of the settings lie within those of Argon2; its own defaults stand in if they ever don't.
        let params = Params::new(
            settings.memory_kib.get(),
            settings.passes.get(),
            1,
            Some(Params::DEFAULT_OUTPUT_LEN),
        )
        .unwrap_or_default();
        Self(Arc::new(Inner {
            decoy: decoy(&params, &world),
            world,
            params,
            cores: Arc::new(Semaphore::new(cores)),
            queue: Arc::new(Semaphore::new(cores + settings.queue.get() as usize)),
            #[cfg(test)]
            computed: std::sync::atomic::AtomicUsize::default(),
        }))
    }

    /// How many hashes were computed so far.
    #[cfg(test)]
    pub(crate) fn computed(&self) -> usize {
        self.0.computed.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Hashes a new password.
    pub(crate) async fn hash(&self, password: Secret) -> Result<PasswordHashText, Error> {
        let salt = self.0.world.bytes::<16>();
        self.compute(move |argon2| {
            let hash = argon2.hash_password_with_salt(password.reveal().as_bytes(), &salt);
            hash.map(|hash| hash.to_string()).map_err(Error::internal)
        })
        .await?
    }

    /// Verifies a password against its hash. Without a hash it takes the same time and is wrong: how long a sign-in
    /// takes does not tell whether there is such a user.
    pub(crate) async fn verify(
        &self,
        password: Secret,
        hash: Option<PasswordHashText>,
    ) -> Result<Verdict, Error> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.0.decoy.clone());
        self.compute(move |argon2| {
            let parsed = PasswordHash::new(&hash).map_err(Error::internal)?;
            let fits = argon2.verify_password(password.reveal().as_bytes(), &parsed).is_ok();
            if !(fits && known) {
                return Ok(Verdict::Wrong);
            }
            let today = ParamsString::try_from(argon2.params()).map_err(Error::internal)?;
            Ok(Verdict::Right { outdated: parsed.params != today })
        })
        .await?
    }

    /// Is the password one of these?
    pub(crate) async fn is_one_of(
        &self,
        password: &Secret,
        hashes: Vec<PasswordHashText>,
    ) -> Result<bool, Error> {
        for hash in hashes {
            if self.verify(password.clone(), Some(hash)).await? != Verdict::Wrong {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn compute<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Argon2<'static>) -> T + Send + 'static,
    {
        let place = Arc::clone(&self.0.queue).try_acquire_owned().map_err(|_| {
            Error::unavailable("passwords", "Too many people are signing in. Try again in a moment.")
        })?;
        let core = Arc::clone(&self.0.cores).acquire_owned().await.map_err(Error::internal)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.0.params.clone());
        #[cfg(test)]
        self.0.computed.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        // The permits go with the work: a request that is given up leaves its hash running.
        let computing = tokio::task::spawn_blocking(move || {
            let _held = (place, core);
            work(&argon2)
        });
        computing
            .await
            .map_err(|cause| Error::new(Kind::Internal, "A password could not be checked.").caused_by(cause))
    }
}

/// A well-formed hash that no password has: its output is random, not computed.
fn decoy(params: &Params, world: &Surroundings) -> PasswordHashText {
    let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
    let salt = STANDARD_NO_PAD.encode(world.bytes::<16>());
    let output = STANDARD_NO_PAD.encode(world.bytes::<{ Params::DEFAULT_OUTPUT_LEN }>());
    format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${output}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Within;

    fn cheap() -> Hashing {
        Hashing { memory_kib: Within::new(8), passes: Within::new(1), ..Hashing::default() }
    }

    fn passwords(settings: &Hashing) -> Passwords {
        Passwords::new(settings, Surroundings::system())
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = passwords(&cheap());
        let hash = passwords.hash(Secret::new("right")).await.unwrap();

        let right = passwords.verify(Secret::new("right"), Some(hash.clone())).await.unwrap();
        let wrong = passwords.verify(Secret::new("Right"), Some(hash.clone())).await.unwrap();

        assert_eq!(right, Verdict::Right { outdated: false });
        assert_eq!(wrong, Verdict::Wrong);
        assert!(passwords.is_one_of(&Secret::new("right"), vec![hash]).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_is_outdated() {
        let hash = passwords(&cheap()).hash(Secret::new("right")).await.unwrap();
        let dearer = Hashing { passes: Within::new(2), ..cheap() };

        let verdict = passwords(&dearer).verify(Secret::new("right"), Some(hash)).await.unwrap();

        assert_eq!(verdict, Verdict::Right { outdated: true });
    }

    #[tokio::test]
    async fn nobody_s_password_is_never_right() {
        let verdict = passwords(&cheap()).verify(Secret::new("anything"), None).await.unwrap();

        assert_eq!(verdict, Verdict::Wrong);
    }

    #[tokio::test]
    async fn the_default_cost_is_that_of_owasp() {
        let hash = passwords(&Hashing::default()).hash(Secret::new("right")).await.unwrap();

        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    }

    #[tokio::test]
    async fn what_does_not_fit_in_the_queue_is_refused_not_piled_up() {
        let passwords = passwords(&Hashing { parallelism: 1, queue: Within::new(1), ..cheap() });
        let core = passwords.0.cores.acquire().await.unwrap();
        let waiting = tokio::spawn({
            let passwords = passwords.clone();
            async move { tokio::join!(passwords.hash(Secret::new("x")), passwords.hash(Secret::new("x"))) }
        });
        while passwords.0.queue.available_permits() > 0 {
            tokio::task::yield_now().await;
        }

        let refused = passwords.hash(Secret::new("x")).await.unwrap_err();
        drop(core);

        assert_eq!(refused.kind(), Kind::Unavailable);
        let (one, other) = waiting.await.unwrap();
        assert!(one.is_ok() && other.is_ok(), "those who waited get their turn");
    }
}
