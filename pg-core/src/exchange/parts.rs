//! What a pipeline is made of: one part, a tuple of up to eight, or a `Vec`. How parts share a flight is said by the
//! exchanges that run them: [`pipeline`](super::pipeline), [`isolated`](super::isolated),
//! [`committing`](super::committing).

use super::collect::Collect;
use super::prelude::Needs;
use super::query::Request;
use super::{About, Exchange, text};
use crate::error::{Error, Result};
use crate::message::backend::Message;
use crate::params::Params;
use crate::protocol::conversation::Conversation;
use std::collections::BTreeMap;

/// An exchange that may be one of several: it ends with its own CommandComplete and not with ReadyForQuery.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a part of a pipeline",
    label = "write `pipeline::execute(..)` or `pipeline::query(..)`"
)]
pub trait Part: Exchange {
    /// Whether it failed for what a second run heals, and nothing of it was kept.
    fn is_healed_by_another_run(&self, conversation: &Conversation) -> bool;

    /// Whether the server has refused it.
    fn has_failed(&self) -> bool;

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

    fn has_failed(&self) -> bool {
        Request::has_failed(self)
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

/// [`Part`] without its output, for a list of different ones.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a part of a pipeline",
    label = "write `pipeline::execute(..)` or `pipeline::query(..)`"
)]
pub trait AnyPart {
    /// [`Exchange::prepare`].
    fn prepare_part(&mut self, conversation: &mut Conversation) -> Result<Option<Needs>>;

    /// [`Exchange::send`].
    fn send_part(&mut self, conversation: &mut Conversation) -> Result<()>;

    /// [`Exchange::on_message`].
    fn part_hears(&mut self, conversation: &mut Conversation, message: Message<'_>) -> Result<()>;

    /// [`Part::is_healed_by_another_run`].
    fn is_healed(&self, conversation: &Conversation) -> bool;

    /// [`Part::has_failed`].
    fn has_failed(&self) -> bool;

    /// [`Part::may_rewind`].
    fn may_go_back(&self) -> bool;

    /// [`Part::rewind`].
    fn go_back(&mut self) -> bool;

    /// [`Part::waits_for_types`].
    fn waits(&self) -> bool;

    /// [`Part::failure`].
    fn take_failure(&mut self) -> Option<Error>;
}

impl<P: Part> AnyPart for P {
    fn prepare_part(&mut self, c: &mut Conversation) -> Result<Option<Needs>> {
        self.prepare(c)
    }

    fn send_part(&mut self, c: &mut Conversation) -> Result<()> {
        check_copy(&self.about())?;
        self.send(c)
    }

    fn part_hears(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        self.on_message(c, message)
    }

    fn is_healed(&self, c: &Conversation) -> bool {
        self.is_healed_by_another_run(c)
    }

    fn has_failed(&self) -> bool {
        Part::has_failed(self)
    }

    fn may_go_back(&self) -> bool {
        self.may_rewind()
    }

    fn go_back(&mut self) -> bool {
        self.rewind()
    }

    fn waits(&self) -> bool {
        self.waits_for_types()
    }

    fn take_failure(&mut self) -> Option<Error> {
        self.failure()
    }
}

/// Parts that are run together: one, a tuple of up to eight, or a `Vec`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a part of a pipeline, nor several",
    label = "write `pipeline::execute(..)`, `pipeline::query(..)`, a tuple of up to 8 such, or a `Vec`"
)]
pub trait Parts: Send {
    /// What comes out where all succeed: that of the part, a tuple, or a `Vec`.
    type Output: Send;

    /// What comes out where each succeeds or fails by itself: the same, of [`Result`]s.
    type Each: Send;

    /// How many there are.
    fn count(&self) -> usize;

    /// The part at `index`.
    fn part(&mut self, index: usize) -> Option<&mut dyn AnyPart>;

    /// The first part's SQL.
    fn sql(&self) -> Option<&str>;

    /// An error of the part at `index`, told as such where the parts have no names.
    fn of_part(error: Error, index: usize) -> Error {
        let _ = index;
        error
    }

    /// What comes out, `failed` being the part that the server was at.
    ///
    /// # Errors
    /// That of the first part that has one.
    fn finish(self, conversation: &mut Conversation, failed: usize) -> Result<Self::Output>;

    /// What comes out of each; `unsent` holds the errors of those that were never sent.
    fn finish_each(self, conversation: &mut Conversation, unsent: BTreeMap<usize, Error>) -> Self::Each;
}

fn finish_one<P: Part>(
    part: P,
    index: usize,
    c: &mut Conversation,
    unsent: &mut BTreeMap<usize, Error>,
) -> Result<P::Output> {
    match unsent.remove(&index) {
        Some(error) => Err(error),
        None => part.finish(c),
    }
}

