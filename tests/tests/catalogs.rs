//! What a name means depends on the server, the database and the search path: connections of one registry share what
//! they learn with those that see the same, and with nobody else.

use pg_core::types::run_time::CodecContext;
use pg_core::types::via::{Via, via};
use pg_core::types::{Kind, Type};
use pg_core::{Error, FromSql, Registry, Result, Session, ToSql};
use pg_tests::clients::{self, Face, pg_async, pg_blocking, still_answers};
use pg_tests::relay::Relay;
use pg_tests::server::{Database, Options, Server};

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "thing")]
struct Thing {
    n: i32,
}

const ONE: Thing = Thing { n: 1 };

/// Which type the server takes a `Thing` for.
const WHICH: &str = "select $1, pg_typeof($1)::oid";

async fn which<S: Session>(client: &mut S) -> Result<u32> {
    let (thing, oid): (Thing, u32) = client.query_one(WHICH, (&ONE,)).await?;
    assert_eq!(thing, ONE);
    Ok(oid)
}

fn oid_of(database: &Database, type_name: &str) -> u32 {
    let rows = database.sql(&format!("select '{type_name}'::regtype::oid"));
    rows[0][0].as_deref().and_then(|oid| oid.parse().ok()).expect("an OID")
}

/// Two schemas with a `thing` each.
const TWO_SCHEMAS: &str = "create schema alpha; create schema beta; create type alpha.thing as (n int4);
    create type beta.thing as (n int4); grant usage on schema alpha, beta to public";

/// A role of a database's own, with a search path, for as long as the test runs.
struct Role<'d>(&'d Database, String);

