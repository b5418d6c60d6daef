//! Values that travel in one form only, whatever their type would choose, and columns that are read later.

use pg_core::error::Result;
use pg_core::message::Format;
use pg_core::types::Type;
use pg_core::types::adapter::{Encode, IsNull};
use pg_core::types::catalog::Catalog;
use pg_core::types::context::Context;
use pg_core::types::elements::{ArrayReader, ArrayWriter};
use pg_core::types::name::TypeName;
use pg_core::types::plan::{Plan, Planner};
use pg_core::types::typecaster::RawValue;
use pg_core::{Adapter, Typecaster};

/// A value that goes and comes as text, or in binary wherever its type has such a form.
#[derive(Debug, Clone)]
pub(super) struct Forced<T, const TEXT: bool>(pub T);

/// A type that the server infers from text can't go in binary.
fn force(mut plan: Plan, text: bool) -> Plan {
    match text {
        true => plan.set_format(Format::Text),
        false if plan.type_ != Type::UNKNOWN => plan.set_format(Format::Binary),
        false => {}
    }
    plan
}

impl<T: Adapter, const TEXT: bool> Adapter for Forced<T, TEXT> {
    const TYPE: TypeName = T::TYPE;
    const TEXT_ONLY: bool = TEXT || T::TEXT_ONLY;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        T::plan(type_, planner).map(|plan| force(plan, TEXT || T::TEXT_ONLY))
    }

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        let text = TEXT || T::TEXT_ONLY || to.plan.type_ == Type::UNKNOWN;
        assert_eq!(to.format() == Format::Text, text, "{} is written in the other form", to.plan.type_);
        self.0.encode(to)
    }

    fn encode_nested(&self, array: &mut ArrayWriter<'_>) -> Result<()> {
        self.0.encode_nested(array)
    }
}

impl<'a, T: Typecaster<'a>, const TEXT: bool> Typecaster<'a> for Forced<T, TEXT> {
    const TYPE: TypeName = T::TYPE;
    const TEXT_ONLY: bool = TEXT || T::TEXT_ONLY;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        T::plan(type_, planner).map(|plan| force(plan, TEXT || T::TEXT_ONLY))
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        let text = TEXT || T::TEXT_ONLY;
        assert_eq!(raw.format() == Format::Text, text, "{} comes in the other form", raw.plan.type_);
        T::decode(raw).map(Forced)
    }

    fn decode_nested(array: &mut ArrayReader<'a, '_>) -> Result<Self> {
        T::decode_nested(array).map(Forced)
    }

    fn null() -> Result<Self> {
        T::null().map(Forced)
    }
}

/// A number beside a value: text where that shall be, for a row of a COPY has one form.
pub(super) struct Beside<const TEXT: bool>(pub i32);

impl<const TEXT: bool> Adapter for Beside<TEXT> {
    const TYPE: TypeName = <i32 as Adapter>::TYPE;
    const TEXT_ONLY: bool = TEXT;

    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        self.0.encode(to)
    }
}

/// A column as it came, to be read outside of what is asynchronous: that is compiled once and not for every type.
#[derive(Debug)]
pub(super) struct Captured<const TEXT: bool> {
    type_: Type,
    bytes: Option<Vec<u8>>,
}

impl<const TEXT: bool> Captured<TEXT> {
    /// Reads it, as a row's field is read.
    pub(super) fn read<'a, T: Typecaster<'a>>(
        &'a self,
        catalog: &Catalog,
        context: &'a Context,
    ) -> Result<T> {
        let Some(bytes) = &self.bytes else {
            return T::null();
        };
        let mut plan = T::plan(&self.type_, &Planner { catalog })?;
        plan.set_format(if TEXT { Format::Text } else { Format::Binary });
        T::decode(RawValue { bytes, plan: &plan, context })
    }
}

impl<'a, const TEXT: bool> Typecaster<'a> for Captured<TEXT> {
    const TYPE: TypeName = TypeName::Described;
    const TEXT_ONLY: bool = TEXT;

    fn plan(type_: &Type, _: &Planner<'_>) -> Result<Plan> {
        Ok(Plan::leaf(type_, if TEXT { Format::Text } else { Format::Binary }))
    }

    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        Ok(Captured { type_: raw.plan.type_.clone(), bytes: Some(raw.bytes.to_vec()) })
    }

    fn null() -> Result<Self> {
        Ok(Captured { type_: Type::UNKNOWN, bytes: None })
    }
}
