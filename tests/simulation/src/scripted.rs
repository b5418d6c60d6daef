//! A server that follows a script: whole conversations that were written beforehand, message by message, in both
//! directions. They meet the same weather and faults as the model server's, and what each call must come to is written
//! down too: so a mistake that the model shares with the client shows here.

use super::behaviour::{DEADLINE, Ended, limited};
use super::clients::Client;
use super::faults::Class;
use super::link::Net;
use super::messages as m;
use pg_core::copy::{CopyFrom, CopyTo};
use pg_core::error::{ErrorKind, Result};
use pg_core::exchange::pipeline;
use pg_core::session::Session;
use pg_tests::seed::Rng;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

/// What the server awaits, by the tags of whole messages (`!` is StartupMessage), and what it says then.
type Part = (&'static str, Vec<Vec<u8>>);
type Call = for<'c> fn(&'c mut Client) -> Pin<Box<dyn Future<Output = Result<String>> + 'c>>;

/// A conversation: the server's side, and the client's calls with their outcomes.
pub(super) struct Conversation {
    pub(super) name: &'static str,
    server: Vec<Part>,
    calls: Vec<(Call, &'static str)>,
}

/// The server's side as far as it is still to come.
#[derive(Debug)]
pub(super) struct Prompter {
    parts: VecDeque<Part>,
    heard: String,
}

impl Prompter {
    /// A message has come: what is said to it, or why it should not have come.
    pub(super) fn hear(&mut self, tag: char) -> std::result::Result<Vec<Vec<u8>>, String> {
        self.heard.push(tag);
        let Some((awaited, _)) = self.parts.front() else {
            return Err(format!("{tag:?} after the end of the conversation"));
        };
        if !awaited.starts_with(&self.heard) {
            return Err(format!("{:?} where {awaited:?} was awaited", self.heard));
        }
        if awaited.len() > self.heard.len() {
            return Ok(Vec::new());
        }
        self.heard.clear();
        Ok(self.parts.pop_front().map(|(_, answer)| answer).unwrap_or_default())
    }
}

macro_rules! call {
    ($session:ident => $body:expr, $outcome:literal) => {
        ((|$session| Box::pin(async move { Ok(format!("{:?}", $body)) })) as Call, $outcome)
    };
}

impl Conversation {
    /// One of them.
    pub(super) fn any(rng: &mut Rng) -> Conversation {
        let all = [simple, extended, in_a_pipeline, in_transactions, committing, copy_in, copy_out];
        rng.pick(&all)()
    }

    /// What the server follows.
    pub(super) fn prompter(&mut self) -> Prompter {
        Prompter { parts: std::mem::take(&mut self.server).into(), heard: String::new() }
    }

