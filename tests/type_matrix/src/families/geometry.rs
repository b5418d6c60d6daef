//! Geometric types.

use super::unordered_row;
use crate::AnyRow;
use geo_types::{Coord, LineString};
use pg_core::types::geometry::{Circle, Line, LineSegment, Path, Point, Polygon, Rect};
use pg_tests::seed::Rng;

/// Numbers at the edges and in between; `-0`, NaN and infinities are among them.
fn number(rng: &mut Rng) -> f64 {
    let edges = [0.0, -0.0, 1.0, -1.5, 1e15, 1e-5, 123_456.789, f64::MAX, f64::MIN_POSITIVE, 5e-324];
    let number = match rng.below(5) {
        0 => rng.pick(&edges),
        1 => rng.pick(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
        2 => f64::from_bits(rng.number()),
        3 => rng.below(1000) as f64 / 8.0,
        _ => rng.below(1 << 40) as f64 / 1e6 - 500_000.0,
    };
    // NaN has many forms in binary, and one in text.
    if number.is_nan() { f64::NAN } else { number }
}

fn point(rng: &mut Rng) -> Point {
    Point { x: number(rng), y: number(rng) }
}

fn points(rng: &mut Rng) -> Vec<Point> {
    (0..=rng.below(9)).map(|_| point(rng)).collect()
}

fn coord(point: Point) -> Coord<f64> {
    Coord { x: point.x, y: point.y }
}

fn of_coord(coord: Coord<f64>) -> Point {
    Point { x: coord.x, y: coord.y }
}

/// Without NaN, which geo-types has no order for.
fn plain(rect: &Rect) -> bool {
    let (high, low) = (rect.high(), rect.low());
    [high.x, high.y, low.x, low.y].iter().all(|number| !number.is_nan())
}

pub(super) fn rows() -> Vec<Box<dyn AnyRow>> {
    let p = |x, y| Point { x, y };
    let three = || vec![p(0.0, 0.0), p(1.5, 0.0), p(0.0, -2.0)];
    let line = |rng: &mut Rng| Line {
        a: number(rng),
        b: if rng.below(2) == 0 { 2.5 } else { -1.0 },
        c: number(rng),
    };
    let circle = |rng: &mut Rng| Circle { center: point(rng), radius: number(rng).abs() };
    let closed = |closed| Path { closed, points: three() };
    vec![
        Box::new(
            unordered_row("point", "geometry::Point", point)
                .edges([
                    (p(0.0, -0.0), "(0,-0)"),
                    (p(1e15, 1e-5), "(1e+15,1e-05)"),
                    (p(f64::NAN, f64::NEG_INFINITY), "(NaN,-Infinity)"),
                ])
                .written_as("geo_types::Point<f64>", |point| Some(Box::new(geo_types::Point(coord(*point)))))
                .written_as("geo_types::Coord<f64>", |point| Some(Box::new(coord(*point))))
                .read_as("geo_types::Point<f64>", |row| {
                    row.get::<geo_types::Point<f64>>().map(|point| Some(of_coord(point.0)))
                })
                .read_as("geo_types::Coord<f64>", |row| {
                    row.get::<Coord<f64>>().map(|coord| Some(of_coord(coord)))
                }),
        ),
        Box::new(
            unordered_row("line", "geometry::Line", line)
                .edges([(Line { a: 0.0, b: 1.0, c: -0.5 }, "{0,1,-0.5}")]),
        ),
        Box::new(
            unordered_row("lseg", "geometry::LineSegment", |rng| LineSegment {
                start: point(rng),
                end: point(rng),
            })
            .edges([(LineSegment::default(), "[(0,0),(0,0)]")])
            .written_as("geo_types::Line<f64>", |line| {
                Some(Box::new(geo_types::Line { start: coord(line.start), end: coord(line.end) }))
            })
            .read_as("geo_types::Line<f64>", |row| {
                let line = row.get::<geo_types::Line<f64>>()?;
                Ok(Some(LineSegment { start: of_coord(line.start), end: of_coord(line.end) }))
            }),
        ),
        Box::new(
            unordered_row("box", "geometry::Rect", |rng| Rect::new(point(rng), point(rng)))
                .edges([(Rect::new(p(1.0, 4.0), p(3.0, 2.0)), "(3,4),(1,2)")])
                .written_as("geo_types::Rect<f64>", |rect| {
                    let rect =
                        plain(rect).then(|| geo_types::Rect::new(coord(rect.low()), coord(rect.high())))?;
                    Some(Box::new(rect))
                })
                .read_as("geo_types::Rect<f64>", |row| {
                    if !plain(&row.get()?) {
                        return Ok(None);
                    }
                    let rect = row.get::<geo_types::Rect<f64>>()?;
                    Ok(Some(Rect::new(of_coord(rect.min()), of_coord(rect.max()))))
                }),
        ),
        Box::new(
            unordered_row("path", "geometry::Path", |rng| Path {
                closed: rng.below(2) == 0,
                points: points(rng),
            })
            .edges([(closed(true), "((0,0),(1.5,0),(0,-2))"), (closed(false), "[(0,0),(1.5,0),(0,-2)]")])
            .written_as("geo_types::LineString<f64>", |path| {
                let line = LineString(path.points.iter().copied().map(coord).collect());
                if path.closed { None } else { Some(Box::new(line)) }
            })
            .read_as("geo_types::LineString<f64>", |row| {
                if row.get::<Path>()?.closed {
                    return Ok(None);
                }
                let points = row.get::<LineString<f64>>()?.0.into_iter().map(of_coord).collect();
                Ok(Some(Path { closed: false, points }))
            }),
        ),
        Box::new(
            unordered_row("polygon", "geometry::Polygon", |rng| Polygon { points: points(rng) })
                .edges([(Polygon { points: three() }, "((0,0),(1.5,0),(0,-2))")]),
        ),
        Box::new(
            unordered_row("circle", "geometry::Circle", circle)
                .edges([(Circle { center: p(1.0, 2.0), radius: 0.0 }, "<(1,2),0>")]),
        ),
    ]
}
