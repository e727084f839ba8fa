//! A check by HLS: playlist, variant, the segment a viewer would get next.

use super::client::{Answer, Client, Wish};
use super::errand::Findings;
use super::media;
use super::playlist::{self, Media, Playlist, Segment};
use super::url::Url;
use crate::clock;
use crate::health::{Live, Outcome};
use hyper::Method;
use std::time::Duration;

/// A day of two-second segments has 3 MB, but live playlists have some kilobytes and those of films some hundred.
const PLAYLIST: usize = 1 << 20;

/// A playlist leads to a variant, and a variant to segments; what leads on and on serves nobody.
const PLAYLISTS: usize = 2;

/// Of a segment that comes faster than it plays, so much is read: a few round trips, and for ten thousand panels still little.
const SAMPLE: u64 = 64 << 10;

/// Of one that does not, at most so much: on long lines speed comes with time, and it is given the time to show it.
const LONG_SAMPLE: u64 = 4 << 20;

/// Who was slow for less than this may just have begun.
const SLOW_FOR: Duration = Duration::from_secs(1);

/// A connection from afar needs some round trips until it is as fast as it gets.
const SHARE: u32 = 4;

pub(super) async fn check(mut client: Client<'_>) -> Result<Findings, Outcome> {
    let mut url = client.url.clone();
    let mut what = "playlist".to_owned();
    for _ in 0..PLAYLISTS {
        client.progress.about(&what);
        let (text, base) = named(fetch(&mut client, &url).await, &what)?;
        let in_it = |fault: String| Outcome::Bad(format!("{what}: {fault}"));
        match playlist::parse(&text).map_err(in_it)? {
            Playlist::Media(media) => return play(client, &media, &base, &what).await,
            Playlist::Master(variants) => {
                // The first that can be asked for: players begin with it too, and go on to others as they see fit.
                let variant = variants.iter().find_map(|variant| base.join(variant).ok());
                url = variant.ok_or_else(|| in_it("it has no variant that can be asked for".into()))?;
                what = format!("variant `{}`", shown(&url));
            }
        }
    }
    Err(Outcome::Bad(format!("{what}: it leads to variants again")))
}

async fn fetch(client: &mut Client<'_>, url: &Url) -> Result<(Vec<u8>, Url), Outcome> {
    let mut answer = client.ask(url, Wish { method: Method::GET, taken: &[], range: None, last: false }).await?;
    expect(&answer, 200)?;
    answer.plain()?;
    match client.read_all(&mut answer, PLAYLIST).await? {
        (text, true) => Ok((text, answer.url)),
        // What is longer may still be shown to be something else.
        (text, false) => Err(Outcome::Bad(playlist::parse(&text).err().unwrap_or_else(|| "it is longer than 1 MiB".into()))),
    }
}

async fn play(mut client: Client<'_>, media: &Media<'_>, base: &Url, what: &str) -> Result<Findings, Outcome> {
    // Of a live stream the newest is what the panel has to do with now; a film is begun at its beginning.
    let segment = if media.ended { &media.first } else { &media.last };
    let Some(segment) = segment else {
        let fault = if media.newest.is_some() { "all its segments are gaps" } else { "it has no segments" };
        return Err(Outcome::Bad(format!("{what}: {fault}")));
    };
    let url = base.join(segment.uri).map_err(|fault| Outcome::Bad(format!("{what}: its segment has {fault}")))?;
    let what = format!("segment `{}`", shown(&url));
    client.progress.about(&what);
    let (stream_start, slow) = named(taste(&mut client, &url, segment).await, &what)?;
    let newest = media.newest.filter(|_| !media.ended);
    let live = newest.map(|newest| Live { newest, target: Duration::from_secs(media.target_s) });
    let mut weak = client.weak;
    weak.extend(slow.map(|slow| format!("{what}: {slow}")));
    Ok(Findings { weak, stream_start: Some(stream_start), live })
}

/// When its first bytes came, and a sentence if it comes slower than it plays.
async fn taste(client: &mut Client<'_>, url: &Url, segment: &Segment<'_>) -> Result<(Duration, Option<String>), Outcome> {
    let range = segment.range.map(|range| {
        let last = range.from.saturating_add(range.length - 1);
        format!("bytes={}-{last}", range.from)
    });
    let progress = client.progress;
    let asked_ms = clock::now().mono_ms;
    let mut stream_start = Duration::ZERO;
    let mut answer = client.ask(url, Wish { method: Method::GET, taken: &[], range, last: true }).await?;
    // Who ignores the range sends from the beginning: right for a segment that begins there.
    let status = answer.status.as_u16();
    let whole_is_fine = segment.range.is_none_or(|range| range.from == 0);
    if !(status == 206 && segment.range.is_some() || status == 200 && whole_is_fine) {
        expect(&answer, if segment.range.is_some() { 206 } else { 200 })?;
    }
    answer.plain()?;
    let size = match (segment.range, status) {
        (Some(range), _) => Some(range.length),
        (None, _) => answer.length(),
    };
    let mut first = Vec::new();
    let mut speed = Speed { asked_ms, first_ms: None, plays_s: segment.plays_s, size, read: 0 };
    loop {
        // Before the first bytes the whole check's timeout holds; after them, half of it is enough for the rest.
        let next = match speed.first_ms {
            None => client.read(&mut answer).await?,
            Some(_) => {
                let left = (progress.timeout / 2).saturating_sub(progress.gone());
                match tokio::time::timeout(left, client.read(&mut answer)).await {
                    Ok(next) => next?,
                    Err(_) => break,
                }
            }
        };
        let whole = next.is_none();
        let bytes = next.unwrap_or_default();
        speed.read += bytes.len() as u64;
        if speed.first_ms.is_none() {
            first.extend_from_slice(&bytes);
            if whole || first.len() >= media::ENOUGH {
                media::judge(&first, whole, segment.encrypted).map_err(Outcome::Bad)?;
                speed.first_ms = Some(clock::now().mono_ms);
                stream_start = progress.gone();
            }
        }
        if whole {
            return Ok((stream_start, speed.slow_in_all(clock::now().mono_ms)));
        }
        if speed.first_ms.is_some() && speed.is_known(clock::now().mono_ms) {
            break;
        }
    }
    Ok((stream_start, speed.slow_so_far(clock::now().mono_ms, SLOW_FOR.min(progress.timeout / SHARE))))
}

