//! A recording that is played again, over a link with a fault and in pieces.

use super::{Outcome, Played, Recording, Turn, Wire};
use crate::seed::Rng;
use pg_core::Error;
use pg_core::protocol::connection::Connection;
use std::io;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fault {
    None,
    /// The link ends after so many bytes.
    End {
        after: usize,
        how: End,
    },
    /// A bit of this byte is another.
    Flip {
        byte: usize,
        bit: u8,
    },
}

/// How a link ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum End {
    /// Closed by the server.
    Closed,
    /// Reset by whoever.
    Reset,
    /// Nothing comes any more, and nobody says so.
    Silence,
}

#[derive(Debug, Clone)]
pub(super) enum Pieces {
    Whole,
    Bytes,
    Random(Rng),
}

/// The way from the server to the client. A server that has nothing more to say is silent.
pub(super) struct Link {
    fault: Fault,
    pieces: Pieces,
    delivered: usize,
    turns: usize,
    held: usize,
}

impl Link {
    pub(super) fn new(fault: Fault, pieces: Pieces) -> Link {
        Link { fault, pieces, delivered: 0, turns: 0, held: 0 }
    }

    /// Delivers a piece of `said`, or the end of the link when there is none.
    pub(super) fn deliver(&mut self, connection: &mut Connection, said: &[u8]) -> Turn {
        self.turns += 1;
        assert!(self.turns < 100_000, "the client turns in circles: {:?}", self.fault);
        let end = match self.fault {
            Fault::End { after, .. } => said.len().min(after),
            _ => said.len(),
        };
        let left = end.saturating_sub(self.delivered);
        if left == 0 {
            return self.end(connection);
        }
        let space = connection.space();
        self.held = self.held.max(space.len());
        let count = match &mut self.pieces {
            Pieces::Whole => left,
            Pieces::Bytes => 1,
            Pieces::Random(rng) => {
                let most = rng.pick(&[3, 40, left]).min(left);
                1 + rng.index(most)
            }
        }
        .min(space.len());
        let piece = &mut space[..count];
        piece.copy_from_slice(&said[self.delivered..self.delivered + count]);
        if let Fault::Flip { byte, bit } = self.fault
            && let Some(place) = byte.checked_sub(self.delivered).and_then(|at| piece.get_mut(at))
        {
            *place ^= 1 << bit;
        }
        self.delivered += count;
        connection.handle_read(count);
        Turn::Read
    }

    fn end(&self, connection: &mut Connection) -> Turn {
        match self.fault {
            Fault::End { how: End::Closed, .. } => connection.handle_read(0),
            Fault::End { how: End::Reset, .. } => {
                let error = io::Error::from(io::ErrorKind::ConnectionReset);
                connection.handle_failure(Error::io("reading from the server", error));
            }
            _ => return Turn::Silence,
        }
        Turn::Read
    }

    pub(super) fn played(&self, outcomes: Vec<Outcome>, is_closed: bool, longest: Duration) -> Played {
        Played { outcomes, is_closed, longest, delivered: self.delivered, held: self.held }
    }
}

/// All that the client has to send.
pub(super) fn taken(connection: &mut Connection) -> Vec<u8> {
    let mut taken = Vec::new();
    loop {
        let bytes = connection.poll_transmit();
        if bytes.is_empty() {
            return taken;
        }
        taken.extend_from_slice(bytes);
        let count = bytes.len();
        connection.handle_sent(count);
    }
}

/// See the module.
pub(super) struct Replay<'r> {
    pub(super) recording: &'r Recording,
    pub(super) link: Link,
    pub(super) sent: usize,
}

impl Wire for Replay<'_> {
    fn turn(&mut self, connection: &mut Connection) -> Turn {
        self.sent += taken(connection).len();
        if connection.only_writes() {
            return Turn::Read;
        }
        let said = self.recording.said_after(self.sent);
        self.link.deliver(connection, &self.recording.said[..said])
    }
}
