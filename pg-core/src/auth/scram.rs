//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, the client's side: four messages in, two out.
//!
//! ```text
//! client first   n,,n=,r=<nonce>                        the user name is empty: the server knows it from StartupMessage
//! server first   r=<nonce><more>,s=<salt>,i=<iterations>
//! client final   c=<binding>,r=<nonce><more>,p=<proof>
//! server final   v=<signature>                          the server proves that it knows the password too
//! ```
//!
//! Each message is taken once and in this order; after a failure nothing is taken. Source: RFC 5802, RFC 7677, RFC 5929
//! and "SASL Authentication".

use crate::auth::password::Password;
use crate::error::{Error, ErrorKind, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use stringprep::tables;
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, Zeroizing};

/// The mechanism without channel binding.
pub const SCRAM_SHA_256: &str = "SCRAM-SHA-256";
/// The mechanism with channel binding.
pub const SCRAM_SHA_256_PLUS: &str = "SCRAM-SHA-256-PLUS";

type Key = Zeroizing<[u8; 32]>;

/// Eighteen random bytes as a nonce, as libpq makes it.
pub fn nonce(random: &[u8; 18]) -> String {
    STANDARD.encode(random)
}

/// What the client says about channel binding: the GS2 header.
#[derive(Clone, PartialEq, Eq)]
pub enum Binding {
    /// `n,,`: we can't bind, or don't want to.
    Unsupported,
    /// `y,,`: we can, and believe that the server can't. A server that can then knows that somebody took its offer away.
    SupportedByClient,
    /// `p=tls-server-end-point,,` with the hash of the server's certificate.
    TlsServerEndPoint(Vec<u8>),
}

impl Binding {
    fn header(&self) -> &'static str {
        match self {
            Binding::Unsupported => "n,,",
            Binding::SupportedByClient => "y,,",
            Binding::TlsServerEndPoint(_) => "p=tls-server-end-point,,",
        }
    }

    /// The value of `c=`.
    fn encoded(&self) -> String {
        let mut input = self.header().as_bytes().to_vec();
        if let Binding::TlsServerEndPoint(hash) = self {
            input.extend_from_slice(hash);
        }
        STANDARD.encode(input)
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.header())
    }
}

/// One SCRAM exchange.
///
/// ```
/// use pg_core::auth::scram::{Binding, Scram};
///
/// let mut scram = Scram::new("pencil", "rOprNGfwEbeRWgbNEkqO", Binding::Unsupported, 4096..=100_000);
/// assert_eq!(scram.first_message()?, b"n,,n=,r=rOprNGfwEbeRWgbNEkqO");
/// # Ok::<(), pg_core::error::Error>(())
/// ```
pub struct Scram {
    password: Password,
    nonce: String,
    first_bare: String,
    binding: Binding,
    iterations: RangeInclusive<u32>,
    cache: Option<(SaltedKeys, String)>,
    state: State,
}

enum State {
    First,
    Continue,
    Final { signature: Key, entry: Option<Entry> },
    Verified,
    Failed,
}

impl State {
    fn expects(&self) -> &'static str {
        match self {
            State::First => "nothing yet: the client speaks first",
            State::Continue => "the server's first message",
            State::Final { .. } => "the server's final message",
            State::Verified => "nothing: the exchange is complete",
            State::Failed => "nothing: the exchange has failed",
        }
    }
}

impl Scram {
    /// An exchange for `password`. `nonce` must be fresh and unguessable (see [`nonce`]); `iterations` bounds the work
    /// that a server may ask for.
    pub fn new(password: &str, nonce: &str, binding: Binding, iterations: RangeInclusive<u32>) -> Scram {
        Scram {
            password: Password::new(password),
            nonce: nonce.to_owned(),
            first_bare: format!("n=,r={nonce}"),
            binding,
            iterations,
            cache: None,
            state: State::First,
        }
    }

    /// Keeps the salted key of `role` in `keys`, and takes it from there when it is known: a reconnect then costs no
    /// PBKDF2.
    #[must_use]
    pub fn with_keys(mut self, role: &str, keys: SaltedKeys) -> Scram {
        self.cache = Some((keys, role.to_owned()));
        self
    }

