//! Ours: pg-blocking.

use std::{hint::black_box, time::Duration};

use pg_blocking::{Config, CopyFrom, CopyTo};

use super::pop;
use crate::{
    child::{Place, Rounds},
    workload::{
        COPIED, EMPTIED, INSERTED, INSERTS, KEY, LISTEN, Last, NOT_INSERTED, Parcel, Result, User, UserRef,
        Workload,
    },
};

pub fn run(workload: Workload, rounds: Rounds) -> Result<Option<Last>> {
    let mut client = Config::new(&Place::get()?.url())?.connect()?;
    let sql = workload.sql();
    let users = User::all();
    if workload == Workload::Notifications {
        client.batch_execute(LISTEN)?;
    }
    let (mut last, mut heard_last) = (None, None);
    for () in rounds {
        match workload {
            Workload::Inserts => {
                client.batch_execute(NOT_INSERTED)?;
                let sets = users.iter().take(INSERTS as usize);
                let sets = sets.map(|user| (user.id, &*user.name, &*user.email, user.score, user.active));
                black_box(client.execute_many(sql, sets)?);
            }
            Workload::Tasks => return Err("is_done_by says that it isn't done".into()),
            Workload::Row => last = Some(black_box(client.query_one::<User>(sql, (KEY,))?).into()),
            Workload::Owned => last = pop(client.query::<User>(sql, ())?),
            Workload::Borrowed => {
                let mut rows = client.stream(sql, ())?;
                while let Some(row) = rows.next_row()? {
                    let user = black_box(row.get::<UserRef<'_>>()?);
                    if user.is_last() {
                        last = Some(user.to_user().into());
                    }
                }
            }
            Workload::CopyIn => {
                client.batch_execute(EMPTIED)?;
                client.copy_in_all(&CopyFrom::table("copied"), &users)?;
            }
            Workload::CopyOut => {
                let mut rows = client.copy_out_rows::<User>(&CopyTo::table("person"))?;
                while let Some(row) = rows.next_row()? {
                    let user = black_box(row.get::<User>()?);
                    if user.is_last() {
                        last = Some(user.into());
                    }
                }
            }
            Workload::Nested => last = pop(client.query::<Parcel>(sql, ())?),
            Workload::Notifications => {
                client.query_value::<i64>(sql, ())?;
                while let Some(heard) = client.wait_notification(Duration::ZERO)? {
                    heard_last = black_box(heard).notification();
                }
                last = heard_last.as_ref().and_then(|notification| Last::payload(&notification.payload));
            }
        }
    }
    if workload == Workload::Inserts {
        last = Some(Last::Count(client.query_value(INSERTED, ())?));
    }
    if workload == Workload::CopyIn {
        last = Some(client.query_one::<User>(COPIED, ())?.into());
    }
    Ok(last)
}
