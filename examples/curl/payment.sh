#!/bin/sh
# A payment by QR code (WeChat, merchant-presented): prints QFPay's answer with the `qrcode` to show to the customer.
# Usage: payment.sh [OUT_TRADE_NO] [TXAMT in cents] [PAY_TYPE, such as 801801 to pre-authorise]
set -eu
curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}/trade/v1/payment" \
  --data-urlencode "pay_type=${3:-800201}" \
  --data-urlencode "out_trade_no=${1:-curl_$(date +%s)_$$}" \
  --data-urlencode "txamt=${2:-1200}" \
  --data-urlencode "txcurrcd=HKD" \
  --data-urlencode "txdtm=$(date '+%Y-%m-%d %H:%M:%S')" \
  --data-urlencode "goods_name=Milk tea 奶茶 & bun"
echo
