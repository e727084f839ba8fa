//! Many answers of one server against what the oracle expects.

use crate::asking::{Given, ecs, panels, scope};
use crate::peers::wire;
use crate::world::{Expected, World};

/// At most this share of answers may hang on TIE_KM of oracle.py: 1 in so many.
const NEAR_TIES: usize = 50;
/// How many faults are told.
pub(crate) const TOLD: usize = 12;

/// What one server said about all networks, for one hostname and one way of asking.
pub(crate) struct Judged<'w> {
    pub(crate) world: &'w World,
    pub(crate) expected: &'w [Expected],
    pub(crate) faults: Vec<String>,
    asked: usize,
}

impl<'w> Judged<'w> {
    pub(crate) fn new(world: &'w World, expected: &'w [Expected]) -> Self {
        Judged { world, expected, faults: Vec::new(), asked: 0 }
    }

    pub(crate) fn judge(
        &mut self,
        host: usize,
        rtype: u16,
        answers: &[Option<Vec<u8>>],
        sent: impl Fn(usize) -> Option<Vec<u8>>,
        way: &str,
    ) -> Vec<Given> {
        let hostname = &self.world.hostnames[host];
        let mut given = Vec::new();
        for ((n, expected), bytes) in self.expected.iter().enumerate().zip(answers) {
            self.asked += 1;
            let fault = match bytes.as_ref().ok_or("silence".to_owned()).and_then(|bytes| wire::decode(bytes)) {
                Err(why) => Some(why),
                Ok(answer) => {
                    let heard = panels(self.world, &answer, rtype);
                    match scope(&answer, sent(n).as_deref()) {
                        Err(why) => Some(why),
                        Ok(scope) => {
                            let fault = expected.hosts[host].fault(hostname.answers, &heard);
                            let mut panels = heard;
                            panels.sort();
                            given.extend(scope.map(|scope| Given { network: expected.network, scope, panels }));
                            fault
                        }
                    }
                }
            };
            if let Some(fault) = fault {
                let Expected { network, length, country, at, .. } = expected;
                self.faults.push(format!("{} for {network}/{length} ({country:?} {at:?}) {way}: {fault}", hostname.name));
            }
        }
        given
    }

    pub(crate) fn end(self) {
        let told = self.faults.iter().take(TOLD).cloned().collect::<Vec<_>>().join("\n");
        assert!(self.faults.is_empty(), "{} of {} answers are wrong:\n{told}", self.faults.len(), self.asked);
    }
}

pub(crate) fn ecs_of(expected: &Expected) -> Vec<u8> {
    ecs(expected.network, expected.length)
}

/// Ties are real, but rare: this many would hide what is wrong.
pub(crate) fn few_near_ties(expected: &[Expected]) {
    let hosts = expected[0].hosts.len();
    for host in 0..hosts {
        let ties = expected.iter().filter(|one| !one.hosts[host].perhaps.is_empty()).count();
        assert!(
            ties * NEAR_TIES <= expected.len(),
            "host {host}: {ties} of {} networks stand within a hundred metres of a border",
            expected.len()
        );
    }
}
