//! The tour's types, in SQL and in Rust.

use pg_blocking::{Client, FromSql, Result, ToSql};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

const SCHEMA: &str = "
create schema shop;
create type mood as enum ('sad', 'ok', 'very_happy');
create type shop.item as (name text, price bigint, tags text[]);
create domain email as text check (value like '%_@_%');
create table account (id bigint primary key, cents bigint not null check (cents >= 0));
create table guest (
    id uuid primary key,
    name text not null,
    mail email not null,
    home point,
    networks inet[] not null default '{}',
    moods mood[] not null default '{}',
    basket shop.item[] not null default '{}',
    created timestamptz not null default now()
);
insert into account values (1, 10000), (2, 0);
";

/// An enum.
#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(name = "mood", rename_all = "snake_case")]
pub(crate) enum Mood {
    Sad,
    Ok,
    VeryHappy,
}

/// A composite, in a schema that isn't on the search path.
#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "item", schema = "shop")]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) price: i64,
    pub(crate) tags: Vec<String>,
}

/// A base type whose binary form is its fields in a row.
#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(name = "point", packed)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

/// A domain.
#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "email", domain)]
pub(crate) struct Email(pub(crate) String);

/// A text type: whatever has Display and FromStr. (`std::net::IpAddr` stands for `inet` by itself, but has no netmask.)
#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(name = "inet", text = self)]
pub(crate) struct Network {
    pub(crate) address: IpAddr,
    pub(crate) bits: u8,
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl FromStr for Network {
    type Err = Box<dyn std::error::Error + Send + Sync>;

    fn from_str(text: &str) -> Result<Network, Self::Err> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address.parse()?, bits.parse()?),
            None => {
                let address: IpAddr = text.parse()?;
                (address, if address.is_ipv4() { 32 } else { 128 })
            }
        };
        Ok(Network { address, bits })
    }
}

pub(crate) fn create(client: &mut Client) -> Result<()> {
    client.batch_execute(SCHEMA)
}

pub(crate) fn lamp() -> Item {
    Item {
        name: "lamp".to_owned(),
        price: 1999,
        tags: vec!["light".to_owned(), "a \"quoted\" tag".to_owned()],
    }
}
