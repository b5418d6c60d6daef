//! The bodies for connections: a server that says what the bytes say; see [`bodies`](super).

use super::{Item, Mood, Source, noted, show};
use pg_core::config::Config;
use pg_core::config::ssl::SslMode;
use pg_core::exchange::collect::All;
use pg_core::exchange::pipeline::{self, Pipeline};
use pg_core::exchange::query::Request;
use pg_core::exchange::startup::{Credentials, Startup, Tls};
use pg_core::exchange::{Exchange, batch::Batch};
use pg_core::protocol::connection::Connection;
use pg_core::tls::config::{Roots, client_config};
use pg_core::types::registry::Scope;
use pg_core::wire::frame::Limits;
use pg_core::{ErrorKind, FromRow, Registry, Result, Row, Run, Session, complete};
use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

/// A server that says what the bytes say.
pub(super) struct Player<'d> {
    pub(super) connection: Connection,
    pub(super) server: Server<'d>,
    turns: usize,
    most: usize,
}

pub(super) struct Server<'d> {
    source: Source<'d>,
    /// Bytes as they are, or messages made of them.
    raw: bool,
    /// Said and not yet delivered.
    pub(super) said: Vec<u8>,
}

/// All tags of the server's, and some that are not.
const TAGS: &[u8] = b"DDDDCZZ12T3ntEINSAGHWcdsRKvV!X";

impl Server<'_> {
    fn say(&mut self) {
        if self.source.0.is_empty() {
            return;
        }
        if self.raw {
            self.said.extend_from_slice(self.source.some());
            return;
        }
        let tag = TAGS[self.source.below(TAGS.len())];
        let body = match (tag, self.source.byte() % 4) {
            (b'Z', 0..3) => b"I".to_vec(),
            (b'Z', _) => [b"ITE"[self.source.below(3)]].to_vec(),
            (b'C', 0 | 1) => b"SELECT 1\0".to_vec(),
            (b'C', 2) => b"COMMIT\0".to_vec(),
            (b'T', 0..3) => description(&mut self.source),
            (b'D', 0..3) => row(&mut self.source),
            (b'E' | b'N', 0..3) => {
                let states = ["0A000", "26000", "42P05", "57014", "57P01", "23505", "42P18"];
                let state = states[self.source.below(states.len())];
                let severity = if self.source.byte() < 20 { "FATAL" } else { "ERROR" };
                format!("S{severity}\0V{severity}\0C{state}\0Mcached plan must not change result type\0RRevalidateCachedQuery\0\0")
                    .into_bytes()
            }
            (b't', 0..3) => vec![0, 1, 0, 0, 0, 23],
            (b'G' | b'H' | b'W', 0..3) => vec![0, 0, 0],
            (b'A', 0..3) => b"\0\0\0\x01news\0hello\0".to_vec(),
            (b'S', 0..3) => b"TimeZone\0UTC\0".to_vec(),
            (b'1' | b'2' | b'3' | b'n' | b's' | b'I' | b'c', 0..3) => Vec::new(),
            _ => self.source.some().to_vec(),
        };
        self.said.push(tag);
        let length = u32::try_from(body.len() + 4).expect("short");
        self.said.extend_from_slice(&length.to_be_bytes());
        self.said.extend_from_slice(&body);
    }
}

/// A RowDescription of up to four columns.
fn description(source: &mut Source<'_>) -> Vec<u8> {
    let count = source.byte() % 5;
    let mut body = vec![0, count];
    for at in 0..count {
        body.extend_from_slice(&[b'a' + at, 0, 0, 0, 0, 0, 0, 0]);
        let oids = [23_u32, 25, 1007, 20_005, 0];
        body.extend_from_slice(&oids[source.below(oids.len())].to_be_bytes());
        body.extend_from_slice(&[0, 4, 255, 255, 255, 255, 0, source.byte() % 2]);
    }
    body
}

/// A DataRow of up to four values.
pub(super) fn row(source: &mut Source<'_>) -> Vec<u8> {
    let count = source.byte() % 5;
    let mut body = vec![0, count];
    for _ in 0..count {
        match source.byte() % 4 {
            0 => body.extend_from_slice(&[255; 4]),
            1 => body.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, source.byte()]),
            2 => body.extend_from_slice(b"\0\0\0\x017"),
            _ => {
                let value = source.some();
                body.extend_from_slice(&u32::try_from(value.len()).expect("short").to_be_bytes());
                body.extend_from_slice(value);
            }
        }
    }
    body
}