    /// The data of SASLInitialResponse.
    ///
    /// # Errors
    /// A usage error if called twice, or if the nonce is empty or not printable ASCII without commas.
    pub fn first_message(&mut self) -> Result<Vec<u8>> {
        if !matches!(std::mem::replace(&mut self.state, State::Failed), State::First) {
            return Err(Error::usage("a SCRAM exchange was started twice"));
        }
        if self.nonce.is_empty() || !is_nonce(&self.nonce) {
            return Err(Error::usage("the SCRAM nonce must be printable ASCII without commas")
                .hint("make it with scram::nonce from 18 random bytes"));
        }
        self.state = State::Continue;
        Ok(format!("{}{}", self.binding.header(), self.first_bare).into_bytes())
    }

    /// Takes the data of AuthenticationSASLContinue and gives the data of SASLResponse.
    ///
    /// # Errors
    /// When the message is malformed, has a mandatory extension, doesn't extend our nonce, or asks for an iteration
    /// count outside the bounds.
    pub fn handle_continue(&mut self, message: &[u8]) -> Result<Vec<u8>> {
        let state = std::mem::replace(&mut self.state, State::Failed);
        if !matches!(state, State::Continue) {
            return Err(out_of_order("AuthenticationSASLContinue", &state));
        }
        let message = text(message, "first")?;
        let server = ServerFirst::parse(message)?;
        match server.nonce.strip_prefix(self.nonce.as_str()) {
            Some(more) if !more.is_empty() && is_nonce(more) => {}
            _ => {
                return Err(refused("the server's SCRAM nonce doesn't extend ours").hint(
                    "the answer belongs to another login: check what stands between you and the server",
                ));
            }
        }
        if !self.iterations.contains(&server.iterations) {
            return Err(refused(format!(
                "the server asks for {} SCRAM iterations, allowed are {} to {}",
                server.iterations,
                self.iterations.start(),
                self.iterations.end()
            ))
            .hint(
                "allow the count with the setting scram_iterations, or change scram_iterations on the server and set \
                 the role's password again",
            ));
        }

        let known = self
            .cache
            .as_ref()
            .and_then(|(keys, role)| keys.get(role, &self.password, &server.salt, server.iterations));
        let (salted, entry) = match known {
            Some(key) => (key, None),
            None => {
                let password = Zeroizing::new(saslprep(self.password.reveal()).into_owned());
                let key = salted_password(password.as_bytes(), &server.salt, server.iterations)?;
                let entry = self.cache.as_ref().map(|(_, role)| Entry {
                    role: role.clone(),
                    password: self.password.clone(),
                    salt: server.salt.clone(),
                    iterations: server.iterations,
                    key: key.clone(),
                });
                (key, entry)
            }
        };

        let unproven = format!("c={},r={}", self.binding.encoded(), server.nonce);
        let signed = format!("{},{message},{unproven}", self.first_bare);
        let client_key = mac(&*salted, b"Client Key")?;
        let stored_key: Key = Zeroizing::new(Sha256::digest(client_key.as_slice()).into());
        let mut proof = mac(&*stored_key, signed.as_bytes())?;
        xor(&mut proof, &client_key);
        let server_key = mac(&*salted, b"Server Key")?;
        let signature = mac(&*server_key, signed.as_bytes())?;

        self.state = State::Final { signature, entry };
        Ok(format!("{unproven},p={}", STANDARD.encode(proof.as_slice())).into_bytes())
    }

    /// Takes the data of AuthenticationSASLFinal: the server's proof that it knows the password too.
    ///
    /// # Errors
    /// When the proof is wrong or missing, or the server reports an error (`e=`).
    pub fn handle_final(&mut self, message: &[u8]) -> Result<()> {
        let (signature, entry) = match std::mem::replace(&mut self.state, State::Failed) {
            State::Final { signature, entry } => (signature, entry),
            other => return Err(out_of_order("AuthenticationSASLFinal", &other)),
        };
        let message = text(message, "final")?;
        let mut attributes = message.split(',');
        let verifier = match attributes.next().and_then(|first| first.split_once('=')) {
            Some(("v", verifier)) => verifier,
            Some(("e", reason)) => return Err(reported(reason)),
            _ => return Err(malformed("final", "v= or e=")),
        };
        extensions(attributes, "final")?;
        let theirs = STANDARD.decode(verifier).map_err(|_| malformed("final", "v=<base64>"))?;
        if !bool::from(theirs.as_slice().ct_eq(&*signature)) {
            return Err(refused(
                "the server's SCRAM signature is wrong: it can't prove that it knows the password",
            )
            .hint("somebody may be standing in for the server: check host, port and what is between"));
        }
        if let (Some((keys, _)), Some(entry)) = (&self.cache, entry) {
            keys.put(entry);
        }
        self.state = State::Verified;
        Ok(())
    }

