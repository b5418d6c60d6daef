//! One generic function runs under both clients, spawned on a multi-thread runtime; so does each future of a session
//! with borrowed arguments; and the same operations are plain calls in blocking code.

use pg_core::copy::{CopyFrom, CopyTo};
use pg_core::exchange::{Exchange, pipeline};
use pg_core::protocol::connection::Connection;
use pg_core::transaction::Isolation;
use pg_core::{
    CursorOptions, FromRow, FromSql, LargeObjectMode, Lifecycle, Parameter, Query, Result, Retry, Run,
    Session, ToSql, Towards, Transaction, TransactionOptions,
};
use pg_tests::clients::{AsyncFace, BlockingFace, Face, block_on, still_answers};
use pg_tests::server::{Database, Server};
use std::future::Future;
use std::time::Duration;
use tokio::task::JoinHandle;

#[derive(Debug, PartialEq, FromRow)]
struct Node<'r> {
    depth: i32,
    path: &'r str,
}

#[derive(Debug, Clone, PartialEq, FromRow)]
struct OwnedNode {
    depth: i32,
    path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(name = "point", packed)]
struct Point {
    x: f64,
    y: f64,
}

const SCHEMA: &str = "create table node (depth int4 not null, path text not null)";
const CUT: Query<(i32, &str), ()> = Query::new("delete from node where depth = $1 and path = $2");
const BY_DEPTH: Query<(i32, &str), OwnedNode> =
    Query::new("select depth, path from node where depth = $1 and path <> $2");

// ---- the generic program ----

/// Enters a node for itself and two below it, each level in a savepoint; the second of each is given up.
fn grow<'s, S: Session>(
    session: &'s mut S,
    depth: i32,
    path: &'s str,
) -> std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send + 's>> {
    Box::pin(async move {
        let mut tx = session.begin().await?;
        tx.execute("insert into node values ($1, $2)", (depth, path)).await?;
        if depth < 3 {
            for branch in ["a", "b"] {
                let path = format!("{path}{branch}");
                grow(tx.session(), depth + 1, &path).await?;
            }
        }
        if path.ends_with('b') { tx.rollback().await } else { tx.commit().await }
    })
}

/// The decorator of this test: notes the SQL of whatever runs through it.
struct Noting<'n, S> {
    inner: S,
    notes: &'n mut Vec<String>,
}

impl<S: Run> Run for Noting<'_, S> {
    fn run<E: Exchange>(&mut self, exchange: E) -> impl Future<Output = Result<E::Output>> + Send {
        let about = exchange.about();
        self.notes.push(format!("{:?} {}", about.kind, about.sql.unwrap_or_default()));
        self.inner.run(exchange)
    }
}

impl<S: Session> Session for Noting<'_, S> {
    fn connection(&mut self) -> &mut Connection {
        self.inner.connection()
    }

    fn nudge(&mut self) {
        self.inner.nudge();
    }
}

/// All of it; `prefix`, `depths` and `any` are borrowed from the caller.
async fn program<S: Session>(
    session: &mut S,
    prefix: &str,
    depths: &[i32],
    any: &[&(dyn Parameter + Sync)],
) -> Result<Vec<String>> {
    let mut outer = session.begin_with(TransactionOptions::new().isolation(Isolation::Serializable)).await?;
    grow(&mut outer, 0, prefix).await?;
    outer.commit().await?;
    // A stream of borrowed rows, with something awaited while one is alive.
    let mut paths = Vec::new();
    let sql = "select depth, path from node where depth = any($1) and path like $2 || '%' order by path";
    let mut rows = session.stream_as::<Node<'_>>(sql, (depths, prefix)).await?;
    while let Some(row) = rows.next_row().await? {
        let node: Node<'_> = row.get()?;
        a_pause().await;
        paths.push(format!("{} {}", node.depth, node.path));
    }
    // A decorator, with a transaction and a stream through it; and another around it.
    let (mut inner_notes, mut outer_notes) = (Vec::new(), Vec::new());
    let mut noting = Noting { inner: &mut *session, notes: &mut inner_notes };
    let mut twice = Noting { inner: &mut noting, notes: &mut outer_notes };
    let mut tx = twice.begin().await?;
    let mut rows = tx.stream("select path from node order by 1", ()).await?;
    assert_eq!(rows.next_as::<(&str,)>().await?, Some((prefix,)));
    drop(tx);
    assert_eq!(outer_notes[..2], ["Begin BEGIN", "Stream select path from node order by 1"]);
    assert_eq!(inner_notes, outer_notes);
    // Two queries in one round trip.
    let (nodes, (point, twice)) = session
        .pipeline((
            BY_DEPTH.all((1, "none of these")),
            pipeline::query_one::<(Point, i64), _>(
                "select $1, $2::int8 * 2",
                (Point { x: 0.5, y: -1.0 }, 21_i64),
            ),
        ))
        .await?;
    assert_eq!(nodes, [OwnedNode { depth: 1, path: format!("{prefix}a") }]);
    assert_eq!((point, twice), (Point { x: 0.5, y: -1.0 }, 42));
    let text: String = session.query_value("select $1 || '-' || $2::int8", any).await?;
    paths.push(text);
    Ok(paths)
}

