//! A server that follows a script: for what a real one does not do on demand.
//!
//! ```
//! use pg_tests::{fake_server::{FakeServer, message}, server::admin_query};
//!
//! let fake = FakeServer::run(|peer| {
//!     peer.expect_startup();
//!     peer.login();
//!     assert_eq!(peer.expect(b'Q'), b"select 1\0");
//!     peer.send(message::data_row(&[Some(b"one")]));
//!     peer.send(message::command_complete("SELECT 1"));
//!     peer.send(message::ready_for_query(b'I'));
//! });
//! assert_eq!(admin_query(&fake.url(), "select 1")?, [[Some("one".to_owned())]]);
//! fake.finish();
//! # Ok::<(), pg_tests::server::Error>(())
//! ```
//!
//! The script runs in a thread of its own. Whatever it waits for must come within 20 seconds. When it fails, its
//! message ends with the conversation so far, in the words of [`trace`](crate::trace).
//!
//! What belongs here: the listener and the conversation. How messages are built is in [`message`].

pub mod message;

use std::{
    fs,
    fs::File,
    io,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::{
        fd::AsFd,
        unix::net::{UnixListener, UnixStream},
    },
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{relay::Direction, server::scratch_folder, trace::Tracer};

const PATIENCE: Duration = Duration::from_secs(20);
const SO_FAR: &str = "; the conversation so far:\n";

/// A script at work; `T` is what it returns.
///
/// # Drop
/// Closes nothing and waits for nothing: a script whose test has failed ends by itself, at the latest when it
/// has waited in vain. The folder of its Unix socket is removed.
#[derive(Debug)]
pub struct FakeServer<T> {
    url: String,
    socket: Option<(PathBuf, File)>,
    thread: Option<JoinHandle<Result<T, String>>>,
}

impl<T: Send + 'static> FakeServer<T> {
    /// Listens on a port of 127.0.0.1 and runs the script with the first client that comes.
    ///
    /// # Panics
    /// When no port can be had.
    pub fn run(script: impl FnOnce(&mut Peer) -> T + Send + 'static) -> FakeServer<T> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on 127.0.0.1");
        let port = listener.local_addr().expect("the address of a bound socket").port();
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable");
        FakeServer::with(Listener::Tcp(listener), url, None, script)
    }

    /// The same on a Unix socket.
    ///
    /// # Panics
    /// When no socket can be had.
    pub fn run_on_socket(script: impl FnOnce(&mut Peer) -> T + Send + 'static) -> FakeServer<T> {
        let (folder, lock) = scratch_folder().unwrap_or_else(|error| panic!("{error}"));
        let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).expect("a socket in our own folder");
        let url = format!("postgres:///postgres?host={}&port=5432&user=postgres", folder.display());
        FakeServer::with(Listener::Unix(listener), url, Some((folder, lock)), script)
    }

    fn with(
        listener: Listener,
        url: String,
        socket: Option<(PathBuf, File)>,
        script: impl FnOnce(&mut Peer) -> T + Send + 'static,
    ) -> FakeServer<T> {
        let conversation = Arc::<Mutex<Vec<String>>>::default();
        let work = move || {
            let told = Arc::clone(&conversation);
            // A failure is told by finish(), with the conversation.
            catch_unwind(AssertUnwindSafe(|| {
                let listener = Arc::new(listener);
                let stream = listener.accept();
                script(&mut Peer { listener, stream: Some(stream), tracer: Tracer::new(), conversation })
            }))
            .map_err(|failure| {
                let words = failure.downcast_ref::<String>().cloned();
                let words = words.or_else(|| failure.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                let words = words.unwrap_or_else(|| "it panicked".to_owned());
                if words.contains(SO_FAR) { words } else { words + SO_FAR + &text_of(&told) }
            })
        };
        let thread =
            std::thread::Builder::new().name("fake server".to_owned()).spawn(work).expect("a thread");
        FakeServer { url, socket, thread: Some(thread) }
    }

    /// The connection string that leads to it.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Waits for the end of the script and gives what it returned.
    ///
    /// # Panics
    /// When the script did, with its message and the conversation.
    #[track_caller]
    pub fn finish(mut self) -> T {
        let outcome = self.thread.take().expect("only finish() takes it").join();
        match outcome {
            Ok(Ok(value)) => value,
            Ok(Err(failure)) => panic!("the fake server's script failed: {failure}"),
            Err(_) => panic!("the fake server's thread panicked"),
        }
    }
}

