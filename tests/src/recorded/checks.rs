//! What must hold of the recorded sessions. Each gives the number of runs, and panics where its promise is broken.

use super::replay::{End, Fault, Pieces};
use super::{Kind, LIMIT, Outcome, Played, Recording};
use crate::seed::Rng;
use pg_core::ErrorKind;
use std::fmt::Debug;
use std::ops::Range;

/// How much is tried.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Every so many bytes inside TLS, where each run makes a handshake.
    step_in_tls: usize,
    /// How many bits of a byte: 8 are all, fewer are those that chance picks.
    bits: u8,
    /// Of each kind.
    splits: u64,
    splits_in_tls: u64,
}

impl Extent {
    /// Every byte and every bit, and 10,000 splits.
    pub const ALL: Extent = Extent { step_in_tls: 1, bits: 8, splits: 10_000, splits_in_tls: 10_000 };

    /// What there is time for without optimisation.
    pub const SOME: Extent = Extent { step_in_tls: 29, bits: 1, splits: 300, splits_in_tls: 30 };

    /// The bytes of a session.
    fn bytes(&self, kind: &Kind) -> impl Iterator<Item = usize> + use<> {
        let whole = kind.play(Fault::None, Pieces::Whole).delivered;
        (0..whole).step_by(if kind.is_encrypted { self.step_in_tls } else { 1 })
    }

    fn bits(&self, rng: &mut Rng) -> impl Iterator<Item = u8> + use<> {
        let (first, bits) = (if self.bits == 8 { 0 } else { rng.pick(&[0, 1, 2, 3, 4, 5, 6, 7]) }, self.bits);
        (first..first + bits).map(|bit| bit % 8)
    }
}

/// Each recording plays as it was.
pub fn whole() -> u64 {
    let mut runs = 0;
    for kind in Kind::all() {
        let played = kind.play(Fault::None, Pieces::Whole);
        assert_eq!(played.outcomes, kind.recording.outcomes, "{}", kind.name());
        assert!(kind.is_encrypted || played.delivered == kind.recording.said.len(), "{}", kind.name());
        println!("{}: {} bytes\n{:#?}", kind.name(), played.delivered, played.outcomes);
        runs += 1;
    }
    runs
}

/// Closed or reset after any byte: the calls before have their own outcomes, the one at it has its own or an error, and
/// those after it say that the connection is closed. None of them waits.
pub fn cut(extent: Extent) -> u64 {
    ended(extent, &[End::Closed, End::Reset], |whole, played, about| {
        assert_eq!(played.longest.as_micros(), 0, "{about:?} waited");
        let same = agreed(whole, &played.outcomes);
        for (at, outcome) in played.outcomes.iter().enumerate().skip(same) {
            match outcome {
                // Closed is where the call before was done, and is told so, when the link was lost.
                Err((ErrorKind::Io | ErrorKind::Closed, words)) if at == same => {
                    let told = ["the server closed the connection", "connection reset"];
                    assert!(told.iter().any(|told| words.contains(told)), "{about:?}: {words}");
                }
                // The link was lost during COMMIT.
                Err((ErrorKind::CommitUnknown, _)) if at == same => {}
                Err((ErrorKind::Closed, _)) if at > same => {}
                other => panic!("{about:?}: call {at} ended with {other:?}"),
            }
        }
    })
}

/// Silent for good after any byte: the call at it has its own outcome, or ends at its deadline; the next one gives up what
/// is owed, and closes; those after it say so. Nothing is ever read as the answer of another.
pub fn stalled(extent: Extent) -> u64 {
    ended(extent, &[End::Silence], |whole, played, about| {
        assert!(played.longest <= LIMIT, "{about:?}: {:?}", played.longest);
        let same = agreed(whole, &played.outcomes);
        let mut others = played.outcomes.iter().skip(same);
        match others.next() {
            None => {}
            Some(Err((ErrorKind::Timeout, _))) => {
                let rest: Vec<&Outcome> = others.collect();
                let closed = |outcome: &&Outcome| matches!(outcome, Err((ErrorKind::Closed, _)));
                let settled = |outcome: &Outcome| matches!(outcome, Err((ErrorKind::Timeout, _)));
                let after = rest.iter().skip_while(|outcome| settled(outcome));
                assert!(rest.iter().filter(|outcome| settled(outcome)).count() <= 1, "{about:?}: {rest:?}");
                assert!(after.clone().all(closed), "{about:?}: {rest:?}");
                assert!(rest.is_empty() || played.is_closed, "{about:?}: neither drained nor closed");
            }
            Some(other) => panic!("{about:?}: call {same} ended with {other:?}"),
        }
    })
}

