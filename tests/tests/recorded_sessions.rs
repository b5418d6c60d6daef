//! Sessions of seven kinds with a real server, played again with faults: see `pg_tests::recorded`.
//!
//! `cargo run --release -p pg-soak -- recorded_sessions` takes all bytes, all bits and 10,000 splits of each
//! kind; so does `cargo test --release`. Without optimisation it is all bytes but those inside TLS, one bit of each, and
//! some hundred splits.

use allocation_counter::measure;
use pg_tests::recorded::checks::{self, Extent};

const EXTENT: Extent = if cfg!(debug_assertions) { Extent::SOME } else { Extent::ALL };

#[test]
fn recordings_play_as_they_were() {
    checks::whole();
}

#[test]
fn a_link_cut_after_any_byte_is_a_complete_result_or_an_error() {
    checks::cut(EXTENT);
}

#[test]
fn a_link_that_stalls_after_any_byte_is_a_complete_result_or_a_timeout_and_then_closed() {
    checks::stalled(EXTENT);
}

#[test]
fn pieces_of_any_size_are_the_same_session() {
    checks::split(EXTENT);
}

#[test]
fn a_flipped_bit_neither_panics_nor_hangs_nor_takes_memory_and_changes_no_result_inside_tls() {
    checks::flipped(EXTENT, |session| measure(session).bytes_max);
}

#[test]
fn no_login_survives_a_flipped_bit_in_it() {
    checks::flipped_in_the_login(EXTENT);
}
