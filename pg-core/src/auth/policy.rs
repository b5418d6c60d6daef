//! What we are willing to answer, whatever the server asks for.
//!
//! A server, or somebody in its place, chooses the authentication method; without a policy it could ask for the
//! password in clear text, or for nothing at all. The policy is checked at each request and again at AuthenticationOk.

use crate::error::{Error, Result};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The rules that one login follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Which methods are answered at all.
    pub require_auth: RequireAuth,
    /// Whether SCRAM is tied to the TLS channel.
    pub channel_binding: ChannelBinding,
    /// Answer a request for the password in clear text without TLS. (Over a Unix socket it is always answered.)
    pub allow_cleartext_password: bool,
    /// SCRAM iteration counts that are computed: fewer make the password cheap to guess, more burn our CPU.
    pub scram_iterations: RangeInclusive<u32>,
}

impl Default for Policy {
    /// Any method, channel binding where both sides can, no clear text without TLS, 4096 to 100 000 iterations.
    fn default() -> Policy {
        Policy {
            require_auth: RequireAuth::default(),
            channel_binding: ChannelBinding::default(),
            allow_cleartext_password: false,
            scram_iterations: 4096..=100_000,
        }
    }
}

/// `channel_binding`: whether SCRAM proves that both ends see the same TLS channel. Source: "libpq: Parameter Key Words".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// Where both sides can.
    #[default]
    Prefer,
    /// Always; a login without it fails.
    Require,
}

impl FromStr for ChannelBinding {
    type Err = Error;

    fn from_str(text: &str) -> Result<ChannelBinding> {
        match text {
            "disable" => Ok(ChannelBinding::Disable),
            "prefer" => Ok(ChannelBinding::Prefer),
            "require" => Ok(ChannelBinding::Require),
            _ => Err(Error::config(format!(
                "channel_binding={} is not known, expected disable, prefer or require",
                text.escape_debug()
            ))),
        }
    }
}

impl fmt::Display for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChannelBinding::Disable => "disable",
            ChannelBinding::Prefer => "prefer",
            ChannelBinding::Require => "require",
        })
    }
}

/// An authentication method that a server can ask for, under its `require_auth` name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// The password in clear text.
    Password,
    /// A salted MD5 of the password.
    Md5,
    /// GSSAPI; this library can't answer it.
    Gss,
    /// SSPI; this library can't answer it.
    Sspi,
    /// SCRAM-SHA-256, with or without channel binding.
    ScramSha256,
    /// No request at all (`trust`, `peer`, `cert`, `ident`).
    None,
}

impl Method {
    const ALL: [Method; 6] =
        [Method::Password, Method::Md5, Method::Gss, Method::Sspi, Method::ScramSha256, Method::None];

    /// The word in `require_auth`.
    pub fn name(self) -> &'static str {
        match self {
            Method::Password => "password",
            Method::Md5 => "md5",
            Method::Gss => "gss",
            Method::Sspi => "sspi",
            Method::ScramSha256 => "scram-sha-256",
            Method::None => "none",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Method::Password => 1,
            Method::Md5 => 2,
            Method::Gss => 4,
            Method::Sspi => 8,
            Method::ScramSha256 => 16,
            Method::None => 32,
        }
    }
}

/// `require_auth`: the methods that are answered, as libpq 16 writes them: `scram-sha-256`, `password,md5`, `!password`.
///
/// A list names what is allowed, or, with `!` before every word, what is not. `none` stands for a server that asks for
/// nothing. Empty allows everything. Source: "libpq: Parameter Key Words".
///
/// ```
/// use pg_core::auth::policy::{Method, RequireAuth};
///
/// let rule: RequireAuth = "!password,!md5".parse()?;
/// assert!(rule.allows(Method::ScramSha256) && rule.allows(Method::None) && !rule.allows(Method::Md5));
/// # Ok::<(), pg_core::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequireAuth {
    allowed: u8,
}

impl RequireAuth {
    const ANYTHING: u8 = 63;

