//! Several exchanges in one round trip: a tuple or a `Vec` of them is one exchange.
//!
//! They share one Sync, so they are all or nothing: if one fails, those before it are undone (outside an open
//! transaction) and those after it are not run; the error is that of the one that failed. If it failed because it was
//! prepared before its table or a type was altered, and nothing before it may have reached beyond the transaction
//! that was undone, all are run once more.

use super::collect::{Affected, All, AtMostOne, Collect, One};
use super::prelude::Needs;
use super::query::Request;
use super::text;
use super::{About, Exchange, Kind};
use crate::error::{Error, Result};
use crate::message::backend::Message;
use crate::params::Params;
use crate::protocol::conversation::Conversation;
use crate::row::FromRowOwned;

/// An exchange that may be one of several: it ends with its own CommandComplete and not with ReadyForQuery.
pub trait Part: Exchange {
    /// Whether it failed for what a second run heals, and nothing of it was kept.
    fn is_healed_by_another_run(&self, conversation: &Conversation) -> bool;

    /// Whether it may be run once more with one that failed: it did nothing that would be done twice.
    fn may_rewind(&self) -> bool;

    /// Makes it ready to be run once more; false if rows were given away that can't be taken back.
    fn rewind(&mut self) -> bool;

    /// Whether it is complete but for rows whose types must be looked up: then it is prepared and sent once more, which
    /// asks for the types and reads the rows.
    fn waits_for_types(&self) -> bool;

    /// What it failed with so far.
    fn failure(&mut self) -> Option<Error>;
}

impl<P: Params, C: Collect> Part for Request<'_, P, C> {
    fn is_healed_by_another_run(&self, c: &Conversation) -> bool {
        Request::is_healed_by_another_run(self, c)
    }

    fn may_rewind(&self) -> bool {
        Request::may_rewind(self)
    }

    fn rewind(&mut self) -> bool {
        Request::rewind(self)
    }

    fn waits_for_types(&self) -> bool {
        Request::waits_for_types(self)
    }

    fn failure(&mut self) -> Option<Error> {
        Request::failure(self)
    }
}

/// A part that gives all rows.
pub fn query<T: FromRowOwned, P: Params>(sql: &str, params: P) -> Request<'_, P, All<T>> {
    Request::new(sql, params, All::default())
}

/// A part that gives exactly one row.
pub fn query_one<T: FromRowOwned, P: Params>(sql: &str, params: P) -> Request<'_, P, One<T>> {
    Request::new(sql, params, One::default())
}

/// A part that gives one row or none.
pub fn query_opt<T: FromRowOwned, P: Params>(sql: &str, params: P) -> Request<'_, P, AtMostOne<T>> {
    Request::new(sql, params, AtMostOne::default())
}

/// A part that gives the number of rows affected.
pub fn execute<P: Params>(sql: &str, params: P) -> Request<'_, P, Affected> {
    Request::new(sql, params, Affected)
}

/// Exchanges that are run in one round trip.
#[derive(Debug)]
pub struct Pipeline<T> {
    parts: T,
    /// The part whose answers come now.
    at: usize,
    /// All were run, and some have rows that wait for their types.
    is_run: bool,
    /// The server refused one, or all of them at the end.
    failed: bool,
}

impl<T> Pipeline<T> {
    /// A tuple or `Vec` of parts.
    pub fn new(parts: T) -> Pipeline<T> {
        Pipeline { parts, at: 0, is_run: false, failed: false }
    }
}

/// Runs the parts once more if the one that failed is healed by it, and all before it may be.
fn rewind(parts: &mut [&mut dyn Rewind], at: usize, c: &Conversation) -> bool {
    let Some((before, [failed, ..])) = parts.split_at_checked(at) else {
        return false;
    };
    let may = failed.is_healed(c) && before.iter().all(|part| part.may());
    // Those behind it were not run, and may have found the same that is stale.
    may && parts.iter_mut().all(|part| part.rewind_part())
}

