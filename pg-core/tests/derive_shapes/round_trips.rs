//! What an adapter writes, the typecaster reads: binary and text, with the bytes that the server would send.

use pg_core::error::{ErrorKind, Result};
use pg_core::message::Format;
use pg_core::types::adapter::{Adapter, Encode, IsNull};
use pg_core::types::catalog::{Catalog, Entry, EntryShape};
use pg_core::types::context::{Context, Settings};
use pg_core::types::name::{NamedKind, TypeName};
use pg_core::types::plan::Planner;
use pg_core::types::typecaster::{RawValue, Typecaster, TypecasterOwned};
use pg_core::{FromSql, ToSql};
use postgres_types::Type;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::net::IpAddr;

const BOTH: [Format; 2] = [Format::Binary, Format::Text];

/// A database with the types below.
fn catalog() -> Catalog {
    let entry = |oid, schema: &str, name: &str, array, shape| Entry {
        oid,
        schema: schema.to_owned(),
        name: name.to_owned(),
        array,
        delimiter: b',',
        shape,
    };
    let attributes = |list: &[(&str, u32)]| {
        EntryShape::Composite(list.iter().map(|(name, oid)| ((*name).to_owned(), *oid)).collect())
    };
    let labels = |list: &[&str]| EntryShape::Enum(list.iter().map(|label| (*label).to_owned()).collect());
    let entries = vec![
        entry(60001, "public", "mood", 60002, labels(&["sad", "so so", "very_happy", "new"])),
        entry(60002, "public", "_mood", 0, EntryShape::Array(60001)),
        entry(
            60003,
            "shop",
            "item",
            60004,
            attributes(&[("tags", 1009), ("price", 20), ("name", 25), ("note", 25), ("mood", 60001)]),
        ),
        entry(60004, "shop", "_item", 0, EntryShape::Array(60003)),
        entry(60005, "public", "email", 60006, EntryShape::Domain(25)),
        entry(60006, "public", "_email", 0, EntryShape::Array(60005)),
        entry(60007, "public", "work_email", 0, EntryShape::Domain(60005)),
        entry(60008, "public", "complex", 60009, EntryShape::Base),
        entry(60009, "public", "_complex", 0, EntryShape::Array(60008)),
        entry(60010, "public", "offer", 0, EntryShape::Domain(60003)),
        entry(
            60011,
            "public",
            "person",
            0,
            attributes(&[("id", 20), ("email", 60005), ("home", 600), ("item", 60003), ("hosts", 1041)]),
        ),
        entry(60012, "public", "pair", 0, attributes(&[("first", 20), ("second", 25)])),
        entry(60013, "public", "numbers", 0, EntryShape::Domain(1016)),
    ];
    let name = |schema: Option<&str>, name: &str, oid| ((schema.map(Box::from), Box::from(name)), oid);
    let names = vec![
        name(None, "mood", 60001),
        name(Some("shop"), "item", 60003),
        name(None, "email", 60005),
        name(None, "complex", 60008),
        name(None, "offer", 60010),
        name(None, "person", 60011),
        name(None, "pair", 60012),
        name(None, "numbers", 60013),
    ];
    let mut catalog = Catalog::default();
    catalog.extend(entries, names);
    catalog
}

fn write_as<T: Adapter>(
    value: &T,
    catalog: &Catalog,
    type_: &Type,
    format: Format,
) -> Result<Option<Vec<u8>>> {
    let mut plan = T::plan(type_, &Planner { catalog })?;
    assert_eq!(plan.type_, *type_, "arrays and records send the OID they were asked for");
    if format == Format::Binary {
        assert_eq!(plan.format == Format::Text, T::TEXT_ONLY, "the constant says what the plan says");
    }
    plan.set_format(format);
    let (mut out, settings) = (Vec::new(), Settings::default());
    Ok(match value.encode(&mut Encode { out: &mut out, plan: &plan, settings: &settings })? {
        IsNull::Yes => None,
        IsNull::No => Some(out),
    })
}

fn read_as<T: TypecasterOwned>(bytes: &[u8], catalog: &Catalog, type_: &Type, format: Format) -> Result<T> {
    let mut plan = T::plan(type_, &Planner { catalog })?;
    plan.set_format(format);
    T::decode(RawValue { bytes, plan: &plan, context: &Context::default() })
}

