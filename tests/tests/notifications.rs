//! LISTEN and NOTIFY: what is heard, when, in which order, and where it goes.

use pg_core::protocol::notifications::{Heard, Notification};
use pg_core::{Error, ErrorKind, Result, Session};
use pg_tests::clients::{self, still_answers};
use pg_tests::fake_server::{FakeServer, message};
use pg_tests::server::{Database, Server};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(20);

/// The next one that comes, which is a notification.
async fn hear<S: Session>(client: &mut S) -> Result<Notification> {
    let heard = client.wait_notification(SOON).await?;
    Ok(heard.and_then(Heard::notification).expect("a notification in time"))
}

/// What another session does.
fn elsewhere(database: &Database, work: impl FnOnce(&mut clients::pg_blocking::Client)) {
    work(&mut clients::pg_blocking::Config::new(&database.url()).unwrap().connect().unwrap());
}

async fn a_notification_says_who_where_and_what<S: Session>(
    client: &mut S,
    database: &Database,
) -> Result<()> {
    client.listen("orders").await?;
    let mut other = 0;
    elsewhere(database, |session| {
        other = session.query_value("select pg_backend_pid()", ()).unwrap();
        session.notify("orders", "nr 7").unwrap();
        session.notify("orders", "").unwrap();
    });
    let expected = Notification { process_id: other, channel: "orders".into(), payload: "nr 7".into() };
    assert_eq!(hear(client).await?, expected);
    assert_eq!(hear(client).await?, Notification { payload: String::new(), ..expected });
    client.unlisten("orders").await?;
    client.notify("orders", "unheard").await?;
    assert_eq!(client.wait_notification(Duration::ZERO).await?, None);
    still_answers(client).await
}

async fn any_name_is_a_channel_and_means_itself<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let long = "é".repeat(31) + "x";
    for name in ["Orders", "a b", "x\"; drop table t; --", "'", "ümlaut", long.as_str()] {
        client.listen(name).await?;
        client.notify(name, "here").await?;
        assert_eq!(hear(client).await?.channel, name);
    }
    client.unlisten_all().await?;
    assert_eq!(client.query_values::<String>("select pg_listening_channels()", ()).await?, [""; 0]);
    for (name, part) in [("", "empty"), ("y".repeat(64).as_str(), "64 bytes"), ("a\0b", "NUL")] {
        let refused = client.listen(name).await.unwrap_err();
        assert!(refused.kind() == ErrorKind::Usage && refused.to_string().contains(part), "{refused}");
    }
    still_answers(client).await
}

async fn a_payload_has_7999_bytes_at_most<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.listen("c").await?;
    let longest = "p".repeat(7_999);
    client.notify("c", &longest).await?;
    assert_eq!(hear(client).await?.payload, longest);
    let refused = client.notify("c", &(longest + "q")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Usage);
    assert!(refused.to_string().contains("8000 bytes") && refused.to_string().contains("7999"), "{refused}");
    still_answers(client).await
}

async fn they_are_gathered_during_any_operation_and_kept_in_order<S: Session>(
    client: &mut S,
    database: &Database,
) -> Result<()> {
    client.listen("c").await?;
    elsewhere(database, |other| {
        for n in 0..100 {
            other.notify("c", &n.to_string()).unwrap();
        }
    });
    // The query's answer brings them along.
    client.query_value::<i32>("select 1", ()).await?;
    client.notify("c", "100").await?;
    for n in 0..=100 {
        assert_eq!(hear(client).await?.payload, n.to_string());
    }
    still_answers(client).await
}

/// The setting for poolers in transaction mode, behind which nothing is heard.
async fn who_keeps_no_statements_can_not_listen<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let error = client.listen("c").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let told = error.to_string();
    assert!(told.contains("statement_cache_capacity(0)") && told.contains("past the pooler"), "{told}");
    // Nothing was sent, and the rest of it works.
    assert_eq!(client.query_value::<i64>("select count(*) from pg_listening_channels()", ()).await?, 0);
    client.unlisten("c").await?;
    client.notify("c", "to others").await?;
    still_answers(client).await
}

pg_tests::both_clients!(with |config| config.statement_cache_capacity(0); who_keeps_no_statements_can_not_listen);

async fn waiting_ends_at_the_deadline<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.listen("c").await?;
    let start = Instant::now();
    assert_eq!(client.wait_notification(Duration::from_millis(50)).await?, None);
    assert!(start.elapsed() >= Duration::from_millis(50));
    client.notify("c", "late").await?;
    assert_eq!(client.notifications().next().await?.notification().unwrap().payload, "late");
    still_answers(client).await
}

