//! Bytes of the frontend/backend protocol as text, one line a message, for tests that expect a conversation.
//!
//! ```text
//! F Parse "s1" "select $1" [23]
//! F Bind "" "s1" [1] [0x0000002a] [1]
//! F Sync
//! B ParseComplete
//! B ReadyForQuery I
//! ```
//!
//! `F` is the frontend (the client), `B` the backend. Fields stand in wire order. What differs from run to run
//! is left out: process ids, keys and nonces (only their length is shown), table OIDs, and the place in the
//! server's source that sent an error. A value shows as `"text"`, as `0x..` when it is not printable, or as
//! `NULL`.
//!
//! What belongs here: cutting a stream into messages. The names and fields are in `trace/frontend.rs` and
//! `trace/backend.rs`, on the reader in `trace/body.rs`.

mod backend;
mod body;
mod frontend;

use std::collections::BTreeMap;

use crate::relay::{Direction, Piece};

/// The trace of what a relay recorded from the start of each connection. Where there were several, their numbers
/// stand in front: `1 F Sync`.
pub fn trace(recorded: &[Piece]) -> String {
    trace_by(recorded, Tracer::new)
}

/// The trace of what a relay recorded after login, from a moment when no message was half on its way.
///
/// ```
/// use pg_tests::{relay::{Direction, Piece}, trace::trace_session};
///
/// let bytes = b"Q\0\0\0\x0dselect 1\0X\0\0\0\x04".to_vec();
/// let recorded = [Piece { connection: 0, direction: Direction::ToServer, bytes }];
/// assert_eq!(trace_session(&recorded), "F Query \"select 1\"\nF Terminate\n");
/// ```
pub fn trace_session(recorded: &[Piece]) -> String {
    trace_by(recorded, Tracer::in_session)
}

fn trace_by(recorded: &[Piece], new: impl Fn() -> Tracer) -> String {
    let mut tracers = BTreeMap::new();
    let mut lines = Vec::new();
    for piece in recorded {
        let tracer = tracers.entry(piece.connection).or_insert_with(&new);
        tracer.push(piece.direction, &piece.bytes);
        lines.extend(tracer.take().into_iter().map(|line| (piece.connection, line)));
    }
    for (connection, tracer) in &mut tracers {
        lines.extend(tracer.finish().into_iter().map(|line| (*connection, line)));
    }
    let several = tracers.len() > 1;
    let whole = |(number, line)| if several { format!("{number} {line}\n") } else { format!("{line}\n") };
    lines.into_iter().map(whole).collect()
}

/// Turns the bytes of one connection into lines as they come.
#[derive(Debug, Clone)]
pub struct Tracer {
    waiting: [Vec<u8>; 2],
    lines: Vec<String>,
    phase: Phase,
    /// The last authentication request, which says what a `p` message means.
    authentication: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The client's next message has no tag.
    Startup,
    /// The server's next byte says whether encryption follows.
    Asked,
    Session,
    /// Nothing can be read any more.
    Encrypted,
}

impl Tracer {
    /// For a connection from its first byte.
    pub fn new() -> Tracer {
        Tracer { waiting: Default::default(), lines: Vec::new(), phase: Phase::Startup, authentication: 0 }
    }

    /// For a connection that is logged in.
    pub fn in_session() -> Tracer {
        Tracer { phase: Phase::Session, ..Tracer::new() }
    }

    /// Reads some bytes of one direction; a message may come in pieces.
    pub fn push(&mut self, direction: Direction, bytes: &[u8]) {
        if self.phase == Phase::Encrypted {
            return;
        }
        self.waiting[direction as usize].extend_from_slice(bytes);
        while self.next(direction) {}
    }

    /// The lines since the last call.
    pub fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    /// The last lines: [`take`](Tracer::take), and one for each direction that ended within a message.
    pub fn finish(&mut self) -> Vec<String> {
        for (letter, waiting) in ["F", "B"].iter().zip(&self.waiting) {
            if !waiting.is_empty() {
                self.lines
                    .push(format!("{letter} (ends within a message, after {} bytes of it)", waiting.len()));
            }
        }
        self.waiting = Default::default();
        self.take()
    }

    /// Reads one message if it is there as a whole.
    fn next(&mut self, direction: Direction) -> bool {
        let waiting = &mut self.waiting[direction as usize];
        let tagged = match (direction, self.phase) {
            (_, Phase::Encrypted) => return false,
            (Direction::ToServer, Phase::Startup) => false,
            (Direction::ToClient, Phase::Asked) => {
                let Some(answer) = waiting.first().copied() else { return false };
                waiting.remove(0);
                self.answered(answer);
                return true;
            }
            // The client sends nothing before the answer; what it does send is tagged by then.
            _ => true,
        };
        let head = usize::from(tagged);
        let Some(length) = waiting.get(head..).and_then(|rest| rest.first_chunk()) else { return false };
        let end = head + (u32::from_be_bytes(*length) as usize).max(4);
        if waiting.len() < end {
            return false;
        }
        let message: Vec<u8> = waiting.drain(..end).collect();
        let body = &message[head + 4..];
        let line = match direction {
            Direction::ToServer if !tagged => {
                let (line, encryption) = frontend::startup(body);
                self.phase = if encryption { Phase::Asked } else { Phase::Session };
                line
            }
            Direction::ToServer => frontend::message(message[0], body, self.authentication),
            Direction::ToClient => {
                if let (b'R', Some(code)) = (message[0], body.first_chunk()) {
                    self.authentication = u32::from_be_bytes(*code);
                }
                backend::message(message[0], body)
            }
        };
        let letter = if direction == Direction::ToServer { 'F' } else { 'B' };
        self.lines.push(format!("{letter} {line}"));
        true
    }

    fn answered(&mut self, answer: u8) {
        let (phase, line) = match answer {
            b'S' | b'G' => (Phase::Encrypted, format!("B {} (encrypted from here)", char::from(answer))),
            // An old server answers with an ErrorResponse, which is not worth more than its first byte.
            _ => (Phase::Startup, format!("B {}", char::from(answer).escape_default())),
        };
        self.phase = phase;
        self.lines.push(line);
    }
}

impl Default for Tracer {
    fn default() -> Tracer {
        Tracer::new()
    }
}