impl<'d> Player<'d> {
    /// A connection to a server that says what `data` says.
    fn new(data: &'d [u8], raw: bool) -> Player<'d> {
        let limits = Limits { before_login: 4000, small: 500, large: 100_000 };
        Player {
            connection: Connection::new(2, limits, Registry::new(), Scope::default()),
            server: Server { source: Source(data), raw, said: Vec::new() },
            turns: 0,
            most: 64 * 1024 + 4 * data.len(),
        }
    }

    /// The same after a login that went well.
    pub(super) fn logged_in(data: &'d [u8], raw: bool) -> Player<'d> {
        let mut player = Player::new(data, raw);
        player.server.said = b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\x01\0\0\0\x02Z\0\0\0\x05I".to_vec();
        complete(player.log_in(None)).expect("a login");
        player
    }

    async fn log_in(&mut self, tls: Option<Tls>) -> Result<()> {
        let config: Config = Config::default().password("secret").scram_iterations(1..=3);
        let credentials = Credentials {
            user: "alice".to_owned(),
            database: "shop".to_owned(),
            nonce: "abc".to_owned(),
            unix_socket: true,
            tls,
        };
        self.run(Startup::new(config.settings(), credentials)).await
    }

    /// Sends what waits, and delivers what the server says, or the end of the link.
    fn turn(&mut self) {
        self.turns += 1;
        assert!(self.turns < 10_000, "the client turns in circles");
        let mut sent = 0;
        loop {
            let count = self.connection.poll_transmit().len();
            if count == 0 {
                break;
            }
            sent += count;
            assert!(sent < 1 << 20, "the client talks and talks");
            self.connection.handle_sent(count);
        }
        if self.server.said.is_empty() {
            self.server.say();
        }
        let space = self.connection.space();
        let held = space.len();
        let count = self.server.said.len().min(held);
        for (place, byte) in space.iter_mut().zip(self.server.said.drain(..count)) {
            *place = byte;
        }
        assert!(held <= self.most, "{held} bytes held");
        self.connection.handle_read(count);
    }

    /// Runs an exchange and drops it after so many turns.
    fn drop_after<E: Exchange>(&mut self, turns: u8, exchange: E) {
        let mut operation = self.connection.start(exchange);
        for _ in 0..turns {
            match self.connection.poll(&mut operation) {
                Ok(None) => self.turn(),
                Ok(Some(_)) => return,
                Err(error) => return show(&error),
            }
        }
    }
}

impl Run for Player<'_> {
    async fn run<E: Exchange>(&mut self, exchange: E) -> Result<E::Output> {
        if !E::PEEK {
            self.connection.abandon();
            while !self.connection.poll_abandoned()? {
                self.turn();
            }
        }
        let mut operation = self.connection.start(exchange);
        loop {
            if let Some(output) = self.connection.poll(&mut operation)? {
                return Ok(output);
            }
            self.turn();
        }
    }
}

impl Session for Player<'_> {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    fn nudge(&mut self) {}
}

#[derive(Debug, FromRow)]
struct Columns {
    #[allow(dead_code, reason = "it is read, and that is all")]
    b: Option<String>,
    #[allow(dead_code, reason = "it is read, and that is all")]
    a: i32,
    #[allow(dead_code, reason = "it is read, and that is all")]
    #[pg(default)]
    c: Vec<i32>,
}

/// Rows, whose columns are described rightly: int4, text, int4[], bytea. The first byte says as what one is read.
pub(crate) fn rows(data: &[u8]) {
    let mut source = Source(data);
    let as_what = source.below(3);
    let mut said = b"1\0\0\0\x042\0\0\0\x04".to_vec();
    let mut columns = vec![0, 4];
    for (name, oid) in [(b'a', 23_u32), (b'b', 25), (b'c', 1007), (b'd', 17)] {
        columns.extend_from_slice(&[name, 0, 0, 0, 0, 0, 0, 0]);
        columns.extend_from_slice(&oid.to_be_bytes());
        columns.extend_from_slice(&[0, 4, 255, 255, 255, 255, 0, 1]);
    }
    answer(&mut said, b'T', &columns);
    row_of(&mut said, source.0);
    match as_what {
        0 => read_as::<(i32, Option<String>, Vec<Option<i32>>, Vec<u8>)>(b"", &said),
        1 => read_as::<(i32, String)>(b"", &said),
        _ => read_as::<Columns>(b"", &said),
    }
}

