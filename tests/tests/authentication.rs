//! Each way of PostgreSQL to ask who we are, over TCP, TLS and the Unix socket: what is answered, what is refused, and
//! what the refusals say.

use pg_core::config::ssl::SslMode;
use pg_core::{Error, ErrorKind, Session};
use pg_tests::clients::{Face, all_words};
use pg_tests::each_client;
use pg_tests::server::{Auth, Options, Server, Tls, admin_query};
use std::sync::OnceLock;

const PASSWORD: &str = "sesame-7391";
const WRONG: &str = "sesame-7392";
/// The roles, each with the only method that it may use.
const ROLES: [(&str, &str, Auth); 4] = [
    ("scram", "scram-sha-256", Auth::Scram),
    ("md5", "md5", Auth::Md5),
    ("clear", "password", Auth::Password),
    ("trusted", "none", Auth::Trust),
];

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let roles =
            ROLES.iter().fold(Options::new(), |options, (name, _, auth)| options.user(name, PASSWORD, *auth));
        let server = Server::start(roles.user("unset", PASSWORD, Auth::Scram).tls(Tls::Authority)).unwrap();
        admin_query(&server.url(), "alter role unset password null").unwrap();
        server
    })
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Tcp,
    Tls,
    Unix,
}

const WAYS: [Way; 3] = [Way::Tcp, Way::Tls, Way::Unix];

fn place(way: Way) -> String {
    let port = server().port();
    match way {
        Way::Tcp => format!("host=127.0.0.1 port={port} dbname=postgres sslmode=disable"),
        Way::Tls => format!("host=127.0.0.1 port={port} dbname=postgres sslmode=require"),
        Way::Unix => format!("host={} port={port} dbname=postgres", server().socket_dir().unwrap().display()),
    }
}

async fn login<F: Face>(way: Way, role: &str, password: &str, more: &str) -> Result<F::Client, Error> {
    let conninfo = format!("{} user={role} password='{password}' {more}", place(way));
    let config = F::config(&conninfo);
    assert!(password.is_empty() || !format!("{config:?}").contains(password), "{config:?}");
    let outcome = F::connect(&config).await;
    if let Err(error) = &outcome {
        let words = all_words(error);
        assert!(password.is_empty() || !words.contains(password), "{words}");
        assert!(words.contains("HINT"), "{words}");
    }
    outcome
}

/// The error of a login that must fail.
async fn refusal<F: Face>(way: Way, role: &str, password: &str, more: &str) -> Error {
    match login::<F>(way, role, password, more).await {
        Ok(_) => panic!("{role} was let in by {way:?} {more}"),
        Err(error) => error,
    }
}

#[track_caller]
fn assert_refused(error: &Error, parts: &[&str]) {
    let words = error.to_string();
    assert!(
        error.kind() == ErrorKind::Authentication && parts.iter().all(|part| words.contains(part)),
        "{error:?}"
    );
}

async fn each_method_lets_the_right_password_in<F: Face>() {
    for way in WAYS {
        for (role, method, _) in ROLES {
            if (way, role) == (Way::Tcp, "clear") {
                continue; // in clear text: see below
            }
            // That require_auth is met shows that the method was used.
            let more = format!("require_auth={method}");
            let mut client =
                login::<F>(way, role, PASSWORD, &more).await.unwrap_or_else(|e| panic!("{way:?}: {e}"));
            let (user, tls): (String, bool) = client
                .query_one("select current_user::text, ssl from pg_stat_ssl where pid = pg_backend_pid()", ())
                .await
                .unwrap();
            assert_eq!((user.as_str(), tls), (role, way == Way::Tls));
        }
    }
}

async fn cleartext_without_tls_is_refused_unless_it_is_allowed<F: Face>() {
    let error = refusal::<F>(Way::Tcp, "clear", PASSWORD, "").await;
    assert_refused(&error, &["clear text", "sslmode=require", "scram-sha-256", "allow_cleartext_password"]);
    let config = F::config(&format!("{} user=clear password={PASSWORD}", place(Way::Tcp)));
    F::connect(&config.allow_cleartext_password(true)).await.unwrap();
}