fn type_of<T: Adapter>(catalog: &Catalog) -> Type {
    catalog.resolve(T::TYPE).expect("the catalog has it")
}

/// Writes and reads in both formats, or in text alone; gives the text.
fn round_trip<T: Adapter + TypecasterOwned + PartialEq + Debug>(value: &T) -> String {
    let catalog = catalog();
    let type_ = type_of::<T>(&catalog);
    for format in BOTH {
        if format == Format::Binary && <T as Adapter>::TEXT_ONLY {
            continue;
        }
        let bytes = write_as(value, &catalog, &type_, format).unwrap().unwrap();
        assert_eq!(read_as::<T>(&bytes, &catalog, &type_, format).unwrap(), *value, "{format:?}");
    }
    String::from_utf8(write_as(value, &catalog, &type_, Format::Text).unwrap().unwrap()).unwrap()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn binary<T: Adapter>(value: &T) -> String {
    let catalog = catalog();
    hex(&write_as(value, &catalog, &type_of::<T>(&catalog), Format::Binary).unwrap().unwrap())
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
enum Mood {
    Sad,
    #[pg(name = "so so")]
    Ok,
    VeryHappy,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(schema = "shop")]
struct Item {
    name: String,
    price: i64,
    tags: Vec<String>,
    mood: Option<Mood>,
    note: Option<String>,
    #[pg(skip)]
    cached: u8,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(domain)]
struct Email(String);

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(packed)]
struct Point {
    x: f64,
    y: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(packed)]
struct Complex {
    re: f32,
    im: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(packed)]
struct Lseg {
    from: Point,
    to: Point,
}

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(packed)]
struct Circle {
    center: Point,
    radius: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[pg(packed)]
struct Line {
    a: f64,
    b: f64,
    c: f64,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(text, name = "inet")]
struct Host(IpAddr);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(transparent)]
struct Id<Of>(i64, PhantomData<Of>);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(transparent)]
struct Numbers(Vec<i64>);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(domain, name = "numbers")]
struct NumbersDomain(Vec<i64>);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(domain)]
struct Offer(Item);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
struct Person {
    id: Id<Person>,
    email: Option<Email>,
    home: Point,
    item: Item,
    hosts: Vec<Option<Host>>,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(rename_all = "camelCase", name = "pair")]
struct Pair<A, B> {
    first: A,
    second: B,
}

fn item() -> Item {
    Item {
        name: "a \"b\" \\ (c), {d}".to_owned(),
        price: -1,
        tags: vec!["x,y".to_owned(), "NULL".to_owned(), String::new()],
        mood: None,
        note: Some(String::new()),
        cached: 0,
    }
}

#[test]
fn a_composite_goes_in_the_servers_order() {
    let item =
        Item { name: "n".to_owned(), price: 7, tags: vec![], mood: Some(Mood::Sad), note: None, cached: 9 };
    assert_eq!(
        binary(&item),
        [
            "00000005", // attributes
            "000003f1",
            "0000000c",
            "000000000000000000000019", // tags text[]: no dimensions
            "00000014",
            "00000008",
            "0000000000000007", // price int8
            "00000019",
            "00000001",
            "6e", // name text
            "00000019",
            "ffffffff", // note text: NULL
            "0000ea61",
            "00000003",
            "736164", // mood
        ]
        .concat()
    );
    let back = round_trip(&Item { cached: 0, ..item });
    assert_eq!(back, "({},7,n,,sad)");
}

#[test]
fn a_composites_text_is_quoted_as_the_server_reads_it() {
    let text = round_trip(&item());
    // Quotes are doubled.
    let server = r#"("{""x,y"",""NULL"",""""}",-1,"a ""b"" \\ (c), {d}","",)"#;
    assert_eq!(text, server);
    let catalog = catalog();
    let type_ = type_of::<Item>(&catalog);
    assert_eq!(read_as::<Item>(server.as_bytes(), &catalog, &type_, Format::Text).unwrap(), item());
}

