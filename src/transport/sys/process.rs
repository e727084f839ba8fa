//! What the process is allowed, and the memory it gives back.

use libc::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// Makes room for `wanted` open files; gives the limit that then holds (never less than it was).
pub fn raise_nofile(wanted: u64) -> Result<u64, String> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: the kernel fills the whole structure when it says 0, and only then it is read.
    let now = unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, limit.as_mut_ptr()) != 0 {
            return Err(format!("cannot read the limit of open files: {}", io::Error::last_os_error()));
        }
        limit.assume_init()
    };
    if now.rlim_cur >= wanted {
        return Ok(now.rlim_cur);
    }
    // Past the hard limit only with CAP_SYS_RESOURCE; without it, as far as allowed.
    for (soft, hard) in [(wanted, now.rlim_max.max(wanted)), (wanted.min(now.rlim_max), now.rlim_max)] {
        let next = libc::rlimit { rlim_cur: soft, rlim_max: hard };
        // SAFETY: reads one structure that lives through the call.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &next) } == 0 {
            return if soft >= wanted { Ok(soft) } else { Err(short_of_files(wanted, soft)) };
        }
    }
    Err(short_of_files(wanted, now.rlim_cur))
}

/// Allocations from this size on go back to the system when they are freed. Left alone, glibc raises its own threshold to
/// 32 MiB, and a node that has reloaded a large zone a few times holds more than twice the memory the zone takes.
#[cfg(target_env = "gnu")]
const RETURNED_FROM: c_int = 1 << 20;

/// Heaps that threads share. Left alone, glibc makes one for nearly each thread, and each keeps its own gaps;
/// what answers queries allocates nothing, so nobody waits for another.
#[cfg(target_env = "gnu")]
const HEAPS: c_int = 1;

/// To be called once, before anything large is allocated.
pub fn return_freed_memory() {
    // SAFETY: sets numbers inside the allocator; it takes no pointer and touches no memory of ours.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, RETURNED_FROM);
        libc::mallopt(libc::M_ARENA_MAX, HEAPS);
    }
}

/// Gives pages back that hold nothing any more, also from between others that do. Takes some milliseconds, in which nobody else can allocate.
pub fn return_free_pages() {
    // SAFETY: walks the allocator's own lists under its own locks; it takes no pointer, and what is allocated stays where it is.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Lets go of the pages of the program itself, of which most are needed for starting and importing alone. They stay what they are in its file:
/// what is called again is there again at the first touch, after microseconds where the file is in the system's cache. Breakpoints and probes
/// that somebody has set in the running program go with them.
pub fn return_program_pages() {
    // SAFETY: only asks `return_pages_of` to look at what is loaded; no data goes with it.
    unsafe { libc::dl_iterate_phdr(Some(return_pages_of), ptr::null_mut()) };
}

/// The program comes first among what is loaded, and is all that is looked at.
unsafe extern "C" fn return_pages_of(loaded: *mut libc::dl_phdr_info, _: libc::size_t, _: *mut c_void) -> c_int {
    // SAFETY: the loader calls this with a whole description of what it has loaded, which stays while this runs. Pages are let go only where
    // the program can never have written to them, so that they are the file's own, which the kernel brings back.
    unsafe {
        let page = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).unwrap_or(4096);
        for part in std::slice::from_raw_parts((*loaded).dlpi_phdr, usize::from((*loaded).dlpi_phnum)) {
            if part.p_type == libc::PT_LOAD && part.p_flags & libc::PF_W == 0 {
                let start = (*loaded).dlpi_addr as usize + part.p_vaddr as usize;
                let from = start & !(page - 1);
                libc::madvise(from as *mut c_void, start + part.p_memsz as usize - from, libc::MADV_DONTNEED);
            }
        }
    }
    1
}

/// The limit of open files that holds now.
pub(in crate::transport) fn nofile() -> u64 {
    raise_nofile(0).unwrap_or(FILES_AT_LEAST)
}

/// What every Linux gives a process, should the limit be unreadable.
const FILES_AT_LEAST: u64 = 1024;

fn short_of_files(wanted: u64, limit: u64) -> String {
    format!("{wanted} open files are wanted and {limit} are allowed: raise the limit (LimitNOFILE= in systemd, ulimit -Hn in a shell)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_cannot_be_is_a_sentence() {
        let now = nofile();
        let why = raise_nofile(u64::MAX - 1).unwrap_err();
        assert!(why.contains("open files are wanted") && why.contains("LimitNOFILE="), "{why}");
        assert!(nofile() >= now);
        assert_eq!(raise_nofile(1), Ok(nofile()));
    }
}