/// A future that is `Send` and of no runtime.
async fn a_pause() {
    std::future::ready(()).await;
}

/// Owns what the program borrows, so that it can be spawned.
async fn run_program<S: Session>(mut session: S) -> Result<S> {
    let (prefix, depths, number) = (String::from("n"), vec![0, 1, 2, 3], 7_i64);
    let name: &str = &prefix;
    let found = program(&mut session, &prefix, &depths, &[&name, &number]).await?;
    assert_eq!(found, ["0 n", "1 na", "2 naa", "3 naaa", "n-7"]);
    // Through a reference too, as generic code hands it on.
    still_answers(&mut &mut session).await?;
    Ok(session)
}

fn database() -> Database {
    let database = Server::shared().database();
    database.sql(SCHEMA);
    database
}

fn spawned_program<F: Face>() {
    let database = database();
    block_on(async {
        let client = F::connect(&F::config(&database.url())).await.unwrap();
        tokio::spawn(run_program(client)).await.unwrap().unwrap().close().await.unwrap();
    });
}

#[test]
fn a_generic_program_is_spawned_over_the_async_client() {
    spawned_program::<AsyncFace>();
}

#[test]
fn a_generic_program_is_spawned_over_the_blocking_client() {
    spawned_program::<BlockingFace>();
}

#[test]
fn a_generic_program_runs_without_a_runtime() {
    let database = database();
    let client = pg_blocking::Config::new(&database.url()).unwrap().connect().unwrap();
    pg_blocking::complete(run_program(client)).unwrap().close().unwrap();
}

// ---- each future, spawned with borrowed arguments in a function that is generic over the session ----

macro_rules! spawned {
    ($($name:ident |$session:ident, $text:ident, $list:ident, $any:ident| $body:expr;)+) => {
        const SPAWNED: &[&str] = &[$(stringify!($name)),+];

        /// One function each: that they compile is the proof.
        mod spawns {
            use super::*;
            $(
                pub(super) fn $name<S: Session + 'static>(mut $session: S) -> JoinHandle<Result<S>> {
                    tokio::spawn(async move {
                        let (text, list, number) = (String::from("text"), vec![1_i64, 2, 3], 7_i64);
                        {
                            let ($text, $list): (&str, &[i64]) = (&text, &list);
                            let $any: &[&(dyn Parameter + Sync)] = &[&$text, &number];
                            let _ = ($text, $list, $any);
                            let $session = &mut $session;
                            $body
                        }
                        Ok($session)
                    })
                }
            )+
        }

        async fn spawn_all<S: Session + 'static>(mut session: S) -> Result<S> {
            $( session = spawns::$name(session).await.unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic()))?; )+
            Ok(session)
        }
    };
}

