//! The gate between redb and its file: what opening writes is held until the file is known to be sound and can be written.
//!
//! redb repairs a file while it opens it. Held back, that repair leaves the bytes of a broken file as they are, lets a store be
//! read on a full disk, and makes a sealed copy safe from any change.

use std::io::{Error, ErrorKind, Result};
use std::ops::Bound;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use redb::{BackendError, StorageBackend};

#[derive(Debug)]
pub(super) struct Gate {
    file: Box<dyn StorageBackend>,
    /// None: everything goes through.
    held: RwLock<Option<Held>>,
    /// The first error of the file, by kind and text: redb itself only says that there was one.
    fault: Mutex<Option<(ErrorKind, String)>>,
}

/// What would have been written, in its order. An open writes a few pages, so looking through them all is cheap.
#[derive(Debug)]
struct Held {
    steps: Vec<Step>,
    /// How long the file is, and how long it would be.
    file_len: u64,
    len: u64,
}

#[derive(Debug)]
enum Step {
    Write(u64, Vec<u8>),
    Len(u64),
    Sync,
}

impl Gate {
    pub(super) fn held(file: Box<dyn StorageBackend>) -> Result<Self> {
        let len = file.len()?;
        let held = Held { steps: Vec::new(), file_len: len, len };
        Ok(Self { file, held: RwLock::new(Some(held)), fault: Mutex::new(None) })
    }

    /// Writes what was held, and holds nothing any more. After an error all is held as before, and may be tried again.
    pub(super) fn release(&self) -> Result<()> {
        let mut gate = self.held.write();
        let Some(held) = gate.as_mut() else { return Ok(()) };
        let written = held.steps.iter().try_for_each(|step| match step {
            Step::Write(at, bytes) => self.file.write(*at, bytes),
            Step::Len(len) => self.file.set_len(*len),
            Step::Sync => self.file.sync_data(),
        });
        if let Err(error) = written.and_then(|()| self.file.sync_data()) {
            held.file_len = self.file.len().unwrap_or(held.file_len);
            return Err(error);
        }
        *gate = None;
        Ok(())
    }

    pub(super) fn fault(&self) -> Option<Error> {
        self.fault.lock().as_ref().map(|(kind, text)| Error::new(*kind, text.clone()))
    }

    fn noted<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            self.fault.lock().get_or_insert_with(|| (error.kind(), error.to_string()));
        }
        result
    }

    fn read_held(&self, held: &Held, at: u64, out: &mut [u8]) -> Result<()> {
        let end = at + out.len() as u64;
        if end > held.len {
            return Err(Error::new(ErrorKind::UnexpectedEof, format!("the file ends at {}, before {end}", held.len)));
        }
        let there = usize::try_from(held.file_len.saturating_sub(at)).unwrap_or(usize::MAX).min(out.len());
        out[there..].fill(0);
        self.noted(self.file.read(at, &mut out[..there]))?;
        for step in &held.steps {
            match step {
                Step::Write(from, bytes) => {
                    let (first, last) = (at.max(*from), end.min(from + bytes.len() as u64));
                    if first < last {
                        out[(first - at) as usize..(last - at) as usize]
                            .copy_from_slice(&bytes[(first - from) as usize..(last - from) as usize]);
                    }
                }
                Step::Len(len) if *len < end => out[len.saturating_sub(at) as usize..].fill(0),
                Step::Len(_) | Step::Sync => {}
            }
        }
        Ok(())
    }
}

/// The gate as redb owns it.
#[derive(Debug)]
pub(super) struct Passage(pub(super) Arc<Gate>);

impl StorageBackend for Passage {
    fn len(&self) -> Result<u64> {
        match &*self.0.held.read() {
            Some(held) => Ok(held.len),
            None => self.0.noted(self.0.file.len()),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        match &*self.0.held.read() {
            Some(held) => self.0.read_held(held, offset, out),
            None => self.0.noted(self.0.file.read(offset, out)),
        }
    }

    fn set_len(&self, len: u64) -> Result<()> {
        match &mut *self.0.held.write() {
            Some(held) => {
                held.steps.push(Step::Len(len));
                held.len = len;
                Ok(())
            }
            None => self.0.noted(self.0.file.set_len(len)),
        }
    }

    fn sync_data(&self) -> Result<()> {
        if let Some(held) = &mut *self.0.held.write() {
            held.steps.push(Step::Sync);
            return Ok(());
        }
        self.0.noted(self.0.file.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        if let Some(held) = &mut *self.0.held.write() {
            held.steps.push(Step::Write(offset, data.to_vec()));
            held.len = held.len.max(offset + data.len() as u64);
            return Ok(());
        }
        self.0.noted(self.0.file.write(offset, data))
    }

    fn close(&self) -> Result<()> {
        self.0.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> std::result::Result<bool, BackendError> {
        self.0.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> std::result::Result<bool, BackendError> {
        self.0.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> std::result::Result<(), BackendError> {
        self.0.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> std::result::Result<(), BackendError> {
        self.0.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> std::result::Result<(), BackendError> {
        self.0.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> std::result::Result<bool, BackendError> {
        self.0.file.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redb::backends::InMemoryBackend;

    /// A file that can be looked at from both sides of the gate.
    #[derive(Debug, Clone)]
    struct Shared(Arc<InMemoryBackend>);

    impl StorageBackend for Shared {
        fn len(&self) -> Result<u64> {
            self.0.len()
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
            StorageBackend::read(&*self.0, offset, out)
        }
        fn set_len(&self, len: u64) -> Result<()> {
            self.0.set_len(len)
        }
        fn sync_data(&self) -> Result<()> {
            self.0.sync_data()
        }
        fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
            StorageBackend::write(&*self.0, offset, data)
        }
    }

    #[test]
    fn what_is_held_reads_as_if_it_were_written_and_is_written_in_its_order() {
        let file = Shared(Arc::new(InMemoryBackend::new()));
        file.set_len(8).unwrap();
        StorageBackend::write(&file, 0, b"abcdefgh").unwrap();
        let gate = Passage(Arc::new(Gate::held(Box::new(file.clone())).unwrap()));
        gate.write(2, b"XY").unwrap();
        gate.set_len(5).unwrap();
        gate.set_len(10).unwrap();
        gate.write(8, b"!").unwrap();
        gate.sync_data().unwrap();

        let read = |file: &dyn StorageBackend, len| {
            let mut out = vec![9; len];
            file.read(0, &mut out).map(|()| out)
        };
        assert_eq!(read(&gate, 10).unwrap(), b"abXYe\0\0\0!\0");
        assert_eq!(read(&gate, 3).unwrap(), b"abX");
        assert!(read(&gate, 11).is_err() && gate.0.fault().is_none(), "reading over the end is no fault of the disk");
        assert_eq!(read(&file, 8).unwrap(), b"abcdefgh", "nothing came through");

        gate.0.release().unwrap();
        assert_eq!(read(&file, 10).unwrap(), b"abXYe\0\0\0!\0");
        gate.write(0, b"A").unwrap();
        assert_eq!(read(&file, 3).unwrap(), b"AbX");
    }
}
