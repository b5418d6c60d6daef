//! What others got wrong: one test for each advisory about a PostgreSQL client, and for each fault that was seen in one.
//!
//! Where the fault is in what a server may send, the server is scripted; where it is in SQL, it is a real one; where it
//! is in one function, that function is called. Where it is memory that is taken, see `promised_memory`, which counts
//! it.

use pg_core::auth::login::{Login, Transport};
use pg_core::auth::policy::{ChannelBinding, Policy};
use pg_core::auth::scram::{Binding, Scram};
use pg_core::config::Config;
use pg_core::config::ssl::SslMode;
use pg_core::copy::{CopyFrom, CopyTo};
use pg_core::listener::Signal;
use pg_core::message::backend::{DataRow, Message};
use pg_core::message::frontend;
use pg_core::types::adapter::{Adapter, Encode, IsNull};
use pg_core::types::name::TypeName;
use pg_core::types::time::{Date, Time};
use pg_core::wire::writer;
use pg_core::{Error, ErrorKind, FromSql, Result, Row, Session, Sql, ToSql, complete, quote};
use pg_tests::clients::{Face, pg_blocking, still_answers};
use pg_tests::fake_server::{FakeServer, Peer, message};
use pg_tests::relay::Relay;
use pg_tests::server::{Database, Options, Server, Tls};
use pg_tests::{both_clients, each_client};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

const AT_ONCE: Duration = Duration::from_secs(1);

#[track_caller]
fn assert_error(error: &Error, kind: ErrorKind, part: &str) {
    assert!(error.kind() == kind && error.to_string().contains(part), "{error:?}");
}

/// A server that lets the client in and answers its first statement, prepared on the way, with two columns of int4 and
/// then with whatever `answer` sends.
fn answering(answer: impl FnOnce(&mut Peer) + Send + 'static) -> FakeServer<()> {
    FakeServer::run(move |peer| {
        peer.expect_startup();
        peer.login();
        peer.expect_all(b"PBDES");
        let columns = ["a", "b"].map(|name| message::Column::new(name, 23, 4, 1));
        peer.send(
            [message::parse_complete(), message::bind_complete(), message::row_description(&columns)]
                .concat(),
        );
        answer(peer);
    })
}

/// What a client makes of such an answer, and the client.
async fn ask<F: Face>(fake: &FakeServer<()>) -> (Result<Vec<(i32, i32)>>, F::Client) {
    let mut client = F::connect(&F::config(&fake.url())).await.unwrap_or_else(|e| panic!("{e}"));
    let start = Instant::now();
    let outcome = client.query("select a, b from t", ()).await;
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    (outcome, client)
}

/// A row of two int4 values.
fn two(a: i32, b: i32) -> Vec<u8> {
    message::data_row(&[Some(&a.to_be_bytes()), Some(&b.to_be_bytes())])
}

fn end_of_query(tag: &str) -> Vec<u8> {
    [message::command_complete(tag), message::ready_for_query(b'I')].concat()
}

// ---- RUSTSEC-2024-0363 (sqlx), RUSTSEC-2024-0365 (diesel), CVE-2024-27304 (pgx), CVE-2024-32655 (npgsql) ----

/// The length of a message or a value is never written wrapped: what is too long is refused before anything is sent.
#[test]
fn a_length_does_not_wrap_past_4_gib() {
    // Zeros that nobody has written to take no memory.
    let zeros = |length: usize| vec![0_u8; length];
    const GIB: usize = 1 << 30;
    for length in [GIB + 3, 2 * GIB - 1, 2 * GIB, 4 * GIB, 4 * GIB + 10] {
        let mut out = Vec::new();
        let message = writer::message(&mut out, b'B', |out| {
            *out = zeros(length);
            Ok(())
        });
        assert_error(&message.unwrap_err(), ErrorKind::Encode, "PostgreSQL takes at most 1 GiB");
        let mut out = Vec::new();
        let value = writer::value(&mut out, |out| {
            *out = zeros(length);
            Ok(writer::IsNull::No)
        });
        assert_error(&value.unwrap_err(), ErrorKind::Encode, "PostgreSQL takes at most 1 GiB");
    }
    // Counts of two bytes neither.
    let error = frontend::parse(&mut Vec::new(), "", "select 1", &[23; 65_536 + 1]).unwrap_err();
    assert_error(&error, ErrorKind::Usage, "at most 65535");
}

