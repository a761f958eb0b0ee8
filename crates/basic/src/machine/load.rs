//! Making a machine of its stored form. Every index is checked, so that damaged bytes are an error and never a panic.

use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, FixedOffset};

use super::heap::{Cell, Heap, Object, Response, Rows};
use super::value::{CONSTANT, Value};
use super::{Counts, Frame, Machine, Pending, Trap};
use crate::limits::Limits;
use crate::program::Program;
use crate::program::codec::{Corrupt, Decoded, Reader};

/// A value as read: places still lack their kind, since cells come in any order.
enum Raw {
    Value(Value),
    Text(u32, u32),
    Place(u32),
}

fn raw(r: &mut Reader<'_>) -> Decoded<Raw> {
    Ok(Raw::Value(match r.byte()? {
        0 => Value::Null,
        1 => Value::Bool(false),
        2 => Value::Bool(true),
        3 => Value::Int(r.signed()?),
        4 => Value::Float(r.float()?),
        5 => {
            let place: u32 = r.number_as()?;
            return Ok(Raw::Text(place.checked_add(CONSTANT).ok_or(Corrupt)?, r.number_as()?));
        }
        6 => {
            let place: u32 = r.number_as()?;
            if place >= CONSTANT {
                return Err(Corrupt);
            }
            return Ok(Raw::Text(place, r.number_as()?));
        }
        7 => {
            let day = Value::Day(i32::try_from(r.signed()?).map_err(|_| Corrupt)?);
            day.date().ok_or(Corrupt)?;
            day
        }
        8 => {
            let offset = i32::try_from(r.signed()?).map_err(|_| Corrupt)?;
            let instant = Value::Instant { offset, micros: r.signed()? };
            instant.date().ok_or(Corrupt)?;
            instant
        }
        9 => Value::Duration(r.signed()?),
        10 => return Ok(Raw::Place(r.number_as()?)),
        _ => return Err(Corrupt),
    }))
}

/// Makes a value of what was read, now that the cells are known by kind.
fn resolve(raw: &Raw, heap: &Heap) -> Decoded<Value> {
    match *raw {
        Raw::Value(value) => Ok(value),
        Raw::Text(place, length) => {
            let text = if place >= CONSTANT {
                heap.texts.get((place - CONSTANT) as usize).map(|text| &**text)
            } else {
                match heap.cell(place) {
                    Cell::Text(text) => Some(text.as_str()),
                    _ => None,
                }
            };
            let text = text.ok_or(Corrupt)?;
            if text.is_char_boundary(length as usize) {
                Ok(Value::Text { place, length })
            } else {
                Err(Corrupt)
            }
        }
        Raw::Place(place) => match heap.cell(place) {
            Cell::Array(_) => Ok(Value::Array(place)),
            Cell::Object(_) => Ok(Value::Object(place)),
            Cell::Rows(_) => Ok(Value::Rows(place)),
            Cell::File(_) => Ok(Value::File(place)),
            Cell::Response(_) => Ok(Value::Response(place)),
            Cell::Free | Cell::Text(_) => Err(Corrupt),
        },
    }
}

/// What a cell holds, by the places of its values among all that were read.
struct Holds {
    values: Range<usize>,
    keys: Vec<u32>,
}

pub(super) fn load(program: Arc<Program>, limits: Limits, r: &mut Reader<'_>) -> Decoded<Machine> {
    let pending = read_pending(&program, r)?;
    let counts = Counts { run: r.number()?, stop: 0, effects: r.number_as()?, talks: r.number_as()? };
    let micros = r.signed()?;
    let offset = FixedOffset::east_opt(i32::try_from(r.signed()?).map_err(|_| Corrupt)?).ok_or(Corrupt)?;
    let now = DateTime::from_timestamp_micros(micros).ok_or(Corrupt)?.with_timezone(&offset);
    let random = u64::from_le_bytes(r.take(8)?.try_into().map_err(|_| Corrupt)?);
    let error = if r.bool()? { Some((r.signed()?, r.text()?.to_owned())) } else { None };
    let (frames, end) = read_frames(&program, r, pending == Pending::Over)?;

    let mut heap = Heap::new(&program, &limits);
    let mut symbols: Vec<u32> = Vec::new();
    for _ in 0..r.count()? {
        symbols.push(heap.intern(r.text()?));
    }
    let count = r.count()?;
    let mut raws = Vec::new();
    let mut holds = Vec::with_capacity(count);
    let own = heap.program_symbols() as u32;
    for _ in 0..count {
        let held = read_cell(r, &mut heap, &mut raws, &symbols, own)?;
        holds.push(held);
    }
    fill(&mut heap, &raws, holds)?;
    let length = r.count()?;
    if length > end {
        return Err(Corrupt);
    }
    let mut stack = Vec::with_capacity(end);
    for _ in 0..length {
        let raw = raw(r)?;
        stack.push(resolve(&raw, &heap)?);
    }
    if !r.is_empty() {
        return Err(Corrupt);
    }
    stack.resize(end, Value::Null);
    Ok(Machine {
        program,
        limits,
        heap,
        stack,
        frames,
        pending,
        error,
        counts,
        work: 0,
        now,
        random,
        language: Box::default(),
        early: None,
    })
}

