//! The commands on the drive of a package: its folder of files.

use std::collections::HashSet;

use basic::{Answer, Command, Data, ErrorCode, File, commands::Target};
use bytes::Bytes;
use gateway::{
    Module,
    command::{Performed, Run, Unperformed},
};
use kernel::Error;
use platform::objects::Stored;

use super::{
    Files, content_of,
    draft::{Base, Cabinet},
    size::FILE_BYTES,
};
use crate::{
    conversations::attachments::{HEAD, kind},
    memory::keywords::text,
    packages::layout,
};

/// Entries that LIST and DIR give at the most.
const MOST: usize = 10_000;

/// The commands on the drive.
pub(super) fn with_commands(module: Module, files: &Files) -> Module {
    module
        .command("READ", perform!(files, read))
        .command_where("GET", names_file, perform!(files, get))
        .command("WRITE", perform!(files, write))
        .command("CREATE FILE", perform!(files, create))
        .command("LIST", perform!(files, list))
        .command("DIR", perform!(files, dir))
        .command("COPY", perform!(files, copy))
        .command("MOVE", perform!(files, rename))
        .command("DELETE FILE", perform!(files, delete))
}

/// Does GET name a file? It does by a slash, or the ending of a name.
fn names_file(command: &Command) -> bool {
    let named = text(command, 0);
    command.arguments.len() == 1 && matches!(Target::of(&named), Target::File(_))
}

/// A file of the package as a turn sees it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Its path in the package.
    pub(super) path: String,
    pub(super) stored: Stored,
}

impl Found {
    /// What it is called.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Where it is in its folder of the package: the name by which scripts know it.
    fn path_in_drive(&self) -> &str {
        self.path.split_once('/').map_or(&*self.path, |(_, rest)| rest)
    }
}

/// The argument that names a file.
fn path(command: &Command, index: usize) -> String {
    let argument = command.arguments.get(index);
    match argument {
        Some(Data::File(file)) => file.get("path").map(ToString::to_string).unwrap_or_default(),
        _ => text(command, index),
    }
}

fn no_path(name: &str) -> Unperformed {
    Unperformed::argument(format!("{name} is no path of the drive"))
}

fn no_such_file(name: &str) -> Unperformed {
    Unperformed::failed(ErrorCode::NotFound, format!("the drive has no file {name}"))
}

impl Base {
    /// The paths of all files of the package, as the turn sees them.
    fn paths(&self, run: &Run) -> Vec<String> {
        let mut paths: Vec<String> = self.state.files.keys().cloned().collect();
        run.drafts.with(|cabinet: &mut Cabinet| {
            paths.retain(|path| cabinet.drive.get(path) != Some(&None));
            paths.extend(cabinet.files.iter().filter(|(_, held)| held.changed).map(|(path, _)| path.clone()));
            paths.extend(
                cabinet.drive.iter().filter(|(_, written)| written.is_some()).map(|(path, _)| path.clone()),
            );
        });
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    fn at(&self, run: &Run, path: String) -> Result<Found, Unperformed> {
        let written = run.drafts.with(|cabinet: &mut Cabinet| cabinet.drive.get(&path).copied());
        let stored = match written {
            Some(written) => written,
            None => self.state.files.get(&path).map(stored).transpose()?,
        };
        let stored = stored.ok_or_else(|| no_such_file(&path))?;
        Ok(Found { path, stored })
    }
}

impl Files {
    /// The file of the drive of that name, as the turn sees it.
    pub(super) async fn of_drive(&self, run: &Run, name: &str) -> Result<Found, Unperformed> {
        if layout::safe_path(name).is_err() {
            return Err(no_path(name));
        }
        let base = Base::of(run, &self.packages).await?;
        let paths = base.paths(run);
        let path = layout::drive_file(paths.iter().map(String::as_str), name);
        let path = path.ok_or_else(|| no_such_file(name))?.to_owned();
        base.at(run, path)
    }

