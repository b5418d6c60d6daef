//! Changes of rows through the derives that queries use, under both clients and in both forms; and whole transactions.

mod walsender;

use pg_core::lsn::Lsn;
use pg_core::replication::change::{Action, Dispatch, Event};
use pg_core::replication::command::{CreateSlot, Snapshot};
use pg_core::replication::pgoutput::{Message, PgOutput, Streaming};
use pg_core::replication::transactions::Whole;
use pg_core::walsender::ReplicationSession;
use pg_core::{ErrorKind, FromRow, FromSql, Result, Session, ToSql};
use pg_tests::clients::Face;
use pg_tests::each_client;
use pg_tests::server::Server;
use walsender::{Pair, SOON};

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "mood", rename_all = "snake_case")]
enum Mood {
    Sad,
    Happy,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "item", schema = "shop")]
struct Item {
    name: String,
    cents: i64,
    mood: Mood,
}

#[derive(Debug, Clone, PartialEq, FromRow)]
struct Account {
    id: i64,
    mood: Option<Mood>,
    items: Vec<Item>,
    notes: Option<String>,
    scores: Vec<Option<i32>>,
}

#[derive(Debug, PartialEq, FromRow)]
struct Key {
    id: i64,
}

const SCHEMA: &str = "create type mood as enum ('sad', 'happy'); create schema shop;
    create type shop.item as (name text, cents int8, mood mood);
    create table account (id int8 primary key, scores int4[] not null, notes text, mood mood, items shop.item[] not null);
    create publication p for all tables";

const ROWS: &str = "insert into account values
    (1, '{1,null}', 'a\tb', 'happy', array[row('it''s \"x\"', 5, 'sad')::shop.item]), (2, '{}', null, null, '{}')";

/// The next row's action, and the row as `T`.
macro_rules! next_change {
    ($changes:expr, |$change:ident| $body:expr) => {
        loop {
            if let Event::Change(mut $change) = $changes.next().await.unwrap().unwrap() {
                break $body;
            }
        }
    };
}

async fn rows_are_read_as_queries_read_them<F: Face>() {
    for options in [PgOutput::new(["p"]), PgOutput::new(["p"]).binary(), PgOutput::new(["p"]).version(2)] {
        let (mut pair, _) = Pair::<F>::with_slot("pgoutput").await;
        pair.sql.batch_execute(SCHEMA).await.unwrap();
        pair.sql.batch_execute(ROWS).await.unwrap();
        let expected: Vec<Account> = pair.sql.query("select * from account order by id", ()).await.unwrap();
        pair.sql
            .batch_execute(
                "update account set id = 3, mood = 'sad' where id = 1; delete from account where id = 2",
            )
            .await
            .unwrap();
        let updated: Account = pair.sql.query_one("select * from account", ()).await.unwrap();

        let mut changes = pair.walsender.start_logical(&pair.slot, Lsn(0), options).await.unwrap().changes();
        let mut rows = Vec::new();
        for _ in 0..2 {
            rows.push(next_change!(changes, |change| {
                assert_eq!((change.action(), change.table()), (Action::Insert, "account"));
                assert!(change.old::<Account>().unwrap().is_none());
                change.new::<Account>().unwrap()
            }));
        }
        assert_eq!(rows, expected);
        next_change!(changes, |change| {
            assert_eq!(change.action(), Action::Update);
            assert_eq!(change.new::<Account>().unwrap(), updated);
            assert_eq!(change.old::<Key>().unwrap(), Some(Key { id: 1 }));
            let error = change.old::<Account>().unwrap_err();
            assert!(error.cure().unwrap().contains("REPLICA IDENTITY FULL"), "{error}");
        });
        let commit = loop {
            match changes.next().await.unwrap().unwrap() {
                Event::Change(mut change) => {
                    assert_eq!(
                        (change.action(), change.old::<Key>().unwrap()),
                        (Action::Delete, Some(Key { id: 2 }))
                    );
                    assert_eq!(change.new::<Account>().unwrap_err().kind(), ErrorKind::Usage);
                }
                Event::Other(Message::Commit(commit)) => break commit,
                Event::Other(other) => panic!("{other:?}"),
            }
        };
        changes.stream().confirm(commit.end_lsn);
        changes.stop(SOON).await.unwrap();
        assert_eq!(pair.confirmed().await, commit.end_lsn);
        pair.end().await;
    }
}