/// A value that is longer than PostgreSQL takes. Its zeros are those of the system, which nobody has touched.
#[derive(Debug)]
struct TooLong(usize);

impl Adapter for TooLong {
    const TYPE: TypeName = <Vec<u8> as Adapter>::TYPE;

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        *to.out = vec![0; to.out.len() + self.0];
        Ok(IsNull::No)
    }
}

/// Not a byte of a request with such a value is sent, and the connection goes on.
async fn a_value_of_more_than_a_gigabyte_is_refused_before_a_byte_is_sent<F: Face>() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let mut client = F::connect(&F::config(&relay.url(&database))).await.unwrap();
    still_answers(&mut client).await.unwrap();
    for length in [1 << 30, 4 << 30] {
        for cached in [false, true] {
            let sql = "select length($1::bytea)";
            if cached {
                client.query_value::<i32>(sql, (&[7_u8; 3][..],)).await.unwrap();
            }
            let before = relay.counts().from_client;
            let error = client.query_value::<i32>(sql, (TooLong(length),)).await.unwrap_err();
            assert_error(&error, ErrorKind::Encode, "PostgreSQL takes at most 1 GiB");
            let _ = client.execute("select $1::bytea", (TooLong(length),)).await.unwrap_err();
            assert_eq!(relay.counts().from_client, before, "nothing was sent");
            still_answers(&mut client).await.unwrap();
        }
    }
}

// ---- RUSTSEC-2026-0178 (tokio-postgres), CVE-2026-32286 (pgx) ----

async fn a_row_shorter_than_described_is_an_error<F: Face>() {
    let rows = [
        message::data_row(&[]),
        message::data_row(&[Some(&[0, 0, 0, 1])]),
        message::data_row(&[Some(&[0, 0, 0, 1]), Some(&[0, 0, 0, 2]), None]),
        message::message(b'D', &[]),
        message::message(b'D', &[0, 2]),
        message::message(b'D', &[0, 2, 0, 0, 0, 4, 0, 0, 0, 1]),
        message::message(b'D', &[0, 2, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 4, 0]),
        message::message(b'D', &[0, 2, 0, 0, 0, 4, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff]),
        message::message(b'D', &[0, 2, 0, 0, 0, 4, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe]),
        message::message(b'D', &[two(1, 2).split_off(5), vec![0]].concat()),
    ];
    for row in rows {
        let shown = row.escape_ascii().to_string();
        let fake = answering(move |peer| {
            peer.send([two(1, 2), row, end_of_query("SELECT 2")].concat());
            peer.wait_for_end();
        });
        let (outcome, _) = ask::<F>(&fake).await;
        let error = outcome.expect_err(&shown);
        assert!(matches!(error.kind(), ErrorKind::Protocol | ErrorKind::Decode), "{shown}: {error:?}");
    }
}

// ---- RUSTSEC-2026-0179 (tokio-postgres), CVE-2026-42198 (pgjdbc) ----

#[test]
fn a_scram_iteration_count_does_not_burn_cpu() {
    let start = Instant::now();
    for (count, wanted) in
        [("100001", false), ("4294967295", false), ("4095", false), ("1", false), ("4096", true)]
    {
        let mut scram = Scram::new("secret", "abc", Binding::Unsupported, Policy::default().scram_iterations);
        scram.first_message().unwrap();
        let answer = scram.handle_continue(format!("r=abcdef,s=c2FsdA==,i={count}").as_bytes());
        match answer {
            Ok(_) => assert!(wanted, "{count}"),
            Err(error) => {
                assert!(!wanted && error.to_string().contains("scram_iterations"), "{count}: {error}")
            }
        }
    }
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
}

// ---- RUSTSEC-2026-0180 (tokio-postgres), pgx 5.10: counts from the server; those in values are in `promised_memory` ----