/// The part that failed, and its error, if another has rows that were never read.
fn failed_beside_waiting(parts: &mut [&mut dyn Rewind]) -> Option<(usize, Error)> {
    if !parts.iter().any(|part| part.waits()) {
        return None;
    }
    parts.iter_mut().enumerate().find_map(|(index, part)| Some((index, part.take_failure()?)))
}

/// [`Part`] without its output, for a list of different ones.
trait Rewind {
    fn is_healed(&self, c: &Conversation) -> bool;
    fn may(&self) -> bool;
    fn rewind_part(&mut self) -> bool;
    fn waits(&self) -> bool;
    fn take_failure(&mut self) -> Option<Error>;
}

impl<P: Part> Rewind for P {
    fn is_healed(&self, c: &Conversation) -> bool {
        self.is_healed_by_another_run(c)
    }

    fn may(&self) -> bool {
        self.may_rewind()
    }

    fn rewind_part(&mut self) -> bool {
        self.rewind()
    }

    fn waits(&self) -> bool {
        self.waits_for_types()
    }

    fn take_failure(&mut self) -> Option<Error> {
        self.failure()
    }
}

/// Once all were run, only those parts go on that have rows to be read.
fn goes_on<P: Part>(part: &P, is_run: bool) -> bool {
    !is_run || part.waits_for_types()
}

/// Whether a message ends its part.
fn ends(message: &Message<'_>) -> bool {
    matches!(message, Message::CommandComplete(_) | Message::EmptyQueryResponse)
}

/// Refuses a COPY FROM STDIN that has anything after it: the server would take that for its data, and end the session.
fn check_copy(part: &About<'_>) -> Result<()> {
    match part.sql {
        Some(sql) if copies_from_client(sql) => {
            Err(Error::usage("the pipeline contains a COPY, which has a stream of its own").with_sql(sql))
        }
        _ => Ok(()),
    }
}

fn copies_from_client(sql: &str) -> bool {
    let mut words = text::from_first_word(sql).split_ascii_whitespace();
    let is_copy = words.next().is_some_and(|word| word.eq_ignore_ascii_case("copy"));
    is_copy
        && words.any(|word| word.eq_ignore_ascii_case("from"))
        && words.next().is_some_and(|word| word.trim_end_matches(';').eq_ignore_ascii_case("stdin"))
}

/// The needs of two parts, when they are of one kind; else the first is met first.
fn both(first: Option<Needs>, second: Option<Needs>) -> Option<Needs> {
    match (first, second) {
        (Some(Needs::Types(mut wanted)), Some(Needs::Types(more))) => {
            wanted.extend(more);
            Some(Needs::Types(wanted))
        }
        (first, second) => first.or(second),
    }
}

macro_rules! tuples {
    ($($name:ident $index:tt)+) => {
        impl<$($name: Part),+> Exchange for Pipeline<($($name,)+)> {
            type Output = ($($name::Output,)+);

            fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
                let mut needs = None;
                $(
                    // A part's description is asked for alone; the parts after it are asked again.
                    let may = !matches!(needs, Some(Needs::Description { .. }));
                    if may && goes_on(&self.parts.$index, self.is_run) {
                        needs = both(needs, self.parts.$index.prepare(c)?);
                    }
                )+
                Ok(needs)
            }

            fn send(&mut self, c: &mut Conversation) -> Result<()> {
                let count = const { [$($index),+].len() };
                $(
                    if count > 1usize.saturating_add($index) {
                        check_copy(&self.parts.$index.about())?;
                    }
                    if goes_on(&self.parts.$index, self.is_run) {
                        self.parts.$index.send(c)?;
                    }
                )+
                Ok(())
            }

            fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
                let ends = ends(&message);
                self.failed |= matches!(message, Message::ErrorResponse(_));
                // What the server only refuses at the end (a deferred constraint) is the last one's error.
                match self.at.min(const { [$($index),+].len() - 1 }) {
                    $($index => self.parts.$index.on_message(c, message)?,)+
                    _ => {}
                }
                if ends {
                    self.at = self.at.saturating_add(1);
                }
                Ok(())
            }

            fn wants_retry(&mut self, c: &mut Conversation) -> bool {
                let mut parts: [&mut dyn Rewind; _] = [$(&mut self.parts.$index),+];
                self.is_run = !self.failed && parts.iter().any(|part| part.waits());
                let again = !self.is_run && rewind(&mut parts, self.at, c);
                if again {
                    (self.at, self.failed) = (0, false);
                }
                self.is_run || again
            }

            fn finish(mut self, c: &mut Conversation) -> Result<Self::Output> {
                if let Some((_, error)) = failed_beside_waiting(&mut [$(&mut self.parts.$index),+]) {
                    return Err(error);
                }
                // In order: the first error is that of the part that failed.
                Ok(($(self.parts.$index.finish(c)?,)+))
            }

            fn about(&self) -> About<'_> {
                About { kind: Kind::Pipeline, sql: self.parts.0.about().sql, parameters: 0 }
            }
        }
    };
}

