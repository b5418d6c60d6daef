//! Geometric types: [`Point`], [`Line`], [`LineSegment`], [`Rect`] (PostgreSQL's `box`), [`Path`], [`Polygon`], [`Circle`].
//! Manual: "Geometric Types".
//!
//! Binary forms: their numbers in a row, each a `double precision`; a path has a byte in front that says whether it is
//! closed, and path and polygon the number of their points. `Display` is the server's text form, with the shortest
//! digits that give the same number back; `FromStr` reads all spellings that the server reads (brackets may be left
//! out), except hexadecimal numbers.
//!
//! Numbers may be NaN and infinite, as on the server. What the server refuses is an encode error here: a path or a
//! polygon without points, a circle of negative radius, a line whose `a` and `b` are both zero.

mod scan;

use super::forms::{Forms, codec, not};
use super::name::TypeName;
use super::numbers::Printed;
use crate::error::{Error, Result};
use crate::wire::reader::Reader;
use crate::wire::writer::{Buffer, put_i32};
use scan::Scan;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// A point: `(x,y)`.
///
/// ```
/// use pg_core::types::geometry::Point;
/// let point: Point = "(1.5, -2)".parse()?;
/// assert_eq!(point, Point { x: 1.5, y: -2.0 });
/// assert_eq!(point.to_string(), "(1.5,-2)");
/// # Ok::<(), pg_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Upwards.
    pub y: f64,
}

/// An infinite line, all points where `ax + by + c = 0`: `{a,b,c}`. `a` and `b` can't both be zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// The coefficient of `x`.
    pub a: f64,
    /// The coefficient of `y`.
    pub b: f64,
    /// The constant.
    pub c: f64,
}

/// A line segment, `lseg`: `[(x1,y1),(x2,y2)]`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LineSegment {
    /// One end.
    pub start: Point,
    /// The other end.
    pub end: Point,
}

/// A rectangle whose sides are parallel to the axes, PostgreSQL's `box`: `(x1,y1),(x2,y2)`, the upper right corner first.
/// (Between the elements of its arrays stands `;`.)
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rect {
    high: Point,
    low: Point,
}

/// A path of points: open `[(x,y),..]`, closed `((x,y),..)`. It has at least one point.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Whether the last point is connected with the first.
    pub closed: bool,
    /// The points in order.
    pub points: Vec<Point>,
}

/// A polygon: `((x,y),..)`. It has at least one point.
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    /// The corners in order.
    pub points: Vec<Point>,
}

/// A circle: `<(x,y),r>`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Circle {
    /// The middle.
    pub center: Point,
    /// The radius, which is not negative.
    pub radius: f64,
}

codec!(
    Point = TypeName::Oid(600),
    LineSegment = TypeName::Oid(601),
    Path = TypeName::Oid(602),
    Rect = TypeName::Oid(603),
    Polygon = TypeName::Oid(604),
    Line = TypeName::Oid(628),
    Circle = TypeName::Oid(718),
);

impl From<[f64; 2]> for Point {
    fn from([x, y]: [f64; 2]) -> Point {
        Point { x, y }
    }
}

impl Rect {
    /// The rectangle between two opposite corners, given in any order.
    pub fn new(corner: Point, opposite: Point) -> Rect {
        let (high_x, low_x) = ordered(corner.x, opposite.x);
        let (high_y, low_y) = ordered(corner.y, opposite.y);
        Rect { high: Point { x: high_x, y: high_y }, low: Point { x: low_x, y: low_y } }
    }

    /// The upper right corner.
    pub fn high(&self) -> Point {
        self.high
    }

    /// The lower left corner.
    pub fn low(&self) -> Point {
        self.low
    }
}

/// The greater first. NaN is greater than all else, as PostgreSQL has it.
fn ordered(a: f64, b: f64) -> (f64, f64) {
    let less = !a.is_nan() && (b.is_nan() || a < b);
    if less { (b, a) } else { (a, b) }
}

