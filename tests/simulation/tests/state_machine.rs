//! The table of legal transitions, walked through a connection: what may come goes on, what may not closes it and says
//! why.

use pg_core::error::ErrorKind;
use pg_core::exchange::session::Ping;
use pg_core::protocol::state::Phase;
use pg_simulation::messages;
use pg_simulation::walk::{self, Situation};
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

/// In any phase in which nothing is owed a message too many closes the connection, and is no answer to what is asked next.
#[test]
fn what_came_before_it_was_asked_for_is_no_answer() {
    for (too_many, name) in [
        (messages::ready_for_query(b'I'), "ReadyForQuery"),
        (messages::parse_complete(), "ParseComplete"),
        (messages::command_complete("SELECT 1"), "CommandComplete"),
    ] {
        let mut situation = Situation::idle(100);
        // Together with what may come at any time.
        situation.feed(&messages::notification(7, "news", "hello"));
        situation.feed(&too_many);
        let error = situation.ask(Ping::default()).expect_err("it came too early");
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(error.to_string().contains(name), "{error}");
        assert!(situation.connection.is_closed());
        assert_eq!(situation.connection.inbox().next_notification().expect("heard").payload, "hello");
    }
    let mut situation = Situation::idle(100);
    situation.feed(&messages::notification(7, "news", "hello"));
    situation.ask(Ping::default()).expect("a notification disturbs nothing");
    assert!(!situation.connection.is_closed());
}

#[test]
fn walks_of_legal_and_illegal_messages_with_random_calls_never_panic_or_grow() {
    for seed in 0..100 {
        walk::at_random(seed, 1_000).unwrap_or_else(|finding| panic!("{finding}"));
    }
}
