//! Simulated panels: what they serve is real, advancing HLS, and they can be broken in every way a panel breaks.
//!
//! Owns   a panel's listeners and connections, its streams and status pages, and the faults it is told to have.
//! Takes  addresses, the length of a segment, and a mode, for all addresses or for one.
//! Gives  a running `Panel`, and how often it was asked for what.
//! Never  knows Meridian: it is a panel, and sees nothing of what judges it.

mod crc;
mod face;
mod http;
mod line;
mod mode;
mod panel;
mod site;
mod stream;
mod tally;
mod tls;
mod ts;

pub use mode::Mode;
pub use panel::{Options, Panel};
pub use tally::Requests;
pub use tls::secured;
