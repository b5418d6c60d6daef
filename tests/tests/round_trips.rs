//! How many round trips each operation takes, counted by the relay, under both clients.

use pg_core::exchange::pipeline;
use pg_core::{FromSql, Isolation, Lifecycle, Registry, Row, Session, ToSql, TransactionOptions};
use pg_tests::clients::{Face, still_answers};
use pg_tests::relay::Relay;
use pg_tests::server::{Database, Server};

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "mood", rename_all = "snake_case")]
enum Mood {
    Sad,
    Happy,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "item")]
struct Item {
    name: String,
    mood: Mood,
    earlier: Vec<Mood>,
}

const SCHEMA: &str = "create type mood as enum ('sad', 'happy');
    create type item as (name text, mood mood, earlier mood[]);
    create table entry (n int8)";

/// A database behind a relay, and how clients get there.
struct Counted<F: Face> {
    database: Database,
    relay: Relay,
    registry: Registry,
    face: std::marker::PhantomData<F>,
}

impl<F: Face> Counted<F> {
    fn new() -> Counted<F> {
        let database = Server::shared().database();
        database.sql(SCHEMA);
        let relay = Relay::to(&database);
        Counted { database, relay, registry: Registry::new(), face: std::marker::PhantomData }
    }

    /// Connects with this registry, and counts from there.
    async fn connect(&self) -> F::Client {
        let config = F::config(&self.relay.url(&self.database)).registry(self.registry.clone());
        let client = F::connect(&config).await.unwrap();
        self.relay.reset();
        client
    }

    /// The round trips since it was asked last.
    fn trips(&self) -> u64 {
        let trips = self.relay.round_trips();
        self.relay.reset();
        trips
    }
}

async fn connecting_takes_one<F: Face>() {
    let counted = Counted::<F>::new();
    let config = F::config(&counted.relay.url(&counted.database));
    let client = F::connect(&config).await.unwrap();
    assert_eq!(counted.trips(), 1);
    client.close().await.unwrap();
    assert_eq!(counted.trips(), 0);
}

async fn a_query_takes_one_from_the_first_on<F: Face>() {
    let counted = Counted::<F>::new();
    let mut client = counted.connect().await;
    for _ in 0..3 {
        let rows: Vec<(i64, String)> = client
            .query("select $1::int8, $2 from generate_series(1, 1000)", (7_i64, "seven"))
            .await
            .unwrap();
        assert_eq!((rows.len(), &rows[999]), (1000, &(7, "seven".to_owned())));
        assert_eq!(counted.trips(), 1);
    }
    client.execute("insert into entry values ($1)", (1_i64,)).await.unwrap();
    assert_eq!(counted.trips(), 1);
    client.batch_execute("select 1; select 2").await.unwrap();
    assert_eq!(counted.trips(), 1);
    client.ping().await.unwrap();
    assert_eq!(counted.trips(), 1);
    client.query_one::<(i64,)>("select n from missing", ()).await.unwrap_err();
    assert_eq!(counted.trips(), 1);
}

