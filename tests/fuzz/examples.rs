//! Bytes that each body takes for what they should be: what random changes begin with. Random bytes alone are hardly ever
//! anything at all.

use super::values::number_of;
use super::{Inner, Item, Mood, catalog, encode, styles};
use pg_core::Adapter;
use pg_core::message::Format;
use pg_core::types::Type;
use pg_core::types::catalog::Catalog;
use pg_core::types::range::{Multirange, Range};
use std::net::IpAddr;
use std::time::SystemTime;

/// What a body of this name is given.
pub(crate) fn of(body: &str) -> Vec<Vec<u8>> {
    match body {
        "frames" => {
            vec![b"\x01\x03Z\0\0\0\x05IC\0\0\0\x0dSELECT 1\0".to_vec(), b"\0\xffR\0\0\0\x08\0\0\0\0".to_vec()]
        }
        "messages" => messages(),
        "reports" => vec![b"\x08select 1SERROR\0VERROR\0C42601\0Mno\0P8\0Hhint\0\0".to_vec()],
        "rows" => rows(),
        "row_descriptions" => row_descriptions(),
        "arrays_binary" => arrays(),
        "arrays_text" => texts(&[
            "{1,2,NULL}",
            "{1,2}",
            "{7,NULL}",
            "[0:1]={7,8}",
            "{{1,NULL},{3,4}}",
            "{{{{{{t,NULL}}}}}}",
            "{\"a\\\"b\",NULL,\"\"}",
            "{{a,\"NULL\"},{NULL,d}}",
            "{\"\\\\x00ff\",NULL}",
            "{\"2024-02-29 12:34:56+00\",NULL}",
            "{10.0.0.1,::1}",
            "{}",
        ]),
        "records_text" => [
            record(),
            texts(&[
                "(1,\"(x,t)\",\"{a,NULL}\")",
                "(,\"(,)\",{})",
                "(tea,\"(label,\"\"{1,NULL}\"\")\",\"{\"\"(a,{})\"\",\"\"(,\\\\\"\"{7}\\\\\"\")\"\"}\",sad)",
            ]),
        ]
        .concat(),
        "ranges" => texts(&[
            "[1,10)",
            "[-3,4)",
            "empty",
            "(,5]",
            "[1,)",
            "(,)",
            "{\"[1,3)\",NULL,empty}",
            "(\"a\"\"b\",\\c]",
        ]),
        "multiranges" => texts(&["{}", "{[1,3),[5,)}", "{(,7)}", "{[a,b],[\"c d\",e)}"]),
        "composites" => vec![encode(&item(), &catalog().1, &catalog().0, Format::Binary).expect("an item")],
        "timestamps" => under_each_style(&[
            "2024-02-29 12:34:56.5+00",
            "2024-02-29 12:34:56",
            "2024-02-29",
            "0044-03-15 BC",
            "infinity",
            "-infinity",
            "02/29/2024 12:34:56.5 UTC",
            "29/02/2024 12:34:56",
            "02/29/2024",
            "Thu Feb 29 12:34:56.5 2024 UTC",
            "Thu 29 Feb 12:34:56 2024",
            "02-29-2024",
            "29-02-2024",
            "29.02.2024 12:34:56.5 UTC",
            "29.02.2024",
            "24:00:00",
            "12:34:56.789",
            "12:34:56+05:30",
            "24:00:00-15:59:59",
        ]),
        "intervals" => under_each_style(&[
            "1 year 2 mons -3 days +04:05:06.5",
            "00:00:01.5",
            "@ 1 year 2 mons -3 days 4 hours 5 mins 6.5 secs ago",
            "@ 1 min",
            "@ 0",
            "+1-2 -3 +4:05:06.5",
            "1-2",
            "-3 4:05:06",
            "1:00:00",
            "P1Y2M-3DT4H5M6.5S",
            "PT1S",
        ]),
        "numerics" => {
            texts(&["12345.6789", "-0.00", "NaN", "1e5", "Infinity", "-98765432109876543210.000001"])
        }
        "networks" => texts(&[
            "10.0.0.1",
            "192.168.1.0/24",
            "::1",
            "2001:db8::/32",
            "08:00:2b:01:02:03",
            "08:00:2b:01:02:03:04:05",
        ]),
        "geometries" => texts(&[
            "(1,2)",
            "{1,2,3}",
            "[(1,2),(3,4)]",
            "(3,4),(1,2)",
            "((1,2),(3,4),(5,6))",
            "<(1,2),3>",
            "(NaN,-Infinity)",
        ]),
        "system_types" => texts(&["0/16B3748", "(3,7)", "10:20:10,14,15", "10:10:", "1 2 3", "-1 2"]),
        "text_searches" => texts(&["'a':1A 'b''c':2,3B 'd'", "'a' & !( 'b':*A | 'c' ) <3> 'd'"]),
        "hstores" => texts(&["\"a\"=>\"b\", \"c\"=>NULL", "", "Top.Science.Astronomy"]),
        "numbers" => texts(&["1", "-32768", "2147483647", "t", "f", "1.5e10", "NaN", "-Infinity", "\\377"]),
        "strings" => texts(&[
            "\\x00ff",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "sad",
            "very_happy",
            "\u{e9}\u{1f600}",
        ]),
        "scram" => vec![b"\x01\x16more,s=c2FsdA==,i=2\0\0\x01AAAA".to_vec()],
        "logins" => {
            vec![b"\0\x03\x04\x13more,s=c2FsdA==,i=2\x05\x06v=AAAA\x07".to_vec(), b"\x03\x03\x07".to_vec()]
        }
        "conversations" => conversations(),
        "conninfo" => texts(&[
            "postgres://u@h:5433/d?sslmode=require",
            "host=a,b port=1,2 user=u connect_timeout=3",
            "",
        ]),
        "quoting" => texts(&["a", "a\"b", "a'b\\c"]),
        "named_parameters" => texts(&["select :r", "select ':r', $$:r$$ -- :r\n, a::int, :r"]),
        "replication_messages" => {
            vec![[&b"w"[..], &[0; 24], b"BEGIN"].concat(), [&b"k"[..], &[0; 17]].concat()]
        }
        "pgoutput" => pgoutput(),
        "test_decoding" => texts(&[
            " id[bigint]:1 name[text]:'it''s'",
            "public.t: UPDATE: old-key: id[int4]:1 new-tuple: id[int4]:2",
        ]),
        "values" => values(),
        "integrations" => integrations(),
        "copy_rows" => copies(),
        _ => Vec::new(),
    }
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Each text after a byte for each style.
fn under_each_style(texts: &[&str]) -> Vec<Vec<u8>> {
    let styles = 0..u8::try_from(styles().len()).expect("some");
    styles.flat_map(|style| texts.iter().map(move |text| [&[style], text.as_bytes()].concat())).collect()
}

fn binary<T: Adapter>(value: T, type_: &Type) -> Vec<u8> {
    encode(&value, type_, &Catalog::default(), Format::Binary).expect("a value that fits")
}

fn item() -> Item {
    let inner = Inner { label: Some("x".to_owned()), numbers: vec![Some(1), None] };
    Item { inner: Some(inner.clone()), name: "tea".to_owned(), mood: Some(Mood::Sad), all: vec![inner] }
}

fn messages() -> Vec<Vec<u8>> {
    let messages: [&[u8]; 20] = [
        b"ZI",
        b"CSELECT 1\0",
        b"1",
        b"2",
        b"3",
        b"n",
        b"s",
        b"I",
        b"c",
        b"t\0\x01\0\0\0\x17",
        b"T\0\x01a\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0",
        b"D\0\x02\0\0\0\x017\xff\xff\xff\xff",
        b"R\0\0\0\x0aSCRAM-SHA-256\0\0",
        b"R\0\0\0\x05abcd",
        b"K\0\0\0\x01abcd",
        b"STimeZone\0UTC\0",
        b"A\0\0\0\x01news\0hello\0",
        b"G\0\0\x01\0\0",
        b"v\0\0\0\0\0\0\0\x01_pq_.a\0",
        b"ESERROR\0C42601\0Mno\0\0",
    ];
    messages.map(<[u8]>::to_vec).to_vec()
}

/// An int4, a record of text and NULL, and an empty array of text.
fn record() -> Vec<Vec<u8>> {
    let inner = b"\0\0\0\x02\0\0\0\x19\0\0\0\x01x\0\0\0\x10\xff\xff\xff\xff";
    let array = binary(Vec::<String>::new(), &Type::TEXT_ARRAY);
    let head = b"\0\0\0\x03\0\0\0\x17\0\0\0\x04\0\0\0\x07\0\0\x08\xc9\0\0\0\x15";
    vec![[&head[..], inner, b"\0\0\x03\xf1\0\0\0\x0c", &array].concat()]
}

/// A row of int4, text, int4[] and bytea.
fn rows() -> Vec<Vec<u8>> {
    let array = binary(vec![7, 8], &Type::INT4_ARRAY);
    let length = u32::try_from(array.len()).expect("short").to_be_bytes();
    let row = [&b"\0\x04\0\0\0\x04\0\0\0\x07\0\0\0\x01x"[..], &length, &array, b"\0\0\0\x02\0\xff"].concat();
    (0..3).map(|as_what| [&[as_what], &row[..]].concat()).collect()
}

/// Of the form of `description` and `row`.
fn row_descriptions() -> Vec<Vec<u8>> {
    let one = |as_what: u8| vec![as_what, 0, 1, 0, 1, 0, 1, 1, 7];
    // Text, as which NULL and an int4[] of no elements are sent.
    let array = binary(Vec::<i32>::new(), &Type::INT4_ARRAY);
    let size = u8::try_from(array.len()).expect("short");
    let two = [&[1, 0, 2, 1, 1, 2, 1, 0, 2, 0, 3, size][..], &array].concat();
    // Columns: a, b, and perhaps c.
    vec![one(0), one(3), two, vec![2, 0, 2, 0, 1, 1, 1, 0, 2, 1, 7, 2]]
}

fn arrays() -> Vec<Vec<u8>> {
    let text = || Some("a".to_owned());
    vec![
        binary(vec![1, 2], &Type::INT4_ARRAY),
        binary(vec![Some(1), None], &Type::INT4_ARRAY),
        binary(vec![vec![Some(1_i64), None], vec![Some(3), Some(4)]], &Type::INT8_ARRAY),
        binary(vec![vec![vec![vec![vec![vec![Some(true), None]]]]]], &Type::BOOL_ARRAY),
        binary([Some(1_i16), None], &Type::INT2_ARRAY),
        binary(vec![Some(vec![0_u8, 255]), None], &Type::BYTEA_ARRAY),
        binary(vec![text(), None], &Type::TEXT_ARRAY),
        binary(vec![vec![text(), None], vec![None, text()]], &Type::TEXT_ARRAY),
        binary(vec![Some(SystemTime::UNIX_EPOCH), None], &Type::TIMESTAMPTZ_ARRAY),
        binary(vec![IpAddr::from([10, 0, 0, 1])], &Type::INET_ARRAY),
    ]
}

/// What a client does, by its number in `call`, and the server's messages for it: their tags, each with what follows it.
fn conversations() -> Vec<Vec<u8>> {
    // Places in `TAGS`, and 0 for what is well-formed; columns of int4 and text, and a row of them.
    let (parsed, bound, parameters, done, idle) = ([7, 0], [8, 0], [12, 0], [4, 0], [5, 0]);
    let (one, two) = ([9, 0, 1, 0, 1], [9, 0, 2, 0, 1, 1, 1]);
    let (a_row, inside) = ([0, 0, 1, 1, 7], [5, 3, 1]);
    let said: [(u8, Vec<&[u8]>); 11] = [
        (0, vec![&idle]),
        (1, vec![&done, &idle]),
        (2, vec![&parsed, &bound, &one, &a_row, &done, &idle]),
        (3, vec![&parsed, &bound, &[9, 0, 2, 1, 1, 0, 1], &[0, 0, 2, 2, 1, 7], &done, &idle]),
        (4, vec![&parsed, &parameters, &one, &idle, &bound, &a_row, &done, &idle]),
        (6, vec![&parsed, &bound, &done, &idle]),
        (7, vec![&parsed, &parameters, &one, &idle]),
        (8, vec![&parsed, &bound, &one, &a_row, &done, &parsed, &bound, &done, &idle]),
        (9, vec![&parsed, &bound, &done, &parsed, &bound, &done, &inside, &[4, 2], &idle]),
        (12, vec![&parsed, &parameters, &one, &idle, &bound, &a_row, &done, &idle]),
        (13, vec![&parsed, &parameters, &two, &idle, &bound, &[0, 0, 2, 1, 7, 2], &done, &idle]),
    ];
    said.into_iter().map(|(call, said)| [&[0, 1, call], &said.concat()[..]].concat()).collect()
}

fn pgoutput() -> Vec<Vec<u8>> {
    let messages: [&[u8]; 4] = [
        b"B\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\x01",
        b"R\0\0\0\x01public\0t\0d\0\x02\x01id\0\0\0\0\x17\xff\xff\xff\xff\0name\0\0\0\0\x19\xff\xff\xff\xff",
        b"I\0\0\0\x01N\0\x02t\0\0\0\x017n",
        b"C\0\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0\0",
    ];
    let framed = messages.map(|message| [&[u8::try_from(message.len()).expect("short")], message].concat());
    vec![framed.concat()]
}

fn values() -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    let mut add = |type_: &Type, format: u8, bytes: &[u8]| {
        let [high, low] = number_of(type_).to_be_bytes();
        values.push([&[high, low, format], bytes].concat());
    };
    let (catalog, item_type) = catalog();
    let mood = catalog.type_by_oid(20_001).expect("the type that was told");
    for (type_, text) in [
        (&Type::BOOL, "t"),
        (&Type::INT4, "7"),
        (&Type::FLOAT4, "1.5"),
        (&Type::NUMERIC, "1.50"),
        (&Type::TEXT, "NULL"),
        (&Type::BYTEA, "\\x00ff"),
        (&Type::TIMESTAMPTZ, "2024-02-29 12:34:56+00"),
        (&Type::INTERVAL, "1 mon -3 days"),
        (&Type::INET, "10.0.0.1/8"),
        (&Type::POINT, "(1,2)"),
        (&Type::BOX_ARRAY, "{(3,4),(1,2)}"),
        (&Type::JSONB, "{\"a\": [1, null]}"),
        (&Type::UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        (&Type::INT4_ARRAY, "[0:1]={7,NULL}"),
        (&Type::TEXT_ARRAY, "{{\"a,b\",NULL},{\"\",d}}"),
        (&Type::INT4_RANGE, "[1,10)"),
        (&Type::TS_RANGE, "[\"2024-02-29 12:34:56\",)"),
        (&Type::INT4MULTI_RANGE, "{[1,3),[5,)}"),
        (&Type::RECORD, "(1,,\"a,b\")"),
        (&Type::VARBIT, "0101"),
        (&mood, "sad"),
        (item_type, "(tea,\"(label,\"\"{1,NULL}\"\")\",{},sad)"),
        (&Type::ACLITEM, "postgres=r/postgres"),
    ] {
        add(type_, 0, text.as_bytes());
    }
    for (type_, bytes) in [
        (&Type::INT8, binary(7_i64, &Type::INT8)),
        (&Type::JSONB, b"\x01{\"a\": [1, null]}".to_vec()),
        (&Type::UUID, vec![7; 16]),
        (&Type::INT4_ARRAY, binary(vec![Some(7), None], &Type::INT4_ARRAY)),
        (&Type::INT4_RANGE, binary(Range::from(1..10), &Type::INT4_RANGE)),
        (
            &Type::INT4MULTI_RANGE,
            binary([Range::from(1..10)].into_iter().collect::<Multirange<i32>>(), &Type::INT4MULTI_RANGE),
        ),
        (&Type::RECORD, vec![0; 4]),
        (&mood, b"sad".to_vec()),
        (item_type, encode(&item(), item_type, catalog, Format::Binary).expect("an item")),
    ] {
        add(type_, 1, &bytes);
    }
    values
}

/// After the number of the family.
fn integrations() -> Vec<Vec<u8>> {
    let times = [
        "2024-02-29",
        "12:34:56.789",
        "2024-02-29 12:34:56",
        "2024-02-29 12:34:56.5+00",
        "-00:00:01.5",
        "1 mon 2 days 03:04:05",
    ];
    let families: [&[&str]; 9] = [
        &times,
        &times,
        &times,
        &["12345.6789", "-0.00", "0101", "$1,234.56"],
        &["10.0.0.1", "192.168.1.0/24", "::1", "2001:db8::/32"],
        &["(1,2)", "[(1,2),(3,4)]", "(3,4),(1,2)", "<(1,2),3>"],
        &["[1,2.5,-3]", "{1:1.5,3:-2}/5"],
        &["{\"a\": [1, 2.5, null]}", "[true, null]", "\x01[false]", "$.a[*] ? (@ > 1)", "\x01$.a"],
        &[
            "7",
            "1",
            "4294967295",
            "postgres=arwdDxt/postgres",
            "\x01Top.*{1,2}",
            "Top.*{1,2}",
            "Europe & !Asia",
            "\x01Asia",
            "\0\0\0\x01",
        ],
    ];
    let numbered = (0_u8..).zip(families);
    numbered
        .flat_map(|(family, texts)| texts.iter().map(move |text| [&[family], text.as_bytes()].concat()))
        .collect()
}

fn copies() -> Vec<Vec<u8>> {
    vec![
        // Binary: a header, rows of the form of `row`, and the trailer.
        [&[3][..], &[1, 3, 1, 7, 2, 0], &[1, 3, 0, 3, 1, b'x', 3, 1, 0], &[0, 2, 255, 255]].concat(),
        // Lines; the first alone is one too.
        [&[0][..], &[1, 7, 1, b'a', 1, b'b'], &[1, 2, 2, b'\\', b'n', 2, b'\\', b'N']].concat(),
        b"\0a=r/a\ta\\tb\\\\\n".to_vec(),
        b"\0\\N\t\\N".to_vec(),
    ]
}
