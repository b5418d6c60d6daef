//! Derived rows: columns found by name, renamed, defaulted, skipped, flattened, borrowed, generic.

use pg_core::types::typecaster::TypecasterOwned;
use pg_core::{ErrorKind, FromRow, Result, Session};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;

async fn with_orders<S: Session>(client: &mut S) -> Result<()> {
    client
        .batch_execute(
            "create table people (id int8, \"fullName\" text, \"type\" text, born date, city text, street text);
             create table orders (id int8, buyer int8, note text, total numeric);
             insert into people values (1, 'Anna A', 'admin', null, 'Bonn', 'Weg 1'), (2, 'Bert B', 'guest', null, null, null);
             insert into orders values (10, 1, 'first', 2.50), (11, 9, null, 0)",
        )
        .await
}

fn unknown() -> String {
    "unknown".to_owned()
}

#[derive(Debug, PartialEq, FromRow)]
#[pg(rename_all = "camelCase")]
struct Person {
    full_name: String,
    r#type: String,
    #[pg(name = "id")]
    number: i64,
    #[pg(default)]
    nickname: Option<String>,
    #[pg(default = unknown)]
    country: String,
    #[pg(skip)]
    cached: Vec<u8>,
}

async fn columns_are_found_by_their_names<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_orders(client).await?;
    let anna = |nickname: Option<&str>, country: &str| Person {
        full_name: "Anna A".to_owned(),
        r#type: "admin".to_owned(),
        number: 1,
        nickname: nickname.map(str::to_owned),
        country: country.to_owned(),
        cached: Vec::new(),
    };
    for _ in 0..2 {
        // In the table's order, and in any other with more between.
        assert_eq!(
            client.query_one::<Person>("select * from people where id = 1", ()).await?,
            anna(None, "unknown")
        );
        let sql = "select 'DE' as country, born, \"type\", null::text as x, id, 'An' as nickname, \"fullName\" from people where id = 1";
        assert_eq!(client.query_one::<Person>(sql, ()).await?, anna(Some("An"), "DE"));
        // A default is for a column that is missing, not for NULL.
        let error = client
            .query_one::<Person>("select *, null::text as country from people where id = 1", ())
            .await
            .unwrap_err();
        assert!(error.message().contains("\"country\": the value is NULL"), "{error}");
        let error = client.query_one::<Person>("select id, \"fullName\" from people", ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_eq!(error.message(), "the row has no column \"type\"; it has id, fullName");
        still_answers(client).await?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, FromRow)]
struct Address {
    city: String,
    street: Option<String>,
}

#[derive(Debug, PartialEq, FromRow)]
struct Buyer {
    id: i64,
    #[pg(flatten)]
    address: Option<Address>,
}

#[derive(Debug, PartialEq, FromRow)]
struct Order {
    id: i64,
    note: Option<String>,
    #[pg(flatten(prefix = "buyer_"))]
    buyer: Option<Buyer>,
}

#[derive(Debug, PartialEq, FromRow)]
#[pg(default = Account::nobody)]
struct Account {
    #[pg(alias = "number", alias = "nr")]
    id: i64,
    name: String,
    #[pg(default)]
    note: Option<String>,
    #[pg(skip_from_sql)]
    fresh: bool,
    #[pg(skip, default = unknown)]
    place: String,
}

impl Account {
    fn nobody() -> Account {
        Account {
            id: 0,
            name: "nobody".to_owned(),
            note: Some("x".to_owned()),
            fresh: true,
            place: String::new(),
        }
    }
}

async fn columns_may_have_other_names_and_a_row_a_default<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let account = |id, name: &str| Account {
        id,
        name: name.to_owned(),
        note: None,
        place: unknown(),
        ..Account::nobody()
    };
    for (sql, expected) in [
        ("select 1::int8 as id, 'a' as name, true as fresh", account(1, "a")),
        ("select 'b' as name, 2::int8 as number", account(2, "b")),
        ("select 3::int8 as nr", account(3, "nobody")),
        ("select 'c' as name", account(0, "c")),
    ] {
        assert_eq!(client.query_one::<Account>(sql, ()).await?, expected, "{sql}");
    }
    let error = client.query_one::<Account>("select 1::int8 as nr, 2::int8 as id", ()).await.unwrap_err();
    assert_eq!(error.message(), "columns 1 and 2 of the row, \"nr\" and \"id\", are one field's");
    still_answers(client).await
}

