//! postgres-types' traits of derived types: what another driver would be given, and would hand over.

use crate::round_trips::hex;
use bytes::BytesMut;
use pg_core::types::range::Range;
use pg_core::{FromSql, ToSql};
use postgres_types::{Field, FromSql as NativeFromSql, IsNull, Kind, ToSql as NativeToSql, Type};
use std::borrow::Cow;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::ops::Bound;

#[derive(Debug, PartialEq, ToSql, FromSql)]
enum Mood {
    Sad,
    #[pg(other)]
    Other(String),
}

#[derive(Debug, PartialEq, ToSql, FromSql)]
struct Item<'r, T> {
    name: &'r str,
    price: i64,
    mood: Option<Mood>,
    tags: Vec<Cow<'r, str>>,
    more: PhantomData<T>,
}

#[derive(Debug, PartialEq, ToSql, FromSql)]
#[pg(domain)]
struct Email(Option<String>);

#[derive(Debug, PartialEq, ToSql, FromSql)]
#[pg(text, name = "inet")]
struct Host(IpAddr);

#[derive(Debug, PartialEq, ToSql, FromSql)]
#[pg(range, name = "floatrange")]
struct Speeds(Range<f64>);

/// Knows only the other library's traits.
#[derive(Debug, PartialEq, ToSql, FromSql)]
#[pg(name = "item")]
struct Foreign {
    name: String,
    #[pg(foreign)]
    price: Cents,
    #[pg(foreign)]
    mood: Option<Label>,
    #[pg(skip)]
    tags: (),
}

#[derive(Debug, PartialEq)]
struct Cents(i64);

impl NativeToSql for Cents {
    fn to_sql(
        &self,
        type_: &Type,
        to: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.0.to_sql(type_, to)
    }

    fn accepts(type_: &Type) -> bool {
        *type_ == Type::INT8
    }

    postgres_types::to_sql_checked!();
}

impl<'a> NativeFromSql<'a> for Cents {
    fn from_sql(type_: &Type, bytes: &'a [u8]) -> Result<Cents, Box<dyn std::error::Error + Sync + Send>> {
        i64::from_sql(type_, bytes).map(Cents)
    }

    fn accepts(type_: &Type) -> bool {
        *type_ == Type::INT8
    }
}

#[derive(Debug, PartialEq)]
struct Label(String);

impl NativeToSql for Label {
    fn to_sql(
        &self,
        type_: &Type,
        to: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.0.to_sql(type_, to)
    }

    fn accepts(type_: &Type) -> bool {
        type_.name() == "mood"
    }

    postgres_types::to_sql_checked!();
}

impl<'a> NativeFromSql<'a> for Label {
    fn from_sql(type_: &Type, bytes: &'a [u8]) -> Result<Label, Box<dyn std::error::Error + Sync + Send>> {
        String::from_sql(type_, bytes).map(Label)
    }

    fn accepts(type_: &Type) -> bool {
        type_.name() == "mood"
    }
}

/// No `Debug`, which the other library's trait asks for: all the rest is there.
#[derive(ToSql, FromSql)]
#[pg(transparent)]
struct Silent(i64);

fn custom(oid: u32, name: &str, kind: Kind) -> Type {
    Type::new(name.to_owned(), oid, kind, "public".to_owned())
}

fn mood() -> Type {
    custom(60001, "mood", Kind::Enum(vec!["sad".to_owned(), "new".to_owned()]))
}

fn item_type() -> Type {
    let field = |name: &str, type_| Field::new(name.to_owned(), type_);
    let fields = vec![
        field("tags", Type::TEXT_ARRAY),
        field("price", Type::INT8),
        field("name", Type::TEXT),
        field("mood", mood()),
    ];
    custom(60003, "item", Kind::Composite(fields))
}

fn write<T: NativeToSql>(value: &T, type_: &Type) -> Vec<u8> {
    assert!(T::accepts(type_), "{type_}");
    let mut out = BytesMut::new();
    let is_null = value.to_sql_checked(type_, &mut out).unwrap();
    assert!(matches!(is_null, IsNull::No));
    out.to_vec()
}

fn round_trip<T>(value: &T, type_: &Type) -> String
where
    T: NativeToSql + for<'a> NativeFromSql<'a> + PartialEq + Debug,
{
    let bytes = write(value, type_);
    assert!(<T as NativeFromSql<'_>>::accepts(type_));
    assert_eq!(T::from_sql(type_, &bytes).unwrap(), *value);
    hex(&bytes)
}

#[test]
fn another_driver_writes_and_reads_derived_types() {
    assert_eq!(round_trip(&Mood::Sad, &mood()), "736164");
    let moods = custom(60002, "_mood", Kind::Array(mood()));
    assert!(round_trip(&vec![Mood::Sad, Mood::Other("new".to_owned())], &moods).ends_with("6e6577"));
    let item =
        Item::<u8> { name: "n", price: -1, mood: Some(Mood::Sad), tags: vec!["a".into()], more: PhantomData };
    let bytes = write(&item, &item_type());
    assert_eq!(Item::from_sql(&item_type(), &bytes).unwrap(), item);
    assert_eq!(i32::from_be_bytes(bytes[..4].try_into().unwrap()), 4);
    let email = custom(60005, "email", Kind::Domain(Type::TEXT));
    assert_eq!(round_trip(&Email(Some("a@b".to_owned())), &email), "614062");
    assert_eq!(Email::from_sql_null(&email).unwrap(), Email(None));
    let speeds = custom(60014, "floatrange", Kind::Range(Type::FLOAT8));
    round_trip(&Speeds(Range::new(Bound::Included(1.0), Bound::Unbounded)), &speeds);
    round_trip(&Silenced(7), &Type::INT8);
}

#[derive(Debug, PartialEq, ToSql, FromSql)]
#[pg(transparent)]
struct Silenced(i64);

#[test]
fn a_foreign_field_goes_by_the_other_librarys_traits() {
    let tags = custom(
        60003,
        "item",
        match item_type().kind() {
            Kind::Composite(fields) => Kind::Composite(fields[1..].to_vec()),
            _ => unreachable!("a composite"),
        },
    );
    for mood in [Some(Label("sad".to_owned())), None] {
        let value = Foreign { name: "n".to_owned(), price: Cents(5), mood, tags: () };
        round_trip(&value, &tags);
    }
}

#[test]
fn another_type_is_not_accepted() {
    assert!(!<Mood as NativeToSql>::accepts(&Type::TEXT));
    assert!(!<Mood as NativeFromSql<'_>>::accepts(&custom(1, "feeling", Kind::Enum(vec![]))));
    assert!(!<Item<'_, u8> as NativeToSql>::accepts(&mood()));
    assert!(!<Silenced as NativeFromSql<'_>>::accepts(&Type::INT4));
    let error = Mood::Sad.to_sql_checked(&Type::INT4, &mut BytesMut::new()).err().unwrap();
    assert!(error.to_string().contains("int4"), "{error}");
    // Only a text form of ours, and binary is what the other driver sends.
    assert!(!<Host as NativeToSql>::accepts(&Type::INET));
    assert!(<Silent as pg_core::Adapter>::TYPE == <i64 as pg_core::Adapter>::TYPE);
}
