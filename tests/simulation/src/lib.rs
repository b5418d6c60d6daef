//! A client and an imagined server in one thread, under a fake clock: millions of runs, each of which its seed replays:
//! every call, moment and length. Only the keys of TLS, and so its ciphertext, are fresh each time.
//!
//! A run is a login and a few random calls of one of the three `clients` (blocking, async, non-blocking), whose very source
//! runs here over a `link` that splits and delays at random, to a model `server` that speaks the protocol from a state of
//! its own and answers a made-up `language` in which every call has one rightful answer. Any future or guard may be dropped
//! at any poll, and any statement cancelled by somebody else. One run in twenty plays a conversation that is `scripted`
//! instead, and another one has several `tasks` on one connection. One in twenty-five asks for `tls`, of a server that has
//! it, has it not, has a certificate that won't do, or is not alone on the line.
//!
//! # What is checked
//!
//! | [`Class`] | a call ends with | afterwards |
//! |---|---|---|
//! | `Correct` | its own rightful answer, its own error, or 57014 if the server did cancel it | the connection answers; no transaction, COPY or statement is open; nothing is owed |
//! | `Transport` | the same, or an error of the link, within its deadline | it answers, or it is closed and says so |
//! | `Order` | its own rows, or a typed error, and never the error of another call (unless the fault was done to a message that carries or describes rows or ends a statement, which nobody could tell) | as before |
//! | `Bytes` | anything: a changed value can't be told from a true one. Nothing panics or hangs, memory follows what was sent | as before |
//!
//! A fault that is done to the ciphertext of TLS, a flipped bit too, is judged as `Transport`: nothing that was changed
//! gets through.
//!
//! "Afterwards" is asked by a last call, once nothing goes wrong any more. Notifications are heard once each and in
//! order, as far as they came, and a cursor that nobody left open is closed.
//!
//! The server's journal is audited too: what was acknowledged is in it. In `Correct` and `Transport` also: what was undone
//! is not, what was done together is in it wholly or not at all, and a commit that took place is never told as a failure.
//! In all classes no error and no `Debug` shows the password, an error that says that the connection is closed is true,
//! no server is believed that claims SCRAM and doesn't prove it, and a call that spins or hangs is a finding.

mod behaviour;
mod checks;
mod clients;
mod clock;
pub mod faults;
mod language;
mod link;
mod logins;
pub mod messages;
mod scripted;
mod server;
pub mod soak;
mod tasks;
mod tls;
pub mod walk;

use behaviour::{Ended, Script, limited};
use clients::{Client, Flavour};
use clock::Moment;
use faults::{Class, Faults};
use link::{Net, Weather};
use logins::{Host, Login, Proof};
use pg_core::config::settings::Settings;
use pg_core::exchange::startup::{Credentials, Startup};
use pg_core::protocol::connection::Connection;
use pg_core::types::registry::{Registry, Scope};
use pg_core::wire::frame::Limits;
use pg_tests::seed::Rng;
use scripted::Conversation;
use server::{Model, Temper};
use std::fmt::{Display, Formatter};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{OnceLock, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;
use tls::{Peer, Terms};

const PASSWORD: &str = "swordfish";
/// How many runs of a thousand ask for TLS.
const ENCRYPTED: u64 = 40;
/// How long a blocking login waits, in microseconds; its own deadline is nearer.
const PATIENCE: u64 = 60_000_000;

/// What a number of runs came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs.
    pub runs: u64,
    /// Calls that ended with what was asked for.
    pub right: u64,
    /// Calls that ended with an error that they may end with.
    pub errors: u64,
    /// Calls that were dropped.
    pub dropped: u64,
    /// Runs in which a fault happened.
    pub faulty: u64,
    /// Runs after which the connection was closed.
    pub closed: u64,
    /// Runs over TLS.
    pub encrypted: u64,
    /// Bytes that the server sent.
    pub bytes: u64,
    /// Bytes of COPY data that were made to be handed to the client, or held against what came out.
    pub copied: u64,
    /// Maps that were asked for, each of which takes half a KB however short it is.
    pub maps: u64,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.runs += other.runs;
        self.right += other.right;
        self.errors += other.errors;
        self.dropped += other.dropped;
        self.faulty += other.faulty;
        self.closed += other.closed;
        self.encrypted += other.encrypted;
        self.bytes += other.bytes;
        self.copied += other.copied;
        self.maps += other.maps;
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "SIM_SEED={}: {}", self.seed, self.text)
    }
}

