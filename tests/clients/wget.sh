#!/usr/bin/env bash
# The sidecar as shell scripts call it with wget: tests/clients/wget.sh wget, or `busybox wget`.
# Needs SIDECAR_URL; one line of output per call, exit code 1 on any failure.
set -u
base=${SIDECAR_URL:?}
failed=0
now=$(date '+%Y-%m-%d+%H:%M:%S')

# check NAME wget-arguments...: QFPay says success, and the sandbox verified the signature.
check() {
  local name=$1 answer
  shift
  answer=$("${wget[@]}" -S -O - "$@" 2>&1)
  if grep -qi 'x-sandbox-signature: *verified' <<<"$answer" && grep -Eq '"respcd": ?"0000"' <<<"$answer"; then
    echo "ok ${wget[*]} $name"
  else
    echo "not ok ${wget[*]} $name: $(head -c 400 <<<"$answer")"
    failed=1
  fi
}

wget=("$@")
order=wget_$(date +%s%N)
pay="txamt=100&txcurrcd=HKD&pay_type=800201&txdtm=$now&goods_name=Tea+%E8%8C%B6"
check "form" --post-data "$pay&out_trade_no=$order" "$base/trade/v1/payment"
check "form with Referer" --header "Referer: $base/" --post-data "$pay&out_trade_no=${order}r" "$base/trade/v1/payment"
check "query" "$base/trade/v1/query?out_trade_no=$order"
check "close by GET" --header "Referer: https://www.shop.example/" "$base/trade/v1/close?txamt=100&txdtm=$now&out_trade_no=$order"
exit $failed
