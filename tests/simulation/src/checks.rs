//! What each call may end with, and which changes must be in the server's journal when all is over.

use super::faults::Class;
use super::language::{self, Item, Mood, Shape, Value};
use super::link::Net;
use pg_core::error::{Error, ErrorKind};
use pg_core::row::FromRowOwned;
use pg_core::types::hstore::Hstore;
use pg_core::types::numeric::Numeric;
use pg_core::types::range::{Multirange, Range};
use std::time::Duration;

/// A row type that reads a shape.
pub(super) trait Given: FromRowOwned {
    const GIVEN: Shape;

    fn values(self) -> Vec<Value>;
}

macro_rules! given {
    ($shape:ident, ($($type:ty),+), |$($name:ident),+| $values:expr) => {
        impl Given for ($($type,)+) {
            const GIVEN: Shape = Shape::$shape;

            fn values(self) -> Vec<Value> {
                let ($($name,)+) = self;
                $values.into()
            }
        }
    };
}

given!(A, (i64, i32, String), |n, i, t| [Value::Int8(n), Value::Int4(i), Value::Text(t)]);
given!(B, (i64, Option<String>, Vec<i32>), |n, t, ints| [Value::Int8(n), t.into(), Value::Ints(ints)]);
given!(C, (i64, f64, bool, Vec<Option<String>>), |n, f, b, texts| {
    [Value::Int8(n), Value::Float8(f), Value::Bool(b), Value::Texts(texts)]
});
given!(D, (i64, Item), |n, item| [Value::Int8(n), Value::Item(item)]);
given!(M, (i64, Mood), |n, mood| [Value::Int8(n), Value::Mood(mood)]);
given!(P, (i64, String), |n, echo| [Value::Int8(n), Value::Text(echo)]);
given!(R, (i64, Range<i32>, Multirange<i32>, Numeric, Hstore), |n, range, ranges, number, hstore| {
    [
        Value::Int8(n),
        Value::Range(range),
        Value::Multirange(ranges.into_ranges()),
        Value::Numeric(number.to_string()),
        hstore.into(),
    ]
});

impl From<Hstore> for Value {
    fn from(hstore: Hstore) -> Value {
        let mut pairs: Vec<_> = hstore.0.into_iter().collect();
        pairs.sort_by_key(|(key, _)| key.len());
        Value::Hstore(pairs)
    }
}

/// What is known of a call when it ends: what errors it may end with.
#[derive(Debug, Clone, Default)]
pub(super) struct Call {
    /// The numbers of its statements.
    pub(super) numbers: Vec<u64>,
    /// The texts of its statements, where an error names one.
    pub(super) texts: Vec<String>,
    /// The one that fails by itself.
    pub(super) fails: Option<u64>,
    /// Its rows may be too few or too many.
    pub(super) counts: bool,
    /// It contains a COPY.
    pub(super) copies: bool,
    /// It isn't understood.
    pub(super) misspelt: bool,
    /// A statement that doesn't fit any more isn't run again.
    pub(super) no_retry: bool,
    /// It has no end.
    pub(super) forever: bool,
    /// It ends a transaction.
    pub(super) ends: bool,
    /// It is a login that must not succeed: what it ends with.
    pub(super) must_end_with: Vec<ErrorKind>,
    /// It collides with others.
    pub(super) clashes: bool,
    /// It has a deadline.
    pub(super) limit: Option<Duration>,
    /// What the server had done when it began.
    pub(super) cancelled_before: usize,
    pub(super) refused_before: u64,
    pub(super) forgotten_before: u64,
}

/// The fate of changes.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    must: Vec<u64>,
    must_not: Vec<u64>,
    all_or_none: Vec<Vec<u64>>,
    pub(super) findings: Vec<String>,
    /// Bytes of COPY data that the run made for itself.
    pub(super) copied: u64,
    /// Maps that it may have asked for.
    pub(super) maps: u64,
    /// How many calls ended rightly, in an error, and by being dropped: so that runs are seen to do something.
    pub(super) right: u64,
    pub(super) errors: u64,
    pub(super) dropped: u64,
}

/// The changes of a transaction or savepoint that is open.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// How many guards stand open.
    pub(super) depth: u32,
    /// Something failed or was dropped, so that the transaction may have failed.
    pub(super) disturbed: bool,
    /// Changes that were acknowledged.
    pub(super) made: Vec<u64>,
    /// Changes of which nobody knows.
    pub(super) unsure: Vec<u64>,
}

/// How a scope ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Kept,
    Undone,
    Unknown,
}

impl Ledger {
    pub(super) fn find(&mut self, finding: impl Into<String>) {
        self.findings.push(finding.into());
    }

    /// Notes how a scope ended, in the scope around it.
    pub(super) fn close(&mut self, inner: Scope, fate: Fate, outer: &mut Scope) {
        match fate {
            Fate::Kept if outer.depth == 0 => self.must.extend(inner.made),
            Fate::Kept => {
                outer.made.extend(inner.made);
                outer.unsure.extend(inner.unsure);
            }
            Fate::Undone => self.must_not.extend(inner.made.into_iter().chain(inner.unsure)),
            Fate::Unknown if outer.depth == 0 => self.all_or_none.push(inner.made),
            Fate::Unknown => {
                outer.unsure.extend(inner.made.into_iter().chain(inner.unsure));
                outer.disturbed = true;
            }
        }
    }

