//! The relay's one thread: one loop that waits, takes bytes in and gives bytes out. What it may do is in the shared
//! state, which it asks before each byte.

use std::{
    collections::VecDeque,
    net::{TcpListener, TcpStream},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{Shutdown, shutdown, sockopt::set_socket_linger},
};

use super::{Cut, Direction, Piece, Shared, State, Upstream};

/// A lane takes in no more than this before the sender is held up.
const HELD_AT_MOST: usize = 64 * 1024;
const WAYS: [Direction; 2] = [Direction::ToServer, Direction::ToClient];

pub(super) struct Pump {
    listener: TcpListener,
    woken: UnixStream,
    upstream: Upstream,
    shared: Arc<Shared>,
    connections: Vec<Connection>,
    next: u64,
}

struct Connection {
    number: u64,
    client: OwnedFd,
    server: OwnedFd,
    lanes: [Lane; 2],
    /// The client has sent something that the server has not answered.
    asked: bool,
    /// Only reads to the end, and forgets: closing with unread bytes would send a reset.
    ended: bool,
}

/// One direction of one connection.
#[derive(Default)]
struct Lane {
    /// What was taken in and when it may go on.
    queue: VecDeque<(Instant, Vec<u8>)>,
    held: usize,
    /// The sender has closed.
    eof: bool,
    /// And the receiver knows.
    passed_eof: bool,
}

/// A connection that can't go on.
struct Broken;

impl Pump {
    pub(super) fn new(
        listener: TcpListener,
        woken: UnixStream,
        upstream: Upstream,
        shared: Arc<Shared>,
    ) -> Pump {
        listener.set_nonblocking(true).expect("a non-blocking listener");
        woken.set_nonblocking(true).expect("a non-blocking pipe");
        Pump { listener, woken, upstream, shared, connections: Vec::new(), next: 0 }
    }

    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        loop {
            self.wait();
            let _ = rustix::io::read(&self.woken, &mut [0; 64]);
            let mut state = shared.lock();
            if state.closing {
                return;
            }
            if let Some(how) = state.cut_now.take() {
                self.cut_all(how);
            }
            self.accept(&mut state);
            let mut cut = None;
            self.connections.retain_mut(|connection| connection.turn(&mut state, &mut cut).is_ok());
            if let Some(how) = cut {
                self.cut_all(how);
            }
            state.counts.open = self.connections.iter().filter(|connection| !connection.ended).count() as u64;
            shared.changed.notify_all();
        }
    }

    /// Until a socket is ready, an order comes, or something delayed is due.
    fn wait(&self) {
        let state = self.shared.lock();
        let mut sockets =
            vec![PollFd::new(&self.woken, PollFlags::IN), PollFd::new(&self.listener, PollFlags::IN)];
        let mut due = None;
        for connection in &self.connections {
            connection.interests(&state, &mut sockets, &mut due);
        }
        drop(state);
        let left = due.map(|due| due.saturating_duration_since(Instant::now()) + Duration::from_micros(50));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        let _ = poll(&mut sockets, left.as_ref());
    }

    fn accept(&mut self, state: &mut State) {
        while let Ok((client, _)) = self.listener.accept() {
            state.counts.connections += 1;
            let number = self.next;
            self.next += 1;
            let Ok(server) = connect(&self.upstream) else { continue };
            let client =
                client.set_nodelay(true).and_then(|()| client.set_nonblocking(true)).map(|()| client);
            let Ok(client) = client else { continue };
            self.connections.push(Connection {
                number,
                client: client.into(),
                server,
                lanes: Default::default(),
                asked: false,
                ended: false,
            });
        }
    }

    fn cut_all(&mut self, how: Cut) {
        match how {
            Cut::Fin => self.connections.iter_mut().for_each(Connection::finish),
            Cut::Reset => {
                for connection in self.connections.drain(..) {
                    connection.reset();
                }
            }
        }
    }
}

fn connect(upstream: &Upstream) -> std::io::Result<OwnedFd> {
    match upstream {
        Upstream::Tcp(address) => {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            Ok(stream.into())
        }
        Upstream::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_nonblocking(true)?;
            Ok(stream.into())
        }
    }
}

impl Connection {
    fn ends(&self, way: Direction) -> (&OwnedFd, &OwnedFd) {
        match way {
            Direction::ToServer => (&self.client, &self.server),
            Direction::ToClient => (&self.server, &self.client),
        }
    }

