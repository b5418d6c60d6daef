//! A password: wiped when dropped, never shown.

use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A password. Its memory is wiped on drop; `Debug` shows `***`; only [`reveal`](Password::reveal) gives it out.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes `password`; the caller's own copies are not wiped.
    pub fn new(password: impl Into<String>) -> Password {
        Password(Zeroizing::new(password.into()))
    }

    /// The password itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// An empty password counts as none, as in libpq.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Password {
    fn from(password: &str) -> Password {
        Password::new(password)
    }
}

impl From<String> for Password {
    fn from(password: String) -> Password {
        Password::new(password)
    }
}

impl PartialEq for Password {
    /// In time that depends on the lengths alone.
    fn eq(&self, other: &Password) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Password {}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_it() {
        let password = Password::new("sesame");
        assert_eq!(format!("{password:?} {:?}", Some(&password)), "*** Some(***)");
        assert_eq!(password, Password::from("sesame"));
        assert_ne!(password, Password::from("sesam"));
    }
}