#[derive(Debug, PartialEq, FromRow)]
struct Document {
    id: i64,
    title: String,
    #[pg(default)]
    body: Option<String>,
}

#[derive(Debug, PartialEq, FromRow)]
struct Whole_ {
    id: i64,
    body: String,
}

async fn what_is_stored_out_of_line_and_unchanged_is_a_case_of_its_own<F: Face>() {
    let (mut pair, _) = Pair::<F>::with_slot("pgoutput").await;
    let long = "x".repeat(100_000);
    pair.sql
        .batch_execute(
            "create table document (id int8 primary key, title text not null, body text);
             alter table document alter body set storage external; create publication p for table document",
        )
        .await
        .unwrap();
    pair.sql.execute("insert into document values (1, 'a', $1)", (&long,)).await.unwrap();
    pair.sql
        .batch_execute("update document set title = 'b'; alter table document replica identity full")
        .await
        .unwrap();
    pair.sql.batch_execute("update document set title = 'c'").await.unwrap();

    let mut changes =
        pair.walsender.start_logical(&pair.slot, Lsn(0), PgOutput::new(["p"])).await.unwrap().changes();
    next_change!(changes, |change| assert_eq!(change.new::<Document>().unwrap().body.as_ref(), Some(&long)));
    next_change!(changes, |change| {
        assert_eq!(change.unchanged().collect::<Vec<_>>(), ["body"]);
        assert_eq!(change.new::<Document>().unwrap(), Document { id: 1, title: "b".into(), body: None });
        let error = change.new::<Whole_>().unwrap_err();
        assert!(error.to_string().contains("body") && error.to_string().contains("TOAST"), "{error}");
    });
    next_change!(changes, |change| {
        assert_eq!(change.unchanged().count(), 0, "the row that was tells it");
        assert_eq!(
            change.new::<Document>().unwrap(),
            Document { id: 1, title: "c".into(), body: Some(long.clone()) }
        );
        assert_eq!(change.old::<Document>().unwrap().unwrap().title, "b");
    });
    drop(changes);
    pair.end().await;
}

async fn tables_may_change_while_they_are_followed<F: Face>() {
    let (mut pair, _) = Pair::<F>::with_slot("pgoutput").await;
    pair.sql
        .batch_execute("create publication p for all tables; insert into t values (1, 'a')")
        .await
        .unwrap();
    let mut changes =
        pair.walsender.start_logical(&pair.slot, Lsn(0), PgOutput::new(["p"])).await.unwrap().changes();
    next_change!(changes, |change| assert_eq!(change.new::<(i64, String)>().unwrap(), (1, "a".into())));
    pair.sql
        .batch_execute(
            "create type point2 as (x int4, y int4); alter table t add at point2; alter table t rename name to title;
             insert into t values (2, 'b', row(3, 4)); alter table t drop at; insert into t values (3, 'c')",
        )
        .await
        .unwrap();

    #[derive(Debug, PartialEq, FromSql)]
    #[pg(name = "point2")]
    struct Point2 {
        x: i32,
        y: i32,
    }
    #[derive(Debug, FromRow)]
    struct Titled {
        title: String,
    }
    #[derive(Debug, FromRow)]
    #[allow(dead_code, reason = "its column is gone")]
    struct Named {
        name: String,
    }
    #[derive(Debug, FromRow)]
    struct Placed {
        at: Point2,
    }
    next_change!(changes, |change| {
        assert_eq!(change.new::<Titled>().unwrap().title, "b");
        let error = change.new::<Named>().unwrap_err();
        assert!(error.to_string().contains("no column \"name\""), "{error}");
        let error = change.new::<Placed>().unwrap_err();
        assert!(error.cure().unwrap().contains("resolve"), "{error}");
    });
    next_change!(changes, |change| assert_eq!(change.new::<(i64, String)>().unwrap(), (3, "c".into())));
    // A type that was made while the stream ran.
    pair.sql
        .batch_execute("alter table t add at point2; insert into t values (4, 'd', row(5, 6))")
        .await
        .unwrap();
    loop {
        if let Event::Other(Message::Relation { .. }) = changes.next().await.unwrap().unwrap() {
            break;
        }
    }
    changes.resolve(&mut pair.sql).await.unwrap();
    next_change!(changes, |change| assert_eq!(change.new::<Placed>().unwrap().at, Point2 { x: 5, y: 6 }));
    drop(changes);
    pair.end().await;
}

