//! Compiles the folder `flavors/` into the program: a table of every flavor's files.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=flavors");
    let top = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("flavors");
    let mut table = String::from("&[\n");
    for flavor in sorted(&top)? {
        let mut files = Vec::new();
        collect(&flavor, &mut files)?;
        writeln!(table, "    ({:?}, &[", name(&flavor)?)?;
        for file in files {
            let inside =
                file.strip_prefix(&flavor)?.to_str().ok_or("a file name in flavors/ is not UTF-8")?;
            writeln!(
                table,
                "        ({inside:?}, include_bytes!({:?})),",
                file.to_str().ok_or("not UTF-8")?
            )?;
        }
        table.push_str("    ]),\n");
    }
    table.push(']');
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("flavors.rs"), table)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for path in sorted(folder)? {
        let kind = fs::symlink_metadata(&path)?.file_type();
        if kind.is_dir() {
            collect(&path, files)?;
        } else if kind.is_file() {
            files.push(path);
        } else {
            return Err(format!("{}: only files and folders can be compiled in", path.display()).into());
        }
    }
    Ok(())
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut paths =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> Result<&str, Box<dyn Error>> {
    Ok(path.file_name().and_then(|name| name.to_str()).ok_or("a folder in flavors/ has no UTF-8 name")?)
}
