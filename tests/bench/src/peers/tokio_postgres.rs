//! tokio-postgres on a current_thread runtime, its connection a task of the same.

use std::hint::black_box;

use futures_util::TryStreamExt;
use tokio_postgres::{NoTls, Row};

use crate::{
    child::{Place, Rounds},
    workload::{ALL_ROWS, KEY, ONE_ROW, Result, User, UserRef, Workload},
};

pub fn run(workload: Workload, rounds: Rounds) -> Result<Option<User>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(session(workload, rounds))
}

async fn session(workload: Workload, rounds: Rounds) -> Result<Option<User>> {
    let (client, connection) = tokio_postgres::connect(&Place::get()?.url(), NoTls).await?;
    tokio::spawn(connection);
    let statement = client.prepare(if workload == Workload::Row { ONE_ROW } else { ALL_ROWS }).await?;
    let mut last = None;
    for () in rounds {
        match workload {
            Workload::Row => last = Some(black_box(user(&client.query_one(&statement, &[&KEY]).await?))),
            Workload::Owned => {
                let users: Vec<User> = client.query(&statement, &[]).await?.iter().map(user).collect();
                last = black_box(users).pop();
            }
            Workload::Borrowed => {
                let rows = client.query_raw(&statement, no_parameters()).await?;
                let mut rows = std::pin::pin!(rows);
                while let Some(row) = rows.try_next().await? {
                    let user = black_box(user_ref(&row));
                    if user.is_last() {
                        last = Some(user.to_user());
                    }
                }
            }
        }
    }
    Ok(last)
}

pub(super) fn no_parameters() -> [i64; 0] {
    []
}

pub(super) fn user(row: &Row) -> User {
    User {
        id: row.get(0),
        name: row.get(1),
        email: row.get(2),
        score: row.get(3),
        active: row.get(4),
        created: row.get(5),
        uid: row.get(6),
    }
}

pub(super) fn user_ref(row: &Row) -> UserRef<'_> {
    UserRef {
        id: row.get(0),
        name: row.get(1),
        email: row.get(2),
        score: row.get(3),
        active: row.get(4),
        created: row.get(5),
        uid: row.get(6),
    }
}