impl<'d> Role<'d> {
    fn with_path(database: &'d Database, path: &str) -> Role<'d> {
        let name = format!("{}_{path}", database.name());
        database.sql(&format!("create role {name} login; alter role {name} set search_path to {path}"));
        Role(database, name)
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        self.0.sql(&format!("drop role {}", self.1));
    }
}

/// Two databases whose types of one name have different OIDs, two roles whose search paths find different ones, and 16
/// connections for each of the four.
async fn sixty_four_connections_ask_four_times<F: Face>() {
    let databases = [Server::shared().database(), Server::shared().database()];
    databases[1].sql("create type first as (n int4)");
    databases.iter().for_each(|database| drop(database.sql(TWO_SCHEMAS)));
    let registry = Registry::new();
    let relays = [Relay::to(&databases[0]), Relay::to(&databases[1])];
    let roles: Vec<Role<'_>> =
        ["alpha", "beta"].into_iter().map(|path| Role::with_path(&databases[0], path)).collect();
    let mut connections = Vec::new();
    for round in 0..16 {
        for (database, relay) in databases.iter().zip(&relays) {
            for (role, path) in roles.iter().zip(["alpha", "beta"]) {
                let config = F::config(&relay.url(database)).user(&role.1).registry(registry.clone());
                let client = F::connect(&config).await.unwrap_or_else(|e| panic!("{round}: {e}"));
                connections.push((client, oid_of(database, &format!("{path}.thing"))));
            }
        }
    }
    assert_eq!(connections.len(), 64);
    let meant: std::collections::BTreeSet<u32> = connections.iter().map(|(_, oid)| *oid).collect();
    assert_eq!(meant.len(), 4, "a name means four types");
    let trips = || relays.iter().map(Relay::round_trips).sum::<u64>();
    for run in [64 + 4, 64] {
        relays.iter().for_each(Relay::reset);
        for (client, oid) in &mut connections {
            assert_eq!(which(client).await.unwrap(), *oid);
        }
        assert_eq!(trips(), run, "a statement each, and four look-ups in the first run");
    }
    drop(connections);
}

/// Two servers whose databases, schemas and types have the same names, and their databases the same OID: only the system
/// identifier tells them apart.
async fn two_servers_of_the_same_names_are_two_places<F: Face>() {
    let servers = [Options::new(), Options::new().own_identifier()].map(|o| Server::start(o).unwrap());
    let registry = Registry::new();
    let mut connections = Vec::new();
    for (server, before) in servers.iter().zip(["", "create type first as (n int4);"]) {
        let config = F::config(&server.url()).registry(registry.clone());
        let mut client = F::connect(&config).await.unwrap();
        client.batch_execute(&format!("{before} create type thing as (n int4)")).await.unwrap();
        connections.push((config, client));
    }
    let own = "select (select system_identifier::text from pg_control_system()),
        (select oid from pg_database where datname = current_database()), 'thing'::regtype::oid::int8";
    let mut seen = Vec::new();
    for (_, client) in &mut connections {
        let (system, database, thing): (String, u32, i64) = client.query_one(own, ()).await.unwrap();
        seen.push((system, database));
        // First the connection that asks, then one that believes what it was told.
        for _ in 0..2 {
            assert_eq!(i64::from(which(client).await.unwrap()), thing);
        }
    }
    assert!(seen[0].0 != seen[1].0 && seen[0].1 == seen[1].1, "{seen:?}");
    for (config, client) in &mut connections {
        let thing: i64 = client.query_value("select 'thing'::regtype::oid::int8", ()).await.unwrap();
        let mut next = F::connect(config).await.unwrap();
        assert_eq!(i64::from(which(&mut next).await.unwrap()), thing);
        assert_eq!(i64::from(which(client).await.unwrap()), thing);
    }
}

pg_tests::each_client!(two_servers_of_the_same_names_are_two_places);

/// All at once: nobody waits for another's look-up, nobody asks twice, and nobody takes another's answer.
#[test]
fn sixty_four_threads_mix_nothing_up() {
    let database = Server::shared().database();
    database.sql(TWO_SCHEMAS);
    let registry = Registry::new();
    let relay = Relay::to(&database);
    let meant = [("alpha", oid_of(&database, "alpha.thing")), ("beta", oid_of(&database, "beta.thing"))];
    let mut clients = Vec::new();
    for number in 0..64 {
        let (path, oid) = meant[number % 2];
        let url = relay.url_with(&database, &format!("options=-csearch_path%3D{path}"));
        let config = pg_blocking::Config::new(&url).unwrap().registry(registry.clone());
        clients.push((config.connect().unwrap(), oid));
    }
    relay.reset();
    std::thread::scope(|scope| {
        for (client, oid) in &mut clients {
            scope.spawn(move || {
                for _ in 0..3 {
                    assert_eq!(pg_blocking::complete(which(client)).unwrap(), *oid);
                }
            });
        }
    });
    let trips = relay.round_trips();
    assert!((3 * 64 + 2..=3 * 64 + 64).contains(&trips), "{trips} round trips");
}

async fn a_search_path_that_is_set_is_followed<S: Session>(
    client: &mut S,
    database: &Database,
) -> Result<()> {
    client.batch_execute(TWO_SCHEMAS).await?;
    let (alpha, beta) = (oid_of(database, "alpha.thing"), oid_of(database, "beta.thing"));
    client.batch_execute("set search_path to alpha").await?;
    assert_eq!(which(client).await?, alpha);
    client.execute("set search_path to beta", ()).await?;
    assert_eq!(which(client).await?, beta);
    // Only for a transaction, whichever way it ends.
    for commits in [true, false] {
        let mut tx = client.begin().await?;
        assert_eq!(which(&mut tx).await?, beta);
        tx.batch_execute("set local search_path to alpha").await?;
        assert_eq!(which(&mut tx).await?, alpha);
        if commits {
            tx.commit().await?
        } else {
            tx.rollback().await?
        }
        assert_eq!(which(client).await?, beta);
    }
    // A savepoint's end undoes it too.
    let mut tx = client.begin().await?;
    let mut inner = tx.begin().await?;
    inner.batch_execute("set search_path to alpha").await?;
    assert_eq!(which(&mut inner).await?, alpha);
    inner.rollback().await?;
    assert_eq!(which(&mut tx).await?, beta);
    tx.commit().await?;
    // A schema of the path that is made later comes in between.
    client.batch_execute("set search_path to gamma, beta").await?;
    assert_eq!(which(client).await?, beta);
    client.batch_execute("create schema gamma; create type gamma.thing as (n int4)").await?;
    let gamma = oid_of(database, "gamma.thing");
    assert_eq!(which(client).await?, gamma);
    client.batch_execute("drop schema gamma cascade").await?;
    assert_eq!(which(client).await?, beta);
    // What everything is reset to has no such type.
    client.batch_execute("discard all").await?;
    let error = which(client).await.unwrap_err();
    assert!(error.message().contains("the type \"thing\" does not exist in the search path"), "{error}");
    if Server::shared().major() >= 18 {
        // From here on the server reports it, however it was changed.
        client.execute("select set_config('search_path', 'alpha', false)", ()).await?;
        assert_eq!(which(client).await?, alpha);
        client.execute("select set_config('search_path', 'beta', false)", ()).await?;
        assert_eq!(which(client).await?, beta);
    }
    still_answers(client).await
}

async fn what_is_set_on_one_connection_means_nothing_to_another<F: Face>() {
    let database = Server::shared().database();
    database.sql(TWO_SCHEMAS);
    database.sql("create type thing as (n int4)");
    let config = F::config(&database.url()).registry(Registry::new());
    let (mut one, mut other) = (F::connect(&config).await.unwrap(), F::connect(&config).await.unwrap());
    one.batch_execute("set search_path to beta").await.unwrap();
    assert_eq!(which(&mut one).await.unwrap(), oid_of(&database, "beta.thing"));
    assert_eq!(which(&mut other).await.unwrap(), oid_of(&database, "public.thing"));
    let mut third = F::connect(&config).await.unwrap();
    assert_eq!(which(&mut third).await.unwrap(), oid_of(&database, "public.thing"));
    // A temporary type comes before all others, and is nobody else's.
    one.batch_execute("create temporary table thing (n int4)").await.unwrap();
    one.batch_execute("set search_path to public").await.unwrap();
    let own = which(&mut one).await.unwrap();
    assert_ne!(own, oid_of(&database, "public.thing"));
    let mut fourth = F::connect(&config).await.unwrap();
    assert_eq!(which(&mut fourth).await.unwrap(), oid_of(&database, "public.thing"));
}

async fn what_a_transaction_sees_is_its_own_until_commit<F: Face>() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let config = F::config(&relay.url(&database)).registry(Registry::new());
    let (mut one, mut other) = (F::connect(&config).await.unwrap(), F::connect(&config).await.unwrap());
    // Rolled back: never was.
    let mut tx = one.begin().await.unwrap();
    tx.batch_execute("create type thing as (n int4)").await.unwrap();
    let gone = which(&mut tx).await.unwrap();
    let error = which(&mut other).await.unwrap_err();
    assert!(error.message().contains("does not exist"), "{error}");
    tx.rollback().await.unwrap();
    let error = which(&mut one).await.unwrap_err();
    assert!(error.message().contains("does not exist"), "{error}");
    // Committed: from then on everybody's, without another look-up.
    let mut tx = one.begin().await.unwrap();
    tx.batch_execute("create type thing as (n int4)").await.unwrap();
    let made = which(&mut tx).await.unwrap();
    assert_ne!(made, gone);
    tx.commit().await.unwrap();
    relay.reset();
    assert_eq!(which(&mut one).await.unwrap(), made);
    assert_eq!(relay.round_trips(), 1);
    relay.reset();
    assert_eq!(which(&mut other).await.unwrap(), made);
    assert_eq!(relay.round_trips(), 1, "it was published");
    // A COMMIT that fails publishes nothing.
    one.batch_execute(
        "create table parent (id int4 primary key);
         create table child (id int4 references parent deferrable initially deferred)",
    )
    .await
    .unwrap();
    let mut tx = one.begin().await.unwrap();
    tx.batch_execute("drop type thing; create type thing as (n int4); insert into child values (1)")
        .await
        .unwrap();
    let mut third = F::connect(&config).await.unwrap();
    assert_ne!(tx.type_by_name("thing").await.unwrap().expect("the new one").oid(), made);
    assert!(tx.commit().await.is_err());
    for client in [&mut one, &mut other, &mut third] {
        assert_eq!(which(client).await.unwrap(), made);
    }
}

