//! Parameters of a statement: tuples, structs with names, lists of `&dyn Parameter`, and `()`.

pub mod named;

use crate::error::Result;
use crate::tuples;
use crate::types::adapter::{Adapter, Encode, IsNull, Parameter};
use crate::types::context::Settings;
use crate::types::name::TypeName;
use crate::types::plan::{Plan, Planner};
use crate::wire::writer::{self, Buffer};
use postgres_types::Type;

/// What a statement is run with: its `$1`, `$2` and so on.
///
/// A tuple of up to 16 values of any types, `()` for none, or a slice or `Vec` of `&dyn Parameter`, whose length is
/// known only at run time: `let list: [&dyn Parameter; 2] = [&1i64, &"a"]; client.execute(sql, &list[..])`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of parameters",
    label = "for one parameter write a tuple of one: `(value,)`",
    note = "for none write `()`; for names a struct with `#[derive(Params)]`; for a list known only at run time `&[&dyn Parameter]`"
)]
pub trait Params: Send {
    /// What is known of them as constants, in order; `None` for a list known at run time.
    const FIELDS: Option<&'static [ParamField]> = None;

    /// As [`Params::FIELDS`]; nothing of a list known at run time.
    #[inline]
    fn fields(&self) -> &'static [ParamField] {
        const { if let Some(fields) = Self::FIELDS { fields } else { &[] } }
    }

    /// How many there are.
    #[inline]
    fn count(&self) -> usize {
        self.fields().len()
    }

    /// Where the constants that describe them stand; statements are found by it. 0 for a list known at run time.
    #[inline]
    fn constants(&self) -> usize {
        self.fields().as_ptr().addr()
    }

    /// The SQL type of the parameter at `index`, from 0.
    fn type_name(&self, index: usize) -> TypeName {
        self.fields().get(index).map_or(TypeName::Inferred, |field| field.type_name)
    }

    /// How the parameter at `index` is written as `type_`.
    ///
    /// # Errors
    /// Both types, if it can't be.
    fn plan(&self, index: usize, type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        match self.fields().get(index) {
            Some(field) => (field.plan)(type_, planner),
            None => Err(crate::error::Error::usage("there are fewer parameters")),
        }
    }

    /// Writes all values in order.
    ///
    /// # Errors
    /// A value that the SQL type can't hold.
    fn write(&self, to: &mut ParamWriter<'_>) -> Result<()>;
}

/// Appends the values of a Bind.
#[derive(Debug)]
pub struct ParamWriter<'w> {
    pub(crate) out: &'w mut Buffer,
    pub(crate) plans: std::slice::Iter<'w, Plan>,
    pub(crate) settings: &'w Settings,
    pub(crate) written: usize,
}

