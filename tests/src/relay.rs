//! A TCP relay between a client and a server that counts, delays, holds, records and cuts.
//!
//! ```no_run
//! use pg_tests::{relay::Relay, server::Server};
//!
//! let database = Server::shared().database();
//! let relay = Relay::to(&database);
//! let url = relay.url(&database); // connect a client here
//! relay.reset();
//! // ... one query ...
//! assert_eq!(relay.round_trips(), 1);
//! ```
//!
//! # How a round trip is counted
//! On each connection by itself: one, at the moment when bytes from the server are about to be forwarded and the
//! client has sent something since the last one was counted. So
//! - a burst of the client's with its answer is 1, however many segments either of them comes in;
//! - what the server does not answer (Terminate, a cancel request) is 0, and so is what it says by itself;
//! - a client that sends more before the answer has ended, without waiting for it, is counted again when the server goes
//!   on: pipelines are counted right as long as they are sent in one burst;
//! - the answer to SSLRequest and each flight of a TLS handshake count like any other.
//!
//! The count is raised before the bytes go on: once a client has its answer, the relay has counted it.
//!
//! What belongs here: the handle and its state. The thread that moves the bytes is `relay/pump.rs`.

mod pump;

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::server::{Database, Server};

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Both sides read what was forwarded and then the end of the stream.
    Fin,
    /// TCP resets: both sides get `ECONNRESET`, and what was on its way may be lost. A Unix upstream is closed.
    Reset,
}

/// Where a relay leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// A TCP address.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// Some bytes that were forwarded together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Which connection, counted from 0 since the relay was made.
    pub connection: u64,
    /// Which way.
    pub direction: Direction,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What a relay has counted since it was made or [`Relay::reset`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Round trips of all connections, as [the module](self) defines them.
    pub round_trips: u64,
    /// Connections taken.
    pub connections: u64,
    /// Connections that are open now; not reset.
    pub open: u64,
    /// Bytes taken from clients.
    pub from_client: u64,
    /// Bytes given to clients.
    pub to_client: u64,
    /// Bytes taken from the server.
    pub from_server: u64,
    /// Bytes given to the server.
    pub to_server: u64,
}

/// A relay on a port of its own on 127.0.0.1, served by one thread.
///
/// # Drop
/// Closes its connections (as [`Cut::Fin`], without waiting) and its port, and joins the thread.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    wake: UnixStream,
    thread: Option<JoinHandle<()>>,
}