pg_tests::each_client!(
    sixty_four_connections_ask_four_times,
    what_is_set_on_one_connection_means_nothing_to_another,
    what_a_transaction_sees_is_its_own_until_commit,
);

async fn types_are_found_by_the_names_that_sql_has_for_them<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client
        .batch_execute(
            "create schema shop; create type shop.item as (name text, price numeric);
             create type \"Mixed Case\" as enum ('a', 'b'); create schema \"s.x\"; create domain \"s.x\".\"d\"\"q\" as int4",
        )
        .await?;
    let item = client.type_by_name("shop.item").await?.expect("shop.item");
    assert_eq!((item.schema(), item.name()), ("shop", "item"));
    let Kind::Composite(fields) = item.kind() else { panic!("{item:?}") };
    assert_eq!(fields.iter().map(|field| field.name()).collect::<Vec<_>>(), ["name", "price"]);
    assert_eq!(client.type_by_name("SHOP.Item").await?.as_ref(), Some(&item), "SQL folds what isn't quoted");
    let items = client.type_by_name("shop.item[]").await?.expect("shop.item[]");
    assert_eq!(items.kind(), &Kind::Array(item.clone()));
    assert_eq!(client.type_by_name("item").await?, None, "not in the search path");
    assert_eq!(client.type_by_name("\"Shop\".item").await?, None);
    let mixed = client.type_by_name("\"Mixed Case\"").await?.expect("quoted");
    assert_eq!(mixed.kind(), &Kind::Enum(vec!["a".to_owned(), "b".to_owned()]));
    let domain = client.type_by_name("\"s.x\".\"d\"\"q\"").await?.expect("quotes in quotes");
    assert_eq!(domain.kind(), &Kind::Domain(Type::INT4));
    for (name, wanted) in [
        ("point", Type::POINT),
        ("double precision", Type::FLOAT8),
        ("timestamp with time zone", Type::TIMESTAMPTZ),
        ("int[]", Type::INT4_ARRAY),
        ("pg_catalog.int4[]", Type::INT4_ARRAY),
        ("char", Type::BPCHAR),
        ("\"char\"", Type::CHAR),
        ("varchar(10)", Type::VARCHAR),
    ] {
        assert_eq!(client.type_by_name(name).await?, Some(wanted), "{name}");
    }
    client.batch_execute("set search_path to shop").await?;
    assert_eq!(client.type_by_name("item").await?, Some(item.clone()));
    assert!(client.types().contains(&item) && client.types().contains(&mixed));
    // Asked anew each time.
    client.batch_execute("drop type shop.item").await?;
    assert_eq!(client.type_by_name("shop.item").await?, None);
    let error = client.type_by_name("no such thing").await;
    assert!(error.is_err() || error.unwrap().is_none());
    still_answers(client).await
}

