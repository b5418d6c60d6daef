//! A connection without its socket. It is driven by bytes and asked by exchanges.
//!
//! Four kinds of method. `handle_*` takes what happened outside: bytes read, bytes sent, the link lost. `poll_*` gives
//! what is to be done: bytes to send, a message for the operation at the front. `wants_*` and `is_*` ask. Operations
//! are started and polled in `exchange`.
//!
//! Cancel safety lives here. The queue of expected answers names the operation that asked for each; an operation
//! that was dropped leaves its entries behind, and what arrives for them is read and thrown away.

use super::aside::{self, Aside, Asides};
use super::conversation::{Conversation, NOBODY};
use super::inbox::Inbox;
use super::state::{Phase, Step, step};
use crate::compose;
use crate::config::settings::Replication;
use crate::error::{Error, ErrorKind, Result, ServerError};
use crate::message::backend::{self, Message, NotificationResponse, Status};
use crate::message::frontend;
use crate::message::replication::ReplicationMessage;
use crate::types::Type;
use crate::types::adapter::Parameter;
use crate::types::registry::{Registry, Scope};
use crate::wire::frame::{Frame, Input, Limits};
use std::fmt;
use std::time::{Duration, SystemTime};

/// See the module.
pub struct Connection {
    pub(crate) input: Input,
    pub(crate) conversation: Conversation,
    sent: usize,
    /// The client's clock.
    clock: fn() -> SystemTime,
    operations: u64,
    /// Operations below this number were dropped.
    abandoned: u64,
    /// Others that were, and are still owed something.
    forgotten: Vec<u64>,
    /// Answers of operations that don't take them.
    asides: Asides,
    /// Several operations may be in flight, so that each is written at once and not in pieces.
    pub(crate) is_shared: bool,
    closed: Option<Closed>,
    /// The operation that runs only writes.
    pub(crate) is_flushing: bool,
    deadline: Option<Duration>,
    #[cfg(feature = "tls")]
    secured: Option<Box<super::secured::Secured>>,
}

/// What a reader can use; neither buffers nor what is known of types and statements.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("process_id", &self.cancel_key().map(|key| key.process_id))
            .field("encrypted", &self.is_encrypted())
            .field("expects", &self.expects())
            .field("transaction", &self.conversation.transactions.status())
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Closed {
    /// The error that closed it, until it is told once.
    error: Option<Error>,
    reason: String,
}

/// What [`Connection::poll_message`] found for an operation.
#[derive(Debug)]
pub(crate) enum Polled {
    /// A message for it.
    Message(Frame),
    /// More bytes are wanted.
    Read,
    /// Another operation's answers come first.
    NotItsTurn,
}

impl Connection {
    /// A connection that has not logged in.
    pub fn new(statement_cache: usize, limits: Limits, registry: Registry, scope: Scope) -> Connection {
        Connection {
            input: Input::new(limits),
            conversation: Conversation::new(statement_cache, registry, scope),
            sent: 0,
            clock: || SystemTime::UNIX_EPOCH,
            operations: 0,
            abandoned: 0,
            forgotten: Vec::new(),
            asides: Asides::default(),
            is_shared: false,
            closed: None,
            is_flushing: false,
            deadline: None,
            #[cfg(feature = "tls")]
            secured: None,
        }
    }

    /// A connection that only carries a CancelRequest.
    pub fn for_cancel() -> Connection {
        Connection::new(0, Limits::default(), Registry::default(), Scope::default())
    }

    // ---- handle: what happened outside ----

    /// Room for the next read, never empty.
    #[inline]
    pub fn space(&mut self) -> &mut [u8] {
        #[cfg(feature = "tls")]
        if let Some(secured) = &mut self.secured {
            return secured.space();
        }
        self.input.space()
    }

    /// `count` bytes were read into [`Connection::space`]; 0 says that the server closed the link.
    pub fn handle_read(&mut self, count: usize) {
        if count == 0 {
            let doing = if self.is_idle() { "while nothing was asked" } else { "in the middle of an answer" };
            self.close(Error::new(ErrorKind::Io, format!("the server closed the connection {doing}")).hint(
                "its log says why; it may have been restarted, or the session ended by an administrator",
            ));
            return;
        }
        #[cfg(feature = "tls")]
        if let Some(secured) = &mut self.secured {
            if let Err(error) = secured.handle_read(count, &mut self.input) {
                self.close(error);
            }
            return;
        }
        self.input.filled(count);
    }

