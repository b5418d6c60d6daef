//! Memory is taken for what came, and never for what was promised: counted by an allocator of this test's own. Among these
//! are advisories, as in `advisories`.

use allocation_counter::measure;
use pg_core::config::settings::Replication;
use pg_core::lsn::Lsn;
use pg_core::message::Format;
use pg_core::replication::transactions::Assembler;
use pg_core::types::array::Array;
use pg_core::types::catalog::{Catalog, Entry, EntryShape};
use pg_core::types::composite::Fields;
use pg_core::types::context::Context;
use pg_core::types::hstore::Hstore;
use pg_core::types::plan::{Plan, Planner};
use pg_core::types::range::{Multirange, Range};
use pg_core::types::typecaster::{RawValue, Typecaster, TypecasterOwned};
use pg_core::types::{Kind, Type};
use pg_core::walsender::ReplicationSession;
use pg_core::{Error, ErrorKind, Result, Session, complete};
use pg_tests::clients::{AsyncFace, BlockingFace, Face};
use pg_tests::fake_server::{FakeServer, message};

/// What `work` gives, which takes no more than 64 KiB of memory, whatever its bytes promise.
#[track_caller]
fn in_little_memory<T>(work: impl FnOnce() -> T) -> T {
    let mut outcome = None;
    let taken = measure(|| outcome = Some(work())).bytes_max;
    assert!(taken < 64 * 1024, "{taken} bytes");
    outcome.expect("it was run")
}

/// Reads bytes as a value that a server has sent.
#[track_caller]
fn decode<T: TypecasterOwned>(bytes: &[u8], type_: &Type, format: Format) -> Result<T> {
    let mut plan = T::plan(type_, &Planner { catalog: &Catalog::default() })?;
    plan.set_format(format);
    in_little_memory(|| T::decode(RawValue { bytes, plan: &plan, context: &Context::default() }))
}

