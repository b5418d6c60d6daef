//! Streams: rows one by one, as they lie in the input buffer, under both clients.

use pg_core::copy::{CopyFrom, CopyTo};
use pg_core::{ErrorKind, FromRow, Result, Session};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;
use std::time::{Duration, Instant};

#[derive(Debug, PartialEq, FromRow)]
struct User<'r> {
    id: i64,
    name: &'r str,
    photo: Option<&'r [u8]>,
}

async fn with_users<S: Session>(client: &mut S) -> Result<()> {
    client
        .batch_execute(
            "create table users (photo bytea, name text, id bigint);
             insert into users values ('\\x0102', 'anna', 1), (null, 'bert', 2), ('', 'cleo \"c\"', 3)",
        )
        .await
}

async fn rows_are_lent_one_by_one<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_users(client).await?;
    // Dynamic, twice: described first, and from the cache.
    for _ in 0..2 {
        let mut rows = client.stream("select * from users order by id", ()).await?;
        let names: Vec<&str> = rows.columns().iter().map(|column| column.name()).collect();
        assert_eq!(names, ["photo", "name", "id"]);
        let mut seen = 0;
        while let Some(row) = rows.next_row().await? {
            let user: User<'_> = row.get()?;
            seen += 1;
            assert_eq!(user.id, seen);
            if seen == 1 {
                assert_eq!(user, User { id: 1, name: "anna", photo: Some(&[1, 2]) });
            }
        }
        assert_eq!(seen, 3);
        assert!(rows.next_row().await?.is_none(), "the end stays the end");
        still_answers(client).await?;
    }
    // The row type known from the start, twice.
    for _ in 0..2 {
        let mut rows =
            client.stream_as::<User<'_>>("select * from users where id > $1 order by id", (1_i64,)).await?;
        assert_eq!(rows.next_as().await?, Some(User { id: 2, name: "bert", photo: None }));
        assert_eq!(rows.next_as().await?, Some(User { id: 3, name: "cleo \"c\"", photo: Some(&[]) }));
        assert_eq!(rows.next_as::<User<'_>>().await?, None);
        still_answers(client).await?;
    }
    Ok(())
}

async fn a_row_is_read_as_any_type_and_may_be_kept<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_users(client).await?;
    let mut rows = client.stream_as::<(i64, &str)>("select id, name from users order by id", ()).await?;
    assert_eq!(rows.next_row().await?.unwrap().get::<(i64, &str)>()?, (1, "anna"));
    let kept = rows.next_row().await?.map(|row| row.to_owned()).transpose()?.unwrap();
    let third: (i64,) = rows.next_as().await?.unwrap();
    assert_eq!(third, (3,));
    assert_eq!((kept.get::<i64>("id")?, kept.get::<&str>("name")?), (2, "bert"));
    still_answers(client).await
}

async fn a_stream_that_is_not_read_to_its_end_disturbs_nobody<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    // As many rows as fit into no buffer, a few of them read, or none.
    for read in [0, 1, 1000] {
        let mut rows = client.stream("select generate_series(1, 200000), repeat('x', 100)", ()).await?;
        for expected in 1..=read {
            let (i, text): (i32, &str) = rows.next_row().await?.unwrap().get()?;
            assert_eq!((i, text.len()), (expected, 100));
        }
        still_answers(client).await?;
    }
    // One that would go on for hours is cancelled.
    let before = Instant::now();
    let mut rows = client.stream_as::<(i64,)>("select generate_series(1, 100000000000)", ()).await?;
    assert_eq!(rows.next_as::<(i64,)>().await?, Some((1,)));
    still_answers(client).await?;
    assert!(before.elapsed() < Duration::from_secs(30));
    Ok(())
}

/// What the server's process waits for, as `pg_stat_activity` has it.
fn waits_for(database: &Database, process: i32) -> String {
    let rows =
        database.sql(&format!("select coalesce(wait_event, '') from pg_stat_activity where pid = {process}"));
    rows[0][0].clone().unwrap()
}

async fn whoever_stops_reading_stops_the_server<S: Session>(
    client: &mut S,
    database: &Database,
) -> Result<()> {
    let process: i32 = client.query_value("select pg_backend_pid()", ()).await?;
    let mut rows = client.stream("select generate_series(1, 1000000), repeat('x', 1000)", ()).await?;
    assert!(rows.next_row().await?.is_some());
    let deadline = Instant::now() + Duration::from_secs(30);
    while waits_for(database, process) != "ClientWrite" {
        assert!(Instant::now() < deadline, "the server never had to wait for us");
    }
    let mut bytes = 0;
    for _ in 0..10_000 {
        let (_, text): (i32, &str) = rows.next_row().await?.unwrap().get()?;
        bytes += text.len();
    }
    assert_eq!(bytes, 10_000_000);
    still_answers(client).await
}

async fn a_row_longer_than_any_buffer_comes_whole<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let sql = "select i, repeat(chr(64 + i), 3000000) from generate_series(1, 3) i";
    let mut rows = client.stream_as::<(i32, &str)>(sql, ()).await?;
    for (number, letter) in [(1, 'A'), (2, 'B'), (3, 'C')] {
        let (i, text): (i32, &str) = rows.next_row().await?.unwrap().get()?;
        assert_eq!((i, text.len()), (number, 3_000_000));
        assert!(text.chars().all(|c| c == letter));
    }
    assert!(rows.next_row().await?.is_none());
    still_answers(client).await
}

