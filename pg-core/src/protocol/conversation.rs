//! All that is known of the talk with the server but the bytes that came: what is to be sent, which answers are
//! expected, statements, types, parameters and the transaction. Exchanges write their requests through it; each
//! request that the server answers puts its phase at the end of the queue.

use super::inbox::Inbox;
use super::sharing::Sharing;
use super::state::Phase;
use super::statements::{StatementId, Statements};
use super::transactions::Transactions;
use crate::config::settings::Replication;
use crate::error::{Error, Result, ServerError};
use crate::message::backend::{BackendKeyData, Message, NotificationResponse, Status};
use crate::message::frontend::{self, Target};
use crate::sqlstate::SqlState;
use crate::types::catalog::Catalog;
use crate::types::codecs::Codecs;
use crate::types::context::{Context, Settings};
use crate::types::name::TypeName;
use crate::types::registry::{Place, Registry, Scope};
use crate::wire::writer::{self, Buffer, LARGE_OUTPUT};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use zeroize::Zeroize;

/// An answer that the server owes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) phase: Phase,
    /// The operation that asked.
    pub(crate) owner: u64,
    /// A BEGIN that travels with the statement: the exchange doesn't hear of it, unless it fails.
    pub(crate) preamble: bool,
    /// Of a Parse: the statement that leaves the cache if it fails.
    pub(crate) statement: Option<StatementId>,
}

/// Why a COPY is failed; the server's error repeats it.
const NOT_FED: &str = "COPY FROM STDIN was not fed";

/// No statement: what the server refuses it for ends a request that was dropped half way. Its log shows it.
const GIVEN_UP: &str = "given up before its end by this client: nothing of it is to remain";

/// What is sent for nobody.
#[derive(Debug, Clone)]
enum Ending {
    /// The end of a guard that was dropped.
    Guard(String),
    /// The Close of a cursor.
    Cursor,
    /// What puts the session back as it was after login.
    Reset(Undoing),
}

/// Commands that put a session back as it was after login, or some of it.
#[derive(Debug, Clone)]
pub(crate) struct Undoing {
    /// Separated by semicolons; none of them may refuse to run in a transaction.
    pub(crate) commands: String,
    /// The role or the settings are among what is put back, and so the search path may be another.
    pub(crate) moves_path: bool,
    /// Both are, so that it is the login's.
    pub(crate) restores_path: bool,
    /// Nothing is listened to any longer.
    pub(crate) channels: bool,
}

/// Whether a session is to be put back as it was after login.
#[derive(Debug)]
enum Reset {
    None,
    /// Ahead of the next request.
    Queued(Undoing),
    /// It was, and nothing has been asked since.
    Sent,
}

/// The owner of what no operation waits for; those count from 1.
pub(crate) const NOBODY: u64 = 0;

/// What a CancelRequest must name.
#[derive(Clone)]
pub struct CancelKey {
    /// The server process.
    pub process_id: i32,
    /// The secret.
    key: Vec<u8>,
}

impl CancelKey {
    /// The CancelRequest, to be sent on a connection of its own.
    pub fn request(&self) -> Result<Vec<u8>> {
        let mut out = Buffer::new();
        frontend::cancel_request(&mut out, self.process_id, &self.key)?;
        Ok(out)
    }
}

impl std::fmt::Debug for CancelKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CancelKey({}, ***)", self.process_id)
    }
}