#[test]
fn arrays_of_derived_types_round_trip() {
    round_trip(&vec![Some(item()), None]);
    round_trip(&vec![Mood::Ok, Mood::VeryHappy]);
    round_trip(&vec![Email("a@b.c".to_owned())]);
    round_trip(&vec![Point { x: 1.5, y: -2.0 }, Point { x: f64::INFINITY, y: 0.0 }]);
    round_trip(&vec![Some(Host(IpAddr::from([127, 0, 0, 1]))), None]);
    round_trip(&vec![Id::<()>(1, PhantomData), Id(2, PhantomData)]);
}

#[test]
fn a_transparent_newtype_of_an_array_is_a_dimension() {
    let text = round_trip(&vec![Numbers(vec![1, 2]), Numbers(vec![3, 4])]);
    assert_eq!(text, "{{1,2},{3,4}}");
}

#[test]
fn types_inside_types_round_trip() {
    let person = Person {
        id: Id(5, PhantomData),
        email: Some(Email("a@b.c".to_owned())),
        home: Point { x: 1.0, y: 2.5 },
        item: item(),
        hosts: vec![Some(Host(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]))), None],
    };
    let text = round_trip(&person);
    assert!(text.starts_with("(5,a@b.c,\"(1,2.5)\",\"("), "{text}");
    const { assert!(<Person as Adapter>::TEXT_ONLY) }; // one of its types has only a text form
    round_trip(&Pair { first: 1i64, second: "x".to_owned() });
    round_trip(&Offer(item()));
    round_trip(&NumbersDomain(vec![1, 2]));
}

