<?php
// A WeChat JSAPI shop in plain PHP (5.6 or later) that holds no QFPay key: it calls the sidecar, unsigned.
// SIDECAR_URL  where the sidecar listens, reached by this server only (default http://127.0.0.1:8787)
// SHOP_URL     this shop as the customer's browser reaches it (default http://127.0.0.1:8001)

define('SIDECAR', getenv('SIDECAR_URL') ?: 'http://127.0.0.1:8787');
define('SHOP', getenv('SHOP_URL') ?: 'http://127.0.0.1:8001');
define('TXAMT', '1200'); // in cents; never taken from the browser
define('TXCURRCD', 'HKD');
define('GOODS', 'Milk tea 奶茶 & bun');

function page($title, $body, $status = 200)
{
    http_response_code($status);
    exit("<!doctype html><html lang=en><meta name=viewport content='width=device-width'><title>$title</title><h1>$title</h1>$body");
}

function h($text)
{
    return htmlspecialchars($text, ENT_QUOTES, 'UTF-8');
}

/** A text from the query, '' when it is missing or an array. */
function get($name)
{
    return isset($_GET[$name]) && is_string($_GET[$name]) ? $_GET[$name] : '';
}

/** Calls the sidecar; answers array(body, redirect URL). */
function call($method, $path, $parameters)
{
    $form = http_build_query($parameters, '', '&');
    $curl = curl_init(SIDECAR . $path . ($method === 'GET' ? "?$form" : ''));
    curl_setopt_array($curl, array(CURLOPT_RETURNTRANSFER => true, CURLOPT_CONNECTTIMEOUT => 3, CURLOPT_TIMEOUT => 65));
    if ($method === 'POST') {
        curl_setopt($curl, CURLOPT_POSTFIELDS, $form);
    }
    $body = curl_exec($curl);
    if ($body === false) {
        throw new RuntimeException("$path: " . curl_error($curl));
    }
    return array($body, curl_getinfo($curl, CURLINFO_REDIRECT_URL));
}

/** Calls QFPay through the sidecar; throws unless the outcome is success. */
function qfpay($method, $path, $parameters)
{
    list($body) = call($method, $path, $parameters);
    $answer = json_decode($body, true);
    if (!isset($answer['respcd']) || $answer['respcd'] !== '0000') {
        throw new RuntimeException("$path: " . substr($body, 0, 300));
    }
    return $answer;
}

/** Sends the browser to the URL that the sidecar signs and answers with a redirect. */
function to_browser_url($path, $parameters)
{
    list($body, $url) = call('GET', $path, $parameters);
    if (!$url) {
        throw new RuntimeException("$path: " . substr($body, 0, 300));
    }
    header("Location: $url", true, 302);
}

/** Asks QFPay, and looks at the order, the amount and the currency; an answer about anything else is not paid. */
function is_paid($order)
{
    $answer = qfpay('POST', '/trade/v1/query', array('out_trade_no' => $order));
    foreach (isset($answer['data']) ? $answer['data'] : array() as $row) {
        $row += array('out_trade_no' => '', 'respcd' => '', 'txamt' => '', 'txcurrcd' => '', 'cancel' => '0');
        if ($row['out_trade_no'] === $order && $row['respcd'] === '0000' && (string) $row['cancel'] === '0'
            && (string) $row['txamt'] === TXAMT && $row['txcurrcd'] === TXCURRCD) {
            error_log("order $order is paid"); // a real shop marks the order in its database here, once
            return true;
        }
    }
    return false;
}

try {
    switch (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)) {
        case '/':
            $agent = isset($_SERVER['HTTP_USER_AGENT']) ? $_SERVER['HTTP_USER_AGENT'] : '';
            if (strpos($agent, 'MicroMessenger') === false && get('anybrowser') !== '1') { // the sandbox needs no WeChat
                page('Please open this page in WeChat', '<p>With the sandbox: <a href="/?anybrowser=1">any browser</a>.</p>');
            }
            $buy = '<form action="/pay" method="post"><button id="buy">Buy</button></form>';
            page('Shop', '<p>' . h(GOODS) . ", HKD 12.00</p>$buy");
        case '/pay':
            return to_browser_url('/tool/v1/get_weixin_oauth_code', array('redirect_uri' => SHOP . '/callback'));
        case '/callback':
            if (get('code') === '') {
                page('WeChat sent no code', '<p><a href="/">Start again</a></p>', 400);
            }
            $answer = qfpay('GET', '/tool/v1/get_weixin_openid', array('code' => get('code'))); // a code works once
            $order = 'php_' . bin2hex(openssl_random_pseudo_bytes(16));
            $payment = array('pay_type' => '800207', 'sub_openid' => $answer['openid'], 'out_trade_no' => $order,
                'txamt' => TXAMT, 'txcurrcd' => TXCURRCD, 'txdtm' => date('Y-m-d H:i:s'), 'goods_name' => GOODS,
                'notify_url' => SHOP . '/notify');
            $answer = qfpay('POST', '/trade/v1/payment', $payment);
            return to_browser_url('/q/direct', $answer['pay_params'] + array('mchntnm' => 'Tea & Co 茶', 'txamt' => TXAMT,
                'currency' => TXCURRCD, 'goods_name' => GOODS, 'redirect_url' => SHOP . "/success?out_trade_no=$order"));
        case '/success': // anyone can open this page: only the query says what is true
            $state = get('out_trade_no') !== '' && is_paid(get('out_trade_no')) ? 'paid' : 'not paid (yet)';
            page("Order is $state", '<p id="state">' . h(get('out_trade_no')) . ": $state</p>");
        case '/notify': // a reason to ask, not a proof: whoever reaches this URL could have sent it
            $body = json_decode(file_get_contents('php://input', false, null, 0, 65536), true);
            if (isset($body['out_trade_no']) && is_string($body['out_trade_no']) && $body['out_trade_no'] !== '') {
                error_log('notified about an order; QFPay says ' . (is_paid($body['out_trade_no']) ? 'paid' : 'not paid'));
            }
            exit('SUCCESS');
        default:
            page('Not found', '<p><a href="/">Shop</a></p>', 404);
    }
} catch (Exception $problem) { // a 5xx also makes QFPay send a notification again
    error_log($problem->getMessage());
    page('Something went wrong', '<p>If you paid, do not pay again. <a href="/">Back</a></p>', 502);
}
