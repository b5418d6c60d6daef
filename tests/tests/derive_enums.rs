//! Derived enums against a server, under both clients: labels, text, integers, what no variant stands for, and variants
//! with data as JSON.

use pg_core::{ErrorKind, FromSql, Result, Session, ToSql};
use pg_tests::clients::{echo, still_answers};
use pg_tests::server::Database;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

const SCHEMA: &str = "
    create type mood as enum ('sad', 'so so', 'VERY-HAPPY', 'new');
    create domain level as integer check (value >= 0);
";

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(rename_all = "SCREAMING-KEBAB-CASE")]
enum Mood {
    #[pg(name = "sad")]
    Sad,
    #[pg(name = "so so", alias = "ok", alias = "fine")]
    Ok,
    VeryHappy,
    #[pg(other)]
    Other(String),
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "mood")]
enum Strict {
    Sad,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "mood")]
enum Seen<'r> {
    Sad,
    #[pg(other)]
    Other {
        label: Cow<'r, str>,
    },
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "mood")]
enum Known {
    Sad,
    /// Of this program alone.
    #[pg(skip)]
    Guessed(f64, String),
    New,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(repr = i32)]
#[repr(i32)]
enum Code {
    One = 1,
    #[pg(skip)]
    Local,
    Three,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(text, rename_all = "lowercase")]
enum State {
    Open,
    #[pg(alias = "done")]
    Closed,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(repr = i32)]
enum Level {
    Low = 10,
    Middle,
    High = -3,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(repr = i16)]
enum Status {
    Ok,
    Gone,
    #[pg(other)]
    Other(i16),
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(repr = i8)]
#[repr(i8)]
enum Letter {
    A = b'a' as i8,
    B,
}

async fn labels_have_aliases_and_the_rest_is_kept<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    echo(client, &Mood::Ok, "mood", "so so").await?;
    echo(client, &Mood::VeryHappy, "mood", "VERY-HAPPY").await?;
    echo(client, &Mood::Other("new".to_owned()), "mood", "new").await?;
    echo(client, &vec![Mood::Other("new".to_owned()), Mood::Sad], "mood[]", "{new,sad}").await?;
    client.batch_execute("alter type mood rename value 'so so' to 'fine'").await?;
    assert_eq!(client.query_value::<Mood>("select 'fine'::mood", ()).await?, Mood::Ok);
    let error = client.query_value::<Strict>("select 'new'::mood", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(
        error.message().contains("label \"new\", for which Strict has no variant; it has sad"),
        "{error}"
    );
    assert!(error.cure().unwrap().contains("#[pg(other)]"), "{error}");
    let error =
        client.query_value::<i64>("select 1::bigint where $1::mood is null", (Mood::Other("\0".to_owned()),));
    assert_eq!(error.await.unwrap_err().kind(), ErrorKind::Encode);
    still_answers(client).await
}

async fn a_skipped_variant_is_never_read_and_an_error_to_write<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    echo(client, &Known::Sad, "mood", "sad").await?;
    echo(client, &Known::New, "mood", "new").await?;
    echo(client, &Code::Three, "integer", "3").await?;
    let guessed = Known::Guessed(0.5, "x".to_owned());
    let error = client.query_value::<Known>("select $1::mood", (&guessed,)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert!(error.message().contains("Known::Guessed stands for nothing in SQL"), "{error}");
    let error = client.query_value::<Code>("select 2", ()).await.unwrap_err();
    assert!(error.message().contains("Code has no variant for the number 2; it has 1, 3"), "{error}");
    let error = client.query_value::<Code>("select $1::int4", (&Code::Local,)).await.unwrap_err();
    assert!(error.message().contains("Code::Local stands for nothing in SQL"), "{error}");
    still_answers(client).await
}

async fn a_kept_label_may_be_borrowed<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let mut rows = client.stream("select unnest(array['sad', 'new']::mood[])", ()).await?;
    let mut seen = Vec::new();
    while let Some(row) = rows.next_row().await? {
        seen.push(match row.get::<(Seen<'_>,)>()?.0 {
            Seen::Other { label: Cow::Borrowed(label) } => label.to_owned(),
            known => format!("{known:?}"),
        });
    }
    assert_eq!(seen, ["Sad", "new"]);
    Ok(())
}

