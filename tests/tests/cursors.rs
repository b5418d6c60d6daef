//! Portals and named cursors: rows part by part, in any order, with other statements in between.

use pg_core::exchange::collect::Affected;
use pg_core::exchange::many::Many;
use pg_core::message::backend::Status;
use pg_core::{
    CursorOptions, ErrorKind, FromRow, FromSql, Lifecycle, Result, Row, Run, Session, ToSql, Towards,
};
use pg_tests::clients::{self, AsyncFace, Face, still_answers};
use pg_tests::relay::Relay;
use pg_tests::server::{Database, Server};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "mood", rename_all = "snake_case")]
enum Mood {
    Sad,
    Happy,
}

#[derive(Debug, PartialEq, FromRow)]
struct Person {
    id: i64,
    name: String,
    mood: Option<Mood>,
}

const SCHEMA: &str = "create type mood as enum ('sad', 'happy');
    create table person (id int8 primary key, name text not null, mood mood);
    insert into person select g, 'p' || g, case g % 3 when 0 then 'sad' when 1 then 'happy' end::mood
        from generate_series(1, 10) g";
const ALL: &str = "select id, name, mood from person order by id";

/// What is open on the server.
async fn cursors<S: Session>(client: &mut S) -> Result<Vec<String>> {
    client.query_values("select name from pg_cursors where name not in ('') order by name", ()).await
}

fn ids(people: &[Person]) -> Vec<i64> {
    people.iter().map(|person| person.id).collect()
}

// ---- portals ----

async fn rows_come_part_by_part_with_statements_in_between<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    // The first time it is prepared along the way, then found in the cache.
    for _ in 0..3 {
        let mut tx = client.begin().await?;
        let sql = "select id, name, mood from person where id > $1 order by id";
        let mut people = tx.portal::<Person>(sql, (1_i64,)).await?;
        let mut others = tx.portal::<(i64,)>("select id from person order by id desc", ()).await?;
        assert_eq!(people.columns().len(), 3);
        let first = tx.fetch_portal(&mut people, 4).await?;
        assert_eq!(first[1], Person { id: 3, name: "p3".to_owned(), mood: Some(Mood::Sad) });
        assert_eq!(ids(&first), [2, 3, 4, 5]);
        assert_eq!(tx.fetch_portal(&mut others, 2).await?, [(10,), (9,)]);
        for id in ids(&first) {
            tx.execute("update person set name = name where id = $1", (id,)).await?;
        }
        assert_eq!(ids(&tx.fetch_portal(&mut people, 4).await?), [6, 7, 8, 9]);
        assert!(!people.is_complete());
        assert_eq!(ids(&tx.fetch_portal(&mut people, 4).await?), [10]);
        assert!(people.is_complete());
        assert_eq!(tx.fetch_portal(&mut people, 4).await?, []);
        assert_eq!(tx.fetch_portal(&mut others, 0).await?.len(), 8);
        tx.commit().await?;
    }
    still_answers(client).await
}

async fn any_columns_can_be_read_of_a_portal<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let mut tx = client.begin().await?;
    let mut rows = tx.portal::<Row>(ALL, ()).await?;
    let part = tx.fetch_portal(&mut rows, 3).await?;
    assert_eq!(part.len(), 3);
    assert_eq!(part[2].get::<Mood>("mood")?, Mood::Sad);
    // What gives no rows runs to its end.
    let mut changes = tx.portal::<(i64,)>("update person set mood = null", ()).await?;
    assert_eq!(tx.fetch_portal(&mut changes, 5).await?, []);
    assert!(changes.is_complete());
    assert_eq!(tx.query_value::<i64>("select count(mood) from person", ()).await?, 0);
    // The rows of before are those of before.
    assert_eq!(tx.fetch_portal(&mut rows, 0).await?[0].get::<Mood>("mood")?, Mood::Happy);
    tx.commit().await
}