async fn a_transaction_takes_as_many_as_it_has_statements_and_one<F: Face>() {
    let counted = Counted::<F>::new();
    let mut client = counted.connect().await;
    for _ in 0..2 {
        let mut tx = client.begin().await.unwrap();
        for n in 0..3_i64 {
            tx.execute("insert into entry values ($1)", (n,)).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(counted.trips(), 4);
    }
    // A savepoint travels with its first statement too.
    let mut tx = client.begin().await.unwrap();
    let mut inner = tx.begin().await.unwrap();
    inner.execute("insert into entry values ($1)", (7_i64,)).await.unwrap();
    inner.commit().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(counted.trips(), 3);
}

async fn a_transaction_of_nothing_takes_none<F: Face>() {
    let counted = Counted::<F>::new();
    let mut client = counted.connect().await;
    client.begin().await.unwrap().commit().await.unwrap();
    client.begin().await.unwrap().rollback().await.unwrap();
    drop(client.begin().await.unwrap());
    let mut tx = client.begin().await.unwrap();
    tx.begin().await.unwrap().commit().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(counted.trips(), 0);
    assert_eq!(counted.relay.counts().from_client, 0);
    still_answers(&mut client).await.unwrap();
}

async fn a_composite_with_an_enum_takes_two_once_in_a_registry<F: Face>() {
    let counted = Counted::<F>::new();
    let item = Item { name: "a".to_owned(), mood: Mood::Happy, earlier: vec![Mood::Sad, Mood::Happy] };
    for trips in [2, 1] {
        let mut client = counted.connect().await;
        for trips in [trips, 1] {
            let echoed: (Item, Mood) =
                client.query_one("select $1, $2::mood", (&item, Mood::Sad)).await.unwrap();
            assert_eq!(echoed, (item.clone(), Mood::Sad));
            assert_eq!(counted.trips(), trips);
        }
        // Another statement with the same types has nothing to ask.
        let items: Vec<Item> = client.query_value("select array[$1, $1]", (&item,)).await.unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!(counted.trips(), 1);
    }
}

async fn an_enum_alone_takes_one<F: Face>() {
    let counted = Counted::<F>::new();
    let mut client = counted.connect().await;
    for _ in 0..2 {
        let mood: Mood = client.query_value("select $1::mood", (Mood::Happy,)).await.unwrap();
        assert_eq!(mood, Mood::Happy);
        assert_eq!(counted.trips(), 1);
    }
}

async fn a_string_of_a_created_type_takes_two_once_in_a_registry<F: Face>() {
    let counted = Counted::<F>::new();
    for trips in [2, 1] {
        let mut client = counted.connect().await;
        for trips in [trips, 1] {
            let mood: String = client.query_value("select 'sad'::mood", ()).await.unwrap();
            assert_eq!((mood.as_str(), counted.trips()), ("sad", trips));
        }
    }
}

async fn types_are_looked_up_before_a_transaction_begins<F: Face>() {
    let counted = Counted::<F>::new();
    let mut client = counted.connect().await;
    let item = Item { name: "a".to_owned(), mood: Mood::Happy, earlier: vec![] };
    let mut tx = client.begin().await.unwrap();
    tx.query_value::<Item>("select $1", (&item,)).await.unwrap();
    assert_eq!(counted.trips(), 2);
    tx.commit().await.unwrap();
    assert_eq!(counted.trips(), 1);
}

async fn what_a_registry_names_is_looked_up_with_the_first_of_all<F: Face>() {
    let mut counted = Counted::<F>::new();
    counted.registry = Registry::new().with::<Mood>().with::<Item>();
    let mut client = counted.connect().await;
    assert_eq!(client.query_value::<Mood>("select $1::mood", (Mood::Sad,)).await.unwrap(), Mood::Sad);
    let item = Item { name: "a".to_owned(), mood: Mood::Happy, earlier: vec![] };
    let first = counted.trips();
    assert!(first <= 2, "{first}");
    client.query_value::<Item>("select $1", (&item,)).await.unwrap();
    let second = counted.trips();
    assert_eq!(first + second, 3, "one look-up for both");
    // Another connection of the registry knows them.
    let mut other = counted.connect().await;
    other.query_value::<Item>("select $1", (&item,)).await.unwrap();
    assert_eq!(counted.trips(), 1);
}

async fn dynamic_rows_take_two_and_then_one<F: Face>() {
    let counted = Counted::<F>::new();
    let mut client = counted.connect().await;
    for trips in [2, 1, 1] {
        let rows: Vec<Row> = client.query("select $1::int8 as n, 'a' as a", (7_i64,)).await.unwrap();
        assert_eq!(rows[0].get::<i64>("n").unwrap(), 7);
        assert_eq!(counted.trips(), trips);
    }
}

async fn preparing_ahead_takes_one_and_leaves_one<F: Face>() {
    let counted = Counted::<F>::new();
    let mut client = counted.connect().await;
    client.prepare("select $1::int8 as n").await.unwrap();
    assert_eq!(counted.trips(), 1);
    client.prepare("select $1::int8 as n").await.unwrap();
    assert_eq!(counted.trips(), 0);
    client.query_one::<Row>("select $1::int8 as n", (7_i64,)).await.unwrap();
    assert_eq!(counted.trips(), 1);
}

async fn a_stream_of_a_known_type_takes_one<F: Face>() {
    let counted = Counted::<F>::new();
    let mut client = counted.connect().await;
    for _ in 0..2 {
        let sql = "select g, '\\x7f'::bytea from generate_series(1, $1) g";
        let mut rows = client.stream_as::<(i32, &[u8])>(sql, (20_000_i32,)).await.unwrap();
        let mut count = 0;
        while let Some(row) = rows.next_row().await.unwrap() {
            count = row.get::<(i32, &[u8])>().unwrap().0;
        }
        assert_eq!(count, 20_000);
        assert_eq!(counted.trips(), 1);
    }
    // A string reads types that may have to be looked up, and rows that are given away can't wait for that.
    for trips in [2, 1] {
        let sql = "select g, 'row ' || g from generate_series(1, $1) g";
        let mut rows = client.stream_as::<(i32, &str)>(sql, (3_i32,)).await.unwrap();
        while rows.next_row().await.unwrap().is_some() {}
        assert_eq!(counted.trips(), trips);
    }
    // Of a type that is told later, two the first time.
    for trips in [2, 1] {
        let mut rows = client.stream("select g from generate_series(1, 3) g", ()).await.unwrap();
        while rows.next_row().await.unwrap().is_some() {}
        assert_eq!(counted.trips(), trips);
    }
}

async fn a_pipeline_takes_one_however_long<F: Face>() {
    let counted = Counted::<F>::new();
    let mut client = counted.connect().await;
    let sqls: Vec<String> = (0..100).map(|part| format!("select $1::int8 + {part}")).collect();
    for _ in 0..2 {
        let parts =
            sqls.iter().map(|sql| pipeline::query_one::<(i64,), _>(sql, (1_000_i64,))).collect::<Vec<_>>();
        let sums = client.pipeline(parts).await.unwrap();
        assert_eq!(sums.len(), 100);
        assert_eq!(sums[99], (1_099,));
        assert_eq!(counted.trips(), 1);
    }
    // With the transaction around it, two.
    let insert = |n| pipeline::execute("insert into entry values ($1)", (n,));
    let mut tx = client.begin().await.unwrap();
    tx.pipeline((insert(1_i64), insert(2), insert(3))).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(counted.trips(), 2);
}

async fn a_hundred_inserts_never_prepared_take_one<F: Face>() {
    let counted = Counted::<F>::new();
    let mut client = counted.connect().await;
    for _ in 0..2 {
        let sets = (0..100_i64).map(|n| (n,));
        assert_eq!(client.execute_many("insert into entry values ($1)", sets).await.unwrap(), 100);
        assert_eq!(counted.trips(), 1);
    }
    let parts = (0..100_i64).map(|n| pipeline::execute("insert into entry values ($1 + 1)", (n,)));
    assert_eq!(client.pipeline_each(parts.collect::<Vec<_>>()).await.unwrap().len(), 100);
    assert_eq!(counted.trips(), 1);
    // Under the BEGIN of a transaction, too.
    let mut tx = client.begin().await.unwrap();
    tx.execute_many("insert into entry values ($1 + 2)", (0..100_i64).map(|n| (n,))).await.unwrap();
    assert_eq!(counted.trips(), 1);
    tx.rollback().await.unwrap();
}

async fn a_commit_that_travels_with_the_last_statement_saves_one<F: Face>() {
    let counted = Counted::<F>::new();
    let mut client = counted.connect().await;
    let insert = |n: i64| pipeline::execute("insert into entry values ($1)", (n,));
    for _ in 0..2 {
        let mut tx = client.begin().await.unwrap();
        for n in 0..2_i64 {
            tx.execute("insert into entry values ($1)", (n,)).await.unwrap();
        }
        tx.commit_with(insert(2)).await.unwrap();
        assert_eq!(counted.trips(), 3);
        // The whole transaction in one.
        let options = TransactionOptions::default().isolation(Isolation::Serializable);
        let tx = client.begin_with(options).await.unwrap();
        tx.commit_with((insert(0), insert(1), insert(2))).await.unwrap();
        assert_eq!(counted.trips(), 1);
    }
    assert_eq!(client.query_value::<i64>("select count(*) from entry", ()).await.unwrap(), 12);
}

async fn dropped_rows_are_read_away_with_what_is_there<F: Face>() {
    let counted = Counted::<F>::new();
    let mut client = counted.connect().await;
    let mut rows = client.stream_as::<(i32,)>("select g from generate_series(1, 10) g", ()).await.unwrap();
    rows.next_row().await.unwrap();
    still_answers(&mut client).await.unwrap();
    assert_eq!(counted.trips(), 3);
}

pg_tests::each_client!(
    connecting_takes_one,
    a_query_takes_one_from_the_first_on,
    a_transaction_takes_as_many_as_it_has_statements_and_one,
    a_transaction_of_nothing_takes_none,
    a_composite_with_an_enum_takes_two_once_in_a_registry,
    an_enum_alone_takes_one,
    a_string_of_a_created_type_takes_two_once_in_a_registry,
    types_are_looked_up_before_a_transaction_begins,
    what_a_registry_names_is_looked_up_with_the_first_of_all,
    dynamic_rows_take_two_and_then_one,
    preparing_ahead_takes_one_and_leaves_one,
    a_stream_of_a_known_type_takes_one,
    a_pipeline_takes_one_however_long,
    a_hundred_inserts_never_prepared_take_one,
    a_commit_that_travels_with_the_last_statement_saves_one,
    dropped_rows_are_read_away_with_what_is_there,
);
