//! Connection strings end to end, what a failed attempt says, the one deadline, and the end of a connection.

use pg_core::{Error, ErrorKind, Lifecycle, Session};
use pg_tests::clients::{Face, all_words};
use pg_tests::each_client;
use pg_tests::fake_server::{FakeServer, Peer, message};
use pg_tests::server::{Auth, Database, Options, Server};
use std::net::{TcpListener, TcpStream};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const PASSWORD: &str = "sesame-7391";

/// A server of this file's own: it has roles that others should not see.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let options = Options::new()
            .user("alice", PASSWORD, Auth::Scram)
            .user("crowd", PASSWORD, Auth::Trust)
            .hba("host all rejected all reject")
            .hba("host all postgres ::1/128 trust");
        let server = Server::start(options).unwrap();
        pg_tests::server::admin_query(
            &server.url(),
            "alter role crowd connection limit 0; create role rejected login",
        )
        .unwrap();
        server
    })
}

/// A port of 127.0.0.1 at which nobody listens.
fn dead_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn who<F: Face>(client: &mut F::Client) -> (String, String, bool) {
    let sql = "select current_user::text, current_database()::text, inet_server_addr() is null";
    client.query_one(sql, ()).await.unwrap()
}

/// The error of a connection that can't be; it holds no password.
async fn failure<F: Face>(conninfo: &str) -> Error {
    let error = F::connect(&F::config(conninfo)).await.expect_err("connecting must fail");
    assert!(!all_words(&error).contains(PASSWORD), "{error:?}");
    error
}

#[track_caller]
fn assert_says(error: &Error, parts: &[&str]) {
    let words = error.to_string();
    assert!(parts.iter().all(|part| words.contains(part)), "{words}");
}

async fn uris_and_pairs_lead_to_the_same_place<F: Face>() {
    let database = server().database();
    let (name, port) = (database.name(), database.port());
    let folder = database.socket_dir().unwrap().display().to_string();
    let encoded = folder.replace('/', "%2F");
    for (conninfo, by_socket) in [
        (format!("postgres://alice:{PASSWORD}@127.0.0.1:{port}/{name}"), false),
        (format!("postgresql://alice:{PASSWORD}@localhost:{port}/{name}?sslmode=prefer"), false),
        (format!("postgres://{encoded}:{port}/{name}?user=alice&password={PASSWORD}"), true),
        (format!("postgres:///{name}?host={folder}&port={port}&user=alice&password={PASSWORD}"), true),
        (format!("host=127.0.0.1 port={port} user=alice password={PASSWORD} dbname={name}"), false),
        (
            format!("host = '{folder}' port = {port} user = 'alice' password = '{PASSWORD}' dbname = {name}"),
            true,
        ),
        (format!("hostaddr=127.0.0.1 port={port} user=alice password={PASSWORD} dbname={name}"), false),
        (
            format!(
                "host=no.such.host hostaddr=127.0.0.1 port={port} user=alice password={PASSWORD} dbname={name}"
            ),
            false,
        ),
    ] {
        let mut client =
            F::connect(&F::config(&conninfo)).await.unwrap_or_else(|e| panic!("{conninfo}: {e}"));
        assert_eq!(
            who::<F>(&mut client).await,
            ("alice".to_owned(), name.to_owned(), by_socket),
            "{conninfo}"
        );
        client.close().await.unwrap();
    }
}

async fn setters_lead_there_too<F: Face>() {
    let database = server().database();
    let config = F::config("")
        .host("localhost")
        .hostaddr("127.0.0.1".parse().unwrap())
        .port(database.port())
        .user("alice")
        .password(PASSWORD)
        .dbname(database.name());
    let mut client = F::connect(&config).await.unwrap();
    assert_eq!(who::<F>(&mut client).await, ("alice".to_owned(), database.name().to_owned(), false));
}

