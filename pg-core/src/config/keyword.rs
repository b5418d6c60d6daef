//! libpq's keywords: those that are understood, and those of which only the default value is.

use crate::error::Error;

/// How far a keyword of libpq is supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    /// Understood.
    Known,
    /// Not supported: only these values, which change nothing, are taken (and the empty one, which means unset).
    Only(&'static [&'static str]),
}

use Keyword::{Known, Only};

const UNSUPPORTED: Keyword = Only(&[]);

/// Every keyword of libpq 18. Source: "libpq: Parameter Key Words".
const KEYWORDS: &[(&str, Keyword)] = &[
    ("host", Known),
    ("hostaddr", Known),
    ("port", Known),
    ("dbname", Known),
    ("user", Known),
    ("password", Known),
    ("passfile", UNSUPPORTED),
    ("require_auth", Known),
    ("channel_binding", Known),
    ("connect_timeout", Known),
    ("client_encoding", Known),
    ("options", Known),
    ("application_name", Known),
    ("fallback_application_name", Known),
    ("keepalives", Known),
    ("keepalives_idle", Known),
    ("keepalives_interval", Known),
    ("keepalives_count", Known),
    ("tcp_user_timeout", Known),
    ("replication", Known),
    ("gssencmode", Only(&["disable", "prefer"])),
    ("sslmode", Known),
    ("sslnegotiation", Only(&["postgres"])),
    ("sslcompression", Only(&["0"])),
    ("sslcert", UNSUPPORTED),
    ("sslkey", UNSUPPORTED),
    ("sslkeylogfile", UNSUPPORTED),
    ("sslpassword", UNSUPPORTED),
    ("sslcertmode", Only(&["allow", "disable"])),
    ("sslrootcert", Known),
    ("sslcrl", UNSUPPORTED),
    ("sslcrldir", UNSUPPORTED),
    ("sslsni", Only(&["1"])),
    ("requirepeer", UNSUPPORTED),
    // TLS 1.2 and 1.3 are all there is here, so a lower bound at or below 1.2 is met.
    ("ssl_min_protocol_version", Only(&["TLSv1", "TLSv1.1", "TLSv1.2"])),
    ("ssl_max_protocol_version", Only(&["TLSv1.3"])),
    ("min_protocol_version", Known),
    ("max_protocol_version", Known),
    ("krbsrvname", Only(&["postgres"])),
    ("gsslib", UNSUPPORTED),
    ("gssdelegation", Only(&["0"])),
    ("scram_client_key", UNSUPPORTED),
    ("scram_server_key", UNSUPPORTED),
    ("service", UNSUPPORTED),
    ("servicefile", UNSUPPORTED),
    ("target_session_attrs", Only(&["any"])),
    ("load_balance_hosts", Only(&["disable"])),
    ("oauth_issuer", UNSUPPORTED),
    ("oauth_client_id", UNSUPPORTED),
    ("oauth_client_secret", UNSUPPORTED),
    ("oauth_scope", UNSUPPORTED),
];

/// Settings of ours that a connection string, which other programs read too, does not carry.
const SETTERS: &[&str] = &[
    "allow_cleartext_password",
    "cancel_timeout",
    "deadline",
    "drain_timeout",
    "message_limits",
    "registry",
    "scram_iterations",
    "ssl_root_cert_pem",
    "statement_cache_capacity",
];

/// What other drivers and programs call things.
const SYNONYMS: &[(&str, &str)] = &[
    ("database", "dbname"),
    ("db", "dbname"),
    ("hostname", "host"),
    ("pass", "password"),
    ("passwd", "password"),
    ("role", "user"),
    ("server", "host"),
    ("ssl", "sslmode"),
    ("timeout", "connect_timeout"),
    ("tls", "sslmode"),
    ("username", "user"),
];

pub(super) fn find(word: &str) -> Option<Keyword> {
    KEYWORDS.iter().find(|(name, _)| *name == word).map(|(_, keyword)| *keyword)
}

/// The error for a word that is no keyword. `shown` is how the error may name it.
pub(super) fn unknown(word: &str, shown: &str) -> Error {
    let error = Error::config(format!("{shown} is not a connection keyword"));
    if SETTERS.contains(&word) {
        return error.hint("it is a method of Config, not a keyword: call it on the result of Config::new");
    }
    match nearest(word) {
        Some(name) => error.hint(format!("the nearest keyword is {name}")),
        None => error.hint(
            "a run-time parameter goes into options, such as options='-c statement_timeout=5s', or to setting(..)",
        ),
    }
}

/// The keyword that takes the fewest edits, if they are few.
fn nearest(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let length = word.chars().count();
    if length > 40 {
        return None;
    }
    if let Some((_, name)) = SYNONYMS.iter().find(|(synonym, _)| *synonym == word) {
        return Some(name);
    }
    KEYWORDS
        .iter()
        .map(|(name, _)| (edits(&word, name), *name))
        .min_by_key(|(edits, _)| *edits)
        .filter(|(edits, _)| *edits <= 1 + length / 3)
        .map(|(_, name)| name)
}

/// Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let up = *cell;
            left = (diagonal + usize::from(x != y)).min(up + 1).min(left + 1);
            diagonal = up;
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, distance) in
            [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3), ("x", "x", 0)]
        {
            assert_eq!(edits(a, b), distance, "{a} {b}");
        }
    }

    #[test]
    fn the_nearest_keyword_is_found() {
        for (word, name) in [
            ("hostname", Some("host")),
            ("SSLMODE", Some("sslmode")),
            ("Database", Some("dbname")),
            ("pasword", Some("password")),
            ("db_name", Some("dbname")),
            ("statement_timeout", None),
            ("", None),
        ] {
            assert_eq!(nearest(word), name, "{word}");
        }
        assert_eq!(nearest(&"x".repeat(1_000_000)), None);
    }
}
