//! A package as a zip, made while it is read: memory grows neither with the package nor with a reader that is slow,
//! and the same state always gives the same bytes.

use std::{
    io::{Error, Result, Write},
    mem::take,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::BoxStream, stream::try_unfold};
use platform::objects::Objects;
use tokio::task::spawn_blocking;
use zip::{
    CompressionMethod, DateTime, ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

use super::{FileEntry, Watch, state::State};

/// Bytes that are sent at once, at least.
const CHUNK: usize = 64 << 10;

/// What the zip's writer has written and nobody has taken.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn with<T>(&self, look: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.with(|written| written.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A zip in the making.
struct Zipping {
    /// None when it is complete.
    zip: Option<ZipWriter<StreamWriter<Written>>>,
    written: Written,
    objects: Objects,
    root: String,
    files: std::vec::IntoIter<FileEntry>,
    open: Option<BoxStream<'static, Result<Bytes>>>,
    /// Does nothing stand in it yet?
    is_new: bool,
    all: usize,
    watch: Watch,
}

/// What comes next into a zip.
enum Piece {
    Folder(String),
    File(String),
    Content(Bytes),
    End,
}

/// The zip of a state: the folder `slug.gbai` with everything in it, in the order of the paths.
pub(super) fn zip(
    objects: Objects,
    slug: &str,
    state: &State,
    watch: Watch,
) -> impl Stream<Item = Result<Bytes>> + Send + use<> {
    let (written, all) = (Written::default(), state.files.len());
    let zipping = Zipping {
        zip: Some(ZipWriter::new_stream(written.clone())),
        written,
        objects,
        root: format!("{slug}.gbai/"),
        files: state.files.values().cloned().collect::<Vec<_>>().into_iter(),
        open: None,
        is_new: true,
        all,
        watch,
    };
    try_unfold(zipping, |mut zipping| async move {
        while zipping.zip.is_some() && zipping.written.with(|written| written.len()) < CHUNK {
            let piece = zipping.next_piece().await?;
            zipping.take_in(piece).await?;
        }
        let bytes = zipping.written.with(take);
        Ok((!bytes.is_empty()).then(|| (Bytes::from(bytes), zipping)))
    })
}

impl Zipping {
    async fn next_piece(&mut self) -> Result<Piece> {
        if let Some(open) = &mut self.open {
            if let Some(content) = open.next().await {
                return content.map(Piece::Content);
            }
            self.open = None;
        }
        if std::mem::take(&mut self.is_new) {
            return Ok(Piece::Folder(self.root.clone()));
        }
        (self.watch)(self.all - self.files.len(), self.all);
        let Some(file) = self.files.next() else { return Ok(Piece::End) };
        let hash = file.hash().map_err(Error::other)?;
        let content = self.objects.content(&hash, None).await.map_err(Error::other)?;
        self.open = Some(content.stream().boxed());
        Ok(Piece::File(format!("{}{}", self.root, file.path)))
    }

    /// Compresses, off the async threads.
    async fn take_in(&mut self, piece: Piece) -> Result<()> {
        let Some(zip) = self.zip.take() else { return Ok(()) };
        let zipped = spawn_blocking(move || piece.into_zip(zip));
        self.zip = zipped.await.map_err(Error::other)??;
        Ok(())
    }
}

impl Piece {
    fn into_zip(
        self,
        mut zip: ZipWriter<StreamWriter<Written>>,
    ) -> Result<Option<ZipWriter<StreamWriter<Written>>>> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::DEFAULT)
            .unix_permissions(0o644);
        match self {
            Self::Folder(name) => {
                zip.add_directory(name, options.compression_method(CompressionMethod::Stored))?;
            }
            Self::File(name) => zip.start_file(name, options)?,
            Self::Content(content) => zip.write_all(&content)?,
            Self::End => {
                zip.finish()?;
                return Ok(None);
            }
        }
        Ok(Some(zip))
    }
}
