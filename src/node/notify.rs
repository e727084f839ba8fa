//! Telling systemd how the node is (sd_notify(3)).

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use tracing::warn;

/// The service manager's ear, if there is one.
#[derive(Debug)]
pub struct Notify(Option<(UnixDatagram, SocketAddr)>);

impl Notify {
    /// From `NOTIFY_SOCKET`. Without it everything said is lost, as when the node is started by hand.
    pub fn from_environment() -> Self {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else { return Self(None) };
        Self::to(&name).unwrap_or_else(|error| {
            warn!(%error, socket = %name.display(), "cannot notify the service manager");
            Self(None)
        })
    }

    /// A path, or `@` and a name in Linux's abstract space.
    pub fn to(name: &OsStr) -> io::Result<Self> {
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            [b'/', ..] => SocketAddr::from_pathname(name)?,
            _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a path nor @name")),
        };
        let socket = UnixDatagram::unbound()?;
        // A manager that does not listen must not stop the node.
        socket.set_nonblocking(true)?;
        Ok(Self(Some((socket, address))))
    }

    /// Queries are answered.
    pub fn ready(&self, status: &str) {
        self.say(&format!("READY=1\n{}", status_line(status)));
    }

    /// A reload begins; `ready` ends it. `monotonic_us` is CLOCK_MONOTONIC, which Type=notify-reload asks for and Type=notify does without.
    pub fn reloading(&self, monotonic_us: Option<u64>) {
        let since = monotonic_us.map_or_else(String::new, |us| format!("MONOTONIC_USEC={us}\n"));
        self.say(&format!("RELOADING=1\n{since}"));
    }

    pub fn stopping(&self) {
        self.say(&format!("STOPPING=1\n{}", status_line("draining")));
    }

    /// What `systemctl status` shows.
    pub fn status(&self, status: &str) {
        self.say(&status_line(status));
    }

    fn say(&self, message: &str) {
        if let Some((socket, address)) = &self.0
            && let Err(error) = socket.send_to_addr(message.as_bytes(), address)
        {
            warn!(%error, "cannot notify the service manager");
        }
    }
}

/// One line is one assignment, so the status must not hold another.
fn status_line(status: &str) -> String {
    format!("STATUS={}\n", status.replace(['\n', '\r'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn hear(ear: &UnixDatagram) -> String {
        let mut message = [0; 1024];
        let len = ear.recv(&mut message).unwrap();
        String::from_utf8(message[..len].to_vec()).unwrap()
    }

    fn check(ear: &UnixDatagram, notify: &Notify) {
        ear.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        notify.ready("generation 1");
        notify.reloading(Some(12));
        notify.reloading(None);
        notify.status("two\nlines");
        notify.stopping();
        assert_eq!(hear(ear), "READY=1\nSTATUS=generation 1\n");
        assert_eq!(hear(ear), "RELOADING=1\nMONOTONIC_USEC=12\n");
        assert_eq!(hear(ear), "RELOADING=1\n");
        assert_eq!(hear(ear), "STATUS=two lines\n");
        assert_eq!(hear(ear), "STOPPING=1\nSTATUS=draining\n");
    }

    #[test]
    fn a_path_hears() {
        let path = std::env::temp_dir().join(format!("meridian-notify-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let ear = UnixDatagram::bind(&path).unwrap();
        check(&ear, &Notify::to(path.as_os_str()).unwrap());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn an_abstract_name_hears() {
        let name = format!("meridian-notify-{}", std::process::id());
        let ear = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        check(&ear, &Notify::to(OsStr::new(&format!("@{name}"))).unwrap());
    }

    #[test]
    fn nobody_hearing_does_no_harm() {
        Notify(None).ready("x");
        Notify::to(OsStr::new("/nonexistent/socket")).unwrap().ready("x");
        assert!(Notify::to(OsStr::new("vsock:2:1")).is_err());
        assert!(Notify::to(OsStr::new(&format!("/{}", "a".repeat(200)))).is_err());
    }
}
