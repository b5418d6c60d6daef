//! Large objects: made, read, written, sought in and cut, in both clients and as what std and tokio read and write.

use pg_core::{ErrorKind, LargeObjectMode, Lifecycle, Result, Session};
use pg_tests::clients::{self, AsyncFace, Face, block_on, pg_async, still_answers};
use pg_tests::relay::Relay;
use pg_tests::server::{Database, Server};
use std::future::poll_fn;
use std::io::{Read, Seek, SeekFrom, Write};
use std::pin::Pin;
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite, AsyncWriteExt};

/// Bytes that tell where they stand.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| u8::try_from((at * 7 + at / 256) % 251).unwrap()).collect()
}

async fn what_is_written_is_read_at_any_place<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let data = bytes(200_000);
    let mut tx = client.begin().await?;
    let oid = tx.create_large_object().await?;
    let mut object = tx.open_large_object(oid, LargeObjectMode::ReadWrite).await?;
    for piece in data.chunks(7_001) {
        object.write_all(piece).await?;
    }
    assert_eq!((object.tell(), object.size().await?), (200_000, 200_000));
    assert_eq!(object.seek(SeekFrom::Start(100_000)).await?, 100_000);
    let mut buffer = [0; 10];
    assert_eq!(object.read(&mut buffer).await?, 10);
    assert_eq!(buffer, data[100_000..100_010]);
    assert_eq!(object.seek(SeekFrom::Current(-20)).await?, 99_990);
    // Writing in the middle of what was read ahead.
    object.write_all(b"0123456789").await?;
    object.seek(SeekFrom::Current(-12)).await?;
    assert_eq!(object.read(&mut buffer).await?, 10);
    assert_eq!(buffer[..2], data[99_988..99_990]);
    assert_eq!(&buffer[2..], b"01234567");
    assert_eq!(object.seek(SeekFrom::End(-3)).await?, 199_997);
    let mut rest = b"rest: ".to_vec();
    assert_eq!(object.read_to_end(&mut rest).await?, 3);
    assert_eq!(rest[6..], data[199_997..]);
    assert_eq!(object.read(&mut buffer).await?, 0);
    object.write_all(b"more").await?;
    object.truncate(150_000).await?;
    assert_eq!(object.size().await?, 150_000);
    object.truncate(150_002).await?;
    object.seek(SeekFrom::Start(149_999)).await?;
    let mut end = Vec::new();
    object.read_to_end(&mut end).await?;
    assert_eq!(end, [data[149_999], 0, 0]);
    object.close().await?;
    tx.commit().await?;
    client.unlink_large_object(oid).await?;
    assert!(client.unlink_large_object(oid).await.is_err());
    still_answers(client).await
}

async fn offsets_have_64_bits<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    const FAR: u64 = 3 << 40;
    let mut tx = client.begin().await?;
    let oid = tx.create_large_object().await?;
    let mut object = tx.open_large_object(oid, LargeObjectMode::ReadWrite).await?;
    object.seek(SeekFrom::Start(FAR)).await?;
    object.write_all(b"far away").await?;
    assert_eq!(object.size().await?, FAR + 8);
    object.seek(SeekFrom::End(-4)).await?;
    let mut end = Vec::new();
    object.read_to_end(&mut end).await?;
    assert_eq!(end, b"away");
    object.truncate(FAR + 3).await?;
    assert_eq!(object.size().await?, FAR + 3);
    assert_eq!(object.seek(SeekFrom::Start(u64::MAX)).await.unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(object.seek(SeekFrom::End(i64::MIN)).await.unwrap_err().kind(), ErrorKind::Usage);
    object.close().await?;
    tx.rollback().await
}

async fn it_lives_in_a_transaction<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let oid = client.create_large_object().await?;
    let error = client.open_large_object(oid, LargeObjectMode::Read).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.cure().unwrap().contains("begin()"), "{error}");
    // What was opened for reading isn't written to; the transaction has failed then, and dropping is fine.
    let mut tx = client.begin().await?;
    let mut object = tx.open_large_object(oid, LargeObjectMode::Read).await?;
    object.write_all(b"no").await?;
    assert_eq!(object.flush().await.unwrap_err().sqlstate().unwrap().code(), "55000");
    drop(object);
    drop(tx);
    // What isn't committed was never there.
    let mut tx = client.begin().await?;
    let mut object = tx.open_large_object(oid, LargeObjectMode::Write).await?;
    object.write_all(b"gone").await?;
    object.close().await?;
    drop(tx);
    let mut all = Vec::new();
    assert_eq!(client.export_large_object(oid, &mut all).await?, 0);
    let missing = client.export_large_object(1, &mut all).await.unwrap_err();
    assert_eq!(missing.sqlstate().unwrap().code(), "42704");
    still_answers(client).await
}

async fn it_is_made_of_a_source_and_written_to_a_sink<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    let data = bytes(300_000);
    let oid = client.import_large_object(&*data).await?;
    let mut all = Vec::new();
    assert_eq!(client.export_large_object(oid, &mut all).await?, 300_000);
    assert!(all == data);
    // Inside a transaction it is a part of it.
    let mut tx = client.begin().await?;
    let inner = tx.import_large_object(&b"short"[..]).await?;
    drop(tx);
    assert!(client.unlink_large_object(inner).await.is_err());
    client.unlink_large_object(oid).await
}

pg_tests::both_clients!(
    what_is_written_is_read_at_any_place,
    offsets_have_64_bits,
    it_lives_in_a_transaction,
    it_is_made_of_a_source_and_written_to_a_sink,
);

