//! Packages as they arrive: over HTTP, or as a folder or a file of the disk. They are unpacked off the async threads.

use std::{collections::BTreeMap, io::Seek, path::Path};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use gateway::Upload;
use kernel::Error;
use platform::{objects::Objects, settings::Live};
use tokio::{io::AsyncWriteExt, task::spawn_blocking};

use super::{
    PackageError, Watch,
    archive::{self, Unpacked},
    places::Places,
    templates::Template,
    unwatched,
};
use crate::Settings;

/// Packages that are read at once. Each may hold a core for as long as it takes to inflate.
const READ_AT_ONCE: usize = 2;

/// What unpacks packages. A cheap handle.
#[derive(Clone)]
pub(super) struct Unpacking {
    objects: Objects,
    settings: Live<Settings>,
    places: Places,
}

impl Unpacking {
    pub(super) fn new(objects: Objects, settings: Live<Settings>) -> Self {
        Self { objects, settings, places: Places::new(READ_AT_ONCE) }
    }

    /// What a request brings: a zip, or the part `file` of a form.
    pub(super) async fn upload(&self, mut upload: Upload) -> Result<Unpacked, PackageError> {
        upload.limit = usize::try_from(self.settings.get().package_bytes).unwrap_or(usize::MAX);
        let boundary = upload.boundary();
        let is_zip = gateway::media_type(&upload.headers).is_some_and(|kind| {
            ["application/zip", "application/octet-stream", "application/x-zip-compressed"]
                .contains(&kind.as_str())
        });
        let file = match boundary {
            Some(boundary) => {
                spool(file_part(multer::Multipart::new(upload.stream(), boundary)).await?).await?
            }
            None if is_zip => spool(upload.stream()).await?,
            None => {
                let error = Error::new(
                    kernel::Kind::UnsupportedMediaType,
                    "A package is sent as application/zip, or as the part \"file\" of multipart/form-data.",
                );
                return Err(error.into());
            }
        };
        self.off_the_async_threads(move |objects, settings| {
            archive::read_zip(file, objects, settings, &unwatched())
        })
        .await
    }

    /// What a form brings: a zip in the part `file`, and texts in others.
    pub(super) async fn form(
        &self,
        mut upload: Upload,
    ) -> Result<(Unpacked, BTreeMap<String, String>), PackageError> {
        upload.limit = usize::try_from(self.settings.get().package_bytes).unwrap_or(usize::MAX);
        let boundary = upload.boundary().ok_or_else(|| {
            Error::new(
                kernel::Kind::UnsupportedMediaType,
                "A bot is made of application/json, or of multipart/form-data with a package in the part \"file\".",
            )
        })?;
        let mut form = multer::Multipart::new(upload.stream(), boundary);
        let (mut file, mut fields) = (None, BTreeMap::new());
        while let Some(field) = form.next_field().await.map_err(unreadable)? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == "file" && file.is_none() {
                file = Some(spool(field.map(|chunk| chunk.map_err(unreadable))).await?);
            } else {
                let text = text_field(&name, field).await?;
                if fields.len() >= FIELDS || fields.insert(name.clone(), text).is_some() {
                    return Err(Error::invalid(&name, "stands in the form more than once").into());
                }
            }
        }
        let file = file.ok_or_else(no_file)?;
        let unpacked = self
            .off_the_async_threads(move |objects, settings| {
                archive::read_zip(file, objects, settings, &unwatched())
            })
            .await?;
        Ok((unpacked, fields))
    }

    /// A package that the server brings along.
    pub(super) async fn template(&self, template: &'static Template) -> Result<Unpacked, PackageError> {
        self.off_the_async_threads(|objects, settings| {
            archive::read_files(template.contents(), objects, settings)
        })
        .await
    }

    async fn off_the_async_threads(
        &self,
        read: impl FnOnce(&Objects, &Settings) -> Result<Unpacked, PackageError> + Send + 'static,
    ) -> Result<Unpacked, PackageError> {
        let (objects, settings) = (self.objects.clone(), self.settings.snapshot());
        self.places.run(move || read(&objects, &settings)).await?
    }

    /// A folder, or the file of a zip.
    pub(super) async fn path(&self, path: &Path, watch: Watch) -> Result<Unpacked, PackageError> {
        let path = path.to_owned();
        self.off_the_async_threads(move |objects, settings| {
            if path.is_dir() {
                return archive::read_folder(&path, objects, settings, &watch);
            }
            let file = std::fs::File::open(&path)
                .map_err(|cause| PackageError::Invalid(format!("{}: {cause}", path.display())))?;
            archive::read_zip(file, objects, settings, &watch)
        })
        .await
    }
}

/// The part of a form that holds the package.
async fn file_part(
    mut form: multer::Multipart<'static>,
) -> Result<impl Stream<Item = Result<Bytes, Error>>, PackageError> {
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        if field.name() == Some("file") {
            return Ok(field.map(move |chunk| chunk.map_err(unreadable)));
        }
    }
    Err(no_file().into())
}

fn no_file() -> Error {
    Error::bad_request("The form has no part named \"file\".")
}

fn unreadable(cause: multer::Error) -> Error {
    match cause {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<Error>() {
            Ok(error) => *error,
            Err(cause) => Error::bad_request("The form can't be read.").caused_by(cause),
        },
        other => Error::bad_request("The form can't be read.").caused_by(other),
    }
}

/// Fields of a form beside its file.
const FIELDS: usize = 20;
/// Bytes of one of them.
const FIELD: usize = 16 << 10;

async fn text_field(name: &str, mut field: multer::Field<'static>) -> Result<String, PackageError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(unreadable)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > FIELD {
            return Err(Error::invalid(name, "must have at most 16 KiB").into());
        }
    }
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    Ok(text.ok_or_else(|| Error::invalid(name, "must be a text in UTF-8 without U+0000"))?)
}

/// Writes what arrives to a file without a name, so that memory doesn't grow with the package.
async fn spool(content: impl Stream<Item = Result<Bytes, Error>>) -> Result<std::fs::File, PackageError> {
    let file = spawn_blocking(tempfile::tempfile).await.map_err(Error::internal)?.map_err(Error::internal)?;
    let mut output = tokio::fs::File::from_std(file);
    let mut content = std::pin::pin!(content);
    while let Some(chunk) = content.next().await {
        output.write_all(&chunk?).await.map_err(Error::internal)?;
    }
    output.flush().await.map_err(Error::internal)?;
    let mut file = output.into_std().await;
    file.rewind().map_err(Error::internal)?;
    Ok(file)
}
