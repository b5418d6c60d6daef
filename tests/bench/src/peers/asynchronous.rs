//! Ours: pg-async on a current_thread runtime of tokio.

use std::hint::black_box;

use pg_async::{Config, CopyFrom, CopyTo, Session};

use super::pop;
use crate::{
    child::{Place, Rounds},
    workload::{COPIED, EMPTIED, KEY, Last, Parcel, Result, User, UserRef, Workload},
};

pub fn run(workload: Workload, rounds: Rounds) -> Result<Option<Last>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(session(workload, rounds))
}

async fn session(workload: Workload, rounds: Rounds) -> Result<Option<Last>> {
    let mut client = Config::new(&Place::get()?.url())?.connect().await?;
    let sql = workload.sql();
    let users = User::all();
    let mut last = None;
    for () in rounds {
        match workload {
            Workload::Row => last = Some(black_box(client.query_one::<User>(sql, (KEY,)).await?).into()),
            Workload::Owned => last = pop(client.query::<User>(sql, ()).await?),
            Workload::Borrowed => {
                let mut rows = client.stream(sql, ()).await?;
                while let Some(row) = rows.next_row().await? {
                    let user = black_box(row.get::<UserRef<'_>>()?);
                    if user.is_last() {
                        last = Some(user.to_user().into());
                    }
                }
            }
            Workload::CopyIn => {
                client.batch_execute(EMPTIED).await?;
                client.copy_in_all(&CopyFrom::table("copied"), &users).await?;
            }
            Workload::CopyOut => {
                let mut rows = client.copy_out_rows::<User>(&CopyTo::table("person")).await?;
                while let Some(row) = rows.next_row().await? {
                    let user = black_box(row.get::<User>()?);
                    if user.is_last() {
                        last = Some(user.into());
                    }
                }
            }
            Workload::Nested => last = pop(client.query::<Parcel>(sql, ()).await?),
        }
    }
    if workload == Workload::CopyIn {
        last = Some(client.query_one::<User>(COPIED, ()).await?.into());
    }
    Ok(last)
}
