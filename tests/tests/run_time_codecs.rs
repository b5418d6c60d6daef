//! Codecs that are registered at run time, for Rust types that nobody can derive for: the seed page's `Point`, in its
//! three scopes.

use pg_core::types::native::Native;
use pg_core::types::range::Range;
use pg_core::types::run_time::CodecContext;
use pg_core::types::via::{Via, via};
use pg_core::{Error, FromRow, FromSql, Registry, Result, Row, Session, ToSql};
use pg_tests::clients::still_answers;
use pg_tests::relay::Relay;
use pg_tests::server::{Database, Server};

/// As if of another crate: it has no traits of ours.
mod third_party {
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub(crate) struct Point {
        pub(crate) x: f64,
        pub(crate) y: f64,
    }

    #[derive(Debug, Clone, Copy, PartialEq)]
    pub(crate) struct Rgb(pub(crate) u8, pub(crate) u8, pub(crate) u8);
}

use third_party::{Point, Rgb};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The page's `cast_point(value, cur)`.
fn cast_point(text: &str, _: &CodecContext<'_>) -> Result<Point, Failure> {
    let (x, y) = text.trim_matches(['(', ')']).split_once(',').ok_or("bad point representation")?;
    Ok(Point { x: x.parse()?, y: y.parse()? })
}

/// The page's `adapt_point(point)`.
fn adapt_point(point: &Point, _: &CodecContext<'_>) -> String {
    format!("({},{})", point.x, point.y)
}

fn points() -> Registry {
    Registry::new().typecaster("point", cast_point).adapter("point", adapt_point)
}

const HERE: Point = Point { x: 1.5, y: -2.0 };

async fn the_page_s_point_goes_there_and_back<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create table atable (p point, ps point[])").await?;
    for _ in 0..2 {
        client
            .execute("insert into atable values ($1, $2)", (via(&HERE), vec![Some(via(&HERE)), None]))
            .await?;
        let Via(point) = client.query_value::<Via<Point>>("select p from atable limit 1", ()).await?;
        assert_eq!(point, HERE);
        let row: (Via<Point>, Vec<Option<Via<Point>>>) =
            client.query_one("select p, ps from atable limit 1", ()).await?;
        assert_eq!(row, (Via(HERE), vec![Some(Via(HERE)), None]));
        assert_eq!(client.query_value::<Option<Via<Point>>>("select null::point", ()).await?, None);
        // Nothing says what $1 is but the adapter.
        assert_eq!(client.query_value::<String>("select pg_typeof($1)::text", (via(&HERE),)).await?, "point");
    }
    let row: Row = client.query_one("select p, ps from atable limit 1", ()).await?;
    assert_eq!(row.get::<Via<Point>>("p")?, Via(HERE));
    assert_eq!(row.get::<Vec<Option<Via<Point>>>>(1)?, [Some(Via(HERE)), None]);
    still_answers(client).await
}

pg_tests::both_clients!(with |config| config.registry(points()); the_page_s_point_goes_there_and_back);

/// Shared by a configuration, of one client, of one statement: the most specific wins.
async fn the_most_specific_scope_wins<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let labelled = |label: &'static str| {
        move |text: &str, _: &CodecContext<'_>| Ok::<_, Error>(format!("{label} {text}"))
    };
    let written = |label: &'static str| move |rgb: &Rgb, _: &CodecContext<'_>| format!("{label} {}", rgb.0);
    let sql = "select '(1,2)'::point, $1::text";
    async fn ask<S: Session>(client: &mut S, sql: &str) -> Result<(String, String)> {
        let (Via(read), written): (Via<String>, String) =
            client.query_one(sql, (via(&Rgb(7, 0, 0)),)).await?;
        Ok((read, written))
    }
    let both = |label: &str| (format!("{label} (1,2)"), format!("{label} 7"));
    for _ in 0..2 {
        assert_eq!(ask(client, sql).await?, both("shared"));
    }
    let of_statement =
        Registry::new().typecaster("point", labelled("statement")).adapter("text", written("statement"));
    for _ in 0..2 {
        assert_eq!(ask(&mut client.using(&of_statement), sql).await?, both("statement"));
        assert_eq!(ask(client, sql).await?, both("shared"), "a statement's codecs end with it");
    }
    client.register(|r| r.typecaster("point", labelled("client")).adapter("text", written("client")));
    for _ in 0..2 {
        assert_eq!(ask(client, sql).await?, both("client"));
        assert_eq!(ask(&mut client.using(&of_statement), sql).await?, both("statement"));
    }
    // Statements of one text and two scopes in one transaction, and a stream's rows.
    let mut tx = client.begin().await?;
    assert_eq!(ask(&mut tx.using(&of_statement), sql).await?, both("statement"));
    assert_eq!(ask(&mut tx, sql).await?, both("client"));
    tx.rollback().await?;
    let mut scoped = client.using(&of_statement);
    let mut rows = scoped.stream("select '(1,2)'::point", ()).await?;
    let row = rows.next_row().await?.expect("a row").get::<(Via<String>,)>()?;
    assert_eq!(row.0.0, "statement (1,2)");
    // What a scope doesn't have is the wider one's.
    let other = Registry::new().typecaster("lseg", labelled("other"));
    assert_eq!(ask(&mut client.using(&other), sql).await?, both("client"));
    still_answers(client).await
}

