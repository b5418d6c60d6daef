//! Observers, logs, spans and factories: what is told of a session, when, and that nothing else changes.

use pg_core::exchange::{Exchange, Kind, pipeline};
use pg_core::observe::{Event, Log, Observed, Observer};
use pg_core::protocol::connection::Connection;
use pg_core::{Lifecycle, Result, Run, Session};
use pg_tests::clients::{pg_async, pg_blocking, still_answers};
use pg_tests::server::{Auth, Database, Options, Server};
use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Each look at this clock is a millisecond later than the last.
fn ticks() -> Duration {
    static TICKS: AtomicU64 = AtomicU64::new(0);
    Duration::from_millis(TICKS.fetch_add(1, Ordering::Relaxed))
}

/// What was told, in words.
#[derive(Clone, Default)]
struct Story(Arc<Mutex<Vec<String>>>);

impl Story {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Story {
    fn observe(&mut self, event: &Event<'_>) {
        let words = match event {
            Event::Connected { error, .. } => format!("connected {}", error.is_none()),
            Event::Started(_) => return,
            Event::Ended(call, ended) => {
                assert!(ended.took > Duration::ZERO);
                let outcome = match ended.error {
                    Some(error) => {
                        error.sqlstate().map_or("failed".to_owned(), |code| code.code().to_owned())
                    }
                    None if ended.is_dropped => "dropped".to_owned(),
                    None => format!("{} rows, {} bytes", ended.rows, ended.bytes),
                };
                format!("{:?} {} ({}): {outcome}", call.kind, call.sql, call.parameters)
            }
            Event::Notice(notice) => format!("notice {}", notice.message),
            Event::Notification(heard) => format!("notification {} {}", heard.channel, heard.payload),
            Event::Parameter { name, value } => format!("{name} is {value}"),
            Event::Closed { .. } => "closed".to_owned(),
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(words);
    }
}

async fn an_observer_is_told_of_everything<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let story = Story::default();
    let mut observed = Observed::new(&mut *client, story.clone(), ticks);
    observed
        .batch_execute("create temp table t (n int4); do $$ begin raise notice 'careful'; end $$")
        .await?;
    observed.execute("insert into t select generate_series(1, $1)", (10,)).await?;
    observed.query::<(i32,)>("select n from t where n > $1", (7,)).await?;
    observed.prepare("select 1").await?;
    observed.query::<(i32,)>("select 1/0", ()).await.unwrap_err();
    observed.batch_execute("set application_name = 'till'").await?;
    observed.listen("c").await?;
    observed.notify("c", "p").await?;
    let mut tx = observed.begin().await?;
    tx.pipeline((pipeline::execute("delete from t", ()), pipeline::execute("select 1", ()))).await?;
    tx.commit().await?;
    let mut rows = observed.stream_as::<(i32,)>("select generate_series(1, 100000)", ()).await?;
    assert!(rows.next_row().await?.is_some());
    let mut copy = observed.copy_in("copy t from stdin").await?;
    copy.write(b"1\n").await?;
    copy.finish().await?;
    drop(observed);
    let expected = [
        "Batch create temp table t (n int4); do $$ begin raise notice 'careful'; end $$ (0): 0 rows, 0 bytes",
        "notice careful",
        "Query insert into t select generate_series(1, $1) (1): 10 rows, 0 bytes",
        "Query select n from t where n > $1 (1): 3 rows, 24 bytes",
        "Prepare select 1 (0): 0 rows, 0 bytes",
        "Query select 1/0 (0): 22012",
        "Batch set application_name = 'till' (0): 0 rows, 0 bytes",
        "application_name is till",
        "Batch LISTEN \"c\" (0): 0 rows, 0 bytes",
        "Query select pg_notify($1, $2) (2): 1 rows, 4 bytes",
        "notification c p",
        "Begin BEGIN (0): 0 rows, 0 bytes",
    ];
    let told = story.take();
    assert_eq!(told[..expected.len()], expected, "{told:#?}");
    let kinds: Vec<&str> =
        told[expected.len()..].iter().map(|words| words.split(' ').next().unwrap()).collect();
    assert_eq!(kinds, ["Pipeline", "Commit", "Stream", "Copy", "closed"], "{told:#?}");
    while client.connection().inbox().next_notification().is_some() {}
    still_answers(client).await
}

/// An exchange of more than a piece: what was written is all of it, and what was read too.
async fn what_comes_in_pieces_is_whole<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let story = Story::default();
    let mut observed = Observed::new(&mut *client, story.clone(), ticks);
    observed.batch_execute("create temp table t (n int8)").await?;
    story.take();
    let insert = "insert into t values ($1) returning n";
    assert_eq!(observed.execute_many(insert, (0..2_000_i64).map(|n| (n,))).await?, 2_000);
    let rows: Vec<(i64,)> = observed.query_many(insert, (0..2_000_i64).map(|n| (n,))).await?;
    assert_eq!(rows.len(), 2_000);
    let parts = || (0..2_000_i64).map(|n| pipeline::execute(insert, (n,))).collect::<Vec<_>>();
    assert_eq!(observed.pipeline(parts()).await?.len(), 2_000);
    assert_eq!(observed.pipeline_each(parts()).await?.into_iter().filter(Result::is_ok).count(), 2_000);
    let mut tx = observed.begin().await?;
    tx.execute(insert, (0_i64,)).await?;
    assert_eq!(tx.commit_with(parts()).await?.len(), 2_000);
    drop(observed);
    assert_eq!(client.query_value::<i64>("select count(*) from t", ()).await?, 10_001);
    let told = story.take();
    assert_eq!(told.iter().filter(|words| words.contains(": 2000 rows")).count(), 5, "{told:#?}");
    still_answers(client).await
}

