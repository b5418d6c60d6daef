//! COPY in both directions, as bytes and as rows, under both clients.

use pg_core::copy::{CopyFrom, CopyTo};
use pg_core::types::run_time::CodecContext;
use pg_core::types::via::{Via, via};
use pg_core::{CopyRow, ErrorKind, FromRow, FromSql, Registry, Result, Session, ToSql};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;
use std::io::{self, Read};

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "mood", rename_all = "snake_case")]
enum Mood {
    Sad,
    Happy,
}

#[derive(Debug, Clone, PartialEq, FromRow, CopyRow)]
struct Person {
    id: i64,
    name: String,
    mood: Option<Mood>,
    scores: Vec<i32>,
}

fn people(count: i64) -> Vec<Person> {
    let mood = |id| match id % 3 {
        0 => None,
        1 => Some(Mood::Sad),
        _ => Some(Mood::Happy),
    };
    let name = |id| format!("name\t{id}\\\n");
    (0..count).map(|id| Person { id, name: name(id), mood: mood(id), scores: vec![1, id as i32] }).collect()
}

async fn with_people<S: Session>(client: &mut S) -> Result<()> {
    client
        .batch_execute(
            "create type mood as enum ('sad', 'happy');
             create table person (scores int4[], mood mood, name text not null, extra text default 'x',
                                  id int8 generated always as identity primary key)",
        )
        .await
}

async fn rows_go_in_and_come_out_as_they_were<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_people(client).await?;
    let sent = people(5_000);
    let taken = client.copy_in_all(&CopyFrom::table("person"), sent.iter()).await?;
    assert_eq!(taken, 5_000);
    still_answers(client).await?;

    let query = "select id, name, mood, scores from person order by id";
    assert_eq!(client.query::<Person>(query, ()).await?, sent);

    let mut rows = client.copy_out_rows::<Person>(&CopyTo::query(query)).await?;
    let mut back = Vec::new();
    while let Some(person) = rows.next_as::<Person>().await? {
        back.push(person);
    }
    assert!(rows.next_row().await?.is_none(), "the end stays the end");
    assert_eq!(back, sent);
    still_answers(client).await?;

    // A table, by its columns, borrowed.
    let copy = CopyTo::table("person").schema("public").columns(["name", "id"]);
    let mut rows = client.copy_out_rows::<(&str, i64)>(&copy).await?;
    let first: (&str, i64) = rows.next_as().await?.unwrap();
    assert_eq!(first, ("name\t0\\\n", 0));
    still_answers(client).await
}

async fn tuples_go_into_columns_by_position<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create schema s; create table s.\"T\" (a int4, b text, c bytea)").await?;
    let rows = [(Some(1), "x", vec![0u8, 1]), (None, "", vec![])];
    assert_eq!(client.copy_in_all(&CopyFrom::table("T").schema("s"), rows).await?, 2);
    let copy = CopyFrom::table("T").schema("s").columns(["c", "a"]);
    assert_eq!(client.copy_in_all(&copy, [(vec![9u8], 5)]).await?, 1);
    let found: Vec<(Option<i32>, Option<String>, Vec<u8>)> =
        client.query("select a, b, c from s.\"T\" order by a nulls first", ()).await?;
    assert_eq!(
        found,
        [
            (None, Some(String::new()), vec![]),
            (Some(1), Some("x".to_owned()), vec![0, 1]),
            (Some(5), None, vec![9])
        ]
    );
    let error = client.copy_in_all(&copy, [(1,)]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    assert_eq!(client.copy_in_all(&copy, std::iter::empty::<(Vec<u8>, i32)>()).await?, 0);
    still_answers(client).await
}