#[test]
fn a_count_in_a_message_is_not_believed() {
    for count in [[0x00, 0x02], [0x7f, 0xff], [0x80, 0x00], [0xff, 0xff]] {
        let row = DataRow::new(&count).unwrap();
        assert!(row.values().value().is_err());
        assert!(Message::parse(b't', &[&count[..], &[0; 4]].concat()).is_err());
        assert!(Message::parse(b'G', &[&[0][..], &count, &[0; 2]].concat()).is_err());
        let columns = [&count[..], &[0; 19]].concat();
        let Ok(Message::RowDescription(columns)) = Message::parse(b'T', &columns) else {
            panic!("the columns are read on demand");
        };
        assert!(columns.fields().is_err());
        let unknown = [&[0, 0, 0, 0][..], &count, &count, b"a\0"].concat();
        let Ok(Message::NegotiateProtocolVersion(unknown)) = Message::parse(b'v', &unknown) else {
            panic!("the options are read on demand");
        };
        assert!(unknown.options().is_err());
    }
}

// ---- CVE-2021-23222 (libpq) ----

async fn plaintext_before_tls_is_not_believed<F: Face>() {
    // Each begins with the right answer to SSLRequest, and goes on with what somebody in between has put there.
    let injected = [
        [&b"S"[..], &message::error("28000", "send your password to evil.example")].concat(),
        [&b"S"[..], &message::authentication(3, &[])].concat(),
        [&b"S"[..], &message::authentication_ok(), &message::ready_for_query(b'I')].concat(),
        [&b"N"[..], &message::authentication_ok(), &message::ready_for_query(b'I')].concat(),
    ];
    for bytes in injected {
        let fake = FakeServer::run(move |peer| {
            peer.expect_ssl_request();
            peer.send(bytes);
            peer.expect_end();
        });
        let config = F::config(&fake.url()).ssl_mode(SslMode::Prefer).password("sesame-7391");
        let error = F::connect(&config).await.expect_err("the login must fail");
        assert_error(&error, ErrorKind::Protocol, "in clear");
        assert!(!error.to_string().contains("evil"), "{error}");
        fake.finish();
    }
}

// ---- CVE-2025-49146, CVE-2026-54291 (pgjdbc) ----

