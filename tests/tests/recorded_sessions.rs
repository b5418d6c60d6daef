//! Sessions with a real server are recorded, and played to the client again with faults: cut after every byte, with
//! every bit flipped, and delivered in all sorts of pieces.
//!
//! The server's side is what was recorded; each part of it comes when the client has sent what the server had read
//! before it. A server that has nothing more to say closes the link. There is no socket and no clock, so a run takes
//! microseconds; what would hang shows as a number of turns without end.
//!
//! `cargo test --release --test recorded_sessions` takes all bits and 10,000 splits; without optimisation it is one
//! bit of each byte, and some hundred splits.

mod random;

use pg_core::config::ssl::SslMode;
use pg_core::config::{Config, settings::Settings};
use pg_core::exchange::Exchange;
use pg_core::exchange::pipeline;
use pg_core::exchange::startup::{Credentials, Startup, Tls};
use pg_core::protocol::connection::Connection;
use pg_core::tls::config::{Roots, client_config};
use pg_core::types::registry::Scope;
use pg_core::wire::frame::Limits;
use pg_core::{ErrorKind, FromSql, Registry, Result, Run, Session, ToSql, complete};
use pg_tests::relay::{Direction, Relay};
use pg_tests::server::{Auth, Database, Options, Server};
use random::Random;
use std::fmt::Debug;
use std::future::Future;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Whether there is time for everything.
const ALL: bool = !cfg!(debug_assertions);
const SPLITS: u64 = if ALL { 10_000 } else { 300 };

// ---- what a session does: each call's outcome in words ----

type Outcome = std::result::Result<String, (ErrorKind, String)>;

/// A session: what is done after login, call by call.
#[derive(Clone, Copy)]
struct Script {
    name: &'static str,
    /// Told as role and password; else the superuser is trusted.
    login: Option<(&'static str, &'static str)>,
    calls: &'static [Call],
}

type Call = for<'p> fn(&'p mut Player<'_>) -> Done<'p>;
type Done<'p> = std::pin::Pin<Box<dyn Future<Output = Result<String>> + 'p>>;

/// A call, boxed: `call!(session => expression)`.
macro_rules! call {
    ($session:ident => $body:expr) => {
        |$session| Box::pin(async move { Ok(format!("{:?}", $body)) })
    };
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "item")]
struct Item {
    name: String,
    price: i64,
}

const SCRAM: Script = Script {
    name: "SCRAM login",
    login: Some(("alice", "sesame-7391")),
    calls: &[
        call!(s => s.query_value::<String>("select current_user::text", ()).await?),
        call!(s => s.ping().await?),
    ],
};

const SIMPLE: Script = Script {
    name: "simple",
    login: None,
    calls: &[
        call!(s => s.batch_execute("select 1; select 'two', null; ; create temp table t (n int4); insert into t values (1)").await?),
        call!(s => {
            s.batch_execute("do $$ begin raise notice 'by the way'; end $$; listen news; notify news, 'hello'").await?;
            s.connection().inbox().next_notification().map(|notification| notification.payload)
        }),
        call!(s => s.batch_execute("select 1; select missing; select 2").await?),
        call!(s => s.batch_execute("").await?),
        call!(s => s.batch_execute("set application_name to 'other'; select generate_series(1, 5)").await?),
    ],
};

const EXTENDED: Script = Script {
    name: "extended",
    login: None,
    calls: &[
        call!(s => s.query::<(i32, Option<String>)>("select n, nullif(n::text, '2') from generate_series(1, $1) n", (3_i32,)).await?),
        call!(s => {
            let item = Item { name: "tea".to_owned(), price: 7 };
            s.query_value::<Vec<Item>>("select array[$1, $1]", (&item,)).await?
        }),
        call!(s => s.query_value::<i32>("select 1 / $1::int4", (0_i32,)).await?),
        call!(s => s.query_value::<i32>("select 8 / $1::int4", (2_i32,)).await?),
        call!(s => s.query_value::<i32>("select 8 / $1::int4", (4_i32,)).await?),
        call!(s => {
            let mut tx = s.begin().await?;
            let n = tx.execute("create temp table t as select generate_series(1, 4)", ()).await?;
            tx.commit().await?;
            n
        }),
        call!(s => {
            let mut rows = s.stream("select n, 'row ' || n from generate_series(1, 3) n", ()).await?;
            let mut read = Vec::new();
            while let Some(row) = rows.next_row().await? {
                read.push(row.get::<(i32, String)>()?);
            }
            read
        }),
        call!(s => s.prepare("select $1::date, $2::uuid").await?.columns.len()),
    ],
};

