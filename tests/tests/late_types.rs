//! Columns of types that the connection has never heard of: the rows wait until the catalog has told, and nothing is run
//! twice.

use pg_core::exchange::pipeline;
use pg_core::types::typecaster::TypecasterOwned;
use pg_core::{Error, ErrorKind, FromRow, FromSql, Registry, Result, Session, ToSql, Towards};
use pg_tests::clients::{Face, still_answers};
use pg_tests::relay::{Cut, Direction, Relay};
use pg_tests::server::{Database, Server};
use std::fmt::Debug;

const SCHEMA: &str = "
    create extension citext; create extension hstore; create extension ltree;
    create type mood as enum ('sad', 'so so');
    create domain digit as int4 check (value between 0 and 9);
    create table person (id int4, mood mood, moods mood[], email citext, path ltree, digits digit[], bag hstore);
    insert into person values (1, 'so so', '{sad,\"so so\",null}', 'A@b', 'a.b', '{1,2}', 'a=>1'),
                              (2, null, null, null, null, null, null)";

#[derive(Debug, PartialEq, FromRow)]
struct Person {
    path: Option<String>,
    mood: Option<String>,
    id: i32,
    moods: Option<Vec<Option<String>>>,
    digits: Option<Vec<i32>>,
    email: Option<Box<str>>,
}

fn people() -> [Person; 2] {
    let text = |text: &str| Some(text.to_owned());
    [
        Person {
            id: 1,
            mood: text("so so"),
            moods: Some(vec![text("sad"), text("so so"), None]),
            email: Some("A@b".into()),
            path: text("a.b"),
            digits: Some(vec![1, 2]),
        },
        Person { id: 2, mood: None, moods: None, email: None, path: None, digits: None },
    ]
}

async fn strings_read_created_types_from_the_first_run_on<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    for _ in 0..3 {
        let mood: String = client.query_value("select mood from person where id = 1", ()).await?;
        assert_eq!(mood, "so so");
    }
    for _ in 0..2 {
        assert_eq!(client.query::<Person>("select * from person order by id", ()).await?, people());
    }
    still_answers(client).await
}

async fn rows_of_all_kinds_wait_for_their_types<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let one: Person = client.query_one("select * from person where id = 1", ()).await?;
    assert_eq!(one, people()[0]);
    client.batch_execute("drop type mood cascade; create type mood as enum ('new'); alter table person add mood mood default 'new'").await?;
    let moods: Vec<Option<String>> = client.query_values("select mood from person", ()).await?;
    assert_eq!(moods, [Some("new".to_owned()), Some("new".to_owned())]);
    let none: Option<(String,)> = client.query_opt("select mood from person where false", ()).await?;
    assert_eq!(none, None);
    let error = client.query_one::<(String,)>("select mood || '!', mood from person", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RowCount);
    still_answers(client).await
}

async fn what_changes_something_is_run_once<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let sql = "insert into person (id, mood) values ($1, 'sad') returning mood";
    assert_eq!(client.query_value::<String>(sql, (3_i32,)).await?, "sad");
    assert_eq!(client.query_value::<i64>("select count(*) from person", ()).await?, 3);
    // In a transaction what is looked up is looked up inside it, and known to it.
    client.batch_execute("create type colour as enum ('red')").await?;
    let mut tx = client.begin().await?;
    tx.execute("create type shade as enum ('dark')", ()).await?;
    let both: (String, Vec<String>) = tx.query_one("select 'red'::colour, array['dark'::shade]", ()).await?;
    assert_eq!(both, ("red".to_owned(), vec!["dark".to_owned()]));
    tx.commit().await?;
    still_answers(client).await
}