/// A RowDescription of whatever form, and a row of whatever form after it. The first byte says as what it is read.
pub(crate) fn row_descriptions(data: &[u8]) {
    let mut source = Source(data);
    let as_what = source.below(4);
    let columns = if source.byte() & 1 == 1 { source.some().to_vec() } else { description(&mut source) };
    let row = if source.byte() & 1 == 1 { source.0.to_vec() } else { row(&mut source) };
    let mut said = b"1\0\0\0\x04".to_vec();
    if as_what == 3 {
        // A row type that asks for the columns first.
        let mut described = said;
        described.extend_from_slice(b"t\0\0\0\x06\0\0");
        answer(&mut described, b'T', &columns);
        answer(&mut described, b'Z', b"I");
        let mut said = b"2\0\0\0\x04".to_vec();
        row_of(&mut said, &row);
        return read_as::<Row>(&described, &said);
    }
    said.extend_from_slice(b"2\0\0\0\x04");
    answer(&mut said, b'T', &columns);
    row_of(&mut said, &row);
    match as_what {
        0 => read_as::<(i32,)>(b"", &said),
        1 => read_as::<(Option<String>, Vec<i32>)>(b"", &said),
        _ => read_as::<Columns>(b"", &said),
    }
}

/// A row, and the end of the statement.
fn row_of(said: &mut Vec<u8>, row: &[u8]) {
    answer(said, b'D', row);
    answer(said, b'C', b"SELECT 1\0");
    answer(said, b'Z', b"I");
}

pub(super) fn answer(said: &mut Vec<u8>, tag: u8, body: &[u8]) {
    said.push(tag);
    said.extend_from_slice(&u32::try_from(body.len() + 4).expect("short").to_be_bytes());
    said.extend_from_slice(body);
}

/// Bytes as a server says them that is asked for a piece at a time.
pub(super) fn in_pieces(bytes: &[u8]) -> Vec<u8> {
    let counted = |piece: &[u8]| [&[u8::try_from(piece.len()).expect("at most 255")], piece].concat();
    bytes.chunks(255).flat_map(counted).collect()
}

/// Runs a statement that is described and then answered so: a result or an error, and then the connection is in order or
/// closed.
fn read_as<T: pg_core::row::FromRowOwned + Debug>(described: &[u8], said: &[u8]) {
    let pieces = in_pieces(said);
    let mut player = Player::logged_in(&pieces, true);
    player.server.said = described.to_vec();
    let outcome = complete(player.run(Request::new("select", (), All::<T>::default())));
    match &noted(|| format!("rows of {}", std::any::type_name::<T>()), outcome) {
        Ok(rows) => assert!(rows.len() <= 1 && format!("{rows:?}").len() < 4000 + 100 * said.len()),
        Err(error) => {
            show(error);
            let closed = matches!(error.kind(), ErrorKind::Protocol | ErrorKind::Io);
            assert!(closed || !player.connection.is_closed(), "{error}");
        }
    }
}

/// Random client behaviour against a server that says random things, well-formed or not.
pub(crate) fn conversations(data: &[u8]) {
    let mut source = Source(data);
    let how = source.byte();
    let calls = source.some();
    let raw = how & 1 == 1;
    let mut player = if how & 2 == 2 {
        let mut player = Player::new(source.0, raw);
        if let Err(error) = complete(player.log_in(None)) {
            show(&error);
            assert!(player.connection.is_closed(), "a login that failed is the end: {error}");
        }
        player
    } else {
        Player::logged_in(source.0, raw)
    };
    let mut calls = Source(calls);
    while !calls.0.is_empty() {
        let kind = calls.0[0] % 18;
        let outcome = noted(|| format!("an answer to call {kind}"), complete(call(&mut player, &mut calls)));
        if let Err(error) = outcome {
            show(&error);
            if matches!(error.kind(), ErrorKind::Protocol | ErrorKind::Io | ErrorKind::Closed) {
                assert!(player.connection.is_closed(), "{error:?}");
            }
        } else if player.connection.is_closed() {
            // Closed by what came after the answer; the next call says so.
            complete(player.ping()).expect_err("the connection is closed");
        }
        // Whoever leaves things lying around is bounded too.
        let inbox = player.connection.inbox();
        let left = std::iter::from_fn(|| inbox.next_notice()).count();
        assert!(left <= 10_000);
    }
}