async fn several_tables_messages_and_truncates_are_told_apart<F: Face>() {
    let (mut pair, _) = Pair::<F>::with_slot("pgoutput").await;
    pair.sql
        .batch_execute(
            "create table u (id int8 primary key); create publication p for table t, u; insert into t values (1, 'a');
             insert into u values (7); truncate t, u restart identity cascade;
             select pg_logical_emit_message(true, 'prefix', 'within'); select pg_logical_emit_message(false, 'prefix', 'outside')",
        )
        .await
        .unwrap();
    let options = PgOutput::new(["p"]).messages();
    let mut changes = pair.walsender.start_logical(&pair.slot, Lsn(0), options).await.unwrap().changes();
    let (mut names, mut ids, mut told) = (Vec::new(), Vec::new(), Vec::new());
    let mut dispatch = Dispatch::new()
        .on("public", "t", |change| change.new::<(i64, String)>().map(|row| names.push(row.1)))
        .on("public", "u", |change| change.new::<Key>().map(|key| ids.push(key.id)));
    while told.len() < 3 {
        match changes.next().await.unwrap().unwrap() {
            Event::Change(mut change) => assert!(dispatch.give(&mut change).unwrap()),
            Event::Other(Message::Truncate(truncate)) => {
                assert!(truncate.restart_identity && truncate.cascade);
                told.push(format!("{} tables", truncate.relations().count()));
            }
            Event::Other(Message::Message(message)) => {
                assert_eq!(message.prefix, "prefix");
                told.push(format!("{} {}", message.transactional, String::from_utf8_lossy(message.content)));
            }
            Event::Other(_) => {}
        }
    }
    drop(dispatch);
    told.sort();
    assert_eq!((names, ids), (vec!["a".to_owned()], vec![7]));
    assert_eq!(told, ["2 tables", "false outside", "true within"]);
    drop(changes);
    pair.end().await;
}

/// The ids that whole transactions insert, until one inserts `last`.
async fn inserted<S: Session>(
    stream: &mut pg_core::streams::TransactionStream<'_, S>,
    last: i64,
) -> Result<Vec<Vec<i64>>> {
    let mut all = Vec::new();
    while all.last().is_none_or(|ids: &Vec<i64>| ids.last() != Some(&last)) {
        let Some(whole) = stream.next().await? else { break };
        let (Whole::Transaction(_, mut changes) | Whole::Prepared(_, mut changes)) = whole else { continue };
        let mut ids = Vec::new();
        while let Some(event) = changes.next_event()? {
            if let Event::Change(mut change) = event {
                ids.push(change.new::<Key>()?.id);
            }
        }
        // PostgreSQL 14 tells those that did nothing to the tables, too.
        if !ids.is_empty() {
            all.push(ids);
        }
    }
    Ok(all)
}

