//! What a long run takes of memory: what an allocator counts, and what the system holds for the process.

use allocation_counter::measure;
use pg_tests::soak::copy_memory::{self, CLIENTS, Work};

/// The most that any of it may take.
const LIMIT: u64 = 16 << 20;

/// `replication_memory ROWS` says how many.
pub(crate) fn replication() -> String {
    let rows = std::env::args().nth(2).and_then(|rows| rows.parse().ok()).unwrap_or(2_000_000);
    let [blocking, asynchronous] = pg_tests::soak::large_transaction(rows, taken);
    format!(
        "{rows} rows in one transaction: at most {blocking} bytes of heap (blocking), {asynchronous} (async)"
    )
}

/// `copy_memory ROWS` says how many.
pub(crate) fn copies() -> String {
    let rows = std::env::args().nth(2).and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    let database = copy_memory::database();
    let mut most = 0;
    for (client, work) in CLIENTS.iter().flat_map(|client| Work::ALL.map(|work| (client, work))) {
        let held = taken(&mut || (client.run)(&database.url(), work, rows));
        println!("{} {work:?}: {held} bytes of heap at most", client.name);
        assert!(held < copy_memory::LIMIT, "{held} bytes");
        most = most.max(held);
    }
    format!("{rows} rows each time: at most {most} bytes of heap")
}

/// The most that was allocated at once. What the system held for it, beyond what it held before, is printed.
fn taken(session: &mut dyn FnMut()) -> u64 {
    let before = resident("VmRSS:");
    // From here on, the peak is counted anew.
    let is_anew = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let heap = measure(session).bytes_max;
    if let (true, Some(before), Some(peak)) = (is_anew, before, resident("VmHWM:")) {
        let grown = peak.saturating_sub(before);
        println!("resident: {peak} bytes at most, {grown} more than before");
        assert!(grown <= LIMIT, "{grown} bytes");
    }
    assert!(heap <= LIMIT, "{heap} bytes");
    heap
}

/// A line of what Linux tells of a process, in bytes; nothing elsewhere.
fn resident(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|told| told.strip_prefix(line))?;
    kib.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}
