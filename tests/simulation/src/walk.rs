//! The state table walked through a [`Connection`]: every phase, reached as a client reaches it, meets every tag.

use super::messages as m;
use pg_core::config::Config;
use pg_core::config::settings::Settings;
use pg_core::config::ssl::SslMode;
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::Exchange;
use pg_core::exchange::batch::Batch;
use pg_core::exchange::cancel::CancelRequest;
use pg_core::exchange::operation::Operation;
use pg_core::exchange::pipeline;
use pg_core::exchange::portal::{FetchPortal, OpenPortal};
use pg_core::exchange::session::{Begin, End, Ping, Prepare};
use pg_core::exchange::startup::{Credentials, Startup, Tls};
use pg_core::message::backend;
use pg_core::protocol::connection::Connection;
use pg_core::protocol::state::{Phase, Step, step};
use pg_core::tls::config::{Roots, client_config};
use pg_core::types::registry::{Registry, Scope};
use pg_core::wire::frame::Limits;
use pg_tests::seed::Rng;
use std::sync::{Arc, OnceLock};

/// A call that waits for its answer.
pub trait Waiting {
    /// Goes on as far as the bytes that came allow; true at the end.
    ///
    /// # Errors
    /// What the call ends with.
    fn poll(&mut self, connection: &mut Connection) -> Result<bool>;
}

impl<E: Exchange> Waiting for Operation<E> {
    fn poll(&mut self, connection: &mut Connection) -> Result<bool> {
        connection.poll(self).map(|output| output.is_some())
    }
}

/// A connection in some phase, and the call that waits there; none in a phase in which nothing was asked.
pub struct Situation {
    /// The connection.
    pub connection: Connection,
    /// Who waits.
    pub call: Option<Box<dyn Waiting>>,
}

impl Situation {
    fn new(cache: usize) -> Situation {
        let connection = Connection::new(cache, Limits::default(), Registry::default(), Scope::default());
        Situation { connection, call: None }
    }