/// A run that broke a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What replays it.
    pub seed: u64,
    /// What was found, and what the client had done.
    pub text: String,
}

/// Runs the simulation with one seed.
///
/// # Errors
/// What was found.
pub fn run(class: Class, seed: u64) -> Result<Tally, Finding> {
    tell(class, seed).map(|(tally, _)| tally)
}

/// Runs the simulation with one seed, and tells what the client did, each call with the moment at which it began.
///
/// # Errors
/// What was found.
pub fn tell(class: Class, seed: u64) -> Result<(Tally, String), Finding> {
    match catch_unwind(AssertUnwindSafe(|| run_bare(class, seed))) {
        Ok(outcome) => outcome.map_err(|text| Finding { seed, text }),
        Err(panic) => {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(Finding { seed, text: format!("panic: {}", words.unwrap_or_default()) })
        }
    }
}

/// How many findings are worth looking at before more runs.
const MANY: usize = 20;

/// Runs seeds from `first` on, on as many threads as there are processors.
///
/// # Errors
/// What was found, by seeds; of more than 20 findings some.
pub fn run_many(class: Class, first: u64, count: u64) -> Result<Tally, Vec<Finding>> {
    let next = AtomicU64::new(first);
    let end = first.saturating_add(count);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let running: Vec<AtomicU64> = (0..workers).map(|_| AtomicU64::new(u64::MAX)).collect();
    let outcomes: Vec<(Tally, Vec<Finding>)> = thread::scope(|scope| {
        let (done, is_done) = mpsc::channel::<()>();
        let watched = &running;
        scope.spawn(move || watch(class, watched, &is_done));
        let next = &next;
        let work = |running: &AtomicU64| {
            let (mut tally, mut findings) = (Tally::default(), Vec::new());
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= end || findings.len() >= MANY {
                    return (tally, findings);
                }
                running.store(seed, Ordering::Relaxed);
                match run(class, seed) {
                    Ok(one) => tally.add(one),
                    Err(finding) => findings.push(finding),
                }
            }
        };
        let threads: Vec<_> = running.iter().map(|running| scope.spawn(move || work(running))).collect();
        let joined = threads.into_iter().map(|thread| thread.join().expect("panics are caught inside"));
        let outcomes = joined.collect();
        drop(done);
        outcomes
    });
    let mut tally = Tally::default();
    let mut findings = Vec::new();
    for (one, found) in outcomes {
        tally.add(one);
        findings.extend(found);
    }
    findings.sort_by_key(|finding| finding.seed);
    if findings.is_empty() { Ok(tally) } else { Err(findings) }
}

/// How long a run may take by the real clock; most take less than a millisecond.
const HANGS: Duration = Duration::from_secs(180);

/// Ends the process, with the seed, when a run hangs: a loop that does nothing can't be ended in another way.
fn watch(class: Class, running: &[AtomicU64], is_done: &mpsc::Receiver<()>) {
    let look = || running.iter().map(|seed| seed.load(Ordering::Relaxed)).collect::<Vec<_>>();
    let mut seen = look();
    while is_done.recv_timeout(HANGS) == Err(mpsc::RecvTimeoutError::Timeout) {
        let now = look();
        if let Some((seed, _)) = now.iter().zip(&seen).find(|(now, then)| now == then && **now != u64::MAX) {
            eprintln!("{class:?}, SIM_SEED={seed}: the run hangs");
            std::process::exit(101);
        }
        seen = now;
    }
}

