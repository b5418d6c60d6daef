//! TLS against real servers: every `sslmode`, the roots that are trusted, large messages, and cancel requests.

use pg_core::config::Config;
use pg_core::config::ssl::SslMode;
use pg_core::{Error, ErrorKind, Lifecycle, Session};
use pg_tests::clients::{Face, all_words};
use pg_tests::each_client;
use pg_tests::relay::{Direction, Relay, Upstream};
use pg_tests::server::{Certificates, Options, Server, Tls, admin_query};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A server whose certificate an authority has signed.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        // The first line that matches decides, so these two roles have one way each.
        let options = Options::new()
            .tls(Tls::Authority)
            .hba("hostnossl all only_plain all trust")
            .hba("host all only_plain all reject")
            .hba("hostssl all only_tls all trust")
            .hba("host all only_tls all reject");
        let server = Server::start(options).unwrap();
        admin_query(&server.url(), "create role only_plain login; create role only_tls login").unwrap();
        server
    })
}

fn certificates(server: &Server) -> &Certificates {
    server.certificates().unwrap()
}

/// The root of an authority that has nothing to do with the server's.
fn foreign_root() -> &'static str {
    static SERVER: OnceLock<String> = OnceLock::new();
    SERVER.get_or_init(|| {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
    })
}

fn to<F: Face>(server: &Server, more: &str) -> Config<F::Connector> {
    F::config(&format!("host=localhost port={} user=postgres dbname=postgres {more}", server.port()))
}

/// Whether the server sees the session encrypted, and by which version.
async fn encryption<F: Face>(config: &Config<F::Connector>) -> Option<String> {
    let mut client = F::connect(config).await.unwrap_or_else(|e| panic!("{e}"));
    let version: Option<String> =
        client.query_value("select version from pg_stat_ssl where pid = pg_backend_pid()", ()).await.unwrap();
    assert_eq!(version.is_some(), client.connection().is_encrypted());
    version
}

#[track_caller]
fn assert_tls_error(error: &Error, parts: &[&str]) {
    let words = error.to_string();
    assert!(error.kind() == ErrorKind::Tls && parts.iter().all(|part| words.contains(part)), "{error:?}");
}

async fn refusal<F: Face>(config: &Config<F::Connector>) -> Error {
    F::connect(config).await.expect_err("the connection must be refused")
}

async fn each_mode_encrypts_as_its_table_says<F: Face>() {
    let root = certificates(server()).root_path();
    for (mode, encrypts) in
        [("disable", false), ("prefer", true), ("require", true), ("verify-ca", true), ("verify-full", true)]
    {
        let roots = if mode.starts_with("verify") {
            format!("sslrootcert='{}'", root.display())
        } else {
            String::new()
        };
        let version = encryption::<F>(&to::<F>(server(), &format!("sslmode={mode} {roots}"))).await;
        assert_eq!(version.is_some(), encrypts, "{mode}");
    }
    assert_eq!(
        encryption::<F>(&to::<F>(server(), "")).await.as_deref(),
        Some("TLSv1.3"),
        "prefer is the default"
    );
}

async fn prefer_goes_without_where_the_server_has_no_tls<F: Face>() {
    let database = Server::shared().database();
    let config = F::config(&database.url_with("sslmode=prefer"));
    assert_eq!(encryption::<F>(&config).await, None);
    let error = refusal::<F>(&config.ssl_mode(SslMode::Require)).await;
    assert_tls_error(&error, &["doesn't speak TLS", "ssl = on"]);
}

async fn a_unix_socket_is_never_encrypted<F: Face>() {
    let folder = server().socket_dir().unwrap().display();
    for mode in ["prefer", "require", "verify-full sslrootcert=/no/such/file"] {
        let conninfo = format!("host={folder} port={} user=postgres sslmode={mode}", server().port());
        assert_eq!(encryption::<F>(&F::config(&conninfo)).await, None);
    }
}

async fn prefer_falls_back_when_the_handshake_fails<F: Face>() {
    let options = Options::new()
        .tls(Tls::Authority)
        .set("ssl_min_protocol_version", "TLSv1")
        .set("ssl_max_protocol_version", "TLSv1.1");
    let old = Server::start(options).unwrap();
    assert_eq!(encryption::<F>(&to::<F>(&old, "sslmode=prefer")).await, None);
    let error = refusal::<F>(&to::<F>(&old, "sslmode=require")).await;
    assert_tls_error(&error, &["TLS with localhost", "HINT", "TLSv1.2"]);
}

