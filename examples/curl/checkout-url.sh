#!/bin/sh
# The signed URL of QFPay's hosted checkout page, to send the customer's browser to.
# Usage: checkout-url.sh RETURN_URL [OUT_TRADE_NO]
set -eu
curl -sS --fail-with-body -G "${SIDECAR_URL:-http://127.0.0.1:8787}/checkstand" \
  -H 'Accept: application/json' \
  --data-urlencode "paysource=shop_checkout" \
  --data-urlencode "return_url=${1:?usage: checkout-url.sh RETURN_URL [OUT_TRADE_NO]}" \
  --data-urlencode "failed_url=$1" \
  --data-urlencode "notify_url=$1" \
  --data-urlencode "out_trade_no=${2:-curl_$(date +%s)_$$}" \
  --data-urlencode "txamt=1200" \
  --data-urlencode "txcurrcd=HKD" \
  --data-urlencode "txdtm=$(date '+%Y-%m-%d %H:%M:%S')" \
  --data-urlencode "goods_name=Milk tea 奶茶 & bun"
echo
