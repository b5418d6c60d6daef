//! Types that the catalog must tell: found by themselves at first use, once, and shared by the connections of a registry.

use pg_core::{FromSql, Registry, Result, Session, ToSql};
use pg_tests::clients::{self, pg_async, pg_blocking, still_answers};
use pg_tests::relay::Relay;
use pg_tests::server::{Database, Server};

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(name = "mood", rename_all = "snake_case")]
enum Mood {
    Sad,
    VeryHappy,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "item", schema = "shop")]
struct Item {
    name: String,
    mood: Mood,
    point: Option<Point>,
}

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(name = "point", packed)]
struct Point {
    x: f64,
    y: f64,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "email", domain)]
struct Email(String);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "thing")]
struct Thing {
    n: i32,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "thing", schema = "other")]
struct OtherThing {
    s: String,
}

const SCHEMA: &str = "create type mood as enum ('sad', 'very_happy'); create schema shop;
    create type shop.item as (point point, mood mood, name text); create domain email as text check (value like '%@%');
    create table orders (items shop.item[], mood mood, email email, emails email[])";

fn item() -> Item {
    Item { name: "a \"b\", (c)".to_owned(), mood: Mood::VeryHappy, point: Some(Point { x: 0.5, y: -1.0 }) }
}

async fn types_register_themselves_at_first_use<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let items = vec![item(), Item { point: None, ..item() }];
    let emails = vec![Email("a@b".to_owned()), Email("c@d".to_owned())];
    // As a parameter first, as a result first: neither was ever heard of.
    let insert = "insert into orders values ($1, $2, $3, $4)";
    for _ in 0..2 {
        assert_eq!(client.execute(insert, (&items, Mood::Sad, &emails[0], &emails)).await?, 1);
        type Order = (Vec<Item>, Mood, Email, Vec<Email>);
        let orders: Vec<Order> = client.query("select * from orders limit 1", ()).await?;
        assert_eq!(orders, [(items.clone(), Mood::Sad, emails[0].clone(), emails.clone())]);
        assert_eq!(
            client
                .query_value::<i64>("select count(*) from orders where mood = $1", (Mood::VeryHappy,))
                .await?,
            0
        );
    }
    // A domain's own check is the server's.
    let error =
        client.execute(insert, (&items, Mood::Sad, Email("nobody".to_owned()), &emails)).await.unwrap_err();
    assert!(error.is_check_violation());
    still_answers(client).await
}

async fn a_result_may_be_the_first_to_need_a_type<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let sql = "select array[row('(0.5,-1)', 'very_happy', 'a \"b\", (c)')::shop.item]";
    assert_eq!(client.query_value::<Vec<Item>>(sql, ()).await?, [item()]);
    assert_eq!(client.query_value::<Mood>("select 'sad'::mood", ()).await?, Mood::Sad);
    assert_eq!(
        client.query_value::<Vec<Option<Mood>>>("select '{sad,null}'::mood[]", ()).await?,
        [Some(Mood::Sad), None]
    );
    assert_eq!(client.query_value::<Email>("select 'a@b'::email", ()).await?, Email("a@b".to_owned()));
    assert_eq!(
        client.query_value::<Vec<Email>>("select '{a@b}'::email[]", ()).await?,
        [Email("a@b".to_owned())]
    );
    still_answers(client).await
}

async fn an_enum_beside_a_composite_comes_back_as_itself<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    for _ in 0..2 {
        // Alone it needs no look-up: it goes as text of inferred type, comes back as text, and is read from that.
        assert_eq!(client.query_value::<Mood>("select $1", (Mood::VeryHappy,)).await?, Mood::VeryHappy);
        let row: (Item, Mood) = client.query_one("select $1, $2", (item(), Mood::VeryHappy)).await?;
        assert_eq!(row, (item(), Mood::VeryHappy));
    }
    // Now that it was looked up with the other, it is sent as what it is.
    assert_eq!(client.query_value::<String>("select pg_typeof($1)::text", (Mood::Sad,)).await?, "mood");
    let moods: Vec<Mood> = client.query_values("select unnest('{sad,very_happy}'::text[])", ()).await?;
    assert_eq!(moods, [Mood::Sad, Mood::VeryHappy]);
    let error = client.query_value::<Mood>("select 'glad'::text", ()).await.unwrap_err();
    assert!(error.message().contains("mood has the label \"glad\""), "{error}");
    still_answers(client).await
}

