//! `#[each_database]` and `#[botserver_test]`: tests that hold on both databases.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{Ident, ItemFn, parse_macro_input};

/// Makes two tests of `fn claim()` or `async fn claim()`: `claim::sqlite` and `claim::postgres`. The function may
/// return a `Result`. What it calls asks `test_database::Engine::current()` which database it is about.
#[proc_macro_attribute]
pub fn each_database(_: TokenStream, function: TokenStream) -> TokenStream {
    let function = parse_macro_input!(function as ItemFn);
    let name = &function.sig.ident;
    let run = if function.sig.asyncness.is_some() { quote!(block_on) } else { quote!(run) };
    let on = |engine: Tokens| quote!(::test_database::Engine::#engine.#run(super::#name));
    tests(&function, &[("sqlite", on(quote!(Sqlite))), ("postgres", on(quote!(Postgres)))]).into()
}

/// Makes two tests of `async fn claim(app: App)`, each with a server of its own in the process, on a free port, a fresh
/// folder and a fresh database. The function may return a `Result`.
///
/// `#[botserver_test(balanced)]` makes two more, `claim::spread` and `claim::sticky`: of two such servers on one
/// PostgreSQL behind a proxy that spreads the requests over them, or keeps each caller at one.
#[proc_macro_attribute]
pub fn botserver_test(options: TokenStream, function: TokenStream) -> TokenStream {
    let options = Tokens::from(options);
    let function = parse_macro_input!(function as ItemFn);
    let name = &function.sig.ident;
    let on =
        |engine: Tokens| quote!(::test_database::Engine::#engine.run(|| crate::support::run(super::#name)));
    let mut cases = vec![("sqlite", on(quote!(Sqlite))), ("postgres", on(quote!(Postgres)))];
    match options.to_string().as_str() {
        "" => {}
        "balanced" => {
            let behind = |balance: Tokens| quote!(crate::support::run_balanced(::test_servers::Balance::#balance, super::#name));
            cases.extend([("spread", behind(quote!(Spread))), ("sticky", behind(quote!(Sticky)))]);
        }
        _ => return syn::Error::new_spanned(options, "expected `balanced`").into_compile_error().into(),
    }
    tests(&function, &cases).into()
}

fn tests(function: &ItemFn, cases: &[(&str, Tokens)]) -> Tokens {
    let (attributes, (name, output)) = (&function.attrs, (&function.sig.ident, &function.sig.output));
    let (vis, sig, block) = (&function.vis, &function.sig, &function.block);
    let cases = cases.iter().map(|(case, run)| {
        let case = Ident::new(case, name.span());
        quote! {
            #(#attributes)*
            #[test]
            fn #case() #output {
                #run
            }
        }
    });
    quote! {
        #vis #sig #block

        mod #name {
            #[allow(unused_imports)]
            use super::*;

            #(#cases)*
        }
    }
}
