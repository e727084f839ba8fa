//! What happened lately, for those who watch.

use super::Happening;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::broadcast;

/// Happenings that can be asked for again: minutes of a busy node.
const KEPT: usize = 4096;
/// What a watcher may be behind before it is told to begin anew.
const BEHIND: usize = 1024;

/// Those that are known when somebody begins to watch, and all that come.
pub type Stream = (Vec<Arc<Happening>>, broadcast::Receiver<Arc<Happening>>);

#[derive(Debug)]
pub(super) struct Happenings {
    recent: Mutex<Recent>,
    to: broadcast::Sender<Arc<Happening>>,
}

#[derive(Debug)]
struct Recent {
    next: u64,
    list: VecDeque<Arc<Happening>>,
}

impl Happenings {
    /// Ids go on from `first`, so that those of an earlier run are not taken for this one's.
    pub(super) fn from(first: u64) -> Self {
        Self { recent: Mutex::new(Recent { next: first, list: VecDeque::new() }), to: broadcast::channel(BEHIND).0 }
    }

    pub(super) fn tell(&self, kind: &'static str, at_s: u64, body: Value, objects: Vec<String>) {
        let mut recent = self.recent.lock();
        let happening = Arc::new(Happening { id: recent.next, kind, at_s, body, objects });
        recent.next += 1;
        if recent.list.len() == KEPT {
            recent.list.pop_front();
        }
        recent.list.push_back(Arc::clone(&happening));
        // While the list is held, so that nobody misses one between the two.
        let _ = self.to.send(happening);
    }

    /// None: what came after `after` is no longer known.
    pub(super) fn since(&self, after: Option<u64>) -> Option<Stream> {
        let recent = self.recent.lock();
        let receiver = self.to.subscribe();
        let Some(after) = after else { return Some((Vec::new(), receiver)) };
        let oldest = recent.list.front().map_or(recent.next, |happening| happening.id);
        if after + 1 < oldest || after >= recent.next {
            return None;
        }
        Some((recent.list.iter().filter(|happening| happening.id > after).cloned().collect(), receiver))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_misses_nothing_or_is_told() {
        let happenings = Happenings::from(100);
        for n in 0..KEPT as u64 + 10 {
            happenings.tell("change", n, Value::Null, vec![]);
        }
        let ids = |after| happenings.since(after).map(|(known, _)| known.iter().map(|happening| happening.id).collect::<Vec<_>>());
        let last = 100 + KEPT as u64 + 9;
        assert_eq!(ids(Some(last - 2)), Some(vec![last - 1, last]));
        assert_eq!((ids(None), ids(Some(last))), (Some(vec![]), Some(vec![])));
        assert_eq!(ids(Some(109)).map(|ids| ids.len()), Some(KEPT));
        // Forgotten, of an earlier run, of no run.
        assert_eq!((ids(Some(108)), ids(Some(5)), ids(Some(last + 1))), (None, None, None));
        let (_, mut receiver) = happenings.since(None).unwrap();
        happenings.tell("state", 1, Value::Null, vec!["panels/a".into()]);
        assert_eq!(receiver.try_recv().unwrap().id, last + 1);
    }
}