    /// `count` bytes of [`Connection::poll_transmit`] were sent.
    #[inline]
    pub fn handle_sent(&mut self, count: usize) {
        #[cfg(feature = "tls")]
        if let Some(secured) = &mut self.secured {
            secured.handle_sent(count);
            return;
        }
        self.sent = self.sent.saturating_add(count);
        if self.sent >= self.conversation.out.len() {
            self.conversation.handle_all_sent();
            self.sent = 0;
        }
    }

    /// The link failed; every operation in flight will be told.
    pub fn handle_failure(&mut self, error: Error) {
        self.close(error);
    }

    // ---- poll: what is to be done ----

    /// Bytes to send now; empty if there are none.
    #[inline(always)]
    pub fn poll_transmit(&mut self) -> &[u8] {
        #[cfg(feature = "tls")]
        if self.secured.is_some() {
            return self.poll_secured();
        }
        self.conversation.out.get(self.sent..).unwrap_or_default()
    }

    #[cfg(feature = "tls")]
    fn poll_secured(&mut self) -> &[u8] {
        let Some(secured) = &mut self.secured else { return &[] };
        match secured.take_plaintext(&self.conversation.out) {
            Ok(true) => self.conversation.handle_all_sent(),
            Ok(false) => {}
            Err(error) => {
                self.closed.get_or_insert_with(|| Closed { reason: error.to_string(), error: Some(error) });
            }
        }
        secured.poll_transmit()
    }

    /// Reads on for operations that were dropped; true once nothing is owed to anybody.
    ///
    /// # Errors
    /// The connection was closed, by the server or by a broken rule.
    pub fn poll_abandoned(&mut self) -> Result<bool> {
        self.abandoned = self.operations.saturating_add(1);
        if matches!(self.expects(), Phase::SimpleCopyIn | Phase::CopyBoth) {
            // Its guard was forgotten rather than dropped: nobody else will end it.
            self.conversation.refuse_copy()?;
        }
        match self.poll_any_message(u64::MAX)? {
            Polled::Message(_) | Polled::NotItsTurn => Ok(false),
            Polled::Read => Ok(self.conversation.expected.is_empty() && !self.conversation.end_left_open()),
        }
    }

    /// Reads what came while nothing was asked: notifications, notices, or the server's farewell.
    ///
    /// # Errors
    /// The connection was closed, by the server or by a broken rule.
    pub fn poll_unasked(&mut self) -> Result<()> {
        self.poll_any_message(u64::MAX).map(|_| ())
    }

    /// Reads what came before anything was asked for, so that it answers nothing: a ReadyForQuery too many would shift all
    /// answers by one. Before login all that comes is judged by the login.
    ///
    /// # Errors
    /// As [`Connection::poll_unasked`].
    #[inline]
    pub(crate) fn take_unasked(&mut self) -> Result<()> {
        if self.input.is_empty() || !self.is_idle() || !self.input.is_logged_in() {
            return Ok(());
        }
        self.poll_unasked()
    }

    /// The next message for `owner`. What belongs to dropped operations is thrown away; what comes unasked goes to
    /// the inbox.
    #[inline(always)]
    pub(crate) fn poll_message(&mut self, owner: u64) -> Result<Polled> {
        // By far the most frequent messages: of the one the table says that nothing changes, of the other that the phase ends.
        if self.is_next(owner, Phase::Execute) {
            if let Some(frame) = self.input.small_frame(b'D') {
                return Ok(Polled::Message(frame));
            }
            if let Some(frame) = self.input.small_frame(b'C') {
                self.conversation.expected.pop_front();
                self.handle_tag(frame);
                return Ok(Polled::Message(frame));
            }
        }
        self.poll_any_message(owner)
    }

