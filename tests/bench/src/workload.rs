//! What every peer does: the tables, the statements, the structs that rows become, and a check that they did.

use std::{
    error::Error,
    time::{Duration, SystemTime},
};

use pg_blocking::{CopyRow, FromRow, FromSql};
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
    /// W4: [`INSERTS`] inserts of 5 parameters in one flight, all or nothing where the peer has that.
    Inserts,
    /// W6: [`TASKS`] tasks on one connection, each runs [`QUERIES`] of [`ONE_ROW`], one after the other.
    Tasks,
    /// W5: [`ROWS`] [`User`]s into an empty table by a binary COPY.
    CopyIn,
    /// W5: [`ROWS`] rows out of a table by a binary COPY, into [`User`]s, each gone before the next.
    CopyOut,
    /// W9: [`ROWS`] rows of arrays, a composite and an enum into a `Vec<Parcel>`.
    Nested,
    /// W10: [`ROWS`] notifications, which the session is sent for one statement of its own, each taken with its payload.
    Notifications,
}

pub const WORKLOADS: [Workload; 9] = [
    Workload::Row,
    Workload::Owned,
    Workload::Borrowed,
    Workload::Inserts,
    Workload::CopyIn,
    Workload::CopyOut,
    Workload::Tasks,
    Workload::Nested,
    Workload::Notifications,
];

impl Workload {
    /// Its word on the command line of a child.
    pub fn word(self) -> &'static str {
        match self {
            Workload::Row => "w1",
            Workload::Owned => "w2",
            Workload::Borrowed => "w2-borrowed",
            Workload::Inserts => "w4",
            Workload::Tasks => "w6",
            Workload::CopyIn => "w5-in",
            Workload::CopyOut => "w5-out",
            Workload::Nested => "w9",
            Workload::Notifications => "w10",
        }
    }

    /// The word that chooses it.
    pub fn group(self) -> &'static str {
        match self {
            Workload::Row => "w1",
            Workload::Owned | Workload::Borrowed => "w2",
            Workload::Inserts => "w4",
            Workload::Tasks => "w6",
            Workload::CopyIn | Workload::CopyOut => "w5",
            Workload::Nested => "w9",
            Workload::Notifications => "w10",
        }
    }

    /// The statement that an operation runs.
    pub fn sql(self) -> &'static str {
        match self {
            Workload::Row | Workload::Tasks => ONE_ROW,
            Workload::Inserts => INSERT,
            Workload::Owned | Workload::Borrowed => ALL_ROWS,
            Workload::CopyIn => COPY_IN,
            Workload::CopyOut => COPY_OUT,
            Workload::Nested => NESTED_ROWS,
            Workload::Notifications => NOTIFY,
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Workload::Row => "W1: one row by key, a cached statement; figures of one query",
            Workload::Owned => "W2: 10,000 rows into owned structs; figures of one row",
            Workload::Borrowed => "W2: 10,000 rows into borrowed structs; figures of one row",
            Workload::Inserts => "W4: 1000 inserts of 5 parameters in one flight; figures of one insert",
            Workload::Tasks => "W6: 64 tasks on one connection, 50 queries each; figures of one query",
            Workload::CopyIn => "W5: 10,000 structs into a table by a binary COPY; figures of one row",
            Workload::CopyOut => {
                "W5: 10,000 rows out of a table by a binary COPY into owned structs; figures of one row"
            }
            Workload::Nested => {
                "W9: 10,000 rows of int4[16], text[8], a composite and an enum into owned structs; figures of one row"
            }
            Workload::Notifications => "W10: 10,000 notifications; figures of one notification",
        }
    }

    /// How many units, the thing that figures are given for, an operation has.
    pub fn units(self) -> u32 {
        match self {
            Workload::Row => 1,
            Workload::Inserts => INSERTS,
            Workload::Tasks => TASKS * QUERIES,
            _ => ROWS,
        }
    }

    /// Whether a peer does it: some only those do that run many statements at once.
    pub fn is_done_by(self, peer: &str) -> bool {
        match self {
            Workload::Inserts => ["tokio-postgres", "pg-blocking", "pg-async"].contains(&peer),
            Workload::Tasks => ["tokio-postgres", "pg-async"].contains(&peer),
            _ => true,
        }
    }

    /// The row that an operation ends with.
    pub fn last(self) -> Last {
        match self {
            Workload::Row | Workload::Tasks => User::expected(KEY).into(),
            Workload::Inserts => Last::Count(INSERTS.into()),
            Workload::Owned | Workload::Borrowed | Workload::CopyIn | Workload::CopyOut => {
                User::expected(i64::from(ROWS)).into()
            }
            Workload::Nested => Parcel::expected(ROWS as i32).into(),
            Workload::Notifications => Last::Count(ROWS.into()),
        }
    }
}

