//! Statements, parameters and rows, under both clients.

use pg_core::{FromRow, Result, Session};
use pg_tests::server::Database;

#[derive(Debug, PartialEq, FromRow)]
struct User {
    id: i64,
    name: String,
}

async fn a_row_goes_in_and_comes_out_as_a_struct<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.batch_execute("create table users (name text, id bigint)").await?;
    let inserted = client.execute("insert into users (id, name) values ($1, $2)", (7_i64, "anna")).await?;
    assert_eq!(inserted, 1);
    let users: Vec<User> = client.query("select * from users where name = $1", ("anna",)).await?;
    assert_eq!(users, [User { id: 7, name: "anna".to_owned() }]);
    Ok(())
}

pg_tests::both_clients!(a_row_goes_in_and_comes_out_as_a_struct);
