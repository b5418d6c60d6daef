//! Servers, or whoever stands in for them, that break the rules of the login: a typed error within a second, no panic,
//! and no password in anything that is shown.

use pg_core::config::Config;
use pg_core::config::ssl::SslMode;
use pg_core::wire::frame::Limits;
use pg_core::{Error, ErrorKind, Session};
use pg_tests::clients::{Face, all_words};
use pg_tests::each_client;
use pg_tests::fake_server::{FakeServer, Peer, message};
use pg_tests::relay::{Direction, Relay};
use pg_tests::server::{Options, Server, Tls};
use std::net::TcpListener;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const PASSWORD: &str = "sesame-7391";
const AT_ONCE: Duration = Duration::from_secs(1);

/// What comes of a login with a password at a server that follows `script`; `adjust` changes the configuration.
async fn login<F: Face>(
    script: impl FnOnce(&mut Peer) + Send + 'static,
    adjust: impl FnOnce(Config<F::Connector>) -> Config<F::Connector>,
) -> Error {
    let fake = FakeServer::run(script);
    let config = adjust(F::config(&fake.url()).password(PASSWORD));
    let start = Instant::now();
    let error = F::connect(&config).await.expect_err("the login must fail");
    let took = start.elapsed();
    assert!(took < AT_ONCE, "{took:?}: {error}");
    let words = all_words(&error);
    assert!(!words.contains(PASSWORD) && !format!("{config:?}").contains(PASSWORD), "{words}");
    fake.finish();
    error
}

/// The same with the configuration as it is.
async fn plain<F: Face>(script: impl FnOnce(&mut Peer) + Send + 'static) -> Error {
    login::<F>(script, |config| config).await
}

/// The same, asking for TLS.
async fn with_tls<F: Face>(mode: &str, script: impl FnOnce(&mut Peer) + Send + 'static) -> Error {
    let mode = mode.parse().unwrap();
    login::<F>(script, |config| config.ssl_mode(mode)).await
}

#[track_caller]
fn assert_error(error: &Error, kind: ErrorKind, parts: &[&str]) {
    let words = error.to_string();
    assert!(error.kind() == kind && parts.iter().all(|part| words.contains(part)), "{error:?}");
}

async fn bytes_that_come_together_with_the_answer_to_ssl_request_end_it<F: Face>() {
    for mode in ["prefer", "require"] {
        for answer in [&b"SE\0\0\0\x08evil"[..], b"NR\0\0\0\x08\0\0\0\0", b"SS", b"NN"] {
            let error = with_tls::<F>(mode, move |peer| {
                peer.expect_ssl_request();
                peer.send(answer);
                peer.expect_end();
            })
            .await;
            assert_error(&error, ErrorKind::Protocol, &["in clear", "SSLRequest"]);
            assert!(!error.to_string().contains("evil"), "{error}");
        }
    }
}

async fn an_error_instead_of_tls_is_not_shown<F: Face>() {
    let error = with_tls::<F>("require", |peer| {
        peer.expect_ssl_request();
        peer.send(message::error("28000", "please send your password to evil.example"));
        peer.expect_end();
    })
    .await;
    assert_error(&error, ErrorKind::Tls, &["answered SSLRequest with an error"]);
    assert!(!error.to_string().contains("evil"), "{error}");
}

async fn an_error_instead_of_tls_is_followed_by_an_attempt_without_where_that_is_allowed<F: Face>() {
    let fake = FakeServer::run(|peer| {
        peer.expect_ssl_request();
        peer.send(message::error("0A000", "unsupported frontend protocol"));
        peer.expect_end();
        let mut second = peer.accept();
        second.expect_startup();
        second.login();
    });
    let config = F::config(&fake.url()).ssl_mode(SslMode::Prefer);
    let mut client = F::connect(&config).await.unwrap();
    assert!(!client.connection().is_encrypted());
    fake.finish();
}

async fn another_byte_than_s_or_n_is_no_postgresql<F: Face>() {
    for byte in [b'H', b'X', b's', 0, 255] {
        let error = with_tls::<F>("require", move |peer| {
            peer.expect_ssl_request();
            peer.send([byte]);
            peer.expect_end();
        })
        .await;
        assert_error(&error, ErrorKind::Tls, &["SSLRequest", "is this a PostgreSQL server?"]);
    }
}

