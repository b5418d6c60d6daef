//! Numbers and times against the server's own text: thousands of values go in as parameters, and what comes back in
//! binary, as the server's text, and read from that text, is what went in.

mod random;

use pg_core::types::interval::Interval;
use pg_core::types::numeric::Numeric;
use pg_core::types::time::{Date, Time, TimeTz, Timestamp, TimestampTz};
use pg_core::{Adapter, FromSql, Parameter, Result, Session, ToSql, Typecaster};
use pg_tests::both_clients;
use pg_tests::server::Database;
use random::Random;
use std::fmt::{self, Debug, Display};
use std::str::FromStr;

const VALUES: usize = 3_000;

/// A number of any size, small ones as often as great ones.
fn any(random: &mut Random) -> i64 {
    let shift = random.below(64);
    random.next().cast_signed() >> shift
}

/// Values at the ends of a type's range, and random ones; those that `make` refuses are left out.
fn values<T>(edges: &[T], mut make: impl FnMut(&mut Random) -> Result<T>) -> Vec<T>
where
    T: Clone,
{
    let mut random = Random::new(7);
    let mut values = edges.to_vec();
    while values.len() < VALUES {
        values.extend(make(&mut random));
    }
    values
}

/// What goes in comes out: as itself, as the server's text, and from that text. The server sorts as Rust does.
async fn are_the_servers<S, T>(client: &mut S, type_: &str, values: &[T]) -> Result<()>
where
    S: Session,
    T: Adapter + for<'a> Typecaster<'a> + Display + FromStr<Err: Debug> + PartialEq + Debug + Sync + Send,
    Vec<T>: Parameter,
    for<'v> &'v [T]: Adapter,
{
    let sql = format!("select v, v::text from unnest($1::{type_}[]) with ordinality as u (v, n) order by n");
    let rows: Vec<(T, String)> = client.query(&sql, (values,)).await?;
    assert_eq!(rows.len(), values.len());
    for ((read, text), sent) in rows.iter().zip(values) {
        assert_eq!(read, sent, "{type_}");
        assert_eq!(*text, sent.to_string(), "{type_}");
        assert_eq!(text.parse::<T>().unwrap(), *sent, "{text} as {type_}");
    }
    Ok(())
}

/// The server's order is ours.
async fn are_sorted_alike<S, T>(client: &mut S, type_: &str, values: &[T]) -> Result<()>
where
    S: Session,
    T: Adapter + for<'a> Typecaster<'a> + Ord + Clone + Debug + Sync + Send,
    for<'v> &'v [T]: Adapter,
{
    let sql = format!("select v from unnest($1::{type_}[]) v order by v");
    let sorted: Vec<T> = client.query_values(&sql, (values,)).await?;
    let mut ours = values.to_vec();
    ours.sort();
    assert_eq!(sorted, ours, "{type_}");
    Ok(())
}

fn dates() -> Vec<Date> {
    values(&[Date::MIN, Date::MAX, Date::INFINITY, Date::NEG_INFINITY], |random| {
        Date::from_days(i32::try_from(any(random) >> 32).expect("32 bits"))
    })
}

fn times() -> Vec<Time> {
    values(&[Time::MIDNIGHT, Time::END_OF_DAY], |random| Time::from_micros(any(random)))
}

fn times_with_zones() -> Vec<TimeTz> {
    let (midnight, end) = (Time::MIDNIGHT, Time::END_OF_DAY);
    let edges = [(midnight, 57_599), (midnight, -57_599), (end, 57_599), (end, -57_599)];
    let edges = edges.map(|(time, offset)| TimeTz::new(time, offset).expect("a timetz"));
    values(&edges, |random| {
        let offset = i32::try_from(any(random) >> 32).expect("32 bits");
        TimeTz::new(Time::from_micros(any(random))?, offset / 32_768)
    })
}

fn timestamps() -> Vec<Timestamp> {
    let edges = [Timestamp::MIN, Timestamp::MAX, Timestamp::INFINITY, Timestamp::NEG_INFINITY];
    values(&edges, |random| Timestamp::from_micros(any(random)))
}

fn instants() -> Vec<TimestampTz> {
    timestamps().into_iter().map(Timestamp::at_utc).collect()
}

async fn dates_and_times_are_the_servers<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("set timezone = 'UTC'").await?;
    are_the_servers(client, "date", &dates()).await?;
    are_the_servers(client, "time", &times()).await?;
    are_the_servers(client, "timetz", &times_with_zones()).await?;
    are_the_servers(client, "timestamp", &timestamps()).await?;
    are_the_servers(client, "timestamptz", &instants()).await?;
    are_sorted_alike(client, "date", &dates()).await?;
    are_sorted_alike(client, "time", &times()).await?;
    are_sorted_alike(client, "timetz", &times_with_zones()).await?;
    are_sorted_alike(client, "timestamp", &timestamps()).await?;
    are_sorted_alike(client, "timestamptz", &instants()).await
}

/// Rights have only a text form, so that all of a composite with them travels as text, in the session's styles.
#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "aclitem", text)]
struct Rights(Word);

#[derive(Debug, Clone, PartialEq)]
struct Word(String);

impl Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Word {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Word, Self::Err> {
        Ok(Word(text.to_owned()))
    }
}

fn rights() -> Option<Rights> {
    None
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "moment")]
struct Moment {
    date: Date,
    time: Time,
    timetz: TimeTz,
    timestamp: Timestamp,
    timestamptz: Vec<TimestampTz>,
    rights: Option<Rights>,
}

