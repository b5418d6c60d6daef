//! Running an exchange on a connection: an [`Operation`] owns the exchange and a number, and borrows nothing.

use super::prelude::Prelude;
use super::replication;
use super::{Exchange, More};
use crate::error::{Error, ErrorKind, Result};
use crate::message::backend::Message;
use crate::protocol::aside::Aside;
use crate::protocol::connection::{Connection, Polled};
use crate::protocol::state::Phase;
use std::time::Duration;

/// An exchange that was started. Dropping it leaves the connection able to go on: its answers are read and thrown away.
#[derive(Debug)]
pub struct Operation<E> {
    exchange: Option<E>,
    number: u64,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    New,
    /// Something is asked of the server before the exchange can be sent.
    Prelude(Box<Prelude>),
    Running,
}

impl Connection {
    /// Starts an exchange: it will be written when it is first polled.
    #[inline]
    pub fn start<E: Exchange>(&mut self, exchange: E) -> Operation<E> {
        let mut operation = Operation::of(exchange);
        self.begin(&mut operation);
        operation
    }

    /// Starts an operation where it stands.
    #[inline]
    pub(crate) fn begin<E: Exchange>(&mut self, operation: &mut Operation<E>) {
        self.is_flushing = E::FLUSH;
        operation.number = self.new_operation();
    }

    /// Goes on with an operation as far as the bytes that came allow. `None`: send what [`Connection::poll_transmit`]
    /// gives, read more, and poll again.
    ///
    /// # Errors
    /// What the exchange ends with. [`Connection::is_closed`] says whether the connection can go on.
    #[inline(always)]
    pub fn poll<E: Exchange>(&mut self, operation: &mut Operation<E>) -> Result<Option<E::Output>> {
        let Some(exchange) = &mut operation.exchange else {
            return Err(Error::usage("the operation is complete and was polled again"));
        };
        if E::FLUSH && !self.wants_write() && !self.is_closed() {
            return finish(self, operation);
        }
        if E::PEEK {
            return if self.has_frame()? { finish(self, operation) } else { Ok(None) };
        }
        if E::WAITS {
            return self.poll_waiting(operation);
        }
        loop {
            match &mut operation.stage {
                Stage::New => {
                    if self.is_closed() {
                        return Err(self.poll_message(operation.number).err().unwrap_or_else(unreachable));
                    }
                    if let Some(replication) = self.conversation.replication {
                        replication::check(replication, exchange.about())?;
                    }
                    self.take_unasked()?;
                    if self.conversation.is_unsynced() {
                        return Ok(None); // another's request is written by half: nothing may come between
                    }
                    if self.conversation.has_reset() {
                        self.conversation.write_reset()?;
                    }
                    self.conversation.owner = operation.number;
                    if let Some(needs) = exchange.prepare(&mut self.conversation)? {
                        let prelude = self.conversation.write(|c| Prelude::send(needs, c))?;
                        operation.stage = Stage::Prelude(Box::new(prelude));
                        continue;
                    }
                    self.send_piece(operation.number, exchange)?;
                    operation.stage = Stage::Running;
                    if !self.conversation.owes(operation.number) && exchange.more() == More::No {
                        return finish(self, operation);
                    }
                    if self.input.is_empty() {
                        return Ok(None); // nothing can have come before it was asked for
                    }
                }
                Stage::Prelude(prelude) => {
                    let prelude = &mut **prelude;
                    match settle(self, operation.number, false, |c, m| {
                        prelude.on_message(c, m).map(|()| false)
                    }) {
                        Ok(true) => match prelude.finish(&mut self.conversation) {
                            Ok(()) => {}
                            Err(error) => {
                                let error = match exchange.about().sql {
                                    Some(sql) => error.with_sql(sql),
                                    None => error,
                                };
                                match error.kind() {
                                    ErrorKind::Protocol => return Err(self.fail(error)),
                                    _ => exchange.unmet(&self.conversation, error)?,
                                }
                            }
                        },
                        Ok(false) => return Ok(None),
                        Err(error) => return Err(exchange.lost(error)),
                    }
                    operation.stage = Stage::New;
                }
                Stage::Running => {
                    let settled =
                        settle(self, operation.number, E::ACKNOWLEDGEMENTS, |conversation, message| {
                            exchange.on_message(conversation, message)?;
                            Ok(exchange.is_ready())
                        });
                    match settled {
                        // It failed before all was written, or was answered faster than it is written.
                        Ok(true) if self.conversation.is_unsynced() || exchange.more() != More::No => {
                            self.send_on(operation.number, exchange)?
                        }
                        Ok(true) if exchange.wants_retry(&mut self.conversation) => {
                            operation.stage = Stage::New
                        }
                        Ok(true) => return finish(self, operation),
                        Ok(false) if self.takes_more(exchange) => {
                            self.send_on(operation.number, exchange)?;
                            return Ok(None);
                        }
                        Ok(false) => return Ok(None),
                        Err(_) if exchange.is_done() => return finish(self, operation),
                        Err(error) => return Err(exchange.lost(error)),
                    }
                }
            }
        }
    }

