//! A BEGIN that fails: only a server in recovery refuses one.

use pg_core::exchange::pipeline;
use pg_core::message::backend::Status;
use pg_core::{Isolation, Query, Result, Session, TransactionOptions};
use pg_tests::clients::{self, still_answers};
use pg_tests::server::{Options, Server, Stop};

/// A server that replays the log of a primary that never was: read-only, for good.
fn standby() -> Server {
    let server = Server::start(Options::new()).unwrap();
    server.stop(Stop::Fast).unwrap();
    let data = server.folder().unwrap().join("data");
    std::fs::write(data.join("standby.signal"), "").unwrap();
    server.start_again().unwrap();
    server
}

const ONE: Query<(), (i32,)> = Query::new("select 1");

async fn nothing_runs_outside_of_a_transaction_that_could_not_begin<S: Session>(
    client: &mut S,
) -> Result<()> {
    let serializable = TransactionOptions::new().isolation(Isolation::Serializable);
    for round in 0..2 {
        let mut tx = client.begin_with(serializable).await?;
        let error = tx
            .query_value::<i32>("select set_config('pg.round', 'leaked', false)::text::int4", ())
            .await
            .unwrap_err();
        assert_eq!(error.sqlstate().unwrap().code(), "0A000", "round {round}: {error}");
        assert!(error.to_string().starts_with("the transaction could not begin: "), "{error}");
        assert_eq!(error.sql(), Some("BEGIN ISOLATION LEVEL SERIALIZABLE"));
        assert_eq!(tx.connection().status(), Status::Idle);
        let refused = tx.query_value::<i32>("select 1", ()).await.unwrap_err();
        assert!(refused.message().contains("the transaction is over"), "{refused}");
        assert!(tx.commit().await.unwrap_err().message().contains("the transaction is over"));
        still_answers(client).await?;

        // The same of what needs the answer to BEGIN first, and of what comes in one go.
        let mut tx = client.begin_with(serializable).await?;
        let error = tx.batch_execute("select set_config('pg.round', 'leaked', false)").await.unwrap_err();
        assert!(error.to_string().starts_with("the transaction could not begin: "), "{error}");
        assert!(tx.batch_execute("select 1").await.is_err());
        drop(tx);
        let mut tx = client.begin_with(serializable).await?;
        let leak = || pipeline::execute("select set_config('pg.round', 'leaked', false)", ());
        let error = tx.pipeline((leak(), leak())).await.unwrap_err();
        assert!(error.to_string().starts_with("the transaction could not begin: "), "{error}");
        drop(tx);
        let mut tx = client.begin_with(serializable).await?;
        let error = tx.pipeline_each((leak(), leak())).await.unwrap_err();
        assert!(error.to_string().starts_with("the transaction could not begin: "), "{error}");
        drop(tx);
        let error = client.begin_with(serializable).await?.commit_with((leak(), leak())).await.unwrap_err();
        assert!(error.to_string().starts_with("the transaction could not begin: "), "{error}");
        let mut tx = client.begin_with(serializable).await?;
        let leaks = (0..2000).map(|n| (n.to_string(),));
        let error =
            tx.execute_many("select set_config('pg.round', 'leaked', $1 = '')", leaks).await.unwrap_err();
        assert!(error.to_string().contains("the transaction could not begin: "), "{error}");
        drop(tx);
        let mut tx = client.begin_with(serializable).await?;
        let error =
            tx.stream("select set_config('pg.round', 'leaked', false)", ()).await.map(|_| ()).unwrap_err();
        assert!(error.to_string().starts_with("the transaction could not begin: "), "{error}");
        drop(tx);
        let mut tx = client.begin_with(serializable).await?;
        let error = tx.verify(&[&ONE]).await.unwrap_err();
        assert!(error.to_string().starts_with("the transaction could not begin: "), "{error}");
        drop(tx);
        let leaked: Option<String> =
            client.query_value("select current_setting('pg.round', true)", ()).await?;
        assert_ne!(leaked.as_deref(), Some("leaked"));
        still_answers(client).await?;
    }
    let mut tx = client.begin_with(TransactionOptions::new().isolation(Isolation::RepeatableRead)).await?;
    still_answers(&mut tx).await?;
    tx.commit().await?;
    still_answers(client).await
}

#[test]
fn a_begin_that_fails_is_told_as_what_it_is() {
    let server = standby();
    let mut client = clients::pg_blocking::Config::new(&server.url()).unwrap().connect().unwrap();
    clients::pg_blocking::complete(nothing_runs_outside_of_a_transaction_that_could_not_begin(&mut client))
        .unwrap();
    client.close().unwrap();
    clients::block_on(async {
        let mut client = clients::pg_async::Config::new(&server.url()).unwrap().connect().await.unwrap();
        nothing_runs_outside_of_a_transaction_that_could_not_begin(&mut client).await.unwrap();
    });
}
