//! Where objects lie, as it is configured.

use std::fmt;

use kernel::Secret;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use url::Url;

use super::ObjectError;

/// Where objects lie.
#[derive(Debug, Clone, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `s3://bucket/prefix?endpoint=https://…&region=…`, with the key as `s3://id:secret@bucket` if it is not set
    /// apart. Absent: a folder in `data`.
    pub url: Option<Secret>,
    /// The id of the access key. Without one the usual `AWS_…` variables and roles are looked for.
    pub access_key_id: Option<Secret>,
    /// Its secret.
    pub secret_access_key: Option<Secret>,
}

/// Why objects can't be kept at all. Nothing here shows the address, which may hold a key.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address can't be read.
    #[error(
        "objects.url can't be read: {0}. It is written s3://bucket/prefix?endpoint=https://host&region=name"
    )]
    Address(String),
    /// The store is there and refuses the key.
    #[error("the object store refuses the access key or its secret for the bucket {bucket}: {cause}")]
    Refused {
        /// The bucket.
        bucket: String,
        /// What the store says.
        cause: String,
    },
    /// The store is there and has no such bucket.
    #[error("the object store has no bucket {0}")]
    NoBucket(String),
    /// The folder fails.
    #[error(transparent)]
    Folder(#[from] ObjectError),
}

impl From<std::io::Error> for OpenError {
    fn from(cause: std::io::Error) -> Self {
        Self::Folder(cause.into())
    }
}

/// A bucket's address, taken apart.
pub(super) struct Address {
    pub(super) bucket: String,
    /// What every key begins with; without a slash at either end.
    pub(super) prefix: String,
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    /// Is the bucket part of the host's name rather than of the path?
    pub(super) virtual_host: bool,
    pub(super) key: Option<(Secret, Secret)>,
}

/// Not even where somebody looks for mistakes.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

fn unreadable(problem: impl Into<String>) -> OpenError {
    OpenError::Address(problem.into())
}

impl Address {
    pub(super) fn read(settings: &Settings) -> Result<Option<Self>, OpenError> {
        let Some(text) = &settings.url else { return Ok(None) };
        let url = Url::parse(text.reveal()).map_err(|cause| unreadable(cause.to_string()))?;
        if url.scheme() != "s3" {
            return Err(unreadable("it must begin with s3://"));
        }
        let bucket = url.host_str().filter(|host| !host.is_empty());
        let mut address = Self {
            bucket: bucket.ok_or_else(|| unreadable("it names no bucket"))?.to_owned(),
            prefix: decoded(url.path().trim_matches('/'))?,
            endpoint: None,
            region: None,
            virtual_host: false,
            key: key(&url, settings)?,
        };
        for (name, value) in url.query_pairs() {
            match &*name {
                "endpoint" => address.endpoint = Some(endpoint(&value)?),
                "region" => address.region = Some(value.into_owned()),
                "virtual_host" => {
                    address.virtual_host =
                        value.parse().map_err(|_| unreadable("virtual_host is true or false"))?;
                }
                other => {
                    return Err(unreadable(format!(
                        "there is no parameter {other}; there are endpoint, region and virtual_host"
                    )));
                }
            }
        }
        Ok(Some(address))
    }
}

/// The key of the address, or the one set apart.
fn key(url: &Url, settings: &Settings) -> Result<Option<(Secret, Secret)>, OpenError> {
    let apart = match (&settings.access_key_id, &settings.secret_access_key) {
        (Some(id), Some(secret)) => Some((id.clone(), secret.clone())),
        (None, None) => None,
        _ => return Err(unreadable("objects.access_key_id and objects.secret_access_key belong together")),
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(apart),
        (_, None) | ("", _) => Err(unreadable("a key in it is written id:secret@")),
        (id, Some(secret)) => Ok(Some((Secret::new(decoded(id)?), Secret::new(decoded(secret)?)))),
    }
}

fn endpoint(text: &str) -> Result<String, OpenError> {
    let web = |url: &Url| matches!(url.scheme(), "http" | "https");
    Url::parse(text)
        .ok()
        .filter(web)
        .ok_or_else(|| unreadable("endpoint is an http:// or https:// address"))?;
    Ok(text.trim_end_matches('/').to_owned())
}

fn decoded(text: &str) -> Result<String, OpenError> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| unreadable("it is not UTF-8"))?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Result<Address, String> {
        let settings = Settings { url: Some(Secret::new(url)), ..Settings::default() };
        Address::read(&settings).map(Option::unwrap).map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_names_bucket_prefix_endpoint_region_and_key() {
        let address =
            of("s3://id:a%2Fb%2B@Files/some/where/?endpoint=http://127.0.0.1:9000/&region=eu-1").unwrap();

        assert_eq!((&*address.bucket, &*address.prefix), ("Files", "some/where"));
        assert_eq!(address.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
        assert_eq!(address.region.as_deref(), Some("eu-1"));
        assert!(!address.virtual_host);
        let (id, secret) = address.key.unwrap();
        assert_eq!((id.reveal(), secret.reveal()), ("id", "a/b+"));
    }

    #[test]
    fn what_can_t_be_read_is_said_without_the_secret() {
        for (url, says) in [
            ("http://bucket", "must begin with s3://"),
            ("s3:///x", "names no bucket"),
            ("s3://id@bucket", "written id:secret@"),
            ("s3://id:hidden@bucket?endpint=x", "there is no parameter endpint"),
            ("s3://id:hidden@bucket?endpoint=ftp://x", "endpoint is an http:// or https:// address"),
            ("s3://id:hidden@bucket?virtual_host=yes", "virtual_host is true or false"),
        ] {
            let error = of(url).unwrap_err();
            assert!(error.contains(says), "{error}");
            assert!(!error.contains("hidden"), "{error}");
        }
        let half = Settings {
            url: Some(Secret::new("s3://bucket")),
            access_key_id: Some(Secret::new("id")),
            secret_access_key: None,
        };
        assert!(Address::read(&half).unwrap_err().to_string().contains("belong together"));
    }
}
