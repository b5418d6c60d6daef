//! Result sets as psql prints them: what is expected here is what psql 15 printed, to the letter.

use pg_core::row::{Row, Table};
use pg_core::{Result, Session};
use pg_tests::server::Database;

const WIDE: &str = "select * from (values
    (1::int8, E'two\\nlines', 'x'), (-20, '日本 e\u{301}', null), (300, E'tab\\there \\x01', E'a\\nb')) t(n, \"a name\", z)";

async fn table<S: Session>(client: &mut S, sql: &str) -> Result<Table> {
    Table::of(&client.query::<Row>(sql, ()).await?)
}

async fn names_are_centred_numbers_on_the_right_and_lines_go_on<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let printed = table(client, WIDE).await?.to_string();
    let wanted = "\u{20} n  |      a name       | z 
-----+-------------------+---
   1 | two              +| x
     | lines             | 
 -20 | 日本 e\u{301}            | 
 300 | tab     here \\x01 | a+
     |                   | b
(3 rows)";
    assert_eq!(printed, wanted);
    let printed = table(client, "select 1 as n, 'a' as text, null::int as nothing").await?.to_string();
    assert_eq!(printed, " n | text | nothing \n---+------+---------\n 1 | a    |        \n(1 row)");
    let printed = table(client, "select 1::int8 as n, E'two\\nlines' as z").await?.to_string();
    assert_eq!(printed, " n |   z   \n---+-------\n 1 | two  +\n   | lines\n(1 row)");
    let printed = table(client, "select 1 as \"日本語\", 2 as \"two\nlines\"").await?.to_string();
    let wanted = " 日本語 |  two +\n        | lines \n--------+-------\n      1 |     2\n(1 row)";
    assert_eq!(printed, wanted);
    Ok(())
}

async fn null_is_empty_unless_said_otherwise<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let table = table(client, "select null::text as t, '' as e, null::int as n").await?;
    assert_eq!(table.to_string(), " t | e | n \n---+---+---\n   |   |  \n(1 row)");
    let table = table.null("NULL");
    assert_eq!(table.to_string(), "  t   | e |  n   \n------+---+------\n NULL |   | NULL\n(1 row)");
    Ok(())
}

async fn without_rows_or_columns_there_is_still_a_table<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let nothing = client.prepare("select 1 as n where false").await?;
    let table = Table::new(&nothing.columns);
    assert_eq!(table.to_string(), " n \n---\n(0 rows)");
    assert_eq!(table.expanded().to_string(), "(0 rows)");
    assert_eq!(self::table(client, "select").await?.to_string(), "--\n(1 row)");
    Ok(())
}

async fn expanded_has_a_column_a_line<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let printed = table(client, WIDE).await?.expanded().to_string();
    let wanted = "-[ RECORD 1 ]-------------
n      | 1
a name | two              +
       | lines
z      | x
-[ RECORD 2 ]-------------
n      | -20
a name | 日本 e\u{301}
z      | 
-[ RECORD 3 ]-------------
n      | 300
a name | tab     here \\x01
z      | a                +
       | b";
    assert_eq!(printed, wanted);
    let printed = table(client, "select 1 as n, 'b' as a").await?.expanded().to_string();
    assert_eq!(printed, "-[ RECORD 1 ]\nn | 1\na | b");
    let printed = table(client, "select 1 as a_long_name_it_is_longer_than_record, 'b' as a").await?;
    let wanted = "-[ RECORD 1 ]------------------------+--
a_long_name_it_is_longer_than_record | 1
a                                    | b";
    assert_eq!(printed.expanded().to_string(), wanted);
    Ok(())
}

/// Formatting has a limit of 65,535 columns of its own.
async fn columns_are_as_wide_as_what_stands_in_them<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let printed =
        table(client, "select repeat('x', 70000) as wide, 1 as n union all select 'y', 2").await?.to_string();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[1], format!("{}+---", "-".repeat(70_002)));
    assert_eq!(lines[3], format!(" y{} | 2", " ".repeat(69_999)));
    Ok(())
}

pg_tests::both_clients!(
    names_are_centred_numbers_on_the_right_and_lines_go_on,
    null_is_empty_unless_said_otherwise,
    without_rows_or_columns_there_is_still_a_table,
    expanded_has_a_column_a_line,
    columns_are_as_wide_as_what_stands_in_them,
);
