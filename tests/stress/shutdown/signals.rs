//! Every signal whose default ends a process, in the middle of payments: no caller is left without an answer.

use std::collections::BTreeMap;
use std::time::Duration;

use super::moments::Started;
use crate::support::{Load, Outcome, Reply, Stage};

const CALLERS: usize = 16;

/// Names and numbers on Linux of what is ignored; some of the real-time ones, the first and the last among them.
const IGNORED: [(&str, &str); 14] = [
    ("SIGUSR1", "10"),
    ("SIGUSR2", "12"),
    ("SIGPIPE", "13"),
    ("SIGALRM", "14"),
    ("SIGSTKFLT", "16"),
    ("SIGXFSZ", "25"),
    ("SIGVTALRM", "26"),
    ("SIGPROF", "27"),
    ("SIGIO", "29"),
    ("SIGPWR", "30"),
    ("SIG34 (real-time)", "34"),
    ("SIG35 (real-time)", "35"),
    ("SIG50 (real-time)", "50"),
    ("SIG64 (real-time)", "64"),
];

#[test]
fn signals_without_meaning_end_no_payment() {
    let mut stage = Stage::new(&["log.level=warn"]);
    stage.upstream.always(Reply::ok(r#"{"respcd": "0000"}"#).after(Duration::from_millis(30)));
    let load = Load::start(&stage.sidecar.api, CALLERS, "I");
    stage.upstream.wait_for_requests(2 * CALLERS);
    for (name, number) in IGNORED {
        stage.sidecar.signal(number);
        let line = stage.sidecar.wait_for_log(&["WARN", &format!("signal=\"{name}\"")]);
        assert!(line.contains("ignored"), "{line}");
        // Once a minute is enough for a timer that fires all the time.
        for _ in 0..3 {
            stage.sidecar.signal(number);
        }
    }
    let seen = stage.upstream.requests().len();
    stage.upstream.wait_for_requests(seen + 2 * CALLERS);
    let payments = load.end();
    assert!(payments.len() > 4 * CALLERS);
    for payment in &payments {
        assert!(matches!(payment.outcome, Outcome::Answered(_)), "{payment:?}");
    }
    let mut arrivals = BTreeMap::new();
    for request in stage.upstream.requests() {
        *arrivals.entry(request.param("out_trade_no").unwrap()).or_insert(0) += 1;
    }
    assert!(arrivals.values().all(|&times| times == 1) && arrivals.len() == payments.len());
    for (name, _) in IGNORED {
        assert_eq!(stage.sidecar.log().matches(&format!("signal=\"{name}\"")).count(), 1, "{name}");
    }
    stage.sidecar.signal("TERM");
    assert_eq!(stage.sidecar.wait_for_exit(), Some(0));
}

#[test]
fn the_demo_and_the_sandbox_outlive_them_too() {
    for (arguments, ready) in [(&["demo"][..], "pay page"), (&["sandbox"], "ready")] {
        let mut started = Started::command(arguments);
        started.wait_for(ready);
        for (_, number) in IGNORED {
            started.signal(number);
        }
        if arguments[0] == "sandbox" {
            started.signal("HUP");
        }
        started.signal("QUIT");
        assert_eq!(started.ends().code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn a_demo_ends_with_its_terminal() {
    let mut started = Started::command(&["demo"]);
    started.wait_for("pay page");
    started.signal("HUP");
    assert_eq!(started.ends().code(), Some(0));
}