pg_tests::both_clients!(with |config| {
    let read = |text: &str, _: &CodecContext<'_>| Ok::<_, Error>(format!("shared {text}"));
    let write = |rgb: &Rgb, _: &CodecContext<'_>| format!("shared {}", rgb.0);
    config.registry(Registry::new().typecaster("point", read).adapter("text", write))
}; the_most_specific_scope_wins);

/// What one client registers, no other sees.
#[test]
fn a_client_s_registry_is_its_own() {
    let database = Server::shared().database();
    let config = pg_blocking::Config::new(&database.url()).unwrap().registry(points());
    let (mut one, mut other) = (config.connect().unwrap(), config.connect().unwrap());
    let length = |text: &str, _: &CodecContext<'_>| Ok::<_, Error>(text.len());
    one.register(|registry| registry.typecaster("point", length));
    assert_eq!(one.query_value::<Via<usize>>("select '(1,2)'::point", ()).unwrap(), Via(5));
    // The one of the configuration still reads what the newer doesn't give.
    assert_eq!(one.query_value::<Via<Point>>("select '(1.5,-2)'::point", ()).unwrap(), Via(HERE));
    assert_eq!(other.query_value::<Via<Point>>("select '(1.5,-2)'::point", ()).unwrap(), Via(HERE));
    let error = other.query_value::<Via<usize>>("select '(1,2)'::point", ()).unwrap_err();
    assert!(
        error.message().contains("the typecasters registered for point give Point, not usize"),
        "{error}"
    );
}

async fn a_codec_sees_the_type_the_settings_and_null<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.register(|registry| {
        registry
            .typecaster([1700, 790], |text: Option<&str>, context: &CodecContext<'_>| {
                let version = context.settings().server_version.split('.').next().unwrap_or_default();
                let version: u32 = version.split_whitespace().next().unwrap_or_default().parse()?;
                Ok::<_, Failure>(format!("{} {} {}", context.type_(), text.unwrap_or("none"), version >= 14))
            })
            .adapter("text", |rgb: &Rgb, context: &CodecContext<'_>| {
                (rgb.0 > 0).then(|| format!("{} {}", context.type_(), context.settings().time_zone))
            })
    });
    client.batch_execute("set time zone 'Asia/Tokyo'; set lc_monetary to 'C'").await?;
    let row: (Via<String>, Via<String>, Via<String>) =
        client.query_one("select 1.50, null::numeric, 2::money", ()).await?;
    assert_eq!(
        (row.0.0.as_str(), row.1.0.as_str(), row.2.0.as_str()),
        ("numeric 1.50 true", "numeric none true", "money $2.00 true")
    );
    // NULL in an array, in a row of unknown columns, and by way of Option.
    let sql = "select array[1, null]::numeric[]";
    let items: Vec<Via<String>> = client.query_value(sql, ()).await?;
    assert_eq!(items[1].0, "numeric none true");
    let row: Row = client.query_one("select null::numeric as n", ()).await?;
    assert_eq!(row.get::<Via<String>>("n")?.0, "numeric none true");
    assert_eq!(
        client.query_value::<Option<Via<String>>>("select null::numeric", ()).await?,
        Some(Via("numeric none true".to_owned()))
    );
    let sql = "select $1";
    assert_eq!(client.query_value::<String>(sql, (via(&Rgb(1, 0, 0)),)).await?, "text Asia/Tokyo");
    assert_eq!(client.query_value::<Option<String>>(sql, (via(&Rgb(0, 0, 0)),)).await?, None);
    still_answers(client).await
}