impl Line {
    /// The line through two points, by the server's arithmetic.
    ///
    /// # Errors
    /// Two points that are the same, as far as PostgreSQL can tell (to a millionth).
    pub fn through(one: Point, other: Point) -> Result<Line> {
        let same = |a: f64, b: f64| a == b || (a - b).abs() <= EPSILON || (a.is_nan() && b.is_nan());
        match (same(one.x, other.x), same(one.y, other.y)) {
            (true, true) => Err(Error::decode("a line goes through two points that are not the same")),
            (true, false) => Ok(Line { a: -1.0, b: 0.0, c: one.x }),
            (false, true) => Ok(Line { a: 0.0, b: -1.0, c: one.y }),
            (false, false) => {
                let a = (one.y - other.y) / (one.x - other.x);
                // Adding 0 makes 0 of -0.
                Ok(Line { a, b: -1.0, c: one.y - a * one.x + 0.0 })
            }
        }
    }

    fn is_none(&self) -> bool {
        self.a.abs() <= EPSILON && self.b.abs() <= EPSILON
    }
}

/// What the server's geometric operators take for no difference.
const EPSILON: f64 = 1e-6;

fn put(out: &mut Buffer, numbers: &[f64]) {
    for number in numbers {
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn take(from: &mut Reader<'_>) -> Result<f64> {
    from.array().map(f64::from_be_bytes)
}

fn put_points(out: &mut Buffer, points: &[Point]) -> Result<()> {
    let count = i32::try_from(points.len())
        .map_err(|_| Error::encode("there are more points than a path or a polygon holds"))?;
    put_i32(out, count);
    points.iter().for_each(|point| put(out, &[point.x, point.y]));
    Ok(())
}

fn take_points(from: &mut Reader<'_>) -> Result<Vec<Point>> {
    let count = usize::try_from(from.i32()?).unwrap_or(0);
    // A point has sixteen bytes, so this bounds what is allocated.
    if count == 0 || count != from.rest().len() / 16 {
        return Err(Error::decode("the number of points is not that of the bytes"));
    }
    (0..count).map(|_| Point::read(from)).collect()
}

fn some_points(points: &[Point], what: &str) -> Result<()> {
    match points {
        [] => Err(Error::encode(format!("{what} has at least one point"))),
        _ => Ok(()),
    }
}

struct Points<'p>(&'p [Point]);

impl Display for Points<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (at, point) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            point.fmt(f)?;
        }
        Ok(())
    }
}

impl Display for Point {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", Printed(self.x), Printed(self.y))
    }
}

impl Display for Line {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{{{},{},{}}}", Printed(self.a), Printed(self.b), Printed(self.c))
    }
}

impl Display for LineSegment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "[{},{}]", self.start, self.end)
    }
}

impl Display for Rect {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.high, self.low)
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let points = Points(&self.points);
        if self.closed { write!(f, "({points})") } else { write!(f, "[{points}]") }
    }
}

impl Display for Polygon {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "({})", Points(&self.points))
    }
}

impl Display for Circle {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "<{},{}>", self.center, Printed(self.radius))
    }
}

/// `FromStr` by a function of the scanner, which takes the whole text.
macro_rules! from_text {
    ($($rust:ty = $scan:expr),+ $(,)?) => { $(
        impl FromStr for $rust {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                let scan: fn(&mut Scan<'_>) -> Option<$rust> = $scan;
                let mut text = Scan::new(text);
                match scan(&mut text) {
                    Some(value) if text.is_at_end() => Ok(value),
                    _ => Err(not::<$rust>()),
                }
            }
        }
    )+ };
}

from_text!(
    Point = |text| text.pair().map(Point::from),
    Line = |text| {
        let line = match text.line()? {
            Ok([a, b, c]) => Line { a, b, c },
            Err([one, other]) => Line::through(one.into(), other.into()).ok()?,
        };
        (!line.is_none()).then_some(line)
    },
    LineSegment = |text| {
        let (_, [start, end]) = text.two_points(true)?;
        Some(LineSegment { start: start.into(), end: end.into() })
    },
    Rect = |text| {
        let (_, [corner, opposite]) = text.two_points(false)?;
        Some(Rect::new(corner.into(), opposite.into()))
    },
    Path = |text| {
        let (open, points) = text.path()?;
        Some(Path { closed: !open, points: points.into_iter().map(Point::from).collect() })
    },
    Polygon = |text| {
        let points = text.polygon()?;
        Some(Polygon { points: points.into_iter().map(Point::from).collect() })
    },
    Circle = |text| {
        let (center, radius) = text.circle()?;
        // As the server: NaN is taken.
        (radius >= 0.0 || radius.is_nan()).then_some(Circle { center: center.into(), radius })
    },
);

