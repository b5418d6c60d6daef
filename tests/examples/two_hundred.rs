//! Two hundred connections served by one thread, with the crate `mio`: each asks every 10 ms.
//! `cargo run --release -p pg-tests --example two_hundred [CONNECTIONS [SECONDS]]`

use mio::{Events, Interest, Poll, Token, unix::SourceFd};
use pg_blocking::nonblocking::{self, Client, Operation};
use pg_blocking::pg_core::exchange::{collect::Value, query::Request};
use pg_blocking::{Config, Result};
use pg_tests::server::{Options, Server};
use std::collections::VecDeque;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

type Ask = Request<'static, (i64,), Value<i64>>;
const EACH: Duration = Duration::from_millis(10);

/// A connection, and what it was asked: neither borrows the other.
struct Slot(Client, Option<Operation<Ask>>);

impl Slot {
    /// Goes on until there is nothing more to read or no room to send: 1 if the answer is complete.
    fn go_on(&mut self) -> Result<u64> {
        let Slot(client, Some(query)) = self else { return Ok(0) };
        let Some(answer) = client.poll(query)?.ready() else { return Ok(0) };
        assert_eq!(answer, 7);
        self.1 = None;
        Ok(1)
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut numbers = std::env::args().skip(1).map(|number| number.parse::<u64>());
    let (count, seconds) = (numbers.next().unwrap_or(Ok(200))?, numbers.next().unwrap_or(Ok(2))?);
    let server = Server::start(Options::new().set("max_connections", &(count + 10).to_string()))?;
    let (database, mut poll, mut slots) = (server.database(), Poll::new()?, Vec::new());
    let interest = Interest::READABLE | Interest::WRITABLE;
    for key in 0..count as usize {
        let client = nonblocking::connect(&Config::new(&database.url())?).wait()?;
        poll.registry().register(&mut SourceFd(&client.as_fd().as_raw_fd()), Token(key), interest)?;
        slots.push(Slot(client, None));
    }
    let (mut events, mut asked, start) = (Events::with_capacity(slots.len()), 0, Instant::now());
    let mut due: VecDeque<_> = (0..slots.len()).map(|key| (start, key)).collect();
    while start.elapsed() < Duration::from_secs(seconds) {
        while let Some((when, key)) = due.front().copied().filter(|(when, _)| *when <= Instant::now()) {
            due.pop_front();
            due.push_back((when + EACH, key));
            if let Slot(client, asks @ None) = &mut slots[key] {
                *asks = Some(client.start(Request::new("select $1::int8", (7,), Value::default())));
                asked += slots[key].go_on()?;
            }
        }
        let next = due.front().map(|(when, _)| when.saturating_duration_since(Instant::now()));
        poll.poll(&mut events, next)?;
        for event in &events {
            asked += slots[event.token().0].go_on()?;
        }
    }
    println!("{count} connections, one thread: {asked} queries in {seconds} s");
    Ok(())
}
