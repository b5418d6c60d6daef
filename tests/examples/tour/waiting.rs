//! Notifications, the ways of waiting, observers and pools.

use crate::{Outcome, Tour};
use pg_blocking::pg_core::exchange::{collect::Value, query::Request};
use pg_blocking::pg_core::listener::Signal;
use pg_blocking::pg_core::observe::Log;
use pg_blocking::pool::Manager;
use pg_blocking::wait::{self, Failure, Ready, Wait, WaitPoll, Wanted};
use pg_blocking::{Heard, Listener, Result, Session, complete, nonblocking, observe};
use pg_tests::relay::{Cut, Relay};
use rustix::event::{PollFd, PollFlags, poll};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A notification is waited for, and a listener whose link is cut says so.
pub(crate) fn notifications(tour: &mut Tour) -> Outcome {
    let mut other = pg_blocking::Config::new(&tour.database.url())?.connect()?;
    other.listen("orders")?;
    tour.client.notify("orders", "nr 7")?;
    let heard = other.wait_notification(Duration::from_secs(10))?.and_then(Heard::notification);
    tour.screen.pair("heard", heard.map(|heard| heard.payload).ok_or("nothing was heard")?);
    let relay = Relay::to(&tour.database);
    let config = pg_blocking::Config::new(&relay.url(&tour.database))?;
    let mut listener = Listener::connect(&config, &["orders"])?;
    relay.cut(Cut::Fin);
    match listener.next()? {
        Signal::Gap(why) => tour.screen.pair("a gap", why.summary()),
        other => return Err(format!("{other:?}").into()),
    }
    tour.client.notify("orders", "nr 8")?;
    match listener.next()? {
        Signal::Notification(heard) => tour.screen.pair("heard by the next connection", heard.payload),
        other => return Err(format!("{other:?}").into()),
    }
    Ok(())
}

/// A call is interrupted from outside, and the connection goes on.
pub(crate) fn interrupt(tour: &mut Tour) -> Outcome {
    let flag = Arc::new(AtomicBool::new(true));
    tour.client.get_mut().set_wait(Some(Arc::new(WaitPoll::new().interrupted_by(Arc::clone(&flag)))));
    let error = tour.client.execute("select pg_sleep(60)", ()).expect_err("it is interrupted");
    tour.screen.block(&error);
    assert!(!flag.load(Ordering::SeqCst));
    tour.client.ping()?;
    tour.client.get_mut().set_wait(None);
    Ok(())
}

/// Blocking, through a callback, polled by hand, under tokio and under smol.
pub(crate) fn each_way(tour: &mut Tour) -> Outcome {
    async fn ask<S: Session>(mut session: S) -> Result<i32> {
        session.query_value("select 6 * 7", ()).await
    }
    tour.screen.sql("async fn ask<S: Session>(mut session: S) -> Result<i32>");
    let config = pg_blocking::Config::new(&tour.database.url())?;
    tour.screen.pair("in the system's read", complete(ask(config.connect()?.into_inner()))?);
    let callback = |fd: BorrowedFd<'_>, wanted: Wanted, until: Option<Instant>| -> Result<Ready, Failure> {
        WaitPoll::new().wait(fd, wanted, until)
    };
    let client = wait::connect(&config, Arc::new(callback))?;
    tour.screen.pair("in a function of yours", complete(ask(client.into_inner()))?);
    tour.screen.pair("polled by hand", nonblocking::connect(&config).wait()?.task(ask).wait()?);
    let config = pg_async::Config::new(&tour.database.url())?;
    let asynchronous = async { ask(config.connect().await?).await };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tour.screen.pair("under tokio", runtime.block_on(asynchronous)?);
    tour.screen.pair("under smol", smol::block_on(async { ask(config.connect().await?).await })?);
    Ok(())
}

/// Three statements of 0.1 s on three connections, of which none is waited for.
pub(crate) fn never(tour: &mut Tour) -> Outcome {
    let config = pg_blocking::Config::new(&tour.database.url())?;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(nonblocking::connect(&config).wait()?);
    }
    let start = Instant::now();
    let ask = |mut client: nonblocking::Client| {
        let query = client.start(Request::new("select 7 from pg_sleep(0.1)", (), Value::<i32>::default()));
        (client, query)
    };
    let mut asked: Vec<_> = clients.into_iter().map(ask).collect();
    let mut sum = 0;
    while !asked.is_empty() {
        for (mut client, mut query) in std::mem::take(&mut asked) {
            match client.poll(&mut query)?.ready() {
                Some(answer) => sum += answer,
                None => asked.push((client, query)),
            }
        }
        let mut fds: Vec<_> =
            asked.iter().map(|(client, _)| PollFd::from_borrowed_fd(client.as_fd(), PollFlags::IN)).collect();
        if !fds.is_empty() {
            poll(&mut fds, None)?;
        }
    }
    tour.screen.pair("three answers", sum);
    tour.screen.pair("together in less than 0.3 s", start.elapsed() < Duration::from_millis(300));
    Ok(())
}

/// Lines for what is slow or fails.
pub(crate) fn observers(tour: &mut Tour) -> Outcome {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = Log::to(Lines(Arc::clone(&lines))).min_time(Duration::from_millis(20));
    let mut observed = observe(&mut tour.client, log);
    observed.query_value::<i32>("select 1", ())?;
    observed.execute("select pg_sleep($1)", (0.02,))?;
    observed.batch_execute("alter role nobody_here password 'secret'").expect_err("there is no such role");
    drop(observed);
    let lines = lines.lock().map_err(|e| e.to_string())?;
    tour.screen.block(String::from_utf8_lossy(&lines));
    Ok(())
}

/// Several hold what is written.
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What one borrower changed, the next one doesn't find, in no round trip more.
pub(crate) fn pools(tour: &mut Tour) -> Outcome {
    let pool = r2d2::Pool::builder().max_size(1).build(Manager::new(tour.config()?))?;
    pool.get()?.query_value::<i64>("select $1::int8", (1_i64,))?;
    pool.get()?.batch_execute("set timezone = 'Asia/Tokyo'")?;
    let mut next = pool.get()?;
    tour.relay.reset();
    next.query_value::<i64>("select $1::int8", (1_i64,))?;
    tour.screen.cost("the next borrower's first statement", tour.relay.round_trips());
    let zone: String = next.query_value("show timezone", ())?;
    tour.screen.pair("its time zone", &zone);
    assert_ne!(zone, "Asia/Tokyo");
    Ok(())
}
