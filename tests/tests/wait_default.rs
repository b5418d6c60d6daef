//! The way of waiting that a whole process has, in a process of its own.

use pg_blocking::Config;
use pg_blocking::wait::{self, Failure, Ready, Wait, WaitPoll, Wanted};
use pg_tests::server::Server;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

static CALLS: AtomicUsize = AtomicUsize::new(0);

fn counted(fd: BorrowedFd<'_>, wanted: Wanted, deadline: Option<Instant>) -> Result<Ready, Failure> {
    CALLS.fetch_add(1, Ordering::Relaxed);
    WaitPoll::new().wait(fd, wanted, deadline)
}

#[test]
fn connections_take_the_default_of_when_they_are_opened() {
    let database = Server::shared().database();
    let config = Config::new(&database.url()).unwrap();
    let mut before = config.connect().unwrap();
    wait::set_default(Some(Arc::new(counted)));
    before.ping().unwrap();
    assert_eq!(CALLS.load(Ordering::Relaxed), 0);
    let mut client = config.connect().unwrap();
    let connecting = CALLS.load(Ordering::Relaxed);
    client.ping().unwrap();
    assert!(connecting > 0 && CALLS.load(Ordering::Relaxed) > connecting);
    wait::set_default(None);
    assert!(wait::default().is_none());
    let then = CALLS.load(Ordering::Relaxed);
    config.connect().unwrap().ping().unwrap();
    assert_eq!(CALLS.load(Ordering::Relaxed), then);
}
