//! The certificate: read, checked against its key, and read again when its files change.

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A handshake takes two round trips; who takes longer holds a connection for nothing.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Chains have a few certificates of a few kilobytes.
const MAX_PEM: u64 = 1 << 20;

/// Files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, the server's own first.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Which of the two files is wrong, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateError {
    pub path: PathBuf,
    /// The key in `[admin]` that names the file.
    pub key: &'static str,
    pub what: String,
    pub hint: &'static str,
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: [admin].{}: {}; {}", self.path.display(), self.key, self.what, self.hint)
    }
}

impl std::error::Error for CertificateError {}

/// What connections are secured with. The files are looked at with each connection, and a bad one never replaces a good one.
pub struct Certificate {
    files: CertificateFiles,
    now: ArcSwap<ServerConfig>,
    /// Of both files when they were last read.
    stamps: parking_lot::Mutex<[Option<Stamp>; 2]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Certificate {
    pub fn load(files: CertificateFiles) -> Result<Self, CertificateError> {
        // Before they are read, so that no change is missed.
        let stamps = stamps(&files);
        let now = read(&files)?;
        Ok(Self { files, now: ArcSwap::from_pointee(now), stamps: stamps.into() })
    }

    /// Takes new files, if they have changed and are sound.
    pub(super) fn refresh(&self) {
        let found = stamps(&self.files);
        {
            let mut stamps = self.stamps.lock();
            if *stamps == found {
                return;
            }
            *stamps = found;
        }
        match read(&self.files) {
            Ok(config) => {
                self.now.store(Arc::new(config));
                tracing::info!(certificate = %self.files.certificate.display(), "the API has a new certificate");
            }
            // The other file may be under way; it is looked at again when it has come.
            Err(error) => tracing::warn!("the API keeps the certificate it has: {error}"),
        }
    }

    /// None where there was no handshake in time.
    pub(super) async fn secure<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Option<TlsStream<S>> {
        let acceptor = TlsAcceptor::from(self.now.load_full());
        tokio::time::timeout(HANDSHAKE_TIME, acceptor.accept(stream)).await.ok()?.ok()
    }
}

/// Never shows a key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("files", &self.files).finish_non_exhaustive()
    }
}

fn read(files: &CertificateFiles) -> Result<ServerConfig, CertificateError> {
    let of = |path: &Path, key| {
        let path = path.to_owned();
        move |what: String, hint| CertificateError { path, key, what, hint }
    };
    let in_certificate = of(&files.certificate, "certificate");
    let bytes = bytes(&files.certificate).map_err(|what| in_certificate.clone()(what, "name a file that meridian's user may read"))?;
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let hint = "write it in PEM: -----BEGIN CERTIFICATE----- and so on, the server's own first";
    let chain = chain.map_err(|error| in_certificate.clone()(format!("not PEM: {error}"), hint))?;
    if chain.is_empty() {
        return Err(in_certificate("there is no certificate in it".into(), hint));
    }
    let in_key = of(&files.key, "key");
    let bytes = self::bytes(&files.key).map_err(|what| in_key.clone()(what, "name a file that meridian's user may read"))?;
    let hint = "write it in PEM: -----BEGIN PRIVATE KEY----- and so on, without a passphrase";
    let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| in_key.clone()("there is no private key in it".into(), hint))?;
    let provider = Arc::new(ring::default_provider());
    let certified = CertifiedKey::from_der(chain, key, &provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            in_key.clone()("the key does not fit the certificate".into(), "name the key that the certificate was made for")
        }
        rustls::Error::InvalidCertificate(error) => in_certificate.clone()(format!("not a certificate: {error}"), "name another file"),
        error => in_key.clone()(format!("not a key that can be used: {error}"), "use an ECDSA, RSA or Ed25519 key"),
    })?;
    let resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12]);
    let builder = builder.map_err(|error| in_key.clone()(error.to_string(), ""))?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let found = std::fs::metadata(path).map_err(|error| format!("it cannot be read: {error}"))?;
    // To read a pipe would wait for a writer.
    if !found.is_file() || found.len() > MAX_PEM {
        return Err("it is no file of at most 1 MiB".into());
    }
    std::fs::read(path).map_err(|error| format!("it cannot be read: {error}"))
}

