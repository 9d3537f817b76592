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
  local name=$1 wanted=$2 why=""
  shift 2
  answer=$(curl -sS -i --max-time 20 "$@" 2>&1) || why="curl failed"
  grep -qi '^x-sandbox-signature: *verified' <<<"$answer" || why="no X-Sandbox-Signature: verified"
  grep -Eq '"respcd": ?"0000"' <<<"$answer" || why="respcd is not 0000"
  grep -qF -- "$wanted" <<<"$answer" || why="the answer lacks $wanted"
  say "$name" "$why" "$(tail -n 1 <<<"$answer")"
}

# pays NAME GOODS curl-arguments...: the same for the payment $order, and the page behind its QR code shows GOODS.
pays() {
  local name=$1 goods=${2//&/"&amp;"} page
  shift 2
  check "$name" "$order" "$@"
  page=$(curl -sS --max-time 20 "$(sed -nE 's/.*"qrcode": ?"([^"]*)".*/\1/p' <<<"$answer")" 2>&1)
  if grep -qF -- "$goods" <<<"$page"; then
    say "$name, seen by the customer" ""
  else
    say "$name, seen by the customer" "the page lacks $goods" "$(grep -v '^ *$' <<<"$page" | tail -n 3)"
  fi
}

say() {
  if [ -z "$2" ]; then
    echo "ok curl $1"
  else
    echo "not ok curl $1: $2: $(head -c 300 <<<"$3")"
    failed=1
  fi
}

fresh
pays "form with +" "Hong Kong + tea" "$payment" \
  -d "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=$order&txdtm=${now/ /+}&goods_name=Hong+Kong+%2B+tea"

fresh
pays "form with %20" "Hong Kong" "$payment" \
  -d "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=$order&txdtm=${now/ /%20}&goods_name=Hong%20Kong"

fresh
pays "--data-urlencode" "$goods" "$payment" -d txamt=100 -d txcurrcd=HKD -d pay_type=800201 -d "out_trade_no=$order" \
  --data-urlencode "txdtm=$now" --data-urlencode "goods_name=$goods"

fresh
pays "POST, all in the query, empty body" "茶 & milk" -X POST \
  "$payment?txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=$order&txdtm=${now/ /%20}&goods_name=%E8%8C%B6+%26+milk"

fresh
pays "JSON" "$goods" "$payment" -H 'Content-Type: application/json' --data-binary @- <<END
{"txamt": 100, "txcurrcd": "HKD", "pay_type": "800201", "out_trade_no": "$order", "txdtm": "$now", "goods_name": "$goods"}
END

fresh
pays "multipart" "$goods" "$payment" -F txamt=100 -F txcurrcd=HKD -F pay_type=800201 -F "out_trade_no=$order" \
  -F "txdtm=$now" --form-string "goods_name=$goods"

fresh
pays "no Content-Type" tea "$payment" -H 'Content-Type:' \
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