    fn start<E: Exchange + 'static>(&mut self, exchange: E) -> &mut Situation {
        self.ask(exchange).expect("nothing that came can be its answer");
        assert!(self.call.is_some(), "it waits for an answer");
        self
    }

    /// Asks for something, and waits where it has to.
    ///
    /// # Errors
    /// What the call ends with at once.
    pub fn ask<E: Exchange + 'static>(&mut self, exchange: E) -> Result<()> {
        let mut operation = self.connection.start(exchange);
        let polled = Waiting::poll(&mut operation, &mut self.connection);
        self.call = matches!(polled, Ok(false)).then(|| Box::new(operation) as Box<dyn Waiting>);
        self.sent();
        polled.map(drop)
    }

    fn sent(&mut self) -> &mut Situation {
        while !self.connection.poll_transmit().is_empty() {
            let count = self.connection.poll_transmit().len();
            self.connection.handle_sent(count);
        }
        self
    }

    /// The server sends these; the call goes on waiting, or is over.
    fn hears(&mut self, messages: &[Vec<u8>]) -> &mut Situation {
        for message in messages {
            self.feed(message);
            self.poll().expect("these are legal");
        }
        self
    }

    /// Bytes come.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let space = self.connection.space();
            let count = space.len().min(rest.len());
            space[..count].copy_from_slice(&rest[..count]);
            self.connection.handle_read(count);
            rest = &rest[count..];
        }
    }

    /// Lets whoever waits look at them; without anybody, the connection itself.
    ///
    /// # Errors
    /// What the call ends with, or what closed the connection.
    pub fn poll(&mut self) -> Result<()> {
        let polled = match &mut self.call {
            Some(call) => call.poll(&mut self.connection),
            None if self.connection.is_idle() => self.connection.poll_unasked().map(|()| false),
            None => self.connection.poll_abandoned().map(|_| false),
        };
        if !matches!(polled, Ok(false)) {
            self.call = None;
        }
        self.sent();
        polled.map(drop)
    }

    /// Logged in, nothing asked.
    pub fn idle(cache: usize) -> Situation {
        Situation::logged_in(cache, startup(None))
    }

    /// The same, in a session for replication.
    fn replicating() -> Situation {
        Situation::logged_in(100, replication())
    }

    fn logged_in(cache: usize, startup: Startup<'static>) -> Situation {
        let mut situation = Situation::new(cache);
        situation.start(startup);
        situation.hears(&[
            m::authentication_ok(),
            m::backend_key_data(7, &[1, 2, 3, 4]),
            m::ready_for_query(b'I'),
        ]);
        assert!(situation.connection.is_idle());
        situation
    }

    /// A connection that has asked for TLS.
    pub fn asking_for_tls(required: bool) -> Situation {
        let mut situation = Situation::new(100);
        situation.start(startup(Some(required)));
        situation
    }

    /// A portal was opened in a transaction, and some of its rows are asked for.
    fn fetches_a_part(&mut self) {
        let mut begin = self.connection.start(Begin::new("BEGIN".to_owned(), false));
        assert!(matches!(begin.poll(&mut self.connection), Ok(true)));
        let mut open = self.connection.start(OpenPortal::<_, (i64,)>::new("select 1", (), "p"));
        assert!(matches!(self.connection.poll(&mut open), Ok(None)));
        self.sent();
        let begun = [m::parse_complete(), m::bind_complete(), m::command_complete("BEGIN")];
        let answer = [begun.to_vec(), executing(), vec![m::ready_for_query(b'T')]].concat();
        self.feed(&answer.concat());
        let portal = self.connection.poll(&mut open).expect("legal").expect("complete");
        // A call that waits owns what it needs.
        self.start(FetchPortal::new(Box::leak(Box::new(portal)), 2));
    }

    /// A connection in this phase.
    pub fn of(phase: Phase) -> Situation {
        let mut situation = Situation::idle(if phase == Phase::Close { 1 } else { 100 });
        let s = &mut situation;
        match phase {
            Phase::Tls => *s = Situation::asking_for_tls(true),
            Phase::Idle => {}
            Phase::Cancel => {
                let key = s.connection.cancel_key().expect("logged in").clone();
                *s = Situation { connection: Connection::for_cancel(), call: None };
                s.start(CancelRequest::new(key, None));
            }
            Phase::Startup => {
                *s = Situation::new(100);
                s.start(startup(None));
            }
            Phase::LoggedIn => {
                *s = Situation::new(100);
                s.start(startup(None)).hears(&[m::authentication_ok()]);
            }
            Phase::Parse => _ = s.start(query()),
            Phase::Bind => _ = s.start(query()).hears(&[m::parse_complete()]),
            Phase::DescribeRows => _ = s.start(query()).hears(&[m::parse_complete(), m::bind_complete()]),
            Phase::Execute => _ = s.start(query()).hears(&executing()),
            Phase::ExecutePart => s.fetches_a_part(),
            Phase::ExecuteCopyIn => {
                _ = s.start(query()).hears(&executing()).hears(&[m::copy_in_response(0, &[])]);
            }
            Phase::ExecuteCopyOut => {
                _ = s.start(query()).hears(&executing()).hears(&[m::copy_out_response(0, &[])]);
            }
            Phase::ExecuteCopied => {
                s.start(query()).hears(&executing()).hears(&[m::copy_out_response(0, &[]), m::copy_done()]);
            }
            Phase::Sync => {
                _ = s.start(query()).hears(&executing()).hears(&[m::command_complete("SELECT 0")]);
            }
            Phase::DescribeStatement => {
                _ = s.start(Prepare::new("select $1")).hears(&[m::parse_complete()]);
            }
            Phase::Close => {
                let answer =
                    [executing(), vec![m::command_complete("SELECT 0"), m::ready_for_query(b'I')]].concat();
                s.start(query()).hears(&answer);
                s.start(pipeline::query::<(i64,), _>("select 2", ()));
            }
            Phase::Simple => _ = s.start(Batch::new("select 1")),
            Phase::SimpleNext => {
                _ = s.start(Batch::new("select 1")).hears(&[m::command_complete("SELECT 0")]);
            }
            Phase::SimpleRows => {
                _ = s.start(Batch::new("select 1")).hears(&[m::well_formed(b'T', &mut Rng::new(1))]);
            }
            Phase::SimpleCopyIn => _ = s.start(Batch::new("copy")).hears(&[m::copy_in_response(0, &[])]),
            Phase::SimpleCopyOut => _ = s.start(Batch::new("copy")).hears(&[m::copy_out_response(0, &[])]),
            Phase::SimpleCopied => {
                s.start(Batch::new("copy")).hears(&[m::copy_out_response(0, &[]), m::copy_done()]);
            }
            Phase::CopyBothDone => {
                *s = Situation::replicating();
                s.start(Batch::new("start")).hears(&[m::copy_both_response(0, &[]), m::copy_done()]);
            }
            Phase::CopyBoth => {
                *s = Situation::replicating();
                s.start(Batch::new("start")).hears(&[m::copy_both_response(0, &[])]);
            }
        }
        situation
    }
}

