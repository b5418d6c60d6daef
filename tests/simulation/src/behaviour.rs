//! What a random client does: any mix of calls, in transactions in transactions, any of them dropped at any poll.

mod copies;
mod cursors;
mod notifications;
mod parts;

use super::checks::{Call, Fate, Given, Ledger, Scope, is_exact, is_whole};
use super::clients::{CANCEL_TIMEOUT, Client};
use super::clock::{self, Moment, SECOND};
use super::faults::Class;
use super::language::{self, Shape, Value};
use super::link::Net;
use pg_tests::seed::Rng;

use pg_core::Heard;
use pg_core::error::{Error, ErrorKind, Result};
use pg_core::exchange::pipeline;
use pg_core::row::Row;
use pg_core::session::Session;
use pg_core::types::hstore::Hstore;
use pg_core::types::numeric::Numeric;
use pg_core::types::range::{Multirange, Range};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

/// How long a call may take before it is given up.
pub(super) const DEADLINE: u64 = 30 * SECOND;

/// How long the last call may take, whatever is to be settled before it.
const LAST: Duration = Duration::from_secs(60);

/// How much longer than its deadline and the time for cancelling a call may take: what is just being sent.
const SLACK: Duration = Duration::from_millis(100);

/// A client that acts at random.
pub(super) struct Script {
    net: Net,
    rng: Rng,
    numbers: u64,
    pub(super) ledger: Ledger,
    /// How many of a thousand calls are dropped.
    drops: u64,
    /// How many of a thousand calls have a deadline.
    deadlines: u64,
    /// The deadline of the call that runs.
    limit: Option<Duration>,
    /// How many different texts a statement has.
    texts: u64,
    /// Whether the connection keeps statements.
    caches: bool,
    /// Whether a cursor may be open that nobody closes any more.
    leaves_cursors: bool,
    /// The notifications that were heard, by a sink too.
    heard: Arc<Mutex<Vec<Heard>>>,
    has_sink: bool,
    /// What it did, for who reads a finding.
    pub(super) story: Vec<String>,
}

/// How a future ended.
pub(super) enum Ended<T> {
    Done(T),
    Dropped,
    TimedOut,
}

type RowR = (i64, Range<i32>, Multirange<i32>, Numeric, Hstore);
type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

impl Script {
    pub(super) fn new(net: Net, mut rng: Rng, caches: bool) -> Script {
        let (drops, texts) = (rng.pick(&[0, 100, 400]), rng.pick(&[1, 3, 8]));
        let deadlines = rng.pick(&[0, 0, 100, 500]);
        // What is answered follows from the number, so that each run has numbers of its own.
        let numbers = rng.below(1 << 20);
        Script {
            net,
            rng,
            numbers,
            ledger: Ledger::default(),
            drops,
            deadlines,
            limit: None,
            texts,
            caches,
            leaves_cursors: false,
            heard: Arc::default(),
            has_sink: false,
            story: Vec::new(),
        }
    }

    /// The login failed.
    pub(super) fn refused(&mut self, s: &mut Client, error: &Error) {
        let mut call = self.call_now(&[]);
        call.must_end_with = self.must_end_with();
        self.ledger.error(&self.net, "login", error, &call, &Scope::default(), s.says_closed());
        self.ledger.secrets("after a failed login", &format!("{:?}", s.connection()));
    }

    /// What the login ends with, where it must not succeed.
    fn must_end_with(&self) -> Vec<ErrorKind> {
        let world = self.net.world();
        let login = world.server.host.login();
        let mut kinds = login.ends_with().to_vec();
        kinds.extend(world.tls.iter().flat_map(|tls| tls.terms.ends_with(login)));
        kinds
    }

    /// The login was dropped: whatever comes of it comes to nobody.
    pub(super) fn gave_up_login(&mut self) {
        self.ledger.dropped += 1;
        while self.net.world().pass(None) {}
        let complaint = self.net.world().server.complaint.clone();
        complaint
            .filter(|_| is_whole(&self.net))
            .into_iter()
            .for_each(|complaint| self.ledger.find(complaint));
    }

    /// The login succeeded: the server proved that it knows the password, if it said that it would.
    pub(super) fn let_in(&mut self, s: &mut Client) {
        let world = self.net.world();
        let login = world.server.host.login();
        let encrypts = world.tls.as_ref().is_some_and(|tls| tls.terms.encrypts());
        let touched = world.server.faults.touched_proof;
        drop(world);
        if touched || !self.must_end_with().is_empty() {
            self.ledger.find(format!("{login:?}: a server that had not proved itself was believed"));
        }
        if s.connection().is_encrypted() != encrypts {
            self.ledger.find("a session in clear passes as encrypted, or the other way about");
        }
        if self.rng.in_thousand(20) {
            self.ledger.secrets("after the login", &format!("{:?}", s.connection()));
        }
    }

