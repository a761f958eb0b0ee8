//! Reading a script: text to tokens to a tree, with every error of the file.

mod assignments;
mod blocks;
mod calls;
mod clauses;
mod commands;
mod comments;
mod conditions;
mod control;
mod declarations;
mod events;
mod expressions;
mod hearing;
mod lexer;
mod logical_lines;
mod operands;
mod parser;
mod report;
mod roles;
mod statements;
mod strings;
mod suggest;
mod text_blocks;
mod token;
pub(crate) mod tree;

pub(crate) use commands::plural;
pub(crate) use lexer::lex;
pub(crate) use parser::parse;
pub(crate) use report::{Lines, Reports};
pub(crate) use roles::{Layout, LineRole, layout_of};
pub(crate) use suggest::nearest;
pub(crate) use token::{Name, Names, Span};
