//! The world between a client and the model server: bytes on their way in both directions, cancel requests on links
//! of their own, and the moments at which something happens.

use super::clock::{self, MILLISECOND, Moment, SECOND};
use super::faults::Outcome;
use super::server::Model;
use super::tls::Peer;
use pg_core::protocol::gate::{Gate, Passage};
use pg_tests::seed::Rng;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How the link is, and what else happens on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    /// How long bytes are on their way, in microseconds.
    pub(super) latency: u64,
    /// How many bytes one read gives at most.
    pub(super) read: u64,
    /// Reads end where messages end, as far as these are there and fit.
    pub(super) aligned: bool,
    /// How many bytes one write takes at most.
    pub(super) write: u64,
    /// After how many reads of a thousand the rest of the bytes is late.
    pub(super) gaps: u64,
    /// How many bytes may be on their way in a direction.
    pub(super) capacity: usize,
    /// How often, in a thousand events, another task sends a cancel request.
    pub(super) cancels: u64,
    /// How many of a thousand cancel requests nobody answers.
    pub(super) lost_cancels: u64,
}

impl Weather {
    pub(super) fn random(rng: &mut Rng) -> Weather {
        let any = 1 << 20;
        let mut weather = Weather {
            latency: rng.pick(&[0, 0, 100, 2 * MILLISECOND]),
            read: rng.pick(&[any, any, any, 1000, 40, 7, 1]),
            aligned: rng.in_thousand(200),
            write: rng.pick(&[any, any, any, 100, 5]),
            gaps: rng.pick(&[0, 0, 30, 300]),
            capacity: rng.pick(&[64, 1000, any.try_into().expect("fits"), any.try_into().expect("fits")]),
            cancels: rng.pick(&[0, 0, 0, 30]),
            lost_cancels: 0,
        };
        if weather.read < any && weather.gaps > 0 {
            // A link so slow holds no megabyte, which would arrive later than a client waits for what it cancelled.
            weather.capacity = weather.capacity.min(1 << 16);
        }
        weather
    }

    /// Whether time passes between a byte and the next one.
    pub(super) fn is_trickle(self) -> bool {
        self.read < 1000 && self.gaps > 0
    }
}

/// How many reads, writes and waits no call needs, not even one whose megabyte comes byte by byte.
const SPINS: u64 = 5_000_000;

#[derive(Debug)]
struct Cancel {
    number: u64,
    /// The newest call when it set out.
    newest: u64,
    request: Vec<u8>,
    arrives: Moment,
    has_arrived: bool,
    /// Nobody will answer it.
    lost: bool,
    passage: Option<Passage>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct World {
    pub(super) now: Moment,
    pub(super) server: Model,
    /// Where TLS is asked for: what stands before the server.
    pub(super) tls: Option<Peer>,
    weather: Weather,
    rng: Rng,
    up: VecDeque<(Moment, Vec<u8>)>,
    up_bytes: usize,
    down: VecDeque<u8>,
    /// Where messages in it end, counted from the first byte that was ever read.
    ends: VecDeque<u64>,
    was_read: u64,
    /// When the client can read what is on its way.
    down_at: Moment,
    cancels: Vec<Cancel>,
    cancel_count: u64,
    /// The number of the newest call.
    pub(super) newest: u64,
    /// A request's end was never seen, so that its session must end.
    pub(super) cancel_was_lost: bool,
    /// What another task would cancel with.
    token: Option<(Gate, Vec<u8>)>,
    /// Until when whoever runs a blocking call waits for it.
    patience: Moment,
    /// A statement of this call was cancelled, since it went on and on.
    interrupted: bool,
    /// What a client waits for that said so: something to read, or (true) room to send as well.
    pub(super) awaited: Option<bool>,
    /// The most room for a read that the client ever offered.
    pub(super) most_space: usize,
    /// Reads and writes that moved nothing, and waits, since a call began. What a server sends has an end, one byte at a
    /// time too.
    steps: u64,
}

impl World {
    fn new(server: Model, tls: Option<Peer>, weather: Weather, rng: Rng) -> World {
        clock::set(Moment(0));
        World {
            now: Moment(0),
            server,
            tls,
            weather,
            rng,
            up: VecDeque::new(),
            up_bytes: 0,
            down: VecDeque::new(),
            ends: VecDeque::new(),
            was_read: 0,
            down_at: Moment(0),
            cancels: Vec::new(),
            cancel_count: 0,
            newest: 0,
            cancel_was_lost: false,
            token: None,
            patience: Moment(0),
            interrupted: false,
            awaited: None,
            most_space: 0,
            steps: 0,
        }
    }