    /// Notes changes that were made together.
    pub(super) fn changed(&mut self, numbers: &[u64], fate: Fate, scope: &mut Scope) {
        match (fate, scope.depth) {
            (Fate::Kept, 0) => self.must.extend(numbers),
            (Fate::Kept, _) => scope.made.extend(numbers),
            (Fate::Undone, _) => self.must_not.extend(numbers),
            (Fate::Unknown, 0) => self.all_or_none.push(numbers.to_vec()),
            (Fate::Unknown, _) => scope.unsure.extend(numbers),
        }
    }

    /// Looks whether the server's journal is as it must be. Where an error was made up, what it says was undone may have
    /// been done; what was acknowledged is there all the same, and what was made together is there wholly or not at all.
    pub(super) fn audit(&mut self, net: &Net) {
        if !is_exact(net) {
            return;
        }
        let world = net.world();
        if world.server.faults.made_an_error_up() {
            self.must_not.clear();
        }
        let has = |number: &u64| world.server.committed.contains(number);
        let mut findings = Vec::new();
        for lost in self.must.iter().filter(|number| !has(number)) {
            findings.push(format!("change {lost} was acknowledged and is lost"));
        }
        for kept in self.must_not.iter().filter(|number| has(number)) {
            findings.push(format!("change {kept} was undone and is in the journal"));
        }
        for group in &self.all_or_none {
            let count = group.iter().filter(|number| has(number)).count();
            if count != 0 && count != group.len() {
                findings.push(format!("of the changes {group:?}, made together, {count} are in the journal"));
            }
        }
        self.findings.extend(findings);
    }

    /// Compares rows with the rightful ones.
    pub(super) fn rows(
        &mut self,
        net: &Net,
        what: &str,
        got: Vec<Vec<Value>>,
        shape: Shape,
        number: u64,
        echo: &str,
    ) {
        let all = language::row_count(number);
        self.first_rows(net, what, got.clone(), shape, number, echo);
        if is_exact(net) && got.len() as u64 != all {
            self.find(format!("{what}: call {number} was given {} rows of {all}", got.len()));
        }
    }

    /// Compares the first rows with the rightful ones.
    pub(super) fn first_rows(
        &mut self,
        net: &Net,
        what: &str,
        got: Vec<Vec<Value>>,
        shape: Shape,
        number: u64,
        echo: &str,
    ) {
        self.right += 1;
        if !is_exact(net) {
            return;
        }
        for (at, row) in (0..).zip(got) {
            let rightful = language::row(shape, number, at, echo);
            if row != rightful {
                return self.find(format!("{what}: row {at} of call {number} is {row:?}, not {rightful:?}"));
            }
        }
    }

    /// Looks for the password in what is shown: as text, and as the numbers of its bytes.
    pub(super) fn secrets(&mut self, what: &str, text: &str) {
        let numbers = super::PASSWORD.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        if text.contains(super::PASSWORD) || text.contains(&numbers) {
            self.find(format!("{what}: the password is shown"));
        }
    }