async fn names_are_percent_decoded<F: Face>() {
    let database = server().database();
    let name = format!("{} /@:%é", database.name());
    database.sql(&format!("create role \"{name}\" login password 'p@ss/w:rd%'"));
    database.sql(&format!("create database \"{name}\" owner \"{name}\""));
    let encoded = name
        .replace('%', "%25")
        .replace(' ', "%20")
        .replace('/', "%2F")
        .replace('@', "%40")
        .replace(':', "%3a");
    let url = format!("postgres://{encoded}:p%40ss%2Fw%3Ard%25@127.0.0.1:{}/{encoded}", database.port());
    let mut client = F::connect(&F::config(&url)).await.unwrap();
    assert_eq!(who::<F>(&mut client).await, (name.clone(), name.clone(), false));
    client.close().await.unwrap();
    database.sql(&format!("drop database \"{name}\" with (force)"));
    database.sql(&format!("drop role \"{name}\""));
}

async fn the_first_host_that_answers_is_taken<F: Face>() {
    let database = server().database();
    let (name, port, dead) = (database.name(), database.port(), dead_port());
    for conninfo in [
        format!("postgres://postgres@127.0.0.1:{dead},127.0.0.1:{port}/{name}"),
        format!(
            "host=/no/such/folder,localhost,127.0.0.1 port={dead},{dead},{port} user=postgres dbname={name}"
        ),
        format!("hostaddr=127.0.0.1,127.0.0.1 port={dead},{port} user=postgres dbname={name}"),
        format!("host=no-such-host.invalid,127.0.0.1 port={port} user=postgres dbname={name}"),
    ] {
        let mut client =
            F::connect(&F::config(&conninfo)).await.unwrap_or_else(|e| panic!("{conninfo}: {e}"));
        assert_eq!(who::<F>(&mut client).await.1, name, "{conninfo}");
    }
}

async fn a_server_that_starts_up_is_passed_over<F: Face>() {
    let database = server().database();
    let fake = FakeServer::run(|peer| {
        peer.expect_startup();
        peer.send(fatal("57P03", "the database system is starting up"));
        peer.expect_end();
    });
    let starting = F::config(&fake.url()).settings().hosts()[0].port();
    let (name, port) = (database.name(), database.port());
    let url = format!("postgres://postgres@127.0.0.1:{starting},127.0.0.1:{port}/{name}?sslmode=disable");
    let mut client = F::connect(&F::config(&url)).await.unwrap();
    assert_eq!(who::<F>(&mut client).await.1, name);
    fake.finish();
}

async fn a_refused_login_is_not_tried_elsewhere<F: Face>() {
    let database = server().database();
    let port = database.port();
    let url =
        format!("postgres://alice:wrong@127.0.0.1:{port},127.0.0.1:{}/{}", dead_port(), database.name());
    let error = failure::<F>(&url).await;
    assert_eq!(error.sqlstate().unwrap().code(), "28P01");
    assert_says(&error, &[&format!("connecting to 127.0.0.1:{port}: FATAL"), "HINT"]);
}

async fn all_hosts_that_failed_are_named<F: Face>() {
    let (one, two) = (dead_port(), dead_port());
    let error = failure::<F>(&format!(
        "postgres://u:{PASSWORD}@127.0.0.1:{one},127.0.0.1:{two},no-such-host.invalid/d"
    ))
    .await;
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_says(
        &error,
        &[
            "no host could be reached",
            &format!("127.0.0.1:{one}"),
            &format!("127.0.0.1:{two}"),
            "no-such-host.invalid:5432",
        ],
    );
}

async fn without_user_and_database_the_systems_user_serves_as_both<F: Face>() {
    let output = std::process::Command::new("id").arg("-un").output().unwrap();
    let name = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    for (given, user, database) in
        [("", &*name, &*name), ("user=ann", "ann", "ann"), ("dbname=d", &*name, "d")]
    {
        let fake = FakeServer::run(|peer| {
            let startup = peer.expect_startup();
            peer.login();
            startup
        });
        let port = F::config(&fake.url()).settings().hosts()[0].port();
        F::connect(&F::config(&format!("host=127.0.0.1 port={port} sslmode=disable {given}"))).await.unwrap();
        let startup = fake.finish();
        assert_eq!(startup.version, (3, 0));
        assert_eq!((startup.parameter("user"), startup.parameter("database")), (Some(user), Some(database)));
        assert_eq!(startup.parameter("client_encoding"), Some("UTF8"));
    }
}

