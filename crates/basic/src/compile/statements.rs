//! Statements to code.

use super::variables::Variable;
use super::{Compiler, LoopFrame, LoopKind};
use crate::program::StatementRange;
use crate::program::code::{Global, Op, Reg, Target};
use crate::syntax::tree::{
    Binary, Block, CaseTest, Exit, Expr, ExprKind, OnError, Statement, StatementKind, Test,
};
use crate::syntax::{Name, Span};

impl Compiler<'_> {
    pub(super) fn block(&mut self, block: &Block) {
        let top = std::mem::replace(&mut self.top, false);
        self.frame.blocks += 1;
        let id = self.frame.blocks;
        self.frame.path.push(id);
        let mut ended = false;
        for statement in block {
            if std::mem::take(&mut ended) && !matches!(statement.kind, StatementKind::Label(_)) {
                self.reports.warn("B103", statement.span, "this is never reached".into(), None);
            }
            self.statement(statement);
            ended = matches!(
                statement.kind,
                StatementKind::Return(_)
                    | StatementKind::Exit(_)
                    | StatementKind::Continue
                    | StatementKind::Goto(..)
            );
        }
        self.frame.path.pop();
        self.top = top;
    }

    pub(super) fn statement(&mut self, statement: &Statement) {
        let index = self.statements.len();
        let start = self.here();
        let position = self.position(statement.span);
        self.statements.push(StatementRange { start, end: start, position });
        let mark = self.mark();
        self.kind(&statement.kind, statement.span);
        self.release(mark);
        let end = self.here();
        if let Some(range) = self.statements.get_mut(index) {
            range.end = end;
        }
    }

    fn kind(&mut self, kind: &StatementKind, span: Span) {
        match kind {
            StatementKind::Assign { place, value } => self.assign(place, value),
            StatementKind::If { branches, otherwise } => self.if_statement(branches, otherwise),
            StatementKind::ForEach { variable, source, last, body, .. } => {
                self.for_each(*variable, source, last.as_ref(), body);
            }
            StatementKind::For { variable, from, to, step, body, .. } => {
                self.for_loop(*variable, [from, to], step.as_ref(), body);
            }
            StatementKind::Loop { before, after, body, is_while } => {
                self.loop_statement(before.as_ref(), after.as_ref(), body, *is_while);
            }
            StatementKind::Select { subject, cases, otherwise } => self.select(subject, cases, otherwise),
            StatementKind::With { name, fields, .. } => {
                let object = self.reserve();
                self.emit(Op::NewObject { to: object });
                for (field, value) in fields {
                    let mark = self.mark();
                    let from = self.value(value);
                    let symbol = self.symbol(field);
                    self.emit(Op::InitMember { object, symbol, from });
                    self.release(mark);
                }
                self.write(*name, object);
            }
            StatementKind::Return(value) => {
                let from = match value {
                    Some(value) => self.value(value),
                    None => self.null(),
                };
                self.emit(if self.frame.is_script { Op::Finish { from } } else { Op::Return { from } });
            }
            StatementKind::Exit(exit) => self.exit(*exit, span),
            StatementKind::Continue => {
                let jump = self.jump();
                match self.frame.loops.last_mut() {
                    Some(inner) => inner.continues.push(jump),
                    None => self.reports.error("B042", span, "CONTINUE outside a loop"),
                }
            }
            StatementKind::Throw(value) => {
                let from = self.value(value);
                self.emit(Op::Throw { from });
            }
            StatementKind::Assert(condition, message) => {
                let mut holds = Vec::new();
                self.branch(condition, true, &mut holds);
                let register = self.reserve();
                match message {
                    Some(message) => self.value_to(message, register),
                    None => self.load_text("the assertion does not hold", register),
                }
                self.emit(Op::AssertFailed { message: register });
                self.land(holds);
            }
            StatementKind::Goto(name, at) => {
                let jump = self.jump();
                self.frame.gotos.push((jump, *name, *at, self.frame.path.clone()));
                let hint = Some("loops, EXIT and CONTINUE say the same more clearly");
                self.reports.warn("B108", span, "GOTO makes a script hard to follow".into(), hint);
            }
            StatementKind::Label(name) => {
                let here = self.here();
                let path = self.frame.path.clone();
                if self.frame.labels.insert(*name, (here, path)).is_some() {
                    let message = format!("a label {} exists already", self.names.get(*name));
                    self.reports.error("B043", span, message);
                }
            }
            StatementKind::OnError(OnError::ResumeNext) => {
                self.emit(Op::OnErrorResume {});
            }
            StatementKind::OnError(OnError::Stop) => {
                self.emit(Op::OnErrorStop {});
            }
            StatementKind::OnError(OnError::Goto(name, at)) => {
                let op = self.emit(Op::OnErrorGoto { target: Target(0) });
                self.frame.gotos.push((op, *name, *at, self.frame.path.clone()));
            }
            StatementKind::ClearError => {
                self.emit(Op::ClearError {});
            }
            StatementKind::Hear { place, hear } => {
                let to = self.reserve();
                let shown = place_name(place, self.names);
                self.hear(hear, shown, to);
                self.store(place, to);
            }
            StatementKind::Expression(expression) => self.for_effect(expression, span),
            StatementKind::Parallel { begin, body, end } => {
                self.for_effect(begin, span);
                self.block(body);
                self.for_effect(end, span);
            }
            StatementKind::Handler { procedure, kind, subject } => {
                self.handler(*procedure, kind, subject, span);
            }
        }
    }

    /// A command or call whose value nothing is done with.
    fn for_effect(&mut self, expression: &Expr, span: Span) {
        if let ExprKind::Command(call) = &expression.kind {
            return self.command(call, expression.span, None);
        }
        if matches!(expression.kind, ExprKind::Variable(_)) {
            self.reports.warn("B109", span, "a value that nothing is done with".to_owned(), None);
        }
        let to = self.reserve();
        self.value_to(expression, to);
    }

    fn null(&mut self) -> Reg {
        let to = self.reserve();
        self.emit(Op::LoadNull { to });
        to
    }

    fn assign(&mut self, place: &Expr, value: &Expr) {
        if let ExprKind::Variable(name) = place.kind {
            self.note_joined(name, value);
        }
        if let ExprKind::Variable(name) = place.kind
            && let Variable::Local(to) = self.variable(name)
        {
            self.value_to(value, to);
            return;
        }
        let from = match value.kind {
            // What is written may be what is read while the place is evaluated.
            ExprKind::Variable(_) if matches!(place.kind, ExprKind::Variable(_)) => self.value(value),
            _ => {
                let from = self.reserve();
                self.value_to(value, from);
                from
            }
        };
        self.store(place, from);
    }

    /// Stores a register in a place.
    pub(super) fn store(&mut self, place: &Expr, from: Reg) {
        match &place.kind {
            ExprKind::Variable(name) => self.write(*name, from),
            ExprKind::Member(of, member) => {
                let object = self.value(of);
                let symbol = self.symbol(member);
                self.emit(Op::SetMember { object, symbol, from });
            }
            ExprKind::Index(of, index) => {
                let object = self.value(of);
                let index = self.value(index);
                self.emit(Op::SetIndex { object, index, from });
            }
            _ => {}
        }
    }

    fn if_statement(&mut self, branches: &[(Expr, Block)], otherwise: &Block) {
        let mut ends = Vec::new();
        for (index, (condition, body)) in branches.iter().enumerate() {
            let mut next = Vec::new();
            self.branch(condition, false, &mut next);
            self.block(body);
            if index + 1 < branches.len() || !otherwise.is_empty() {
                ends.push(self.jump());
            }
            self.land(next);
        }
        if !otherwise.is_empty() {
            self.block(otherwise);
        }
        self.land(ends);
    }

    fn enter(&mut self, kind: LoopKind) {
        self.frame.loops.push(LoopFrame { kind, exits: Vec::new(), continues: Vec::new() });
    }

    fn leave(&mut self) -> (Vec<usize>, Vec<usize>) {
        self.frame.loops.pop().map(|ended| (ended.exits, ended.continues)).unwrap_or_default()
    }

    fn for_each(&mut self, variable: Name, source: &Expr, last: Option<&Expr>, body: &Block) {
        let state = self.reserve();
        let (index, length) = (self.reserve(), self.reserve());
        let _ = index;
        let mark = self.mark();
        let from = self.value(source);
        match last {
            Some(last) => {
                self.value_to(last, length);
                self.emit(Op::EachPrepareLast { state, from });
            }
            None => {
                self.emit(Op::EachPrepare { state, from });
            }
        }
        self.release(mark);
        let top = self.here();
        let item = match self.variable(variable) {
            Variable::Local(register) => register,
            Variable::Global(_) => self.reserve(),
        };
        self.emit(Op::EachNext { state, to: item });
        let end = self.jump();
        if let Variable::Global(global) = self.variable(variable) {
            self.emit(Op::SetGlobal { global: Global(global), from: item });
        }
        self.enter(LoopKind::For);
        self.block(body);
        let (exits, continues) = self.leave();
        self.land(continues);
        self.loop_to(top);
        self.land(exits);
        self.land([end]);
    }

    fn for_loop(&mut self, variable: Name, bounds: [&Expr; 2], step: Option<&Expr>, body: &Block) {
        let place = self.variable(variable);
        let state = self.reserve();
        let step_register = self.reserve();
        let start = self.reserve();
        self.value_to(bounds[0], start);
        self.value_to(bounds[1], state);
        match step {
            Some(step) => self.value_to(step, step_register),
            None => self.load_integer(1, step_register),
        }
        let counter = match place {
            Variable::Local(register) => {
                self.emit(Op::Move { to: register, from: start });
                register
            }
            Variable::Global(_) => start,
        };
        self.emit(Op::ForPrepare { counter, state });
        let end = self.jump();
        let top = self.here();
        if let Variable::Global(global) = place {
            self.emit(Op::SetGlobal { global: Global(global), from: counter });
        }
        self.enter(LoopKind::For);
        self.block(body);
        let (exits, continues) = self.leave();
        self.land(continues);
        if let Variable::Global(global) = place {
            self.emit(Op::GetGlobal { to: counter, global: Global(global) });
        }
        self.emit(Op::ForNext { counter, state });
        self.loop_to(top);
        self.land(exits);
        self.land([end]);
    }

    fn loop_statement(&mut self, before: Option<&Test>, after: Option<&Test>, body: &Block, is_while: bool) {
        let top = self.here();
        let mut ends = Vec::new();
        if let Some(test) = before {
            self.branch(&test.condition, test.until, &mut ends);
        }
        self.enter(if is_while { LoopKind::While } else { LoopKind::Do });
        self.block(body);
        let (exits, continues) = self.leave();
        self.land(continues);
        if let Some(test) = after {
            self.branch(&test.condition, test.until, &mut ends);
        }
        self.loop_to(top);
        self.land(exits);
        self.land(ends);
    }

    fn select(&mut self, subject: &Expr, cases: &[(Vec<CaseTest>, Block)], otherwise: &Block) {
        let a = self.reserve();
        self.value_to(subject, a);
        let mut ends = Vec::new();
        for (tests, body) in cases {
            let mut matched = Vec::new();
            let mut missed = None;
            for test in tests {
                self.land(missed.take());
                let mark = self.mark();
                match test {
                    CaseTest::Equal(value) => {
                        let b = self.value(value);
                        self.emit(Op::TestCase { a, b, operator: 0 });
                    }
                    CaseTest::Compare(operator, value) => {
                        let b = self.value(value);
                        let operator = match operator {
                            Binary::NotEqual => 1,
                            Binary::Less => 2,
                            Binary::LessEqual => 3,
                            Binary::Greater => 4,
                            Binary::GreaterEqual => 5,
                            _ => 0,
                        };
                        self.emit(Op::TestCase { a, b, operator });
                    }
                    CaseTest::Range(low, high) => {
                        let from = self.reserve();
                        let to = self.reserve();
                        self.value_to(low, from);
                        self.value_to(high, to);
                        self.emit(Op::TestRange { a, low: from });
                    }
                }
                self.release(mark);
                missed = Some(self.jump());
                matched.push(self.jump());
            }
            self.land(matched);
            self.block(body);
            ends.push(self.jump());
            self.land(missed);
        }
        self.block(otherwise);
        self.land(ends);
    }

    fn exit(&mut self, exit: Exit, span: Span) {
        match exit {
            Exit::Script => {
                let from = self.null();
                self.emit(Op::Finish { from });
            }
            Exit::Procedure => {
                let from = self.null();
                self.emit(if self.frame.is_script { Op::Finish { from } } else { Op::Return { from } });
            }
            Exit::Loop | Exit::For | Exit::Do | Exit::While => {
                let jump = self.jump();
                let loops = &mut self.frame.loops;
                let innermost = |kind: LoopKind| loops.iter().rposition(|inner| inner.kind == kind);
                let left = match exit {
                    Exit::For => innermost(LoopKind::For),
                    // WHILE … DO and DO WHILE are mixed up often.
                    Exit::Do => innermost(LoopKind::Do).or_else(|| innermost(LoopKind::While)),
                    Exit::While => innermost(LoopKind::While).or_else(|| innermost(LoopKind::Do)),
                    _ => loops.len().checked_sub(1),
                };
                match left.and_then(|left| loops.get_mut(left)) {
                    Some(inner) => inner.exits.push(jump),
                    None => self.reports.error("B042", span, "there is no such loop to leave here"),
                }
            }
        }
    }
}

/// How a script writes a place.
fn place_name(place: &Expr, names: &crate::syntax::Names) -> String {
    match &place.kind {
        ExprKind::Variable(name) => names.get(*name).to_owned(),
        ExprKind::Member(of, member) => format!("{}.{member}", place_name(of, names)),
        ExprKind::Index(of, _) => place_name(of, names),
        _ => String::new(),
    }
}
