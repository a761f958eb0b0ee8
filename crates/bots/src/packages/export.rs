//! A package as a zip, made while it is read. The same state always gives the same bytes.

use std::io::{Error, Result};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::BoxStream, stream::try_unfold};
use platform::objects::Objects;

use super::{FileEntry, Watch, state::State};
use crate::zipping::{Piece, zipped};

/// The files of a package, on their way into a zip.
struct Packing {
    objects: Objects,
    root: String,
    files: std::vec::IntoIter<FileEntry>,
    open: Option<BoxStream<'static, Result<Bytes>>>,
    /// Does nothing stand in it yet?
    is_new: bool,
    all: usize,
    watch: Watch,
}

/// The zip of a state: the folder `slug.gbai` with everything in it, in the order of the paths.
pub(super) fn zip(
    objects: Objects,
    slug: &str,
    state: &State,
    watch: Watch,
) -> impl Stream<Item = Result<Bytes>> + Send + use<> {
    let packing = Packing {
        objects,
        root: format!("{slug}.gbai/"),
        files: state.files.values().cloned().collect::<Vec<_>>().into_iter(),
        open: None,
        is_new: true,
        all: state.files.len(),
        watch,
    };
    zipped(try_unfold(packing, |mut packing| async move {
        let piece = packing.next_piece().await?;
        Ok(piece.map(|piece| (piece, packing)))
    }))
}

impl Packing {
    async fn next_piece(&mut self) -> Result<Option<Piece>> {
        if let Some(open) = &mut self.open {
            if let Some(content) = open.next().await {
                return content.map(|content| Some(Piece::Content(content)));
            }
            self.open = None;
        }
        if std::mem::take(&mut self.is_new) {
            return Ok(Some(Piece::Folder(self.root.clone())));
        }
        (self.watch)(self.all - self.files.len(), self.all);
        let Some(file) = self.files.next() else { return Ok(None) };
        let hash = file.hash().map_err(Error::other)?;
        let content = self.objects.content(&hash, None).await.map_err(Error::other)?;
        self.open = Some(content.stream().boxed());
        Ok(Some(Piece::File(format!("{}{}", self.root, file.path))))
    }
}
