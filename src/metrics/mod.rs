//! Numbers, in the words of Prometheus.
//!
//! Owns   the text exposition format (0.0.4), and what a histogram is.
//! Takes  families of samples, one after the other.
//! Gives  a page that Prometheus reads.
//! Never  knows what is counted, and holds no lock: whoever counts keeps the numbers.

mod histogram;
mod page;

pub use histogram::Histogram;
pub use page::{CONTENT_TYPE, Histograms, Number, Page, Samples};
