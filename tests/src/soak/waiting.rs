//! What waiting for a notification that doesn't come costs, in each way of waiting.

use super::cpu_time;
use crate::server::{Database, Server};
use pg_blocking::wait::{self, WaitPoll};
use pg_core::{Result, Session};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// The limit for ten seconds.
const LIMIT: Duration = Duration::from_millis(5);

/// How often a listener tries its link; unless it is said, not once in these ten seconds.
const HEARTBEAT: Duration = Duration::from_secs(1);

type Way = (&'static str, fn(&Database, Duration) -> Result<Duration>);

const WAYS: [Way; 6] = [
    ("blocking", |database, time| {
        let client = pg_blocking::Config::new(&database.url())?.connect()?;
        pg_blocking::complete(wait(client.into_inner(), time))
    }),
    ("blocking, with an interrupt", |database, time| {
        let strategy = Arc::new(WaitPoll::new().interrupted_by(Arc::default()));
        let client = wait::connect(&pg_blocking::Config::new(&database.url())?, strategy)?;
        pg_blocking::complete(wait(client.into_inner(), time))
    }),
    ("non-blocking", |database, time| {
        let client = pg_blocking::nonblocking::connect(&pg_blocking::Config::new(&database.url())?).wait()?;
        client.task(async move |client| wait(client, time).await).wait()
    }),
    ("async", |database, time| {
        let config = pg_async::Config::new(&database.url())?;
        in_this_thread(async { wait(config.connect().await?, time).await })
    }),
    ("Listener, blocking, a heartbeat a second", |database, time| {
        let config = pg_blocking::Config::new(&database.url())?;
        let listener = pg_blocking::Listener::connect(&config, &["blocking"])?;
        let mut listener = listener.heartbeat(HEARTBEAT, HEARTBEAT);
        let before = cpu_time();
        wake(database, "blocking", time);
        listener.next()?;
        Ok(cpu_time() - before)
    }),
    ("Listener, async, a heartbeat a second", |database, time| {
        let config = pg_async::Config::new(&database.url())?;
        in_this_thread(async {
            let listener = pg_async::Listener::connect(&config, &["async"]).await?;
            let mut listener = listener.heartbeat(HEARTBEAT, HEARTBEAT);
            let before = cpu_time();
            wake(database, "async", time);
            listener.next().await?;
            Ok(cpu_time() - before)
        })
    }),
];

/// Waits so long in each way, all at a time; the CPU time of each.
///
/// # Panics
/// If one of them takes more than its limit, which is that for ten seconds.
pub fn wait_for_nothing(time: Duration) -> String {
    let database = Server::shared().database();
    let database = &database;
    let measured: Vec<(&str, Duration)> = std::thread::scope(|scope| {
        let threads = WAYS.map(|(name, way)| (name, scope.spawn(move || way(database, time))));
        let took = threads.map(|(name, thread)| match thread.join() {
            Ok(Ok(took)) => (name, took),
            Ok(Err(error)) => panic!("{name}: {error}"),
            Err(panicked) => std::panic::resume_unwind(panicked),
        });
        took.into()
    });
    for (name, took) in &measured {
        assert!(*took < LIMIT, "{name}: {took:?} of CPU in {time:?}");
    }
    let lines = measured.iter().map(|(name, took)| format!("{name}: {:.2} ms", took.as_secs_f64() * 1_000.0));
    format!("CPU of {time:?} of waiting: {}", lines.collect::<Vec<_>>().join("; "))
}

async fn wait<S: Session>(mut session: S, time: Duration) -> Result<Duration> {
    session.listen("c").await?;
    let before = cpu_time();
    assert_eq!(session.wait_notification(time).await?, None);
    Ok(cpu_time() - before)
}

/// All that a runtime does is done in the thread that is measured.
fn in_this_thread<T>(body: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap_or_else(|error| panic!("no tokio runtime: {error}")).block_on(body)
}

/// A listener waits without end: somebody else, in a thread that isn't measured, ends it.
fn wake(database: &Database, channel: &'static str, time: Duration) {
    let config = pg_blocking::Config::new(&database.url());
    std::thread::spawn(move || -> Result<()> {
        std::thread::sleep(time);
        config?.connect()?.notify(channel, "wake")
    });
}
