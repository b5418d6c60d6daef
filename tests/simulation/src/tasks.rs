//! Several tasks on one connection that they share: each has its own answers, whoever else drops a call, lets its
//! answer lie or has the connection for itself. A task is polled only when it was woken: one that nobody wakes is a
//! finding.

use super::behaviour::{Ended, fate_of};
use super::checks::{Call, Fate, Given, Ledger, Scope, is_exact, is_whole};
use super::clients::asynchronous::{Shared, runtime};
use super::clients::{CANCEL_TIMEOUT, Client, Flavour};
use super::clock::{self, MILLISECOND, Moment, SECOND};
use super::faults::{Class, Faults};
use super::language::{Item, Shape};
use super::link::{Net, Weather};
use super::logins::{Host, Login};
use super::server::{Model, Temper};
use super::{PASSWORD, PATIENCE, Tally, play_through, startup};
use pg_core::error::Result;
use pg_core::exchange::pipeline;
use pg_core::protocol::connection::Connection;
use pg_core::session::Session;
use pg_core::types::registry::{Registry, Scope as Types};
use pg_core::wire::frame::Limits;
use pg_tests::seed::Rng;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// How long a call may take, with all that others do before it.
const DEADLINE: u64 = 400 * SECOND;
/// How long a statement without an end is waited for, and is dropped then.
const FOREVER: u64 = 2 * SECOND;
/// What is just being sent.
const SLACK: Duration = Duration::from_millis(200);

/// How many polls no moment needs, not even one in which a megabyte is read byte by byte.
const WAKES: u64 = 5_000_000;

/// What the tasks have in common.
struct Common {
    net: Net,
    shared: Shared,
    ledger: RefCell<Ledger>,
    story: RefCell<Vec<String>>,
    numbers: Cell<u64>,
    /// How long each call may take.
    limit: Option<Duration>,
    /// How many of a thousand calls are dropped.
    drops: u64,
}

/// One of them.
struct Task<'c> {
    common: &'c Common,
    name: u64,
    rng: Rng,
}

impl Common {
    fn tell(&self, what: String) {
        self.story.borrow_mut().push(format!("{:>9} {what}", Moment::now().0));
    }

    fn find(&self, finding: String) {
        self.ledger.borrow_mut().find(finding);
    }

    fn number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    /// What is known of a call that begins.
    fn call(&self, numbers: &[u64], texts: &[&str]) -> Call {
        let mut world = self.net.world();
        world.begin_call(DEADLINE);
        world.newest = self.numbers.get();
        Call {
            numbers: numbers.to_vec(),
            texts: texts.iter().map(|text| (*text).to_owned()).collect(),
            cancelled_before: world.server.cancelled.len(),
            refused_before: world.server.refused,
            forgotten_before: world.server.forgotten,
            limit: self.limit,
            ..Call::default()
        }
    }
}

