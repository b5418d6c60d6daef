//! Cancelling from another thread or task: the statement that runs fails with 57014, and nothing else is ever hit.

use pg_core::message::backend::Status;
use pg_core::{Error, Lifecycle, Result, Session};
use pg_tests::clients::{AsyncFace, BlockingFace, Face, block_on, still_answers};
use pg_tests::fake_server::{FakeServer, message};
use pg_tests::relay::{Direction, Relay};
use pg_tests::server::{Database, Options, Server, Tls, admin_query};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Waits, by asking the server, until the client's statement runs there.
fn wait_until_it_sleeps(url: &str) {
    let sleeping =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
    let deadline = Instant::now() + Duration::from_secs(10);
    while admin_query(url, sleeping).unwrap()[0][0].as_deref() != Some("1") {
        assert!(Instant::now() < deadline, "the statement doesn't run");
    }
}

/// Cancels in a thread of its own.
fn cancel_elsewhere<F: Face>(token: &F::Token) -> Result<()> {
    let token = token.clone();
    std::thread::spawn(move || F::cancel(&token)).join().unwrap()
}

/// Cancels in a thread of its own, as soon as the client's statement runs.
fn cancel_when_it_sleeps<F: Face>(token: &F::Token, database: &Database) -> JoinHandle<()> {
    let (token, url) = (token.clone(), database.url());
    std::thread::spawn(move || {
        wait_until_it_sleeps(&url);
        F::cancel(&token).unwrap();
    })
}

/// Runs a statement that would take ten minutes and is cancelled as soon as it runs.
async fn sleep_and_cancel<F: Face>(client: &mut F::Client, token: &F::Token, database: &Database) -> Error {
    let canceller = cancel_when_it_sleeps::<F>(token, database);
    let failed = client.query_value::<String>("select pg_sleep(600)::text", ()).await.unwrap_err();
    canceller.join().unwrap();
    failed
}

async fn it_cancels_what_runs<F: Face>() {
    let database = Server::shared().database();
    for url in [database.url(), database.socket_url()] {
        let mut client = F::connect(&F::config(&url)).await.unwrap();
        let token = client.cancel_token();
        for _ in 0..2 {
            let failed = sleep_and_cancel::<F>(&mut client, &token, &database).await;
            assert!(failed.is_cancelled() && !failed.is_closed(), "{failed}");
            still_answers(&mut client).await.unwrap();
        }
    }
}

async fn in_a_transaction_it_fails_like_any_statement<F: Face>() {
    let database = Server::shared().database();
    let mut client = F::connect(&F::config(&database.url())).await.unwrap();
    let token = client.cancel_token();
    client.batch_execute("create table entry (n int8)").await.unwrap();
    let mut tx = client.begin().await.unwrap();
    tx.execute("insert into entry values (1)", ()).await.unwrap();
    let sleeping = cancel_when_it_sleeps::<F>(&token, &database);
    let mut inner = tx.begin().await.unwrap();
    assert!(inner.execute("select pg_sleep(600)", ()).await.unwrap_err().is_cancelled());
    sleeping.join().unwrap();
    assert_eq!(inner.connection().status(), Status::Failed);
    inner.rollback().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(client.query_value::<i64>("select count(*) from entry", ()).await.unwrap(), 1);
}

async fn an_idle_session_is_left_alone<F: Face>() {
    let database = Server::shared().database();
    let mut client = F::connect(&F::config(&database.url())).await.unwrap();
    for _ in 0..20 {
        cancel_elsewhere::<F>(&client.cancel_token()).unwrap();
        still_answers(&mut client).await.unwrap();
    }
    let token = client.cancel_token();
    client.close().await.unwrap();
    cancel_elsewhere::<F>(&token).unwrap();
}

async fn without_a_server_it_says_so<F: Face>() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let client = F::connect(&F::config(&relay.url(&database))).await.unwrap();
    let token = client.cancel_token();
    drop(relay);
    let failed = cancel_elsewhere::<F>(&token).unwrap_err();
    assert_eq!(failed.kind(), pg_core::ErrorKind::Io, "{failed}");
}

async fn it_is_as_encrypted_as_its_session<F: Face>() {
    const CANCEL_REQUEST: [u8; 4] = 80_877_102_u32.to_be_bytes();
    let server = Server::start(Options::new().tls(Tls::Authority)).unwrap();
    let database = server.database();
    let root = server.certificates().unwrap().root_path();
    let relay = Relay::to(&database);
    let clear = [("sslmode=disable".to_owned(), true)];
    let encrypted = ["require", "verify-full"]
        .map(|mode| (format!("sslmode={mode}&sslrootcert={}", root.display()), false));
    for (parameters, in_clear) in clear.into_iter().chain(encrypted) {
        let mut client = F::connect(&F::config(&relay.url_with(&database, &parameters))).await.unwrap();
        let token = client.cancel_token();
        relay.reset();
        relay.record();
        let failed = sleep_and_cancel::<F>(&mut client, &token, &database).await;
        assert!(failed.is_cancelled(), "{failed}");
        still_answers(&mut client).await.unwrap();
        let first = relay.recorded()[0].connection;
        let sent: Vec<u8> = relay
            .recorded()
            .into_iter()
            .filter(|piece| piece.connection != first && piece.direction == Direction::ToServer)
            .flat_map(|piece| piece.bytes)
            .collect();
        assert!(sent.len() >= 16, "no cancel request went through the relay");
        assert_eq!(sent.windows(4).any(|bytes| bytes == CANCEL_REQUEST), in_clear, "{parameters}");
    }
}

