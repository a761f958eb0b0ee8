//! The stored form of programs.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::code::{Op, Operand, Reg};
use super::codec::{Corrupt, Decoded, Reader, Writer};
use super::soundness::is_sound;
use super::{
    Constant, Declarations, Procedure, Program, ProgramHash, Question, Site, SiteClause, SiteFilter,
    StatementRange, Symbols,
};
use crate::commands;
use crate::hear::HearKind;
use crate::step::Position;

const MAGIC: &[u8; 4] = b"BASP";

/// Changes with every change of the instructions, the functions' numbers or this form.
pub(crate) const FORMAT: u64 = 1;

/// Why bytes are no program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Written by another version of the language.
    #[error("the program has format {found}, this is format {FORMAT}; compile the script again")]
    Format {
        /// The format of the bytes.
        found: u64,
    },
    /// Not a program, or damaged.
    #[error("the bytes are no program or damaged")]
    Corrupt,
}

impl From<Corrupt> for LoadError {
    fn from(_: Corrupt) -> Self {
        Self::Corrupt
    }
}

impl Program {
    /// Reads what [`Program::to_bytes`] gave. Nothing in the bytes can make a machine panic.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LoadError> {
        let mut reader = Reader::new(bytes);
        if reader.take(4)? != MAGIC {
            return Err(LoadError::Corrupt);
        }
        let found = reader.number()?;
        if found != FORMAT {
            return Err(LoadError::Format { found });
        }
        let mut program = read(&mut reader)?;
        if !reader.is_empty() || !is_sound(&program) {
            return Err(LoadError::Corrupt);
        }
        program.hash = hash_of(bytes);
        program.stored = bytes.to_vec();
        Ok(program)
    }

    /// Makes the stored form and the hash of a program that was just compiled.
    pub(crate) fn seal(mut self) -> Self {
        let mut writer = Writer::default();
        writer.bytes.extend_from_slice(MAGIC);
        writer.number(FORMAT);
        write(&self, &mut writer);
        self.hash = hash_of(&writer.bytes);
        self.stored = writer.bytes;
        self
    }
}

fn hash_of(bytes: &[u8]) -> ProgramHash {
    ProgramHash(Sha256::digest(bytes).into())
}

fn write(program: &Program, w: &mut Writer) {
    w.text(&program.name);
    w.number(program.texts.len() as u64);
    for text in program.texts.iter() {
        w.text(text);
    }
    w.number(program.constants.len() as u64);
    for constant in &program.constants {
        match *constant {
            Constant::Integer(value) => {
                w.byte(0);
                w.signed(value);
            }
            Constant::Float(value) => {
                w.byte(1);
                w.float(value);
            }
            Constant::Text(index) => {
                w.byte(2);
                w.number(u64::from(index));
            }
        }
    }
    w.number(program.symbols.names.len() as u64);
    for (name, _) in &program.symbols.names {
        w.text(name);
    }
    w.number(program.variables.len() as u64);
    for variable in &program.variables {
        w.text(variable);
    }
    w.number(program.procedures.len() as u64);
    for procedure in &program.procedures {
        w.text(&procedure.name);
        w.number(procedure.parameters.into());
        w.number(procedure.registers.into());
        w.number(procedure.start.into());
        w.number(procedure.end.into());
    }
    w.number(program.sites.len() as u64);
    for site in &program.sites {
        write_site(site, w);
    }
    w.number(program.questions.len() as u64);
    for question in &program.questions {
        w.text(&question.variable);
        w.text(question.kind.name());
        w.byte(match question.kind {
            HearKind::Any => 1,
            HearKind::OpenMenu => 2,
            _ => 0,
        });
        w.number(question.first_option.0.into());
        w.number(question.options.into());
        for register in [question.prompt, question.default, question.timeout] {
            w.number(register.map_or(0, |Reg(register)| u64::from(register) + 1));
        }
        w.number(question.to.0.into());
        w.number(question.live.into());
    }
    w.number(program.statements.len() as u64);
    let (mut start, mut line) = (0u32, 0u32);
    for statement in &program.statements {
        // Differences are small.
        w.number(u64::from(statement.start - start));
        w.number(u64::from(statement.end - statement.start));
        w.signed(i64::from(statement.position.line) - i64::from(line));
        w.number(statement.position.column.into());
        (start, line) = (statement.start, statement.position.line);
    }
    w.number(program.code.len() as u64);
    for op in &program.code {
        op.write(w);
    }
    // Declarations are read by hosts, rarely and not in haste.
    w.text(&serde_json::to_string(&program.declarations).unwrap_or_default());
}

fn write_site(site: &Site, w: &mut Writer) {
    w.text(site.command.phrase);
    w.text(site.name.as_deref().unwrap_or_default());
    site.first.write(w);
    w.number(site.arguments.into());
    w.number(site.clauses.len() as u64);
    for clause in &site.clauses {
        w.text(clause.name);
        clause.first.write(w);
        w.number(clause.count.into());
        w.byte(u8::from(clause.fields.is_some()));
        for name in clause.fields.iter().flatten() {
            w.text(name);
        }
    }
    match &site.filter {
        None => w.byte(0),
        Some(SiteFilter::Bound { filter, first }) => {
            w.byte(1);
            w.text(&serde_json::to_string(filter).unwrap_or_default());
            first.write(w);
        }
        Some(SiteFilter::Text { argument }) => {
            w.byte(2);
            w.number((*argument).into());
        }
    }
    site.to.write(w);
    w.number(site.live.into());
}

