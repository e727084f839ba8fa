//! The program's own pages in memory. One test, and a process of its own: others would have code brought back in between.

use std::fs;

/// Of the program's code, KiB in memory.
fn resident_code() -> u64 {
    let program = std::env::current_exe().unwrap();
    let program = program.to_str().unwrap();
    let (mut is_code, mut resident) = (false, 0);
    for line in fs::read_to_string("/proc/self/smaps").unwrap().lines() {
        if let Some(size) = line.strip_prefix("Rss:").filter(|_| is_code) {
            resident += size.trim().trim_end_matches(" kB").parse::<u64>().unwrap();
        }
        if let Some((_, rights)) = line.split_once(' ').filter(|(range, _)| range.contains('-')) {
            is_code = rights.starts_with("r-x") && line.ends_with(program);
        }
    }
    resident
}

#[test]
fn code_that_is_let_go_leaves_memory_and_comes_back_where_it_is_called() {
    let before = resident_code();
    meridian::transport::return_program_pages();
    let after = resident_code();
    assert!(0 < after && after < before, "{before} KiB, then {after}");
}