/// Side by side, or one around the other; and of more than can be kept of one call, how much it was.
async fn several_observers_are_told_all_the_same<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let [inner, one, two] = [Story::default(), Story::default(), Story::default()];
    let observed = Observed::new(&mut *client, inner.clone(), ticks);
    let mut observed = Observed::new(observed, (one.clone(), two.clone()), ticks);
    observed.batch_execute("do $$ begin raise notice 'careful'; end $$").await?;
    let many = "do $$ begin for n in 1..1010 loop raise notice 'again'; end loop; end $$";
    observed.batch_execute(many).await?;
    // What comes with the pieces of a stream is told with them.
    let noisy = "create function pg_temp.noisy(n int4) returns int4 language plpgsql as \
                 $$ begin raise notice 'noise %', n; return n; end $$";
    observed.batch_execute(noisy).await?;
    let mut rows = observed.stream("select pg_temp.noisy(n) from generate_series(1, 3) n", ()).await?;
    while rows.next_row().await?.is_some() {}
    drop(observed);
    let told = inner.take();
    assert_eq!(told.iter().filter(|words| *words == "notice careful").count(), 1);
    assert_eq!(told.iter().filter(|words| *words == "notice again").count(), 1_000);
    assert_eq!(told.iter().filter(|words| *words == "Lost(10)").count(), 1, "{told:#?}");
    let noises: Vec<&String> = told.iter().filter(|words| words.starts_with("notice noise")).collect();
    assert_eq!(noises, ["notice noise 1", "notice noise 2", "notice noise 3"]);
    for story in [one, two] {
        assert_eq!(story.take(), told);
    }
    still_answers(client).await
}

/// A clock of its own, and nothing that is told.
struct Off;

impl Observer for Off {
    fn observe(&mut self, event: &Event<'_>) {
        assert!(!matches!(event, Event::Started(_) | Event::Ended(..)), "{event:?}");
    }

    fn is_on(&self) -> bool {
        false
    }
}

/// A sink that wants nothing.
struct Silent;

