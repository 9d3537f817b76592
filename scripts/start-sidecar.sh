# shellcheck shell=bash
# Sourced by tests/clients/run, tests/browser/run and tests/notifications/run; not a command of its own.
#
# start_sidecar BINARY LOG [ARGUMENT...]
#                            starts BINARY run ARGUMENT... (default: --env sandbox) on free ports against its embedded
#                            sandbox, waits until it is ready, and sets SIDECAR_PID, SIDECAR_URL, ADMIN_URL, SANDBOX_URL
#                            and NOTIFY_URL (empty without a notification listener). Returns 1, with the log shown, if
#                            it ends early or is not ready within 20 seconds.
# stop_process PID           SIGTERM, 10 seconds to end, then SIGKILL; silent for a process that is gone.
#
# The sidecar and the sandbox keep QFPay's limit of 400 requests a minute; both are off here, because a test that waits out a quota
# tests nothing.

start_sidecar() {
  local binary=$1 log=$2 waited=0
  shift 2
  if [ "$#" = 0 ]; then set -- --env sandbox; fi
  : >"$log"
  env QFPAY__LISTEN__API=127.0.0.1:0 QFPAY__LISTEN__ADMIN=127.0.0.1:0 QFPAY__SANDBOX__LISTEN=127.0.0.1:0 \
    QFPAY__SANDBOX__QUOTA_PER_SECOND=0 QFPAY__SANDBOX__QUOTA_PER_MINUTE=0 \
    QFPAY__QUOTA__PER_SECOND=0 QFPAY__QUOTA__PER_MINUTE=0 \
    "$binary" run "$@" >"$log" 2>"$log.stderr" </dev/null &
  SIDECAR_PID=$!
  until grep -q '^ *ready' "$log"; do
    waited=$((waited + 1))
    if [ "$waited" -gt 200 ] || ! kill -0 "$SIDECAR_PID" 2>/dev/null; then
      echo "the sidecar did not become ready:" >&2
      cat "$log" "$log.stderr" >&2
      stop_process "$SIDECAR_PID"
      return 1
    fi
    sleep 0.1
  done
  SIDECAR_URL=$(bound_address api "$log")
  ADMIN_URL=$(bound_address admin "$log")
  SANDBOX_URL=$(bound_address sandbox "$log")
  NOTIFY_URL=$(bound_address notify "$log")
  if [ -z "$SIDECAR_URL" ] || [ -z "$SANDBOX_URL" ]; then
    echo "the start screen names no bound address:" >&2
    cat "$log" >&2
    stop_process "$SIDECAR_PID"
    return 1
  fi
  export SIDECAR_URL ADMIN_URL SANDBOX_URL NOTIFY_URL
}

# The address on the start screen's line that begins with $1.
bound_address() {
  sed -nE "s/^ *$1 +(http:\/\/[0-9.:]+).*/\1/p" "$2" | head -n 1
}

stop_process() {
  local pid=$1 waited=0
  kill "$pid" 2>/dev/null || return 0
  while kill -0 "$pid" 2>/dev/null && [ "$waited" -lt 100 ]; do
    waited=$((waited + 1))
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}
