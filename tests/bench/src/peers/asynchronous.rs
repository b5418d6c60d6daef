//! Ours: pg-async on a current_thread runtime of tokio.

use std::hint::black_box;

use pg_async::{Config, Session};

use super::pop;
use crate::{
    child::{Place, Rounds},
    workload::{KEY, Last, Parcel, Result, User, UserRef, Workload},
};

pub fn run(workload: Workload, rounds: Rounds) -> Result<Option<Last>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(session(workload, rounds))
}

async fn session(workload: Workload, rounds: Rounds) -> Result<Option<Last>> {
    let mut client = Config::new(&Place::get()?.url())?.connect().await?;
    let sql = workload.sql();
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
            Workload::Nested => last = pop(client.query::<Parcel>(sql, ()).await?),
        }
    }
    Ok(last)
}