async fn large_transactions_are_streamed_before_they_commit_and_come_whole<F: Face>() {
    let parallel = (Server::shared().major() >= 16).then_some(Streaming::Parallel);
    for streaming in [Some(Streaming::On), parallel].into_iter().flatten() {
        let (mut pair, _) = Pair::<F>::with_slot("pgoutput").await;
        // Where a keepalive came between the pieces, a slot's next reader has the transaction as a whole.
        let other_slot = format!("{}_2", pair.slot);
        let made = CreateSlot::logical(&other_slot, "pgoutput").snapshot(Snapshot::Nothing);
        pair.walsender.create_slot(&made).await.unwrap();
        let config = pair.config.clone().options("-c logical_decoding_work_mem=64kB");
        pair.walsender = F::connect(&config).await.unwrap();
        pair.sql
            .batch_execute("create publication p for all tables; create table small (id int8 primary key)")
            .await
            .unwrap();
        let mut other = F::connect(&F::config(&pair._database.url())).await.unwrap();
        let rows = "insert into t select n, repeat('x', 100) from generate_series($1::int8, $2::int8) n";
        let mut tx = other.begin().await.unwrap();
        tx.execute(rows, (1, 2000)).await.unwrap();
        let mut part = tx.begin().await.unwrap();
        part.execute(rows, (2001, 4000)).await.unwrap();
        part.rollback().await.unwrap();
        pair.sql.execute("insert into small values (1)", ()).await.unwrap();
        tx.execute(rows, (4001, 4002)).await.unwrap();
        tx.commit().await.unwrap();
        // One that is undone as a whole.
        let mut tx = other.begin().await.unwrap();
        tx.execute(rows, (5000, 9000)).await.unwrap();
        tx.rollback().await.unwrap();
        pair.sql.execute("insert into small values (2)", ()).await.unwrap();

        let options = PgOutput::new(["p"]).streaming(streaming);
        let stream = pair.walsender.start_logical(&pair.slot, Lsn(0), options.clone()).await.unwrap();
        let mut stream = stream.changes().transactions(4 << 20);
        let whole = inserted(&mut stream, 2).await.unwrap();
        let expected: Vec<i64> = (1..=2000).chain([4001, 4002]).collect();
        assert!(
            whole == [vec![1], expected, vec![2]],
            "{:?}",
            whole.iter().map(Vec::len).collect::<Vec<_>>()
        );
        drop(stream);

        // One by one, in the blocks in which they come; by a subtransaction's number where they are undone.
        pair.reconnect(&config).await;
        let mut changes =
            pair.walsender.start_logical(&other_slot, Lsn(0), options.clone()).await.unwrap().changes();
        let (mut blocks, mut undone) = (0, 0);
        loop {
            match changes.next().await.unwrap().unwrap() {
                Event::Change(change) => assert_eq!(change.xid().is_some(), change.table() == "t"),
                Event::Other(Message::StreamStart(_)) => blocks += 1,
                Event::Other(Message::StreamAbort(abort)) => {
                    assert_eq!(abort.abort.is_some(), streaming == Streaming::Parallel);
                    undone += 1;
                }
                Event::Other(Message::StreamCommit(_)) => break,
                Event::Other(_) => {}
            }
        }
        assert!(blocks > 2 && undone > 0, "{blocks} blocks, {undone} undone");
        drop(changes);

        // With less memory than it needs.
        pair.reconnect(&config).await;
        let stream = pair.walsender.start_logical(&pair.slot, Lsn(0), options).await.unwrap();
        let mut stream = stream.changes().transactions(64 << 10);
        let error = inserted(&mut stream, 2).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
        drop(stream);
        pair.walsender.drop_slot(&other_slot, true).await.unwrap();
        pair.end().await;
    }
}

