// The sidecar as Node shops call it. Needs SIDECAR_URL; prints one line per call, exits 1 on any failure.

import http from 'node:http';
import { randomUUID } from 'node:crypto';

const base = process.env.SIDECAR_URL;
const goods = 'Tea 茶 + milk & sugar = 50% off 🍵';
let failed = false;

function payment() {
  return {
    txamt: '100',
    txcurrcd: 'HKD',
    pay_type: '800201',
    out_trade_no: 'node_' + randomUUID().replaceAll('-', ''),
    txdtm: new Date().toISOString().slice(0, 19).replace('T', ' '),
    goods_name: goods,
  };
}

// Requires success and a verified signature; the page behind a payment's QR code must show its goods_name.
async function check(name, order, call) {
  let why = '';
  let answer = {};
  try {
    const { verified, text } = await call();
    answer = JSON.parse(text);
    if (answer.respcd !== '0000') why = 'respcd is not 0000: ' + text.slice(0, 300);
    else if (verified !== 'verified') why = 'no X-Sandbox-Signature: verified';
    else if (order && answer.out_trade_no !== order) why = 'the answer is about another order: ' + text.slice(0, 300);
    else if (order) {
      const page = await (await fetch(answer.qrcode)).text();
      if (!page.includes(goods.replaceAll('&', '&amp;'))) why = `the customer does not see ${goods}: ${page}`;
    }
  } catch (problem) {
    why = String(problem.cause ?? problem);
  }
  console.log(why ? `not ok node ${name}: ${why}` : `ok node ${name}`);
  failed ||= why !== '';
  return answer;
}

async function withFetch(path, options = {}) {
  const response = await fetch(base + path, { signal: AbortSignal.timeout(20000), ...options });
  return { verified: response.headers.get('x-sandbox-signature'), text: await response.text() };
}

function withHttp(path, method, body, headers) {
  return new Promise((resolve, reject) => {
    const request = http.request(base + path, { method, headers, timeout: 20000 }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => (text += part));
      response.on('end', () => resolve({ verified: response.headers['x-sandbox-signature'], text }));
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', reject);
    request.end(body);
  });
}

let pay = payment();
await check('fetch, URLSearchParams', pay.out_trade_no, () =>
  withFetch('/trade/v1/payment', { method: 'POST', body: new URLSearchParams(pay) }));

pay = payment();
await check('fetch, JSON', pay.out_trade_no, () =>
  withFetch('/trade/v1/payment', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ ...pay, txamt: 100 }),
  }));

pay = payment();
await check('fetch, FormData', pay.out_trade_no, () => {
  const body = new FormData();
  for (const [name, value] of Object.entries(pay)) body.append(name, value);
  return withFetch('/trade/v1/payment', { method: 'POST', body });
});

pay = payment();
await check('http module, form sent in chunks', pay.out_trade_no, () =>
  withHttp('/trade/v1/payment', 'POST', new URLSearchParams(pay).toString(), {
    'Content-Type': 'application/x-www-form-urlencoded',
    'Transfer-Encoding': 'chunked',
  }));

pay = payment();
await check('http module, all in the query, empty body', pay.out_trade_no, () =>
  withHttp('/trade/v1/payment?' + new URLSearchParams(pay), 'POST'));

await check('http module, GET query', null, () => withHttp('/trade/v1/query?out_trade_no=' + pay.out_trade_no, 'GET'));

// The customer's part of the WeChat sign-in: the sidecar's redirect, then the sandbox's, which carries the code.
const wanted = new URLSearchParams({ redirect_uri: 'http://127.0.0.1:9/callback' });
const signed = await fetch(`${base}/tool/v1/get_weixin_oauth_code?${wanted}`, { redirect: 'manual' });
const back = await fetch(signed.headers.get('location'), { redirect: 'manual' });
const code = new URL(back.headers.get('location')).searchParams.get('code');
const { openid } = await check('GET openid', null, () => withFetch('/tool/v1/get_weixin_openid?code=' + code));
if (!openid) {
  console.log('not ok node GET openid: no openid in the answer');
  failed = true;
}

process.exitCode = failed ? 1 : 0;