#[test]
fn a_type_that_came_inside_another_goes_by_its_own_name() {
    let entry = |oid, schema: &str, name: &str, shape| Entry {
        oid,
        schema: schema.to_owned(),
        name: name.to_owned(),
        array: 0,
        delimiter: b',',
        shape,
    };
    let mood = || EntryShape::Enum(vec!["sad".to_owned()]);
    let with = |mood: u32| EntryShape::Composite(vec![("first".to_owned(), mood), ("second".to_owned(), 20)]);
    let entries = vec![
        entry(60001, "other", "mood", mood()),
        entry(60002, "other", "weather", mood()),
        entry(60003, "public", "pair", with(60001)),
        entry(60004, "public", "pair", with(60002)),
    ];
    for (pair, fits) in [(60003, true), (60004, false)] {
        let mut catalog = Catalog::default();
        catalog.extend(entries.clone(), vec![((None, "pair".into()), pair)]);
        let planner = Planner { catalog: &catalog };
        let type_ = catalog.type_by_oid(pair).unwrap();
        assert_eq!(<Pair<Mood, i64> as Adapter>::plan(&type_, &planner).is_ok(), fits);
        assert_eq!(<Pair<Mood, i64> as Typecaster<'_>>::plan(&type_, &planner).is_ok(), fits);
    }
}

#[test]
fn an_attribute_or_a_field_too_many_is_named() {
    #[derive(Debug, ToSql, FromSql)]
    #[pg(name = "pair")]
    struct Short {
        first: i64,
    }
    #[derive(Debug, ToSql, FromSql)]
    #[pg(name = "pair")]
    struct Long {
        first: i64,
        second: String,
        third: i64,
    }
    let catalog = catalog();
    let type_ = type_of::<Short>(&catalog);
    let error = <Short as Typecaster<'_>>::plan(&type_, &Planner { catalog: &catalog }).unwrap_err();
    assert_eq!(
        error.message(),
        "public.pair has an attribute \"second\" for which the Rust type has no field; it has first"
    );
    let error = <Long as Adapter>::plan(&type_, &Planner { catalog: &catalog }).unwrap_err();
    assert_eq!(error.message(), "public.pair has no attribute \"third\"; it has first, second");
    assert_eq!(error.kind(), ErrorKind::Encode);
    let Long { first, second, third } = Long { first: 1, second: String::new(), third: 2 };
    assert_eq!((first, second.len(), third), (1, 0, 2));
    assert_eq!(Short { first: 1 }.first, 1);
}

#[test]
fn a_wrong_attribute_type_names_the_attribute() {
    let catalog = catalog();
    let type_ = type_of::<Pair<i64, String>>(&catalog);
    let error =
        <Pair<i32, String> as Typecaster<'_>>::plan(&type_, &Planner { catalog: &catalog }).unwrap_err();
    assert!(
        error.message().starts_with("attribute \"first\" of public.pair: the SQL type is int8"),
        "{error}"
    );
    let error = read_as::<Pair<i64, String>>(b"(x,y)", &catalog, &type_, Format::Text).unwrap_err();
    assert!(error.message().starts_with("attribute \"first\" of public.pair: "), "{error}");
    let error = read_as::<Pair<i64, String>>(b"(,y)", &catalog, &type_, Format::Text).unwrap_err();
    assert!(error.message().contains("attribute \"first\" of public.pair: the value is NULL"), "{error}");
}

#[test]
fn another_type_than_the_named_one_is_refused() {
    let catalog = catalog();
    let planner = Planner { catalog: &catalog };
    for type_ in [Type::TEXT, Type::RECORD, type_of::<Mood>(&catalog), type_of::<Pair<i64, i64>>(&catalog)] {
        let error = <Item as Typecaster<'_>>::plan(&type_, &planner).unwrap_err();
        assert!(error.message().contains("but Item stands for shop.item"), "{error}");
        assert!(<Item as Adapter>::plan(&type_, &planner).is_err());
        assert!(<Point as Typecaster<'_>>::plan(&type_, &planner).is_err());
        // A label is read from text, and written as nothing but the enum.
        let is_mood = type_ == type_of::<Mood>(&catalog);
        assert_eq!(<Mood as Typecaster<'_>>::plan(&type_, &planner).is_ok(), is_mood || type_ == Type::TEXT);
        assert_eq!(<Mood as Adapter>::plan(&type_, &planner).is_ok(), is_mood);
    }
}

#[test]
fn a_value_of_an_altered_composite_is_refused() {
    let catalog = catalog();
    let type_ = type_of::<Pair<i64, String>>(&catalog);
    let read = |bytes: &[u8], format| read_as::<Pair<i64, String>>(bytes, &catalog, &type_, format);
    for (format, bytes) in [
        (Format::Binary, &b"\0\0\0\x01\0\0\0\x14\0\0\0\x08\0\0\0\0\0\0\0\x01"[..]),
        (Format::Binary, b"\0\0\0\x02\0\0\0\x17\0\0\0\x04\0\0\0\x01\0\0\0\x19\xff\xff\xff\xff"),
        (Format::Text, b"(1,2,3)"),
        (Format::Text, b"(1)"),
    ] {
        let error = read(bytes, format).unwrap_err();
        let cure = "the type was altered or made anew since it was looked up: run the statement again";
        assert_eq!(error.cure(), Some(cure), "{error}");
    }
    // Garbage: an error, whatever it is, and never a panic.
    for bytes in
        [&b""[..], b"\0\0\0\x02", b"\xff\xff\xff\xff", b"\0\0\0\x02\0\0\0\x14\x7f\xff\xff\xff", b"(", b"(a"]
    {
        for format in BOTH {
            assert!(read(bytes, format).is_err());
        }
    }
}

#[test]
fn an_enums_both_forms_are_its_label() {
    assert_eq!(round_trip(&Mood::Ok), "so so");
    assert_eq!(round_trip(&Mood::VeryHappy), "very_happy");
    assert_eq!(binary(&Mood::Sad), hex(b"sad"));
}

#[test]
fn an_unknown_label_is_told_with_the_known_ones() {
    let catalog = catalog();
    let type_ = type_of::<Mood>(&catalog);
    for format in BOTH {
        let error = read_as::<Mood>(b"new", &catalog, &type_, format).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_eq!(
            error.message(),
            "mood has the label \"new\", for which Mood has no variant; it has sad, so so, very_happy"
        );
    }
}

#[test]
fn enums_domains_and_text_types_go_as_text_before_the_catalog_knows_them() {
    fn unresolved<T: Adapter>(value: &T) -> String {
        let catalog = Catalog::default();
        let bytes = write_as(value, &catalog, &Type::UNKNOWN, Format::Text).unwrap().unwrap();
        String::from_utf8(bytes).unwrap()
    }
    assert_eq!(unresolved(&Mood::Ok), "so so");
    assert_eq!(unresolved(&Email("a@b.c".to_owned())), "a@b.c");
    // Elements are quoted: nobody knows yet what divides them.
    assert_eq!(unresolved(&NumbersDomain(vec![1, 2])), "{\"1\",\"2\"}");
    assert_eq!(unresolved(&Host(IpAddr::from([10, 0, 0, 1]))), "10.0.0.1");
    assert_eq!(unresolved(&vec![Mood::Ok, Mood::Sad]), "{\"so so\",\"sad\"}");
    assert_eq!(unresolved(&vec![Email("a@b.c".to_owned())]), "{\"a@b.c\"}");
    // A composite can't: a domain over one says so.
    let kind = |name: TypeName| name.named().unwrap().kind;
    assert_eq!(kind(<Email as Adapter>::TYPE), NamedKind::Domain);
    assert_eq!(kind(<NumbersDomain as Adapter>::TYPE), NamedKind::Domain);
    assert_eq!(kind(<Offer as Adapter>::TYPE), NamedKind::Composite);
}

#[test]
fn a_domain_is_read_from_its_base_type_itself_and_domains_over_it() {
    let catalog = catalog();
    let domain = type_of::<Email>(&catalog);
    let over = catalog.type_by_oid(60007).unwrap();
    for type_ in [Type::TEXT, Type::VARCHAR, domain, over] {
        for format in BOTH {
            let email: Email = read_as(b"a@b.c", &catalog, &type_, format).unwrap();
            assert_eq!(email, Email("a@b.c".to_owned()));
        }
    }
    let error = read_as::<Email>(b"", &catalog, &Type::INT8, Format::Binary).unwrap_err();
    assert!(error.message().starts_with("domain email: the SQL type is int8"), "{error}");
    // Not looked up: nothing speaks against it.
    let stand_in = Catalog::default().type_or_stand_in(60005);
    assert!(read_as::<Email>(b"a@b.c", &Catalog::default(), &stand_in, Format::Binary).is_ok());
    round_trip(&Email(String::new()));
}

#[test]
fn null_is_for_options_only_through_newtypes_too() {
    #[derive(Debug, PartialEq, ToSql, FromSql)]
    #[pg(transparent)]
    struct Maybe(Option<i64>);
    assert_eq!(<Maybe as Typecaster<'_>>::null().unwrap(), Maybe(None));
    assert_eq!(write_as(&Maybe(None), &catalog(), &Type::INT8, Format::Binary).unwrap(), None);
    assert!(<Email as Typecaster<'_>>::null().is_err());
    assert_eq!(<Option<Email> as Typecaster<'_>>::null().unwrap(), None);
    let error = <Item as Typecaster<'_>>::null().unwrap_err();
    assert_eq!(error.message(), "the value is NULL, which Item can't hold");
}

#[test]
fn a_text_type_reads_its_text_alone() {
    assert_eq!(round_trip(&Host(IpAddr::from([10, 0, 0, 1]))), "10.0.0.1");
    let catalog = catalog();
    let error = read_as::<Host>(b"10.0.0.0/8", &catalog, &Type::INET, Format::Text).unwrap_err();
    assert_eq!(error.message(), "Host can't read this inet: invalid IP address syntax");
    let error =
        read_as::<Host>(&[2, 32, 0, 4, 10, 0, 0, 1], &catalog, &Type::INET, Format::Binary).unwrap_err();
    assert_eq!(error.message(), "inet is read from its text form and arrived in binary");
    assert!(read_as::<Host>(b"10.0.0.1", &catalog, &Type::TEXT, Format::Text).is_err());
}

#[test]
fn a_text_type_named_text_fits_all_character_types() {
    #[derive(Debug, PartialEq, ToSql, FromSql)]
    #[pg(text, name = "text")]
    struct Port(u16);
    let catalog = catalog();
    for type_ in [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME] {
        for format in BOTH {
            assert_eq!(read_as::<Port>(b"80", &catalog, &type_, format).unwrap(), Port(80));
        }
        assert_eq!(write_as(&Port(80), &catalog, &type_, Format::Text).unwrap().unwrap(), b"80");
    }
}

#[test]
fn a_packed_type_is_its_parts_in_a_row() {
    let point = Point { x: 1.0, y: -2.5 };
    assert_eq!(binary(&point), "3ff0000000000000c004000000000000");
    assert_eq!(round_trip(&point), "(1,-2.5)");
    assert_eq!(round_trip(&Lseg { from: point, to: point }), "(1,-2.5),(1,-2.5)");
    assert_eq!(round_trip(&Circle { center: point, radius: 3.0 }), "(1,-2.5),3");
    assert_eq!(round_trip(&Line { a: 1.0, b: 2.0, c: 3.0 }), "{1,2,3}");
    let catalog = catalog();
    let read = |text: &str| read_as::<Lseg>(text.as_bytes(), &catalog, &Type::LSEG, Format::Text);
    assert_eq!(
        read("[(1,-2.5),(1,-2.5)]").unwrap(),
        Lseg { from: point, to: point },
        "as the server writes it"
    );
    let circle = read_as::<Circle>(b"<(1,-2.5),3>", &catalog, &Type::CIRCLE, Format::Text).unwrap();
    assert_eq!(circle, Circle { center: point, radius: 3.0 });
    assert!(read("[(1,2),(3)]").is_err());
    assert!(read("[(1,2),(3,x)]").is_err());
}

#[test]
fn a_packed_type_has_exactly_its_size() {
    let catalog = catalog();
    for size in [0, 8, 15, 17, 24] {
        let error = read_as::<Point>(&vec![0; size], &catalog, &Type::POINT, Format::Binary).unwrap_err();
        assert_eq!(error.message(), format!("a value of point has {size} bytes, and the Rust type has 16"));
    }
}

#[test]
fn a_packed_type_has_no_text_form_unless_it_is_geometric() {
    let catalog = catalog();
    let type_ = type_of::<Complex>(&catalog);
    let one = Complex { re: 1.0, im: 0.0 };
    let bytes = write_as(&one, &catalog, &type_, Format::Binary).unwrap().unwrap();
    assert_eq!(read_as::<Complex>(&bytes, &catalog, &type_, Format::Binary).unwrap(), one);
    let message = "public.complex is packed: only its binary form is known, and text is asked for";
    assert_eq!(write_as(&one, &catalog, &type_, Format::Text).unwrap_err().message(), message);
    let error = read_as::<Complex>(b"1,0", &catalog, &type_, Format::Text).unwrap_err();
    assert_eq!(error.message(), message);
}

#[test]
fn a_packed_types_parts_have_a_size() {
    #[derive(Debug, ToSql, FromSql)]
    #[pg(packed, name = "complex")]
    struct Named {
        re: f64,
        label: Box<str>,
    }
    let catalog = catalog();
    let type_ = type_of::<Complex>(&catalog);
    let error = <Named as Typecaster<'_>>::plan(&type_, &Planner { catalog: &catalog }).unwrap_err();
    assert_eq!(error.message(), "field \"label\" of public.complex: text has no binary form of a fixed size");
    assert!(<Named as Adapter>::plan(&type_, &Planner { catalog: &catalog }).is_err());
    let Named { re, label } = Named { re: 0.0, label: "".into() };
    assert_eq!((re, label.len()), (0.0, 0));
}

#[test]
fn a_borrowing_composite_borrows() {
    #[derive(Debug, PartialEq, ToSql, FromSql)]
    #[pg(name = "pair")]
    struct Borrowed<'r> {
        second: &'r str,
        first: i64,
    }
    let catalog = catalog();
    let type_ = type_of::<Borrowed<'_>>(&catalog);
    let value = Borrowed { second: "a, \"b\"", first: 1 };
    for format in BOTH {
        let bytes = write_as(&value, &catalog, &type_, format).unwrap().unwrap();
        let mut plan =
            <Borrowed<'_> as Typecaster<'_>>::plan(&type_, &Planner { catalog: &catalog }).unwrap();
        plan.set_format(format);
        let context = Context::default();
        let read = Borrowed::decode(RawValue { bytes: &bytes, plan: &plan, context: &context }).unwrap();
        assert_eq!(read, value);
        if format == Format::Binary {
            assert!(bytes.as_ptr_range().contains(&read.second.as_ptr()), "no copy");
        }
    }
}