async fn without_a_host_the_usual_sockets_are_tried_and_then_localhost<F: Face>() {
    let database = server().database();
    let conninfo = format!("port={} user=postgres dbname={}", database.port(), database.name());
    let mut client = F::connect(&F::config(&conninfo)).await.unwrap();
    assert_eq!(who::<F>(&mut client).await.1, database.name());
    let error = failure::<F>(&format!("port={} user=postgres", dead_port())).await;
    assert_says(&error, &["/var/run/postgresql/.s.PGSQL", "/tmp/.s.PGSQL", "localhost:"]);
}

async fn run_time_settings_hold_for_the_session<F: Face>() {
    let database = server().database();
    let config = F::config(&format!(
        "{}&options=-c%20work_mem%3D3MB%20-c%20datestyle%3DISO,%5C%20YMD",
        database.url()
    ))
    .setting("statement_timeout", "7s")
    .setting("lock_timeout", "9s");
    let mut client = F::connect(&config).await.unwrap();
    for (name, value) in
        [("statement_timeout", "7s"), ("lock_timeout", "9s"), ("work_mem", "3MB"), ("datestyle", "ISO, YMD")]
    {
        client.batch_execute(&format!("set {name} = default")).await.unwrap();
        let shown: String = client.query_value("select current_setting($1)", (name,)).await.unwrap();
        assert_eq!(shown, value, "{name}: the session's own default");
    }
}

async fn a_setting_that_the_server_does_not_know_is_its_error<F: Face>() {
    let database = server().database();
    let error = F::connect(&F::config(&database.url()).setting("work_mme", "1MB")).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "42704");
    assert_says(&error, &["work_mme"]);
}

async fn the_application_name_is_seen_by_others<F: Face>() {
    let database = server().database();
    let config = F::config(&format!("{}&fallback_application_name=nobody", database.url()));
    for (config, name) in [(config.clone(), "nobody"), (config.application_name("till 7"), "till 7")] {
        let client = F::connect(&config).await.unwrap();
        let sql = "select application_name from pg_stat_activity where datname = current_database() and \
                   application_name in ('nobody', 'till 7')";
        assert_eq!(database.sql(sql), [[Some(name.to_owned())]]);
        client.close().await.unwrap();
        wait_until_nobody_is_in(&database);
    }
}

async fn a_refused_port_says_what_to_look_at<F: Face>() {
    let port = dead_port();
    let error = failure::<F>(&format!("postgres://alice:{PASSWORD}@localhost:{port}/d")).await;
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_says(
        &error,
        &[
            &format!("localhost:{port} (127.0.0.1:{port})"),
            "Connection refused",
            "is PostgreSQL running",
            "listen_addresses",
        ],
    );
}

async fn a_missing_socket_says_what_to_look_at<F: Face>() {
    let error = failure::<F>(&format!("host=/no/such/folder user=alice password={PASSWORD}")).await;
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_says(
        &error,
        &["/no/such/folder/.s.PGSQL.5432", "No such file", "unix_socket_directories", "postgres://localhost"],
    );
    // A socket at which nobody listens.
    let database = server().database();
    let folder = database.socket_dir().unwrap().join(database.name());
    std::fs::create_dir(&folder).unwrap();
    drop(std::os::unix::net::UnixListener::bind(folder.join(".s.PGSQL.5432")).unwrap());
    let error = failure::<F>(&format!("host={} user=alice password={PASSWORD}", folder.display())).await;
    assert_says(&error, &["Connection refused", "is PostgreSQL running"]);
    std::fs::remove_dir_all(folder).unwrap();
}

async fn a_path_that_no_socket_can_have_is_an_error<F: Face>() {
    let error = failure::<F>(&format!("host=/{} user=alice password={PASSWORD}", "x".repeat(200))).await;
    assert_eq!(error.kind(), ErrorKind::Io);
}

async fn a_name_without_an_address_says_so<F: Face>() {
    for timeout in ["", "?connect_timeout=10"] {
        let error =
            failure::<F>(&format!("postgres://alice:{PASSWORD}@no-such-host.invalid/d{timeout}")).await;
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_says(&error, &["no-such-host.invalid:5432", "can't be resolved", "hostaddr"]);
    }
}

