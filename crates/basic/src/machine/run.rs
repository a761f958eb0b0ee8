//! The loop over instructions.

use std::cmp::Ordering;
use std::sync::Arc;

use super::arithmetic::Arithmetic;
use super::errors::unknown_function;
use super::fault::{Checked, Fault};
use super::heap::Object;
use super::loops::has_turn;
use super::value::{CONSTANT, Value};
use super::{Frame, Machine, Trap};
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
                    self.attend(at, expired)?;
                }
            };
        }
        // What is neither kept in a register nor an error, but may have read much.
        macro_rules! weighed {
            ($result:expr) => {{
                let result = check!($result);
                attend!();
                result
            }};
        }
        // Keeps in a register what may have taken long or made much; the second macro, whether something is true.
        macro_rules! set {
            ($register:expr, $value:expr) => {{
                reg!($register) = $value;
                attend!();
            }};
        }
        macro_rules! truth {
            ($register:expr, $truth:expr) => {
                set!($register, Value::Bool($truth))
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
                        _ => check!(self.heap.add_small(a, b, offset)),
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
                        _ => weighed!(self.heap.subtract(a, b, offset)),
                    };
                }
                Op::Multiply { to, a, b } => {
                    let (a, b) = (reg!(a), reg!(b));
                    reg!(to) = match (a, b) {
                        (Value::Int(x), Value::Int(y)) if x.checked_mul(y).is_some() => {
                            Value::Int(x.wrapping_mul(y))
                        }
                        (Value::Float(x), Value::Float(y)) if (x * y).is_finite() => Value::Float(x * y),
                        _ => weighed!(self.heap.arithmetic(Arithmetic::Multiply, a, b)),
                    };
                }
                Op::MultiplyInt { to, a, b } => {
                    let a = reg!(a);
                    let b = i64::from(b);
                    reg!(to) = match a {
                        Value::Int(x) if x.checked_mul(b).is_some() => Value::Int(x.wrapping_mul(b)),
                        _ => weighed!(self.heap.arithmetic(Arithmetic::Multiply, a, Value::Int(b))),
                    };
                }
                Op::Divide { to, a, b } => {
                    reg!(to) = weighed!(self.heap.arithmetic(Arithmetic::Divide, reg!(a), reg!(b)));
                }
                Op::Modulo { to, a, b } => {
                    let (a, b) = (reg!(a), reg!(b));
                    reg!(to) = match (a, b) {
                        (Value::Int(x), Value::Int(y)) if x >= 0 && y > 0 => Value::Int(x % y),
                        _ => weighed!(self.heap.arithmetic(Arithmetic::Modulo, a, b)),
                    };
                }
                Op::Power { to, a, b } => {
                    reg!(to) = weighed!(self.heap.arithmetic(Arithmetic::Power, reg!(a), reg!(b)));
                }
                Op::Concat { to, a, b } => set!(to, check!(self.heap.concat(reg!(a), reg!(b)))),
                Op::Negate { to, a } => {
                    reg!(to) = match reg!(a) {
                        Value::Duration(micros) => Value::Duration(micros.saturating_neg()),
                        value => math::negate(weighed!(self.heap.to_number(value))).into(),
                    };
                }
                Op::Plus { to, a } => reg!(to) = weighed!(self.heap.to_number(reg!(a))).into(),
                Op::Not { to, a } => reg!(to) = Value::Bool(!self.heap.truth(reg!(a))),
                Op::Join { to, first, count } => {
                    let from = base + usize::from(first.0);
                    set!(to, check!(self.heap.joined(&self.stack[from..from + usize::from(count)])));
                }

                Op::Equal { to, a, b } => truth!(to, self.heap.equal(reg!(a), reg!(b), offset)),
                Op::NotEqual { to, a, b } => truth!(to, !self.heap.equal(reg!(a), reg!(b), offset)),
                Op::Less { to, a, b } => {
                    truth!(to, check!(self.heap.compare(reg!(a), reg!(b), offset)) == Ordering::Less);
                }
                Op::LessEqual { to, a, b } => {
                    truth!(to, check!(self.heap.compare(reg!(a), reg!(b), offset)) != Ordering::Greater);
                }
                Op::Xor { to, a, b } => {
                    reg!(to) = Value::Bool(self.heap.truth(reg!(a)) != self.heap.truth(reg!(b)));
                }
                Op::In { to, a, b } => truth!(to, check!(self.heap.is_in(reg!(a), reg!(b), offset))),
                Op::Like { to, a, b } => truth!(to, check!(self.heap.like(reg!(a), reg!(b)))),
                Op::Contains { to, a, b } => truth!(to, check!(self.heap.contains(reg!(a), reg!(b), offset))),
                Op::StartsWith { to, a, b } => truth!(to, check!(self.heap.starts_with(reg!(a), reg!(b)))),
                Op::EndsWith { to, a, b } => truth!(to, check!(self.heap.ends_with(reg!(a), reg!(b)))),
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
                        _ => weighed!(self.heap.compare(a, b, offset)) == Ordering::Less,
                    };
                    test!(less == want);
                }
                Op::TestLessEqual { a, b, want } => {
                    let (a, b) = (reg!(a), reg!(b));
                    let at_most = match (a, b) {
                        (Value::Int(x), Value::Int(y)) => x <= y,
                        (Value::Float(x), Value::Float(y)) => x <= y,
                        _ => weighed!(self.heap.compare(a, b, offset)) != Ordering::Greater,
                    };
                    test!(at_most == want);
                }
                Op::TestEqualInt { a, b, want } => {
                    let equal = match reg!(a) {
                        Value::Int(x) => x == i64::from(b),
                        value => weighed!(Ok(self.heap.equal(value, Value::Int(i64::from(b)), offset))),
                    };
                    test!(equal == want);
                }
                Op::TestLessInt { a, b, want } => {
                    let less = match reg!(a) {
                        Value::Int(x) => x < i64::from(b),
                        value => {
                            weighed!(self.heap.compare(value, Value::Int(i64::from(b)), offset))
                                == Ordering::Less
                        }
                    };
                    test!(less == want);
                }
                Op::TestGreaterInt { a, b, want } => {
                    let greater = match reg!(a) {
                        Value::Int(x) => x > i64::from(b),
                        value => {
                            weighed!(self.heap.compare(value, Value::Int(i64::from(b)), offset))
                                == Ordering::Greater
                        }
                    };
                    test!(greater == want);
                }
                Op::TestCase { a, b, operator } => {
                    let passed = self.heap.passes(reg!(a), operator, reg!(b), offset);
                    attend!();
                    test!(passed);
                }
                Op::TestRange { a, low } => {
                    let within = self.heap.is_between(reg!(a), reg!(low), reg!(Reg(low.0 + 1)), offset);
                    attend!();
                    test!(within);
                }

                Op::ForPrepare { counter, state } => {
                    let turns = check!(self.prepare_for(base, at, counter, state, expired));
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
                Op::EachPrepare { state, from } => self.prepare_each(base, state, from, None),
                Op::EachPrepareLast { state, from } => {
                    let count = check!(self.heap.to_integer(reg!(Reg(state.0 + 2))));
                    self.prepare_each(base, state, from, Some(count));
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
                    set!(to, self.heap.array(items));
                }
                Op::NewObject { to } => set!(to, self.heap.object(Object::default())),
                Op::InitMember { object, symbol, from } => {
                    check!(self.heap.set_exact_field(reg!(object), u32::from(symbol.0), reg!(from)));
                }
                Op::GetMember { to, object, symbol } => {
                    set!(to, check!(self.heap.member(reg!(object), u32::from(symbol.0), offset)));
                }
                Op::SetMember { object, symbol, from } => {
                    check!(self.heap.set_member(reg!(object), u32::from(symbol.0), reg!(from)));
                    attend!();
                }
                Op::GetIndex { to, object, index } => {
                    set!(to, check!(self.heap.index(reg!(object), reg!(index), offset)));
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
                        return Err(self.too_many_calls());
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
                Op::Finish { from } => stop!(Step::Finished(check!(self.heap.to_data(reg!(from))))),
                Op::Function { function, first, count } => {
                    let spec = &functions::ALL[usize::from(function.0)];
                    let from = base + usize::from(first.0);
                    let mut context =
                        Context { heap: &mut self.heap, now: self.now, random: &mut self.random };
                    let result = (spec.run)(&mut context, &self.stack[from..from + usize::from(count)]);
                    set!(first, check!(result));
                }
                Op::Talk { from } => stop!(Step::Talk(check!(self.say(reg!(from))))),
                Op::Print { from } => stop!(Step::Print(check!(self.say(reg!(from))))),
                Op::Effect { site } => {
                    self.note(at);
                    if let Some(step) = self.effect(&program, site, base)? {
                        return Ok(step);
                    }
                    attend!();
                }
                Op::Hear { question } => {
                    self.note(at);
                    return self.begin_hear(question.0);
                }
                Op::Throw { from } | Op::AssertFailed { message: from } => {
                    let message = check!(self.heap.display(reg!(from))).into_owned();
                    check!(Err(Fault::new(ErrorCode::Thrown, message)));
                }
                Op::UnknownFunction { name } => check!(Err(unknown_function(&program, name))),
                Op::OnErrorResume {} => self.set_trap(Trap::ResumeNext),
                Op::OnErrorStop {} => self.set_trap(Trap::Stop),
                Op::OnErrorGoto { target } => self.set_trap(Trap::Goto(target.0)),
                Op::ClearError {} => self.error = None,
                Op::GetError { to } => reg!(to) = Value::Bool(self.error.is_some()),
                Op::GetErrorNumber { to } => reg!(to) = self.error_number(),
                Op::GetErrorMessage { to } => reg!(to) = self.error_message(),
            }
        }
    }
}
