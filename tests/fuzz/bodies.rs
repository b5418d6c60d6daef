//! What the fuzz targets do with their bytes; `tests/properties.rs` does the same with a bounded number of random ones.
//!
//! Each body takes whatever bytes come. It panics where a promise is broken: that nothing panics, that memory is bounded
//! by what came, that what was read is written as it was, that a connection ends in an answer or says that it is closed.

use pg_core::auth::login::{Login, Transport};
use pg_core::auth::policy::{Policy, RequireAuth};
use pg_core::auth::scram::{Binding, Scram};
use pg_core::config::Config;
use pg_core::error::ServerError;
use pg_core::lsn::Lsn;
use pg_core::message::Format;
use pg_core::message::backend::Message;
use pg_core::params::{ParamField, named};
use pg_core::types::Type;
use pg_core::types::adapter::{Adapter, Encode, IsNull};
use pg_core::types::catalog::{Catalog, Entry, EntryShape};
use pg_core::types::context::{Context, Settings};
use pg_core::types::geometry::{Circle, Line, LineSegment, Path, Point, Polygon, Rect};
use pg_core::types::hstore::Hstore;
use pg_core::types::interval::Interval;
use pg_core::types::literal;
use pg_core::types::ltree::Ltree;
use pg_core::types::network::{Cidr, Inet, MacAddr, MacAddr8};
use pg_core::types::numeric::Numeric;
use pg_core::types::plan::{Plan, Planner};
use pg_core::types::system::{Int2Vector, OidVector, Snapshot, Tid};
use pg_core::types::text_search::{TsQuery, TsVector};
use pg_core::types::time::{Date, Time, TimeTz, Timestamp, TimestampTz};
use pg_core::types::typecaster::{RawValue, TypecasterOwned};
use pg_core::wire::frame::{Input, Limits};
use pg_core::{Error, ErrorKind, FromSql, Result, ToSql, quote};
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

#[path = "connections.rs"]
mod connections;
#[path = "containers.rs"]
mod containers;
#[path = "copying.rs"]
mod copying;
#[cfg(test)]
#[path = "examples.rs"]
pub(crate) mod examples;
#[path = "integrations.rs"]
mod integrations;
#[path = "replication.rs"]
mod replication;
#[path = "values.rs"]
mod values;

pub(crate) use connections::{certificates, conversations, handshakes, row_descriptions, rows};
pub(crate) use containers::{arrays_binary, arrays_text, multiranges, ranges, records_text};
pub(crate) use copying::copy_rows;
pub(crate) use integrations::integrations;
pub(crate) use replication::{pgoutput, replication_messages, test_decoding};
pub(crate) use values::values;

/// A body.
pub(crate) type Body = fn(&[u8]);

/// All bodies by name.
pub(crate) const ALL: &[(&str, Body)] = &[
    ("frames", frames),
    ("messages", messages),
    ("reports", reports),
    ("rows", rows),
    ("row_descriptions", row_descriptions),
    ("arrays_binary", arrays_binary),
    ("arrays_text", arrays_text),
    ("records_text", records_text),
    ("ranges", ranges),
    ("multiranges", multiranges),
    ("composites", composites),
    ("timestamps", timestamps),
    ("intervals", intervals),
    ("numerics", numerics),
    ("networks", networks),
    ("geometries", geometries),
    ("system_types", system_types),
    ("text_searches", text_searches),
    ("hstores", hstores),
    ("numbers", numbers),
    ("strings", strings),
    ("scram", scram),
    ("logins", logins),
    ("conversations", conversations),
    ("handshakes", handshakes),
    ("certificates", certificates),
    ("conninfo", conninfo),
    ("quoting", quoting),
    ("named_parameters", named_parameters),
    ("replication_messages", replication_messages),
    ("pgoutput", pgoutput),
    ("test_decoding", test_decoding),
    ("values", values),
    ("integrations", integrations),
    ("copy_rows", copy_rows),
];

