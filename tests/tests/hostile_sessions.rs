//! Servers that break the rules after the login, or are told to: a typed error that closes the connection.

use pg_core::{Error, ErrorKind, Result, Session};
use pg_tests::clients::Face;
use pg_tests::fake_server::{FakeServer, message};
use pg_tests::server::Database;
use pg_tests::{both_clients, each_client};

#[track_caller]
fn assert_error(error: &Error, kind: ErrorKind, parts: &[&str]) {
    let words = error.to_string();
    assert!(error.kind() == kind && parts.iter().all(|part| words.contains(part)), "{error:?}");
}

/// The call at which the rule was broken tells it; those after it say that the connection is closed.
async fn assert_closed<S: Session>(client: &mut S) {
    assert!(client.connection().is_closed());
    assert_error(&client.ping().await.unwrap_err(), ErrorKind::Closed, &["connect anew"]);
}

/// A server converts from then on, and its text would be read wrongly.
async fn another_encoding_ends_the_session<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("set client_encoding = 'utf8'").await?;
    client.batch_execute("set client_encoding = unicode").await?;
    let error = client.batch_execute("set client_encoding = latin1").await.unwrap_err();
    assert_error(&error, ErrorKind::Protocol, &["client_encoding", "LATIN1", "UTF8"]);
    assert_closed(client).await;
    Ok(())
}

async fn an_unknown_transaction_status_ends_the_session<F: Face>() {
    for status in [b'X', 0, b'i'] {
        let fake = FakeServer::run(move |peer| {
            peer.expect_startup();
            peer.login();
            assert_eq!(peer.expect(b'Q'), b"select 1\0");
            peer.send([message::command_complete("SELECT 1"), message::ready_for_query(status)].concat());
            peer.expect_end();
        });
        let mut client = F::connect(&F::config(&fake.url())).await.unwrap();
        let error = client.batch_execute("select 1").await.unwrap_err();
        assert_error(&error, ErrorKind::Protocol, &["ReadyForQuery"]);
        assert_closed(&mut client).await;
        drop(client);
        fake.finish();
    }
}

both_clients!(another_encoding_ends_the_session);

each_client!(an_unknown_transaction_status_ends_the_session);