spawned! {
    query |s, text, list, any| {
        let rows: Vec<(String, Vec<i64>)> = s.query("select $1::text, $2", (text, list)).await?;
        assert_eq!(rows, [("text".to_owned(), vec![1, 2, 3])]);
        assert_eq!(s.query::<(String, i64)>("select $1::text, $2::int8", any).await?, [("text".to_owned(), 7)]);
    };
    query_one |s, text, list, any| {
        assert_eq!(s.query_one::<(i64,)>("select cardinality($2)::int8 where $1 = 'text'", (text, list)).await?, (3,));
    };
    query_opt |s, text, list, any| {
        assert_eq!(s.query_opt::<(i64,)>("select 1::int8 where $1::text = $2::text", any).await?, None);
    };
    query_value |s, text, list, any| {
        assert_eq!(s.query_value::<Option<String>>("select $1 || null", (text,)).await?, None);
    };
    query_values |s, text, list, any| {
        assert_eq!(s.query_values::<i64>("select unnest($1)", (list,)).await?, list);
    };
    execute |s, text, list, any| {
        assert_eq!(s.execute("insert into node select 9, $1 from unnest($2)", (text, list)).await?, 3);
    };
    for_each |s, text, list, any| {
        let mut seen = Vec::new();
        s.for_each("select $1::text, unnest($2)", (text, list), |(t, n): (String, i64)| {
            seen.push((t == text, n));
            Ok(())
        }).await?;
        assert_eq!(seen, [(true, 1), (true, 2), (true, 3)]);
    };
    batch_execute |s, text, list, any| s.batch_execute(&format!("select '{text}'; select 2")).await?;
    prepare |s, text, list, any| {
        let sql = format!("select '{text}'::text, $1::int8");
        assert_eq!(s.prepare(&sql).await?.columns.len(), 2);
    };
    stream |s, text, list, any| {
        let mut rows = s.stream("select $1::text, $2::int8", any).await?;
        assert_eq!(rows.next_row().await?.unwrap().get::<(&str, i64)>()?, (text, 7));
        assert!(rows.next_as::<(&str, i64)>().await?.is_none());
    };
    stream_as |s, text, list, any| {
        let mut rows = s.stream_as::<(&str, i64)>("select $1::text, unnest($2)", (text, list)).await?;
        assert_eq!(rows.next_as::<(&str, i64)>().await?, Some((text, 1)));
        assert_eq!(rows.next_as::<(&str, i64)>().await?, Some((text, 2)));
    };
    fetch |s, text, list, any| assert_eq!(s.fetch(&BY_DEPTH, (-1, text)).await?, []);
    fetch_one |s, text, list, any| assert!(s.fetch_one(&BY_DEPTH, (-1, text)).await.is_err());
    fetch_opt |s, text, list, any| assert_eq!(s.fetch_opt(&BY_DEPTH, (-1, text)).await?, None);
    fetch_affected |s, text, list, any| assert_eq!(s.fetch_affected(&CUT, (-1, text)).await?, 0);
    verify |s, text, list, any| s.verify(&[&BY_DEPTH]).await?;
    drifts |s, text, list, any| assert_eq!(s.drifts(&pg_core::Registry::new()).await?, []);
    refresh |s, text, list, any| s.refresh(&pg_core::Registry::new()).await?;
    pipeline |s, text, list, any| {
        let parts = (pipeline::query::<(i64,), _>("select unnest($1)", (list,)), pipeline::execute("select $1::text, $2::int8", any));
        assert_eq!(s.pipeline(parts).await?, (vec![(1,), (2,), (3,)], 1));
        let parts: Vec<_> = list.iter().map(|n| pipeline::query_one::<(i64,), _>("select $1::int8", (n,))).collect();
        assert_eq!(s.pipeline(parts).await?, [(1,), (2,), (3,)]);
    };
    pipeline_each |s, text, list, any| {
        let parts: Vec<_> = list.iter().map(|n| pipeline::query_one::<(i64,), _>("select $1::int8", (n,))).collect();
        assert_eq!(s.pipeline_each(parts).await?.len(), 3);
    };
    execute_many |s, text, list, any| {
        let sets = list.iter().map(|n| (n, text));
        assert_eq!(s.execute_many("select $1::int8, $2::text", sets).await?, 3);
    };
    query_many |s, text, list, any| {
        let sets = list.iter().map(|n| (n, text));
        let rows: Vec<(i64,)> = s.query_many("select $1::int8, $2::text", sets).await?;
        assert_eq!(rows, [(1,), (2,), (3,)]);
    };
    commit_with |s, text, list, any| {
        let part = pipeline::query_one::<(String,), _>("select $1::text", (text,));
        assert_eq!(s.begin().await?.commit_with(part).await?.0, text);
    };
    begin |s, text, list, any| {
        let mut tx = s.begin().await?;
        tx.execute("insert into node select 8, $1 from unnest($2)", (text, list)).await?;
        let mut inner: Transaction<'_, _> = tx.begin().await?;
        inner.execute("delete from node where depth = 8", ()).await?;
        inner.rollback().await?;
        assert_eq!(tx.query_value::<i64>("select count(*) from node where depth = 8", ()).await?, 3);
        tx.commit().await?;
    };
    begin_with |s, text, list, any| {
        let mut tx = s.begin_with(TransactionOptions::new().read_only(true)).await?;
        assert!(tx.execute("insert into node values (1, $1)", (text,)).await.is_err());
        drop(tx);
    };
    query_with |s, text, list, any| {
        let lengths = s.query_with("select $1::text, $2::int8", any, |row| Ok(row.get::<(&str, i64)>()?.0.len())).await?;
        assert_eq!(lengths, [text.len()]);
    };
    copy_in |s, text, list, any| {
        let mut copy = s.copy_in("copy node from stdin").await?;
        copy.write(b"7\t").await?;
        copy.write(text.as_bytes()).await?;
        copy.write(b"\n").await?;
        assert_eq!(copy.finish().await?, 1);
    };
    copy_in_rows |s, text, list, any| {
        let mut copy = s.copy_in_rows::<(i32, &str)>(&CopyFrom::table("node")).await?;
        copy.write(&(7, text)).await?;
        copy.abort("enough").await?;
    };
    copy_in_all |s, text, list, any| {
        let rows = list.iter().map(|_| (7_i32, text));
        assert_eq!(s.copy_in_all(&CopyFrom::table("node"), rows).await?, 3);
    };
    copy_out |s, text, list, any| {
        let mut copy = s.copy_out("copy (select 7) to stdout").await?;
        assert_eq!(copy.next_piece().await?, Some(&b"7\n"[..]));
    };
    copy_out_rows |s, text, list, any| {
        let mut rows = s.copy_out_rows::<(i32, &str)>(&CopyTo::query("select 7, 'text'::text")).await?;
        assert_eq!(rows.next_as::<(i32, &str)>().await?, Some((7, text)));
    };
    portal |s, text, list, any| {
        let mut tx = s.begin().await?;
        let mut portal = tx.portal::<(i64, String)>("select unnest($1), $2::text", (list, text)).await?;
        assert_eq!(tx.fetch_portal(&mut portal, 1).await?, [(1, "text".to_owned())]);
    };
    fetch_portal |s, text, list, any| {
        let mut tx = s.begin().await?;
        let mut portal = tx.portal::<(String, i64)>("select $1::text, $2::int8", any).await?;
        assert_eq!(tx.fetch_portal(&mut portal, 0).await?.len(), 1);
        tx.commit().await?;
    };
    cursor |s, text, list, any| {
        let mut tx = s.begin().await?;
        let mut cursor = tx.cursor::<(i64,)>(text, "select unnest($1)", (list,)).await?;
        assert_eq!(cursor.fetch(Towards::Forward(2)).await?, [(1,), (2,)]);
    };
    cursor_with |s, text, list, any| {
        let mut cursor = s.cursor_with::<(i64,)>(CursorOptions::new(text).hold(true), "select 7::int8", ()).await?;
        assert_eq!(cursor.fetch(Towards::Forward(2)).await?, [(7,)]);
    };
    retry |s, text, list, any| {
        let seven = s.retry(Retry::new(), async |tx: &mut S| tx.query_value::<i64>("select 7::int8", ()).await);
        assert_eq!(seven.await?, 7);
    };
    create_large_object |s, text, list, any| {
        let oid = s.create_large_object().await?;
        s.unlink_large_object(oid).await?;
    };
    open_large_object |s, text, list, any| {
        let mut tx = s.begin().await?;
        let oid = tx.create_large_object().await?;
        let mut object = tx.open_large_object(oid, LargeObjectMode::ReadWrite).await?;
        object.write_all(text.as_bytes()).await?;
        object.close().await?;
    };
    unlink_large_object |s, text, list, any| assert!(s.unlink_large_object(1).await.is_err());
    import_large_object |s, text, list, any| {
        let oid = s.import_large_object(text.as_bytes()).await?;
        s.unlink_large_object(oid).await?;
    };
    export_large_object |s, text, list, any| {
        let oid = s.import_large_object(text.as_bytes()).await?;
        let mut back = Vec::new();
        assert_eq!(s.export_large_object(oid, &mut back).await?, 4);
        s.unlink_large_object(oid).await?;
    };
    listen |s, text, list, any| s.listen(text).await?;
    notify |s, text, list, any| s.notify(text, text).await?;
    notify_json |s, text, list, any| s.notify_json(text, &list).await?;
    wait_notification |s, text, list, any| {
        assert!(s.wait_notification(Duration::from_secs(20)).await?.is_some());
    };
    deliver_notifications |s, text, list, any| {
        s.deliver_notifications(Duration::ZERO).await.unwrap_err();
    };
    unlisten |s, text, list, any| s.unlisten(text).await?;
    unlisten_all |s, text, list, any| s.unlisten_all().await?;
    pause |s, text, list, any| s.pause(Duration::ZERO).await?;
    type_by_name |s, text, list, any| assert!(s.type_by_name(text).await?.is_some());
    ping |s, text, list, any| s.ping().await?;
    run |s, text, list, any| {
        assert_eq!(s.run(pg_core::exchange::query::Request::new("select $1::text", (text,), pg_core::exchange::collect::Affected)).await?, 1);
    };
}

