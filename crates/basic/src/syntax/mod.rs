//! Reading a script: text to tokens to a tree, with every error of the file.

mod blocks;
mod calls;
mod clauses;
mod commands;
mod conditions;
mod control;
mod declarations;
mod events;
mod expressions;
mod hearing;
mod lexer;
mod parser;
mod report;
mod roles;
mod statements;
mod strings;
mod suggest;
mod token;
pub(crate) mod tree;

pub(crate) use lexer::lex;
pub(crate) use parser::parse;
pub(crate) use report::{Lines, Reports};
pub(crate) use roles::{Layout, LineRole, layout_of};
pub(crate) use token::{Name, Names, Span};
