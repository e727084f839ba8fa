//! What a panel's connections are secured with: any certificate, also one that nobody should trust.

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;

/// From files in PEM. The error is a sentence.
pub fn secured(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, String> {
    let shown = |path: &Path| path.display().to_string();
    let chain = CertificateDer::pem_file_iter(certificate).and_then(|chain| chain.collect::<Result<Vec<_>, _>>());
    let chain = chain.map_err(|error| format!("{}: {error}", shown(certificate)))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{}: {error}", shown(key)))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
    let config = builder.and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, secret));
    let mut config = config.map_err(|error| format!("{} and {}: {error}", shown(certificate), shown(key)))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
