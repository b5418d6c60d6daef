//! Every operation in every way of waiting: one body for each row, run in calls that block, in calls that wait through a
//! callback, polled by hand, under tokio, and under smol. The matrix is printed: `cargo test --test modes -- --nocapture`.

use pg_blocking::nonblocking;
use pg_blocking::wait::{self, Failure, Ready, Wait, WaitPoll, Wanted};
use pg_core::copy::{CopyFrom, CopyTo};
use pg_core::exchange::pipeline;
use pg_core::{Lifecycle, Result, Session};
use pg_tests::clients::still_answers;
use pg_tests::server::{Database, Server};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

async fn query<S: Session>(s: &mut S) -> Result<()> {
    let rows: Vec<(i32, String)> =
        s.query("select n, 'x' || n from generate_series(1, $1) n", (500,)).await?;
    assert_eq!(rows[499], (500, "x500".to_owned()));
    Ok(())
}

async fn failing_query<S: Session>(s: &mut S) -> Result<()> {
    assert_eq!(s.execute("select 1/0", ()).await.unwrap_err().sqlstate().unwrap().code(), "22012");
    Ok(())
}

async fn prepared<S: Session>(s: &mut S) -> Result<()> {
    let description = s.prepare("select $1::int4 as n").await?;
    assert_eq!((description.parameters.len(), description.columns.len()), (1, 1));
    Ok(())
}

async fn batch<S: Session>(s: &mut S) -> Result<()> {
    s.batch_execute("create temp table b (n int4); insert into b values (1); drop table b").await
}

async fn pipelined<S: Session>(s: &mut S) -> Result<()> {
    let parts = (pipeline::execute("select 1", ()), pipeline::query::<(i32,), _>("select 2", ()));
    assert_eq!(s.pipeline(parts).await?, (1, vec![(2,)]));
    Ok(())
}

async fn stream<S: Session>(s: &mut S) -> Result<()> {
    let mut sum = 0;
    let mut rows = s.stream("select generate_series(1, 20000)", ()).await?;
    while let Some((n,)) = rows.next_as::<(i32,)>().await? {
        sum += i64::from(n);
    }
    assert_eq!(sum, 200_010_000);
    Ok(())
}

async fn dropped_stream<S: Session>(s: &mut S) -> Result<()> {
    let mut rows = s.stream("select generate_series(1, 10000000)", ()).await?;
    assert!(rows.next_row().await?.is_some());
    Ok(())
}

async fn transaction<S: Session>(s: &mut S) -> Result<()> {
    s.execute("create temp table if not exists t (n int4)", ()).await?;
    let mut tx = s.begin().await?;
    tx.execute("insert into t values (1)", ()).await?;
    let mut nested = tx.begin().await?;
    nested.execute("insert into t values (2)", ()).await?;
    drop(nested);
    tx.commit().await?;
    assert_eq!(s.query_values::<i32>("select n from t", ()).await?, [1]);
    Ok(())
}

async fn copy<S: Session>(s: &mut S) -> Result<()> {
    s.execute("create temp table c (n int4, word text)", ()).await?;
    let rows = (0..20_000).map(|n| (n, "a word"));
    assert_eq!(s.copy_in_all(&CopyFrom::table("c"), rows).await?, 20_000);
    let mut out = s.copy_out_rows::<(i32, &str)>(&CopyTo::table("c")).await?;
    let mut count = 0;
    while let Some((_, word)) = out.next_as::<(i32, &str)>().await? {
        assert_eq!(word, "a word");
        count += 1;
    }
    assert_eq!(count, 20_000);
    Ok(())
}

async fn dropped_copy<S: Session>(s: &mut S) -> Result<()> {
    s.execute("create temp table d (n int4)", ()).await?;
    let mut copy = s.copy_in_rows::<(i32,)>(&CopyFrom::table("d")).await?;
    copy.write(&(1,)).await?;
    drop(copy);
    assert_eq!(s.query_value::<i64>("select count(*) from d", ()).await?, 0);
    Ok(())
}

