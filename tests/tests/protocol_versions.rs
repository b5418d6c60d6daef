//! Protocol 3.0 is asked for unless 3.2 is set; what servers make of either; long cancel keys.

use pg_core::config::Config;
use pg_core::config::settings::ProtocolVersion::{V3_0, V3_2};
use pg_core::{Error, ErrorKind, Lifecycle, Session};
use pg_tests::clients::Face;
use pg_tests::each_client;
use pg_tests::fake_server::{FakeServer, Peer, Startup, message};
use pg_tests::server::{Options, Server, admin_query};
use std::sync::OnceLock;

/// PostgreSQL 18, the first that speaks 3.2: the shared server, or one of this file's own.
fn server_18(test: &str) -> Option<&'static Server> {
    static OWN: OnceLock<Result<Server, String>> = OnceLock::new();
    if Server::shared().major() >= 18 {
        return Some(Server::shared());
    }
    let own = OWN.get_or_init(|| Server::start(Options::new().major(18)).map_err(|error| error.to_string()));
    if let Err(error) = own {
        eprintln!("{test}: skipped, because there is no PostgreSQL 18: {error}");
    }
    own.as_ref().ok()
}

/// The length of the key in the session's cancel requests.
fn key_length(client: &mut impl Session) -> usize {
    let request = client.connection().cancel_key().expect("a key").request().unwrap();
    request.len() - 12
}

async fn cancel_works<F: Face>(url: &str, mut client: F::Client) {
    let process: i32 = client.query_value("select pg_backend_pid()", ()).await.unwrap();
    let (url, token) = (url.to_owned(), client.cancel_token());
    let canceller = std::thread::spawn(move || {
        let sql =
            format!("select count(*) from pg_stat_activity where pid = {process} and wait_event = 'PgSleep'");
        while admin_query(&url, &sql).unwrap() != [[Some("1".to_owned())]] {}
        F::cancel(&token).unwrap();
    });
    let error = client.batch_execute("select pg_sleep(60)").await.unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    canceller.join().unwrap();
    client.ping().await.unwrap();
}

async fn version_3_0_is_asked_for_unless_another_is_set<F: Face>() {
    for (parameters, version) in [
        ("", (3, 0)),
        ("&max_protocol_version=3.0", (3, 0)),
        ("&max_protocol_version=3.2", (3, 2)),
        ("&max_protocol_version=latest", (3, 2)),
    ] {
        let fake = FakeServer::run(|peer| {
            let startup = peer.expect_startup();
            peer.login();
            startup
        });
        F::connect(&F::config(&format!("{}{parameters}", fake.url()))).await.unwrap();
        assert_eq!(fake.finish().version, version, "{parameters}");
    }
}

async fn every_server_takes_either_version<F: Face>() {
    let server = Server::shared();
    for version in [V3_0, V3_2] {
        let config = F::config(&server.url()).max_protocol_version(version);
        let mut client = F::connect(&config).await.unwrap();
        let long = version == V3_2 && server.major() >= 18;
        assert_eq!(key_length(&mut client), if long { 32 } else { 4 });
        cancel_works::<F>(&server.url(), client).await;
    }
}

async fn postgresql_18_gives_a_long_key_by_3_2<F: Face>() {
    let Some(server) = server_18("postgresql_18_gives_a_long_key_by_3_2") else { return };
    let config = F::config(&server.url()).max_protocol_version(V3_2).min_protocol_version(V3_2);
    let mut client = F::connect(&config).await.unwrap();
    assert_eq!(key_length(&mut client), 32);
    cancel_works::<F>(&server.url(), client).await;
    let mut client = F::connect(&F::config(&server.url())).await.unwrap();
    assert_eq!(key_length(&mut client), 4);
    cancel_works::<F>(&server.url(), client).await;
}

async fn an_older_server_than_demanded_is_refused<F: Face>() {
    let server = Server::shared();
    if server.major() >= 18 {
        eprintln!("an_older_server_than_demanded_is_refused: skipped, the shared server is no older one");
        return;
    }
    let config = F::config(&server.url()).max_protocol_version(V3_2).min_protocol_version(V3_2);
    let error = F::connect(&config).await.unwrap_err();
    assert_says(
        &error,
        ErrorKind::Config,
        &["protocol 3.0 at most", "min_protocol_version=3.2", "version 18"],
    );
}

/// What comes of asking for 3.2 at a server that answers `negotiation` and then lets the client in.
async fn negotiated<F: Face>(
    negotiation: Vec<u8>,
    adjust: impl FnOnce(Config<F::Connector>) -> Config<F::Connector>,
) -> Result<(F::Client, FakeServer<Startup>), Error> {
    let fake = FakeServer::run(move |peer: &mut Peer| {
        let startup = peer.expect_startup();
        peer.send(negotiation);
        peer.send(greeting(&[1, 2, 3, 4]));
        peer.wait_for_end();
        startup
    });
    let config = adjust(F::config(&fake.url()).max_protocol_version(V3_2));
    F::connect(&config).await.map(|client| (client, fake))
}

