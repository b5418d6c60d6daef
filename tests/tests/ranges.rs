//! Ranges and multiranges against a server: PostgreSQL's own by heart, others as the catalog tells.

use pg_core::types::adapter::{Adapter, Encode, IsNull};
use pg_core::types::name::{NamedKind, NamedType, TypeName};
use pg_core::types::plan::{Plan, Planner};
use pg_core::types::range::{self, Multirange, Range};
use pg_core::types::typecaster::{RawValue, Typecaster};
use pg_core::types::{Type, strings::Text};
use pg_core::{FromSql, Result, Row, Session, ToSql};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;
use std::ops::Bound::{Excluded, Included, Unbounded};

const SCHEMA: &str = "create type speeds as range (subtype = float8, subtype_diff = float8mi);
    create type mood as enum ('sad', 'ok', 'happy'); create type moods as range (subtype = mood);
    create domain ages as int4range check (lower(value) >= 0);
    create type plan as (name text, days int4range[], best speeds, ages ages);";

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
enum Mood {
    Sad,
    Ok,
    Happy,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(domain)]
struct Ages(std::ops::Range<i32>);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "plan")]
struct Schedule {
    name: String,
    days: Vec<Range<i32>>,
    best: Option<Range<f64>>,
    ages: Ages,
}

async fn ranges_go_to_the_server_and_back<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    for _ in 0..2 {
        for (range, text) in [
            (Range::from(1..5), "[1,5)"),
            (Range::from(1..=5), "[1,6)"),
            (Range::new(Excluded(1), Excluded(5)), "[2,5)"),
            (Range::new(Unbounded, Included(5)), "(,6)"),
            (Range::from(..), "(,)"),
            (Range::Empty, "empty"),
            (Range::from(5..5), "empty"),
        ] {
            let (back, written): (Range<i32>, String) =
                client.query_one("select $1, $1::text", (range,)).await?;
            assert_eq!((back.to_string().as_str(), written.as_str()), (text, text));
            assert_eq!(back, text.parse()?);
        }
        // What std's ranges say is what the server reads; a canonical one is read as such.
        assert_eq!(client.query_value::<std::ops::Range<i64>>("select $1", (3_i64..=9,)).await?, 3..10);
        assert_eq!(client.query_value::<std::ops::RangeFrom<i64>>("select $1", (3_i64..,)).await?, 3..);
        assert!(
            client
                .query_value::<bool>(
                    "select 7 <@ $1::int4range and $2 @> 2 and upper_inf($3)",
                    (.., ..=5, 1..)
                )
                .await?
        );
        let error =
            client.query_value::<std::ops::RangeInclusive<i32>>("select $1", (1..=5,)).await.unwrap_err();
        assert!(
            error.message().contains("of the form [a,b), and std::ops::RangeInclusive<i32> is [a,b]"),
            "{error}"
        );
        let error =
            client.query_value::<Range<i32>>("select $1", (std::ops::Range { start: 5, end: 1 },)).await;
        assert_eq!(error.unwrap_err().sqlstate().unwrap().code(), "22000");
        // Arrays, NULL.
        let ranges = vec![Some(Range::from(1..2)), None, Some(Range::Empty)];
        assert_eq!(client.query_value::<Vec<Option<Range<i32>>>>("select $1", (&ranges,)).await?, ranges);
        assert_eq!(client.query_value::<Option<Range<i32>>>("select $1", (None::<Range<i32>>,)).await?, None);
    }
    still_answers(client).await
}

async fn multiranges_come_back_in_order<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    for _ in 0..2 {
        let given: Multirange<i32> = [5..=6, 1..=2, 2..=3].into_iter().map(Range::from).collect();
        let back: Multirange<i32> = client.query_value("select $1", (&given,)).await?;
        assert_eq!(back.to_string(), "{[1,4),[5,7)}");
        assert_eq!(client.query_value::<Multirange<i32>>("select $1", (&back,)).await?, back);
        let both = vec![back.clone(), Multirange::new(vec![])];
        assert_eq!(client.query_value::<Vec<Multirange<i32>>>("select $1", (&both,)).await?, both);
        assert_eq!(
            client.query_value::<String>("select $1::text", (&both,)).await?,
            r#"{"{[1,4),[5,7)}","{}"}"#
        );
    }
    still_answers(client).await
}

