//! The answer to AuthenticationMD5Password.
//!
//! MD5 is weak and PostgreSQL 18 warns about it; it is here for the servers that still ask for it.
//! `require_auth=scram-sha-256` refuses it.

use md5::{Digest, Md5};
use std::fmt::Write;
use zeroize::Zeroizing;

/// `"md5" || md5(md5(password || user) || salt)`, 35 characters. Source: "Protocol Flow: Start-up".
pub fn response(user: &str, password: &str, salt: [u8; 4]) -> Zeroizing<String> {
    let inner = hex(Md5::new().chain_update(password).chain_update(user));
    let outer = hex(Md5::new().chain_update(inner.as_bytes()).chain_update(salt));
    let mut answer = Zeroizing::new(String::with_capacity(35));
    answer.push_str("md5");
    answer.push_str(&outer);
    answer
}

fn hex(digest: Md5) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(32));
    for byte in digest.finalize() {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_formula_computed_by_postgresql() {
        // select 'md5' || md5(convert_to(md5('secret' || 'alice'), 'UTF8') || '\x01020304')
        assert_eq!(*response("alice", "secret", [1, 2, 3, 4]), "md598a0412b9c31436fc53776e863350083");
    }
}
