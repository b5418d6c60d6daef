//! Ours: pg-async on a current_thread runtime of tokio.

use std::{hint::black_box, time::Duration};

use pg_async::{Config, CopyFrom, CopyTo, Session, Shared};

use super::pop;
use crate::{
    child::{Place, Rounds},
    workload::{
        COPIED, EMPTIED, INSERTED, INSERTS, KEY, LISTEN, Last, NOT_INSERTED, ONE_ROW, Parcel, QUERIES,
        Result, TASKS, User, UserRef, Workload,
    },
};

pub fn run(workload: Workload, rounds: Rounds) -> Result<Option<Last>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(session(workload, rounds))
}

async fn session(workload: Workload, rounds: Rounds) -> Result<Option<Last>> {
    if workload == Workload::Tasks {
        return tasks(rounds).await;
    }
    let mut client = Config::new(&Place::get()?.url())?.connect().await?;
    let sql = workload.sql();
    let users = User::all();
    if workload == Workload::Notifications {
        client.batch_execute(LISTEN).await?;
    }
    let (mut last, mut heard_last) = (None, None);
    for () in rounds {
        match workload {
            Workload::Inserts => {
                client.batch_execute(NOT_INSERTED).await?;
                let sets = users.iter().take(INSERTS as usize);
                let sets = sets.map(|user| (user.id, &*user.name, &*user.email, user.score, user.active));
                black_box(client.execute_many(sql, sets).await?);
            }
            Workload::Tasks => {}
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
            Workload::Notifications => {
                client.query_value::<i64>(sql, ()).await?;
                while let Some(heard) = client.wait_notification(Duration::ZERO).await? {
                    heard_last = black_box(heard).notification();
                }
                last = heard_last.as_ref().and_then(|notification| Last::payload(&notification.payload));
            }
        }
    }
    if workload == Workload::Inserts {
        last = Some(Last::Count(client.query_value(INSERTED, ()).await?));
    }
    if workload == Workload::CopyIn {
        last = Some(client.query_one::<User>(COPIED, ()).await?.into());
    }
    Ok(last)
}

/// W6: each task has a handle of the one connection.
async fn tasks(rounds: Rounds) -> Result<Option<Last>> {
    let shared = Shared::new(Config::new(&Place::get()?.url())?.connect().await?);
    let mut last = None;
    for () in rounds {
        let run = |shared: Shared| async move {
            let mut user = None;
            for _ in 0..QUERIES {
                user = Some(black_box(shared.query_one::<User>(ONE_ROW, (KEY,)).await?));
            }
            Ok::<_, pg_async::Error>(user)
        };
        let tasks: Vec<_> = (0..TASKS).map(|_| tokio::spawn(run(shared.clone()))).collect();
        for task in tasks {
            last = task.await??.map(Last::from);
        }
    }
    Ok(last)
}
