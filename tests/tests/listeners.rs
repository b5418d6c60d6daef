//! A listener that outlives its connection: nothing is missing without a gap that says so.

use pg_core::listener::Signal;
use pg_core::{ErrorKind, Result};
use pg_tests::clients::{block_on, pg_async, pg_blocking};
use pg_tests::fake_server::{FakeServer, Peer, message};
use pg_tests::relay::{Cut, Direction, Relay};
use pg_tests::server::{Database, Server};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a listener is, in both clients.
trait Hears: Sized {
    async fn open(url: &str, channels: &[&str]) -> Self;
    async fn next(&mut self) -> Result<Signal>;
    async fn also(&mut self, channel: &str) -> Result<()>;
    async fn no_longer(&mut self, channel: &str) -> Result<()>;

    async fn hear(&mut self) -> Signal {
        self.next().await.unwrap()
    }
}

/// How long a link may be silent, how long an answer may take, and how long a request to cancel.
const TIMES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(300), Duration::from_millis(100)];

impl Hears for pg_blocking::Listener {
    async fn open(url: &str, channels: &[&str]) -> Self {
        let config = pg_blocking::Config::new(url).unwrap().cancel_timeout(TIMES[2]);
        let listener = pg_blocking::Listener::connect(&config, channels).unwrap();
        listener.heartbeat(TIMES[0], TIMES[1])
    }

    async fn next(&mut self) -> Result<Signal> {
        self.next()
    }

    async fn also(&mut self, channel: &str) -> Result<()> {
        self.listen(channel)
    }

    async fn no_longer(&mut self, channel: &str) -> Result<()> {
        self.unlisten(channel)
    }
}

impl Hears for pg_async::Listener {
    async fn open(url: &str, channels: &[&str]) -> Self {
        let config = pg_async::Config::new(url).unwrap().cancel_timeout(TIMES[2]);
        let listener = pg_async::Listener::connect(&config, channels).await.unwrap();
        listener.heartbeat(TIMES[0], TIMES[1])
    }

    async fn next(&mut self) -> Result<Signal> {
        self.next().await
    }

    async fn also(&mut self, channel: &str) -> Result<()> {
        self.listen(channel).await
    }

    async fn no_longer(&mut self, channel: &str) -> Result<()> {
        self.unlisten(channel).await
    }
}

/// Makes a test for each client of a body `async fn<L: Hears>()`.
macro_rules! each_listener {
    ($($body:ident),+ $(,)?) => { $(
        mod $body {
            #[test]
            fn blocking() {
                super::pg_blocking::complete(super::$body::<super::pg_blocking::Listener>());
            }

            #[test]
            fn asynchronous() {
                super::block_on(super::$body::<super::pg_async::Listener>());
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

/// Kills of the server process, and of the link: a payload that is missing lies before a gap.
async fn every_missing_payload_is_covered_by_a_gap<L: Hears>() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let mut notifier = notifier(&database);
    let mut listener = L::open(&relay.url(&database), &["c"]).await;
    let mut sent = 0;
    for round in 0..20 {
        notifier.notify("c", &sent.to_string()).unwrap();
        assert_eq!(payload(listener.hear().await), sent.to_string());
        sent += 1;
        if round % 2 == 0 {
            let others = "select pg_terminate_backend(pid, 10000) from pg_stat_activity \
                          where datname = current_database() and pid <> pg_backend_pid()";
            notifier.query_values::<bool>(others, ()).unwrap();
        } else {
            relay.cut(Cut::Reset);
        }
        // Nobody listens now.
        notifier.notify("c", &sent.to_string()).unwrap();
        sent += 1;
        assert!(matches!(listener.hear().await, Signal::Gap(_)));
    }
    listener.also("d").await.unwrap();
    relay.cut(Cut::Fin);
    assert!(matches!(listener.hear().await, Signal::Gap(_)));
    notifier.notify("d", "a channel that was added").unwrap();
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
    every_missing_payload_is_covered_by_a_gap,
    a_half_open_link_is_found_and_so_is_one_that_stalls_in_the_login,
    a_name_that_cannot_be_one_is_refused_while_there_is_no_connection,
    a_connection_that_is_lost_at_once_is_not_made_anew_at_once,
);

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
