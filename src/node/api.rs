//! The threads of the API.

use anyhow::Context;
use std::future::Future;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Two long readings, and somebody for the short ones.
const API_THREADS: usize = 4;

/// The API's own threads: whatever is asked there, DNS over TCP does not wait for it.
pub(super) struct Api(Option<Runtime>);

impl Api {
    pub(super) fn new() -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(API_THREADS).thread_name("api").enable_all().build();
        runtime.map(|runtime| Self(Some(runtime))).context("can't start the API's threads")
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.0.as_ref().map_or_else(|| tokio::spawn(async {}), |runtime| runtime.spawn(task))
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        // It is dropped among other tasks, which must not wait.
        self.0.take().into_iter().for_each(Runtime::shutdown_background);
    }
}