async fn ranges_that_were_created_are_found_by_their_subtype<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let speeds = Range::new(Excluded(0.5), Included(f64::INFINITY));
    for _ in 0..2 {
        let (back, type_): (Range<f64>, String) =
            client.query_one("select $1, pg_typeof($1)::text", (&speeds,)).await?;
        assert_eq!((back, type_.as_str()), (speeds, "speeds"));
        let several: Multirange<f64> = [speeds].into_iter().collect();
        let (back, type_): (Multirange<f64>, String) =
            client.query_one("select $1, pg_typeof($1)::text", (&several,)).await?;
        assert_eq!((back, type_.as_str()), (several, "speeds_multirange"));
        let array = vec![Some(speeds), None];
        assert_eq!(client.query_value::<Vec<Option<Range<f64>>>>("select $1", (&array,)).await?, array);
        let moods = Range::from(Mood::Sad..Mood::Happy);
        assert_eq!(client.query_value::<Range<Mood>>("select $1", (moods,)).await?, moods);
        assert!(client.query_value::<bool>("select $1 @> 'ok'::mood", (moods,)).await?);
        let ages = Ages(18..65);
        assert_eq!(client.query_value::<Ages>("select $1::ages", (&ages,)).await?, ages);
        let plan = Schedule {
            name: "a".to_owned(),
            days: vec![Range::from(1..3), Range::Empty],
            best: Some(speeds),
            ages,
        };
        let (back, text): (Schedule, String) = client.query_one("select $1, $1::text", (&plan,)).await?;
        assert_eq!(back, plan);
        assert_eq!(text, r#"(a,"{""[1,3)"",empty}","(0.5,Infinity]","[18,65)")"#);
        let back: Schedule = client.query_value("select $1::plan", (&text,)).await?;
        assert_eq!(back, plan);
    }
    // A row whose types are known only when it comes.
    let row: Row = client.query_one("select '[1.5,2]'::speeds, '{[ok,ok]}'::moods_multirange", ()).await?;
    assert_eq!(row.get::<Range<f64>>(0)?, Range::from(1.5..=2.0));
    still_answers(client).await
}

async fn a_subtype_without_a_range_or_with_several_is_an_error_that_names_the_cure<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let range = Range::from(1.5..2.5);
    for _ in 0..2 {
        let error = client.query_value::<Range<f64>>("select $1", (&range,)).await.unwrap_err();
        assert!(error.message().contains("there is no range type over float8"), "{error}");
        assert!(error.cure().unwrap().contains("create type .. as range"), "{error}");
        still_answers(client).await?;
    }
    client
        .batch_execute(
            "create type speeds as range (subtype = float8); create type weights as range (subtype = float8)",
        )
        .await?;
    for _ in 0..2 {
        let error = client.query_value::<Range<f64>>("select $1", (&range,)).await.unwrap_err();
        assert!(error.message().contains("there are several range types over float8: "), "{error}");
        assert!(error.cure().unwrap().contains("#[pg(name = \"..\", range)]"), "{error}");
        // Reading is not ambiguous, and neither is a newtype.
        assert_eq!(client.query_value::<Range<f64>>("select '[1.5,2.5)'::weights", ()).await?, range);
        let (back, type_): (Weights, String) =
            client.query_one("select $1, pg_typeof($1)::text", (Weights(range),)).await?;
        assert_eq!((back, type_.as_str()), (Weights(range), "weights"));
        let error = client.query_value::<Weights>("select '[1,2)'::speeds", ()).await.unwrap_err();
        assert!(
            error.message().contains("the SQL type is public.speeds, but Weights stands for weights"),
            "{error}"
        );
        assert_eq!(
            client.query_value::<Vec<Weights>>("select $1", (vec![Weights(range)],)).await?,
            [Weights(range)]
        );
    }
    still_answers(client).await
}

/// What the derive writes for `#[pg(name = "weights", range)]`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Weights(Range<f64>);

const WEIGHTS: TypeName =
    TypeName::Named(&NamedType { schema: None, name: "weights", kind: NamedKind::Range });

impl Adapter for Weights {
    const TYPE: TypeName = WEIGHTS;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        range::write_plan::<Self>(WEIGHTS, <Range<f64> as Adapter>::plan, type_, planner)
    }

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        self.0.encode(to)
    }
}

impl<'a> Typecaster<'a> for Weights {
    const TYPE: TypeName = WEIGHTS;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        range::read_plan::<Self>(WEIGHTS, <Range<f64> as Typecaster<'_>>::plan, type_, planner)
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        Range::decode(raw).map(Weights)
    }
}

async fn a_range_of_strings_is_of_any_type<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let days = "2026-01-01".to_owned().."2026-02-01".to_owned();
    assert!(client.query_value::<bool>("select $1::daterange @> '2026-01-31'::date", (&days,)).await?);
    let error = client
        .query_value::<bool>("select $1::int4range @> 1", (Range::from(Text("a")..),))
        .await
        .unwrap_err();
    assert!(error.message().contains("there is no range type over text"), "{error}");
    client.batch_execute("create type words as range (subtype = text)").await?;
    let words = Range::new(Included(Text("a\" \\(".to_owned())), Excluded(Text("b,]".to_owned())));
    assert_eq!(client.query_value::<Range<Text<String>>>("select $1", (&words,)).await?, words);
    still_answers(client).await
}

pg_tests::both_clients!(
    ranges_go_to_the_server_and_back,
    multiranges_come_back_in_order,
    ranges_that_were_created_are_found_by_their_subtype,
    a_subtype_without_a_range_or_with_several_is_an_error_that_names_the_cure,
    a_range_of_strings_is_of_any_type,
);
