//! Shapes: that they compile is the test. Lints are on as strictly as a user may have them.

#![warn(
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::absolute_paths,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    single_use_lifetimes,
    unused_lifetimes,
    unused_qualifications,
    trivial_casts,
    let_underscore_drop,
    missing_docs,
    private_bounds,
    private_interfaces
)]
#![allow(dead_code)]

use pg_core::types::adapter::Adapter;
use pg_core::types::typecaster::TypecasterOwned;
use pg_core::{FromRow, FromSql, ToSql};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::num::ParseIntError;
use std::str::FromStr;

const fn both<T: Adapter + TypecasterOwned>() {}
const fn row<T: for<'r> FromRow<'r>>() {}

#[derive(ToSql, FromSql, FromRow)]
struct Plain {
    id: i64,
    r#type: String,
    tags: Vec<String>,
    note: Option<String>,
}

#[derive(ToSql, FromSql)]
#[pg(rename_all = "SCREAMING-KEBAB-CASE")]
enum Mood {
    Sad,
    #[pg(name = "so so")]
    Ok {},
    Happy(),
}

#[derive(ToSql, FromSql, FromRow)]
struct Page<T> {
    items: Vec<T>,
    next: Option<T>,
}

/// A parameter that no field sends needs no adapter.
struct NoAdapter;

#[derive(ToSql, FromSql, FromRow)]
struct Tagged<Tag, T>
where
    T: Clone,
{
    value: T,
    tag: PhantomData<Tag>,
    unit: PhantomData<fn() -> Tag>,
}

#[derive(ToSql, FromSql)]
#[pg(transparent)]
struct Id<Of>(i64, PhantomData<Of>);

#[derive(ToSql, FromSql)]
#[pg(transparent)]
struct Inner {
    value: Vec<Plain>,
}

#[derive(ToSql, FromSql)]
#[pg(transparent)]
struct Borrowed<'r>(&'r str);

#[derive(ToSql, FromSql)]
#[pg(domain, name = "email")]
struct Email(String);

#[derive(ToSql, FromSql)]
#[pg(domain)]
struct Wrapped<T>(T);

#[derive(ToSql, FromSql)]
#[pg(text, name = "inet")]
struct Host(IpAddr);

#[derive(ToSql, FromSql)]
#[pg(text)]
struct Shown<T>(T);

/// Data, and a text form of its own.
#[derive(ToSql, FromSql)]
#[pg(text = self, name = "semver")]
struct Version(u32, u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl FromStr for Version {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (major, minor) = text.split_once('.').ok_or("no dot")?;
        Ok(Self(major.parse().map_err(|_| "no number")?, minor.parse().map_err(|_| "no number")?))
    }
}

#[derive(ToSql, FromSql)]
#[pg(text = self, name = "shape")]
enum Data {
    Circle { radius: u32 },
    Nothing,
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Circle { radius } => write!(f, "{radius}"),
            Self::Nothing => f.write_str("-"),
        }
    }
}

impl FromStr for Data {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "-" { Ok(Self::Nothing) } else { Ok(Self::Circle { radius: text.parse()? }) }
    }
}

#[derive(ToSql, FromSql)]
#[pg(packed)]
struct Point {
    x: f64,
    y: f64,
}

#[derive(ToSql, FromSql)]
#[pg(packed, name = "pair")]
struct Pair<T> {
    left: T,
    right: T,
}

#[derive(ToSql, FromSql, FromRow)]
struct Text<'r> {
    name: &'r str,
    alias: Cow<'r, str>,
    bytes: Option<&'r [u8]>,
}

#[derive(ToSql, FromSql, FromRow)]
struct Two<'a, 'b: 'a> {
    a: &'a str,
    b: &'b str,
}

#[derive(FromSql, FromRow)]
struct Nested<'a, 'b> {
    text: Text<'a>,
    two: Two<'a, 'b>,
    owned: Plain,
}

#[derive(ToSql, FromSql, FromRow)]
struct Both<'r, T, const N: usize = 4>
where
    T: Clone,
{
    name: &'r str,
    value: T,
    marker: PhantomData<[&'r T; N]>,
}

/// Lifetimes of other names, one of them the macro's own.
#[derive(FromSql, FromRow)]
struct Taken<'pg, 'pg_> {
    name: &'pg str,
    call: PhantomData<for<'pg__> fn(&'pg__ &'pg_ str) -> &'pg__ str>,
}

#[derive(ToSql)]
struct New<'a, 'b> {
    name: &'a str,
    tags: &'b [&'a str],
}

#[derive(ToSql, FromSql)]
#[pg(bound = "T: Adapter + TypecasterOwned")]
struct Bound<T> {
    one: T,
    many: Vec<T>,
}