async fn prefer_follows_pg_hba_where_only_one_way_is_open<F: Face>() {
    assert_eq!(encryption::<F>(&to::<F>(server(), "").user("only_plain")).await, None);
    assert!(encryption::<F>(&to::<F>(server(), "").user("only_tls")).await.is_some());
    let error = refusal::<F>(&to::<F>(server(), "sslmode=require").user("only_plain")).await;
    assert_eq!(error.sqlstate().unwrap().code(), "28000");
    let error = refusal::<F>(&to::<F>(server(), "sslmode=disable").user("only_tls")).await;
    assert_eq!(error.sqlstate().unwrap().code(), "28000");
    // Both ways are closed: both are told.
    let error = refusal::<F>(&to::<F>(server(), "").user("no_such_role")).await;
    assert!(
        error.to_string().contains("with TLS: role \"no_such_role\" does not exist; without: FATAL"),
        "{error}"
    );
}

async fn the_right_root_is_trusted_by_path_and_by_text<F: Face>() {
    let certificates = certificates(server());
    for mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
        let config = to::<F>(server(), "").ssl_mode(mode);
        assert!(encryption::<F>(&config.clone().ssl_root_cert(certificates.root_path())).await.is_some());
        assert!(encryption::<F>(&config.clone().ssl_root_cert_pem(certificates.root())).await.is_some());
        // A bundle with others in it.
        let bundle = format!("# roots\n{}{}", foreign_root(), certificates.root());
        assert!(encryption::<F>(&config.ssl_root_cert_pem(bundle)).await.is_some());
    }
    // An address that the certificate has.
    let config =
        to::<F>(server(), "sslmode=verify-full").host("127.0.0.1").ssl_root_cert(certificates.root_path());
    assert!(encryption::<F>(&config).await.is_some());
}

async fn a_wrong_root_is_refused_and_the_server_is_told<F: Face>() {
    for mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
        let error =
            refusal::<F>(&to::<F>(server(), "").ssl_mode(mode).ssl_root_cert_pem(foreign_root())).await;
        assert_tls_error(&error, &["connecting to localhost", "signed by no trusted root", "sslrootcert"]);
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while !server().log().contains("alert unknown ca") {
        assert!(Instant::now() < deadline, "{}", server().log());
    }
}

async fn roots_are_not_looked_at_under_prefer<F: Face>() {
    let config = to::<F>(server(), "sslmode=prefer").ssl_root_cert_pem(foreign_root());
    assert!(encryption::<F>(&config).await.is_some());
}

async fn a_wrong_name_is_refused_by_verify_full_alone<F: Face>() {
    let root = certificates(server()).root_path();
    let wrong = to::<F>(server(), "host=db.example.com hostaddr=127.0.0.1").ssl_root_cert(root);
    assert!(encryption::<F>(&wrong.clone().ssl_mode(SslMode::VerifyCa)).await.is_some());
    let error = refusal::<F>(&wrong.ssl_mode(SslMode::VerifyFull)).await;
    assert_tls_error(
        &error,
        &[
            "db.example.com",
            "not for this host",
            "localhost",
            "subjectAltName=DNS:db.example.com",
            "verify-ca",
        ],
    );
}

async fn roots_that_can_not_be_read_are_told_before_connecting<F: Face>() {
    let nobody = "host=127.0.0.1 port=1 user=u sslmode=verify-full";
    let error = refusal::<F>(&F::config(&format!("{nobody} sslrootcert=/no/such/root.crt"))).await;
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("reading sslrootcert /no/such/root.crt: No such file"), "{error}");
    for (text, part) in [
        ("", "holds no certificate"),
        ("nonsense", "holds no certificate"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "certificate 1 of sslrootcert can't be read",
        ),
    ] {
        let error = refusal::<F>(&F::config(nobody).ssl_root_cert_pem(text)).await;
        assert!(error.kind() == ErrorKind::Config && error.to_string().contains(part), "{error:?}");
    }
    let error = refusal::<F>(&F::config(nobody)).await;
    assert!(error.kind() == ErrorKind::Config && error.to_string().contains("set sslrootcert"), "{error:?}");
}

