//! Passwords in memory: once a login is over and its owners are dropped, none is left behind in memory that was freed.
//!
//! This process looks through its own memory. So the password exists in no other place of it: what stands here is
//! enciphered, and the server is told how to decipher it.

use pg_core::Session;
use pg_core::config::Config;
use pg_tests::clients::{AsyncFace, BlockingFace, Face, block_on};
use pg_tests::server::{Auth, Options, Server, Tls, admin_query};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

const ENCIPHERED: &str = "pbeerpg-ubefr-onggrel-fgncyr-naq-fb-ba";

/// As the server's `translate(..)` below does.
fn rot13(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => b'a' + (byte - b'a' + 13) % 26,
        other => other,
    }
}

fn password() -> String {
    ENCIPHERED.bytes().map(|byte| char::from(rot13(byte))).collect()
}

/// Whether the password's end, which outlives what an allocator writes to the begin of memory that was freed, is in any
/// memory that this process may write to, but for this thread's stack: where copying goes through registers, whoever saves
/// those (a signal, the loader) writes them there, and no code can wipe them.
fn is_in_memory() -> bool {
    let end = &ENCIPHERED.as_bytes()[ENCIPHERED.len() - 16..];
    let is_end = |bytes: &[u8]| bytes.iter().zip(end).all(|(byte, enciphered)| *byte == rot13(*enciphered));
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let on_the_stack = std::ptr::from_ref(&memory).addr();
    let address = |text| usize::from_str_radix(text, 16).unwrap();
    maps.lines().filter(|line| line.contains(" rw")).any(|line| {
        let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let region = address(from)..address(to);
        if region.contains(&on_the_stack) {
            return false;
        }
        let mut bytes = vec![0; region.len()];
        // A region may be gone by now.
        let read = memory.read_at(&mut bytes, region.start as u64).unwrap_or(0);
        let found =
            bytes[..read].windows(end.len()).any(|window| window[0] == rot13(end[0]) && is_end(window));
        bytes.fill(0);
        found
    })
}

/// A server with a role for each way to ask for a password.
fn server() -> Server {
    let roles = [("scram", Auth::Scram), ("md5", Auth::Md5), ("clear", Auth::Password)];
    let options = roles.iter().fold(Options::new(), |options, (role, auth)| options.user(role, "?", *auth));
    let server = Server::start(options.tls(Tls::Authority)).unwrap();
    for (role, auth) in roles {
        let kept_as = if auth == Auth::Md5 { "md5" } else { "scram-sha-256" };
        let sql = format!(
            "set password_encryption = '{kept_as}';
             set client_min_messages = error; -- PostgreSQL 18 warns of md5, with the command
             do $$ begin execute format('alter role {role} password %L', translate('{ENCIPHERED}',
                'abcdefghijklmnopqrstuvwxyz', 'nopqrstuvwxyzabcdefghijklm')); end $$"
        );
        admin_query(&server.url(), &sql).unwrap();
    }
    server
}

async fn leaves_nothing<F: Face>(server: &Server) {
    for sslmode in ["disable", "require"] {
        for role in ["scram", "md5", "clear"] {
            let place = format!(
                "host=127.0.0.1 port={} dbname=postgres user={role} sslmode={sslmode}",
                server.port()
            );
            let config: Config<F::Connector> =
                F::config(&place).password(password()).allow_cleartext_password(true);
            let mut client = F::connect(&config).await.unwrap();
            client.ping().await.unwrap();
            assert!(is_in_memory(), "whoever looks finds it where it is");
            drop(config);
            client.ping().await.unwrap();
            assert!(!is_in_memory(), "a login by {role}, sslmode={sslmode}, leaves its password in memory");
        }
    }
}

/// One test, as one that runs beside it would have the password where this one looks.
#[test]
fn a_password_is_nowhere_in_memory_once_its_owner_is_dropped() {
    let server = server();
    pg_core::complete(leaves_nothing::<BlockingFace>(&server));
    block_on(leaves_nothing::<AsyncFace>(&server));
}
