//! Connection strings, as far as the harness reads and writes them: URLs.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::error::{Error, Result};

/// Where a server is and as whom to talk to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// A name or address, or the folder of a Unix socket.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) database: String,
    /// The other parameters, `name=value` joined by `&`, still encoded.
    parameters: String,
}

const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'.').remove(b'~').remove(b'/');
const KEPT_IN_USER: &AsciiSet = &KEPT.add(b'/');

impl Target {
    /// Reads `postgres://[user[:password]@][host][:port][/database][?host=..&port=..&user=..&...]`.
    pub(super) fn parse(url: &str) -> Result<Target> {
        let bad = || {
            Error::new(format!(
                "DATABASE_URL must look like postgres://user@host:port/database, or \
                 postgres:///database?host=/folder/of/the/socket&user=name, with one host; it is {}",
                without_password(url)
            ))
        };
        let rest =
            url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://")).ok_or_else(bad)?;
        let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = user.split_once(':').map_or((user, None), |(user, word)| (user, Some(word)));
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (place, ""),
        };
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let mut target = Target {
            host: decode(host.trim_start_matches('[').trim_end_matches(']')),
            port: if port.is_empty() { 5432 } else { port.parse().map_err(|_| bad())? },
            user: decode(user),
            password: password.map(decode),
            database: decode(database),
            parameters: String::new(),
        };
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').ok_or_else(bad)?;
            match name {
                "host" => target.host = decode(value),
                "port" => target.port = value.parse().map_err(|_| bad())?,
                "user" => target.user = decode(value),
                "password" => target.password = Some(decode(value)),
                "dbname" => target.database = decode(value),
                _ => {
                    let and = if target.parameters.is_empty() { "" } else { "&" };
                    target.parameters += &format!("{and}{parameter}");
                }
            }
        }
        if target.host.contains(',') {
            return Err(bad());
        }
        let fallback = |value: &mut String, other: &str| {
            if value.is_empty() {
                *value = other.to_owned();
            }
        };
        fallback(&mut target.host, "127.0.0.1");
        fallback(&mut target.user, "postgres");
        let user = target.user.clone();
        fallback(&mut target.database, &user);
        Ok(target)
    }

    /// A server of the harness, over TCP, without TLS.
    pub(super) fn local(port: u16) -> Target {
        Target {
            host: "127.0.0.1".to_owned(),
            port,
            user: "postgres".to_owned(),
            password: None,
            database: "postgres".to_owned(),
            parameters: "sslmode=disable".to_owned(),
        }
    }

    /// The same, with another host and port and without the parameters that were meant for the old one.
    pub(super) fn at(&self, host: &str, port: u16, parameters: &str) -> Target {
        Target { host: host.to_owned(), port, parameters: parameters.to_owned(), ..self.clone() }
    }

    pub(super) fn with_database(&self, database: &str) -> Target {
        Target { database: database.to_owned(), ..self.clone() }
    }

    pub(super) fn with_user(&self, user: &str, password: Option<&str>) -> Target {
        Target { user: user.to_owned(), password: password.map(str::to_owned), ..self.clone() }
    }

    /// The same as a URL; a Unix socket's folder stands in the parameters.
    pub(super) fn url(&self) -> String {
        let encode = |text: &str| utf8_percent_encode(text, KEPT).to_string();
        let encode_user = |text: &str| utf8_percent_encode(text, KEPT_IN_USER).to_string();
        let mut parameters = Vec::new();
        let authority = if self.host.starts_with('/') {
            parameters.push(format!(
                "host={}&port={}&user={}",
                encode(&self.host),
                self.port,
                encode(&self.user)
            ));
            parameters.extend(self.password.iter().map(|password| format!("password={}", encode(password))));
            String::new()
        } else {
            let password = self.password.iter().map(|password| format!(":{}", encode_user(password)));
            let host = if self.host.contains(':') { format!("[{}]", self.host) } else { encode(&self.host) };
            format!("{}{}@{host}:{}", encode_user(&self.user), password.collect::<String>(), self.port)
        };
        parameters.extend(Some(self.parameters.clone()).filter(|parameters| !parameters.is_empty()));
        let mark = if parameters.is_empty() { "" } else { "?" };
        format!("postgres://{authority}/{}{mark}{}", encode(&self.database), parameters.join("&"))
    }
}

/// For messages: the place and the database, no password.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{} as {}", self.host, self.port, self.database, self.user)
    }
}

fn without_password(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, rest)) => format!("...@{rest}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        for url in [
            "postgres://postgres@127.0.0.1:5433/test_1?sslmode=disable",
            "postgres://al:p%40ss%2F@db.example:5432/a%20b",
            "postgres:///test_1?host=/tmp/x&port=5433&user=postgres",
            "postgres://u@[::1]:5432/d",
        ] {
            assert_eq!(Target::parse(url).unwrap().url(), url);
        }
    }

    #[test]
    fn what_is_left_out_has_defaults() {
        let target = Target::parse("postgresql://").unwrap();
        assert_eq!(target.url(), "postgres://postgres@127.0.0.1:5432/postgres");
        assert_eq!(Target::parse("postgres://%2Frun%2Fpg/db").unwrap().host, "/run/pg");
    }

    #[test]
    fn a_bad_url_is_an_error_without_the_password() {
        let text = Target::parse("mysql://me:secret@host/db").unwrap_err().to_string();
        assert!(text.contains("postgres://user@host:port/database") && !text.contains("secret"), "{text}");
    }
}
