//! The step that writes an image, and the file that tells about it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;

use appc::archive::WriteOptions;

use super::How;
use crate::event::{Event, Sink};
use crate::failure::{Problem, remedy};
use crate::image::Content;
use crate::image::assemble::assemble;
use crate::plan::{ImageWork, Stage1Source, Step};
use crate::recipe::cargo::Parallel;
use crate::report::ImageReport;
use crate::store::digest::{Digest, HashingWriter};
use crate::store::identity::Identity;
use crate::store::memory::Memory;
use crate::store::{beside, put, write_beside};

pub(super) fn write(
    step: &Step,
    work: &ImageWork,
    builddir: &Path,
    memory: &mut Memory,
    how: How,
    sink: &dyn Sink,
) -> Result<Vec<(PathBuf, Digest)>, Problem> {
    let (file, about) = (&step.outputs[0], &step.outputs[1]);
    let place = builddir.join(file);
    let failed = |error: io::Error| Problem::system("cannot be written", &place, &error);
    let (source, how_made) = match &work.stage1 {
        Stage1Source::Made { path, how } => (builddir.join(path), Some(how.clone())),
        Stage1Source::Given { path, .. } => (path.clone(), None),
    };
    let unreadable = |error: io::Error| Problem::system("cannot be read", &source, &error);
    let sha256 = memory.digest(&source).map_err(unreadable)?;
    let size = Identity::of(&source).map_err(unreadable)?.size();
    let stage1 = Content::File { path: source.clone(), size, sha256 };
    let tree = work.flavor.tree(&stage1).map_err(|mut faults| Problem::from(faults.swap_remove(0)))?;
    let threads = match how.parallel {
        Parallel::Count(count) => count.max(1),
        Parallel::AsMakeSays => thread::available_parallelism().map_or(1, usize::from),
    };
    let options = WriteOptions { threads, ..WriteOptions::default() };
    let out = HashingWriter::new(beside(&place).map_err(failed)?);
    let (mut out, written) = assemble(&tree, &work.manifest, work.time, out, options).map_err(|error| {
        Problem::new(error.to_string()).at(place.display().to_string()).hint(remedy(&error))
    })?;
    out.flush().map_err(failed)?;
    let (out, digest) = out.finish();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let report = ImageReport::new(&name, &work.manifest, &tree, work.time, &written, digest, how_made);
    let text = report.to_json().map_err(|error| failed(error.into()))?;
    sink.send(Event::detail("ID", format!("{} {name}", written.id)));
    // The image first: what tells about it must never tell about one that is not there yet.
    put(out, &place, 0o644).map_err(failed)?;
    write_beside(&builddir.join(about), 0o644, text.as_bytes()).map_err(failed)?;
    Ok(vec![(file.clone(), digest), (about.clone(), Digest::of(text.as_bytes()))])
}