/// What the handle and the thread both see.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    counts: Counts,
    stalled: [bool; 2],
    /// How many more bytes may go this way.
    ration: [Option<u64>; 2],
    delay: [Duration; 2],
    /// Bytes that may still go this way, and what happens then.
    cut_after: [Option<(u64, Cut)>; 2],
    cut_now: Option<Cut>,
    recorded: Option<Vec<Piece>>,
    closing: bool,
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Relay {
    /// A relay to a server, a database's server, a TCP address or a Unix socket.
    ///
    /// It connects upstream anew for each client that comes; when it can't, that client is cut.
    ///
    /// # Panics
    /// When no port can be had.
    pub fn to(upstream: impl Into<Upstream>) -> Relay {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on 127.0.0.1");
        let address = listener.local_addr().expect("the address of a bound socket");
        let (wake, woken) = UnixStream::pair().expect("a pair of sockets");
        let shared = Arc::<Shared>::default();
        let pump = pump::Pump::new(listener, woken, upstream.into(), Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("relay".to_owned()).spawn(move || pump.run());
        Relay { address, shared, wake, thread: Some(thread.expect("a thread")) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The way to a database through this relay, without TLS.
    pub fn url(&self, database: &Database) -> String {
        self.url_with(database, "sslmode=disable")
    }

    /// The way to a database through this relay with these URL parameters.
    pub fn url_with(&self, database: &Database, parameters: &str) -> String {
        database.url_at(&self.address.ip().to_string(), self.address.port(), parameters)
    }

    /// Round trips since the start or [`reset`](Relay::reset).
    pub fn round_trips(&self) -> u64 {
        self.counts().round_trips
    }

    /// Bytes forwarded in one direction.
    pub fn bytes(&self, direction: Direction) -> u64 {
        match direction {
            Direction::ToServer => self.counts().to_server,
            Direction::ToClient => self.counts().to_client,
        }
    }

    /// All that is counted.
    pub fn counts(&self) -> Counts {
        self.shared.lock().counts
    }

    /// Counts from zero, and forgets what was recorded.
    pub fn reset(&self) {
        let mut state = self.shared.lock();
        state.counts = Counts { open: state.counts.open, ..Counts::default() };
        if let Some(recorded) = &mut state.recorded {
            recorded.clear();
        }
    }

    /// Keeps from now on what is forwarded, in the order in which it is.
    pub fn record(&self) {
        self.shared.lock().recorded.get_or_insert_default();
    }

    /// What was kept since [`record`](Relay::record) and [`reset`](Relay::reset).
    pub fn recorded(&self) -> Vec<Piece> {
        self.shared.lock().recorded.clone().unwrap_or_default()
    }

    /// Forwards each burst that comes from now on only after this time; in order.
    ///
    /// At most 64 KiB are on their way on each connection, as on a link with a window of that size.
    pub fn delay(&self, direction: Direction, by: Duration) {
        self.order(|state| state.delay[direction as usize] = by);
    }

    /// Forwards nothing in this direction until [`release`](Relay::release).
    ///
    /// Up to 64 KiB are still taken in on each connection ([`Counts::from_client`] tells); then the sender is
    /// held up.
    pub fn stall(&self, direction: Direction) {
        self.order(|state| state.stalled[direction as usize] = true);
    }

    /// Forwards so many more bytes in this direction, exactly, and then nothing until [`release`](Relay::release) or
    /// another ration; the bytes of all connections count.
    ///
    /// A client can so be brought to any point of an answer, and left there.
    pub fn ration(&self, direction: Direction, bytes: u64) {
        self.order(|state| state.ration[direction as usize] = Some(bytes));
    }

    /// Ends the stall and the ration of both directions.
    pub fn release(&self) {
        self.order(|state| {
            state.stalled = [false; 2];
            state.ration = [None; 2];
        });
    }

    /// Ends the connections that are open now; what was taken in and not forwarded is lost. New ones are welcome.
    ///
    /// Returns when it is done.
    pub fn cut(&self, how: Cut) {
        self.order(|state| state.cut_now = Some(how));
        let state = self.shared.lock();
        let done = self.shared.changed.wait_while(state, |state| state.cut_now.is_some());
        drop(done.unwrap_or_else(|poisoned| poisoned.into_inner()));
    }

    /// Ends the connections that are open when so many more bytes have gone in this direction, exactly after them.
    ///
    /// The bytes of all connections count; it happens once.
    pub fn cut_after(&self, direction: Direction, bytes: u64, how: Cut) {
        self.order(|state| state.cut_after[direction as usize] = Some((bytes, how)));
    }

    /// Waits until the counts are as a test wants them: `relay.wait_until(|counts| counts.from_client > 0)`.
    ///
    /// # Panics
    /// When they are not within 20 seconds.
    #[track_caller]
    pub fn wait_until(&self, wanted: impl Fn(&Counts) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shared.lock();
        while !wanted(&state.counts) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not within {PATIENCE:?}; the relay has counted {:?}", state.counts);
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }

    fn order(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.lock());
        // A full pipe wakes the thread just as well.
        let _ = (&self.wake).write(&[0]);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.order(|state| state.closing = true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl State {
    fn is_held(&self, way: Direction) -> bool {
        self.stalled[way as usize] || self.ration[way as usize] == Some(0)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl From<SocketAddr> for Upstream {
    fn from(address: SocketAddr) -> Upstream {
        Upstream::Tcp(address)
    }
}

impl From<PathBuf> for Upstream {
    fn from(path: PathBuf) -> Upstream {
        Upstream::Unix(path)
    }
}

impl From<&Database> for Upstream {
    fn from(database: &Database) -> Upstream {
        of_host(database.host(), database.port())
    }
}

impl From<&Server> for Upstream {
    fn from(server: &Server) -> Upstream {
        of_host(server.host(), server.port())
    }
}

fn of_host(host: &str, port: u16) -> Upstream {
    use std::net::ToSocketAddrs;
    if host.starts_with('/') {
        return Upstream::Unix(PathBuf::from(host).join(format!(".s.PGSQL.{port}")));
    }
    let address = (host, port).to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    Upstream::Tcp(address.unwrap_or_else(|| panic!("no address of {host:?} is known")))
}
