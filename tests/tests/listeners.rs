//! A listener that outlives its connection: nothing is missing without a gap that says so.

use pg_core::ErrorKind;
use pg_core::listener::Signal;
use pg_tests::clients::{block_on, pg_async, pg_blocking};
use pg_tests::fake_server::{FakeServer, Peer, message};
use pg_tests::listeners::Hears;
use pg_tests::relay::{Cut, Direction, Relay};
use pg_tests::server::{Database, Server};
use pg_tests::soak::listening_under_kills;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Makes a test for each client of a body `async fn<L: Hears>()`.
macro_rules! each_listener {
    ($($body:ident),+ $(,)?) => { $(
        mod $body {
            use super::*;

            #[test]
            fn blocking() {
                pg_blocking::Listener::run(super::$body::<pg_blocking::Listener>());
            }

            #[test]
            fn asynchronous() {
                pg_async::Listener::run(super::$body::<pg_async::Listener>());
            }
        }
    )+ };
}

fn notifier(database: &Database) -> pg_blocking::Client {
    pg_blocking::Config::new(&database.url()).unwrap().connect().unwrap()
}

fn payload(signal: Signal) -> String {
    match signal {
        Signal::Notification(notification) => notification.payload,
        other => panic!("{other:?}"),
    }
}

/// A channel that is added is listened to by the connections to come, too.
async fn a_channel_that_was_added_is_heard_after_a_loss<L: Hears>() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let mut listener = L::open(&relay.url(&database), &["c"]).await;
    listener.also("d").await.unwrap();
    relay.cut(Cut::Fin);
    assert!(matches!(listener.hear().await, Signal::Gap(_)));
    notifier(&database).notify("d", "a channel that was added").unwrap();
    assert_eq!(payload(listener.hear().await), "a channel that was added");
}

/// A link over which nothing comes any more, without an end that anybody is told of.
async fn a_half_open_link_is_found_and_so_is_one_that_stalls_in_the_login<L: Hears>() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let mut listener = L::open(&relay.url(&database), &["c"]).await;
    relay.stall(Direction::ToClient);
    // The first link, a request to cancel what is asked over it, and two more in which no login comes to its end.
    let relay = Arc::new(relay);
    let releases = Arc::clone(&relay);
    let releaser = std::thread::spawn(move || {
        releases.wait_until(|counts| counts.connections >= 4);
        releases.release();
    });
    let gap = listener.hear().await;
    assert!(matches!(gap, Signal::Gap(_)), "{gap:?}");
    releaser.join().unwrap();
    notifier(&database).notify("c", "after it").unwrap();
    assert_eq!(payload(listener.hear().await), "after it");
}

/// Names that can't be those of channels are refused, connected or not, and change nothing.
async fn a_name_that_cannot_be_one_is_refused_while_there_is_no_connection<L: Hears>() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let mut listener = L::open(&relay.url(&database), &["c"]).await;
    for is_cut in [false, true] {
        if is_cut {
            relay.cut(Cut::Fin);
            // It notices the loss.
            listener.also("d").await.unwrap();
        }
        for name in ["", "a\0b", "y".repeat(64).as_str()] {
            assert_eq!(listener.also(name).await.unwrap_err().kind(), ErrorKind::Usage);
            assert_eq!(listener.no_longer(name).await.unwrap_err().kind(), ErrorKind::Usage);
        }
    }
    listener.no_longer("c").await.unwrap();
    assert!(matches!(listener.hear().await, Signal::Gap(_)));
    let mut notifier = notifier(&database);
    notifier.notify("c", "nobody listens").unwrap();
    notifier.notify("d", "here").unwrap();
    assert_eq!(payload(listener.hear().await), "here");
}

fn throw_out(peer: &mut Peer) {
    peer.expect_startup();
    peer.login();
    peer.expect(b'Q');
    peer.send([message::command_complete("LISTEN"), message::ready_for_query(b'I')].concat());
    peer.close();
}

/// A server that lets everybody in and throws everybody out: pauses grow although each attempt succeeds.
async fn a_connection_that_is_lost_at_once_is_not_made_anew_at_once<L: Hears>() {
    const TIMES: usize = 5;
    let server = FakeServer::run(|peer| {
        throw_out(peer);
        let start = Instant::now();
        for _ in 0..TIMES {
            throw_out(&mut peer.accept());
        }
        start.elapsed()
    });
    let mut listener = L::open(&server.url(), &["c"]).await;
    for _ in 0..TIMES {
        assert!(matches!(listener.hear().await, Signal::Gap(_)));
    }
    // Half of 50, 100, 200 and 400 ms at least.
    let took = server.finish();
    assert!(took >= Duration::from_millis(375), "{took:?}");
}

each_listener!(
    a_channel_that_was_added_is_heard_after_a_loss,
    a_half_open_link_is_found_and_so_is_one_that_stalls_in_the_login,
    a_name_that_cannot_be_one_is_refused_while_there_is_no_connection,
    a_connection_that_is_lost_at_once_is_not_made_anew_at_once,
);

#[test]
fn every_missing_payload_is_covered_by_a_gap() {
    println!("{}", listening_under_kills::<pg_blocking::Listener>(20, 7));
    println!("{}", listening_under_kills::<pg_async::Listener>(20, 8));
}

/// As in a `select!` with something that comes often: no call is long enough to connect, or to wait for a heartbeat.
#[test]
fn calls_that_are_dropped_go_on_with_what_was_under_way() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    block_on(async {
        let mut listener = <pg_async::Listener as Hears>::open(&relay.url(&database), &["c"]).await;
        relay.delay(Direction::ToClient, Duration::from_millis(30));
        for is_cut in [true, false] {
            match is_cut {
                true => relay.cut(Cut::Fin),
                false => relay.stall(Direction::ToClient),
            }
            let before = relay.counts().connections;
            let start = Instant::now();
            loop {
                assert!(start.elapsed() < Duration::from_secs(20), "it never came to an end");
                match tokio::time::timeout(Duration::from_millis(10), listener.next()).await {
                    Ok(signal) => {
                        assert!(matches!(signal.unwrap(), Signal::Gap(_)));
                        break;
                    }
                    Err(_) if relay.counts().connections > before + 1 => relay.release(),
                    Err(_) => {}
                }
            }
        }
        relay.delay(Direction::ToClient, Duration::ZERO);
        notifier(&database).notify("c", "heard").unwrap();
        assert_eq!(payload(listener.next().await.unwrap()), "heard");
    });
}

#[test]
fn who_keeps_no_statements_can_not_listen() {
    let database = Server::shared().database();
    let url = database.url();
    let config = pg_blocking::Config::new(&url).unwrap().statement_cache_capacity(0);
    let blocking = pg_blocking::Listener::connect(&config, &["c"]).unwrap_err();
    let config = pg_async::Config::new(&url).unwrap().statement_cache_capacity(0);
    let asynchronous = block_on(pg_async::Listener::connect(&config, &["c"])).unwrap_err();
    for error in [blocking, asynchronous] {
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains("past the pooler"), "{error}");
    }
}

#[test]
fn why_there_is_no_connection_can_be_asked() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    block_on(async {
        let mut listener = <pg_async::Listener as Hears>::open(&relay.url(&database), &["c"]).await;
        assert!(listener.failure().is_none());
        drop(relay);
        while listener.failure().is_none() {
            let _ = tokio::time::timeout(Duration::from_millis(10), listener.next()).await;
        }
        let failure = listener.failure().unwrap().to_string();
        assert!(failure.contains("refused"), "{failure}");
    });
}
