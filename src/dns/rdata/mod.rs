//! Record data: text to wire, and the check of wire.

mod shape;

pub use shape::{Shape, shape};
