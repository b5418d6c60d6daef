//! What the two clients have in common, they call by the same names; and what a session can do, its blocking face can.

use std::collections::BTreeSet;

const BLOCKING: &str = include_str!("../../pg-blocking/src/lib.rs");
const ASYNC: &str = include_str!("../../pg-async/src/lib.rs");
const ROWS: &str = include_str!("../../pg-core/src/streams/rows.rs");
const SESSION: &str = include_str!("../../pg-core/src/session.rs");
const WALSENDER: &str = include_str!("../../pg-core/src/walsender/commands.rs");
const WALSENDER_FACE: &str = include_str!("../../pg-core/src/walsender/blocking.rs");
const REPLICATION: &str = include_str!("../../pg-core/src/streams/replication.rs");
const FACE: &str = include_str!("../../pg-core/src/blocking.rs");
const SHARED_QUERIES: &str = include_str!("../../pg-async/src/shared/queries.rs");
const SHARED_LEASE: &str = include_str!("../../pg-async/src/shared/lease.rs");

/// Names that only the blocking client has: its plain methods, the way into generic code, the session beneath, and what
/// never waits, or waits otherwise.
const ONLY_BLOCKING: [&str; 6] = ["Blocking", "Raw", "complete", "nonblocking", "wait", "Pump"];

/// What only the async client has: a connection for many tasks, streams of the user's to run over, and tokio's traits.
const ONLY_ASYNC: [&str; 6] = ["Lease", "Shared", "SharedTransaction", "Stream", "connect_stream", "io"];

#[test]
fn both_clients_export_the_same_names() {
    let (mut blocking, mut asynchronous) = (exports(BLOCKING), exports(ASYNC));
    for (client, names, only) in
        [("pg-blocking", &mut blocking, &ONLY_BLOCKING[..]), ("pg-async", &mut asynchronous, &ONLY_ASYNC[..])]
    {
        for name in only {
            assert!(names.remove(*name), "{name} is excepted and {client} doesn't export it");
        }
    }
    assert_eq!(blocking, asynchronous);
}

#[test]
fn the_blocking_face_has_every_method_of_a_session() {
    let face = methods(FACE, "impl<S: Session> Blocking<S> {");
    // Sending without waiting is for guards that are dropped, not for users.
    assert_eq!(missing(methods(SESSION, "pub trait Session: Run + Sized {"), &face), ["nudge"]);
}

#[test]
fn the_blocking_face_has_every_method_of_a_session_for_replication() {
    let face = methods(WALSENDER_FACE, "impl<S: Session> Blocking<S> {");
    assert_eq!(missing(methods(WALSENDER, "pub trait ReplicationSession: Session {"), &face), [""; 0]);
}

#[test]
fn the_blocking_face_has_every_method_of_a_replication_stream() {
    let face = methods(WALSENDER_FACE, "impl<'s, S: Session> BlockingReplicationStream<'s, S> {");
    let stream = methods(REPLICATION, "impl<'s, S: Lender> ReplicationStream<'s, S> {");
    // Work that blocks is pumped by a thread, which the blocking client brings.
    assert_eq!(missing(stream, &face), ["pump"]);
}

#[test]
fn the_blocking_face_has_every_method_of_a_whole_connection() {
    let face = methods(FACE, "impl<S: Lifecycle> Blocking<S> {");
    assert_eq!(missing(methods(SESSION, "pub trait Lifecycle: Session {"), &face), [""; 0]);
}

#[test]
fn the_blocking_face_has_every_method_of_a_transaction() {
    let face = methods(FACE, "impl<S: Session> Blocking<Transaction<'_, S>> {");
    let transaction = methods(SESSION, "impl<S: Session> Transaction<'_, S> {");
    // Recursive functions are generic over `Session`, which the face is too.
    assert_eq!(missing(transaction, &face), ["session"]);
}

#[test]
fn a_shared_connection_runs_what_a_session_does_by_the_same_names() {
    let shared = methods(SHARED_QUERIES, "impl Shared {");
    let session = methods(SESSION, "pub trait Session: Run + Sized {");
    assert_eq!(missing(shared.clone(), &session), [""; 0]);
    // What needs the connection for a moment only; a portal stays open.
    let kinds =
        ["query", "execute", "for_each", "batch", "prepare", "fetch", "pipeline", "ping", "type_by_name"];
    let momentary = session.into_iter().filter(|name| kinds.iter().any(|kind| name.starts_with(kind)));
    assert_eq!(missing(momentary.collect(), &shared), ["fetch_portal"]);
}

#[test]
fn a_transaction_on_a_lease_has_every_method_of_a_transaction() {
    let own = methods(SHARED_LEASE, "impl SharedTransaction {");
    // It is its own session: there is none beneath that would be of the same type at every depth.
    assert_eq!(missing(methods(SESSION, "impl<S: Session> Transaction<'_, S> {"), &own), ["session"]);
}

#[test]
fn the_blocking_face_has_every_method_of_a_stream() {
    let face = methods(FACE, "impl<S: Session> BlockingRows<'_, S> {");
    assert_eq!(missing(methods(ROWS, "impl<S: Lender> Rows<'_, S> {"), &face), [""; 0]);
}

fn missing(of: BTreeSet<&str>, from: &BTreeSet<&str>) -> Vec<String> {
    of.difference(from).map(|name| (*name).to_owned()).collect()
}

/// Names that a `lib.rs` makes public: re-exports and items, hidden ones left out.
fn exports(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut hidden = false;
    let mut statement = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        if line.trim() == "#[doc(hidden)]" {
            hidden = true;
        }
        if !statement.is_empty() || line.starts_with("pub ") {
            statement.push_str(line.trim());
        }
        if statement.ends_with(';') || statement.ends_with('{') && !statement.starts_with("pub use") {
            let public = std::mem::take(&mut statement);
            if !std::mem::take(&mut hidden) {
                names.extend(declared(&public));
            }
        }
    }
    assert!(names.len() > 10, "{names:?}");
    names
}

/// `pub use a::{B, C as D};` declares B and D, `pub type E = ..;` declares E.
fn declared(statement: &str) -> Vec<String> {
    let Some(tree) = statement.strip_prefix("pub use ") else {
        let name = statement.split([' ', '<', '(', ';']).nth(2).unwrap_or_default();
        return vec![name.to_owned()];
    };
    let list = match tree.split_once('{') {
        Some((_, list)) => list.trim_end_matches(['}', ';']),
        None => tree.trim_end_matches(';'),
    };
    let last = |path: &str| path.rsplit([' ', ':']).next().unwrap_or_default().to_owned();
    list.split(',').map(str::trim).filter(|path| !path.is_empty()).map(last).collect()
}

/// The functions of the block that begins with this line.
fn methods<'t>(text: &'t str, block: &str) -> BTreeSet<&'t str> {
    let mut lines = text.lines().skip_while(|line| *line != block).skip(1).peekable();
    assert!(lines.peek().is_some(), "there is no block {block:?}");
    let functions = lines.take_while(|line| *line != "}").filter_map(|line| {
        let words = line.trim_start().trim_start_matches("pub ").trim_start_matches("async ");
        words.strip_prefix("fn ")?.split(['(', '<']).next()
    });
    functions.collect()
}
