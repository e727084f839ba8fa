//! Building ranges, from the lowest address to the highest.

use super::ranges::{Ranges, Six};
use super::table::{Rows, Value};

/// Each value holds from its start to the next one's; equal neighbours become one run. What comes before the first start is unknown.
pub struct Builder<V: Value> {
    v4: FourRows<V>,
    v6: SixRows<V>,
}

pub(super) struct FourRows<V: Value>(Rows<u32, V>);

pub(super) struct SixRows<V: Value> {
    rows: Rows<u64, V>,
    /// What holds from this half on, unless something else is said of it.
    next: (u64, V),
    deep: Vec<(u128, V)>,
    /// What holds from the last start on.
    last: V,
    /// The half that was marked last, while nothing is said yet about what comes after it.
    open: Option<u64>,
}

impl<V: Value> Default for Builder<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Value> Builder<V> {
    pub fn new() -> Self {
        Self { v4: FourRows::new(), v6: SixRows::new() }
    }

    /// The starts ascend.
    #[inline]
    pub fn push_v4(&mut self, start: u32, value: V) {
        self.v4.push(start, value);
    }

    /// The starts ascend. One among the mapped addresses, whose values are those of IPv4, only makes prefixes beside them longer than need be.
    #[inline]
    pub fn push_v6(&mut self, start: u128, value: V) {
        self.v6.push(start, value);
    }

    pub fn finish(self) -> Ranges<V> {
        Ranges { v4: self.v4.finish(), v6: self.v6.finish() }
    }
}

impl<V: Value> FourRows<V> {
    pub(super) fn new() -> Self {
        Self(Rows::new())
    }

    #[inline]
    pub(super) fn push(&mut self, start: u32, value: V) {
        assert!(value != V::MARK, "the greatest value is kept for the table itself");
        if self.0.is_empty() && start > 0 {
            self.0.push(0, V::default());
        }
        self.0.push(start, value);
    }

    pub(super) fn finish(mut self) -> V::Table<u32> {
        if self.0.is_empty() {
            self.0.push(0, V::default());
        }
        self.0.finish()
    }
}

impl<V: Value> SixRows<V> {
    pub(super) fn new() -> Self {
        Self { rows: Rows::new(), next: (0, V::default()), deep: Vec::new(), last: V::default(), open: None }
    }

    #[inline]
    pub(super) fn push(&mut self, start: u128, value: V) {
        assert!(value != V::MARK, "the greatest value is kept for the table itself");
        if value == self.last {
            return;
        }
        let half = (start >> 64) as u64;
        if start as u64 != 0 {
            self.push_deep(half, start, value);
        } else {
            self.close(Some(half));
            self.set(half, value);
        }
        self.last = value;
    }

    /// A run begins within a half.
    fn push_deep(&mut self, half: u64, start: u128, value: V) {
        if self.open != Some(half) {
            self.close(Some(half));
            self.set(half, V::MARK);
            self.deep.push((u128::from(half) << 64, self.last));
            self.open = Some(half);
        }
        self.deep.push((start, value));
    }

    /// After a marked half the last value goes on, up to where the next thing is said.
    fn close(&mut self, next: Option<u64>) {
        let Some(after) = self.open.take().and_then(|open| open.checked_add(1)) else { return };
        if next.is_none_or(|next| after < next) {
            self.set(after, self.last);
        }
    }

    /// What holds from this half on; a run that began here is taken back.
    fn set(&mut self, half: u64, value: V) {
        if self.next.0 != half {
            self.rows.push(self.next.0, self.next.1);
        }
        self.next = (half, value);
    }

    pub(super) fn finish(mut self) -> Six<V> {
        self.close(None);
        self.rows.push(self.next.0, self.next.1);
        self.deep.shrink_to_fit();
        Six { table: self.rows.finish(), deep: self.deep }
    }
}
