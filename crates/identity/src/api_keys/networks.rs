//! The addresses from which a key is good, or an organization used.

use std::net::IpAddr;

use ipnet::IpNet;
use kernel::FieldErrors;
use platform::db::{DbError, Json};

/// Networks that are named at once.
const MOST: usize = 50;

/// Networks; none of them means every address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads networks as people write them, `10.0.0.0/8`; a single address is a network of its own.
    pub(crate) fn read(field: &str, texts: &[String], wrong: &mut FieldErrors) -> Self {
        wrong.check(texts.len() <= MOST, field, format!("must have at most {MOST} entries"));
        let mut networks = Vec::new();
        for text in texts.iter().take(MOST) {
            let text = text.trim();
            let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            match network {
                Ok(network) if networks.contains(&network.trunc()) => {}
                Ok(network) => networks.push(network.trunc()),
                Err(_) => {
                    wrong.add(field, format!("\"{}\" is no network such as 10.0.0.0/8", text.escape_debug()));
                }
            }
        }
        Self(networks)
    }

    /// Is it good from there?
    pub(crate) fn allow(&self, from: IpAddr) -> bool {
        let from = from.to_canonical();
        self.0.is_empty() || self.0.iter().any(|network| network.contains(&from))
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.0.iter().map(IpNet::to_string).collect()
    }

    pub(crate) fn stored(&self) -> Json {
        Json::of(&self.texts())
    }

    /// What was stored. An entry that can't be read is an error: without it something might be good from everywhere.
    pub(crate) fn of_stored(json: &Json) -> Result<Self, DbError> {
        let texts: Vec<String> = json.read()?;
        let read =
            |text: &String| text.parse().map_err(|_| DbError::Decode("a network can't be read".to_owned()));
        texts.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Result<Networks, kernel::Error> {
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        let mut wrong = FieldErrors::default();
        let networks = Networks::read("ip_allowlist", &texts, &mut wrong);
        wrong.finish().map(|()| networks)
    }

    #[test]
    fn an_address_is_allowed_by_the_network_it_is_in_however_it_is_written() {
        let networks = read(&["10.0.0.7/8", "2001:db8::/32", "192.0.2.1"]).unwrap();
        let allows = |address: &str| networks.allow(address.parse().unwrap());

        assert_eq!(networks.texts(), ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32"]);
        assert!(
            allows("10.200.0.1") && allows("::ffff:10.1.1.1") && allows("2001:db8::5") && allows("192.0.2.1")
        );
        assert!(!allows("11.0.0.1") && !allows("2001:db9::") && !allows("192.0.2.2"));
    }

    #[test]
    fn without_networks_every_address_is_allowed() {
        assert!(read(&[]).unwrap().allow("203.0.113.7".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_named() {
        let refused = read(&["10.0.0.0/33", "home"]).unwrap_err();

        assert_eq!(refused.details()["fields"]["ip_allowlist"].as_array().unwrap().len(), 2);
    }
}