    /// Says farewell, lets all that is on its way arrive, and looks at the server.
    pub(super) async fn finish(&mut self, mut s: Client) {
        let class = self.class();
        self.hear_all(&mut s);
        if class == Class::Correct {
            if s.says_closed() {
                self.ledger.find("the connection is closed");
            }
            if !s.connection().is_idle() {
                self.ledger.find("something is owed after the last call");
            }
            if !self.net.world().server.is_at_rest() {
                self.ledger.find("the server isn't at rest after the last call");
            }
            if !self.leaves_cursors && self.net.world().server.has_cursors() {
                self.ledger.find("a cursor is open after the last call");
            }
        }
        let (complaint, whole) = {
            let world = self.net.world();
            // A link that breaks makes no client forget the protocol.
            let faulty = matches!(class, Class::Order | Class::Bytes) && world.server.faults.happened;
            (world.server.complaint.clone().filter(|_| !faulty), world.writes_whole())
        };
        complaint.into_iter().for_each(|complaint| self.ledger.find(complaint));
        let said = match self.rng.in_thousand(500) {
            true => s.close().await.is_ok(),
            // Dropped, it tries once.
            false => {
                drop(s);
                whole
            }
        };
        while self.net.world().pass(None) {}
        if class == Class::Correct && said && !self.net.world().server.farewell {
            self.ledger.find("the farewell did not arrive");
        }
        self.ledger.audit(&self.net);
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn now(&self) -> Moment {
        self.net.world().now
    }

    /// One call in so many is dropped at its next polls.
    fn polls(&mut self) -> Option<u64> {
        self.rng.in_thousand(self.drops).then(|| {
            let most = self.rng.pick(&[2, 4, 12, 60]);
            self.rng.below(most)
        })
    }

    fn begin_call(&mut self, what: &str, numbers: &[u64]) -> Call {
        self.story.push(format!("{:>9} {what} {numbers:?}", self.now().0));
        self.net.world().begin_call(DEADLINE);
        self.net.world().newest = self.numbers;
        self.call_now(numbers)
    }

    fn call_now(&self, numbers: &[u64]) -> Call {
        let world = self.net.world();
        Call {
            numbers: numbers.to_vec(),
            cancelled_before: world.server.cancelled.len(),
            refused_before: world.server.refused,
            forgotten_before: world.server.forgotten,
            limit: self.limit,
            ..Call::default()
        }
    }

    fn sql(&mut self, words: &str) -> String {
        format!("{words} /*{}*/", self.rng.below(self.texts))
    }

    /// Takes an error or a drop; a value is given back.
    fn outcome<T>(
        &mut self,
        s: &Client,
        what: &str,
        ended: Ended<Result<T>>,
        call: &Call,
        scope: &mut Scope,
    ) -> (Option<T>, Fate) {
        let closed = s.says_closed();
        let (value, fate) = match ended {
            Ended::Done(Ok(value)) => return (Some(value), Fate::Kept),
            Ended::Done(Err(error)) => {
                self.ledger.error(&self.net, what, &error, call, scope, closed);
                self.story.push(format!("{:>9}   {:?} {:?}", self.now().0, error.kind(), error.sqlstate()));
                (None, fate_of(&error))
            }
            Ended::Dropped => {
                self.ledger.dropped += 1;
                (None, Fate::Unknown)
            }
            Ended::TimedOut => {
                let world = self.net.world();
                let broken = world.server.faults.happened && world.server.faults.class() != Class::Correct;
                drop(world);
                if !call.forever && !broken {
                    self.ledger.find(format!("{what}: {call:?} hangs"));
                }
                (None, Fate::Unknown)
            }
        };
        scope.disturbed = true;
        self.story.push(format!("{:>9}   {fate:?}", self.now().0));
        (value, fate)
    }

    /// The whole run.
    pub(super) async fn run(&mut self, s: &mut Client) {
        let count = self.rng.pick(&[1, 4, 8, 12]);
        let mut scope = Scope::default();
        self.calls(s, &mut scope, count).await;
    }

    /// Some calls, one after the other.
    fn calls<'a>(&'a mut self, s: &'a mut Client, scope: &'a mut Scope, count: u64) -> Boxed<'a, ()> {
        Box::pin(async move {
            for _ in 0..count {
                // Once the connection is closed all calls are alike.
                if s.says_closed() && self.rng.in_thousand(700) {
                    return;
                }
                self.hurry(s);
                self.call(s, scope).await;
                self.limit = None;
                s.set_deadline(None);
                if scope.depth == 0 {
                    scope.disturbed = false;
                }
            }
        })
    }

    /// Gives what comes next a deadline, or none.
    fn hurry<S: Session>(&mut self, s: &mut S) {
        self.limit = self.rng.in_thousand(self.deadlines).then(|| {
            let most = self.rng.pick(&[50, 5_000, 500_000, 3 * SECOND]);
            Duration::from_micros(1 + self.rng.below(most))
        });
        s.set_deadline(self.limit);
    }

    async fn call(&mut self, s: &mut Client, scope: &mut Scope) {
        // Whose counts may lie.
        if self.class() == Class::Bytes && self.rng.in_thousand(200) {
            return self.query::<RowR>(s, scope).await;
        }
        match self.rng.below(34) {
            0 => self.query::<(i64, i32, String)>(s, scope).await,
            1 => self.query::<(i64, Option<String>, Vec<i32>)>(s, scope).await,
            2 => self.query::<(i64, f64, bool, Vec<Option<String>>)>(s, scope).await,
            3 => self.query::<(i64, language::Item)>(s, scope).await,
            4 => self.query::<(i64, language::Mood)>(s, scope).await,
            5 => self.echo(s, scope).await,
            6 | 7 => self.change(s, scope).await,
            8 => self.fail(s, scope).await,
            9 => self.one(s, scope).await,
            10 => self.value(s, scope).await,
            11 => self.dynamic(s, scope).await,
            12 | 13 => self.stream(s, scope).await,
            14 | 15 => self.pipeline(s, scope).await,
            16 => self.batch(s, scope).await,
            17 => self.prepare(s, scope).await,
            18 => self.ping(s, scope).await,
            19 => self.odd(s, scope).await,
            20 => self.slow(s, scope).await,
            21 | 22 => self.copy(s, scope).await,
            23 | 24 => self.portal(s, scope).await,
            25 => self.retry(s, scope).await,
            26 => self.query::<RowR>(s, scope).await,
            27 | 28 => self.cursor(s, scope).await,
            29..=31 => self.notification(s, scope).await,
            _ if scope.depth < 3 => self.transaction(s, scope).await,
            _ => self.change(s, scope).await,
        }
    }

    /// What has no answer but that it is done.
    fn done(&mut self, s: &Client, what: &str, ended: Ended<Result<()>>, call: &Call, scope: &mut Scope) {
        let (done, _) = self.outcome(s, what, ended, call, scope);
        self.ledger.right += u64::from(done.is_some());
    }

    async fn query<T: Given>(&mut self, s: &mut Client, scope: &mut Scope) {
        let number = self.number();
        let sql = self.sql(&format!("give {} $1", T::GIVEN.name()));
        self.ledger.maps += if T::GIVEN == Shape::R { language::row_count(number) } else { 0 };
        let call = Call { texts: vec![sql.clone()], ..self.begin_call("query", &[number]) };
        let ended = self.limit(s, |s| s.query::<T>(&sql, (int8(number),))).await;
        if let (Some(rows), _) = self.outcome(s, "query", ended, &call, scope) {
            let rows = rows.into_iter().map(Given::values).collect();
            self.ledger.rows(&self.net, "query", rows, T::GIVEN, number, "");
        }
    }

    async fn echo(&mut self, s: &mut Client, scope: &mut Scope) {
        let number = self.number();
        let sql = self.sql("give p $1 $2");
        let mut echo = language::text(number);
        if self.net.world().is_trickle() {
            // Each row has it: megabytes would take longer than a call may.
            echo = echo.chars().take(900).collect();
        }
        let call = Call { texts: vec![sql.clone()], ..self.begin_call("echo", &[number]) };
        let ended = self.limit(s, |s| s.query::<(i64, String)>(&sql, (int8(number), echo.as_str()))).await;
        if let (Some(rows), _) = self.outcome(s, "echo", ended, &call, scope) {
            let rows = rows.into_iter().map(Given::values).collect();
            self.ledger.rows(&self.net, "echo", rows, Shape::P, number, &echo);
        }
    }

    async fn change(&mut self, s: &mut Client, scope: &mut Scope) {
        let number = self.number();
        let sql = self.sql("change $1");
        let call = Call { texts: vec![sql.clone()], ..self.begin_call("change", &[number]) };
        let ended = self.limit(s, |s| s.execute(&sql, (int8(number),))).await;
        let (affected, fate) = self.outcome(s, "change", ended, &call, scope);
        self.ledger.changed(&[number], fate, scope);
        if let Some(affected) = affected {
            self.affected("change", affected, number);
        }
    }

    fn affected(&mut self, what: &str, affected: u64, number: u64) {
        self.ledger.right += 1;
        if affected != number && !self.is_touched() {
            self.ledger.find(format!("{what}: call {number} was told of {affected} rows"));
        }
    }

    fn is_touched(&self) -> bool {
        !is_exact(&self.net)
    }

    async fn fail(&mut self, s: &mut Client, scope: &mut Scope) {
        let number = self.number();
        let sql = self.sql("fail $1");
        let mut call = Call { texts: vec![sql.clone()], ..self.begin_call("fail", &[number]) };
        call.fails = Some(number);
        let ended = self.limit(s, |s| s.query::<(i64, i32, String)>(&sql, (int8(number),))).await;
        let (rows, _) = self.outcome(s, "fail", ended, &call, scope);
        if rows.is_some() && !self.is_touched() {
            self.ledger.find(format!("fail: call {number} did not fail"));
        }
    }

    async fn one(&mut self, s: &mut Client, scope: &mut Scope) {
        let number = self.number();
        let sql = self.sql("give a $1");
        let rows = language::row_count(number);
        let mut call = Call { texts: vec![sql.clone()], ..self.begin_call("one", &[number]) };
        let exactly = self.rng.in_thousand(500);
        call.counts = rows > 1 || (exactly && rows == 0);
        let ended = match exactly {
            true => {
                map(self.limit(s, |s| s.query_one::<(i64, i32, String)>(&sql, (int8(number),))).await, Some)
            }
            false => self.limit(s, |s| s.query_opt::<(i64, i32, String)>(&sql, (int8(number),))).await,
        };
        if let (Some(row), _) = self.outcome(s, "one", ended, &call, scope) {
            if call.counts && !self.is_touched() {
                self.ledger.find(format!("one: call {number} was given one of {rows} rows"));
            } else {
                let rows = row.into_iter().map(Given::values).collect();
                self.ledger.rows(&self.net, "one", rows, Shape::A, number, "");
            }
        }
    }

    async fn value(&mut self, s: &mut Client, scope: &mut Scope) {
        let number = self.number();
        let sql = self.sql("give b $1");
        let call = Call { texts: vec![sql.clone()], ..self.begin_call("values", &[number]) };
        let ended = self.limit(s, |s| s.query_values::<i64>(&sql, (int8(number),))).await;
        if let (Some(values), _) = self.outcome(s, "values", ended, &call, scope) {
            self.ledger.right += 1;
            let rightful = values.len() as u64 == language::row_count(number)
                && values.iter().all(|n| *n == int8(number));
            if !rightful && !self.is_touched() {
                self.ledger.find(format!("values: call {number} was given {values:?}"));
            }
        }
    }

    async fn dynamic(&mut self, s: &mut Client, scope: &mut Scope) {
        let number = self.number();
        let shape = self.rng.pick(&[Shape::A, Shape::D, Shape::M, Shape::R]);
        let sql = self.sql(&format!("give {} $1", shape.name()));
        let call = Call { texts: vec![sql.clone()], ..self.begin_call("dynamic", &[number]) };
        let ended = self.limit(s, |s| s.query::<Row>(&sql, (int8(number),))).await;
        if let (Some(rows), _) = self.outcome(s, "dynamic", ended, &call, scope) {
            let rows: Result<Vec<Vec<Value>>> = rows.iter().map(|row| dynamic_values(row, shape)).collect();
            match rows {
                Ok(rows) => self.ledger.rows(&self.net, "dynamic", rows, shape, number, ""),
                Err(_) if self.is_touched() => {}
                Err(error) => self.ledger.find(format!("dynamic: call {number}: {error:?}")),
            }
        }
    }

    /// Rows read one by one, up to some row, each of the steps droppable.
    async fn stream(&mut self, s: &mut Client, scope: &mut Scope) {
        let number = self.number();
        let sql = self.sql("give a $1");
        let wanted = self.rng.pick(&[0, 1, 2, 1000]);
        let typed = self.rng.in_thousand(500);
        let call = Call { texts: vec![sql.clone()], ..self.begin_call("stream", &[number]) };
        let polls = self.polls();
        let until = self.now() + DEADLINE;
        let net = self.net.clone();
        let mut got = Vec::new();
        let mut broken = None;
        let reading = async {
            let mut rows = match typed {
                true => s.stream_as::<(i64, i32, String)>(&sql, (int8(number),)).await?,
                false => s.stream(&sql, (int8(number),)).await?,
            };
            while got.len() < wanted {
                match rows.next_row().await? {
                    Some(row) => match row.get::<(i64, i32, String)>() {
                        Ok(row) => got.push(row.values()),
                        Err(error) => {
                            broken = Some(error);
                            break;
                        }
                    },
                    None => return Ok(true),
                }
            }
            Ok(false)
        };
        let ended = limited(polls, until, reading).await;
        let (end, _) = self.outcome(s, "stream", ended, &call, scope);
        match end {
            Some(true) => self.ledger.rows(&net, "stream", got, Shape::A, number, ""),
            _ => self.ledger.first_rows(&net, "stream", got, Shape::A, number, ""),
        }
        if let Some(error) = broken.filter(|_| !self.is_touched()) {
            self.ledger.find(format!("stream: a row of call {number} can't be read: {error:?}"));
        }
    }

    async fn pipeline(&mut self, s: &mut Client, scope: &mut Scope) {
        if self.rng.in_thousand(500) {
            return self.changes(s, scope).await;
        }
        let (first, second, third) = (self.number(), self.number(), self.number());
        let fails = self.rng.in_thousand(200);
        let (give, change) = (self.sql("give c $1"), self.sql("change $1"));
        let last = self.sql(if fails { "fail $1" } else { "give d $1" });
        let mut call = self.begin_call("pipeline", &[first, second, third]);
        call.no_retry = true;
        call.fails = fails.then_some(third);
        call.texts = vec![give.clone(), change.clone(), last.clone()];
        type C = (i64, f64, bool, Vec<Option<String>>);
        let ended = if fails {
            let ended = self
                .limit(s, |s| {
                    s.pipeline((
                        pipeline::query::<C, _>(&give, (int8(first),)),
                        pipeline::execute(&change, (int8(second),)),
                        pipeline::execute(&last, (int8(third),)),
                    ))
                })
                .await;
            map(ended, |(rows, affected, _)| (rows, affected, None))
        } else {
            let ended = self
                .limit(s, |s| {
                    s.pipeline((
                        pipeline::query::<C, _>(&give, (int8(first),)),
                        pipeline::execute(&change, (int8(second),)),
                        pipeline::query::<(i64, language::Item), _>(&last, (int8(third),)),
                    ))
                })
                .await;
            map(ended, |(rows, affected, items)| (rows, affected, Some(items)))
        };
        let (outputs, fate) = self.outcome(s, "pipeline", ended, &call, scope);
        self.ledger.changed(&[second], fate, scope);
        if let Some((rows, affected, items)) = outputs {
            let rows = rows.into_iter().map(Given::values).collect();
            self.ledger.rows(&self.net, "pipeline", rows, Shape::C, first, "");
            self.affected("pipeline", affected, second);
            match items {
                Some(items) => {
                    let items = items.into_iter().map(Given::values).collect();
                    self.ledger.rows(&self.net, "pipeline", items, Shape::D, third, "");
                }
                None if self.is_touched() => {}
                None => self.ledger.find(format!("pipeline: call {third} did not fail")),
            }
        }
    }

    /// Whether the server and the link are right throughout, so that what the test takes for itself is not counted.
    fn is_correct(&self) -> bool {
        self.class() == Class::Correct
    }

    fn class(&self) -> Class {
        self.net.world().server.faults.class()
    }

    /// A statement with several sets of parameters, now and then with so many that they are written in pieces.
    async fn many(&mut self, s: &mut Client, scope: &mut Scope) {
        let many = self.rng.in_thousand(50) && self.is_correct();
        let count = if many { 700 } else { 1 + self.rng.below(6) };
        let numbers: Vec<u64> = (0..count).map(|_| self.number()).collect();
        let sql = self.sql("change $1");
        let mut call = Call { texts: vec![sql.clone()], ..self.begin_call("many", &numbers) };
        call.no_retry = true;
        let sets: Vec<_> = numbers.iter().map(|number| (int8(*number),)).collect();
        let ended = self.limit(s, |s| s.execute_many(&sql, sets)).await;
        let (affected, fate) = self.outcome(s, "many", ended, &call, scope);
        self.ledger.changed(&numbers, fate, scope);
        if let Some(affected) = affected {
            self.affected("many", affected, numbers.iter().sum());
        }
    }

    /// A pipeline whose parts succeed or fail each by itself.
    async fn each(&mut self, s: &mut Client, scope: &mut Scope) {
        let many = self.rng.in_thousand(20) && self.is_correct();
        let count = if many { 600 } else { 1 + self.rng.below(6) };
        let numbers: Vec<u64> = (0..count).map(|_| self.number()).collect();
        let sql = self.sql("change $1");
        let mut call = Call { texts: vec![sql.clone()], ..self.begin_call("each", &numbers) };
        call.no_retry = true;
        let parts: Vec<_> = numbers.iter().map(|number| pipeline::execute(&sql, (int8(*number),))).collect();
        let ended = self.limit(s, |s| s.pipeline_each(parts)).await;
        let (results, fate) = self.outcome(s, "each", ended, &call, scope);
        let Some(results) = results else {
            return numbers.iter().for_each(|number| self.ledger.changed(&[*number], fate, scope));
        };
        for (result, number) in results.into_iter().zip(numbers) {
            let (affected, fate) = self.outcome(s, "each", Ended::Done(result), &call, scope);
            self.ledger.changed(&[number], fate, scope);
            if let Some(affected) = affected {
                self.affected("each", affected, number);
            }
        }
    }

    /// A pipeline that is a list.
    async fn changes(&mut self, s: &mut Client, scope: &mut Scope) {
        match self.rng.below(3) {
            0 => return self.many(s, scope).await,
            1 if scope.depth == 0 => return self.each(s, scope).await,
            _ => {}
        }
        let count = 1 + self.rng.below(6);
        let numbers: Vec<u64> = (0..count).map(|_| self.number()).collect();
        let sql = self.sql("change $1");
        let mut call = Call { texts: vec![sql.clone()], ..self.begin_call("changes", &numbers) };
        call.no_retry = true;
        let parts: Vec<_> = numbers.iter().map(|number| pipeline::execute(&sql, (int8(*number),))).collect();
        let ended = self.limit(s, |s| s.pipeline(parts)).await;
        let (outputs, fate) = self.outcome(s, "changes", ended, &call, scope);
        self.ledger.changed(&numbers, fate, scope);
        for (affected, number) in outputs.into_iter().flatten().zip(numbers) {
            self.affected("changes", affected, number);
        }
    }

    async fn batch(&mut self, s: &mut Client, scope: &mut Scope) {
        let (first, second, third) = (self.number(), self.number(), self.number());
        let fails = self.rng.in_thousand(200);
        let last = if fails { "fail" } else { "change" };
        let sql = format!("change {first}; give b {second}; {last} {third}");
        let mut call = Call { texts: vec![sql.clone()], ..self.begin_call("batch", &[first, second, third]) };
        call.fails = fails.then_some(third);
        let ended = self.limit(s, |s| s.batch_execute(&sql)).await;
        let (done, fate) = self.outcome(s, "batch", ended, &call, scope);
        match fails {
            true => self.ledger.changed(&[first], fate, scope),
            false => self.ledger.changed(&[first, third], fate, scope),
        }
        self.ledger.right += u64::from(done.is_some());
        if fails && done.is_some() && !self.is_touched() {
            self.ledger.find(format!("batch: call {third} did not fail"));
        }
    }

    async fn prepare(&mut self, s: &mut Client, scope: &mut Scope) {
        let shape = self.rng.pick(&[Shape::A, Shape::D]);
        let sql = self.sql(&format!("give {} $1", shape.name()));
        let mut call = Call { texts: vec![sql.clone()], ..self.begin_call("prepare", &[]) };
        call.no_retry = true;
        let ended = self.limit(s, |s| s.prepare(&sql)).await;
        if let (Some(description), _) = self.outcome(s, "prepare", ended, &call, scope) {
            self.ledger.right += 1;
            let names: Vec<&str> = description.columns.iter().map(|column| column.name()).collect();
            let rightful: Vec<&str> = shape.columns().iter().map(|(name, _)| *name).collect();
            if (names != rightful || description.parameters.len() != 1) && !self.is_touched() {
                self.ledger.find(format!("prepare: {sql} has the columns {names:?}"));
            }
        }
    }

    async fn ping(&mut self, s: &mut Client, scope: &mut Scope) {
        let call = self.begin_call("ping", &[]);
        if self.rng.in_thousand(500) {
            return self.pause(s, &call, scope).await;
        }
        let ended = self.limit(s, |s| s.ping()).await;
        let (done, _) = self.outcome(s, "ping", ended, &call, scope);
        self.ledger.right += u64::from(done.is_some());
    }

    /// It takes as long as was said, or the server has closed the connection.
    async fn pause(&mut self, s: &mut Client, call: &Call, scope: &mut Scope) {
        // What was dropped before it is settled first.
        if !matches!(self.limit(s, |s| s.ping()).await, Ended::Done(Ok(()))) {
            return;
        }
        let (began, time) = (self.now(), self.rng.below(2 * SECOND));
        let ended = self.limit(s, |s| s.pause(Duration::from_micros(time))).await;
        let (done, _) = self.outcome(s, "pause", ended, call, scope);
        let took = self.now().0 - began.0;
        if done.is_some() && took < time {
            self.ledger.find(format!("pause: {took} of {time} microseconds"));
        }
        self.ledger.right += u64::from(done.is_some());
    }

    /// What is seldom asked.
    async fn odd(&mut self, s: &mut Client, scope: &mut Scope) {
        let number = self.number();
        let which = self.rng.below(7);
        let mut call = self.begin_call("odd", &[number]);
        call.copies = which < 4;
        call.misspelt = which == 4;
        let copy_in = format!("copy {number} from stdin");
        let copy_out = format!("copy {number} to stdout");
        let misspelt = self.sql("selct $1");
        let ended = match which {
            0 => map(self.limit(s, |s| s.execute(&copy_in, ())).await, |_| ()),
            1 => map(self.limit(s, |s| s.query::<(i64,)>(&copy_out, ())).await, drop),
            2 => self.limit(s, |s| s.batch_execute(&copy_in)).await,
            3 => self.limit(s, |s| s.batch_execute(&copy_out)).await,
            4 => map(self.limit(s, |s| s.execute(&misspelt, (int8(number),))).await, |_| ()),
            5 => map(self.limit(s, |s| s.execute("", ())).await, |_| ()),
            _ => self.limit(s, |s| s.batch_execute("deallocate all")).await,
        };
        let (done, _) = self.outcome(s, "odd", ended, &call, scope);
        self.ledger.right += u64::from(done.is_some());
        if done.is_some() && which < 5 && !self.is_touched() {
            self.ledger.find(format!("odd: call {number} ({which}) did not fail"));
        }
    }

    /// Statements that take long, or for ever, of which most are dropped.
    async fn slow(&mut self, s: &mut Client, scope: &mut Scope) {
        let number = self.number();
        let forever = self.rng.in_thousand(300);
        let sql = format!("change $1 {}", if forever { "forever" } else { "slowly" });
        let mut call = Call { texts: vec![sql.clone()], ..self.begin_call("slow", &[number]) };
        call.forever = forever;
        let polls = if self.rng.in_thousand(600) { Some(self.rng.below(5)) } else { None };
        let until = self.now() + DEADLINE;
        let ended = limited(polls, until, s.execute(&sql, (int8(number),))).await;
        let (affected, fate) = self.outcome(s, "slow", ended, &call, scope);
        self.ledger.changed(&[number], fate, scope);
        if let Some(affected) = affected {
            self.affected("slow", affected, number);
        }
    }

    /// A transaction or savepoint, ended in one of the ways there are.
    async fn transaction(&mut self, s: &mut Client, scope: &mut Scope) {
        let count = self.rng.below(4);
        let ending = self.rng.below(8);
        let polls = if self.rng.in_thousand(self.drops) { Some(self.rng.below(60)) } else { None };
        let mut inner = Scope { depth: scope.depth + 1, disturbed: scope.disturbed, ..Scope::default() };
        // What the COMMIT travels with.
        let last = (ending == 4).then(|| (self.number(), self.sql("change $1")));
        let numbers: Vec<u64> = last.iter().map(|(number, _)| *number).collect();
        let mut call = self.begin_call("begin", &numbers);
        call.texts.extend(last.iter().map(|(_, sql)| sql.clone()));
        call.ends = true;
        let net = self.net.clone();
        // A transaction may hold many calls.
        let until = self.now() + 1000 * SECOND;
        let mut fate = Fate::Undone;
        let mut committing = false;
        let mut limit = None;
        let body = async {
            let mut tx = s.begin().await?;
            self.calls(tx.session(), &mut inner, count).await;
            let number_of_cancels = self.net.world().server.cancelled.len();
            call.cancelled_before = number_of_cancels;
            self.story.push(format!("{:>9} end {} of depth {}", self.now().0, ending, inner.depth));
            self.net.world().begin_call(DEADLINE);
            self.hurry(&mut tx);
            limit = self.limit;
            if let Some((number, sql)) = &last {
                committing = true;
                inner.made.push(*number);
                return tx.commit_with(pipeline::execute(sql, (int8(*number),))).await.map(drop);
            }
            match ending {
                0..5 => {
                    committing = true;
                    tx.commit().await
                }
                5 => tx.rollback().await,
                _ => {
                    drop(tx);
                    Ok(())
                }
            }
        };
        let ended = limited(polls, until, body).await;
        let all_made = inner.made.clone();
        call.limit = call.limit.or(limit);
        match &ended {
            Ended::Done(Ok(())) if committing => fate = Fate::Kept,
            Ended::Done(Err(error)) if committing => {
                fate = fate_of(error);
                let committed = !all_made.is_empty()
                    && scope.depth == 0
                    && all_made.iter().all(|number| net.world().server.committed.contains(number));
                if committed && matches!(error.kind(), ErrorKind::Io | ErrorKind::Closed) {
                    self.ledger
                        .find(format!("{all_made:?} were committed, and commit() ended with {error:?}"));
                }
            }
            Ended::Dropped | Ended::TimedOut if committing => fate = Fate::Unknown,
            _ => {}
        }
        self.story.push(format!("{:>9} depth {} is {fate:?}", self.now().0, inner.depth));
        let disturbed = inner.disturbed;
        let seen = Scope { depth: inner.depth, disturbed, ..Scope::default() };
        // What ended inside doesn't make the transaction around it fail.
        let before = scope.disturbed;
        let mut judged = seen;
        let _ = self.outcome(s, "end", ended, &call, &mut judged);
        scope.disturbed = before || (scope.depth > 0 && fate != Fate::Kept);
        self.ledger.close(inner, fate, scope);
        if fate == Fate::Kept && disturbed && scope.depth > 0 {
            scope.disturbed = true;
        }
    }

    /// Runs a call, and drops it at some poll, or when it takes too long.
    async fn limit<'s, T, F: Future<Output = Result<T>>>(
        &mut self,
        s: &'s mut Client,
        call: impl FnOnce(&'s mut Client) -> F,
    ) -> Ended<Result<T>> {
        let (polls, until, began) = (self.polls(), self.now() + DEADLINE, self.now());
        let ended = limited(polls, until, call(s)).await;
        if let Some(limit) = self.limit {
            let took = Duration::from_micros(self.now().0 - began.0);
            if took > limit + CANCEL_TIMEOUT + SLACK {
                self.ledger.find(format!("a call with a deadline of {limit:?} took {took:?}"));
            }
        }
        ended
    }

    /// Once nothing more goes wrong a call must have its answer, or the connection say that it is closed: because of what
    /// went wrong before it, and may be noticed only now.
    pub(super) async fn last_call(&mut self, s: &mut Client) {
        self.limit = Some(LAST);
        s.set_deadline(self.limit);
        let number = self.number();
        let call = self.begin_call("last", &[number]);
        // A text of its own, of which nothing false can be known.
        let last = s.query::<(i64, i32, String)>("give a $1 /*last*/", (int8(number),));
        let ended = limited(None, self.now() + 2 * LAST, last).await;
        let outcome = match &ended {
            Ended::Done(Ok(_)) => String::new(),
            Ended::Done(Err(error)) => format!("{error:?}"),
            Ended::Dropped | Ended::TimedOut => "no end".to_owned(),
        };
        if let (Some(rows), _) = self.outcome(s, "last", ended, &call, &mut Scope::default()) {
            let rows = rows.into_iter().map(Given::values).collect();
            return self.ledger.rows(&self.net, "last", rows, Shape::A, number, "");
        }
        let is_in_a_transaction =
            self.net.world().server.faults.hid_a_transaction && outcome.contains("IN_FAILED_SQL_TRANSACTION");
        if !(s.says_closed() || is_in_a_transaction) || self.is_correct() {
            self.ledger.find(format!("last: neither an answer nor a closed connection, but {outcome}"));
        }
    }
}

