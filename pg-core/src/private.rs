//! What the expansions of the derives name, and nothing else. Not public API.

pub use crate::copy::{CopyField, CopyRow, CopyWriter};
pub use crate::error::Result;
pub use crate::params::{ParamField, ParamWriter, Params};
pub use crate::row::{Field, FromRow, RowReader, Shape};
pub use crate::types::adapter::{Adapter, Encode, IsNull};
pub use crate::types::conversion::{
    AdapterOf, Converted, Foreign, Nullable, ThroughJson, TryConverted, TypecasterOf,
};
pub use crate::types::elements::{ArrayReader, ArrayWriter};
pub use crate::types::expects::{Attribute, Expects};
pub use crate::types::name::{NamedKind, NamedType, TypeName};
pub use crate::types::plan::{Plan, Planner};
pub use crate::types::typecaster::{RawValue, Typecaster};
pub use crate::types::{composite, derived, domain, enumeration, packed, range, text_form, wanted, with};
pub use bytes::BytesMut;
pub use postgres_types::{self, Type};
