//! One test body under both clients: a generic function, run once over each.

pub use pg_async;
pub use pg_blocking;

use std::future::Future;

/// Runs a future on a multi-thread tokio runtime with I/O and time.
pub fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap_or_else(|e| panic!("no tokio runtime: {e}"))
        .block_on(future)
}

/// Makes a test for each client of a generic body `async fn(&mut S, &Database) -> Result<()>`.
///
/// ```ignore
/// use pg_core::{Result, Session};
/// use pg_tests::server::Database;
///
/// async fn counts<S: Session>(client: &mut S, _: &Database) -> Result<()> {
///     assert_eq!(client.query_value::<i32>("select 1", ()).await?, 1);
///     Ok(())
/// }
///
/// pg_tests::both_clients!(counts);
/// ```
///
/// Each of the two tests has a database of its own on the shared server. In the async one the body is spawned on a
/// multi-thread runtime, so that every future in it must be `Send`.
#[macro_export]
macro_rules! both_clients {
    ($($body:ident),+ $(,)?) => { $(
        mod $body {
            #[test]
            fn blocking() {
                let database = $crate::server::Server::shared().database();
                let mut client = $crate::clients::pg_blocking::Config::new(&database.url()).unwrap().connect().unwrap();
                if let Err(error) = $crate::clients::pg_blocking::complete(super::$body(&mut client, &database)) {
                    panic!("{error}");
                }
            }

            #[test]
            fn asynchronous() {
                let database = $crate::server::Server::shared().database();
                let outcome = $crate::clients::block_on(async {
                    let config = $crate::clients::pg_async::Config::new(&database.url()).unwrap();
                    let database = std::sync::Arc::new(database);
                    tokio::spawn(async move {
                        let mut client = config.connect().await?;
                        super::$body(&mut client, &database).await
                    })
                    .await
                });
                match outcome {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => panic!("{error}"),
                    Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
                }
            }
        }
    )+ };
}
