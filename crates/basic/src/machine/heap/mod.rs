//! The heap: texts, arrays and objects by place, shared by reference, collected by marking.

mod collect;
mod names;
mod work;

use std::sync::Arc;

use collect::object_size;
pub(crate) use collect::{for_each_child, place_of};

use super::fault::{Checked, Fault};
pub(crate) use super::object::Object;
use super::value::{CONSTANT, Value};
use crate::limits::Limits;
use crate::program::{Program, Symbols};

/// Bytes after which the first collection comes.
const FIRST_COLLECTION: usize = 1 << 20;

/// What every place costs beside its content.
const CELL: usize = std::mem::size_of::<Cell>();

#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Free,
    Text(String),
    Array(Vec<Value>),
    Object(Object),
    Rows(Box<Rows>),
    File(Object),
    Response(Box<Response>),
}

#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) table: String,
    pub(crate) items: Vec<Value>,
}

#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) status_text: String,
    pub(crate) headers: Object,
    pub(crate) body: Value,
}

#[derive(Debug)]
pub(crate) struct Heap {
    pub(crate) cells: Vec<Cell>,
    free: Vec<u32>,
    pub(crate) texts: Arc<[Box<str>]>,
    symbols: Arc<Symbols>,
    /// Member names beyond those of the program.
    more: Symbols,
    bytes: usize,
    collect_at: usize,
    limit: usize,
    pub(crate) text_limit: usize,
    pub(crate) entries_limit: usize,
    /// What operations on large values cost beyond their instructions, not charged to the run yet.
    work: std::cell::Cell<u64>,
}

impl Heap {
    pub(crate) fn new(program: &Program, limits: &Limits) -> Self {
        Self {
            cells: Vec::new(),
            free: Vec::new(),
            texts: Arc::clone(&program.texts),
            symbols: Arc::clone(&program.symbols),
            more: Symbols::default(),
            bytes: 0,
            collect_at: FIRST_COLLECTION.min(limits.memory_bytes),
            limit: limits.memory_bytes,
            text_limit: limits.text_bytes,
            entries_limit: limits.entries,
            work: std::cell::Cell::new(0),
        }
    }

    fn allocate(&mut self, cell: Cell, size: usize) -> u32 {
        self.bytes += CELL + size;
        if let Some(place) = self.free.pop()
            && let Some(slot) = self.cells.get_mut(place as usize)
        {
            *slot = cell;
            return place;
        }
        self.cells.push(cell);
        self.cells.len() as u32 - 1
    }

    #[inline]
    pub(crate) fn cell(&self, place: u32) -> &Cell {
        self.cells.get(place as usize).unwrap_or(&Cell::Free)
    }

