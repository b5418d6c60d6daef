//! Statements as constants, and all of them checked against a live schema by one test.

use pg_core::constant::Declared;
use pg_core::{Error, ErrorKind, FromRow, FromSql, Params, Query, Registry, Result, Row, Session, ToSql};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;

const SCHEMA: &str = "
    create type mood as enum ('sad', 'happy');
    create domain label as text not null;
    create table person (id int8 primary key, email text not null, nickname text, mood mood not null, tag label,
                         born date);
    create view people as select id, nickname from person";

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
enum Mood {
    Sad,
    Happy,
}

#[derive(Debug, PartialEq, FromRow)]
struct Person {
    id: i64,
    email: String,
    nickname: Option<String>,
    mood: Mood,
}

#[derive(Params)]
struct NewPerson<'a> {
    id: i64,
    email: &'a str,
    mood: Mood,
}

const BY_EMAIL: Query<(&str,), Person> =
    Query::new("select id, email, nickname, mood from person where email = $1");
const ALL: Query<(), Person> = Query::new("select * from person order by id");
const ADD: Query<NewPerson<'_>, ()> =
    Query::new("insert into person (id, email, mood, tag) values (:id, :email, :mood, '')");
const RENAME: Query<(i64, Option<&str>), ()> = Query::new("update person set nickname = $2 where id = $1");
const DYNAMIC: Query<(), Row> = Query::new("select * from people");
const MOODS: Query<(), (String, Mood)> = Query::new("select mood, mood from person");
const COUNT: Query<(), (i64,)> = Query::new("select count(*) from person");
const OF_A_VIEW: Query<(), (i64, Option<String>)> = Query::new("select id, nickname from people");
const TAGS: Query<(), (String,)> = Query::new("select tag from person");
const NICKNAMES: Query<(), (String,)> =
    Query::new("select nickname from person where nickname is not null").never_null(&["nickname"]);

const GOOD: &[&dyn Declared] =
    &[&BY_EMAIL, &ALL, &ADD, &RENAME, &DYNAMIC, &MOODS, &COUNT, &OF_A_VIEW, &TAGS, &NICKNAMES];

async fn what_verify_passes_runs<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    for _ in 0..2 {
        client.verify(GOOD).await?;
        assert_eq!(client.query_value::<i64>("select count(*) from person", ()).await?, 0, "nothing was run");
    }
    client.pipeline((ADD.execute(NewPerson { id: 1, email: "a@b", mood: Mood::Happy }),)).await?;
    assert_eq!(client.fetch_affected(&RENAME, (1, Some("ann"))).await?, 1);
    assert_eq!(client.fetch_affected(&RENAME, (2, None)).await?, 0);
    let ann = Person { id: 1, email: "a@b".into(), nickname: Some("ann".into()), mood: Mood::Happy };
    assert_eq!(client.fetch_opt(&BY_EMAIL, ("a@b",)).await?, Some(ann));
    assert_eq!(client.fetch(&ALL, ()).await?.len(), 1);
    assert_eq!(client.fetch_one(&DYNAMIC, ()).await?.get::<String>("nickname")?, "ann");
    assert_eq!(client.fetch(&MOODS, ()).await?, [("happy".to_owned(), Mood::Happy)]);
    assert_eq!(client.fetch_one(&COUNT, ()).await?, (1,));
    assert_eq!(client.fetch_one(&OF_A_VIEW, ()).await?, (1, Some("ann".to_owned())));
    assert_eq!(client.fetch_one(&TAGS, ()).await?, (String::new(),));
    assert_eq!(client.fetch_one(&NICKNAMES, ()).await?, ("ann".to_owned(),));
    still_answers(client).await
}

const WRONG_COLUMN: Query<(), (i32, String)> = Query::new("select id, email from person");
const NO_COLUMN: Query<(), Person> = Query::new("select id, email, mood from person");
const NO_TABLE: Query<(), (i64,)> = Query::new("select id from persons");
const WRONG_PARAMETER: Query<(i64,), (i64,)> = Query::new("select id from person where born = $1");
const TOO_FEW: Query<(i64,), (i64,)> = Query::new("select id from person where id in ($1, $2)");
const TOO_MANY: Query<(i64, i64), (i64,)> = Query::new("select id from person where id = $1");
const NO_SUCH_NAME: Query<NewPerson<'_>, ()> = Query::new("delete from person where id = :number");
const NO_ROWS: Query<(), (i64,)> = Query::new("delete from person");
const MAY_BE_NULL: Query<(), (i64, String)> = Query::new("select id, nickname from person");
const NEVER_THERE: Query<(), (i64,)> = Query::new("select id from person").never_null(&["nickname"]);
const TWICE: Query<(), Person> = Query::new("select * from person a join person b on a.id = b.id");

