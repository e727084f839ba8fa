//! Ranges made from ranges, in one pass over the runs of each, and from networks.

use std::cmp::Reverse;
use std::net::IpAddr;

use crate::document::Network;

use super::build::{FourRows, SixRows};
use super::ranges::{Ranges, Six};
use super::table::{Table, Value};

/// Every value replaced by another.
pub fn map<V: Value, W: Value>(ranges: &Ranges<V>, mut f: impl FnMut(V) -> W) -> Ranges<W> {
    let (mut v4, mut v6) = (FourRows::new(), SixRows::new());
    ranges.v4().for_each(|(start, value)| v4.push(start as u32, f(value)));
    ranges.v6().for_each(|(start, value)| v6.push(start, f(value)));
    Ranges { v4: v4.finish(), v6: v6.finish() }
}

/// What two ranges say of an address made into one value.
pub fn merge<A: Value, B: Value, C: Value>(a: &Ranges<A>, b: &Ranges<B>, mut f: impl FnMut(A, B) -> C) -> Ranges<C> {
    Ranges { v4: merge_v4(a, b, &mut f), v6: merge_v6(a, b, &mut f) }
}

/// What `top` knows, and where it knows nothing what `bottom` does.
pub fn overlay<V: Value>(top: Ranges<V>, bottom: Ranges<V>) -> Ranges<V> {
    let mut upper = |a: V, b: V| if a == V::default() { b } else { a };
    // Databases of one family each are common and large: what needs no merging is moved.
    let v4 = (!top.v4.is_empty() && !bottom.v4.is_empty()).then(|| merge_v4(&top, &bottom, &mut upper));
    let v6 = (!top.v6.is_empty() && !bottom.v6.is_empty()).then(|| merge_v6(&top, &bottom, &mut upper));
    Ranges {
        v4: v4.unwrap_or(if top.v4.is_empty() { bottom.v4 } else { top.v4 }),
        v6: v6.unwrap_or(if top.v6.is_empty() { bottom.v6 } else { top.v6 }),
    }
}

/// The value of the longest network around each address; of equal networks the first one's counts.
pub fn from_networks<V: Value>(networks: impl IntoIterator<Item = (Network, V)>) -> Ranges<V> {
    let (mut four, mut six) = (Vec::new(), Vec::new());
    for (network, value) in networks {
        match (network.address(), network.prefix()) {
            (IpAddr::V4(v4), prefix) => four.push(span(u128::from(v4.to_bits()), 32 - prefix, value)),
            (IpAddr::V6(v6), prefix) => match v6.to_ipv4_mapped().filter(|_| prefix >= 96) {
                Some(v4) => four.push(span(u128::from(v4.to_bits()), 128 - prefix, value)),
                None => six.push(span(v6.to_bits(), 128 - prefix, value)),
            },
        }
    }
    let (mut v4, mut v6) = (FourRows::new(), SixRows::new());
    nest(four, u128::from(u32::MAX), |start, value| v4.push(start as u32, value));
    nest(six, u128::MAX, |start, value| v6.push(start, value));
    Ranges { v4: v4.finish(), v6: v6.finish() }
}

/// First and last address.
type Span<V> = (u128, u128, V);

fn span<V>(first: u128, free: u8, value: V) -> Span<V> {
    (first, first | 1u128.checked_shl(u32::from(free)).map_or(u128::MAX, |size| size - 1), value)
}

/// Networks lie within each other or apart: a stack of those that are open is enough.
fn nest<V: Value>(mut spans: Vec<Span<V>>, end: u128, mut push: impl FnMut(u128, V)) {
    spans.sort_by_key(|&(first, last, _)| (first, Reverse(last)));
    spans.dedup_by_key(|&mut (first, last, _)| (first, last));
    let mut open: Vec<Span<V>> = Vec::new();
    // What holds after a network has ended is what the one around it says.
    let close = |open: &mut Vec<Span<V>>, before: Option<u128>, push: &mut dyn FnMut(u128, V)| {
        while let Some(&(_, last, _)) = open.last().filter(|(_, last, _)| before.is_none_or(|before| *last < before)) {
            open.pop();
            // A longer network may end where the one around it ends too; the outermost says what comes then.
            let goes_on = open.last().is_none_or(|(_, outer, _)| *outer > last);
            if goes_on && last < end && before != Some(last + 1) {
                push(last + 1, open.last().map_or_else(V::default, |(_, _, value)| *value));
            }
        }
    };
    let mut spans = spans.into_iter().peekable();
    while let Some(span) = spans.next() {
        close(&mut open, Some(span.0), &mut push);
        // Where several begin at once, the innermost says what holds.
        if spans.peek().is_none_or(|next| next.0 != span.0) {
            push(span.0, span.2);
        }
        open.push(span);
    }
    close(&mut open, None, &mut push);
}

fn merge_v4<A: Value, B: Value, C: Value>(a: &Ranges<A>, b: &Ranges<B>, f: &mut impl FnMut(A, B) -> C) -> C::Table<u32> {
    let mut rows = FourRows::new();
    zip(a.v4(), b.v4(), |start, a, b| rows.push(start as u32, f(a, b)));
    rows.finish()
}

fn merge_v6<A: Value, B: Value, C: Value>(a: &Ranges<A>, b: &Ranges<B>, f: &mut impl FnMut(A, B) -> C) -> Six<C> {
    let mut rows = SixRows::new();
    zip(a.v6(), b.v6(), |start, a, b| rows.push(start, f(a, b)));
    rows.finish()
}

/// Each stretch on which neither side changes. Both begin at zero.
fn zip<A: Value, B: Value>(a: impl Iterator<Item = (u128, A)>, b: impl Iterator<Item = (u128, B)>, mut each: impl FnMut(u128, A, B)) {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    let mut now = (A::default(), B::default());
    loop {
        let start = match (a.peek(), b.peek()) {
            (Some((a, _)), Some((b, _))) => *a.min(b),
            (Some((one, _)), None) | (None, Some((one, _))) => *one,
            (None, None) => return,
        };
        if let Some((_, value)) = a.next_if(|(at, _)| *at == start) {
            now.0 = value;
        }
        if let Some((_, value)) = b.next_if(|(at, _)| *at == start) {
            now.1 = value;
        }
        each(start, now.0, now.1);
    }
}
