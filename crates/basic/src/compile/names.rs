//! Which variables a part of the tree reads, assigns and mentions.

use crate::syntax::tree::{
    Block, CaseTest, ClauseArguments, CommandCall, Expr, ExprKind, Hear, Statement, StatementKind,
};
use crate::syntax::{Name, Span};

/// What happens to a variable at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Read,
    Write,
    /// A word that is read if there is a variable of that name, and else stands for itself.
    Mention,
}

/// Calls `found` with each variable, where it stands, and what happens to it there.
pub(super) fn in_block(block: &Block, found: &mut impl FnMut(Name, Span, Use)) {
    for statement in block {
        in_statement(statement, found);
    }
}

fn in_statement(statement: &Statement, found: &mut impl FnMut(Name, Span, Use)) {
    match &statement.kind {
        StatementKind::Assign { place, value } => {
            in_expression(value, found);
            in_place(place, found);
        }
        StatementKind::If { branches, otherwise } => {
            for (condition, body) in branches {
                in_expression(condition, found);
                in_block(body, found);
            }
            in_block(otherwise, found);
        }
        StatementKind::ForEach { variable, source, last, body, .. } => {
            in_expression(source, found);
            last.iter().for_each(|last| in_expression(last, found));
            // A loop needs its variable, whether its body reads it or not.
            found(*variable, Span::default(), Use::Write);
            in_block(body, found);
        }
        StatementKind::For { variable, from, to, step, body, .. } => {
            in_expression(from, found);
            in_expression(to, found);
            step.iter().for_each(|step| in_expression(step, found));
            found(*variable, Span::default(), Use::Write);
            in_block(body, found);
        }
        StatementKind::Loop { before, after, body, .. } => {
            before.iter().for_each(|test| in_expression(&test.condition, found));
            in_block(body, found);
            after.iter().for_each(|test| in_expression(&test.condition, found));
        }
        StatementKind::Select { subject, cases, otherwise } => {
            in_expression(subject, found);
            for (tests, body) in cases {
                for test in tests {
                    match test {
                        CaseTest::Equal(value) | CaseTest::Compare(_, value) => in_expression(value, found),
                        CaseTest::Range(low, high) => {
                            in_expression(low, found);
                            in_expression(high, found);
                        }
                    }
                }
                in_block(body, found);
            }
            in_block(otherwise, found);
        }
        StatementKind::With { name, span, fields } => {
            fields.iter().for_each(|(_, value)| in_expression(value, found));
            found(*name, *span, Use::Write);
        }
        StatementKind::Return(value) => value.iter().for_each(|value| in_expression(value, found)),
        StatementKind::Throw(value) | StatementKind::Expression(value) => in_expression(value, found),
        StatementKind::Assert(condition, message) => {
            in_expression(condition, found);
            message.iter().for_each(|message| in_expression(message, found));
        }
        StatementKind::Hear { place, hear } => {
            in_hear(hear, found);
            in_place(place, found);
        }
        StatementKind::Parallel { begin, body, end } => {
            in_expression(begin, found);
            in_block(body, found);
            in_expression(end, found);
        }
        StatementKind::Handler { subject, .. } => in_expression(subject, found),
        StatementKind::Exit(_)
        | StatementKind::Continue
        | StatementKind::Goto(..)
        | StatementKind::Label(_)
        | StatementKind::OnError(_)
        | StatementKind::ClearError => {}
    }
}

fn in_place(place: &Expr, found: &mut impl FnMut(Name, Span, Use)) {
    match &place.kind {
        ExprKind::Variable(name) => found(*name, place.span, Use::Write),
        _ => in_expression(place, found),
    }
}

fn in_hear(hear: &Hear, found: &mut impl FnMut(Name, Span, Use)) {
    let given = [&hear.prompt, &hear.default, &hear.timeout];
    hear.options.iter().chain(given.into_iter().flatten()).for_each(|value| in_expression(value, found));
}

pub(super) fn in_expression(expression: &Expr, found: &mut impl FnMut(Name, Span, Use)) {
    match &expression.kind {
        ExprKind::Variable(name) => found(*name, expression.span, Use::Read),
        ExprKind::Bare(name, _) => found(*name, expression.span, Use::Mention),
        ExprKind::Command(call) => in_command(call, found),
        _ => expression.each_part(&mut |part| in_expression(part, found)),
    }
}

fn in_command(call: &CommandCall, found: &mut impl FnMut(Name, Span, Use)) {
    call.arguments.iter().for_each(|argument| in_expression(argument, found));
    for (_, arguments) in &call.clauses {
        match arguments {
            ClauseArguments::Values(values) => values.iter().for_each(|value| in_expression(value, found)),
            ClauseArguments::Fields(fields) => {
                fields.iter().for_each(|(_, value)| in_expression(value, found));
            }
            ClauseArguments::Condition(condition) => {
                condition.each_value(&mut |value| in_expression(value, found));
            }
            ClauseArguments::Place(place) => in_place(place, found),
            ClauseArguments::Order(_) => {}
        }
    }
}
