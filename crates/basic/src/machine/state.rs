//! The stored form of a machine: arena and frames by index, so that shared values and cycles survive.
//!
//! Only what the run can still reach is written, renumbered.

use std::sync::Arc;

use super::heap::{Cell, Heap, Object, for_each_child, place_of};
use super::value::{CONSTANT, Value};
use super::{Machine, Pending, Trap, load};
use crate::limits::Limits;
use crate::program::Program;
use crate::program::codec::{Corrupt, Reader, Writer};

const MAGIC: &[u8; 4] = b"BASM";

/// Changes with every change of this form.
const FORMAT: u64 = 1;

/// Why a state cannot be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// It belongs to another program, or another version of it.
    #[error("the state belongs to another version of the script")]
    OtherProgram,
    /// It was written by another version of the language.
    #[error("the state has format {found}, this is format {FORMAT}")]
    OtherFormat {
        /// The format of the bytes.
        found: u64,
    },
    /// It is no state, or damaged.
    #[error("the state is damaged")]
    Corrupt,
}

impl From<Corrupt> for StateError {
    fn from(_: Corrupt) -> Self {
        Self::Corrupt
    }
}

impl Machine {
    /// The whole state, for [`Machine::load`]. Valid at every stop.
    pub fn save(&self) -> Vec<u8> {
        let mut w = Writer::default();
        // About what values, texts and names of one cell take.
        w.bytes.reserve(256 + 24 * self.heap.cells.len());
        w.bytes.extend_from_slice(MAGIC);
        w.number(FORMAT);
        w.bytes.extend_from_slice(&self.program.hash.0);
        self.save_frames(&mut w);
        let live = self.live_end();
        let stack = self.stack.get(..live).unwrap_or_default();
        let mut saver = Saver {
            heap: &self.heap,
            places: vec![UNSEEN; self.heap.cells.len()],
            order: Vec::with_capacity(self.heap.cells.len()),
            symbols: Vec::new(),
            names: Vec::new(),
        };
        for &value in stack {
            saver.reach(value);
        }
        let mut next = 0;
        while let Some(&place) = saver.order.get(next) {
            next += 1;
            let cell = saver.heap.cell(place);
            for_each_child(cell, |child| saver.reach(child));
            saver.note_symbols(cell);
        }
        w.number(saver.names.len() as u64);
        for &symbol in &saver.names {
            w.text(self.heap.symbol_name(symbol));
        }
        w.number(saver.order.len() as u64);
        for &place in &saver.order {
            saver.cell(self.heap.cell(place), &mut w);
        }
        w.number(stack.len() as u64);
        for &value in stack {
            saver.value(value, &mut w);
        }
        w.bytes
    }

    fn save_frames(&self, w: &mut Writer) {
        let (tag, index, attempt) = match self.pending {
            Pending::Start => (0, 0, 0),
            Pending::Said => (1, 0, 0),
            Pending::Effect(site) => (2, site, 0),
            Pending::Asking(question, attempt) => (3, question, attempt),
            Pending::Hearing(question, attempt) => (4, question, attempt),
            Pending::Over => (5, 0, 0),
        };
        w.byte(tag);
        w.number(index.into());
        w.byte(attempt);
        w.number(self.counts.run.saturating_add(self.counts.stop));
        w.number(self.counts.effects.into());
        w.number(self.counts.talks.into());
        w.signed(self.now.timestamp_micros());
        w.signed(i64::from(self.now.offset().local_minus_utc()));
        w.bytes.extend_from_slice(&self.random.to_le_bytes());
        match &self.error {
            None => w.byte(0),
            Some((number, message)) => {
                w.byte(1);
                w.signed(*number);
                w.text(message);
            }
        }
        w.number(self.frames.len() as u64);
        for frame in &self.frames {
            w.number(frame.procedure.into());
            w.number(frame.base.into());
            w.number(frame.at.into());
            w.number(match frame.trap {
                Trap::Stop => 0,
                Trap::ResumeNext => 1,
                Trap::Goto(target) => u64::from(target) + 2,
            });
        }
    }

    /// Registers that may still be read: those in use at the stop.
    fn live_end(&self) -> usize {
        let Some(frame) = self.frames.last() else { return 0 };
        let live = match self.pending {
            Pending::Over => return 0,
            Pending::Effect(site) => self.program.sites.get(usize::from(site)).map(|site| site.live),
            Pending::Asking(question, _) | Pending::Hearing(question, _) => {
                self.program.questions.get(usize::from(question)).map(|question| question.live)
            }
            Pending::Start | Pending::Said => None,
        };
        let registers = self.program.procedures.get(usize::from(frame.procedure)).map_or(0, |p| p.registers);
        (frame.base as usize + usize::from(live.unwrap_or(registers))).min(self.stack.len())
    }

