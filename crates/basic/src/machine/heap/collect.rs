//! Freeing what no value reaches any more, by marking what one does.

use super::{CELL, Cell, FIRST_COLLECTION, Heap, Object};
use crate::machine::fault::Checked;
use crate::machine::value::{CONSTANT, Value};

impl Heap {
    /// Frees what no root reaches; an error when what is left is more than a machine may have.
    pub(crate) fn collect(&mut self, roots: impl Iterator<Item = Value>) -> Checked<()> {
        self.spend(self.cells.len() >> 3);
        let mut marked = vec![false; self.cells.len()];
        let mut waiting: Vec<u32> = Vec::new();
        for root in roots {
            push_place(root, &mut waiting);
        }
        while let Some(place) = waiting.pop() {
            match marked.get_mut(place as usize) {
                Some(mark) if !*mark => *mark = true,
                _ => continue,
            }
            for_each_child(self.cell(place), |child| push_place(child, &mut waiting));
        }
        self.free.clear();
        let mut bytes = self.more.names.iter().map(|(name, _)| 2 * name.len() + 64).sum();
        for (place, (cell, marked)) in self.cells.iter_mut().zip(marked).enumerate() {
            if marked {
                bytes += CELL + cell_size(cell);
            } else {
                *cell = Cell::Free;
                self.free.push(place as u32);
            }
        }
        self.bytes = bytes;
        if bytes > self.limit {
            return Err(self.too_much_memory());
        }
        self.collect_at = (bytes * 2).max(FIRST_COLLECTION).min(self.limit);
        // Close to the limit every little step would collect again.
        self.collect_at = self.collect_at.max((bytes + (self.limit - bytes) / 2).min(self.limit));
        Ok(())
    }
}

pub(super) fn object_size(object: &Object) -> usize {
    object.values.capacity() * (std::mem::size_of::<Value>() + 4) + object.index_size()
}

fn cell_size(cell: &Cell) -> usize {
    match cell {
        Cell::Free => 0,
        Cell::Text(text) => text.capacity(),
        Cell::Array(items) => items.capacity() * std::mem::size_of::<Value>(),
        Cell::Object(object) | Cell::File(object) => object_size(object),
        Cell::Rows(rows) => rows.items.capacity() * std::mem::size_of::<Value>() + rows.table.len(),
        Cell::Response(response) => object_size(&response.headers) + 64,
    }
}

/// The place of a value in the heap.
pub(crate) fn place_of(value: Value) -> Option<u32> {
    match value {
        Value::Text { place, .. } if place < CONSTANT => Some(place),
        Value::Array(place)
        | Value::Object(place)
        | Value::Rows(place)
        | Value::File(place)
        | Value::Response(place) => Some(place),
        _ => None,
    }
}

fn push_place(value: Value, waiting: &mut Vec<u32>) {
    waiting.extend(place_of(value));
}

/// Visits the values inside a cell.
pub(crate) fn for_each_child(cell: &Cell, mut visit: impl FnMut(Value)) {
    match cell {
        Cell::Free | Cell::Text(_) => {}
        Cell::Array(items) => items.iter().copied().for_each(visit),
        Cell::Object(object) | Cell::File(object) => object.values.iter().copied().for_each(visit),
        Cell::Rows(rows) => rows.items.iter().copied().for_each(visit),
        Cell::Response(response) => {
            response.headers.values.iter().copied().for_each(&mut visit);
            visit(response.body);
        }
    }
}
