//! One test body under both clients: a generic function, run once over each.

pub use pg_async;
pub use pg_blocking;

use pg_core::config::{Config, Connector};
use pg_core::types::typecaster::TypecasterOwned;
use pg_core::{Adapter, Error, Lifecycle, Result, Session};
use std::fmt::Debug;
use std::future::Future;

/// A client crate, for tests that connect by themselves: see [`each_client!`](crate::each_client).
pub trait Face: 'static {
    /// What its `Config` is made with.
    type Connector: Connector + 'static;
    /// Its session.
    type Client: Lifecycle<CancelToken = Self::Token> + Debug + 'static;
    /// What cancels a statement of it.
    type Token: Clone + Debug + Send + 'static;

    /// Connects.
    fn connect(config: &Config<Self::Connector>) -> impl Future<Output = Result<Self::Client>> + Send;

    /// Cancels the statement that runs, from a thread that belongs to no runtime.
    fn cancel(token: &Self::Token) -> Result<()>;

    /// How to connect: a connection string that is right.
    fn config(conninfo: &str) -> Config<Self::Connector> {
        Config::new(conninfo).unwrap_or_else(|e| panic!("{e}"))
    }
}

/// pg-blocking.
#[derive(Debug)]
pub struct BlockingFace;

impl Face for BlockingFace {
    type Connector = pg_blocking::Connect;
    type Client = pg_blocking::Raw;
    type Token = pg_blocking::CancelToken;

    async fn connect(config: &Config<pg_blocking::Connect>) -> Result<pg_blocking::Raw> {
        config.connect().map(pg_blocking::Client::into_inner)
    }

    fn cancel(token: &pg_blocking::CancelToken) -> Result<()> {
        token.cancel()
    }
}

/// pg-async.
#[derive(Debug)]
pub struct AsyncFace;

impl Face for AsyncFace {
    type Connector = pg_async::Connect;
    type Client = pg_async::Client;
    type Token = pg_async::CancelToken;

    fn connect(config: &Config<pg_async::Connect>) -> impl Future<Output = Result<pg_async::Client>> + Send {
        config.connect()
    }

    fn cancel(token: &pg_async::CancelToken) -> Result<()> {
        block_on(token.cancel())
    }
}

/// Makes a test for each client of a body `async fn<F: Face>()` that connects by itself.
#[macro_export]
macro_rules! each_client {
    ($($body:ident),+ $(,)?) => { $(
        mod $body {
            #[test]
            fn blocking() {
                $crate::clients::pg_blocking::complete(super::$body::<$crate::clients::BlockingFace>());
            }

            #[test]
            fn asynchronous() {
                let body = async { tokio::spawn(super::$body::<$crate::clients::AsyncFace>()).await };
                if let Err(panicked) = $crate::clients::block_on(body) {
                    std::panic::resume_unwind(panicked.into_panic());
                }
            }
        }
    )+ };
}

/// All that an error shows to anybody: its words, its `Debug`, and those of what is beneath it.
pub fn all_words(error: &Error) -> String {
    let mut words = format!("{error}\n{error:?}\n{error:#?}");
    let mut beneath = std::error::Error::source(error);
    while let Some(source) = beneath {
        words.push_str(&format!("\n{source}\n{source:?}"));
        beneath = source.source();
    }
    words
}

/// Runs a future on a multi-thread tokio runtime with I/O and time.
pub fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap_or_else(|e| panic!("no tokio runtime: {e}"))
        .block_on(future)
}

/// Sends a value as `type_` and gets it back, three times: the first run asks for one format, later ones go by the
/// plan. The server's own text of the value must be `text`.
pub async fn echo<S: Session, T>(client: &mut S, value: &T, type_: &str, text: &str) -> Result<()>
where
    T: Adapter + TypecasterOwned + PartialEq + Debug + Send + Sync,
{
    let sql = format!("select $1::{type_}, $1::{type_}::text");
    for run in 0..3 {
        let (back, seen): (T, String) = client.query_one(&sql, (value,)).await?;
        assert_eq!((&back, seen.as_str()), (value, text), "{type_}, run {run}");
    }
    Ok(())
}

/// Proves that a session is usable: what it answers is what it was just asked, and nothing is left over.
///
/// # Errors
/// Those of its statements. In a failed transaction there is one; see [`Session::begin`] for the way out.
///
/// # Panics
/// If the answer is another statement's.
#[track_caller]
pub fn still_answers<S: Session>(client: &mut S) -> impl Future<Output = Result<()>> + Send {
    let caller = std::panic::Location::caller();
    async move {
        for question in [1_i64, 20_260_101] {
            let (echo, word): (i64, String) =
                client.query_one("select $1::int8 * 2, 'still here'", (question,)).await?;
            assert_eq!((echo, word.as_str()), (question * 2, "still here"), "asked at {caller}");
        }
        assert!(client.connection().is_idle(), "something is left over at {caller}");
        Ok(())
    }
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
/// pg_tests::both_clients!(with |config| config.statement_cache_capacity(2); others, and_more);
/// ```
///
/// Each of the two tests has a database of its own on the shared server, and with `PG_TESTS_PGBOUNCER=1` a PgBouncer before
/// it: see [`Stage`](crate::stage::Stage). In the async one the body is spawned on a
/// multi-thread runtime, so that every future in it must be `Send`. `with` says how both clients are configured.
#[macro_export]
macro_rules! both_clients {
    (with $configure:expr; $($body:ident),+ $(,)?) => { $(
        mod $body {
            #[allow(unused_imports, reason = "the configuration may name what its file imports")]
            use super::*;

            #[test]
            fn blocking() {
                use $crate::clients::pg_blocking::{Config, complete};
                let configure: fn(Config) -> Config = $configure;
                $crate::stage::Stage::play(module_path!(), |stage| {
                    let mut client = stage.config(configure).connect().unwrap();
                    if let Err(error) = complete(super::$body(&mut client, stage.database())) {
                        panic!("{error}");
                    }
                });
            }

            #[test]
            fn asynchronous() {
                use $crate::clients::pg_async::Config;
                let configure: fn(Config) -> Config = $configure;
                $crate::stage::Stage::play(module_path!(), |stage| {
                    let config = stage.config(configure);
                    let outcome = $crate::clients::block_on(async {
                        let database = stage.database().clone();
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
                });
            }
        }
    )+ };
    ($($body:ident),+ $(,)?) => {
        $crate::both_clients!(with |config| config; $($body),+);
    };
}