impl pg_core::observe::Sink for Silent {
    fn line(&mut self, line: &str, _: bool) {
        panic!("{line}");
    }

    fn is_on(&self, _: bool) -> bool {
        false
    }
}

async fn who_is_off_is_told_of_no_call<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    still_answers(&mut Observed::new(&mut *client, Off, ticks)).await?;
    let filtered = Log::to(Silent).filter(|_, _| panic!("nothing is looked at"));
    still_answers(&mut Observed::new(&mut *client, filtered, ticks)).await
}

async fn a_log_has_a_line_for_what_took_long_or_failed<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = Log::to(Shared(Arc::clone(&lines))).filter(|call, _| call.kind != Kind::Ping);
    let mut logged = Observed::new(&mut *client, log, ticks);
    logged.query_value::<i32>("select $1::int4\n + 1", (1,)).await?;
    logged.ping().await?;
    logged.execute("select nonsense", ()).await.unwrap_err();
    drop(logged);
    let text = String::from_utf8(std::mem::take(&mut *lines.lock().unwrap())).unwrap();
    let lines_of: Vec<&str> = text.lines().collect();
    assert_eq!(lines_of.len(), 2, "{text}");
    assert_eq!(lines_of[0].split_once(" ms ").unwrap().1, "query select $1::int4  + 1 (1 parameter, 1 row)");
    assert!(lines_of[1].contains("select nonsense") && lines_of[1].contains("failed: "), "{text}");
    // Only what takes an hour, and what fails.
    let log = Log::to(Shared(Arc::clone(&lines))).min_time(Duration::from_secs(3600));
    let mut logged = Observed::new(&mut *client, log, ticks);
    logged.ping().await?;
    logged.execute("select nonsense", ()).await.unwrap_err();
    // One call is one line, whatever the server says; and no line has a password.
    logged.batch_execute("do $$ begin raise exception E'a\\nb\\u001b[31m'; end $$").await.unwrap_err();
    logged.batch_execute("alter role nobody_here password 'secret'").await.unwrap_err();
    drop(logged);
    let text = String::from_utf8(std::mem::take(&mut *lines.lock().unwrap())).unwrap();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.contains("a b [31m") && text.contains("nobody_here password ***"), "{text}");
    assert!(!text.contains("secret") && !text.contains('\u{1b}'), "{text}");
    still_answers(client).await
}

/// A writer that several hold.
struct Shared(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn spans_have_the_names_of_opentelemetry<S: Session>(
    client: &mut S,
    database: &Database,
) -> Result<()> {
    use tracing::instrument::WithSubscriber;
    let collected = Collected::default();
    let name = database.name().to_owned();
    let observer = pg_core::observe::Tracing::new(&name, "db.example.com", 5432);
    let mut observed = Observed::new(&mut *client, observer, ticks);
    let work = async {
        observed.query::<(i32,)>("/* trace 7 */ select generate_series(1, 3)", ()).await?;
        observed.batch_execute("alter role nobody_here password 'secret'").await.unwrap_err();
        observed.query::<(i32,)>("select 1/0", ()).await.unwrap_err();
        Ok::<(), pg_core::Error>(())
    };
    work.with_subscriber(collected.clone()).await?;
    drop(observed);
    let spans = collected.0.lock().unwrap().clone();
    for wanted in [
        "db.system.name=postgresql",
        &format!("db.namespace={name}"),
        "server.address=db.example.com",
        "server.port=5432",
        "db.operation.name=SELECT",
        "otel.name=SELECT",
        "db.query.text=/* trace 7 */ select generate_series(1, 3)",
        "db.query.text=alter role nobody_here password ***",
        "db.response.returned_rows=3",
        "db.response.status_code=22012",
        "error.type=22012",
    ] {
        assert!(spans.iter().any(|field| field == wanted), "{wanted} in {spans:#?}");
    }
    still_answers(client).await
}

/// A subscriber that keeps all fields.
#[derive(Clone, Default)]
struct Collected(Arc<Mutex<Vec<String>>>);

impl tracing::field::Visit for Collected {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push(format!("{}={}", field.name(), format!("{value:?}").trim_matches('"')));
    }
}