async fn what_is_no_tls_after_s_is_refused<F: Face>() {
    let error = with_tls::<F>("require", |peer| {
        peer.expect_ssl_request();
        peer.send(b"S");
        // The ClientHello: five bytes of header, of which the last two are the length.
        peer.expect_client_hello();
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    })
    .await;
    assert_error(&error, ErrorKind::Tls, &["not TLS", "HINT"]);
}

async fn a_server_without_tls_is_refused_where_it_is_demanded<F: Face>() {
    let refuse = |peer: &mut Peer| {
        peer.expect_ssl_request();
        peer.send(b"N");
        peer.expect_end();
    };
    for error in [
        with_tls::<F>("require", refuse).await,
        login::<F>(refuse, |config| config.ssl_mode(SslMode::VerifyFull).ssl_root_cert("system")).await,
    ] {
        assert_error(&error, ErrorKind::Tls, &["doesn't speak TLS", "ssl = on"]);
    }
}

/// One host does not answer, the other has a certificate for another name: nothing is tried in clear, in either order.
async fn no_host_is_a_way_around_verification<F: Face>() {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = SERVER.get_or_init(|| Server::start(Options::new().tls(Tls::Authority)).unwrap());
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for dead_first in [true, false] {
        let relay = Relay::to(server);
        relay.record();
        let alive = relay.address().port();
        let ports = if dead_first { format!("{dead},{alive}") } else { format!("{alive},{dead}") };
        let conninfo = format!(
            "host=db1.example.com,db2.example.com hostaddr=127.0.0.1,127.0.0.1 port={ports} user=postgres \
             dbname=postgres sslmode=verify-full password={PASSWORD}"
        );
        let config = F::config(&conninfo).ssl_root_cert(server.certificates().unwrap().root_path());
        let error = F::connect(&config).await.expect_err("the certificate is for localhost");
        // The last host's kind, with the words of all.
        let kind = if dead_first { ErrorKind::Tls } else { ErrorKind::Io };
        assert_error(&error, kind, &["not for this host", "Connection refused"]);
        assert!(!all_words(&error).contains(PASSWORD));
        assert_eq!(relay.counts().connections, 1, "it was not tried again in another way");
        let said: Vec<u8> = relay
            .recorded()
            .into_iter()
            .filter(|piece| piece.direction == Direction::ToServer)
            .flat_map(|piece| piece.bytes)
            .collect();
        // SSLRequest, and then nothing but records of TLS.
        let mut records = said.strip_prefix(b"\0\0\0\x08\x04\xd2\x16\x2f").expect("an SSLRequest");
        assert!(!records.is_empty());
        while let [kind, 3, _, high, low, rest @ ..] = records {
            assert!((20..=23).contains(kind), "{}", said.escape_ascii());
            records = &rest[usize::from(u16::from_be_bytes([*high, *low]))..];
        }
        assert!(records.is_empty(), "{}", said.escape_ascii());
    }
}

async fn ok_without_the_proof_that_was_demanded_is_not_believed<F: Face>() {
    let error = login::<F>(
        |peer| {
            peer.expect_startup();
            peer.login();
            peer.expect_end();
        },
        |config| config.require_auth("scram-sha-256".parse().unwrap()),
    )
    .await;
    assert_error(&error, ErrorKind::Authentication, &["require_auth=scram-sha-256", "HINT"]);
}

async fn ok_in_the_middle_of_scram_is_not_believed<F: Face>() {
    let error = plain::<F>(|peer| {
        peer.expect_startup();
        begin_scram(peer, 4096);
        peer.expect(b'p');
        peer.login();
        peer.expect_end();
    })
    .await;
    assert_error(&error, ErrorKind::Authentication, &["before it has proved"]);
}

async fn a_wrong_server_signature_ends_the_login<F: Face>() {
    for last in ["v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "v=", "v=AAAA"] {
        let error = plain::<F>(move |peer| {
            peer.expect_startup();
            begin_scram(peer, 4096);
            peer.expect(b'p');
            peer.send(message::authentication(12, last.as_bytes()));
            peer.expect_end();
        })
        .await;
        assert_error(
            &error,
            ErrorKind::Authentication,
            &["signature is wrong", "standing in for the server"],
        );
    }
}

