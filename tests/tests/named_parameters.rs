//! Parameters by name, against a server, under both clients; and the lexer that finds them against the server's own.

mod random;

use pg_core::{ErrorKind, FromRow, FromSql, Params, Result, Session, ToSql};
use pg_tests::clients::still_answers;
use pg_tests::server::Database;
use random::Random;

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
enum Mood {
    Sad,
    Happy,
}

#[derive(Debug, Clone, PartialEq, Params, FromRow)]
struct User<'a> {
    name: &'a str,
    #[pg(name = "born")]
    year: i32,
    mood: Option<Mood>,
    #[pg(skip)]
    cached: u8,
}

/// The same names in another order.
#[derive(Params)]
struct Other {
    born: i32,
    mood: Option<Mood>,
    name: String,
}

#[derive(Params)]
struct Only<T> {
    p: T,
}

#[derive(Params)]
struct Pair(i64, String);

const SCHEMA: &str =
    "create type mood as enum ('sad', 'happy'); create table users (name text, born integer, mood mood)";

fn anna() -> User<'static> {
    User { name: "Anna", year: 1990, mood: Some(Mood::Happy), cached: 0 }
}

async fn parameters_are_called_by_their_names<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    let insert = "insert into users (name, mood, born) values (:name, :mood, :born)";
    for _ in 0..3 {
        assert_eq!(client.execute(insert, &anna()).await?, 1);
    }
    let other = Other { born: 1, mood: None, name: "B".to_owned() };
    assert_eq!(client.execute(insert, &other).await?, 1);
    let sql = "select name || :p::text || :p from users where born < :p::text::integer";
    let names: Vec<String> = client.query_values(sql, Only { p: "2" }).await?;
    assert_eq!(names, ["B22"]);
    let sql = "select *, ':name' quoted from users where (name, born) = (:name, :born) and (mood = :mood or :mood is null)";
    for _ in 0..3 {
        let mut rows = client.stream(sql, anna()).await?;
        let mut count = 0;
        while let Some(row) = rows.next_row().await? {
            assert_eq!(row.get::<User<'_>>()?, anna());
            count += 1;
        }
        assert_eq!(count, 3);
    }
    let rows = client.query::<pg_core::Row>("select :p + 1 as next", Only { p: 41_i64 }).await?;
    assert_eq!(rows[0].get::<i64>("next")?, 42);
    Ok(())
}

async fn a_tuple_struct_is_in_order<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    for _ in 0..2 {
        let row: (i64, String) = client.query_one("select $1::bigint, $2", Pair(1, "x".to_owned())).await?;
        assert_eq!(row, (1, "x".to_owned()));
    }
    Ok(())
}

async fn a_name_too_many_or_too_few_is_told_before_anything_is_sent<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    for (sql, message) in [
        ("select :p, :q", "the SQL has :q, and the parameters are :p"),
        ("select 1 -- :p", "the parameter :p does not stand in the SQL"),
        ("select :p, $1", "the SQL has $1, and the parameters have names: :p"),
    ] {
        for _ in 0..2 {
            let error = client.execute(sql, Only { p: 1_i32 }).await.unwrap_err();
            assert_eq!((error.kind(), error.message()), (ErrorKind::Usage, message));
            let error = client.query::<pg_core::Row>(sql, Only { p: 1_i32 }).await.unwrap_err();
            assert_eq!(error.message(), message);
        }
    }
    let error = client.execute("select :p", (1_i32,)).await.unwrap_err();
    assert!(error.cure().unwrap().contains("$1, $2"), "{error}");
    let error = client.execute("select :p, $1", (1_i32,)).await.unwrap_err();
    assert!(error.cure().unwrap().contains("#[derive(Params)]"), "{error}");
    still_answers(client).await
}

async fn errors_speak_of_the_name_and_point_into_the_statement_as_written<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let error = client.execute("select :p", Only { p: "\0" }).await.unwrap_err();
    assert!(error.message().starts_with("parameter :p: "), "{error}");
    let error = client.execute("select :p::text, :p, nope", Only { p: "x" }).await.unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains("LINE 1: select :p::text, :p, nope\n                             ^"), "{shown}");
    let error = client.execute("select jsonb_build_object('$1', :p)", Only { p: "x" }).await.unwrap_err();
    assert!(error.message().contains("parameter :p") && !error.message().contains("$1"), "{error}");
    Ok(())
}