impl tracing::Subscriber for Collected {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "pg"
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        span.record(&mut self.clone());
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

pg_tests::both_clients!(
    an_observer_is_told_of_everything,
    what_comes_in_pieces_is_whole,
    several_observers_are_told_all_the_same,
    who_is_off_is_told_of_no_call,
    a_log_has_a_line_for_what_took_long_or_failed,
    spans_have_the_names_of_opentelemetry,
);

/// A factory's product.
struct Counting<S> {
    inner: S,
    calls: Arc<AtomicUsize>,
}

impl<S: Run> Run for Counting<S> {
    fn run<E: Exchange>(&mut self, exchange: E) -> impl Future<Output = Result<E::Output>> + Send {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.inner.run(exchange)
    }
}

impl<S: Session> Session for Counting<S> {
    fn connection(&mut self) -> &mut Connection {
        self.inner.connection()
    }

    fn nudge(&mut self) {
        self.inner.nudge();
    }
}

#[test]
fn a_factory_makes_each_connection_a_session_of_its_own_kind() {
    let database = Server::shared().database();
    let calls = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&calls);
    let config = pg_blocking::Config::new(&database.url()).unwrap();
    let mut client = config.connect_with(move |inner| Counting { inner, calls: counter }).unwrap();
    assert_eq!(client.query_value::<i32>("select 1", ()).unwrap(), 1);
    client.ping().unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    let counter = Arc::clone(&calls);
    pg_tests::clients::block_on(async move {
        let config = pg_async::Config::new(&database.url()).unwrap();
        let mut client = config.connect_with(move |inner| Counting { inner, calls: counter }).await.unwrap();
        still_answers(&mut client).await.unwrap();
    });
    assert_eq!(calls.load(Ordering::Relaxed), 4);
}

#[test]
fn connecting_is_observed_and_so_is_the_end() {
    let database = Server::shared().database();
    let story = Story::default();
    let config = pg_blocking::Config::new(&database.url()).unwrap();
    let mut client = config.connect_observed(story.clone()).unwrap();
    client.ping().unwrap();
    client.close().unwrap();
    assert_eq!(story.take(), ["connected true", "Ping  (0): 0 rows, 0 bytes", "closed"]);
    config.clone().dbname("no_such_database").connect_observed(story.clone()).unwrap_err();
    assert_eq!(story.take(), ["connected false"]);
    pg_tests::clients::block_on(async {
        let config = pg_async::Config::new(&database.url()).unwrap();
        let mut client = config.connect_observed(story.clone()).await.unwrap();
        let mut dropped = Box::pin(client.execute("select pg_sleep(600)", ()));
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut dropped).await.is_err());
        drop(dropped);
        client.close().await.unwrap();
    });
    let expected = ["connected true", "Query select pg_sleep(600) (0): dropped", "closed"];
    assert_eq!(story.take(), expected);
}

/// All there is to observe a session with, and the `Debug` of each event.
struct Everything {
    log: Log<Shared>,
    tracing: pg_core::observe::Tracing,
    shown: Shared,
}

impl Observer for Everything {
    fn observe(&mut self, event: &Event<'_>) {
        self.log.observe(event);
        self.tracing.observe(event);
        std::io::Write::write_fmt(&mut self.shown, format_args!("{event:?}\n{event:#?}\n")).unwrap();
    }
}

