//! Reading a script: text to tokens to a tree, with every error of the file.

mod blocks;
mod calls;
mod declarations;
mod expressions;
mod lexer;
mod parser;
mod report;
mod roles;
mod statements;
mod token;
pub(crate) mod tree;

pub(crate) use lexer::lex;
pub(crate) use parser::parse;
pub(crate) use report::{Lines, Reports};
pub(crate) use roles::{Layout, LineRole, layout_of};
pub(crate) use token::{Name, Names, Span};
