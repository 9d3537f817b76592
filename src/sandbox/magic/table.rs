//! The magic amounts.

use super::{Answer, End, Magic, OrderEffect};

const fn row(txamt: u64, answer: Answer, order: OrderEffect, meaning: &'static str) -> Magic {
    Magic { txamt, answer, order, meaning }
}

/// All magic amounts; `docs/sandbox.md` prints this table.
pub const TABLE: &[Magic] = &[
    row(
        4_201_143,
        Answer::Respcd("1143"),
        OrderEffect::DoneWhenQueried("1143"),
        "not paid yet; the first query finds it paid",
    ),
    row(
        4_201_145,
        Answer::Respcd("1145"),
        OrderEffect::DoneWhenQueried("1145"),
        "processing; the first query finds it paid",
    ),
    row(
        4_201_298,
        Answer::Respcd("1298"),
        OrderEffect::Done,
        "slow network, result unknown; in fact it is paid",
    ),
    row(
        4_201_296,
        Answer::Respcd("1296"),
        OrderEffect::Nothing,
        "slow network, result unknown; in fact nothing happened",
    ),
    row(4_201_100, Answer::Respcd("1100"), OrderEffect::Nothing, "maintenance; nothing happened"),
    row(4_201_104, Answer::Respcd("1104"), OrderEffect::Nothing, "parameter error; nothing happened"),
    row(4_201_201, Answer::Respcd("1201"), OrderEffect::Failed("1201"), "not enough money; the order failed"),
    row(
        4_201_205,
        Answer::Respcd("1205"),
        OrderEffect::Failed("1205"),
        "the payment failed; the order failed",
    ),
    row(4_201_297, Answer::Respcd("1297"), OrderEffect::Nothing, "busy; nothing happened"),
    row(
        4_209_999,
        Answer::Respcd("9999"),
        OrderEffect::DoneAfter("9999", 60),
        "9999, a code that no table names, for a minute; then paid",
    ),
    row(
        4_202_005,
        Answer::Respcd("2005"),
        OrderEffect::Failed("2005"),
        "payment code wrong or expired; the order failed",
    ),
    row(
        4_200_000,
        Answer::Drop,
        OrderEffect::Nothing,
        "connection closed without an answer; nothing happened",
    ),
    row(
        4_200_001,
        Answer::Drop,
        OrderEffect::Done,
        "connection closed without an answer; in fact it is paid",
    ),
    row(
        4_200_002,
        Answer::Drop,
        OrderEffect::Failed("1205"),
        "connection closed without an answer; the order failed",
    ),
    row(4_200_003, Answer::Late(3), OrderEffect::Usual, "the usual answer after 3 seconds"),
    row(
        4_200_004,
        Answer::Hang,
        OrderEffect::Nothing,
        "no answer for 10 minutes, then the connection is closed; nothing happened",
    ),
    row(
        4_200_005,
        Answer::Drop,
        OrderEffect::DoneWhenQueried("1145"),
        "connection closed without an answer; processing, and the first query finds it paid",
    ),
    row(
        4_200_011,
        Answer::Usual,
        OrderEffect::Ends(End::Reversed),
        "the usual answer; paid, and reversed at once (`cancel` 1)",
    ),
    row(
        4_200_012,
        Answer::Usual,
        OrderEffect::Ends(End::Closed),
        "the usual answer; closed before it is paid (`cancel` 2)",
    ),
    row(
        4_200_013,
        Answer::Usual,
        OrderEffect::Ends(End::Refunded),
        "the usual answer; paid, and refunded in full at once (`cancel` 3)",
    ),
    row(
        4_200_015,
        Answer::Usual,
        OrderEffect::Ends(End::PartlyRefunded),
        "the usual answer; paid, and half of it refunded at once (`cancel` 5)",
    ),
    row(
        4_200_020,
        Answer::Drop,
        OrderEffect::QueriesDropped(2),
        "connection closed without an answer; in fact it is paid, but the connections of the first two queries that name \
         it are closed too",
    ),
    row(
        4_200_050,
        Answer::Truncated,
        OrderEffect::Done,
        "half of the answer, then the connection is closed; it is paid",
    ),
    row(
        4_200_060,
        Answer::Drop,
        OrderEffect::Hidden(60),
        "connection closed without an answer; in fact it is paid, but no query finds it for a minute",
    ),
    row(
        4_200_061,
        Answer::Drop,
        OrderEffect::DoneAfter("1145", 60),
        "connection closed without an answer; processing for a minute, then paid",
    ),
    row(
        4_200_090,
        Answer::Late(90),
        OrderEffect::Done,
        "the usual answer after 90 seconds, when callers have given up; it is paid",
    ),
    row(
        4_200_099,
        Answer::Hang,
        OrderEffect::Done,
        "no answer for 10 minutes, then the connection is closed; it is paid",
    ),
    row(
        4_200_200,
        Answer::NotJson,
        OrderEffect::Done,
        "HTTP 200 with `\"respcd\": 0000`, which is not valid JSON; it is paid",
    ),
    row(
        4_200_302,
        Answer::Redirect(302),
        OrderEffect::Nothing,
        "HTTP 302 to another place; nothing happened",
    ),
    row(
        4_200_429,
        Answer::Html(429),
        OrderEffect::Nothing,
        "HTTP 429; nothing happened. The sidecar then pauses the app, as after a real one",
    ),
    row(4_200_500, Answer::Html(500), OrderEffect::Nothing, "HTTP 500 with an HTML page; nothing happened"),
    row(4_200_502, Answer::Html(502), OrderEffect::Done, "HTTP 502 with an HTML page; in fact it is paid"),
];
