#!/bin/sh
# A payment inside WeChat: prints QFPay's answer with `pay_params`, which q-direct-url.sh takes.
# Usage: jsapi-payment.sh OPENID [OUT_TRADE_NO]
set -eu
curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}/trade/v1/payment" \
  --data-urlencode "pay_type=800207" \
  --data-urlencode "sub_openid=${1:?usage: jsapi-payment.sh OPENID [OUT_TRADE_NO]}" \
  --data-urlencode "out_trade_no=${2:-curl_$(date +%s)_$$}" \
  --data-urlencode "txamt=1200" \
  --data-urlencode "txcurrcd=HKD" \
  --data-urlencode "txdtm=$(date '+%Y-%m-%d %H:%M:%S')" \
  --data-urlencode "goods_name=Milk tea 奶茶 & bun"
echo