impl Forms for Point {
    const WHAT: &'static str = "a point";

    fn write(&self, out: &mut Buffer) -> Result<()> {
        put(out, &[self.x, self.y]);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Point> {
        Ok(Point { x: take(from)?, y: take(from)? })
    }
}

impl Forms for Line {
    const WHAT: &'static str = "a line";

    fn check(&self) -> Result<()> {
        match self.is_none() {
            true => Err(Error::encode("a and b of a line can't both be zero")),
            false => Ok(()),
        }
    }

    fn write(&self, out: &mut Buffer) -> Result<()> {
        put(out, &[self.a, self.b, self.c]);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Line> {
        let line = Line { a: take(from)?, b: take(from)?, c: take(from)? };
        if line.is_none() { Err(not::<Line>()) } else { Ok(line) }
    }
}

impl Forms for LineSegment {
    const WHAT: &'static str = "an lseg";

    fn write(&self, out: &mut Buffer) -> Result<()> {
        put(out, &[self.start.x, self.start.y, self.end.x, self.end.y]);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<LineSegment> {
        Ok(LineSegment { start: Point::read(from)?, end: Point::read(from)? })
    }
}

impl Forms for Rect {
    const WHAT: &'static str = "a box";

    fn write(&self, out: &mut Buffer) -> Result<()> {
        put(out, &[self.high.x, self.high.y, self.low.x, self.low.y]);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Rect> {
        Ok(Rect::new(Point::read(from)?, Point::read(from)?))
    }
}

impl Forms for Path {
    const WHAT: &'static str = "a path";

    fn check(&self) -> Result<()> {
        some_points(&self.points, Self::WHAT)
    }

    fn write(&self, out: &mut Buffer) -> Result<()> {
        out.push(self.closed.into());
        put_points(out, &self.points)
    }

    fn read(from: &mut Reader<'_>) -> Result<Path> {
        let closed = match from.u8()? {
            0 => false,
            1 => true,
            _ => return Err(not::<Path>()),
        };
        Ok(Path { closed, points: take_points(from)? })
    }
}

impl Forms for Polygon {
    const WHAT: &'static str = "a polygon";

    fn check(&self) -> Result<()> {
        some_points(&self.points, Self::WHAT)
    }

    fn write(&self, out: &mut Buffer) -> Result<()> {
        put_points(out, &self.points)
    }

    fn read(from: &mut Reader<'_>) -> Result<Polygon> {
        Ok(Polygon { points: take_points(from)? })
    }
}

impl Forms for Circle {
    const WHAT: &'static str = "a circle";

    fn check(&self) -> Result<()> {
        match self.radius < 0.0 {
            true => Err(Error::encode("the radius of a circle can't be negative")),
            false => Ok(()),
        }
    }