async fn a_portal_that_is_dropped_is_closed<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let mut tx = client.begin().await?;
    let mut one = tx.portal::<(i64,)>("select id from person", ()).await?;
    let two = tx.portal::<(i64,)>("select id from person", ()).await?;
    tx.fetch_portal(&mut one, 2).await?;
    assert_eq!(cursors(&mut tx).await?.len(), 2);
    drop(two);
    assert_eq!(cursors(&mut tx).await?, [one.name()]);
    drop(one);
    assert_eq!(cursors(&mut tx).await?, [""; 0]);
    tx.commit().await?;
    still_answers(client).await
}

async fn a_portal_ends_with_its_transaction<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let error = client.portal::<(i64,)>("select id from person", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.cure().unwrap().contains("begin()"), "{error}");
    let mut tx = client.begin().await?;
    let mut portal = tx.portal::<(i64,)>("select id from person", ()).await?;
    tx.commit().await?;
    let error = client.fetch_portal(&mut portal, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    // Nor does the next transaction have it, or a savepoint that was undone.
    let mut tx = client.begin().await?;
    assert_eq!(tx.fetch_portal(&mut portal, 1).await.unwrap_err().kind(), ErrorKind::Usage);
    let mut inner = tx.begin().await?;
    let mut portal = inner.portal::<(i64,)>("select id from person", ()).await?;
    inner.rollback().await?;
    let error = tx.fetch_portal(&mut portal, 1).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "34000");
    drop(tx);
    still_answers(client).await
}

async fn an_error_among_the_rows_is_told<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let mut tx = client.begin().await?;
    let mut portal = tx.portal::<(i32,)>("select 6 / (3 - g) from generate_series(1, 5) g", ()).await?;
    assert_eq!(tx.fetch_portal(&mut portal, 2).await?, [(3,), (6,)]);
    let error = tx.fetch_portal(&mut portal, 2).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "22012");
    assert_eq!(error.sql(), Some("select 6 / (3 - g) from generate_series(1, 5) g"));
    tx.rollback().await?;
    // A row that the type can't hold is the reader's affair.
    let mut tx = client.begin().await?;
    let sql = "select nullif(g, 2) from generate_series(1, 4) g";
    let mut portal = tx.portal::<(i32,)>(sql, ()).await?;
    assert_eq!(tx.fetch_portal(&mut portal, 2).await.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(tx.fetch_portal(&mut portal, 0).await?, [(3,), (4,)]);
    let mut copy = tx.portal::<(i64,)>("copy (select 1) to stdout", ()).await?;
    assert_eq!(tx.fetch_portal(&mut copy, 1).await.unwrap_err().kind(), ErrorKind::Usage);
    drop(tx);
    still_answers(client).await
}

// ---- named cursors ----

async fn a_cursor_scrolls<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let mut tx = client.begin().await?;
    let options = CursorOptions::new("it's \"the\" cursor").scroll(true);
    let sql = "select id, name, mood from person where id <= $1 order by id";
    let mut cursor = tx.cursor_with::<Person>(options, sql, (9_i64,)).await?;
    let mut at = Vec::new();
    for towards in [
        Towards::Forward(3),
        Towards::Next,
        Towards::Prior,
        Towards::Absolute(8),
        Towards::Relative(-3),
        Towards::Forward(0),
        Towards::Backward(2),
        Towards::First,
        Towards::Last,
        Towards::Absolute(-2),
        Towards::ForwardAll,
        Towards::BackwardAll,
        Towards::Absolute(0),
    ] {
        at.push(ids(&cursor.fetch(towards).await?));
    }
    let expected: [&[i64]; 13] = [
        &[1, 2, 3],
        &[4],
        &[3],
        &[8],
        &[5],
        &[5],
        &[4, 3],
        &[1],
        &[9],
        &[8],
        &[9],
        &[9, 8, 7, 6, 5, 4, 3, 2, 1],
        &[],
    ];
    assert_eq!(at, expected);
    assert_eq!(cursor.move_to(Towards::Forward(4)).await?, 4);
    assert_eq!(cursor.fetch_next().await?.unwrap().id, 5);
    assert_eq!(cursor.move_to(Towards::ForwardAll).await?, 4);
    assert_eq!(cursor.fetch_next().await?, None);
    assert_eq!(cursor.name(), "it's \"the\" cursor");
    cursor.close().await?;
    assert_eq!(cursors(&mut tx).await?, [""; 0]);
    tx.commit().await
}

