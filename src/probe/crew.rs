//! Who is out on an errand, and who waits.

use super::Heard;
use super::errand;
use super::pulse::Pulse;
use super::tls::Trust;
use crate::clock;
use crate::health::{Errand, Outcome, Report, Target};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;

/// That a panel is well can wait so long for others that are: at 2,000 checks a second waking somebody for each costs more than the checks.
const GATHERED: Duration = Duration::from_millis(10);

#[derive(Debug)]
pub(super) struct Crew {
    concurrency: usize,
    runtime: Handle,
    trust: Trust,
    pulse: Arc<Pulse>,
    heard: UnboundedSender<Heard>,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    out: usize,
    /// Only while all are out. A waiting errand costs nothing but its place.
    waiting: VecDeque<Errand>,
    /// Who was found well and is not reported yet. While there are any, a task is about to do that.
    well: Vec<Heard>,
    closed: bool,
}

impl Crew {
    pub(super) fn new(concurrency: usize, runtime: Handle, heard: UnboundedSender<Heard>) -> Self {
        let pulse = Arc::new(Pulse::new(clock::now().mono_ms));
        runtime.spawn(Arc::clone(&pulse).run());
        Self { concurrency: concurrency.max(1), runtime, trust: Trust::default(), pulse, heard, queue: Mutex::default() }
    }

    pub(super) fn ask(self: &Arc<Self>, errand: Errand) {
        let mut queue = self.queue.lock();
        if queue.out == self.concurrency {
            queue.waiting.push_back(errand);
            return;
        }
        queue.out += 1;
        drop(queue);
        self.send_out(errand);
    }

    pub(super) fn close(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        let (waiting, well) = (std::mem::take(&mut queue.waiting), std::mem::take(&mut queue.well));
        drop(queue);
        drop((waiting, well));
    }

    fn send_out(self: &Arc<Self>, errand: Errand) {
        let ticket = Ticket { crew: Arc::clone(self), target: errand.target, begun_ms: clock::now().mono_ms, report: None };
        let late_ms = self.pulse.late_ms(ticket.begun_ms);
        self.runtime.spawn(async move {
            let mut ticket = ticket;
            let mut report = errand::run(&errand, &ticket.crew.trust).await;
            let now_ms = clock::now().mono_ms;
            let late_ms = ticket.crew.pulse.late_ms(now_ms).saturating_sub(late_ms);
            // A panel cannot help that nobody here had time to hear it.
            if matches!(report.outcome, Outcome::Bad(_)) && 2 * late_ms > now_ms.saturating_sub(ticket.begun_ms) {
                report.outcome = Outcome::Unasked(format!("this node was too busy to hear it: late by {late_ms} ms"));
            }
            ticket.report = Some(report);
        });
    }

    /// At once, unless all is well.
    fn tell(self: &Arc<Self>, target: Target, report: Report) {
        let is_well = report.outcome == Outcome::Good;
        let heard = Heard::Report { target, report };
        if !is_well {
            // Nobody listens any more when the node ends.
            let _ = self.heard.send(heard);
            return;
        }
        let mut queue = self.queue.lock();
        queue.well.push(heard);
        if queue.well.len() > 1 {
            return;
        }
        drop(queue);
        let crew = Arc::clone(self);
        self.runtime.spawn(async move {
            tokio::time::sleep(GATHERED).await;
            let well = std::mem::take(&mut crew.queue.lock().well);
            well.into_iter().for_each(|heard| drop(crew.heard.send(heard)));
        });
    }
}

/// Given back when the errand ends, however it ends: then the report goes out, and the next in turn.
struct Ticket {
    crew: Arc<Crew>,
    target: Target,
    begun_ms: u64,
    report: Option<Report>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let next = {
            let mut queue = self.crew.queue.lock();
            if queue.closed {
                return;
            }
            let next = queue.waiting.pop_front();
            queue.out -= usize::from(next.is_none());
            next
        };
        let report = self.report.take().unwrap_or_else(|| Report {
            outcome: Outcome::Unasked("the check failed here, by a fault of Meridian's own".into()),
            took: Duration::from_millis(clock::now().mono_ms.saturating_sub(self.begun_ms)),
            stream_start: None,
            live: None,
        });
        self.crew.tell(self.target, report);
        if let Some(next) = next {
            self.crew.send_out(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::unbounded_channel;

    fn report(outcome: Outcome) -> Report {
        Report { outcome, took: Duration::ZERO, stream_start: None, live: None }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_not_well_is_reported_before_those_who_are_and_they_together() {
        let (heard, mut hearings) = unbounded_channel();
        let crew = Arc::new(Crew::new(1, Handle::current(), heard));
        let mut next = || match hearings.try_recv() {
            Ok(Heard::Report { target, .. }) => Some(target.0),
            _ => None,
        };
        for round in [0, 10] {
            crew.tell(Target(round + 1), report(Outcome::Good));
            crew.tell(Target(round + 2), report(Outcome::Good));
            crew.tell(Target(round + 3), report(Outcome::Refused));
            assert_eq!((next(), next()), (Some(round + 3), None));
            tokio::time::sleep(GATHERED * 2).await;
            assert_eq!((next(), next(), next()), (Some(round + 1), Some(round + 2), None));
        }
    }
}