async fn a_field_of_another_type_is_refused_before_a_byte_is_sent<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client
        .batch_execute(
            "create table t (i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, ts timestamptz, id uuid, txt text,
                             o oid, names text[], numbers int8[])",
        )
        .await?;
    async fn refused<S: Session, R: CopyRow + Send + Sync>(client: &mut S, column: &str, value: R) {
        let copy = CopyFrom::table("t").columns([column]);
        let error = client.copy_in_all(&copy, [value]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Encode, "{column}: {error}");
        assert!(error.to_string().contains("the SQL type is"), "{error}");
        assert!(error.cure().is_some(), "{error}");
        still_answers(client).await.unwrap();
    }
    // As long as a column's binary form, each: 2, 4, 8 and 16 bytes.
    refused(client, "i2", ("ab",)).await;
    refused(client, "i2", (1_i32,)).await;
    refused(client, "i4", ("four",)).await;
    refused(client, "i4", (1.5_f32,)).await;
    refused(client, "i4", (7_u32,)).await;
    refused(client, "i8", ("eight___",)).await;
    refused(client, "i8", (String::from("eight___"),)).await;
    refused(client, "i8", (1.5_f64,)).await;
    refused(client, "i8", (std::time::SystemTime::UNIX_EPOCH,)).await;
    refused(client, "f4", (1_i32,)).await;
    refused(client, "f8", (1_i64,)).await;
    refused(client, "f8", ("eight___",)).await;
    refused(client, "ts", (1_i64,)).await;
    refused(client, "ts", ("eight___",)).await;
    refused(client, "o", (1_i32,)).await;
    refused(client, "id", ("sixteen_bytes___",)).await;
    refused(client, "id", ([0u8; 16],)).await;
    refused(client, "txt", (1_i64,)).await;
    refused(client, "numbers", (vec!["eight___"],)).await;
    refused(client, "names", (vec![1_i64],)).await;
    assert_eq!(client.query_value::<i64>("select count(*) from t", ()).await?, 0);
    let good = CopyFrom::table("t").columns(["names", "txt"]);
    assert_eq!(client.copy_in_all(&good, [(vec!["a", "b"], "c")]).await?, 1);
    Ok(())
}

async fn bytes_go_in_and_come_out<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create table t (a int4, b text)").await?;
    let copy = CopyFrom::table("t").csv().header().null("-").to_sql()?;
    let mut sink = client.copy_in(&copy).await?;
    // Cut anywhere.
    sink.write(b"a,b\n1,\"x ").await?;
    sink.flush().await?;
    sink.write(b"\"\"y\"\"\n\"\n2,-\n3").await?;
    sink.write(b",z\n").await?;
    assert_eq!(sink.finish().await?, 3);
    let found: Vec<(i32, Option<String>)> = client.query("select * from t order by a", ()).await?;
    assert_eq!(found, [(1, Some("x \"y\"\n".into())), (2, None), (3, Some("z".into()))]);

    let mut out = Vec::new();
    let copy = CopyTo::table("t").csv().null("-").to_sql()?;
    assert_eq!(client.copy_out(&copy).await?.write_to(&mut out).await?, 3);
    assert_eq!(String::from_utf8(out).unwrap(), "1,\"x \"\"y\"\"\n\"\n2,-\n3,z\n");

    let mut source = client.copy_out("copy (select generate_series(1, 3)) to stdout").await?;
    let mut lines = Vec::new();
    while let Some(piece) = source.next_piece().await? {
        lines.push(String::from_utf8(piece.to_vec()).unwrap());
    }
    assert_eq!((lines.concat().as_str(), source.rows()), ("1\n2\n3\n", Some(3)));
    still_answers(client).await
}

/// Gives rows for ever, and fails after so many reads.
struct Source(usize);

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(1).ok_or_else(|| io::Error::other("the disk is gone"))?;
        let row = b"1\tsome text\n";
        let rows = out.len() / row.len();
        for place in out.chunks_exact_mut(row.len()).take(rows) {
            place.copy_from_slice(row);
        }
        Ok(rows * row.len())
    }
}

async fn columns_that_were_altered_are_read_as_what_they_are_now<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table t (n int8); insert into t values (1)").await?;
    let copy = CopyTo::table("t");
    let mut rows = client.copy_out_rows::<(i64,)>(&copy).await?;
    assert_eq!(rows.next_as::<(i64,)>().await?, Some((1,)));
    assert_eq!(rows.next_as::<(i64,)>().await?, None);
    client.batch_execute("alter table t alter n type float8").await?;
    let error = client.copy_out_rows::<(i64,)>(&copy).await.expect_err("eight bytes of another type");
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    let mut rows = client.copy_out_rows::<(f64,)>(&copy).await?;
    assert_eq!(rows.next_as::<(f64,)>().await?, Some((1.0,)));
    still_answers(client).await
}

