//! Bodies for what a replication stream carries.

use super::noted;
use pg_core::message::replication::ReplicationMessage;
use pg_core::replication::change::{ChangeReader, Event};
use pg_core::replication::pgoutput::{Decoder, Message};
use pg_core::replication::test_decoding::Line;
use pg_core::replication::transactions::Assembler;
use pg_core::row::Row;
use pg_core::types::catalog::Catalog;
use pg_core::types::context::Settings;
use std::sync::Arc;

/// CopyData of a walsender is XLogData, a keepalive, or an error.
pub(crate) fn replication_messages(data: &[u8]) {
    match noted(|| "a message".to_owned(), ReplicationMessage::parse(data)) {
        Ok(ReplicationMessage::XLogData(message)) => assert_eq!(message.data.len() + 25, data.len()),
        Ok(ReplicationMessage::Keepalive(_)) => assert_eq!(data.len(), 18),
        Err(error) => assert!(!error.message().is_empty()),
    }
}

/// A stream of messages, each after a length of one byte: read one by one, as rows, and by whole transactions; of each
/// message every prefix is an error, or a message as well.
pub(crate) fn pgoutput(data: &[u8]) {
    let settings = Arc::new(Settings::default());
    let mut reader = ChangeReader::new(Catalog::default(), settings.clone());
    let mut whole_reader = ChangeReader::new(Catalog::default(), settings);
    let mut assembler = Assembler::new(1024);
    let mut decoder = Decoder::new();
    let mut rest = data;
    while let Some((length, following)) = rest.split_first() {
        let (message, following) = following.split_at(following.len().min(usize::from(*length)));
        rest = following;
        for end in 0..message.len() {
            let _ = decoder.clone().decode(&message[..end]);
        }
        let decoded = noted(|| "a message".to_owned(), decoder.decode(message));
        assert!(decoded.as_ref().map_or(0, values_of) <= message.len());
        let read = reader.read(message);
        if decoded.is_err() {
            assert!(read.is_err(), "what is no message is no event");
        }
        if let Ok(Event::Change(mut change)) = read {
            let _ = change.new::<Row>();
            let _ = change.old::<(Option<i64>, Option<String>)>();
            let _ = change.unchanged().count();
        }
        if let Ok(true) = assembler.take(message) {
            use pg_core::replication::transactions::Whole;
            if let Ok(Whole::Transaction(_, mut changes) | Whole::Prepared(_, mut changes)) =
                assembler.whole(&mut whole_reader)
            {
                while let Ok(Some(_)) = changes.next_event() {}
            }
        }
        assert!(assembler.kept() <= 256, "no more is kept than was said");
    }
}

/// The bytes that a message's values have together.
fn values_of(message: &Message<'_>) -> usize {
    let tuple = match message {
        Message::Insert(insert) => insert.new,
        Message::Update(update) => update.new,
        Message::Delete(delete) => delete.old.tuple(),
        _ => return 0,
    };
    assert_eq!(tuple.values().count(), tuple.len());
    tuple.values().filter_map(|value| value.bytes()).map(<[u8]>::len).sum()
}

/// A line of test_decoding, or none.
pub(crate) fn test_decoding(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for text in [text.to_owned(), format!("table public.t: INSERT:{text}"), format!("table {text}")] {
        if let Ok(Line::Change { row, old, .. }) = noted(|| "a line".to_owned(), Line::parse(&text)) {
            let columns = row.iter().chain(&old);
            assert!(
                columns.map(|column| column.name.len() + column.type_name.len()).sum::<usize>() <= text.len()
            );
        }
    }
}