fn stamps(files: &CertificateFiles) -> [Option<Stamp>; 2] {
    [&files.certificate, &files.key].map(|path| {
        let found = std::fs::metadata(path).ok()?;
        Some(Stamp { inode: found.ino(), length: found.len(), changed: (found.mtime(), found.mtime_nsec()) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// A certificate and its key, made by openssl in a directory of their own.
    fn make(name: &str) -> CertificateFiles {
        let home = std::env::temp_dir().join(format!("meridian-tls-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        let files = CertificateFiles { certificate: home.join("certificate.pem"), key: home.join("key.pem") };
        let mut command = Command::new("openssl");
        command.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost".split(' '));
        command.args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]);
        let made = command.arg("-out").arg(&files.certificate).arg("-keyout").arg(&files.key).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        files
    }

    fn chain(certificate: &Certificate) -> Arc<ServerConfig> {
        certificate.now.load_full()
    }

    #[test]
    fn a_file_that_is_wrong_is_named_with_what_is_wrong() {
        let (one, other) = (make("one"), make("other"));
        assert!(Certificate::load(one.clone()).is_ok());
        let nothing = one.certificate.with_file_name("nothing");
        std::fs::write(&nothing, "nothing").unwrap();
        for (certificate, key, at, expected) in [
            (&one.certificate, &other.key, "key", "the key does not fit the certificate"),
            (&one.key, &one.key, "certificate", "there is no certificate in it"),
            (&one.certificate, &one.certificate, "key", "there is no private key in it"),
            (&nothing, &one.key, "certificate", "there is no certificate in it"),
            (&one.certificate, &nothing, "key", "there is no private key in it"),
            (&PathBuf::from("/nonexistent"), &one.key, "certificate", "it cannot be read: "),
            (&one.certificate, &PathBuf::from("/dev/zero"), "key", "it is no file of at most 1 MiB"),
        ] {
            let files = CertificateFiles { certificate: certificate.clone(), key: key.clone() };
            let error = Certificate::load(files).unwrap_err();
            assert!(error.key == at && error.what.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn new_files_are_taken_and_bad_ones_are_not() {
        let (files, other) = (make("changing"), make("next"));
        let certificate = Certificate::load(files.clone()).unwrap();
        let first = chain(&certificate);
        certificate.refresh();
        assert!(Arc::ptr_eq(&first, &chain(&certificate)));
        // The new certificate has come, its key not yet.
        std::fs::rename(&other.certificate, &files.certificate).unwrap();
        certificate.refresh();
        assert!(Arc::ptr_eq(&first, &chain(&certificate)));
        std::fs::rename(&other.key, &files.key).unwrap();
        certificate.refresh();
        assert!(!Arc::ptr_eq(&first, &chain(&certificate)));
        let second = chain(&certificate);
        std::fs::remove_file(&files.key).unwrap();
        certificate.refresh();
        assert!(Arc::ptr_eq(&second, &chain(&certificate)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_handshake_that_does_not_come_is_given_up() {
        let certificate = Certificate::load(make("slow")).unwrap();
        let (_theirs, ours) = tokio::io::duplex(64);
        assert!(certificate.secure(ours).await.is_none());
    }

    /// A client that trusts the certificate, and offers what it is told to.
    async fn meet(files: &CertificateFiles, versions: &[&'static rustls::SupportedProtocolVersion], offer: &[&str]) -> Option<Vec<u8>> {
        let mut trusted = rustls::RootCertStore::empty();
        trusted.add(CertificateDer::from_pem_file(&files.certificate).unwrap()).unwrap();
        let builder = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let mut config = builder.with_protocol_versions(versions).unwrap().with_root_certificates(trusted).with_no_client_auth();
        config.alpn_protocols = offer.iter().map(|word| word.as_bytes().to_vec()).collect();
        let certificate = Certificate::load(files.clone()).unwrap();
        let (theirs, ours) = tokio::io::duplex(64 << 10);
        let client = tokio_rustls::TlsConnector::from(Arc::new(config));
        let (theirs, ours) = tokio::join!(client.connect("localhost".try_into().unwrap(), theirs), certificate.secure(ours));
        ours?;
        theirs.ok()?.get_ref().1.alpn_protocol().map(<[u8]>::to_vec)
    }

    #[tokio::test]
    async fn clients_meet_it_over_both_versions_of_tls() {
        let files = make("meet");
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            assert_eq!(meet(&files, &[version], &["h2", "http/1.1"]).await.as_deref(), Some(&b"http/1.1"[..]));
        }
        // Whoever speaks only what the API does not is told so at once.
        assert_eq!(meet(&files, &[&rustls::version::TLS13], &["h2"]).await, None);
    }
}