    /// Takes the message `tag` with which `phase` ends, if it comes next and is `owner`'s; true if so. What
    /// [`Connection::poll_message`] does, for the two that end phases of each run of a cached statement.
    ///
    /// # Errors
    /// A message that isn't of its form closes the connection.
    #[inline(always)]
    pub(crate) fn pass(&mut self, owner: u64, phase: Phase, tag: u8) -> Result<bool> {
        if !self.is_next(owner, phase) {
            return Ok(false);
        }
        let Some(frame) = self.input.small_frame(tag) else { return Ok(false) };
        self.conversation.expected.pop_front();
        let taken = match phase {
            Phase::Sync => self.handle_ready(frame),
            _ => Message::parse(tag, self.input.body(frame)).map(drop),
        };
        match taken {
            Ok(()) => Ok(true),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Whether the server's answer to `owner` is in this phase.
    #[inline]
    fn is_next(&self, owner: u64, phase: Phase) -> bool {
        let front = self.conversation.expected.front();
        front.is_some_and(|front| front.phase == phase && front.owner == owner && !front.preamble)
            && self.closed.is_none()
    }

    fn poll_any_message(&mut self, owner: u64) -> Result<Polled> {
        loop {
            if self.closed.is_some() {
                return Err(self.closed_error());
            }
            let (phase, front, preamble) = match self.conversation.expected.front() {
                Some(front) => {
                    if front.owner != owner && self.is_waited_for(front.owner) {
                        return Ok(Polled::NotItsTurn);
                    }
                    (front.phase, Some(front.owner), front.preamble)
                }
                None => (Phase::Idle, None, false),
            };
            #[cfg(feature = "tls")]
            if phase == Phase::Tls {
                return match self.poll_secure() {
                    Ok(()) => Ok(Polled::Read),
                    Err(error) => Err(self.fail(error)),
                };
            }
            let frame = match self.input.frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(Polled::Read),
                Err(error) => return Err(self.fail(error)),
            };
            match step(phase, frame.tag) {
                Step::Stay => {}
                Step::Next => {
                    self.conversation.expected.pop_front();
                    if frame.tag == b'Z'
                        && let Err(error) = self.handle_ready(frame)
                    {
                        return Err(self.fail(error));
                    }
                }
                other => match self.rare(other, phase, frame) {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(error) => return Err(self.fail(error)),
                },
            }
            if frame.tag == b'C' {
                self.handle_tag(frame);
            }
            if preamble {
                if frame.tag == b'I' {
                    return Err(
                        self.fail(Error::protocol("the server sent EmptyQueryResponse ('I') for BEGIN"))
                    );
                }
                self.conversation.handle_preamble(phase, frame.tag == b'E');
            }
            if front == Some(owner) && (!preamble || frame.tag == b'E') {
                return Ok(Polled::Message(frame));
            }
            // What nobody hears of must be well-formed all the same: else the stream can't be believed any longer.
            let taken = Message::parse(frame.tag, self.input.body(frame)).and_then(|message| match front {
                Some(front) if front != owner => self.conversation.handle_unheard(front, message),
                _ => Ok(()),
            });
            if let Err(error) = taken {
                return Err(self.fail(error));
            }
        }
    }

    /// What a CommandComplete says has changed; the most frequent changes nothing that is kept.
    #[inline]
    fn handle_tag(&mut self, frame: Frame) {
        let body = self.input.body(frame);
        if !body.starts_with(b"SELECT") {
            self.conversation.handle_tag(body);
        }
    }

    #[inline]
    fn handle_ready(&mut self, frame: Frame) -> Result<()> {
        self.conversation.handle_status(Status::parse(self.input.body(frame))?);
        self.input.logged_in();
        Ok(())
    }

    /// Steps that are not taken per row; whether the message is still to be delivered.
    fn rare(&mut self, step: Step, phase: Phase, frame: Frame) -> Result<bool> {
        let body = self.input.body(frame);
        match step {
            // Nothing else streams both ways: to end it, as nobody feeds it, would end a COPY FROM STDIN as if it were whole.
            Step::Become(Phase::CopyBoth) if self.conversation.replication.is_none() => {
                Err(illegal(frame.tag, phase))
            }
            Step::Become(next) => {
                if frame.tag == b'E' {
                    self.check_fatal(frame)?;
                }
                if let Some(front) = self.conversation.expected.front_mut() {
                    front.phase = next;
                }
                match next {
                    Phase::SimpleCopyIn | Phase::ExecuteCopyIn | Phase::CopyBoth => {
                        self.conversation.copy_ended = false;
                    }
                    // The server ends it, and waits for our end.
                    Phase::CopyBothDone => self.conversation.end_copy_both(),
                    _ => {}
                }
                Ok(true)
            }
            Step::Skip => {
                let error = self.check_fatal(frame)?;
                while self.conversation.skip_front() {}
                if phase == Phase::ExecuteCopyIn {
                    self.conversation.handle_refused(&error);
                }
                Ok(true)
            }
            Step::End => Err(Error::from_server(ServerError::parse(body)?)),
            // Many of them may come at a time.
            Step::Aside if frame.tag == b'A' => {
                self.conversation.handle_notification(NotificationResponse::parse(body)?);
                Ok(false)
            }
            Step::Aside => {
                match Message::parse(frame.tag, body)? {
                    Message::NoticeResponse(notice) => {
                        self.conversation.inbox.handle_notice(*notice, body.len());
                    }
                    Message::ParameterStatus { name, value } => {
                        self.conversation.handle_parameter(name, value)?;
                    }
                    _ => {}
                }
                Ok(false)
            }
            Step::Stay | Step::Next => Ok(true),
            Step::Keepalive
                if self.conversation.replication.is_some()
                    && matches!(ReplicationMessage::parse(body), Ok(ReplicationMessage::Keepalive(_))) =>
            {
                Ok(false)
            }
            Step::Keepalive | Step::Illegal => Err(illegal(frame.tag, phase)),
        }
    }

    /// A FATAL error ends the session: nothing else will be answered.
    fn check_fatal(&self, frame: Frame) -> Result<ServerError> {
        let error = ServerError::parse(self.input.body(frame))?;
        if error.is_fatal() { Err(Error::from_server(error)) } else { Ok(error) }
    }

    // ---- ask ----

    /// The operation whose answers come next; `None` if nobody waits for them.
    #[inline]
    pub fn front(&self) -> Option<u64> {
        let front = self.conversation.expected.front()?;
        Some(front.owner).filter(|number| self.is_waited_for(*number))
    }

    /// Whether a whole message waits to be taken, or there will never be one.
    pub fn has_news(&mut self) -> bool {
        self.closed.is_some() || self.input.has_frame().unwrap_or(true)
    }

    /// Whether the server owes nothing to anybody.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.conversation.expected.is_empty()
    }