async fn notifications<S: Session>(s: &mut S) -> Result<()> {
    s.listen("modes").await?;
    assert_eq!(s.wait_notification(Duration::from_millis(10)).await?, None);
    s.notify("modes", "here").await?;
    let heard = s.wait_notification(Duration::from_secs(20)).await?;
    assert_eq!(heard.and_then(pg_core::Heard::notification).unwrap().payload, "here");
    s.unlisten_all().await
}

async fn deadline<S: Session>(s: &mut S) -> Result<()> {
    let late = s.within(Duration::from_millis(30)).execute("select pg_sleep(600)", ()).await.unwrap_err();
    assert!(late.is_timeout(), "{late}");
    Ok(())
}

async fn large_values<S: Session>(s: &mut S) -> Result<()> {
    let large = "x".repeat(4_000_000);
    assert!(s.query_value::<String>("select $1::text", (large.as_str(),)).await? == large);
    Ok(())
}

/// The rows of the matrix: each is run on one connection after the other.
macro_rules! rows {
    ($($row:ident),+ $(,)?) => {
        const ROWS: &[&str] = &[$(stringify!($row)),+, "close"];

        async fn all<S: Lifecycle>(mut session: S) -> Result<Vec<&'static str>> {
            let mut done = Vec::new();
            $(
                $row(&mut session).await.map_err(|e| e.within(stringify!($row)))?;
                still_answers(&mut session).await.map_err(|e| e.within(stringify!($row)))?;
                done.push(stringify!($row));
            )+
            session.close().await?;
            done.push("close");
            Ok(done)
        }
    };
}

rows!(
    query,
    failing_query,
    prepared,
    batch,
    pipelined,
    stream,
    dropped_stream,
    transaction,
    copy,
    dropped_copy,
    notifications,
    deadline,
    large_values,
);

type Mode = (&'static str, fn(&Database) -> Result<Vec<&'static str>>);

const MODES: [Mode; 6] = [
    ("blocking", |database| {
        let client = pg_blocking::Config::new(&database.url())?.connect()?;
        pg_blocking::complete(all(client.into_inner()))
    }),
    ("callback", |database| {
        let callback = |fd: BorrowedFd<'_>,
                        wanted: Wanted,
                        until: Option<Instant>|
         -> Result<Ready, Failure> { WaitPoll::new().wait(fd, wanted, until) };
        let client = wait::connect(&pg_blocking::Config::new(&database.url())?, Arc::new(callback))?;
        pg_blocking::complete(all(client.into_inner()))
    }),
    ("nonblocking", |database| {
        let client = nonblocking::connect(&pg_blocking::Config::new(&database.url())?).wait()?;
        client.task(all).wait()
    }),
    ("tokio", |database| {
        let url = database.url();
        pg_tests::clients::block_on(async move { all(pg_async::Config::new(&url)?.connect().await?).await })
    }),
    ("smol", |database| {
        let url = database.url();
        smol::block_on(async move { all(pg_async::Config::new(&url)?.connect().await?).await })
    }),
    ("stream", |database| {
        let config = pg_async::Config::new(&database.url())?;
        let address = (database.host().to_owned(), database.port());
        smol::block_on(async move {
            let stream = smol::net::TcpStream::connect(address).await.expect("a TCP connection");
            all(pg_async::connect_stream(&config, stream).await?).await
        })
    }),
];

#[test]
fn every_row_works_in_every_mode() {
    let mut matrix = Vec::new();
    for (mode, run) in MODES {
        let database = Server::shared().database();
        let done = run(&database).unwrap_or_else(|error| panic!("{mode}: {error}"));
        matrix.push((mode, done));
    }
    println!("{:16}{}", "", MODES.map(|(mode, _)| format!("{mode:>12}")).concat());
    for row in ROWS {
        let cells =
            matrix.iter().map(|(_, done)| if done.contains(row) { "          ok" } else { "           -" });
        println!("{row:16}{}", cells.collect::<String>());
    }
    assert!(matrix.iter().all(|(_, done)| done == ROWS));
}
