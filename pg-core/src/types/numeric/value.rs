//! The number itself: its parts, its limits, its order.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// A `numeric`, without loss: an exact decimal number with its display scale, `NaN` or an infinity.
///
/// Equality and order are the server's: 1.0 equals 1.00, `NaN` equals itself and is greater than all others. `Display`
/// and `FromStr` are the server's text form, which keeps the display scale; the parser takes exponents too.
///
/// It comes from all integers, goes back into them where it fits ([`TryFrom`]), and becomes a float by
/// [`to_f64_lossy`](Numeric::to_f64_lossy). To calculate, use the feature `with-rust_decimal-1`, or let the server do it.
///
/// ```
/// use pg_core::types::numeric::Numeric;
/// let price: Numeric = "19.90".parse()?;
/// assert_eq!((price.to_string().as_str(), price.scale()), ("19.90", 2));
/// assert_eq!(price, "19.9".parse()?);
/// assert_eq!((price.mantissa(), Numeric::from_mantissa(1990, 2)?), (Some(1990), price));
/// assert_eq!(i64::try_from(&Numeric::from(7))?, 7);
/// assert!(Numeric::NAN > Numeric::INFINITY);
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Numeric {
    pub(super) sign: Sign,
    /// The first digit counts 10,000 to this power. 0 without digits.
    pub(super) weight: i16,
    /// Decimals that are shown; all that aren't zero are.
    pub(super) scale: u16,
    /// 0 to 9999 each, neither the first nor the last of them 0; none for 0, NaN and the infinities.
    pub(super) digits: Vec<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Sign {
    NegInfinity,
    Negative,
    /// Of 0 too.
    Positive,
    Infinity,
    NaN,
}

/// Decimal digits in one of ours.
pub(super) const WIDTH: i32 = 4;

/// The greatest display scale.
pub(super) const MAX_SCALE: u16 = 0x3fff;

impl Numeric {
    /// `NaN`: equal to itself, greater than all else.
    pub const NAN: Numeric = Numeric::special(Sign::NaN);
    /// `Infinity`, from PostgreSQL 14 on.
    pub const INFINITY: Numeric = Numeric::special(Sign::Infinity);
    /// `-Infinity`, from PostgreSQL 14 on.
    pub const NEG_INFINITY: Numeric = Numeric::special(Sign::NegInfinity);
    /// 0.
    pub const ZERO: Numeric = Numeric::special(Sign::Positive);

    const fn special(sign: Sign) -> Numeric {
        Numeric { sign, weight: 0, scale: 0, digits: Vec::new() }
    }

    /// A finite number of digits that may begin and end with zeros; `None` beyond the limits, and if not all decimals
    /// that aren't zero would be shown.
    pub(super) fn finite(negative: bool, weight: i32, scale: u16, mut digits: Vec<u16>) -> Option<Numeric> {
        let leading = digits.iter().take_while(|digit| **digit == 0).count();
        while digits.last() == Some(&0) {
            digits.pop();
        }
        if digits.is_empty() {
            return (scale <= MAX_SCALE).then_some(Numeric { scale, ..Numeric::ZERO });
        }
        let weight = weight.checked_sub(i32::try_from(leading).ok()?)?;
        if leading > 0 {
            digits = digits.get(leading..)?.to_vec();
        }
        let sign = if negative { Sign::Negative } else { Sign::Positive };
        let number = Numeric { sign, weight: i16::try_from(weight).ok()?, scale, digits };
        (scale <= MAX_SCALE && number.min_scale() <= i32::from(scale)).then_some(number)
    }

    /// The number times 10 to the power of its display scale: 1990 for 19.90. `None` where 128 bits can't hold it, and
    /// for NaN and the infinities.
    pub fn mantissa(&self) -> Option<i128> {
        if !self.is_finite() {
            return None;
        }
        let scale = i32::from(self.scale);
        let mut mantissa: u128 = 0;
        // Digits down to the last that is shown; of that one only some decimals may be.
        let last = -i32::from(self.scale.div_ceil(4));
        for place in (last..=i32::from(self.weight).max(-1)).rev() {
            let hidden = if place == last { u32::try_from(-last * WIDTH - scale).ok()? } else { 0 };
            let shown = 10_u128.pow(4_u32.saturating_sub(hidden));
            let digit = u128::from(self.digit(place)) / 10_u128.pow(hidden);
            mantissa = mantissa.checked_mul(shown)?.checked_add(digit)?;
        }
        match self.sign {
            Sign::Negative => 0_i128.checked_sub_unsigned(mantissa),
            _ => i128::try_from(mantissa).ok(),
        }
    }

    /// The digit that counts 10,000 to the power of `place`.
    pub(super) fn digit(&self, place: i32) -> u16 {
        let index = usize::try_from(i32::from(self.weight) - place);
        index.ok().and_then(|index| self.digits.get(index)).copied().unwrap_or(0)
    }

    /// The display scale: how many decimals are shown. 0 for NaN and the infinities.
    pub fn scale(&self) -> u16 {
        self.scale
    }

    /// The same number without zeros at its end, as the server's `trim_scale` makes it.
    #[must_use]
    pub fn trim_scale(mut self) -> Numeric {
        self.scale = u16::try_from(self.min_scale()).unwrap_or(self.scale);
        self
    }

    /// So many decimals are needed to show the number.
    pub(super) fn min_scale(&self) -> i32 {
        let Some(last) = self.digits.last() else { return 0 };
        // At most 36,864 digits, which is far from overflowing.
        let places = i32::try_from(self.digits.len()).unwrap_or(i32::MAX) - 1 - i32::from(self.weight);
        let zeros = [10, 100, 1000].into_iter().filter(|power| last % power == 0).count();
        (places.saturating_mul(WIDTH) - i32::try_from(zeros).unwrap_or(0)).max(0)
    }

    /// Whether this is a number: not NaN, not an infinity.
    pub fn is_finite(&self) -> bool {
        matches!(self.sign, Sign::Negative | Sign::Positive)
    }

    /// Whether this is `NaN`.
    pub fn is_nan(&self) -> bool {
        self.sign == Sign::NaN
    }

    /// Whether this is less than 0.
    pub fn is_negative(&self) -> bool {
        matches!(self.sign, Sign::Negative | Sign::NegInfinity)
    }
}

impl Default for Numeric {
    fn default() -> Numeric {
        Numeric::ZERO
    }
}

impl Ord for Numeric {
    fn cmp(&self, other: &Numeric) -> Ordering {
        // Without zeros at its ends a number is the greater the greater its first digit's weight, then its digits.
        let magnitude = || {
            let first = |number: &Numeric| (!number.digits.is_empty()).then_some(number.weight);
            first(self).cmp(&first(other)).then_with(|| self.digits.cmp(&other.digits))
        };
        match self.sign.cmp(&other.sign) {
            Ordering::Equal if self.sign == Sign::Negative => magnitude().reverse(),
            Ordering::Equal => magnitude(),
            signs => signs,
        }
    }
}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Numeric) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Numeric {
    fn eq(&self, other: &Numeric) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Numeric {}

impl Hash for Numeric {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.sign, self.weight, &self.digits).hash(state);
    }
}