async fn types_of_one_name_in_two_schemas_are_two<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client
        .batch_execute(
            "create schema other; create type other.thing as (s text); create type thing as (n int4)",
        )
        .await?;
    let (thing, other) = (Thing { n: 1 }, OtherThing { s: "x".to_owned() });
    for _ in 0..2 {
        assert_eq!(
            client.query_one::<(Thing, OtherThing)>("select $1, $2", (&thing, &other)).await?,
            (thing.clone(), other.clone())
        );
        let error = client.query_value::<Thing>("select $1", (&other,)).await.unwrap_err();
        assert!(
            error.message().contains("the SQL type is other.thing, but Thing stands for thing"),
            "{error}"
        );
        still_answers(client).await?;
    }
    assert_eq!(client.query_value::<String>("select pg_typeof($1)::text", (&other,)).await?, "other.thing");
    still_answers(client).await
}

async fn the_search_path_says_which_type_is_meant<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client
        .batch_execute("create schema other; create type other.thing as (n int4); set search_path to other")
        .await?;
    assert_eq!(client.query_value::<Thing>("select $1", (Thing { n: 5 },)).await?, Thing { n: 5 });
    assert_eq!(
        client.query_value::<String>("select pg_typeof($1)::oid::regtype::text", (Thing { n: 5 },)).await?,
        "thing"
    );
    still_answers(client).await
}

pg_tests::both_clients!(
    types_register_themselves_at_first_use,
    a_result_may_be_the_first_to_need_a_type,
    an_enum_beside_a_composite_comes_back_as_itself,
    types_of_one_name_in_two_schemas_are_two,
    the_search_path_says_which_type_is_meant,
);

/// Round trips of a statement.
async fn trips<T>(relay: &Relay, statement: impl Future<Output = Result<T>>) -> u64 {
    relay.reset();
    statement.await.unwrap();
    relay.round_trips()
}

/// The first statement that needs a type asks the catalog; nothing after it does, on any connection.
async fn the_catalog_is_asked_once<S: Session>(first: &mut S, second: &mut S, relay: &Relay) {
    let sql = "select $1, $2::mood";
    let run = async |client: &mut S| client.query_one::<(Item, Mood)>(sql, (item(), Mood::Sad)).await;
    assert_eq!(trips(relay, run(first)).await, 2, "the catalog, and the statement");
    assert_eq!(trips(relay, run(first)).await, 1);
    assert_eq!(trips(relay, run(second)).await, 1, "the other connection has told");
    // A type that was named to the registry came along.
    let email = async |client: &mut S| {
        client.query_value::<Vec<Email>>("select $1", (vec![Email("a@b".to_owned())],)).await
    };
    assert_eq!(trips(relay, email(first)).await, 1);
    still_answers(first).await.unwrap();
    still_answers(second).await.unwrap();
}

#[test]
fn connections_of_a_registry_share_what_the_catalog_told() {
    let database = Server::shared().database();
    database.sql(SCHEMA);
    let relay = Relay::to(&database);
    let registry = || Registry::new().with::<Mood>().with::<Item>().with::<Email>();

    let config = pg_blocking::Config::new(&relay.url(&database)).unwrap().registry(registry());
    let (mut first, mut second) = (config.connect().unwrap(), config.connect().unwrap());
    pg_blocking::complete(the_catalog_is_asked_once(&mut first, &mut second, &relay));

    clients::block_on(async {
        let config = pg_async::Config::new(&relay.url(&database)).unwrap().registry(registry());
        let (mut first, mut second) = (config.connect().await.unwrap(), config.connect().await.unwrap());
        the_catalog_is_asked_once(&mut first, &mut second, &relay).await;
    });
}

#[test]
fn a_connection_that_knows_the_old_type_does_not_spread_it() {
    let database = Server::shared().database();
    database.sql("create type thing as (n int4); create type shop_thing as (n int4)");
    let config = pg_blocking::Config::new(&database.url()).unwrap().registry(Registry::new());
    let (mut stale, mut fresh) = (config.connect().unwrap(), config.connect().unwrap());
    let thing = Thing { n: 1 };
    assert_eq!(stale.query_value::<Thing>("select $1", (&thing,)).unwrap(), thing);
    database.sql("drop type thing; create type thing as (n int4)");
    assert_eq!(
        fresh.query_value::<Thing>("select $1", (&thing,)).unwrap(),
        thing,
        "healed, and told to the registry"
    );
    // The stale connection learns something else, which must not undo that.
    database.sql("create schema other; create type other.thing as (s text)");
    let other = OtherThing { s: "x".to_owned() };
    assert_eq!(stale.query_value::<OtherThing>("select $1", (&other,)).unwrap(), other);
    let mut third = config.connect().unwrap();
    let mut tx = third.begin().unwrap();
    assert_eq!(
        tx.query_value::<Thing>("select $1", (&thing,)).unwrap(),
        thing,
        "nothing could be healed in here"
    );
    tx.commit().unwrap();
    assert_eq!(stale.query_value::<Thing>("select $1", (&thing,)).unwrap(), thing);
}