async fn a_codec_reads_and_writes_binary_if_it_takes_bytes<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client
        .batch_execute("create schema shop; create type shop.\"Color\" as (r int4, g int4, b int4)")
        .await?;
    client.batch_execute("create table paint (name text, color int4, colors int4[])").await?;
    client.register(|registry| {
        registry
            .typecaster("int4", |bytes: &[u8], _: &CodecContext<'_>| match bytes {
                [0, r, g, b] => Ok(Rgb(*r, *g, *b)),
                _ => Err("not a color"),
            })
            .adapter("int4", |rgb: &Rgb, _: &CodecContext<'_>| vec![0, rgb.0, rgb.1, rgb.2])
            .typecaster_from("shop.\"Color\"", |color: Color, _: &CodecContext<'_>| {
                let part = |n: i32| u8::try_from(n);
                Ok::<_, std::num::TryFromIntError>(Rgb(part(color.r)?, part(color.g)?, part(color.b)?))
            })
    });
    let red = Rgb(255, 0, 1);
    for _ in 0..2 {
        let sql = "insert into paint values ('red', $1, $2) returning color, colors, color";
        let row: (Via<Rgb>, Vec<Via<Rgb>>, i32) =
            client.query_one(sql, (via(&red), [via(&red), via(&red)])).await?;
        assert_eq!(row, (Via(red), vec![Via(red), Via(red)], 0xff_00_01));
        // A composite by its fields.
        let sql = "select row(255, 0, 1)::shop.\"Color\", array[row(255, 0, 1)]::shop.\"Color\"[]";
        let (one, many): (Via<Rgb>, Vec<Via<Rgb>>) = client.query_one(sql, ()).await?;
        assert_eq!((one, many), (Via(red), vec![Via(red)]));
    }
    // The function's error names the column.
    let error = client.query_value::<Via<Rgb>>("select -1 as wrong", ()).await.unwrap_err();
    assert!(error.to_string().contains("column 1 \"wrong\""), "{error}");
    assert!(error.to_string().contains("the typecaster registered for int4 failed: not a color"), "{error}");
    assert_eq!(error.to_string().matches("not a color").count(), 1, "{error}");
    still_answers(client).await
}

