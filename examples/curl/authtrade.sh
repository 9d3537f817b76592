#!/bin/sh
# Takes the money, or a part of it, that a paid pre-authorisation (pay types 8018xx) holds.
# Usage: authtrade.sh SYSSN TXAMT     (syssn of the pre-authorisation)
set -eu
curl -sS --fail-with-body "${SIDECAR_URL:-http://127.0.0.1:8787}/trade/v1/authtrade" \
  --data-urlencode "syssn=${1:?usage: authtrade.sh SYSSN TXAMT}" \
  --data-urlencode "txamt=${2:?usage: authtrade.sh SYSSN TXAMT}" \
  --data-urlencode "txcurrcd=HKD"
echo
