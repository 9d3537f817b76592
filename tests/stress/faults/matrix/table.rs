//! The table of outcomes, for people and for docs/faults.md: cases with one outcome become one row.

use std::collections::BTreeMap;

use super::case::{Call, Case, Connection, Fault, Framing, Over};
use super::rules::Expected;

/// A case, and what came of it; more than one outcome where the rules leave it to a race.
pub type Outcome = (Case, Vec<Expected>);

/// Consecutive offsets with one outcome.
#[derive(Clone, Debug)]
struct Range {
    offsets: Option<(usize, usize)>,
    outcome: Vec<Expected>,
    cases: usize,
}

/// One kind of fault over one transport on one kind of connection.
#[derive(Default)]
struct Cell(Vec<(Option<usize>, Vec<Expected>)>);

/// Ranges that are the same on several ways.
struct Group {
    ways: Vec<(Over, Connection)>,
    ranges: Vec<Range>,
}

pub fn table(outcomes: &[Outcome]) -> String {
    let mut kinds: BTreeMap<Kind, BTreeMap<(Over, Connection), Cell>> = BTreeMap::new();
    for (case, outcome) in outcomes {
        let cells = kinds.entry(Kind::of(case)).or_default();
        let cell = cells.entry((case.over, case.connection)).or_default();
        cell.0.push((offset(&case.fault), outcome.clone()));
    }
    let mut table = String::from(
        "| Call | Where | QFPay's side | Offsets | Connection | HTTP | code | delivery | arrived | cases |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (kind, cells) in kinds {
        for group in groups(cells) {
            for range in &group.ranges {
                table += &row(&kind, &group, range);
            }
        }
    }
    table
}

fn row(kind: &Kind, group: &Group, range: &Range) -> String {
    let offsets = range.offsets.map_or(String::new(), |(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    });
    let of_each = |part: &dyn Fn(&Expected) -> String| {
        let mut parts = Vec::new();
        for outcome in &range.outcome {
            let part = part(outcome);
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        parts.join(" or ")
    };
    let quoted = |text: &str| if text.is_empty() { "QFPay's own".to_owned() } else { format!("`{text}`") };
    let call = match kind.call {
        Call::Payment => "payment",
        Call::Query => "query",
    };
    let cells = [
        call.to_owned(),
        kind.place.to_owned(),
        kind.act.to_owned(),
        offsets,
        ways(&group.ways),
        of_each(&|outcome| outcome.status.to_string()),
        of_each(&|outcome| quoted(outcome.code)),
        of_each(&|outcome| format!("`{}`", outcome.delivery)),
        of_each(&|outcome| outcome.arrived.to_string()),
        range.cases.to_string(),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// A kind of fault: its place, in the order of the table, and what happens there.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    call: Call,
    order: u8,
    place: &'static str,
    act: &'static str,
}

impl Kind {
    fn of(case: &Case) -> Self {
        let (order, place, act) = match &case.fault {
            Fault::Port => (0, "connecting", "refuses"),
            Fault::Accepted(act) => (1, "right after accepting", act.name()),
            Fault::Handshake(act, _) => (2, "in the TLS handshake", act.name()),
            Fault::Certificate => (2, "in the TLS handshake", "shows a certificate of another host"),
            Fault::Idle(idle) => (3, "on the idle connection, before the call", idle.name()),
            Fault::Request(act, _) => (4, "in the request", act.name()),
            Fault::Answer(act, framing, _) => match framing {
                Framing::Length => (5, "in an answer with Content-Length", act.name()),
                Framing::Chunked => (6, "in a chunked answer", act.name()),
                Framing::UntilClose => (7, "in an answer that ends with the connection", act.name()),
                Framing::Interim => (8, "in an answer behind 100 Continue", act.name()),
            },
            Fault::Record(act, _) => (9, "in the answer's TLS record", act.name()),
            Fault::Length(_) => (10, "in the length", "announces another Content-Length, and closes"),
            Fault::ChunkSize(_) => (10, "in the length", "announces another chunk size, and closes"),
            Fault::Odd(odd) => (11, "instead of an ordinary answer", odd.name),
        };
        Self { call: case.call, order, place, act }
    }
}

/// How many bytes came before it, or are announced.
fn offset(fault: &Fault) -> Option<usize> {
    match fault {
        Fault::Request(_, offset)
        | Fault::Answer(.., offset)
        | Fault::Record(_, offset)
        | Fault::Length(offset)
        | Fault::ChunkSize(offset) => Some(*offset),
        _ => None,
    }
}

impl Cell {
    fn ranges(mut self) -> Vec<Range> {
        self.0.sort_unstable();
        let mut ranges: Vec<Range> = Vec::new();
        for (offset, outcome) in self.0 {
            match ranges.last_mut() {
                Some(range) if range.outcome == outcome => {
                    range.cases += 1;
                    range.offsets = range.offsets.zip(offset).map(|((first, _), last)| (first, last));
                }
                _ => ranges.push(Range { offsets: offset.map(|offset| (offset, offset)), outcome, cases: 1 }),
            }
        }
        ranges
    }
}

/// Joins cells that are the same.
fn groups(cells: BTreeMap<(Over, Connection), Cell>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (way, cell) in cells {
        let ranges = cell.ranges();
        match groups.iter_mut().find(|group| group.is_like(&ranges)) {
            Some(group) => {
                group.ways.push(way);
                for (range, more) in group.ranges.iter_mut().zip(ranges) {
                    range.cases += more.cases;
                }
            }
            None => groups.push(Group { ways: vec![way], ranges }),
        }
    }
    groups
}

impl Group {
    fn is_like(&self, ranges: &[Range]) -> bool {
        let key = |range: &Range| (range.offsets, range.outcome.clone());
        self.ranges.iter().map(key).eq(ranges.iter().map(key))
    }
}

/// `HTTP fresh and reused, TLS 1.3 reused`.
fn ways(ways: &[(Over, Connection)]) -> String {
    let names = [(Over::Http, "HTTP"), (Over::Tls12, "TLS 1.2"), (Over::Tls13, "TLS 1.3")];
    let on = |over| match ways.iter().filter(|way| way.0 == over).map(|way| way.1).collect::<Vec<_>>()[..] {
        [Connection::Fresh] => Some("fresh"),
        [Connection::Reused] => Some("reused"),
        [] => None,
        _ => Some("fresh and reused"),
    };
    let parts = names.iter().filter_map(|(over, name)| Some(format!("{name} {}", on(*over)?)));
    parts.collect::<Vec<_>>().join(", ")
}
