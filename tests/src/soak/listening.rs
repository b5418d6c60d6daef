//! A listener, while its sessions, links and server are killed at random: a payload that is missing lies before a gap.

use crate::listeners::Hears;
use crate::relay::{Cut, Direction, Relay};
use crate::seed::Rng;
use crate::server::{Database, Options, Server, Stop};
use pg_blocking::Client;
use pg_core::listener::Signal;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// The payload that ends it.
const END: &str = "end";

enum Told {
    Number(u64),
    Gap,
}

/// What was heard so far of numbers that are notified one after the other.
struct Heard {
    told: Receiver<Told>,
    next: u64,
    /// There was a gap since the last number.
    has_gap: bool,
    missing: u64,
    gaps: u64,
}

impl Heard {
    /// Takes what is told next, and judges it.
    fn take(&mut self, what: &str) {
        match self.told.recv_timeout(PATIENCE) {
            Ok(Told::Gap) => {
                self.gaps += 1;
                self.has_gap = true;
            }
            Ok(Told::Number(number)) => {
                assert!(number >= self.next, "{number} came after {}: {what}", self.next);
                assert!(
                    number == self.next || self.has_gap,
                    "{} is missing before {number}, and no gap: {what}",
                    self.next
                );
                self.missing += number - self.next;
                (self.next, self.has_gap) = (number + 1, false);
            }
            Err(error) => panic!("nothing was heard in {PATIENCE:?}, nor a gap ({error}): {what}"),
        }
    }

    /// Takes all numbers below this, or up to a gap in which they may be; whether they have come.
    fn take_all(&mut self, upto: u64, what: &str) -> bool {
        let gaps = self.gaps;
        while self.next < upto && self.gaps == gaps {
            self.take(what);
        }
        self.next == upto
    }
}

/// Kills so often while a listener listens; what was killed, and what was heard.
///
/// # Panics
/// If a payload is missing without a gap, or comes twice or late.
pub fn listening_under_kills<L: Hears>(kills: u64, seed: u64) -> String {
    let server = Server::start(Options::new()).unwrap_or_else(|error| panic!("{error}"));
    let database = server.database();
    let relay = Relay::to(&database);
    let (tell, told) = channel();
    let url = relay.url(&database);
    let listener = std::thread::spawn(move || L::run(listen::<L>(&url, tell)));
    let mut heard = Heard { told, next: 0, has_gap: false, missing: 0, gaps: 0 };
    heard.take("the first connection");

    let mut rng = Rng::new(seed);
    let mut notifier = connect(&database);
    let mut sent = 0;
    let mut notify = |notifier: &mut Client, count: u64| {
        for _ in 0..count {
            notifier.notify("c", &sent.to_string()).unwrap_or_else(|error| panic!("{error}"));
            sent += 1;
        }
        sent
    };
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for kill in 0..kills {
        // One at least comes, or a gap: those before may all be missing.
        let upto = notify(&mut notifier, 1 + rng.below(3));
        if rng.below(2) == 0 {
            heard.take_all(upto, "before a kill");
        }
        let gaps = heard.gaps;
        let kind = rng.pick(&["session", "link reset", "link closed", "link silent", "login cut", "server"]);
        match kind {
            "session" => terminate(&mut notifier),
            "link reset" => relay.cut(Cut::Reset),
            "link closed" => relay.cut(Cut::Fin),
            "link silent" => {
                let before = relay.counts().connections;
                relay.stall(Direction::ToClient);
                notify(&mut notifier, 1);
                // A request to cancel what is asked over it, and one or two in which no login comes to its end.
                let more = 2 + rng.below(2);
                relay.wait_until(|counts| counts.connections >= before + more);
                relay.release();
            }
            "login cut" => {
                relay.cut(Cut::Reset);
                relay.cut_after(Direction::ToClient, 1 + rng.below(400), Cut::Reset);
            }
            _ => {
                let how = rng.pick(&[Stop::Fast, Stop::Immediate]);
                server
                    .stop(how)
                    .and_then(|()| server.start_again())
                    .unwrap_or_else(|error| panic!("{error}"));
                notifier = connect(&database);
            }
        }
        // Nobody listens yet, or somebody does again.
        notify(&mut notifier, rng.below(4));
        while heard.gaps == gaps {
            heard.take(&format!("kill {kill}, of the {kind}, seed {seed}"));
        }
        *counts.entry(kind).or_default() += 1;
    }

    // A cut that still waits for its bytes doesn't come any more.
    relay.cut_after(Direction::ToClient, u64::MAX, Cut::Reset);
    let mut upto = notify(&mut notifier, 1);
    while !heard.take_all(upto, "the last payload") {
        upto = notify(&mut notifier, 1);
    }
    notifier.notify("c", END).unwrap_or_else(|error| panic!("{error}"));
    if let Err(panicked) = listener.join() {
        std::panic::resume_unwind(panicked);
    }
    let Heard { missing, gaps, .. } = heard;
    format!(
        "{}: killed {counts:?}; of {upto} payloads {missing} are missing, all of them before one of {gaps} gaps",
        L::NAME
    )
}

/// Tells what it hears; first, as a gap, that it listens.
async fn listen<L: Hears>(url: &str, tell: Sender<Told>) {
    let mut listener = L::open(url, &["c"]).await;
    let mut told = tell.send(Told::Gap);
    // Nobody waits any longer after a failure.
    while told.is_ok() {
        told = match listener.hear().await {
            Signal::Notification(notification) if notification.payload == END => return,
            Signal::Notification(notification) => match notification.payload.parse() {
                Ok(number) => tell.send(Told::Number(number)),
                Err(error) => panic!("{:?}: {error}", notification.payload),
            },
            Signal::Gap(_) => tell.send(Told::Gap),
            Signal::Lost(count) => panic!("{count} found no room"),
        };
    }
}

fn connect(database: &Database) -> Client {
    let config = pg_blocking::Config::new(&database.url());
    config.and_then(|config| config.connect()).unwrap_or_else(|error| panic!("{error}"))
}

/// Ends all sessions of the database but the one that asks, and waits until they are gone.
fn terminate(notifier: &mut Client) {
    let others = "select pg_terminate_backend(pid, 10000) from pg_stat_activity \
                  where datname = current_database() and pid <> pg_backend_pid()";
    notifier.query_values::<bool>(others, ()).unwrap_or_else(|error| panic!("{error}"));
}