#[cfg(test)]
thread_local! {
    /// Of this thread: what bytes were to be taken for, how often that was tried, and how often they were.
    pub(crate) static TAKEN: std::cell::RefCell<std::collections::BTreeMap<String, [u64; 2]>> =
        std::cell::RefCell::default();
    /// What was written meanwhile.
    pub(crate) static WRITTEN: std::cell::RefCell<Vec<Vec<u8>>> = std::cell::RefCell::default();
}

/// Notes whether bytes were taken for what they are to be. Who fuzzes looks at coverage instead.
fn noted<T, E>(
    what: impl FnOnce() -> String,
    outcome: std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    #[cfg(test)]
    TAKEN.with_borrow_mut(|taken| {
        let [tried, well] = taken.entry(what()).or_default();
        *tried += 1;
        *well += u64::from(outcome.is_ok());
    });
    #[cfg(not(test))]
    let _ = what;
    outcome
}

/// Bytes of a case, taken one after the other; 0 when none are left.
struct Source<'d>(&'d [u8]);

impl<'d> Source<'d> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// Up to 255 bytes.
    fn some(&mut self) -> &'d [u8] {
        let count = usize::from(self.byte()).min(self.0.len());
        let (some, rest) = self.0.split_at(count);
        self.0 = rest;
        some
    }
}

/// Shows an error in all ways, as an application would.
fn show(error: &Error) {
    let _ = (error.to_string(), format!("{error:?}"), error.summary(), error.cure().map(str::len));
}

// ---- bytes and messages ----

/// Splitting the stream into frames: the same in any pieces, and no memory from promises.
pub(crate) fn frames(data: &[u8]) {
    let mut source = Source(data);
    let (how, size) = (source.byte(), 1 + usize::from(source.byte()));
    let stream = source.0;
    let split = |piece: usize| {
        let limits = Limits { before_login: 1000, small: 300, large: 0x3fff_ffff };
        let mut input = Input::new(limits);
        if how & 1 == 1 {
            input.logged_in();
        }
        let mut found = Vec::new();
        for piece in stream.chunks(piece.max(1)) {
            input.extend(piece);
            loop {
                match input.frame() {
                    Ok(Some(frame)) => found.push(Some((frame.tag, input.body(frame).to_vec()))),
                    Ok(None) => break,
                    Err(error) => {
                        show(&error);
                        found.push(None);
                        return found;
                    }
                }
            }
            let held = input.waiting().len() + input.space().len();
            assert!(held <= 2 * stream.len() + 64 * 1024, "{held} bytes for {}", stream.len());
        }
        found
    };
    let whole = split(stream.len());
    assert_eq!(split(size), whole);
    let _ = noted(|| "a frame".to_owned(), whole.iter().flatten().next().ok_or(()));
    let bytes: usize = whole.iter().flatten().map(|(_, body)| body.len() + 5).sum();
    assert!(bytes <= stream.len());
}

/// Every message: the first byte is the tag.
pub(crate) fn messages(data: &[u8]) {
    let Some((tag, body)) = data.split_first() else { return };
    match noted(|| "a message".to_owned(), Message::parse(*tag, body)) {
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Protocol);
            show(&error);
        }
        Ok(message) => read(&message, body),
    }
}

fn read(message: &Message<'_>, body: &[u8]) {
    let _ = format!("{message:?}");
    match message {
        Message::RowDescription(columns) => {
            if let Ok(fields) = columns.fields() {
                assert!(fields.len() * 19 <= body.len());
            }
        }
        Message::DataRow(row) => {
            let mut values = row.values();
            let mut taken = 0;
            while let Ok(value) = values.value() {
                taken += 4 + value.map_or(0, <[u8]>::len);
            }
            assert!(taken <= body.len());
        }
        Message::ParameterDescription(parameters) => {
            assert_eq!(parameters.oids().count() * 4 + 2, body.len())
        }
        Message::NegotiateProtocolVersion(answer) => {
            if let Ok(options) = answer.options() {
                assert!(options.len() <= body.len());
            }
        }
        Message::CommandComplete(complete) => {
            let _ = (complete.tag(), complete.rows());
        }
        _ => {}
    }
}