/// Be it right or wrong, whatever the server asks for, and when the session is lost.
#[test]
fn no_password_is_told_to_observers() {
    const RIGHT: &str = "sesame-7391";
    const WRONG: &str = "sesame-7392";
    let roles = [("scram", Auth::Scram), ("md5", Auth::Md5), ("clear", Auth::Password)];
    let options = roles.iter().fold(Options::new(), |options, (role, auth)| options.user(role, RIGHT, *auth));
    let server = Server::start(options).unwrap();
    let lines = Arc::<Mutex<Vec<u8>>>::default();
    let everything = || Everything {
        log: Log::to(Shared(Arc::clone(&lines))),
        tracing: pg_core::observe::Tracing::new("postgres", "localhost", server.port()),
        shown: Shared(Arc::clone(&lines)),
    };
    const END: &str = "select pg_terminate_backend(pg_backend_pid())";
    for (role, _) in roles {
        for password in [RIGHT, WRONG] {
            let place = format!(
                "host=127.0.0.1 port={} user={role} dbname=postgres password={password}",
                server.port()
            );
            let spans = Collected::default();
            tracing::subscriber::with_default(spans.clone(), || {
                let config = pg_blocking::Config::new(&place).unwrap().allow_cleartext_password(true);
                let connected = config.connect_observed(everything());
                assert_eq!(connected.is_ok(), password == RIGHT);
                if let Ok(mut client) = connected {
                    client.execute(END, ()).unwrap_err();
                }
            });
            let observed = async {
                let config = pg_async::Config::new(&place).unwrap().allow_cleartext_password(true);
                let connected = config.connect_observed(everything()).await;
                assert_eq!(connected.is_ok(), password == RIGHT);
                if let Ok(mut client) = connected {
                    client.execute(END, ()).await.unwrap_err();
                }
            };
            use tracing::instrument::WithSubscriber;
            pg_tests::clients::block_on(observed.with_subscriber(spans.clone()));
            let mut words = String::from_utf8(std::mem::take(&mut *lines.lock().unwrap())).unwrap();
            words.push_str(&spans.0.lock().unwrap().join("\n"));
            let told = if password == RIGHT { "57P01" } else { "28P01" };
            assert!(words.contains(told) && words.contains("Connected"), "{words}");
            assert!(!words.contains(RIGHT) && !words.contains(WRONG), "{words}");
        }
    }
}

/// An observer that panics when a call ends.
struct Panics(Arc<AtomicUsize>);

impl Observer for Panics {
    fn observe(&mut self, event: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        if !matches!(event, Event::Started(_)) {
            panic!("the observer has a bug");
        }
    }
}

/// Told of more while its panic unwinds, it would panic again, and the process would end.
#[test]
fn an_observer_that_panics_is_told_nothing_more() {
    let database = Server::shared().database();
    let mut client = pg_blocking::Config::new(&database.url()).unwrap().connect().unwrap();
    let told = Arc::<AtomicUsize>::default();
    let panics = std::panic::AssertUnwindSafe(|| {
        let mut observed = Observed::new(&mut client, Panics(Arc::clone(&told)), ticks);
        pg_blocking::complete(observed.ping())
    });
    std::panic::catch_unwind(panics).unwrap_err();
    assert_eq!(told.load(Ordering::Relaxed), 2);
    pg_blocking::complete(still_answers(&mut client)).unwrap();
}

#[test]
fn what_was_dropped_and_what_could_not_connect_is_traced() {
    use tracing::instrument::WithSubscriber;
    let database = Server::shared().database();
    let collected = Collected::default();
    let work = async {
        let tracing = pg_core::observe::Tracing::new("shop", "db.example.com", 5432);
        let config = pg_async::Config::new(&database.url()).unwrap();
        config.clone().dbname("no_such_database").connect_observed(tracing.clone()).await.unwrap_err();
        let mut client = config.connect_observed(tracing).await.unwrap();
        let mut dropped = Box::pin(client.execute("select pg_sleep(600)", ()));
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut dropped).await.is_err());
    };
    pg_tests::clients::block_on(work.with_subscriber(collected.clone()));
    let fields = collected.0.lock().unwrap().clone();
    for wanted in ["error.type=3D000", "error.type=dropped"] {
        assert!(fields.iter().any(|field| field == wanted), "{wanted} in {fields:#?}");
    }
}