fn list<T>(r: &mut Reader<'_>, mut read: impl FnMut(&mut Reader<'_>) -> Decoded<T>) -> Decoded<Vec<T>> {
    let count = r.count()?;
    (0..count).map(|_| read(r)).collect()
}

fn read(r: &mut Reader<'_>) -> Decoded<Program> {
    let name = r.text()?.to_owned();
    let texts = list(r, |r| Ok(Box::<str>::from(r.text()?)))?;
    let constants = list(r, |r| {
        Ok(match r.byte()? {
            0 => Constant::Integer(r.signed()?),
            1 => Constant::Float(r.float()?),
            2 => Constant::Text(r.number_as()?),
            _ => return Err(Corrupt),
        })
    })?;
    let mut symbols = Symbols::default();
    let names = list(r, |r| r.text().map(str::to_owned))?;
    for (number, name) in names.iter().enumerate() {
        // A folded name stands right behind the first that needs it, where interning has put it already.
        if symbols.intern(name) as usize != number {
            return Err(Corrupt);
        }
    }
    if symbols.names.len() != names.len() {
        return Err(Corrupt);
    }
    let variables = list(r, |r| r.text().map(str::to_owned))?;
    let procedures = list(r, |r| {
        Ok(Procedure {
            name: r.text()?.to_owned(),
            parameters: r.number_as()?,
            registers: r.number_as()?,
            start: r.number_as()?,
            end: r.number_as()?,
        })
    })?;
    let sites = list(r, read_site)?;
    let questions = list(r, read_question)?;
    let (mut start, mut line) = (0u32, 0u32);
    let statements = list(r, |r| {
        start = start.checked_add(r.number_as()?).ok_or(Corrupt)?;
        let end = start.checked_add(r.number_as()?).ok_or(Corrupt)?;
        line =
            u32::try_from(i64::from(line).checked_add(r.signed()?).ok_or(Corrupt)?).map_err(|_| Corrupt)?;
        Ok(StatementRange { start, end, position: Position { line, column: r.number_as()? } })
    })?;
    let code = list(r, Op::read)?;
    let declarations: Declarations = serde_json::from_str(r.text()?).map_err(|_| Corrupt)?;
    Ok(Program {
        name,
        hash: ProgramHash([0; 32]),
        code,
        procedures,
        constants,
        texts: texts.into(),
        symbols: Arc::new(symbols),
        variables,
        sites,
        questions,
        statements,
        declarations,
        stored: Vec::new(),
    })
}

fn read_site(r: &mut Reader<'_>) -> Decoded<Site> {
    let command = commands::find(r.text()?).ok_or(Corrupt)?;
    let name = Some(r.text()?).filter(|name| !name.is_empty()).map(str::to_owned);
    let first = Reg::read(r)?;
    let arguments = r.number_as()?;
    let clauses = list(r, |r| {
        let word = r.text()?;
        let name =
            command.clauses.iter().map(|clause| clause.name).chain(["VALUES"]).find(|name| *name == word);
        let name = name.ok_or(Corrupt)?;
        let first = Reg::read(r)?;
        let count: u16 = r.number_as()?;
        let fields = if r.bool()? {
            Some((0..count).map(|_| r.text().map(str::to_owned)).collect::<Decoded<_>>()?)
        } else {
            None
        };
        Ok(SiteClause { name, first, fields, count })
    })?;
    let filter = match r.byte()? {
        0 => None,
        1 => {
            let filter = serde_json::from_str(r.text()?).map_err(|_| Corrupt)?;
            Some(SiteFilter::Bound { filter, first: Reg::read(r)? })
        }
        2 => Some(SiteFilter::Text { argument: r.number_as()? }),
        _ => return Err(Corrupt),
    };
    Ok(Site { command, name, first, arguments, clauses, filter, to: Reg::read(r)?, live: r.number_as()? })
}

fn read_question(r: &mut Reader<'_>) -> Decoded<Question> {
    let variable = r.text()?.to_owned();
    let word = r.text()?;
    let kind = match r.byte()? {
        1 => HearKind::Any,
        2 => HearKind::OpenMenu,
        _ => HearKind::from_word(word).ok_or(Corrupt)?,
    };
    let first_option = Reg::read(r)?;
    let options = r.number_as()?;
    let mut register = || -> Decoded<Option<Reg>> {
        let number: u32 = r.number_as()?;
        number.checked_sub(1).map(|n| u16::try_from(n).map(Reg).map_err(|_| Corrupt)).transpose()
    };
    let (prompt, default, timeout) = (register()?, register()?, register()?);
    Ok(Question {
        variable,
        kind,
        first_option,
        options,
        prompt,
        default,
        timeout,
        to: Reg::read(r)?,
        live: r.number_as()?,
    })
}