/// ErrorResponse and NoticeResponse, shown with the statement: the caret is found wherever the position is.
pub(crate) fn reports(data: &[u8]) {
    let mut source = Source(data);
    let sql = String::from_utf8_lossy(source.some()).into_owned();
    if let Ok(report) = noted(|| "a report".to_owned(), ServerError::parse(source.0)) {
        let error = Error::from_server(report).with_sql(&sql).within("something");
        show(&error);
        let _ = (error.is_retryable(), error.is_cancelled(), error.sqlstate());
    }
}

// ---- values ----

fn planned<T: TypecasterOwned>(type_: &Type, catalog: &Catalog, format: Format) -> Result<Plan> {
    let mut plan = T::plan(type_, &Planner { catalog })?;
    plan.set_format(format);
    Ok(plan)
}

fn decode<T: TypecasterOwned>(bytes: &[u8], plan: &Plan) -> Result<T> {
    decode_under(bytes, plan, &Arc::default())
}

fn decode_under<T: TypecasterOwned>(bytes: &[u8], plan: &Plan, settings: &Arc<Settings>) -> Result<T> {
    let context = Context { settings: settings.clone(), ..Context::default() };
    let value = T::decode(RawValue { bytes, plan, context: &context });
    if let Err(error) = &value {
        show(error);
    }
    noted(|| format!("{} of {} in {:?}", std::any::type_name::<T>(), plan.type_.name(), plan.format), value)
}

fn encode<T: Adapter>(value: &T, type_: &Type, catalog: &Catalog, format: Format) -> Result<Vec<u8>> {
    encode_under(value, type_, catalog, format, &Settings::default())
}

fn encode_under<T: Adapter>(
    value: &T,
    type_: &Type,
    catalog: &Catalog,
    format: Format,
    settings: &Settings,
) -> Result<Vec<u8>> {
    let mut plan = <T as Adapter>::plan(type_, &Planner { catalog })?;
    plan.set_format(format);
    let mut out = Vec::new();
    let is_null = value.encode(&mut Encode { out: &mut out, plan: &plan, settings })?;
    assert_eq!(is_null, IsNull::No);
    #[cfg(test)]
    WRITTEN.with_borrow_mut(|written| written.push(out.clone()));
    Ok(out)
}

/// What was read can be written; but for text with NUL, which the server doesn't have, and which goes nowhere.
fn written<T: Adapter + Debug>(
    value: &T,
    type_: &Type,
    catalog: &Catalog,
    format: Format,
) -> Option<Vec<u8>> {
    match encode(value, type_, catalog, format) {
        Ok(form) => Some(form),
        Err(error) if format!("{value:?}").contains("\\0") && error.to_string().contains("NUL") => None,
        Err(error) => panic!("{value:?}: {error}"),
    }
}

/// What is read is written so that the same is read again, in both forms.
fn round_trip<T: Adapter + TypecasterOwned + Debug>(bytes: &[u8], type_: &Type, catalog: &Catalog) {
    round_trip_under::<T>(bytes, type_, catalog, &Arc::default());
}

fn round_trip_under<T: Adapter + TypecasterOwned + Debug>(
    bytes: &[u8],
    type_: &Type,
    catalog: &Catalog,
    settings: &Arc<Settings>,
) {
    let plan = |format| planned::<T>(type_, catalog, format).expect("a plan");
    for format in [Format::Binary, Format::Text] {
        let Ok(value) = decode_under::<T>(bytes, &plan(format), settings) else { continue };
        for written in [Format::Binary, Format::Text] {
            let form = encode_under(&value, type_, catalog, written, settings)
                .unwrap_or_else(|error| panic!("{value:?}: {error}"));
            // Text is written in a form that a server reads under whatever settings.
            let settings = if written == Format::Text { &Arc::default() } else { settings };
            let again: T = decode_under(&form, &plan(written), settings)
                .unwrap_or_else(|error| panic!("{value:?} as {}: {error}", form.escape_ascii()));
            assert_eq!(format!("{again:?}"), format!("{value:?}"), "{}", form.escape_ascii());
        }
    }
}