async fn the_systems_roots_refuse_a_private_authority<F: Face>() {
    let error = refusal::<F>(&to::<F>(server(), "sslrootcert=system")).await;
    assert_tls_error(&error, &["signed by no trusted root", "set sslrootcert to the certificate of the CA"]);
}

async fn the_quick_recipe_works_when_it_is_the_pinned_root<F: Face>() {
    for kind in [Tls::QuickRecipe, Tls::SelfSignedCa] {
        let server = Server::start(Options::new().tls(kind)).unwrap();
        for mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
            let pinned = to::<F>(&server, "").ssl_mode(mode).ssl_root_cert(certificates(&server).root_path());
            assert!(encryption::<F>(&pinned).await.is_some(), "{kind:?} {mode}");
        }
        assert!(encryption::<F>(&to::<F>(&server, "sslmode=require")).await.is_some(), "nothing is checked");
        // Not pinned: what to do, in one line that can be pasted.
        for config in [
            to::<F>(&server, "sslmode=verify-full").ssl_root_cert_pem(foreign_root()),
            to::<F>(&server, "sslrootcert=system"),
        ] {
            let error = refusal::<F>(&config).await;
            assert_tls_error(
                &error,
                &["CA certificate as its own", "not pinned", "openssl req -new -x509", "CA:FALSE"],
            );
        }
        // Another name than the certificate's.
        let root = certificates(&server).root_path();
        let wrong = to::<F>(&server, "host=db.example.com hostaddr=127.0.0.1 sslmode=verify-full")
            .ssl_root_cert(root);
        assert_tls_error(
            &refusal::<F>(&wrong).await,
            &["not for this host", "subjectAltName=DNS:db.example.com"],
        );
    }
}

async fn messages_larger_than_tls_records_pass_both_ways<F: Face>() {
    let mut client = F::connect(&to::<F>(server(), "sslmode=require")).await.unwrap();
    for size in [1, 16_383, 16_384, 16_385, 100_000, 5_000_000] {
        let text: String = ('a'..='z').cycle().take(size).collect();
        let (length, back): (i32, String) =
            client.query_one("select length($1::text), $1::text", (&*text,)).await.unwrap();
        assert_eq!(usize::try_from(length).unwrap(), size);
        assert!(back == text, "{size} bytes came back changed");
    }
    let rows: Vec<(i32, String)> =
        client.query("select i, repeat('x', i % 1000) from generate_series(1, 20000) i", ()).await.unwrap();
    assert!(rows.len() == 20_000 && rows.iter().all(|(i, text)| text.len() as i32 == i % 1000));
    // What is dropped half way is read away.
    let mut stream =
        client.stream("select repeat('y', 1000) from generate_series(1, 100000)", ()).await.unwrap();
    assert!(stream.next_row().await.unwrap().is_some());
    drop(stream);
    assert_eq!(client.query_value::<i32>("select 1", ()).await.unwrap(), 1);
}

fn relay_to(server: &Server) -> Relay {
    Relay::to(Upstream::Tcp(SocketAddr::from(([127, 0, 0, 1], server.port()))))
}

async fn a_cancel_request_is_encrypted_as_its_session_is<F: Face>() {
    let relay = relay_to(server());
    for mode in ["prefer", "require"] {
        let config = to::<F>(server(), &format!("sslmode={mode}")).port(relay.address().port());
        let mut client = F::connect(&config).await.unwrap();
        let process: i32 = client.query_value("select pg_backend_pid()", ()).await.unwrap();
        relay.record();
        let canceller = cancel_once_it_sleeps::<F>(process, client.cancel_token());
        let error = client.batch_execute("select pg_sleep(60)").await.unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        canceller.join().unwrap();
        client.ping().await.unwrap();
        let said: Vec<u8> = relay
            .recorded()
            .into_iter()
            .filter(|piece| piece.direction == Direction::ToServer)
            .flat_map(|piece| piece.bytes)
            .collect();
        let says = |bytes: &[u8]| said.windows(bytes.len()).any(|window| window == bytes);
        assert!(says(&[4, 210, 22, 47]), "{mode}: SSLRequest");
        assert!(!says(&[4, 210, 22, 46]), "{mode}: a CancelRequest in clear");
        client.close().await.unwrap();
    }
}

