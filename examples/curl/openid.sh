#!/bin/sh
# The customer's openid, for the code of a WeChat sign-in. A code works once.
# Usage: openid.sh CODE
set -eu
curl -sS --fail-with-body -G "${SIDECAR_URL:-http://127.0.0.1:8787}/tool/v1/get_weixin_openid" \
  --data-urlencode "code=${1:?usage: openid.sh CODE}"
echo