fn run_bare(class: Class, seed: u64) -> Result<(Tally, String), String> {
    let mut rng = Rng::new(seed);
    if rng.in_thousand(50) {
        return run_scripted(class, seed, &mut rng);
    }
    if rng.in_thousand(60) {
        return tasks::run(class, seed, &mut rng);
    }
    let logins = [Login::Trust, Login::Cleartext, Login::Md5, Login::Scram(Proof::True)];
    let login = match class == Class::Correct || !rng.in_thousand(50) {
        true => rng.pick(&logins),
        false => rng.pick(&Login::LIES),
    };
    let temper = Temper {
        asides: rng.pick(&[0, 0, 100]),
        amnesia: rng.pick(&[0, 0, 200]),
        refusals: rng.pick(&[0, 0, 0, 200]),
        slow_ends: rng.pick(&[0, 300]),
        chatter: rng.pick(&[0, 500]),
    };
    let mut weather = Weather::random(&mut rng);
    if class != Class::Correct {
        weather.lost_cancels = rng.pick(&[0, 0, 300]);
    }
    let flavour = rng.pick(&Flavour::ALL);
    let terms = rng.in_thousand(ENCRYPTED).then(|| Terms::random(class, login, &mut rng));
    let at_ciphertext = terms.is_some_and(|terms| terms.takes_faults(class, &mut rng));
    let faults = match at_ciphertext {
        true => Faults::of_the_link(rng.fork()),
        false => Faults::new(class, rng.fork()),
    };
    let host = Host::new(login, PASSWORD, seed, terms.and_then(Terms::end_point));
    let model = Model::new(host, temper, faults, rng.fork());
    let peer = terms.map(|terms| Peer::new(terms, at_ciphertext.then_some(class), &mut rng));
    let net = Net::new(model, peer, weather, rng.fork());
    let cache = rng.pick(&[0, 1, 2, 100]);
    let connection = Connection::new(cache, Limits::default(), Registry::default(), Scope::default());
    let mut script = Script::new(net.clone(), rng.fork(), cache > 0);
    let given_up = (flavour != Flavour::Blocking && rng.in_thousand(20)).then(|| rng.below(12));
    let play = async {
        net.world().begin_call(PATIENCE);
        let login = Client::log_in(&net, flavour, connection, startup(seed, terms));
        let login = limited(given_up, Moment(PATIENCE), login).await;
        let Ended::Done((mut client, outcome)) = login else {
            script.gave_up_login();
            return false;
        };
        if let Err(error) = outcome {
            script.refused(&mut client, &error);
        } else {
            script.let_in(&mut client);
            script.run(&mut client).await;
            net.world().calm_down();
            script.last_call(&mut client).await;
        }
        let closed = client.says_closed();
        script.finish(client).await;
        closed
    };
    let closed = match flavour {
        Flavour::Blocking => pg_core::complete(play),
        Flavour::Async | Flavour::NonBlocking => play_through(&net, play),
    };
    let mut findings = std::mem::take(&mut script.ledger.findings);
    let world = net.world();
    let allowed = 4 * world.server.faults.bytes + 64 * 1024;
    if world.most_space > allowed {
        findings
            .push(format!("room for {} bytes, with {} sent", world.most_space, world.server.faults.bytes));
    }
    let story = std::mem::take(&mut script.story).join("\n");
    if findings.is_empty() {
        let tally = Tally {
            runs: 1,
            right: script.ledger.right,
            errors: script.ledger.errors,
            dropped: script.ledger.dropped,
            faulty: u64::from(world.server.faults.happened),
            closed: u64::from(closed),
            encrypted: u64::from(terms.is_some_and(Terms::encrypts)),
            bytes: world.server.faults.bytes as u64,
            copied: script.ledger.copied,
            maps: script.ledger.maps,
        };
        return Ok((tally, story));
    }
    Err(format!(
        "{}\n{flavour:?}, {login:?}, {terms:?}, {weather:?}, {temper:?}, cache of {cache}\n{story}",
        findings.join("\n")
    ))
}