fn spawned_futures<F: Face>() {
    let database = database();
    block_on(async {
        let client = F::connect(&F::config(&database.url())).await.unwrap();
        let client = spawn_all(client).await.unwrap();
        let token = client.cancel_token();
        tokio::spawn(client.close()).await.unwrap().unwrap();
        tokio::task::spawn_blocking(move || F::cancel(&token)).await.unwrap().unwrap();
    });
}

#[test]
fn each_future_is_spawned_over_the_async_client() {
    spawned_futures::<AsyncFace>();
}

#[test]
fn each_future_is_spawned_over_the_blocking_client() {
    spawned_futures::<BlockingFace>();
}

#[test]
fn connecting_and_cancelling_are_spawned() {
    let database = database();
    block_on(async {
        let url = database.url();
        let connecting = async move {
            let config = pg_async::Config::new(&url)?;
            config.connect().await
        };
        let client = tokio::spawn(connecting).await.unwrap().unwrap();
        let token = client.cancel_token();
        tokio::spawn(async move { token.cancel().await }).await.unwrap().unwrap();
    });
}

/// Every future that the trait promises is in the list above.
#[test]
fn no_future_of_a_session_is_forgotten() {
    let source =
        concat!(include_str!("../../pg-core/src/run.rs"), include_str!("../../pg-core/src/session.rs"));
    let futures: Vec<&str> = ["pub trait Run: Send {", "pub trait Session: Run + Sized {"]
        .into_iter()
        .flat_map(|head| {
            let body = source.split_once(head).unwrap_or_else(|| panic!("{head} has moved")).1;
            let body = body.split_once("\n}\n").unwrap().0;
            body.split("\n    fn ").skip(1).filter(|method| {
                let signature = method.split_once(['{', ';']).map_or(*method, |(signature, _)| signature);
                signature.contains("Future")
            })
        })
        .map(|method| method.split(['<', '(']).next().unwrap())
        .collect();
    assert!(futures.len() > 15, "{futures:?}");
    let forgotten: Vec<&&str> = futures.iter().filter(|name| !SPAWNED.contains(name)).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}