async fn an_unknown_database_is_3d000<F: Face>() {
    let error =
        failure::<F>(&server().database().url_at("127.0.0.1", server().port(), "dbname=no%20such")).await;
    assert_eq!(error.sqlstate().unwrap().code(), "3D000");
    assert_says(&error, &["\"no such\" does not exist", "CREATE DATABASE \"no such\"", "dbname"]);
}

async fn a_refusal_by_pg_hba_is_28000<F: Face>() {
    let database = server().database();
    let error = failure::<F>(&database.url_as("rejected", Some(PASSWORD))).await;
    assert_eq!(error.sqlstate().unwrap().code(), "28000");
    assert_says(&error, &["pg_hba.conf", "\"rejected\"", database.name()]);
    let error = failure::<F>(&database.url_as("nobody_of_this_name", Some(PASSWORD))).await;
    assert_eq!(error.sqlstate().unwrap().code(), "28000");
    assert_says(&error, &["the role does not exist", "\"nobody_of_this_name\""]);
}

async fn too_many_connections_is_53300<F: Face>() {
    let database = server().database();
    let error = failure::<F>(&database.url_as("crowd", Some(PASSWORD))).await;
    assert_eq!(error.sqlstate().unwrap().code(), "53300");
    assert_says(&error, &["too many connections", "pool", "max_connections"]);
}

async fn a_full_server_is_53300<F: Face>() {
    let options = Options::new()
        .set("max_connections", "1")
        .set("superuser_reserved_connections", "0")
        .set("max_wal_senders", "0")
        .set("wal_level", "minimal");
    let server = Server::start(options).unwrap();
    let mut client = F::connect(&F::config(&server.url())).await.unwrap();
    let error = failure::<F>(&server.url()).await;
    assert_eq!(error.sqlstate().unwrap().code(), "53300");
    assert_says(&error, &["too many clients already", "pool", "max_connections"]);
    client.ping().await.unwrap();
}

async fn a_name_in_the_abstract_namespace_is_reached<F: Face>() {
    if !cfg!(target_os = "linux") {
        eprintln!("skipped: only Linux has an abstract namespace");
        return;
    }
    use std::os::linux::net::SocketAddrExt;
    let name = format!("pg-tests-{}-{}", std::process::id(), std::any::type_name::<F>());
    let address =
        std::os::unix::net::SocketAddr::from_abstract_name(format!("{name}/.s.PGSQL.5432")).unwrap();
    let listener = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
    // Being accepted is all: the link ends at once.
    let accepted = std::thread::spawn(move || listener.accept().map(drop));
    let error = failure::<F>(&format!("host=@{name} user=u")).await;
    assert_says(&error, &["the server closed the"]);
    accepted.join().unwrap().unwrap();
}

async fn ping_close_and_is_closed_tell_the_truth<F: Face>() {
    let database = server().database();
    let config = F::config(&database.url());
    let mut client = F::connect(&config).await.unwrap();
    assert!(!client.is_closed());
    client.ping().await.unwrap();
    client.close().await.unwrap();
    wait_until_nobody_is_in(&database);

    drop(F::connect(&config).await.unwrap());
    wait_until_nobody_is_in(&database);

    let mut client = F::connect(&config).await.unwrap();
    let process: i32 = client.query_value("select pg_backend_pid()", ()).await.unwrap();
    let ended = database.sql(&format!("select pg_terminate_backend({process}, 10000)"));
    assert_eq!(ended, [[Some("t".to_owned())]]);
    let error = client.ping().await.unwrap_err();
    assert!(error.is_closed(), "{error:?}");
    assert_eq!(error.sqlstate().map(|s| s.code().to_owned()).as_deref(), Some("57P01"), "{error:?}");
    assert!(client.is_closed());
    let again = client.ping().await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Closed);
    assert_says(&again, &["terminating connection", "connect anew"]);
}

async fn a_cancel_request_reaches_the_session<F: Face>() {
    let database = server().database();
    for url in [database.url(), database.socket_url(), database.url().replace("127.0.0.1", "localhost")] {
        let mut client = F::connect(&F::config(&url)).await.unwrap();
        let canceller = cancel_once_it_sleeps::<F>(&database, client.cancel_token());
        let error = client.batch_execute("select pg_sleep(60)").await.unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        canceller.join().unwrap();
        client.ping().await.unwrap();
    }
}

