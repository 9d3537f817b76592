#!/usr/bin/env bash
# Runs every script of examples/curl, and every endpoint that the sidecar knows. Needs SIDECAR_URL of a sidecar that allows
# all of them; one line of output per call, exit code 1 on any failure.
set -u
: "${SIDECAR_URL:?}"
curl=$(cd "$(dirname "$0")/../../examples/curl" && pwd)
endpoints=$(cd "$(dirname "$0")/../../src" && pwd)/endpoint.rs
failed=0
called=
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
# The scripts print answers only; curl tells here what was requested, and with which headers it was answered.
export CURL_HOME=$temp
echo "trace-ascii = \"$temp/trace\"" >"$temp/.curlrc"

# What the sandbox must say of the signature; empty for the scripts whose answers prove it, and for URLs.
signature=

# runs PATTERN SCRIPT ARGUMENTS...: the answer, kept in $answer, matches the extended regular expression PATTERN.
runs() {
  local pattern=$1 script=$2 path why=""
  shift 2
  : >"$temp/trace"
  answer=$("$curl/$script" "$@" 2>&1) || why="it failed"
  grep -Eq "$pattern" <<<"$answer" || why="no $pattern"
  path=$(sed -nE 's/^0000: (GET|POST) ([^ ?]*).*/\2/p' "$temp/trace")
  called+=$path$'\n'
  if [ -n "$signature" ] && ! grep -Eiq "^[0-9a-f]{4}: x-sandbox-signature: $signature" "$temp/trace"; then
    why="no X-Sandbox-Signature: $signature"
  fi
  if [ -z "$why" ]; then
    echo "ok examples/curl/$script $path"
  else
    echo "not ok examples/curl/$script $path: $why: $answer"
    failed=1
  fi
}

# signs SCRIPT ARGUMENTS...: the sandbox does not simulate this one, and says that the signature is right.
signs() {
  local signature=verified
  runs '"respcd": ?"1100"' "$@"
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
runs '"respcd":"0000","state":"paid","final":true' outcome.sh "${order}_a"
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

# Pre-authorisations, held once they are queried.
for number in f g; do
  runs '"respcd": ?"1143"' payment.sh "${order}_$number" 4201143 801801
  syssn=$(field syssn)
  runs "$good" query.sh "${order}_$number"
  if [ $number = f ]; then
    runs "$good" authtrade.sh "$syssn" 4201000
  else
    runs "$good" unfreeze.sh "$syssn" 4201143
  fi
done
runs "$good.*Table \\\\u684c 7 & 8 = 100% [+] tea" add-note.sh "$syssn" 'Table 桌 7 & 8 = 100% + tea'

signs payment-verify.sh "$syssn" "${order}_h" 86650cfa-9ea3-11ec-b909-0242ac120002 'machine=0a854015;path=/'
signs mcc.sh
signature=verified runs '/bill.zip$' trade-bill.sh 2026-01-31 "$temp/bill.zip"
if ! python3 -m zipfile -t "$temp/bill.zip" >"$temp/zip" 2>&1; then
  echo "not ok examples/curl/trade-bill.sh: no zip: $(cat "$temp/zip")"
  failed=1
fi
# A refusal is JSON, and must not pass for a statement.
if "$curl/trade-bill.sh" 31.1.2026 "$temp/none.zip" 2>"$temp/refusal" || [ -e "$temp/none.zip" ] ||
  ! grep -Eq '"respcd": ?"1104"' "$temp/refusal"; then
  echo "not ok examples/curl/trade-bill.sh: a refusal is taken for a statement: $(cat "$temp/refusal")"
  failed=1
fi
signs payment-element.sh payment 'http://127.0.0.1:9/back?order=1&lang=茶' "${order}_i"
signs payment-element.sh token cust_1
signs customer.sh create 'Chan 陳 & Co' 'tea+shop@example.com'
signs customer.sh update cust_1 'tea@example.com'
signs customer.sh query cust_1
signs token.sh cust_1
signs customer.sh delete cust_1
signs product.sh create 'Milk tea 奶茶 & bun, monthly' 1200
signs product.sh update prod_1 'Milk tea 奶茶 = 100% + bun'
signs product.sh query prod_1
signs product.sh delete prod_1
signs subscription.sh create cust_1 tk_1 prod_1
signs subscription.sh update sub_1 24
signs subscription.sh query sub_1
signs subscription.sh charge sub_1
signs subscription.sh orders sub_1
signs subscription.sh cancel sub_1
signs customs.sh declare "$syssn" 3302461678
signs customs.sh query "$syssn"
signs customs.sh redeclare "$syssn" 3302461678
signs settlement.sh BvDtmKJA5mx7GpN0 20260101 20260131
signs mch.sh query BvDtmKJA5mx7GpN0
signs mch.sh apply_info 14412345678 14412345679

listed=$(cd "$curl" && printf '%s\n' *.sh | sort)
tried=$(grep -oE '[a-z-]+\.sh' "$0" | sort -u | grep -vx 'examples.sh' | grep -Fx -e "$listed")
if [ "$listed" != "$tried" ]; then
  echo "not ok examples/curl: some scripts are not tried here: $(comm -23 <(echo "$listed") <(echo "$tried") | tr '\n' ' ')"
  failed=1
fi
# The table of endpoints, where /checkstand/ is another spelling of /checkstand.
known=$(sed -n '/^pub const ENDPOINTS/,/^];/p' "$endpoints" | grep -oE '"/[^"]+[^"/]"' | tr -d '"' | sort)
missing=$(comm -23 <(echo "$known") <(sort -u <<<"$called") | tr '\n' ' ')
if [ -z "$known" ] || [ -n "$missing" ]; then
  echo "not ok examples/curl: endpoints of src/endpoint.rs that no script calls: ${missing:-there is no table}"
  failed=1
fi
exit $failed