async fn parts_of_a_pipeline_wait_for_their_types<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let (inserted, mood, people_, email) = client
        .pipeline((
            pipeline::execute("insert into person (id) values (3)", ()),
            pipeline::query_one::<(String,), _>("select mood from person where id = 1", ()),
            pipeline::query::<Person, _>("select * from person where id < 3 order by id", ()),
            pipeline::query_one::<(String,), _>("select email from person where id = 1", ()),
        ))
        .await?;
    assert_eq!((inserted, mood.0.as_str(), email.0.as_str()), (1, "so so", "A@b"));
    assert_eq!(people_, people());
    assert_eq!(client.query_value::<i64>("select count(*) from person", ()).await?, 3);
    client.batch_execute("create type colour as enum ('red')").await?;
    let parts = || {
        (0..3).map(|_| pipeline::query_one::<(String,), _>("select 'red'::colour", ())).collect::<Vec<_>>()
    };
    assert_eq!(client.pipeline(parts()).await?, vec![("red".to_owned(),); 3]);
    // The error is that of the part that failed, not of one whose rows waited in vain.
    client.batch_execute("create type taste as enum ('sweet')").await?;
    let parts = (
        pipeline::query_one::<(String,), _>("select 'sweet'::taste", ()),
        pipeline::execute("select 1 / $1", (0_i32,)),
    );
    assert_eq!(client.pipeline(parts).await.unwrap_err().sqlstate().unwrap().code(), "22012");
    let parts = [1, 0].map(|n| {
        pipeline::query_one::<(String,), _>("select 'sweet'::taste from generate_series(1, 1 / $1)", (n,))
    });
    let error = client.pipeline(Vec::from(parts)).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "22012");
    assert!(error.to_string().starts_with("statement 1 of the pipeline"), "{error}");
    still_answers(client).await
}

async fn rows_of_a_cursor_wait_for_their_types<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let mut tx = client.begin().await?;
    let sql = "select mood, email from person where id = 1";
    let mut cursor = tx.cursor::<(String, String)>("c", sql, ()).await?;
    assert_eq!(cursor.fetch(Towards::ForwardAll).await?, [("so so".to_owned(), "A@b".to_owned())]);
    drop(cursor);
    tx.commit().await?;
    still_answers(client).await
}

async fn rows_of_a_transactions_last_statements_wait_for_their_types<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let mood =
        || pipeline::query_one::<(String,), _>("insert into person (mood) values ('sad') returning mood", ());
    let email = || pipeline::query::<(String,), _>("select email from person where id = 1", ());
    let tx = client.begin().await?;
    assert_eq!(tx.commit_with((mood(), email())).await?, (("sad".to_owned(),), vec![("A@b".to_owned(),)]));
    // The types are those of the transaction, which are as good after it.
    let mut tx = client.begin().await?;
    tx.execute("create type shade as enum ('dark')", ()).await?;
    let shade = pipeline::query_one::<(String,), _>("select 'dark'::shade", ());
    assert_eq!(tx.commit_with(shade).await?.0, "dark");
    // Of a savepoint too.
    client.batch_execute("create type taste as enum ('sweet')").await?;
    let mut tx = client.begin().await?;
    let taste = pipeline::query_one::<(String,), _>("select 'sweet'::taste", ());
    assert_eq!(tx.begin().await?.commit_with(taste).await?.0, "sweet");
    tx.commit().await?;
    assert_eq!(client.query_value::<i64>("select count(*) from person", ()).await?, 3);
    still_answers(client).await
}

/// Where in the answer the link ends says what is known: before COMMIT's answer the outcome is not, behind it it is.
async fn a_look_up_that_is_cut_off_is_no_commit_of_unknown_outcome<F: Face>() {
    let database = Server::shared().database();
    database.sql("create type mood as enum ('sad')");
    database.sql("create table entry (mood mood)");
    let relay = Relay::to(&database);
    let sql = "insert into entry values ('sad') returning mood";
    let insert = || pipeline::query_one::<(String,), _>(sql, ());
    let (mut unknown, mut known, mut whole) = (0, 0, false);
    for bytes in (1..2500_u64).step_by(23) {
        let mut client = F::connect(&F::config(&relay.url(&database))).await.unwrap();
        still_answers(&mut client).await.unwrap();
        database.sql("delete from entry");
        let tx = client.begin().await.unwrap();
        relay.cut_after(Direction::ToClient, bytes, Cut::Fin);
        let Err(error) = tx.commit_with(insert()).await else {
            whole = true;
            break;
        };
        match error.kind() {
            ErrorKind::CommitUnknown => unknown += 1,
            _ => {
                known += 1;
                assert!(error.to_string().starts_with("the transaction was committed"), "{error}");
                assert_eq!(database.sql("select count(*) from entry")[0][0].as_deref(), Some("1"));
            }
        }
    }
    assert!(unknown > 0 && known > 0 && whole, "{unknown} {known} {whole}");
}