impl Task<'_> {
    /// Runs a call, drops it at some poll, and judges what it ended with.
    async fn judge<T>(
        &mut self,
        what: &str,
        call: &Call,
        scope: &Scope,
        future: impl Future<Output = Result<T>>,
    ) -> (Option<T>, Fate) {
        let Common { net, shared, ledger, limit, drops, .. } = self.common;
        self.common.tell(format!("task {} {what} {:?}", self.name, call.numbers));
        let polls = self.rng.in_thousand(*drops).then(|| self.rng.below(20));
        let began = Moment::now();
        let until = began + if call.forever { FOREVER } else { DEADLINE };
        let ended = up_to(polls, until, future).await;
        let took = began.elapsed();
        let (value, fate) = match ended {
            Ended::Done(Ok(value)) => (Some(value), Fate::Kept),
            Ended::Done(Err(error)) => {
                // Nobody asked for its end.
                if error.is_cancelled() && is_whole(net) {
                    self.common.find(format!("{what}: call {:?} was cancelled for another", call.numbers));
                }
                ledger.borrow_mut().error(net, what, &error, call, scope, shared.is_closed());
                (None, fate_of(&error))
            }
            Ended::Dropped => {
                ledger.borrow_mut().dropped += 1;
                (None, Fate::Unknown)
            }
            Ended::TimedOut => {
                if !call.forever && is_whole(net) && !net.world().server.faults.happened {
                    self.common.find(format!("{what}: {call:?} hangs"));
                }
                (None, Fate::Unknown)
            }
        };
        let is_one = !call.ends;
        if limit.is_some_and(|limit| is_one && took > limit + CANCEL_TIMEOUT + SLACK) {
            self.common.find(format!("{what}: a call with a deadline of {limit:?} took {took:?}"));
        }
        self.common.tell(format!("task {} {what} {:?}: {fate:?}", self.name, call.numbers));
        (value, fate)
    }

    async fn run(&mut self) {
        for _ in 0..self.rng.pick(&[1, 3, 6]) {
            if self.common.shared.is_closed() && self.rng.in_thousand(700) {
                return;
            }
            match self.rng.below(12) {
                0..3 => self.query::<(i64, i32, String)>().await,
                3 => self.query::<(i64, Item)>().await,
                4..6 => self.change("change $1", false).await,
                6 => self.fail().await,
                7 => self.pipeline().await,
                8 => self.change("change $1 slowly", false).await,
                // What was sent behind it keeps it from being cancelled, and waits for it, until its own deadline.
                9 if self.common.limit.is_some() => self.change("change $1 forever", true).await,
                9 | 10 => self.ping().await,
                _ => self.transaction().await,
            }
        }
    }

    async fn query<T: Given>(&mut self) {
        let number = self.common.number();
        let sql = format!("give {} $1", T::GIVEN.name());
        let call = self.common.call(&[number], &[&sql]);
        let query = self.common.shared.query::<T>(&sql, (int8(number),));
        if let (Some(rows), _) = self.judge("query", &call, &Scope::default(), query).await {
            let rows = rows.into_iter().map(Given::values).collect();
            let mut ledger = self.common.ledger.borrow_mut();
            ledger.rows(&self.common.net, "query", rows, T::GIVEN, number, "");
        }
    }

    async fn change(&mut self, sql: &str, forever: bool) {
        let number = self.common.number();
        let call = Call { forever, ..self.common.call(&[number], &[sql]) };
        let change = self.common.shared.execute(sql, (int8(number),));
        let (affected, fate) = self.judge("change", &call, &Scope::default(), change).await;
        self.changed(&[number], fate);
        self.affected(affected, number);
    }

    fn changed(&self, numbers: &[u64], fate: Fate) {
        self.common.ledger.borrow_mut().changed(numbers, fate, &mut Scope::default());
    }

    fn affected(&self, affected: Option<u64>, number: u64) {
        self.common.ledger.borrow_mut().right += u64::from(affected.is_some());
        if affected.is_some_and(|affected| affected != number) && is_exact(&self.common.net) {
            self.common.find(format!("change: call {number} was told of {affected:?} rows"));
        }
    }

    async fn fail(&mut self) {
        let number = self.common.number();
        let call = Call { fails: Some(number), ..self.common.call(&[number], &["fail $1"]) };
        let fail = self.common.shared.query::<(i64, i32, String)>("fail $1", (int8(number),));
        let (rows, _) = self.judge("fail", &call, &Scope::default(), fail).await;
        if rows.is_some() && is_exact(&self.common.net) {
            self.common.find(format!("fail: call {number} did not fail"));
        }
    }

    async fn pipeline(&mut self) {
        let (first, second) = (self.common.number(), self.common.number());
        let mut call = self.common.call(&[first, second], &["change $1", "give a $1"]);
        call.no_retry = true;
        let parts = self.common.shared.pipeline((
            pipeline::execute("change $1", (int8(first),)),
            pipeline::query::<(i64, i32, String), _>("give a $1", (int8(second),)),
        ));
        let (done, fate) = self.judge("pipeline", &call, &Scope::default(), parts).await;
        self.changed(&[first], fate);
        if let Some((affected, rows)) = done {
            self.affected(Some(affected), first);
            let rows = rows.into_iter().map(Given::values).collect();
            let mut ledger = self.common.ledger.borrow_mut();
            ledger.rows(&self.common.net, "pipeline", rows, Shape::A, second, "");
        }
    }

    async fn ping(&mut self) {
        let call = self.common.call(&[], &[]);
        let ping = self.common.shared.ping();
        let (done, _) = self.judge("ping", &call, &Scope::default(), ping).await;
        self.common.ledger.borrow_mut().right += u64::from(done.is_some());
    }

    /// A transaction, which has the connection for itself.
    async fn transaction(&mut self) {
        let numbers = [self.common.number(), self.common.number()];
        let call = Call { ends: true, no_retry: true, ..self.common.call(&numbers, &["change $1"]) };
        let ending = self.rng.below(4);
        let is_committing = Cell::new(false);
        let body = async {
            let mut tx = self.common.shared.begin().await?;
            for number in numbers {
                tx.execute("change $1", (int8(number),)).await?;
            }
            is_committing.set(ending < 2);
            match ending {
                0 | 1 => tx.commit().await?,
                2 => tx.rollback().await?,
                _ => drop(tx),
            }
            Ok(())
        };
        let scope = Scope { depth: 1, ..Scope::default() };
        let mut judge = Task { common: self.common, name: self.name, rng: self.rng.fork() };
        let (done, fate) = judge.judge("transaction", &call, &scope, body).await;
        self.changed(&numbers, if is_committing.get() { fate } else { Fate::Undone });
        self.common.ledger.borrow_mut().right += u64::from(done.is_some());
    }
}

