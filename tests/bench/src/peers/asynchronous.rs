//! Ours: pg-async on a current_thread runtime of tokio.

use std::hint::black_box;

use pg_async::{Config, Session};

use crate::{
    child::{Place, Rounds},
    workload::{ALL_ROWS, KEY, ONE_ROW, Result, User, UserRef, Workload},
};

pub fn run(workload: Workload, rounds: Rounds) -> Result<Option<User>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(session(workload, rounds))
}

async fn session(workload: Workload, rounds: Rounds) -> Result<Option<User>> {
    let mut client = Config::new(&Place::get()?.url())?.connect().await?;
    let mut last = None;
    for () in rounds {
        match workload {
            Workload::Row => last = Some(black_box(client.query_one::<User>(ONE_ROW, (KEY,)).await?)),
            Workload::Owned => last = black_box(client.query::<User>(ALL_ROWS, ()).await?).pop(),
            Workload::Borrowed => {
                let mut rows = client.stream(ALL_ROWS, ()).await?;
                while let Some(row) = rows.next_row().await? {
                    let user = black_box(row.get::<UserRef<'_>>()?);
                    if user.is_last() {
                        last = Some(user.to_user());
                    }
                }
            }
        }
    }
    Ok(last)
}
