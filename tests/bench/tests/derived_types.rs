//! Types that derive this project's `ToSql` and `FromSql` are values of tokio-postgres too: against a real server, as
//! parameters, columns and elements of arrays, and inside each other.
//!
//! It stands here since tokio-postgres is a heavy guest: `cargo test --manifest-path tests/bench/Cargo.toml
//! --no-default-features`.

use pg_async::pg_core::types::native::AsToSql;
use pg_async::pg_core::types::numeric::Numeric;
use pg_async::pg_core::types::range::Range;
use pg_async::{FromSql, ToSql};
use pg_tests::server::Server;
use std::fmt::Debug;
use tokio_postgres::types as native;
use tokio_postgres::{Client, NoTls};

const SCHEMA: &str = r#"
    create type mood as enum ('sad', 'so so', 'happy');
    create domain email as text check (value like '%@%');
    create schema shop;
    create type shop.item as (tags text[], mood mood, name text, "unit price" int8);
    create type shop.basket as (items shop.item[], owner email);
"#;

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
enum Mood {
    Sad,
    #[pg(name = "so so")]
    Middling,
    Happy,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(domain)]
struct Email(String);

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(transparent)]
struct Id(i64);

/// Its fields in another order than the server's attributes.
#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(schema = "shop")]
struct Item {
    name: String,
    #[pg(name = "unit price")]
    price: Id,
    mood: Option<Mood>,
    tags: Vec<Option<String>>,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(schema = "shop")]
struct Basket {
    owner: Email,
    items: Vec<Item>,
}

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(name = "point", packed)]
struct Point {
    x: f64,
    y: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(repr = i16)]
enum Level {
    Low = 1,
    High = 9,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(text)]
enum Colour {
    Red,
    Green,
}

fn item(name: &str, mood: Option<Mood>) -> Item {
    Item { name: name.to_owned(), price: Id(-7), mood, tags: vec![Some("a,\"b\"".to_owned()), None] }
}

/// Runs a test with a connection to a database of its own.
fn with_client<F: Future<Output = Result<(), tokio_postgres::Error>>>(test: impl FnOnce(Client) -> F) {
    let database = Server::shared().database();
    database.sql(SCHEMA);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await?;
        let connection = tokio::spawn(connection);
        test(client).await?;
        connection.await.unwrap()
    });
    outcome.unwrap_or_else(|e| panic!("{e:?}"));
}

/// Sends a value as `type_` and gets it back, and the server's text of it; then an array of it and NULL.
async fn comes_back<T>(
    client: &Client,
    type_: &str,
    value: T,
    text: &str,
) -> Result<(), tokio_postgres::Error>
where
    T: native::ToSql + for<'a> native::FromSql<'a> + Debug + PartialEq + Clone + Sync,
{
    let sql = format!("select $1::{type_}, $1::{type_}::text");
    let row = client.query_one(&sql, &[&value]).await?;
    assert_eq!((row.try_get::<_, T>(0)?, row.get::<_, &str>(1)), (value.clone(), text), "{type_}");
    let row = client.query_one(&sql, &[&None::<T>]).await?;
    assert_eq!(row.try_get::<_, Option<T>>(0)?, None, "{type_}");
    let list = vec![Some(value.clone()), None, Some(value)];
    let row = client.query_one(&format!("select $1::{type_}[]"), &[&list]).await?;
    assert_eq!(row.try_get::<_, Vec<Option<T>>>(0)?, list, "{type_}[]");
    Ok(())
}

#[test]
fn derived_types_come_back_as_they_went() {
    with_client(|client| async move {
        comes_back(&client, "mood", Mood::Middling, "so so").await?;
        comes_back(&client, "email", Email("a@b".to_owned()), "a@b").await?;
        comes_back(&client, "int8", Id(i64::MIN), "-9223372036854775808").await?;
        comes_back(&client, "point", Point { x: 0.5, y: -1.0 }, "(0.5,-1)").await?;
        comes_back(&client, "int2", Level::High, "9").await?;
        comes_back(&client, "text", Colour::Green, "green").await?;
        let text = r#"("{""a,\\""b\\"""",NULL}","so so",lamp,-7)"#;
        comes_back(&client, "shop.item", item("lamp", Some(Mood::Middling)), text).await?;
        let basket = Basket {
            owner: Email("a@b".to_owned()),
            items: vec![item("a", Some(Mood::Sad)), item("", None)],
        };
        let row = client.query_one("select $1::shop.basket::text", &[&basket]).await?;
        comes_back(&client, "shop.basket", basket, row.get(0)).await
    });
}

#[test]
fn derived_types_are_found_by_what_is_stored() {
    with_client(|client| async move {
        client
            .batch_execute(
                "create table person (id int8, mood mood, mails email[], has shop.item, levels int2[])",
            )
            .await?;
        let insert = "insert into person values ($1, $2, $3, $4, $5)";
        let mails = vec![Email("a@b".to_owned()), Email("c@d".to_owned())];
        let has = item("lamp", Some(Mood::Happy));
        client.execute(insert, &[&Id(1), &Mood::Happy, &mails, &has, &vec![Level::Low, Level::High]]).await?;
        client
            .execute(insert, &[&Id(2), &Mood::Sad, &Vec::<Email>::new(), &None::<Item>, &Vec::<Level>::new()])
            .await?;
        let rows = client
            .query("select * from person where mood = $1 and has = $2::shop.item", &[&Mood::Happy, &has])
            .await?;
        let [row] = &rows[..] else { panic!("{} rows", rows.len()) };
        assert_eq!((row.get::<_, Id>(0), row.get::<_, Mood>(1)), (Id(1), Mood::Happy));
        assert_eq!((row.get::<_, Vec<Email>>(2), row.get::<_, Item>(3)), (mails, has));
        assert_eq!(row.get::<_, Vec<Level>>(4), [Level::Low, Level::High]);
        let row = client.query_one("select has, mails from person where id = $1", &[&Id(2)]).await?;
        assert_eq!((row.get::<_, Option<Item>>(0), row.get::<_, Vec<Email>>(1)), (None, vec![]));
        Ok(())
    });
}

#[test]
fn what_does_not_fit_is_an_error_and_no_other_value() {
    with_client(|client| async move {
        // Another type, another label, an attribute that the Rust type doesn't know.
        assert!(client.query_one("select $1::int4", &[&Mood::Sad]).await.is_err());
        assert!(client.query_one("select 1::int4", &[]).await?.try_get::<_, Id>(0).is_err());
        client.batch_execute("alter type mood add value 'angry'; create domain age as int4").await?;
        assert!(client.query_one("select 'angry'::mood", &[]).await?.try_get::<_, Mood>(0).is_err());
        assert!(client.query_one("select null::mood", &[]).await?.try_get::<_, Mood>(0).is_err());
        assert!(client.query_one("select 1::age", &[]).await?.try_get::<_, Email>(0).is_err());
        client.batch_execute("alter type shop.item add attribute more int4").await?;
        let row = client.query_one("select row(null, null, 'a', 1, 2)::shop.item", &[]).await?;
        assert!(row.try_get::<_, Item>(0).is_err());
        Ok(())
    });
}

/// What has none of postgres-types' traits goes through `AsToSql`.
#[test]
fn other_values_of_ours_are_parameters_of_theirs() {
    with_client(|client| async move {
        let range: Range<Numeric> = "[1.5,2.5)".parse().unwrap();
        let row = client.query_one("select $1::numrange::text", &[&AsToSql(range)]).await?;
        assert_eq!(row.get::<_, &str>(0), "[1.5,2.5)");
        Ok(())
    });
}
