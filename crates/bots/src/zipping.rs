//! A zip, made while it is read: memory grows neither with what stands in it nor with a reader that is slow. Only the
//! directory at its end is kept, some hundred bytes for each file.

use std::{
    io::{Error, Result, Write},
    mem::take,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::BoxStream, stream::try_unfold};
use tokio::task::spawn_blocking;
use zip::{
    CompressionMethod, DateTime, ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

/// Bytes that are sent at once, at least.
const CHUNK: usize = 64 << 10;

/// What comes next into a zip.
pub(crate) enum Piece {
    /// A folder of that path, which ends with a slash.
    Folder(String),
    /// A file of that path begins.
    File(String),
    /// What comes next in the file that was begun last.
    Content(Bytes),
}

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
    zip: Option<Writer>,
    written: Written,
    pieces: BoxStream<'static, Result<Piece>>,
}

type Writer = ZipWriter<StreamWriter<Written>>;

/// The zip of these pieces. The same pieces always give the same bytes.
pub(crate) fn zipped(
    pieces: impl Stream<Item = Result<Piece>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes>> + Send {
    let written = Written::default();
    let zip = Some(ZipWriter::new_stream(written.clone()));
    let zipping = Zipping { zip, written, pieces: pieces.boxed() };
    try_unfold(zipping, |mut zipping| async move {
        while zipping.zip.is_some() && zipping.written.with(|written| written.len()) < CHUNK {
            let piece = zipping.pieces.next().await.transpose()?;
            zipping.take_in(piece).await?;
        }
        let bytes = zipping.written.with(take);
        Ok((!bytes.is_empty()).then(|| (Bytes::from(bytes), zipping)))
    })
}

impl Zipping {
    /// Compresses, off the async threads. No piece is the end.
    async fn take_in(&mut self, piece: Option<Piece>) -> Result<()> {
        let Some(zip) = self.zip.take() else { return Ok(()) };
        let zipped = spawn_blocking(move || write(zip, piece));
        self.zip = zipped.await.map_err(Error::other)??;
        Ok(())
    }
}

fn write(mut zip: Writer, piece: Option<Piece>) -> Result<Option<Writer>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(0o644);
    match piece {
        Some(Piece::Folder(name)) => {
            zip.add_directory(name, options.compression_method(CompressionMethod::Stored))?;
        }
        Some(Piece::File(name)) => zip.start_file(name, options)?,
        Some(Piece::Content(content)) => zip.write_all(&content)?,
        None => {
            zip.finish()?;
            return Ok(None);
        }
    }
    Ok(Some(zip))
}