#[derive(ToSql, FromSql, FromRow)]
struct Skipping<T> {
    id: i64,
    #[pg(skip)]
    cache: HashMap<String, T>,
}

#[derive(ToSql, FromSql, FromRow)]
#[pg(name = "user", schema = "app")]
struct Beside {
    id: i64,
}

#[derive(FromRow)]
struct Positional<'r>(i64, &'r str, #[pg(skip)] Option<u8>, PhantomData<&'r u8>);

#[derive(FromRow)]
struct Flat<'r, T> {
    id: i64,
    #[pg(flatten)]
    page: Page<T>,
    #[pg(flatten(prefix = "text_"))]
    text: Option<Text<'r>>,
    #[pg(default)]
    count: i64,
    #[pg(default = "x".to_owned)]
    #[pg(skip)]
    #[cfg(target_os = "none")]
    never: String,
    #[pg(default = Vec::<i64>::new)]
    list: Vec<i64>,
    #[pg(default = <Vec<i64> as Default>::default)]
    other: Vec<i64>,
}

/// Names that expansions must not trip over.
mod shadows {
    #![allow(non_upper_case_globals, clippy::no_effect)]

    use super::{FromRow, FromSql, ToSql};

    #[allow(non_camel_case_types)]
    pub(super) struct Result;
    pub(super) struct Option;
    pub(super) struct Ok;
    pub(super) struct Some;
    pub(super) struct Default;
    pub(super) struct Self_;
    pub(super) const raw: i64 = 1;
    pub(super) static row: i64 = 1;
    pub(super) const fields: i64 = 1;
    mod core {}
    mod std {}
    mod pg_core {}
    macro_rules! quote {
        () => {};
    }
    quote!();

    #[derive(ToSql, FromSql, FromRow)]
    struct Odd {
        raw: i64,
        row: i64,
        fields: i64,
        to: i64,
        __to: i64,
        __raw: i64,
        __row: i64,
        __fields: i64,
        __index: i64,
        __field: i64,
    }

    #[derive(ToSql, FromSql)]
    enum Label {
        Ok,
        Err,
        Some,
        None,
    }
}

/// Types of other visibilities.
mod visible {
    #![allow(unreachable_pub)]

    use super::{FromRow, FromSql, ToSql};

    #[derive(ToSql, FromSql, FromRow)]
    struct Private<T> {
        value: T,
    }

    /// Public, with a private type inside.
    #[derive(ToSql, FromSql, FromRow)]
    pub struct Public<T> {
        inner: Vec<Private<T>>,
    }

    /// Deprecated, and so are its field and its variant.
    #[deprecated]
    #[derive(ToSql, FromSql)]
    pub enum Old {
        /// Deprecated.
        #[deprecated]
        A,
    }
}

/// A facade that re-exports the crate under another name.
mod facade {
    #![allow(unreachable_pub)]

    pub mod db {
        pub use pg_core::__private;
    }
}

#[derive(ToSql, FromSql, FromRow)]
#[pg(crate = facade::db)]
struct Renamed {
    id: i64,
}

/// Types that a macro writes.
macro_rules! declare {
    ($name:ident, $field:ident: $type:ty, $rule:literal) => {
        #[derive(ToSql, FromSql, FromRow)]
        #[pg(rename_all = $rule, crate = $crate::compile::facade::db)]
        struct $name {
            $field: $type,
            optional: Option<$type>,
        }
    };
}

declare!(Declared, first_field: i64, "camelCase");

#[test]
fn owned_types_are_owned() {
    both::<Plain>();
    both::<Mood>();
    both::<Page<i64>>();
    both::<Page<Page<Plain>>>();
    both::<Tagged<NoAdapter, i64>>();
    both::<Id<NoAdapter>>();
    both::<Inner>();
    both::<Email>();
    both::<Wrapped<Wrapped<String>>>();
    both::<Host>();
    both::<Shown<IpAddr>>();
    both::<Version>();
    both::<Data>();
    both::<Point>();
    both::<Pair<f64>>();
    both::<Bound<i64>>();
    both::<Skipping<NoAdapter>>();
    both::<Beside>();
    both::<Renamed>();
    both::<Declared>();
    row::<Plain>();
    row::<Page<i64>>();
    row::<Tagged<NoAdapter, i64>>();
    row::<Skipping<NoAdapter>>();
    row::<Beside>();
    row::<Renamed>();
    row::<Declared>();
}

/// Borrowing types are read for any lifetime that outlives theirs.
const fn borrowing<'short, 'long: 'short>() {
    const fn reads<'r, T: pg_core::Typecaster<'r> + FromRow<'r>>() {}
    reads::<'long, Text<'short>>();
    reads::<'long, Two<'short, 'long>>();
    reads::<'long, Both<'short, i64, 2>>();
}
