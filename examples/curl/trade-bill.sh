#!/bin/sh
# Writes the statement of a day, a zip that covers all merchants of the app, to FILE. QFPay has it in production only.
# Usage: trade-bill.sh TRADE_DATE [FILE]     (such as 2026-01-31; default: trade_bill_TRADE_DATE.zip)
# Start the sidecar with: --set routes.allow=/tool/v1/,/trade/v1/,/download/v1/
set -eu
file=${2:-trade_bill_${1:?usage: trade-bill.sh TRADE_DATE [FILE]}.zip}
code=0
: >"$file.part"
curl -sS --fail-with-body -G "${SIDECAR_URL:-http://127.0.0.1:8787}/download/v1/trade_bill" \
  --data-urlencode "trade_date=$1" -o "$file.part" || code=$?
# QFPay refuses with JSON and HTTP 200; a zip begins with PK.
if [ "$code" = 0 ] && [ "$(head -c 2 "$file.part")" = PK ]; then
  mv "$file.part" "$file"
  echo "$file"
else
  cat "$file.part" >&2
  rm -f "$file.part"
  exit 1
fi