pg_tests::each_client!(a_look_up_that_is_cut_off_is_no_commit_of_unknown_outcome);

async fn in_a_transaction_the_error_of_a_part_is_not_hidden_by_types<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let mut tx = client.begin().await?;
    // The first part's rows wait for a type, which can't be looked up once the second has failed.
    let parts = (
        pipeline::query_one::<(String,), _>("select mood from person where id = 1", ()),
        pipeline::execute("select 1 / $1", (0_i32,)),
    );
    let (mood, division) = tx.pipeline_each(parts).await?;
    assert_eq!(division.unwrap_err().sqlstate().unwrap().code(), "22012");
    assert_eq!(mood.unwrap_err().sqlstate().unwrap().code(), "25P02");
    drop(tx);
    // The first can't even be described, and the second needs a type.
    let mut tx = client.begin().await?;
    let unknown: [&(dyn pg_core::Parameter + Sync); 1] = [&1_i32];
    let parts = (
        pipeline::execute("delete from missing where id = $1", &unknown[..]),
        pipeline::query_one::<(Colour,), _>("select 'red'::colour", ()),
    );
    client_has_colour(&mut tx).await?;
    let (missing, colour) = tx.pipeline_each(parts).await?;
    assert_eq!(missing.unwrap_err().sqlstate().unwrap().code(), "42P01");
    assert_eq!(colour.unwrap_err().sqlstate().unwrap().code(), "25P02");
    drop(tx);
    still_answers(client).await
}

#[derive(Debug, PartialEq, ToSql, FromSql)]
#[pg(name = "colour")]
struct Colour {
    red: i32,
}

async fn client_has_colour<S: Session>(client: &mut S) -> Result<()> {
    client.batch_execute("create type colour as (red int4)").await
}

async fn rows_that_are_given_away_have_their_types_first<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let mut seen = Vec::new();
    client
        .for_each("select * from person order by id", (), |person: Person| {
            seen.push(person);
            Ok(())
        })
        .await?;
    assert_eq!(seen, people());
    client.batch_execute("create type colour as enum ('red', 'green')").await?;
    let sql = "select c, array[c] from unnest('{red,green}'::colour[]) c";
    let mut rows = client.stream_as::<(&str, Vec<&str>)>(sql, ()).await?;
    let mut colours = Vec::new();
    while let Some((colour, list)) = rows.next_as::<(&str, Vec<&str>)>().await? {
        assert_eq!(list, [colour]);
        colours.push(colour.to_owned());
    }
    assert_eq!(colours, ["red", "green"]);
    still_answers(client).await
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "inet", text)]
struct Host(std::net::IpAddr);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "home", domain)]
struct Home(Host);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "address", domain)]
struct Address(String);

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
enum Shade {
    Dark,
}

/// Reads a value that is given away, by both ways, knowing nothing of the types.
async fn given_away<S: Session, T>(client: &mut S, sql: &str, wanted: T) -> Result<()>
where
    T: TypecasterOwned + PartialEq + Debug + Send + Sync,
{
    let within = |way: &'static str| move |error: Error| error.within(format_args!("{way} of {sql}"));
    client.refresh(&Registry::new()).await?;
    for _ in 0..2 {
        let check = |(read,): (T,)| {
            assert_eq!(read, wanted);
            Ok(())
        };
        assert_eq!(client.for_each(sql, (), check).await.map_err(within("for_each"))?, 1);
    }
    client.refresh(&Registry::new()).await?;
    let sql = format!("{sql} as other");
    for _ in 0..2 {
        let mut rows = client.stream_as::<(T,)>(&sql, ()).await.map_err(within("stream_as"))?;
        let row: Option<(T,)> = rows.next_as().await.map_err(within("stream_as"))?;
        assert_eq!(row.expect("a row").0, wanted);
    }
    Ok(())
}

