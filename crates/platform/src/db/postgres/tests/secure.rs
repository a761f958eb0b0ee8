//! TLS: what is encrypted, and who is believed.

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};

use super::{House, options, proxy::Proxy, with_house};
use crate::db::{Db, DbError};

struct Secured {
    proxy: Proxy,
    authority: tempfile::NamedTempFile,
}

/// A server with a certificate for `localhost`, which is its own authority.
async fn secured(house: &House) -> Secured {
    let certified: CertifiedKey<KeyPair> = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let authority = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(authority.path(), certified.cert.pem()).unwrap();
    Secured { proxy: Proxy::with_tls(house.database.url(), Some(&certified)).await, authority }
}

impl Secured {
    async fn ping(&self, host: &str, mode: &str, with_authority: bool) -> Result<(), DbError> {
        let authority = self.authority.path().display();
        let wish = if with_authority {
            format!("sslmode={mode}&sslrootcert={authority}")
        } else {
            format!("sslmode={mode}")
        };
        ping(&self.proxy, host, &wish).await
    }
}

async fn ping(proxy: &Proxy, host: &str, wish: &str) -> Result<(), DbError> {
    let db = Db::open(&options(&proxy.url(host, wish)))?;
    let answer = db.ping().await;
    db.close().await;
    answer
}

#[test]
fn the_modes_believe_whom_libpqs_believe() {
    with_house(|house| async move {
        let server = secured(&house).await;

        for (host, mode, with_authority, believed) in [
            ("localhost", "prefer", false, true),
            ("localhost", "require", false, true),
            ("127.0.0.1", "require", true, true),
            ("localhost", "verify-ca", true, true),
            ("localhost", "verify-full", true, true),
            ("127.0.0.1", "verify-full", true, false),
            ("localhost", "verify-full", false, false),
            ("localhost", "verify-ca", false, false),
        ] {
            let answer = server.ping(host, mode, with_authority).await;
            assert_eq!(answer.is_ok(), believed, "{host} {mode} {with_authority}: {answer:?}");
            assert!(!believed || server.proxy.was_encrypted(), "{host} {mode}");
        }
        let stranger = secured(&house).await;
        let wish = format!("sslmode=require&sslrootcert={}", server.authority.path().display());
        let answer = ping(&stranger.proxy, "localhost", &wish).await;
        assert!(matches!(answer, Err(DbError::Unavailable(_))), "another authority's server: {answer:?}");
    });
}

#[test]
fn what_need_not_be_encrypted_is_not_and_what_must_be_is_refused() {
    with_house(|house| async move {
        let (open, server) = (Proxy::before(house.database.url()).await, secured(&house).await);

        ping(&open, "localhost", "sslmode=prefer").await.unwrap();
        let refused = ping(&open, "localhost", "sslmode=require").await;
        assert!(matches!(refused, Err(DbError::Unavailable(_))), "{refused:?}");
        server.ping("localhost", "disable", false).await.unwrap();
        assert!(!server.proxy.was_encrypted());
    });
}