/// See the module. `Debug` shows no byte that is sent: a password may be among them.
pub struct Conversation {
    pub(crate) out: Buffer,
    /// Of what is to be sent, something is to be wiped afterwards.
    holds_secret: bool,
    pub(crate) expected: VecDeque<Expected>,
    /// The operation that writes now.
    pub(crate) owner: u64,
    /// Something of the extended protocol was written and no Sync after it.
    unsynced: bool,
    /// The operation that has written a request by half.
    pub(crate) writer: u64,
    /// The COPY FROM STDIN or replication at the front was ended: CopyDone or CopyFail was written.
    pub(crate) copy_ended: bool,
    /// The BEGIN that failed, so that its error is told as its own.
    failed_preamble: Option<String>,
    preambles: VecDeque<String>,
    /// Names of statements whose Close is on its way, oldest first; empty for a portal's.
    closes: VecDeque<Box<str>>,
    /// Portals that are open, with what says that somebody still holds them.
    portals: Vec<(Weak<()>, Box<str>)>,
    /// How many portals there were.
    portal_names: u64,
    /// What ends guards that were dropped, sent and not yet answered, oldest first.
    endings: VecDeque<Ending>,
    /// What puts the session back as it was after login.
    reset: Reset,
    /// The registry of the login, where this connection alone was given another.
    first_registry: Option<Registry>,
    pub(crate) statements: Statements,
    pub(crate) transactions: Transactions,
    pub(crate) context: Context,
    pub(crate) inbox: Inbox,
    pub(crate) catalog: Catalog,
    pub(crate) registry: Registry,
    pub(crate) sharing: Sharing,
    pub(crate) cancel_key: Option<CancelKey>,
    /// What jitter comes from.
    pub(crate) chance: u64,
    /// It is a walsender's session, which knows the simple protocol alone.
    pub(crate) replication: Option<Replication>,
    #[cfg(feature = "tls")]
    pub(crate) secure: Option<super::secured::Secure>,
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversation")
            .field("out", &format_args!("{} bytes", self.out.len()))
            .field("expected", &self.expected)
            .field("owner", &self.owner)
            .field("endings", &self.endings)
            .field("statements", &self.statements)
            .field("transactions", &self.transactions)
            .field("inbox", &self.inbox)
            .field("sharing", &self.sharing)
            .finish_non_exhaustive()
    }
}

/// The next of numbers that are spread evenly and come from one: SplitMix64. Not for secrets.
pub(crate) fn spread(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// How far the conversation had come, to go back to when a request can't be written.
#[derive(Debug)]
struct Checkpoint {
    out: usize,
    expected: usize,
    unsynced: bool,
    preambles: usize,
    transactions: Option<Box<Transactions>>,
}

/// A request that is being written: dropped before its end, it was never there.
struct Writing<'c> {
    conversation: &'c mut Conversation,
    to: Option<Checkpoint>,
}

impl Drop for Writing<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(to) = self.to.take() {
            self.conversation.go_back(to);
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        if self.holds_secret {
            self.out.zeroize();
        }
    }
}

impl Conversation {
    pub(crate) fn new(statement_cache: usize, registry: Registry, scope: Scope) -> Conversation {
        Conversation {
            out: Buffer::new(),
            holds_secret: false,
            expected: VecDeque::new(),
            owner: NOBODY,
            unsynced: false,
            writer: NOBODY,
            copy_ended: false,
            failed_preamble: None,
            preambles: VecDeque::new(),
            closes: VecDeque::new(),
            portals: Vec::new(),
            portal_names: 0,
            endings: VecDeque::new(),
            reset: Reset::None,
            first_registry: None,
            statements: Statements::new(statement_cache),
            transactions: Transactions::default(),
            context: Context::default(),
            inbox: Inbox::default(),
            catalog: Catalog::default().with_codecs(registry.codecs().clone()),
            registry,
            sharing: Sharing::new(scope),
            cancel_key: None,
            chance: 0,
            replication: None,
            #[cfg(feature = "tls")]
            secure: None,
        }
    }

    /// The types known to this connection.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The transaction's state.
    pub fn transactions(&self) -> &Transactions {
        &self.transactions
    }

    /// The session's settings, to be kept.
    pub(crate) fn shared_settings(&self) -> Arc<Settings> {
        self.context.settings.clone()
    }

    /// The session's settings.
    pub fn settings(&self) -> &crate::types::context::Settings {
        &self.context.settings
    }

    /// Whether the server owes `owner` an answer.
    #[inline]
    pub(crate) fn owes(&self, owner: u64) -> bool {
        match self.expected.front() {
            None => false,
            Some(front) => front.owner == owner || self.expected.iter().any(|e| e.owner == owner),
        }
    }

    /// Whether more is owed to `owner`, of whose answers one was just taken: what is owed to an operation stands together.
    #[inline]
    pub(crate) fn owes_more(&self, owner: u64) -> bool {
        self.expected.front().is_some_and(|front| front.owner == owner)
    }

    /// Writes a request: wholly, or not at all. A value's own code may fail in the middle of it, or panic.
    ///
    /// # Errors
    /// Those of `request`, of which nothing will be sent then.
    #[inline]
    pub(crate) fn write<T>(&mut self, request: impl FnOnce(&mut Conversation) -> Result<T>) -> Result<T> {
        let mut writing = Writing { to: Some(self.checkpoint()), conversation: self };
        let written = request(writing.conversation)?;
        writing.to = None;
        Ok(written)
    }

