//! A long list of which one item changes at a time.

use std::ops::Index;
use std::sync::Arc;

/// A change copies one of these, a copy counts one reference each: 256 hostnames take some 30 microseconds.
const CHUNK: usize = 256;

/// Copies share what has not changed since.
#[derive(Clone, Debug)]
pub struct Roll<T> {
    chunks: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T: Clone> Roll<T> {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn get(&self, at: usize) -> Option<&T> {
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    pub fn push(&mut self, item: T) {
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Arc::new(Vec::with_capacity(CHUNK)));
        }
        if let Some(last) = self.chunks.last_mut() {
            Arc::make_mut(last).push(item);
            self.len += 1;
        }
    }

    /// `at` is in the list.
    pub fn set(&mut self, at: usize, item: T) {
        Arc::make_mut(&mut self.chunks[at / CHUNK])[at % CHUNK] = item;
    }

    /// The last item takes the place of the one at `at`, which is given back.
    pub fn swap_remove(&mut self, at: usize) -> Option<T> {
        let gone = self.get(at)?.clone();
        let last = Arc::make_mut(self.chunks.last_mut()?).pop()?;
        self.len -= 1;
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.pop();
        }
        if at < self.len {
            self.set(at, last);
        }
        Some(gone)
    }
}

impl<T> Default for Roll<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T: Clone> FromIterator<T> for Roll<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut roll = Self::default();
        items.into_iter().for_each(|item| roll.push(item));
        roll
    }
}

impl<T: PartialEq> Roll<T> {
    /// What is in its place in both is kept once: the other's.
    pub fn share(&mut self, other: &Self) {
        for (chunk, other) in self.chunks.iter_mut().zip(&other.chunks).filter(|(chunk, other)| chunk == other) {
            *chunk = Arc::clone(other);
        }
    }
}

impl<T: Clone + PartialEq> PartialEq for Roll<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.chunks.iter().zip(&other.chunks).all(|(a, b)| Arc::ptr_eq(a, b) || a == b)
    }
}

impl<T: Clone> Index<usize> for Roll<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.chunks[at / CHUNK][at % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_list(start in 0usize..600, steps in prop::collection::vec((0u8..3, any::<prop::sample::Index>(), any::<u32>()), 0..300)) {
            let mut list: Vec<u32> = (0..start as u32).collect();
            let mut roll: Roll<u32> = list.iter().copied().collect();
            let (kept, before) = (roll.clone(), list.clone());
            for (what, at, value) in steps {
                if what == 0 || list.is_empty() {
                    list.push(value);
                    roll.push(value);
                } else if what == 1 {
                    let at = at.index(list.len());
                    list[at] = value;
                    roll.set(at, value);
                } else {
                    let at = at.index(list.len());
                    prop_assert_eq!(roll.swap_remove(at), Some(list.swap_remove(at)));
                }
                prop_assert_eq!(roll.len(), list.len());
            }
            prop_assert_eq!(roll.iter().copied().collect::<Vec<_>>(), list);
            prop_assert_eq!(kept.iter().copied().collect::<Vec<_>>(), before);
        }
    }
}