async fn arrays_ranges_and_numbers_of_types_are_registered_too<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create type floats as range (subtype = float8)").await?;
    client.register(|registry| {
        registry
            .typecaster("point", cast_point)
            .array_of::<Point>("point[]")
            .typecaster_from("int4range", |range: Range<i32>, context: &CodecContext<'_>| {
                Ok::<_, Error>(format!("{} {range}", context.type_()))
            })
            .typecaster_from("floats", |range: Range<f64>, _: &CodecContext<'_>| {
                range.bounds().map(|_| range.to_string().len()).ok_or("an empty range")
            })
            .adapter(25_u32, |rgb: &Rgb, context: &CodecContext<'_>| format!("{} {}", context.type_(), rgb.0))
            .adapter([1043_u32, 1042], |point: &Point, _: &CodecContext<'_>| format!("{}", point.x))
    });
    for _ in 0..2 {
        // As dynamic values: an array as a whole.
        let sql = "select '{\"(1.5,-2)\",null}'::point[], '[1,3]'::int4range, '[0.5,1)'::floats";
        let row: Row = client.query_one(sql, ()).await?;
        assert_eq!(row.value(0)?.downcast::<Vec<Option<Point>>>(), Some(&vec![Some(HERE), None]));
        assert_eq!(row.value(1)?.downcast::<String>().map(String::as_str), Some("int4range [1,4)"));
        assert_eq!(row.value(2)?.downcast::<usize>(), Some(&"[0.5,1)".len()));
        // As types that are asked for.
        type Registered = (Via<Vec<Option<Point>>>, Via<String>, Via<usize>);
        let (Via(points), Via(range), Via(length)) = client.query_one::<Registered>(sql, ()).await?;
        assert_eq!((points, range.as_str(), length), (vec![Some(HERE), None], "int4range [1,4)", 7));
        let ranges: Vec<Via<String>> =
            client.query_value("select '{empty,\"[1,2)\"}'::int4range[]", ()).await?;
        assert_eq!(ranges, ["int4range empty", "int4range [1,2)"].map(|range| Via(range.to_owned())));
        let error = client.query_value::<Via<usize>>("select 'empty'::floats", ()).await.unwrap_err();
        assert!(error.to_string().contains("an empty range"), "{error}");
        // By number: the type of a parameter is the first, and the others are written where they are asked for.
        let sql = "select $1, pg_typeof($1)::text";
        let seen: (String, String) = client.query_one(sql, (via(&Rgb(7, 0, 0)),)).await?;
        assert_eq!(seen, ("text 7".to_owned(), "text".to_owned()));
        let seen: (String, String) = client.query_one(sql, (via(&HERE),)).await?;
        assert_eq!(seen, ("1.5".to_owned(), "character varying".to_owned()));
    }
    client.register(|registry| registry.adapter(4_000_000_000_u32, |_: &Rgb, _: &CodecContext<'_>| "x"));
    let error = client.execute("select $1", (via(&Rgb(7, 0, 0)),)).await.unwrap_err();
    assert!(error.message().contains("the type with OID 4000000000 does not exist"), "{error}");
    still_answers(client).await
}

#[derive(Debug, ToSql, FromSql)]
#[pg(name = "Color", schema = "shop")]
struct Color {
    r: i32,
    g: i32,
    b: i32,
}

#[derive(Debug, ToSql, FromSql, PartialEq)]
#[pg(name = "shape")]
struct Shape {
    name: String,
    at: Via<Point>,
    corners: Vec<Via<Point>>,
}

#[derive(Debug, FromRow, PartialEq)]
struct Placed {
    name: String,
    at: Option<Via<Point>>,
}

async fn fields_of_derived_types_go_through_the_registry<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.register(|registry| registry.typecaster("point", cast_point).adapter("point", adapt_point));
    client.batch_execute("create type shape as (corners point[], at point, name text)").await?;
    let shape = || Shape { name: "a, \"b\"".to_owned(), at: Via(HERE), corners: vec![Via(HERE), Via(HERE)] };
    for _ in 0..2 {
        assert_eq!(client.query_value::<Shape>("select $1", (shape(),)).await?, shape());
        assert_eq!(
            client.query_value::<Vec<Shape>>("select $1", (vec![shape()],)).await?,
            [shape()],
            "as an element"
        );
        let placed: Placed = client.query_one("select 'x' as name, '(1.5,-2)'::point as at", ()).await?;
        assert_eq!(placed, Placed { name: "x".to_owned(), at: Some(Via(HERE)) });
    }
    still_answers(client).await
}

async fn what_is_not_registered_is_named_with_the_cure<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let error = client.query_value::<String>("select $1::text", (via(&HERE),)).await.unwrap_err();
    assert!(error.message().contains("no adapter is registered for Point"), "{error}");
    assert!(error.cure().unwrap().contains("Registry::adapter::<Point>"), "{error}");
    let error = client.query_value::<Via<Point>>("select '(1,2)'::point", ()).await.unwrap_err();
    assert!(error.message().contains("no typecaster is registered that reads point as Point"), "{error}");
    assert!(error.cure().unwrap().contains("using(..)"), "{error}");
    let error = client.query_value::<Vec<Via<Point>>>("select '{}'::point[]", ()).await.unwrap_err();
    assert!(error.message().contains("no typecaster is registered that reads point as Point"), "{error}");
    client.register(|registry| registry.adapter("nowhere.to_be_found", adapt_point));
    let error = client.execute("select $1", (via(&HERE),)).await.unwrap_err();
    assert!(error.message().contains("the type nowhere.to_be_found does not exist"), "{error}");
    still_answers(client).await?;
    // Once it is there, it is found.
    client.batch_execute("create schema nowhere; create domain nowhere.to_be_found as text").await?;
    assert_eq!(client.query_value::<String>("select $1", (via(&HERE),)).await?, "(1.5,-2)");
    still_answers(client).await
}