async fn a_final_message_without_a_signature_is_malformed<F: Face>() {
    for last in ["", "x=1", "v=!", "v"] {
        let error = plain::<F>(move |peer| {
            peer.expect_startup();
            begin_scram(peer, 4096);
            peer.expect(b'p');
            peer.send(message::authentication(12, last.as_bytes()));
            peer.expect_end();
        })
        .await;
        assert_error(&error, ErrorKind::Protocol, &["SCRAM", "malformed"]);
    }
}

async fn iteration_counts_out_of_bounds_are_not_computed<F: Face>() {
    for (iterations, shown) in [(1, "1 SCRAM"), (4095, "4095 SCRAM"), (10_000_000, "10000000 SCRAM")] {
        let error = plain::<F>(move |peer| {
            peer.expect_startup();
            begin_scram(peer, iterations);
            peer.expect_end();
        })
        .await;
        assert_error(&error, ErrorKind::Authentication, &[shown, "4096 to 100000", "scram_iterations"]);
    }
}

async fn a_nonce_that_does_not_extend_ours_is_refused<F: Face>() {
    let error = plain::<F>(|peer| {
        peer.expect_startup();
        offer_scram(peer);
        peer.send(message::authentication(11, b"r=somebody-elses-nonce,s=c2FsdA==,i=4096"));
        peer.expect_end();
    })
    .await;
    assert_error(&error, ErrorKind::Authentication, &["nonce doesn't extend ours"]);
}

async fn unknown_authentication_is_told_by_its_number_or_name<F: Face>() {
    for (code, kind, part) in [
        (4711, ErrorKind::Protocol, "unknown kind 4711"),
        (u32::MAX, ErrorKind::Protocol, "unknown kind"),
        (7, ErrorKind::Authentication, "GSSAPI"),
        (9, ErrorKind::Authentication, "SSPI"),
        (2, ErrorKind::Authentication, "Kerberos"),
    ] {
        let error = plain::<F>(move |peer| {
            peer.expect_startup();
            peer.send(message::authentication(code, &[]));
            peer.expect_end();
        })
        .await;
        assert_error(&error, kind, &[part]);
    }
}

async fn an_unknown_mechanism_is_named<F: Face>() {
    let error = plain::<F>(|peer| {
        peer.expect_startup();
        peer.send(message::authentication(10, b"SCRAM-SHA-512\0OAUTHBEARER\0\0"));
        peer.expect_end();
    })
    .await;
    assert_error(
        &error,
        ErrorKind::Authentication,
        &["SCRAM-SHA-512, OAUTHBEARER", "SCRAM-SHA-256 is known"],
    );
}

async fn a_password_is_asked_for_only_once<F: Face>() {
    let error = plain::<F>(|peer| {
        peer.expect_startup();
        peer.send(message::authentication(5, &[1, 2, 3, 4]));
        peer.expect(b'p');
        peer.send(message::authentication(5, &[5, 6, 7, 8]));
        peer.expect_end();
    })
    .await;
    assert_error(&error, ErrorKind::Protocol, &["AuthenticationMD5Password", "after the password was sent"]);
}

async fn a_password_is_not_sent_in_clear<F: Face>() {
    let error = plain::<F>(|peer| {
        peer.expect_startup();
        peer.send(message::authentication(3, &[]));
        // It ends without a PasswordMessage.
        peer.expect_end();
    })
    .await;
    assert_error(&error, ErrorKind::Authentication, &["clear text", "sslmode=require"]);
}

async fn messages_out_of_place_are_refused<F: Face>() {
    let out_of_place: [(&str, Vec<u8>); 9] = [
        ("DataRow", message::data_row(&[Some(b"evil")])),
        ("ParameterStatus", message::parameter_status("server_version", "evil")),
        ("BackendKeyData", message::backend_key_data(1, &[1, 2, 3, 4])),
        ("ReadyForQuery", message::ready_for_query(b'I')),
        ("NotificationResponse", message::notification(1, "evil", "evil")),
        ("CommandComplete", message::command_complete("SELECT 1")),
        ("CopyInResponse", message::copy_in_response(0, &[0])),
        ("RowDescription", message::row_description(&[])),
        ("unknown message", message::message(b'!', b"evil")),
    ];
    for (name, bytes) in out_of_place {
        let error = plain::<F>(move |peer| {
            peer.expect_startup();
            peer.send(bytes);
            peer.expect_end();
        })
        .await;
        assert_error(
            &error,
            ErrorKind::Protocol,
            &[name, "an authentication request was expected", "Startup"],
        );
        assert!(!error.to_string().contains("evil"), "{error}");
    }
}