fn query() -> impl Exchange + 'static {
    pipeline::query::<(i64,), _>("select 1", ())
}

/// The answers of [`query`] before its rows.
fn executing() -> Vec<Vec<u8>> {
    vec![m::parse_complete(), m::bind_complete(), m::row_description(&[m::Column::new("n", 20, 8, 1)])]
}

/// A login, after TLS if it is said whether that is demanded.
fn startup(tls_required: Option<bool>) -> Startup<'static> {
    static CONFIG: OnceLock<Arc<rustls::ClientConfig>> = OnceLock::new();
    let config = || client_config(SslMode::Require, Roots::None).expect("a configuration");
    let tls = tls_required.map(|required| Tls {
        config: CONFIG.get_or_init(config).clone(),
        server_name: "localhost".to_owned(),
        required,
    });
    let credentials = Credentials {
        user: "me".to_owned(),
        database: "mine".to_owned(),
        nonce: "a nonce of eighteen".to_owned(),
        unix_socket: true,
        tls,
    };
    Startup::new(super::settings(), credentials)
}

/// A login for replication.
fn replication() -> Startup<'static> {
    static SETTINGS: OnceLock<Settings> = OnceLock::new();
    let settings = || {
        let config = Config::<()>::new("user=me replication=database").expect("a sound string");
        config.settings().clone()
    };
    let credentials = Credentials {
        user: "me".to_owned(),
        database: "mine".to_owned(),
        nonce: "a nonce of eighteen".to_owned(),
        unix_socket: true,
        tls: None,
    };
    Startup::new(SETTINGS.get_or_init(settings), credentials)
}

/// What a tag must bring in a phase, and what it brought otherwise.
///
/// # Errors
/// What was found, in words.
pub fn meet(phase: Phase, tag: u8, dropped: bool, rng: &mut Rng) -> std::result::Result<(), String> {
    if phase == Phase::Tls {
        // What is answered there is no message.
        return [b"".as_slice(), &m::well_formed(tag, rng)]
            .iter()
            .flat_map(|after| [(after, true), (after, false)])
            .try_for_each(|(after, required)| meet_answer(tag, after, required, dropped));
    }
    let mut situation = Situation::of(phase);
    if dropped {
        situation.call = None;
        situation.connection.abandon();
    }
    let message = m::well_formed(tag, rng);
    situation.feed(&message);
    let polled = situation.poll();
    let place = format!("{} ({:?}) in {phase:?}, dropped: {dropped}", backend::name(tag), tag as char);
    let closed = situation.connection.is_closed();
    // Of a session for replication alone.
    let is_only_of_replication = tag == b'W' && !matches!(phase, Phase::CopyBoth | Phase::CopyBothDone);
    let step = if is_only_of_replication { Step::Illegal } else { step(phase, tag) };
    match (step, polled) {
        // No walsender's keepalive is among these messages.
        (Step::Illegal | Step::Keepalive, Err(error)) if closed => {
            named(&error, phase, tag).map_err(|what| format!("{place}: {what}"))
        }
        (Step::Illegal | Step::Keepalive, polled) => {
            Err(format!("{place} is illegal and gave {polled:?}, closed: {closed}"))
        }
        (Step::End, Err(error)) if closed && error.kind() == ErrorKind::Server => Ok(()),
        (Step::End, polled) => Err(format!("{place} ends the session and gave {polled:?}, closed: {closed}")),
        // The table knows no text, the call does: none of these is empty.
        (_, Err(error)) if closed && tag == b'I' && !dropped => {
            if error.kind() == ErrorKind::Protocol {
                Ok(())
            } else {
                Err(format!("{place}: {error:?}"))
            }
        }
        (_, polled) if tag == b'I' && !dropped => {
            Err(format!("{place} answers a text that isn't empty, and gave {polled:?}"))
        }
        // The call may end with an error of its own.
        (_, _) if !closed => Ok(()),
        (_, polled) => Err(format!("{place} is legal, and closed the connection: {polled:?}")),
    }?;
    meet_malformed(phase, tag, dropped, rng).map_err(|what| format!("malformed {place}: {what}"))
}

