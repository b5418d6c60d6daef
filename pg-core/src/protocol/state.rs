//! All legal transitions of the protocol, in one table.
//!
//! Two rules. First: each message we send that the server answers puts a [`Phase`] at the end of a queue, and the
//! phase at its front decides which messages may come. Second: a pair (phase, tag) that isn't in [`step`] is a fatal
//! protocol error. Notices, parameters and notifications may come in any phase after login and change none.
//! Manual: "Message Flow".

/// What the server is expected to answer next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing was asked.
    Idle,
    /// SSLRequest: one byte that is no message.
    Tls,
    /// CancelRequest: nothing but the end of the link.
    Cancel,
    /// StartupMessage: authentication.
    Startup,
    /// After AuthenticationOk: parameters and keys, until ReadyForQuery.
    LoggedIn,
    /// Parse.
    Parse,
    /// Bind.
    Bind,
    /// Describe of a statement: its parameters come first.
    DescribeStatement,
    /// Describe of a portal, or the second half of a statement's: its columns.
    DescribeRows,
    /// Execute: rows, then how it ended.
    Execute,
    /// Execute of a part of a portal's rows, which may not be the last.
    ExecutePart,
    /// Execute of a COPY FROM STDIN.
    ExecuteCopyIn,
    /// Execute of a COPY TO STDOUT.
    ExecuteCopyOut,
    /// After the CopyDone of a COPY in the extended protocol.
    ExecuteCopied,
    /// Close.
    Close,
    /// Sync, or the end of a failed exchange.
    Sync,
    /// Query: the start of its first statement.
    Simple,
    /// After the end of one of its statements: the start of the next, or the end of all.
    SimpleNext,
    /// The rows of one of its statements.
    SimpleRows,
    /// COPY FROM STDIN by Query.
    SimpleCopyIn,
    /// COPY TO STDOUT by Query.
    SimpleCopyOut,
    /// Data both ways: replication.
    CopyBoth,
    /// After the server's CopyDone of data both ways. A walsender doesn't hold to it: it goes on to its transaction's end.
    CopyBothDone,
    /// After the server's CopyDone: its statement's end.
    SimpleCopied,
}

/// What a message does to the front of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The phase goes on.
    Stay,
    /// The phase is over; the next in the queue follows.
    Next,
    /// The phase turns into another.
    Become(Phase),
    /// The statement failed: all up to the next Sync is skipped by the server, and so here.
    Skip,
    /// The server ends the session after it.
    End,
    /// It may come at any time and changes nothing.
    Aside,
    /// It comes from a walsender and changes nothing, if it is a keepalive; else it must not come now.
    Keepalive,
    /// It must not come now.
    Illegal,
}

impl Phase {
    /// All phases, for walking the table.
    pub const ALL: [Phase; 24] = [
        Phase::Idle,
        Phase::Tls,
        Phase::Cancel,
        Phase::Startup,
        Phase::LoggedIn,
        Phase::Parse,
        Phase::Bind,
        Phase::DescribeStatement,
        Phase::DescribeRows,
        Phase::Execute,
        Phase::ExecutePart,
        Phase::ExecuteCopyIn,
        Phase::ExecuteCopyOut,
        Phase::ExecuteCopied,
        Phase::Close,
        Phase::Sync,
        Phase::Simple,
        Phase::SimpleNext,
        Phase::SimpleRows,
        Phase::SimpleCopyIn,
        Phase::SimpleCopyOut,
        Phase::CopyBoth,
        Phase::CopyBothDone,
        Phase::SimpleCopied,
    ];

    /// What this phase waits for, for errors.
    pub fn expects(self) -> &'static str {
        match self {
            Phase::Idle => "nothing",
            Phase::Tls => "one byte, 'S' or 'N'",
            Phase::Cancel => "the end of the link",
            Phase::Startup => "an authentication request",
            Phase::LoggedIn => "ParameterStatus, BackendKeyData or ReadyForQuery",
            Phase::Parse => "ParseComplete",
            Phase::Bind => "BindComplete",
            Phase::DescribeStatement => "ParameterDescription",
            Phase::DescribeRows => "RowDescription or NoData",
            Phase::Execute => "DataRow, CommandComplete, EmptyQueryResponse or a COPY response",
            Phase::ExecutePart => "DataRow, CommandComplete, PortalSuspended or EmptyQueryResponse",
            Phase::ExecuteCopyIn | Phase::SimpleCopyIn => "CommandComplete, after our CopyDone",
            Phase::ExecuteCopyOut | Phase::SimpleCopyOut => "CopyData or CopyDone",
            Phase::ExecuteCopied | Phase::SimpleCopied => "CommandComplete",
            Phase::Close => "CloseComplete",
            Phase::Sync => "ReadyForQuery",
            Phase::Simple => "RowDescription, CommandComplete, EmptyQueryResponse or a COPY response",
            Phase::SimpleNext => {
                "RowDescription, CommandComplete, EmptyQueryResponse, a COPY response or ReadyForQuery"
            }
            Phase::SimpleRows => "DataRow or CommandComplete",
            Phase::CopyBoth => "CopyData or CopyDone",
            Phase::CopyBothDone => "CommandComplete, the next timeline as a row, or CopyData",
        }
    }
}

