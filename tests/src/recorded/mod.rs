//! Sessions with a real server are recorded, and played to the client again with faults: the link closed, reset or
//! silent after every byte, every bit flipped, and all sorts of pieces.
//!
//! The server's side is what was recorded; each part of it comes when the client has sent what the server had read
//! before it. There is no socket, and the clock goes on only when nothing is to come any more, to the deadline of the
//! call that waits. So a run takes microseconds; a client that turns in circles is one that turns 100,000 times.
//!
//! Seven kinds are recorded: a login with SCRAM, the simple protocol, the extended one, COPY, a pipeline, replication, and
//! the extended protocol once more inside TLS, whose handshake is made anew each time.

pub mod checks;
mod encrypted;
mod replay;
mod scripts;

use crate::relay::{Direction, Relay};
use crate::server::{Auth, Options, Server};
use pg_core::config::Config;
use pg_core::config::settings::{Replication, Settings};
use pg_core::exchange::Exchange;
use pg_core::exchange::startup::{Credentials, Startup, Tls};
use pg_core::protocol::connection::Connection;
use pg_core::types::registry::Scope;
use pg_core::wire::frame::Limits;
use pg_core::{Error, ErrorKind, Registry, Result, Run, Session, complete};
use replay::{Fault, Link, Pieces, Replay};
use scripts::Script;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::OnceLock;
use std::time::Duration;

/// A call's outcome in words.
type Outcome = std::result::Result<String, (ErrorKind, String)>;

/// How long a call may take.
const LIMIT: Duration = Duration::from_secs(3);
/// How long a call waits for what the one before it left, as a client's `drain_timeout`.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(100);

/// What a turn of the link brought.
#[derive(Debug, PartialEq)]
enum Turn {
    /// Bytes, or the end of the link.
    Read,
    /// Nothing, and nothing will come any more.
    Silence,
}

/// What stands for a client's socket.
trait Wire: Send {
    /// Sends what waits, and reads once.
    fn turn(&mut self, connection: &mut Connection) -> Turn;
}

/// The client: a connection, its socket, and a clock that goes on while nothing comes.
struct Player<'w> {
    connection: Connection,
    wire: &'w mut dyn Wire,
    now: Duration,
    /// Until when the call may take.
    deadline: Duration,
}

impl Player<'_> {
    /// One turn; false if the deadline came first.
    fn step(&mut self, deadline: Duration) -> bool {
        match self.wire.turn(&mut self.connection) {
            Turn::Read => true,
            Turn::Silence => {
                self.now = deadline;
                false
            }
        }
    }

    /// Reads what the server still owes to the call before. A server that is silent answers no cancel request either, so
    /// none is sent.
    fn settle(&mut self) -> Result<()> {
        let deadline = self.deadline.min(self.now + DRAIN_TIMEOUT);
        while !self.connection.poll_abandoned()? {
            if !self.step(deadline) {
                let text = "the server did not finish a dropped statement";
                self.connection.handle_failure(Error::new(ErrorKind::Timeout, text));
            }
        }
        Ok(())
    }
}

impl Run for Player<'_> {
    async fn run<E: Exchange>(&mut self, exchange: E) -> Result<E::Output> {
        if !E::PEEK {
            self.connection.abandon();
            self.settle()?;
        }
        let patience = exchange.patience();
        let mut operation = self.connection.start(exchange);
        loop {
            if let Some(output) = self.connection.poll(&mut operation)? {
                return Ok(output);
            }
            let until = patience.map_or(self.deadline, |patience| (self.now + patience).min(self.deadline));
            if !self.step(until) {
                if E::WAITS && until < self.deadline {
                    return self.connection.give_up(&mut operation);
                }
                return Err(Error::new(ErrorKind::Timeout, "the server did not answer in time"));
            }
        }
    }
}

impl Session for Player<'_> {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    fn nudge(&mut self) {}
}

/// What a run came to.
#[derive(Debug)]
struct Played {
    /// Of the login and of each call.
    outcomes: Vec<Outcome>,
    is_closed: bool,
    /// The longest that a call took.
    longest: Duration,
    /// How many bytes came.
    delivered: usize,
    /// The most that the client's input has held.
    held: usize,
}

