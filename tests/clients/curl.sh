#!/usr/bin/env bash
# The sidecar as shell scripts call it. Needs SIDECAR_URL; one line of output per call, exit code 1 on any failure.
set -u
base=${SIDECAR_URL:?}
payment=$base/trade/v1/payment
now=$(date '+%Y-%m-%d %H:%M:%S')
goods='Tea 茶 + milk & sugar = 50% off 🍵'
failed=0
count=0

# A number that no other payment of this or an earlier run has.
fresh() {
  count=$((count + 1))
  order=curl_$(date +%s%N)_$count
}

# check NAME WANTED curl-arguments...: QFPay says success, the sandbox verified the signature, and WANTED is in the answer.
check() {
  local name=$1 wanted=$2 answer why=""
  shift 2
  answer=$(curl -sS -i --max-time 20 "$@" 2>&1) || why="curl failed"
  grep -qi '^x-sandbox-signature: *verified' <<<"$answer" || why="no X-Sandbox-Signature: verified"
  grep -Eq '"respcd": ?"0000"' <<<"$answer" || why="respcd is not 0000"
  grep -qF -- "$wanted" <<<"$answer" || why="the answer lacks $wanted"
  if [ -z "$why" ]; then
    echo "ok curl $name"
  else
    echo "not ok curl $name: $why: $(tail -n 1 <<<"$answer" | cut -c 1-300)"
    failed=1
  fi
}

# read_back NAME TEXT: the last order arrived with the goods_name TEXT (python3 only undoes JSON's escapes).
read_back() {
  local found
  found=$(curl -sS --max-time 20 -G "$base/trade/v1/query" --data-urlencode "out_trade_no=$order" |
    python3 -c 'import json, sys; sys.stdout.reconfigure(encoding="utf-8"); print(json.load(sys.stdin)["data"][0]["goods_name"])' 2>&1)
  if [ "$found" = "$2" ]; then
    echo "ok curl $1, read back"
  else
    echo "not ok curl $1, read back: goods_name is $found"
    failed=1
  fi
}

fresh
check "form with +" "$order" "$payment" \
  -d "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=$order&txdtm=${now/ /+}&goods_name=Hong+Kong+%2B+tea"
read_back "form with +" "Hong Kong + tea"

fresh
check "form with %20" "$order" "$payment" \
  -d "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=$order&txdtm=${now/ /%20}&goods_name=Hong%20Kong"

fresh
check "--data-urlencode" "$order" "$payment" -d txamt=100 -d txcurrcd=HKD -d pay_type=800201 -d "out_trade_no=$order" \
  --data-urlencode "txdtm=$now" --data-urlencode "goods_name=$goods"
read_back "--data-urlencode" "$goods"

fresh
check "POST, all in the query, empty body" "$order" -X POST \
  "$payment?txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=$order&txdtm=${now/ /%20}&goods_name=%E8%8C%B6+%26+milk"
read_back "POST, all in the query" "茶 & milk"

fresh
check "JSON" "$order" "$payment" -H 'Content-Type: application/json' --data-binary @- <<END
{"txamt": 100, "txcurrcd": "HKD", "pay_type": "800201", "out_trade_no": "$order", "txdtm": "$now", "goods_name": "$goods"}
END
read_back "JSON" "$goods"

fresh
check "multipart" "$order" "$payment" -F txamt=100 -F txcurrcd=HKD -F pay_type=800201 -F "out_trade_no=$order" \
  -F "txdtm=$now" --form-string "goods_name=$goods"
read_back "multipart" "$goods"

fresh
check "no Content-Type" "$order" "$payment" -H 'Content-Type:' \
  -d "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=$order&txdtm=${now/ /%20}&goods_name=tea"

check "GET query" "$order" "$base/trade/v1/query?out_trade_no=$order"
check "POST query" "$order" "$base/trade/v1/query" -d "out_trade_no=$order"

# The customer's part of the WeChat sign-in: the sidecar's redirect, then the sandbox's, which carries the code.
signed=$(curl -sS --max-time 20 -o /dev/null -w '%{redirect_url}' -G "$base/tool/v1/get_weixin_oauth_code" \
  --data-urlencode 'redirect_uri=http://127.0.0.1:9/callback')
back=$(curl -sS --max-time 20 -o /dev/null -w '%{redirect_url}' "$signed")
code=$(sed -nE 's/.*[?&]code=([^&#]*).*/\1/p' <<<"$back")
check "GET openid" '"openid"' "$base/tool/v1/get_weixin_openid?code=$code"

exit $failed