async fn generated_columns_come_out_with_the_others<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client
        .batch_execute(
            "create table t (a int4, twice int4 generated always as (a * 2) stored, b text);
             insert into t values (4, default, 'x')",
        )
        .await?;
    let mut rows = client.copy_out_rows::<(i32, i32, &str)>(&CopyTo::table("t")).await?;
    let row: (i32, i32, &str) = rows.next_as().await?.unwrap();
    assert_eq!(row, (4, 8, "x"));
    let copy = CopyFrom::table("t").columns(["a", "b"]);
    assert_eq!(client.copy_in_all(&copy, [(5, "y")]).await?, 1);
    let commented = CopyTo::query("select a from t where a = 5 -- all of them");
    let mut rows = client.copy_out_rows::<(i32,)>(&commented).await?;
    assert_eq!(rows.next_as::<(i32,)>().await?, Some((5,)));
    still_answers(client).await
}

async fn a_failed_copy_is_never_told_as_done<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create table t (a int4)").await?;
    let mut sink = client.copy_in("copy t from stdin").await?;
    sink.write(b"no number\n").await?;
    // The server has refused it by the time that so much was taken.
    let lines = b"1\n".repeat(50_000);
    let error = loop {
        if let Err(error) = sink.write(&lines).await {
            break error;
        }
    };
    assert_eq!(error.sqlstate().unwrap().code(), "22P02", "{error}");
    let error = sink.finish().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");

    // A reason longer than a server takes.
    let mut sink = client.copy_in("copy t from stdin").await?;
    sink.write(b"1\n").await?;
    sink.abort(&"because ".repeat(5_000)).await?;
    assert_eq!(client.query_value::<i64>("select count(*) from t", ()).await?, 0);
    still_answers(client).await
}

async fn nothing_remains_of_a_copy_that_did_not_finish<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table t (a int4, b text)").await?;
    let into = "copy t from stdin";
    let count = "select count(*) from t";

    // A source that fails.
    let mut sink = client.copy_in(into).await?;
    let error = sink.write_all_of(Source(50)).await.unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("the disk is gone"));
    assert!(sink.progress().bytes > 1_000_000);
    sink.abort("the disk is gone").await?;
    assert_eq!(client.query_value::<i64>(count, ()).await?, 0);

    // Dropped, at the beginning and in the middle.
    for pieces in [0, 1, 100] {
        let mut sink = client.copy_in(into).await?;
        for _ in 0..pieces {
            sink.write(&b"1\tsome text\n".repeat(1000)).await?;
        }
        drop(sink);
        assert_eq!(client.query_value::<i64>(count, ()).await?, 0);
    }

    // Forgotten.
    let mut sink = client.copy_in(into).await?;
    sink.write(b"1\tx\n").await?;
    std::mem::forget(sink);
    assert_eq!(client.query_value::<i64>(count, ()).await?, 0);

    // Refused by the server while data still comes.
    let mut sink = client.copy_in(into).await?;
    let mut pieces = 0;
    let error = loop {
        pieces += 1;
        if let Err(error) = sink.write(&b"not a number\tx\n".repeat(1000)).await {
            drop(sink);
            break error;
        }
    };
    assert!(pieces > 1);
    assert_eq!(error.sqlstate().map(|s| s.code().to_owned()).as_deref(), Some("22P02"), "{error}");
    assert_eq!(client.query_value::<i64>(count, ()).await?, 0);

    // A row that can't be written: the ones before it are undone.
    let mut sink = client.copy_in_rows::<(i32, &str)>(&CopyFrom::table("t")).await?;
    sink.write(&(1, "good")).await?;
    let error = sink.write(&(2, "NUL \0")).await.unwrap_err();
    assert!(error.to_string().contains("column 2"), "{error}");
    sink.write(&(3, "good")).await?;
    assert_eq!(sink.finish().await?, 2, "the row that can't be written is left out");
    still_answers(client).await
}

async fn a_copy_is_part_of_its_transaction<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create table t (a int4)").await?;
    let count = "select count(*) from t";
    let mut tx = client.begin().await?;
    assert_eq!(tx.copy_in_all(&CopyFrom::table("t"), (0..10).map(|n| (n,))).await?, 10);
    assert_eq!(tx.query_value::<i64>(count, ()).await?, 10);
    tx.rollback().await?;
    assert_eq!(client.query_value::<i64>(count, ()).await?, 0);

    // Given up inside one: the transaction has failed, and is rolled back with its guard.
    let mut tx = client.begin().await?;
    let mut sink = tx.copy_in("copy t from stdin").await?;
    sink.write(b"1\n").await?;
    drop(sink);
    let error = tx.query_value::<i64>(count, ()).await.unwrap_err();
    assert_eq!(error.sqlstate().map(|s| s.code().to_owned()).as_deref(), Some("25P02"), "{error}");
    drop(tx);
    assert_eq!(client.query_value::<i64>(count, ()).await?, 0);

    // Both guards given up at once.
    let mut tx = client.begin().await?;
    let sink = tx.copy_in("copy t from stdin").await?;
    drop(sink);
    drop(tx);
    assert_eq!(client.query_value::<i64>(count, ()).await?, 0);
    still_answers(client).await
}

