//! Tasks on one shared connection: `pg_async::Shared`.

use crate::server::Database;
use pg_async::{Client, Config, Shared};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Connects, as pg-async does.
///
/// # Panics
/// When it can't.
pub async fn connect(url: &str) -> Client {
    Config::new(url).unwrap().connect().await.unwrap()
}

/// A connection to share.
///
/// # Panics
/// When there is none.
pub async fn shared(database: &Database) -> Shared {
    Shared::new(connect(&database.url()).await)
}

/// Runs a future where all tasks have one thread.
///
/// # Panics
/// When the future does.
pub fn on_one_thread<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Runs a future where tasks have four threads.
///
/// # Panics
/// When the future does.
pub fn on_threads<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// Polls each future once in turn until all are complete, as `join_all` does.
pub async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    poll_fn(|context| {
        for (future, output) in futures.iter_mut().filter(|(_, output)| output.is_none()) {
            if let Poll::Ready(ready) = future.as_mut().poll(context) {
                *output = Some(ready);
            }
        }
        if futures.iter().all(|(_, output)| output.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    futures.into_iter().filter_map(|(_, output)| output).collect()
}

/// Polls a future once, and leaves it as it is.
///
/// # Panics
/// When it is complete by that.
pub async fn once<F: Future + ?Sized>(mut future: Pin<&mut F>) {
    poll_fn(|context| {
        assert!(future.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
}

/// Proves that a shared connection is usable: what it answers is what it was just asked, in no transaction.
///
/// # Panics
/// When it isn't.
pub async fn still_answers(shared: &Shared) {
    for question in [1_i64, 7] {
        let answer: (i64, bool) = shared
            .query_one("select $1::int8 * 2, txid_current_if_assigned() is null", (question,))
            .await
            .unwrap();
        assert_eq!(answer, (question * 2, true), "another's answer, or a transaction stands open");
    }
}
