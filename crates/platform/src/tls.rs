//! The one TLS provider of the process.

/// Makes aws-lc-rs the provider of every TLS connection that names none. Whoever was first decides; there is no
/// other provider in the program.
pub(crate) fn install() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