/// The request races with the end of its statement; whichever wins, the next statement has its answer.
async fn the_next_statement_is_never_hit<F: Face>() {
    let hit = pg_tests::soak::race_cancels::<F>(&Server::shared().database(), 200).await.unwrap();
    println!("{hit} of 200 statements were cancelled");
}

pg_tests::each_client!(
    it_cancels_what_runs,
    in_a_transaction_it_fails_like_any_statement,
    an_idle_session_is_left_alone,
    without_a_server_it_says_so,
    it_is_as_encrypted_as_its_session,
    the_next_statement_is_never_hit,
);

// ---- the session waits for a request on its way ----

/// Answers a statement while a request to cancel it is on its way, and only then lets that arrive.
fn a_late_request() -> (FakeServer<()>, std::sync::mpsc::Sender<()>) {
    let (arrive, may_arrive) = std::sync::mpsc::channel();
    let fake = FakeServer::run(move |peer| {
        peer.expect_startup();
        peer.login();
        peer.expect_all(b"Q");
        let mut request = peer.accept();
        assert_eq!(request.expect_cancel().0, 4242);
        peer.send(message::command_complete("SELECT 1"));
        peer.send(message::ready_for_query(b'I'));
        may_arrive.recv().unwrap();
        peer.expect_nothing_yet();
        request.close();
        peer.expect_all(b"Q");
        peer.send(message::command_complete("SELECT 2"));
        peer.send(message::ready_for_query(b'I'));
        peer.expect_end();
    });
    (fake, arrive)
}

#[test]
fn an_async_session_begins_nothing_while_a_request_is_on_its_way() {
    let (fake, arrive) = a_late_request();
    block_on(async {
        let mut client = AsyncFace::connect(&AsyncFace::config(&fake.url())).await.unwrap();
        let token = client.cancel_token();
        let mut cancel = Box::pin(async move { token.cancel().await });
        {
            let mut first = pin!(client.batch_execute("first"));
            poll_fn(|context| {
                let answered = first.as_mut().poll(context);
                let cancelled = cancel.as_mut().poll(context);
                assert!(cancelled.is_pending(), "the server hasn't let it arrive, and yet: {cancelled:?}");
                answered
            })
            .await
            .unwrap();
        }
        let mut second = pin!(client.batch_execute("second"));
        // The future of the request is dropped: the session itself brings it to its end.
        let mut cancel = Some(cancel);
        for turn in 0..10 {
            poll_fn(|context| {
                assert!(second.as_mut().poll(context).is_pending());
                Poll::Ready(())
            })
            .await;
            if turn == 5 {
                cancel = None;
            }
            tokio::task::yield_now().await;
        }
        drop(cancel);
        arrive.send(()).unwrap();
        second.await.unwrap();
    });
    fake.finish();
}

#[test]
fn a_blocking_session_begins_nothing_while_a_request_is_on_its_way() {
    let (fake, arrive) = a_late_request();
    let mut client = pg_blocking::Config::new(&fake.url()).unwrap().connect().unwrap();
    let token = client.cancel_token();
    let cancel = std::thread::spawn(move || token.cancel());
    client.batch_execute("first").unwrap();
    let started = std::thread::spawn(move || {
        client.batch_execute("second")?;
        Ok::<_, Error>(client)
    });
    // The server would answer the second statement only after this; what it must not be is sent before.
    arrive.send(()).unwrap();
    cancel.join().unwrap().unwrap();
    started.join().unwrap().unwrap();
    fake.finish();
}

#[test]
fn a_task_cancels_another_tasks_statement() -> Result<()> {
    let database = Server::shared().database();
    block_on(async {
        let mut client = AsyncFace::connect(&AsyncFace::config(&database.url())).await?;
        let token = client.cancel_token();
        let sleeper = tokio::spawn(async move {
            let outcome = client.execute("select pg_sleep(600)", ()).await;
            still_answers(&mut client).await?;
            outcome
        });
        wait_until_it_sleeps(&database.url());
        token.cancel().await?;
        assert!(sleeper.await.unwrap().unwrap_err().is_cancelled());
        Ok(())
    })
}

#[test]
fn a_session_whose_request_was_lost_ends() {
    // The server takes the request and never says that it has passed it on: it might hit anything.
    let fake = FakeServer::run(|peer| {
        peer.expect_startup();
        peer.login();
        let mut request = peer.accept();
        request.expect_cancel();
        request.send(message::ready_for_query(b'I'));
        peer.expect_end();
    });
    let mut client = BlockingFace::config(&fake.url()).connect().unwrap();
    client.cancel_token().cancel().unwrap_err();
    let failed = client.execute("select 1", ()).unwrap_err();
    assert!(failed.message().contains("CancelRequest"), "{failed}");
    assert!(client.is_closed());
    drop(client);
    fake.finish();
}
