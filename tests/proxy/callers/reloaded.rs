//! Callers after a reload: tokens, rights and users of the new configuration hold from the next call on, also of a connection
//! that was open before.

use super::*;

/// A call over a connection that stays open, and the status of its answer.
fn on(connection: &mut Connection, token: &str, path: &str) -> u16 {
    connection.write(format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{ORDER}",
        ORDER.len()
    ));
    connection.read().status
}

#[test]
fn a_token_that_was_taken_out_ends_at_the_next_call_of_a_kept_connection() {
    let stage = stage(&[]);
    let mut kept = stage.sidecar.connect();
    assert_eq!(on(&mut kept, TOKEN_A, PAYMENT), 200);

    let new_token = "token-of-shop-a-after-the-change-4c";
    stage.sidecar.write("token-a", new_token);
    assert_eq!(on(&mut kept, TOKEN_A, PAYMENT), 200, "nothing is read before somebody asks");
    assert_eq!(stage.sidecar.reload().status, 200);
    assert_eq!(on(&mut kept, TOKEN_A, PAYMENT), 401);
    assert_eq!(on(&mut kept, new_token, PAYMENT), 200);
    assert_eq!(on(&mut kept, TOKEN_ANY, PAYMENT), 200, "another caller's token goes on");
}

#[test]
fn a_right_that_was_taken_or_given_holds_at_the_next_call_of_a_kept_connection() {
    let stage = stage(&[]);
    let mut kept = stage.sidecar.connect();
    assert_eq!((on(&mut kept, TOKEN_A, PAYMENT), on(&mut kept, TOKEN_A, REFUND)), (200, 403));

    let config = std::fs::read_to_string(stage.sidecar.config_file()).unwrap();
    let changed = config.replace("\"/trade/v1/payment\", \"/trade/v1/query\"", "\"/trade/v1/refund\"");
    assert_ne!(config, changed);
    stage.sidecar.write("sidecar.toml", &changed);
    assert_eq!(stage.sidecar.reload().status, 200);
    assert_eq!((on(&mut kept, TOKEN_A, PAYMENT), on(&mut kept, TOKEN_A, REFUND)), (403, 200));
}