/// A run of one of the conversations that are written beforehand.
fn run_scripted(class: Class, seed: u64, rng: &mut Rng) -> Result<(Tally, String), String> {
    let weather = Weather { cancels: 0, ..Weather::random(rng) };
    let flavour = rng.pick(&Flavour::ALL);
    let mut conversation = Conversation::any(rng);
    let host = Host::new(Login::Trust, PASSWORD, seed, None);
    let faults = Faults::new(class, rng.fork());
    let model = Model::prompted(conversation.prompter(), host, faults, rng.fork());
    let net = Net::new(model, None, weather, rng.fork());
    let connection = Connection::new(100, Limits::default(), Registry::default(), Scope::default());
    let mut story = Vec::new();
    let play = async {
        net.world().begin_call(PATIENCE);
        let (mut client, outcome) = Client::log_in(&net, flavour, connection, startup(seed, None)).await;
        let mut findings = match outcome {
            Ok(()) => conversation.play(&net, &mut client, &mut story).await,
            Err(error) if net.world().server.faults.happened => {
                story.push(format!("{error:?}"));
                Vec::new()
            }
            Err(error) => vec![format!("{}: the login ended with {error:?}", conversation.name)],
        };
        let closed = client.says_closed();
        let _ = client.close().await;
        while net.world().pass(None) {}
        let world = net.world();
        let may_stray = matches!(class, Class::Order | Class::Bytes) && world.server.faults.happened;
        // A client that gave up a call sends what the script doesn't know.
        findings.extend(world.server.complaint.clone().filter(|_| !may_stray && !closed));
        (closed, findings)
    };
    let (closed, mut findings) = match flavour {
        Flavour::Blocking => pg_core::complete(play),
        Flavour::Async | Flavour::NonBlocking => play_through(&net, play),
    };
    let world = net.world();
    let told = story.join("\n");
    if told.contains(PASSWORD) {
        findings.push("the password is shown".to_owned());
    }
    let allowed = 4 * world.server.faults.bytes + 64 * 1024;
    if world.most_space > allowed {
        findings
            .push(format!("room for {} bytes, with {} sent", world.most_space, world.server.faults.bytes));
    }
    if !findings.is_empty() {
        return Err(format!(
            "{}\n{flavour:?}, {}, {weather:?}\n{told}",
            findings.join("\n"),
            conversation.name
        ));
    }
    let tally = Tally {
        runs: 1,
        faulty: u64::from(world.server.faults.happened),
        closed: u64::from(closed),
        bytes: world.server.faults.bytes as u64,
        ..Tally::default()
    };
    Ok((tally, told))
}

fn settings() -> &'static Settings {
    static SETTINGS: OnceLock<Settings> = OnceLock::new();
    SETTINGS.get_or_init(|| {
        let config = pg_core::Config::<()>::new("user=me dbname=mine").expect("a sound string");
        config.password(PASSWORD).settings().clone()
    })
}

fn startup(seed: u64, terms: Option<Terms>) -> Startup<'static> {
    let credentials = Credentials {
        user: "me".to_owned(),
        database: "mine".to_owned(),
        nonce: format!("client{seed}"),
        unix_socket: terms.is_none(),
        tls: terms.map(Terms::client),
    };
    Startup::new(settings(), credentials)
}

/// Polls a future until it is complete, and lets the world go on in between: until anything has happened, or what the
/// client said that it waits for, or the time until which it does.
fn play_through<F: Future>(net: &Net, future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        net.world().awaited = None;
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
        loop {
            let timer = clock::next_timer();
            assert!(net.world().pass(None), "a call waits for what will never happen");
            if timer.is_some_and(|timer| timer <= Moment::now()) || net.world().has_come() {
                break;
            }
        }
    }
}