    fn write(&self, out: &mut Buffer) -> Result<()> {
        put(out, &[self.center.x, self.center.y, self.radius]);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Circle> {
        let circle = Circle { center: Point::read(from)?, radius: take(from)? };
        if circle.radius < 0.0 { Err(not::<Circle>()) } else { Ok(circle) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Format;
    use crate::types::cases::{Cases, encode, garbage, refused};
    use postgres_types::Type;

    const ONE: &str = "3ff0000000000000";
    const TWO: &str = "4000000000000000";
    const HALF: &str = "3fe0000000000000";

    fn point(x: f64, y: f64) -> Point {
        Point { x, y }
    }

    #[test]
    fn both_forms_are_the_servers() {
        Cases::of(&Type::POINT).case(point(1.0, 2.0), &[ONE, TWO].concat(), "(1,2)").case(
            point(f64::NEG_INFINITY, 1e300),
            "fff00000000000007e37e43c8800759c",
            "(-Infinity,1e+300)",
        );
        Cases::of(&Type::LINE).case(Line { a: 1.0, b: 2.0, c: 0.5 }, &[ONE, TWO, HALF].concat(), "{1,2,0.5}");
        Cases::of(&Type::LSEG).case(
            LineSegment { start: point(1.0, 2.0), end: point(0.5, 1.0) },
            &[ONE, TWO, HALF, ONE].concat(),
            "[(1,2),(0.5,1)]",
        );
        Cases::of(&Type::BOX).case(
            Rect::new(point(0.5, 2.0), point(1.0, 1.0)),
            &[ONE, TWO, HALF, ONE].concat(),
            "(1,2),(0.5,1)",
        );
        Cases::of(&Type::BOX_ARRAY).case(
            vec![Rect::new(point(0.5, 2.0), point(1.0, 1.0)); 2],
            &[
                "00000001000000000000025b0000000200000001",
                &["00000020", ONE, TWO, HALF, ONE].concat().repeat(2),
            ]
            .concat(),
            "{(1,2),(0.5,1);(1,2),(0.5,1)}",
        );
        let points = vec![point(1.0, 2.0), point(0.5, 1.0)];
        let forms = ["00000002", ONE, TWO, HALF, ONE].concat();
        Cases::of(&Type::PATH)
            .case(Path { closed: true, points: points.clone() }, &format!("01{forms}"), "((1,2),(0.5,1))")
            .case(Path { closed: false, points: points.clone() }, &format!("00{forms}"), "[(1,2),(0.5,1)]");
        Cases::of(&Type::POLYGON).case(Polygon { points }, &forms, "((1,2),(0.5,1))");
        Cases::of(&Type::CIRCLE).case(
            Circle { center: point(1.0, 2.0), radius: 0.5 },
            &[ONE, TWO, HALF].concat(),
            "<(1,2),0.5>",
        );
    }

    #[test]
    fn a_count_of_points_is_not_believed() {
        for count in ["00000000", "00000001", "00000003", "7fffffff", "ffffffff"] {
            refused::<Polygon>(&Type::POLYGON, &[count, ONE, TWO, ONE, TWO].concat(), "");
            refused::<Path>(&Type::PATH, &["01", count, ONE, TWO, ONE, TWO].concat(), "");
        }
    }

    #[test]
    fn what_the_server_would_refuse_is_not_sent() {
        for format in [Format::Binary, Format::Text] {
            encode(&Polygon { points: vec![] }, &Type::POLYGON, format).unwrap_err();
            encode(&Path { closed: true, points: vec![] }, &Type::PATH, format).unwrap_err();
            encode(&Circle { center: point(0.0, 0.0), radius: -1.0 }, &Type::CIRCLE, format).unwrap_err();
            encode(&Line { a: 0.0, b: 0.0, c: 1.0 }, &Type::LINE, format).unwrap_err();
        }
    }

    #[test]
    fn anything_else_is_refused() {
        refused::<Point>(&Type::POINT, ONE, "(1,2,3)");
        refused::<Line>(&Type::LINE, &"00".repeat(24), "{0,0,1}");
        refused::<LineSegment>(&Type::LSEG, &ONE.repeat(5), "[(1,2),(3,4)");
        refused::<Rect>(&Type::BOX, &ONE.repeat(3), "[(1,2),(3,4)]");
        refused::<Path>(&Type::PATH, "02", "((1,2),(3,4)]");
        refused::<Polygon>(&Type::POLYGON, "", "()");
        refused::<Circle>(&Type::CIRCLE, "", "<(1,2),-3>");
        refused::<Point>(&Type::POINT, "", "(1e400,1)");
        refused::<Point>(&Type::POINT, "", "(1e-400,1)");
        garbage::<Point>(&Type::POINT);
        garbage::<Line>(&Type::LINE);
        garbage::<LineSegment>(&Type::LSEG);
        garbage::<Rect>(&Type::BOX);
        garbage::<Path>(&Type::PATH);
        garbage::<Polygon>(&Type::POLYGON);
        garbage::<Circle>(&Type::CIRCLE);
    }
}