fn greeting(key: &[u8]) -> Vec<u8> {
    [message::authentication_ok(), message::backend_key_data(4242, key), message::ready_for_query(b'I')]
        .concat()
}

async fn a_lower_version_is_understood_as_minor_and_as_whole_number<F: Face>() {
    for version in [0, 3 << 16] {
        let (client, fake) =
            negotiated::<F>(message::negotiate_protocol_version(version, &[]), |c| c).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(fake.finish().version, (3, 2));
        let demanding = negotiated::<F>(message::negotiate_protocol_version(version, &[]), |c| {
            c.min_protocol_version(V3_2)
        });
        let error = demanding.await.unwrap_err();
        assert_says(&error, ErrorKind::Config, &["protocol 3.0 at most", "min_protocol_version=3.2"]);
    }
}

async fn a_version_that_is_no_older_one_is_refused<F: Face>() {
    for version in [3, (3 << 16) | 3, 2 << 16, (4 << 16) | 1, u32::MAX] {
        let error =
            negotiated::<F>(message::negotiate_protocol_version(version, &[]), |c| c).await.unwrap_err();
        assert_says(&error, ErrorKind::Protocol, &["no older version"]);
    }
}

async fn options_that_were_not_sent_can_not_be_unknown<F: Face>() {
    let answer = message::negotiate_protocol_version(0, &["_pq_.evil\u{7}", "_pq_.other"]);
    let error = negotiated::<F>(answer, |c| c).await.unwrap_err();
    assert_says(&error, ErrorKind::Protocol, &["\"_pq_.evil\\u{7}\"", "wasn't sent"]);
    // A count that lies.
    let error = negotiated::<F>(message::message(b'v', &[0, 0, 0, 0, 127, 0, 0, 0, b'x', 0]), |c| c)
        .await
        .unwrap_err();
    assert_says(&error, ErrorKind::Protocol, &["NegotiateProtocolVersion"]);
}

async fn a_key_of_any_allowed_length_is_sent_back_whole<F: Face>() {
    for length in [4, 5, 32, 256] {
        let key: Vec<u8> = (0..=255).cycle().skip(7).take(length).collect();
        let sent = key.clone();
        let fake = FakeServer::run(move |peer| {
            peer.expect_startup();
            peer.send(greeting(&sent));
            let mut second = peer.accept();
            let asked = second.expect_cancel();
            second.close();
            asked
        });
        let client = F::connect(&F::config(&fake.url()).max_protocol_version(V3_2)).await.unwrap();
        let token = client.cancel_token();
        std::thread::spawn(move || F::cancel(&token)).join().unwrap().unwrap();
        assert_eq!(fake.finish(), (4242, key.clone()));
        // The key is a secret.
        assert!(!format!("{:?}", client.cancel_token()).contains(&format!("{key:?}")));
    }
}

async fn keys_of_other_lengths_are_refused<F: Face>() {
    for length in [0, 3, 257] {
        let fake = FakeServer::run(move |peer| {
            peer.expect_startup();
            peer.send(greeting(&vec![7; length]));
            peer.expect_end();
        });
        let error = F::connect(&F::config(&fake.url())).await.unwrap_err();
        assert_says(&error, ErrorKind::Protocol, &["BackendKeyData", &format!("{length} bytes")]);
        fake.finish();
    }
}

async fn without_a_key_there_is_nothing_to_cancel_with<F: Face>() {
    let fake = FakeServer::run(|peer| {
        peer.expect_startup();
        peer.send([message::authentication_ok(), message::ready_for_query(b'I')].concat());
    });
    let client = F::connect(&F::config(&fake.url())).await.unwrap();
    let token = client.cancel_token();
    let error = std::thread::spawn(move || F::cancel(&token)).join().unwrap().unwrap_err();
    assert_says(&error, ErrorKind::Usage, &["no key", "pooler"]);
}

#[track_caller]
fn assert_says(error: &Error, kind: ErrorKind, parts: &[&str]) {
    let words = error.to_string();
    assert!(error.kind() == kind && parts.iter().all(|part| words.contains(part)), "{error:?}");
}

each_client!(
    version_3_0_is_asked_for_unless_another_is_set,
    every_server_takes_either_version,
    postgresql_18_gives_a_long_key_by_3_2,
    an_older_server_than_demanded_is_refused,
    a_lower_version_is_understood_as_minor_and_as_whole_number,
    a_version_that_is_no_older_one_is_refused,
    options_that_were_not_sent_can_not_be_unknown,
    a_key_of_any_allowed_length_is_sent_back_whole,
    keys_of_other_lengths_are_refused,
    without_a_key_there_is_nothing_to_cancel_with,
);
