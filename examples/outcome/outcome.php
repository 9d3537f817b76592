<?php
// Pays, and finds out what became of it: never a second number, never "failed" for what may be paid. PHP 5.6 or later, with
// curl. php examples/outcome/outcome.php ORDER_NUMBER [TXAMT]; the sandbox's amount 4200001 is paid without an answer.

define('SIDECAR', rtrim(getenv('SIDECAR_URL') ?: 'http://127.0.0.1:8787', '/'));

/** POSTs a form and gives the answer's members, or null when there is no answer at all. */
function post($path, $fields, $seconds)
{
    $curl = curl_init(SIDECAR . $path);
    curl_setopt_array($curl, array(CURLOPT_POSTFIELDS => http_build_query($fields), CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => $seconds));
    $answer = curl_exec($curl);
    return is_string($answer) ? json_decode($answer, true) : null;
}

/** What became of an order: a state of docs/orders.md; "unknown" also when nobody answers. */
function outcome($number, $waitMs)
{
    $told = post('/sidecar/v1/outcome', array('out_trade_no' => $number, 'wait_ms' => $waitMs), $waitMs / 1000 + 10);
    return isset($told['state']) ? $told['state'] : 'unknown';
}

$number = $argv[1];
$payment = array('out_trade_no' => $number, 'txamt' => isset($argv[2]) ? $argv[2] : '100', 'txcurrcd' => 'HKD',
    'pay_type' => '800108', 'auth_code' => '280000000000000000', 'txdtm' => date('Y-m-d H:i:s'));
$paid = post('/trade/v1/payment', $payment, 65);
$refused = isset($paid['error']['delivery']) && $paid['error']['delivery'] === 'not_sent';
if ($refused && $paid['error']['code'] !== 'order_in_flight') {
    exit("nothing was sent: {$paid['error']['hint']}\n"); // the order stays open, under its number
}
switch (outcome($number, 20000)) {
    case 'paid':
    case 'partly_refunded':
        exit("paid: ship it\n");
    case 'failed':
    case 'closed':
    case 'reversed':
    case 'refunded':
        exit("not paid: the customer may pay again, under a new number\n");
    default: // pending, in_flight, unknown: it may still be paid
        exit("not known yet: keep the order open and ask again; never a new number\n");
}
