//! The table of legal transitions, walked through a connection: what may come goes on, what may not closes it and says
//! why.

use pg_core::protocol::state::Phase;
use pg_simulation::walk;
use pg_tests::seed::Rng;

#[test]
fn every_tag_in_every_phase_goes_on_or_closes_with_its_reason() {
    let mut rng = Rng::new(1);
    let mut findings = Vec::new();
    for phase in Phase::ALL {
        for tag in 0..=255 {
            for dropped in [false, true] {
                findings.extend(walk::meet(phase, tag, dropped, &mut rng).err());
            }
        }
    }
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn walks_of_legal_and_illegal_messages_with_random_calls_never_panic_or_grow() {
    for seed in 0..100 {
        walk::at_random(seed, 1_000).unwrap_or_else(|finding| panic!("{finding}"));
    }
}
