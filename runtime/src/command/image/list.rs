//! `rkt image list`.

use std::cmp::Ordering;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use grammar::ImageListArgs;
use serde_json::{Value, json};

use crate::error::{EXIT_OK, Failure};
use crate::format::{Table, full_time, iec_size, json_with_tabs, relative_time};
use crate::session::Session;
use crate::store::ImageInfo;

/// Hex digits of an image ID that are shown unless all are asked for.
const SHORT: usize = 12;

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Id,
    Name,
    Size,
    ImportTime,
    LastUsed,
}

/// Fields as they are typed, and their headers.
const FIELDS: [(&str, Field, &str); 5] = [
    ("id", Field::Id, "ID"),
    ("name", Field::Name, "NAME"),
    ("size", Field::Size, "SIZE"),
    ("importtime", Field::ImportTime, "IMPORT TIME"),
    ("lastused", Field::LastUsed, "LAST USED"),
];

impl Field {
    fn parse(name: &str, flag: &str, known: &[Field]) -> Result<Field, Failure> {
        let found = FIELDS.iter().find(|(typed, field, _)| *typed == name && known.contains(field));
        found.map(|(_, field, _)| *field).ok_or_else(|| {
            let names = FIELDS.iter().filter(|(_, field, _)| known.contains(field)).map(|(typed, ..)| *typed);
            let names: Vec<_> = names.collect();
            Failure::new(format!("invalid argument \"{name}\" for --{flag}: unknown field"))
                .hint(format!("the fields are {}", names.join(", ")))
        })
    }

    fn header(self) -> &'static str {
        FIELDS.iter().find(|(_, field, _)| *field == self).map_or("", |(.., header)| header)
    }

    fn cell(self, image: &ImageInfo, full: bool, now: SystemTime) -> String {
        let time = |time| if full { full_time(time) } else { relative_time(time, now) };
        match self {
            Field::Id if full => image.id.to_string(),
            Field::Id => image.id.short(SHORT),
            Field::Name => image.name.clone(),
            Field::Size if full => image.size.to_string(),
            Field::Size => iec_size(image.size),
            Field::ImportTime => time(image.import_time),
            Field::LastUsed => time(image.last_used),
        }
    }

    fn compare(self, a: &ImageInfo, b: &ImageInfo) -> Ordering {
        match self {
            Field::Id => a.id.cmp(&b.id),
            Field::Name => a.name.cmp(&b.name),
            Field::Size => a.size.cmp(&b.size),
            Field::ImportTime => a.import_time.cmp(&b.import_time),
            Field::LastUsed => a.last_used.cmp(&b.last_used),
        }
    }
}

/// Runs the command and returns its exit code.
pub fn run(session: &Session, args: &ImageListArgs) -> Result<u8, Failure> {
    let all = [Field::Id, Field::Name, Field::Size, Field::ImportTime, Field::LastUsed];
    let parse = |names: &[String], flag, known: &[Field]| {
        names.iter().map(|name| Field::parse(name, flag, known)).collect::<Result<Vec<_>, _>>()
    };
    let fields = parse(&args.fields, "fields", &all)?;
    let sort = parse(&args.sort, "sort", &all[1..])?;
    let descending = match args.order.as_str() {
        "asc" => false,
        "desc" => true,
        other => {
            return Err(Failure::new(format!("invalid argument \"{other}\" for --order"))
                .hint("it must be asc or desc"));
        }
    };
    let pretty = match args.table.format.as_deref() {
        None | Some("") => None,
        Some("json") => Some(false),
        Some("json-pretty") => Some(true),
        Some(other) => {
            return Err(Failure::new(format!("invalid argument \"{other}\" for --format"))
                .hint("it must be json or json-pretty"));
        }
    };

    let mut images = session.store()?.list()?;
    images.sort_by(|a, b| {
        let order = sort.iter().fold(Ordering::Equal, |order, field| order.then_with(|| field.compare(a, b)));
        if descending { order.reverse() } else { order }
    });
    let mut out = std::io::stdout();
    if let Some(pretty) = pretty {
        // An empty list is `null`, as programs that read the original's output expect.
        let list = if images.is_empty() { Value::Null } else { images.iter().map(to_json).collect() };
        let text = if pretty { json_with_tabs(&list)? } else { list.to_string() };
        writeln!(out, "{text}")?;
        return Ok(EXIT_OK);
    }
    let now = SystemTime::now();
    let mut table = Table::new();
    if !args.table.no_legend {
        table.row(fields.iter().map(|field| field.header()));
    }
    for image in &images {
        table.row(fields.iter().map(|field| field.cell(image, args.table.full, now)));
    }
    write!(out, "{table}")?;
    Ok(EXIT_OK)
}

fn to_json(image: &ImageInfo) -> Value {
    let nanos = |time: SystemTime| {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    };
    json!({
        "id": image.id.to_string(),
        "name": image.name,
        "import_time": nanos(image.import_time),
        "last_used_time": nanos(image.last_used),
        "size": image.size,
    })
}
