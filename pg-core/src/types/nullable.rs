//! NULL, and types that stand for what they hold: `Option`, references, `Box`, `Rc`, `Arc`.
//!
//! `None` is NULL, and only `Option` is. `Option<T>` has the SQL type, the plan and the forms of `T`. There is one NULL, so
//! that an `Option` in an `Option` doesn't compile:
//!
//! ```compile_fail
//! use pg_core::{Typecaster, types::plan::Planner};
//! # fn plan(planner: &Planner<'_>) {
//! let _ = <Option<Option<i64>> as Typecaster<'_>>::plan(&pg_core::types::Type::INT8, planner);
//! # }
//! # let catalog = pg_core::types::catalog::Catalog::default();
//! # plan(&Planner { catalog: &catalog });
//! ```
//!
//! nor one in a newtype, or behind a pointer, that is in an `Option`:
//!
//! ```compile_fail
//! use pg_core::{Typecaster, types::plan::Planner};
//! #[derive(pg_core::FromSql)]
//! #[pg(transparent)]
//! struct Maybe(Option<Box<i64>>);
//! # fn plan(planner: &Planner<'_>) {
//! let _ = <Option<Box<Maybe>> as Typecaster<'_>>::plan(&pg_core::types::Type::INT8, planner);
//! # }
//! # let catalog = pg_core::types::catalog::Catalog::default();
//! # plan(&Planner { catalog: &catalog });
//! ```

use super::adapter::{Adapter, Encode, IsNull};
use super::elements::{ArrayReader, ArrayWriter};
use super::expects::Expects;
use super::name::TypeName;
use super::plan::{Plan, Planner};
use super::typecaster::{RawValue, Typecaster, null_by};
use crate::error::{Error, Result};
use postgres_types::Type;
use std::rc::Rc;
use std::sync::Arc;

impl<T: Adapter> Adapter for Option<T> {
    const TYPE: TypeName = T::TYPE;
    const TEXT_ONLY: bool = T::TEXT_ONLY;
    const EXPECTS: Expects = T::EXPECTS;
    const IS_OPTION: bool = true;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        const { assert!(!T::IS_OPTION, "an Option in an Option: SQL has one NULL") };
        T::plan(type_, planner)
    }

    #[inline]
    fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
        match self {
            Some(value) => value.encode(to),
            None => Ok(IsNull::Yes),
        }
    }

    #[inline]
    fn encode_nested(&self, array: &mut ArrayWriter<'_>) -> Result<()> {
        match self {
            Some(value) => value.encode_nested(array),
            None if matches!(T::TYPE, TypeName::Array(_)) => Err(null_dimension()),
            None => array.element(|_, _, _| Ok(IsNull::Yes)),
        }
    }
}

#[cold]
fn null_dimension() -> Error {
    Error::encode("an array inside an array is a dimension of it, which can't be NULL")
        .hint("send an empty array, or make the elements NULL: `Vec<Vec<Option<T>>>`")
}

impl<'a, T: Typecaster<'a>> Typecaster<'a> for Option<T> {
    const TYPE: TypeName = T::TYPE;
    const TEXT_ONLY: bool = T::TEXT_ONLY;
    const IS_OPTION: bool = true;

    fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        const { assert!(!T::IS_OPTION, "an Option in an Option: SQL has one NULL") };
        T::plan(type_, planner)
    }

    #[inline]
    fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
        T::decode(raw).map(Some)
    }

    #[inline]
    fn decode_nested(array: &mut ArrayReader<'a, '_>) -> Result<Self> {
        if matches!(T::TYPE, TypeName::Array(_)) {
            return T::decode_nested(array).map(Some);
        }
        match array.element()? {
            Some(bytes) => Self::decode(RawValue { bytes, plan: array.plan(), context: array.context() }),
            None => null_by(array.plan(), array.context(), Self::decode, Self::null),
        }
    }

    #[inline]
    fn null() -> Result<Self> {
        Ok(None)
    }
}

/// Written as what it points to.
macro_rules! pointer {
    ($rust:ty) => {
        impl<T: Adapter + ?Sized> Adapter for $rust {
            const TYPE: TypeName = T::TYPE;
            const TEXT_ONLY: bool = T::TEXT_ONLY;
            const EXPECTS: Expects = T::EXPECTS;
            const IS_OPTION: bool = T::IS_OPTION;

            fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
                T::plan(type_, planner)
            }

            #[inline]
            fn encode(&self, to: &mut Encode<'_>) -> Result<IsNull> {
                (**self).encode(to)
            }

            #[inline]
            fn encode_nested(&self, array: &mut ArrayWriter<'_>) -> Result<()> {
                (**self).encode_nested(array)
            }
        }
    };
}

pointer!(&T);
pointer!(&mut T);
pointer!(Box<T>);
pointer!(Rc<T>);
pointer!(Arc<T>);

/// Read as what it holds.
macro_rules! holder {
    ($rust:ident) => {
        impl<'a, T: Typecaster<'a>> Typecaster<'a> for $rust<T> {
            const TYPE: TypeName = T::TYPE;
            const TEXT_ONLY: bool = T::TEXT_ONLY;
            const IS_OPTION: bool = T::IS_OPTION;

            fn plan(type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
                T::plan(type_, planner)
            }

            #[inline]
            fn decode(raw: RawValue<'a, '_>) -> Result<Self> {
                T::decode(raw).map($rust::new)
            }

            #[inline]
            fn decode_nested(array: &mut ArrayReader<'a, '_>) -> Result<Self> {
                T::decode_nested(array).map($rust::new)
            }

            fn null() -> Result<Self> {
                T::null().map($rust::new)
            }
        }
    };
}

holder!(Box);
holder!(Rc);
holder!(Arc);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Format;
    use crate::types::cases::{Cases, encode_null, plan_of};

    #[test]
    fn some_has_the_forms_of_what_is_inside() {
        Cases::of(&Type::INT4)
            .case(Some(7i32), "00000007", "7")
            .case(Box::new(7i32), "00000007", "7")
            .case(Rc::new(7i32), "00000007", "7")
            .case(Some(Arc::new(7i32)), "00000007", "7");
    }

    #[test]
    fn only_option_is_null() {
        for format in [Format::Binary, Format::Text] {
            assert!(encode_null(&None::<i32>, &Type::INT4, format));
            assert!(encode_null(&Box::new(None::<i32>), &Type::INT4, format));
            assert!(!encode_null(&Some(1i32), &Type::INT4, format));
        }
        assert_eq!(Option::<i32>::null().unwrap(), None);
        assert_eq!(Box::<Option<i32>>::null().unwrap(), Box::new(None));
        let error = <Box<i32> as Typecaster<'_>>::null().unwrap_err();
        assert_eq!(error.message(), "the value is NULL, which i32 can't hold");
        assert_eq!(error.cure().unwrap(), "use Option<i32>, or coalesce(..) in the query");
    }

    #[test]
    fn references_are_written_as_what_they_point_to() {
        assert_eq!(<&&mut i32 as Adapter>::TYPE, <i32 as Adapter>::TYPE);
        assert!(plan_of::<&&str>(&Type::TEXT).is_ok());
    }
}
