//! Every verb an operator has, once.
//!
//! Owns   changes, from what a caller sends to what the answers have: judged, compiled, stored, published; who may; the audit trail;
//!        explain: an answer, and why it is what it is; how panels are, in words and in numbers.
//! Takes  callers with their tokens, changes, questions, heartbeats, verdicts that turned; the store, and a way to the pilot.
//! Gives  what came of it, or a refusal in which nothing outside the caller's scope is named.
//! Never  speaks HTTP, or decides an answer itself: it asks the code that answers and puts its record into words.

mod asking;
mod begin;
mod caller;
mod desk;
mod effect;
mod explain;
mod fixed;
mod happen;
mod heard;
mod journal;
mod look;
mod making;
mod mend;
mod minting;
mod office;
mod question;
mod refusal;
mod secret;
mod sight;
mod steered;
mod tally;
mod telling;
#[cfg(test)]
mod tests;
mod text;
mod texts;
mod tokens;
mod touch;
mod verb;
mod wanting;
mod words;
mod writer;

pub use asking::named_gauges;
#[cfg(test)]
pub use begin::scratch;
pub use begin::{Opening, Options, begin};
pub use caller::{Caller, Role, Scope};
pub use desk::{AuditQuery, Control, Happening, Posts, RecordQuery, Records, TokenOrder, Welcome};
pub use explain::{Explanation, Facts, Ranked, Shown, Step, Tiered, explain, geometry};
pub use happen::Stream;
pub use mend::{Ground, Mended, mend};
pub use office::{Post, Served, Told};
pub use question::Question;
pub use refusal::{Fault, Refusal};
pub use secret::MASK;
pub use tally::{CheckTally, Figures, OUTCOMES, Tallies};
pub use tokens::{Terms, TokenShown};
pub use verb::{Change, Difference, Done, Found, How, Page, Query, RecordData, RecordSet, StateOrder};