    /// Writes what fits.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.step();
        if matches!(self.server.end, Some(Outcome::Fin | Outcome::Reset)) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let room = self.weather.capacity.saturating_sub(self.up_bytes);
        let most = usize::try_from(1 + self.rng.below(self.weather.write)).unwrap_or(usize::MAX);
        let count = bytes.len().min(room).min(if self.weather.write > 1000 { usize::MAX } else { most });
        if count == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.up.push_back((self.now + self.weather.latency, bytes[..count].to_vec()));
        self.up_bytes += count;
        self.steps -= u64::from(count > 0);
        self.happen();
        Ok(count)
    }

    /// Reads what came.
    pub(super) fn receive(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.step();
        self.most_space = self.most_space.max(space.len());
        if self.down.is_empty() {
            return match self.server.end {
                Some(Outcome::Fin) => Ok(0),
                Some(Outcome::Reset) => Err(io::ErrorKind::ConnectionReset.into()),
                Some(Outcome::Silence) | None => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        if self.down_at > self.now {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let most = if self.weather.read > 1000 { u64::MAX } else { 1 + self.rng.below(self.weather.read) };
        let count = space.len().min(self.down.len()).min(usize::try_from(most).unwrap_or(usize::MAX));
        let count = self.aligned(count);
        let (front, back) = self.down.as_slices();
        let split = count.min(front.len());
        space[..split].copy_from_slice(&front[..split]);
        space[split..count].copy_from_slice(&back[..count - split]);
        self.down.drain(..count);
        self.was_read += count as u64;
        self.steps -= u64::from(count > 0);
        if self.rng.in_thousand(self.weather.gaps) {
            self.down_at = self.now + 1 + self.rng.below(50);
        }
        self.happen();
        Ok(count)
    }

    /// So many bytes, or fewer, up to the last end of a message among them.
    fn aligned(&mut self, count: usize) -> usize {
        let mut aligned = None;
        while let Some(end) = self.ends.front().and_then(|end| usize::try_from(end - self.was_read).ok())
            && end <= count
        {
            aligned = Some(end);
            self.ends.pop_front();
        }
        match aligned {
            Some(aligned) if self.weather.aligned && aligned > 0 => aligned,
            _ => count,
        }
    }

    /// Lets the world go on to the next moment at which something happens, `until` at the latest; false if nothing
    /// will ever happen.
    pub(super) fn pass(&mut self, until: Option<Moment>) -> bool {
        self.step();
        if self.weather.cancels > 0 && self.rng.in_thousand(self.weather.cancels) {
            self.cancel_from_elsewhere();
        }
        let up = self.up.front().map(|(at, _)| *at);
        let down = (!self.down.is_empty()).then_some(self.down_at);
        let cancel = self.cancels.iter().map(|cancel| cancel.arrives).filter(|at| *at > self.now).min();
        let moments =
            [up, down, cancel, clock::next_timer(), until, self.server.wakes(), self.server.speaks()];
        let Some(next) = moments.into_iter().flatten().filter(|at| *at > self.now).min() else {
            return false;
        };
        self.now = next;
        clock::set(next);
        self.happen();
        true
    }

    /// A call begins; whoever runs it, if it blocks, waits so long.
    pub(super) fn begin_call(&mut self, patience: u64) {
        self.patience = self.now + patience;
        self.interrupted = false;
        self.steps = 0;
    }

    /// Something was done. A client that goes on and on without an end to it spins.
    fn step(&mut self) {
        self.steps += 1;
        // Once: what unwinds says farewell.
        assert!(
            self.steps != SPINS,
            "a call has taken {SPINS} reads and writes of nothing, and waits, and goes on"
        );
    }

    /// A blocking call waits until something happens, the deadline at the latest. At the end of its patience somebody
    /// else cancels a statement that would take for ever; and a link on which nothing comes is given up, as the system
    /// does it.
    pub(super) fn wait(&mut self, deadline: Option<Moment>) -> io::Result<()> {
        if let Some(until) = deadline.or((self.now < self.patience).then_some(self.patience)) {
            self.pass(Some(until));
            return Ok(());
        }
        if self.server.runs_for_ever() && self.token.is_some() && !self.interrupted {
            self.cancel_from_elsewhere();
            self.interrupted = true;
            self.patience = self.now + 20 * SECOND;
            return Ok(());
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Whether time passes between a byte and the next one.
    pub(super) fn is_trickle(&self) -> bool {
        self.weather.is_trickle()
    }

    /// Whether a write takes all there is room for.
    pub(super) fn writes_whole(&self) -> bool {
        self.weather.write > 1000
    }

    /// Whether what is waited for has come; anything, where nobody said for what.
    pub(super) fn has_come(&self) -> bool {
        self.awaited.is_none_or(|writing| self.is_readable() || writing && self.is_writable())
    }

    /// Whether a read would not wait.
    pub(super) fn is_readable(&self) -> bool {
        match self.down.is_empty() {
            true => matches!(self.server.end, Some(Outcome::Fin | Outcome::Reset)),
            false => self.down_at <= self.now,
        }
    }

    /// Whether a write would not wait.
    pub(super) fn is_writable(&self) -> bool {
        self.up_bytes < self.weather.capacity
            || matches!(self.server.end, Some(Outcome::Fin | Outcome::Reset))
    }

    /// What is due happens.
    fn happen(&mut self) {
        let (now, latency) = (self.now, self.weather.latency);
        for cancel in self.cancels.iter_mut().filter(|cancel| cancel.arrives <= now) {
            match (cancel.has_arrived, cancel.lost) {
                (false, false) => {
                    self.server.cancel(&cancel.request, cancel.newest);
                    cancel.arrives = now + 1 + latency;
                }
                // Whoever sent it waits so long.
                (false, true) => cancel.arrives = now + 10 * SECOND,
                (true, false) => cancel.passage.take().into_iter().for_each(Passage::arrived),
                (true, true) => {
                    self.cancel_was_lost = true;
                    drop(cancel.passage.take());
                }
            }
            cancel.has_arrived = true;
        }
        self.cancels.retain(|cancel| cancel.passage.is_some());
        self.server.newest_before_cancel = self.cancels.iter().map(|cancel| cancel.newest).min();
        loop {
            if self.down.len() + self.server.out.len() <= self.weather.capacity && self.server.work(now) {
                continue;
            }
            self.flush();
            // A server that waits for room, or in a statement, doesn't read.
            let reads = self.server.wakes().is_none() && self.down.len() <= self.weather.capacity;
            match self.up.front() {
                Some((at, _)) if *at <= now && reads => {
                    let Some((_, bytes)) = self.up.pop_front() else { return };
                    self.up_bytes -= bytes.len();
                    match &mut self.tls {
                        None => self.server.receive(&bytes),
                        Some(tls) => {
                            let bytes = tls.open(&bytes, &mut self.server.complaint);
                            self.server.receive(&bytes);
                        }
                    }
                }
                _ => return,
            }
        }
    }

    fn flush(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.seal(&mut self.server);
            self.server.ends.clear();
        }
        let before = self.was_read + self.down.len() as u64;
        self.ends.extend(self.server.ends.drain(..).map(|end| before + end as u64));
        if self.server.out.is_empty() {
            return;
        }
        if self.down.is_empty() {
            self.down_at = self.now + self.weather.latency;
        }
        self.down.extend(self.server.out.drain(..));
    }

    /// No other task cancels any more, and nothing more goes wrong: what has, has.
    pub(super) fn calm_down(&mut self) {
        self.weather.cancels = 0;
        self.server.calm_down();
        self.tls.iter_mut().for_each(Peer::spare);
    }

    /// From now on another task may cancel, as the weather has it.
    pub(super) fn hand_out_token(&mut self, gate: Gate, request: Vec<u8>) {
        self.token = Some((gate, request));
    }

    fn cancel_from_elsewhere(&mut self) {
        if let Some((gate, request)) = self.token.clone() {
            let passage = gate.pass();
            self.cancel(request, passage);
        }
    }

    /// A cancel request sets out on a link of its own; gives its number.
    pub(super) fn cancel(&mut self, request: Vec<u8>, passage: Passage) -> u64 {
        self.cancel_count += 1;
        self.cancels.push(Cancel {
            number: self.cancel_count,
            newest: self.newest,
            request,
            arrives: self.now + 1 + self.weather.latency,
            has_arrived: false,
            lost: self.rng.in_thousand(self.weather.lost_cancels),
            passage: Some(passage),
        });
        self.cancel_count
    }

    /// Whether a cancel request is still on its way.
    pub(super) fn is_cancelling(&self, number: u64) -> bool {
        self.cancels.iter().any(|cancel| cancel.number == number)
    }

    /// Nobody waits for the request's end any longer.
    pub(super) fn give_cancel_up(&mut self, number: u64) {
        self.cancel_was_lost = true;
        self.cancels.retain(|cancel| cancel.number != number);
    }
}

/// The world, shared by the session and whoever drives it.
#[derive(Debug, Clone)]
pub(super) struct Net(Arc<Mutex<World>>);

impl Net {
    pub(super) fn new(server: Model, tls: Option<Peer>, weather: Weather, rng: Rng) -> Net {
        Net(Arc::new(Mutex::new(World::new(server, tls, weather, rng))))
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
