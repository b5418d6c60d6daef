//! Derived row types, read from rows put together by hand.

use super::column::Column;
use super::plan::RowPlan;
use super::reader::FromRowOwned;
use crate::error::Result;
use crate::message::backend::DataRow;
use crate::message::backend::Message;
use crate::types::catalog::Catalog;
use crate::types::context::Context;
use crate::{FromRow, FromSql};
use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

/// Columns, each a name, a type and a value in text.
type Columns<'a> = &'a [(&'a str, u32, Option<&'a str>)];

fn described(columns: Columns<'_>) -> Arc<[Column]> {
    let mut body = (columns.len() as u16).to_be_bytes().to_vec();
    for (name, oid, _) in columns {
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&[0; 7]);
        body.extend_from_slice(&oid.to_be_bytes());
        body.extend_from_slice(&[0; 8]);
    }
    let Message::RowDescription(description) = Message::parse(b'T', &body).unwrap() else { panic!() };
    Column::all(description, &Catalog::default()).unwrap().into()
}

fn values(columns: Columns<'_>) -> Vec<u8> {
    let mut body = (columns.len() as u16).to_be_bytes().to_vec();
    for (_, _, value) in columns {
        match value {
            Some(value) => {
                body.extend_from_slice(&(value.len() as i32).to_be_bytes());
                body.extend_from_slice(value.as_bytes());
            }
            None => body.extend_from_slice(&(-1i32).to_be_bytes()),
        }
    }
    body
}

/// Reads the row and hands it over, since it may borrow.
fn read<'r, T: FromRow<'r>>(columns: Columns<'_>, body: &'r [u8], context: &'r Context) -> Result<T> {
    RowPlan::new(T::SHAPE, described(columns), &Catalog::default())?.read(DataRow::new(body)?, context)
}

fn read_owned<T: FromRowOwned>(columns: Columns<'_>) -> Result<T> {
    read(columns, &values(columns), &Context::default())
}

const ID: (&str, u32, Option<&str>) = ("id", 20, Some("7"));
const NAME: (&str, u32, Option<&str>) = ("name", 25, Some("ann"));

#[derive(Debug, PartialEq, FromRow)]
struct User<'r> {
    id: i64,
    #[pg(name = "name")]
    called: &'r str,
    alias: Option<Cow<'r, str>>,
    seen: PhantomData<&'r ()>,
}

#[derive(Debug, PartialEq, FromRow)]
struct Audit {
    by: String,
    at: Option<i64>,
}

#[derive(Debug, PartialEq, FromRow)]
struct Joined<T> {
    id: i64,
    #[pg(flatten)]
    page: Inner<T>,
    #[pg(flatten(prefix = "created_"))]
    created: Audit,
    #[pg(flatten(prefix = "deleted_"))]
    deleted: Option<Audit>,
}

#[derive(Debug, PartialEq, FromRow)]
struct Inner<T> {
    value: Vec<T>,
}

#[test]
fn columns_are_found_by_name_in_any_order_with_others_between() {
    let alias = ("alias", 25, None);
    let other = ("other", 25, Some("-"));
    for columns in [[ID, NAME, alias, other], [other, alias, NAME, ID], [ID, other, NAME, alias]] {
        let (body, context) = (values(&columns), Context::default());
        let user: User<'_> = read(&columns, &body, &context).unwrap();
        assert_eq!(user, User { id: 7, called: "ann", alias: None, seen: PhantomData });
        assert!(body.as_ptr_range().contains(&user.called.as_ptr()), "no copy");
    }
}

#[test]
fn a_missing_column_is_named_with_those_that_are_there() {
    let error = read_owned::<Audit>(&[ID, NAME]).unwrap_err();
    assert_eq!(error.message(), "the row has no column \"by\"; it has id, name");
}