async fn a_cursor_without_scroll_does_not_go_back<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let mut tx = client.begin().await?;
    let mut cursor = tx.cursor_with::<Person>(CursorOptions::new("c").scroll(false), ALL, ()).await?;
    assert_eq!(ids(&cursor.fetch(Towards::Forward(2)).await?), [1, 2]);
    let error = cursor.fetch(Towards::Prior).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "55000");
    drop(cursor);
    assert_eq!(tx.connection().status(), Status::Failed);
    drop(tx);
    still_answers(client).await
}

async fn the_row_of_a_cursor_is_changed<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let mut tx = client.begin().await?;
    let sql = "select id, name, mood from person where id > 5 for update";
    let mut cursor = tx.cursor::<Person>("the people", sql, ()).await?;
    while let Some(person) = cursor.fetch_next().await? {
        if person.mood == Some(Mood::Sad) {
            let update =
                format!("update person set mood = 'happy' where current of {}", cursor.quoted_name());
            assert_eq!(cursor.session().execute(&update, ()).await?, 1);
        }
    }
    drop(cursor);
    tx.commit().await?;
    let sad: Vec<i64> = client.query_values("select id from person where mood = 'sad'", ()).await?;
    assert_eq!(sad, [3]);
    Ok(())
}

async fn a_cursor_with_hold_outlives_its_transaction<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let error = client.cursor::<Person>("c", ALL, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.cure().unwrap().contains("hold(true)"), "{error}");
    let mut tx = client.begin().await?;
    let mut cursor = tx.cursor_with::<Person>(CursorOptions::new("C").hold(true), ALL, ()).await?;
    assert_eq!(ids(&cursor.fetch(Towards::Forward(2)).await?), [1, 2]);
    cursor.leave();
    tx.commit().await?;
    let mut cursor = client.open_cursor::<(i64, String)>("C")?;
    assert_eq!(cursor.fetch(Towards::Next).await?, [(3, "p3".to_owned())]);
    drop(cursor);
    assert_eq!(cursors(client).await?, [""; 0]);
    let options = CursorOptions::new("outside").hold(true).scroll(true);
    let mut cursor = client.cursor_with::<Person>(options, ALL, ()).await?;
    assert_eq!(ids(&cursor.fetch(Towards::Last).await?), [10]);
    assert_eq!(ids(&cursor.fetch(Towards::First).await?), [1]);
    cursor.close().await?;
    still_answers(client).await
}

async fn a_cursor_of_a_function_is_found_by_its_name<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    client
        .batch_execute(
            "create function people() returns refcursor language plpgsql as
                 $$ declare c refcursor := 'people'; begin open c for select id, name, mood from person; return c; end $$",
        )
        .await?;
    let mut tx = client.begin().await?;
    let name: String = tx.query_value("select people()::text", ()).await?;
    let mut cursor = tx.open_cursor::<Person>(&name)?;
    assert_eq!(cursor.fetch(Towards::ForwardAll).await?.len(), 10);
    drop(cursor);
    tx.commit().await
}

async fn a_cursor_that_is_dropped_is_closed_and_not_waited_for<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let mut tx = client.begin().await?;
    for _ in 0..3 {
        // The same name again, at once.
        let mut cursor = tx.cursor::<Person>("c", ALL, ()).await?;
        cursor.fetch_next().await?;
    }
    assert_eq!(cursors(&mut tx).await?, [""; 0]);
    // After an error, and together with its transaction.
    let mut cursor = tx.cursor::<Person>("c", ALL, ()).await?;
    assert!(cursor.session().execute("select 1 / 0", ()).await.is_err());
    drop(cursor);
    drop(tx);
    still_answers(client).await?;
    let mut tx = client.begin().await?;
    let cursor = tx.cursor::<Person>("c", ALL, ()).await?;
    drop(cursor);
    tx.commit().await?;
    still_answers(client).await
}