    /// Whether an exchange has a piece to write, and the link has taken those before. Until the last is written,
    /// nothing need be waited for but room in the link.
    #[inline]
    fn takes_more<E: Exchange>(&mut self, exchange: &E) -> bool {
        let more = exchange.more();
        self.is_flushing = more == More::Yes;
        match more {
            More::No => self.conversation.is_unsynced(),
            More::Yes => !self.wants_write(),
            More::AfterAnswers => false,
        }
    }

    /// Writes the next piece on behalf of the operation that has written the others, or its Sync if there is none.
    #[cold]
    fn send_on<E: Exchange>(&mut self, number: u64, exchange: &mut E) -> Result<()> {
        self.conversation.owner = number;
        match exchange.more() {
            More::No => self.conversation.sync(),
            _ => self.send_piece(number, exchange)?,
        }
        Ok(())
    }

    #[inline]
    fn send_piece<E: Exchange>(&mut self, number: u64, exchange: &mut E) -> Result<()> {
        let whole = self.is_shared;
        self.conversation.write(|c| {
            exchange.send(c)?;
            while whole && exchange.more() != More::No {
                exchange.send(c)?;
            }
            Ok(())
        })?;
        let more = exchange.more();
        match more {
            More::No => self.conversation.sync(),
            _ => self.conversation.writer = number,
        }
        self.is_flushing = more == More::Yes;
        Ok(())
    }
}

impl Connection {
    fn poll_waiting<E: Exchange>(&mut self, operation: &mut Operation<E>) -> Result<Option<E::Output>> {
        let Some(exchange) = &mut operation.exchange else {
            return Err(Error::usage("the operation is complete and was polled again"));
        };
        if let Stage::New = operation.stage {
            exchange.prepare(&mut self.conversation)?;
            operation.stage = Stage::Running;
        }
        if !exchange.has_heard(&mut self.conversation) {
            let read = self.poll_unasked();
            // What came before the link was lost is told before the loss.
            match exchange.has_heard(&mut self.conversation) {
                false => return read.map(|()| None),
                true => self.tell_later(read),
            }
        }
        finish(self, operation)
    }

    /// Ends an operation whose [patience](Exchange::patience) is over: one that waits is complete; any other has
    /// failed, and counts as dropped.
    ///
    /// # Errors
    /// Of kind `Timeout`; or what the exchange ends with.
    #[cold]
    pub fn give_up<E: Exchange>(&mut self, operation: &mut Operation<E>) -> Result<E::Output> {
        if E::WAITS
            && let Some(output) = finish(self, operation)?
        {
            return Ok(output);
        }
        Err(Error::new(ErrorKind::Timeout, "the server did not answer in time"))
    }
}

impl<E: Exchange> Operation<E> {
    /// One that no connection has started.
    #[inline]
    pub(crate) fn of(exchange: E) -> Operation<E> {
        Operation { exchange: Some(exchange), number: 0, stage: Stage::New }
    }

