//! tokio-postgres on a current_thread runtime, its connection a task of the same.

use std::{
    future::poll_fn,
    hint::black_box,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::TryStreamExt;
use postgres_derive::FromSql;
use tokio_postgres::{
    AsyncMessage, Client, Connection, NoTls, Notification, Row, Socket, Statement,
    binary_copy::{BinaryCopyInWriter, BinaryCopyOutRow, BinaryCopyOutStream},
    tls::NoTlsStream,
    types::{ToSql, Type},
};

use super::pop;
use crate::{
    child::{Place, Rounds},
    workload::{
        self, COPIED, EMPTIED, INSERTED, INSERTS, KEY, LISTEN, Last, NOT_INSERTED, QUERIES, Result, TASKS,
        User, UserRef, Workload,
    },
};

pub fn run(workload: Workload, rounds: Rounds) -> Result<Option<Last>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(session(workload, rounds))
}

async fn session(workload: Workload, rounds: Rounds) -> Result<Option<Last>> {
    let (client, connection) = tokio_postgres::connect(&Place::get()?.url(), NoTls).await?;
    let heard_last = Arc::<Mutex<Option<Notification>>>::default();
    if workload == Workload::Notifications {
        tokio::spawn(hear(connection, heard_last.clone()));
        client.batch_execute(LISTEN).await?;
    } else {
        tokio::spawn(connection);
    }
    let client = Arc::new(client);
    let statement = client.prepare(workload.sql()).await?;
    let users = User::all();
    let mut last = None;
    for () in rounds {
        match workload {
            Workload::Inserts => {
                client.batch_execute(NOT_INSERTED).await?;
                let inserts = users.iter().take(INSERTS as usize).map(|user| {
                    let values: [&(dyn ToSql + Sync); 5] =
                        [&user.id, &user.name, &user.email, &user.score, &user.active];
                    let (client, statement) = (&client, &statement);
                    async move { client.execute(statement, &values).await }
                });
                for inserted in futures_util::future::join_all(inserts).await {
                    black_box(inserted?);
                }
            }
            Workload::Tasks => {
                let run = |client: Arc<Client>, statement: Statement| async move {
                    let mut last = None;
                    for _ in 0..QUERIES {
                        last = Some(black_box(user(&client.query_one(&statement, &[&KEY]).await?)));
                    }
                    Ok::<_, tokio_postgres::Error>(last)
                };
                let tasks: Vec<_> =
                    (0..TASKS).map(|_| tokio::spawn(run(client.clone(), statement.clone()))).collect();
                for task in tasks {
                    last = task.await??.map(Last::from);
                }
            }
            Workload::Row => {
                last = Some(black_box(user(&client.query_one(&statement, &[&KEY]).await?)).into());
            }
            Workload::Owned => {
                let users = client.query(&statement, &[]).await?;
                last = pop(users.iter().map(user).collect::<Vec<User>>());
            }
            Workload::Borrowed => {
                let rows = client.query_raw(&statement, no_parameters()).await?;
                let mut rows = std::pin::pin!(rows);
                while let Some(row) = rows.try_next().await? {
                    let user = black_box(user_ref(&row));
                    if user.is_last() {
                        last = Some(user.to_user().into());
                    }
                }
            }
            Workload::CopyIn => {
                client.batch_execute(EMPTIED).await?;
                let writer = BinaryCopyInWriter::new(client.copy_in(&statement).await?, &TYPES);
                let mut writer = std::pin::pin!(writer);
                for user in &users {
                    writer.as_mut().write(&values(user)).await?;
                }
                writer.finish().await?;
            }
            Workload::CopyOut => {
                let rows = BinaryCopyOutStream::new(client.copy_out(&statement).await?, &TYPES);
                let mut rows = std::pin::pin!(rows);
                while let Some(row) = rows.try_next().await? {
                    let user = black_box(copied(&row));
                    if user.is_last() {
                        last = Some(user.into());
                    }
                }
            }
            Workload::Nested => {
                let parcels = client.query(&statement, &[]).await?;
                last = pop(parcels.iter().map(parcel).collect::<Vec<Parcel>>());
            }
            Workload::Notifications => {
                client.query_one(&statement, &[]).await?;
                let heard = heard_last.lock().unwrap_or_else(PoisonError::into_inner);
                last = heard.as_ref().and_then(|notification| Last::payload(notification.payload()));
            }
        }
    }
    if workload == Workload::Inserts {
        last = Some(Last::Count(client.query_one(INSERTED, &[]).await?.get(0)));
    }
    if workload == Workload::CopyIn {
        last = Some(user(&client.query_one(COPIED, &[]).await?).into());
    }
    Ok(last)
}

/// Drives a connection, and takes its notifications where they come: a channel to another task would cost more.
async fn hear(
    mut connection: Connection<Socket, NoTlsStream>,
    last: Arc<Mutex<Option<Notification>>>,
) -> std::result::Result<(), tokio_postgres::Error> {
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notification(notification) = message? {
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(black_box(notification));
        }
    }
    Ok(())
}

/// The columns of a user, for COPY.
pub(super) const TYPES: [Type; 7] =
    [Type::INT8, Type::TEXT, Type::TEXT, Type::FLOAT8, Type::BOOL, Type::TIMESTAMPTZ, Type::UUID];

pub(super) fn values(user: &User) -> [&(dyn ToSql + Sync); 7] {
    [&user.id, &user.name, &user.email, &user.score, &user.active, &user.created, &user.uid]
}

pub(super) fn copied(row: &BinaryCopyOutRow) -> User {
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

pub(super) fn parcel(row: &Row) -> Parcel {
    Parcel { weights: row.get(0), tags: row.get(1), address: row.get(2), status: row.get(3) }
}

/// [`workload::Parcel`] with the derives of postgres-types.
pub(super) struct Parcel {
    weights: Vec<i32>,
    tags: Vec<String>,
    address: Address,
    status: Status,
}

#[derive(Debug, FromSql)]
#[postgres(name = "address")]
struct Address {
    street: String,
    number: i32,
    verified: bool,
}

#[derive(Debug, FromSql)]
#[postgres(name = "status", rename_all = "snake_case")]
enum Status {
    Waiting,
    Sent,
    Delivered,
}

impl From<Parcel> for Last {
    fn from(Parcel { weights, tags, address, status }: Parcel) -> Last {
        let Address { street, number, verified } = address;
        Last::Parcel(workload::Parcel {
            weights,
            tags,
            address: workload::Address { street, number, verified },
            status: match status {
                Status::Waiting => workload::Status::Waiting,
                Status::Sent => workload::Status::Sent,
                Status::Delivered => workload::Status::Delivered,
            },
        })
    }
}