#[test]
fn required_channel_binding_is_enforced() {
    let policy = Policy { channel_binding: ChannelBinding::Require, ..Policy::default() };
    let over = |transport| Login::new("alice", Some("secret".into()), "abc".to_owned(), &policy, transport);
    let tls = || Transport::Tls { end_point: Some(vec![7; 32]) };
    let refusals: [Result<()>; 8] = [
        over(tls()).handle_ok(),
        over(tls()).handle_cleartext().map(drop),
        over(tls()).handle_md5([1, 2, 3, 4]).map(drop),
        over(tls()).handle_sasl(["SCRAM-SHA-256"]).map(drop),
        over(Transport::Tls { end_point: None })
            .handle_sasl(["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"])
            .map(drop),
        over(Transport::Tcp).handle_sasl(["SCRAM-SHA-256"]).map(drop),
        over(Transport::Unix).handle_sasl(["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]).map(drop),
        over(Transport::Unix).handle_ok(),
    ];
    for refusal in refusals {
        assert_error(&refusal.unwrap_err(), ErrorKind::Authentication, "channel_binding=require");
    }
    // An exchange that binds is not complete before the server has proved itself in it.
    let mut login = over(tls());
    login.handle_sasl(["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]).unwrap();
    assert_error(&login.handle_ok().unwrap_err(), ErrorKind::Authentication, "before it has proved");
}

// ---- CVE-2018-10936 (pgjdbc) ----

/// A server with a certificate for `localhost`.
fn encrypted() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(Options::new().tls(Tls::Authority)).unwrap())
}

async fn the_host_name_is_checked<F: Face>() {
    let server = encrypted();
    let to = |host: &str| -> Config<F::Connector> {
        F::config(&format!(
            "host={host} port={} user=postgres dbname=postgres sslmode=verify-full",
            server.port()
        ))
        .ssl_root_cert(server.certificates().unwrap().root_path())
    };
    F::connect(&to("localhost")).await.unwrap();
    let wrong = to("db.example.com").hostaddr(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let error = F::connect(&wrong).await.expect_err("the certificate is for another host");
    assert_error(&error, ErrorKind::Tls, "not for this host");
}

// ---- CVE-2019-10164 (PostgreSQL, libpq) ----

#[test]
fn a_long_scram_message_overflows_nothing() {
    let long = "A".repeat(1 << 20);
    for last in [
        format!("v={long}"),
        format!("e={long}"),
        format!("{long}=x"),
        format!("v=AAAA,{long}"),
        long.clone(),
    ] {
        let mut scram = Scram::new("secret", "abc", Binding::Unsupported, 1..=10);
        scram.first_message().unwrap();
        scram.handle_continue(b"r=abcdef,s=c2FsdA==,i=1").unwrap();
        let error = scram.handle_final(last.as_bytes()).unwrap_err();
        assert!(!scram.is_verified() && error.to_string().len() < 2000, "{}", error.to_string().len());
    }
    for first in [
        format!("r=abc{long},s={long},i=1"),
        format!("r={long},s=c2FsdA==,i=1"),
        format!("r=abcd,s=c2FsdA==,i={}", "9".repeat(1 << 20)),
    ] {
        let mut scram = Scram::new("secret", "abc", Binding::Unsupported, 1..=10);
        scram.first_message().unwrap();
        if let Err(error) = scram.handle_continue(first.as_bytes()) {
            assert!(error.to_string().len() < 2000, "{}", error.to_string().len());
        }
    }
}

// ---- CVE-2026-32687 (postgrex) ----

/// Names that end their quotes, and what they would do then.
const HOSTILE: [&str; 6] = [
    r#"a"; drop table victim; --"#,
    "a\"\"; drop table victim",
    "'; drop table victim; --",
    "\\\"",
    "a\nb; drop table victim",
    "$1",
];

async fn with_victim<S: Session>(client: &mut S) -> Result<()> {
    client.batch_execute("create table victim (n int4); insert into victim values (1)").await
}

async fn victim_lives<S: Session>(client: &mut S) -> Result<()> {
    assert_eq!(client.query_value::<i64>("select count(*) from victim", ()).await?, 1);
    still_answers(client).await
}

async fn a_channel_is_not_spliced<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_victim(client).await?;
    for channel in HOSTILE {
        client.listen(channel).await?;
        client.notify(channel, "hello").await?;
        client.ping().await?;
        let heard = client.connection().inbox().next_notification().expect("a notification");
        assert_eq!((heard.channel.as_str(), heard.payload.as_str()), (channel, "hello"));
        let listening: Vec<String> = client.query_values("select pg_listening_channels()", ()).await?;
        assert_eq!(listening, [channel]);
        client.unlisten(channel).await?;
        assert!(client.query_values::<String>("select pg_listening_channels()", ()).await?.is_empty());
    }
    for none in ["a\0b", ""] {
        client.listen(none).await.unwrap_err();
        client.unlisten(none).await.unwrap_err();
        client.notify(none, "hello").await.unwrap_err();
    }
    victim_lives(client).await
}

/// Those that a listener takes over to each of its connections neither.
#[test]
fn a_channel_of_a_listener_is_not_spliced() {
    let database = Server::shared().database();
    let config = pg_blocking::Config::new(&database.url()).unwrap();
    let mut client = config.connect().unwrap();
    complete(with_victim(client.get_mut())).unwrap();
    let mut listener = pg_blocking::Listener::connect(&config, &HOSTILE[..3]).unwrap();
    HOSTILE[3..].iter().for_each(|channel| listener.listen(channel).unwrap());
    for channel in HOSTILE {
        client.notify(channel, "hello").unwrap();
        match listener.next().unwrap() {
            Signal::Notification(heard) => {
                assert_eq!((heard.channel.as_str(), heard.payload.as_str()), (channel, "hello"))
            }
            other => panic!("{other:?}"),
        }
        listener.unlisten(channel).unwrap();
    }
    complete(victim_lives(client.get_mut())).unwrap();
}

// ---- RUSTSEC-2026-0136 (diesel) ----

/// Whatever a COPY is told, as a name or as an option's value, the server refuses it or takes it for what it is, and runs
/// nothing of it.
async fn options_and_names_of_a_copy_are_not_spliced<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_victim(client).await?;
    for conforming in ["on", "off"] {
        client.batch_execute(&format!("set standard_conforming_strings = {conforming}")).await?;
        for hostile in HOSTILE.into_iter().chain(["'); drop table victim; --", "\\'); drop table victim; --"])
        {
            let victim = || CopyTo::table("victim").csv();
            for copy in [
                CopyTo::table(hostile),
                CopyTo::table("victim").schema(hostile),
                CopyTo::table("victim").columns([hostile]),
                victim().null(hostile),
                victim().encoding(hostile),
                victim().force_quote([hostile]),
            ] {
                let sql = copy.to_sql()?;
                let mut data = Vec::new();
                let outcome = match client.copy_out(&sql).await {
                    Ok(source) => source.write_to(&mut data).await,
                    Err(error) => Err(error),
                };
                match outcome {
                    Ok(rows) => assert_eq!((rows, data.as_slice()), (1, &b"1\n"[..]), "{sql}"),
                    Err(error) => assert!(error.sqlstate().is_some(), "{sql}: {error}"),
                }
            }
            let table = || CopyFrom::table("victim").csv();
            for copy in [
                CopyFrom::table(hostile),
                table().schema(hostile),
                table().columns([hostile]),
                table().force_null([hostile]),
                table().force_not_null([hostile]),
                table().encoding(hostile),
            ] {
                let sql = copy.to_sql()?;
                let outcome = match client.copy_in(&sql).await {
                    Ok(sink) => sink.abort("enough").await,
                    Err(error) => Err(error),
                };
                outcome.expect_err(&sql).sqlstate().expect("the server's");
            }
        }
        for one_byte in ['\'', '\\', '"', ';', '\n'] {
            let sql = CopyTo::table("victim")
                .csv()
                .delimiter(one_byte)
                .quote(one_byte)
                .escape(one_byte)
                .to_sql()?;
            client
                .copy_out(&sql)
                .await
                .map(drop)
                .expect_err("two of them are the same")
                .sqlstate()
                .expect("the server's");
        }
    }
    assert!(CopyTo::table("a\0b").to_sql().is_err() && CopyFrom::table("t").null("a\0b").to_sql().is_err());
    client.batch_execute("set standard_conforming_strings = on").await?;
    victim_lives(client).await
}

/// The quoting that an option passes through gives the server the very same text.
async fn an_option_is_not_spliced<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_victim(client).await?;
    for conforming in ["on", "off"] {
        client.batch_execute(&format!("set standard_conforming_strings = {conforming}")).await?;
        for option in HOSTILE.into_iter().chain(["\\'; drop table victim; --", "\\", "''", "E'"]) {
            let literal = quote::literal(option)?;
            let echoed: String = client.query_value(&format!("select{literal}::text"), ()).await?;
            assert_eq!(echoed, option, "standard_conforming_strings = {conforming}");
        }
    }
    assert!(quote::literal("a\0b").is_err());
    client.batch_execute("set standard_conforming_strings = on").await?;
    victim_lives(client).await
}

