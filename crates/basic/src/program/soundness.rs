//! Whether a program that was read can run: everything it names exists, and it ends.

use super::code::{Bounds, Op, Reg};
use super::{Constant, Program, SiteFilter};
use crate::functions;

/// Whether every operand of a loaded program exists, so that running it needs no further checks.
pub(super) fn is_sound(program: &Program) -> bool {
    let Some(script) = program.procedures.first() else {
        return false;
    };
    let texts = program.texts.len();
    let constants = program.constants.iter().all(|constant| match constant {
        Constant::Text(index) => (*index as usize) < texts,
        _ => true,
    });
    let globals = program.variables.len();
    if !constants || globals > usize::from(script.registers) {
        return false;
    }
    let mut after = 0;
    for procedure in &program.procedures {
        let (start, end) = (procedure.start as usize, procedure.end as usize);
        if start != after || procedure.parameters > procedure.registers {
            return false;
        }
        let Some(code) = program.code.get(start..end) else {
            return false;
        };
        let bounds = Bounds {
            registers: procedure.registers,
            globals: globals as u16,
            start: procedure.start,
            end: procedure.end,
            constants: program.constants.len(),
            symbols: program.symbols.names.len(),
            procedures: program.procedures.len(),
            builtins: functions::ALL.len(),
            sites: program.sites.len(),
            questions: program.questions.len(),
        };
        let sound = code.iter().all(|op| op.fits(&bounds) && spans_fit(program, *op, procedure.registers))
            && code.iter().zip(procedure.start..).all(|(op, at)| jumps_well(*op, at));
        // Nothing runs over the end of a procedure, also not by skipping the jump after a test.
        let ends = matches!(code.last(), Some(Op::Return { .. } | Op::Finish { .. }))
            && code.len() >= 2
            && matches!(code.get(code.len() - 2), Some(Op::LoadNull { .. }));
        if !sound || !ends {
            return false;
        }
        after = end;
    }
    after == program.code.len() && statements_fit(program)
}

/// Whether statements stand in order, and each ends in the procedure it begins in: an error that ON ERROR catches goes
/// on at the end of its statement.
fn statements_fit(program: &Program) -> bool {
    program.statements.is_sorted_by_key(|statement| statement.start)
        && program.statements.iter().all(|statement| {
            let after = program.procedures.partition_point(|procedure| procedure.start <= statement.start);
            let own = after.checked_sub(1).and_then(|own| program.procedures.get(own));
            statement.start <= statement.end && own.is_some_and(|own| statement.end < own.end)
        })
}

/// Whether a jump goes the way its instruction says: back with `Loop` only, which is charged to the limits. A program
/// that went back for free could run for ever.
fn jumps_well(op: Op, at: u32) -> bool {
    match op {
        Op::Loop { target } => target.0 <= at,
        Op::Jump { target }
        | Op::JumpIf { target, .. }
        | Op::JumpIfNot { target, .. }
        | Op::JumpIfSome { target, .. } => target.0 > at,
        _ => true,
    }
}

/// Whether the runs of registers of an instruction exist.
fn spans_fit(program: &Program, op: Op, registers: u16) -> bool {
    let span = |first: Reg, count: u16| u32::from(first.0) + u32::from(count) <= u32::from(registers);
    match op {
        Op::Join { first, count, .. } | Op::NewArray { first, count, .. } => span(first, count),
        Op::Function { first, count, function } => {
            let Some(spec) = functions::ALL.get(usize::from(function.0)) else {
                return false;
            };
            let count_usize = usize::from(count);
            span(first, count.max(1)) && (spec.minimum..=spec.maximum).contains(&count_usize)
        }
        Op::Call { first, count, procedure } => {
            let Some(called) = program.procedures.get(usize::from(procedure.0)) else {
                return false;
            };
            span(first, count.max(1)) && count <= called.registers
        }
        Op::TestRange { low, .. } => span(low, 2),
        Op::ForPrepare { state, .. } | Op::ForNext { state, .. } => span(state, 2),
        Op::EachPrepare { state, .. } | Op::EachPrepareLast { state, .. } | Op::EachNext { state, .. } => {
            span(state, 3)
        }
        Op::Effect { site } => program.sites.get(usize::from(site.0)).is_some_and(|site| {
            let clauses = site.clauses.iter().all(|clause| span(clause.first, clause.count));
            let filter = match &site.filter {
                Some(SiteFilter::Bound { filter, first }) => {
                    u16::try_from(filter.holes).is_ok_and(|holes| span(*first, holes))
                }
                Some(SiteFilter::Text { argument }) => *argument < site.arguments,
                None => true,
            };
            span(site.first, site.arguments)
                && span(site.to, 1)
                && site.live <= registers
                && clauses
                && filter
        }),
        Op::Hear { question } => program.questions.get(usize::from(question.0)).is_some_and(|question| {
            let given = [question.prompt, question.default, question.timeout];
            span(question.first_option, question.options)
                && span(question.to, 1)
                && question.live <= registers
                && given.iter().flatten().all(|register| span(*register, 1))
        }),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Known, compile};

    const RUNS: &str = "\
FUNCTION add(a, b)
  RETURN a + b
END FUNCTION
list = [1, 2, 3]
FOR i = 1 TO 3
  TALK \"${i} of ${add(i, 2)}: \" + LEFT(\"abc\", i)
NEXT
FOR EACH entry IN list
  SELECT CASE entry
    CASE 1 TO 2
      TALK entry
  END SELECT
NEXT
";

    /// Where the registers begin that an instruction takes in a row, if it takes several.
    fn run_of(op: &mut Op) -> Option<&mut Reg> {
        match op {
            Op::Join { first, count, .. }
            | Op::NewArray { first, count, .. }
            | Op::Function { first, count, .. }
            | Op::Call { first, count, .. } => (*count > 1).then_some(first),
            Op::TestRange { low, .. } => Some(low),
            Op::ForPrepare { state, .. }
            | Op::ForNext { state, .. }
            | Op::EachPrepare { state, .. }
            | Op::EachPrepareLast { state, .. }
            | Op::EachNext { state, .. } => Some(state),
            _ => None,
        }
    }

    #[test]
    fn a_run_of_registers_that_leaves_its_procedure_is_refused() {
        let compiled = || compile("runs", RUNS, &Known::default()).program.unwrap();
        assert!(is_sound(&compiled()));
        let mut kinds = std::collections::HashSet::new();

        for at in 0..compiled().code.len() {
            let mut program = compiled();
            let last = program.procedures.iter().rfind(|procedure| procedure.start as usize <= at);
            let last = Reg(last.unwrap().registers - 1);
            let Some(first) = run_of(&mut program.code[at]) else { continue };
            *first = last;
            assert!(!is_sound(&program), "{:?}", program.code[at]);
            kinds.insert(std::mem::discriminant(&program.code[at]));
        }

        assert_eq!(kinds.len(), 9, "an instruction of each kind but FOR EACH from the last was moved");
    }
}