const COPY: Script = Script {
    name: "COPY, refused",
    login: None,
    calls: &[
        call!(s => s.batch_execute("create temp table t (n int4); insert into t select generate_series(1, 9)").await?),
        call!(s => s.execute("copy t from stdin", ()).await?),
        call!(s => s.execute("copy t to stdout", ()).await?),
        call!(s => s.batch_execute("select 1; copy t from stdin; select 2").await?),
        call!(s => s.batch_execute("select 1; copy t to stdout; select 2").await?),
        call!(s => s.query_value::<i64>("select count(*) from t", ()).await?),
    ],
};

const PIPELINE: Script = Script {
    name: "pipeline",
    login: None,
    calls: &[
        call!(s => s.pipeline((
            pipeline::query::<(i32,), _>("select generate_series(1, $1)", (3_i32,)),
            pipeline::execute("create temp table t (n int4)", ()),
            pipeline::query_one::<(String,), _>("select $1 || '!'", ("ho",)),
        )).await?),
        call!(s => s.pipeline((
            pipeline::execute("insert into t values (1)", ()),
            pipeline::execute("insert into t values (1 / $1)", (0_i32,)),
            pipeline::execute("insert into t values (3)", ()),
        )).await?),
        call!(s => s.query_value::<i64>("select count(*) from t", ()).await?),
    ],
};

const SCRIPTS: [Script; 5] = [SCRAM, SIMPLE, EXTENDED, COPY, PIPELINE];

// ---- the client: a connection, and whatever stands for its socket ----

trait Wire: Send {
    /// Sends what waits, and reads once.
    fn turn(&mut self, connection: &mut Connection);
}

struct Player<'w> {
    connection: Connection,
    wire: &'w mut dyn Wire,
}

impl Run for Player<'_> {
    async fn run<E: Exchange>(&mut self, exchange: E) -> Result<E::Output> {
        if !E::PEEK {
            self.connection.abandon();
            while !self.connection.poll_abandoned()? {
                self.wire.turn(&mut self.connection);
            }
        }
        let mut operation = self.connection.start(exchange);
        loop {
            if let Some(output) = self.connection.poll(&mut operation)? {
                return Ok(output);
            }
            self.wire.turn(&mut self.connection);
        }
    }
}

impl Session for Player<'_> {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    fn nudge(&mut self) {}
}

/// Settings whose logins share their SCRAM keys, so that only the first derives one.
fn settings(script: &Script) -> Settings {
    let config: Config = Config::default();
    match script.login {
        Some((_, password)) => config.password(password),
        None => config,
    }
    .settings()
    .clone()
}

/// The outcomes of the login and of all calls, over `wire`.
fn play(
    script: &Script,
    settings: &Settings,
    tls: Option<Tls>,
    database: &str,
    wire: &mut dyn Wire,
) -> Vec<Outcome> {
    let connection = Connection::new(10, Limits::default(), Registry::new(), Scope::default());
    let mut player = Player { connection, wire };
    let credentials = Credentials {
        user: script.login.map_or("postgres", |(user, _)| user).to_owned(),
        database: database.to_owned(),
        // Always the same: so the server's part can be played again.
        nonce: "rOprNGfwEbeRWgbNEkqO".to_owned(),
        unix_socket: false,
        tls,
    };
    let told = |outcome: Result<String>| outcome.map_err(|error| (error.kind(), error.to_string()));
    complete(async {
        let login = player.run(Startup::new(settings, credentials)).await.map(|()| "logged in".to_owned());
        let mut outcomes = vec![told(login)];
        for call in script.calls {
            let outcome = call(&mut player).await;
            outcomes.push(told(outcome));
        }
        outcomes
    })
}

// ---- recording ----

/// What a server has said, and when.
struct Recording {
    script: &'static Script,
    settings: Settings,
    database: String,
    said: Vec<u8>,
    /// How much was said when the client had sent so much.
    steps: Vec<(usize, usize)>,
    outcomes: Vec<Outcome>,
}

impl Wire for TcpStream {
    fn turn(&mut self, connection: &mut Connection) {
        loop {
            let bytes = connection.poll_transmit();
            if bytes.is_empty() {
                break;
            }
            let count = self.write(bytes).unwrap();
            connection.handle_sent(count);
        }
        let count = self.read(connection.space()).unwrap();
        connection.handle_read(count);
    }
}