/// An expression, and its value as the server prints it. `:p` is "P"; anywhere else it is only text.
fn expression(random: &mut Random) -> (String, String) {
    let (text, value): (&str, &str) = [
        (":p", "P"),
        ("(:p)", "P"),
        (":p::text", "P"),
        ("':p'", ":p"),
        ("':p'':p'", ":p':p"),
        ("'\\'", "\\"),
        ("'\\' ||':p'", "\\:p"),
        ("E':p\\':p'", ":p':p"),
        ("e'\\\\'", "\\"),
        ("E'a\\'' --'\n ':p\\''", "a':p'"),
        ("'a' -- '\n':p'", "a:p"),
        ("'a'||:p", "aP"),
        ("U&'\\003a\\0070:p'", ":p:p"),
        ("N':p'", ":p"),
        ("B'01'::text", "01"),
        ("X'0f'::text", "00001111"),
        ("$$:p$$", ":p"),
        ("$q$ :p $ $$ $q $q$", " :p $ $$ $q "),
        ("$_1\u{e9}$':p$_1\u{e9}$", "':p"),
        ("/* :p ' \" $$ */ :p", "P"),
        ("/*/*:p*/'*/'x'", "x"),
        ("/**/:p/* */", "P"),
        ("'-' || -- :p '\n :p", "-P"),
        ("(select \":p\" from (select 'col') t(\":p\"))", "col"),
        ("(select \"a\"\":p\" from (select 'col') t(\"a\"\":p\"))", "col"),
        ("(select p$p$ from (select 'dollar') t(p$p$))", "dollar"),
        ("(array['x','y','z'])[1:2]::text", "{x,y}"),
        ("(array[:p,'y'])[p:p]::text", "{P}"),
        ("(array['x',:p])[p:length(:p)]::text", "{x}"),
        ("(array[:p])[ :p::text::\"char\"::int-79]", "P"),
        ("case when:p=:p then:p else 'no' end", "P"),
        ("concat(:p,:p)", "PP"),
        ("(1<2)::text", "true"),
        ("make_interval(days=>length(:p))::text", "1 day"),
        ("make_interval(days:=:p::text::\"char\"::int-79)::text", "1 day"),
    ][random.below(35)];
    (text.to_owned(), value.to_owned())
}

/// What the server reads as a name's place is what is found: statements of pieces whose values are known, each piece
/// with `:p` as a parameter, as text, or both.
async fn names_are_found_where_the_servers_lexer_has_an_operand<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let mut random = Random::new(7);
    let blanks = [" ", "\n", "\t", "/**/", "-- ':p\n", "/* :p /* ' */ */", "  "];
    for _ in 0..400 {
        let pieces: Vec<(String, String)> = (0..=random.below(5)).map(|_| expression(&mut random)).collect();
        let mut sql = String::from("select");
        for (at, (text, _)) in pieces.iter().enumerate() {
            sql.push_str(if at == 0 { " " } else { "," });
            sql.push_str(blanks[random.below(blanks.len())]);
            sql.push_str(text);
        }
        // At least one use, so that the parameter isn't idle.
        sql.push_str(", :p::text from (select 1) one(p)");
        let row =
            client.query_one::<pg_core::Row>(&sql, Only { p: pg_core::types::strings::Text("P") }).await;
        let row = row.unwrap_or_else(|error| panic!("{error}"));
        for (at, (text, value)) in pieces.iter().enumerate() {
            assert_eq!(row.get::<String>(at)?, *value, "{text} in {sql}");
        }
    }
    Ok(())
}

pg_tests::both_clients!(
    parameters_are_called_by_their_names,
    a_tuple_struct_is_in_order,
    a_name_too_many_or_too_few_is_told_before_anything_is_sent,
    errors_speak_of_the_name_and_point_into_the_statement_as_written,
    names_are_found_where_the_servers_lexer_has_an_operand,
);