async fn authentication_after_login_is_refused<F: Face>() {
    let error = plain::<F>(|peer| {
        peer.expect_startup();
        peer.send([message::authentication_ok(), message::authentication(3, &[])].concat());
        peer.expect_end();
    })
    .await;
    assert_error(&error, ErrorKind::Protocol, &["Authentication", "LoggedIn"]);
}

async fn another_encoding_than_utf8_is_refused<F: Face>() {
    let error = plain::<F>(|peer| {
        peer.expect_startup();
        peer.send(message::authentication_ok());
        peer.send(message::parameter_status("client_encoding", "LATIN1"));
        peer.expect_end();
    })
    .await;
    assert_error(&error, ErrorKind::Protocol, &["client_encoding", "LATIN1", "UTF8"]);
}

async fn an_unknown_transaction_status_is_refused<F: Face>() {
    for status in [b'X', 0, b'i'] {
        let error = plain::<F>(move |peer| {
            peer.expect_startup();
            peer.send([message::authentication_ok(), message::ready_for_query(status)].concat());
            peer.expect_end();
        })
        .await;
        assert_error(&error, ErrorKind::Protocol, &["ReadyForQuery"]);
    }
}

async fn malformed_messages_are_named<F: Face>() {
    let malformed = [
        ("Authentication", message::message(b'R', &[0, 0])),
        ("Authentication", message::message(b'R', &[0, 0, 0, 0, 7])),
        ("Authentication", message::authentication(5, &[1, 2])),
        ("Authentication", message::authentication(10, b"SCRAM-SHA-256")),
        ("ErrorResponse", message::message(b'E', b"SFATAL\0C28000")),
        ("NoticeResponse", message::message(b'N', b"SNOTICE")),
        ("NegotiateProtocolVersion", message::message(b'v', &[0, 0, 0, 0, 255, 255, 255, 255])),
    ];
    for (name, bytes) in malformed {
        let error = plain::<F>(move |peer| {
            peer.expect_startup();
            peer.send(bytes);
            peer.expect_end();
        })
        .await;
        assert_error(&error, ErrorKind::Protocol, &[name]);
    }
}

async fn endless_notices_before_login_end_at_64_kib<F: Face>() {
    let error = plain::<F>(|peer| {
        peer.expect_startup();
        let notice =
            message::notice_response(&[(b'S', "NOTICE"), (b'C', "00000"), (b'M', &"x".repeat(1000))]);
        peer.send_for_ever(&notice);
    })
    .await;
    assert_error(&error, ErrorKind::Protocol, &["'N'", "limit"]);
}

async fn the_limits_are_settings<F: Face>() {
    let limits = Limits { before_login: 200_000, small: 10, large: 1_000_000 };
    let chatty = |peer: &mut Peer, parameter: &str| {
        peer.expect_startup();
        let notice =
            message::notice_response(&[(b'S', "NOTICE"), (b'C', "00000"), (b'M', &"x".repeat(1000))]);
        peer.send(notice.repeat(100));
        peer.login();
        peer.send(message::parameter_status("a", parameter));
        peer.wait_for_end();
    };
    let fake = FakeServer::run(move |peer| chatty(peer, "b"));
    let config = F::config(&fake.url()).message_limits(limits);
    assert_eq!(format!("{config:?}").matches("before_login: 200000").count(), 1);
    drop(F::connect(&config).await.unwrap());
    fake.finish();
    let fake = FakeServer::run(move |peer| chatty(peer, "longer than ten bytes"));
    let config = F::config(&fake.url()).message_limits(limits);
    let mut client = F::connect(&config).await.unwrap();
    let error = client.ping().await.unwrap_err();
    assert_error(&error, ErrorKind::Protocol, &["'S'", "limit of 10", "message_limits"]);
}