/// How fast a segment comes, in terms of how fast it plays. Nothing is said of one whose length or size nobody tells.
#[derive(Debug)]
struct Speed {
    asked_ms: u64,
    /// Before these came the panel was thinking; how long it may is what `latency` is for.
    first_ms: Option<u64>,
    plays_s: f64,
    size: Option<u64>,
    read: u64,
}

impl Speed {
    /// Seconds of play that have come.
    fn come_s(&self) -> Option<f64> {
        let size = self.size.filter(|size| *size > 0)? as f64;
        (self.plays_s > 0.0).then_some(self.plays_s * (self.read as f64 / size).min(1.0))
    }

    /// Nothing is learnt by reading on.
    fn is_known(&self, now_ms: u64) -> bool {
        let ahead = self.come_s().is_none_or(|come_s| come_s >= seconds(self.first_ms.unwrap_or(now_ms), now_ms));
        self.read >= LONG_SAMPLE || (self.read >= SAMPLE && ahead)
    }

    /// Not before it was looked at for `least`.
    fn slow_so_far(&self, now_ms: u64, least: Duration) -> Option<String> {
        let (come_s, gone_s) = (self.come_s()?, seconds(self.first_ms?, now_ms));
        (gone_s >= least.as_secs_f64() && come_s < gone_s).then(|| format!("slower than it plays: {come_s:.1}s of it came in {gone_s:.1}s"))
    }

    fn slow_in_all(&self, now_ms: u64) -> Option<String> {
        let gone_s = seconds(self.asked_ms, now_ms);
        (self.plays_s > 0.0 && gone_s > self.plays_s)
            .then(|| format!("slower than it plays: its {:.1}s came in {gone_s:.1}s", self.plays_s))
    }
}

fn seconds(from_ms: u64, to_ms: u64) -> f64 {
    to_ms.saturating_sub(from_ms) as f64 / 1000.0
}

fn expect(answer: &Answer, wanted: u16) -> Result<(), Outcome> {
    match answer.status.as_u16() {
        status if status == wanted => Ok(()),
        status @ (401 | 403) => Err(Outcome::Barred(format!("status {status}: it wants other credentials"))),
        status => Err(Outcome::Bad(format!("status {status} instead of {wanted}"))),
    }
}

/// With what it is about.
fn named<T>(result: Result<T, Outcome>, what: &str) -> Result<T, Outcome> {
    result.map_err(|outcome| match outcome {
        Outcome::Bad(sentence) => Outcome::Bad(format!("{what}: {sentence}")),
        Outcome::Barred(sentence) => Outcome::Barred(format!("{what}: {sentence}")),
        other => other,
    })
}

fn shown(url: &Url) -> String {
    crate::document::shown(url.shown())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speed(plays_s: f64, size: Option<u64>, read: u64) -> Speed {
        Speed { asked_ms: 0, first_ms: Some(1000), plays_s, size, read }
    }

    #[test]
    fn slow_is_what_plays_faster_than_it_comes() {
        let least = Duration::from_millis(500);
        // A sixth of six seconds has come.
        let so_far = |now_ms| speed(6.0, Some(600), 100).slow_so_far(now_ms, least);
        assert_eq!([so_far(1400), so_far(2000)], [None, None]);
        assert_eq!(so_far(2500).as_deref(), Some("slower than it plays: 1.0s of it came in 1.5s"));
        assert_eq!(speed(6.0, Some(600), 1).slow_so_far(1400, least), None, "it may just have begun");
        for (plays_s, size) in [(0.0, Some(600)), (6.0, None), (6.0, Some(0))] {
            assert_eq!(speed(plays_s, size, 0).slow_so_far(9000, least), None, "nobody says how fast it should be");
        }
        assert_eq!(speed(6.0, None, 1).slow_in_all(6000), None);
        assert_eq!(speed(6.0, None, 1).slow_in_all(7000).as_deref(), Some("slower than it plays: its 6.0s came in 7.0s"));
        assert_eq!(speed(0.0, None, 1).slow_in_all(7000), None);
    }

    #[test]
    fn who_is_behind_is_given_time() {
        let known = |read, now_ms| speed(6.0, Some(10 << 20), read).is_known(now_ms);
        assert!(!known(SAMPLE - 1, 1000), "too little has come");
        assert!(known(SAMPLE, 1010), "it comes faster than it plays");
        assert!(!known(SAMPLE, 2000), "it may still catch up");
        assert!(known(LONG_SAMPLE, 9000));
        assert!(speed(6.0, None, SAMPLE).is_known(2000), "nothing can be learnt");
    }
}