async fn call(s: &mut Player<'_>, calls: &mut Source<'_>) -> Result<()> {
    let item = || Item { inner: None, name: "tea".to_owned(), mood: Some(Mood::Sad), all: Vec::new() };
    match calls.byte() % 18 {
        0 => s.ping().await,
        1 => s.batch_execute("select 1; select 2").await,
        2 => s.query::<(i32,)>("select 1", ()).await.map(drop),
        3 => s.query::<(Option<String>, i32)>("select $1", (1_i32,)).await.map(drop),
        4 => s.query::<Row>("select $1", (7_i32,)).await.map(drop),
        5 => s.query_value::<Vec<Item>>("select array[$1]", (&item(),)).await.map(drop),
        6 => s.execute("update t set n = $1", (1_i32,)).await.map(drop),
        7 => s.prepare("select $1").await.map(drop),
        8 => {
            let parts =
                (pipeline::query::<(i32,), _>("select 1", ()), pipeline::execute("delete from t", ()));
            s.pipeline(parts).await.map(drop)
        }
        9 => {
            let mut tx = s.begin().await?;
            tx.execute("insert into t values ($1)", (1_i32,)).await?;
            tx.commit().await
        }
        10 => {
            let mut tx = s.begin().await?;
            let mut inner = tx.begin().await?;
            let _ = inner.batch_execute("select 1").await;
            drop(inner);
            let _ = tx.query_value::<i32>("select 1", ()).await;
            tx.rollback().await
        }
        11 => {
            let tx = s.begin().await?;
            drop(tx);
            Ok(())
        }
        12 => {
            let most = calls.byte();
            let mut rows = s.stream("select * from t", ()).await?;
            for _ in 0..most {
                match rows.next_row().await? {
                    Some(row) => drop(row.get::<(i32,)>()),
                    None => break,
                }
            }
            Ok(())
        }
        13 => {
            let mut rows = s.stream_as::<Columns>("select * from t", ()).await?;
            while let Some(row) = rows.next_row().await? {
                drop(row.get::<Columns>());
            }
            Ok(())
        }
        14 => {
            let turns = calls.byte() % 8;
            s.drop_after(turns, Request::new("select $1", (7_i32,), All::<(i32,)>::default()));
            Ok(())
        }
        15 => {
            let turns = calls.byte() % 8;
            s.drop_after(turns, Batch::new("select 1; copy t from stdin"));
            Ok(())
        }
        16 => {
            let turns = calls.byte() % 8;
            let parts =
                Pipeline::new(vec![pipeline::execute("select 1", ()), pipeline::execute("select 2", ())]);
            s.drop_after(turns, parts);
            Ok(())
        }
        _ => {
            let mut tx = s.begin().await?;
            let turns = calls.byte() % 8;
            tx.session().drop_after(turns, Request::new("select 1", (), All::<(i32,)>::default()));
            tx.commit().await
        }
    }
}

/// A TLS handshake with a server that says random things after the answer to SSLRequest.
pub(crate) fn handshakes(data: &[u8]) {
    static CONFIG: OnceLock<Arc<rustls::ClientConfig>> = OnceLock::new();
    let config =
        CONFIG.get_or_init(|| client_config(SslMode::Require, Roots::None).expect("a configuration"));
    let tls = Tls { config: config.clone(), server_name: "localhost".to_owned(), required: true };
    let mut player = Player::new(data, true);
    let mut source = Source(data);
    if source.byte() & 1 == 1 {
        player.server.said.push(b'S');
    }
    if source.byte() & 1 == 1 {
        complete(player.log_in(Some(tls))).expect_err("no certificate was shown");
    } else {
        // As if the answer came alone, so that what follows is the handshake's.
        player.server.said.truncate(1);
        complete(player.log_in(Some(tls))).expect_err("no certificate was shown");
    }
}

/// Root certificates, as PEM or as bytes that are made one.
pub(crate) fn certificates(data: &[u8]) {
    let mut source = Source(data);
    let text = if source.byte() & 1 == 1 {
        String::from_utf8_lossy(source.0).into_owned()
    } else {
        let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
        text.push_str(&base64(source.0));
        text.push_str("\n-----END CERTIFICATE-----\n");
        text
    };
    if let Err(error) = client_config(SslMode::VerifyFull, Roots::Pem(&text)) {
        show(&error);
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let word = three.iter().fold(0_usize, |word, byte| word << 8 | usize::from(*byte))
            << (8 * (3 - three.len()));
        for at in 0..4 {
            let letter = LETTERS[word >> (18 - 6 * at) & 63];
            out.push(if at <= three.len() { char::from(letter) } else { '=' });
        }
    }
    out
}