async fn joined_rows_are_structs_in_structs<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_orders(client).await?;
    let sql = "select o.id, o.note, p.id as buyer_id, p.city as buyer_city, p.street as buyer_street \
               from orders o left join people p on p.id = o.buyer order by o.id";
    let address = Address { city: "Bonn".to_owned(), street: Some("Weg 1".to_owned()) };
    let expected = [
        Order {
            id: 10,
            note: Some("first".to_owned()),
            buyer: Some(Buyer { id: 1, address: Some(address) }),
        },
        Order { id: 11, note: None, buyer: None },
    ];
    for _ in 0..2 {
        assert_eq!(client.query::<Order>(sql, ()).await?, expected);
    }
    let homeless: Buyer = client.query_one("select city, street, id from people where id = 2", ()).await?;
    assert_eq!(homeless, Buyer { id: 2, address: None });
    let error = client
        .query_one::<Order>("select 1::int8 as id, null::text as note, 1::int8 as buyer_id", ())
        .await
        .unwrap_err();
    assert!(error.message().starts_with("the row has no column \"buyer_city\""), "{error}");
    still_answers(client).await
}

#[derive(Debug, PartialEq, FromRow)]
struct Page<T> {
    total: i64,
    item: T,
}

#[derive(Debug, PartialEq, FromRow)]
struct Both<A, B> {
    #[pg(flatten(prefix = "a_"))]
    a: A,
    #[pg(flatten(prefix = "b_"))]
    b: B,
}

#[derive(Debug, PartialEq, FromRow)]
struct Pair(i64, Option<String>);

async fn item<S: Session, T: TypecasterOwned + Send>(client: &mut S, sql: &str) -> Result<Page<T>> {
    client.query_one(sql, ()).await
}

async fn rows_may_be_generic<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    for _ in 0..2 {
        let sql = "select 3::int8 as total, 'x' as item";
        assert_eq!(item::<S, String>(client, sql).await?, Page { total: 3, item: "x".to_owned() });
        assert_eq!(
            item::<S, Option<String>>(client, sql).await?,
            Page { total: 3, item: Some("x".to_owned()) }
        );
        let sql = "select 3::int8 as total, array[1, 2] as item";
        assert_eq!(item::<S, Vec<i32>>(client, sql).await?, Page { total: 3, item: vec![1, 2] });
        let sql = "select 1::int8 as a_total, 'x' as a_item, 2::int8 as b_total, 5::int8 as b_item";
        let both: Both<Page<String>, Page<i64>> = client.query_one(sql, ()).await?;
        assert_eq!(both, Both { a: Page { total: 1, item: "x".to_owned() }, b: Page { total: 2, item: 5 } });
        assert_eq!(client.query_one::<Pair>("select 1::int8, null::text", ()).await?, Pair(1, None));
        still_answers(client).await?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, FromRow)]
struct Names<'a, 'b> {
    #[pg(name = "fullName")]
    full_name: &'a str,
    city: Option<&'b str>,
    #[pg(flatten)]
    rest: Rest<'a>,
}

#[derive(Debug, PartialEq, FromRow)]
struct Rest<'r> {
    street: Option<std::borrow::Cow<'r, str>>,
}

async fn rows_borrow_from_the_stream<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_orders(client).await?;
    for _ in 0..2 {
        let mut rows = client.stream_as::<Names<'_, '_>>("select * from people order by id", ()).await?;
        let anna =
            Names { full_name: "Anna A", city: Some("Bonn"), rest: Rest { street: Some("Weg 1".into()) } };
        assert_eq!(rows.next_as::<Names<'_, '_>>().await?, Some(anna));
        let row = rows.next_row().await?.unwrap();
        assert_eq!(
            row.get::<Names<'_, '_>>()?,
            Names { full_name: "Bert B", city: None, rest: Rest { street: None } }
        );
        assert!(rows.next_row().await?.is_none());
        still_answers(client).await?;
    }
    Ok(())
}

pg_tests::both_clients!(
    columns_are_found_by_their_names,
    columns_may_have_other_names_and_a_row_a_default,
    joined_rows_are_structs_in_structs,
    rows_may_be_generic,
    rows_borrow_from_the_stream,
);