async fn a_cancel_request_without_a_server_is_an_error<F: Face>() {
    let fake = FakeServer::run(|peer| {
        peer.expect_startup();
        peer.login();
    });
    let client = F::connect(&F::config(&fake.url())).await.unwrap();
    let token = client.cancel_token();
    fake.finish();
    let error = std::thread::spawn(move || F::cancel(&token)).join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_says(&error, &["the server can't be reached"]);
}

fn fatal(sqlstate: &str, text: &str) -> Vec<u8> {
    message::error_response(&[(b'S', "FATAL"), (b'V', "FATAL"), (b'C', sqlstate), (b'M', text)])
}

fn wait_until_nobody_is_in(database: &Database) {
    let sql = "select count(*) from pg_stat_activity where pid <> pg_backend_pid() and \
               datname = current_database() and backend_type = 'client backend'";
    let deadline = Instant::now() + Duration::from_secs(10);
    while database.sql(sql) != [[Some("0".to_owned())]] {
        assert!(Instant::now() < deadline, "a session is still there");
    }
}

fn cancel_once_it_sleeps<F: Face>(database: &Database, token: F::Token) -> std::thread::JoinHandle<()> {
    let url = database.url();
    std::thread::spawn(move || {
        let sql = "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
        while pg_tests::server::admin_query(&url, sql).unwrap() != [[Some("1".to_owned())]] {}
        F::cancel(&token).unwrap();
    })
}

// ---- the one deadline ----

const DEADLINE: Duration = Duration::from_millis(300);
const SLACK: Duration = Duration::from_millis(200);

/// Connecting to what `stand_in` gives (a connection string, and what keeps it there) ends with the deadline. On a busy
/// machine one of three attempts may be late for reasons of its own.
async fn times_out<F: Face, K: Send>(stand_in: impl Fn() -> (String, K)) -> Error {
    let mut late = Duration::ZERO;
    for _ in 0..3 {
        let (conninfo, keep) = stand_in();
        let config = F::config(&conninfo).password(PASSWORD).connect_timeout(DEADLINE);
        let start = Instant::now();
        let error = F::connect(&config).await.expect_err("nobody answers");
        let took = start.elapsed();
        drop(keep);
        assert!(error.is_timeout() && !all_words(&error).contains(PASSWORD), "{error:?}");
        assert_says(&error, &["connect_timeout (0.3 s) has passed", "HINT"]);
        assert!(took >= DEADLINE, "{took:?}");
        late = took - DEADLINE;
        if late <= SLACK {
            return error;
        }
    }
    panic!("three times later than allowed, the last time by {late:?}");
}

/// A stand-in that follows a script and then says nothing more.
fn fake(
    sslmode: &'static str,
    script: impl Fn(&mut Peer) + Send + Sync + Copy + 'static,
) -> (String, FakeServer<()>) {
    let server = FakeServer::run(move |peer| {
        script(peer);
        peer.wait_for_end();
    });
    (server.url().replace("disable", sslmode), server)
}

/// One that takes connections, or lets them queue, and never says anything.
fn silent() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (format!("host=127.0.0.1 port={port} user=u dbname=d"), listener)
}

async fn a_server_that_never_answers_is_given_up_at_the_deadline<F: Face>() {
    for sslmode in ["disable", "prefer", "require"] {
        let error = times_out::<F, _>(|| {
            let (conninfo, listener) = silent();
            (format!("{conninfo} sslmode={sslmode}"), listener)
        })
        .await;
        assert_says(&error, &["connecting to 127.0.0.1:"]);
    }
}

async fn a_server_that_stalls_in_the_handshake_is_given_up_at_the_deadline<F: Face>() {
    for sslmode in ["prefer", "require"] {
        times_out::<F, _>(|| {
            fake(sslmode, |peer| {
                peer.expect_ssl_request();
                peer.send(b"S");
                peer.expect_client_hello();
                // The header of a record that does not come.
                peer.send(b"\x16\x03\x03\x10\x00");
            })
        })
        .await;
    }
}

