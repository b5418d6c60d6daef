//! The text forms of geometric types, read by the server's own rules: brackets are optional, and which of them belongs
//! to what is found out by looking ahead.

use super::super::forms::is_blank;

/// `x` and `y` of a point.
pub(super) type Pair = [f64; 2];

/// A cursor over a geometric text. `None` is text that the server refuses.
pub(super) struct Scan<'t> {
    text: &'t str,
    rest: &'t [u8],
}

impl<'t> Scan<'t> {
    pub(super) fn new(text: &'t str) -> Scan<'t> {
        let mut scan = Scan { text, rest: text.as_bytes() };
        scan.blanks();
        scan
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn blanks(&mut self) {
        while let [byte, rest @ ..] = self.rest
            && is_blank(*byte)
        {
            self.rest = rest;
        }
    }

    /// Takes a byte if it comes next; blanks after it are not looked at.
    fn took(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn count(&self, byte: u8) -> usize {
        self.rest.iter().filter(|other| **other == byte).count()
    }

    /// Whether the bracket that comes next is followed by another.
    fn opens_twice(&self) -> bool {
        self.rest.iter().skip(1).find(|byte| !is_blank(**byte)) == Some(&b'(')
    }

    /// A number and the blanks around it.
    fn number(&mut self) -> Option<f64> {
        self.blanks();
        let start = self.text.len().checked_sub(self.rest.len())?;
        let rest = self.text.get(start..)?;
        let length = number_length(rest.as_bytes());
        let (number, _) = rest.split_at_checked(length)?;
        let value: f64 = number.parse().ok()?;
        let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
        let digits = mantissa.bytes().any(|byte| byte.is_ascii_digit());
        let other_than_zero = mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
        // Out of range: digits that would be read as an infinity or as zero.
        if digits && value.is_infinite() || other_than_zero && value == 0.0 {
            return None;
        }
        self.rest = self.rest.get(length..)?;
        self.blanks();
        Some(value)
    }

    /// `pair_decode`: two numbers, with or without brackets around.
    pub(super) fn pair(&mut self) -> Option<Pair> {
        self.blanks();
        let brackets = self.took(b'(');
        let x = self.number()?;
        if !self.took(b',') {
            return None;
        }
        let y = self.number()?;
        if brackets {
            if !self.took(b')') {
                return None;
            }
            self.blanks();
        }
        Some([x, y])
    }

    /// `path_decode`: so many points, with or without brackets around them all. Square ones make it open.
    fn points(&mut self, count: usize, may_be_open: bool) -> Option<(bool, Vec<Pair>)> {
        self.blanks();
        let open = self.took(b'[');
        let mut depth = u8::from(open);
        if open && !may_be_open {
            return None;
        }
        // A bracket is the whole path's if another follows at once, or if there is no other at all.
        if !open && self.rest.first() == Some(&b'(') && (self.opens_twice() || self.count(b'(') == 1) {
            self.took(b'(');
            self.blanks();
            depth = 1;
        }
        let mut points = Vec::new();
        for _ in 0..count {
            points.push(self.pair()?);
            self.took(b',');
        }
        if depth > 0 {
            let closed = self.took(b')') || open && self.took(b']');
            if !closed {
                return None;
            }
            self.blanks();
        }
        Some((open, points))
    }

    pub(super) fn two_points(&mut self, may_be_open: bool) -> Option<(bool, [Pair; 2])> {
        let (open, points) = self.points(2, may_be_open)?;
        Some((open, points.try_into().ok()?))
    }

    /// How many pairs there are, by the commas.
    fn pairs(&self) -> Option<usize> {
        let commas = self.count(b',');
        (commas % 2 == 1).then(|| commas.div_ceil(2))
    }

    pub(super) fn path(&mut self) -> Option<(bool, Vec<Pair>)> {
        let count = self.pairs()?;
        let bracket = self.rest.first() == Some(&b'(') && self.count(b'(') == 1;
        if bracket {
            self.took(b'(');
        }
        let path = self.points(count, true)?;
        if bracket {
            if !self.took(b')') {
                return None;
            }
            self.blanks();
        }
        Some(path)
    }

    pub(super) fn polygon(&mut self) -> Option<Vec<Pair>> {
        let count = self.pairs()?;
        Some(self.points(count, false)?.1)
    }

    /// The coefficients, or two points that it goes through.
    pub(super) fn line(&mut self) -> Option<Result<[f64; 3], [Pair; 2]>> {
        if !self.took(b'{') {
            return Some(Err(self.two_points(true)?.1));
        }
        let a = self.number()?;
        let b = if self.took(b',') { self.number()? } else { return None };
        let c = if self.took(b',') { self.number()? } else { return None };
        if !self.took(b'}') {
            return None;
        }
        self.blanks();
        Some(Ok([a, b, c]))
    }

    pub(super) fn circle(&mut self) -> Option<(Pair, f64)> {
        let angle = self.took(b'<');
        let mut depth = u8::from(angle);
        if !angle && self.rest.first() == Some(&b'(') && self.opens_twice() {
            self.took(b'(');
            depth = 1;
        }
        let center = self.pair()?;
        self.took(b',');
        let radius = self.number()?;
        if depth > 0 {
            // Either closes either, as on the server.
            if !self.took(b')') && !self.took(b'>') {
                return None;
            }
            self.blanks();
        }
        Some((center, radius))
    }
}

/// How many bytes at the beginning are a number, by `strtod`'s rules for decimal ones.
fn number_length(text: &[u8]) -> usize {
    let digits = |from: usize| {
        text.get(from..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let rest = text.get(sign..).unwrap_or_default();
    for word in ["infinity", "inf", "nan"] {
        if rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes())) {
            return sign.saturating_add(word.len());
        }
    }
    let whole = digits(sign);
    let mut end = sign.saturating_add(whole);
    let mut any = whole > 0;
    if text.get(end) == Some(&b'.') {
        let fraction = digits(end.saturating_add(1));
        any |= fraction > 0;
        end = end.saturating_add(1).saturating_add(fraction);
    }
    if !any {
        return 0;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end.saturating_add(1)), Some(b'+' | b'-')));
        let start = end.saturating_add(1).saturating_add(sign);
        let exponent = digits(start);
        if exponent > 0 {
            return start.saturating_add(exponent);
        }
    }
    end
}