// ---- CVE-2024-27289 (pgx), CVE-2024-1597 (pgjdbc) ----

/// Values are never spliced into SQL, so `-` before a placeholder can't begin a comment.
async fn a_placeholder_after_a_minus_is_a_placeholder<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let sql = "select 5 -$1::int4 /* not a comment's begin */ \n , $2::text";
    let (number, text): (i32, String) = client.query_one(sql, (-3_i32, "\n; drop table victim")).await?;
    assert_eq!((number, text.as_str()), (8, "\n; drop table victim"));
    // The same where the value goes as text.
    let (number, text): (i32, String) = client.query_one("select 5 -$1, $2", ("-3", "x' --")).await?;
    assert_eq!((number, text.as_str()), (8, "x' --"));
    let composed = Sql::new("select 5 -").value(-3_i32).text("::int4");
    assert_eq!(client.query_value::<i32>(composed.as_str(), &composed).await?, 8);
    still_answers(client).await
}

// ---- CVE-2022-31197 (pgjdbc) ----

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "t\"; drop table victim; --")]
struct Spliced {
    #[pg(name = "c\"); drop table victim; --")]
    value: i32,
}

/// Names of columns, attributes and types that come from the server are never made into SQL.
async fn column_names_are_not_spliced<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_victim(client).await?;
    for name in HOSTILE {
        let sql = Sql::new("select 1 as ").identifier(name)?;
        let rows: Vec<Row> = client.query(sql.as_str(), &sql).await?;
        assert_eq!(rows[0].columns()[0].name(), name);
        let rows = client.prepare(sql.as_str()).await?;
        assert_eq!(rows.columns[0].name(), name);
    }
    let make = Sql::new("create type ")
        .identifier("t\"; drop table victim; --")?
        .text(" as (")
        .identifier("c\"); drop table victim; --")?
        .text(" int4)");
    client.batch_execute(make.as_str()).await?;
    // The catalog is asked for the type by this name, and the value comes back through it.
    let value = Spliced { value: 7 };
    assert_eq!(client.query_value::<Spliced>("select $1", (&value,)).await?, value);
    assert_eq!(client.query_value::<Vec<Spliced>>("select $1", (vec![value.clone()],)).await?, [value]);
    victim_lives(client).await
}