/// What a byte in answer to SSLRequest must bring, and bytes that come in clear together with it.
fn meet_answer(answer: u8, after: &[u8], required: bool, dropped: bool) -> std::result::Result<(), String> {
    let mut situation = Situation::asking_for_tls(required);
    if dropped {
        situation.call = None;
        situation.connection.abandon();
    }
    situation.feed(&[&[answer], after].concat());
    let polled = situation.poll();
    let (encrypted, phase) = (situation.connection.is_encrypted(), situation.connection.expects());
    let text = polled.as_ref().err().map(Error::to_string).unwrap_or_default();
    let kind = polled.as_ref().err().map(Error::kind);
    let is_right = match (answer, after) {
        // The handshake goes on, and nothing was believed yet.
        (b'S', []) => polled.is_ok() && encrypted && phase == Phase::Tls,
        (b'N', []) if required => kind == Some(ErrorKind::Tls) && text.contains("sslmode"),
        (b'N', []) => polled.is_ok() && !encrypted && (dropped || phase == Phase::Startup),
        (b'S' | b'N', _) => kind == Some(ErrorKind::Protocol) && text.contains("in clear"),
        (b'E', _) => kind == Some(ErrorKind::Tls) && text.contains("with an error"),
        _ => kind == Some(ErrorKind::Tls) && text.contains(&format!("{:?}", answer as char)),
    };
    let closed = situation.connection.is_closed();
    let place = format!(
        "{:?} in answer to SSLRequest, {} bytes after it, required: {required}, dropped: {dropped}",
        answer as char,
        after.len()
    );
    if !is_right || closed != polled.is_err() {
        return Err(format!("{place} gave {polled:?}, closed: {closed}, in {phase:?}"));
    }
    settled(&mut situation, polled.err()).map_err(|what| format!("{place}: {what}"))
}

/// An error of a broken rule names the message, the phase and what was expected.
fn named(error: &Error, phase: Phase, tag: u8) -> std::result::Result<(), String> {
    let text = error.to_string();
    let names = [
        backend::name(tag).to_owned(),
        format!("{:?}", tag as char),
        format!("{phase:?}"),
        phase.expects().to_owned(),
    ];
    match names.iter().find(|name| !text.contains(*name)) {
        None if error.kind() == ErrorKind::Protocol => Ok(()),
        None => Err(format!("the error is of kind {:?}", error.kind())),
        Some(name) => Err(format!("{name:?} is missing in {text:?}")),
    }
}

fn meet_malformed(phase: Phase, tag: u8, dropped: bool, rng: &mut Rng) -> std::result::Result<(), String> {
    let mut situation = Situation::of(phase);
    if dropped {
        situation.call = None;
        situation.connection.abandon();
    }
    let message = m::malformed(tag, rng);
    situation.feed(&message);
    let polled = situation.poll();
    if b"123Icns".contains(&tag) && message.len() > 5 && !situation.connection.is_closed() {
        return Err("a message without a body had one, and was taken".to_owned());
    }
    settled(&mut situation, polled.err())
}

/// After whatever came: the connection goes on, or is closed and says so to every call, with typed errors.
fn settled(situation: &mut Situation, error: Option<Error>) -> std::result::Result<(), String> {
    let closed = situation.connection.is_closed();
    if let Some(error) = error.as_ref().filter(|error| error.is_closed() && !closed) {
        return Err(format!("the error says that the connection is closed, which it isn't: {error:?}"));
    }
    if !closed {
        return Ok(());
    }
    if error.is_none() {
        return Err("the connection closed, and nobody was told".to_owned());
    }
    let mut ping = situation.connection.start(Ping::default());
    match situation.connection.poll(&mut ping) {
        Err(error) if error.kind() == ErrorKind::Closed => Ok(()),
        other => Err(format!("the connection is closed, and a call gave {other:?}")),
    }
}

