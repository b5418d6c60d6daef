//! What can go wrong on the way from the server: it happens to whole messages, one or two in a run.

use super::messages as m;
use pg_tests::seed::Rng;

/// What a run is about, and so how much can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The server is right and the link whole: every call ends as it should, and the connection outlives the run.
    Correct,
    /// The link stalls or breaks at any byte: every call has its rightful answer or an error of the link.
    Transport,
    /// Whole messages are missing, doubled, out of order or from another phase: rows are still rightful ones, unless
    /// the fault was done to a message that carries or describes rows.
    Order,
    /// Bytes are changed: whatever comes out, nothing panics, hangs or takes memory that was only promised.
    Bytes,
}

/// How the link ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Fin,
    Reset,
    /// Nothing more comes, and nobody says so.
    Silence,
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    End(Outcome),
    Drop,
    Double,
    Hold,
    Insert,
    Replace,
    /// EmptyQueryResponse in place of the next CommandComplete: a client can tell, who knows what it asked.
    Empty,
    Flip,
    LieLength,
    /// Anywhere in the message.
    LieCount,
    /// In the next row, where a count stands.
    LieInRow,
    Truncate,
    Extend,
}

/// SASLContinue and SASLFinal: what SCRAM signs, and the signature.
fn proves(message: &[u8]) -> bool {
    matches!(message, [b'R', _, _, _, _, 0, 0, 0, 11 | 12, ..])
}

/// A place in a row where a count or a size stands: of its columns, of a value, or in a value. Arrays, composites,
/// ranges, multiranges, hstore and numeric all begin with a word that says how many there are of what, or how long;
/// behind the flags of a range it stands one further on.
fn a_count(row: &[u8], rng: &mut Rng) -> usize {
    let mut values = Vec::new();
    let mut at = 7;
    while let Some(word) = row.get(at..at + 4) {
        let length = i32::from_be_bytes(word.try_into().expect("four bytes"));
        let length = usize::try_from(length).unwrap_or_default();
        values.push((at, length.min(24)));
        at += 4 + length;
    }
    if values.is_empty() || rng.in_thousand(100) {
        return 5;
    }
    let (at, length) = rng.pick(&values);
    match rng.below(4) {
        0 => at,
        1 => at + 4 + rng.index(length.max(1)),
        2 if length > 1 => at + 5,
        _ => at + 4,
    }
}

/// The faults of a run.
#[derive(Debug)]
pub(super) struct Faults {
    class: Class,
    planned: Vec<(u64, Fault)>,
    count: u64,
    held: Option<Vec<u8>>,
    rng: Rng,
    /// A fault has happened.
    pub(super) happened: bool,
    /// It concerned rows, so that theirs can't be told from the rightful ones.
    pub(super) touched_rows: bool,
    /// A ReadyForQuery was doubled; an error came that no statement had. Each alone is told by the next message, but
    /// the two together are what the answer to a Sync and a statement that failed look like: all answers after them
    /// come one call late, where the second ReadyForQuery is read after the next call has asked.
    has_surplus: (bool, bool),
    /// A ReadyForQuery is missing or late. An error behind it is taken for one of the answer before it, as of a
    /// constraint that is checked last; and where it never came, all answers after that come one call early.
    has_lost_an_end: bool,
    /// A ReadyForQuery came that may have said that no transaction is open, where one is: then nobody ends it.
    pub(super) hid_a_transaction: bool,
    /// It concerned what SCRAM signs, or the signature: a login that goes on is one too many.
    pub(super) touched_proof: bool,
    /// Ciphertext was damaged, which TLS must have told.
    pub(super) tampered: bool,
    /// Bytes that were given to the link.
    pub(super) bytes: usize,
}

impl Faults {
    pub(super) fn new(class: Class, mut rng: Rng) -> Faults {
        let kinds: &[Fault] = match class {
            Class::Correct => &[],
            Class::Transport => {
                &[Fault::End(Outcome::Fin), Fault::End(Outcome::Reset), Fault::End(Outcome::Silence)]
            }
            Class::Order => {
                &[Fault::Drop, Fault::Double, Fault::Hold, Fault::Insert, Fault::Replace, Fault::Empty]
            }
            Class::Bytes => &[
                Fault::Flip,
                Fault::LieLength,
                Fault::LieCount,
                Fault::LieInRow,
                Fault::LieInRow,
                Fault::Truncate,
                Fault::Extend,
            ],
        };
        let mut planned = Vec::new();
        if !kinds.is_empty() {
            for _ in 0..=rng.below(2) {
                // One in four strikes the login.
                let (first, range) = rng.pick(&[(0, 9), (8, 20), (8, 60), (8, 150)]);
                planned.push((first + rng.below(range), rng.pick(kinds)));
            }
        }
        Faults {
            class,
            planned,
            count: 0,
            held: None,
            rng,
            happened: false,
            touched_rows: false,
            has_surplus: (false, false),
            has_lost_an_end: false,
            hid_a_transaction: false,
            touched_proof: false,
            tampered: false,
            bytes: 0,
        }
    }

    /// None are done to messages: the link is all that fails.
    pub(super) fn of_the_link(rng: Rng) -> Faults {
        Faults { class: Class::Transport, ..Faults::new(Class::Correct, rng) }
    }