/// Passes its first client on to the server, and answers the second one's SSLRequest with no. Gives its port, and what
/// the second client says after that.
fn stand_in_without_tls(server: &Server) -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let upstream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    let script = std::thread::spawn(move || {
        let (first, _) = listener.accept().unwrap();
        for (mut from, mut to) in [(&first, &upstream), (&upstream, &first)]
            .map(|(a, b)| (a.try_clone().unwrap(), b.try_clone().unwrap()))
        {
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        }
        let (mut second, _) = listener.accept().unwrap();
        second.read_exact(&mut [0; 8]).unwrap();
        second.write_all(b"N").unwrap();
        let mut said = Vec::new();
        let _ = second.read_to_end(&mut said);
        said
    });
    (port, script)
}

async fn a_cancel_request_does_not_go_out_in_clear_where_its_session_is_encrypted<F: Face>() {
    let (port, script) = stand_in_without_tls(server());
    let mut client = F::connect(&to::<F>(server(), "sslmode=prefer").port(port)).await.unwrap();
    assert!(client.connection().is_encrypted());
    let token = client.cancel_token();
    let error = std::thread::spawn(move || F::cancel(&token)).join().unwrap().unwrap_err();
    assert_tls_error(&error, &["could not be cancelled", "doesn't speak TLS"]);
    assert_eq!(script.join().unwrap(), b"", "the key was sent in clear");
    client.ping().await.unwrap();
}

fn cancel_once_it_sleeps<F: Face>(process: i32, token: F::Token) -> JoinHandle<()> {
    let url = server().url();
    std::thread::spawn(move || {
        let sql =
            format!("select count(*) from pg_stat_activity where pid = {process} and wait_event = 'PgSleep'");
        while admin_query(&url, &sql).unwrap() != [[Some("1".to_owned())]] {}
        F::cancel(&token).unwrap();
    })
}

async fn no_error_shows_a_password<F: Face>() {
    for more in [
        "sslmode=require sslrootcert=/no/such",
        "sslrootcert=system",
        "host=db.example.com hostaddr=127.0.0.1 sslmode=verify-full",
    ] {
        let config = to::<F>(server(), more).password("sesame-7391");
        let error = refusal::<F>(&config).await;
        assert!(!all_words(&error).contains("sesame"), "{error}");
    }
}

/// Neither what was deciphered nor what is still to be.
async fn debug_of_an_encrypted_connection_shows_nothing_that_passes<F: Face>() {
    let config = to::<F>(server(), "sslmode=require");
    let mut client = F::connect(&config).await.unwrap_or_else(|e| panic!("{e}"));
    let secret: String = client.query_value("select $1::text", ("swordfish",)).await.unwrap();
    let shown = format!("{:?}", client.connection());
    let numbers = secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
    assert!(shown.contains("encrypted: true"), "{shown}");
    assert!(!shown.contains("swordfish") && !shown.contains(&numbers), "{shown}");
}

each_client!(
    each_mode_encrypts_as_its_table_says,
    prefer_goes_without_where_the_server_has_no_tls,
    a_unix_socket_is_never_encrypted,
    prefer_falls_back_when_the_handshake_fails,
    prefer_follows_pg_hba_where_only_one_way_is_open,
    the_right_root_is_trusted_by_path_and_by_text,
    a_wrong_root_is_refused_and_the_server_is_told,
    roots_are_not_looked_at_under_prefer,
    a_wrong_name_is_refused_by_verify_full_alone,
    roots_that_can_not_be_read_are_told_before_connecting,
    the_systems_roots_refuse_a_private_authority,
    the_quick_recipe_works_when_it_is_the_pinned_root,
    messages_larger_than_tls_records_pass_both_ways,
    a_cancel_request_is_encrypted_as_its_session_is,
    a_cancel_request_does_not_go_out_in_clear_where_its_session_is_encrypted,
    no_error_shows_a_password,
    debug_of_an_encrypted_connection_shows_nothing_that_passes,
);
