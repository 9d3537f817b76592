<?php
// Receives QFPay's notifications in plain PHP (5.6 or later) without a QFPay key. Take one of the two paths:
//   /relayed  gets them from the sidecar's notification listener, which has verified them
//   /direct   gets them from QFPay, and asks the sidecar whether the signature is right
// Listen on loopback only: php -S 127.0.0.1:8011 index.php
// ORDERS: a folder for the orders that were paid. APP: the app's name in the sidecar. SIDECAR_URL: only for /direct.

define('ORDERS', getenv('ORDERS') ?: sys_get_temp_dir() . '/orders');
define('APP', getenv('APP') ?: 'demo');
define('SIDECAR', getenv('SIDECAR_URL') ?: 'http://127.0.0.1:8787');

function answer($status, $text)
{
    http_response_code($status);
    header('Content-Type: text/plain');
    exit($text);
}

function head($name)
{
    return isset($_SERVER["HTTP_$name"]) ? $_SERVER["HTTP_$name"] : '';
}

/** Asks the sidecar about the bytes as they came. Never json_decode and json_encode them first: that changes them. */
function is_signed_by_qfpay($body)
{
    $curl = curl_init(SIDECAR . '/sidecar/v1/verify');
    $headers = array('Content-Type: application/json', 'X-QF-SIGN: ' . head('X_QF_SIGN'));
    curl_setopt_array($curl, array(CURLOPT_POSTFIELDS => $body, CURLOPT_HTTPHEADER => $headers,
        CURLOPT_RETURNTRANSFER => true, CURLOPT_CONNECTTIMEOUT => 3, CURLOPT_TIMEOUT => 10));
    $said = json_decode((string) curl_exec($curl), true);
    $status = curl_getinfo($curl, CURLINFO_HTTP_CODE);
    if (!in_array($status, array(200, 400, 401), true)) {
        answer(503, 'cannot be verified now'); // QFPay sends it again
    }
    return $status === 200 && isset($said['valid'], $said['app']) && $said['valid'] === true && $said['app'] === APP;
}

/** Records an order once; a repeat changes nothing. Returns only when it is on disk. */
function record($order, $body)
{
    $file = ORDERS . '/' . sha1($order['notify_type'] . ' ' . $order['out_trade_no']) . '.json';
    $temporary = tempnam(ORDERS, 'new');
    if ($temporary === false || file_put_contents($temporary, $body) !== strlen($body)) {
        answer(500, 'not recorded');
    }
    $first = @link($temporary, $file); // fails if the file is there, also when two notifications come at once
    unlink($temporary);
    if (!$first && !is_file($file)) {
        answer(500, 'not recorded');
    }
    error_log(($first ? 'recorded ' : 'repeated ') . json_encode($order['out_trade_no']));
}

$body = file_get_contents('php://input');
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($_SERVER['REQUEST_METHOD'] !== 'POST' || ($path !== '/relayed' && $path !== '/direct')) {
    answer(404, 'not found');
}
if ($path === '/relayed' ? head('X_SIDECAR_VERIFIED') !== APP : !is_signed_by_qfpay($body)) {
    answer(403, 'not verified');
}
$order = json_decode($body, true);
foreach (array('out_trade_no', 'notify_type', 'respcd') as $name) {
    if (!isset($order[$name]) || !is_string($order[$name])) {
        answer(400, "no $name");
    }
}
if ($order['respcd'] === '0000') { // a shop also compares txamt and txcurrcd with its order before it delivers
    record($order, $body);
}
answer(200, 'SUCCESS');