/// Runs with the link ended in these ways after each byte.
fn ended(
    extent: Extent,
    ways: &[End],
    check: impl Fn(&[Outcome], &Played, (&'static str, usize, End)),
) -> u64 {
    let mut runs = 0;
    for kind in Kind::all() {
        for after in extent.bytes(&kind) {
            for how in ways {
                let played = kind.play(Fault::End { after, how: *how }, Pieces::Whole);
                runs += 1;
                // Signatures of a handshake are not all equally long.
                if played.delivered == after {
                    let all = played.outcomes == kind.recording.outcomes;
                    assert!(kind.is_encrypted || !all, "{}: complete with {after} bytes", kind.name());
                    check(&kind.recording.outcomes, &played, (kind.name(), after, *how));
                }
            }
        }
    }
    runs
}

/// How many calls, from the first on, ended as they should.
fn agreed(whole: &[Outcome], outcomes: &[Outcome]) -> usize {
    assert_eq!(whole.len(), outcomes.len());
    whole.iter().zip(outcomes).take_while(|(whole, outcome)| whole == outcome).count()
}

/// The same bytes are the same session, byte by byte and in random pieces.
pub fn split(extent: Extent) -> u64 {
    let mut runs = 0;
    for (number, kind) in (0..).zip(Kind::all()) {
        let splits = if kind.is_encrypted { extent.splits_in_tls } else { extent.splits };
        let random = (0..splits).map(|seed| Pieces::Random(Rng::new(seed * 8 + number)));
        for (seed, pieces) in [Pieces::Bytes].into_iter().chain(random).enumerate() {
            let played = kind.play(Fault::None, pieces);
            assert_eq!(played.outcomes, kind.recording.outcomes, "{}, split {seed}", kind.name());
            runs += 1;
        }
    }
    runs
}

/// A flipped bit: every call ends within its deadline, in little memory; inside TLS it changes no result. `peak` runs a
/// session and gives the most memory that was allocated in it, in bytes; or 0, if nobody counts.
pub fn flipped(extent: Extent, peak: impl Fn(&mut dyn FnMut()) -> u64) -> u64 {
    let mut rng = Rng::new(3);
    let mut runs = 0;
    for kind in Kind::all() {
        let play = |fault| {
            let mut played = None;
            let peak = peak(&mut || played = Some(kind.play(fault, Pieces::Whole)));
            (played.expect("it was played"), peak)
        };
        let (_, whole) = play(Fault::None);
        for byte in extent.bytes(&kind) {
            for bit in extent.bits(&mut rng) {
                let (played, peak) = play(Fault::Flip { byte, bit });
                let about = (kind.name(), byte, bit);
                assert!(peak <= whole + 64 * 1024, "{about:?}: {peak} bytes instead of {whole}");
                assert_bounded(&played, &kind.recording.outcomes, about);
                for (right, outcome) in kind.recording.outcomes.iter().zip(&played.outcomes) {
                    assert!(
                        !kind.is_encrypted || outcome == right || outcome.is_err(),
                        "{about:?}: {outcome:?}"
                    );
                }
                runs += 1;
            }
        }
    }
    runs
}

fn assert_bounded(played: &Played, whole: &[Outcome], about: impl Debug) {
    assert_eq!(played.outcomes.len(), whole.len(), "{about:?}");
    assert!(played.longest <= LIMIT, "{about:?}: {:?}", played.longest);
    assert!(played.held <= 64 * 1024, "{about:?}: {} bytes held", played.held);
    let told: usize = played.outcomes.iter().flatten().map(String::len).sum();
    assert!(told < 64 * 1024, "{about:?}: {told} bytes of results");
}

/// No login survives a flipped bit in it.
pub fn flipped_in_the_login(extent: Extent) -> u64 {
    let mut runs = 0;
    for kind in Kind::all().filter(|kind| !kind.is_encrypted) {
        for byte in authentication(kind.recording) {
            // Each salt takes a derived key, so that it may be two bits of a byte only.
            for bit in (0..8).filter(|bit| extent.bits == 8 || usize::from(*bit) % 4 == byte % 4) {
                let played = kind.play(Fault::Flip { byte, bit }, Pieces::Whole);
                let Err((error, words)) = &played.outcomes[0] else {
                    panic!("{}: bit {bit} of byte {byte}: logged in", kind.name());
                };
                let kinds =
                    [ErrorKind::Protocol, ErrorKind::Authentication, ErrorKind::Timeout, ErrorKind::Server];
                assert!(kinds.contains(error), "{error:?} {words}");
                runs += 1;
            }
        }
    }
    runs
}

/// Where the login of a recording ends: after AuthenticationOk.
fn authentication(recording: &Recording) -> Range<usize> {
    let ok = b"R\0\0\0\x08\0\0\0\0";
    let end = recording.said.windows(ok.len()).position(|bytes| bytes == ok).expect("it logs in");
    0..end + ok.len()
}