fn database() -> &'static Database {
    static SERVER: OnceLock<(Server, Database)> = OnceLock::new();
    &SERVER
        .get_or_init(|| {
            let (user, password) = SCRAM.login.unwrap();
            let server = Server::start(Options::new().user(user, password, Auth::Scram)).unwrap();
            let database = server.database();
            database.sql("create type item as (name text, price int8)");
            (server, database)
        })
        .1
}

impl Recording {
    fn of(script: &'static Script) -> Recording {
        let database = database();
        let relay = Relay::to(database);
        relay.record();
        let mut socket = TcpStream::connect(relay.address()).unwrap();
        let settings = settings(script);
        let outcomes = play(script, &settings, None, database.name(), &mut socket);
        let mut recording = Recording {
            script,
            settings,
            database: database.name().to_owned(),
            said: Vec::new(),
            steps: Vec::new(),
            outcomes,
        };
        let mut sent = 0;
        for piece in relay.recorded() {
            match piece.direction {
                Direction::ToServer => sent += piece.bytes.len(),
                Direction::ToClient => {
                    recording.said.extend(piece.bytes);
                    recording.steps.push((sent, recording.said.len()));
                }
            }
        }
        assert_eq!(recording.outcomes[0], Ok("logged in".to_owned()));
        recording
    }

    /// How much the server has said to a client that has sent so much.
    fn said_after(&self, sent: usize) -> usize {
        self.steps.iter().take_while(|(after, _)| *after <= sent).last().map_or(0, |(_, said)| *said)
    }

    fn play(&self, fault: Fault, pieces: Pieces) -> (Vec<Outcome>, Replay<'_>) {
        let mut replay = Replay { recording: self, link: Link::new(fault, pieces), sent: 0 };
        let outcomes = play(self.script, &self.settings, None, &self.database, &mut replay);
        (outcomes, replay)
    }
}

// ---- playing again ----

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// The link closes after so many bytes.
    Cut(usize),
    /// A bit of this byte is another.
    Flip {
        byte: usize,
        bit: u8,
    },
}

#[derive(Debug, Clone)]
enum Pieces {
    Whole,
    Bytes,
    Random(Random),
}

/// The way from the server to the client.
struct Link {
    fault: Fault,
    pieces: Pieces,
    delivered: usize,
    turns: usize,
    /// The most that the client's input has held.
    held: usize,
}

impl Link {
    fn new(fault: Fault, pieces: Pieces) -> Link {
        Link { fault, pieces, delivered: 0, turns: 0, held: 0 }
    }

    /// Delivers a piece of `said`, or the end of the link when there is none.
    fn deliver(&mut self, connection: &mut Connection, said: &[u8]) {
        self.turns += 1;
        assert!(self.turns < 100_000, "the client turns in circles: {:?}", self.fault);
        let end = match self.fault {
            Fault::Cut(after) => said.len().min(after),
            _ => said.len(),
        };
        let left = end.saturating_sub(self.delivered);
        let space = connection.space();
        self.held = self.held.max(space.len());
        let count = match &mut self.pieces {
            _ if left == 0 => 0,
            Pieces::Whole => left,
            Pieces::Bytes => 1,
            Pieces::Random(random) => {
                let most = [3, 40, left][random.below(3)].min(left);
                1 + random.below(most)
            }
        }
        .min(space.len());
        let piece = &mut space[..count];
        piece.copy_from_slice(&said[self.delivered..self.delivered + count]);
        if let Fault::Flip { byte, bit } = self.fault
            && let Some(place) = byte.checked_sub(self.delivered).and_then(|at| piece.get_mut(at))
        {
            *place ^= 1 << bit;
        }
        self.delivered += count;
        connection.handle_read(count);
    }
}

fn taken(connection: &mut Connection) -> Vec<u8> {
    let mut taken = Vec::new();
    loop {
        let bytes = connection.poll_transmit();
        if bytes.is_empty() {
            return taken;
        }
        taken.extend_from_slice(bytes);
        let count = bytes.len();
        connection.handle_sent(count);
    }
}

/// A recording that is played again.
struct Replay<'r> {
    recording: &'r Recording,
    link: Link,
    sent: usize,
}

impl Wire for Replay<'_> {
    fn turn(&mut self, connection: &mut Connection) {
        self.sent += taken(connection).len();
        let said = self.recording.said_after(self.sent);
        self.link.deliver(connection, &self.recording.said[..said]);
    }
}

/// The same over TLS: the handshake is made anew each time, with a server in memory that has the recording inside.
struct Encrypted<'r> {
    recording: &'r Recording,
    server: rustls::ServerConnection,
    link: Link,
    asked: bool,
    sent: usize,
    played: usize,
    ciphertext: Vec<u8>,
}

