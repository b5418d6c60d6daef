//! rust-postgres' blocking client.

use std::hint::black_box;

use postgres::{Client, NoTls, fallible_iterator::FallibleIterator};

use super::tokio_postgres::{no_parameters, user, user_ref};
use crate::{
    child::{Place, Rounds},
    workload::{ALL_ROWS, KEY, ONE_ROW, Result, User, Workload},
};

pub fn run(workload: Workload, rounds: Rounds) -> Result<Option<User>> {
    let mut client = Client::connect(&Place::get()?.url(), NoTls)?;
    let statement = client.prepare(if workload == Workload::Row { ONE_ROW } else { ALL_ROWS })?;
    let mut last = None;
    for () in rounds {
        match workload {
            Workload::Row => last = Some(black_box(user(&client.query_one(&statement, &[&KEY])?))),
            Workload::Owned => {
                let users: Vec<User> = client.query(&statement, &[])?.iter().map(user).collect();
                last = black_box(users).pop();
            }
            Workload::Borrowed => {
                let mut rows = client.query_raw(&statement, no_parameters())?;
                while let Some(row) = rows.next()? {
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
