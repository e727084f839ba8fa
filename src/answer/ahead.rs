//! Looking ahead for a batch of queries.
//!
//! In a large world an answer waits for memory some ten times, and each time for what the one before has told: slot, node, hostname, set,
//! place, members. A batch takes these steps together, so that the waits of its queries overlap. Nothing is decided here: what is
//! touched is near when the answers are made, one after the other; of what is found only the names are kept.

use super::edns::network;
use crate::dns::wire::{Edns, HEADER, Header, option};
use crate::geo::Near;
use crate::snapshot::path::Path;
use crate::snapshot::service::Service;
use crate::snapshot::zone::{At, Zone};
use crate::snapshot::{Services, Serving, Snapshot};
use std::net::IpAddr;

/// Queries at a time.
pub const AHEAD: usize = 32;

/// The names that the queries of one batch ask for, made ready.
pub struct Ahead {
    paths: Box<[Path]>,
    is_ready: [bool; AHEAD],
}

/// What was found of a query so far.
#[derive(Clone, Copy, Default)]
struct Step<'a> {
    zone: Option<(&'a Zone, &'a Services)>,
    node: Option<At>,
    service: Option<&'a Service>,
    near: Option<Near>,
}

impl Default for Ahead {
    fn default() -> Self {
        Self { paths: vec![Path::ROOT; AHEAD].into(), is_ready: [false; AHEAD] }
    }
}

impl Ahead {
    /// The name that this query of those last looked at asks for, if it is one that can be looked for.
    #[inline]
    pub fn path(&self, query: usize) -> Option<&Path> {
        self.paths.get(query).filter(|_| self.is_ready[query])
    }

    /// The queries and who sent them, in the order of their numbers. Those beyond the first `AHEAD` are answered without.
    pub fn look<'q>(&mut self, snapshot: &Snapshot, queries: impl Iterator<Item = (&'q [u8], IpAddr)>) {
        self.is_ready = [false; AHEAD];
        let mut places = [IpAddr::from([0; 4]); AHEAD];
        let mut count = 0;
        for (bytes, peer) in queries.take(AHEAD) {
            if let Some(header) =
                Header::read(bytes).filter(|header| !header.is_response() && header.opcode() == 0 && header.counts[0] == 1)
            {
                let path = &mut self.paths[count];
                self.is_ready[count] = path.fill(&bytes[HEADER..]);
                places[count] = subnet(bytes, &header, HEADER + path.wire().len() + 4).unwrap_or(peer);
            }
            count += 1;
        }
        let mut steps = [Step::default(); AHEAD];
        let steps = &mut steps[..count];
        for (step, (path, _)) in steps.iter_mut().zip(self.paths.iter().zip(&self.is_ready)).filter(|(_, (_, is_ready))| **is_ready) {
            if let Some(Serving::Zone(zone, services)) = snapshot.zones.find(path, path.count()) {
                step.zone = Some((zone, services));
                step.node = zone.likely(path);
            }
        }
        for step in &mut *steps {
            let (Some((zone, services)), Some(node)) = (step.zone, step.node) else { continue };
            step.service = zone.node_at(node).steered().and_then(|(hostname, _)| services.of_hostname(hostname));
        }
        for service in steps.iter().filter_map(|step| step.service) {
            service.touch();
        }
        for (step, place) in steps.iter_mut().zip(places) {
            step.near = step.service.and_then(|service| service.roster.near(place));
        }
        for step in &*steps {
            if let (Some(service), Some(near)) = (step.service, step.near) {
                service.roster.touch(near);
            }
        }
    }
}

/// Of an OPT record in the usual place. Whether all of it is sound is not asked here.
#[inline]
fn subnet(bytes: &[u8], header: &Header, question_end: usize) -> Option<IpAddr> {
    const HEAD: [u8; 3] = [0, 0, 41];
    let record = bytes.get(question_end..).filter(|record| header.counts[1..] == [0, 0, 1] && record.starts_with(&HEAD))?;
    let edns = Edns { payload: 0, version: 0, dnssec: false, options: record.get(11..)? };
    edns.options().find(|(code, _)| *code == option::SUBNET).and_then(|(_, value)| network(value))
}
