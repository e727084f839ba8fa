//! Bytes one after the other into a place that has room for them.

pub(super) struct Writing<'d> {
    room: &'d mut [u8],
    len: usize,
}

impl<'d> Writing<'d> {
    #[inline]
    pub(super) fn new(room: &'d mut [u8]) -> Self {
        Self { room, len: 0 }
    }

    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.room[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Over what was put at `at`.
    #[inline]
    pub(super) fn mend(&mut self, at: usize, bytes: &[u8]) {
        self.room[at..at + bytes.len()].copy_from_slice(bytes);
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn written(&self) -> &[u8] {
        &self.room[..self.len]
    }
}