    /// The server has proved itself.
    pub fn is_verified(&self) -> bool {
        matches!(self.state, State::Verified)
    }

    /// The exchange is tied to the TLS channel.
    pub fn is_bound(&self) -> bool {
        matches!(self.binding, Binding::TlsServerEndPoint(_))
    }
}

impl fmt::Debug for Scram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scram")
            .field("binding", &self.binding)
            .field("expects", &self.state.expects())
            .finish_non_exhaustive()
    }
}

struct ServerFirst<'a> {
    nonce: &'a str,
    salt: Vec<u8>,
    iterations: u32,
}

impl<'a> ServerFirst<'a> {
    fn parse(message: &'a str) -> Result<ServerFirst<'a>> {
        let mut attributes = message.split(',');
        let nonce = match attributes.next().and_then(|first| first.split_once('=')) {
            Some(("r", nonce)) => nonce,
            Some(("m", _)) => return Err(mandatory("first")),
            Some(("e", reason)) => return Err(reported(reason)),
            _ => return Err(malformed("first", "r=<nonce>")),
        };
        let salt = attributes
            .next()
            .and_then(|a| a.strip_prefix("s="))
            .and_then(|salt| STANDARD.decode(salt).ok())
            .filter(|salt| !salt.is_empty())
            .ok_or_else(|| malformed("first", "s=<base64> after the nonce"))?;
        let iterations = attributes
            .next()
            .and_then(|a| a.strip_prefix("i="))
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .filter(|n| *n > 0)
            .ok_or_else(|| malformed("first", "i=<iterations> after the salt"))?;
        extensions(attributes, "first")?;
        Ok(ServerFirst { nonce, salt, iterations })
    }
}

/// Unknown extensions are skipped, mandatory ones refused (RFC 5802, section 5.1).
fn extensions<'a>(attributes: impl Iterator<Item = &'a str>, which: &str) -> Result<()> {
    for attribute in attributes {
        match attribute.split_once('=') {
            Some(("m", _)) => return Err(mandatory(which)),
            Some((name, value)) if name.len() == 1 && !value.is_empty() => {}
            _ => return Err(malformed(which, "<letter>=<value> after the known attributes")),
        }
    }
    Ok(())
}

fn is_nonce(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() && b != b',')
}

fn text<'a>(message: &'a [u8], which: &str) -> Result<&'a str> {
    std::str::from_utf8(message).map_err(|_| malformed(which, "UTF-8"))
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Authentication, message)
}

fn malformed(which: &str, expected: &str) -> Error {
    Error::protocol(format!("the server's {which} SCRAM message is malformed, expected {expected}"))
}

fn mandatory(which: &str) -> Error {
    refused(format!("the server's {which} SCRAM message has a mandatory extension (m=), which is not known"))
}

fn reported(reason: &str) -> Error {
    let reason: String = reason.chars().take(200).collect();
    refused(format!("the server ended the SCRAM exchange with the error \"{}\"", reason.escape_debug()))
        .hint("invalid-proof means a wrong password")
}

fn out_of_order(message: &str, state: &State) -> Error {
    Error::protocol(format!("{message} came out of order, expected {}", state.expects()))
}

fn keyed(key: &[u8]) -> Result<Hmac<Sha256>> {
    // HMAC takes keys of any length; the type system can't say so.
    <Hmac<Sha256> as KeyInit>::new_from_slice(key)
        .map_err(|_| refused(format!("HMAC-SHA-256 can't take a key of {} bytes", key.len())))
}