/// What a cursor says isn't kept among the prepared statements: a name may stand for other columns each time.
async fn a_name_is_used_again_for_other_columns<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let mut tx = client.begin().await?;
    for _ in 0..2 {
        let mut cursor = tx.cursor::<(i64,)>("c", "select id from person order by 1", ()).await?;
        assert_eq!(cursor.fetch(Towards::Forward(2)).await?, [(1,), (2,)]);
        drop(cursor);
        let mut cursor =
            tx.cursor::<(String, i32)>("c", "select name, 7 from person where id = $1", (3_i64,)).await?;
        assert_eq!(cursor.fetch(Towards::Forward(2)).await?, [("p3".to_owned(), 7)]);
        drop(cursor);
        let mut cursor = tx.cursor::<Row>("c", ALL, ()).await?;
        assert_eq!(cursor.fetch(Towards::Forward(2)).await?[0].get::<Mood>("mood")?, Mood::Happy);
        assert_eq!(cursor.fetch(Towards::Forward(2)).await?[0].get::<Mood>("mood")?, Mood::Sad);
    }
    let prepared: i64 = tx
        .query_value(
            "select count(*) from pg_prepared_statements where statement ~* '^(declare|fetch|move)'",
            (),
        )
        .await?;
    assert_eq!(prepared, 0);
    tx.commit().await
}

async fn a_portal_takes_no_name_that_a_cursor_may_have<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let mut tx = client.begin().await?;
    let mut cursor = tx.cursor::<(i64,)>("p1", "select id from person", ()).await?;
    let mut portal = cursor.session().portal::<(i64,)>("select id from person", ()).await?;
    assert_eq!(cursor.session().fetch_portal(&mut portal, 1).await?, [(1,)]);
    assert_eq!(cursor.fetch_next().await?, Some((1,)));
    drop(cursor);
    tx.commit().await
}

pg_tests::both_clients!(
    a_portal_takes_no_name_that_a_cursor_may_have,
    rows_come_part_by_part_with_statements_in_between,
    any_columns_can_be_read_of_a_portal,
    a_portal_that_is_dropped_is_closed,
    a_portal_ends_with_its_transaction,
    an_error_among_the_rows_is_told,
    a_cursor_scrolls,
    a_cursor_without_scroll_does_not_go_back,
    the_row_of_a_cursor_is_changed,
    a_cursor_with_hold_outlives_its_transaction,
    a_cursor_of_a_function_is_found_by_its_name,
    a_cursor_that_is_dropped_is_closed_and_not_waited_for,
    a_name_is_used_again_for_other_columns,
);

async fn statements_of_a_cursor_have_no_name<S: Session>(client: &mut S, database: &Database) -> Result<()> {
    rows_come_part_by_part_with_statements_in_between(client, database).await?;
    client.batch_execute("drop table person; drop type mood").await?;
    a_name_is_used_again_for_other_columns(client, database).await
}

pg_tests::both_clients!(with |config| config.statement_cache_capacity(0); statements_of_a_cursor_have_no_name);

async fn a_part_is_one_round_trip<F: Face>() {
    let database = Server::shared().database();
    database.sql(SCHEMA);
    let relay = Relay::to(&database);
    let mut client = F::connect(&F::config(&relay.url(&database))).await.unwrap();
    still_answers(&mut client).await.unwrap();
    relay.reset();
    let mut tx = client.begin().await.unwrap();
    // BEGIN travels along.
    let mut portal = tx.portal::<(i64,)>("select id from person", ()).await.unwrap();
    assert_eq!(relay.round_trips(), 1);
    tx.fetch_portal(&mut portal, 5).await.unwrap();
    assert_eq!(relay.round_trips(), 2);
    let mut cursor = tx.cursor::<(i64,)>("c", "select id from person where id > $1", (3_i64,)).await.unwrap();
    assert_eq!(relay.round_trips(), 3);
    for _ in 0..3 {
        cursor.fetch(Towards::Forward(2)).await.unwrap();
    }
    assert_eq!(relay.round_trips(), 6);
    drop(cursor);
    tx.commit().await.unwrap();
    client.close().await.unwrap();
}

