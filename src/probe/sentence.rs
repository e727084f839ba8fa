//! What goes wrong, in words: whose fault it is, and a sentence without addresses or secrets.

use crate::health::Outcome;
use std::error::Error;
use std::fmt::Write;
use std::io;
use std::time::Duration;

/// What an operation on a socket came to.
pub(super) fn of_io(error: &io::Error) -> Outcome {
    match error.raw_os_error() {
        Some(libc::ECONNREFUSED) => Outcome::Refused,
        Some(code) => match own(code) {
            Some(why) => Outcome::Unasked(why.into()),
            None => Outcome::Bad(theirs(code).into()),
        },
        None => Outcome::Bad(match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::WriteZero => "the connection was closed early".into(),
            io::ErrorKind::TimedOut => "no answer to the connection".into(),
            _ => format!("the connection failed: {}", error.kind()),
        }),
    }
}

/// The panel has no part in these.
pub(super) fn own(code: i32) -> Option<&'static str> {
    Some(match code {
        libc::EMFILE | libc::ENFILE => "no more files may be opened here",
        libc::EADDRNOTAVAIL | libc::EADDRINUSE => "no local address or port is free here",
        libc::ENETUNREACH | libc::ENETDOWN => "there is no route to it from here",
        libc::EPERM => "a firewall or route here forbids it",
        libc::ENOBUFS | libc::ENOMEM | libc::EAGAIN => "no memory for sockets here",
        libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT | libc::EINVAL => "addresses of this kind cannot be reached from here",
        _ => return None,
    })
}

fn theirs(code: i32) -> &'static str {
    match code {
        libc::ECONNRESET | libc::EPIPE | libc::ECONNABORTED => "the connection was reset",
        libc::EHOSTUNREACH | libc::EHOSTDOWN | libc::ENONET => "the host cannot be reached",
        libc::ETIMEDOUT => "no answer to the connection",
        libc::EPROTO | libc::ENOPROTOOPT | libc::EACCES => "the network refused the connection",
        _ => "the connection failed",
    }
}

/// What lies under an error, if it is a `T`.
pub(super) fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut error = Some(error);
    while let Some(found) = error {
        if let Some(it) = found.downcast_ref::<T>() {
            return Some(it);
        }
        // As its source an io::Error gives not what it was made of, but the source of that.
        let within = found.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        error = within.map(|within| within as &(dyn Error + 'static)).or_else(|| found.source());
    }
    None
}

/// `3s`, `1.25s`, `800ms`.
pub(super) fn span(duration: Duration) -> String {
    match duration.as_millis() {
        ms @ ..1000 => format!("{ms}ms"),
        ms => {
            let mut text = format!("{}.{:03}", ms / 1000, ms % 1000);
            text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
            text + "s"
        }
    }
}

/// `200`, `200 or 204`, `200, 204 or 302`.
pub(super) fn choice<T: ToString>(items: &[T]) -> String {
    let mut text = String::new();
    for (at, item) in items.iter().enumerate() {
        let before = match at {
            0 => "",
            _ if at + 1 == items.len() => " or ",
            _ => ", ",
        };
        let _ = write!(text, "{before}{}", item.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_fault_it_is() {
        let of = |code| of_io(&io::Error::from_raw_os_error(code));
        assert_eq!(of(libc::ECONNREFUSED), Outcome::Refused);
        for code in [
            libc::EMFILE,
            libc::ENFILE,
            libc::EADDRNOTAVAIL,
            libc::ENETUNREACH,
            libc::EPERM,
            libc::ENOBUFS,
            libc::ENOMEM,
            libc::EAFNOSUPPORT,
        ] {
            assert!(matches!(of(code), Outcome::Unasked(_)), "{code}");
        }
        for code in [libc::ECONNRESET, libc::EPIPE, libc::EHOSTUNREACH, libc::EACCES, libc::ETIMEDOUT, libc::EIO] {
            assert!(matches!(of(code), Outcome::Bad(_)), "{code}");
        }
        assert!(matches!(of_io(&io::ErrorKind::UnexpectedEof.into()), Outcome::Bad(_)));
    }

    #[test]
    fn causes_are_found_under_io_errors() {
        let error = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, rustls::Error::DecryptError));
        assert_eq!(cause::<rustls::Error>(&error), Some(&rustls::Error::DecryptError));
        assert_eq!(cause::<std::fmt::Error>(&error), None);
    }

    #[test]
    fn words() {
        for (ms, text) in [(0, "0ms"), (999, "999ms"), (1000, "1s"), (1250, "1.25s"), (3000, "3s"), (60_001, "60.001s")] {
            assert_eq!(span(Duration::from_millis(ms)), text);
        }
        assert_eq!([choice(&[200]), choice(&[200, 204]), choice(&[1, 2, 3])], ["200", "200 or 204", "1, 2 or 3"]);
    }
}