async fn a_message_that_claims_two_gigabytes_is_refused_at_its_header<F: Face>() {
    for (tag, length) in
        [(b'R', 0x7fff_ffff_u32), (b'E', 0x8000_0000), (b'N', u32::MAX), (b'R', 0), (b'R', 3)]
    {
        let error = plain::<F>(move |peer| {
            peer.expect_startup();
            peer.send([&[tag], &length.to_be_bytes()[..]].concat());
            peer.expect_end();
        })
        .await;
        assert_error(&error, ErrorKind::Protocol, &["claims"]);
    }
}

/// The messages of a whole login by MD5, and what the client says before each.
fn login_by_md5(peer: &mut Peer, messages: usize) {
    peer.expect_startup();
    for at in 0..messages {
        match at {
            0 => peer.send(message::authentication(5, &[1, 2, 3, 4])),
            1 => {
                peer.expect(b'p');
                peer.send(message::authentication_ok());
            }
            2 => peer.send(message::parameter_status("client_encoding", "UTF8")),
            3 => peer.send(message::backend_key_data(1, &[1, 2, 3, 4])),
            // In the middle of a message.
            4 => peer.send(b"Z\0\0"),
            _ => unreachable!("a login has five steps here"),
        }
    }
}

async fn an_end_of_the_link_at_each_message_of_a_login_is_an_io_error<F: Face>() {
    for messages in 0..=5 {
        for reset in [false, true] {
            let error = plain::<F>(move |peer| {
                login_by_md5(peer, messages);
                // A reset throws away what the client has not read; the answer to it must have come.
                if messages == 1 {
                    peer.expect(b'p');
                }
                if reset { peer.reset() } else { peer.close() }
            })
            .await;
            assert_error(&error, ErrorKind::Io, &["connecting to 127.0.0.1", "HINT"]);
        }
    }
}

async fn an_end_of_the_link_at_ssl_request_is_an_io_error<F: Face>() {
    for (mode, reset) in [("prefer", false), ("require", false), ("prefer", true), ("require", true)] {
        let error = with_tls::<F>(mode, move |peer| {
            peer.expect_ssl_request();
            if reset { peer.reset() } else { peer.close() }
        })
        .await;
        assert_error(&error, ErrorKind::Io, &["HINT"]);
    }
}

/// Offers SCRAM and gives the client's nonce.
fn offer_scram(peer: &mut Peer) -> String {
    peer.send(message::authentication(10, b"SCRAM-SHA-256\0\0"));
    let first = String::from_utf8(peer.expect(b'p')).unwrap();
    first.rsplit_once("r=").expect("a nonce").1.to_owned()
}

/// The same, and the server's first message with this iteration count.
fn begin_scram(peer: &mut Peer, iterations: u32) {
    let nonce = offer_scram(peer);
    peer.send(message::authentication(11, format!("r={nonce}more,s=c2FsdA==,i={iterations}").as_bytes()));
}

each_client!(
    no_host_is_a_way_around_verification,
    bytes_that_come_together_with_the_answer_to_ssl_request_end_it,
    an_error_instead_of_tls_is_not_shown,
    an_error_instead_of_tls_is_followed_by_an_attempt_without_where_that_is_allowed,
    another_byte_than_s_or_n_is_no_postgresql,
    what_is_no_tls_after_s_is_refused,
    a_server_without_tls_is_refused_where_it_is_demanded,
    ok_without_the_proof_that_was_demanded_is_not_believed,
    ok_in_the_middle_of_scram_is_not_believed,
    a_wrong_server_signature_ends_the_login,
    a_final_message_without_a_signature_is_malformed,
    iteration_counts_out_of_bounds_are_not_computed,
    a_nonce_that_does_not_extend_ours_is_refused,
    unknown_authentication_is_told_by_its_number_or_name,
    an_unknown_mechanism_is_named,
    a_password_is_asked_for_only_once,
    a_password_is_not_sent_in_clear,
    messages_out_of_place_are_refused,
    authentication_after_login_is_refused,
    another_encoding_than_utf8_is_refused,
    an_unknown_transaction_status_is_refused,
    malformed_messages_are_named,
    endless_notices_before_login_end_at_64_kib,
    the_limits_are_settings,
    a_message_that_claims_two_gigabytes_is_refused_at_its_header,
    an_end_of_the_link_at_each_message_of_a_login_is_an_io_error,
    an_end_of_the_link_at_ssl_request_is_an_io_error,
);
