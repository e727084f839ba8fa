//! Who is connected: the caps in all and by client network, and who has to go when one is reached.

use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::task::AbortHandle;

/// IPv4 clients are counted by /24 and IPv6 clients by /56: about what one subscriber or one small host can get of each;
/// by single address one client could fill the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Network {
    V4([u8; 3]),
    V6([u8; 7]),
}

impl From<IpAddr> for Network {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, g, ..] = ip.octets();
                Self::V6([a, b, c, d, e, f, g])
            }
        }
    }
}

/// Locked when a connection comes or goes, never for a message.
#[derive(Debug)]
pub(super) struct Crowd {
    cap: usize,
    per_network: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    seated: HashMap<u64, Seated>,
    /// By the time last seen here, which may be earlier than the true one: who comes first is asked before it is believed.
    order: BTreeSet<(u64, u64)>,
    networks: HashMap<Network, Vec<u64>>,
}

#[derive(Debug)]
struct Seated {
    network: Network,
    ordered: u64,
    heard: Arc<AtomicU64>,
    task: Option<AbortHandle>,
}

/// A connection's place. Dropped with it.
#[derive(Debug)]
pub(super) struct Seat {
    id: u64,
    heard: Arc<AtomicU64>,
    crowd: Arc<Crowd>,
}

impl Crowd {
    pub(super) fn new(cap: usize, per_network: usize) -> Self {
        Self { cap: cap.max(1), per_network: per_network.max(1), table: Mutex::default() }
    }

    /// A place for a new connection, and whether another was closed for it.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr, now_ms: u64) -> (Seat, bool) {
        let network = Network::from(peer);
        let heard = Arc::new(AtomicU64::new(now_ms));
        let mut table = self.table.lock();
        let out = if table.networks.get(&network).is_some_and(|ids| ids.len() >= self.per_network) {
            table.idlest_of(network)
        } else if table.seated.len() >= self.cap {
            table.idlest()
        } else {
            None
        };
        let out = out.and_then(|id| table.remove(id));
        let id = table.next;
        table.next += 1;
        table.seated.insert(id, Seated { network, ordered: now_ms, heard: Arc::clone(&heard), task: None });
        table.order.insert((now_ms, id));
        table.networks.entry(network).or_default().push(id);
        drop(table);
        let evicted = out.is_some();
        end(out);
        (Seat { id, heard, crowd: Arc::clone(self) }, evicted)
    }

    /// Tells which task sits at `id`; ends it if the place was given away in the meantime.
    pub(super) fn seat(&self, id: u64, task: AbortHandle) {
        if let Some(seated) = self.table.lock().seated.get_mut(&id) {
            seated.task = Some(task);
            return;
        }
        task.abort();
    }

    /// Closes the idlest connection of all.
    pub(super) fn evict(&self) -> bool {
        let mut table = self.table.lock();
        let out = table.idlest().and_then(|id| table.remove(id));
        drop(table);
        let evicted = out.is_some();
        end(out);
        evicted
    }

    /// Closes all, and says how many there were.
    pub(super) fn clear(&self) -> usize {
        let mut table = self.table.lock();
        let seated = std::mem::take(&mut table.seated);
        table.order.clear();
        table.networks.clear();
        drop(table);
        let count = seated.len();
        for seated in seated.into_values() {
            end(Some(seated));
        }
        count
    }

    pub(super) fn len(&self) -> usize {
        self.table.lock().seated.len()
    }
}

/// Never under the lock: ending a task may drop its `Seat` on the spot.
fn end(out: Option<Seated>) {
    if let Some(task) = out.and_then(|seated| seated.task) {
        task.abort();
    }
}

impl Table {
    fn idlest(&mut self) -> Option<u64> {
        // Each turn but the last pays for a message heard since the connection was put there.
        loop {
            let (ordered, id) = self.order.pop_first()?;
            let Some(seated) = self.seated.get_mut(&id) else { continue };
            let heard = seated.heard.load(Relaxed);
            seated.ordered = heard;
            self.order.insert((heard, id));
            if heard <= ordered {
                return Some(id);
            }
        }
    }

    fn idlest_of(&self, network: Network) -> Option<u64> {
        let ids = self.networks.get(&network)?;
        ids.iter().copied().min_by_key(|id| (self.seated.get(id).map_or(0, |s| s.heard.load(Relaxed)), *id))
    }

    fn remove(&mut self, id: u64) -> Option<Seated> {
        let seated = self.seated.remove(&id)?;
        self.order.remove(&(seated.ordered, id));
        if let Some(ids) = self.networks.get_mut(&seated.network) {
            ids.retain(|&other| other != id);
            if ids.is_empty() {
                self.networks.remove(&seated.network);
            }
        }
        Some(seated)
    }
}

impl Seat {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// A complete message came.
    pub(super) fn heard(&self, now_ms: u64) {
        self.heard.store(now_ms, Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let gone = self.crowd.table.lock().remove(self.id);
        drop(gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_are_24_and_56() {
        assert_eq!(Network::from(ip("192.0.2.1")), Network::from(ip("192.0.2.254")));
        assert_ne!(Network::from(ip("192.0.2.1")), Network::from(ip("192.0.3.1")));
        assert_eq!(Network::from(ip("2001:db8:1:200::1")), Network::from(ip("2001:db8:1:2ff::1")));
        assert_ne!(Network::from(ip("2001:db8:1:200::1")), Network::from(ip("2001:db8:1:300::1")));
    }

    #[test]
    fn the_cap_closes_the_idlest_not_the_oldest() {
        let crowd = Arc::new(Crowd::new(3, 10));
        let (a, _) = crowd.enter(ip("192.0.2.1"), 1);
        let (b, _) = crowd.enter(ip("192.0.3.1"), 2);
        let (c, evicted) = crowd.enter(ip("192.0.4.1"), 3);
        assert!(!evicted);
        a.heard(10);
        let (d, evicted) = crowd.enter(ip("192.0.5.1"), 11);
        assert!(evicted);
        let table = crowd.table.lock();
        assert!(!table.seated.contains_key(&b.id));
        for stays in [&a, &c, &d] {
            assert!(table.seated.contains_key(&stays.id));
        }
        assert_eq!((table.order.len(), table.seated.len(), table.networks.len()), (3, 3, 3));
    }

    #[test]
    fn a_full_network_closes_its_own() {
        let crowd = Arc::new(Crowd::new(100, 2));
        let (other, _) = crowd.enter(ip("198.51.100.1"), 0);
        let (a, _) = crowd.enter(ip("192.0.2.1"), 1);
        let (b, _) = crowd.enter(ip("192.0.2.2"), 2);
        a.heard(3);
        let (c, evicted) = crowd.enter(ip("192.0.2.3"), 4);
        assert!(evicted);
        {
            let table = crowd.table.lock();
            assert!(!table.seated.contains_key(&b.id));
            assert!(table.seated.contains_key(&other.id));
        }
        drop((a, b, c, other));
        let table = crowd.table.lock();
        assert!(table.seated.is_empty() && table.order.is_empty() && table.networks.is_empty());
    }
}
