//! Conditions as jumps, so that a truth that only decides where to go on is never a value.

use super::Compiler;
use super::expressions::small_integer;
use crate::program::code::{Op, Target};
use crate::syntax::tree::{Binary, Expr, ExprKind, Unary};

impl Compiler<'_> {
    /// Jumps when the truth of a condition is `when`, else goes on. The jumps are left to be landed.
    pub(super) fn branch(&mut self, condition: &Expr, when: bool, jumps: &mut Vec<usize>) {
        let mark = self.mark();
        match &condition.kind {
            ExprKind::Unary(Unary::Not, inner) => self.branch(inner, !when, jumps),
            ExprKind::And(a, b) | ExprKind::Or(a, b) => {
                // With AND one false side decides, with OR one true side.
                let decides = matches!(condition.kind, ExprKind::Or(..));
                if when == decides {
                    self.branch(a, when, jumps);
                    self.branch(b, when, jumps);
                } else {
                    let mut decided = Vec::new();
                    self.branch(a, decides, &mut decided);
                    self.branch(b, when, jumps);
                    self.land(decided);
                }
            }
            ExprKind::Binary(
                operator @ (Binary::Equal
                | Binary::NotEqual
                | Binary::Less
                | Binary::LessEqual
                | Binary::Greater
                | Binary::GreaterEqual),
                a,
                b,
            ) => self.compare_branch(*operator, a, b, when, jumps),
            ExprKind::Between(value, low, high) => {
                let value = self.value_before(value, low);
                let from = self.reserve();
                let to = self.reserve();
                self.value_to(low, from);
                self.value_to(high, to);
                self.emit(Op::TestRange { a: value, low: from });
                if when {
                    let outside = self.jump();
                    jumps.push(self.jump());
                    self.land([outside]);
                } else {
                    jumps.push(self.jump());
                }
            }
            ExprKind::OneOf(value, options) => {
                let a = self.value(value);
                let mut found = Vec::new();
                for option in options {
                    let inner = self.mark();
                    let b = self.value(option);
                    self.emit(Op::TestEqual { a, b, want: false });
                    found.push(self.jump());
                    self.release(inner);
                }
                if when {
                    jumps.extend(found);
                } else {
                    jumps.push(self.jump());
                    self.land(found);
                }
            }
            _ => {
                let a = self.value(condition);
                let target = Target(0);
                let op = if when { Op::JumpIf { a, target } } else { Op::JumpIfNot { a, target } };
                jumps.push(self.emit(op));
            }
        }
        self.release(mark);
    }

    /// A test skips the jump behind it when the outcome is what it wants.
    fn compare_branch(&mut self, operator: Binary, a: &Expr, b: &Expr, when: bool, jumps: &mut Vec<usize>) {
        let want = !when;
        let small = small_integer(b);
        let left = self.value_before(a, b);
        let op = match (operator, small) {
            (Binary::Equal, Some(b)) => Op::TestEqualInt { a: left, b, want },
            (Binary::NotEqual, Some(b)) => Op::TestEqualInt { a: left, b, want: !want },
            (Binary::Less, Some(b)) => Op::TestLessInt { a: left, b, want },
            (Binary::GreaterEqual, Some(b)) => Op::TestLessInt { a: left, b, want: !want },
            (Binary::Greater, Some(b)) => Op::TestGreaterInt { a: left, b, want },
            (Binary::LessEqual, Some(b)) => Op::TestGreaterInt { a: left, b, want: !want },
            _ => {
                let right = self.value(b);
                let (a, b) = (left, right);
                match operator {
                    Binary::Equal => Op::TestEqual { a, b, want },
                    Binary::NotEqual => Op::TestEqual { a, b, want: !want },
                    Binary::Less => Op::TestLess { a, b, want },
                    Binary::LessEqual => Op::TestLessEqual { a, b, want },
                    Binary::Greater => Op::TestLess { a: b, b: a, want },
                    _ => Op::TestLessEqual { a: b, b: a, want },
                }
            }
        };
        self.emit(op);
        jumps.push(self.jump());
    }
}