fn words(numbers: &[i32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// All that a client takes at such a server, in this thread.
#[track_caller]
fn takes_less_than(limit: u64, server: fn() -> FakeServer<()>, client: impl FnOnce(&FakeServer<()>)) {
    let fake = server();
    let taken = measure(|| client(&fake)).bytes_max;
    assert!(taken < limit, "{taken} bytes");
    fake.finish();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[track_caller]
fn assert_error(error: &Error, kind: ErrorKind, part: &str) {
    assert!(error.kind() == kind && error.to_string().contains(part), "{error:?}");
}

// ---- RUSTSEC-2026-0180 (tokio-postgres), pgx 5.10: counts from the server ----

/// Arrays, composites, records, multiranges and the lengths in ranges; hstore below.
#[test]
fn a_count_from_the_server_is_not_believed() {
    for count in [-1, -2, 2, 1 << 16, i32::MAX, i32::MIN] {
        // One element is there, and its dimension promises another number of them.
        let array = words(&[1, 0, 23, count, 1, 4, 7]);
        assert_error(
            &decode::<Vec<i32>>(&array, &Type::INT4_ARRAY, Format::Binary).unwrap_err(),
            ErrorKind::Decode,
            "",
        );
        // Six dimensions of it.
        let array = words(&[6, 0, 23, count, 1, count, 1, count, 1, count, 1, count, 1, count, 1, 4, 7]);
        decode::<Vec<Vec<Vec<Vec<Vec<Vec<i32>>>>>>>(&array, &Type::INT4_ARRAY, Format::Binary).unwrap_err();
        // That many dimensions.
        let array = words(&[count, 0, 23, 1, 1, 4, 7]);
        decode::<Vec<i32>>(&array, &Type::INT4_ARRAY, Format::Binary).unwrap_err();
        // A composite of one attribute.
        let record = words(&[count, 23, 4, 7]);
        let one = Type::new("one".to_owned(), 16_500, Kind::Composite(Vec::new()), "public".to_owned());
        let plan = Plan::nested(&one, vec![Plan::leaf(&Type::INT4, Format::Binary)], Vec::new());
        let raw = RawValue { bytes: &record, plan: &plan, context: &Context::default() };
        let error = in_little_memory(|| Fields::new(raw, &mut None).unwrap_err());
        assert_error(&error, ErrorKind::Decode, "attributes");
        // A record of one field, read by position; the lengths of a multirange's ranges, and how many there are; those of a
        // range's bounds.
        decode::<(i32,)>(&record, &Type::RECORD, Format::Binary).unwrap_err();
        decode::<Array<i32>>(&array, &Type::INT4_ARRAY, Format::Binary).unwrap_err();
        for multirange in [words(&[count]), words(&[count, 1, 0x0100_0000]), words(&[1, count, 0x0100_0000])]
        {
            let error =
                decode::<Multirange<i32>>(&multirange, &Type::INT4MULTI_RANGE, Format::Binary).unwrap_err();
            assert_error(&error, ErrorKind::Decode, "");
        }
        let range = [&[0x02][..], &words(&[count, 7, count, 7])].concat();
        let error = decode::<Range<i32>>(&range, &Type::INT4_RANGE, Format::Binary).unwrap_err();
        assert_error(&error, ErrorKind::Decode, "");
    }
}

/// One pair is there, and the header promises another number of them; or a length is another.
#[test]
fn the_counts_of_an_hstore_are_not_believed() {
    let mut catalog = Catalog::default();
    let entry = Entry {
        oid: 16_501,
        schema: "public".to_owned(),
        name: "hstore".to_owned(),
        array: 0,
        delimiter: b',',
        shape: EntryShape::Base,
    };
    catalog.extend(vec![entry], vec![((None, Box::from("hstore")), 16_501)]);
    let type_ = catalog.type_by_oid(16_501).unwrap();
    let plan = <Hstore as Typecaster>::plan(&type_, &Planner { catalog: &catalog }).unwrap();
    let context = Context::default();
    let read = |bytes: &[u8]| {
        in_little_memory(|| Hstore::decode(RawValue { bytes, plan: &plan, context: &context }))
    };
    let pair =
        |count: i32, key: i32, value: i32| [&words(&[count, key])[..], b"a", &words(&[value]), b"b"].concat();
    assert_eq!(read(&pair(1, 1, 1)).unwrap(), [("a", Some("b"))].into_iter().collect());
    for wrong in [-1, -2, 0, 2, 1 << 16, i32::MAX, i32::MIN] {
        for bytes in [pair(wrong, 1, 1), pair(1, wrong, 1), pair(1, 1, wrong)] {
            assert_error(&read(&bytes).unwrap_err(), ErrorKind::Decode, "hstore");
        }
    }
}

// ---- seen in tokio-postgres and sqlx ----

#[test]
fn an_array_of_28_bytes_does_not_ask_for_17_gb() {
    let array = words(&[1, 0, 23, i32::MAX, 1, 4, 7]);
    assert_eq!(array.len(), 28);
    let error = decode::<Vec<i32>>(&array, &Type::INT4_ARRAY, Format::Binary).unwrap_err();
    assert_error(&error, ErrorKind::Decode, "promises more elements than it has bytes for");
    // Nor does its literal.
    let error = decode::<Vec<i32>>(b"[1:2147483647]={7}", &Type::INT4_ARRAY, Format::Text).unwrap_err();
    assert_error(&error, ErrorKind::Decode, "malformed");
}

// ---- seen in tokio-postgres and sqlx ----

/// A row whose header promises 1 GiB, of which 64 KiB come before the link ends.
fn promising() -> FakeServer<()> {
    FakeServer::run(|peer| {
        peer.expect_startup();
        peer.login();
        peer.expect_all(b"PBDES");
        let columns = ["a", "b"].map(|name| message::Column::new(name, 23, 4, 1));
        peer.send(
            [message::parse_complete(), message::bind_complete(), message::row_description(&columns)]
                .concat(),
        );
        let header = [&b"D"[..], &0x3fff_fffe_u32.to_be_bytes(), &[0, 2], &0x3fff_f000_u32.to_be_bytes()];
        peer.send([header.concat(), vec![7; 64 * 1024]].concat());
        peer.close();
    })
}

/// Memory is taken as bytes come, not as they are promised: all that a client takes, from connecting on.
#[test]
fn a_promise_of_a_gigabyte_with_64_kib_sent_takes_little_memory() {
    async fn ask<F: Face>(fake: &FakeServer<()>) {
        let mut client = F::connect(&F::config(&fake.url())).await.unwrap();
        let error = client.query::<(i32, i32)>("select a, b from t", ()).await.unwrap_err();
        assert_error(&error, ErrorKind::Io, "in the middle of an answer");
    }
    takes_less_than(256 * 1024, promising, |fake| complete(ask::<BlockingFace>(fake)));
    takes_less_than(256 * 1024, promising, |fake| runtime().block_on(ask::<AsyncFace>(fake)));
}

// ---- replication ----

/// A walsender that has sent many keepalives, all of which ask for an answer, while the application was busy.
fn insistent() -> FakeServer<()> {
    FakeServer::run(|peer| {
        peer.expect_startup();
        peer.login();
        peer.expect(b'Q');
        peer.send(message::copy_both_response(0, &[]));
        let keepalive = message::copy_data(&[&b"k"[..], &7_u64.to_be_bytes(), &[0; 8], &[1]].concat());
        peer.send_untold(&keepalive.repeat(200_000));
        peer.send(message::copy_data(&[&b"w"[..], &[0; 24], b"at last"].concat()));
        peer.wait_for_end();
    })
}

#[test]
fn two_hundred_thousand_keepalives_take_little_memory() {
    async fn take_what_comes_last<F: Face>(fake: &FakeServer<()>) {
        let config = F::config(&fake.url()).replication(Replication::Logical);
        let mut client = F::connect(&config).await.unwrap();
        let mut stream = client.start_logical("slot", Lsn(0), [("a", "b")]).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap().data, b"at last");
        assert_eq!(stream.wal_end(), Lsn(7));
    }
    let limit = 1024 * 1024;
    takes_less_than(limit, insistent, |fake| complete(take_what_comes_last::<BlockingFace>(fake)));
    takes_less_than(limit, insistent, |fake| runtime().block_on(take_what_comes_last::<AsyncFace>(fake)));
}

/// However large it is: 2,000,000 rows are the soak `replication_memory`.
#[test]
fn a_transaction_streams_through_in_little_memory() {
    for taken in pg_tests::soak::large_transaction(20_000, |session| measure(session).bytes_max) {
        assert!(taken < 256 * 1024, "{taken} bytes");
    }
}

#[test]
fn whole_transactions_take_no_more_memory_than_was_said() {
    const LIMIT: usize = 1 << 20;
    for text in [&b"x"[..], &[b'x'; 1_000], &[b'x'; 40_000], &[b'x'; 70_000]] {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        let insert = [&b"I\0\0\0\x07N\0\x01t"[..], &length, text].concat();
        let mut kept = 0;
        let taken = measure(|| {
            let mut assembler = Assembler::new(LIMIT);
            assembler.take(&[&b"B"[..], &[0; 20]].concat()).unwrap();
            let error = loop {
                match assembler.take(&insert) {
                    Ok(_) => kept += text.len(),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), ErrorKind::Limit);
        });
        let most = LIMIT as u64 + 8 * 1024;
        assert!(taken.bytes_max <= most, "{} bytes for texts of {}", taken.bytes_max, text.len());
        // A text of a byte is kept with its message and its length.
        assert!(
            kept >= if text.len() == 1 { LIMIT / 32 } else { LIMIT / 2 },
            "{kept} bytes of {}",
            text.len()
        );
    }
}

/// Transactions that begin and go on, and subtransactions that are undone, of which nothing else is said.
#[test]
fn transactions_of_which_nothing_is_said_take_no_more_memory_than_was_said() {
    const LIMIT: usize = 1 << 20;
    let begins = |n: u32| [&b"S"[..], &n.to_be_bytes(), &[1]].concat();
    let undone = |n: u32| match n {
        0 => begins(7),
        n => [&b"A"[..], &7_u32.to_be_bytes(), &(n + 7).to_be_bytes()].concat(),
    };
    for (message, fewest) in [(&begins as &dyn Fn(u32) -> Vec<u8>, 1_000), (&undone, 10_000)] {
        let mut count = 0;
        let taken = measure(|| {
            let mut assembler = Assembler::new(LIMIT);
            let error = loop {
                match assembler.take(&message(count)) {
                    Ok(_) => assembler.take(b"E").map(|_| count += 1).unwrap(),
                    Err(error) => break error,
                }
                assert!(count < 1_000_000, "there is no limit");
            };
            assert_eq!(error.kind(), ErrorKind::Limit);
            assert_eq!(assembler.take(b"E").unwrap_err().kind(), ErrorKind::Limit);
        });
        assert!(taken.bytes_max <= LIMIT as u64 + 8 * 1024, "{} bytes for {count}", taken.bytes_max);
        assert!(count >= fewest, "{count}");
    }
}
