//! The body for rows that COPY gives; see [`bodies`](super).

use super::connections::{Player, answer, in_pieces, row};
use super::{Source, noted, show};
use pg_core::copy::{CopyTo, RowWriter, TextRow};
use pg_core::message::backend::DataRow;
use pg_core::row::FromRowOwned;
use pg_core::types::Type;
use pg_core::types::catalog::Catalog;
use pg_core::types::context::Settings;
use pg_core::types::system::AclItem;
use pg_core::{ErrorKind, Session, complete};
use std::fmt::Debug;

/// All of it has a binary form.
type Binary = (Option<i32>, Option<String>, Option<Vec<u8>>);
/// Some of it has none.
type Text = (Option<i32>, Option<String>, Option<AclItem>);

/// What a COPY begins with in binary.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// A COPY TO STDOUT in text or binary, whose rows are of the form that was asked for or of none; and a line of its own.
pub(crate) fn copy_rows(data: &[u8]) {
    let mut source = Source(data);
    let how = source.byte();
    if how & 1 == 1 {
        let header = if how & 2 == 2 { HEADER } else { &[] };
        copied::<Binary>([23, 25, 17], pieces(&mut source, header, row));
    } else {
        line(source.0);
        copied::<Text>([23, 25, 1033], pieces(&mut source, &[], text_row));
    }
}

/// Pieces of the data, of which some are rows.
fn pieces(source: &mut Source<'_>, header: &[u8], row: fn(&mut Source<'_>) -> Vec<u8>) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut start = header.to_vec();
    while !source.0.is_empty() {
        start.extend(if source.byte() & 3 == 0 { source.some().to_vec() } else { row(source) });
        pieces.push(std::mem::take(&mut start));
    }
    pieces
}

/// A line of three columns, if no tab is in them.
fn text_row(source: &mut Source<'_>) -> Vec<u8> {
    let number = match source.byte() {
        even if even % 2 == 0 => b"\\N".to_vec(),
        odd => odd.to_string().into_bytes(),
    };
    [&number, source.some(), source.some()].join(&b'\t')
}

/// Reads such rows to their end.
fn copied<T: FromRowOwned + Debug>(columns: [u32; 3], pieces: Vec<Vec<u8>>) {
    let mut said = Vec::new();
    answer(&mut said, b'H', &[0, 0, 0]);
    for piece in &pieces {
        answer(&mut said, b'd', piece);
    }
    answer(&mut said, b'c', b"");
    answer(&mut said, b'C', b"COPY 1\0");
    answer(&mut said, b'Z', b"I");
    // It comes once it was asked for.
    let said = in_pieces(&said);
    let mut player = Player::logged_in(&said, true);
    let mut described = vec![0, 3];
    for oid in columns {
        described.extend_from_slice(b"c\0\0\0\0\0\0\0");
        described.extend_from_slice(&oid.to_be_bytes());
        described.extend_from_slice(&[0, 4, 255, 255, 255, 255, 0, 0]);
    }
    let answers = &mut player.server.said;
    answer(answers, b'1', b"");
    answer(answers, b't', &[0, 0]);
    answer(answers, b'T', &described);
    answer(answers, b'Z', b"I");
    let read = complete(async {
        let mut rows = player.copy_out_rows::<T>(&CopyTo::table("t")).await?;
        let mut read = 0;
        loop {
            match rows.next_as::<T>().await {
                Ok(Some(row)) => {
                    let _ = format!("{row:?}");
                    read += 1;
                }
                Ok(None) => return Ok(read),
                Err(error) if matches!(error.kind(), ErrorKind::Decode) => show(&error),
                Err(error) => return Err(error),
            }
        }
    });
    match &read {
        Ok(rows) => assert!(*rows <= pieces.len()),
        Err(error) => show(error),
    }
    let _ = noted(
        || format!("a row of {}", std::any::type_name::<T>()),
        read.map_err(drop).and_then(|rows| (rows > 0).then_some(()).ok_or(())),
    );
    // The server says nothing any more.
    complete(player.ping()).expect_err("the link has ended");
    assert!(player.connection.is_closed());
}

/// A line is read as columns; two of them are written so that the same are read.
fn line(data: &[u8]) {
    let Ok(values) = noted(|| "a line".to_owned(), columns(data)) else { return };
    assert!(values.iter().flatten().map(Vec::len).sum::<usize>() <= data.len());
    let text = |value: &Option<Vec<u8>>| match value {
        None => Some(None),
        Some(bytes) if bytes.contains(&0) => None,
        Some(bytes) => String::from_utf8(bytes.clone()).ok().map(Some),
    };
    let texts: Option<Vec<Option<String>>> = values.iter().map(text).collect();
    let Some([one, two]) = texts.as_deref() else { return };
    let pair = (one.clone().map(AclItem), two.clone());
    let types = [Type::ACLITEM, Type::TEXT];
    let mut writer =
        RowWriter::new::<(Option<AclItem>, Option<String>)>(&types, &Catalog::default()).expect("a plan");
    assert!(!writer.is_binary());
    let mut again = Vec::new();
    writer.write(&mut again, &pair, &Settings::default()).expect("text");
    assert_eq!(columns(&again).expect("what we wrote"), values);
}

fn columns(line: &[u8]) -> pg_core::Result<Vec<Option<Vec<u8>>>> {
    let mut text = TextRow::default();
    let row = DataRow::new(text.read(line)?)?;
    let mut values = row.values();
    let columns = (0..row.columns()).map(|_| Ok(values.value()?.map(<[u8]>::to_vec))).collect();
    values.finish()?;
    columns
}