    /// Whether a server may authenticate us by `method`.
    pub fn allows(self, method: Method) -> bool {
        self.allowed & method.bit() != 0
    }
}

impl Default for RequireAuth {
    fn default() -> RequireAuth {
        RequireAuth { allowed: RequireAuth::ANYTHING }
    }
}

impl FromStr for RequireAuth {
    type Err = Error;

    fn from_str(text: &str) -> Result<RequireAuth> {
        if text.is_empty() {
            return Ok(RequireAuth::default());
        }
        let all_negated = text.starts_with('!');
        let mut named = 0;
        for word in text.split(',') {
            let (negated, name) = match word.strip_prefix('!') {
                Some(name) => (true, name),
                None => (false, word),
            };
            let Some(method) = Method::ALL.into_iter().find(|m| m.name() == name) else {
                return Err(Error::config(format!(
                    "require_auth names the method \"{}\", which is not known",
                    word.escape_debug()
                ))
                .hint(
                    "use password, md5, gss, sspi, scram-sha-256 or none, separated by commas, no spaces",
                ));
            };
            if negated != all_negated {
                return Err(Error::config(format!(
                    "require_auth mixes methods with and without \"!\": {}",
                    text.escape_debug()
                ))
                .hint("name either all that are allowed or, each with \"!\", all that are not"));
            }
            if named & method.bit() != 0 {
                return Err(Error::config(format!("require_auth names \"{word}\" more than once")));
            }
            named |= method.bit();
        }
        Ok(RequireAuth { allowed: if all_negated { RequireAuth::ANYTHING & !named } else { named } })
    }
}

impl fmt::Display for RequireAuth {
    /// The shorter of the two lists, in a form that parses back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // "Nothing at all" can't be said but by forbidding each.
        let negated = self.allowed == 0 || self.allowed.count_ones() > 3;
        let mut separator = "";
        for method in Method::ALL.into_iter().filter(|m| self.allows(*m) != negated) {
            write!(f, "{separator}{}{}", if negated { "!" } else { "" }, method.name())?;
            separator = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(text: &str) -> Vec<&'static str> {
        let rule: RequireAuth = text.parse().unwrap();
        Method::ALL.into_iter().filter(|m| rule.allows(*m)).map(Method::name).collect()
    }

    #[test]
    fn the_list_is_read_as_libpq_reads_it() {
        assert_eq!(allowed(""), ["password", "md5", "gss", "sspi", "scram-sha-256", "none"]);
        assert_eq!(allowed("scram-sha-256"), ["scram-sha-256"]);
        assert_eq!(allowed("scram-sha-256,none"), ["scram-sha-256", "none"]);
        assert_eq!(allowed("none"), ["none"]);
        assert_eq!(allowed("!none"), ["password", "md5", "gss", "sspi", "scram-sha-256"]);
        assert_eq!(allowed("!password,!md5"), ["gss", "sspi", "scram-sha-256", "none"]);
    }

    #[test]
    fn what_libpq_refuses_is_refused() {
        for wrong in [
            "scram-sha-256,!md5",
            "!password,!none,scram-sha-256",
            "password,md5,password",
            "!none,!md5,!none",
            "none,abcdefg",
            "none,,",
            "md5, none",
            "!",
            "SCRAM-SHA-256",
        ] {
            assert!(wrong.parse::<RequireAuth>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn display_parses_back() {
        for allowed in 0..=RequireAuth::ANYTHING {
            let rule = RequireAuth { allowed };
            assert_eq!(rule.to_string().parse::<RequireAuth>().unwrap(), rule);
        }
        for text in ["", "scram-sha-256", "!none", "!password,!md5", "md5,scram-sha-256"] {
            assert_eq!(text.parse::<RequireAuth>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn channel_binding_words() {
        for word in ["disable", "prefer", "require"] {
            assert_eq!(word.parse::<ChannelBinding>().unwrap().to_string(), word);
        }
        assert!(
            "always"
                .parse::<ChannelBinding>()
                .unwrap_err()
                .to_string()
                .contains("disable, prefer or require")
        );
    }
}