/// The last row that a peer read.
#[derive(Debug, PartialEq)]
pub enum Last {
    User(User),
    Parcel(Parcel),
    /// How many there were; the number of the last notification.
    Count(i64),
}

impl Last {
    /// Of the last notification.
    pub fn payload(payload: &str) -> Option<Last> {
        payload.parse().ok().map(Last::Count)
    }
}

impl From<User> for Last {
    fn from(user: User) -> Last {
        Last::User(user)
    }
}

impl From<Parcel> for Last {
    fn from(parcel: Parcel) -> Last {
        Last::Parcel(parcel)
    }
}

pub const ROWS: u32 = 10_000;
pub const INSERTS: u32 = 1_000;
pub const TASKS: u32 = 64;
pub const QUERIES: u32 = 50;

/// The row that W1 asks for.
pub const KEY: i64 = 7_777;

pub const SCHEMA: &str = "
    create table person (id int8 primary key, name text not null, email text not null, score float8 not null,
        active bool not null, created timestamptz not null, uid uuid not null);
    insert into person select i, 'Person number ' || i, 'person.' || i || '@example.org', i / 4.0, i % 3 = 0,
        '2024-01-01 00:00:00+00'::timestamptz + i * interval '1.000001 s', lpad(to_hex(i), 32, '0')::uuid
        from generate_series(1, 10000) i;
    create table copied (like person);
    create unlogged table inserted (id int8, name text, email text, score float8, active bool);
    create type address as (street text, number int4, verified bool);
    create type status as enum ('waiting', 'sent', 'delivered');
    create table parcel (id int4 primary key, weights int4[] not null, tags text[] not null, address address not null,
        status status not null);
    insert into parcel select i, array(select i * 16 + n from generate_series(1, 16) n),
        array(select 'tag ' || i * 8 + n from generate_series(1, 8) n),
        row('Street number ' || i, i, i % 2 = 0)::address,
        (array['waiting', 'sent', 'delivered']::status[])[i % 3 + 1]
        from generate_series(1, 10000) i;
    analyze person, parcel";

pub const ONE_ROW: &str = "select id, name, email, score, active, created, uid from person where id = $1";
pub const ALL_ROWS: &str = "select id, name, email, score, active, created, uid from person order by id";
pub const INSERT: &str = "insert into inserted (id, name, email, score, active) values ($1, $2, $3, $4, $5)";
pub const NOT_INSERTED: &str = "truncate inserted";
pub const INSERTED: &str = "select count(*) from inserted";
pub const EMPTIED: &str = "truncate copied";
pub const COPY_IN: &str =
    "copy copied (id, name, email, score, active, created, uid) from stdin (format binary)";
/// The last row of what was copied in.
pub const COPIED: &str = "select id, name, email, score, active, created, uid from copied where id = 10000";
pub const COPY_OUT: &str =
    "copy person (id, name, email, score, active, created, uid) to stdout (format binary)";
/// What a binary COPY begins with: a signature, flags, and the length of an extension.
pub const COPY_HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// And what it ends with.
pub const COPY_TRAILER: &[u8; 2] = &[0xff; 2];
pub const LISTEN: &str = "listen bench";
/// Their numbers from 1 on. A session's own come before it is ready for the next statement.
pub const NOTIFY: &str = "select count(pg_notify('bench', n::text))::int8 from generate_series(1, 10000) n";
pub const NESTED_ROWS: &str = "select weights, tags, address, status from parcel order by id";

#[derive(Debug, Clone, PartialEq, CopyRow, FromRow)]
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

#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct Parcel {
    pub weights: Vec<i32>,
    pub tags: Vec<String>,
    pub address: Address,
    pub status: Status,
}

#[derive(Debug, Clone, PartialEq, FromSql)]
#[pg(name = "address")]
pub struct Address {
    pub street: String,
    pub number: i32,
    pub verified: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, FromSql)]
