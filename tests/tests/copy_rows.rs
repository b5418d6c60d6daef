//! Derived rows of COPY, under both clients: what is sent is what the server reads, in text and in binary.

use pg_core::copy::CopyFrom;
use pg_core::{CopyRow, ErrorKind, FromRow, FromSql, Params, Result, Session, ToSql};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;

#[derive(Debug, Clone, PartialEq, CopyRow, FromRow)]
struct Entry {
    id: i64,
    #[pg(name = "The Text")]
    text: String,
    note: Option<String>,
    tags: Vec<Option<String>>,
    bytes: Vec<u8>,
    #[pg(into = i32, from = i32)]
    level: Level,
    state: State,
    #[pg(skip)]
    cached: u8,
}

/// `made` is the server's to give.
#[derive(Debug, Clone, PartialEq, CopyRow, Params, FromRow)]
struct Made {
    id: i64,
    #[pg(skip_to_sql)]
    made: i32,
}

#[derive(Debug, Clone, PartialEq)]
struct Level(i32);

impl From<Level> for i32 {
    fn from(level: Level) -> i32 {
        level.0
    }
}

impl From<i32> for Level {
    fn from(level: i32) -> Level {
        Level(level)
    }
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(repr = i16)]
enum State {
    Open,
    Closed,
}

/// A type without a binary form of ours: all goes as text.
#[derive(ToSql)]
#[pg(text, name = "inet")]
struct Host(std::net::IpAddr);

#[derive(CopyRow)]
struct Seen<'a>(Host, &'a str);

const TABLE: &str = r#"
    create table entry (note text, id bigint, "The Text" varchar, level integer, state smallint, tags text[], bytes bytea,
                        made integer default 7)
"#;

fn entries() -> Vec<Entry> {
    let entry = |id, text: &str| Entry {
        id,
        text: text.to_owned(),
        note: None,
        tags: vec![],
        bytes: vec![],
        level: Level(-1),
        state: State::Open,
        cached: 0,
    };
    vec![
        Entry { note: Some("\\.".to_owned()), bytes: (0..=255).collect(), ..entry(i64::MIN, "") },
        entry(1, "tab\t newline\n return\r backslash\\ \\N \\. \u{e9}\u{1f600}"),
        Entry { note: Some(String::new()), tags: vec![Some("a,\"\\\t".to_owned()), None], ..entry(2, "\\N") },
        Entry { state: State::Closed, ..entry(3, "x") },
    ]
}

async fn named_fields_find_their_columns<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(TABLE).await?;
    assert_eq!(client.copy_in_all(&CopyFrom::table("entry"), &entries()).await?, 4);
    let back: Vec<Entry> = client.query("select * from entry where made = 7 order by id", ()).await?;
    assert_eq!(back, entries());
    Ok(())
}

async fn a_column_that_the_server_fills_is_read_and_not_written<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(TABLE).await?;
    let made = Made { id: 1, made: 0 };
    client.copy_in_all(&CopyFrom::table("entry"), [&made]).await?;
    let back: Made = client.query_one("select id, made from entry", ()).await?;
    assert_eq!(back, Made { made: 7, ..made.clone() });
    let sql = "insert into entry (id) values (:id) returning id, made";
    let back: Made = client.query_one(sql, made.clone()).await?;
    assert_eq!(back, Made { made: 7, ..made });
    Ok(())
}

async fn a_tuple_struct_goes_in_order_and_a_text_type_makes_it_text<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create table seen (host inet, what text)").await?;
    let what = "tab\t\\N\n";
    assert_eq!(
        client.copy_in_all(&CopyFrom::table("seen"), [Seen(Host([10, 0, 0, 1].into()), what)]).await?,
        1
    );
    let back: (String, String) = client.query_one("select host(host), what from seen", ()).await?;
    assert_eq!(back, ("10.0.0.1".to_owned(), what.to_owned()));
    Ok(())
}

/// JSON has no type of its own as a parameter, and two as a column.
async fn json_goes_into_both_of_its_columns<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create table document (j json, b jsonb)").await?;
    let value = serde_json::json!({ "a": [1, null] });
    let copy = CopyFrom::table("document");
    assert_eq!(client.copy_in_all(&copy, [(value.clone(), Some(value.clone()))]).await?, 1);
    let found: (serde_json::Value, serde_json::Value) =
        client.query_one("select j, b from document", ()).await?;
    assert_eq!(found, (value.clone(), value));
    still_answers(client).await
}

async fn a_field_that_does_not_fit_is_named_and_nothing_is_sent<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(TABLE).await?;
    let bad = Entry { note: Some("\0".to_owned()), ..entries().remove(0) };
    let error = client.copy_in_all(&CopyFrom::table("entry"), [bad]).await.unwrap_err();
    assert!(error.to_string().contains("column \"note\": "), "{error}");
    // Those of a tuple are called as the command calls them.
    let copy = CopyFrom::table("entry").columns(["id", "note"]);
    let error = client.copy_in_all(&copy, [(1_i64, "\0")]).await.unwrap_err();
    assert!(error.to_string().contains("column \"note\": "), "{error}");
    let error = client.copy_in_all(&copy, [(1_i32, "x")]).await.unwrap_err();
    assert!(error.to_string().contains("column \"id\": the SQL type is int8"), "{error}");
    client.batch_execute("alter table entry alter level type bigint").await?;
    let error = client.copy_in_all(&CopyFrom::table("entry"), &entries()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    assert!(error.to_string().contains("column \"level\": the SQL type is int8"), "{error}");
    client.batch_execute("alter table entry drop level").await?;
    client.copy_in_all(&CopyFrom::table("entry"), &entries()).await.unwrap_err();
    assert_eq!(client.query_value::<i64>("select count(*) from entry", ()).await?, 0);
    still_answers(client).await
}

pg_tests::both_clients!(
    json_goes_into_both_of_its_columns,
    named_fields_find_their_columns,
    a_column_that_the_server_fills_is_read_and_not_written,
    a_tuple_struct_goes_in_order_and_a_text_type_makes_it_text,
    a_field_that_does_not_fit_is_named_and_nothing_is_sent,
);
