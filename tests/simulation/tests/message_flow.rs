//! The manual's chapter "Message Flow", written down a second time and apart from the product's table, which is held
//! against it: each phase with each of the 256 tags.

use pg_core::protocol::state::{Phase, Step, step};

/// Of each phase all that may come, and what comes after it: the same phase (`=`), the next that is awaited (`next`), another
/// phase by its name; after an error of the extended protocol the answer to the next Sync (`sync`); nothing, since the
/// server closes (`end`). `*` is what may come at any time after login and changes nothing: NoticeResponse,
/// ParameterStatus, NotificationResponse ("Asynchronous Operations"). A tag that isn't there must not come.
const MESSAGE_FLOW: &str = "
    ## Start-Up, SSL Session Encryption, Canceling Requests in Progress
    # One byte is the answer, which is no message.
    Tls
    # The server closes, and says nothing.
    Cancel
    # An authentication request, or what of the protocol isn't spoken; notices, but nothing that a session has.
    Startup             R=  v=  E end  N aside
    # AuthenticationOk was heard.
    LoggedIn            K=  Z next  E end  *

    ## Asynchronous Operations
    # A server that shuts down or is told to end the session says so.
    Idle                E end  *

    ## Simple Query
    # The first statement: what ends it, or what is said before its rows or data. Not ReadyForQuery: an empty text has
    # EmptyQueryResponse before it.
    # A walsender that has streamed may send a keepalive there, while it makes a slot, which no manual says.
    Simple              d keepalive  C SimpleNext  I SimpleNext  T SimpleRows  G SimpleCopyIn  H SimpleCopyOut  W CopyBoth  E Sync  *
    # Any further one, or the end of all.
    SimpleNext          C SimpleNext  I SimpleNext  T SimpleRows  G SimpleCopyIn  H SimpleCopyOut  W CopyBoth  Z next  E Sync  *
    SimpleRows          D=  C SimpleNext  E Sync  *

    ## Extended Query
    Parse               1 next  E sync  *
    Bind                2 next  E sync  *
    # ParameterDescription comes first, then what a portal has too.
    DescribeStatement   t DescribeRows  E sync  *
    DescribeRows        T next  n next  E sync  *
    # As Simple, but for RowDescription and ReadyForQuery. No replication.
    Execute             D=  C next  I next  G ExecuteCopyIn  H ExecuteCopyOut  E sync  *
    # With a limit of rows there is PortalSuspended.
    ExecutePart         D=  C next  I next  s next  G ExecuteCopyIn  H ExecuteCopyOut  E sync  *
    Close               3 next  E sync  *
    # An error may come with what ends an implicit transaction.
    Sync                Z next  E sync  *

    ## COPY Operations
    # The server waits for data, CopyDone or CopyFail, but may refuse them at any time.
    SimpleCopyIn        C SimpleNext  E Sync  *
    ExecuteCopyIn       C next  E sync  *
    SimpleCopyOut       d=  c SimpleCopied  E Sync  *
    SimpleCopied        C SimpleNext  E Sync  *
    ExecuteCopyOut      d=  c ExecuteCopied  E sync  *
    ExecuteCopied       C next  E sync  *

    ## Streaming Replication Protocol
    # After CopyDone from both sides CommandComplete. A walsender that heard ours first may leave its own out.
    CopyBoth            d=  c CopyBothDone  C SimpleNext  E Sync  *
    # At the end of a timeline the next is told by a row. A walsender that decodes ends the transaction it is in first.
    CopyBothDone        d=  C SimpleNext  T SimpleRows  E Sync  *
";

fn phase(name: &str) -> Phase {
    let mut phases = Phase::ALL.into_iter();
    phases.find(|phase| format!("{phase:?}") == name).unwrap_or_else(|| panic!("no phase is called {name}"))
}

/// What may come in a phase, and what it does.
fn entries(line: &str) -> (Phase, Vec<(u8, Step)>) {
    let mut words = line.split_ascii_whitespace();
    let at = phase(words.next().expect("a name"));
    let mut entries = Vec::new();
    while let Some(word) = words.next() {
        let tag = word.as_bytes()[0];
        match word {
            "*" => entries.extend(b"NSA".map(|tag| (tag, Step::Aside))),
            _ if word.ends_with('=') => entries.push((tag, Step::Stay)),
            _ => entries.push((
                tag,
                match words.next().expect("what comes after it") {
                    "next" => Step::Next,
                    "sync" => Step::Skip,
                    "end" => Step::End,
                    "aside" => Step::Aside,
                    "keepalive" => Step::Keepalive,
                    name => Step::Become(phase(name)),
                },
            )),
        }
    }
    (at, entries)
}

#[test]
fn the_table_of_transitions_is_the_manuals() {
    let lines = MESSAGE_FLOW.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let flow: Vec<(Phase, Vec<(u8, Step)>)> = lines.map(entries).collect();
    assert_eq!(flow.len(), Phase::ALL.len());
    let mut differences = Vec::new();
    for phase in Phase::ALL {
        let (_, entries) = flow.iter().find(|(at, _)| *at == phase).expect("the manual knows each phase");
        for tag in 0..=255 {
            let known = entries.iter().find(|(known, _)| *known == tag);
            let rightful = known.map_or(Step::Illegal, |(_, step)| *step);
            let ours = step(phase, tag);
            if ours != rightful {
                let tag = char::from(tag);
                differences.push(format!("{tag:?} in {phase:?} is {ours:?}, and by the manual {rightful:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
