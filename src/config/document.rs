//! TOML text to values, keeping the line of every value: figment forgets lines, and people need them.

use std::collections::BTreeMap;

use figment::value::{Dict, Value};
use toml_edit::{ImDocument, Item, TableLike};

use super::errors::Problem;
use super::sections::ROUTES;

/// The values of a file, and the place (`file:line`) of each by its key path.
#[derive(Default)]
pub(super) struct Document {
    pub values: Dict,
    pub places: BTreeMap<String, String>,
}

impl Document {
    /// Reads TOML text; `file` is its name for people.
    ///
    /// A syntax error gives file, line and column, and never the line itself: it could hold a key.
    pub fn read(text: &str, file: &str) -> Result<Self, Problem> {
        Self::read_with_routes_from(text, file, 0)
    }

    /// The same for a file that is not the first: its routes are numbered from `first_route` on.
    pub fn read_with_routes_from(text: &str, file: &str, first_route: usize) -> Result<Self, Problem> {
        let document = ImDocument::parse(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let place = format!("{file}:{}:{}", line(text, start), column(text, start));
            let reason = error.message().lines().collect::<Vec<_>>().join(", ");
            let first = same_before(text, start).map(|line| format!("; it stands in line {line} already"));
            Problem::of_file(&place, &format!("this is not TOML: {reason}{}", first.unwrap_or_default()))
        })?;
        let line_ends =
            text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
        let mut reader = Reader { line_ends, file, first_route, places: BTreeMap::new() };
        let values = reader.table(document.as_table(), "");
        Ok(Self { values, places: reader.places })
    }
}

/// The line above that says the same as the one of this offset: where a section that stands twice stands first.
fn same_before(text: &str, at: usize) -> Option<usize> {
    let header = |line: &str| line.trim_start().starts_with('[').then(|| line.trim().to_owned());
    let lines: Vec<_> = text.lines().map(header).collect();
    let twice = line(text, at) - 1;
    let header = lines.get(twice)?.as_ref()?;
    lines[..twice].iter().position(|line| line.as_ref() == Some(header)).map(|index| index + 1)
}

struct Reader<'a> {
    /// Where the lines of the text end.
    line_ends: Vec<usize>,
    file: &'a str,
    first_route: usize,
    places: BTreeMap<String, String>,
}

impl Reader<'_> {
    fn place(&self, offset: usize) -> String {
        format!("{}:{}", self.file, self.line_ends.partition_point(|end| *end < offset) + 1)
    }

    fn table(&mut self, table: &dyn TableLike, above: &str) -> Dict {
        let mut values = Dict::new();
        for (name, item) in table.iter() {
            let path = if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
            let key_span = table.get_key_value(name).and_then(|(key, _)| key.span());
            if let Some(span) = key_span.or_else(|| item.span()) {
                self.places.insert(path.clone(), self.place(span.start));
            }
            values.insert(name.to_owned(), self.item(item, &path));
        }
        values
    }

    fn item(&mut self, item: &Item, path: &str) -> Value {
        if path == ROUTES
            && let Some(entries) = entries(item)
        {
            return Value::from(self.entries(entries, path));
        }
        match (item.as_table_like(), item.as_value()) {
            (Some(table), _) => Value::from(self.table(table, path)),
            (None, Some(value)) => scalar(value),
            // No other setting is an array of tables: whatever stands here is refused by the type of its key.
            (None, None) => Value::from(Vec::<Value>::new()),
        }
    }

    /// An array of tables becomes sections named by their numbers, so that variables and flags can name them as well.
    fn entries(&mut self, entries: Vec<(&dyn TableLike, Option<usize>)>, above: &str) -> Dict {
        let mut values = Dict::new();
        for (number, (table, start)) in entries.into_iter().enumerate() {
            let number = self.first_route + number;
            let path = format!("{above}.{number}");
            if let Some(start) = start {
                self.places.insert(path.clone(), self.place(start));
            }
            values.insert(number.to_string(), Value::from(self.table(table, &path)));
        }
        values
    }
}

/// The tables of `[[name]]` sections or of `name = [{ .. }]`, each with where it begins.
fn entries(item: &Item) -> Option<Vec<(&dyn TableLike, Option<usize>)>> {
    let start = |span: Option<std::ops::Range<usize>>| span.map(|span| span.start);
    if let Some(tables) = item.as_array_of_tables() {
        return Some(tables.iter().map(|table| (table as &dyn TableLike, start(table.span()))).collect());
    }
    let tables = item.as_array()?.iter().map(|value| {
        let table = value.as_inline_table()?;
        Some((table as &dyn TableLike, start(value.span())))
    });
    tables.collect()
}

/// A value that is no table. Dates become text: no setting is one, and its key will say what it wants.
pub(super) fn scalar(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => Value::from(text.value().as_str()),
        toml_edit::Value::Integer(number) => Value::from(*number.value()),
        toml_edit::Value::Float(number) => Value::from(*number.value()),
        toml_edit::Value::Boolean(flag) => Value::from(*flag.value()),
        toml_edit::Value::Array(items) => Value::from(items.iter().map(scalar).collect::<Vec<_>>()),
        toml_edit::Value::Datetime(date) => Value::from(date.value().to_string()),
        toml_edit::Value::InlineTable(_) => Value::from(Dict::new()),
    }
}

/// The entries of an inline table that stands in a text, as variables hold it.
pub(super) fn inline_table(text: &str) -> Option<Dict> {
    let value = text.trim().parse::<toml_edit::Value>().ok()?;
    let entries = value.as_inline_table()?.iter();
    Some(entries.map(|(name, value)| (name.to_owned(), scalar(value))).collect())
}

fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&b| b == b'\n').count() + 1
}

fn column(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    before.chars().rev().take_while(|&c| c != '\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_line() {
        let text = "a = 1\n[b]\nc = 'x'\nd = { e = [1,\n 2] }\nf.g = true\n[h]\n";
        let document = Document::read(text, "x.toml").unwrap();
        let place = |path: &str| document.places[path].as_str();
        assert_eq!(place("a"), "x.toml:1");
        assert_eq!(place("b.c"), "x.toml:3");
        assert_eq!(place("b.d.e"), "x.toml:4");
        assert_eq!(place("b.f.g"), "x.toml:6");
        assert_eq!(place("h"), "x.toml:7");
    }

    #[test]
    fn routes_are_sections_named_by_their_numbers() {
        for text in [
            "[[notifications.routes]]\npath = '/a'\n[[notifications.routes]]\npath = '/b'\n",
            "[notifications]\nroutes = [{ path = '/a' },\n\n{ path = '/b' }]\n",
        ] {
            let document = Document::read(text, "x.toml").unwrap();
            assert_eq!(document.places["notifications.routes.0.path"], "x.toml:2");
            assert_eq!(document.places["notifications.routes.1.path"], "x.toml:4");
        }
    }

    #[test]
    fn a_syntax_error_has_a_place_and_no_content() {
        let text = "ok = 1\nclient = 5A4DB0C5D3E04F5E9A7B6C8D9E0F1A2B\n";
        let problem = Document::read(text, "x.toml").err().unwrap().to_string();
        assert!(problem.starts_with("x.toml:2:"), "{problem}");
        assert!(!problem.contains("5A4D"), "{problem}");
    }
}