async fn what_is_no_such_copy_is_refused<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create table t (a int4)").await?;
    for sql in [
        "select 1",
        "copy t to stdout",
        "create table u (a int4)",
        "",
        "copy t from stdin; copy t from stdin",
    ] {
        let error = match client.copy_in(sql).await {
            Err(error) => error,
            Ok(sink) => sink.finish().await.unwrap_err(),
        };
        assert_eq!(error.kind(), ErrorKind::Usage, "{sql}: {error}");
        still_answers(client).await?;
    }
    for sql in ["select 1", "copy t from stdin", ""] {
        let error = client.copy_out(sql).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{sql}: {error}");
        still_answers(client).await?;
    }
    let error = client.copy_out("copy nowhere to stdout").await.unwrap_err();
    assert_eq!(error.sqlstate().map(|s| s.code().to_owned()).as_deref(), Some("42P01"));
    assert!(client.copy_in_rows::<(i32,)>(&CopyFrom::table("nowhere")).await.is_err());
    still_answers(client).await
}

async fn progress_is_told<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create table t (a int4, b text)").await?;
    let mut told = Vec::new();
    let text = "x".repeat(100);
    let mut sink = client
        .copy_in_rows::<(i32, &str)>(&CopyFrom::table("t"))
        .await?
        .on_progress(|progress| told.push((progress.rows, progress.bytes)));
    for n in 0..10_000 {
        sink.write(&(n, &text)).await?;
    }
    assert_eq!(sink.progress().rows, 10_000);
    assert_eq!(sink.finish().await?, 10_000);
    assert!(told.len() > 10 && told.is_sorted(), "{told:?}");
    // A header, 114 bytes a row, a trailer.
    assert_eq!(told.last(), Some(&(10_000, 19 + 114 * 10_000 + 2)));
    Ok(())
}

async fn a_copy_under_codecs_of_its_own_is_handed_over<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table t (a text)").await?;
    let registry = Registry::new();
    let mut using = client.using(&registry);
    let mut sink = using.copy_in("copy t from stdin").await?;
    for _ in 0..3 {
        sink.write("x\n".repeat(100_000).as_bytes()).await?;
        sink.flush().await?;
    }
    assert_eq!(sink.finish().await?, 300_000);
    Ok(())
}

/// Of a crate that knows nothing of ours.
#[derive(Debug, PartialEq)]
struct Spot(f64, f64);

async fn rows_are_planned_under_the_codecs_of_the_call<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table t (p point)").await?;
    let registry = Registry::new()
        .adapter("point", |spot: &Spot, _: &CodecContext<'_>| format!("({},{})", spot.0, spot.1))
        .typecaster("point", |text: &str, _: &CodecContext<'_>| {
            let (x, y) = text.trim_matches(['(', ')']).split_once(',').ok_or("no point")?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Spot(x.parse()?, y.parse()?))
        });
    let spot = Spot(1.5, -2.0);
    let rows = [(via(&spot),)];
    assert_eq!(client.using(&registry).copy_in_all(&CopyFrom::table("t"), rows).await?, 1);
    let mut scoped = client.using(&registry);
    let mut rows = scoped.copy_out_rows::<(Via<Spot>,)>(&CopyTo::table("t")).await?;
    assert_eq!(rows.next_as::<(Via<Spot>,)>().await?, Some((Via(spot),)));
    still_answers(client).await
}

pg_tests::both_clients!(
    a_copy_under_codecs_of_its_own_is_handed_over,
    rows_go_in_and_come_out_as_they_were,
    tuples_go_into_columns_by_position,
    a_field_of_another_type_is_refused_before_a_byte_is_sent,
    bytes_go_in_and_come_out,
    nothing_remains_of_a_copy_that_did_not_finish,
    a_copy_is_part_of_its_transaction,
    what_is_no_such_copy_is_refused,
    progress_is_told,
    columns_that_were_altered_are_read_as_what_they_are_now,
    generated_columns_come_out_with_the_others,
    a_failed_copy_is_never_told_as_done,
    rows_are_planned_under_the_codecs_of_the_call,
);