    /// Whether an error came that no statement had.
    pub(super) fn made_an_error_up(&self) -> bool {
        self.has_surplus.1
    }

    pub(super) fn class(&self) -> Class {
        self.class
    }

    /// No more happen; what is held back comes behind the next message.
    pub(super) fn stop(&mut self) {
        self.planned.clear();
    }

    /// Sends a message, or what becomes of it.
    pub(super) fn apply(&mut self, message: Vec<u8>, out: &mut Vec<u8>) -> Option<Outcome> {
        let at = self.count;
        self.count += 1;
        let before = out.len();
        for (planned, fault) in &mut self.planned {
            let awaited = match fault {
                Fault::Empty => b'C',
                Fault::LieInRow => b'D',
                _ => message[0],
            };
            *planned += u64::from(*planned == at && message[0] != awaited);
        }
        let fault = self.planned.iter().find(|(planned, _)| *planned == at).map(|(_, fault)| *fault);
        let held = self.held.take();
        self.touched_rows |= self.has_lost_an_end && message[0] == b'E';
        let outcome = match fault {
            None => {
                out.extend(message);
                None
            }
            Some(fault) => {
                self.happened = true;
                if !matches!(fault, Fault::Empty) {
                    self.concern(&message);
                }
                if message[0] == b'Z' {
                    self.has_surplus.0 |= matches!(fault, Fault::Double);
                    self.has_lost_an_end |= matches!(fault, Fault::Drop | Fault::Hold | Fault::Replace);
                }
                let proof = proves(&message).then(|| message.clone());
                let outcome = self.damage(fault, message, out);
                self.touched_rows |= self.has_surplus == (true, true);
                // What is only put before it leaves it as it is.
                self.touched_proof |=
                    proof.is_some_and(|proof| !matches!(fault, Fault::Insert) && out[before..] != proof);
                outcome
            }
        };
        if let Some(held) = held {
            out.extend(held);
        }
        self.bytes += out.len() - before;
        outcome
    }

    /// Rows, descriptions and ends of statements: what makes an answer.
    fn concern(&mut self, message: &[u8]) {
        self.touched_rows |= b"DTCtRdcHG".contains(&message[0]);
    }

    fn damage(&mut self, fault: Fault, mut message: Vec<u8>, out: &mut Vec<u8>) -> Option<Outcome> {
        let rng = &mut self.rng;
        match fault {
            Fault::End(outcome) => {
                message.truncate(rng.index(message.len() + 1));
                out.extend(message);
                return Some(outcome);
            }
            Fault::Drop => message.clear(),
            Fault::Double => message.extend_from_within(..),
            Fault::Hold => self.held = Some(std::mem::take(&mut message)),
            Fault::Insert | Fault::Replace => {
                let tag = rng.pick(m::TAGS);
                let other = m::well_formed(tag, rng);
                // A ReadyForQuery that comes early ends a batch between its statements.
                self.touched_rows |= b"DTCtRZdcHG".contains(&other[0]);
                self.has_surplus.1 |= other[0] == b'E';
                self.hid_a_transaction |= other[0] == b'Z';
                if matches!(fault, Fault::Replace) {
                    message.clear();
                }
                out.extend(other);
            }
            Fault::Empty => message = m::empty_query_response(),
            Fault::Flip => {
                let at = rng.index(message.len());
                message[at] ^= 1 << rng.below(8);
            }
            Fault::LieLength => {
                let length = u32::from_be_bytes(message[1..5].try_into().expect("four bytes"));
                let lie = rng.pick(&[
                    0,
                    3,
                    4,
                    length - 1,
                    length + 1,
                    length * 2,
                    29_999,
                    0x3fff_ffff,
                    0x7fff_ffff,
                    u32::MAX,
                ]);
                message[1..5].copy_from_slice(&lie.to_be_bytes());
                // More comes than the buffer holds, so that it must grow: by what came, not by what was promised.
                if lie > 1 << 20 && rng.in_thousand(300) {
                    message.resize(message.len() + 20_000 + rng.index(60_000), b'x');
                }
            }
            Fault::LieCount | Fault::LieInRow => {
                let width = rng.pick(&[2usize, 4, 4]);
                if message.len() >= 5 + width {
                    let last = message.len() - width;
                    let at = match fault {
                        Fault::LieInRow => a_count(&message, rng).min(last),
                        _ => 5 + rng.index(last - 4),
                    };
                    let lie = rng.pick(&[
                        0u32,
                        1,
                        2,
                        3,
                        100,
                        0x7fff,
                        0xffff,
                        0x00ff_ffff,
                        0x7fff_ffff,
                        0x8000_0000,
                        u32::MAX - 1,
                        u32::MAX,
                    ]);
                    message[at..at + width].copy_from_slice(&lie.to_be_bytes()[4 - width..]);
                }
            }
            Fault::Truncate => {
                message.truncate(5 + rng.index(message.len() - 4));
                message = m::with_true_length(message);
            }
            Fault::Extend => {
                message.extend((0..1 + rng.below(9)).map(|at| at.to_be_bytes()[7]));
                message = m::with_true_length(message);
            }
        }
        out.extend(message);
        None
    }
}