/// Nobody knows where a stream leads, whatever it looks like.
#[test]
fn over_a_stream_tls_is_not_left_out_and_no_password_goes_in_clear() {
    let path = server().socket_dir().unwrap().join(format!(".s.PGSQL.{}", server().port()));
    let connect = |conninfo: String, clear: bool| {
        let config = pg_async::Config::new(&conninfo).unwrap().allow_cleartext_password(clear);
        smol::block_on(async {
            let stream = smol::net::unix::UnixStream::connect(&path).await.unwrap();
            pg_async::connect_stream(&config, stream).await.map(drop)
        })
    };
    // No host, or the folder of a socket: there is no name that a certificate could be checked for.
    let folder = format!("host={}", server().socket_dir().unwrap().display());
    for (host, mode) in [("", "require"), ("", "verify-ca"), ("", "verify-full"), (&folder, "verify-full")] {
        let error =
            connect(format!("user=scram password={PASSWORD} dbname=postgres sslmode={mode} {host}"), true)
                .expect_err(mode);
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(all_words(&error).contains(&format!("sslmode={mode}")), "{error}");
    }
    for host in ["", &folder] {
        let clear = format!("user=clear password={PASSWORD} dbname=postgres {host}");
        assert_refused(&connect(clear.clone(), false).unwrap_err(), &["clear text"]);
        connect(clear, true).unwrap();
        connect(format!("user=scram password={PASSWORD} dbname=postgres {host}"), false).unwrap();
    }
}

async fn a_wrong_password_is_28p01<F: Face>() {
    for way in WAYS {
        for role in ["scram", "md5", "clear", "unset", "no_such_role"] {
            if (way, role) == (Way::Tcp, "clear") {
                continue;
            }
            let error = refusal::<F>(way, role, WRONG, "").await;
            let expected = if role == "no_such_role" { "28000" } else { "28P01" };
            assert_eq!(error.sqlstate().unwrap().code(), expected, "{error:?}");
            assert!(error.cure().unwrap().contains(&format!("{role:?}")), "{error}");
        }
    }
}

async fn a_missing_password_says_how_to_set_it<F: Face>() {
    for way in WAYS {
        for role in ["scram", "md5", "clear"] {
            if (way, role) == (Way::Tcp, "clear") {
                continue;
            }
            let error = refusal::<F>(way, role, "", "").await;
            assert_refused(&error, &[&format!("password of \"{role}\""), "none is set", "password(..)"]);
        }
    }
}

async fn require_auth_refuses_other_methods<F: Face>() {
    for (role, require, part) in [
        ("trusted", "scram-sha-256", "without authentication"),
        ("trusted", "!none", "without authentication"),
        ("md5", "scram-sha-256", "asks for md5"),
        ("md5", "scram-sha-256,none", "asks for md5"),
        ("clear", "!password", "asks for password"),
        ("scram", "none", "asks for scram-sha-256"),
    ] {
        let error = refusal::<F>(Way::Tls, role, PASSWORD, &format!("require_auth={require}")).await;
        assert_refused(&error, &["require_auth=", part, "pg_hba.conf"]);
    }
}

async fn channel_binding_ties_scram_to_tls<F: Face>() {
    for root in
        [String::new(), format!("sslrootcert={}", server().certificates().unwrap().root_path().display())]
    {
        login::<F>(Way::Tls, "scram", PASSWORD, &format!("channel_binding=require {root}")).await.unwrap();
    }
    for binding in ["disable", "prefer"] {
        login::<F>(Way::Tls, "scram", PASSWORD, &format!("channel_binding={binding}")).await.unwrap();
        login::<F>(Way::Tcp, "scram", PASSWORD, &format!("channel_binding={binding}")).await.unwrap();
    }
    let error = refusal::<F>(Way::Tls, "scram", WRONG, "channel_binding=require").await;
    assert_eq!(error.sqlstate().unwrap().code(), "28P01");
}

async fn channel_binding_can_not_be_had_without_tls_or_scram<F: Face>() {
    for way in [Way::Tcp, Way::Unix] {
        let error = refusal::<F>(way, "scram", PASSWORD, "channel_binding=require").await;
        assert_refused(&error, &["channel_binding=require", "no TLS", "sslmode=require"]);
    }
    for (role, part) in
        [("md5", "asks for md5"), ("clear", "asks for password"), ("trusted", "without channel binding")]
    {
        let error = refusal::<F>(Way::Tls, role, PASSWORD, "channel_binding=require").await;
        assert_refused(&error, &["channel_binding=require", part, "scram-sha-256"]);
    }
}

