//! A listener that outlives its connection: nothing is missing without a gap that says so.

use pg_core::listener::Signal;
use pg_tests::clients::{block_on, pg_async, pg_blocking};
use pg_tests::relay::{Cut, Relay};
use pg_tests::server::{Database, Server};
use std::time::Duration;

/// What a listener is, in both clients.
trait Hears: Sized {
    async fn open(url: &str, channels: &[&str]) -> Self;
    async fn hear(&mut self) -> Signal;
    async fn also(&mut self, channel: &str);
}

impl Hears for pg_blocking::Listener {
    async fn open(url: &str, channels: &[&str]) -> Self {
        let config = pg_blocking::Config::new(url).unwrap();
        let listener = pg_blocking::Listener::connect(&config, channels).unwrap();
        listener.heartbeat(Duration::from_millis(100), Duration::from_millis(100))
    }

    async fn hear(&mut self) -> Signal {
        self.next().unwrap()
    }

    async fn also(&mut self, channel: &str) {
        self.listen(channel).unwrap();
    }
}

impl Hears for pg_async::Listener {
    async fn open(url: &str, channels: &[&str]) -> Self {
        let config = pg_async::Config::new(url).unwrap();
        let listener = pg_async::Listener::connect(&config, channels).await.unwrap();
        listener.heartbeat(Duration::from_millis(100), Duration::from_millis(100))
    }

    async fn hear(&mut self) -> Signal {
        self.next().await.unwrap()
    }

    async fn also(&mut self, channel: &str) {
        self.listen(channel).await.unwrap();
    }
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
    listener.also("d").await;
    relay.cut(Cut::Fin);
    assert!(matches!(listener.hear().await, Signal::Gap(_)));
    notifier.notify("d", "a channel that was added").unwrap();
    assert_eq!(payload(listener.hear().await), "a channel that was added");
}

#[test]
fn every_missing_payload_is_covered_by_a_gap_blocking() {
    pg_blocking::complete(every_missing_payload_is_covered_by_a_gap::<pg_blocking::Listener>());
}

#[test]
fn every_missing_payload_is_covered_by_a_gap_async() {
    block_on(every_missing_payload_is_covered_by_a_gap::<pg_async::Listener>());
}
