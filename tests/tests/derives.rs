//! Derived types against a server, under both clients: what was written is what the server says it is, and what is
//! read is what was written.

use pg_core::{ErrorKind, FromRow, FromSql, Result, Session, ToSql};
use pg_tests::clients::{echo, still_answers};
use pg_tests::server::Database;
use std::borrow::Cow;
use std::marker::PhantomData;
use std::net::IpAddr;

const SCHEMA: &str = r#"
    create schema shop;
    create type mood as enum ('sad', 'so so', 'very_happy');
    create domain email as text check (value like '%@%');
    create domain numbers as bigint[];
    create type shop.item as (tags text[], price bigint, name text, note text, mood mood);
    create domain offer as shop.item check ((value).price < 1000);
    create type person as (id bigint, email email, home point, item shop.item, hosts inet[], best mood[]);
    create type "Weird ""Type""" as ("first attribute" bigint, "Second" text);
"#;

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
enum Mood {
    Sad,
    #[pg(name = "so so")]
    Ok,
    VeryHappy,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql, FromRow)]
#[pg(schema = "shop")]
struct Item {
    name: String,
    price: i64,
    tags: Vec<String>,
    mood: Option<Mood>,
    note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(domain)]
struct Email(String);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(domain)]
struct Numbers(Vec<i64>);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(domain)]
struct Offer(Item);

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(packed)]
struct Point {
    x: f64,
    y: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(packed)]
struct Circle {
    center: Point,
    radius: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(packed)]
struct Box {
    high: Point,
    low: Point,
}

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(packed)]
struct Line {
    a: f64,
    b: f64,
    c: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(packed)]
struct Lseg {
    from: Point,
    to: Point,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(text, name = "inet")]
struct Host(IpAddr);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(transparent)]
struct Id<Of>(i64, PhantomData<Of>);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
struct Person {
    id: Id<Person>,
    email: Option<Email>,
    home: Point,
    item: Item,
    hosts: Vec<Option<Host>>,
    best: Vec<Mood>,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "Weird \"Type\"")]
struct Weird<A, B> {
    #[pg(name = "Second")]
    second: B,
    #[pg(name = "first attribute")]
    first: A,
}

fn item() -> Item {
    Item {
        name: "a \"b\" \\ (c), {d} \u{1f600}".to_owned(),
        price: -1,
        tags: vec!["x,y".to_owned(), "NULL".to_owned(), String::new(), "\\".to_owned()],
        mood: Some(Mood::Ok),
        note: Some(String::new()),
    }
}

fn host(address: [u8; 4]) -> Host {
    Host(IpAddr::from(address))
}

async fn each_kind_of_type_goes_in_and_comes_out<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let record = r#"("{""x,y"",""NULL"","""",""\\\\""}",-1,"a ""b"" \\ (c), {d} 😀","","so so")"#;
    echo(client, &Mood::Ok, "mood", "so so").await?;
    echo(client, &item(), "shop.item", record).await?;
    echo(client, &Email("a@b.c".to_owned()), "email", "a@b.c").await?;
    echo(client, &Numbers(vec![1, 2]), "numbers", "{1,2}").await?;
    echo(client, &Offer(item()), "offer", record).await?;
    echo(client, &Id::<()>(7, PhantomData), "bigint", "7").await?;
    echo(client, &host([10, 0, 0, 1]), "inet", "10.0.0.1/32").await?;
    let weird = Weird { first: 1_i64, second: "(".to_owned() };
    echo(client, &weird, "\"Weird \"\"Type\"\"\"", "(1,\"(\")").await?;
    let (from, to) = (Point { x: 3.0, y: 4.5 }, Point { x: 1.0, y: -2.0 });
    echo(client, &from, "point", "(3,4.5)").await?;
    echo(client, &Lseg { from, to }, "lseg", "[(3,4.5),(1,-2)]").await?;
    echo(client, &Box { high: from, low: to }, "box", "(3,4.5),(1,-2)").await?;
    echo(client, &Circle { center: from, radius: 2.0 }, "circle", "<(3,4.5),2>").await?;
    echo(client, &Line { a: 1.0, b: 2.0, c: 3.0 }, "line", "{1,2,3}").await
}