fn builtin<T: Adapter + TypecasterOwned + Debug>(bytes: &[u8], type_: &Type) {
    round_trip::<T>(bytes, type_, &Catalog::default());
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "mood", rename_all = "snake_case")]
enum Mood {
    Sad,
    VeryHappy,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "inner_item")]
struct Inner {
    label: Option<String>,
    numbers: Vec<Option<i32>>,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "item")]
struct Item {
    // Not in the server's order.
    inner: Option<Inner>,
    name: String,
    mood: Option<Mood>,
    all: Vec<Inner>,
}

/// The types above, as a server's catalog tells them.
fn catalog() -> &'static (Catalog, Type) {
    static CATALOG: OnceLock<(Catalog, Type)> = OnceLock::new();
    CATALOG.get_or_init(|| {
        let entry = |oid, name: &str, array, shape| Entry {
            oid,
            schema: "public".to_owned(),
            name: name.to_owned(),
            array,
            delimiter: b',',
            shape,
        };
        let attributes = |list: &[(&str, u32)]| {
            EntryShape::Composite(list.iter().map(|(name, oid)| ((*name).to_owned(), *oid)).collect())
        };
        let mut catalog = Catalog::default();
        catalog.extend(
            vec![
                entry(
                    20_001,
                    "mood",
                    20_002,
                    EntryShape::Enum(vec!["sad".to_owned(), "very_happy".to_owned()]),
                ),
                entry(20_002, "_mood", 0, EntryShape::Array(20_001)),
                entry(20_100, "hstore", 0, EntryShape::Base),
                entry(20_101, "ltree", 0, EntryShape::Base),
                entry(20_102, "lquery", 0, EntryShape::Base),
                entry(20_103, "ltxtquery", 0, EntryShape::Base),
                entry(20_104, "vector", 0, EntryShape::Base),
                entry(20_105, "halfvec", 0, EntryShape::Base),
                entry(20_106, "sparsevec", 0, EntryShape::Base),
                entry(20_003, "inner_item", 20_004, attributes(&[("label", 25), ("numbers", 1007)])),
                entry(20_004, "_inner_item", 0, EntryShape::Array(20_003)),
                entry(
                    20_005,
                    "item",
                    0,
                    attributes(&[("name", 25), ("inner", 20_003), ("all", 20_004), ("mood", 20_001)]),
                ),
            ],
            ["mood", "inner_item", "item"]
                .into_iter()
                .zip([20_001, 20_003, 20_005])
                .map(|(n, o)| ((None, n.into()), o))
                .collect(),
        );
        let item = catalog.type_by_oid(20_005).expect("the type that was just told");
        (catalog, item)
    })
}

fn derived(data: &[u8], format: Format) {
    let (catalog, item) = catalog();
    let Ok(value) = decode::<Item>(data, &planned::<Item>(item, catalog, format).expect("a plan")) else {
        return;
    };
    let Some(form) = written(&value, item, catalog, format) else { return };
    let again: Item =
        decode(&form, &planned::<Item>(item, catalog, format).expect("a plan")).expect("what we wrote");
    assert_eq!(again, value);
}

/// Derived composites in binary, with composites, arrays and enums inside.
pub(crate) fn composites(data: &[u8]) {
    derived(data, Format::Binary);
}

/// All forms of dates and intervals in which a server may be set to write them, and what none writes.
fn styles() -> &'static [Arc<Settings>] {
    static STYLES: OnceLock<Vec<Arc<Settings>>> = OnceLock::new();
    STYLES.get_or_init(|| {
        let dates = [
            "ISO, MDY",
            "ISO, DMY",
            "SQL, MDY",
            "SQL, DMY",
            "Postgres, MDY",
            "Postgres, DMY",
            "German, DMY",
            "",
        ];
        let intervals = ["postgres", "postgres_verbose", "sql_standard", "iso_8601", ""];
        let pairs = (0..dates.len() * intervals.len()).map(|at| (dates[at % 8], intervals[at % 5]));
        let settings = pairs.map(|(date, interval)| Settings {
            date_style: date.to_owned(),
            interval_style: interval.to_owned(),
            time_zone: "UTC".to_owned(),
            ..Settings::default()
        });
        settings.map(Arc::new).collect()
    })
}