#[pg(name = "status", rename_all = "snake_case")]
pub enum Status {
    Waiting,
    Sent,
    Delivered,
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

    /// Those that W5 copies in.
    pub fn all() -> Vec<User> {
        (1..=i64::from(ROWS)).map(User::expected).collect()
    }

    /// By hand as a row of a binary COPY, for peers that do not encode.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&7_u16.to_be_bytes());
        let mut field = |bytes: &[u8]| {
            out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
            out.extend_from_slice(bytes);
        };
        field(&self.id.to_be_bytes());
        field(self.name.as_bytes());
        field(self.email.as_bytes());
        field(&self.score.to_be_bytes());
        field(&[u8::from(self.active)]);
        field(&micros(self.created).to_be_bytes());
        field(self.uid.as_bytes());
    }

    pub fn is_last(&self) -> bool {
        self.id == i64::from(ROWS)
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

impl Parcel {
    fn expected(id: i32) -> Parcel {
        Parcel {
            weights: (1..=16).map(|n| id * 16 + n).collect(),
            tags: (1..=8).map(|n| format!("tag {}", id * 8 + n)).collect(),
            address: Address { street: format!("Street number {id}"), number: id, verified: id % 2 == 0 },
            status: [Status::Waiting, Status::Sent, Status::Delivered][id as usize % 3],
        }
    }

    /// By hand from the binary fields, in the order of the statement, for peers that do not decode.
    #[inline]
    pub fn decode<'r>(mut field: impl FnMut() -> Option<&'r [u8]>) -> Option<Parcel> {
        Some(Parcel {
            weights: elements(field()?, |element| Some(i32::from_be_bytes(element.try_into().ok()?)))?,
            tags: elements(field()?, |element| Some(std::str::from_utf8(element).ok()?.to_owned()))?,
            address: {
                // The number of attributes, then of each its type, length and bytes.
                let (_, mut rest) = field()?.split_first_chunk::<4>()?;
                let mut attribute = || {
                    let (_, after) = rest.split_first_chunk::<4>()?;
                    let (value, after) = value(after)?;
                    rest = after;
                    Some(value)
                };
                Address {
                    street: std::str::from_utf8(attribute()?).ok()?.to_owned(),
                    number: i32::from_be_bytes(attribute()?.try_into().ok()?),
                    verified: *attribute()?.first()? != 0,
                }
            },
            status: match field()? {
                b"waiting" => Status::Waiting,
                b"sent" => Status::Sent,
                b"delivered" => Status::Delivered,
                _ => return None,
            },
        })
    }
}

/// The elements of an array of one dimension: three words, its length and lower bound, then length and bytes of each.
#[inline]
fn elements<'r, T>(array: &'r [u8], decode: impl Fn(&'r [u8]) -> Option<T>) -> Option<Vec<T>> {
    let (_, rest) = array.split_first_chunk::<12>()?;
    let (count, rest) = rest.split_first_chunk()?;
    let (_, mut rest) = rest.split_first_chunk::<4>()?;
    let count = u32::from_be_bytes(*count) as usize;
    let mut elements = Vec::with_capacity(count.min(array.len()));
    for _ in 0..count {
        let (element, after) = value(rest)?;
        rest = after;
        elements.push(decode(element)?);
    }
    Some(elements)
}

/// A value behind its length, and what comes after it.
#[inline]
pub fn value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, after) = bytes.split_first_chunk()?;
    after.split_at_checked(u32::from_be_bytes(*length) as usize)
}

/// A row in a message of a binary COPY: the first comes behind the header, the trailer is none.
#[inline]
pub fn copied_row(data: &[u8]) -> Option<&[u8]> {
    let row = data.strip_prefix(COPY_HEADER).unwrap_or(data);
    (row != COPY_TRAILER).then_some(row)
}

/// 2000, which the server's clock counts from.
const EPOCH: Duration = Duration::from_secs(946_684_800);

/// Microseconds since 2000, of a time after it.
#[inline]
fn micros(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH + EPOCH).unwrap_or_default();
    since.as_micros() as i64
}

/// From microseconds since 2000.
fn created(micros: i64) -> Option<SystemTime> {
    let since = Duration::from_micros(micros.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH + EPOCH;
    if micros < 0 { epoch.checked_sub(since) } else { epoch.checked_add(since) }
}