impl ParamWriter<'_> {
    /// Appends the next value.
    #[inline]
    pub fn value<T: Adapter + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.value_by(value, T::encode)
    }

    /// As [`ParamWriter::value`], with the adapter's function handed in. Expansions call this, so that a type without
    /// an adapter is one error in the user's code, at the field.
    #[doc(hidden)]
    #[inline]
    pub fn value_by<T: ?Sized>(
        &mut self,
        value: &T,
        encode: impl FnOnce(&T, &mut Encode<'_>) -> Result<IsNull>,
    ) -> Result<()> {
        let result = self.put(|to| encode(value, to));
        result.map_err(|error| error.within(format_args!("parameter ${}", self.written)))
    }

    /// As [`ParamWriter::value_by`], for a parameter that the SQL calls by name.
    #[doc(hidden)]
    #[inline]
    pub fn named_by<T: ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
        encode: impl FnOnce(&T, &mut Encode<'_>) -> Result<IsNull>,
    ) -> Result<()> {
        self.put(|to| encode(value, to)).map_err(|error| error.within(format_args!("parameter :{name}")))
    }

    /// Appends the next value of a list.
    pub fn parameter(&mut self, value: &dyn Parameter) -> Result<()> {
        let result = self.put(|to| value.write(to));
        result.map_err(|error| error.within(format_args!("parameter ${}", self.written)))
    }

    #[inline]
    fn put(&mut self, write: impl FnOnce(&mut Encode<'_>) -> Result<IsNull>) -> Result<()> {
        let Some(plan) = self.plans.next() else {
            return Err(crate::error::Error::usage(
                "Params::write gives more values than Params::count says",
            ));
        };
        self.written = self.written.wrapping_add(1);
        let settings = self.settings;
        writer::value(self.out, |out| write(&mut Encode { out, plan, settings }))
    }
}

/// One parameter, as a constant.
#[derive(Debug, Clone, Copy)]
pub struct ParamField {
    /// What the SQL calls it by, as `:name`; without a name it is `$1` and so on.
    pub name: Option<&'static str>,
    /// [`Adapter::TYPE`] of its type.
    pub type_name: TypeName,
    /// [`Adapter::plan`] of its type.
    pub plan: fn(&Type, &Planner<'_>) -> Result<Plan>,
}

impl ParamField {
    const fn of<T: Adapter>() -> ParamField {
        ParamField { name: None, type_name: T::TYPE, plan: T::plan }
    }

    /// How errors call the parameter at `index`.
    pub(crate) fn describe(fields: &[ParamField], index: usize) -> String {
        match fields.get(index).and_then(|field| field.name) {
            Some(name) => format!("parameter :{name}"),
            None => format!("parameter ${}", index.saturating_add(1)),
        }
    }
}

impl Params for () {
    const FIELDS: Option<&'static [ParamField]> = Some(&[]);

    #[inline]
    fn constants(&self) -> usize {
        1
    }

    #[inline]
    fn write(&self, _: &mut ParamWriter<'_>) -> Result<()> {
        Ok(())
    }
}

impl<P: Params + Sync + ?Sized> Params for &P {
    const FIELDS: Option<&'static [ParamField]> = P::FIELDS;

    #[inline]
    fn count(&self) -> usize {
        (**self).count()
    }

    #[inline]
    fn constants(&self) -> usize {
        (**self).constants()
    }

    fn type_name(&self, index: usize) -> TypeName {
        (**self).type_name(index)
    }

    fn plan(&self, index: usize, type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
        (**self).plan(index, type_, planner)
    }

    #[inline]
    fn write(&self, to: &mut ParamWriter<'_>) -> Result<()> {
        (**self).write(to)
    }
}

/// The lists whose types are known only at run time. The reference's lifetime and the object's are each their own:
/// futures over a list could not be spawned if the two had to be equal.
macro_rules! lists {
    ($([$($generics:tt)*] $list:ty;)+) => { $(
        impl<$($generics)*> Params for $list {
            fn count(&self) -> usize {
                self.len()
            }

            fn constants(&self) -> usize {
                0
            }

            fn type_name(&self, index: usize) -> TypeName {
                self.get(index).map_or(TypeName::Inferred, |p| p.type_name())
            }

            fn plan(&self, index: usize, type_: &Type, planner: &Planner<'_>) -> Result<Plan> {
                match self.get(index) {
                    Some(p) => p.plan_as(type_, planner),
                    None => Err(crate::error::Error::usage("there are fewer parameters")),
                }
            }

            fn write(&self, to: &mut ParamWriter<'_>) -> Result<()> {
                self.iter().try_for_each(|p| to.parameter(&**p))
            }
        }
    )+ };
}

lists! {
    ['p, 'c] [&'p (dyn Parameter + Sync + 'c)];
    ['p, 'c] Vec<&'p (dyn Parameter + Sync + 'c)>;
    ['c] Vec<Box<dyn Parameter + Send + Sync + 'c>>;
    ['p, 'c, const N: usize] [&'p (dyn Parameter + Sync + 'c); N];
}

macro_rules! tuples {
    ($($name:ident $index:tt)+) => {
        impl<$($name: Adapter + Send),+> Params for ($($name,)+) {
            const FIELDS: Option<&'static [ParamField]> = Some(&[$(ParamField::of::<$name>()),+]);

            #[inline]
            fn write(&self, to: &mut ParamWriter<'_>) -> Result<()> {
                $(to.value(&self.$index)?;)+
                Ok(())
            }
        }
    };
}

tuples::each!(tuples);