/// Plays a script over `wire`.
fn play(
    script: &Script,
    settings: &Settings,
    tls: Option<Tls>,
    database: &str,
    wire: &mut dyn Wire,
) -> (Vec<Outcome>, bool, Duration) {
    let connection = Connection::new(10, Limits::default(), Registry::new(), Scope::default());
    let mut player = Player { connection, wire, now: Duration::ZERO, deadline: LIMIT };
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
        if let Err(error) = &login {
            // A client drops the socket.
            player.connection.handle_failure(Error::new(ErrorKind::Closed, error.to_string()));
        }
        let mut outcomes = vec![told(login)];
        let mut longest = player.now;
        for call in script.calls {
            let begun = player.now;
            player.deadline = begun + LIMIT;
            let outcome = call(&mut player).await;
            outcomes.push(told(outcome));
            longest = longest.max(player.now - begun);
        }
        (outcomes, player.connection.is_closed(), longest)
    })
}

/// What a server has said, and when.
struct Recording {
    script: &'static Script,
    /// Its logins share their SCRAM keys, so that only the first derives one.
    settings: Settings,
    database: String,
    said: Vec<u8>,
    /// How much was said when the client had sent so much.
    steps: Vec<(usize, usize)>,
    outcomes: Vec<Outcome>,
}

impl Wire for TcpStream {
    fn turn(&mut self, connection: &mut Connection) -> Turn {
        loop {
            let bytes = connection.poll_transmit();
            if bytes.is_empty() {
                break;
            }
            let count = self.write(bytes).expect("a server that reads");
            connection.handle_sent(count);
        }
        // Data of a COPY, to which nobody answers.
        if connection.only_writes() {
            return Turn::Read;
        }
        let count = self.read(connection.space()).expect("a server that answers");
        connection.handle_read(count);
        Turn::Read
    }
}

impl Recording {
    /// All scripts, recorded with a server that is gone afterwards.
    fn all() -> Vec<Recording> {
        let (user, password) = scripts::SCRAM.login.expect("it logs in");
        let server = Server::start(Options::new().user(user, password, Auth::Scram));
        let server = server.unwrap_or_else(|error| panic!("{error}"));
        let database = server.database();
        database.sql("create type item as (name text, price int8)");
        scripts::ALL
            .iter()
            .map(|script| Recording::of(script, &Relay::to(&database), database.name()))
            .collect()
    }

    fn of(script: &'static Script, relay: &Relay, database: &str) -> Recording {
        relay.record();
        let mut socket = TcpStream::connect(relay.address()).expect("a relay that listens");
        let config: Config = match script.login {
            Some((_, password)) => Config::default().password(password),
            None => Config::default(),
        };
        let config = if script.walsender { config.replication(Replication::Logical) } else { config };
        let settings = config.settings().clone();
        let (outcomes, ..) = play(script, &settings, None, database, &mut socket);
        assert_eq!(outcomes[0], Ok("logged in".to_owned()));
        let mut recording = Recording {
            script,
            settings,
            database: database.to_owned(),
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
        recording
    }

    /// How much the server has said to a client that has sent so much.
    fn said_after(&self, sent: usize) -> usize {
        self.steps.iter().take_while(|(after, _)| *after <= sent).last().map_or(0, |(_, said)| *said)
    }

    fn play(&self, fault: Fault, pieces: Pieces) -> Played {
        let mut replay = Replay { recording: self, link: Link::new(fault, pieces), sent: 0 };
        let (outcomes, is_closed, longest) =
            play(self.script, &self.settings, None, &self.database, &mut replay);
        replay.link.played(outcomes, is_closed, longest)
    }
}

/// A recording, played in clear or inside TLS.
struct Kind {
    recording: &'static Recording,
    is_encrypted: bool,
}

impl Kind {
    /// All seven.
    fn all() -> impl Iterator<Item = Kind> {
        static RECORDINGS: OnceLock<Vec<Recording>> = OnceLock::new();
        let recordings = RECORDINGS.get_or_init(Recording::all);
        let encrypted = recordings.iter().filter(|recording| recording.script.name == scripts::EXTENDED.name);
        let encrypted = encrypted.map(|recording| Kind { recording, is_encrypted: true });
        recordings.iter().map(|recording| Kind { recording, is_encrypted: false }).chain(encrypted)
    }

    fn name(&self) -> &'static str {
        if self.is_encrypted { "TLS" } else { self.recording.script.name }
    }

    fn play(&self, fault: Fault, pieces: Pieces) -> Played {
        if self.is_encrypted {
            encrypted::play(self.recording, fault, pieces)
        } else {
            self.recording.play(fault, pieces)
        }
    }
}
