//! Who is out on an errand, and who waits.

use super::Heard;
use super::errand;
use super::tls::Trust;
use crate::clock;
use crate::health::{Errand, Outcome, Report, Target};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;

#[derive(Debug)]
pub(super) struct Crew {
    concurrency: usize,
    runtime: Handle,
    trust: Trust,
    heard: UnboundedSender<Heard>,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    out: usize,
    /// Only while all are out. A waiting errand costs nothing but its place.
    waiting: VecDeque<Errand>,
    closed: bool,
}

impl Crew {
    pub(super) fn new(concurrency: usize, runtime: Handle, heard: UnboundedSender<Heard>) -> Self {
        Self { concurrency: concurrency.max(1), runtime, trust: Trust::default(), heard, queue: Mutex::default() }
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
        let waiting = std::mem::take(&mut queue.waiting);
        drop(queue);
        drop(waiting);
    }

    fn send_out(self: &Arc<Self>, errand: Errand) {
        let ticket = Ticket { crew: Arc::clone(self), target: errand.target, begun_ms: clock::now().mono_ms, report: None };
        self.runtime.spawn(async move {
            let mut ticket = ticket;
            let report = errand::run(&errand, &ticket.crew.trust).await;
            ticket.report = Some(report);
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
        // Nobody listens any more when the node ends.
        let _ = self.crew.heard.send(Heard::Report { target: self.target, report });
        if let Some(next) = next {
            self.crew.send_out(next);
        }
    }
}
