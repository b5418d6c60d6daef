//! The long runs: millions of seeds, on all processors.

use super::faults::Class;
use super::{Tally, run_many, walk};
use pg_core::protocol::state::Phase;
use pg_tests::seed::Rng;
use std::env;
use std::thread;
use std::time::Instant;

const CLASSES: [Class; 4] = [Class::Correct, Class::Transport, Class::Order, Class::Bytes];

/// How many runs the command line asks for, after the name.
fn asked(usual: u64) -> u64 {
    env::args().nth(2).map_or(usual, |count| count.parse().expect("the number of runs is a number"))
}

/// Runs of all classes, 10 million or as many as the command line says; from the seed `SIM_SEED` on.
///
/// # Panics
/// If there were findings; each is printed at once, with what replays it.
pub fn simulation() -> String {
    let runs = asked(10_000_000);
    let first = env::var("SIM_SEED").map_or(0, |seed| seed.parse().expect("SIM_SEED is a number"));
    let started = Instant::now();
    let (mut whole, mut found) = (Tally::default(), 0);
    let part = (runs / 400).max(1);
    let mut at = first;
    while whole.runs < runs {
        for class in CLASSES {
            match run_many(class, at, part) {
                Ok(tally) => whole.add(tally),
                Err(findings) => {
                    found += findings.len();
                    whole.runs += part;
                    findings.iter().for_each(|finding| eprintln!("{class:?}, {finding}"));
                }
            }
        }
        at += part;
        println!("{} runs, {:.0} a minute", whole.runs, per_minute(whole.runs, started));
    }
    assert_eq!(found, 0, "findings, in {} runs", whole.runs);
    format!("{whole:?}, {:.0} runs a minute", per_minute(whole.runs, started))
}

/// Random walks of 10 million steps in all, or as many as the command line says; and every tag in every phase.
///
/// # Panics
/// On the first finding.
pub fn state_machine() -> String {
    let steps = asked(10_000_000);
    let mut rng = Rng::new(steps);
    for phase in Phase::ALL {
        for tag in 0..=255 {
            for _ in 0..20 {
                let dropped = rng.in_thousand(500);
                walk::meet(phase, tag, dropped, &mut rng).unwrap_or_else(|finding| panic!("{finding}"));
            }
        }
    }
    let started = Instant::now();
    let workers = thread::available_parallelism().map_or(1, usize::from) as u64;
    let connections: u64 = thread::scope(|scope| {
        let walk = |worker: u64| {
            let walks = steps.div_ceil(1_000 * workers);
            (0..walks)
                .map(|at| {
                    walk::at_random(worker + at * workers, 1_000)
                        .unwrap_or_else(|finding| panic!("{finding}"))
                })
                .sum::<u64>()
        };
        let threads: Vec<_> = (0..workers).map(|worker| scope.spawn(move || walk(worker))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a walk without findings")).sum()
    });
    format!("{steps} steps over {connections} connections, {:.0} a minute", per_minute(steps, started))
}

fn per_minute(count: u64, started: Instant) -> f64 {
    count as f64 * 60.0 / started.elapsed().as_secs_f64()
}