/// Domains and enums that nobody has asked for yet, as elements: rows that are given away can't wait for them.
async fn arrays_of_created_types_are_given_away_from_the_first_run_on<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client
        .batch_execute(
            "create domain home as inet; create domain address as text; create type shade as enum ('dark');
             create domain digit as int4; create type pair as (n digit, list address[])",
        )
        .await?;
    let host = || Host([10, 0, 0, 1].into());
    given_away(client, "select '10.0.0.1'::home", Home(host())).await?;
    given_away(client, "select '{10.0.0.1}'::home[]", vec![Home(host())]).await?;
    given_away(client, "select '{10.0.0.1}'::home[]", vec![host()]).await?;
    given_away(client, "select '{{10.0.0.1}}'::home[]", vec![vec![Some(Home(host()))]]).await?;
    given_away(client, "select '{a}'::address[]", vec![Address("a".to_owned())]).await?;
    given_away(client, "select '{a}'::address[]", vec!["a".to_owned()]).await?;
    given_away(client, "select '{dark}'::shade[]", vec![Shade::Dark]).await?;
    given_away(client, "select '{1,2}'::digit[]", vec![1, 2]).await?;
    given_away(client, "select array_fill('1'::digit, '{1,1}'::int4[])", vec![vec![1]]).await?;
    given_away(client, "select row(1, '{a}')::pair", (1, vec!["a".to_owned()])).await?;
    given_away(client, "select array[row(1, '{a}')::pair]", vec![(1, vec![Address("a".to_owned())])]).await?;
    still_answers(client).await
}

async fn what_no_string_reads_is_named_by_the_first_run<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    for _ in 0..2 {
        let error = client.query_value::<String>("select bag from person", ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(
            error.message().contains("the SQL type is public.hstore, but String stands for text"),
            "{error}"
        );
        assert!(error.cure().unwrap().contains("`... :: text`"), "{error}");
        let error = client.query_value::<i64>("select mood from person", ()).await.unwrap_err();
        assert!(error.message().contains("the SQL type is public.mood"), "{error}");
    }
    assert_eq!(
        client.query_value::<String>("select bag::text from person where id = 1", ()).await?,
        "\"a\"=>\"1\""
    );
    still_answers(client).await
}

#[derive(Debug, PartialEq, ToSql, FromSql)]
#[pg(domain)]
struct Price(pg_core::types::money::Money);

async fn a_domain_over_money_is_sent_from_the_first_run_on<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create domain price as money check (value > '0'::money)").await?;
    for cents in [1999, 2000] {
        let price = Price(pg_core::types::money::Money(cents));
        let (back, numeric): (Price, String) =
            client.query_one("select $1, ($1::numeric * 100)::int8::text", (&price,)).await?;
        assert_eq!((&back, numeric.as_str()), (&price, cents.to_string().as_str()));
        let list: Vec<Price> = client.query_value("select array[$1]", (&price,)).await?;
        assert_eq!(list, [price]);
    }
    still_answers(client).await
}

pg_tests::both_clients!(
    strings_read_created_types_from_the_first_run_on,
    rows_of_all_kinds_wait_for_their_types,
    what_changes_something_is_run_once,
    parts_of_a_pipeline_wait_for_their_types,
    rows_of_a_cursor_wait_for_their_types,
    rows_of_a_transactions_last_statements_wait_for_their_types,
    in_a_transaction_the_error_of_a_part_is_not_hidden_by_types,
    rows_that_are_given_away_have_their_types_first,
    arrays_of_created_types_are_given_away_from_the_first_run_on,
    what_no_string_reads_is_named_by_the_first_run,
    a_domain_over_money_is_sent_from_the_first_run_on,
);