fn mac(key: &[u8], data: &[u8]) -> Result<Key> {
    Ok(Zeroizing::new(keyed(key)?.chain_update(data).finalize().into_bytes().into()))
}

fn xor(into: &mut [u8; 32], with: &[u8; 32]) {
    for (a, b) in into.iter_mut().zip(with) {
        *a ^= b;
    }
}

/// `Hi(password, salt, i)` of RFC 5802: PBKDF2 with one block. The HMAC is keyed once and its state cloned each round,
/// which halves the work.
fn salted_password(password: &[u8], salt: &[u8], iterations: u32) -> Result<Key> {
    let prf = keyed(password)?;
    let mut round = prf.clone().chain_update(salt).chain_update(1_u32.to_be_bytes()).finalize().into_bytes();
    let mut salted: Key = Zeroizing::new(round.into());
    for _ in 1..iterations {
        round = prf.clone().chain_update(round).finalize().into_bytes();
        xor(&mut salted, round.as_ref());
    }
    round.as_mut_slice().zeroize();
    Ok(salted)
}

/// The password as PostgreSQL prepares it: SASLprep, or the raw bytes where SASLprep refuses it.
///
/// The server checks for prohibited and bidirectional characters before normalizing, not after as RFC 3454 has it, so
/// `stringprep::saslprep` would hash some passwords differently.
fn saslprep(password: &str) -> Cow<'_, str> {
    if password.is_ascii() {
        return Cow::Borrowed(password);
    }
    let mapped = || {
        password
            .chars()
            .map(|c| if tables::non_ascii_space_character(c) { ' ' } else { c })
            .filter(|c| !tables::commonly_mapped_to_nothing(*c))
    };
    let right_to_left = |c: Option<char>| c.is_some_and(tables::bidi_r_or_al);
    let refused = mapped().next().is_none()
        || mapped().any(prohibited)
        || mapped().any(tables::bidi_r_or_al)
            && (mapped().any(tables::bidi_l)
                || !right_to_left(mapped().next())
                || !right_to_left(mapped().next_back()));
    if refused {
        return Cow::Borrowed(password);
    }
    // All of its room at once: what a string grows out of keeps its bytes.
    let mut prepared = String::with_capacity(mapped().nfkc().map(char::len_utf8).sum());
    prepared.extend(mapped().nfkc());
    Cow::Owned(prepared)
}

fn prohibited(c: char) -> bool {
    tables::non_ascii_space_character(c)
        || tables::ascii_control_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::inappropriate_for_canonical_representation(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
        || tables::unassigned_code_point(c)
}

/// Salted keys of past logins, shared by the connections of one `Config`: a reconnect skips the 4096 rounds of
/// PBKDF2.
///
/// Holds the last 8; a key is kept once the server has proved itself, found only under the same role, password, salt
/// and iteration count, and wiped on drop. Clones share.
#[derive(Clone, Default)]
pub struct SaltedKeys(Arc<Mutex<Vec<Entry>>>);

struct Entry {
    role: String,
    password: Password,
    salt: Vec<u8>,
    iterations: u32,
    key: Key,
}

impl Entry {
    fn is_for(&self, role: &str, password: &Password, salt: &[u8], iterations: u32) -> bool {
        self.role == role && self.salt == salt && self.iterations == iterations && self.password == *password
    }
}

impl SaltedKeys {
    const MOST: usize = 8;

    fn get(&self, role: &str, password: &Password, salt: &[u8], iterations: u32) -> Option<Key> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().find(|e| e.is_for(role, password, salt, iterations)).map(|e| e.key.clone())
    }

    fn put(&self, entry: Entry) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|e| !e.is_for(&entry.role, &entry.password, &entry.salt, entry.iterations));
        if entries.len() >= SaltedKeys::MOST {
            entries.remove(0);
        }
        entries.push(entry);
    }
}

