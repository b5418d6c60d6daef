//! A client and an imagined server, under a fake clock: what holds in each of many thousand runs. See
//! `pg_simulation` for what is checked. `SIM_SEED=.. cargo test -p pg-simulation` replays one run.

use pg_simulation::faults::Class;
use pg_simulation::{Tally, run, run_many};

/// Runs so many seeds, or the one that the environment names.
fn runs(class: Class, count: u64) -> Tally {
    let (first, count) = match std::env::var("SIM_SEED") {
        Ok(seed) => (seed.parse().expect("SIM_SEED is a number"), 1),
        Err(_) => (0, count),
    };
    run_many(class, first, count)
        .unwrap_or_else(|finding| panic!("{class:?}, SIM_SEED={}: {}", finding.seed, finding.text))
}

#[test]
fn with_a_server_that_is_right_every_call_has_its_own_answer_and_the_connection_stays() {
    let tally = runs(Class::Correct, 4_000);
    assert_eq!((tally.faulty, tally.closed), (0, 0));
    assert!(tally.encrypted > 0 || tally.runs == 1, "{tally:?}");
    eprintln!("{tally:?}");
}

#[test]
fn over_a_link_that_breaks_or_stalls_every_call_has_its_own_answer_or_the_links_error() {
    eprintln!("{:?}", runs(Class::Transport, 3_000));
}

#[test]
fn messages_out_of_order_missing_or_doubled_never_give_a_call_the_rows_of_another() {
    eprintln!("{:?}", runs(Class::Order, 3_000));
}

#[test]
fn bytes_that_lie_bring_errors_and_neither_panics_nor_hangs_nor_memory() {
    eprintln!("{:?}", runs(Class::Bytes, 3_000));
}

/// All that a run takes is counted, the server's side and the test's notes too. What a COPY holds is made by the run before
/// it is sent, once for the client and once more by the server, which compares.
#[test]
fn whatever_counts_and_sizes_say_memory_is_taken_for_what_was_sent() {
    for seed in 0..1_000 {
        let mut outcome = None;
        let memory = allocation_counter::measure(|| outcome = Some(run(Class::Bytes, seed)));
        let tally = outcome.expect("it ran").unwrap_or_else(|finding| panic!("{finding:?}"));
        let allowed = 16 * tally.bytes + 4 * tally.copied + 512 * 1024;
        assert!(memory.bytes_max <= allowed, "seed {seed}: {} bytes of {allowed}", memory.bytes_max);
    }
}