#[test]
fn a_large_transaction_that_is_undone_holds_no_slot() {
    type F = pg_tests::clients::AsyncFace;
    pg_tests::clients::block_on(async {
        let (mut pair, _) = Pair::<F>::with_slot("pgoutput").await;
        let config = pair.config.clone().options("-c logical_decoding_work_mem=64kB");
        pair.walsender = F::connect(&config).await.unwrap();
        pair.sql.batch_execute("create publication p for all tables").await.unwrap();
        let undone =
            "begin; insert into t select n, repeat('x', 100) from generate_series(1, 5000) n; rollback";
        pair.sql.batch_execute(undone).await.unwrap();
        let mark = "select pg_current_wal_insert_lsn()::text";
        let mark: Lsn = pair.sql.query_value::<String>(mark, ()).await.unwrap().parse().unwrap();

        let options = PgOutput::new(["p"]).streaming(Streaming::On);
        let stream = pair.walsender.start_logical(&pair.slot, Lsn(0), options).await.unwrap();
        let stream = stream.status_interval(std::time::Duration::from_millis(50));
        let mut stream = stream.changes().transactions(4 << 20);
        let confirmed = async {
            let sql = "select confirmed_flush_lsn >= $2::text::pg_lsn from pg_replication_slots where slot_name = $1";
            let mark = mark.to_string();
            while !pair.sql.query_value::<bool>(sql, (&pair.slot, &mark)).await.unwrap() {}
        };
        let nothing = async {
            // PostgreSQL 14 tells transactions that did nothing to the tables, too.
            while let Some(whole) = stream.next().await.unwrap() {
                let Whole::Transaction(commit, mut changes) = whole else { panic!("{whole:?}") };
                assert!(changes.next_event().unwrap().is_none());
                stream.stream().confirm(commit.end_lsn);
            }
        };
        tokio::time::timeout(SOON, async {
            tokio::select! { () = confirmed => {}, () = nothing => panic!("the server ended the stream") }
        })
        .await
        .expect("the slot advances");
        drop(stream);
        pair.end().await;
    });
}

async fn prepared_transactions_come_when_they_are_prepared<F: Face>() {
    let mut pair = Pair::<F>::new().await;
    pair.sql.batch_execute("create publication p for all tables").await.unwrap();
    let slot = CreateSlot::logical(&pair.slot, "pgoutput").two_phase();
    let options = PgOutput::new(["p"]).two_phase();
    if Server::shared().major() < 15 {
        let error = pair.walsender.create_slot(&slot).await.unwrap_err();
        assert!(error.to_string().contains("PostgreSQL 15"), "{error}");
        let error = pair.walsender.start_logical(&pair.slot, Lsn(0), options).await.unwrap_err();
        assert!(error.to_string().contains("PostgreSQL 15"), "{error}");
        return;
    }
    pair.walsender.create_slot(&slot).await.unwrap();
    for end in ["commit", "rollback"] {
        let gid = format!("{}-{end}", pair.slot);
        let id = end.len();
        let sql = format!("begin; insert into t values ({id}, 'x'); prepare transaction '{gid}'");
        pair.sql.batch_execute(&sql).await.unwrap();
        pair.sql.batch_execute(&format!("{end} prepared '{gid}'")).await.unwrap();
    }
    let stream = pair.walsender.start_logical(&pair.slot, Lsn(0), options).await.unwrap();
    let mut stream = stream.changes().transactions(1 << 20);
    let mut told = Vec::new();
    while told.len() < 4 {
        match stream.next().await.unwrap().unwrap() {
            Whole::Prepared(prepare, mut changes) => {
                let mut rows = 0;
                while let Some(event) = changes.next_event().unwrap() {
                    rows += i32::from(matches!(event, Event::Change(_)));
                }
                told.push(format!("prepared {} of {rows}", prepare.prepared.gid));
            }
            Whole::CommitPrepared(commit) => told.push(format!("committed {}", commit.gid)),
            Whole::RollbackPrepared(rollback) => told.push(format!("undone {}", rollback.gid)),
            other => panic!("{other:?}"),
        }
    }
    let (a, b) = (format!("{}-commit", pair.slot), format!("{}-rollback", pair.slot));
    let expected = [
        format!("prepared {a} of 1"),
        format!("committed {a}"),
        format!("prepared {b} of 1"),
        format!("undone {b}"),
    ];
    assert_eq!(told, expected);
    drop(stream);
    pair.end().await;
}