async fn text_enums_fit_all_character_types<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create table t (a text, b varchar(10), c text[])").await?;
    let many = vec![State::Open, State::Closed];
    client.execute("insert into t values ($1, $2, $3)", (State::Closed, State::Open, &many)).await?;
    for _ in 0..3 {
        let row: (State, State, Vec<State>) =
            client.query_one("select * from t where a = $1", (State::Closed,)).await?;
        assert_eq!(row, (State::Closed, State::Open, many.clone()));
    }
    assert_eq!(client.query_value::<State>("select 'done'", ()).await?, State::Closed);
    let error = client.query_value::<State>("select 'other'", ()).await.unwrap_err();
    assert!(error.message().contains("open, closed"), "{error}");
    let error = client.query_value::<State>("select 1", ()).await.unwrap_err();
    assert!(error.message().contains("the SQL type is int4, but State stands for text"), "{error}");
    still_answers(client).await
}

async fn integer_enums_are_their_numbers<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    echo(client, &Level::Middle, "integer", "11").await?;
    echo(client, &Level::High, "integer", "-3").await?;
    echo(client, &Level::Low, "level", "10").await?;
    echo(client, &vec![Some(Level::Low), None], "integer[]", "{10,NULL}").await?;
    echo(client, &Status::Gone, "smallint", "1").await?;
    echo(client, &Status::Other(-7), "smallint", "-7").await?;
    echo(client, &Letter::B, "\"char\"", "b").await?;
    let error = client.query_value::<Level>("select 12", ()).await.unwrap_err();
    assert!(error.message().contains("Level has no variant for the number 12; it has 10, 11, -3"), "{error}");
    let error = client.query_value::<Level>("select 10::bigint", ()).await.unwrap_err();
    assert!(error.message().contains("int8"), "{error}");
    still_answers(client).await
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSql, FromSql)]
#[serde(tag = "shape", rename_all = "snake_case")]
#[pg(json)]
enum Shape {
    Nothing,
    Circle { radius: f64, label: Option<String> },
    Group { inside: Vec<Shape> },
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "drawing")]
struct Drawing {
    shapes: Vec<Option<Shape>>,
    first: Option<Shape>,
    n: i32,
}

async fn variants_with_data_are_documents<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client
        .batch_execute(
            "create type drawing as (n int4, first json, shapes jsonb[]); create domain shape as jsonb check (value ? 'shape');
             create table canvas (id int8, shape jsonb, kept json, shapes jsonb[], drawing drawing, checked shape)",
        )
        .await?;
    let circle = Shape::Circle { radius: 0.5, label: Some("a \"b\" \\ {c}, \u{1f600}".to_owned()) };
    let group = Shape::Group { inside: vec![Shape::Nothing, circle.clone()] };
    echo(client, &Shape::Nothing, "jsonb", r#"{"shape": "nothing"}"#).await?;
    echo(
        client,
        &Shape::Circle { radius: 2.0, label: None },
        "json",
        r#"{"shape":"circle","radius":2.0,"label":null}"#,
    )
    .await?;
    echo(client, &Some(Shape::Group { inside: vec![] }), "shape", r#"{"shape": "group", "inside": []}"#)
        .await?;
    let drawing = Drawing {
        shapes: vec![Some(group.clone()), None, Some(circle.clone())],
        first: Some(circle.clone()),
        n: 7,
    };
    let list = vec![Some(circle.clone()), None, Some(Shape::Nothing)];
    let insert = "insert into canvas values ($1, $2, $3, $4, $5, $6)";
    for id in 0..3_i64 {
        client.execute(insert, (id, &group, &circle, &list, &drawing, &circle)).await?;
        type Row = (Shape, Shape, Vec<Option<Shape>>, Drawing, Shape);
        let sql = "select shape, kept, shapes, drawing, checked from canvas where id = $1 and shape = $2";
        let row: Row = client.query_one(sql, (id, &group)).await?;
        assert_eq!(row, (group.clone(), circle.clone(), list.clone(), drawing.clone(), circle.clone()));
    }
    let radius: f64 = client
        .query_value("select (kept ->> 'radius')::float8 from canvas where (drawing).n = 7 limit 1", ())
        .await?;
    assert_eq!(radius, 0.5);
    let error = client.query_value::<Shape>("select '{\"shape\": \"square\"}'::jsonb", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(
        error.to_string().contains("unknown variant `square`, expected one of `nothing`, `circle`, `group`"),
        "{error}"
    );
    still_answers(client).await
}

pg_tests::both_clients!(
    labels_have_aliases_and_the_rest_is_kept,
    a_kept_label_may_be_borrowed,
    a_skipped_variant_is_never_read_and_an_error_to_write,
    text_enums_fit_all_character_types,
    integer_enums_are_their_numbers,
    variants_with_data_are_documents,
);
