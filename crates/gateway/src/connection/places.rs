//! How many connections there may be: in all, and from one address.

use std::{net::IpAddr, sync::Arc};

use dashmap::DashMap;
use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Settings;

/// The places for connections.
pub(super) struct Places {
    all: Arc<Semaphore>,
    per_address: u32,
    exempt: Vec<IpNet>,
    taken: Arc<DashMap<IpAddr, u32>>,
}

/// A connection's place. It is given back when it is dropped.
pub(super) struct Place {
    _one_of_all: OwnedSemaphorePermit,
    address: Option<(IpAddr, Arc<DashMap<IpAddr, u32>>)>,
}

impl Places {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            all: Arc::new(Semaphore::new(settings.max_connections)),
            per_address: settings.max_connections_per_address,
            exempt: settings.trusted_proxies.clone(),
            taken: Arc::default(),
        }
    }

    /// Waits for a place for anybody. None when there will be no more.
    pub(super) async fn one_of_all(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// Makes it the address's place, unless the address has as many as it may.
    pub(super) fn enter(&self, one_of_all: OwnedSemaphorePermit, peer: IpAddr) -> Option<Place> {
        if self.per_address == 0 || self.exempt.iter().any(|net| net.contains(&peer)) {
            return Some(Place { _one_of_all: one_of_all, address: None });
        }
        let address = kernel::network(peer);
        let mut taken = self.taken.entry(address).or_insert(0);
        if *taken >= self.per_address {
            return None;
        }
        *taken += 1;
        Some(Place { _one_of_all: one_of_all, address: Some((address, Arc::clone(&self.taken))) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((address, taken)) = &self.address {
            if let Some(mut count) = taken.get_mut(address) {
                *count -= 1;
            }
            taken.remove_if(address, |_, count| *count == 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_has_its_places_and_gets_them_back() {
        let settings = Settings { max_connections_per_address: 1, ..Settings::default() };
        let places = Places::new(&settings);
        let [one, same_network, other] =
            ["2001:db8::1", "2001:db8::2", "192.0.2.1"].map(|text| text.parse::<IpAddr>().unwrap());
        let enter = async |address| places.enter(places.one_of_all().await.unwrap(), address);

        let first = enter(one).await.unwrap();
        assert!(enter(same_network).await.is_none());
        assert!(enter(other).await.is_some());
        drop(first);

        assert!(enter(same_network).await.is_some());
        assert!(places.taken.is_empty(), "who left is forgotten");
    }
}