    #[inline]
    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            out: self.out.len(),
            expected: self.expected.len(),
            unsynced: self.unsynced,
            preambles: self.preambles.len(),
            // The guards change only with a request that touches them: pending ones are few and seldom there.
            transactions: self.transactions.has_pending().then(|| Box::new(self.transactions.clone())),
        }
    }

    /// Forgets what was written since: none of it has been sent.
    #[cold]
    fn go_back(&mut self, to: Checkpoint) {
        self.out.truncate(to.out);
        while self.expected.len() > to.expected {
            match self.expected.pop_back() {
                Some(Expected { statement: Some(id), .. }) => drop(self.statements.remove(id)),
                Some(Expected { phase: Phase::Close, preamble: true, .. }) => {
                    self.statements.close_later(self.closes.pop_back());
                }
                _ => {}
            }
        }
        self.unsynced = to.unsynced;
        self.preambles.truncate(to.preambles);
        if let Some(transactions) = to.transactions {
            self.transactions = *transactions;
        }
    }

    /// Writes a message with a secret of `length` bytes, to be wiped once it is sent or given up. It gets memory that it
    /// can't outgrow: what a buffer grows out of keeps its bytes.
    pub(crate) fn write_secret(
        &mut self,
        length: usize,
        message: impl FnOnce(&mut Buffer) -> Result<()>,
    ) -> Result<()> {
        const HEADERS: usize = 64;
        let mut roomy = Buffer::with_capacity(self.out.len().saturating_add(length).saturating_add(HEADERS));
        roomy.append(&mut self.out);
        self.out.zeroize();
        self.out = roomy;
        self.holds_secret = true;
        message(&mut self.out)
    }

    /// Empties the output: all of it was sent, or encrypted to be.
    #[inline]
    pub(crate) fn handle_all_sent(&mut self) {
        if self.holds_secret {
            self.out.zeroize();
            self.holds_secret = false;
        }
        self.out.clear();
        if self.out.capacity() > LARGE_OUTPUT {
            self.out.shrink_to(LARGE_OUTPUT);
        }
    }

    #[inline]
    pub(crate) fn expect(&mut self, phase: Phase) {
        self.expected.push_back(Expected { phase, owner: self.owner, preamble: false, statement: None });
    }

    /// Begins a request of the extended protocol: closes what left the cache, and sends a BEGIN that waits.
    ///
    /// # Errors
    /// A transaction that is over takes no more statements.
    #[inline]
    pub(crate) fn open_request(&mut self) -> Result<()> {
        self.transactions.check()?;
        if self.transactions.has_pending() || self.statements.has_closing() || !self.portals.is_empty() {
            self.write_preamble()?;
        }
        Ok(())
    }

    #[cold]
    fn write_closes(&mut self) -> Result<()> {
        for name in self.statements.take_closing() {
            frontend::close(&mut self.out, Target::Statement(&name))?;
            self.expect_preamble(Phase::Close);
            self.closes.push_back(name);
        }
        let held = |(holder, _): &(Weak<()>, Box<str>)| holder.strong_count() > 0;
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.portals).into_iter().partition(held);
        self.portals = kept;
        for (_, name) in gone {
            frontend::close(&mut self.out, Target::Portal(&name))?;
            self.expect_preamble(Phase::Close);
            self.closes.push_back(Box::default());
        }
        Ok(())
    }

    /// A number that nobody foretells who doesn't know the login's nonce, from which all of them come: not for secrets.
    pub(crate) fn chance(&mut self) -> u64 {
        spread(&mut self.chance)
    }

    /// A name for a new portal: cursors have theirs in the same space, where this beginning is PostgreSQL's.
    pub(crate) fn portal_name(&mut self) -> Box<str> {
        self.portal_names = self.portal_names.wrapping_add(1);
        format!("pg_portal_{}", self.portal_names).into()
    }

    /// A portal was opened: it is closed with a request after its holder is gone, or by the end of its transaction.
    pub(crate) fn hold_portal(&mut self, name: &str) -> Arc<()> {
        let holder = Arc::new(());
        self.portals.push((Arc::downgrade(&holder), name.into()));
        holder
    }

    /// Whether the portal of this holder is one of this connection, and its transaction open.
    pub(crate) fn holds_portal(&self, holder: &Arc<()>) -> bool {
        self.portals.iter().any(|(held, _)| held.ptr_eq(&Arc::downgrade(holder)))
    }

    /// Closes a cursor whose guard is gone, by itself.
    pub(crate) fn close_cursor(&mut self, name: &str) {
        if self.unsynced {
            // With the Sync of this alone, what was written of a request by half would be kept.
            self.give_up();
        }
        // The name was taken by the server, so that writing it can't fail.
        let _ = self.refuse_copy_ahead();
        let owner = std::mem::replace(&mut self.owner, NOBODY);
        if frontend::close(&mut self.out, Target::Portal(name)).is_ok() {
            self.expect(Phase::Close);
            frontend::sync(&mut self.out);
            self.expect(Phase::Sync);
            self.endings.push_back(Ending::Cursor);
        }
        self.owner = owner;
    }

    #[cold]
    fn write_preamble(&mut self) -> Result<()> {
        self.write_closes()?;
        for (_, command) in self.transactions.take_pending() {
            self.write_unnamed(&command, true)?;
            self.preambles.push_back(command);
        }
        self.unsynced = true;
        Ok(())
    }

    /// Runs a command without parameters, in the extended protocol and without a name.
    pub(crate) fn run_unnamed(&mut self, command: &str) -> Result<()> {
        self.write_unnamed(command, false)?;
        self.unsynced = true;
        Ok(())
    }

    fn write_unnamed(&mut self, command: &str, preamble: bool) -> Result<()> {
        let owner = self.owner;
        let expected = |phase| Expected { phase, owner, preamble, statement: None };
        frontend::parse(&mut self.out, "", command, &[])?;
        self.expected.push_back(expected(Phase::Parse));
        writer::message(&mut self.out, b'B', |out| {
            out.extend_from_slice(&[0; 8]); // unnamed portal, unnamed statement, no formats, no values
            Ok(())
        })?;
        self.expected.push_back(expected(Phase::Bind));
        frontend::execute(&mut self.out, "", 0)?;
        self.expected.push_back(expected(Phase::Execute));
        Ok(())
    }

    fn expect_preamble(&mut self, phase: Phase) {
        self.expected.push_back(Expected { phase, owner: self.owner, preamble: true, statement: None });
    }

    /// Notes how a message changes the preamble: a BEGIN that succeeded is done, one that failed is remembered.
    pub(crate) fn handle_preamble(&mut self, phase: Phase, failed: bool) {
        if failed {
            self.failed_preamble = self.preambles.pop_front();
            self.preambles.clear();
        } else if phase == Phase::Execute {
            self.preambles.pop_front();
        } else if phase == Phase::Close {
            self.closes.pop_front();
        }
    }

    /// Takes an expected answer that won't come, since the server skips all up to the next Sync. False if it is Sync's.
    pub(crate) fn skip_front(&mut self) -> bool {
        let Some(front) = self.expected.front().copied().filter(|front| front.phase != Phase::Sync) else {
            return false;
        };
        self.expected.pop_front();
        if let Some(id) = front.statement {
            self.statements.remove(id);
        }
        if front.preamble && front.phase == Phase::Close {
            self.statements.close_later(self.closes.pop_front());
        }
        true
    }

    /// Forgets what DISCARD ALL or DEALLOCATE ALL has freed: all that was prepared before it.
    #[cold]
    pub(crate) fn handle_deallocated(&mut self) {
        let later: Vec<StatementId> =
            self.expected.iter().filter_map(|expected| expected.statement).collect();
        self.statements.handle_deallocated(&later);
    }

    /// An error of the server, told as that of the BEGIN that travelled with the statement, if it was its.
    pub(crate) fn server_error(&mut self, error: ServerError, sql: &str) -> Error {
        match self.failed_preamble.take() {
            Some(begin) => {
                Error::from_server(error).with_sql(&begin).within("the transaction could not begin")
            }
            None => Error::from_server(error).with_sql(sql),
        }
    }

    /// `standard_conforming_strings` is off: a backslash escapes in every string.
    pub(crate) fn backslashes_escape(&self) -> bool {
        self.inbox.parameter("standard_conforming_strings") == Some("off")
    }

    /// Parse, after what had to make room for it was closed.
    pub(crate) fn parse(&mut self, id: StatementId, sql: &str, types: &[u32]) -> Result<()> {
        if self.statements.has_closing() {
            self.write_closes()?;
        }
        let name =
            self.statements.get(id).map(crate::protocol::statements::Statement::name).unwrap_or_default();
        frontend::parse(&mut self.out, name, sql, types)?;
        if let Some(statement) = self.statements.get_mut(id) {
            statement.is_parsed = true;
        }
        self.expected.push_back(Expected {
            phase: Phase::Parse,
            owner: self.owner,
            preamble: false,
            statement: Some(id),
        });
        self.unsynced = true;
        Ok(())
    }

    /// Describe of a statement.
    pub(crate) fn describe_statement(&mut self, id: StatementId) -> Result<()> {
        let name =
            self.statements.get(id).map(crate::protocol::statements::Statement::name).unwrap_or_default();
        frontend::describe(&mut self.out, Target::Statement(name))?;
        self.expect(Phase::DescribeStatement);
        self.unsynced = true;
        Ok(())
    }

    /// Describe of a portal.
    pub(crate) fn describe_portal(&mut self, portal: &str) -> Result<()> {
        frontend::describe(&mut self.out, Target::Portal(portal))?;
        self.expect(Phase::DescribeRows);
        self.unsynced = true;
        Ok(())
    }

    /// Bind to a portal, empty for the unnamed: what comes before the values, the values, and the formats of the result.
    #[inline]
    pub(crate) fn bind(
        &mut self,
        id: StatementId,
        portal: &str,
        formats: &[u8],
        values: impl FnOnce(
            &mut Buffer,
            &[crate::types::plan::Plan],
            &crate::types::context::Settings,
        ) -> Result<()>,
    ) -> Result<()> {
        let Some(statement) = self.statements.get(id) else {
            return Err(Error::usage("the statement has left the cache"));
        };
        let settings = &self.context.settings;
        writer::message(&mut self.out, b'B', |out| {
            out.extend_from_slice(portal.as_bytes());
            out.extend_from_slice(&statement.bind_head);
            values(out, &statement.params, settings)?;
            out.extend_from_slice(formats);
            Ok(())
        })?;
        self.expect(Phase::Bind);
        self.unsynced = true;
        Ok(())
    }

    /// Execute of the unnamed portal, all rows.
    #[inline]
    pub(crate) fn execute(&mut self) {
        self.out.extend_from_slice(b"E\0\0\0\x09\0\0\0\0\0");
        self.expect(Phase::Execute);
        self.unsynced = true;
    }

    /// Execute of so many rows of a portal.
    pub(crate) fn execute_part(&mut self, portal: &str, rows: i32) -> Result<()> {
        frontend::execute(&mut self.out, portal, rows)?;
        self.expect(Phase::ExecutePart);
        self.unsynced = true;
        Ok(())
    }

    /// Sync, if anything since the last one wants it.
    #[inline]
    pub(crate) fn sync(&mut self) {
        if self.unsynced {
            frontend::sync(&mut self.out);
            self.expect(Phase::Sync);
            self.unsynced = false;
        }
    }

    /// Whether something was written that waits for its Sync.
    #[inline]
    pub(crate) fn is_unsynced(&self) -> bool {
        self.unsynced
    }

    /// Whether as much waits to be sent as a piece of a long request has.
    #[inline]
    pub(crate) fn is_piece(&self, size: usize) -> bool {
        self.out.len() >= size
    }

    /// Flush: the server is to send what it has to say so far.
    pub(crate) fn flush(&mut self) {
        frontend::flush(&mut self.out);
    }

    /// Ends a request that was dropped before its Sync: with the Sync alone, what was sent of it would be kept. So
    /// something goes before it that the server refuses.
    #[cold]
    pub(crate) fn give_up(&mut self) {
        // What is written is ours and holds no NUL, so that writing it can't fail.
        let owner = std::mem::replace(&mut self.owner, self.writer);
        if frontend::parse(&mut self.out, "", GIVEN_UP, &[]).is_ok() {
            self.expect(Phase::Parse);
        }
        self.sync();
        self.owner = owner;
    }

    /// Makes the next [`Conversation::sync`] send one, whatever was written.
    pub(crate) fn demand_sync(&mut self) {
        self.unsynced = true;
    }

    /// Query: statements of the simple protocol.
    pub(crate) fn query(&mut self, sql: &str) -> Result<()> {
        frontend::query(&mut self.out, sql)?;
        self.expect(Phase::Simple);
        Ok(())
    }

    /// Takes the error of a COPY FROM STDIN that was refused. If it is the refusal that failed it, the server has ignored
    /// the first of the two Syncs, as it does while it waits for data. One that the server failed by itself (a trigger,
    /// a cancel request) waited for no data, so that both are answered.
    #[cold]
    pub(crate) fn handle_refused(&mut self, error: &ServerError) {
        if error.message.contains(NOT_FED) {
            self.expected.pop_front();
        }
    }

    /// Answers a COPY that nobody feeds: FROM STDIN is failed, replication is ended. TO STDOUT is read to its end.
    pub(crate) fn refuse_copy(&mut self) -> Result<()> {
        match self.expected.front().map(|e| e.phase) {
            Some(Phase::ExecuteCopyIn | Phase::SimpleCopyIn) if self.ends_a_guard() => {}
            Some(Phase::ExecuteCopyIn) => self.fail_copy()?,
            Some(Phase::SimpleCopyIn) if !self.copy_ended => {
                frontend::copy_fail(&mut self.out, NOT_FED)?;
                self.copy_ended = true;
            }
            Some(Phase::CopyBoth) => self.end_copy_both(),
            _ => {}
        }
        Ok(())
    }

    /// CopyDone for data both ways, once.
    pub(crate) fn end_copy_both(&mut self) {
        if !std::mem::replace(&mut self.copy_ended, true) {
            frontend::copy_done(&mut self.out);
        }
    }

    /// CopyFail, and one more Sync for that which the server ignored while it waited for data.
    fn fail_copy(&mut self) -> Result<()> {
        frontend::copy_fail(&mut self.out, NOT_FED)?;
        frontend::sync(&mut self.out);
        self.expected.extend(self.expected.back().copied());
        Ok(())
    }

    /// Whether the end of a dropped guard is on its way: before the first of them went what refuses a COPY.
    fn ends_a_guard(&self) -> bool {
        self.expected.back().is_some_and(|last| last.owner == NOBODY)
    }

    /// Refuses a COPY FROM STDIN that a statement on its way may turn out to be, before anything else is sent: a server
    /// that waits for its data ends the session over whatever isn't data. Where there is no COPY, CopyFail is ignored.
    #[cold]
    pub(crate) fn refuse_copy_ahead(&mut self) -> Result<()> {
        if self.ends_a_guard() {
            return Ok(());
        }
        let may_be = |phase| self.expected.iter().any(|expected| expected.phase == phase);
        if may_be(Phase::SimpleCopyIn) || may_be(Phase::CopyBoth) {
            return self.refuse_copy();
        }
        if may_be(Phase::Execute) || may_be(Phase::ExecutePart) {
            return self.fail_copy();
        }
        let simple =
            [Phase::Simple, Phase::SimpleNext, Phase::SimpleRows, Phase::SimpleCopyOut, Phase::SimpleCopied];
        if simple.into_iter().any(may_be) {
            frontend::copy_fail(&mut self.out, NOT_FED)?;
        }
        Ok(())
    }

    /// Forgets all types if a row was read that says that one of them was altered.
    #[inline]
    pub(crate) fn heal_types(&mut self) {
        if self.context.altered.load(Ordering::Relaxed) {
            self.context.altered.store(false, Ordering::Relaxed);
            self.forget_types();
        }
    }

    /// Forgets all types and the statements that go by them: one was altered, dropped or made anew since it was looked
    /// up.
    #[cold]
    pub(crate) fn forget_types(&mut self) {
        self.sharing.forget(&self.registry);
        self.catalog.clear();
        self.statements.close_all();
    }

    /// Forgets what these types are on the server: they don't fit, and may have been made anew.
    #[cold]
    pub(crate) fn forget_names(&mut self, names: impl Iterator<Item = TypeName>) {
        let mut told = Vec::new();
        for name in names {
            name.each(&mut |name| match name {
                TypeName::Named(_) | TypeName::Range(_) | TypeName::Multirange(_) | TypeName::Described => {
                    told.push(name)
                }
                _ => {}
            });
        }
        if !told.is_empty() {
            self.sharing.forget(&self.registry);
            self.catalog.forget(&told);
        }
    }

    /// Takes over what connections that see the same types have learned since.
    pub(crate) fn adopt_types(&mut self) {
        self.sharing.adopt(&self.registry, &mut self.catalog);
    }

    /// Takes what the server has told of types, in the place where it looked for names.
    pub(crate) fn learn_types(&mut self, place: Place, learned: &Catalog) {
        let status = self.transactions.status();
        let Conversation { sharing, registry, catalog, statements, .. } = self;
        sharing.learn(place, learned, registry, catalog, statements, status);
    }

    /// Takes the tag of a statement that may have freed statements, moved the search path or ended a transaction.
    #[cold]
    pub(crate) fn handle_tag(&mut self, tag: &[u8]) {
        if matches!(tag, b"DISCARD ALL\0" | b"DEALLOCATE ALL\0") {
            // Whoever ran it, the cache must not believe any longer what is gone.
            self.handle_deallocated();
        }
        if self.is_undone() && !self.sharing.has_strayed() {
            return; // the search path was the login's already
        }
        let Conversation { sharing, registry, catalog, statements, .. } = self;
        sharing.handle_tag(tag, registry, catalog, statements);
    }

    /// Takes the status of ReadyForQuery.
    #[inline]
    pub(crate) fn handle_status(&mut self, status: Status) {
        self.transactions.handle_status(status);
        if status == Status::Idle && !self.portals.is_empty() {
            self.portals.clear();
        }
        if self.sharing.waits_for_the_end() && status == Status::Idle {
            self.sharing.handle_end(&self.registry, &mut self.catalog, &mut self.statements);
        }
    }

    /// Gives the connection a registry of its own until the session is put back.
    pub(crate) fn lend_registry(&mut self, registry: Registry) {
        let first = self.registry.clone();
        self.first_registry.get_or_insert(first);
        self.set_registry(registry);
    }

    /// Gives the connection another registry. What was planned with the codecs of the old one is planned anew.
    fn set_registry(&mut self, registry: Registry) {
        self.catalog = std::mem::take(&mut self.catalog).with_codecs(registry.codecs().clone());
        self.registry = registry;
        self.statements.close_all();
    }

    /// Puts a statement's codecs before the connection's, and gives those that stood there, to be put back.
    pub(crate) fn exchange_statement_codecs(&mut self, codecs: Codecs) -> Codecs {
        self.statements.set_codecs(codecs.id());
        self.catalog.exchange_statement_codecs(codecs)
    }

    /// Queues the end of a guard that was dropped: undoing what it did, or nothing if nothing was sent.
    pub(crate) fn roll_back(&mut self, depth: u32) {
        if let super::transactions::Ending::Command(command) = self.transactions.roll_back(depth) {
            self.end(command);
        }
    }

    /// Ends what a cancelled end has left open; whether there was something.
    pub(crate) fn end_left_open(&mut self) -> bool {
        let open = self.transactions.is_left_open();
        if open {
            self.end("ROLLBACK".to_owned());
        }
        open
    }

    fn end(&mut self, command: String) {
        if self.unsynced {
            // In the middle of a request that failed, the server takes nothing but its Sync.
            self.give_up();
        }
        // What is written is ours and holds no NUL, so that writing it can't fail.
        let _ = self.refuse_copy_ahead();
        let owner = std::mem::replace(&mut self.owner, NOBODY);
        let _ = self.query(&command);
        self.endings.push_back(Ending::Guard(command));
        self.owner = owner;
    }

    /// Takes what comes for an operation that was dropped, or for the end of a guard that was: nobody hears of it,
    /// but what it leaves open is closed.
    pub(crate) fn handle_unheard(&mut self, owner: u64, message: Message<'_>) -> Result<()> {
        match message {
            Message::CopyInResponse | Message::CopyBothResponse => self.refuse_copy()?,
            // The cause is told to nobody, least of all to the next statement.
            Message::ErrorResponse(_) if owner != NOBODY => self.failed_preamble = None,
            // What travels behind it is refused by the server: see `write_reset`.
            Message::ErrorResponse(error) if matches!(self.endings.front(), Some(Ending::Reset(_))) => {
                return Err(Error::from_server(*error).within(
                    "the session could not be put back as its last user found it, so that nothing was run in it",
                ));
            }
            // A CancelRequest that was meant for the statement before it has hit the ROLLBACK.
            Message::ErrorResponse(error) if error.sqlstate == SqlState::QUERY_CANCELED => {
                if let Some(Ending::Guard(command)) = self.endings.front().cloned() {
                    self.end(command);
                }
            }
            Message::ReadyForQuery(_) if owner == NOBODY => {
                self.endings.pop_front();
            }
            _ => {}
        }
        Ok(())
    }

    /// Puts back what this client keeps of a session's user, and has the rest undone by the server ahead of the next
    /// request.
    pub(crate) fn put_back(&mut self, undoing: Undoing) {
        if let Some(registry) = self.first_registry.take() {
            self.set_registry(registry);
        }
        self.inbox.clear();
        if !matches!(self.reset, Reset::Sent) {
            self.reset = if undoing.commands.is_empty() { Reset::None } else { Reset::Queued(undoing) };
        }
    }

    #[inline]
    pub(crate) fn has_reset(&self) -> bool {
        !matches!(self.reset, Reset::None)
    }

    /// Writes what puts the session back, ahead of a request and before anything of that is planned. If it fails, its
    /// transaction is left as a failed one, in which the server runs nothing of the request.
    ///
    /// # Errors
    /// None: no command holds NUL.
    #[cold]
    pub(crate) fn write_reset(&mut self) -> Result<()> {
        let Reset::Queued(undoing) = std::mem::replace(&mut self.reset, Reset::None) else { return Ok(()) };
        let left_open = if self.transactions.status() == Status::Idle { "" } else { "ROLLBACK; " };
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED"; // the default may be one that waits
        let owner = std::mem::replace(&mut self.owner, NOBODY);
        self.query(&format!("{left_open}{begin}; {}; COMMIT", undoing.commands))?;
        if undoing.moves_path {
            let Conversation { sharing, registry, catalog, statements, .. } = self;
            sharing.turn_back(undoing.restores_path, registry, catalog, statements);
        }
        self.endings.push_back(Ending::Reset(undoing));
        self.owner = owner;
        Ok(())
    }

    /// Writes it at once, by itself.
    ///
    /// # Errors
    /// As [`Conversation::write_reset`].
    pub(crate) fn write_reset_alone(&mut self) -> Result<()> {
        if self.has_reset() {
            self.write_reset()?;
            self.reset = Reset::Sent;
        }
        Ok(())
    }

    /// Whether what the server answers now is what puts the session back.
    fn is_undone(&self) -> bool {
        let is_for_nobody = self.expected.front().is_some_and(|front| front.owner == NOBODY);
        is_for_nobody && matches!(self.endings.front(), Some(Ending::Reset(_)))
    }

    /// Takes a notification, unless its channel was listened to by a user of the session that is gone.
    pub(crate) fn handle_notification(&mut self, notification: NotificationResponse<'_>) {
        let ends = |ending: &Ending| matches!(ending, Ending::Reset(undoing) if undoing.channels);
        let queued = matches!(&self.reset, Reset::Queued(undoing) if undoing.channels);
        if !queued && !self.endings.iter().any(ends) {
            self.inbox.handle_notification(notification);
        }
    }

    /// Takes a run-time parameter that the server reports.
    ///
    /// # Errors
    /// As [`Inbox::handle_parameter`].
    pub(crate) fn handle_parameter(&mut self, name: &str, value: &str) -> Result<()> {
        let is_known = self.is_undone() && !self.sharing.has_strayed();
        let Conversation { inbox, context, sharing, catalog, statements, .. } = self;
        inbox.handle_parameter(name, value, Arc::make_mut(&mut context.settings))?;
        match name {
            "search_path" if is_known => sharing.handle_known_path(value),
            "search_path" => sharing.handle_path(value, catalog, statements),
            _ => {}
        }
        Ok(())
    }

    /// AuthenticationOk was accepted: parameters follow.
    pub(crate) fn logged_in(&mut self) {
        if let Some(front) = self.expected.front_mut() {
            front.phase = Phase::LoggedIn;
        }
    }

    pub(crate) fn handle_key(&mut self, key: BackendKeyData<'_>) {
        self.cancel_key = Some(CancelKey { process_id: key.process_id, key: key.key.to_vec() });
    }
}