impl<T> Drop for FakeServer<T> {
    fn drop(&mut self) {
        if let Some((folder, _)) = &self.socket {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// What a client said first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Startup {
    /// Major and minor protocol version: `(3, 0)`.
    pub version: (u16, u16),
    /// Names and values in the client's order.
    pub parameters: Vec<(String, String)>,
}

impl Startup {
    /// A parameter by its name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        Some(self.parameters.iter().find(|(of, _)| of == name)?.1.as_str())
    }
}

/// One client, as the script sees it. Methods panic when the client does something else.
#[derive(Debug)]
pub struct Peer {
    listener: Arc<Listener>,
    /// None: closed by the script.
    stream: Option<Stream>,
    tracer: Tracer,
    conversation: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    /// Waits for the startup message; requests for encryption before it are answered with `N`.
    pub fn expect_startup(&mut self) -> Startup {
        loop {
            let body = self.receive_untagged();
            let code = body.first_chunk().map_or(0, |code| u32::from_be_bytes(*code));
            match code {
                80_877_103 | 80_877_104 => self.send(b"N"),
                80_877_102 => self.fail("a StartupMessage, and a CancelRequest came"),
                _ => return startup(code, &body),
            }
        }
    }

    /// Waits for an SSLRequest and leaves the answer to the script: `send(b"S")`, `send(b"N")`.
    pub fn expect_ssl_request(&mut self) {
        if self.receive_untagged() != 80_877_103_u32.to_be_bytes() {
            self.fail("an SSLRequest");
        }
    }

    /// Waits for the first record of a TLS handshake, after the answer `S`, and gives it.
    pub fn expect_client_hello(&mut self) -> Vec<u8> {
        let mut record = vec![0; 5];
        self.read(&mut record, "a ClientHello");
        if record[0] != 22 {
            self.fail("a ClientHello");
        }
        record.resize(5 + usize::from(u16::from_be_bytes([record[3], record[4]])), 0);
        self.read(&mut record[5..], "the rest of a ClientHello");
        record
    }

    /// Waits for a CancelRequest and gives its process id and key.
    pub fn expect_cancel(&mut self) -> (u32, Vec<u8>) {
        let body = self.receive_untagged();
        match body.split_first_chunk::<4>() {
            Some((code, rest)) if *code == 80_877_102_u32.to_be_bytes() && rest.len() >= 4 => {
                let (process, key) = rest.split_at(4);
                (u32::from_be_bytes([process[0], process[1], process[2], process[3]]), key.to_vec())
            }
            _ => self.fail("a CancelRequest"),
        }
    }

    /// Waits for a message of this tag and gives its body.
    #[track_caller]
    pub fn expect(&mut self, tag: u8) -> Vec<u8> {
        let (found, body) = self.receive();
        if found != tag {
            self.fail(&format!("a message {:?}, and {:?} came", char::from(tag), char::from(found)));
        }
        body
    }

    /// Waits for messages of these tags in order and gives their bodies: `expect_all(b"PBDES")`.
    #[track_caller]
    pub fn expect_all(&mut self, tags: &[u8]) -> Vec<Vec<u8>> {
        tags.iter().map(|tag| self.expect(*tag)).collect()
    }

    /// Waits until the client has closed the connection, having said nothing more but Terminate, or not even that.
    #[track_caller]
    pub fn expect_end(&mut self) {
        let mut rest = Vec::new();
        let read = self.stream().read_to_end(&mut rest);
        self.told(Direction::ToServer, &rest);
        // A client that closes with unread answers resets the connection, which is an end as well.
        let ended = match read {
            Ok(_) => true,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        };
        if !ended || !(rest.is_empty() || rest == b"X\0\0\0\x04") {
            self.fail("the end of the connection");
        }
    }

    /// Waits until the client is gone, whatever it still says.
    pub fn wait_for_end(&mut self) {
        let _ = io::copy(self.stream(), &mut io::sink());
    }

    /// Makes sure that the client has said nothing that wasn't expected yet. It doesn't wait.
    #[track_caller]
    pub fn expect_nothing_yet(&mut self) {
        let ready = poll(&mut [PollFd::new(self.stream(), PollFlags::IN)], Some(&Timespec::default()));
        if !matches!(ready, Ok(0)) {
            self.fail("nothing yet");
        }
    }

    /// Waits for the next message of any kind.
    #[track_caller]
    pub fn receive(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 5];
        self.read(&mut head, "a message");
        let mut body = vec![0; body_length([head[1], head[2], head[3], head[4]])];
        self.read(&mut body, "the rest of a message");
        self.told(Direction::ToServer, &[&head[..], &body].concat());
        (head[0], body)
    }