async fn every_date_style_is_read_from_and_written_to_its_server<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client
        .batch_execute(
            "create type moment as (date date, time time, timetz timetz, timestamp timestamp, timestamptz timestamptz[], rights aclitem)",
        )
        .await?;
    let moments: Vec<Moment> = dates()
        .into_iter()
        .zip(times())
        .zip(times_with_zones())
        .zip(timestamps())
        .map(|(((date, time), timetz), timestamp)| Moment {
            date,
            time,
            timetz,
            timestamp,
            timestamptz: vec![timestamp.at_utc(), TimestampTz::NEG_INFINITY],
            rights: rights(),
        })
        .take(500)
        .collect();
    let mut styles = Vec::new();
    for style in ["ISO", "SQL", "Postgres", "German"] {
        styles.extend(["DMY", "MDY", "YMD"].map(|order| (format!("{style}, {order}"), "UTC")));
    }
    // Where offsets are in the text, any zone will do.
    styles.extend(["America/St_Johns", "Asia/Kolkata", "UTC+3"].map(|zone| ("ISO, YMD".to_owned(), zone)));
    for (style, zone) in styles {
        client.batch_execute(&format!("set datestyle = '{style}'; set timezone = '{zone}'")).await?;
        let back: Vec<Moment> = client.query_values("select unnest($1::moment[])", (&moments,)).await?;
        assert_eq!(back, moments, "{style} in {zone}");
    }
    client.batch_execute("set datestyle = 'SQL, DMY'; set timezone = 'Europe/Paris'").await?;
    let error = client.query_value::<Moment>("select ($1::moment[])[5]", (&moments,)).await.unwrap_err();
    assert!(
        error.to_string().contains("the DateStyle SQL, DMY and the TimeZone \"Europe/Paris\""),
        "{error}"
    );
    Ok(())
}

/// With a number of hours that every server prints.
fn intervals() -> Vec<Interval> {
    values(&[Interval::ZERO], |random| {
        let half = |random: &mut Random| i32::try_from(any(random) >> 32).expect("32 bits");
        Ok(Interval { months: half(random), days: half(random), microseconds: any(random) / 2 })
    })
}

/// Digits of any number, with a point among them.
fn numerics() -> Vec<Numeric> {
    let edges =
        ["NaN", "Infinity", "-Infinity", "0", "0.000", "9999", "10000", "-0.0001", "1e131071", "1e-16383"];
    let edges = edges.map(|text| text.parse::<Numeric>().expect("a numeric"));
    values(&edges, |random| {
        let digits = |random: &mut Random, most: usize| -> String {
            let count = random.below(most);
            // Zeros in a row, as in what is rounded.
            let some = ["0", "0000", "9", "1", "5", "4711", "9999"];
            (0..count).map(|_| some[random.below(some.len())]).collect()
        };
        let sign = if random.below(2) == 0 { "-" } else { "" };
        format!("{sign}{}0.0{}", digits(random, 12), digits(random, 12)).parse()
    })
}

async fn numbers_and_intervals_are_the_servers<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    are_the_servers(client, "interval", &intervals()).await?;
    let mut intervals = intervals();
    let sorted: Vec<Interval> = client
        .query_values(
            "select v from unnest($1::interval[]) with ordinality u (v, n) order by v, n",
            (&intervals,),
        )
        .await?;
    intervals.sort_by(Interval::compare);
    assert_eq!(sorted, intervals);
    are_the_servers(client, "numeric", &numerics()).await?;
    are_sorted_alike(client, "numeric", &numerics()).await?;
    let mantissas: Vec<(Numeric, Numeric, i32)> = client
        .query(
            "select v, trim_scale(v), scale(v) from unnest($1::numeric[]) v where scale(v) is not null",
            (numerics(),),
        )
        .await?;
    for (number, trimmed, scale) in mantissas {
        assert_eq!(i32::from(number.scale()), scale);
        assert_eq!(number.clone().trim_scale().to_string(), trimmed.to_string());
        if let Some(mantissa) = number.mantissa() {
            let again = Numeric::from_mantissa(mantissa, number.scale())?;
            assert_eq!(again.to_string(), number.to_string());
        }
    }
    Ok(())
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "measure")]
struct Measure {
    took: Interval,
    number: Vec<Numeric>,
    rights: Option<Rights>,
}

async fn every_interval_style_is_read_from_and_written_to_its_server<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create type measure as (took interval, number numeric[], rights aclitem)").await?;
    let mut measures: Vec<Measure> = intervals()
        .into_iter()
        .zip(numerics())
        .map(|(took, number)| Measure { took, number: vec![number], rights: rights() })
        .take(500)
        .collect();
    if client.query_value::<i32>("select current_setting('server_version_num')::int4", ()).await? >= 150_000 {
        // The number that the server prints and doesn't read.
        measures[0].took = Interval { months: -5, days: 3, microseconds: i64::MIN };
    }
    for style in ["postgres", "postgres_verbose", "sql_standard", "iso_8601"] {
        client.batch_execute(&format!("set intervalstyle = '{style}'")).await?;
        let back: Vec<Measure> = client.query_values("select unnest($1::measure[])", (&measures,)).await?;
        assert_eq!(back, measures, "{style}");
    }
    Ok(())
}

both_clients!(
    numbers_and_intervals_are_the_servers,
    every_interval_style_is_read_from_and_written_to_its_server
);
both_clients!(dates_and_times_are_the_servers, every_date_style_is_read_from_and_written_to_its_server);