    /// Where a file of that name is in the package, or would be.
    async fn place(&self, run: &Run, name: &str) -> Result<String, Unperformed> {
        let base = Base::of(run, &self.packages).await?;
        let paths = base.paths(run);
        let paths = || paths.iter().map(String::as_str);
        if let Some(present) = layout::drive_file(paths(), name) {
            return Ok(present.to_owned());
        }
        let place = layout::new_drive_file(paths(), &base.bot.slug, name);
        let place = place.ok_or_else(|| no_path(name))?;
        // What would make the package one that can't be is told here, where the script can go on with it.
        if layout::check_distinct(paths().chain([&*place])).is_err() {
            let message = format!("{name} is a folder of the drive, or would be in a file");
            return Err(Unperformed::argument(message));
        }
        let most = self.settings.get().package_files;
        if paths().count() >= most {
            let message = format!("a package has at most {most} files");
            return Err(Unperformed::failed(ErrorCode::Limit, message));
        }
        Ok(place)
    }

    /// Puts content into the drive, in place of what is there.
    pub(super) async fn put(&self, run: &Run, name: &str, stored: Stored) -> Result<Found, Unperformed> {
        let path = self.place(run, name).await?;
        run.drafts.with(|cabinet: &mut Cabinet| cabinet.drive.insert(path.clone(), Some(stored)));
        Ok(Found { path, stored })
    }

    /// A file as scripts hold it.
    pub(super) async fn handle(&self, run: &Run, found: &Found) -> Result<Data, Unperformed> {
        let name = found.name();
        let head = self.packages.head(&found.stored, HEAD).await?;
        let address = format!("/api/v1/bots/{}/package/files/{}", run.bot, gateway::in_path(&found.path));
        let fields = [
            ("filename", Data::Text(name.to_owned())),
            ("name", Data::Text(name.to_owned())),
            ("path", Data::Text(found.path_in_drive().to_owned())),
            ("url", Data::Text(address)),
            ("size", Data::Integer(i64::try_from(found.stored.size).unwrap_or(i64::MAX))),
            ("mime_type", Data::Text(kind::of(&head, name).to_owned())),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).into();
        Ok(Data::File(Box::new(File { fields })))
    }

    async fn text_of(&self, found: &Found) -> Result<String, Unperformed> {
        if found.stored.size > FILE_BYTES as u64 {
            let message = format!("{} has more than {FILE_BYTES} bytes", found.name());
            return Err(Unperformed::failed(ErrorCode::Limit, message));
        }
        let bytes = self.packages.bytes(&found.stored).await?;
        String::from_utf8(bytes.into())
            .map_err(|_| Unperformed::failed(ErrorCode::Data, format!("{} holds no text", found.name())))
    }

    async fn read(&self, run: &Run, command: &Command) -> Performed {
        let found = self.of_drive(run, &path(command, 0)).await?;
        Ok(Answer::Value(Data::Text(self.text_of(&found).await?)))
    }

    /// The text of a file of the drive, or else of the data folder; null where there is none.
    async fn get(&self, run: &Run, command: &Command) -> Performed {
        let name = text(command, 0);
        let base = Base::of(run, &self.packages).await?;
        let paths = base.paths(run);
        let paths = || paths.iter().map(String::as_str);
        let path = layout::drive_file(paths(), &name).or_else(|| layout::data_file(paths(), &name));
        let Some(path) = path.map(str::to_owned) else { return Ok(Answer::Value(Data::Null)) };
        let changed = run.drafts.with(|cabinet: &mut Cabinet| {
            cabinet.files.get(&path).filter(|held| held.changed).map(|held| held.sheet.write())
        });
        let text = match changed {
            Some(text) => text,
            None => self.text_of(&base.at(run, path)?).await?,
        };
        Ok(Answer::Value(Data::Text(text)))
    }

    async fn write(&self, run: &Run, command: &Command) -> Performed {
        let (name, value) = match command.clause_value("TO") {
            Some(to) => (to.to_string(), command.arguments.first().cloned().unwrap_or_default()),
            None => (path(command, 0), command.arguments.get(1).cloned().unwrap_or_default()),
        };
        self.write_value(run, &name, &value).await
    }

    async fn create(&self, run: &Run, command: &Command) -> Performed {
        let value = command.arguments.get(1).or_else(|| command.clause_value("WITH")).cloned();
        self.write_value(run, &path(command, 0), &value.unwrap_or_default()).await
    }

