//! `bytea`.

use crate::{AnyRow, Row};
use std::borrow::Cow;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("\\x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

pub(super) fn rows() -> Vec<Box<dyn AnyRow>> {
    let bytea = Row::new("bytea", "Vec<u8>", |rng| {
        let length = rng.index(40);
        let bytes: Vec<u8> = (0..length).map(|_| rng.number() as u8).collect();
        let text = hex(&bytes);
        (bytes, text)
    })
    .edges(
        [Vec::new(), vec![0], vec![0; 3], vec![0xff, 0x5c, 0x22], (0..=255).collect(), vec![7; 10_000]].map(
            |bytes: Vec<u8>| {
                let text = hex(&bytes);
                (bytes, text)
            },
        ),
    )
    .written_as("[u8]", |bytes| Some(Box::new(bytes.as_slice())))
    .written_as("Cow<[u8]>", |bytes| Some(Box::new(Cow::Borrowed(bytes.as_slice()))))
    .written_as("[u8; N]", |bytes| Some(Box::new(<[u8; 3]>::try_from(bytes.as_slice()).ok()?)))
    .read_as("&[u8]", |row| row.get::<&[u8]>().map(|bytes| Some(bytes.to_vec())))
    .read_as("Cow<[u8]>", |row| row.get::<Cow<'_, [u8]>>().map(|bytes| Some(bytes.into_owned())))
    .read_as("Box<[u8]>", |row| row.get::<Box<[u8]>>().map(|bytes| Some(bytes.into_vec())))
    .read_as("[u8; N]", |row| match row.get::<&[u8]>()?.len() {
        3 => row.get::<[u8; 3]>().map(|bytes| Some(bytes.to_vec())),
        _ => Ok(None),
    });
    vec![Box::new(bytea)]
}
