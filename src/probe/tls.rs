//! TLS: what is believed, what a handshake came to, and how long a certificate has left.

use super::certificate;
use super::sentence::{cause, of_io, span};
use crate::clock;
use crate::health::Outcome;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The system's authorities are read again after so long: they change while a node runs for years.
const BELIEVED_MS: u64 = 3_600_000;

const DAY_S: i64 = 86_400;

/// Names of a certificate beyond these are only counted.
const SHOWN_NAMES: usize = 3;

/// How connections are secured; made once, as reading the system's authorities takes milliseconds.
#[derive(Default)]
pub(super) struct Trust {
    unverified: OnceLock<Arc<ClientConfig>>,
    verified: tokio::sync::Mutex<Option<(Arc<ClientConfig>, u64)>>,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").finish_non_exhaustive()
    }
}

impl Trust {
    pub(super) async fn config(&self, verify: bool) -> Result<Arc<ClientConfig>, Outcome> {
        if !verify {
            return Ok(Arc::clone(self.unverified.get_or_init(|| config(None))));
        }
        let mut verified = self.verified.lock().await;
        let now_ms = clock::now().mono_ms;
        if let Some((config, read_ms)) = &*verified
            && now_ms < read_ms.saturating_add(BELIEVED_MS)
        {
            return Ok(Arc::clone(config));
        }
        let read = tokio::task::spawn_blocking(read).await.unwrap_or_else(|_| Err("reading failed".into()));
        match (read, &*verified) {
            (Ok(fresh), _) => {
                *verified = Some((Arc::clone(&fresh), now_ms));
                Ok(fresh)
            }
            // What was believed an hour ago still is.
            (Err(error), Some((config, _))) => {
                tracing::warn!("the certificate authorities of this system cannot be read again: {error}");
                let config = Arc::clone(config);
                *verified = Some((Arc::clone(&config), now_ms));
                Ok(config)
            }
            (Err(error), None) => Err(Outcome::Unasked(format!("no certificate authorities are known here: {error}"))),
        }
    }
}

/// The handshake, and what it came to.
pub(super) async fn secure(
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Outcome> {
    TlsConnector::from(config).connect(name, stream).await.map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Outcome::Bad("the connection was closed in the TLS handshake".into()),
        _ => failed(&error),
    })
}

/// A sentence when the certificate ends before so many days have gone.
pub(super) fn ending(stream: &TlsStream<TcpStream>, days: u32, wall_s: u64) -> Option<String> {
    let own = stream.get_ref().1.peer_certificates()?.first()?;
    let left_s = certificate::not_after(own)?.saturating_sub(i64::try_from(wall_s).ok()?);
    (left_s < i64::from(days) * DAY_S).then(|| match left_s.div_euclid(DAY_S) {
        ..0 => "the certificate has expired".into(),
        0 => format!("the certificate ends in {}", hours(left_s)),
        1 => "the certificate ends in 1 day".into(),
        days => format!("the certificate ends in {days} days"),
    })
}

fn failed(error: &io::Error) -> Outcome {
    match cause::<rustls::Error>(error) {
        Some(error) => Outcome::Bad(said(error)),
        None => of_io(error),
    }
}

pub(super) fn said(error: &rustls::Error) -> String {
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage, NoCertificatesPresented, PeerIncompatible};
    match error {
        InvalidCertificate(error) => untrusted(error),
        NoCertificatesPresented => "it shows no certificate".into(),
        InvalidMessage(_) => "it does not speak TLS".into(),
        PeerIncompatible(_) => "it speaks no TLS 1.2 or 1.3 with a cipher that is safe".into(),
        AlertReceived(alert) => format!("it refused TLS: {alert:?}"),
        error => format!("TLS failed: {error}"),
    }
}

fn untrusted(error: &CertificateError) -> String {
    match error {
        CertificateError::ExpiredContext { time, not_after } => {
            let since = Duration::from_secs(time.as_secs().saturating_sub(not_after.as_secs()));
            match since.as_secs() / DAY_S.unsigned_abs() {
                0 => format!("the certificate has expired, {} ago", hours(since.as_secs().cast_signed())),
                1 => "the certificate has expired, 1 day ago".into(),
                days => format!("the certificate has expired, {days} days ago"),
            }
        }
        CertificateError::Expired => "the certificate has expired".into(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "the certificate is not valid yet".into(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let wanted = match expected {
                ServerName::DnsName(name) => format!("`{}`", name.as_ref()),
                _ => "the address".into(),
            };
            // They come as `DnsName("a.example")`.
            let names: Vec<&str> = presented.iter().map(|name| name.split('"').nth(1).unwrap_or(name)).collect();
            match names.len() {
                0 => format!("the certificate is not for {wanted}, and names nobody"),
                count if count <= SHOWN_NAMES => format!("the certificate is not for {wanted}, but for {}", names.join(", ")),
                count => {
                    format!(
                        "the certificate is not for {wanted}, but for {} and {} more",
                        names[..SHOWN_NAMES].join(", "),
                        count - SHOWN_NAMES
                    )
                }
            }
        }
        CertificateError::NotValidForName => "the certificate is for another name".into(),
        CertificateError::UnknownIssuer => "the certificate is not trusted: its issuer is not known here".into(),
        CertificateError::BadSignature => "the certificate is not trusted: its signature is not its issuer's".into(),
        // Who makes one in a hurry makes it an authority's.
        CertificateError::Other(error) if error.to_string().contains("CaUsedAsEndEntity") => {
            "the certificate is not trusted: it is an authority's own".into()
        }
        error => format!("the certificate is not trusted: {error}"),
    }
}

fn hours(seconds: i64) -> String {
    match seconds / 3600 {
        0 => span(Duration::from_secs(seconds.unsigned_abs())),
        1 => "1 hour".into(),
        hours => format!("{hours} hours"),
    }
}

fn read() -> Result<Arc<ClientConfig>, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Old authorities of a system that rustls cannot read are no reason to do without the others.
    roots.add_parsable_certificates(found.certs);
    match (roots.is_empty(), found.errors.first()) {
        (false, _) => Ok(config(Some(roots))),
        (true, Some(error)) => Err(error.to_string()),
        (true, None) => Err("there are none; install ca-certificates, or name a file in SSL_CERT_FILE".into()),
    }
}

fn config(roots: Option<RootCertStore>) -> Arc<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("ring has ciphers for both versions");
    let mut config = match roots {
        Some(roots) => builder.with_root_certificates(roots).with_no_client_auth(),
        None => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider))).with_no_client_auth(),
    };
    // Who resumes a session does not show the certificate again, and panels with one name are not one panel.
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

/// For `verify = false`: whoever finishes the handshake is believed.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