// ---- NUL in the startup packet (pgx) ----

async fn nul_does_not_end_a_startup_parameter<F: Face>() {
    let plain = || F::config("postgres://u@127.0.0.1:1/d?sslmode=disable");
    for config in [
        plain().user("a\0b"),
        plain().dbname("postgres\0user\0evil"),
        plain().application_name("a\0"),
        plain().options("-c a=b\0"),
        plain().setting("work_mem", "1MB\0session_authorization\0evil"),
        plain().setting("work\0_mem", "1MB"),
    ] {
        let error = F::connect(&config).await.expect_err("NUL must be refused");
        assert_error(&error, ErrorKind::Config, "NUL");
    }
    for conninfo in ["postgres://u%00@h/d", "postgres://u@h/d%00user%00evil", "user='a\0b'"] {
        assert!(Config::<()>::new(conninfo).is_err(), "{conninfo:?}");
    }
    let startup =
        |name, value| frontend::startup(&mut Vec::new(), frontend::PROTOCOL_3_0, [(name, value)].into_iter());
    assert!(startup("user", "a\0b").is_err() && startup("us\0er", "a").is_err() && startup("", "a").is_err());
}

// ---- CVE-2020-17446 (asyncpg) ----

async fn an_array_without_an_element_decoder_is_an_error<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create type nobody_knows as (n int4)").await?;
    for array in [
        "array[row(1, 'a')]",
        "array[row(1)::nobody_knows]",
        "array['<a/>'::xml]",
        "array['1'::pg_node_tree]",
        "'1 2'::oidvector",
        "array['(1,2)'::tid]",
        "array[int4range(1, 2)]",
    ] {
        let sql = format!("select {array}");
        let Err(error) = client.query_value::<Vec<i32>>(&sql, ()).await else {
            panic!("{array} was read as int4[]")
        };
        assert!(matches!(error.kind(), ErrorKind::Decode | ErrorKind::Server), "{array}: {error:?}");
        // A row of whatever comes says what is there, and refuses to read it as anything else.
        if let Ok(row) = client.query_one::<Row>(&sql, ()).await {
            assert!(row.get::<Vec<i32>>(0).is_err() && row.get::<i32>(0).is_err(), "{array}");
        }
        still_answers(client).await?;
    }
    Ok(())
}

// ---- seen in sqlx and chrono ----

/// A value that the Rust type can't hold is an error, never another value and never a panic.
async fn midnight_at_the_end_and_infinity_stay_what_they_are<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    for (value, type_) in
        [("infinity", "timestamptz"), ("-infinity", "timestamptz"), ("infinity", "timestamp")]
    {
        let error =
            client.query_value::<SystemTime>(&format!("select '{value}'::{type_}"), ()).await.unwrap_err();
        assert_error(&error, ErrorKind::Decode, "infinity, which SystemTime can't hold");
    }
    // No type is read as one that is near, and what holds all of a type's values keeps them.
    assert_eq!(client.query_value::<Time>("select '24:00:00'::time", ()).await?, Time::END_OF_DAY);
    assert_eq!(client.query_value::<Date>("select 'infinity'::date", ()).await?, Date::INFINITY);
    for (value, type_) in
        [("24:00:00", "time"), ("24:00:00+00", "timetz"), ("infinity", "date"), ("0044-03-15 BC", "date")]
    {
        let sql = format!("select '{value}'::{type_}");
        assert_error(
            &client.query_value::<SystemTime>(&sql, ()).await.unwrap_err(),
            ErrorKind::Decode,
            type_,
        );
        assert_error(&client.query_value::<String>(&sql, ()).await.unwrap_err(), ErrorKind::Decode, type_);
        assert_eq!(client.query_value::<String>(&format!("{sql}::text"), ()).await?, value);
    }
    for nan in ["NaN", "Infinity", "-Infinity"] {
        let read: f64 = client.query_value(&format!("select '{nan}'::float8"), ()).await?;
        assert_eq!(read.to_string(), nan.replace("inity", "").to_lowercase().replace("nan", "NaN"));
        client.query_value::<f64>(&format!("select '{nan}'::numeric"), ()).await.unwrap_err();
    }
    still_answers(client).await
}