async fn arrays_of_each_kind_too<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    echo(client, &vec![Mood::Ok, Mood::Sad], "mood[]", "{\"so so\",sad}").await?;
    let item = Item { name: "n".to_owned(), price: 1, tags: vec![], mood: None, note: None };
    echo(client, &vec![Some(item.clone()), None], "shop.item[]", "{\"({},1,n,,)\",NULL}").await?;
    echo(client, &vec![Email("a@b.c".to_owned())], "email[]", "{a@b.c}").await?;
    // An array of a domain over an array is not one of two dimensions.
    echo(client, &vec![Numbers(vec![1]), Numbers(vec![2, 3])], "numbers[]", "{\"{1}\",\"{2,3}\"}").await?;
    echo(client, &vec![Offer(item)], "offer[]", "{\"({},1,n,,)\"}").await?;
    echo(client, &vec![Some(host([10, 0, 0, 1])), None], "inet[]", "{10.0.0.1,NULL}").await?;
    let (high, low) = (Point { x: 3.0, y: 4.0 }, Point { x: 1.0, y: 2.0 });
    echo(client, &vec![high, low], "point[]", "{\"(3,4)\",\"(1,2)\"}").await?;
    echo(client, &vec![Box { high, low }, Box { high, low }], "box[]", "{(3,4),(1,2);(3,4),(1,2)}").await?;
    echo(client, &Vec::<Mood>::new(), "mood[]", "{}").await
}

async fn types_inside_types_keep_what_they_hold<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    client.batch_execute("create table people (person person)").await?;
    let people = [
        Person {
            id: Id(5, PhantomData),
            email: Some(Email("a@b.c".to_owned())),
            home: Point { x: 1.5, y: f64::NEG_INFINITY },
            item: item(),
            hosts: vec![Some(host([127, 0, 0, 1])), None],
            best: vec![Mood::Ok],
        },
        Person {
            id: Id(6, PhantomData),
            email: None,
            home: Point { x: 0.0, y: 0.0 },
            item: Item { tags: vec![], mood: None, note: None, ..item() },
            hosts: vec![],
            best: vec![],
        },
    ];
    for person in &people {
        assert_eq!(client.execute("insert into people values ($1)", (person,)).await?, 1);
    }
    for _ in 0..3 {
        let back: Vec<Person> =
            client.query_values("select person from people order by (person).id", ()).await?;
        assert_eq!(back, people);
    }
    // The text form is forced by one attribute; the server reads the same from it.
    let sql = "select ((person).item).name, ((person).item).tags, (person).email from people where person::text = $1::person::text";
    let seen: (String, Vec<String>, Option<Email>) = client.query_one(sql, (&people[0],)).await?;
    assert_eq!(seen, (item().name, item().tags, people[0].email.clone()));
    Ok(())
}

async fn columns_of_derived_types_are_compared_and_checked<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    client.batch_execute("create table t (mood mood, email email, address inet, moods mood[])").await?;
    let values = (Mood::Sad, Email("a@b.c".to_owned()), host([10, 0, 0, 1]), vec![Mood::Ok]);
    client.execute("insert into t values ($1, $2, $3, $4)", values).await?;
    for _ in 0..2 {
        let sql = "select mood, email, address from t where mood = $1 and email = $2 and address << $3 and $4 = any(moods)";
        let network = "10.0.0.0/8";
        let found: (Mood, Email, Host) =
            client.query_one(sql, (Mood::Sad, Email("a@b.c".to_owned()), network, Mood::Ok)).await?;
        assert_eq!(found, (Mood::Sad, Email("a@b.c".to_owned()), host([10, 0, 0, 1])));
    }
    let error =
        client.execute("insert into t (email) values ($1)", (Email("no".to_owned()),)).await.unwrap_err();
    assert!(error.is_check_violation(), "{error}");
    still_answers(client).await
}

