//! rust-postgres' blocking client.

use std::hint::black_box;

use postgres::{Client, NoTls, fallible_iterator::FallibleIterator};

use super::{
    pop,
    tokio_postgres::{Parcel, no_parameters, parcel, user, user_ref},
};
use crate::{
    child::{Place, Rounds},
    workload::{KEY, Last, Result, User, Workload},
};

pub fn run(workload: Workload, rounds: Rounds) -> Result<Option<Last>> {
    let mut client = Client::connect(&Place::get()?.url(), NoTls)?;
    let statement = client.prepare(workload.sql())?;
    let mut last = None;
    for () in rounds {
        match workload {
            Workload::Row => {
                last = Some(black_box(user(&client.query_one(&statement, &[&KEY])?)).into());
            }
            Workload::Owned => {
                let users = client.query(&statement, &[])?;
                last = pop(users.iter().map(user).collect::<Vec<User>>());
            }
            Workload::Borrowed => {
                let mut rows = client.query_raw(&statement, no_parameters())?;
                while let Some(row) = rows.next()? {
                    let user = black_box(user_ref(&row));
                    if user.is_last() {
                        last = Some(user.to_user().into());
                    }
                }
            }
            Workload::Nested => {
                let parcels = client.query(&statement, &[])?;
                last = pop(parcels.iter().map(parcel).collect::<Vec<Parcel>>());
            }
        }
    }
    Ok(last)
}
