//! Record data: text to wire, and the check of wire.