fn int8(number: u64) -> i64 {
    i64::try_from(number).expect("numbers are small")
}

/// Polls a future so many times at most, and until that moment.
async fn up_to<F: Future>(polls: Option<u64>, until: Moment, future: F) -> Ended<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    let counted = poll_fn(|context| {
        if left == Some(0) {
            return Poll::Ready(Ended::Dropped);
        }
        left = left.map(|left| left - 1);
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Ended::Done(output)),
            Poll::Pending if left == Some(0) => Poll::Ready(Ended::Dropped),
            Poll::Pending => Poll::Pending,
        }
    });
    runtime::before(Some(until), counted).await.unwrap_or(Ended::TimedOut)
}

/// Whether a task was woken.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Polls tasks that were woken, in any order, some of them late; lets the world go on when none was.
fn execute(
    net: &Net,
    rng: &mut Rng,
    sluggish: u64,
    mut tasks: Vec<Pin<Box<dyn Future<Output = ()> + '_>>>,
) -> bool {
    let woken: Vec<_> = tasks.iter().map(|_| Arc::new(Woken(AtomicBool::new(true)))).collect();
    let mut states = vec![Some(Moment(0)); tasks.len()];
    let mut polls = 0;
    while states.iter().any(Option::is_some) {
        let is_ready = |at: &usize| {
            woken[*at].0.load(Ordering::Relaxed) && states[*at].is_some_and(|since| since <= Moment::now())
        };
        let ready: Vec<usize> = (0..tasks.len()).filter(is_ready).collect();
        if ready.is_empty() {
            if !net.world().pass(None) {
                return false;
            }
            let (is_readable, is_writable) = {
                let world = net.world();
                (world.is_readable(), world.is_writable())
            };
            runtime::wake(is_readable, is_writable);
            polls = 0;
            continue;
        }
        polls += 1;
        assert!(polls < WAKES, "tasks wake one another, and nothing happens");
        let at = rng.pick(&ready);
        woken[at].0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&woken[at]));
        states[at] = match tasks[at].as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(()) => None,
            Poll::Pending if rng.in_thousand(sluggish) => {
                let later = Moment::now() + rng.below(300 * MILLISECOND);
                clock::wake_at(later);
                Some(later)
            }
            Poll::Pending => Some(Moment(0)),
        };
    }
    true
}

/// Once nothing more goes wrong, the connection has its answer or says that it is closed.
async fn last_call(common: &Common) {
    let number = common.number();
    let call = Call { limit: Some(Duration::from_secs(60)), ..common.call(&[number], &[]) };
    let patience = Moment::now() + 60 * SECOND;
    let last = async {
        // What others left may take longer to settle than a call may take.
        let mut lease = loop {
            match common.shared.lease().await {
                Err(error)
                    if error.is_timeout() && !common.shared.is_closed() && Moment::now() < patience => {}
                lease => break lease?,
            }
        };
        lease.set_deadline(call.limit);
        let sql = "give a $1 /*last*/";
        Session::query::<(i64, i32, String)>(&mut lease, sql, (int8(number),)).await
    };
    let ended = up_to(None, Moment::now() + 200 * SECOND, last).await;
    let mut ledger = common.ledger.borrow_mut();
    let closed = common.shared.is_closed();
    match ended {
        Ended::Done(Ok(rows)) => {
            let rows = rows.into_iter().map(Given::values).collect();
            ledger.rows(&common.net, "last", rows, Shape::A, number, "");
        }
        Ended::Done(Err(error)) => {
            ledger.error(&common.net, "last", &error, &call, &Scope::default(), closed);
            if !closed {
                ledger.find(format!("last: neither an answer nor a closed connection, but {error:?}"));
            }
        }
        Ended::Dropped | Ended::TimedOut => ledger.find("last: no end"),
    }
    let (class, is_at_rest) = {
        let world = common.net.world();
        (world.server.faults.class(), world.server.is_at_rest())
    };
    if class == Class::Correct && (closed || !is_at_rest) {
        ledger.find(format!("after the last call: closed {closed}, at rest {is_at_rest}"));
    }
}