async fn a_row_with_a_text_type_beside_a_packed_one_is_read<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    #[derive(Debug, PartialEq, FromRow)]
    struct Place {
        host: Host,
        home: Point,
        ways: Vec<Point>,
        count: i64,
    }
    for _ in 0..3 {
        let sql = "select '10.0.0.1'::inet host, point(1,2) home, array[point(3,4)] ways, 5::bigint count";
        let place: Place = client.query_one(sql, ()).await?;
        let (home, way) = (Point { x: 1.0, y: 2.0 }, Point { x: 3.0, y: 4.0 });
        assert_eq!(place, Place { host: host([10, 0, 0, 1]), home, ways: vec![way], count: 5 });
    }
    Ok(())
}

async fn a_struct_may_be_a_composite_and_a_row<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    client.batch_execute("create table items of shop.item").await?;
    client.execute("insert into items select ($1::shop.item).*", (item(),)).await?;
    let row: Item = client.query_one("select * from items", ()).await?;
    let value: Item = client.query_value("select row(i.*)::shop.item from items i", ()).await?;
    assert_eq!((&row, &value), (&item(), &item()));
    Ok(())
}

async fn outer_joins_are_read_into_options<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    #[derive(Debug, PartialEq, FromRow)]
    struct Owner {
        id: i64,
        name: Option<String>,
    }
    #[derive(Debug, PartialEq, FromRow)]
    struct Dog<'r> {
        name: Cow<'r, str>,
        #[pg(flatten(prefix = "owner_"))]
        owner: Option<Owner>,
        #[pg(default)]
        tricks: Vec<i64>,
        #[pg(skip)]
        seen: bool,
    }
    let sql = "select d.name, o.id as owner_id, o.name as owner_name, now() as other
        from (values ('rex', 1::bigint), ('ino', null)) d(name, owner)
        left join (values (1::bigint, null::text)) o(id, name) on o.id = d.owner order by d.name desc";
    for _ in 0..2 {
        let mut rows = client.stream(sql, ()).await?;
        let mut dogs = Vec::new();
        while let Some(row) = rows.next_row().await? {
            let dog: Dog<'_> = row.get()?;
            assert!(!dog.seen && dog.tricks.is_empty());
            dogs.push((dog.name.into_owned(), dog.owner));
        }
        let owner = Some(Owner { id: 1, name: None });
        assert_eq!(dogs, [("rex".to_owned(), owner), ("ino".to_owned(), None)]);
    }
    Ok(())
}

async fn borrowing_types_borrow_from_the_stream<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    #[derive(Debug, PartialEq, FromSql)]
    #[pg(name = "item", schema = "shop")]
    struct View<'r> {
        name: &'r str,
        price: i64,
        tags: Vec<&'r str>,
        mood: Option<Mood>,
        note: Option<Cow<'r, str>>,
    }
    #[derive(Debug, FromRow)]
    struct Row<'r> {
        item: View<'r>,
        items: Vec<View<'r>>,
    }
    client.batch_execute(SCHEMA).await?;
    client.batch_execute("create table items (item shop.item, items shop.item[])").await?;
    client.execute("insert into items values ($1, $2)", (item(), vec![item(), item()])).await?;
    for _ in 0..2 {
        let mut rows = client.stream("select * from items", ()).await?;
        while let Some(row) = rows.next_row().await? {
            let Row { item: view, items } = row.get()?;
            assert_eq!(
                (view.name, view.price, &view.tags),
                (&*item().name, -1, &vec!["x,y", "NULL", "", "\\"])
            );
            assert_eq!((&view.mood, view.note.as_deref()), (&Some(Mood::Ok), Some("")));
            assert_eq!(items.len(), 2);
            assert_eq!(items[1], view);
        }
    }
    Ok(())
}

