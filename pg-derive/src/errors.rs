//! All mistakes of one input, gathered and then reported together.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use std::cell::RefCell;
use std::fmt::Display;

/// Where mistakes are gathered. Shared, so that finding one doesn't keep the next from being looked for.
#[derive(Default)]
pub(crate) struct Errors(RefCell<Vec<syn::Error>>);

impl Errors {
    /// A mistake at `at`: what is wrong, and then the cure.
    pub(crate) fn at(&self, at: Span, message: impl Display) {
        self.push(syn::Error::new(at, message));
    }

    /// A mistake in `tokens`, all of them underlined.
    pub(crate) fn on(&self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    pub(crate) fn push(&self, error: syn::Error) {
        self.0.borrow_mut().push(error);
    }

    /// The mistakes as `compile_error!` calls; `None` if there are none.
    pub(crate) fn report(self) -> Option<TokenStream> {
        let errors = self.0.into_inner();
        if errors.is_empty() { None } else { Some(errors.iter().map(syn::Error::to_compile_error).collect()) }
    }
}
