//! The server's messages: rows of the made-up language, and any message at all, in good form and in bad.

pub use pg_tests::fake_server::message::*;

use super::language::{self, Value};
use pg_tests::seed::Rng;

/// A row in these formats.
pub(super) fn row(values: &[Value], formats: &[u16]) -> Vec<u8> {
    let mut body = u16::try_from(values.len()).expect("few columns").to_be_bytes().to_vec();
    for (value, format) in values.iter().zip(formats) {
        let bytes = if *format == 1 {
            language::binary(value)
        } else {
            language::text_form(value).map(String::into_bytes)
        };
        language::put(&mut body, bytes.as_deref());
    }
    message(b'D', &body)
}

/// Every tag that a server may send, and some that none does.
pub const TAGS: &[u8] = b"123ACDEGHIKNRSTVWZcdnstv!\0z";

/// A message of this tag in good form.
pub fn well_formed(tag: u8, rng: &mut Rng) -> Vec<u8> {
    let text = rng.pick(&["", "a", "client", "UPDATE 3", "42"]);
    match tag {
        b'A' => notification(1, text, "payload"),
        b'C' => command_complete(rng.pick(&["SELECT 1", "COMMIT", "ROLLBACK", "INSERT 0 7", "DISCARD ALL"])),
        b'D' => data_row(&[Some(&42i64.to_be_bytes())]),
        b'E' => error(rng.pick(&["P0001", "57014", "26000", "25P02"]), "it failed"),
        b'G' => copy_in_response(0, &[0]),
        b'H' => copy_out_response(1, &[1, 1]),
        b'W' => copy_both_response(0, &[]),
        b'K' => backend_key_data(7, &[1, 2, 3, 4]),
        b'N' => notice_response(&[(b'S', "NOTICE"), (b'C', "00000"), (b'M', "by the way")]),
        b'R' => authentication_ok(),
        b'S' => parameter_status(rng.pick(&["TimeZone", "application_name"]), text),
        b'T' => row_description(&[Column::new("n", 20, 8, u16::from(rng.in_thousand(500)))]),
        b'Z' => ready_for_query(rng.pick(b"IITE")),
        b'd' => copy_data(text.as_bytes()),
        b't' => parameter_description(&[20]),
        b'v' => negotiate_protocol_version(3 << 16, &[]),
        other => message(other, &[]),
    }
}

/// A message of this tag whose body isn't of its form.
pub fn malformed(tag: u8, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = well_formed(tag, rng);
    match rng.below(3) {
        0 => bytes.push(b'!'),
        1 if bytes.len() > 5 => bytes.truncate(bytes.len() - 1),
        _ => {
            bytes = message(
                tag,
                &(0..rng.below(30)).map(|_| rng.number().to_be_bytes()[0] | 0x80).collect::<Vec<_>>(),
            )
        }
    }
    with_true_length(bytes)
}

/// The message with the length that it has.
pub fn with_true_length(mut bytes: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(bytes.len() - 1).expect("a small message");
    bytes[1..5].copy_from_slice(&length.to_be_bytes());
    bytes
}
