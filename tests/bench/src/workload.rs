//! What every peer does: the table, the statements, the struct that a row becomes, and a check that it did.

use std::{
    error::Error,
    time::{Duration, SystemTime},
};

use pg_blocking::FromRow;
use uuid::Uuid;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What one operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// W1: one row by its key into a [`User`]; the statement is prepared, or cached, from the first time on.
    Row,
    /// W2: [`ROWS`] rows into a `Vec<User>`.
    Owned,
    /// W2: [`ROWS`] rows into [`UserRef`]s, one after the other, each gone before the next.
    Borrowed,
}

pub const WORKLOADS: [Workload; 3] = [Workload::Row, Workload::Owned, Workload::Borrowed];

impl Workload {
    /// Its word on the command line of a child.
    pub fn word(self) -> &'static str {
        match self {
            Workload::Row => "w1",
            Workload::Owned => "w2",
            Workload::Borrowed => "w2-borrowed",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Workload::Row => "W1: one row by key, a cached statement; figures of one query",
            Workload::Owned => "W2: 10,000 rows into owned structs; figures of one row",
            Workload::Borrowed => "W2: 10,000 rows into borrowed structs; figures of one row",
        }
    }

    /// How many units, the thing that figures are given for, an operation has.
    pub fn units(self) -> u32 {
        if self == Workload::Row { 1 } else { ROWS }
    }

    /// The row that an operation ends with.
    pub fn last(self) -> User {
        User::expected(if self == Workload::Row { KEY } else { i64::from(ROWS) })
    }
}

pub const ROWS: u32 = 10_000;

/// The row that W1 asks for.
pub const KEY: i64 = 7_777;

pub const SCHEMA: &str = "
    create table person (id int8 primary key, name text not null, email text not null, score float8 not null,
        active bool not null, created timestamptz not null, uid uuid not null);
    insert into person select i, 'Person number ' || i, 'person.' || i || '@example.org', i / 4.0, i % 3 = 0,
        '2024-01-01 00:00:00+00'::timestamptz + i * interval '1.000001 s', lpad(to_hex(i), 32, '0')::uuid
        from generate_series(1, 10000) i;
    analyze person";

pub const ONE_ROW: &str = "select id, name, email, score, active, created, uid from person where id = $1";
pub const ALL_ROWS: &str = "select id, name, email, score, active, created, uid from person order by id";

#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct User {
    pub id: i64,
    pub name: String,
    pub email: String,
    pub score: f64,
    pub active: bool,
    pub created: SystemTime,
    pub uid: Uuid,
}

#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct UserRef<'r> {
    pub id: i64,
    pub name: &'r str,
    pub email: &'r str,
    pub score: f64,
    pub active: bool,
    pub created: SystemTime,
    pub uid: Uuid,
}

impl User {
    fn expected(id: i64) -> User {
        User {
            id,
            name: format!("Person number {id}"),
            email: format!("person.{id}@example.org"),
            score: id as f64 / 4.0,
            active: id % 3 == 0,
            created: SystemTime::UNIX_EPOCH
                + Duration::from_micros(1_704_067_200_000_000 + id as u64 * 1_000_001),
            uid: Uuid::from_u128(id as u128),
        }
    }
}

impl<'r> UserRef<'r> {
    /// By hand from the binary fields, in the order of the statements, for peers that do not decode.
    #[inline]
    pub fn decode(mut field: impl FnMut() -> Option<&'r [u8]>) -> Option<UserRef<'r>> {
        Some(UserRef {
            id: i64::from_be_bytes(field()?.try_into().ok()?),
            name: std::str::from_utf8(field()?).ok()?,
            email: std::str::from_utf8(field()?).ok()?,
            score: f64::from_be_bytes(field()?.try_into().ok()?),
            active: *field()?.first()? != 0,
            created: created(i64::from_be_bytes(field()?.try_into().ok()?))?,
            uid: Uuid::from_bytes(field()?.try_into().ok()?),
        })
    }

    pub fn to_user(&self) -> User {
        User {
            id: self.id,
            name: self.name.to_owned(),
            email: self.email.to_owned(),
            score: self.score,
            active: self.active,
            created: self.created,
            uid: self.uid,
        }
    }

    pub fn is_last(&self) -> bool {
        self.id == i64::from(ROWS)
    }
}

/// From microseconds since 2000.
fn created(micros: i64) -> Option<SystemTime> {
    const EPOCH: Duration = Duration::from_secs(946_684_800);
    let since = Duration::from_micros(micros.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH + EPOCH;
    if micros < 0 { epoch.checked_sub(since) } else { epoch.checked_add(since) }
}
