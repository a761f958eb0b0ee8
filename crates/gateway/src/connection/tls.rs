//! TLS from two files, which may change while the server runs.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
};

use crate::TlsSettings;

/// Why the certificate can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Only one of the two files is named.
    #[error("tls.cert and tls.key belong together; one of them is missing")]
    Half,
    /// A file can't be read.
    #[error("{path}: {cause}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file holds nothing of the kind.
    #[error("{0} holds no certificate in PEM")]
    NoCertificate(PathBuf),
    /// A file holds nothing of the kind.
    #[error("{0} holds no private key in PEM")]
    NoKey(PathBuf),
    /// The key can't be used, or belongs to another certificate.
    #[error("{cert} and {key} can't be used together: {cause}")]
    Unusable {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        cause: rustls::Error,
    },
}

/// The server's certificate. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct Tls {
    files: Arc<Files>,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
    /// What the files held at the start.
    opened: Arc<Contents>,
    every: Duration,
}

struct Files {
    cert: PathBuf,
    key: PathBuf,
}

/// The contents of the two files.
#[derive(PartialEq, Eq)]
struct Contents {
    cert: Vec<u8>,
    key: Vec<u8>,
}

/// The pair in use. Connections that stand keep the one that they began with.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Tls {
    /// Reads the files that the settings name. None if they name none.
    pub fn open(settings: &TlsSettings) -> Result<Option<Self>, TlsError> {
        let (cert, key) = match (&settings.cert, &settings.key) {
            (Some(cert), Some(key)) => (cert.clone(), key.clone()),
            (None, None) => return Ok(None),
            _ => return Err(TlsError::Half),
        };
        let files = Files { cert, key };
        let opened = files.read()?;
        let pair = files.pair(&opened)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(pair))));
        // TLS 1.2 and 1.3: what the library knows at all.
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .map_err(|cause| files.unusable(cause))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Some(Self {
            files: Arc::new(files),
            current,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            opened: Arc::new(opened),
            every: Duration::from_secs(settings.reload_seconds.max(1)),
        }))
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Reads the files again. If they can't be used, the pair in use stays.
    pub async fn reload(&self) -> Result<(), TlsError> {
        self.take_over(&self.read().await?)
    }

    /// Looks at the files from time to time and takes over what changed, until it is dropped.
    pub async fn follow_files(self) {
        let mut seen = Some(Arc::clone(&self.opened));
        let mut beat = tokio::time::interval(self.every);
        loop {
            beat.tick().await;
            match self.read().await {
                Ok(contents) if seen.as_deref() == Some(&contents) => {}
                Ok(contents) => {
                    self.report(self.take_over(&contents));
                    seen = Some(Arc::new(contents));
                }
                // Told once: the files are being replaced, or somebody has to look.
                Err(cause) => {
                    if seen.take().is_some() {
                        self.report(Err(cause));
                    }
                }
            }
        }
    }

    /// Writes to the log how a reload went.
    pub fn report(&self, result: Result<(), TlsError>) {
        let path = self.files.cert.display();
        match result {
            Ok(()) => tracing::info!(%path, "the certificate was read again"),
            Err(cause) => {
                tracing::error!(%path, %cause, "the new certificate can't be used; the present one stays");
            }
        }
    }

    async fn read(&self) -> Result<Contents, TlsError> {
        let files = Arc::clone(&self.files);
        match tokio::task::spawn_blocking(move || files.read()).await {
            Ok(contents) => contents,
            Err(cause) => {
                Err(TlsError::Unreadable { path: self.files.cert.clone(), cause: io::Error::other(cause) })
            }
        }
    }

    fn take_over(&self, contents: &Contents) -> Result<(), TlsError> {
        let pair = Arc::new(self.files.pair(contents)?);
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = pair;
        Ok(())
    }
}

impl Files {
    fn read(&self) -> Result<Contents, TlsError> {
        let read = |path: &Path| {
            fs::read(path).map_err(|cause| TlsError::Unreadable { path: path.to_owned(), cause })
        };
        Ok(Contents { cert: read(&self.cert)?, key: read(&self.key)? })
    }

    fn pair(&self, contents: &Contents) -> Result<CertifiedKey, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&contents.cert).collect();
        let chain = chain
            .ok()
            .filter(|chain| !chain.is_empty())
            .ok_or_else(|| TlsError::NoCertificate(self.cert.clone()))?;
        let key =
            PrivateKeyDer::from_pem_slice(&contents.key).map_err(|_| TlsError::NoKey(self.key.clone()))?;
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
            .map_err(|cause| self.unusable(cause))
    }

    fn unusable(&self, cause: rustls::Error) -> TlsError {
        TlsError::Unusable { cert: self.cert.clone(), key: self.key.clone(), cause }
    }
}
