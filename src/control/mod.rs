//! Every verb an operator has, once.
//!
//! Owns   explain: an answer, and why it is what it is.
//! Takes  a snapshot, the fleet it was made of, and a question.
//! Gives  what the server says to it, step by step, for people (`Display`) and for programs (`Serialize`).
//! Never  decides an answer itself: it asks the code that answers and puts its record into words.

mod caller;
mod desk;
mod effect;
mod explain;
mod fixed;
mod heard;
mod question;
mod refusal;
mod steered;
#[cfg(test)]
mod tests;
mod text;
mod verb;
mod words;

pub use caller::{Caller, Role, Scope};
pub use desk::{AuditQuery, Control, Happening, TokenOrder, TokenShown, Welcome};
pub use explain::{Explanation, Facts, Ranked, Shown, Step, Tiered, explain, geometry};
pub use question::Question;
pub use refusal::{Fault, Refusal};
pub use verb::{Change, Difference, Done, Found, How, Page, Query, RecordData, RecordSet, StateOrder};