async fn a_server_that_stalls_in_the_login_is_given_up_at_the_deadline<F: Face>() {
    times_out::<F, _>(|| fake("disable", |peer| drop(peer.expect_startup()))).await;
    times_out::<F, _>(|| {
        fake("disable", |peer| {
            peer.expect_startup();
            peer.send(message::authentication(10, b"SCRAM-SHA-256\0\0"));
            peer.expect(b'p');
        })
    })
    .await;
    times_out::<F, _>(|| {
        fake("disable", |peer| {
            peer.expect_startup();
            peer.send(message::authentication_ok());
            peer.send(message::parameter_status("server_version", "18.0"));
            peer.send(b"Z\0\0\0");
        })
    })
    .await;
}

async fn all_hosts_share_one_deadline<F: Face>() {
    let error = times_out::<F, _>(|| {
        let (one, two) =
            (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let ports = format!("{},{},{}", dead_port(), port(&one), port(&two));
        (format!("host=127.0.0.1,127.0.0.1,127.0.0.1 port={ports} user=u dbname=d"), (one, two))
    })
    .await;
    assert_says(&error, &["before it: 127.0.0.1:", "refused"]);
}

/// A listener whose queue is full, so that the next client's packets are dropped; none where the system takes all.
fn full_queue() -> Option<(String, (TcpListener, Vec<TcpStream>))> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    for _ in 0..64 {
        match TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            Ok(stream) => waiting.push(stream),
            Err(_) => {
                let conninfo = format!("host=127.0.0.1 port={} user=u dbname=d", address.port());
                return Some((conninfo, (listener, waiting)));
            }
        }
    }
    None
}

async fn a_host_that_drops_packets_is_given_up_at_the_deadline<F: Face>() {
    if full_queue().is_none() {
        eprintln!("skipped: this system has no limit on waiting connections");
        return;
    }
    times_out::<F, _>(|| full_queue().unwrap()).await;
}

async fn a_unix_socket_whose_queue_is_full_is_given_up_at_the_deadline<F: Face>() {
    let database = server().database();
    let folder = database.socket_dir().unwrap().join(database.name());
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join(".s.PGSQL.5432");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let mut waiting = Vec::new();
    let full = loop {
        use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
        match connect(&socket, &SocketAddrUnix::new(&path).unwrap()) {
            Ok(()) if waiting.len() < 64 => waiting.push(socket),
            Ok(()) => break false,
            Err(error) => break error == rustix::io::Errno::AGAIN,
        }
    };
    if full {
        times_out::<F, _>(|| (format!("host={} user=u dbname=d", folder.display()), ())).await;
    } else {
        eprintln!("skipped: this system refuses what a full queue can't hold, or takes all");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

each_client!(
    uris_and_pairs_lead_to_the_same_place,
    setters_lead_there_too,
    names_are_percent_decoded,
    the_first_host_that_answers_is_taken,
    a_server_that_starts_up_is_passed_over,
    a_refused_login_is_not_tried_elsewhere,
    all_hosts_that_failed_are_named,
    without_user_and_database_the_systems_user_serves_as_both,
    without_a_host_the_usual_sockets_are_tried_and_then_localhost,
    run_time_settings_hold_for_the_session,
    a_setting_that_the_server_does_not_know_is_its_error,
    the_application_name_is_seen_by_others,
    a_refused_port_says_what_to_look_at,
    a_missing_socket_says_what_to_look_at,
    a_path_that_no_socket_can_have_is_an_error,
    a_name_without_an_address_says_so,
    an_unknown_database_is_3d000,
    a_refusal_by_pg_hba_is_28000,
    too_many_connections_is_53300,
    a_full_server_is_53300,
    a_name_in_the_abstract_namespace_is_reached,
    ping_close_and_is_closed_tell_the_truth,
    a_cancel_request_reaches_the_session,
    a_cancel_request_without_a_server_is_an_error,
    a_server_that_never_answers_is_given_up_at_the_deadline,
    a_server_that_stalls_in_the_handshake_is_given_up_at_the_deadline,
    a_server_that_stalls_in_the_login_is_given_up_at_the_deadline,
    all_hosts_share_one_deadline,
    a_host_that_drops_packets_is_given_up_at_the_deadline,
    a_unix_socket_whose_queue_is_full_is_given_up_at_the_deadline,
);