/// Whether the server's word that it was cancelled is beneath an error.
fn said_cancelled(error: &Error) -> bool {
    let beneath = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Error>());
    beneath.is_some_and(Error::is_cancelled)
}

pub(super) fn fate_of(error: &Error) -> Fate {
    match error.kind() {
        // It was cancelled, and the server said so.
        ErrorKind::Timeout if said_cancelled(error) => Fate::Undone,
        ErrorKind::Io
        | ErrorKind::Closed
        | ErrorKind::Timeout
        | ErrorKind::CommitUnknown
        | ErrorKind::Protocol => Fate::Unknown,
        _ => Fate::Undone,
    }
}

fn int8(number: u64) -> i64 {
    i64::try_from(number).expect("numbers are small")
}

fn map<T, U>(ended: Ended<Result<T>>, f: impl FnOnce(T) -> U) -> Ended<Result<U>> {
    match ended {
        Ended::Done(result) => Ended::Done(result.map(f)),
        Ended::Dropped => Ended::Dropped,
        Ended::TimedOut => Ended::TimedOut,
    }
}

fn dynamic_values(row: &Row, shape: Shape) -> Result<Vec<Value>> {
    let first = Value::Int8(row.get("n")?);
    Ok(match shape {
        Shape::D => vec![first, Value::Item(row.get("item")?)],
        Shape::M => vec![first, Value::Mood(row.get("mood")?)],
        Shape::R => vec![
            first,
            Value::Range(row.get("r")?),
            Value::Multirange(row.get::<Multirange<i32>>("ranges")?.into_ranges()),
            Value::Numeric(row.get::<Numeric>("d")?.to_string()),
            row.get::<Hstore>("h")?.into(),
        ],
        _ => vec![first, Value::Int4(row.get("i")?), Value::Text(row.get("t")?)],
    })
}

/// Polls a future so many times at most, and until that moment.
pub(super) async fn limited<F: Future>(polls: Option<u64>, until: Moment, future: F) -> Ended<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == Some(0) {
            return Poll::Ready(Ended::Dropped);
        }
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Ended::Done(output));
        }
        left = left.map(|left| left - 1);
        if Moment::now() >= until {
            return Poll::Ready(Ended::TimedOut);
        }
        clock::wake_at(until);
        if left == Some(0) { Poll::Ready(Ended::Dropped) } else { Poll::Pending }
    })
    .await
}
