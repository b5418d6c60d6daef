//! A client and an imagined server, under a fake clock: what holds in each of many thousand runs. See
//! `pg_simulation` for what is checked. `SIM_SEED=.. cargo test -p pg-simulation` replays one run.

use pg_simulation::faults::Class;
use pg_simulation::{Tally, run, run_many, tell};

/// Runs so many seeds, or the one that the environment names; whether that many did what they are for.
fn runs(class: Class, count: u64, did: impl Fn(Tally) -> bool) {
    let (first, count) = match std::env::var("SIM_SEED") {
        Ok(seed) => (seed.parse().expect("SIM_SEED is a number"), 1),
        Err(_) => (0, count),
    };
    let tally = run_many(class, first, count)
        .unwrap_or_else(|findings| panic!("{} findings in {class:?}; {}", findings.len(), findings[0]));
    eprintln!("{tally:?}");
    assert!(count == 1 || did(tally), "too little happened: {tally:?}");
}

#[test]
fn with_a_server_that_is_right_every_call_has_its_own_answer_and_the_connection_stays() {
    runs(Class::Correct, 4_000, |tally| {
        (tally.faulty, tally.closed) == (0, 0)
            && tally.right > 5 * tally.runs
            && 5 * tally.dropped > tally.runs
            && 2 * tally.errors > tally.runs
            && 50 * tally.encrypted > tally.runs
    });
}

#[test]
fn over_a_link_that_breaks_or_stalls_every_call_has_its_own_answer_or_the_links_error() {
    runs(Class::Transport, 3_000, |tally| {
        // Where nothing happened nothing closed.
        2 * tally.faulty > tally.runs
            && tally.closed > tally.runs / 2
            && tally.right > tally.runs
            && tally.errors > tally.runs
            && tally.dropped > tally.runs / 20
            && 60 * tally.encrypted > tally.runs
    });
}

#[test]
fn messages_out_of_order_missing_or_doubled_never_give_a_call_the_rows_of_another() {
    runs(Class::Order, 3_000, |tally| {
        2 * tally.faulty > tally.runs
            && tally.closed > tally.runs / 3
            && tally.right > tally.runs
            && tally.errors > tally.runs
            && tally.dropped > tally.runs / 20
    });
}

#[test]
fn bytes_that_lie_bring_errors_and_neither_panics_nor_hangs_nor_memory() {
    runs(Class::Bytes, 3_000, |tally| {
        2 * tally.faulty > tally.runs
            && tally.closed > tally.runs / 3
            && tally.right > tally.runs
            && tally.errors > tally.runs
            && tally.dropped > tally.runs / 20
    });
}

#[test]
fn a_seed_replays_its_run_call_by_call_and_byte_by_byte() {
    for class in [Class::Correct, Class::Transport, Class::Order, Class::Bytes] {
        let mut told = 0;
        for seed in 0..300 {
            let (first, second) = (tell(class, seed), tell(class, seed));
            assert_eq!(first, second, "{class:?}, seed {seed}");
            told += first.map_or(0, |(_, story)| story.len());
        }
        assert!(told > 300 * 50, "there is something to compare");
    }
}

/// All that a run takes is counted, the server's side and the test's notes too. What a COPY holds is made by the run before
/// it is sent, is on its way in a queue, and is gathered and made once more by the server, which compares: each in a buffer
/// that doubles.
#[test]
fn whatever_counts_and_sizes_say_memory_is_taken_for_what_was_sent() {
    for seed in 0..1_000 {
        let mut outcome = None;
        let memory = allocation_counter::measure(|| outcome = Some(run(Class::Bytes, seed)));
        let tally = outcome.expect("it ran").unwrap_or_else(|finding| panic!("{finding:?}"));
        let allowed = 16 * tally.bytes + 8 * tally.copied + 1024 * tally.maps + 512 * 1024;
        assert!(memory.bytes_max <= allowed, "seed {seed}: {} bytes of {allowed}", memory.bytes_max);
    }
}
