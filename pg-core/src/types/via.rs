//! Values of types that nobody can derive for: written by a registered adapter ([`via`]), read by a registered typecaster
//! ([`Via`]).

use super::adapter::{Adapter, Encode, IsNull};
use super::name::TypeName;
use super::plan::{Plan, Planner};
use super::run_time;
use super::typecaster::{RawValue, Typecaster};
use crate::error::{Error, Result};
use postgres_types::Type;

/// A value that goes through the registry: read by the typecaster, written by the adapter that was registered for `T`.
///
/// ```
/// use pg_core::types::run_time::CodecContext;
/// use pg_core::types::via::Via;
/// use pg_core::Registry;
///
/// #[derive(Debug)]
/// struct Point { x: f64, y: f64 } // as if of another crate
///
/// fn cast_point(text: &str, _: &CodecContext<'_>) -> Result<Point, Box<dyn std::error::Error + Send + Sync>> {
///     let (x, y) = text.trim_matches(['(', ')']).split_once(',').ok_or("not a point")?;
///     Ok(Point { x: x.parse()?, y: y.parse()? })
/// }
///
/// let registry = Registry::new()
///     .typecaster("point", cast_point)
///     .adapter("point", |point: &Point, _: &CodecContext<'_>| format!("({},{})", point.x, point.y));
/// // let mut client = Config::new("..")?.registry(registry).connect()?;
/// // let Via(point): Via<Point> = client.query_value("select $1", (via(&Point { x: 1.0, y: 2.0 }),))?;
/// # let _ = (registry, |via: Via<Point>| via);
/// ```
///
/// NULL is `Option<Via<T>>`, unless the typecaster asks for it. The type is not known when the program is compiled: a
/// statement with such columns is described before its first run, which costs one more round trip once. A type that
/// is not registered is an error that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Via<T>(pub T);

/// A reference to a value that is written by a registered adapter: what [`via`] gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViaRef<'v, T>(pub &'v T);

/// Sends a value by the adapter that was registered for its type: as a parameter, an element
/// (`points.iter().map(via).collect::<Vec<_>>()`) or a field.
pub fn via<T: 'static>(value: &T) -> ViaRef<'_, T> {
    ViaRef(value)
}

impl<T: 'static> Adapter for ViaRef<'_, T> {
    const TYPE: TypeName = TypeName::Described;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        run_time::plan_adapter::<T>(type_, planner)
    }

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        run_time::adapt(self.0, to.plan, to.settings, to.out)
    }
}

impl<T: 'static> Adapter for Via<T> {
    const TYPE: TypeName = TypeName::Described;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        run_time::plan_adapter::<T>(type_, planner)
    }

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        run_time::adapt(&self.0, to.plan, to.settings, to.out)
    }
}

impl<'a, T: Send + Sync + 'static> Typecaster<'a> for Via<T> {
    const TYPE: TypeName = TypeName::Described;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        run_time::plan_registered_as::<T>(type_, planner)
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        let foreign = || Error::usage("a registered typecaster was given the plan of another type");
        let value = run_time::cast_registered(raw).ok_or_else(foreign)??;
        // It was made just now, so that nobody else has it.
        let value = value.downcast::<T>().ok().and_then(std::sync::Arc::into_inner);
        value.map(Via).ok_or_else(foreign)
    }
}
