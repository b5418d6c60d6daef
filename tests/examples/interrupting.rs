//! Wait strategies: an interrupt that ends a blocking call and leaves its connection usable, and a wait of one's own.
//! `cargo run -p pg-tests --example interrupting`

use pg_blocking::wait::{self, Failure, Ready, Wait, WaitPoll, Wanted};
use pg_blocking::{Config, Result};
use pg_tests::server::Server;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

static WAITS: AtomicUsize = AtomicUsize::new(0);

/// Counts, and waits as `WaitPoll` does; a coroutine library would run something else meanwhile.
fn counting(fd: BorrowedFd<'_>, wanted: Wanted, until: Option<Instant>) -> Result<Ready, Failure> {
    WAITS.fetch_add(1, Ordering::Relaxed);
    WaitPoll::new().wait(fd, wanted, until)
}

fn main() -> Result<()> {
    let database = Server::shared().database();
    let config = Config::new(&database.url())?;

    // A handler of SIGINT would set this.
    let interrupt = Arc::new(AtomicBool::new(false));
    let mut client =
        wait::connect(&config, Arc::new(WaitPoll::new().interrupted_by(Arc::clone(&interrupt))))?;
    let user = std::thread::spawn(move || interrupt.store(true, Ordering::SeqCst));
    let start = Instant::now();
    if let Err(error) = client.execute("select pg_sleep(60)", ()) {
        println!("{:?}: {error}", error.kind());
    }
    println!("before the minute was over: {}", start.elapsed() < Duration::from_secs(60));
    let _ = user.join();
    println!("and it goes on: {}", client.query_value::<i32>("select 1 + 1", ())?);

    // Another strategy for the same connection.
    client.get_mut().set_wait(Some(Arc::new(counting)));
    client.query_value::<i32>("select 3", ())?;
    println!("waits of the next call: {}", WAITS.load(Ordering::Relaxed));
    Ok(())
}