    /// Whether the connection can't be used any more.
    pub fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// Whether bytes wait to be sent.
    #[inline]
    pub fn wants_write(&mut self) -> bool {
        !self.poll_transmit().is_empty()
    }

    /// Whether all that is to be done is done once [`Connection::poll_transmit`] is empty: nothing need be read then.
    #[inline]
    pub fn only_writes(&self) -> bool {
        self.is_flushing
    }

    /// How many bytes wait to be sent.
    pub fn queued(&self) -> usize {
        let clear = self.conversation.out.len().saturating_sub(self.sent);
        #[cfg(feature = "tls")]
        let clear = clear.saturating_add(self.secured.as_ref().map_or(0, |secured| secured.queued()));
        clear
    }

    /// Whether a whole message waits.
    pub(crate) fn has_frame(&mut self) -> Result<bool> {
        if self.closed.is_some() {
            return Err(self.closed_error());
        }
        match self.input.has_frame() {
            Ok(has) => Ok(has),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// How long each call may take that has no [limit](crate::exchange::Exchange::patience) of its own.
    #[inline]
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Whether the link is encrypted.
    pub fn is_encrypted(&self) -> bool {
        #[cfg(feature = "tls")]
        {
            self.secured.is_some()
        }
        #[cfg(not(feature = "tls"))]
        {
            false
        }
    }

    /// What the server is expected to answer next.
    pub fn expects(&self) -> Phase {
        self.conversation.expected.front().map_or(Phase::Idle, |front| front.phase)
    }

    /// How many bytes the buffers for input and output take.
    pub fn memory(&self) -> usize {
        let buffers = self.input.capacity().saturating_add(self.conversation.out.capacity());
        #[cfg(feature = "tls")]
        let buffers = buffers.saturating_add(self.secured.as_ref().map_or(0, |secured| secured.memory()));
        buffers
    }

    /// The transaction status that the server last told.
    pub fn status(&self) -> Status {
        self.conversation.transactions.status()
    }

    /// Parameters, notices and notifications.
    pub fn inbox(&mut self) -> &mut Inbox {
        &mut self.conversation.inbox
    }

    /// The value of a run-time parameter that the server reports, such as `server_version`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.conversation.inbox.parameter(name)
    }

    /// The time, by the client's clock.
    #[inline]
    pub(crate) fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// What the connection is for, if not for SQL.
    pub fn replication(&self) -> Option<Replication> {
        self.conversation.replication
    }

    /// What a CancelRequest must name; `None` before login.
    pub fn cancel_key(&self) -> Option<&super::conversation::CancelKey> {
        self.conversation.cancel_key.as_ref()
    }

    /// The rest of the conversation's state.
    pub fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    /// A value written out as SQL, by what this connection knows of types, settings and registered adapters: see
    /// [`compose::literal`]. Nothing is sent or asked: a type that was created must be known, which it is once it came with
    /// a statement, or by [`Session::type_by_name`](crate::session::Session::type_by_name).
    ///
    /// ```no_run
    /// # use pg_core::{Result, Session};
    /// # async fn show<S: Session>(client: &mut S, price: &pg_core::types::value::Value) -> Result<()> {
    /// let at = client.connection().literal(&std::time::SystemTime::now())?;
    /// client.batch_execute(&format!("alter table visit alter at set default {at}")).await?;
    /// if let Some(amount) = client.type_by_name("shop.amount").await? {
    ///     let price = client.connection().literal_as(price, &amount)?;
    ///     client.batch_execute(&format!("alter table item alter price set default {price}")).await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`compose::literal`].
    pub fn literal(&self, value: &dyn Parameter) -> Result<String> {
        compose::literal(value, self.conversation.catalog(), self.conversation.settings())
    }

    /// As [`Connection::literal`], of the SQL type that is chosen: see [`compose::literal_as`].
    ///
    /// # Errors
    /// As [`compose::literal_as`].
    pub fn literal_as(&self, value: &dyn Parameter, type_: &Type) -> Result<String> {
        compose::literal_as(value, type_, self.conversation.catalog(), self.conversation.settings())
    }

    // ---- commands ----

    /// Gives it the client's clock, by which a replication stream tells the server where it is. Without one it is always
    /// 1970, and nothing is ever due.
    pub fn set_clock(&mut self, clock: fn() -> SystemTime) {
        self.clock = clock;
    }

    /// A number for a new operation.
    pub(crate) fn new_operation(&mut self) -> u64 {
        self.operations = self.operations.saturating_add(1);
        self.operations
    }

    /// Says that whatever was started before was dropped, as it was when one owner starts anew.
    #[inline]
    pub fn abandon(&mut self) {
        self.is_flushing = false;
        self.abandoned = self.operations.saturating_add(1);
        if self.conversation.is_unsynced() {
            self.conversation.give_up();
        }
    }

    /// Says that whatever was started before was dropped: if its request was written by half, that is failed. Whether
    /// something is to be sent for it.
    pub fn give_up_half(&mut self) -> bool {
        let half = self.conversation.is_unsynced() && self.closed.is_none();
        if half {
            self.abandon();
        }
        half
    }

    /// Says whether several operations are to be in flight at once. Each is then written as a whole, and one that is
    /// dropped is said to be by [`Connection::forget`].
    pub fn share(&mut self, is_shared: bool) {
        self.is_shared = is_shared;
        self.is_flushing = false;
    }

    /// Sets the answers of the operation at the front aside, as far as they have come, so that those behind it can be
    /// read. There is room for 1 MiB of them in all; an operation that had more is given up, and ends with an error.
    ///
    /// # Errors
    /// The connection was closed, by the server or by a broken rule.
    pub fn set_aside(&mut self) -> Result<()> {
        let Some(number) = self.front() else { return Ok(()) };
        while let Polled::Message(frame) = self.poll_any_message(number)? {
            if aside::asks_for_data(frame.tag) {
                self.conversation.refuse_copy()?;
                continue;
            }
            let settings = &self.conversation.context.settings;
            if !self.asides.keep(number, frame.tag, self.input.body(frame), settings) {
                self.forgotten.push(number);
                break;
            }
        }
        Ok(())
    }

    /// What was set aside of an operation's answers.
    ///
    /// # Errors
    /// There was more of it than is kept.
    #[inline]
    pub(crate) fn take_aside(&mut self, number: u64) -> Result<Option<Aside>> {
        if self.asides.is_empty() {
            return Ok(None);
        }
        match self.asides.take(number) {
            Some(aside) if aside.is_lost => Err(Error::new(
                ErrorKind::Timeout,
                "the answer was not taken for so long that others had to go on without it",
            )
            .hint("poll a call of a shared connection to its end or drop it; lease it for large results")),
            other => Ok(other),
        }
    }

    /// Says how long each call may take from now on; `None`: as long as it takes.
    pub fn set_deadline(&mut self, deadline: Option<Duration>) {
        self.deadline = deadline;
    }

    /// Whether a transaction is open, or a guard over one. A guard that was dropped counts no more.
    pub(crate) fn is_inside(&self) -> bool {
        let transactions = &self.conversation.transactions;
        !self.is_closed()
            && (transactions.depth() > 0 || (transactions.status() != Status::Idle && self.is_idle()))
    }

    /// Whether whoever takes the connection over can be given it: a transaction that is open isn't about to be ended.
    pub(crate) fn is_returnable(&self) -> bool {
        let transactions = &self.conversation.transactions;
        let is_ending = !self.is_idle() && transactions.is_left_open();
        !self.is_closed() && transactions.depth() == 0 && (transactions.status() == Status::Idle || is_ending)
    }

    /// A name for a new portal.
    pub(crate) fn portal_name(&mut self) -> Box<str> {
        self.conversation.portal_name()
    }

    /// See [`Conversation::chance`].
    pub(crate) fn chance(&mut self) -> u64 {
        self.conversation.chance()
    }

    /// Whether nothing is open, owed, unread or unsent: whoever takes the connection over finds it as after login.
    pub(crate) fn is_settled(&mut self) -> bool {
        let transactions = &self.conversation.transactions;
        self.is_idle()
            && transactions.depth() == 0
            && transactions.status() == Status::Idle
            && self.input.waiting().is_empty()
            && !self.wants_write()
    }

    /// Says that one operation was dropped while others go on: what is owed to it is read and thrown away.
    pub fn forget(&mut self, operation: u64) {
        self.asides.take(operation);
        if self.conversation.is_unsynced() && self.conversation.writer == operation {
            self.conversation.give_up();
        }
        let conversation = &self.conversation;
        self.forgotten.retain(|forgotten| conversation.owes(*forgotten));
        if operation >= self.abandoned && conversation.owes(operation) {
            self.forgotten.push(operation);
        }
    }

    /// Refuses a COPY FROM STDIN of [forgotten](Connection::forget) operations, before the next request reaches a
    /// server that waits for its data. Nothing where others are under way, whose answers come first.
    pub fn refuse_forgotten(&mut self) {
        let is_live = self.conversation.expected.iter().any(|expected| self.is_waited_for(expected.owner));
        if !is_live && !self.forgotten.is_empty() && !self.is_idle() {
            // What is written holds no NUL, so that writing it can't fail.
            let _ = self.conversation.refuse_copy_ahead();
        }
    }

    /// Whether an operation was abandoned, by what its session did later.
    pub fn is_abandoned(&self, operation: u64) -> bool {
        operation < self.abandoned
    }

    /// Whether what comes next is for this operation, or for nobody that still waits.
    pub fn is_turn_of(&self, operation: u64) -> bool {
        let front = self.conversation.expected.front();
        front.is_none_or(|front| front.owner == operation || !self.is_waited_for(front.owner))
    }

    fn is_waited_for(&self, owner: u64) -> bool {
        owner >= self.abandoned && owner != NOBODY && !self.forgotten.contains(&owner)
    }

    /// Queues the end of a dropped transaction guard: its ROLLBACK goes out at the next write.
    pub fn roll_back(&mut self, depth: u32) {
        if self.closed.is_none() {
            self.conversation.roll_back(depth);
        }
    }

    /// Queues the end of a cursor whose guard is gone: Close goes out at the next write.
    pub fn close_cursor(&mut self, name: &str) {
        if self.closed.is_none() {
            self.conversation.close_cursor(name);
        }
    }

    /// Changes the registry of this connection alone, until a pool takes it back: a copy of the one it shares, with the
    /// same look-ups.
    pub fn register(&mut self, change: impl FnOnce(Registry) -> Registry) {
        let registry = change(self.conversation.registry.clone());
        self.conversation.lend_registry(registry);
    }

    /// Queues Terminate and closes: the caller sends what [`Connection::poll_transmit`] still gives.
    pub fn terminate(&mut self) {
        if self.closed.is_none() {
            frontend::terminate(&mut self.conversation.out);
            self.closed = Some(Closed { error: None, reason: "it was closed by this client".to_owned() });
        }
    }

    fn close(&mut self, error: Error) {
        let reason = error.to_string();
        self.closed.get_or_insert(Closed { error: Some(error), reason });
    }

    /// Closes the connection over a broken rule or a fatal report, and gives the error.
    pub(crate) fn fail(&mut self, error: Error) -> Error {
        self.close(error);
        self.closed_error()
    }

    fn closed_error(&mut self) -> Error {
        match &mut self.closed {
            Some(closed) => closed.error.take().unwrap_or_else(|| {
                Error::new(ErrorKind::Closed, format!("the connection is closed: {}", closed.reason))
                    .hint("connect anew")
            }),
            None => Error::new(ErrorKind::Closed, "the connection is closed"),
        }
    }

    /// Keeps an error that closed the connection for the next who asks.
    pub(crate) fn tell_later(&mut self, outcome: Result<()>) {
        if let (Err(error), Some(closed)) = (outcome, &mut self.closed) {
            closed.error = Some(error);
        }
    }

    /// Takes the server's answer to SSLRequest, or goes on with the handshake.
    #[cfg(feature = "tls")]
    fn poll_secure(&mut self) -> Result<()> {
        use super::secured::Secured;
        let Some(secure) = &mut self.conversation.secure else {
            return Err(Error::protocol("TLS was not asked for"));
        };
        if let Some(secured) = &self.secured {
            if !secured.is_handshaking() {
                secure.established(secured.end_point());
                self.conversation.expected.pop_front();
            }
            return Ok(());
        }
        match self.input.waiting() {
            [] => {}
            b"S" => {
                self.input.consume(1);
                self.secured = Some(Box::new(Secured::new(secure)?));
            }
            b"N" => {
                self.input.consume(1);
                secure.refused()?;
                self.conversation.expected.pop_front();
            }
            // Whoever speaks before the handshake isn't to be believed, so the text isn't shown, and nothing is tried in
            // clear after it.
            [b'S' | b'N', ..] => {
                return Err(Error::protocol(
                    "bytes came in clear together with the answer to SSLRequest: somebody may be in between",
                ));
            }
            [b'E', ..] => {
                return Err(Error::new(ErrorKind::Tls, "the server answered SSLRequest with an error")
                    .hint("it may be out of connections; its log says"));
            }
            [other, ..] => {
                return Err(Error::new(
                    ErrorKind::Tls,
                    format!(
                        "{:?} came in answer to SSLRequest: is this a PostgreSQL server?",
                        *other as char
                    ),
                ));
            }
        }
        Ok(())
    }
}

#[cold]
fn illegal(tag: u8, phase: Phase) -> Error {
    Error::protocol(format!(
        "the server sent {} ({:?}) where {} was expected (phase {phase:?})",
        backend::name(tag),
        tag as char,
        phase.expects()
    ))
}