/// A walk at random: legal messages, illegal ones, random calls and drops; a new connection after each that closes.
/// Gives the number of connections.
///
/// # Errors
/// What was found, in words.
pub fn at_random(seed: u64, steps: u64) -> std::result::Result<u64, String> {
    let mut rng = Rng::new(seed);
    let mut connections = 0;
    let mut situation = Situation::idle(2);
    let mut fed = 0usize;
    for at in 0..steps {
        if situation.connection.is_closed() || fed > 100_000 {
            connections += 1;
            fed = 0;
            let phase = rng.pick(&Phase::ALL);
            situation = Situation::of(phase);
        }
        let outcome = match rng.below(10) {
            0 if situation.call.is_none() => call(&mut situation, &mut rng).err(),
            1 if situation.call.is_some() => {
                situation.call = None;
                situation.connection.abandon();
                None
            }
            2 => {
                situation.connection.roll_back(1);
                situation.sent();
                None
            }
            _ => {
                let message = likely(&situation, &mut rng);
                fed += message.len();
                situation.feed(&message);
                situation.poll().err()
            }
        };
        settled(&mut situation, outcome).map_err(|what| format!("step {at} of walk {seed}: {what}"))?;
        let memory = situation.connection.memory();
        if memory > 4 * fed + 256 * 1024 {
            return Err(format!("step {at} of walk {seed}: {memory} bytes of buffers, with {fed} fed"));
        }
    }
    Ok(connections)
}

/// Mostly what may come next, so that walks get somewhere.
fn likely(situation: &Situation, rng: &mut Rng) -> Vec<u8> {
    let phase = situation.connection.expects();
    let is_legal = |tag: &u8| !matches!(step(phase, *tag), Step::Illegal | Step::Keepalive);
    let legal: Vec<u8> = m::TAGS.iter().copied().filter(is_legal).collect();
    if phase == Phase::Tls && rng.below(4) > 0 {
        return rng.pick(&[b"S".as_slice(), b"N", b"E", b"G", b"S\x16\x03\x03"]).to_vec();
    }
    match rng.below(100) {
        0 => m::well_formed(rng.pick(m::TAGS), rng),
        1 => {
            let tag = rng.pick(m::TAGS);
            m::malformed(tag, rng)
        }
        2 => (0..rng.below(40)).map(|_| rng.number().to_be_bytes()[0]).collect(),
        _ if legal.is_empty() => m::well_formed(rng.pick(m::TAGS), rng),
        _ => {
            let tag = rng.pick(&legal);
            m::well_formed(tag, rng)
        }
    }
}

/// Starts a call of some kind, unless answers are still owed.
fn call(situation: &mut Situation, rng: &mut Rng) -> Result<()> {
    situation.connection.abandon();
    if !situation.connection.is_idle() {
        return situation.poll();
    }
    let connection = &mut situation.connection;
    let mut call: Box<dyn Waiting> = match rng.below(8) {
        0 => Box::new(connection.start(Ping::default())),
        1 => Box::new(connection.start(Batch::new("select 1"))),
        2 => Box::new(connection.start(Prepare::new(rng.pick(&["select $1", "select 2"])))),
        3 => Box::new(connection.start(Begin::new("BEGIN".to_owned(), false))),
        4 => Box::new(connection.start(End::commit(connection.conversation().transactions().depth()))),
        5 => Box::new(connection.start(pipeline::execute("change $1", (7i64,)))),
        6 => Box::new(
            connection
                .start(pipeline::Pipeline::new(vec![pipeline::execute("a", ()), pipeline::execute("b", ())])),
        ),
        _ => Box::new(
            connection
                .start(pipeline::query::<(i64,), _>(rng.pick(&["select 1", "select 2", "select 3"]), ())),
        ),
    };
    let polled = call.poll(connection);
    if matches!(polled, Ok(false)) {
        situation.call = Some(call);
    }
    situation.sent();
    polled.map(drop)
}