/// Dates and times, in each style: the first byte says in which.
pub(crate) fn timestamps(data: &[u8]) {
    fn of<T: Adapter + TypecasterOwned + Debug>(data: &[u8], type_: &Type, style: &Arc<Settings>) {
        round_trip_under::<T>(data, type_, &Catalog::default(), style);
    }
    let mut source = Source(data);
    let style = &styles()[source.below(styles().len())];
    let data = source.0;
    of::<SystemTime>(data, &Type::TIMESTAMPTZ, style);
    of::<SystemTime>(data, &Type::TIMESTAMP, style);
    of::<Timestamp>(data, &Type::TIMESTAMP, style);
    of::<TimestampTz>(data, &Type::TIMESTAMPTZ, style);
    of::<Date>(data, &Type::DATE, style);
    of::<Time>(data, &Type::TIME, style);
    of::<TimeTz>(data, &Type::TIMETZ, style);
}

/// `interval`, in each style: the first byte says in which.
pub(crate) fn intervals(data: &[u8]) {
    let mut source = Source(data);
    let style = &styles()[source.below(styles().len())];
    round_trip_under::<Interval>(source.0, &Type::INTERVAL, &Catalog::default(), style);
    round_trip_under::<Duration>(source.0, &Type::INTERVAL, &Catalog::default(), style);
}

/// `numeric`, whose text keeps what its binary form has, and the other way round.
pub(crate) fn numerics(data: &[u8]) {
    builtin::<Numeric>(data, &Type::NUMERIC);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(number) = text.parse::<Numeric>() else { return };
    let again: Numeric = number.to_string().parse().expect("what was printed");
    assert_eq!((again.to_string(), again.scale()), (number.to_string(), number.scale()));
    assert!(again == number && again.to_string().len() <= data.len() + 150_000);
    if let Some(mantissa) = number.mantissa() {
        assert_eq!(Numeric::from_mantissa(mantissa, number.scale()).expect("its parts"), number);
    }
    let _ = (number.to_f64_lossy(), i64::try_from(&number), u128::try_from(&number), number.trim_scale());
}

/// `inet`.
pub(crate) fn networks(data: &[u8]) {
    builtin::<IpAddr>(data, &Type::INET);
    builtin::<Ipv4Addr>(data, &Type::INET);
    builtin::<Ipv6Addr>(data, &Type::INET);
    builtin::<Inet>(data, &Type::INET);
    builtin::<Cidr>(data, &Type::CIDR);
    builtin::<MacAddr>(data, &Type::MACADDR);
    builtin::<MacAddr8>(data, &Type::MACADDR8);
}

/// Geometric types.
pub(crate) fn geometries(data: &[u8]) {
    builtin::<Point>(data, &Type::POINT);
    builtin::<Line>(data, &Type::LINE);
    builtin::<LineSegment>(data, &Type::LSEG);
    builtin::<Rect>(data, &Type::BOX);
    builtin::<Path>(data, &Type::PATH);
    builtin::<Polygon>(data, &Type::POLYGON);
    builtin::<Circle>(data, &Type::CIRCLE);
}

/// What PostgreSQL says of itself.
pub(crate) fn system_types(data: &[u8]) {
    builtin::<Lsn>(data, &Type::PG_LSN);
    builtin::<Tid>(data, &Type::TID);
    builtin::<Snapshot>(data, &Type::PG_SNAPSHOT);
    builtin::<OidVector>(data, &Type::OID_VECTOR);
    builtin::<Int2Vector>(data, &Type::INT2_VECTOR);
}

/// Text search.
pub(crate) fn text_searches(data: &[u8]) {
    builtin::<TsVector>(data, &Type::TS_VECTOR);
    builtin::<TsQuery>(data, &Type::TSQUERY);
}

/// Types of extensions.
pub(crate) fn hstores(data: &[u8]) {
    let catalog = &catalog().0;
    round_trip::<Hstore>(data, &catalog.type_by_oid(20_100).expect("the type that was told"), catalog);
    round_trip::<Ltree>(data, &catalog.type_by_oid(20_101).expect("the type that was told"), catalog);
}