pg_tests::each_client!(a_part_is_one_round_trip);

/// Polls a future so often, then drops it; whether it was ready before.
async fn dropped_after<F: Future>(future: F, polls: usize) -> bool {
    let mut future = pin!(future);
    for _ in 0..polls {
        let is_ready = poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await;
        if is_ready {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

#[test]
fn a_cursor_whose_declaration_was_dropped_is_closed() {
    clients::block_on(async {
        let database = Server::shared().database();
        database.sql(SCHEMA);
        let mut client = AsyncFace::connect(&AsyncFace::config(&database.url())).await.unwrap();
        let mut has_dropped = false;
        for polls in 1.. {
            let name = format!("c{polls}");
            let options = CursorOptions::new(&name).hold(true);
            let was_ready = dropped_after(client.cursor_with::<Person>(options, ALL, ()), polls).await;
            assert_eq!(cursors(&mut client).await.unwrap(), [""; 0], "dropped at poll {polls}");
            if was_ready {
                break;
            }
            has_dropped = true;
        }
        assert!(has_dropped, "it was ready at once");
        // One that can't be declared is nobody's to close.
        client.cursor_with::<Person>(CursorOptions::new("c").hold(true), ALL, ()).await.unwrap().leave();
        let again = client.cursor_with::<Person>(CursorOptions::new("c").hold(true), ALL, ()).await;
        assert_eq!(again.map(drop).unwrap_err().sqlstate().unwrap().code(), "42P03");
        assert_eq!(cursors(&mut client).await.unwrap(), ["c"]);
        still_answers(&mut client).await.unwrap();
    });
}

#[test]
fn a_cursor_that_is_dropped_after_half_a_request_leaves_nothing_of_it() {
    clients::block_on(async {
        let database = Server::shared().database();
        database.sql(SCHEMA);
        let mut client = AsyncFace::connect(&AsyncFace::config(&database.url())).await.unwrap();
        let options = CursorOptions::new("c").hold(true);
        let mut cursor = client.cursor_with::<(i64,)>(options, "select id from person", ()).await.unwrap();
        let endless = (100_i64..).map(|id| (id, "x"));
        let sql = "insert into person (id, name) values ($1, $2)";
        // As an exchange, which has no guard that ends it at once.
        let many = Many::new(sql, endless, Affected);
        assert!(!dropped_after(cursor.session().run(many), 3).await);
        drop(cursor);
        let count: i64 = client.query_value("select count(*) from person", ()).await.unwrap();
        assert_eq!(count, 10, "half of a request was kept");
        still_answers(&mut client).await.unwrap();
    });
}

#[test]
fn blocking_code_has_plain_methods() {
    let database = Server::shared().database();
    database.sql(SCHEMA);
    let mut client = clients::pg_blocking::Config::new(&database.url()).unwrap().connect().unwrap();
    let mut tx = client.begin().unwrap();
    let mut portal = tx.portal::<(i64,)>("select id from person order by 1", ()).unwrap();
    let mut sum = 0;
    loop {
        let part = tx.fetch_portal(&mut portal, 3).unwrap();
        sum += part.iter().map(|(id,)| id).sum::<i64>();
        if portal.is_complete() {
            break;
        }
    }
    assert_eq!(sum, 55);
    let mut cursor = tx.cursor::<Person>("c", ALL, ()).unwrap();
    assert_eq!(cursor.fetch_next().unwrap().unwrap().id, 1);
    assert_eq!(cursor.session().query_value::<i32>("select 1", ()).unwrap(), 1);
    assert_eq!(cursor.move_to(Towards::Relative(2)).unwrap(), 1);
    assert_eq!(ids(&cursor.fetch(Towards::Forward(2)).unwrap()), [4, 5]);
    cursor.close().unwrap();
    tx.commit().unwrap();
}