    /// Makes the calls, and holds each to its outcome: gives what was found.
    pub(super) async fn play(&self, net: &Net, client: &mut Client, story: &mut Vec<String>) -> Vec<String> {
        let mut findings = Vec::new();
        let mut lost = false;
        for (number, (call, rightful)) in self.calls.iter().enumerate() {
            net.world().begin_call(DEADLINE);
            let until = net.world().now + DEADLINE;
            let ended = limited(None, until, call(client)).await;
            let (class, happened) = {
                let world = net.world();
                (world.server.faults.class(), world.server.faults.happened)
            };
            let (outcome, of_the_link) = match ended {
                Ended::Done(Ok(value)) => (value, false),
                Ended::Done(Err(error)) => {
                    if error.is_closed() && !client.says_closed() {
                        findings.push(format!("call {number} says that the connection is closed: {error:?}"));
                    }
                    let link =
                        [ErrorKind::Io, ErrorKind::Closed, ErrorKind::Timeout, ErrorKind::CommitUnknown];
                    let code = error.sqlstate().map_or(String::new(), |state| format!(" {}", state.code()));
                    (format!("{:?}{code}", error.kind()), link.contains(&error.kind()))
                }
                Ended::Dropped | Ended::TimedOut => ("no end".to_owned(), true),
            };
            story.push(format!("{:>9} call {number}: {outcome}", net.world().now.0));
            let may = match class {
                // What comes in answer to a call that came too late belongs to nobody.
                Class::Transport if happened && (of_the_link || lost) => of_the_link,
                Class::Correct | Class::Transport => outcome == *rightful,
                Class::Order | Class::Bytes => happened || outcome == *rightful,
            };
            lost |= of_the_link;
            if !may {
                findings.push(format!("{}: call {number} ended with {outcome}, not {rightful}", self.name));
            }
        }
        if net.world().server.faults.class() == Class::Correct && (client.says_closed() || lost) {
            findings.push(format!("{}: the connection is closed", self.name));
        }
        findings
    }
}

fn ready(status: u8) -> Vec<u8> {
    m::ready_for_query(status)
}

fn done(tag: &str) -> Vec<u8> {
    m::command_complete(tag)
}

fn columns() -> Vec<u8> {
    m::row_description(&[m::Column::new("n", 20, 8, 1), m::Column::new("t", 25, -1, 1)])
}

fn row(n: i64, text: Option<&str>) -> Vec<u8> {
    m::data_row(&[Some(&n.to_be_bytes()), text.map(str::as_bytes)])
}

fn notice() -> Vec<u8> {
    m::notice_response(&[(b'S', "NOTICE"), (b'V', "NOTICE"), (b'C', "00000"), (b'M', "by the way")])
}

fn failed(code: &str) -> Vec<u8> {
    m::error(code, "it failed")
}

/// The login: a method's request and what it awaits, and then all that greets.
fn login(request: Option<Vec<u8>>) -> Vec<Part> {
    let mut greeting = vec![m::authentication_ok()];
    for (name, value) in [("server_version", "15.1"), ("client_encoding", "UTF8"), ("TimeZone", "UTC")] {
        greeting.push(m::parameter_status(name, value));
    }
    greeting.extend([m::backend_key_data(4711, &[7, 1, 8, 2]), notice(), ready(b'I')]);
    match request {
        None => vec![("!", greeting)],
        Some(request) => vec![("!", vec![request]), ("p", greeting)],
    }
}

fn conversation(
    name: &'static str,
    request: Option<Vec<u8>>,
    parts: impl IntoIterator<Item = Part>,
    calls: impl Into<Vec<(Call, &'static str)>>,
) -> Conversation {
    Conversation { name, server: login(request).into_iter().chain(parts).collect(), calls: calls.into() }
}

/// Several statements in one text, what comes unasked between their answers, an error, an empty text.
fn simple() -> Conversation {
    let text = m::row_description(&[m::Column::new("?column?", 23, 4, 0)]);
    let first = vec![
        text.clone(),
        m::data_row(&[Some(b"1")]),
        done("SELECT 1"),
        notice(),
        m::parameter_status("TimeZone", "Europe/Vienna"),
        done("SET"),
        m::notification(7, "news", "hello"),
        ready(b'I'),
    ];
    let second = vec![text, done("SELECT 0"), failed("42P01"), ready(b'I')];
    conversation(
        "simple",
        None,
        [("Q", first), ("Q", second), ("Q", vec![m::empty_query_response(), ready(b'I')])],
        [
            call!(
                s => {
                    s.batch_execute("select 1; set timezone to 'Europe/Vienna'").await?;
                    let heard = s.connection().inbox().next_notification().map(|n| n.payload);
                    (s.connection().parameter("TimeZone").map(str::to_owned), heard)
                },
                "(Some(\"Europe/Vienna\"), Some(\"hello\"))"
            ),
            call!(s => s.batch_execute("select 1 where false; select missing").await?, "Server 42P01"),
            call!(s => s.batch_execute("").await?, "()"),
        ],
    )
}

/// A statement that is prepared on the way, run again, fails, and is run once more.
fn extended() -> Conversation {
    let rows = || [row(1, Some("one")), notice(), row(2, None), done("SELECT 2"), ready(b'I')];
    let first = [m::parse_complete(), m::bind_complete(), columns()].into_iter().chain(rows()).collect();
    let again = [m::bind_complete()].into_iter().chain(rows()).collect();
    let broken = vec![m::bind_complete(), row(1, None), failed("22012"), ready(b'I')];
    const SQL: &str = "select n, t from t where n > $1";
    conversation(
        "extended",
        Some(m::authentication(3, &[])),
        [
            ("PBDES", first),
            ("BES", again),
            ("BES", broken),
            ("BES", vec![m::bind_complete(), done("SELECT 0"), ready(b'I')]),
            ("S", vec![ready(b'I')]),
        ],
        [
            call!(s => s.query::<(i64, Option<String>)>(SQL, (0_i64,)).await?,
                "[(1, Some(\"one\")), (2, None)]"),
            call!(s => {
                let mut stream = s.stream_as::<(i64, Option<String>)>(SQL, (0_i64,)).await?;
                let mut read = Vec::new();
                while let Some(row) = stream.next_row().await? {
                    read.push(row.get::<(i64, Option<String>)>()?);
                }
                read
            }, "[(1, Some(\"one\")), (2, None)]"),
            call!(s => s.query::<(i64, Option<String>)>(SQL, (0_i64,)).await?, "Server 22012"),
            call!(s => s.query_opt::<(i64, Option<String>)>(SQL, (9_i64,)).await?, "None"),
            call!(s => s.ping().await?, "()"),
        ],
    )
}

/// Two pipelines: one whole, and one whose second statement fails, so that the third isn't run.
fn in_a_pipeline() -> Conversation {
    let part = |tag| [m::bind_complete(), done(tag)];
    let prepared = |tag| [m::parse_complete(), m::bind_complete(), done(tag)];
    let queried =
        [m::parse_complete(), m::bind_complete(), columns(), row(3, Some("three")), done("SELECT 1")];
    let first = queried.into_iter().chain(prepared("INSERT 0 2")).chain([ready(b'I')]).collect();
    let second: Vec<_> =
        part("INSERT 0 1").into_iter().chain([m::bind_complete(), failed("23505"), ready(b'I')]).collect();
    const SQL: &str = "insert into t values ($1)";
    conversation(
        "pipeline",
        Some(m::authentication(5, b"salt")),
        [
            ("PBDEPBES", first),
            ("BEBEBES", second),
            ("BES", part("INSERT 0 5").into_iter().chain([ready(b'I')]).collect()),
        ],
        [
            call!(s => s.pipeline((
                pipeline::query::<(i64, String), _>("select n, t from t", ()),
                pipeline::execute(SQL, (3_i64,)),
            )).await?, "([(3, \"three\")], 2)"),
            call!(s => {
                let parts: Vec<_> = (4..7_i64).map(|n| pipeline::execute(SQL, (n,))).collect();
                s.pipeline(parts).await?
            }, "Server 23505"),
            call!(s => s.execute(SQL, (7_i64,)).await?, "5"),
        ],
    )
}

/// A transaction that is committed, and one that had failed, which COMMIT tells by its tag.
fn in_transactions() -> Conversation {
    let begun = [m::parse_complete(), m::bind_complete(), done("BEGIN")];
    let change = [m::parse_complete(), m::bind_complete(), done("DELETE 4"), ready(b'T')];
    let first = begun.iter().cloned().chain(change).collect();
    let second = begun.into_iter().chain([m::bind_complete(), failed("23503"), ready(b'E')]).collect();
    const SQL: &str = "delete from t";
    conversation(
        "transactions",
        None,
        [
            ("PBEPBES", first),
            ("Q", vec![m::notification(7, "news", "hello"), done("COMMIT"), ready(b'I')]),
            ("PBEBES", second),
            ("Q", vec![done("ROLLBACK"), ready(b'I')]),
        ],
        [
            call!(s => {
                let mut tx = s.begin().await?;
                let count = tx.execute(SQL, ()).await?;
                tx.commit().await?;
                count
            }, "4"),
            call!(s => {
                let mut tx = s.begin().await?;
                let error = tx.execute(SQL, ()).await.err();
                if error.as_ref().is_some_and(pg_core::Error::is_closed) {
                    return Err(error.expect("it is there"));
                }
                tx.commit().await?;
            }, "RolledBack"),
        ],
    )
}

/// A COMMIT that travels with its transaction: it is cancelled, and the transaction undone; the next is kept.
fn committing() -> Conversation {
    let prepared = |tag| [m::parse_complete(), m::bind_complete(), done(tag)];
    let begun: Vec<_> = prepared("BEGIN").into_iter().chain(prepared("DELETE 4")).collect();
    let cancelled = [m::parse_complete(), m::bind_complete(), failed("57014"), ready(b'E')];
    let again = prepared("BEGIN").into_iter().chain([m::bind_complete(), done("DELETE 5")]);
    const SQL: &str = "delete from t";
    conversation(
        "committing",
        None,
        [
            ("PBEPBEPBES", begun.into_iter().chain(cancelled).collect()),
            ("Q", vec![done("ROLLBACK"), ready(b'I')]),
            ("PBEBEPBES", again.chain(prepared("COMMIT")).chain([ready(b'I')]).collect()),
        ],
        [
            call!(s => s.begin().await?.commit_with(pipeline::execute(SQL, ())).await?, "Server 57014"),
            call!(s => s.begin().await?.commit_with(pipeline::execute(SQL, ())).await?, "5"),
        ],
    )
}

/// COPY FROM STDIN that is taken, refused for its data, and given up.
fn copy_in() -> Conversation {
    let open = || m::copy_in_response(0, &[0, 0]);
    let refused = vec![failed("22P02"), ready(b'I')];
    conversation(
        "COPY FROM STDIN",
        None,
        [
            ("Q", vec![open()]),
            ("ddc", vec![notice(), done("COPY 2"), ready(b'I')]),
            ("Q", vec![open()]),
            ("dc", refused.clone()),
            ("Q", vec![open()]),
            ("df", vec![failed("57014"), ready(b'I')]),
            ("Q", refused),
            ("PDS", vec![m::parse_complete(), m::parameter_description(&[20]), m::no_data(), ready(b'I')]),
            ("Q", vec![m::copy_in_response(1, &[1])]),
            ("dc", vec![done("COPY 3"), ready(b'I')]),
        ],
        [
            call!(s => {
                let mut sink = s.copy_in("copy t from stdin").await?;
                sink.write(b"1\tone\n2").await?;
                sink.write(b"\ttwo\n").await?;
                sink.finish().await?
            }, "2"),
            call!(s => {
                let mut sink = s.copy_in("copy t from stdin").await?;
                sink.write(b"no number\n").await?;
                sink.finish().await?
            }, "Server 22P02"),
            call!(s => {
                let mut sink = s.copy_in("copy t from stdin").await?;
                sink.write(b"1\n").await?;
                sink.abort("enough").await?
            }, "()"),
            call!(s => s.copy_in("copy t from stdin").await?.finish().await?, "Server 22P02"),
            call!(s => s.copy_in_all(&CopyFrom::table("t"), [(1_i64,), (2,), (3,)]).await?, "3"),
        ],
    )
}

/// COPY TO STDOUT as bytes, with an error in mid-data, and as rows of the binary format.
fn copy_out() -> Conversation {
    let mut header = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    header.extend([0, 1, 0, 0, 0, 8]);
    header.extend(7_i64.to_be_bytes());
    let described = vec![
        m::parse_complete(),
        m::parameter_description(&[]),
        m::row_description(&[m::Column::new("n", 20, 8, 0)]),
        ready(b'I'),
    ];
    conversation(
        "COPY TO STDOUT",
        None,
        [
            (
                "Q",
                vec![
                    m::copy_out_response(0, &[0]),
                    m::copy_data(b"1\n"),
                    notice(),
                    m::copy_data(b"2\n"),
                    m::copy_done(),
                    done("COPY 2"),
                    ready(b'I'),
                ],
            ),
            ("Q", vec![m::copy_out_response(0, &[0]), m::copy_data(b"1\n"), failed("22012"), ready(b'I')]),
            ("PDS", described.clone()),
            (
                "Q",
                vec![
                    m::copy_out_response(1, &[1]),
                    m::copy_data(&header),
                    m::copy_data(b"\xff\xff"),
                    m::copy_done(),
                    done("COPY 1"),
                    ready(b'I'),
                ],
            ),
            // Nobody says when a column was altered, so it is described anew.
            ("CPDS", [vec![m::close_complete()], described].concat()),
            // The header says that it is no binary COPY: that ends the reading, and not the connection.
            (
                "Q",
                vec![
                    m::copy_out_response(1, &[1]),
                    m::copy_data(b"\xff\xff"),
                    m::copy_done(),
                    done("COPY 0"),
                    ready(b'I'),
                ],
            ),
            ("S", vec![ready(b'I')]),
        ],
        [
            call!(s => {
                let mut data = Vec::new();
                let rows = s.copy_out("copy t to stdout").await?.write_to(&mut data).await?;
                (rows, String::from_utf8_lossy(&data).into_owned())
            }, "(2, \"1\\n2\\n\")"),
            call!(s => s.copy_out("copy t to stdout").await?.write_to(Vec::new()).await?, "Server 22012"),
            call!(s => {
                let mut rows = s.copy_out_rows::<(i64,)>(&CopyTo::query("select n from t")).await?;
                (rows.next_as::<(i64,)>().await?, rows.next_as::<(i64,)>().await?)
            }, "(Some((7,)), None)"),
            call!(s => {
                let mut rows = s.copy_out_rows::<(i64,)>(&CopyTo::query("select n from t")).await?;
                rows.next_as::<(i64,)>().await?
            }, "Decode"),
            call!(s => s.ping().await?, "()"),
        ],
    )
}
