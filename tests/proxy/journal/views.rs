//! The views of the journal, asked as the page asks them: each statement answers, and none reads the whole file for each row.

use super::{file, pay, stage, wait_for};
use crate::support::sqlite;

/// The statements of the page.
fn statements() -> Vec<String> {
    let page = include_str!("../../../docs/orders.md");
    let (_, asked) = page.split_once("### What people ask").unwrap();
    let (_, sql) = asked.split_once("```sql\n").unwrap();
    let (sql, _) = sql.split_once("```").unwrap();
    sql.split(';')
        .map(|statement| statement.trim().to_owned())
        .filter(|statement| !statement.is_empty())
        .collect()
}

#[test]
fn every_statement_of_the_page_answers_and_searches_no_row_for_each() {
    let stage = stage(&[]);
    for order in ["20260131-1001", "B-2", "B-3"] {
        pay(&stage.sidecar, order);
    }
    wait_for(&stage.sidecar, "SELECT count(*) FROM calls WHERE ended IS NOT NULL", 3);
    let path = file(&stage.sidecar);
    let statements = statements();
    assert_eq!(statements.len(), 6, "{statements:?}");
    let answers: Vec<_> = statements.iter().map(|statement| sqlite(&path, statement)).collect();
    let order: Vec<_> = answers[0].iter().map(|row| row[1].as_str().unwrap()).collect();
    assert_eq!(order, ["begin", "end"]);
    assert_eq!(serde_json::json!(answers[3]), serde_json::json!([["0000", null, 3]]));
    // The hour may have changed meanwhile.
    assert_eq!(answers[4].iter().map(|row| row[1].as_i64().unwrap()).sum::<i64>(), 3);
    for nothing in [1, 2, 5] {
        assert!(answers[nothing].is_empty(), "{}: {:?}", statements[nothing], answers[nothing]);
    }
    for statement in &statements {
        let plan = sqlite(&path, &format!("EXPLAIN QUERY PLAN {statement}"));
        let details = || plan.iter().map(|step| (&step[0], &step[1], step[3].as_str().unwrap()));
        // A reading of the whole table: beside another one in the same loop, or for each row of something else.
        let scans =
            || details().filter(|(_, _, detail)| detail.starts_with("SCAN") && detail.ends_with(" c"));
        for (_, parent, _) in scans() {
            let beside = scans().filter(|(_, other, _)| *other == parent).count();
            let for_each = details().any(|(id, _, detail)| id == parent && detail.contains("CORRELATED"));
            assert!(beside == 1 && !for_each, "{statement}: {plan:?}");
        }
        assert!(scans().next().is_some(), "{statement}: {plan:?}");
    }
}