// ---- seen in tokio-postgres ----

async fn rows_without_command_complete_are_no_result<F: Face>() {
    // ReadyForQuery where CommandComplete was due, another phase's end, and the end of the link.
    type Ending = fn(&mut Peer);
    let endings: [(Ending, ErrorKind, &str); 4] = [
        (|peer| peer.send(message::ready_for_query(b'I')), ErrorKind::Protocol, "ReadyForQuery"),
        (|peer| peer.send(message::close_complete()), ErrorKind::Protocol, "CloseComplete"),
        (|peer| peer.send(message::no_data()), ErrorKind::Protocol, "NoData"),
        (Peer::close, ErrorKind::Io, "in the middle of an answer"),
    ];
    for (ending, kind, part) in endings {
        let fake = answering(move |peer| {
            peer.send([two(1, 2), two(3, 4)].concat());
            ending(peer);
            if kind == ErrorKind::Protocol {
                peer.wait_for_end();
            }
        });
        let (outcome, mut client) = ask::<F>(&fake).await;
        assert_error(&outcome.expect_err("half a result"), kind, part);
        assert!(client.is_closed());
        drop(client);
        fake.finish();
    }
}

// ---- seen in sqlx ----

async fn a_notification_in_the_middle_of_a_query_disturbs_nothing<F: Face>() {
    let fake = FakeServer::run(|peer| {
        peer.expect_startup();
        peer.login();
        peer.expect_all(b"PBDES");
        let columns = ["a", "b"].map(|name| message::Column::new(name, 23, 4, 1));
        let aside = |n: u32| {
            [
                message::notification(n, "news", &n.to_string()),
                message::notice_response(&[(b'S', "NOTICE"), (b'C', "00000"), (b'M', "by the way")]),
                message::parameter_status("application_name", &n.to_string()),
            ]
            .concat()
        };
        let answer = [
            message::parse_complete(),
            message::bind_complete(),
            message::row_description(&columns),
            two(1, 2),
            two(3, 4),
            message::command_complete("SELECT 2"),
            message::ready_for_query(b'I'),
        ];
        for (n, part) in (0..).zip(answer) {
            peer.send([aside(n), part].concat());
        }
        peer.send(aside(7));
        peer.expect(b'S');
        peer.send(message::ready_for_query(b'I'));
        peer.wait_for_end();
    });
    let (outcome, mut client) = ask::<F>(&fake).await;
    assert_eq!(outcome.unwrap(), [(1, 2), (3, 4)]);
    client.ping().await.unwrap();
    let inbox = client.connection().inbox();
    let heard: Vec<String> = std::iter::from_fn(|| inbox.next_notification()).map(|n| n.payload).collect();
    assert_eq!(heard, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(std::iter::from_fn(|| inbox.next_notice()).count(), 8);
    assert_eq!(client.connection().parameter("application_name"), Some("7"));
    drop(client);
    fake.finish();
}

/// Else it would be taken for the next call's, and every answer after it for another's.
async fn an_answer_too_many_ends_the_connection<F: Face>() {
    let fake = answering(|peer| {
        peer.send(
            [
                two(1, 2),
                message::command_complete("SELECT 1"),
                message::ready_for_query(b'I'),
                message::ready_for_query(b'I'),
            ]
            .concat(),
        );
        peer.expect_end();
    });
    let (outcome, mut client) = ask::<F>(&fake).await;
    assert_eq!(outcome.unwrap(), [(1, 2)]);
    let error = client.ping().await.expect_err("the answer came before the question");
    assert_error(&error, ErrorKind::Protocol, "ReadyForQuery");
    assert!(client.is_closed());
    drop(client);
    fake.finish();
}

/// A message that comes twice: the error that came last names another statement.
async fn of_two_errors_for_one_statement_the_first_is_its_cause<F: Face>() {
    let fake = FakeServer::run(|peer| {
        peer.expect_startup();
        peer.login();
        // The BEGIN, and the description of a statement, since a string may be of a type that nobody knows yet.
        peer.expect_all(b"PBEPDS");
        let error = message::error("55000", "no transaction can begin now");
        peer.send([message::parse_complete(), message::bind_complete(), error.clone(), error].concat());
        peer.send(message::ready_for_query(b'I'));
        peer.expect_end();
    });
    let mut client = F::connect(&F::config(&fake.url())).await.unwrap_or_else(|e| panic!("{e}"));
    let mut tx = client.begin().await.unwrap();
    let outcome = tx.portal::<(String,)>("select mood from t", ()).await;
    let error = outcome.map(drop).expect_err("it can't begin");
    assert_eq!(error.sql(), Some("BEGIN"), "{error:?}");
    drop(tx);
    drop(client);
    fake.finish();
}

async fn a_notification_of_another_session_arrives_between_statements<S: Session>(
    client: &mut S,
    database: &Database,
) -> Result<()> {
    client.batch_execute("listen news").await?;
    for n in 0..5 {
        database.sql(&format!("notify news, '{n}'"));
        still_answers(client).await?;
    }
    let inbox = client.connection().inbox();
    let heard: Vec<String> = std::iter::from_fn(|| inbox.next_notification()).map(|n| n.payload).collect();
    assert_eq!(heard, ["0", "1", "2", "3", "4"]);
    Ok(())
}

// ---- seen in tokio-postgres and sqlx ----

async fn a_message_length_above_1_gib_does_not_wait_for_ever<F: Face>() {
    for (tag, length) in [
        (b'D', 0x4000_0004_u32),
        (b'D', 0x7fff_ffff),
        (b'D', u32::MAX),
        (b'C', 30_005),
        (b'E', 1 << 31),
        (b'D', 3),
    ] {
        let fake = answering(move |peer| {
            peer.send([two(1, 2), vec![tag], length.to_be_bytes().to_vec()].concat());
            peer.expect_end();
        });
        let (outcome, client) = ask::<F>(&fake).await;
        assert_error(&outcome.expect_err("a length that lies"), ErrorKind::Protocol, "claims");
        drop(client);
        fake.finish();
    }
}

/// Whoever reads no notifications holds a bounded number of them, and is told how many were lost.
async fn a_flood_of_notifications_is_bounded_and_told<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("listen news").await?;
    client
        .batch_execute("select count(pg_notify('news', n::text)) from generate_series(1, 200000) n")
        .await?;
    still_answers(client).await?;
    let inbox = client.connection().inbox();
    let kept: Vec<String> = std::iter::from_fn(|| inbox.next_notification()).map(|n| n.payload).collect();
    assert_eq!((kept.len(), kept[0].as_str(), kept[65_535].as_str()), (65_536, "1", "65536"));
    assert_eq!(inbox.take_lost_notifications(), 200_000 - 65_536);
    Ok(())
}

each_client!(
    a_value_of_more_than_a_gigabyte_is_refused_before_a_byte_is_sent,
    a_row_shorter_than_described_is_an_error,
    plaintext_before_tls_is_not_believed,
    the_host_name_is_checked,
    nul_does_not_end_a_startup_parameter,
    rows_without_command_complete_are_no_result,
    a_notification_in_the_middle_of_a_query_disturbs_nothing,
    an_answer_too_many_ends_the_connection,
    of_two_errors_for_one_statement_the_first_is_its_cause,
    a_message_length_above_1_gib_does_not_wait_for_ever,
);

both_clients!(
    a_flood_of_notifications_is_bounded_and_told,
    a_channel_is_not_spliced,
    options_and_names_of_a_copy_are_not_spliced,
    an_option_is_not_spliced,
    a_placeholder_after_a_minus_is_a_placeholder,
    column_names_are_not_spliced,
    an_array_without_an_element_decoder_is_an_error,
    midnight_at_the_end_and_infinity_stay_what_they_are,
    a_notification_of_another_session_arrives_between_statements,
);
