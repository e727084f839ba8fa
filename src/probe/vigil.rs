//! One idle connection: opened, waited on, replaced when it gets old.

use super::watch::Sentry;
use super::{Heard, dial, sentence};
use crate::clock;
use crate::health::Vigil;
use std::future::pending;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Who does not take a connection in this time has more to say to a check than to a vigil.
const OPENING: Duration = Duration::from_secs(3);

/// Nothing was asked, so a greeting is all that should come; who goes on talking is no place to wait in silence.
const CHATTER: usize = 64 << 10;

/// A successor is opened when so much of the age is reached: 1 - 1/8. Panels count from their own first moment, and timers are late.
const MARGIN: u32 = 8;

enum End {
    Broken,
    GivenUp,
}

pub(super) async fn keep(vigil: Vigil, sentry: Sentry) {
    let target = sentry.target();
    let mut stream = match open(&vigil).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(target_number = target.0, %error, "an idle connection was not opened");
            return sentry.leave(match refusal(&error) {
                End::Broken => Heard::Broken { target, lived: Duration::ZERO },
                End::GivenUp => Heard::Unwatched { target },
            });
        }
    };
    sentry.tell(Heard::Watching { target });
    loop {
        let opened_ms = clock::now().mono_ms;
        let end = tokio::select! {
            end = listen(&stream) => end,
            next = succeed(&vigil, &sentry, age(&vigil)) => match next {
                Ok(Some(next)) => {
                    stream = next;
                    continue;
                }
                // There is no room for two: the old one goes first.
                Ok(None) => {
                    drop(stream);
                    match open(&vigil).await {
                        Ok(next) => {
                            stream = next;
                            continue;
                        }
                        Err(error) => refusal(&error),
                    }
                }
                Err(error) => refusal(&error),
            },
        };
        let lived = Duration::from_millis(clock::now().mono_ms.saturating_sub(opened_ms));
        return sentry.leave(match end {
            End::Broken => Heard::Broken { target, lived },
            End::GivenUp => Heard::Unwatched { target },
        });
    }
}

async fn open(vigil: &Vigil) -> io::Result<TcpStream> {
    timeout(OPENING, dial::hold(vigil.to)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// The next connection when the one before is about to get too old; none where two have no room.
async fn succeed(vigil: &Vigil, sentry: &Sentry, age: Option<Duration>) -> io::Result<Option<TcpStream>> {
    match age {
        Some(age) => sleep(age).await,
        None => pending().await,
    }
    match sentry.spare() {
        Some(_spare) => open(vigil).await.map(Some),
        None => Ok(None),
    }
}

fn age(vigil: &Vigil) -> Option<Duration> {
    vigil.renew.map(|renew| renew - renew / MARGIN)
}

/// Nobody listens any more where a connection still stands: as good a reason to look as any.
fn refusal(error: &io::Error) -> End {
    if error.kind() == io::ErrorKind::ConnectionRefused { End::Broken } else { End::GivenUp }
}

/// Until the connection breaks.
async fn listen(stream: &TcpStream) -> End {
    let mut heard = 0;
    let mut buffer = [0; 1024];
    loop {
        let read = match stream.readable().await {
            Ok(()) => stream.try_read(&mut buffer),
            Err(error) => Err(error),
        };
        match read {
            Ok(0) => return End::Broken,
            Ok(count) => {
                heard += count;
                if heard > CHATTER {
                    return End::GivenUp;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // Memory and routes of this side say nothing of the panel.
            Err(error) if error.raw_os_error().is_some_and(|code| sentence::own(code).is_some()) => return End::GivenUp,
            Err(_) => return End::Broken,
        }
    }
}
