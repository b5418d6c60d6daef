//! The server's side of a login, right or lying: each follows a script that is written beforehand.

use super::messages as m;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use pg_core::auth::md5;
use pg_core::error::ErrorKind;
use sha2::{Digest, Sha256};
use std::sync::OnceLock;

/// What the login asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Login {
    Trust,
    Cleartext,
    Md5,
    Scram(Proof),
}

/// How the server proves that it knows the password. All but the first are lies: nobody may be logged in by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    True,
    /// The signature is that of another conversation.
    Wrong,
    /// AuthenticationOk comes in its stead.
    Missing,
    /// A nonce that doesn't extend the client's.
    OtherNonce,
    /// It comes, and then a password is asked for as well.
    AskedAgain,
}

/// What the server does next.
pub(super) enum Answer {
    Send(Vec<Vec<u8>>),
    /// These, and then it lets the client in.
    Welcome(Vec<Vec<u8>>),
    Refuse(&'static str),
}

/// A login on its way.
#[derive(Debug)]
pub(super) struct Host {
    login: Login,
    password: String,
    salt: [u8; 4],
    nonce: String,
    /// What SCRAM is tied to, under TLS.
    end_point: Option<Vec<u8>>,
    /// Of SCRAM: what the client said first, and what was answered.
    first: Option<(String, String)>,
}

const USER: &str = "me";
const SCRAM_SALT: &[u8] = b"a salt";
const ITERATIONS: u32 = 4096;

impl Login {
    pub(super) const LIES: [Login; 4] = [
        Login::Scram(Proof::Wrong),
        Login::Scram(Proof::Missing),
        Login::Scram(Proof::OtherNonce),
        Login::Scram(Proof::AskedAgain),
    ];

    /// What it ends with, where the server lies; empty where it doesn't.
    pub(super) fn ends_with(self) -> &'static [ErrorKind] {
        match self {
            // A password is asked for after all was proved.
            Login::Scram(Proof::AskedAgain) => &[ErrorKind::Protocol],
            lie if Login::LIES.contains(&lie) => &[ErrorKind::Authentication, ErrorKind::Protocol],
            _ => &[],
        }
    }
}

impl Host {
    pub(super) fn new(login: Login, password: &str, number: u64, end_point: Option<Vec<u8>>) -> Host {
        let salt = number.to_be_bytes()[..4].try_into().expect("four bytes");
        let nonce = format!("server{number}");
        Host { login, password: password.to_owned(), salt, nonce, end_point, first: None }
    }

    pub(super) fn login(&self) -> Login {
        self.login
    }

    /// StartupMessage came.
    pub(super) fn start(&self) -> Answer {
        match self.login {
            Login::Trust => Answer::Welcome(Vec::new()),
            Login::Cleartext => Answer::Send(vec![m::authentication(3, &[])]),
            Login::Md5 => Answer::Send(vec![m::authentication(5, &self.salt)]),
            Login::Scram(_) if self.end_point.is_some() => {
                Answer::Send(vec![m::authentication(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")])
            }
            Login::Scram(_) => Answer::Send(vec![m::authentication(10, b"SCRAM-SHA-256\0\0")]),
        }
    }

    /// The mechanism that a client must choose, and how its first message begins then.
    fn mechanism(&self) -> (&'static [u8], &'static str) {
        match self.end_point {
            Some(_) => (b"SCRAM-SHA-256-PLUS\0", "p=tls-server-end-point,,"),
            None => (b"SCRAM-SHA-256\0", "n,,"),
        }
    }

    /// The client answered.
    pub(super) fn answer(&mut self, body: &[u8]) -> Answer {
        let text = || std::str::from_utf8(body).ok()?.strip_suffix('\0');
        match (self.login, self.first.take()) {
            (Login::Trust, _) => Answer::Refuse("a password that nobody asked for"),
            (Login::Cleartext, _) if text() == Some(&self.password) => Answer::Welcome(Vec::new()),
            (Login::Md5, _) if text() == Some(&md5::response(USER, &self.password, self.salt)) => {
                Answer::Welcome(Vec::new())
            }
            (Login::Cleartext | Login::Md5, _) => Answer::Refuse("a wrong password"),
            (Login::Scram(proof), None) => {
                let (mechanism, header) = self.mechanism();
                let data = body.strip_prefix(mechanism).and_then(|rest| rest.get(4..));
                let data = data.and_then(|data| std::str::from_utf8(data).ok());
                let Some(bare) = data.and_then(|data| data.strip_prefix(header)) else {
                    return Answer::Refuse("no SASLInitialResponse");
                };
                let Some((_, nonce)) = bare.rsplit_once("r=") else {
                    return Answer::Refuse("no nonce");
                };
                let nonce = if proof == Proof::OtherNonce { "another" } else { nonce };
                let salt = BASE64.encode(SCRAM_SALT);
                let ours = format!("r={nonce}{},s={salt},i={ITERATIONS}", self.nonce);
                self.first = Some((bare.to_owned(), ours.clone()));
                Answer::Send(vec![m::authentication(11, ours.as_bytes())])
            }
            (Login::Scram(proof), Some((bare, ours))) => {
                let last = std::str::from_utf8(body).ok().and_then(|last| last.rsplit_once(",p="));
                let Some((last, theirs)) = last else { return Answer::Refuse("no proof") };
                let (_, header) = self.mechanism();
                let tied = [header.as_bytes(), self.end_point.as_deref().unwrap_or_default()].concat();
                if !last.starts_with(&format!("c={},", BASE64.encode(tied))) {
                    return Answer::Refuse("another channel binding");
                }
                let said = format!("{bare},{ours},{last}");
                let key = hmac(salted(&self.password), b"Client Key");
                let signature = hmac(&Sha256::digest(key), said.as_bytes());
                let rightful: Vec<u8> = key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
                if BASE64.decode(theirs).ok() != Some(rightful) {
                    return Answer::Refuse("a wrong proof");
                }
                let signed = if proof == Proof::Wrong { "something else" } else { &said };
                let signature = hmac(&hmac(salted(&self.password), b"Server Key"), signed.as_bytes());
                let proved = m::authentication(12, format!("v={}", BASE64.encode(signature)).as_bytes());
                match proof {
                    Proof::Missing => Answer::Welcome(Vec::new()),
                    Proof::AskedAgain => Answer::Send(vec![proved, m::authentication(3, &[])]),
                    _ => Answer::Welcome(vec![proved]),
                }
            }
        }
    }
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut pads = [[0x36u8; 64], [0x5c; 64]];
    for pad in &mut pads {
        pad.iter_mut().zip(key).for_each(|(pad, key)| *pad ^= key);
    }
    let inner = Sha256::new().chain_update(pads[0]).chain_update(data).finalize();
    Sha256::new().chain_update(pads[1]).chain_update(inner).finalize().into()
}

/// PBKDF2, once: the password is always the same.
fn salted(password: &str) -> &'static [u8; 32] {
    static SALTED: OnceLock<[u8; 32]> = OnceLock::new();
    SALTED.get_or_init(|| {
        let mut round = hmac(password.as_bytes(), &[SCRAM_SALT, &[0, 0, 0, 1]].concat());
        let mut key = round;
        for _ in 1..ITERATIONS {
            round = hmac(password.as_bytes(), &round);
            key.iter_mut().zip(round).for_each(|(key, round)| *key ^= round);
        }
        key
    })
}