// ---- the same, in plain blocking code ----

fn grow_blocking<S: Session>(
    session: &mut pg_blocking::Blocking<S>,
    depth: i32,
    path: &str,
) -> pg_blocking::Result<()> {
    let mut tx = session.begin()?;
    tx.execute("insert into node values ($1, $2)", (depth, path))?;
    let mut inner = tx.begin()?;
    inner.execute("insert into node values ($1, $2 || 'b')", (depth + 1, path))?;
    drop(inner);
    let mut inner = tx.begin()?;
    inner.execute("insert into node values ($1, $2 || 'a')", (depth + 1, path))?;
    inner.commit()?;
    tx.commit()
}

#[test]
fn the_same_operations_are_plain_calls_in_blocking_code() -> pg_blocking::Result<()> {
    let database = database();
    let mut client = pg_blocking::Config::new(&database.url())?.connect()?;
    grow_blocking(&mut client, 0, "n")?;
    let mut rows = client.stream_as::<Node<'_>>("select depth, path from node order by depth", ())?;
    assert_eq!(rows.next_as::<Node<'_>>()?, Some(Node { depth: 0, path: "n" }));
    assert_eq!(rows.next_row()?.unwrap().get::<Node<'_>>()?, Node { depth: 1, path: "na" });
    assert!(rows.next_row()?.is_none());
    let nodes = client.fetch(&BY_DEPTH, (0, "none of these"))?;
    assert_eq!(nodes, [OwnedNode { depth: 0, path: "n".to_owned() }]);
    let parts = (BY_DEPTH.one((1, "")), pipeline::query_one::<(i64,), _>("select $1::int8", (7_i64,)));
    assert_eq!(client.pipeline(parts)?, (OwnedNode { depth: 1, path: "na".to_owned() }, (7,)));
    // A recursive function is generic, and is completed.
    pg_blocking::complete(grow(&mut client, 0, "m"))?;
    let (mut notes, number) = (Vec::new(), 7_i64);
    let mut noting = pg_blocking::Blocking::new(Noting { inner: &mut client, notes: &mut notes });
    let any: [&(dyn Parameter + Sync); 2] = [&"n", &number];
    let text: String = noting.query_value("select $1 || $2::int8", any)?;
    assert_eq!(text, "n7");
    assert_eq!(notes, ["Query select $1 || $2::int8"]);
    assert_eq!(
        client.query_values::<String>("select path from node where path like 'm%' order by 1", ())?,
        ["m", "ma", "maa", "maaa"]
    );
    client.close()
}
