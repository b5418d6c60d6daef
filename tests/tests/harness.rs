//! The harness held to its own promises. Tests of the clients stand elsewhere.
#![cfg(unix)]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use pg_tests::server::{Auth, Options, Server, Stop, Tls, admin_query};

/// Polls until it happens: the events of other processes can't be waited for.
#[track_caller]
fn eventually(what: &str, happened: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !happened() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn text(value: &str) -> Vec<Vec<Option<String>>> {
    vec![vec![Some(value.to_owned())]]
}

#[test]
fn two_databases_share_a_server_and_nothing_else() {
    let server = Server::shared();
    let (one, two) = (server.database(), server.database());
    one.sql("create table t (x int); insert into t values (1)");
    two.sql("create table t (x int)");
    assert_eq!(one.sql("select count(*) from t"), text("1"));
    assert_eq!(two.sql("select count(*) from t"), text("0"));
    assert_ne!(one.name(), two.name());
    assert_eq!(one.port(), two.port());
}

#[test]
fn a_database_is_reached_over_tcp_and_over_the_unix_socket() {
    let database = Server::shared().database();
    for url in [database.url(), database.socket_url()] {
        assert_eq!(admin_query(&url, "select current_database()").unwrap(), text(database.name()), "{url}");
    }
}

#[test]
fn a_database_goes_with_its_test_even_while_somebody_is_connected() {
    let server = Server::shared();
    let database = server.database();
    let (name, url) = (database.name().to_owned(), database.url());
    let sleeper = std::thread::spawn(move || admin_query(&url, "select pg_sleep(60)"));
    let sessions =
        format!("select 1 from pg_stat_activity where datname = '{name}' and query like '%pg_sleep%'");
    eventually("the sleeper runs", || !admin_query(&server.url(), &sessions).unwrap().is_empty());
    drop(database);
    assert!(sleeper.join().unwrap().is_err());
    let left = admin_query(&server.url(), &format!("select 1 from pg_database where datname = '{name}'"));
    assert_eq!(left.unwrap(), Vec::<Vec<_>>::new());
}

#[test]
fn an_error_of_the_server_comes_with_its_sqlstate() {
    let error = admin_query(&Server::shared().url(), "select 1/0").unwrap_err().to_string();
    assert!(error.contains("ERROR 22012: division by zero"), "{error}");
}

#[test]
fn the_shared_server_has_what_tests_of_replication_and_two_phase_commit_need() {
    let server = Server::shared();
    if !server.is_own() {
        return; // somebody else's server has somebody else's settings
    }
    for (name, value) in [
        ("wal_level", "logical"),
        ("max_connections", "400"),
        ("max_prepared_transactions", "8"),
        ("TimeZone", "UTC"),
    ] {
        assert_eq!(admin_query(&server.url(), &format!("show {name}")).unwrap(), text(value));
    }
}

#[test]
fn users_are_asked_for_what_their_line_says() {
    let options = Options::new()
        .user("al", "a'b", Auth::Scram)
        .user("mo", "m", Auth::Md5)
        .user("pat", "p", Auth::Password)
        .user("tru", "t", Auth::Trust);
    let server = Server::start(options).unwrap();
    let database = server.database();
    for asked in ["al", "mo", "pat"] {
        let error = admin_query(&database.url_as(asked, None), "select 1").unwrap_err().to_string();
        assert!(error.contains("only supports trust"), "{error}");
    }
    assert_eq!(admin_query(&database.url_as("tru", None), "select 1").unwrap(), text("1"));
    let kept = "select string_agg(left(rolpassword, 5), ' ' order by rolname) from pg_authid \
                where rolname in ('al', 'mo', 'pat')";
    let kept = database.sql(kept);
    assert!(kept[0][0].as_deref().is_some_and(|text| text.starts_with("SCRAM md5")), "{kept:?}");
}

#[test]
fn a_server_with_tls_says_so() {
    for tls in [Tls::Authority, Tls::SelfSignedCa, Tls::QuickRecipe] {
        let server = match Server::start(Options::new().tls(tls)) {
            Err(error) if error.to_string().contains("built without TLS") => return, // what pip brings
            server => server.unwrap(),
        };
        assert_eq!(admin_query(&server.url(), "show ssl").unwrap(), text("on"));
        let certificates = server.certificates().unwrap();
        assert!(certificates.root_path().is_file());
        assert_eq!(certificates.root() == certificates.server_certificate(), tls != Tls::Authority);
        assert!(certificates.client("alice").key_path.is_file());
    }
}

#[test]
fn a_server_that_is_dropped_leaves_nothing() {
    let server = Server::start(Options::new().set("work_mem", "2MB")).unwrap();
    assert_eq!(admin_query(&server.url(), "show work_mem").unwrap(), text("2MB"));
    let folder = server.folder().unwrap().to_owned();
    let port = server.port();
    assert!(folder.join(format!(".s.PGSQL.{port}")).exists());
    drop(server);
    assert!(!folder.exists());
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_server_may_be_stopped_and_started_again() {
    let server = Server::start(Options::new()).unwrap();
    admin_query(&server.url(), "create table kept (x int)").unwrap();
    for how in [Stop::Fast, Stop::Immediate] {
        let before = server.pid();
        server.stop(how).unwrap();
        assert_eq!(server.pid(), None);
        assert!(admin_query(&server.url(), "select 1").is_err());
        server.start_again().unwrap();
        assert_ne!(server.pid(), before);
        admin_query(&server.url(), "select * from kept").unwrap();
    }
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let error = Server::start(Options::new().set("shared_buffers", "lots")).unwrap_err().to_string();
    assert!(error.contains("shared_buffers"), "{error}");
}

fn spawn_child() -> std::process::Child {
    std::process::Command::new(env!("CARGO_BIN_EXE_server_until_killed"))
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_process_leaves_nothing() {
    use std::io::{BufRead, BufReader};
    let mut child = spawn_child();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said =
        lines.map_while(Result::ok).find_map(|line| Some(line.split_once("child: ")?.1.to_owned())).unwrap();
    let (pid, folder) = said.split_once(' ').unwrap();
    assert!(Path::new(folder).join("data/postmaster.pid").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the folder is gone", || !Path::new(folder).exists());
    let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
    eventually("the server is gone", || rustix::process::test_kill_process(pid).is_err());
}

#[test]
fn a_process_that_is_killed_while_its_server_starts_leaves_nothing() {
    let own = Server::start(Options::new()).unwrap();
    let runs = own.folder().unwrap().parent().unwrap();
    let mut child = spawn_child();
    let name = format!("{}-", child.id());
    let is_there = || {
        let names = std::fs::read_dir(runs).unwrap().map(|entry| entry.unwrap().file_name());
        names.into_iter().any(|of| of.to_string_lossy().starts_with(&name))
    };
    eventually("its folder is there", is_there);
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("its folder is gone", || !is_there());
}

mod relay {
    use std::{
        io::{ErrorKind, Read, Write},
        net::{TcpListener, TcpStream},
    };

    use pg_tests::relay::{Counts, Cut, Direction, Piece, Relay};

    use super::*;

    /// A client and a server that hold the two ends of a relay.
    fn both_ends() -> (Relay, TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay::to(listener.local_addr().unwrap());
        let client = TcpStream::connect(relay.address()).unwrap();
        let server = listener.accept().unwrap().0;
        (relay, client, server)
    }

    fn say(mut from: &TcpStream, mut to: &TcpStream, words: &str) {
        from.write_all(words.as_bytes()).unwrap();
        let mut heard = vec![0; words.len()];
        to.read_exact(&mut heard).unwrap();
        assert_eq!(heard, words.as_bytes());
    }

    #[test]
    fn bursts_with_their_answers_are_round_trips_in_however_many_segments() {
        let (relay, client, server) = both_ends();
        say(&client, &server, "ask");
        assert_eq!(relay.round_trips(), 0, "not answered yet");
        say(&client, &server, "and more");
        say(&server, &client, "answer");
        say(&server, &client, "in two");
        assert_eq!(relay.round_trips(), 1);
        say(&client, &server, "again");
        say(&server, &client, "yes");
        assert_eq!(relay.round_trips(), 2);
        say(&server, &client, "by itself");
        say(&client, &server, "X");
        assert_eq!(relay.round_trips(), 2);
        let counts = relay.counts();
        assert_eq!((counts.to_server, counts.to_client, counts.connections), (17, 24, 1));
        relay.reset();
        assert_eq!(relay.counts(), Counts { open: 1, ..Counts::default() });
    }

    #[test]
    fn a_login_with_one_query_is_two_round_trips() {
        let database = Server::shared().database();
        let relay = Relay::to(&database);
        assert_eq!(
            admin_query(&relay.url(&database), "select current_database()").unwrap(),
            text(database.name())
        );
        relay.wait_until(|counts| counts.open == 0);
        assert_eq!(relay.round_trips(), 2);
    }

    #[test]
    fn a_delay_comes_before_each_burst() {
        let (relay, client, server) = both_ends();
        relay.delay(Direction::ToClient, Duration::from_millis(30));
        let start = Instant::now();
        say(&client, &server, "ask");
        say(&server, &client, "answer");
        assert!(start.elapsed() >= Duration::from_millis(30));
    }

    #[test]
    fn a_stalled_direction_holds_its_bytes_until_it_is_released() {
        let (relay, mut client, mut server) = both_ends();
        relay.stall(Direction::ToServer);
        client.write_all(b"ask").unwrap();
        relay.wait_until(|counts| counts.from_client == 3);
        assert_eq!(relay.bytes(Direction::ToServer), 0);
        say(&server, &client, "the other way is free");
        relay.release();
        let mut heard = [0; 3];
        server.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"ask");
    }

    #[test]
    fn a_stalled_direction_holds_up_a_sender_that_goes_on() {
        let (relay, mut client, _server) = both_ends();
        relay.stall(Direction::ToServer);
        client.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        let chunk = vec![0; 1 << 20];
        let outcome = (0..64).try_for_each(|_| client.write_all(&chunk));
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn a_cut_is_an_end_or_a_reset_and_new_clients_are_welcome() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay::to(listener.local_addr().unwrap());
        for (how, end) in [(Cut::Fin, Ok(0)), (Cut::Reset, Err(ErrorKind::ConnectionReset))] {
            let mut client = TcpStream::connect(relay.address()).unwrap();
            let mut server = listener.accept().unwrap().0;
            say(&client, &server, "hello");
            relay.cut(how);
            assert_eq!(client.read(&mut [0]).map_err(|error| error.kind()), end);
            assert_eq!(server.read(&mut [0]).map_err(|error| error.kind()), end);
            drop((client, server));
            relay.wait_until(|counts| counts.open == 0);
        }
    }

    #[test]
    fn a_cut_after_some_bytes_lets_exactly_those_pass() {
        let (relay, mut client, mut server) = both_ends();
        relay.cut_after(Direction::ToClient, 4, Cut::Fin);
        client.write_all(b"unread by the server until the end").unwrap();
        server.write_all(b"an answer").unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "an a");
    }

    #[test]
    fn what_goes_through_is_recorded_in_order() {
        let (relay, client, server) = both_ends();
        say(&client, &server, "before");
        relay.record();
        say(&client, &server, "ask");
        say(&server, &client, "answer");
        let piece = |direction, bytes: &str| Piece { connection: 0, direction, bytes: bytes.into() };
        let expected = [piece(Direction::ToServer, "ask"), piece(Direction::ToClient, "answer")];
        assert_eq!(relay.recorded(), expected);
    }
}

mod fake_server {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use pg_tests::fake_server::{FakeServer, Peer, message};

    use super::*;

    fn answer_a_query(peer: &mut Peer) {
        peer.expect_startup();
        peer.login();
        assert_eq!(peer.expect(b'Q'), b"select 1\0");
        peer.send(message::row_description(&[message::Column::new("n", 23, 4, 0)]));
        peer.send(message::data_row(&[Some(b"1"), None]));
        peer.send(message::command_complete("SELECT 1"));
        peer.send(message::ready_for_query(b'I'));
        peer.expect_end();
    }

    #[test]
    fn a_script_is_followed_over_tcp_and_over_a_unix_socket() {
        for fake in [FakeServer::run(answer_a_query), FakeServer::run_on_socket(answer_a_query)] {
            let rows = admin_query(&fake.url(), "select 1").unwrap();
            assert_eq!(rows, [[Some("1".to_owned()), None]]);
            fake.finish();
        }
    }

    #[test]
    fn a_script_learns_who_came_and_returns_what_it_likes() {
        let fake = FakeServer::run(|peer| {
            let startup = peer.expect_startup();
            peer.send(message::error("28000", "go away"));
            startup
        });
        let error = admin_query(&fake.url(), "").unwrap_err().to_string();
        assert!(error.contains("ERROR 28000: go away"), "{error}");
        let startup = fake.finish();
        assert_eq!((startup.version, startup.parameter("user")), ((3, 0), Some("postgres")));
    }

    #[test]
    fn a_failed_script_tells_the_conversation() {
        let fake = FakeServer::run(|peer| {
            peer.expect_startup();
            peer.login();
            peer.expect(b'P');
        });
        assert!(admin_query(&fake.url(), "select 1").is_err());
        let failure = catch_unwind(AssertUnwindSafe(|| fake.finish())).unwrap_err();
        let text = failure.downcast_ref::<String>().unwrap();
        assert!(text.contains("expected a message 'P', and 'Q' came"), "{text}");
        assert!(text.ends_with("B ReadyForQuery I\nF Query \"select 1\""), "{text}");
    }

    #[test]
    fn an_assertion_of_the_script_tells_the_conversation_too() {
        let fake = FakeServer::run(|peer| {
            peer.expect_startup();
            assert_eq!(1, 2);
        });
        assert!(admin_query(&fake.url(), "select 1").is_err());
        let failure = catch_unwind(AssertUnwindSafe(|| fake.finish())).unwrap_err();
        let text = failure.downcast_ref::<String>().unwrap();
        assert!(text.contains("left == right") && text.contains("F StartupMessage 3.0 user="), "{text}");
    }

    #[test]
    fn a_connection_is_closed_or_reset_and_the_next_one_is_served() {
        let fake = FakeServer::run(|peer| {
            peer.expect_startup();
            peer.close();
            let mut second = peer.accept();
            second.expect_startup();
            second.reset();
            let mut third = peer.accept();
            answer_a_query(&mut third);
        });
        let errors = [(); 2].map(|()| admin_query(&fake.url(), "select 1").unwrap_err().to_string());
        assert!(errors[0].contains("fill whole buffer"), "{errors:?}");
        assert!(errors[1].contains("reset"), "{errors:?}");
        admin_query(&fake.url(), "select 1").unwrap();
        fake.finish();
    }
}

mod trace {
    use pg_tests::{
        fake_server::message,
        relay::{Direction, Relay},
        trace::{Tracer, trace, trace_session},
    };

    use super::*;

    #[test]
    fn a_recorded_session_reads_like_the_manual() {
        let database = Server::shared().database();
        let relay = Relay::to(&database);
        relay.record();
        let url = relay.url(&database);
        admin_query(&url, "select 1 as one, null::text as nothing; select 1/0").unwrap_err();
        relay.wait_until(|counts| counts.open == 0);
        let trace = trace(&relay.recorded());
        let login = format!(
            "F StartupMessage 3.0 user=\"postgres\" database=\"{}\" client_encoding=\"UTF8\"\nB AuthenticationOk\n",
            database.name()
        );
        assert!(trace.starts_with(&login), "{trace}");
        let (_, session) = trace.split_once("B BackendKeyData key[4]\n").expect("a login");
        assert_eq!(
            session,
            "B ReadyForQuery I\n\
             F Query \"select 1 as one, null::text as nothing; select 1/0\"\n\
             B RowDescription [\"one\":23:0 \"nothing\":25:0]\n\
             B DataRow [\"1\" NULL]\n\
             B CommandComplete \"SELECT 1\"\n\
             B ErrorResponse S=\"ERROR\" C=\"22012\" M=\"division by zero\"\n\
             B ReadyForQuery I\n\
             F Terminate\n"
        );
    }

    #[test]
    fn several_connections_are_numbered() {
        let database = Server::shared().database();
        let relay = Relay::to(&database);
        relay.record();
        for _ in 0..2 {
            admin_query(&relay.url(&database), "").unwrap();
        }
        relay.wait_until(|counts| counts.open == 0);
        let trace = trace(&relay.recorded());
        assert!(trace.starts_with("0 F StartupMessage") && trace.ends_with("1 F Terminate\n"), "{trace}");
        assert!(trace_session(&[]).is_empty());
    }

    fn lines(of: &mut Tracer, direction: Direction, bytes: impl AsRef<[u8]>) -> String {
        of.push(direction, bytes.as_ref());
        of.take().join("\n")
    }

    #[test]
    fn extended_queries_show_their_fields() {
        let mut tracer = Tracer::in_session();
        let mut from_client =
            |tag, body: &[u8]| lines(&mut tracer, Direction::ToServer, message::message(tag, body));
        assert_eq!(from_client(b'P', b"s1\0select $1\0\0\x01\0\0\0\x17"), r#"F Parse "s1" "select $1" [23]"#);
        let bind = b"\0s1\0\0\x01\0\x01\0\x03\0\0\0\x04\0\0\0\x2a\0\0\0\x02hi\xff\xff\xff\xff\0\x01\0\x01";
        assert_eq!(from_client(b'B', bind), r#"F Bind "" "s1" [1] [0x0000002a "hi" NULL] [1]"#);
        assert_eq!(from_client(b'D', b"Ss1\0"), r#"F Describe S "s1""#);
        assert_eq!(from_client(b'E', b"\0\0\0\0\x05"), r#"F Execute "" 5"#);
        assert_eq!(from_client(b'C', b"Pp\0"), r#"F Close P "p""#);
        assert_eq!(from_client(b'S', b""), "F Sync");
        assert_eq!(from_client(b'H', b""), "F Flush");
        assert_eq!(from_client(b'f', b"why\0"), r#"F CopyFail "why""#);
        assert_eq!(from_client(b'd', b"1\ttwo\n"), r#"F CopyData "1\ttwo\n""#);
        assert_eq!(from_client(b'S', b"x"), r#"F Sync (malformed) "x""#);
        assert_eq!(from_client(b'?', b"\x01"), "F (unknown '?') 0x01");
    }

    #[test]
    fn answers_show_their_fields() {
        let mut tracer = Tracer::in_session();
        let mut from_server = |bytes: Vec<u8>| lines(&mut tracer, Direction::ToClient, bytes);
        for (bytes, line) in [
            (message::parse_complete(), "B ParseComplete"),
            (message::bind_complete(), "B BindComplete"),
            (message::close_complete(), "B CloseComplete"),
            (message::no_data(), "B NoData"),
            (message::portal_suspended(), "B PortalSuspended"),
            (message::empty_query_response(), "B EmptyQueryResponse"),
            (message::parameter_description(&[23, 25]), "B ParameterDescription [23 25]"),
            (message::notification(7, "ch", "hello"), "B NotificationResponse \"ch\" \"hello\""),
            (message::notice_response(&[(b'M', "note"), (b'L', "12")]), "B NoticeResponse M=\"note\""),
            (message::copy_in_response(1, &[1, 1]), "B CopyInResponse 1 [1 1]"),
            (message::copy_out_response(0, &[]), "B CopyOutResponse 0 []"),
            (message::copy_both_response(0, &[]), "B CopyBothResponse 0 []"),
            (message::copy_data(&[0, 1]), "B CopyData 0x0001"),
            (message::copy_done(), "B CopyDone"),
            (message::authentication(10, b"A\0B\0\0"), "B AuthenticationSASL [\"A\" \"B\"]"),
            (message::authentication(5, b"salt"), "B AuthenticationMD5Password"),
            (message::backend_key_data(1, &[0; 32]), "B BackendKeyData key[32]"),
            (
                message::negotiate_protocol_version(3 << 16, &["_pq_.x"]),
                "B NegotiateProtocolVersion 3.0 [\"_pq_.x\"]",
            ),
        ] {
            assert_eq!(from_server(bytes), line);
        }
    }

    #[test]
    fn a_login_shows_mechanisms_and_no_secrets() {
        let mut tracer = Tracer::new();
        let ssl_request = [0, 0, 0, 8, 4, 210, 22, 47];
        assert_eq!(lines(&mut tracer, Direction::ToServer, ssl_request), "F SSLRequest");
        assert_eq!(lines(&mut tracer, Direction::ToClient, b"N"), "B N");
        let startup = b"\0\0\0\x11\0\x03\0\x02user\0me\0\0";
        assert_eq!(lines(&mut tracer, Direction::ToServer, startup), "F StartupMessage 3.2 user=\"me\"");
        for (request, answer, line) in [
            (10, &b"SCRAM-SHA-256\0\0\0\0\x04n,,n"[..], "F SASLInitialResponse \"SCRAM-SHA-256\""),
            (11, b"c=biws", "F SASLResponse"),
            (3, b"secret\0", "F PasswordMessage"),
        ] {
            lines(&mut tracer, Direction::ToClient, message::authentication(request, b""));
            assert_eq!(lines(&mut tracer, Direction::ToServer, message::message(b'p', answer)), line);
        }
    }

    #[test]
    fn pieces_of_messages_are_put_together_and_what_is_missing_is_told() {
        let mut tracer = Tracer::in_session();
        let bytes = message::ready_for_query(b'T');
        let (last, first) = bytes.split_last().unwrap();
        assert_eq!(lines(&mut tracer, Direction::ToClient, first), "");
        assert_eq!(lines(&mut tracer, Direction::ToClient, [*last, b'Z']), "B ReadyForQuery T");
        assert_eq!(tracer.finish(), ["B (ends within a message, after 1 bytes of it)"]);
    }

    #[test]
    fn an_encrypted_connection_is_not_read() {
        let mut tracer = Tracer::new();
        lines(&mut tracer, Direction::ToServer, [0, 0, 0, 8, 4, 210, 22, 47]);
        assert_eq!(lines(&mut tracer, Direction::ToClient, b"S"), "B S (encrypted from here)");
        assert_eq!(lines(&mut tracer, Direction::ToServer, [22, 3, 1, 0, 5]), "");
        assert!(tracer.finish().is_empty());
    }
}