    /// Sends bytes, which need not be a message, nor a whole one.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.told(Direction::ToClient, bytes.as_ref());
        if let Err(error) = self.stream().write_all(bytes.as_ref()) {
            self.fail(&format!("to send, but: {error}"));
        }
    }

    /// Sends bytes that are too many for the conversation to tell.
    #[track_caller]
    pub fn send_untold(&mut self, bytes: &[u8]) {
        if let Err(error) = self.stream().write_all(bytes) {
            self.fail(&format!("to send, but: {error}"));
        }
    }

    /// Sends the same bytes until the client closes the connection.
    pub fn send_for_ever(&mut self, bytes: &[u8]) {
        while self.stream().write_all(bytes).is_ok() {}
    }

    /// Sends a message.
    #[track_caller]
    pub fn send_message(&mut self, tag: u8, body: &[u8]) {
        self.send(message::message(tag, body));
    }

    /// Lets the client in without a password: all that a server of version 18 sends, up to the first ReadyForQuery.
    #[track_caller]
    pub fn login(&mut self) {
        let mut greeting = message::authentication_ok();
        for (name, value) in [
            ("server_version", "18.0"),
            ("server_encoding", "UTF8"),
            ("client_encoding", "UTF8"),
            ("DateStyle", "ISO, MDY"),
            ("TimeZone", "UTC"),
            ("integer_datetimes", "on"),
            ("standard_conforming_strings", "on"),
        ] {
            greeting.extend(message::parameter_status(name, value));
        }
        greeting.extend(message::backend_key_data(4242, &[1, 2, 3, 4]));
        greeting.extend(message::ready_for_query(b'I'));
        self.send(greeting);
    }

    /// Waits for another client, while this one stays connected: a cancel request, a reconnection.
    pub fn accept(&mut self) -> Peer {
        Peer {
            stream: Some(self.listener.accept()),
            listener: Arc::clone(&self.listener),
            tracer: Tracer::new(),
            conversation: Arc::clone(&self.conversation),
        }
    }

    /// Closes the connection: the client reads what was sent, and then the end.
    pub fn close(&mut self) {
        if let Some(mut stream) = self.stream.take() {
            let _ = rustix::net::shutdown(stream.as_fd(), rustix::net::Shutdown::Write);
            // Closing with unread bytes would be a reset.
            let _ = rustix::io::ioctl_fionbio(stream.as_fd(), true);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }

    /// Resets the connection: the client's next read or write fails. On a Unix socket, closes it at once.
    pub fn reset(&mut self) {
        if let Some(stream) = self.stream.take() {
            let _ = rustix::net::sockopt::set_socket_linger(stream.as_fd(), Some(Duration::ZERO));
        }
    }

    /// The conversation so far, of all clients, one line a message.
    pub fn trace(&self) -> String {
        text_of(&self.conversation)
    }

    #[track_caller]
    fn stream(&mut self) -> &mut Stream {
        self.stream.as_mut().expect("the script has closed this connection")
    }

    fn receive_untagged(&mut self) -> Vec<u8> {
        let mut length = [0; 4];
        self.read(&mut length, "a startup message");
        let mut body = vec![0; body_length(length)];
        self.read(&mut body, "the rest of a startup message");
        self.told(Direction::ToServer, &[&length[..], &body].concat());
        body
    }

    #[track_caller]
    fn read(&mut self, bytes: &mut [u8], what: &str) {
        if let Err(error) = self.stream().read_exact(bytes) {
            let why = match error.kind() {
                io::ErrorKind::UnexpectedEof => "and the client closed the connection".to_owned(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                    format!("and waited {PATIENCE:?} in vain")
                }
                _ => format!("but: {error}"),
            };
            self.fail(&format!("{what}, {why}"));
        }
    }

    fn told(&mut self, direction: Direction, bytes: &[u8]) {
        self.tracer.push(direction, bytes);
        let mut conversation = self.conversation.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        conversation.extend(self.tracer.take());
    }

    #[track_caller]
    fn fail(&self, expected: &str) -> ! {
        panic!("the script expected {expected}{SO_FAR}{}", self.trace())
    }
}

fn text_of(conversation: &Mutex<Vec<String>>) -> String {
    conversation.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).join("\n")
}

fn body_length(length: [u8; 4]) -> usize {
    (u32::from_be_bytes(length) as usize).saturating_sub(4)
}

fn startup(code: u32, body: &[u8]) -> Startup {
    let texts = body[4..].split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
    let texts: Vec<String> = texts.take_while(|text| !text.is_empty()).collect();
    let parameters = texts.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    Startup { version: ((code >> 16) as u16, code as u16), parameters }
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    fn accept(&self) -> Stream {
        let socket = match self {
            Listener::Tcp(listener) => listener.as_fd(),
            Listener::Unix(listener) => listener.as_fd(),
        };
        let patience = Timespec::try_from(PATIENCE).expect("a short time");
        let ready = poll(&mut [PollFd::from_borrowed_fd(socket, PollFlags::IN)], Some(&patience));
        assert!(!matches!(ready, Ok(0)), "the script expected a client, and waited {PATIENCE:?} in vain");
        let accepted = match self {
            Listener::Tcp(listener) => listener.accept().and_then(|(stream, _)| {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Ok(Stream::Tcp(stream))
            }),
            Listener::Unix(listener) => listener.accept().and_then(|(stream, _)| {
                stream.set_read_timeout(Some(PATIENCE))?;
                Ok(Stream::Unix(stream))
            }),
        };
        accepted.unwrap_or_else(|error| panic!("the script expected a client, but: {error}"))
    }
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl AsFd for Stream {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match self {
            Stream::Tcp(stream) => stream.as_fd(),
            Stream::Unix(stream) => stream.as_fd(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(bytes),
            Stream::Unix(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(bytes),
            Stream::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