impl fmt::Debug for SaltedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaltedKeys(***)")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SERVER_FIRST: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    /// The server's side, for tests: it accepts `password` and nothing else.
    pub(in crate::auth) struct Server {
        pub(in crate::auth) password: &'static str,
        pub(in crate::auth) iterations: u32,
        first: String,
    }

    impl Server {
        pub(in crate::auth) fn new(password: &'static str) -> Server {
            Server { password, iterations: 4096, first: String::new() }
        }

        pub(in crate::auth) fn first(&mut self, client_first: &[u8]) -> Vec<u8> {
            let client_first = std::str::from_utf8(client_first).unwrap();
            let (_, bare) = client_first.split_once(",,").unwrap();
            let (_, nonce) = bare.split_once("r=").unwrap();
            let message = format!("r={nonce}server,s={},i={}", STANDARD.encode(b"salt"), self.iterations);
            self.first = format!("{bare},{message}");
            message.into_bytes()
        }

        /// `Err` where PostgreSQL would report a wrong password.
        pub(in crate::auth) fn last(&mut self, client_final: &[u8]) -> Result<Vec<u8>, ()> {
            let client_final = std::str::from_utf8(client_final).unwrap();
            let (unproven, proof) = client_final.rsplit_once(",p=").unwrap();
            let signed = format!("{},{unproven}", self.first);
            let salted = salted_password(self.password.as_bytes(), b"salt", self.iterations).unwrap();
            let stored = Sha256::digest(*mac(&*salted, b"Client Key").unwrap());
            let mut client_key = mac(&stored, signed.as_bytes()).unwrap();
            xor(&mut client_key, &STANDARD.decode(proof).unwrap().try_into().unwrap());
            if Sha256::digest(*client_key) != stored {
                return Err(());
            }
            let signature = mac(&*mac(&*salted, b"Server Key").unwrap(), signed.as_bytes()).unwrap();
            Ok(format!("v={}", STANDARD.encode(*signature)).into_bytes())
        }
    }

    fn started() -> Scram {
        let mut scram = Scram::new("pencil", NONCE, Binding::Unsupported, 4096..=100_000);
        scram.first_bare = format!("n=user,r={NONCE}");
        scram.first_message().unwrap();
        scram
    }

    fn refusal(server_first: &str) -> String {
        let mut scram = started();
        let error = scram.handle_continue(server_first.as_bytes()).unwrap_err().to_string();
        assert!(scram.handle_continue(SERVER_FIRST.as_bytes()).is_err(), "nothing is taken after a failure");
        error
    }

    #[test]
    fn rfc_7677_test_vector() {
        let mut scram = Scram::new("pencil", NONCE, Binding::Unsupported, 4096..=100_000);
        scram.first_bare = format!("n=user,r={NONCE}");
        assert_eq!(scram.first_message().unwrap(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        assert_eq!(
            String::from_utf8(scram.handle_continue(SERVER_FIRST.as_bytes()).unwrap()).unwrap(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        scram.handle_final(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
        assert!(scram.is_verified());
    }

    #[test]
    fn the_binding_is_sent_and_signed() {
        for (binding, header) in [
            (Binding::Unsupported, &b"n,,"[..]),
            (Binding::SupportedByClient, b"y,,"),
            (Binding::TlsServerEndPoint(vec![1, 2, 3]), b"p=tls-server-end-point,,"),
        ] {
            let mut expected = header.to_vec();
            if binding == Binding::TlsServerEndPoint(vec![1, 2, 3]) {
                expected.extend([1, 2, 3]);
            }
            let mut server = Server::new("x");
            let mut scram = Scram::new("x", "abc", binding, 1..=5000);
            let first = scram.first_message().unwrap();
            assert!(first.starts_with(header));
            let last = scram.handle_continue(&server.first(&first)).unwrap();
            let sent =
                std::str::from_utf8(&last).unwrap().strip_prefix("c=").unwrap().split_once(',').unwrap().0;
            assert_eq!(STANDARD.decode(sent).unwrap(), expected);
            scram.handle_final(&server.last(&last).unwrap()).unwrap();
        }
    }

    #[test]
    fn the_nonce_must_be_ours_and_longer() {
        let salt = "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        assert!(refusal(&format!("r={NONCE},{salt}")).contains("doesn't extend ours"));
        assert!(refusal(&format!("r=xOprNGfwEbeRWgbNEkqO1234,{salt}")).contains("doesn't extend ours"));
        assert!(refusal(&format!("r=,{salt}")).contains("doesn't extend ours"));
        assert!(refusal(&format!("r={NONCE}\u{7f},{salt}")).contains("doesn't extend ours"));
    }

    #[test]
    fn the_iteration_count_has_bounds_and_the_error_names_the_setting() {
        for count in ["1", "4095", "100001", "4294967295"] {
            let error = refusal(&format!("r={NONCE}x,s=c2FsdA==,i={count}"));
            assert!(error.contains(count) && error.contains("setting scram_iterations"), "{error}");
        }
        for count in ["0", "-1", "+4096", "4294967296", "", "4096 ", "1e4", "99999999999999999999999"] {
            assert!(refusal(&format!("r={NONCE}x,s=c2FsdA==,i={count}")).contains("malformed"), "{count}");
        }
    }

    #[test]
    fn extensions_are_skipped_and_mandatory_ones_refused() {
        assert!(refusal(&format!("m=x,r={NONCE}x,s=c2FsdA==,i=4096")).contains("mandatory extension"));
        assert!(refusal(&format!("r={NONCE}x,s=c2FsdA==,i=4096,m=1")).contains("mandatory extension"));
        assert!(refusal(&format!("r={NONCE}x,s=c2FsdA==,i=4096,")).contains("malformed"));
        let mut scram = started();
        scram.handle_continue(format!("{SERVER_FIRST},x=ignored").as_bytes()).unwrap();
    }

    #[test]
    fn malformed_first_messages_are_refused() {
        for wrong in ["", ",", "r", "=", "r=", "q=1,s=c2FsdA==,i=4096", "e=other-error"] {
            refusal(wrong);
        }
        let mut scram = started();
        assert!(scram.handle_continue(b"r=\xff\xfe").unwrap_err().to_string().contains("UTF-8"));
        for wrong in ["s=,i=4096", "s=c2FsdA,i=4096", "s=!!!!,i=4096", "i=4096,s=c2FsdA==", "s=c2FsdA=="] {
            assert!(refusal(&format!("r={NONCE}x,{wrong}")).contains("malformed"), "{wrong}");
        }
    }

    #[test]
    fn no_wrong_server_signature_is_taken() {
        let right = *b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        for position in 0..right.len() {
            for bit in 0..8 {
                let mut wrong = right;
                wrong[position] ^= 1 << bit;
                let mut scram = started();
                scram.state = State::Final { signature: signature_of_the_test_vector(), entry: None };
                assert!(scram.handle_final(&wrong).is_err(), "byte {position} bit {bit}");
                assert!(!scram.is_verified());
            }
        }
        for wrong in ["v=", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95A==", "x=1", "", "v"] {
            let mut scram = started();
            scram.state = State::Final { signature: signature_of_the_test_vector(), entry: None };
            assert!(scram.handle_final(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    fn signature_of_the_test_vector() -> Key {
        let bytes = STANDARD.decode("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
        Zeroizing::new(bytes.try_into().unwrap())
    }

    #[test]
    fn the_servers_error_is_reported_and_shortened() {
        let mut scram = started();
        scram.handle_continue(SERVER_FIRST.as_bytes()).unwrap();
        let error = scram
            .handle_final(format!("e=invalid-proof{}", "\u{1b}x".repeat(40_000)).as_bytes())
            .unwrap_err();
        assert!(error.message().contains("invalid-proof") && error.message().len() < 1500, "{error}");
        assert_eq!(error.kind(), ErrorKind::Authentication);
    }

    #[test]
    fn nothing_is_taken_twice_or_out_of_order() {
        let mut scram = Scram::new("pencil", NONCE, Binding::Unsupported, 4096..=100_000);
        assert_eq!(scram.handle_continue(SERVER_FIRST.as_bytes()).unwrap_err().kind(), ErrorKind::Protocol);
        let mut scram = started();
        assert_eq!(scram.handle_final(b"v=").unwrap_err().kind(), ErrorKind::Protocol);
        let mut scram = started();
        assert_eq!(scram.first_message().unwrap_err().kind(), ErrorKind::Usage);
        let mut scram = started();
        scram.handle_continue(SERVER_FIRST.as_bytes()).unwrap();
        assert_eq!(scram.handle_continue(SERVER_FIRST.as_bytes()).unwrap_err().kind(), ErrorKind::Protocol);
        let mut server = Server::new("x");
        let mut scram = Scram::new("x", "abc", Binding::Unsupported, 1..=5000);
        let answer = {
            let first = scram.first_message().unwrap();
            scram.handle_continue(&server.first(&first)).unwrap()
        };
        let last = server.last(&answer).unwrap();
        scram.handle_final(&last).unwrap();
        assert_eq!(scram.handle_final(&last).unwrap_err().kind(), ErrorKind::Protocol);
        assert!(!scram.is_verified());
    }

    #[test]
    fn a_nonce_that_cannot_be_sent_is_a_usage_error() {
        for wrong in ["", "a,b", "a b", "\u{e9}", "a\0"] {
            let mut scram = Scram::new("x", wrong, Binding::Unsupported, 1..=1);
            assert_eq!(scram.first_message().unwrap_err().kind(), ErrorKind::Usage);
        }
        assert_eq!(nonce(&[255; 18]).len(), 24);
        assert!(is_nonce(&nonce(&[7; 18])));
    }

    #[test]
    fn passwords_are_prepared_as_postgresql_does() {
        for (raw, prepared) in [
            ("pencil", "pencil"),
            ("I\u{ad}X", "IX"),  // mapped to nothing
            ("a\u{a0}b", "a b"), // a non-ASCII space
            ("\u{2168}", "IX"),  // NFKC
            ("\u{aa}", "a"),
            ("\u{fb01}sh\u{e9}", "fish\u{e9}"),
            ("a\u{7}", "a\u{7}"),               // pure ASCII is taken as it is
            ("\u{e9}\u{7}", "\u{e9}\u{7}"),     // prohibited: raw
            ("\u{ad}", "\u{ad}"),               // nothing left: raw
            ("\u{627}\u{31}", "\u{627}\u{31}"), // bidirectional rule broken: raw
            ("\u{627}\u{628}", "\u{627}\u{628}"),
            ("\u{1f600}\u{fb01}", "\u{1f600}\u{fb01}"), // not in Unicode 3.2: raw
            ("\u{5d0}\u{2100}\u{5d0}", "\u{5d0}a/c\u{5d0}"), // bidi is judged before normalizing
        ] {
            assert_eq!(saslprep(raw), prepared, "{}", raw.escape_debug());
        }
    }

    #[test]
    fn a_known_salted_key_gives_the_same_login() {
        let keys = SaltedKeys::default();
        let login = |password: &str, keys: &SaltedKeys| {
            let mut server = Server::new("right");
            let mut scram =
                Scram::new(password, "abc", Binding::Unsupported, 1..=5000).with_keys("alice", keys.clone());
            let first = scram.first_message().unwrap();
            let answer = scram.handle_continue(&server.first(&first)).unwrap();
            match server.last(&answer) {
                Ok(last) => scram.handle_final(&last).map(|()| true).unwrap(),
                Err(()) => false,
            }
        };
        assert!(!login("wrong", &keys));
        assert_eq!(keys.0.lock().unwrap().len(), 0, "kept only after the server has proved itself");
        assert!(login("right", &keys) && login("right", &keys));
        assert_eq!(keys.0.lock().unwrap().len(), 1);
        assert!(!login("wrong", &keys), "the right password's key never serves a wrong one");
        // Taken from the cache indeed: a spoilt entry spoils the login.
        keys.0.lock().unwrap()[0].key[0] ^= 1;
        assert!(!login("right", &keys));
        assert_eq!(format!("{keys:?}"), "SaltedKeys(***)");
    }

    #[test]
    fn the_cache_is_bounded() {
        let keys = SaltedKeys::default();
        for n in 0..50 {
            let key = Zeroizing::new([0; 32]);
            keys.put(Entry { role: n.to_string(), password: "x".into(), salt: vec![1], iterations: 1, key });
        }
        assert_eq!(keys.0.lock().unwrap().len(), SaltedKeys::MOST);
        assert!(
            keys.get("49", &"x".into(), &[1], 1).is_some() && keys.get("1", &"x".into(), &[1], 1).is_none()
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?} {:?}", started(), Binding::TlsServerEndPoint(vec![1]));
        assert!(!shown.contains("pencil") && shown.contains("p=tls-server-end-point"), "{shown}");
    }
}
