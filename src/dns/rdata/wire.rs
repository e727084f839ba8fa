//! Reading uncompressed wire from the front; every read says what is missing.

use crate::dns::name;

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wire<'a>(pub(super) &'a [u8]);

pub(super) type Checked<T> = Result<T, String>;

impl<'a> Wire<'a> {
    pub(super) fn take(&mut self, len: usize) -> Checked<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len).ok_or_else(|| format!("{len} bytes are needed, {} are left", self.0.len()))?;
        self.0 = tail;
        Ok(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Checked<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| String::from("cut short"))
    }

    pub(super) fn u8(&mut self) -> Checked<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Checked<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Checked<u32> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// The wire form of a name, its root label included.
    pub(super) fn name(&mut self) -> Checked<&'a [u8]> {
        let len = name::wire_len(self.0).ok_or("not a valid uncompressed name")?;
        self.take(len)
    }

    /// A string behind its one length byte.
    pub(super) fn string(&mut self) -> Checked<&'a [u8]> {
        let len = self.u8()?;
        self.take(len.into())
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}
