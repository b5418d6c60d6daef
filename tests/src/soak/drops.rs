//! What a session lends is dropped, cancelled or late at random, against a real server; then the next call is right,
//! and nothing is left open.

use crate::clients::{AsyncFace, BlockingFace, Face, block_on};
use crate::seed::Rng;
use crate::server::{Database, Server};
use pg_core::copy::{CopyFrom, CopyTo};
use pg_core::exchange::pipeline;
use pg_core::message::backend::Status;
use pg_core::{CursorOptions, LargeObjectMode, Lifecycle, Result, Session, Towards};
use std::future::{Future, poll_fn};
use std::io::SeekFrom;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

pub(super) fn drops() -> String {
    const CASES: u32 = 5_000;
    let database = Server::shared().database();
    let told = |outcome: Result<[u32; 2]>| outcome.unwrap_or_else(|error| panic!("{error}"));
    let [ended, complete] = told(pg_blocking::complete(drop_at_random::<BlockingFace>(&database, CASES, 1)));
    let [dropped, done] = told(block_on(drop_at_random::<AsyncFace>(&database, CASES, 2)));
    format!(
        "of {CASES} cases {ended} were cut short and {complete} complete (blocking), {dropped} and {done} (async)"
    )
}

type Work<'c> = Pin<Box<dyn Future<Output = Result<()>> + 'c>>;

/// Runs so many cases; gives how many were cut short, and how many came to their end.
///
/// # Errors
/// That of a call after a case.
///
/// # Panics
/// Where a transaction or COPY stands open afterwards, or half of something was kept.
pub async fn drop_at_random<F: Face>(database: &Database, cases: u32, seed: u64) -> Result<[u32; 2]> {
    let mut client = F::connect(&F::config(&database.url())).await?;
    client.batch_execute("drop table if exists kept; create table kept (n int8 not null)").await?;
    let oid = client.create_large_object().await?;
    let mut rng = Rng::new(seed);
    let mut counts = [0, 0];
    for case in 0..cases {
        let n = i64::from(case);
        let (polls, late) = (rng.below(40), rng.in_thousand(400));
        if late {
            let most = rng.pick(&[100, 600, 3_000]);
            client.set_deadline(Some(Duration::from_micros(1 + rng.below(most))));
        }
        let token = client.cancel_token();
        let canceller = rng.in_thousand(100).then(|| {
            let wait = Duration::from_micros(rng.below(2_000));
            std::thread::spawn(move || {
                std::thread::park_timeout(wait);
                F::cancel(&token)
            })
        });
        let work: Work<'_> = match rng.below(5) {
            0 => Box::pin(copy_in(&mut client, n, rng.below(4))),
            1 => Box::pin(copy_out(&mut client, rng.below(3))),
            2 => Box::pin(pipelined(&mut client, n)),
            3 => Box::pin(cursor(&mut client, n, rng.below(4))),
            _ => Box::pin(large_object(&mut client, oid, n)),
        };
        let outcome = dropped_at(polls, work).await;
        if let Some(canceller) = canceller {
            canceller.join().unwrap_or_else(|_| panic!("the canceller of case {case} panicked"))?;
        }
        client.set_deadline(None);
        counts[usize::from(matches!(outcome, Some(Ok(()))))] += 1;
        let (echo, unassigned, kept): (i64, bool, i64) = client
            .query_one(
                "select $1::int8, txid_current_if_assigned() is null, (select count(*) from kept where n = $1)",
                (n,),
            )
            .await
            .map_err(|error| error.within(format_args!("after case {case} with seed {seed}")))?;
        assert_eq!(echo, n, "case {case}: another call's answer");
        assert!(unassigned, "case {case}: a transaction stands open");
        assert!(kept == 0 || kept == 2, "case {case}: {kept} rows of two were kept");
        assert_eq!(client.connection().status(), Status::Idle, "case {case}");
        let open: i64 = client.query_value("select count(*) from pg_cursors where name <> ''", ()).await?;
        assert_eq!(open, 0, "case {case}: a cursor is open");
    }
    Ok(counts)
}

async fn copy_in<S: Session>(client: &mut S, n: i64, how: u64) -> Result<()> {
    let mut copy = client.copy_in_rows::<(i64,)>(&CopyFrom::table("kept")).await?;
    copy.write(&(n,)).await?;
    copy.flush().await?;
    copy.write(&(n,)).await?;
    match how {
        0 => copy.abort("enough").await,
        1 => Ok(()),
        _ => copy.finish().await.map(drop),
    }
}

async fn copy_out<S: Session>(client: &mut S, how: u64) -> Result<()> {
    let query = CopyTo::query("select g, repeat('x', 500) from generate_series(1, 3000) g").to_sql()?;
    let mut copy = client.copy_out(&query).await?;
    for _ in 0..(how * 2_000) {
        if copy.next_piece().await?.is_none() {
            break;
        }
    }
    Ok(())
}

async fn pipelined<S: Session>(client: &mut S, n: i64) -> Result<()> {
    let insert = |n| pipeline::execute("insert into kept values ($1)", (n,));
    let rows = pipeline::query::<(i32,), _>("select generate_series(1, 500)", ());
    client.pipeline((insert(n), rows, insert(n))).await.map(drop)
}

async fn cursor<S: Session>(client: &mut S, n: i64, how: u64) -> Result<()> {
    let mut tx = client.begin().await?;
    tx.execute("insert into kept values ($1)", (n,)).await?;
    let mut portal = tx.portal::<(i32,)>("select generate_series(1, 500)", ()).await?;
    let options = CursorOptions::new("c").hold(how == 0).scroll(true);
    let mut cursor = tx.cursor_with::<(i32,)>(options, "select generate_series(1, 500)", ()).await?;
    cursor.fetch(Towards::Forward(20)).await?;
    cursor.session().fetch_portal(&mut portal, 20).await?;
    cursor.fetch(Towards::Last).await?;
    drop(cursor);
    tx.fetch_portal(&mut portal, 0).await?;
    tx.execute("insert into kept values ($1)", (n,)).await?;
    if how == 1 { tx.rollback().await } else { tx.commit().await }
}

async fn large_object<S: Session>(client: &mut S, oid: u32, n: i64) -> Result<()> {
    let mut tx = client.begin().await?;
    tx.execute("insert into kept values ($1), ($1)", (n,)).await?;
    let mut object = tx.open_large_object(oid, LargeObjectMode::ReadWrite).await?;
    object.write_all(&[7; 70_000]).await?;
    object.seek(SeekFrom::End(-10)).await?;
    let mut end = Vec::new();
    object.read_to_end(&mut end).await?;
    object.truncate(10).await?;
    object.close().await?;
    tx.commit().await
}

/// Polls a future so many times at most.
async fn dropped_at<F: Future>(polls: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