async fn what_does_not_fit_is_named_and_the_session_goes_on<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    #[derive(Debug, ToSql, FromSql)]
    #[pg(name = "item", schema = "shop")]
    struct Short {
        name: String,
        price: i64,
    }
    #[derive(Debug, ToSql, FromSql)]
    #[pg(name = "no_such_type")]
    struct Missing {
        id: i64,
    }
    client.batch_execute(SCHEMA).await?;
    client.batch_execute("alter type mood add value 'new'").await?;
    let label = client.query_value::<Mood>("select 'new'::mood", ()).await.unwrap_err();
    assert_eq!(
        label.message(),
        "column 1 \"mood\": mood has the label \"new\", for which Mood has no variant; it has sad, so so, very_happy"
    );
    still_answers(client).await?;
    let short = client.query_value::<Short>("select null::shop.item", ()).await.unwrap_err();
    assert!(
        short.message().contains("shop.item has an attribute \"tags\" for which the Rust type has no field"),
        "{short}"
    );
    still_answers(client).await?;
    let sent = Short { name: "n".to_owned(), price: 1 };
    let short = client.execute("select $1::shop.item", (&sent,)).await.unwrap_err();
    assert_eq!(short.kind(), ErrorKind::Encode, "{short}");
    still_answers(client).await?;
    let missing = client.execute("select $1", (Missing { id: 1 },)).await.unwrap_err();
    assert!(missing.to_string().contains("no_such_type"), "{missing}");
    still_answers(client).await?;
    let missing = client.query_value::<Missing>("select 1::bigint", ()).await.unwrap_err();
    assert!(missing.to_string().contains("no_such_type"), "{missing}");
    still_answers(client).await?;
    let other = client.query_value::<Point>("select 'sad'::mood", ()).await.unwrap_err();
    assert!(other.message().contains("Point stands for point"), "{other}");
    still_answers(client).await?;
    let null = client.query_value::<Email>("select null::email", ()).await.unwrap_err();
    assert!(null.cure().unwrap().contains("Option<"), "{null}");
    let Missing { id } = Missing { id: sent.price };
    assert_eq!((id, sent.name.as_str()), (1, "n"));
    still_answers(client).await
}

/// By way of an array, which is no array to the array around it.
#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(into = Vec<i32>, from = Vec<i32>)]
struct Ids(Vec<i32>);

impl From<Ids> for Vec<i32> {
    fn from(ids: Ids) -> Vec<i32> {
        ids.0
    }
}

impl From<Vec<i32>> for Ids {
    fn from(ids: Vec<i32>) -> Ids {
        Ids(ids)
    }
}

async fn what_a_conversion_makes_an_array_is_no_dimension<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let ids = Ids(vec![1, 2]);
    assert_eq!(client.query_value::<Ids>("select $1::int4[]", (ids.clone(),)).await?, ids);
    let written = client.query_value::<i64>("select cardinality($1::int4[])", (vec![ids],)).await;
    let read = client.query_value::<Vec<Ids>>("select array[[1, 2], [3, 4]]", ()).await;
    for (error, kind) in [(written.unwrap_err(), ErrorKind::Encode), (read.unwrap_err(), ErrorKind::Decode)] {
        assert_eq!(error.kind(), kind, "{error}");
        assert!(
            error.to_string().contains("can't be a dimension") && error.to_string().contains("Ids"),
            "{error}"
        );
    }
    still_answers(client).await
}

pg_tests::both_clients!(
    each_kind_of_type_goes_in_and_comes_out,
    arrays_of_each_kind_too,
    types_inside_types_keep_what_they_hold,
    columns_of_derived_types_are_compared_and_checked,
    a_row_with_a_text_type_beside_a_packed_one_is_read,
    a_struct_may_be_a_composite_and_a_row,
    outer_joins_are_read_into_options,
    borrowing_types_borrow_from_the_stream,
    what_does_not_fit_is_named_and_the_session_goes_on,
    what_a_conversion_makes_an_array_is_no_dimension,
);