async fn native_values_take_the_type_that_the_server_infers<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table numbers (small int2, big int8, word text, more int4[])").await?;
    for _ in 0..2 {
        let sql = "insert into numbers values ($1, $2, $3, $4) returning *";
        let row: (i16, i64, String, Vec<i32>) = client
            .query_one(sql, (Native(1i16), Native(2i64), Native("three"), Native(vec![4i32, 5])))
            .await?;
        assert_eq!(row, (1, 2, "three".to_owned(), vec![4, 5]));
        let row: (Native<i16>, Native<i64>, Native<String>, Native<Vec<i32>>) =
            client.query_one("select * from numbers limit 1", ()).await?;
        assert_eq!(row, (Native(1), Native(2), Native("three".to_owned()), Native(vec![4, 5])));
    }
    let sql = "select $1::int4 + 1";
    assert_eq!(client.query_value::<i32>(sql, (Native(1i32),)).await?, 2);
    assert_eq!(client.query_value::<Option<i32>>(sql, (Native(None::<i32>),)).await?, None);
    // The same text with parameters of other types in between.
    assert_eq!(client.query_value::<i32>(sql, ("41",)).await?, 42);
    assert_eq!(client.query_value::<i32>(sql, (Native(1i32),)).await?, 2);
    assert_eq!(client.query_value::<i32>(sql, ("41",)).await?, 42);
    let error = client.query_value::<i32>(sql, (Native("text"),)).await.unwrap_err();
    assert!(error.message().contains("the SQL type is int4, which &str doesn't accept"), "{error}");
    let error = client.query_value::<Native<i32>>("select 'x'::text", ()).await.unwrap_err();
    assert!(error.message().contains("the SQL type is text"), "{error}");
    assert_eq!(client.query_value::<Option<Native<i32>>>("select null::int4", ()).await?, None);
    assert_eq!(client.query_value::<Native<Option<i32>>>("select null::int4", ()).await?, Native(None));
    still_answers(client).await
}

async fn parameters_of_one_inferred_type_and_two_shapes_are_two_statements<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let sql = "select $1::text[]";
    for _ in 0..2 {
        assert_eq!(client.query_value::<Vec<String>>(sql, ("{a,b}",)).await?, ["a", "b"]);
        assert_eq!(client.query_value::<Vec<String>>(sql, (vec!["a", "b"],)).await?, ["a", "b"]);
    }
    still_answers(client).await
}

pg_tests::both_clients!(
    a_codec_sees_the_type_the_settings_and_null,
    a_codec_reads_and_writes_binary_if_it_takes_bytes,
    arrays_ranges_and_numbers_of_types_are_registered_too,
    fields_of_derived_types_go_through_the_registry,
    what_is_not_registered_is_named_with_the_cure,
    native_values_take_the_type_that_the_server_infers,
    parameters_of_one_inferred_type_and_two_shapes_are_two_statements,
);

/// A parameter with an adapter for a type that is PostgreSQL's own costs nothing more; a column is described once, and
/// so is a `Native` parameter.
#[test]
fn what_is_known_only_at_run_time_costs_one_round_trip_once() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let config = pg_blocking::Config::new(&relay.url(&database)).unwrap().registry(points());
    let mut client = config.connect().unwrap();
    let mut trips = |run: &mut dyn FnMut(&mut pg_blocking::Client)| {
        relay.reset();
        run(&mut client);
        relay.round_trips()
    };
    let mut send = |client: &mut pg_blocking::Client| {
        client.query_value::<String>("select $1::text", (via(&HERE),)).unwrap();
    };
    assert_eq!((trips(&mut send), trips(&mut send)), (1, 1));
    let mut read = |client: &mut pg_blocking::Client| {
        client.query_value::<Via<Point>>("select '(1,2)'::point", ()).unwrap();
    };
    assert_eq!((trips(&mut read), trips(&mut read)), (2, 1));
    let mut native = |client: &mut pg_blocking::Client| {
        client.query_value::<i32>("select $1 + 1", (Native(1i32),)).unwrap();
    };
    assert_eq!((trips(&mut native), trips(&mut native)), (2, 1));
}