    /// How long it may take, if that was said for it.
    #[inline]
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.exchange.as_ref().and_then(E::patience)
    }
}

impl<E> Operation<E> {
    /// Its number: those of a connection count upwards.
    pub fn number(&self) -> u64 {
        self.number
    }
}

/// Delivers messages until the server owes the operation nothing more, or it has enough; false when bytes are wanted.
#[inline]
fn settle(
    connection: &mut Connection,
    number: u64,
    acknowledgements: bool,
    mut deliver: impl FnMut(&mut crate::protocol::conversation::Conversation, Message<'_>) -> Result<bool>,
) -> Result<bool> {
    if !acknowledgements {
        connection.pass(number, Phase::Bind, b'2')?;
    }
    if let Some(aside) = connection.take_aside(number)?
        && hear_aside(connection, number, &aside, acknowledgements, &mut deliver)?
    {
        return Ok(true);
    }
    loop {
        match connection.poll_message(number)? {
            // Nothing may be owed though no message came: a TLS handshake ends without one.
            Polled::Read => return Ok(!connection.conversation.owes(number)),
            Polled::NotItsTurn => return Ok(false),
            // The end of a request says nothing that the connection didn't take.
            Polled::Message(frame) if frame.tag == b'Z' => {
                if acknowledgements {
                    let heard = Message::parse(frame.tag, connection.input.body(frame))
                        .and_then(|message| deliver(&mut connection.conversation, message));
                    heard.map_err(|error| connection.fail(error))?;
                }
                if !connection.conversation.owes_more(number) {
                    return Ok(true);
                }
            }
            Polled::Message(frame) if matches!(frame.tag, b'1'..=b'3') && !acknowledgements => {
                if let Err(error) = Message::parse(frame.tag, connection.input.body(frame)) {
                    return Err(connection.fail(error));
                }
            }
            Polled::Message(frame) => {
                connection.conversation.owner = number;
                let delivered = Message::parse(frame.tag, connection.input.body(frame))
                    .and_then(|message| deliver(&mut connection.conversation, message));
                match delivered {
                    Ok(enough) if enough || !connection.conversation.owes_more(number) => return Ok(true),
                    Ok(_) if frame.tag == b'C' && !acknowledgements => {
                        if connection.pass(number, Phase::Sync, b'Z')?
                            && !connection.conversation.owes_more(number)
                        {
                            return Ok(true);
                        }
                    }
                    Ok(_) => {}
                    Err(error) => return Err(connection.fail(error)),
                }
            }
        }
    }
}

/// Delivers what was set aside; true if the operation is owed nothing more.
#[cold]
fn hear_aside(
    connection: &mut Connection,
    number: u64,
    aside: &Aside,
    acknowledgements: bool,
    deliver: &mut impl FnMut(&mut crate::protocol::conversation::Conversation, Message<'_>) -> Result<bool>,
) -> Result<bool> {
    let now = std::mem::replace(&mut connection.conversation.context.settings, aside.settings.clone());
    connection.conversation.owner = number;
    let mut outcome = Ok(false);
    for (tag, body) in aside.frames() {
        let silent = !acknowledgements && matches!(tag, b'1'..=b'3' | b'Z');
        outcome = Message::parse(tag, body).and_then(|message| match silent {
            true => Ok(false),
            false => deliver(&mut connection.conversation, message),
        });
        if !matches!(outcome, Ok(false)) {
            break;
        }
    }
    connection.conversation.context.settings = now;
    match outcome {
        Ok(enough) => Ok(enough || !connection.conversation.owes(number)),
        Err(error) => Err(connection.fail(error)),
    }
}

#[inline(always)]
fn finish<E: Exchange>(
    connection: &mut Connection,
    operation: &mut Operation<E>,
) -> Result<Option<E::Output>> {
    match operation.exchange.take() {
        Some(exchange) => exchange.finish(&mut connection.conversation).map(Some),
        None => Ok(None),
    }
}

#[cold]
fn unreachable() -> Error {
    Error::usage("the connection is closed")
}