async fn steps_of_64_kib_are_one_round_trip_each<F: Face>() {
    let database = Server::shared().database();
    let relay = Relay::to(&database);
    let mut client = F::connect(&F::config(&relay.url(&database))).await.unwrap();
    let oid = client.create_large_object().await.unwrap();
    let mut tx = client.begin().await.unwrap();
    let mut object = tx.open_large_object(oid, LargeObjectMode::ReadWrite).await.unwrap();
    relay.reset();
    for byte in bytes(128 * 1024) {
        object.write(&[byte]).await.unwrap();
    }
    object.flush().await.unwrap();
    assert_eq!(relay.round_trips(), 2);
    object.seek(SeekFrom::Start(0)).await.unwrap();
    let mut byte = [0];
    while object.read(&mut byte).await.unwrap() > 0 {}
    assert_eq!(relay.round_trips(), 5, "the last says that there is no more");
    object.close().await.unwrap();
    tx.commit().await.unwrap();
    client.close().await.unwrap();
}

pg_tests::each_client!(steps_of_64_kib_are_one_round_trip_each);

#[test]
fn blocking_code_reads_writes_and_seeks_as_in_a_file() {
    let database = Server::shared().database();
    let mut client = clients::pg_blocking::Config::new(&database.url()).unwrap().connect().unwrap();
    let data = bytes(100_000);
    let oid = client.create_large_object().unwrap();
    let mut tx = client.begin().unwrap();
    let mut object = tx.open_large_object(oid, LargeObjectMode::ReadWrite).unwrap();
    object.write_all(&data).unwrap();
    object.rewind().unwrap();
    let mut back = Vec::new();
    object.read_to_end(&mut back).unwrap();
    assert!(back == data);
    assert_eq!(object.seek(SeekFrom::End(-1)).unwrap(), 99_999);
    assert_eq!((object.tell(), object.size().unwrap()), (99_999, 100_000));
    object.truncate(10).unwrap();
    object.rewind().unwrap();
    assert_eq!(object.write_to(Vec::new()).unwrap(), 10);
    assert_eq!(object.write_all_of(&b"tail"[..]).unwrap(), 4);
    object.close().unwrap();
    tx.commit().unwrap();
    assert_eq!(client.export_large_object(oid, std::io::sink()).unwrap(), 14);
    client.unlink_large_object(oid).unwrap();
}

#[test]
fn async_code_has_the_traits_of_its_runtime() {
    let database = Server::shared().database();
    database.sql("create table t (n int4)");
    block_on(async {
        let mut client = AsyncFace::connect(&AsyncFace::config(&database.url())).await.unwrap();
        let data = bytes(200_000);
        let oid = client.create_large_object().await.unwrap();
        let mut tx = client.begin().await.unwrap();
        let object = tx.open_large_object(oid, LargeObjectMode::ReadWrite).await.unwrap();
        let mut object = pg_async::io::LargeObjectIo::new(object);
        object.write_all(&data).await.unwrap();
        object.flush().await.unwrap();
        assert_eq!(object.seek(SeekFrom::Start(1)).await.unwrap(), 1);
        let mut back = Vec::new();
        object.read_to_end(&mut back).await.unwrap();
        assert!(back == data[1..]);
        assert_eq!(object.seek(SeekFrom::End(-2)).await.unwrap(), 199_998);
        // A step that was dropped on its way neither loses nor repeats anything.
        let mut byte = [0];
        drop(tokio::time::timeout(std::time::Duration::ZERO, object.read(&mut byte)).await);
        object.seek(SeekFrom::Start(199_998)).await.unwrap();
        assert_eq!(object.read_u8().await.unwrap(), data[199_998]);
        object.write_all(b"!").await.unwrap();
        // Nobody seeks in what is being closed; and then it is closed.
        while !poll_fn(|context| Poll::Ready(Pin::new(&mut object).poll_shutdown(context).is_ready())).await {
            assert!(Pin::new(&mut object).start_seek(SeekFrom::Start(0)).is_err());
            tokio::task::yield_now().await;
        }
        object.shutdown().await.unwrap();
        assert!(object.read(&mut byte).await.is_err());
        drop(object);
        tx.commit().await.unwrap();
        let mut all = Vec::new();
        client.export_large_object(oid, &mut all).await.unwrap();
        assert_eq!((all.len(), all[199_999]), (200_000, b'!'));

        let mut copy = client.copy_in("copy t from stdin").await.unwrap();
        let text = "7\n".repeat(100_000);
        pg_async::io::copy_from(&mut copy, text.as_bytes()).await.unwrap();
        assert_eq!(copy.finish().await.unwrap(), 100_000);
        let copy = client.copy_out("copy t to stdout").await.unwrap();
        let mut out = Vec::new();
        assert_eq!(pg_async::io::copy_to(copy, &mut out).await.unwrap(), 100_000);
        assert!(out == text.as_bytes());
        // A source that fails leaves nothing behind.
        let mut copy = client.copy_in("copy t from stdin").await.unwrap();
        let failing = tokio_test_source();
        assert_eq!(pg_async::io::copy_from(&mut copy, failing).await.unwrap_err().kind(), ErrorKind::Encode);
        drop(copy);
        assert_eq!(client.query_value::<i64>("select count(*) from t", ()).await.unwrap(), 100_000);
        still_answers(&mut client).await.unwrap();
    });
}

/// Gives a little, then fails.
fn tokio_test_source() -> impl tokio::io::AsyncRead + Unpin + Send {
    struct Source(bool);
    impl tokio::io::AsyncRead for Source {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            buffer: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            if std::mem::replace(&mut self.0, true) {
                return std::task::Poll::Ready(Err(std::io::Error::other("the disk is gone")));
            }
            buffer.put_slice(b"1\n");
            std::task::Poll::Ready(Ok(()))
        }
    }
    Source(false)
}