/// The table: what message `tag` does in `phase`.
#[inline]
pub fn step(phase: Phase, tag: u8) -> Step {
    use Phase::*;
    use Step::*;
    match (phase, tag) {
        // The extended protocol, most frequent first.
        (Execute, b'D') => Stay,
        // Without a row limit PortalSuspended would pass a part for the whole.
        (Execute, b'C' | b'I') => Next,
        (ExecutePart, b'D') => Stay,
        (ExecutePart, b'C' | b'I' | b's') => Next,
        (Bind, b'2') => Next,
        (Sync, b'Z') => Next,
        (Parse, b'1') => Next,
        (DescribeRows, b'T' | b'n') => Next,
        (DescribeStatement, b't') => Become(DescribeRows),
        (Close, b'3') => Next,
        (Execute | ExecutePart, b'G') => Become(ExecuteCopyIn),
        (Execute | ExecutePart, b'H') => Become(ExecuteCopyOut),
        (ExecuteCopyIn, b'C') => Next,
        (ExecuteCopyOut, b'd') => Stay,
        (ExecuteCopyOut, b'c') => Become(ExecuteCopied),
        (ExecuteCopied, b'C') => Next,
        (
            Parse | Bind | DescribeStatement | DescribeRows | Execute | ExecutePart | ExecuteCopyIn
            | ExecuteCopyOut | ExecuteCopied | Close | Sync,
            b'E',
        ) => Skip,

        // The simple protocol.
        // A Query is answered by one statement's end at least, so that a ReadyForQuery too many ends none.
        (Simple | SimpleNext, b'T') => Become(SimpleRows),
        (Simple | SimpleNext, b'C' | b'I') => Become(SimpleNext),
        (Simple | SimpleNext, b'G') => Become(SimpleCopyIn),
        (Simple | SimpleNext, b'H') => Become(SimpleCopyOut),
        (Simple | SimpleNext, b'W') => Become(CopyBoth),
        // One that has streamed before tells where it is, in no stream, while a slot that it makes waits for others.
        (Simple, b'd') => Keepalive,
        (SimpleNext, b'Z') => Next,
        (SimpleRows, b'D') => Stay,
        (SimpleRows, b'C') => Become(SimpleNext),
        (SimpleCopyIn, b'C') => Become(SimpleNext),
        (SimpleCopyOut, b'd') => Stay,
        (SimpleCopyOut, b'c') => Become(SimpleCopied),
        (SimpleCopied, b'C') => Become(SimpleNext),
        (CopyBoth, b'd') => Stay,
        (CopyBoth, b'c') => Become(CopyBothDone),
        // A walsender that was stopped once by CopyDone ends its next logical stream at once, without one of its own.
        (CopyBoth, b'C') => Become(SimpleNext),
        (CopyBothDone, b'd') => Stay,
        // At the end of a timeline the next is told as a row.
        (CopyBothDone, b'T') => Become(SimpleRows),
        (CopyBothDone, b'C') => Become(SimpleNext),
        (
            Simple | SimpleNext | SimpleRows | SimpleCopyIn | SimpleCopyOut | SimpleCopied | CopyBoth
            | CopyBothDone,
            b'E',
        ) => Become(Sync),

        // Login.
        (Startup, b'R' | b'v') => Stay,
        (Startup | LoggedIn, b'E') => End,
        (LoggedIn, b'K') => Stay,
        (LoggedIn, b'Z') => Next,

        // A session that is ended by the server says so unasked.
        (Idle, b'E') => End,

        // At any time: notices, and after login parameters and notifications.
        (Tls | Cancel, _) => Illegal,
        (Startup, b'N') => Aside,
        (Startup, _) => Illegal,
        (_, b'N' | b'S' | b'A') => Aside,
        _ => Illegal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_can_end_and_every_tag_has_an_answer() {
        for phase in Phase::ALL {
            let steps: Vec<Step> = (0..=255).map(|tag| step(phase, tag)).collect();
            assert_eq!(steps.len(), 256);
            let ends =
                steps.iter().any(|s| matches!(s, Step::Next | Step::Become(_) | Step::End | Step::Skip));
            assert!(ends || matches!(phase, Phase::Tls | Phase::Cancel | Phase::Startup), "{phase:?}");
        }
    }

    #[test]
    fn rows_come_only_while_something_runs() {
        let with_rows: Vec<Phase> =
            Phase::ALL.into_iter().filter(|p| step(*p, b'D') != Step::Illegal).collect();
        assert_eq!(with_rows, [Phase::Execute, Phase::ExecutePart, Phase::SimpleRows]);
        // `Connection::poll_message` and `Connection::pass` count on these.
        assert_eq!(step(Phase::Execute, b'D'), Step::Stay);
        assert_eq!(step(Phase::Bind, b'2'), Step::Next);
        assert_eq!(step(Phase::Sync, b'Z'), Step::Next);
    }

    #[test]
    fn nothing_unasked_is_heard_before_login() {
        for tag in 0..=255u8 {
            assert_eq!(step(Phase::Tls, tag), Step::Illegal);
        }
        assert_eq!(step(Phase::Startup, b'S'), Step::Illegal);
        assert_eq!(step(Phase::Startup, b'A'), Step::Illegal);
    }
}
