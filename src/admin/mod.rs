//! shim
use std::sync::Arc;
#[derive(Default)]
pub struct Status;
impl Status {
    pub fn serving(&self, _: bool) {}
    pub fn set(&self, _: u64, _: Vec<String>) {}
}
pub async fn serve(_: tokio::net::TcpListener, _: Arc<Status>) {}