/// Numbers, booleans and `"char"`.
pub(crate) fn numbers(data: &[u8]) {
    builtin::<i16>(data, &Type::INT2);
    builtin::<i32>(data, &Type::INT4);
    builtin::<i64>(data, &Type::INT8);
    builtin::<u32>(data, &Type::OID);
    builtin::<f32>(data, &Type::FLOAT4);
    builtin::<f64>(data, &Type::FLOAT8);
    builtin::<bool>(data, &Type::BOOL);
    builtin::<i8>(data, &Type::CHAR);
}

/// Text, bytes, uuid, and enums by their labels.
pub(crate) fn strings(data: &[u8]) {
    builtin::<Vec<u8>>(data, &Type::BYTEA);
    builtin::<uuid::Uuid>(data, &Type::UUID);
    let catalog = &catalog().0;
    round_trip::<Mood>(data, &catalog.type_by_oid(20_001).expect("the type that was told"), catalog);
    let plan = planned::<String>(&Type::TEXT, catalog, Format::Binary).expect("a plan");
    match decode::<String>(data, &plan) {
        // The server has no text with NUL, and takes none.
        Ok(text) if text.contains('\0') => {
            encode(&text, &Type::TEXT, catalog, Format::Text).expect_err("NUL");
        }
        Ok(text) => assert_eq!(encode(&text, &Type::TEXT, catalog, Format::Text).expect("text"), data),
        Err(_) => assert!(std::str::from_utf8(data).is_err()),
    }
}

// ---- login ----

/// The server's messages of SCRAM: whatever they say, nobody without the password is believed.
pub(crate) fn scram(data: &[u8]) {
    let mut source = Source(data);
    let mut scram = Scram::new("secret", "abc", Binding::Unsupported, 1..=3);
    scram.first_message().expect("a nonce that can be sent");
    let prefix: &[u8] = if source.byte() & 1 == 1 { b"r=abc" } else { b"" };
    let first = [prefix, source.some()].concat();
    if let Err(error) = noted(|| "a first message".to_owned(), scram.handle_continue(&first)) {
        show(&error);
    }
    let prefix: &[u8] = if source.byte() & 1 == 1 { b"v=" } else { b"" };
    match scram.handle_final(&[prefix, source.0].concat()) {
        Ok(()) => panic!("a signature was guessed"),
        Err(error) => {
            show(&error);
            assert!(error.to_string().len() < 4000);
        }
    }
    assert!(!scram.is_verified());
}

