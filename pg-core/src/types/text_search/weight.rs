//! Weights: where in a document a lexeme stood.

use std::fmt::{self, Display, Formatter};

/// A weight, from `A`, the highest, to `D`, the one that is meant where none is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Weight {
    /// The lowest, which is not printed.
    #[default]
    D,
    /// Above `D`.
    C,
    /// Above `C`.
    B,
    /// The highest.
    A,
}

impl Weight {
    /// From the highest.
    pub(super) const ALL: [Weight; 4] = [Weight::A, Weight::B, Weight::C, Weight::D];

    /// As the binary forms have it: 0 for `D`, 3 for `A`.
    pub(super) fn number(self) -> u8 {
        match self {
            Weight::D => 0,
            Weight::C => 1,
            Weight::B => 2,
            Weight::A => 3,
        }
    }

    pub(super) fn letter(self) -> char {
        match self {
            Weight::D => 'D',
            Weight::C => 'C',
            Weight::B => 'B',
            Weight::A => 'A',
        }
    }

    pub(super) fn of_letter(letter: char) -> Option<Weight> {
        Weight::ALL.into_iter().find(|weight| weight.letter() == letter.to_ascii_uppercase())
    }
}

/// The weights that a query's lexeme is looked for in; none of them stands for any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Weights(pub(super) u8);

impl Weights {
    /// Whether this weight is among them.
    pub fn contains(self, weight: Weight) -> bool {
        self.0 & (1 << weight.number()) != 0
    }

    /// Whether none is said, so that all are meant.
    pub fn is_any(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Weight> for Weights {
    fn from_iter<I: IntoIterator<Item = Weight>>(weights: I) -> Weights {
        Weights(weights.into_iter().fold(0, |bits, weight| bits | 1 << weight.number()))
    }
}

impl Display for Weights {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        use std::fmt::Write;
        let mut those = Weight::ALL.into_iter().filter(|weight| self.contains(*weight));
        those.try_for_each(|weight| f.write_char(weight.letter()))
    }
}