async fn waiting_inside_a_transaction_is_refused<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.listen("c").await?;
    let mut tx = client.begin().await?;
    let refused = tx.wait_notification(SOON).await.unwrap_err();
    assert!(refused.to_string().contains("inside a transaction"), "{refused}");
    tx.notify("c", "at commit").await?;
    assert_eq!(tx.wait_notification(SOON).await.unwrap_err().kind(), ErrorKind::Usage);
    tx.commit().await?;
    assert_eq!(hear(client).await?.payload, "at commit");
    // One that was begun by SQL is one too.
    client.batch_execute("begin").await?;
    assert_eq!(client.wait_notification(SOON).await.unwrap_err().kind(), ErrorKind::Usage);
    client.batch_execute("rollback").await?;
    still_answers(client).await
}

async fn what_finds_no_room_is_told_as_lost<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.listen("c").await?;
    client.connection().inbox().keep_notifications(2);
    for n in 0..5 {
        client.notify("c", &n.to_string()).await?;
    }
    assert_eq!(hear(client).await?.payload, "0");
    client.notify("c", "5").await?;
    assert_eq!(hear(client).await?.payload, "1");
    assert_eq!(client.wait_notification(SOON).await?, Some(Heard::Lost(3)));
    assert_eq!(hear(client).await?.payload, "5");
    still_answers(client).await
}

async fn a_sink_takes_them_as_they_come<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    let queue = Arc::new(Mutex::new(VecDeque::new()));
    client.listen("c").await?;
    client.notify("c", "1").await?;
    client.set_notification_sink(Some(Box::new(Arc::clone(&queue))));
    client.notify("c", "2").await?;
    assert_eq!(queue.lock().unwrap().len(), 2);
    // Whoever has a sink doesn't take them from the connection, and can wait until it is given some.
    assert_eq!(client.wait_notification(SOON).await.unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(client.deliver_notifications(Duration::ZERO).await?, 0);
    let (sender, receiver) = mpsc::channel();
    client.set_notification_sink(Some(Box::new(sender)));
    client.notify("c", "3").await?;
    let heard = receiver.try_recv().ok().and_then(Heard::notification).expect("the third");
    assert_eq!(heard.payload, "3");
    client.set_notification_sink(None);
    client.notify("c", "4").await?;
    assert_eq!(hear(client).await?.payload, "4");
    still_answers(client).await
}

async fn a_sink_that_fails_is_told_of_and_loses_nothing<S: Session>(
    client: &mut S,
    _: &Database,
) -> Result<()> {
    client.listen("c").await?;
    let taken = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&taken);
    let is_broken = Arc::new(AtomicBool::new(true));
    let breaks = Arc::clone(&is_broken);
    client.set_notification_sink(Some(Box::new(move |heard: &Heard| {
        if breaks.load(Ordering::Relaxed) {
            return Err("no room on the disk".into());
        }
        seen.lock().unwrap().push(heard.clone());
        Ok(())
    })));
    client.notify("c", "1").await?;
    client.notify("c", "2").await?;
    let told: Error = client.deliver_notifications(SOON).await.unwrap_err();
    assert!(told.to_string().contains("no room on the disk"), "{told}");
    is_broken.store(false, Ordering::Relaxed);
    assert_eq!(client.deliver_notifications(SOON).await?, 2);
    let payloads: Vec<String> =
        taken.lock().unwrap().drain(..).filter_map(Heard::notification).map(|n| n.payload).collect();
    assert_eq!(payloads, ["1", "2"]);
    // Once it is whole again, what comes next brings along what it refused.
    is_broken.store(true, Ordering::Relaxed);
    client.notify("c", "3").await?;
    is_broken.store(false, Ordering::Relaxed);
    client.notify("c", "4").await?;
    assert_eq!(taken.lock().unwrap().len(), 2);
    assert!(client.deliver_notifications(SOON).await.is_err(), "the refusal is told all the same");
    still_answers(client).await
}

async fn payloads_are_typed_by_serde<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.listen("c").await?;
    client.notify_json("c", &(7, "seven")).await?;
    let heard = hear(client).await?;
    assert_eq!(heard.json::<(i32, String)>()?, (7, "seven".to_owned()));
    let wrong = heard.json::<bool>().unwrap_err();
    assert!(wrong.kind() == ErrorKind::Decode && wrong.to_string().contains("channel \"c\""), "{wrong}");
    still_answers(client).await
}

async fn a_session_that_ends_is_heard_while_waiting<S: Session>(
    client: &mut S,
    database: &Database,
) -> Result<()> {
    client.listen("c").await?;
    let process: i32 = client.query_value("select pg_backend_pid()", ()).await?;
    client.notify("c", "before").await?;
    elsewhere(database, |other| {
        assert!(other.query_value::<bool>("select pg_terminate_backend($1)", (process,)).unwrap());
    });
    assert_eq!(hear(client).await?.payload, "before");
    let lost = client.wait_notification(SOON).await.unwrap_err();
    assert_eq!(lost.sqlstate().map(|code| code.code().to_owned()), Some("57P01".to_owned()));
    assert!(client.is_closed());
    Ok(())
}

