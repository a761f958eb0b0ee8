//! The loop over instructions.

use std::cmp::Ordering;
use std::sync::Arc;

use super::fault::{Checked, Fault};
use super::heap::Object;
use super::loops::has_turn;
use super::operate::Arithmetic;
use super::value::{CONSTANT, Value};
use super::{Frame, Machine, Pending, Trap};
use crate::functions::{self, Context};
use crate::program::Constant;
use crate::program::code::{Op, Reg};
use crate::scalar::math;
use crate::step::{ErrorCode, Step};

impl Machine {
    #[expect(clippy::too_many_lines, reason = "one arm an instruction, in one loop over local variables")]
    /// Runs up to the next stop. On an error the running frame stands behind the instruction that failed.
    pub(super) fn execute(&mut self, expired: &mut dyn FnMut() -> bool) -> Checked<Step> {
        let program = Arc::clone(&self.program);
        let code = program.code.as_slice();
        let offset = *self.now.offset();
        // Up to here the run goes on without looking at its limits.
        let mut pause = self.next_pause();
        let Some(&Frame { base, at, .. }) = self.frames.last() else {
            return Err(Fault::unsound());
        };
        let mut base = base as usize;
        let mut at = at as usize;

        macro_rules! reg {
            ($register:expr) => {
                self.stack[base + $register.0 as usize]
            };
        }
        // Notes where an error came from.
        macro_rules! check {
            ($result:expr) => {
                match $result {
                    Ok(value) => value,
                    Err(fault) => {
                        self.note(at);
                        return Err(fault);
                    }
                }
            };
        }
        // The jump behind a test is taken when the test fails.
        macro_rules! test {
            ($passed:expr) => {
                if $passed {
                    at += 1;
                } else if let Some(&Op::Jump { target }) = code.get(at) {
                    at = target.0 as usize;
                }
            };
        }
        // After what may have taken long or made much.
        macro_rules! attend {
            () => {
                if self.heap.wants_attention() {
                    self.note(at);
                    self.check_work(expired)?;
                    if self.heap.wants_collection() {
                        self.collect()?;
                    }
                }
            };
        }
        macro_rules! stop {
            ($step:expr) => {{
                self.note(at);
                return Ok($step);
            }};
        }

        loop {
            let op = code[at];
            at += 1;
            match op {
                Op::Move { to, from } => reg!(to) = reg!(from),
                Op::LoadNull { to } => reg!(to) = Value::Null,
                Op::LoadBool { to, value } => reg!(to) = Value::Bool(value),
                Op::LoadInt { to, value } => reg!(to) = Value::Int(i64::from(value)),
                Op::LoadConstant { to, constant } => {
                    reg!(to) = match program.constants[constant.0 as usize] {
                        Constant::Integer(i) => Value::Int(i),
                        Constant::Float(f) => Value::Float(f),
                        Constant::Text(index) => {
                            let length = program.texts[index as usize].len() as u32;
                            Value::Text { place: CONSTANT | index, length }
                        }
                    };
                }
                Op::GetGlobal { to, global } => reg!(to) = self.stack[global.0 as usize],
                Op::SetGlobal { global, from } => self.stack[global.0 as usize] = reg!(from),

                Op::Add { to, a, b } => {
                    let (a, b) = (reg!(a), reg!(b));
                    reg!(to) = match (a, b) {
                        (Value::Int(x), Value::Int(y)) if x.checked_add(y).is_some() => {
                            Value::Int(x.wrapping_add(y))
                        }
                        (Value::Float(x), Value::Float(y)) if (x + y).is_finite() => Value::Float(x + y),
                        _ => check!(self.heap.add(a, b, offset)),
                    };
                    attend!();
                }
                Op::AddInt { to, a, b } => {
                    let a = reg!(a);
                    reg!(to) = match a {
                        Value::Int(x) if x.checked_add(i64::from(b)).is_some() => {
                            Value::Int(x.wrapping_add(i64::from(b)))
                        }
                        // A date some seconds earlier, a text with a number: what `+` does. `-` never joins texts.
                        Value::Text { .. } if b < 0 => {
                            check!(self.heap.subtract(a, Value::Int(-i64::from(b)), offset))
                        }
                        _ => check!(self.heap.add(a, Value::Int(i64::from(b)), offset)),
                    };
                    attend!();
                }
                Op::Subtract { to, a, b } => {
                    let (a, b) = (reg!(a), reg!(b));
                    reg!(to) = match (a, b) {
                        (Value::Int(x), Value::Int(y)) if x.checked_sub(y).is_some() => {
                            Value::Int(x.wrapping_sub(y))
                        }
                        (Value::Float(x), Value::Float(y)) if (x - y).is_finite() => Value::Float(x - y),
                        _ => check!(self.heap.subtract(a, b, offset)),
                    };
                }
                Op::Multiply { to, a, b } => {
                    let (a, b) = (reg!(a), reg!(b));
                    reg!(to) = match (a, b) {
                        (Value::Int(x), Value::Int(y)) if x.checked_mul(y).is_some() => {
                            Value::Int(x.wrapping_mul(y))
                        }
                        (Value::Float(x), Value::Float(y)) if (x * y).is_finite() => Value::Float(x * y),
                        _ => check!(self.heap.arithmetic(Arithmetic::Multiply, a, b)),
                    };
                }
                Op::MultiplyInt { to, a, b } => {
                    let a = reg!(a);
                    let b = i64::from(b);
                    reg!(to) = match a {
                        Value::Int(x) if x.checked_mul(b).is_some() => Value::Int(x.wrapping_mul(b)),
                        _ => check!(self.heap.arithmetic(Arithmetic::Multiply, a, Value::Int(b))),
                    };
                }
                Op::Divide { to, a, b } => {
                    reg!(to) = check!(self.heap.arithmetic(Arithmetic::Divide, reg!(a), reg!(b)));
                }
                Op::Modulo { to, a, b } => {
                    let (a, b) = (reg!(a), reg!(b));
                    reg!(to) = match (a, b) {
                        (Value::Int(x), Value::Int(y)) if x >= 0 && y > 0 => Value::Int(x % y),
                        _ => check!(self.heap.arithmetic(Arithmetic::Modulo, a, b)),
                    };
                }
                Op::Power { to, a, b } => {
                    reg!(to) = check!(self.heap.arithmetic(Arithmetic::Power, reg!(a), reg!(b)));
                }
                Op::Concat { to, a, b } => {
                    let (a, b) = (reg!(a), reg!(b));
                    reg!(to) = match (a, b) {
                        (Value::Text { place, length }, Value::Text { place: other, length: count }) => {
                            check!(self.heap.append_value((place, length), (other, count)))
                        }
                        _ => check!(self.heap.concat(a, b)),
                    };
                    attend!();
                }
                Op::Negate { to, a } => {
                    reg!(to) = match reg!(a) {
                        Value::Duration(micros) => Value::Duration(micros.saturating_neg()),
                        value => math::negate(check!(self.heap.to_number(value))).into(),
                    };
                }
                Op::Plus { to, a } => reg!(to) = check!(self.heap.to_number(reg!(a))).into(),
                Op::Not { to, a } => reg!(to) = Value::Bool(!self.heap.truth(reg!(a))),
                Op::Join { to, first, count } => {
                    let mut text = String::new();
                    let from = base + usize::from(first.0);
                    for index in from..from + usize::from(count) {
                        check!(self.heap.display_into(self.stack[index], &mut text));
                    }
                    reg!(to) = check!(self.heap.checked_text(text));
                    attend!();
                }

                Op::Equal { to, a, b } => {
                    reg!(to) = Value::Bool(self.heap.equal(reg!(a), reg!(b), offset));
                    attend!();
                }
                Op::NotEqual { to, a, b } => {
                    reg!(to) = Value::Bool(!self.heap.equal(reg!(a), reg!(b), offset));
                    attend!();
                }
                Op::Less { to, a, b } => {
                    let order = check!(self.heap.compare(reg!(a), reg!(b), offset));
                    reg!(to) = Value::Bool(order == Ordering::Less);
                    attend!();
                }
                Op::LessEqual { to, a, b } => {
                    let order = check!(self.heap.compare(reg!(a), reg!(b), offset));
                    reg!(to) = Value::Bool(order != Ordering::Greater);
                    attend!();
                }
                Op::Xor { to, a, b } => {
                    reg!(to) = Value::Bool(self.heap.truth(reg!(a)) != self.heap.truth(reg!(b)));
                }
                Op::In { to, a, b } => {
                    reg!(to) = Value::Bool(check!(self.heap.is_in(reg!(a), reg!(b), offset)));
                    attend!();
                }
                Op::Like { to, a, b } => {
                    reg!(to) = Value::Bool(check!(self.heap.like(reg!(a), reg!(b))));
                    attend!();
                }
                Op::Contains { to, a, b } => {
                    reg!(to) = Value::Bool(check!(self.heap.contains(reg!(a), reg!(b), offset)));
                    attend!();
                }
                Op::StartsWith { to, a, b } => {
                    let whole = check!(self.heap.display(reg!(a)));
                    let starts = whole.starts_with(&*check!(self.heap.display(reg!(b))));
                    reg!(to) = Value::Bool(starts);
                    attend!();
                }
                Op::EndsWith { to, a, b } => {
                    let whole = check!(self.heap.display(reg!(a)));
                    let ends = whole.ends_with(&*check!(self.heap.display(reg!(b))));
                    reg!(to) = Value::Bool(ends);
                    attend!();
                }
                Op::IsNull { to, a } => reg!(to) = Value::Bool(self.heap.is_null(reg!(a))),

                Op::Jump { target } => at = target.0 as usize,
                Op::Loop { target } => {
                    // What was run since the target is charged at once.
                    self.counts.stop += (at - target.0 as usize) as u64;
                    if self.counts.stop > pause {
                        self.note(at);
                        pause = self.passed_pause(expired)?;
                    }
                    at = target.0 as usize;
                }
                Op::JumpIf { a, target } => {
                    if self.heap.truth(reg!(a)) {
                        at = target.0 as usize;
                    }
                }
                Op::JumpIfNot { a, target } => {
                    if !self.heap.truth(reg!(a)) {
                        at = target.0 as usize;
                    }
                }
                Op::JumpIfSome { a, target } => {
                    if !self.heap.is_null(reg!(a)) {
                        at = target.0 as usize;
                    }
                }
                Op::TestEqual { a, b, want } => {
                    let (a, b) = (reg!(a), reg!(b));
                    let equal = match (a, b) {
                        (Value::Int(x), Value::Int(y)) => x == y,
                        _ => self.heap.equal(a, b, offset),
                    };
                    attend!();
                    test!(equal == want);
                }
                Op::TestLess { a, b, want } => {
                    let (a, b) = (reg!(a), reg!(b));
                    let less = match (a, b) {
                        (Value::Int(x), Value::Int(y)) => x < y,
                        (Value::Float(x), Value::Float(y)) => x < y,
                        _ => check!(self.heap.compare(a, b, offset)) == Ordering::Less,
                    };
                    test!(less == want);
                }
                Op::TestLessEqual { a, b, want } => {
                    let (a, b) = (reg!(a), reg!(b));
                    let at_most = match (a, b) {
                        (Value::Int(x), Value::Int(y)) => x <= y,
                        (Value::Float(x), Value::Float(y)) => x <= y,
                        _ => check!(self.heap.compare(a, b, offset)) != Ordering::Greater,
                    };
                    test!(at_most == want);
                }
                Op::TestEqualInt { a, b, want } => {
                    let equal = match reg!(a) {
                        Value::Int(x) => x == i64::from(b),
                        value => self.heap.equal(value, Value::Int(i64::from(b)), offset),
                    };
                    test!(equal == want);
                }
                Op::TestLessInt { a, b, want } => {
                    let less = match reg!(a) {
                        Value::Int(x) => x < i64::from(b),
                        value => {
                            check!(self.heap.compare(value, Value::Int(i64::from(b)), offset))
                                == Ordering::Less
                        }
                    };
                    test!(less == want);
                }
                Op::TestGreaterInt { a, b, want } => {
                    let greater = match reg!(a) {
                        Value::Int(x) => x > i64::from(b),
                        value => {
                            check!(self.heap.compare(value, Value::Int(i64::from(b)), offset))
                                == Ordering::Greater
                        }
                    };
                    test!(greater == want);
                }
                Op::TestCase { a, b, operator } => {
                    let (a, b) = (reg!(a), reg!(b));
                    let passed = match operator {
                        0 => self.heap.equal(a, b, offset),
                        1 => !self.heap.equal(a, b, offset),
                        _ => self.heap.order(a, b, offset).is_some_and(|order| match operator {
                            2 => order == Ordering::Less,
                            3 => order != Ordering::Greater,
                            4 => order == Ordering::Greater,
                            _ => order != Ordering::Less,
                        }),
                    };
                    attend!();
                    test!(passed);
                }
                Op::TestRange { a, low } => {
                    let (a, high) = (reg!(a), Reg(low.0 + 1));
                    let from =
                        self.heap.order(a, reg!(low), offset).is_some_and(|order| order != Ordering::Less);
                    let to = self
                        .heap
                        .order(a, reg!(high), offset)
                        .is_some_and(|order| order != Ordering::Greater);
                    attend!();
                    test!(from && to);
                }

                Op::ForPrepare { counter, state } => {
                    let step = Reg(state.0 + 1);
                    for register in [counter, state, step] {
                        let number = check!(self.heap.to_number(reg!(register)));
                        reg!(register) = number.into();
                    }
                    if check!(self.heap.to_number(reg!(step))).is_zero() {
                        check!(Err(Fault::argument("the STEP of the loop is 0")));
                    }
                    let turns = has_turn(reg!(counter), reg!(state), reg!(step));
                    test!(turns);
                }
                Op::ForNext { counter, state } => {
                    let step = Reg(state.0 + 1);
                    let (count, limit, by) = (reg!(counter), reg!(state), reg!(step));
                    let turns = match (count, limit, by) {
                        (Value::Int(count), Value::Int(limit), Value::Int(by)) => match count.checked_add(by)
                        {
                            Some(next) => {
                                reg!(counter) = Value::Int(next);
                                if by > 0 { next <= limit } else { next >= limit }
                            }
                            None => false,
                        },
                        _ => {
                            let next = math::add(
                                check!(self.heap.to_number(count)),
                                check!(self.heap.to_number(by)),
                            );
                            reg!(counter) = Value::from(check!(next.map_err(Box::<Fault>::from)));
                            has_turn(reg!(counter), limit, by)
                        }
                    };
                    if !turns {
                        at += 1;
                    }
                }
                Op::EachPrepare { state, from } => {
                    let value = reg!(from);
                    let walked = self.walked(value);
                    let length = self.heap.items(walked).map_or(0, <[Value]>::len);
                    reg!(state) = walked;
                    reg!(Reg(state.0 + 1)) = Value::Int(0);
                    reg!(Reg(state.0 + 2)) = Value::Int(length as i64);
                }
                Op::EachPrepareLast { state, from } => {
                    let count = check!(self.heap.to_integer(reg!(Reg(state.0 + 2)))).max(0);
                    let value = reg!(from);
                    let walked = self.walked(value);
                    let length = self.heap.items(walked).map_or(0, <[Value]>::len) as i64;
                    reg!(state) = walked;
                    reg!(Reg(state.0 + 1)) = Value::Int((length - count).max(0));
                    reg!(Reg(state.0 + 2)) = Value::Int(length);
                }
                Op::EachNext { state, to } => {
                    let (index, length) = (reg!(Reg(state.0 + 1)), reg!(Reg(state.0 + 2)));
                    let has_next = match (index, length) {
                        (Value::Int(index), Value::Int(length)) if index < length => {
                            let items = self.heap.items(reg!(state)).unwrap_or_default();
                            // An array that became shorter meanwhile gives null.
                            let item = items.get(index as usize).copied().unwrap_or(Value::Null);
                            reg!(Reg(state.0 + 1)) = Value::Int(index + 1);
                            reg!(to) = item;
                            true
                        }
                        _ => false,
                    };
                    test!(has_next);
                }

                Op::NewArray { to, first, count } => {
                    let items = self.values(base, first, count).to_vec();
                    reg!(to) = self.heap.array(items);
                    attend!();
                }
                Op::NewObject { to } => {
                    reg!(to) = self.heap.object(Object::default());
                    attend!();
                }
                Op::InitMember { object, symbol, from } => {
                    check!(self.heap.set_field(reg!(object), u32::from(symbol.0), reg!(from)));
                }
                Op::GetMember { to, object, symbol } => {
                    reg!(to) = check!(self.heap.member(reg!(object), u32::from(symbol.0), offset));
                    attend!();
                }
                Op::SetMember { object, symbol, from } => {
                    check!(self.heap.set_member(reg!(object), u32::from(symbol.0), reg!(from)));
                    attend!();
                }
                Op::GetIndex { to, object, index } => {
                    reg!(to) = check!(self.heap.index(reg!(object), reg!(index), offset));
                    attend!();
                }
                Op::SetIndex { object, index, from } => {
                    check!(self.heap.set_index(reg!(object), reg!(index), reg!(from)));
                    attend!();
                }

                Op::Call { procedure, first, count } => {
                    self.note(at);
                    let called = &program.procedures[usize::from(procedure.0)];
                    self.counts.stop += 4;
                    if self.frames.len() > self.limits.call_depth as usize {
                        return Err(Fault::limit(format!(
                            "more than {} procedures wait for each other",
                            self.limits.call_depth
                        )));
                    }
                    if self.counts.stop > pause {
                        pause = self.passed_pause(expired)?;
                    }
                    base += usize::from(first.0);
                    let end = base + usize::from(called.registers);
                    if self.stack.len() < end {
                        self.stack.resize(end, Value::Null);
                    }
                    self.stack[base + usize::from(count)..end].fill(Value::Null);
                    at = called.start as usize;
                    let frame = Frame {
                        procedure: procedure.0,
                        base: base as u32,
                        at: called.start,
                        trap: Trap::Stop,
                    };
                    self.frames.push(frame);
                }
                Op::Return { from } => {
                    let value = reg!(from);
                    reg!(Reg(0)) = value;
                    self.frames.pop();
                    let Some(&frame) = self.frames.last() else {
                        return Err(Fault::unsound());
                    };
                    base = frame.base as usize;
                    at = frame.at as usize;
                }
                Op::Finish { from } => {
                    self.note(at);
                    let data = self.heap.to_data(reg!(from))?;
                    return Ok(Step::Finished(data));
                }
                Op::Function { function, first, count } => {
                    let spec = &functions::ALL[usize::from(function.0)];
                    let from = base + usize::from(first.0);
                    let mut context =
                        Context { heap: &mut self.heap, now: self.now, random: &mut self.random };
                    let result = (spec.run)(&mut context, &self.stack[from..from + usize::from(count)]);
                    reg!(first) = check!(result);
                    attend!();
                }
                Op::Talk { from } => {
                    let text = check!(self.heap.display(reg!(from))).into_owned();
                    self.pending = Pending::Said;
                    stop!(Step::Talk(text));
                }
                Op::Print { from } => {
                    let text = check!(self.heap.display(reg!(from))).into_owned();
                    self.pending = Pending::Said;
                    stop!(Step::Print(text));
                }
                Op::Effect { site } => {
                    self.note(at);
                    let position =
                        self.frames.last().map(|frame| self.position_of(frame)).unwrap_or_default();
                    let given = &program.sites[usize::from(site.0)];
                    if let Some(value) = self.in_memory(given, base)? {
                        reg!(given.to) = value;
                        attend!();
                        continue;
                    }
                    let command = self.command(given, base, position)?;
                    self.pending = Pending::Effect(site.0);
                    return Ok(Step::Command(Box::new(command)));
                }
                Op::Hear { question } => {
                    self.note(at);
                    return self.begin_hear(question.0);
                }
                Op::Throw { from } => {
                    let message = check!(self.heap.display(reg!(from))).into_owned();
                    check!(Err(Fault::new(ErrorCode::Thrown, message)));
                }
                Op::AssertFailed { message } => {
                    let message = check!(self.heap.display(reg!(message))).into_owned();
                    check!(Err(Fault::new(ErrorCode::Thrown, message)));
                }
                Op::UnknownFunction { name } => {
                    let name = match program.constants[usize::from(name.0)] {
                        Constant::Text(index) => &*program.texts[index as usize],
                        _ => "",
                    };
                    check!(Err(Fault::new(ErrorCode::Unknown, format!("unknown function {name}"))));
                }
                Op::OnErrorResume {} => self.set_trap(Trap::ResumeNext),
                Op::OnErrorStop {} => self.set_trap(Trap::Stop),
                Op::OnErrorGoto { target } => self.set_trap(Trap::Goto(target.0)),
                Op::ClearError {} => self.error = None,
                Op::GetError { to } => reg!(to) = Value::Bool(self.error.is_some()),
                Op::GetErrorNumber { to } => {
                    reg!(to) = Value::Int(self.error.as_ref().map_or(0, |(number, _)| *number));
                }
                Op::GetErrorMessage { to } => {
                    let message = self.error.as_ref().map(|(_, message)| message.clone()).unwrap_or_default();
                    reg!(to) = self.heap.text(message);
                }
            }
        }
    }

    /// Keeps where the running frame stands.
    #[inline]
    pub(super) fn note(&mut self, at: usize) {
        if let Some(frame) = self.frames.last_mut() {
            frame.at = at as u32;
        }
    }

    pub(super) fn set_trap(&mut self, trap: Trap) {
        if let Some(frame) = self.frames.last_mut() {
            frame.trap = trap;
        }
    }
}
