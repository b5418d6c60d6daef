//! Two hundred connections that never wait, served by one thread, beside one that waits: the CPU time of a query.

use super::cpu_time;
use crate::server::{Options, Server};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use pg_blocking::nonblocking::{self, Client, Operation};
use pg_blocking::{Config, Result};
use pg_core::exchange::collect::Value;
use pg_core::exchange::query::Request;
use std::collections::VecDeque;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

type Ask = Request<'static, (i64,), Value<i64>>;

const SQL: &str = "select $1::int8";
const EACH: Duration = Duration::from_millis(10);

/// The limit of what a query of the many may cost, in queries of the one.
const LIMIT: f64 = 1.3;

/// In so many rounds the two take turns.
const ROUNDS: u32 = 5;

/// So many connections, each asked every 10 ms for so long in one thread, and one that is asked as often in all, one
/// question after the other.
///
/// # Panics
/// If a query of the many costs more than its limit.
pub fn many_connections(connections: usize, time: Duration) -> String {
    let measured = measure(connections, time).unwrap_or_else(|error| panic!("{error}"));
    let mut ratios: Vec<f64> = measured.iter().map(|(_, many, one)| many / one).collect();
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios[ratios.len() / 2];
    let asked: u32 = measured.iter().map(|(asked, ..)| asked).sum();
    let [many, one] = [0, 1].map(|which| {
        let mut each: Vec<f64> = measured.iter().map(|(_, many, one)| [*many, *one][which]).collect();
        each.sort_by(f64::total_cmp);
        each[each.len() / 2]
    });
    let told = format!(
        "{connections} connections, {asked} queries in {time:?}: {many:.1} us of CPU a query, one blocking connection {one:.1}; \
         ratio {ratio:.2}, of rounds {ratios:.2?}"
    );
    assert!(ratio <= LIMIT, "{told}");
    told
}

/// Of each round the number of queries, and microseconds of CPU a query of the many and of the one.
fn measure(connections: usize, time: Duration) -> Result<Vec<(u32, f64, f64)>> {
    let server = Server::start(Options::new().set("max_connections", &(connections + 10).to_string()));
    let server = server.unwrap_or_else(|error| panic!("{error}"));
    share_a_cpu(&server);
    let database = server.database();
    let config = Config::new(&database.url())?;
    let mut one = config.connect()?;
    let mut many = Many::connect(&config, connections)?;
    // What is done once: statements are prepared, memory is taken.
    many.serve(EACH * 10)?;
    one.query_value::<i64>(SQL, (7_i64,))?;
    let mut measured = Vec::new();
    for _ in 0..ROUNDS {
        let before = cpu_time();
        let asked = many.serve(time / ROUNDS)?;
        let between = cpu_time();
        for _ in 0..asked {
            assert_eq!(one.query_value::<i64>(SQL, (7_i64,))?, 7);
        }
        let each = |taken: Duration| taken.as_secs_f64() * 1e6 / f64::from(asked);
        measured.push((asked, each(between - before), each(cpu_time() - between)));
    }
    Ok(measured)
}

/// Puts this thread and the sessions to come on one CPU: to wake another up costs more than a query, and whether that has to be
/// done is chance.
fn share_a_cpu(server: &Server) {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::Pid;
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
        let pin = || -> rustix::io::Result<()> {
            let allowed = sched_getaffinity(None)?;
            let mut one = CpuSet::new();
            one.set((0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu)).unwrap_or_default());
            let postmaster = server.pid().and_then(|pid| pid.try_into().ok()).and_then(Pid::from_raw);
            sched_setaffinity(None, &one)?;
            sched_setaffinity(postmaster, &one)
        };
        pin().unwrap_or_else(|error| panic!("{error}"));
    }
    #[cfg(not(target_os = "linux"))]
    let _ = server;
}

/// A connection, and what it was asked.
struct Slot(Client, Option<Operation<Ask>>);

impl Slot {
    /// Goes on until there is nothing more to read or no room to send: 1 if the answer is complete.
    fn go_on(&mut self) -> Result<u32> {
        let Slot(client, Some(query)) = self else { return Ok(0) };
        let Some(answer) = client.poll(query)?.ready() else { return Ok(0) };
        assert_eq!(answer, 7);
        self.1 = None;
        Ok(1)
    }
}

struct Many {
    slots: Vec<Slot>,
    poll: Poll,
    events: Events,
}

impl Many {
    fn connect(config: &Config, count: usize) -> Result<Many> {
        let failed = |error: std::io::Error| -> ! { panic!("{error}") };
        let poll = Poll::new().unwrap_or_else(|error| failed(error));
        let interest = Interest::READABLE | Interest::WRITABLE;
        let mut slots = Vec::new();
        for key in 0..count {
            let client = nonblocking::connect(config).wait()?;
            let registered =
                poll.registry().register(&mut SourceFd(&client.as_fd().as_raw_fd()), Token(key), interest);
            registered.unwrap_or_else(|error| failed(error));
            slots.push(Slot(client, None));
        }
        Ok(Many { slots, poll, events: Events::with_capacity(count) })
    }

    /// Asks each every 10 ms, if it has answered; how many answers came.
    fn serve(&mut self, time: Duration) -> Result<u32> {
        let (mut asked, start) = (0, Instant::now());
        // They aren't asked all at once.
        let spread = EACH / u32::try_from(self.slots.len()).unwrap_or(1);
        let mut due: VecDeque<_> = (0..).map(|nth| start + spread * nth).zip(0..self.slots.len()).collect();
        loop {
            let is_over = start.elapsed() >= time;
            while let Some((when, key)) =
                due.front().copied().filter(|(when, _)| !is_over && *when <= Instant::now())
            {
                due.pop_front();
                due.push_back((when + EACH, key));
                if let Slot(client, asks @ None) = &mut self.slots[key] {
                    *asks = Some(client.start(Request::new(SQL, (7,), Value::default())));
                    asked += self.slots[key].go_on()?;
                }
            }
            if is_over && self.slots.iter().all(|Slot(_, asks)| asks.is_none()) {
                return Ok(asked);
            }
            let next = due.front().filter(|_| !is_over);
            let next = next.map(|(when, _)| when.saturating_duration_since(Instant::now()));
            if let Err(error) = self.poll.poll(&mut self.events, next) {
                assert_eq!(error.kind(), std::io::ErrorKind::Interrupted, "{error}");
            }
            for event in &self.events {
                asked += self.slots[event.token().0].go_on()?;
            }
        }
    }
}
