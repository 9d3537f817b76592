#!/usr/bin/env bash
# Runs every script of examples/curl. Needs SIDECAR_URL; one line of output per script, exit code 1 on any failure.
set -u
: "${SIDECAR_URL:?}"
curl=$(cd "$(dirname "$0")/../../examples/curl" && pwd)
failed=0

# runs PATTERN SCRIPT ARGUMENTS...: the answer, kept in $answer, matches the extended regular expression PATTERN.
runs() {
  local pattern=$1 script=$2
  shift 2
  if answer=$("$curl/$script" "$@" 2>&1) && grep -Eq "$pattern" <<<"$answer"; then
    echo "ok examples/curl/$script"
  else
    echo "not ok examples/curl/$script: no $pattern in $answer"
    failed=1
  fi
}

# field NAME: a member of the last answer's JSON object, as text; objects as JSON.
field() {
  python3 -c '
import json, sys
value = json.load(sys.stdin).get(sys.argv[1], "")
print(value if isinstance(value, str) else json.dumps(value))' "$1" <<<"$answer"
}

good='"respcd": ?"0000"'
order=examples_$(date +%s%N)
# The sandbox's amount for an order that is not paid yet, and is when it is queried.
runs '"respcd": ?"1143"' payment.sh "${order}_a" 4201143
syssn=$(field syssn)
runs "$good.*\"data\": ?\[\{.*$good" query.sh "${order}_a"
runs "$good" refund.sh "$syssn" 100
runs "$good" payment.sh "${order}_b"
runs "$good" close.sh "${order}_b" 1200
runs "$good" payment.sh "${order}_c"
runs "$good" reversal.sh "${order}_c" 1200

runs '"url": ?"http.*sign=' oauth-url.sh 'http://127.0.0.1:9/callback?shop=1&lang=茶'
# The customer's part: the sandbox sends the browser back with a code.
back=$(curl -sS -o /dev/null -w '%{redirect_url}' "$(field url)")
runs '"openid": ?"[^"]' openid.sh "$(sed -nE 's/.*[?&]code=([^&#]*).*/\1/p' <<<"$back")"
runs '"pay_params": ?\{' jsapi-payment.sh "$(field openid)" "${order}_d"
runs '"url": ?"http.*/q/direct\?.*package=prepay_id%3D' q-direct-url.sh "$(field pay_params)" 'http://127.0.0.1:9/success?order=1'
runs '"url": ?"http.*/checkstand/#/\?.*sign=' checkout-url.sh 'http://127.0.0.1:9/success?order=1' "${order}_e"

listed=$(cd "$curl" && printf '%s\n' *.sh | sort)
tried=$(grep -oE '[a-z-]+\.sh' "$0" | sort -u | grep -vx 'examples.sh' | grep -Fx -e "$listed")
if [ "$listed" != "$tried" ]; then
  echo "not ok examples/curl: some scripts are not tried here: $(comm -23 <(echo "$listed") <(echo "$tried") | tr '\n' ' ')"
  failed=1
fi
exit $failed