async fn what_came_from_elsewhere_says_so_or_is_left_out<F: Face>() {
    let (mut pair, _) = Pair::<F>::with_slot("pgoutput").await;
    let origin = pair.slot.clone();
    pair.sql.batch_execute("create publication p for all tables").await.unwrap();
    for sql in ["select pg_replication_origin_create($1)", "select pg_replication_origin_session_setup($1)"] {
        pair.sql.execute(sql, (&origin,)).await.unwrap();
    }
    pair.sql.execute("insert into t values (1, 'from elsewhere')", ()).await.unwrap();
    pair.sql.execute("select pg_replication_origin_session_reset()", ()).await.unwrap();
    pair.sql.execute("insert into t values (2, 'made here')", ()).await.unwrap();

    let everything = Some((PgOutput::new(["p"]), vec![format!("origin {origin}"), "1".into(), "2".into()]));
    let local = (PgOutput::new(["p"]).local_only(), vec!["2".into()]);
    let local = (Server::shared().major() >= 16).then_some(local);
    for (options, expected) in [everything, local].into_iter().flatten() {
        pair.reconnect(&pair.config.clone()).await;
        let mut changes = pair.walsender.start_logical(&pair.slot, Lsn(0), options).await.unwrap().changes();
        let mut told = Vec::new();
        while told.last().is_none_or(|last| last != "2") {
            match changes.next().await.unwrap().unwrap() {
                Event::Change(mut change) => told.push(change.new::<Key>().unwrap().id.to_string()),
                Event::Other(Message::Origin(origin)) => told.push(format!("origin {}", origin.name)),
                Event::Other(_) => {}
            }
        }
        assert_eq!(told, expected);
        changes.stop(SOON).await.unwrap();
    }
    pair.sql.execute("select pg_replication_origin_drop($1)", (&origin,)).await.unwrap();
    pair.end().await;
}

async fn what_a_version_does_not_have_is_refused_by_its_name<F: Face>() {
    let (mut pair, _) = Pair::<F>::with_slot("pgoutput").await;
    pair.sql.batch_execute("create publication p").await.unwrap();
    let major = Server::shared().major();
    let cases = [
        (14, PgOutput::new(["p"]).streaming(Streaming::On)),
        (15, PgOutput::new(["p"]).version(3)),
        (16, PgOutput::new(["p"]).streaming(Streaming::Parallel)),
        (16, PgOutput::new(["p"]).local_only()),
    ];
    for (since, options) in cases {
        pair.walsender = F::connect(&pair.config).await.unwrap();
        let started = pair.walsender.start_logical(&pair.slot, Lsn(0), options.clone()).await;
        match started {
            Ok(mut stream) if major >= since => {
                assert!(stream.try_next().await.is_ok());
                stream.stop(SOON).await.unwrap();
            }
            Err(error) if major < since => {
                assert!(error.to_string().contains(&format!("PostgreSQL {since}")), "{error}");
            }
            other => panic!("{options:?} {:?}", other.map(drop)),
        }
    }
    pair.reconnect(&pair.config.clone()).await;
    let failover = CreateSlot::logical(format!("{}_f", pair.slot), "pgoutput").failover();
    // A temporary slot is never kept for a failover: the server says so.
    let error = pair.walsender.create_slot(&failover.clone().temporary()).await.unwrap_err();
    assert_eq!(error.kind() == ErrorKind::Server, major >= 17, "{error}");
    match pair.walsender.create_slot(&failover).await {
        Ok(made) => {
            let is_kept = "select failover from pg_replication_slots where slot_name = $1";
            assert!(pair.sql.query_value::<bool>(is_kept, (&made.name,)).await.unwrap());
            pair.walsender.drop_slot(&made.name, true).await.unwrap();
        }
        Err(error) => assert!(major < 17 && error.to_string().contains("PostgreSQL 17"), "{error}"),
    }
    let read = pair.walsender.read_slot("no_such").await;
    assert_eq!(read.is_ok(), major >= 15, "{read:?}");
    pair.end().await;
}

each_client!(
    rows_are_read_as_queries_read_them,
    what_is_stored_out_of_line_and_unchanged_is_a_case_of_its_own,
    tables_may_change_while_they_are_followed,
    several_tables_messages_and_truncates_are_told_apart,
    large_transactions_are_streamed_before_they_commit_and_come_whole,
    prepared_transactions_come_when_they_are_prepared,
    what_came_from_elsewhere_says_so_or_is_left_out,
    what_a_version_does_not_have_is_refused_by_its_name,
);
