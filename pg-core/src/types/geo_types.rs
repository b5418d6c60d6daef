//! geo-types: `Point<f64>` and `Coord<f64>` <-> `point`, `Rect<f64>` <-> `box`, `Line<f64>` <-> `lseg`,
//! `LineString<f64>` <-> `path` that is open.
//!
//! A closed path is not read as a `LineString`, which can't tell it from an open one that ends where it began. A
//! `geo_types::Polygon` has holes, which PostgreSQL's `polygon` has not: [`geometry::Polygon`](super::geometry::Polygon) is
//! its type. A `Rect` with NaN in a corner is an error: geo-types has no order for it.

use super::adapter::{Adapter, Encode, IsNull};
use super::geometry;
use super::name::TypeName;
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use geo_types::{Coord, Line, LineString, Point, Rect};

fn point(coord: Coord<f64>) -> geometry::Point {
    geometry::Point { x: coord.x, y: coord.y }
}

fn coord(point: geometry::Point) -> Coord<f64> {
    Coord { x: point.x, y: point.y }
}

/// Written and read through a type of ours, of which it is another form.
macro_rules! through {
    ($($rust:ty = $ours:ty, |$value:ident| $to:expr, |$read:ident| $from:expr;)+) => { $(
        impl Adapter for $rust {
            const TYPE: TypeName = <$ours as Adapter>::TYPE;

            fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
                let $value = self;
                let ours: $ours = $to;
                ours.encode(to)
            }
        }

        impl<'a> Typecaster<'a> for $rust {
            const TYPE: TypeName = <$ours as Adapter>::TYPE;

            fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
                let $read = <$ours>::decode(raw)?;
                $from
            }
        }
    )+ };
}

through! {
    Coord<f64> = geometry::Point, |value| point(*value), |read| Ok(coord(read));
    Point<f64> = geometry::Point, |value| point(value.0), |read| Ok(Point(coord(read)));
    Line<f64> = geometry::LineSegment,
        |value| geometry::LineSegment { start: point(value.start), end: point(value.end) },
        |read| Ok(Line { start: coord(read.start), end: coord(read.end) });
    Rect<f64> = geometry::Rect,
        |value| geometry::Rect::new(point(value.min()), point(value.max())),
        |read| {
            let (high, low) = (read.high(), read.low());
            if [high.x, high.y, low.x, low.y].iter().any(|number| number.is_nan()) {
                return Err(Error::decode("the box has a corner of NaN, which geo_types::Rect can't hold")
                    .hint("use geometry::Rect"));
            }
            Ok(Rect::new(coord(low), coord(high)))
        };
    LineString<f64> = geometry::Path,
        |value| geometry::Path { closed: false, points: value.0.iter().copied().map(point).collect() },
        |read| match read.closed {
            false => Ok(LineString(read.points.into_iter().map(coord).collect())),
            true => Err(Error::decode("the path is closed, which geo_types::LineString can't tell")
                .hint("`popen(column)` in the query opens it; geometry::Path holds both")),
        };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::cases::{Cases, garbage, refused};
    use postgres_types::Type;

    const ONE: &str = "3ff0000000000000";
    const TWO: &str = "4000000000000000";

    #[test]
    fn both_forms_are_the_servers() {
        let (one, two) = (Coord { x: 1.0, y: 1.0 }, Coord { x: 2.0, y: 2.0 });
        Cases::of(&Type::POINT).case(Point::new(1.0, 2.0), &[ONE, TWO].concat(), "(1,2)").case(
            one,
            &[ONE, ONE].concat(),
            "(1,1)",
        );
        Cases::of(&Type::LSEG).case(Line::new(one, two), &[ONE, ONE, TWO, TWO].concat(), "[(1,1),(2,2)]");
        Cases::of(&Type::BOX).case(Rect::new(one, two), &[TWO, TWO, ONE, ONE].concat(), "(2,2),(1,1)");
        Cases::of(&Type::PATH).case(
            LineString(vec![one, two]),
            &["0000000002", ONE, ONE, TWO, TWO].concat(),
            "[(1,1),(2,2)]",
        );
    }

    #[test]
    fn what_they_cannot_hold_is_refused() {
        refused::<LineString<f64>>(&Type::PATH, &["0100000001", ONE, ONE].concat(), "((1,1))");
        refused::<Rect<f64>>(&Type::BOX, &["7ff8000000000000", ONE, ONE, ONE].concat(), "(NaN,1),(1,1)");
        garbage::<Point<f64>>(&Type::POINT);
        garbage::<Rect<f64>>(&Type::BOX);
        garbage::<LineString<f64>>(&Type::PATH);
    }
}