/// Authentication requests in any order: a policy that demands SCRAM lets no server in that has not proved itself.
pub(crate) fn logins(data: &[u8]) {
    let mut source = Source(data);
    let transport = match source.byte() % 4 {
        0 => Transport::Tcp,
        1 => Transport::Unix,
        2 => Transport::Tls { end_point: None },
        _ => Transport::Tls { end_point: Some(vec![7; 32]) },
    };
    let mut policy = Policy { scram_iterations: 1..=3, ..Policy::default() };
    policy.require_auth = "scram-sha-256".parse::<RequireAuth>().expect("a method");
    let mut login = Login::new("alice", Some("secret".into()), "abc".to_owned(), &policy, transport);
    for _ in 0..8 {
        let outcome = match source.byte() % 8 {
            0 => login.handle_cleartext().map(drop),
            1 => login.handle_md5([1, 2, 3, 4]).map(drop),
            2 => {
                let list = String::from_utf8_lossy(source.some()).into_owned();
                login.handle_sasl(list.split(' ')).map(drop)
            }
            3 => login.handle_sasl(["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]).map(drop),
            4 => login.handle_sasl_continue(&[b"r=abc", source.some()].concat()).map(drop),
            5 => login.handle_sasl_final(source.some()),
            6 => Err(login.handle_unsupported(i32::from(source.byte()))),
            _ => {
                login.handle_ok().expect_err("nothing was proved");
                return;
            }
        };
        if let Err(error) = noted(|| "a request".to_owned(), outcome) {
            show(&error);
        }
    }
}

// ---- what applications hand in ----

/// Connection strings: a password is shown by nobody.
pub(crate) fn conninfo(data: &[u8]) {
    const SECRET: &str = "sesame7391";
    let Ok(text) = std::str::from_utf8(data) else { return };
    // With a password where the text has a place for it, and as it is.
    for text in
        [text.to_owned(), text.replace('@', &format!(":{SECRET}@")), format!("{text} password={SECRET}")]
    {
        match noted(|| "a connection string".to_owned(), Config::<()>::new(&text)) {
            Ok(config) => {
                let settings = config.settings();
                settings.check().expect("a string that was taken is in order");
                let shown = format!("{config:?}");
                if let Some(password) = settings.password().map(pg_core::auth::password::Password::reveal)
                    && password == SECRET
                    && text.matches(SECRET).count() == 1
                {
                    assert!(!shown.contains(SECRET), "{shown}");
                }
                // What is sent has no NUL inside.
                assert!(
                    settings
                        .startup_parameters()
                        .all(|(name, value)| !name.contains('\0') && !value.contains('\0'))
                );
            }
            Err(error) => show(&error),
        }
    }
}

/// Identifiers and literals: what is quoted is read back as it was, and ends where it should.
pub(crate) fn quoting(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match noted(|| "an identifier".to_owned(), quote::identifier(text)) {
        Ok(quoted) => {
            let inner =
                quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).expect("quotes around it");
            assert!(!inner.replace("\"\"", "").contains('"'));
            assert_eq!(inner.replace("\"\"", "\""), text);
        }
        Err(_) => assert!(text.is_empty() || text.contains('\0')),
    }
    match noted(|| "a literal".to_owned(), quote::literal(text)) {
        Ok(quoted) => {
            let (escapes, rest) = match quoted.strip_prefix(" E'") {
                Some(rest) => (true, rest),
                None => (false, quoted.strip_prefix('\'').expect("a quote before it")),
            };
            let inner = rest.strip_suffix('\'').expect("a quote behind it");
            assert!(escapes || !inner.contains('\\'));
            assert_eq!(unquoted(inner, escapes), text);
        }
        Err(_) => assert!(text.contains('\0')),
    }
    // Elements of arrays, with the delimiter of `box` too, and with one of a created type.
    for delimiter in [b',', b';', b'|'] {
        let mut out = b"{".to_vec();
        literal::quote_element(&mut out, data, delimiter);
        out.push(delimiter);
        literal::put_quoted_element(&mut out, data);
        out.push(b'}');
        let mut plan =
            planned::<Vec<String>>(&Type::TEXT_ARRAY, &Catalog::default(), Format::Text).expect("a plan");
        plan.children[0].delimiter = delimiter;
        assert_eq!(decode::<Vec<String>>(&out, &plan).expect("what we quoted"), [text, text]);
    }
}

/// Names are numbered once: what is sent has numbers and no names, and what has no names is sent as it is.
pub(crate) fn named_parameters(data: &[u8]) {
    const fn field(name: Option<&'static str>) -> ParamField {
        ParamField { name, type_name: <i32 as Adapter>::TYPE, plan: <i32 as Adapter>::plan }
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    for escapes in [false, true] {
        assert_eq!(named::sent(text, &[field(None)], escapes).expect("no names"), text);
        let fields = [field(Some("r"))];
        for sql in [text.to_owned(), format!(":r,{text}"), format!("{text} ,:r")] {
            let sent = noted(|| "named parameters".to_owned(), named::sent(&sql, &fields, escapes));
            let Ok(sent) = sent else { continue };
            let error = named::sent(&sent, &fields, escapes).expect_err("a number stands there");
            assert!(error.message().starts_with("the SQL has $1,"), "{sql:?} is sent as {sent:?}: {error}");
        }
    }
}

/// A literal's inside, as the server's scanner reads it.
fn unquoted(inner: &str, escapes: bool) -> String {
    let mut out = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => assert_eq!(chars.next(), Some('\''), "the literal ends inside"),
            '\\' if escapes => assert_eq!(chars.next(), Some('\\'), "an escape of its own"),
            _ => {}
        }
        out.push(c);
    }
    out
}
