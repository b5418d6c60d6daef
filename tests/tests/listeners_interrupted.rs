//! A blocking listener waits as its process does, between two connections too. In a process of its own, since the way of
//! waiting is the whole process's.

use pg_blocking::wait::{self, WaitPoll};
use pg_blocking::{Config, ErrorKind, Listener};
use pg_core::listener::Signal;
use pg_tests::relay::{Cut, Relay};
use pg_tests::server::Server;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn an_interrupt_ends_a_wait_for_a_server_that_is_away() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let flag = Arc::new(AtomicBool::new(false));
    wait::set_default(Some(Arc::new(WaitPoll::new().interrupted_by(Arc::clone(&flag)))));
    let config = Config::new(&relay.url(&database)).unwrap();
    let mut listener = Listener::connect(&config, &["c"]).unwrap();
    // While it is connected, and goes on.
    flag.store(true, Ordering::SeqCst);
    assert_eq!(listener.next().unwrap_err().kind(), ErrorKind::Interrupted);
    relay.cut(Cut::Fin);
    assert!(matches!(listener.next().unwrap(), Signal::Gap(_)));
    // Nobody is there to connect to.
    drop(relay);
    for _ in 0..2 {
        let interrupts = Arc::clone(&flag);
        let interrupter = std::thread::spawn(move || interrupts.store(true, Ordering::SeqCst));
        assert_eq!(listener.next().unwrap_err().kind(), ErrorKind::Interrupted);
        interrupter.join().unwrap();
    }
}
