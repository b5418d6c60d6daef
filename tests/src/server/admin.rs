//! The harness's own connection: one simple query as the superuser, rows as text. It stands by itself so that the
//! harness can judge the clients under test without using them; nothing but the harness calls it.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

use super::{
    error::{Error, Result},
    target::Target,
};

/// A value of a row: its text, or NULL.
pub type Value = Option<String>;

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs SQL (several statements may stand in it) and gives the rows of all of them as text.
///
/// For preparing and inspecting a test's database from outside; it opens a connection for each call.
///
/// # Errors
/// The server's message with its SQLSTATE, or why it cannot be reached. Only `trust` is supported: another
/// authentication request is an error that says so.
pub fn admin_query(url: &str, sql: &str) -> Result<Vec<Vec<Value>>> {
    let target = Target::parse(url)?;
    let wire = Wire::connect(&target).and_then(|mut wire| wire.start(&target).map(|()| wire));
    let wire = wire.map_err(|error| error.during(&format!("cannot connect to {target}")))?;
    query(wire, sql).map_err(|error| error.during(&format!("{sql:?} on {target}")))
}

fn query(mut wire: Wire, sql: &str) -> Result<Vec<Vec<Value>>> {
    let mut body = sql.as_bytes().to_vec();
    body.push(0);
    wire.send(b'Q', &body)?;
    let (mut rows, mut failed) = (Vec::new(), None);
    loop {
        let (tag, body) = wire.receive()?;
        match tag {
            b'D' => rows.push(data_row(&body).ok_or_else(|| Error::new("a malformed DataRow"))?),
            b'E' => failed = Some(server_error(&body)),
            b'Z' => break,
            _ => {}
        }
    }
    let _ = wire.send(b'X', &[]);
    failed.map_or(Ok(rows), Err)
}

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

struct Wire {
    stream: Box<dyn Stream>,
}

impl Wire {
    fn connect(target: &Target) -> Result<Wire> {
        let stream: io::Result<Box<dyn Stream>> = if target.host.starts_with('/') {
            let path = PathBuf::from(&target.host).join(format!(".s.PGSQL.{}", target.port));
            UnixStream::connect(path).and_then(|stream| {
                stream.set_read_timeout(Some(PATIENCE))?;
                Ok(Box::new(stream) as Box<dyn Stream>)
            })
        } else {
            TcpStream::connect((target.host.as_str(), target.port)).and_then(|stream| {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Ok(Box::new(stream) as Box<dyn Stream>)
            })
        };
        Ok(Wire { stream: stream.map_err(broken)? })
    }

    fn start(&mut self, Target { user, database, .. }: &Target) -> Result<()> {
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        for text in ["user", user, "database", database, "client_encoding", "UTF8", ""] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        let length = (body.len() as u32 + 4).to_be_bytes();
        self.stream.write_all(&[&length[..], &body].concat()).map_err(broken)?;
        loop {
            let (tag, body) = self.receive()?;
            match tag {
                b'R' if body == [0; 4] => {}
                b'R' => {
                    return Err(Error::new(format!(
                        "the server asks {user} for a password, and the harness only supports trust: let it in by a \
                         line `host all {user} 127.0.0.1/32 trust` in pg_hba.conf, or unset DATABASE_URL so that \
                         the harness starts a server of its own"
                    )));
                }
                b'E' => return Err(server_error(&body)),
                b'Z' => return Ok(()),
                _ => {}
            }
        }
    }

    fn send(&mut self, tag: u8, body: &[u8]) -> Result<()> {
        let length = (body.len() as u32 + 4).to_be_bytes();
        self.stream.write_all(&[&[tag], &length[..], body].concat()).map_err(broken)
    }

    fn receive(&mut self) -> Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).map_err(broken)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0; (length as usize).saturating_sub(4)];
        self.stream.read_exact(&mut body).map_err(broken)?;
        Ok((head[0], body))
    }
}

fn broken(error: io::Error) -> Error {
    let cure = match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => " (is the server of DATABASE_URL up?)",
        _ => "",
    };
    Error::new(format!("{error}{cure}"))
}

/// `ERROR 42P04: database "x" already exists`, then detail and hint.
fn server_error(body: &[u8]) -> Error {
    let field = |wanted: u8| {
        let mut fields = body.split(|byte| *byte == 0);
        let found = fields.find(|field| field.first() == Some(&wanted))?;
        Some(String::from_utf8_lossy(&found[1..]).into_owned())
    };
    let mut text = format!(
        "{} {}: {}",
        field(b'S').unwrap_or_default(),
        field(b'C').unwrap_or_default(),
        field(b'M').unwrap_or_default()
    );
    for (tag, name) in [(b'D', "DETAIL"), (b'H', "HINT")] {
        if let Some(more) = field(tag) {
            text.push_str(&format!("; {name}: {more}"));
        }
    }
    Error::new(text)
}

fn data_row(body: &[u8]) -> Option<Vec<Value>> {
    let (count, mut rest) = body.split_first_chunk()?;
    let mut row = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk()?;
        // -1 is NULL.
        row.push(match usize::try_from(i32::from_be_bytes(*length)) {
            Ok(length) => {
                let (value, after) = after.split_at_checked(length)?;
                rest = after;
                Some(String::from_utf8_lossy(value).into_owned())
            }
            Err(_) => {
                rest = after;
                None
            }
        });
    }
    Some(row)
}
