//! Objects in a bucket of an S3-compatible store, under the same names as in a folder.

use std::{io::Read, ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use futures_util::{StreamExt, TryStreamExt, future, stream::BoxStream};
use object_store::{
    ClientOptions, Error, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig, WriteMultipart,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};
use tempfile::NamedTempFile;
use tokio::time::timeout;

use super::{
    Content, Listed, ObjectError, ObjectHash, OpenError, Settings, Stored, address::Address, blocking, within,
};

/// Bytes that go up at once; larger contents go in parts.
const PART: usize = 8 << 20;
/// Parts of one content that go up at the same time.
const PARALLEL: usize = 2;
/// A content has at most 10,000 parts; larger ones have larger parts.
const MOST_PARTS: u64 = 9_000;
/// A large content that was written within this time is not sent again. See [`Listed::modified`].
const FRESH: TimeDelta = TimeDelta::hours(12);
/// How long the store gets to say whether it takes objects.
const PROBING: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Bucket {
    store: AmazonS3,
    name: String,
    prefix: Path,
}

impl Bucket {
    /// The bucket of the settings, if they name one.
    pub(super) fn of(settings: &Settings) -> Result<Option<Self>, OpenError> {
        let Some(address) = Address::read(settings)? else { return Ok(None) };
        crate::tls::install();
        let allow_http = address.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        // Not a limit for the whole of a request: a large content may take as long as whoever reads it does.
        let options = ClientOptions::new()
            .with_allow_http(allow_http)
            .with_connect_timeout(Duration::from_secs(5))
            .with_timeout_disabled()
            .with_read_timeout(Duration::from_secs(30));
        let retry =
            RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(15), ..RetryConfig::default() };
        let mut builder = match &address.key {
            Some((id, secret)) => {
                AmazonS3Builder::new().with_access_key_id(id.reveal()).with_secret_access_key(secret.reveal())
            }
            None => AmazonS3Builder::from_env(),
        };
        builder = builder
            .with_bucket_name(&address.bucket)
            .with_virtual_hosted_style_request(address.virtual_host)
            .with_client_options(options)
            .with_retry(retry);
        if let Some(endpoint) = &address.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(region) = &address.region {
            builder = builder.with_region(region);
        }
        let unreadable = |cause: Error| OpenError::Address(cause.to_string());
        let prefix = Path::parse(&address.prefix).map_err(|cause| OpenError::Address(cause.to_string()))?;
        Ok(Some(Self { store: builder.build().map_err(unreadable)?, name: address.bucket, prefix }))
    }

    fn key(&self, hash: ObjectHash) -> Path {
        let name = hash.to_string();
        self.prefix.clone().join(&name[..2]).join(&name[2..])
    }

    /// Lists and writes, as a first use. That the store does not answer is no reason not to start.
    pub(super) async fn try_out(&self) -> Result<(), OpenError> {
        // Some stores make a bucket of whatever is written to.
        match timeout(PROBING, self.list(None).try_next()).await {
            Ok(Err(ObjectError::Bucket(cause))) if is_no_bucket(&cause) => {
                return Err(OpenError::NoBucket(self.name.clone()));
            }
            Ok(Err(cause)) => tracing::warn!(%cause, bucket = self.name, "the bucket can't be listed"),
            Ok(Ok(_)) | Err(_) => {}
        }
        let Err(cause) = self.probe().await else { return Ok(()) };
        match cause {
            ObjectError::Bucket(cause) if is_no_bucket(&cause) => Err(OpenError::NoBucket(self.name.clone())),
            ObjectError::Bucket(cause @ (Error::PermissionDenied { .. } | Error::Unauthenticated { .. })) => {
                Err(OpenError::Refused { bucket: self.name.clone(), cause: cause.to_string() })
            }
            cause => {
                tracing::error!(%cause, bucket = self.name, "the object store does not answer; it is asked again");
                Ok(())
            }
        }
    }

    /// Writes something small.
    pub(super) async fn probe(&self) -> Result<(), ObjectError> {
        let key = self.prefix.clone().join("writable");
        let written = timeout(PROBING, self.store.put(&key, Bytes::new().into())).await;
        Ok(written.map_err(|_| timed_out())?.map(drop)?)
    }

    pub(super) async fn put(&self, content: Bytes) -> Result<Stored, ObjectError> {
        let size = content.len() as u64;
        let (hash, content) = blocking(move || Ok((ObjectHash::of(&content), content))).await?;
        let stored = Stored { hash, size };
        // Whoever was first wrote the same.
        self.store.put(&self.key(stored.hash), content.into()).await?;
        Ok(stored)
    }

    /// Sends a finished file up, to its end also when whoever waits has gone: nothing half stays in the store.
    pub(super) async fn keep(
        self: Arc<Self>,
        file: NamedTempFile,
        stored: Stored,
    ) -> Result<(), ObjectError> {
        let sent = tokio::spawn(async move { self.send(file, stored).await }).await;
        sent.map_err(|cause| ObjectError::Io(std::io::Error::other(cause)))?
    }

    async fn send(&self, file: NamedTempFile, stored: Stored) -> Result<(), ObjectError> {
        let (key, mut content) = (self.key(stored.hash), file.reopen()?);
        if stored.size <= PART as u64 {
            let (bytes, _) = blocking(move || part_of(content, PART)).await?;
            self.store.put(&key, bytes.into()).await?;
            return Ok(());
        }
        let fresh =
            |there: &ObjectMeta| there.size == stored.size && there.last_modified > Utc::now() - FRESH;
        match self.store.head(&key).await {
            Ok(there) if fresh(&there) => return Ok(()),
            Ok(_) | Err(Error::NotFound { .. }) => {}
            Err(cause) => return Err(cause.into()),
        }
        let length = PART.max(usize::try_from(stored.size / MOST_PARTS).unwrap_or(usize::MAX));
        let upload = self.store.put_multipart(&key).await?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, length);
        let sent = loop {
            if let Err(cause) = upload.wait_for_capacity(PARALLEL).await {
                break Err(cause.into());
            }
            match blocking(move || part_of(content, length)).await {
                Ok((bytes, _)) if bytes.is_empty() => break Ok(()),
                Ok((bytes, rest)) => {
                    upload.put(bytes);
                    content = rest;
                }
                Err(cause) => break Err(cause),
            }
        };
        match sent {
            Ok(()) => upload.finish().await.map(drop).map_err(ObjectError::from),
            Err(cause) => {
                if let Err(also) = upload.abort().await {
                    tracing::warn!(%also, "an upload that failed could not be taken back");
                }
                Err(cause)
            }
        }
    }

    pub(super) async fn read(&self, hash: ObjectHash) -> Result<Option<Bytes>, ObjectError> {
        match found(self.store.get(&self.key(hash)).await)? {
            Some(content) => Ok(Some(content.bytes().await?)),
            None => Ok(None),
        }
    }

    pub(super) async fn open_range(
        &self,
        hash: ObjectHash,
        range: Range<u64>,
    ) -> Result<Option<Content>, ObjectError> {
        let key = self.key(hash);
        let whole = range == (0..u64::MAX);
        let options =
            if whole { GetOptions::default() } else { GetOptions::new().with_range(Some(range.clone())) };
        if !whole {
            // What a store says of a range that it has nothing of differs from store to store.
            let Some(there) = found(self.store.head(&key).await)? else { return Ok(None) };
            within(range, there.size)?;
        }
        let Some(content) = found(self.store.get_opts(&key, options).await)? else { return Ok(None) };
        let (size, range) = (content.meta.size, content.range.clone());
        let pieces = content.into_stream().map_err(std::io::Error::from).boxed();
        Ok(Some(Content { size, range, pieces }))
    }

    pub(super) async fn delete(&self, hash: ObjectHash) -> Result<(), ObjectError> {
        Ok(found(self.store.delete(&self.key(hash)).await).map(drop)?)
    }

    pub(super) async fn look(&self, hash: ObjectHash) -> Result<Option<Listed>, ObjectError> {
        let there = found(self.store.head(&self.key(hash)).await)?;
        Ok(there.map(|there| Listed { hash, size: there.size, modified: there.last_modified }))
    }

    pub(super) fn list(&self, after: Option<ObjectHash>) -> BoxStream<'static, Result<Listed, ObjectError>> {
        let prefix = (!self.prefix.as_ref().is_empty()).then_some(&self.prefix);
        let listed = match after {
            Some(after) => self.store.list_with_offset(prefix, &self.key(after)),
            None => self.store.list(prefix),
        };
        // What has no hash for a name is none of ours.
        listed.map_err(ObjectError::from).try_filter_map(|meta| future::ok(listed_as(&meta))).boxed()
    }
}

fn timed_out() -> ObjectError {
    ObjectError::Io(std::io::ErrorKind::TimedOut.into())
}

fn listed_as(meta: &ObjectMeta) -> Option<Listed> {
    let mut parts = meta.location.as_ref().rsplit('/');
    let (rest, drawer) = (parts.next()?, parts.next()?);
    let hash = format!("{drawer}{rest}").parse().ok()?;
    Some(Listed { hash, size: meta.size, modified: meta.last_modified })
}

fn part_of(mut file: std::fs::File, length: usize) -> Result<(Bytes, std::fs::File), ObjectError> {
    let mut part = Vec::with_capacity(length.min(PART));
    (&mut file).take(length as u64).read_to_end(&mut part)?;
    Ok((part.into(), file))
}

/// A missing object is no error; a missing bucket is.
fn found<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(content) => Ok(Some(content)),
        Err(cause @ Error::NotFound { .. }) if is_no_bucket(&cause) => Err(cause),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(cause) => Err(cause),
    }
}

fn is_no_bucket(cause: &Error) -> bool {
    let causes = std::iter::successors(Some(cause as &dyn std::error::Error), |cause| cause.source());
    causes.into_iter().any(|cause| cause.to_string().contains("NoSuchBucket"))
}
