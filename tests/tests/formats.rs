//! The form in which values travel: binary where both sides have it, text where one of them has not.

use pg_core::exchange::pipeline;
use pg_core::message::Format;
use pg_core::{FromRow, FromSql, Result, Row, Session, ToSql};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A network address, by its text.
#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "inet", text)]
struct Host(Plain);

#[derive(Debug, Clone, PartialEq)]
struct Plain(String);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Plain {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Plain, Self::Err> {
        Ok(Plain(text.to_owned()))
    }
}

fn host(text: &str) -> Host {
    Host(Plain(text.to_owned()))
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "machine")]
struct Machine {
    name: String,
    hosts: Vec<Host>,
    ports: Option<Vec<i32>>,
}

/// Access rights: a type that PostgreSQL itself can't put into binary.
#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "aclitem", text)]
struct Rights(Plain);

async fn a_text_type_travels_as_text_wherever_it_stands<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.batch_execute("create type machine as (ports int4[], name text, hosts inet[]); create table machines (m machine, id int8)").await?;
    let machine = Machine {
        name: "quote \" comma , brace } \\".to_owned(),
        hosts: vec![host("10.0.0.0/8"), host("::1")],
        ports: Some(vec![80, -1]),
    };
    let bare = Machine { name: String::new(), hosts: vec![], ports: None };
    for _ in 0..3 {
        assert_eq!(client.query_value::<Host>("select $1", (host("10.0.0.0/8"),)).await?, host("10.0.0.0/8"));
        assert_eq!(client.query_value::<Vec<Host>>("select $1", (&machine.hosts,)).await?, machine.hosts);
        assert_eq!(client.query_value::<Machine>("select $1", (&machine,)).await?, machine);
        let both = vec![machine.clone(), bare.clone()];
        assert_eq!(client.query_value::<Vec<Machine>>("select $1", (&both,)).await?, both);
        client.execute("insert into machines values ($1, 1)", (&machine,)).await?;
        let rows: Vec<(i64, Machine, f64)> =
            client.query("select id, m, 0.5::float8 from machines limit 1", ()).await?;
        assert_eq!(rows, [(1, machine.clone(), 0.5)]);
        // The same column as what has a binary form.
        assert_eq!(
            client.query_value::<IpAddr>("select '10.0.0.1'::inet", ()).await?,
            IpAddr::from([10, 0, 0, 1])
        );
        assert_eq!(client.query_value::<Host>("select '10.0.0.1'::inet", ()).await?, host("10.0.0.1"));
        let mut rows = client.stream_as::<(Machine, i64)>("select m, id from machines limit 1", ()).await?;
        assert_eq!(rows.next_as::<(Machine, i64)>().await?, Some((machine.clone(), 1)));
    }
    still_answers(client).await
}

async fn each_column_comes_in_the_form_its_reader_wants<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let sql = "select 1::int8 as a, '10.0.0.1'::inet as b, 2.5::float8 as c, now() as d";
    async fn formats<S: Session, T: FromRow<'static>>(client: &mut S, sql: &str) -> Result<Vec<Format>> {
        let rows = client.stream_as::<T>(sql, ()).await?;
        Ok(rows.columns().iter().map(|column| column.format()).collect())
    }
    use Format::{Binary, Text};
    for run in 0..3 {
        assert_eq!(formats::<S, (i64, IpAddr, f64)>(client, sql).await?, [Binary; 4]);
        // All text where one must be, until it is known which.
        let expected = if run == 0 { [Text; 4] } else { [Binary, Text, Binary, Binary] };
        assert_eq!(
            formats::<S, (i64, Host, f64)>(client, sql).await?,
            if run == 0 { [Binary, Text, Binary, Binary] } else { expected }
        );
    }
    let sql = "select 1::int8 as a, '10.0.0.1'::inet as b";
    for run in 0..3 {
        let expected = if run == 0 { [Text; 2] } else { [Binary, Text] };
        assert_eq!(formats::<S, (i64, Host)>(client, sql).await?, expected);
    }
    still_answers(client).await
}

#[derive(Debug, PartialEq, FromRow)]
struct Relation {
    name: String,
    kind: i8,
}

#[derive(Debug, PartialEq, FromRow)]
struct WithRights {
    name: String,
    rights: Option<Vec<Rights>>,
}

async fn with_relations<S: Session>(client: &mut S) -> Result<()> {
    // Some rows can be sent in binary, since the type without a binary form is NULL in them, and then one can't.
    client
        .batch_execute(
            "create table relations (name text, kind \"char\", rights aclitem[]);
             insert into relations values ('a', 'r', null), ('b', 'v', null), ('c', 'i', '{postgres=r/postgres}')",
        )
        .await
}

const RELATIONS: &str = "select * from relations order by name";

fn relations() -> Vec<Relation> {
    [("a", 'r'), ("b", 'v'), ("c", 'i')]
        .map(|(name, kind)| Relation { name: name.to_owned(), kind: kind as i8 })
        .into()
}