fn read_pending(program: &Program, r: &mut Reader<'_>) -> Decoded<Pending> {
    let tag = r.byte()?;
    let index: u16 = r.number_as()?;
    let attempt = r.byte()?;
    let question = || {
        if usize::from(index) < program.questions.len() && attempt > 0 { Ok(index) } else { Err(Corrupt) }
    };
    Ok(match tag {
        0 => Pending::Start,
        1 => Pending::Said,
        2 if usize::from(index) < program.sites.len() => Pending::Effect(index),
        3 => Pending::Asking(question()?, attempt),
        4 => Pending::Hearing(question()?, attempt),
        5 => Pending::Over,
        _ => return Err(Corrupt),
    })
}

/// The frames, and where the last of them ends on the stack.
fn read_frames(program: &Program, r: &mut Reader<'_>, over: bool) -> Decoded<(Vec<Frame>, usize)> {
    let count = r.count()?;
    let mut frames: Vec<Frame> = Vec::with_capacity(count.min(1000));
    let mut end = 0;
    for index in 0..count {
        let frame_procedure: u16 = r.number_as()?;
        let base: u32 = r.number_as()?;
        let at: u32 = r.number_as()?;
        let procedure = program.procedures.get(usize::from(frame_procedure)).ok_or(Corrupt)?;
        // A run that is over stands behind its last instruction, and runs none any more.
        let inside = (procedure.start..procedure.end).contains(&at) || over;
        // A frame begins inside the one that called it; handlers begin right behind the script's.
        let placed = match frames.last() {
            None => base == 0 && frame_procedure == 0,
            Some(last) => base >= last.base && base as usize <= end,
        };
        let trap = match r.number()? {
            0 => Trap::Stop,
            1 => Trap::ResumeNext,
            target => {
                let target = u32::try_from(target - 2).map_err(|_| Corrupt)?;
                if !(procedure.start..procedure.end).contains(&target) {
                    return Err(Corrupt);
                }
                Trap::Goto(target)
            }
        };
        if !inside || !placed || index > 100_000 {
            return Err(Corrupt);
        }
        end = end.max(base as usize + usize::from(procedure.registers));
        frames.push(Frame { procedure: frame_procedure, base, at, trap });
    }
    if frames.is_empty() { Err(Corrupt) } else { Ok((frames, end)) }
}

fn read_cell(
    r: &mut Reader<'_>,
    heap: &mut Heap,
    raws: &mut Vec<Raw>,
    symbols: &[u32],
    own: u32,
) -> Decoded<Holds> {
    let first = raws.len();
    let mut keys = Vec::new();
    let values = |r: &mut Reader<'_>, raws: &mut Vec<Raw>| -> Decoded<()> {
        for _ in 0..r.count()? {
            raws.push(raw(r)?);
        }
        Ok(())
    };
    let mut object = |r: &mut Reader<'_>, raws: &mut Vec<Raw>| -> Decoded<()> {
        let count = r.count()?;
        keys.reserve_exact(count);
        for _ in 0..count {
            let key: u32 = r.number_as()?;
            keys.push(if key < own { key } else { *symbols.get((key - own) as usize).ok_or(Corrupt)? });
            raws.push(raw(r)?);
        }
        Ok(())
    };
    match r.byte()? {
        1 => {
            let text = r.text()?.to_owned();
            heap.text(text);
        }
        2 => {
            values(r, raws)?;
            heap.array(Vec::new());
        }
        3 => {
            object(r, raws)?;
            heap.object(Object::default());
        }
        4 => {
            let table = r.text()?.to_owned();
            values(r, raws)?;
            heap.rows(Rows { table, items: Vec::new() });
        }
        5 => {
            object(r, raws)?;
            heap.file(Object::default());
        }
        6 => {
            let status = r.number_as()?;
            let status_text = r.text()?.to_owned();
            object(r, raws)?;
            raws.push(raw(r)?);
            heap.response(Response { status, status_text, headers: Object::default(), body: Value::Null });
        }
        _ => return Err(Corrupt),
    }
    Ok(Holds { values: first..raws.len(), keys })
}

/// Puts the values into the cells, now that all kinds are known.
fn fill(heap: &mut Heap, raws: &[Raw], holds: Vec<Holds>) -> Decoded<()> {
    let values = raws.iter().map(|raw| resolve(raw, heap)).collect::<Decoded<Vec<_>>>()?;
    let mut size = 0;
    for (place, held) in holds.into_iter().enumerate() {
        let own = values.get(held.values).ok_or(Corrupt)?;
        size += std::mem::size_of_val(own);
        let fields =
            |own: &[Value]| Object::of(held.keys, own.to_vec(), |key| heap.folded(key)).ok_or(Corrupt);
        let cell = match heap.cell(place as u32) {
            Cell::Object(_) => Cell::Object(fields(own)?),
            Cell::File(_) => Cell::File(fields(own)?),
            Cell::Response(response) => {
                let (body, headers) = own.split_last().ok_or(Corrupt)?;
                if matches!(body, Value::Response(_)) {
                    return Err(Corrupt);
                }
                let (status, status_text) = (response.status, response.status_text.clone());
                let headers = fields(headers)?;
                Cell::Response(Box::new(Response { status, status_text, headers, body: *body }))
            }
            Cell::Array(_) => Cell::Array(own.to_vec()),
            Cell::Rows(rows) => Cell::Rows(Box::new(Rows { table: rows.table.clone(), items: own.to_vec() })),
            Cell::Text(_) | Cell::Free => continue,
        };
        if let Some(slot) = heap.cells.get_mut(place) {
            *slot = cell;
        }
    }
    heap.grown(size);
    Ok(())
}
