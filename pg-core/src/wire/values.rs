//! Values found up front, to be read in another order than they came: on the stack where they are few, so that
//! neither a row nor a composite costs an allocation.

/// So many values take no allocation.
const FEW: usize = 32;

/// Values by their place; NULL is `None`, as is a place that doesn't exist.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "it lives on the stack for one value; a box would be an allocation"
)]
pub enum Values<'a> {
    /// Up to `FEW`.
    Few([Option<&'a [u8]>; FEW]),
    /// More.
    Many(Vec<Option<&'a [u8]>>),
}

impl<'a> Values<'a> {
    /// `count` places, all NULL.
    pub fn new(count: usize) -> Values<'a> {
        if count <= FEW { Values::Few([None; FEW]) } else { Values::Many(vec![None; count]) }
    }

    /// The value at a place.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let values = match self {
            Values::Few(values) => values.as_slice(),
            Values::Many(values) => values,
        };
        values.get(index).copied().flatten()
    }

    /// Puts a value to its place.
    #[inline]
    pub fn set(&mut self, index: usize, value: Option<&'a [u8]>) {
        let values = match self {
            Values::Few(values) => values.as_mut_slice(),
            Values::Many(values) => values,
        };
        if let Some(place) = values.get_mut(index) {
            *place = value;
        }
    }
}