    pub(crate) fn grown(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    pub(crate) fn wants_collection(&self) -> bool {
        self.bytes >= self.collect_at
    }

    /// Whether a text may have a length.
    pub(crate) fn check_text(&self, length: usize) -> Checked<()> {
        if length > self.text_limit {
            return Err(Fault::limit(format!("the text would be longer than {} bytes", self.text_limit)));
        }
        Ok(())
    }

    pub(crate) fn check_entries(&self, count: usize) -> Checked<()> {
        if count > self.entries_limit {
            return Err(Fault::limit(format!("more than {} entries", self.entries_limit)));
        }
        Ok(())
    }

    pub(crate) fn text(&mut self, text: impl Into<String>) -> Value {
        let text = text.into();
        let length = text.len() as u32;
        let size = text.capacity();
        Value::Text { place: self.allocate(Cell::Text(text), size), length }
    }

    pub(crate) fn checked_text(&mut self, text: impl Into<String>) -> Checked<Value> {
        let text = text.into();
        self.check_text(text.len())?;
        Ok(self.text(text))
    }

    #[inline]
    pub(crate) fn str(&self, place: u32, length: u32) -> &str {
        let whole = if place >= CONSTANT {
            self.texts.get((place - CONSTANT) as usize).map_or("", |text| &**text)
        } else {
            match self.cell(place) {
                Cell::Text(text) => text,
                _ => "",
            }
        };
        whole.get(..length as usize).unwrap_or_default()
    }

    /// The text of a value that is one, of which the caller reads all.
    pub(crate) fn as_str(&self, value: Value) -> Option<&str> {
        match value {
            Value::Text { place, length } => Some(self.read(place, length)),
            _ => None,
        }
    }

    /// A text to be read to its end, which is charged.
    #[inline]
    pub(crate) fn read(&self, place: u32, length: u32) -> &str {
        self.spend_on_text(length as usize);
        self.str(place, length)
    }

    /// A text followed by another, in place where nothing follows the first yet.
    pub(crate) fn append(&mut self, place: u32, length: u32, with: &str) -> Checked<Value> {
        let total = length as usize + with.len();
        self.check_text(total)?;
        if place < CONSTANT
            && let Some(Cell::Text(text)) = self.cells.get_mut(place as usize)
            && text.len() == length as usize
        {
            let before = text.capacity();
            text.push_str(with);
            self.bytes += text.capacity() - before;
            return Ok(Value::Text { place, length: total as u32 });
        }
        self.spend_on_text(total);
        // Room for what probably follows.
        let mut text = String::with_capacity(total + total / 2);
        text.push_str(self.str(place, length));
        text.push_str(with);
        Ok(self.text(text))
    }

    /// A text followed by another text value.
    pub(crate) fn append_value(
        &mut self,
        (place, length): (u32, u32),
        (other, count): (u32, u32),
    ) -> Checked<Value> {
        if place < CONSTANT && other != place {
            // Lend the growing text out of its place, so that the other can be read beside it.
            let total = length as usize + count as usize;
            self.check_text(total)?;
            if let Some(Cell::Text(text)) = self.cells.get_mut(place as usize)
                && text.len() == length as usize
            {
                let mut text = std::mem::take(text);
                let before = text.capacity();
                self.spend_on_text(count as usize);
                text.push_str(self.str(other, count));
                self.bytes += text.capacity() - before;
                if let Some(slot) = self.cells.get_mut(place as usize) {
                    *slot = Cell::Text(text);
                }
                return Ok(Value::Text { place, length: total as u32 });
            }
        }
        let total = length as usize + count as usize;
        self.check_text(total)?;
        self.spend_on_text(total);
        let mut text = String::with_capacity(total + total / 2);
        text.push_str(self.str(place, length));
        text.push_str(self.str(other, count));
        Ok(self.text(text))
    }

    pub(crate) fn array(&mut self, items: Vec<Value>) -> Value {
        let size = items.capacity() * std::mem::size_of::<Value>();
        Value::Array(self.allocate(Cell::Array(items), size))
    }

    pub(crate) fn object(&mut self, object: Object) -> Value {
        let size = object_size(&object);
        Value::Object(self.allocate(Cell::Object(object), size))
    }

    pub(crate) fn file(&mut self, object: Object) -> Value {
        let size = object_size(&object);
        Value::File(self.allocate(Cell::File(object), size))
    }

    pub(crate) fn rows(&mut self, rows: Rows) -> Value {
        let size = rows.items.capacity() * std::mem::size_of::<Value>() + rows.table.len();
        Value::Rows(self.allocate(Cell::Rows(Box::new(rows)), size))
    }

    pub(crate) fn response(&mut self, response: Response) -> Value {
        let size = object_size(&response.headers) + 64;
        Value::Response(self.allocate(Cell::Response(Box::new(response)), size))
    }

    /// The elements of an array or of rows.
    pub(crate) fn items(&self, value: Value) -> Option<&[Value]> {
        match value {
            Value::Array(place) => match self.cell(place) {
                Cell::Array(items) => Some(items),
                _ => None,
            },
            Value::Rows(place) => match self.cell(place) {
                Cell::Rows(rows) => Some(&rows.items),
                _ => None,
            },
            Value::Response(place) => match self.cell(place) {
                Cell::Response(response) => self.items(response.body),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn items_mut(&mut self, value: Value) -> Option<&mut Vec<Value>> {
        let value = self.body(value);
        match value {
            Value::Array(place) | Value::Rows(place) => match self.cells.get_mut(place as usize)? {
                Cell::Array(items) => Some(items),
                Cell::Rows(rows) => Some(&mut rows.items),
                _ => None,
            },
            _ => None,
        }
    }

    /// The fields of an object or file.
    pub(crate) fn fields(&self, value: Value) -> Option<&Object> {
        match value {
            Value::Object(place) | Value::File(place) => match self.cell(place) {
                Cell::Object(object) | Cell::File(object) => Some(object),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn fields_mut(&mut self, value: Value) -> Option<&mut Object> {
        match value {
            Value::Object(place) | Value::File(place) => match self.cells.get_mut(place as usize)? {
                Cell::Object(object) | Cell::File(object) => Some(object),
                _ => None,
            },
            _ => None,
        }
    }

    /// The body of a response; any other value itself.
    pub(crate) fn body(&self, value: Value) -> Value {
        match value {
            Value::Response(place) => match self.cell(place) {
                Cell::Response(response) => response.body,
                _ => Value::Null,
            },
            value => value,
        }
    }

    /// Where a member of an object stands: by its exact name, else ignoring case.
    pub(crate) fn find(&self, object: &Object, symbol: u32) -> Option<usize> {
        object.exact(symbol).or_else(|| {
            let folded = self.folded(symbol);
            object.folded(folded, |key| self.folded(key))
        })
    }

    /// Sets a member, adding it where there is none of that name in any case.
    pub(crate) fn set_field(&mut self, object: Value, symbol: u32, value: Value) -> Checked<()> {
        let found = self.fields(object).and_then(|fields| self.find(fields, symbol));
        self.put_field(object, found, symbol, value)
    }

    /// Sets a member of exactly that name, as objects are written and JSON has them.
    pub(crate) fn set_exact_field(&mut self, object: Value, symbol: u32, value: Value) -> Checked<()> {
        let found = self.fields(object).and_then(|fields| fields.exact(symbol));
        self.put_field(object, found, symbol, value)
    }

    fn put_field(&mut self, object: Value, found: Option<usize>, symbol: u32, value: Value) -> Checked<()> {
        let Some(fields) = self.fields(object) else {
            return Err(Fault::unsound());
        };
        let count = fields.keys.len();
        if found.is_none() {
            self.check_entries(count + 1)?;
            self.bytes += 2 * std::mem::size_of::<Value>();
        }
        if let Some(slot) = found.and_then(|at| self.fields_mut(object)?.values.get_mut(at)) {
            *slot = value;
            return Ok(());
        }
        // Lent out of its place, so that the names can be read beside it.
        let mut fields = self.fields_mut(object).map(std::mem::take).unwrap_or_default();
        fields.push(symbol, value, |key| self.folded(key));
        if let Some(place) = self.fields_mut(object) {
            *place = fields;
        }
        Ok(())
    }
}