async fn passwords_beyond_ascii_are_prepared_as_the_server_does<F: Face>() {
    // A fraction and a full-width letter that SASLprep rewrites, a soft hyphen that it drops, and what it leaves alone.
    let passwords =
        [("one", "p\u{e4}ss \u{bd}\u{ff21}"), ("two", "so\u{ad}ft"), ("three", "\u{1f600}'\\\"x")];
    let options =
        passwords.iter().fold(Options::new(), |o, (role, password)| o.user(role, password, Auth::Scram));
    let server = Server::start(options).unwrap();
    for (role, password) in passwords {
        let config = F::config(&server.url()).user(role).password(password);
        let mut client = F::connect(&config).await.unwrap_or_else(|e| panic!("{password}: {e}"));
        client.ping().await.unwrap();
    }
}

async fn logins_of_one_configuration_share_their_keys_and_notice_a_new_password<F: Face>() {
    let role = format!("changing_{}", std::any::type_name::<F>().rsplit("::").next().unwrap().to_lowercase());
    let options = Options::new().user(&role, PASSWORD, Auth::Scram);
    let server = Server::start(options).unwrap();
    let conninfo =
        format!("host=127.0.0.1 port={} dbname=postgres user={role} password={PASSWORD}", server.port());
    let config = F::config(&conninfo);
    for _ in 0..3 {
        F::connect(&config).await.unwrap();
    }
    admin_query(&server.url(), &format!("alter role {role} password '{WRONG}'")).unwrap();
    assert_eq!(F::connect(&config).await.unwrap_err().sqlstate().unwrap().code(), "28P01");
    F::connect(&config.clone().password(WRONG)).await.unwrap();
    // The same password anew has another salt.
    admin_query(&server.url(), &format!("alter role {role} password '{PASSWORD}'")).unwrap();
    F::connect(&config).await.unwrap();
}

async fn iteration_counts_of_the_server_are_a_setting<F: Face>() {
    let own = Options::new().user("few", PASSWORD, Auth::Scram);
    let server = Server::start(own).unwrap();
    if server.major() < 16 {
        eprintln!("skipped: scram_iterations can be set from PostgreSQL 16 on");
        return;
    }
    admin_query(&server.url(), &format!("set scram_iterations = 10; alter role few password '{PASSWORD}'"))
        .unwrap();
    let conninfo =
        format!("host=127.0.0.1 port={} dbname=postgres user=few password={PASSWORD}", server.port());
    let error = F::connect(&F::config(&conninfo)).await.unwrap_err();
    assert_refused(&error, &["10 SCRAM iterations", "4096 to 100000", "scram_iterations"]);
    F::connect(&F::config(&conninfo).scram_iterations(1..=100_000)).await.unwrap();
}

async fn settings_that_contradict_each_other_are_refused_before_connecting<F: Face>() {
    let config = F::config(&place(Way::Tcp)).ssl_root_cert("system").ssl_mode(SslMode::Require);
    assert_eq!(F::connect(&config).await.unwrap_err().kind(), ErrorKind::Config);
    let config = F::config(&place(Way::Tcp)).user("a\0b").password(PASSWORD);
    let error = F::connect(&config).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Config && error.to_string().contains("NUL"), "{error:?}");
}

each_client!(
    each_method_lets_the_right_password_in,
    cleartext_without_tls_is_refused_unless_it_is_allowed,
    a_wrong_password_is_28p01,
    a_missing_password_says_how_to_set_it,
    require_auth_refuses_other_methods,
    channel_binding_ties_scram_to_tls,
    channel_binding_can_not_be_had_without_tls_or_scram,
    passwords_beyond_ascii_are_prepared_as_the_server_does,
    logins_of_one_configuration_share_their_keys_and_notice_a_new_password,
    iteration_counts_of_the_server_are_a_setting,
    settings_that_contradict_each_other_are_refused_before_connecting,
);