async fn a_type_without_binary_form_is_no_obstacle<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    with_relations(client).await?;
    for _ in 0..3 {
        assert_eq!(client.query::<Relation>(RELATIONS, ()).await?, relations());
        assert_eq!(client.execute(RELATIONS, ()).await?, 3);
        let rows: Vec<Row> = client.query(RELATIONS, ()).await?;
        assert_eq!(rows[2].get::<Vec<Rights>>("rights")?, [Rights(Plain("postgres=r/postgres".to_owned()))]);
        let typed: Vec<WithRights> = client.query(RELATIONS, ()).await?;
        assert_eq!(
            (&*typed[2].name, typed[2].rights.as_ref().map(Vec::len), &typed[0].rights),
            ("c", Some(1), &None)
        );
        still_answers(client).await?;
    }
    // The query that everybody tries.
    let rows: Vec<Row> = client.query("select relname, relacl from pg_class", ()).await?;
    assert!(rows.iter().any(|row| row.get::<Option<Vec<Rights>>>("relacl").unwrap().is_some()));
    #[derive(FromRow)]
    struct Class {
        relname: String,
    }
    let classes: Vec<Class> = client.query("select * from pg_class", ()).await?;
    assert_eq!(classes.len(), rows.len());
    assert!(classes.iter().any(|class| class.relname == "pg_type"));
    still_answers(client).await
}

async fn one_row_is_taken_once_when_a_statement_is_run_again<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    with_relations(client).await?;
    let last = "select * from relations where name = 'c'";
    assert_eq!(client.query_one::<Relation>(last, ()).await?, relations()[2]);
    let sql = "select name, kind, rights from relations order by name limit 1 offset 2";
    assert_eq!(client.query_opt::<(String,)>(sql, ()).await?, Some(("c".to_owned(),)));
    assert_eq!(
        client.query_values::<String>("select name, rights from relations order by 1", ()).await?,
        ["a", "b", "c"]
    );
    assert_eq!(
        client.query_value::<String>("select name, rights from relations where name = 'c'", ()).await?,
        "c"
    );
    // Rows that were handed over can't be taken back: an error the first time, and known from then on.
    let mut seen = Vec::new();
    let sql = "select name, rights from relations order by name";
    let each = |(name,): (String,)| {
        seen.push(name);
        Ok(())
    };
    let error = client.for_each(sql, (), each).await.map(|_| ()).err();
    if let Some(error) = error {
        assert_eq!(error.sqlstate().unwrap().code(), "42883");
        assert!(error.cure().unwrap().contains("only a text form"), "{error}");
        assert_eq!(seen, ["a", "b"]);
        let again = |(name,): (String,)| {
            seen.push(name);
            Ok(())
        };
        assert_eq!(client.for_each(sql, (), again).await?, 3);
        assert_eq!(seen, ["a", "b", "a", "b", "c"]);
    }
    still_answers(client).await
}

async fn inside_a_transaction_it_is_an_error_with_the_cure<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    with_relations(client).await?;
    let mut tx = client.begin().await?;
    let error = tx.query::<Relation>(RELATIONS, ()).await.unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "42883");
    assert!(error.cure().unwrap().contains("select the columns that are read"), "{error}");
    tx.rollback().await?;
    // By now the columns are known.
    let mut tx = client.begin().await?;
    assert_eq!(tx.query::<Relation>(RELATIONS, ()).await?, relations());
    tx.commit().await?;
    // The cures: prepared before it, naming the columns, a row of any type.
    let sql = "select name, kind, rights from relations order by name";
    client.prepare(sql).await?;
    let mut tx = client.begin().await?;
    assert_eq!(tx.query::<Relation>(sql, ()).await?, relations());
    assert_eq!(
        tx.query::<Relation>("select name, kind from relations order by name", ()).await?,
        relations()
    );
    assert_eq!(tx.query::<Row>("select rights, name from relations", ()).await?.len(), 3);
    let parts = (pipeline::query::<Relation, _>(sql, ()), pipeline::query::<Row, _>(RELATIONS, ()));
    let (typed, rows) = tx.pipeline(parts).await?;
    assert_eq!((typed, rows.len()), (relations(), 3));
    tx.commit().await?;
    still_answers(client).await
}

async fn a_stream_over_such_a_type_works_from_the_first_time_on<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    with_relations(client).await?;
    for _ in 0..2 {
        let mut rows = client.stream(RELATIONS, ()).await?;
        let mut names = Vec::new();
        while let Some(row) = rows.next_row().await? {
            names.push(row.get::<Relation>()?.name);
        }
        assert_eq!(names, ["a", "b", "c"]);
    }
    let sql = "select rights, kind, name from relations order by name";
    // Rows that are given away can't be read a second time; with a string among them the columns are described first.
    let mut rows = client.stream_as::<Relation>(sql, ()).await?;
    let mut names = Vec::new();
    while let Some(row) = rows.next_as::<Relation>().await? {
        names.push(row.name);
    }
    assert_eq!(names, ["a", "b", "c"]);
    still_answers(client).await
}

pg_tests::both_clients!(
    a_text_type_travels_as_text_wherever_it_stands,
    each_column_comes_in_the_form_its_reader_wants,
    a_type_without_binary_form_is_no_obstacle,
    one_row_is_taken_once_when_a_statement_is_run_again,
    inside_a_transaction_it_is_an_error_with_the_cure,
    a_stream_over_such_a_type_works_from_the_first_time_on,
);