impl<P: Params, C: Collect> Parts for Request<'_, P, C> {
    type Output = C::Output;
    type Each = Result<C::Output>;

    fn count(&self) -> usize {
        1
    }

    fn part(&mut self, index: usize) -> Option<&mut dyn AnyPart> {
        if index == 0 { Some(self) } else { None }
    }

    fn sql(&self) -> Option<&str> {
        self.about().sql
    }

    fn finish(self, c: &mut Conversation, _: usize) -> Result<C::Output> {
        Exchange::finish(self, c)
    }

    fn finish_each(self, c: &mut Conversation, mut unsent: BTreeMap<usize, Error>) -> Self::Each {
        finish_one(self, 0, c, &mut unsent)
    }
}

macro_rules! tuples {
    ($($name:ident $index:tt)+) => {
        impl<$($name: Part),+> Parts for ($($name,)+) {
            type Output = ($($name::Output,)+);
            type Each = ($(Result<$name::Output>,)+);

            fn count(&self) -> usize {
                const { [$($index),+].len() }
            }

            #[inline]
            fn part(&mut self, index: usize) -> Option<&mut dyn AnyPart> {
                match index {
                    $($index => Some(&mut self.$index),)+
                    _ => None,
                }
            }

            fn sql(&self) -> Option<&str> {
                self.0.about().sql
            }

            fn finish(self, c: &mut Conversation, _: usize) -> Result<Self::Output> {
                // In order: the first error is that of the part that failed.
                Ok(($(self.$index.finish(c)?,)+))
            }

            fn finish_each(self, c: &mut Conversation, mut unsent: BTreeMap<usize, Error>) -> Self::Each {
                ($(finish_one(self.$index, $index, c, &mut unsent),)+)
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

impl<P: Part> Parts for Vec<P> {
    type Output = Vec<P::Output>;
    type Each = Vec<Result<P::Output>>;

    fn count(&self) -> usize {
        self.len()
    }

    #[inline]
    fn part(&mut self, index: usize) -> Option<&mut dyn AnyPart> {
        self.get_mut(index).map(|part| part as &mut dyn AnyPart)
    }

    fn sql(&self) -> Option<&str> {
        self.first().and_then(|part| part.about().sql)
    }

    fn of_part(error: Error, index: usize) -> Error {
        error.within(format_args!("statement {index} of the pipeline"))
    }

    fn finish(self, c: &mut Conversation, failed: usize) -> Result<Self::Output> {
        let mut outputs = Vec::with_capacity(self.len());
        for (index, part) in self.into_iter().enumerate() {
            let output = part.finish(c);
            outputs.push(output.map_err(|error| Self::of_part(error, index.min(failed)))?);
        }
        Ok(outputs)
    }

    fn finish_each(self, c: &mut Conversation, mut unsent: BTreeMap<usize, Error>) -> Self::Each {
        self.into_iter().enumerate().map(|(index, part)| finish_one(part, index, c, &mut unsent)).collect()
    }
}

/// Whether some part has rows that wait for their types.
pub(super) fn any_waits(parts: &mut impl Parts) -> bool {
    (0..parts.count()).any(|at| parts.part(at).is_some_and(|part| part.waits()))
}

/// Reads the rows that waited for their types.
pub(super) fn read_waiting(parts: &mut impl Parts, c: &mut Conversation) -> Result<()> {
    for at in 0..parts.count() {
        if let Some(part) = parts.part(at).filter(|part| part.waits()) {
            part.send_part(c)?;
        }
    }
    Ok(())
}

/// Whether a message ends its part.
pub(super) fn ends(message: &Message<'_>) -> bool {
    matches!(message, Message::CommandComplete(_) | Message::EmptyQueryResponse)
}

/// The needs of two parts, when they are of one kind; else the first is met first.
pub(super) fn both(first: Option<Needs>, second: Option<Needs>) -> Option<Needs> {
    match (first, second) {
        (Some(Needs::Types(mut wanted)), Some(Needs::Types(more))) => {
            wanted.extend(more);
            Some(Needs::Types(wanted))
        }
        (first, second) => first.or(second),
    }
}

/// Refuses a COPY FROM STDIN: the server would take what comes behind it for its data, a COMMIT or another task's
/// statement too, and end the session.
pub(super) fn check_copy(part: &About<'_>) -> Result<()> {
    match part.sql {
        Some(sql) if text::copies_from_client(sql) => {
            Err(Error::usage("the pipeline contains a COPY, which has a stream of its own").with_sql(sql))
        }
        _ => Ok(()),
    }
}