/// Each statement that doesn't fit, and what is said of it.
const WRONG: &[(&dyn Declared, &str)] = &[
    (&WRONG_COLUMN, "column 1 \"id\": the SQL type is int8, but i32 stands for int4"),
    (&NO_COLUMN, "the row has no column \"nickname\"; it has id, email, mood"),
    (&NO_TABLE, "relation \"persons\" does not exist"),
    (&WRONG_PARAMETER, "operator does not exist: date = bigint"),
    (&TOO_FEW, "1 parameter was given to a statement that has 2"),
    (&TOO_MANY, "2 parameters were given to a statement that has 1"),
    (&NO_SUCH_NAME, "the SQL has :number, and the parameters are"),
    (&NO_ROWS, "the statement returns no rows at all"),
    (&MAY_BE_NULL, "column 2 \"nickname\": it may be NULL, which the Rust type can't hold"),
    (&NEVER_THERE, "the row has no column \"nickname\", which is said to be never NULL"),
    (&TWICE, "columns 1 and 7 of the row are both called \"id\""),
];

async fn all_that_does_not_fit_is_told_at_once<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let mut queries: Vec<&dyn Declared> = vec![&ALL];
    queries.extend(WRONG.iter().map(|(query, _)| *query));
    let error = client.verify(&queries).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    check(&error, "11 of 12 queries do not fit the schema");
    still_answers(client).await?;

    // The same inside a transaction, which goes on.
    let mut tx = client.begin().await?;
    tx.execute("insert into person values (7, 'g', null, 'sad', '')", ()).await?;
    check(&tx.verify(&queries).await.unwrap_err(), "11 of 12 queries do not fit the schema");
    tx.verify(GOOD).await?;
    tx.commit().await?;
    assert_eq!(client.query_value::<i64>("select count(*) from person", ()).await?, 1);
    still_answers(client).await
}

/// The words of the error: its head, then each failure behind the place where its statement is declared, with the
/// statement and a cure or the server's report.
#[track_caller]
fn check(error: &Error, head: &str) {
    let words = error.message();
    let mut parts = words.split("\n\n");
    assert_eq!(parts.next(), Some(head), "{words}");
    let parts: Vec<&str> = parts.collect();
    assert_eq!(parts.len(), WRONG.len(), "{words}");
    for (part, (query, told)) in parts.iter().zip(WRONG) {
        let place = query.location();
        let place = format!("{}:{}:{}: ", place.file(), place.line(), place.column());
        assert!(place.starts_with("tests/tests/declared_queries.rs:"), "{place}");
        assert!(part.starts_with(&place), "{place}\n{part}");
        assert!(part.contains(told), "{told}\n{part}");
        assert!(part.contains(&format!("STATEMENT:  {}", query.sql())), "{part}");
        assert!(part.contains("\nHINT:  ") || part.contains("ERROR 42P01"), "{part}");
    }
}

async fn a_schema_that_moves_on_is_noticed<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    client.verify(GOOD).await?;
    client.fetch(&ALL, ()).await?;
    client.batch_execute("alter table person alter email drop not null").await?;
    let error = client.verify(&[&ALL, &COUNT]).await.unwrap_err();
    assert!(error.message().starts_with("1 of 2 queries do not fit the schema"), "{error}");
    assert!(error.message().contains("column 2 \"email\": it may be NULL"), "{error}");
    client.batch_execute("alter table person drop email").await?;
    let error = client.verify(&[&ALL]).await.unwrap_err();
    assert!(error.message().contains("the row has no column \"email\""), "{error}");
    still_answers(client).await
}

#[derive(Debug, ToSql, FromSql)]
#[pg(domain)]
struct Code(String);

async fn a_registry_is_compared_by_a_plain_method<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create type mood as enum ('sad'); create domain code as int4").await?;
    let registry = Registry::new().with::<Mood>().with::<Code>();
    let drifts: Vec<String> = client.drifts(&registry).await?.iter().map(ToString::to_string).collect();
    assert_eq!(
        drifts,
        [
            "mood: the server has no label \"happy\"; it has sad",
            "code: the server's domain is over int4, which no string reads"
        ]
    );
    client
        .batch_execute("alter type mood add value 'happy'; drop domain code; create domain code as text")
        .await?;
    client.refresh(&registry).await?;
    assert_eq!(client.drifts(&registry).await?, []);
    still_answers(client).await
}

pg_tests::both_clients!(
    what_verify_passes_runs,
    all_that_does_not_fit_is_told_at_once,
    a_schema_that_moves_on_is_noticed,
    a_registry_is_compared_by_a_plain_method,
);