    /// Judges the error that a call ended with.
    pub(super) fn error(
        &mut self,
        net: &Net,
        what: &str,
        error: &Error,
        call: &Call,
        scope: &Scope,
        closed: bool,
    ) {
        self.errors += 1;
        let text = format!("{error:?}");
        self.secrets(what, &text);
        self.secrets(what, &error.to_string());
        if error.is_closed() && !closed {
            self.find(format!(
                "{what}: the error says that the connection is closed, which it isn't: {text}"
            ));
        }
        let world = net.world();
        let (class, happened) = (world.server.faults.class(), world.server.faults.happened);
        let message = error.message();
        // The server's errors are its own, but for those that were made up.
        let is_disorder = class == Class::Order && error.kind() != ErrorKind::Server
            || world.server.faults.made_an_error_up()
            || world.server.faults.touched_rows;
        if happened && (class == Class::Bytes || is_disorder) {
            let may =
                class == Class::Bytes || world.server.faults.touched_rows || may_after_disorder(error, call);
            drop(world);
            if !may {
                self.find(format!("{what}: {call:?} ended with what is not its own: {text}"));
            }
            return;
        }
        let may = match error.kind() {
            ErrorKind::Server if !is_told_as_what_it_was(error, call) => false,
            ErrorKind::Server => {
                match error.sqlstate().map_or(String::new(), |state| state.code().to_owned()).as_str() {
                    "P0001" => call.fails.is_some_and(|number| message == format!("call {number} fails")),
                    "57014" => world.server.cancelled[call.cancelled_before..]
                        .iter()
                        .any(|number| *number == 0 || call.numbers.contains(number)),
                    // What was cancelled may have been the rest of a stream.
                    "25P02" => scope.depth > 0 && (scope.disturbed || !world.server.cancelled.is_empty()),
                    // It is run again once, and not if that is forgotten too, or if its error came twice.
                    "26000" | "0A000" => {
                        (class == Class::Order && happened)
                            || scope.depth > 0
                            || call.no_retry
                            || world.server.forgotten > call.forgotten_before
                    }
                    "40001" => call.clashes,
                    "42601" => call.misspelt,
                    "55000" => world.server.refused > call.refused_before,
                    "3B001" => scope.disturbed,
                    _ => false,
                }
            }
            // A login that must fail; and ciphertext that was damaged, in the handshake or after it.
            ErrorKind::Authentication => call.must_end_with.contains(&ErrorKind::Authentication),
            ErrorKind::Protocol | ErrorKind::Tls => {
                world.server.faults.tampered || call.must_end_with.contains(&error.kind())
            }
            ErrorKind::RowCount => call.counts,
            ErrorKind::Usage => call.copies || (scope.depth > 0 && scope.disturbed),
            ErrorKind::RolledBack => call.ends && (scope.disturbed || !world.server.cancelled.is_empty()),
            ErrorKind::Timeout => {
                call.limit.is_some()
                    || call.forever
                    || (class == Class::Transport && happened)
                    || world.cancel_was_lost
            }
            // What takes for ever, and can't be cancelled, is given up by the system.
            ErrorKind::Io if call.forever && world.cancel_was_lost => true,
            // A COMMIT that was late, and nobody knows whether it was cancelled.
            ErrorKind::CommitUnknown if call.ends && call.limit.is_some() && world.cancel_was_lost => true,
            ErrorKind::Io | ErrorKind::CommitUnknown => class == Class::Transport && happened,
            ErrorKind::Closed => (class == Class::Transport && happened) || world.cancel_was_lost,
            _ => false,
        };
        drop(world);
        if !may {
            self.find(format!("{what}: {call:?} in {scope:?} ended with {text}"));
        }
    }
}

/// Whether a failure is told as that of the statement that failed: one of the call's own, or the BEGIN before it.
fn is_told_as_what_it_was(error: &Error, call: &Call) -> bool {
    let code = error.sqlstate().map_or(String::new(), |state| state.code().to_owned());
    // What BEGIN and SAVEPOINT may fail with; like others, they may be forgotten, or cancelled.
    let is_told_so = match (error.to_string().contains("could not begin"), error.sql()) {
        (true, Some(sql)) if sql.starts_with("BEGIN") => {
            ["55000", "26000", "0A000", "57014"].contains(&code.as_str())
        }
        (true, Some(sql)) if sql.starts_with("SAVEPOINT") => {
            ["25P02", "26000", "0A000", "57014"].contains(&code.as_str())
        }
        (begins, _) => !begins && code != "55000",
    };
    let names_its_own = |sql: &str| {
        let others = ["BEGIN", "SAVEPOINT", "WITH RECURSIVE"];
        call.texts.is_empty()
            || call.texts.iter().any(|text| text == sql)
            || others.iter().any(|other| sql.trim_start().to_ascii_uppercase().starts_with(other))
            // What travels with the COMMIT has the COMMIT for a statement of its own, which a request can hit too.
            || call.ends && (sql == "COMMIT" || sql.starts_with("RELEASE"))
    };
    is_told_so && error.sql().is_none_or(names_its_own)
}

/// Whether a call may end with this error after messages were missing, doubled or out of order. The error of a statement
/// that fails carries its number, so another call's is known; all else may be made up by a message from another phase.
fn may_after_disorder(error: &Error, call: &Call) -> bool {
    let number = error.message().strip_prefix("call ").and_then(|text| text.strip_suffix(" fails"));
    match error.kind() {
        ErrorKind::Server => number.is_none_or(|number| call.fails.is_some_and(|n| n.to_string() == number)),
        // These are told from rows, of which none was touched.
        ErrorKind::RowCount => call.counts,
        ErrorKind::Decode => false,
        ErrorKind::RolledBack | ErrorKind::CommitUnknown => call.ends,
        // Nothing that a server says makes these.
        ErrorKind::Encode | ErrorKind::Config => false,
        _ => true,
    }
}

/// Whether what comes out can be held against the rightful answer. After a fault among bytes nothing can: a changed
/// value, number or text is as good as the true one. After one among messages all can, but where it is done to one that
/// carries or describes rows or ends a statement: a row less, with the rest in order, is what another answer looks like.
pub(super) fn is_exact(net: &Net) -> bool {
    let world = net.world();
    match world.server.faults.class() {
        Class::Correct | Class::Transport => true,
        Class::Order => !world.server.faults.touched_rows,
        Class::Bytes => !world.server.faults.happened,
    }
}

/// Whether all that came is what the server sent, as far as it came.
pub(super) fn is_whole(net: &Net) -> bool {
    let faults = &net.world().server.faults;
    matches!(faults.class(), Class::Correct | Class::Transport) || !faults.happened
}