fn server_config() -> Arc<rustls::ServerConfig> {
    static CONFIG: OnceLock<Arc<rustls::ServerConfig>> = OnceLock::new();
    CONFIG
        .get_or_init(|| {
            let key = rcgen::KeyPair::generate().unwrap();
            let certificate =
                rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key);
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = rustls::ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(&[&rustls::version::TLS13])
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(
                    vec![certificate.unwrap().der().clone()],
                    key.serialize_der().try_into().unwrap(),
                );
            Arc::new(config.unwrap())
        })
        .clone()
}

impl Encrypted<'_> {
    fn play(recording: &Recording, fault: Fault, pieces: Pieces) -> (Vec<Outcome>, Encrypted<'_>) {
        static CLIENT: OnceLock<Arc<rustls::ClientConfig>> = OnceLock::new();
        let client = CLIENT.get_or_init(|| client_config(SslMode::Require, Roots::None).unwrap());
        let tls = Tls { config: client.clone(), server_name: "localhost".to_owned(), required: true };
        let mut wire = Encrypted {
            recording,
            server: rustls::ServerConnection::new(server_config()).unwrap(),
            link: Link::new(fault, pieces),
            asked: false,
            sent: 0,
            played: 0,
            ciphertext: Vec::new(),
        };
        let outcomes = play(recording.script, &recording.settings, Some(tls), &recording.database, &mut wire);
        (outcomes, wire)
    }

    fn serve(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            // A client that has given up says so with an alert.
            if self.server.read_tls(&mut bytes).is_err() || self.server.process_new_packets().is_err() {
                return;
            }
        }
        let mut plain = Vec::new();
        let _ = self.server.reader().read_to_end(&mut plain);
        self.sent += plain.len();
        if !self.server.is_handshaking() {
            let said = self.recording.said_after(self.sent);
            self.server.writer().write_all(&self.recording.said[self.played..said]).unwrap();
            self.played = said;
        }
        while self.server.wants_write() {
            self.server.write_tls(&mut self.ciphertext).unwrap();
        }
    }
}

impl Wire for Encrypted<'_> {
    fn turn(&mut self, connection: &mut Connection) {
        let bytes = taken(connection);
        if self.asked {
            self.serve(&bytes);
        } else {
            assert_eq!(bytes, [0, 0, 0, 8, 4, 210, 22, 47], "SSLRequest");
            self.ciphertext.push(b'S');
            self.asked = true;
        }
        self.link.deliver(connection, &self.ciphertext);
    }
}

// ---- what must hold ----

/// The calls before a fault have their own outcomes; the call at it has its own or an error, and those after it too.
#[track_caller]
fn assert_cut(whole: &[Outcome], cut: &[Outcome], about: impl Debug) {
    let same = whole.iter().zip(cut).take_while(|(whole, cut)| whole == cut).count();
    for (at, outcome) in cut.iter().enumerate().skip(same) {
        match outcome {
            Err((ErrorKind::Io, words)) if at == same => {
                assert!(words.contains("closed the connection"), "{words}")
            }
            // The link was lost during COMMIT, or while a guard was undone.
            Err((ErrorKind::CommitUnknown, _)) if at == same => {}
            Err((ErrorKind::Closed, _)) if at > same => {}
            other => panic!("{about:?}: call {at} ended with {other:?}"),
        }
    }
}

fn recordings() -> &'static [Recording] {
    static RECORDINGS: OnceLock<Vec<Recording>> = OnceLock::new();
    RECORDINGS.get_or_init(|| SCRIPTS.iter().map(Recording::of).collect())
}

/// Where the login of a recording ends: after AuthenticationOk.
fn authentication(recording: &Recording) -> Range<usize> {
    let ok = b"R\0\0\0\x08\0\0\0\0";
    let end = recording.said.windows(ok.len()).position(|bytes| bytes == ok).unwrap();
    0..end + ok.len()
}

#[test]
fn recordings_play_as_they_were() {
    for recording in recordings() {
        let (outcomes, replay) = recording.play(Fault::None, Pieces::Whole);
        assert_eq!(outcomes, recording.outcomes, "{}", recording.script.name);
        assert_eq!(replay.link.delivered, recording.said.len(), "{}", recording.script.name);
        println!("{}: {} bytes\n{outcomes:#?}", recording.script.name, recording.said.len());
    }
}

#[test]
fn a_link_cut_after_any_byte_is_a_complete_result_or_an_error() {
    for recording in recordings() {
        for after in 0..recording.said.len() {
            let (outcomes, _) = recording.play(Fault::Cut(after), Pieces::Whole);
            assert_cut(&recording.outcomes, &outcomes, (recording.script.name, after));
        }
    }
}

