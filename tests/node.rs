//! The program from outside: started as an operator starts it, its files changed under it, asked over the net.

#[path = "node/broken.rs"]
mod broken;
#[path = "node/explain.rs"]
mod explain;
#[path = "node/hostile.rs"]
mod hostile;
mod peers;
#[path = "node/place.rs"]
mod place;
#[path = "node/process.rs"]
mod process;
#[path = "node/reload.rs"]
mod reload;
#[path = "node/serving.rs"]
mod serving;