tuples!(A 0);
tuples!(A 0 B 1);
tuples!(A 0 B 1 C 2);
tuples!(A 0 B 1 C 2 D 3);
tuples!(A 0 B 1 C 2 D 3 E 4);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);

impl<E: Part> Exchange for Pipeline<Vec<E>> {
    type Output = Vec<E::Output>;

    fn prepare(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        let mut needs = None;
        for part in self.parts.iter_mut().filter(|part| goes_on(*part, self.is_run)) {
            needs = both(needs, part.prepare(c)?);
            if matches!(needs, Some(Needs::Description { .. })) {
                break;
            }
        }
        Ok(needs)
    }

    fn send(&mut self, c: &mut Conversation) -> Result<()> {
        let last = self.parts.len().saturating_sub(1);
        self.parts.iter_mut().enumerate().try_for_each(|(index, part)| {
            if index < last {
                check_copy(&part.about())?;
            }
            if goes_on(part, self.is_run) { part.send(c) } else { Ok(()) }
        })
    }

    fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        let ends = ends(&message);
        self.failed |= matches!(message, Message::ErrorResponse(_));
        let last = self.parts.len().saturating_sub(1);
        if let Some(part) = self.parts.get_mut(self.at.min(last)) {
            part.on_message(c, message)?;
        }
        if ends {
            self.at = self.at.saturating_add(1);
        }
        Ok(())
    }

    fn wants_retry(&mut self, c: &mut Conversation) -> bool {
        let mut parts: Vec<&mut dyn Rewind> =
            self.parts.iter_mut().map(|part| part as &mut dyn Rewind).collect();
        self.is_run = !self.failed && parts.iter().any(|part| part.waits());
        let again = !self.is_run && rewind(&mut parts, self.at, c);
        if again {
            (self.at, self.failed) = (0, false);
        }
        self.is_run || again
    }

    fn finish(mut self, c: &mut Conversation) -> Result<Self::Output> {
        let (failed, mut outputs) = (self.at, Vec::with_capacity(self.parts.len()));
        let within = |index: usize, e: Error| {
            e.within(format_args!("statement {} of the pipeline", index.min(failed)))
        };
        let mut parts: Vec<&mut dyn Rewind> =
            self.parts.iter_mut().map(|part| part as &mut dyn Rewind).collect();
        if let Some((index, error)) = failed_beside_waiting(&mut parts) {
            return Err(within(index, error));
        }
        for (index, part) in self.parts.into_iter().enumerate() {
            outputs.push(part.finish(c).map_err(|e| within(index, e))?);
        }
        Ok(outputs)
    }

    fn about(&self) -> About<'_> {
        About {
            kind: Kind::Pipeline,
            sql: self.parts.first().and_then(|part| part.about().sql),
            parameters: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::copies_from_client;

    #[test]
    fn copy_from_stdin_is_known_by_its_words() {
        for sql in [
            "copy t from stdin",
            "-- a\n /* b */ COPY t (a, b)\nFROM\tSTDIN;",
            "copy t from stdin with (format csv)",
        ] {
            assert!(copies_from_client(sql), "{sql}");
        }
        for sql in [
            "copy t from '/a/file'",
            "copy t to stdout",
            "select 'copy t from stdin'",
            "-- copy t from stdin",
            "",
        ] {
            assert!(!copies_from_client(sql), "{sql}");
        }
    }
}