#[test]
fn pieces_of_any_size_are_the_same_session() {
    for (number, recording) in (0..).zip(recordings()) {
        let (outcomes, _) = recording.play(Fault::None, Pieces::Bytes);
        assert_eq!(outcomes, recording.outcomes, "{}", recording.script.name);
        for seed in 0..SPLITS {
            let (outcomes, _) = recording.play(Fault::None, Pieces::Random(Random::new(seed * 8 + number)));
            assert_eq!(outcomes, recording.outcomes, "{}, seed {seed}", recording.script.name);
        }
    }
}

#[test]
fn a_flipped_bit_neither_panics_nor_hangs_nor_takes_memory() {
    let mut random = Random::new(3);
    for recording in recordings() {
        for byte in 0..recording.said.len() {
            let one = u8::try_from(random.below(8)).unwrap();
            for bit in (0..8).filter(|bit| ALL || *bit == one) {
                let (outcomes, replay) = recording.play(Fault::Flip { byte, bit }, Pieces::Whole);
                let about = (recording.script.name, byte, bit);
                assert_eq!(outcomes.len(), recording.outcomes.len(), "{about:?}");
                assert!(replay.link.held <= 64 * 1024, "{about:?}: {} bytes held", replay.link.held);
                let told: usize = outcomes.iter().flatten().map(String::len).sum();
                assert!(told < 64 * 1024, "{about:?}: {told} bytes of results");
            }
        }
    }
}

#[test]
fn no_login_survives_a_flipped_bit_in_it() {
    for recording in recordings() {
        for byte in authentication(recording) {
            // Each salt takes a derived key, so that without optimisation it is two bits of a byte.
            for bit in (0..8).filter(|bit| ALL || usize::from(*bit) % 4 == byte % 4) {
                let (outcomes, _) = recording.play(Fault::Flip { byte, bit }, Pieces::Whole);
                let Err((kind, words)) = &outcomes[0] else {
                    panic!("{}: bit {bit} of byte {byte}: logged in", recording.script.name);
                };
                let kinds =
                    [ErrorKind::Protocol, ErrorKind::Authentication, ErrorKind::Io, ErrorKind::Server];
                assert!(kinds.contains(kind), "{kind:?} {words}");
            }
        }
    }
}

mod over_tls {
    use super::*;

    /// Each run makes a handshake, so that without optimisation only some bytes are taken.
    fn some(length: usize) -> impl Iterator<Item = usize> {
        (0..length).step_by(if ALL { 1 } else { 17 })
    }

    fn recording() -> &'static Recording {
        recordings().iter().find(|recording| recording.script.name == EXTENDED.name).unwrap()
    }

    fn whole() -> usize {
        let (outcomes, wire) = Encrypted::play(recording(), Fault::None, Pieces::Whole);
        assert_eq!(outcomes, recording().outcomes);
        wire.link.delivered
    }

    #[test]
    fn a_link_cut_after_any_byte_is_a_complete_result_or_an_error() {
        for after in some(whole()) {
            let (outcomes, wire) = Encrypted::play(recording(), Fault::Cut(after), Pieces::Whole);
            // Signatures of the handshake are not all equally long.
            if wire.link.delivered == after {
                assert_cut(&recording().outcomes, &outcomes, after);
            }
        }
    }

    #[test]
    fn pieces_of_any_size_are_the_same_session() {
        let (outcomes, _) = Encrypted::play(recording(), Fault::None, Pieces::Bytes);
        assert_eq!(outcomes, recording().outcomes);
        for seed in 0..SPLITS / 10 {
            let (outcomes, _) = Encrypted::play(recording(), Fault::None, Pieces::Random(Random::new(seed)));
            assert_eq!(outcomes, recording().outcomes, "seed {seed}");
        }
    }

    /// No changed byte is ever read as something else: each outcome is the right one or an error.
    #[test]
    fn a_flipped_bit_changes_no_result() {
        let mut random = Random::new(4);
        for byte in some(whole()) {
            let bit = u8::try_from(random.below(8)).unwrap();
            let (outcomes, wire) = Encrypted::play(recording(), Fault::Flip { byte, bit }, Pieces::Whole);
            for (right, outcome) in recording().outcomes.iter().zip(&outcomes) {
                assert!(outcome == right || outcome.is_err(), "bit {bit} of byte {byte}: {outcome:?}");
            }
            assert!(wire.link.held <= 64 * 1024, "{}", wire.link.held);
        }
    }
}