async fn registered_names_heal_when_their_type_is_made_anew<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.register(|registry| {
        registry
            .typecaster("shop.color", |text: &str, _: &CodecContext<'_>| Ok::<_, Error>(text.len()))
            .adapter("shop.color", |n: &usize, _: &CodecContext<'_>| "x".repeat(*n))
    });
    client.batch_execute("create schema shop; create domain shop.color as text").await?;
    // A domain's column arrives as its base type's; an element has its own.
    let sql = "select array[$1], pg_typeof($1)::text";
    for _ in 0..3 {
        for _ in 0..2 {
            let row: (Vec<Via<usize>>, String) = client.query_one(sql, (via(&3usize),)).await?;
            assert_eq!(row, (vec![Via(3)], "shop.color".to_owned()));
        }
        client.batch_execute("drop type shop.color cascade; create type shop.color as enum ('xxx')").await?;
    }
    still_answers(client).await
}

pg_tests::both_clients!(
    a_search_path_that_is_set_is_followed,
    types_are_found_by_the_names_that_sql_has_for_them,
    registered_names_heal_when_their_type_is_made_anew,
);

mod drifted {
    use super::{FromSql, ToSql};

    #[derive(Debug, ToSql, FromSql)]
    #[pg(name = "mood", rename_all = "snake_case")]
    pub(super) enum Mood {
        Sad,
        VeryHappy,
        Bored,
    }

    #[derive(Debug, ToSql, FromSql)]
    #[pg(name = "item", schema = "shop")]
    pub(super) struct Item {
        pub(super) name: String,
        pub(super) count: i32,
        pub(super) moods: Vec<Mood>,
        pub(super) note: Option<String>,
    }

    #[derive(Debug, ToSql, FromSql)]
    #[pg(name = "positive", domain)]
    pub(super) struct Positive(pub(super) i64);

    #[derive(Debug, ToSql, FromSql)]
    #[pg(name = "vanished")]
    pub(super) struct Vanished {
        pub(super) n: i32,
    }

    #[derive(Debug, ToSql, FromSql)]
    #[pg(name = "kind")]
    pub(super) struct WrongKind {
        pub(super) n: i32,
    }
}

async fn every_drift_is_told_in_words<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client
        .batch_execute(
            "create type mood as enum ('sad', 'very_happy', 'angry'); create schema shop;
             create type shop.item as (moods mood[], \"count\" int8, name text, extra int4);
             create domain positive as int4 check (value > 0); create type kind as enum ('n')",
        )
        .await?;
    let registry = Registry::new()
        .with::<drifted::Item>()
        .with::<drifted::Positive>()
        .with::<drifted::Vanished>()
        .with::<drifted::WrongKind>();
    let drifts: Vec<String> = registry.verify(client).await?.iter().map(ToString::to_string).collect();
    assert_eq!(
        drifts,
        [
            "shop.item: attribute \"count\": the SQL type is int8, but i32 is written as int4",
            "shop.item: the server has no attribute \"note\"; it has moods, count, name, extra",
            "shop.item: the Rust type has no field for the attribute \"extra\"",
            "mood: the server has no label \"bored\"; it has sad, very_happy, angry",
            "mood: the Rust type has no variant for the label \"angry\"",
            "positive: the server's domain is over int4, the Rust type's over int8",
            "vanished: there is no such type in the search path",
            "kind: the server's type is an enum, not a composite",
        ]
    );
    client
        .batch_execute(
            "drop type shop.item; drop type mood; create type mood as enum ('bored', 'very_happy', 'sad');
             create type shop.item as (note text, moods mood[], \"count\" int4, name text); drop domain positive;
             create domain positive as int8; drop type kind; create type kind as (n int4); create type vanished as (n int4)",
        )
        .await?;
    assert_eq!(registry.verify(client).await?, []);
    still_answers(client).await
}

#[derive(Debug, PartialEq, ToSql, FromSql)]
#[pg(name = "pair")]
struct Pair {
    left: i32,
    right: i32,
}

/// Attributes that change places keep their types, so that no message shows it.
async fn what_the_wire_does_not_show_is_cured_by_refresh<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create type pair as (\"left\" int4, \"right\" int4)").await?;
    let registry = Registry::new().with::<Pair>();
    let sql = "select ($1).\"left\"";
    let pair = || Pair { left: 1, right: 2 };
    assert_eq!(client.query_value::<i32>(sql, (pair(),)).await?, 1);
    client
        .batch_execute(
            "alter type pair rename attribute \"left\" to middle; alter type pair rename attribute \"right\" to \"left\";
             alter type pair rename attribute middle to \"right\"",
        )
        .await?;
    assert_eq!(registry.verify(client).await?, [], "both are there");
    assert_eq!(client.query_value::<i32>(sql, (pair(),)).await?, 1, "verify has taken them over");
    client
        .batch_execute(
            "alter type pair rename attribute \"left\" to middle; alter type pair rename attribute \"right\" to \"left\";
             alter type pair rename attribute middle to \"right\"",
        )
        .await?;
    registry.refresh(client).await?;
    assert_eq!(client.query_value::<i32>(sql, (pair(),)).await?, 1);
    client.batch_execute("alter type pair rename attribute \"right\" to other").await?;
    let drifts = registry.verify(client).await?;
    assert_eq!(drifts[0].to_string(), "pair: the server has no attribute \"right\"; it has left, other");
    assert_eq!(drifts[0].type_name(), "pair");
    still_answers(client).await
}

pg_tests::both_clients!(every_drift_is_told_in_words, what_the_wire_does_not_show_is_cured_by_refresh);

/// What a server takes for large it compiles, and that takes it a hundred times as long as the look-up.
#[test]
fn a_look_up_is_never_large_enough_to_be_compiled() {
    const LOOK_UP: &str = include_str!("../../pg-core/src/exchange/catalog.sql");
    let database = Server::shared().database();
    database.sql("create type thing0 as enum ('a', 'b')");
    let attributes: Vec<String> = (2..30).map(|a| format!("a{a} int8")).collect();
    let composite =
        |n: usize| format!("create type thing{n} as (a1 thing{}, {})", n - 1, attributes.join(", "));
    database.sql(&(1..=150).map(composite).collect::<Vec<_>>().join(";"));
    database.sql("analyze");
    let names: Vec<String> = (1..=150).map(|n| format!("'thing{n}'")).collect();
    let nulls = vec!["null::text"; names.len()];
    let mut client = pg_blocking::Config::new(&database.url()).unwrap().connect().unwrap();
    client.batch_execute(&format!("prepare look_up (text[], text[], oid[], text[]) as {LOOK_UP}")).unwrap();
    let limit: f64 = client.query_value("select current_setting('jit_above_cost')::float8", ()).unwrap();
    for (schemas, names) in [("null::text", "'thing3'"), (&nulls.join(","), &names.join(","))] {
        let sql = format!("explain execute look_up(array[{schemas}], array[{names}], '{{}}', '{{}}')");
        let plan: Vec<String> = client.query_values(&sql, ()).unwrap();
        // Nested Loop Left Join  (cost=37687.52..38837.81 rows=10 width=324)
        let cost = plan[0].split("..").nth(1).and_then(|cost| cost.split(' ').next()).unwrap();
        assert!(cost.parse::<f64>().unwrap() < limit, "{}", plan[0]);
    }
}

/// Before PostgreSQL 18 a login says nothing of its path: a new connection believes the last one's, until it asks.
#[test]
fn a_login_whose_path_was_altered_is_right_after_a_refresh() {
    let database = Server::shared().database();
    database.sql(TWO_SCHEMAS);
    let role = Role::with_path(&database, "alpha");
    let registry = Registry::new();
    let config =
        pg_blocking::Config::new(&database.url_as(&role.1, None)).unwrap().registry(registry.clone());
    let mut first = config.connect().unwrap();
    assert_eq!(pg_blocking::complete(which(&mut first)).unwrap(), oid_of(&database, "alpha.thing"));
    database.sql(&format!("alter role {} set search_path to beta", role.1));
    let mut second = config.connect().unwrap();
    pg_blocking::complete(registry.with::<Thing>().refresh(&mut second)).unwrap();
    assert_eq!(pg_blocking::complete(which(&mut second)).unwrap(), oid_of(&database, "beta.thing"));
    let mut third = config.connect().unwrap();
    assert_eq!(pg_blocking::complete(which(&mut third)).unwrap(), oid_of(&database, "beta.thing"));
    assert_eq!(pg_blocking::complete(which(&mut first)).unwrap(), oid_of(&database, "alpha.thing"));
    let asynchronous = pg_async::Config::new(&database.url_as(&role.1, None)).unwrap();
    let oid = clients::block_on(async { which(&mut asynchronous.connect().await?).await });
    assert_eq!(oid.unwrap(), oid_of(&database, "beta.thing"));
    drop((first, second, third));
}