pg_tests::both_clients!(
    a_notification_says_who_where_and_what,
    any_name_is_a_channel_and_means_itself,
    a_payload_has_7999_bytes_at_most,
    they_are_gathered_during_any_operation_and_kept_in_order,
    waiting_ends_at_the_deadline,
    waiting_inside_a_transaction_is_refused,
    what_finds_no_room_is_told_as_lost,
    a_sink_takes_them_as_they_come,
    a_sink_that_fails_is_told_of_and_loses_nothing,
    payloads_are_typed_by_serde,
    a_session_that_ends_is_heard_while_waiting,
);

#[test]
fn channels_of_tokio_are_sinks() {
    use clients::pg_async::{Config, io::ToChannel};
    use tokio::sync::{broadcast, mpsc};
    let database = Server::shared().database();
    let payload = |heard: Heard| heard.notification().unwrap().payload;
    clients::block_on(async {
        let mut client = Config::new(&database.url()).unwrap().connect().await.unwrap();
        client.listen("c").await.unwrap();
        let (sender, mut receiver) = mpsc::channel(1);
        client.set_notification_sink(Some(Box::new(ToChannel(sender))));
        client.notify("c", "1").await.unwrap();
        client.notify("c", "2").await.unwrap();
        // It holds one.
        let refusal = client.deliver_notifications(SOON).await.unwrap_err().to_string();
        assert!(refusal.contains("full") && refusal.contains("1 are kept"), "{refusal}");
        assert_eq!(receiver.recv().await.map(payload).unwrap(), "1");
        assert_eq!(client.deliver_notifications(SOON).await.unwrap(), 1);
        assert_eq!(receiver.recv().await.map(payload).unwrap(), "2");
        drop(receiver);
        client.notify("c", "3").await.unwrap();
        let refusal = client.deliver_notifications(SOON).await.unwrap_err().to_string();
        assert!(refusal.contains("gone"), "{refusal}");
        // The next one is given what was refused.
        let (sender, mut receiver) = mpsc::unbounded_channel();
        client.set_notification_sink(Some(Box::new(ToChannel(sender))));
        assert_eq!(receiver.recv().await.map(payload).unwrap(), "3");
        let (sender, mut one) = broadcast::channel(8);
        let mut other = sender.subscribe();
        client.set_notification_sink(Some(Box::new(ToChannel(sender))));
        client.notify("c", "4").await.unwrap();
        for receiver in [&mut one, &mut other] {
            assert_eq!(payload(receiver.recv().await.unwrap()), "4");
        }
    });
}

#[test]
fn a_blocking_iterator_waits_for_each() {
    let database = Server::shared().database();
    let mut client = clients::pg_blocking::Config::new(&database.url()).unwrap().connect().unwrap();
    client.listen("c").unwrap();
    let url = database.url();
    let other = std::thread::spawn(move || {
        let mut other = clients::pg_blocking::Config::new(&url).unwrap().connect().unwrap();
        (0..3).for_each(|n| other.notify("c", &n.to_string()).unwrap());
    });
    let heard = client.notifications().take(3).map(|heard| heard.unwrap().notification().unwrap().payload);
    assert_eq!(heard.collect::<Vec<_>>(), ["0", "1", "2"]);
    other.join().unwrap();
}

/// Two that come in one read with the session's end, and a limit for each wait.
#[test]
fn what_came_before_a_loss_is_told_before_the_loss() {
    let fake = FakeServer::run(|peer| {
        peer.expect_startup();
        peer.login();
        peer.expect(b'S');
        let news = [1, 2].map(|n| message::notification(7, "c", &n.to_string())).concat();
        let farewell = message::error_response(&[(b'S', "FATAL"), (b'C', "57P01"), (b'M', "going down")]);
        peer.send([message::ready_for_query(b'I'), news, farewell].concat());
        peer.wait_for_end();
    });
    let mut client = clients::pg_blocking::Config::new(&fake.url()).unwrap().connect().unwrap();
    client.ping().unwrap();
    let mut wait =
        || client.wait_notification(SOON).map(|heard| heard.unwrap().notification().unwrap().payload);
    assert_eq!([wait().unwrap(), wait().unwrap()], ["1", "2"]);
    assert_eq!(wait().unwrap_err().sqlstate().unwrap().code(), "57P01");
    drop(client);
    fake.finish();
}

async fn a_limit_holds_for_each_of_several<S: Session>(client: &mut S, _: &Database) -> Result<()> {
    client.listen("c").await?;
    client.notify("c", "one").await?;
    let mut limited = client.within(Duration::from_millis(50));
    let mut notifications = limited.notifications();
    assert_eq!(notifications.next().await?.notification().unwrap().payload, "one");
    assert_eq!(notifications.next().await.unwrap_err().kind(), ErrorKind::Timeout);
    still_answers(client).await
}

pg_tests::both_clients!(a_limit_holds_for_each_of_several);
