//! Names become addresses here, and nowhere else: what a connection is made to has passed the rules.

use std::{future::Future, io, net::SocketAddr, pin::Pin, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{Refused, rules::Rules};

/// What a name leads to at the moment.
pub(super) type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Who looks names up.
pub(super) type Lookup = Arc<dyn Fn(String) -> Found + Send + Sync>;

/// The system's resolver.
pub(super) fn system() -> Lookup {
    Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }))
}

/// A resolver that gives only addresses that may be reached. The client connects to what it is given and asks nobody
/// else, so that a name can't lead elsewhere between the check and the connection.
#[derive(Clone)]
pub(super) struct Resolver {
    pub(super) rules: Arc<Rules>,
    pub(super) lookup: Lookup,
}

/// Why a name gives no address.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unresolved {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("the name can't be looked up")]
    Unknown(#[from] io::Error),
}

impl Resolver {
    /// The addresses of the name that may be reached, at least one.
    pub(super) async fn addresses(&self, name: String) -> Result<Vec<SocketAddr>, Unresolved> {
        let found = (self.lookup)(name.clone()).await?;
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
        }
        let allowed: Vec<_> = found.into_iter().filter(|found| self.rules.allows(found.ip())).collect();
        if allowed.is_empty() { Err(Refused::Name(name).into()) } else { Ok(allowed) }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses: Addrs = Box::new(resolver.addresses(name.as_str().to_owned()).await?.into_iter());
            Ok(addresses)
        })
    }
}
