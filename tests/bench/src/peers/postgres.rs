//! rust-postgres' blocking client.

use std::hint::black_box;

use postgres::{
    Client, NoTls,
    binary_copy::{BinaryCopyInWriter, BinaryCopyOutIter},
    fallible_iterator::FallibleIterator,
};

use super::{
    pop,
    tokio_postgres::{Parcel, TYPES, copied, no_parameters, parcel, user, user_ref, values},
};
use crate::{
    child::{Place, Rounds},
    workload::{COPIED, EMPTIED, KEY, LISTEN, Last, Result, User, Workload},
};

pub fn run(workload: Workload, rounds: Rounds) -> Result<Option<Last>> {
    let mut client = Client::connect(&Place::get()?.url(), NoTls)?;
    if workload == Workload::Notifications {
        client.batch_execute(LISTEN)?;
    }
    let statement = client.prepare(workload.sql())?;
    let users = User::all();
    let (mut last, mut heard_last) = (None, None);
    for () in rounds {
        match workload {
            Workload::Inserts | Workload::Tasks => return Err("is_done_by says that it isn't done".into()),
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
            Workload::CopyIn => {
                client.batch_execute(EMPTIED)?;
                let mut writer = BinaryCopyInWriter::new(client.copy_in(&statement)?, &TYPES);
                for user in &users {
                    writer.write(&values(user))?;
                }
                writer.finish()?;
            }
            Workload::CopyOut => {
                let mut rows = BinaryCopyOutIter::new(client.copy_out(&statement)?, &TYPES);
                while let Some(row) = rows.next()? {
                    let user = black_box(copied(&row));
                    if user.is_last() {
                        last = Some(user.into());
                    }
                }
            }
            Workload::Nested => {
                let parcels = client.query(&statement, &[])?;
                last = pop(parcels.iter().map(parcel).collect::<Vec<Parcel>>());
            }
            Workload::Notifications => {
                client.query_one(&statement, &[])?;
                let mut notifications = client.notifications();
                let mut notifications = notifications.iter();
                while let Some(notification) = notifications.next()? {
                    heard_last = Some(black_box(notification));
                }
                last = heard_last.as_ref().and_then(|notification| Last::payload(notification.payload()));
            }
        }
    }
    if workload == Workload::CopyIn {
        last = Some(user(&client.query_one(COPIED, &[])?).into());
    }
    Ok(last)
}
