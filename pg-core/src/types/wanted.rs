//! What an attribute wants of a field's type, one trait each: where a type lacks it, the compiler's one message is the
//! trait's, at the attribute or the field, and names the cure. Nobody implements these: they hold for all that has what
//! they stand for.

use std::fmt::Display;
use std::str::FromStr;

/// `into = S`.
#[diagnostic::on_unimplemented(
    message = "`into = {S}` can't write `{Self}`: there is no conversion, or no `Clone`",
    label = "`{Self}` doesn't become `{S}`",
    note = "write `impl From<{Self}> for {S}` and `#[derive(Clone)]` for `{Self}`, or name a module of functions: `with = module`"
)]
pub trait WrittenInto<S>: Clone + Into<S> {}
#[diagnostic::do_not_recommend]
impl<T: Clone + Into<S>, S> WrittenInto<S> for T {}

/// `from = S`.
#[diagnostic::on_unimplemented(
    message = "`from = {S}` can't read `{Self}`: there is no conversion",
    label = "`{S}` doesn't become `{Self}`",
    note = "write `impl From<{S}> for {Self}`, or name a module of functions: `with = module`"
)]
pub trait ReadFrom<S>: From<S> {}
#[diagnostic::do_not_recommend]
impl<T: From<S>, S> ReadFrom<S> for T {}

/// `try_from = S`.
#[diagnostic::on_unimplemented(
    message = "`try_from = {S}` can't read `{Self}`: there is no conversion, or its error has no `Display`",
    label = "`{S}` doesn't become `{Self}`",
    note = "write `impl TryFrom<{S}> for {Self}` with an error that is `Display`, or name a module of functions: `with = module`"
)]
pub trait ReadTryFrom<S>: TryFrom<S, Error: Display> {}
#[diagnostic::do_not_recommend]
impl<T: TryFrom<S, Error: Display>, S> ReadTryFrom<S> for T {}

/// `foreign`, written.
#[diagnostic::on_unimplemented(
    message = "`foreign` can't write `{Self}`: it has no `postgres_types::ToSql`",
    label = "no `postgres_types::ToSql`",
    note = "remove `foreign` and write `#[derive(ToSql)]` for `{Self}`, or convert it: `into = Type`, `with = module`"
)]
pub trait WrittenForeign: postgres_types::ToSql {}
#[diagnostic::do_not_recommend]
impl<T: postgres_types::ToSql> WrittenForeign for T {}

/// `foreign`, read.
#[diagnostic::on_unimplemented(
    message = "`foreign` can't read `{Self}`: it has no `postgres_types::FromSql`",
    label = "no `postgres_types::FromSql`",
    note = "remove `foreign` and write `#[derive(FromSql)]` for `{Self}`, or convert it: `from = Type`, `with = module`"
)]
pub trait ReadForeign<'a>: postgres_types::FromSql<'a> {}
#[diagnostic::do_not_recommend]
impl<'a, T: postgres_types::FromSql<'a>> ReadForeign<'a> for T {}

/// `text`, written.
#[diagnostic::on_unimplemented(
    message = "`text` can't write `{Self}`: it has no `Display`",
    label = "no `Display`",
    note = "write `impl std::fmt::Display for {Self}`, as PostgreSQL reads the type, or convert it: `into = Type`, `with = module`"
)]
pub trait WrittenAsText: Display {}
#[diagnostic::do_not_recommend]
impl<T: Display + ?Sized> WrittenAsText for T {}

/// `text`, read.
#[diagnostic::on_unimplemented(
    message = "`text` can't read `{Self}`: it has no `FromStr`, or its error has no `Display`",
    label = "no `FromStr`",
    note = "write `impl std::str::FromStr for {Self}`, for what PostgreSQL shows, or convert it: `try_from = String`, `with = module`"
)]
pub trait ReadAsText: FromStr<Err: Display> {}
#[diagnostic::do_not_recommend]
impl<T: FromStr<Err: Display>> ReadAsText for T {}

/// `default` and `skip`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no `Default`, which `default` and `skip` want",
    label = "no `Default`",
    note = "write `#[derive(Default)]` for `{Self}`, or name a function: `default = path`; a skipped field may be an `Option`"
)]
pub trait HasDefault: Default {}
#[diagnostic::do_not_recommend]
impl<T: Default> HasDefault for T {}

/// What a field is of which nothing is read.
#[must_use]
pub fn default<T: HasDefault>() -> T {
    T::default()
}

/// The field of a variant that is `other`, among labels, written.
#[diagnostic::on_unimplemented(
    message = "a label can't be written from `{Self}`",
    label = "no `AsRef<str>`",
    note = "the variant that is `other` keeps the label that the server sent: make its field a `String`, or write `impl AsRef<str> for {Self}`"
)]
pub trait WrittenAsLabel: AsRef<str> {}
#[diagnostic::do_not_recommend]
impl<T: AsRef<str> + ?Sized> WrittenAsLabel for T {}

/// The field of a variant that is `other`, among labels, read.
#[diagnostic::on_unimplemented(
    message = "a label can't be kept in `{Self}`",
    label = "no `From<&str>`",
    note = "the variant that is `other` keeps the label that the server sent: make its field a `String`, or write `impl From<&str> for {Self}`"
)]
pub trait ReadFromLabel<'a>: From<&'a str> {}
#[diagnostic::do_not_recommend]
impl<'a, T: From<&'a str>> ReadFromLabel<'a> for T {}

/// The field of a variant that is `other`, among numbers.
#[diagnostic::on_unimplemented(
    message = "the enum's numbers are `{N}`, and the variant that is `other` keeps `{Self}`",
    label = "write `{N}`"
)]
pub trait HoldsNumber<N> {
    /// Its number.
    fn number(&self) -> &N;

    /// A field of this number.
    fn holding(number: N) -> Self;
}

impl<N> HoldsNumber<N> for N {
    fn number(&self) -> &N {
        self
    }

    fn holding(number: N) -> N {
        number
    }
}
