//! The seed page's `wait()` loop: connect, ask and listen by polling, with nothing but poll(2).
//! `cargo run -p pg-tests --example wait_loop`

use pg_blocking::nonblocking::{self, Client, Operation, Polled};
use pg_blocking::pg_core::exchange::{Exchange, batch::Batch, collect::Value, query::Request, waiting::Hear};
use pg_blocking::{Config, Result};
use pg_tests::server::Server;
use rustix::event::{PollFd, PollFlags, poll};
use std::os::fd::AsFd;

fn ready(fd: impl AsFd, writing: bool) {
    // Room to send is waited for together with something to read, never alone.
    let events = if writing { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
    poll(&mut [PollFd::new(&fd, events)], None).expect("poll(2)");
}

fn wait<E: Exchange>(client: &mut Client, operation: &mut Operation<E>) -> Result<E::Output> {
    loop {
        match client.poll(operation)? {
            Polled::Ready(output) => return Ok(output),
            other => ready(&*client, other.is_write()),
        }
    }
}

fn main() -> Result<()> {
    let database = Server::shared().database();
    let mut connecting = nonblocking::connect(&Config::new(&database.url())?);
    let mut client = loop {
        match connecting.poll()? {
            Polled::Ready(client) => break client,
            other => ready(connecting.as_fd(), other.is_write()),
        }
    };

    let sql = "select 42 from pg_sleep(0.1)";
    let mut query = client.start(Request::new(sql, (), Value::<i32>::default()));
    let answer = wait(&mut client, &mut query)?;
    println!("{sql}: {answer}; executing: {}", client.is_executing());

    let mut listen = client.start(Batch::new("listen test; notify test, 'hello'"));
    wait(&mut client, &mut listen)?;
    let mut hear = client.start(Hear::within(None));
    println!("{:?}", wait(&mut client, &mut hear)?);
    Ok(())
}
