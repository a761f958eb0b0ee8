//! Where the server is, and how to get there.

use std::{path::PathBuf, time::Duration};

use percent_encoding::percent_decode_str;
use tokio_postgres::{Client, Config, Connection, Socket, config::SslMode};

use super::tls::{Encrypted, Tls, Verification};
use crate::db::DbError;

/// Drives a connection: whoever waits for an answer has to poll it.
pub(crate) type Driver = Connection<Socket, Encrypted>;

/// A server and a database of it.
#[derive(Clone)]
pub(crate) struct Address {
    config: Config,
    tls: Tls,
}

impl Address {
    /// Reads `postgres://user:password@host:port/database?option=value`. The options are those of libpq's connection
    /// strings, as far as they mean something here; an unknown one is an error.
    pub(crate) fn parse(url: &str) -> Result<Self, DbError> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(DbError::Address("must begin with sqlite: or postgres://".to_owned()));
        }
        let (server, options) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut roots, mut others) = ("prefer".to_owned(), None, Vec::new());
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let value = || percent_decode_str(value).decode_utf8_lossy().into_owned();
            match name {
                "sslmode" => mode = value(),
                "sslrootcert" => roots = Some(value()).filter(|path| !path.is_empty()),
                _ => others.push(option),
            }
        }
        let rest = format!("{server}?{}", others.join("&"));
        let mut config: Config = rest.parse().map_err(|error| DbError::Address(problem(&error)))?;
        let (ssl_mode, verification) = match (mode.as_str(), roots.is_some()) {
            ("disable", _) => (SslMode::Disable, Verification::None),
            ("prefer", _) => (SslMode::Prefer, Verification::None),
            // As libpq has it: whoever names the authorities wants them asked.
            ("require", false) => (SslMode::Require, Verification::None),
            ("require", true) | ("verify-ca", _) => (SslMode::Require, Verification::Chain),
            ("verify-full", _) => (SslMode::Require, Verification::Full),
            (other, _) => {
                let known = "disable, prefer, require, verify-ca or verify-full";
                return Err(DbError::Address(format!("has sslmode={other}; it must be {known}")));
            }
        };
        config.ssl_mode(ssl_mode);
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(DbError::Address("names no host".to_owned()));
        }
        if config.get_application_name().is_none() {
            config.application_name("botserver");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(5));
        }
        // A server that vanished without a word is noticed after half a minute.
        config.keepalives_idle(Duration::from_secs(15)).keepalives_interval(Duration::from_secs(5));
        config.keepalives_retries(3).tcp_user_timeout(Duration::from_secs(30));
        let tls = Tls::new(verification, roots.map(PathBuf::from).as_deref()).map_err(DbError::Address)?;
        Ok(Self { config, tls })
    }

    pub(crate) async fn connect(&self) -> Result<(Client, Driver), tokio_postgres::Error> {
        self.config.connect(self.tls.clone()).await
    }
}

/// What is wrong, without the address itself, which holds a password.
fn problem(error: &tokio_postgres::Error) -> String {
    use std::error::Error;
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("can't be read{cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        Address::parse(url).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn an_address_says_where_the_server_is_and_how_it_is_spoken_to() {
        let address =
            Address::parse("postgresql://ann:s%20t@db.example:6432/bots?connect_timeout=9").unwrap();
        assert_eq!(address.config.get_user(), Some("ann"));
        assert_eq!(address.config.get_password(), Some(b"s t".as_slice()));
        assert_eq!(address.config.get_ports(), [6432]);
        assert_eq!(address.config.get_dbname(), Some("bots"));
        assert_eq!(address.config.get_connect_timeout(), Some(&Duration::from_secs(9)));
        assert_eq!(address.config.get_ssl_mode(), SslMode::Prefer);

        for (option, mode) in [
            ("sslmode=disable", SslMode::Disable),
            ("sslmode=prefer", SslMode::Prefer),
            ("application_name=x&sslmode=require", SslMode::Require),
            ("sslmode=verify-full", SslMode::Require),
        ] {
            let address = Address::parse(&format!("postgres://ann@h/d?{option}")).unwrap();
            assert_eq!(address.config.get_ssl_mode(), mode, "{option}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_is_told_without_its_password() {
        assert!(refused("mysql://h/d").contains("must begin with sqlite: or postgres://"));
        assert!(refused("postgres://ann:secret@h/d?sslmode=never").contains("sslmode=never; it must be"));
        assert!(refused("postgres://ann:secret@h/d?colour=red").contains("unknown option `colour`"));
        assert!(refused("postgres:///d").contains("names no host"));
        assert!(refused("postgres://ann:secret@h:port/d").contains("can't be read"));
        assert!(
            refused("postgres://ann:secret@h/d?sslmode=verify-full&sslrootcert=/no/such.pem")
                .contains("/no/such.pem")
        );
        for bad in ["postgres://ann:secret@h/d?sslmode=never", "postgres://ann:secret@h:port/d"] {
            assert!(!refused(bad).contains("secret"), "{}", refused(bad));
        }
    }
}