    async fn write_value(&self, run: &Run, name: &str, value: &Data) -> Performed {
        let content = content_of(name, value)?;
        if content.len() > FILE_BYTES {
            let message = format!("a script writes at most {FILE_BYTES} bytes into a file");
            return Err(Unperformed::failed(ErrorCode::Limit, message));
        }
        // Before it is kept.
        self.place(run, name).await?;
        run.drafts.with(|cabinet: &mut Cabinet| cabinet.charge(content.len()))?;
        let stored = self.packages.keep(Bytes::from(content)).await?;
        self.put(run, name, stored).await?;
        Ok(Answer::Done)
    }

    /// The entries of a folder of the drive: the files, and the folders by their names alone.
    async fn entries(&self, run: &Run, folder: &str) -> Result<Vec<(String, Option<Found>)>, Unperformed> {
        let base = Base::of(run, &self.packages).await?;
        let folder = kernel::text::key(folder.trim_matches('/'));
        let prefix = if folder.is_empty() || folder == "." { String::new() } else { format!("{folder}/") };
        let mut entries: Vec<(String, Option<Found>)> = Vec::new();
        let mut folders = HashSet::new();
        for (path, rest) in layout::drive_files(base.paths(run).iter().map(String::as_str)) {
            if !kernel::text::key(rest).starts_with(&prefix) {
                continue;
            }
            // A folder has as many parts however it is spelled.
            let within: Vec<&str> = rest.split('/').skip(prefix.matches('/').count()).collect();
            let name = within.first().copied().unwrap_or_default().to_owned();
            if within.len() > 1 {
                if folders.insert(name.clone()) {
                    entries.push((name, None));
                }
            } else {
                entries.push((name, Some(base.at(run, path.to_owned())?)));
            }
            if entries.len() > MOST {
                let message = format!("the folder has more than {MOST} entries");
                return Err(Unperformed::failed(ErrorCode::Limit, message));
            }
        }
        Ok(entries)
    }

    async fn list(&self, run: &Run, command: &Command) -> Performed {
        let entries = self.entries(run, &path(command, 0)).await?;
        Ok(Answer::Value(Data::Array(entries.into_iter().map(|(name, _)| Data::Text(name)).collect())))
    }

    async fn dir(&self, run: &Run, command: &Command) -> Performed {
        let folder = path(command, 0);
        let entries = self.entries(run, &folder).await?.into_iter().map(|(name, file)| {
            let path = format!("{}/{name}", folder.trim_matches('/'));
            let size = file.map_or(Data::Null, |file| {
                Data::Integer(i64::try_from(file.stored.size).unwrap_or(i64::MAX))
            });
            let fields = [
                ("name", Data::Text(name)),
                ("path", Data::Text(path.trim_start_matches('/').to_owned())),
                ("size", size),
                // Packages know when a version was made, and not when each of its files was.
                ("modified", Data::Null),
            ];
            Data::Object(fields.map(|(name, value)| (name.to_owned(), value)).into())
        });
        Ok(Answer::Value(Data::Array(entries.collect())))
    }

    async fn copy(&self, run: &Run, command: &Command) -> Performed {
        let found = self.of_drive(run, &path(command, 0)).await?;
        let copy = self.put(run, &path(command, 1), found.stored).await?;
        Ok(Answer::Value(self.handle(run, &copy).await?))
    }

    async fn rename(&self, run: &Run, command: &Command) -> Performed {
        let found = self.of_drive(run, &path(command, 0)).await?;
        let moved = self.put(run, &path(command, 1), found.stored).await?;
        if moved.path != found.path {
            run.drafts.with(|cabinet: &mut Cabinet| cabinet.drive.insert(found.path, None));
        }
        Ok(Answer::Value(self.handle(run, &moved).await?))
    }

    async fn delete(&self, run: &Run, command: &Command) -> Performed {
        let found = self.of_drive(run, &path(command, 0)).await?;
        run.drafts.with(|cabinet: &mut Cabinet| cabinet.drive.insert(found.path, None));
        Ok(Answer::Done)
    }
}

/// The object of a file of the package.
fn stored(file: &crate::packages::FileEntry) -> Result<Stored, Error> {
    Ok(Stored { hash: file.hash()?, size: file.size })
}
