//! A disk in memory that knows what has been synced, and fails when told to.

use std::io::{Error, Result};
use std::sync::{Arc, Mutex, MutexGuard};

use meridian::store::{Opened, Options, StorageBackend, StoreError, open_with};

use crate::Dice;

/// What a disk can tear a write at.
const SECTOR: usize = 512;

#[derive(Clone, Debug)]
pub(crate) struct Platter(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// As the process sees it, and as it was at the last sync.
    seen: Vec<u8>,
    safe: Vec<u8>,
    /// What was done since.
    since: Vec<Step>,
    /// Changes until it fails, and how.
    left: Option<usize>,
    how: Fail,
    changes: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Fail {
    /// Nothing works any more.
    #[default]
    Power,
    /// Changes fail with this error; of a write that fails, the first half may be there.
    Errno(i32),
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize, Vec<u8>),
    Len(usize),
}

impl Platter {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State { seen: bytes.clone(), safe: bytes, ..State::default() })))
    }

    /// An empty store.
    pub(crate) fn fresh(options: &Options) -> Self {
        let platter = Self::new(Vec::new());
        drop(platter.open(options).unwrap_or_else(|error| panic!("{}", error.in_full())));
        platter
    }

    pub(crate) fn open(&self, options: &Options) -> std::result::Result<Opened, StoreError> {
        let platter = self.clone();
        open_with(move || Ok(Box::new(platter.clone())), options)
    }

    /// Fails after so many more changes.
    pub(crate) fn fail_after(&self, changes: usize, how: Fail) {
        let mut state = self.state();
        (state.left, state.how) = (Some(changes), how);
    }

    pub(crate) fn heal(&self) {
        self.state().left = None;
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.state().left == Some(0)
    }

    /// How many writes, changes of length and syncs there were.
    pub(crate) fn changes(&self) -> usize {
        self.state().changes
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.state().seen.clone()
    }

    /// What a loss of power leaves: all that was synced, and of the rest whatever the dice say, torn or whole.
    pub(crate) fn after_power_cut(&self, dice: &mut Dice) -> Self {
        let state = self.state();
        let mut bytes = state.safe.clone();
        let (lost_in, torn) = (1 + dice.below(4), dice.one_in(2));
        for step in &state.since {
            match step {
                Step::Len(_) if dice.one_in(lost_in) => {}
                Step::Len(len) => bytes.resize(*len, 0),
                Step::Write(_, _) if !torn && dice.one_in(lost_in) => {}
                Step::Write(at, data) => {
                    let mut from = 0;
                    while from < data.len() {
                        let to = data.len().min((at + from + SECTOR) / SECTOR * SECTOR - at);
                        if !torn || !dice.one_in(lost_in + 1) {
                            bytes.resize(bytes.len().max(at + to), 0);
                            bytes[at + from..at + to].copy_from_slice(&data[from..to]);
                        }
                        from = to;
                    }
                }
            }
        }
        drop(state);
        Self::new(bytes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// One change: counted, and failed if its time has come.
    fn change(&self) -> Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        state.changes += 1;
        match &mut state.left {
            Some(0) => Err(Error::from_raw_os_error(state.how.errno())),
            Some(left) => {
                *left -= 1;
                Ok(state)
            }
            None => Ok(state),
        }
    }

    fn look(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.state();
        match (state.left, state.how) {
            (Some(0), Fail::Power) => Err(Error::from_raw_os_error(state.how.errno())),
            _ => Ok(state),
        }
    }
}

impl Fail {
    fn errno(self) -> i32 {
        match self {
            Self::Power => libc::EIO,
            Self::Errno(errno) => errno,
        }
    }
}

impl State {
    fn write(&mut self, at: usize, data: &[u8]) {
        let end = self.seen.len().max(at + data.len());
        self.seen.resize(end, 0);
        self.seen[at..at + data.len()].copy_from_slice(data);
        self.since.push(Step::Write(at, data.to_vec()));
    }
}

impl StorageBackend for Platter {
    fn len(&self) -> Result<u64> {
        Ok(self.look()?.seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let state = self.look()?;
        let at = offset as usize;
        let from = state.seen.get(at..at + out.len()).ok_or_else(|| Error::from(std::io::ErrorKind::UnexpectedEof))?;
        out.copy_from_slice(from);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let mut state = self.change()?;
        state.seen.resize(len as usize, 0);
        state.since.push(Step::Len(len as usize));
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        let mut state = self.change()?;
        state.safe = state.seen.clone();
        state.since.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        let at = offset as usize;
        match self.change() {
            Ok(mut state) => {
                state.write(at, data);
                Ok(())
            }
            Err(error) => {
                let mut state = self.state();
                match state.how {
                    // The power goes while the write is on its way: it counts among the unsynced.
                    Fail::Power => state.write(at, data),
                    Fail::Errno(_) => state.write(at, &data[..data.len() / 2 / SECTOR * SECTOR]),
                }
                Err(error)
            }
        }
    }
}