/// In both directions, as a parameter and a column, and by COPY.
async fn a_value_of_64_mib_goes_there_and_back<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let given: Vec<u8> = (0..64 * 1024 * 1024_u32).map(|at| (at ^ at >> 8 ^ at >> 16) as u8).collect();
    let sql = "select $1::bytea, md5($1), octet_length($1)";
    let (back, digest, length): (Vec<u8>, String, i32) = client.query_one(sql, (&given,)).await?;
    assert_eq!((back == given, length), (true, 64 * 1024 * 1024));
    client.batch_execute("create table large (data bytea)").await?;
    let table = CopyFrom::table("large");
    assert_eq!(client.copy_in_all(&table, [(given.as_slice(),)]).await?, 1);
    assert_eq!(client.query_value::<String>("select md5(data) from large", ()).await?, digest);
    let mut rows = client.copy_out_rows::<(&[u8],)>(&CopyTo::table("large")).await?;
    assert!(rows.next_as::<(&[u8],)>().await? == Some((given.as_slice(),)));
    assert!(rows.next_row().await?.is_none());
    still_answers(client).await
}

async fn an_error_half_way_comes_after_the_rows_before_it<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let sql = "select 10 / (5 - i) from generate_series(1, 9) i";
    for _ in 0..2 {
        let mut rows = client.stream_as::<(i32,)>(sql, ()).await?;
        for expected in [2, 3, 5, 10] {
            assert_eq!(rows.next_as::<(i32,)>().await?, Some((expected,)));
        }
        let error = rows.next_row().await.unwrap_err();
        assert_eq!(error.sqlstate().unwrap().code(), "22012");
        assert_eq!(error.sql(), Some(sql));
        assert!(rows.next_row().await?.is_none());
        still_answers(client).await?;
    }
    let error = client.stream("select nonsense", ()).await.map(|_| ()).unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "42703");
    still_answers(client).await
}

async fn a_row_that_cannot_be_read_does_not_end_the_stream<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let mut rows = client.stream("select nullif(i, 2) as n from generate_series(1, 3) i", ()).await?;
    assert_eq!(rows.next_as::<(i32,)>().await?, Some((1,)));
    let error = rows.next_as::<(i32,)>().await.unwrap_err();
    assert_eq!(error.message(), "column 1 \"n\": the value is NULL, which i32 can't hold");
    let error = rows.next_as::<(String,)>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(rows.next_as::<(i32,)>().await?, None);
    still_answers(client).await
}

async fn columns_that_do_not_fit_end_a_stream_before_its_rows<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let start = Instant::now();
    let wrong =
        client.stream_as::<(i64,)>("select generate_series(1, 1000000000)", ()).await.map(drop).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Decode);
    still_answers(client).await?;
    assert!(start.elapsed() < Duration::from_secs(20), "all rows were read first");
    Ok(())
}

async fn a_statement_without_rows_streams_none<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    for _ in 0..2 {
        client.batch_execute("drop table if exists t").await?;
        let mut rows = client.stream("create table t (n int)", ()).await?;
        assert_eq!(rows.columns().len(), 0);
        assert!(rows.next_row().await?.is_none());
        let mut rows = client.stream_as::<(i32,)>("insert into t values ($1)", (1,)).await?;
        assert!(rows.next_row().await?.is_none());
        let mut rows = client.stream_as::<(i32,)>("insert into t values ($1) returning n", (2,)).await?;
        assert_eq!(rows.next_as::<(i32,)>().await?, Some((2,)));
        assert_eq!(client.query_value::<i64>("select count(*) from t", ()).await?, 2);
        still_answers(client).await?;
    }
    Ok(())
}

async fn a_stream_in_a_transaction_leaves_it_as_it_was<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table t (n int)").await?;
    let mut tx = client.begin().await?;
    let mut rows = tx.stream("select i from generate_series(1, 50000) i", ()).await?;
    assert_eq!(rows.next_as::<(i32,)>().await?, Some((1,)));
    tx.execute("insert into t values (1)", ()).await?;
    let mut rows = tx.stream_as::<(i32,)>("select i from generate_series(1, 50000) i", ()).await?;
    assert_eq!(rows.next_as::<(i32,)>().await?, Some((1,)));
    tx.commit().await?;
    assert_eq!(client.query_value::<i64>("select count(*) from t", ()).await?, 1);
    still_answers(client).await
}

pg_tests::both_clients!(
    rows_are_lent_one_by_one,
    a_row_is_read_as_any_type_and_may_be_kept,
    a_stream_that_is_not_read_to_its_end_disturbs_nobody,
    whoever_stops_reading_stops_the_server,
    a_row_longer_than_any_buffer_comes_whole,
    a_value_of_64_mib_goes_there_and_back,
    an_error_half_way_comes_after_the_rows_before_it,
    a_row_that_cannot_be_read_does_not_end_the_stream,
    columns_that_do_not_fit_end_a_stream_before_its_rows,
    a_statement_without_rows_streams_none,
    a_stream_in_a_transaction_leaves_it_as_it_was,
);