    /// A machine as it was when [`Machine::save`] gave these bytes.
    pub fn load(program: Arc<Program>, limits: Limits, state: &[u8]) -> Result<Self, StateError> {
        let mut r = Reader::new(state);
        if r.take(4)? != MAGIC {
            return Err(StateError::Corrupt);
        }
        let found = r.number()?;
        if found != FORMAT {
            return Err(StateError::OtherFormat { found });
        }
        if r.take(32)? != program.hash.0 {
            return Err(StateError::OtherProgram);
        }
        Ok(load::load(program, limits, &mut r)?)
    }
}

/// The number of what was not reached yet.
const UNSEEN: u32 = u32::MAX;

struct Saver<'a> {
    heap: &'a Heap,
    /// New numbers by place.
    places: Vec<u32>,
    order: Vec<u32>,
    /// New numbers of the names that the program does not have, by their old ones.
    symbols: Vec<u32>,
    names: Vec<u32>,
}

impl Saver<'_> {
    fn reach(&mut self, value: Value) {
        if let Some(place) = place_of(value)
            && let Some(number) = self.places.get_mut(place as usize)
            && *number == UNSEEN
        {
            *number = self.order.len() as u32;
            self.order.push(place);
        }
    }

    fn note_symbols(&mut self, cell: &Cell) {
        let keys = match cell {
            Cell::Object(object) | Cell::File(object) => &object.keys,
            Cell::Response(response) => &response.headers.keys,
            _ => return,
        };
        let own = self.heap.program_symbols() as u32;
        for &key in keys {
            let Some(more) = key.checked_sub(own).map(|more| more as usize) else { continue };
            if self.symbols.len() <= more {
                self.symbols.resize(more + 1, UNSEEN);
            }
            if let Some(number) = self.symbols.get_mut(more)
                && *number == UNSEEN
            {
                *number = self.names.len() as u32;
                self.names.push(key);
            }
        }
    }

    fn symbol(&self, key: u32) -> u32 {
        let own = self.heap.program_symbols() as u32;
        match key.checked_sub(own).and_then(|more| self.symbols.get(more as usize)) {
            Some(&number) => number + own,
            None => key,
        }
    }

    fn place(&self, place: u32) -> u64 {
        u64::from(self.places.get(place as usize).copied().unwrap_or_default())
    }

    fn value(&self, value: Value, w: &mut Writer) {
        match value {
            Value::Null => w.byte(0),
            Value::Bool(truth) => w.byte(1 + u8::from(truth)),
            Value::Int(i) => {
                w.byte(3);
                w.signed(i);
            }
            Value::Float(f) => {
                w.byte(4);
                w.float(f);
            }
            Value::Text { place, length } if place >= CONSTANT => {
                w.byte(5);
                w.number((place - CONSTANT).into());
                w.number(length.into());
            }
            Value::Text { place, length } => {
                w.byte(6);
                w.number(self.place(place));
                w.number(length.into());
            }
            Value::Day(days) => {
                w.byte(7);
                w.signed(days.into());
            }
            Value::Instant { offset, micros } => {
                w.byte(8);
                w.signed(offset.into());
                w.signed(micros);
            }
            Value::Duration(micros) => {
                w.byte(9);
                w.signed(micros);
            }
            Value::Array(place)
            | Value::Object(place)
            | Value::Rows(place)
            | Value::File(place)
            | Value::Response(place) => {
                w.byte(10);
                w.number(self.place(place));
            }
        }
    }

    fn values(&self, values: &[Value], w: &mut Writer) {
        w.number(values.len() as u64);
        for &value in values {
            self.value(value, w);
        }
    }

    fn object(&self, object: &Object, w: &mut Writer) {
        w.number(object.keys.len() as u64);
        for (&key, &value) in object.keys.iter().zip(&object.values) {
            w.number(self.symbol(key).into());
            self.value(value, w);
        }
    }

    fn cell(&self, cell: &Cell, w: &mut Writer) {
        match cell {
            Cell::Free => w.byte(0),
            Cell::Text(text) => {
                w.byte(1);
                w.text(text);
            }
            Cell::Array(items) => {
                w.byte(2);
                self.values(items, w);
            }
            Cell::Object(object) => {
                w.byte(3);
                self.object(object, w);
            }
            Cell::Rows(rows) => {
                w.byte(4);
                w.text(&rows.table);
                self.values(&rows.items, w);
            }
            Cell::File(object) => {
                w.byte(5);
                self.object(object, w);
            }
            Cell::Response(response) => {
                w.byte(6);
                w.number(response.status.into());
                w.text(&response.status_text);
                self.object(&response.headers, w);
                self.value(response.body, w);
            }
        }
    }
}