#[test]
fn rename_all_renames_all_but_those_with_a_name() {
    #[derive(Debug, PartialEq, FromRow)]
    #[pg(rename_all = "camelCase")]
    struct Renamed {
        first_name: String,
        #[pg(name = "Last")]
        last_name: String,
        r#type: i64,
    }
    let columns = [("firstName", 25, Some("a")), ("Last", 25, Some("b")), ("type", 20, Some("1"))];
    let renamed: Renamed = read_owned(&columns).unwrap();
    assert_eq!(renamed, Renamed { first_name: "a".into(), last_name: "b".into(), r#type: 1 });
}

#[test]
fn a_default_stands_in_for_a_missing_column_but_not_for_null() {
    fn thirty() -> i64 {
        30
    }
    #[derive(Debug, PartialEq, FromRow)]
    struct Settings {
        #[pg(default)]
        retries: i64,
        #[pg(default = thirty)]
        timeout: i64,
        #[pg(skip)]
        cached: Vec<u8>,
        name: String,
    }
    let settings: Settings = read_owned(&[NAME]).unwrap();
    assert_eq!(settings, Settings { retries: 0, timeout: 30, cached: vec![], name: "ann".into() });
    let settings: Settings = read_owned(&[("timeout", 20, Some("5")), NAME]).unwrap();
    assert_eq!(settings.timeout, 5);
    let error = read_owned::<Settings>(&[("timeout", 20, None), NAME]).unwrap_err();
    assert!(error.message().starts_with("column 1 \"timeout\": the value is NULL"), "{error}");
}

#[test]
fn flattened_types_read_their_columns_behind_their_prefix() {
    let value = ("value", 1016, Some("{1,2}"));
    let created = [("created_by", 25, Some("bob")), ("created_at", 20, None)];
    let by = ("deleted_by", 25, Some("eve"));
    let (no_one, at) = (("deleted_by", 25, None), ("deleted_at", 20, None));
    let read = |columns: &[(&str, u32, Option<&str>)]| read_owned::<Joined<i64>>(columns);
    let [created_by, created_at] = created;
    // In the fields' order, with a column that nobody reads, and in another order.
    for columns in [
        [ID, value, created_by, created_at, by, at, NAME],
        [ID, value, created_by, created_at, NAME, by, at],
        [at, by, NAME, created_at, created_by, value, ID],
    ] {
        let joined = read(&columns).unwrap();
        assert_eq!((joined.id, joined.page.value, joined.created.by), (7, vec![1, 2], "bob".into()));
        assert_eq!(joined.deleted, Some(Audit { by: "eve".into(), at: None }));
    }
    for columns in [
        [ID, value, created_by, created_at, no_one, at, NAME],
        [ID, value, created_by, created_at, NAME, no_one, at],
        [at, no_one, NAME, created_at, created_by, value, ID],
    ] {
        assert_eq!(read(&columns).unwrap().deleted, None, "all its columns are NULL");
    }
    // Not all of them.
    let error =
        read(&[ID, value, created_by, created_at, no_one, ("deleted_at", 20, Some("1"))]).unwrap_err();
    assert!(error.message().starts_with("column 5 \"deleted_by\": the value is NULL"), "{error}");
    let error = read(&[ID, value, created_by, created_at, no_one]).unwrap_err();
    assert!(error.message().contains("no column \"deleted_at\""), "{error}");
}

#[test]
fn an_option_that_is_none_leaves_the_fields_behind_it_in_place() {
    #[derive(Debug, PartialEq, FromRow)]
    struct Outer<'r> {
        #[pg(flatten)]
        audit: Option<Audit>,
        name: &'r str,
        #[pg(flatten(prefix = "x_"))]
        user: Option<User<'r>>,
        last: i64,
    }
    let columns = [
        ("by", 25, None),
        ("at", 20, None),
        NAME,
        ("x_id", 20, None),
        ("-", 25, Some("-")),
        ("x_name", 25, None),
        ("x_alias", 25, None),
        ("last", 20, Some("9")),
    ];
    let (body, context) = (values(&columns), Context::default());
    let outer: Outer<'_> = read(&columns, &body, &context).unwrap();
    assert_eq!(outer, Outer { audit: None, name: "ann", user: None, last: 9 });
}

#[test]
fn a_tuple_struct_reads_its_columns_in_order() {
    #[derive(Debug, PartialEq, FromRow)]
    struct Pair<'r, T>(T, #[pg(skip)] u8, &'r str, PhantomData<T>);
    let columns = [ID, ("id", 25, Some("x"))];
    let (body, context) = (values(&columns), Context::default());
    let pair: Pair<'_, i64> = read(&columns, &body, &context).unwrap();
    assert_eq!(pair, Pair(7, 0, "x", PhantomData));
    assert!(read::<Pair<'_, i64>>(&columns[..1], &values(&columns[..1]), &context).is_err());
}

#[test]
fn a_field_may_be_of_any_derived_type() {
    #[derive(Debug, PartialEq, FromSql)]
    #[pg(packed)]
    struct Point {
        x: f64,
        y: f64,
    }
    #[derive(Debug, PartialEq, FromRow)]
    struct Place {
        home: Option<Point>,
        ways: Vec<Point>,
    }
    let columns = [("home", 600, Some("(1,2)")), ("ways", 1017, Some("{\"(3,4)\"}"))];
    let place: Place = read_owned(&columns).unwrap();
    assert_eq!(place, Place { home: Some(Point { x: 1.0, y: 2.0 }), ways: vec![Point { x: 3.0, y: 4.0 }] });
}