    fn interests<'a>(&'a self, state: &State, sockets: &mut Vec<PollFd<'a>>, due: &mut Option<Instant>) {
        for way in WAYS {
            let lane = &self.lanes[way as usize];
            let (from, to) = self.ends(way);
            if !lane.eof && lane.held < HELD_AT_MOST {
                sockets.push(PollFd::new(from, PollFlags::IN));
            }
            if state.is_held(way) {
                continue;
            }
            match lane.queue.front() {
                Some((when, _)) if *when > Instant::now() => {
                    *due = Some(due.map_or(*when, |due: Instant| due.min(*when)));
                }
                Some(_) => sockets.push(PollFd::new(to, PollFlags::OUT)),
                None => {}
            }
        }
    }

    /// Does what can be done now. An error means that the connection is over.
    fn turn(&mut self, state: &mut State, cut: &mut Option<Cut>) -> Result<(), Broken> {
        for way in WAYS {
            self.take_in(way, state)?;
            if cut.is_none() && !self.ended {
                self.give_out(way, state, cut)?;
            }
        }
        let over = self.lanes.iter().all(|lane| lane.eof && (lane.passed_eof || self.ended));
        if over { Err(Broken) } else { Ok(()) }
    }

    fn take_in(&mut self, way: Direction, state: &mut State) -> Result<(), Broken> {
        let mut buffer = [0; 16 * 1024];
        while !self.lanes[way as usize].eof && self.lanes[way as usize].held < HELD_AT_MOST {
            let read = rustix::io::read(self.ends(way).0, &mut buffer);
            let lane = &mut self.lanes[way as usize];
            match read {
                Ok(0) => lane.eof = true,
                Ok(_) if self.ended => {}
                Ok(size) => {
                    lane.held += size;
                    lane.queue
                        .push_back((Instant::now() + state.delay[way as usize], buffer[..size].to_vec()));
                    match way {
                        Direction::ToServer => state.counts.from_client += size as u64,
                        Direction::ToClient => state.counts.from_server += size as u64,
                    }
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                // One side has reset: so do we to the other. What it had sent before is lost, as it may be anywhere.
                Err(_) => return self.fail(),
            }
        }
        Ok(())
    }

    fn give_out(&mut self, way: Direction, state: &mut State, cut: &mut Option<Cut>) -> Result<(), Broken> {
        while let Some((due, bytes)) = self.lanes[way as usize].queue.front_mut() {
            if state.is_held(way) || *due > Instant::now() {
                return Ok(());
            }
            let allowed = state.cut_after[way as usize].map_or(u64::MAX, |(left, _)| left);
            let allowed = allowed.min(state.ration[way as usize].unwrap_or(u64::MAX));
            let size = bytes.len().min(usize::try_from(allowed).unwrap_or(usize::MAX));
            let bytes = bytes[..size].to_vec();
            // Before the write: whoever has the answer must find it counted.
            let answered = way == Direction::ToClient && self.asked && size > 0;
            state.counts.round_trips += u64::from(answered);
            let written = if size == 0 { Ok(0) } else { rustix::io::write(self.ends(way).1, &bytes) };
            let written = match written {
                Ok(written) => written,
                Err(Errno::AGAIN | Errno::INTR) => {
                    state.counts.round_trips -= u64::from(answered);
                    return Ok(());
                }
                Err(_) => return self.fail(),
            };
            if written > 0 {
                self.asked = way == Direction::ToServer;
            }
            self.account(way, &bytes[..written], state);
            if let Some(left) = &mut state.ration[way as usize] {
                *left -= written as u64;
            }
            if let Some((left, how)) = &mut state.cut_after[way as usize] {
                *left -= written as u64;
                if *left == 0 {
                    *cut = Some(*how);
                    state.cut_after[way as usize] = None;
                    return Ok(());
                }
            }
        }
        if state.is_held(way) {
            return Ok(());
        }
        let lane = &mut self.lanes[way as usize];
        if lane.eof && !lane.passed_eof {
            lane.passed_eof = true;
            let _ = shutdown(self.ends(way).1, Shutdown::Write);
        }
        Ok(())
    }

    /// Books what has gone on.
    fn account(&mut self, way: Direction, bytes: &[u8], state: &mut State) {
        let lane = &mut self.lanes[way as usize];
        lane.held -= bytes.len();
        if let Some((_, front)) = lane.queue.front_mut() {
            front.drain(..bytes.len());
            if front.is_empty() {
                lane.queue.pop_front();
            }
        }
        match way {
            Direction::ToServer => state.counts.to_server += bytes.len() as u64,
            Direction::ToClient => state.counts.to_client += bytes.len() as u64,
        }
        if let Some(recorded) = &mut state.recorded {
            recorded.push(Piece { connection: self.number, direction: way, bytes: bytes.to_vec() });
        }
    }

    /// Says the end to both sides, and from now on only reads.
    fn finish(&mut self) {
        self.ended = true;
        for lane in &mut self.lanes {
            lane.queue.clear();
            lane.held = 0;
        }
        for end in [&self.client, &self.server] {
            let _ = shutdown(end, Shutdown::Write);
        }
    }

    fn fail(&self) -> Result<(), Broken> {
        no_linger(&self.client);
        no_linger(&self.server);
        Err(Broken)
    }

    fn reset(self) {
        let _ = self.fail();
    }
}

/// Closing then sends a reset; a Unix socket knows no such thing.
fn no_linger(socket: impl AsFd) {
    let _ = set_socket_linger(socket, Some(Duration::ZERO));
}