/// A run with several tasks.
pub(super) fn run(class: Class, seed: u64, rng: &mut Rng) -> std::result::Result<(Tally, String), String> {
    let temper = Temper {
        asides: rng.pick(&[0, 100]),
        amnesia: rng.pick(&[0, 0, 200]),
        refusals: rng.pick(&[0, 0, 200]),
        slow_ends: rng.pick(&[0, 300]),
        chatter: 0,
    };
    let weather = Weather { cancels: 0, ..Weather::random(rng) };
    let host = Host::new(Login::Trust, PASSWORD, seed, None);
    let model = Model::new(host, temper, Faults::new(class, rng.fork()), rng.fork());
    let net = Net::new(model, None, weather, rng.fork());
    let cache = rng.pick(&[0, 1, 2, 100]);
    let connection = Connection::new(cache, Limits::default(), Registry::default(), Types::default());
    let limit =
        rng.pick(&[None, None, None, Some(20 * MILLISECOND), Some(3 * SECOND)]).map(Duration::from_micros);
    // Who is late between a byte and the next one reads so slowly that what was cancelled is given up, and rightly.
    let sluggish = rng.pick(&[0, 0, 50]) * u64::from(!weather.is_trickle());
    runtime::forget_wakers();
    net.world().begin_call(PATIENCE);
    let (client, outcome) =
        play_through(&net, Client::log_in(&net, Flavour::Async, connection, startup(seed, None)));
    let mut tally = Tally { runs: 1, ..Tally::default() };
    let (findings, story) = match (client, outcome) {
        (Client::Async(mut client), Ok(())) => {
            client.set_deadline(limit);
            let common = Common {
                net: net.clone(),
                shared: Shared::new(client),
                ledger: RefCell::default(),
                story: RefCell::default(),
                numbers: Cell::new(rng.below(1 << 20)),
                limit,
                drops: rng.pick(&[0, 100, 400]),
            };
            let mut tasks: Vec<Task<'_>> =
                (0..2 + rng.below(5)).map(|name| Task { common: &common, name, rng: rng.fork() }).collect();
            let running =
                tasks.iter_mut().map(|task| Box::pin(task.run()) as Pin<Box<dyn Future<Output = ()> + '_>>);
            let went_on = execute(&net, rng, sluggish, running.collect());
            net.world().calm_down();
            let went_on = went_on && execute(&net, rng, 0, vec![Box::pin(last_call(&common))]);
            if !went_on {
                common.find("a task waits, and nobody will ever wake it".to_owned());
            }
            drop(tasks);
            let Common { shared, ledger, story, .. } = common;
            tally.closed = u64::from(shared.is_closed());
            drop(shared);
            while net.world().pass(None) {}
            let mut ledger = ledger.into_inner();
            let complaint = net.world().server.complaint.clone();
            ledger.findings.extend(complaint.filter(|_| is_whole(&net)));
            ledger.audit(&net);
            (tally.right, tally.errors, tally.dropped) = (ledger.right, ledger.errors, ledger.dropped);
            (ledger.findings, story.into_inner().join("\n"))
        }
        (_, outcome) if net.world().server.faults.happened => (Vec::new(), format!("{outcome:?}")),
        (_, outcome) => (vec![format!("the login ended with {outcome:?}")], String::new()),
    };
    let world = net.world();
    tally.faulty = u64::from(world.server.faults.happened);
    tally.bytes = world.server.faults.bytes as u64;
    if findings.is_empty() {
        return Ok((tally, story));
    }
    Err(format!(
        "{}\n{limit:?}, sluggish {sluggish}, {weather:?}, {temper:?}, cache of {cache}\n{story}",
        findings.join("\n")
    ))
}
