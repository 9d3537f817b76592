<?php
// The sidecar as PHP shops call it. Needs SIDECAR_URL; prints one line per call, exits 1 on any failure.

$base = getenv('SIDECAR_URL');
$goods = 'Tea 茶 + milk & sugar = 50% off 🍵';
$failed = false;

/** The parameters of a payment that nobody made before. */
function payment($goods)
{
    return array(
        'txamt' => '100',
        'txcurrcd' => 'HKD',
        'pay_type' => '800201',
        'out_trade_no' => 'php_' . bin2hex(random_bytes(16)),
        'txdtm' => date('Y-m-d H:i:s'),
        'goods_name' => $goods,
    );
}

/** Sends with curl; $body as CURLOPT_POSTFIELDS, null for GET. Answers array(headers, body). */
function with_curl($url, $body = null)
{
    $curl = curl_init($url);
    curl_setopt_array($curl, array(CURLOPT_RETURNTRANSFER => true, CURLOPT_HEADER => true, CURLOPT_TIMEOUT => 20));
    if ($body !== null) {
        curl_setopt_array($curl, array(CURLOPT_POST => true, CURLOPT_POSTFIELDS => $body));
    }
    $answer = curl_exec($curl);
    if ($answer === false) {
        return array('', curl_error($curl));
    }
    $head = curl_getinfo($curl, CURLINFO_HEADER_SIZE);
    return array(substr($answer, 0, $head), substr($answer, $head));
}

/** Requires success and a verified signature; the page behind a payment's QR code must show its goods_name. */
function check($name, $answer, $order = null)
{
    global $failed;
    list($headers, $text) = $answer;
    $json = json_decode($text, true);
    $why = '';
    if (!isset($json['respcd']) || $json['respcd'] !== '0000') {
        $why = 'respcd is not 0000: ' . substr($text, 0, 300);
    } elseif (!preg_match('/^X-Sandbox-Signature: *verified\r?$/mi', $headers)) {
        $why = 'no X-Sandbox-Signature: verified';
    } elseif ($order !== null && $json['out_trade_no'] !== $order['out_trade_no']) {
        $why = 'the answer is about another order: ' . substr($text, 0, 300);
    } elseif ($order !== null) {
        $page = with_curl($json['qrcode']);
        if (strpos($page[1], htmlspecialchars($order['goods_name'])) === false) {
            $why = "the customer does not see $order[goods_name]: $page[1]";
        }
    }
    echo $why === '' ? "ok php $name\n" : "not ok php $name: $why\n";
    $failed = $failed || $why !== '';
    return $json;
}

// As QFPay's PHP sample does: the joined text that it signed is also the body, with raw spaces and raw UTF-8.
$pay = payment('Hong Kong 茶 tea 🍵');
$joined = array();
foreach ($pay as $key => $value) {
    $joined[] = "$key=$value";
}
check('curl, unencoded string', with_curl("$base/trade/v1/payment", implode('&', $joined)), $pay);

$pay = payment($goods);
check('curl, http_build_query', with_curl("$base/trade/v1/payment", http_build_query($pay)), $pay);
$pay = payment($goods);
check('curl, http_build_query RFC 3986', with_curl("$base/trade/v1/payment", http_build_query($pay, '', '&', PHP_QUERY_RFC3986)), $pay);
$pay = payment($goods);
check('curl, array (multipart)', with_curl("$base/trade/v1/payment", $pay), $pay);
$pay = payment($goods);
check('curl, all in the query, empty body', with_curl("$base/trade/v1/payment?" . http_build_query($pay), ''), $pay);

$pay = payment($goods);
$context = stream_context_create(array('http' => array(
    'method' => 'POST',
    'header' => "Content-Type: application/x-www-form-urlencoded\r\n",
    'content' => http_build_query($pay),
    'timeout' => 20,
    'ignore_errors' => true,
)));
$text = (string) file_get_contents("$base/trade/v1/payment", false, $context);
check('stream context', array(implode("\r\n", $http_response_header), $text), $pay);

check('curl, GET query', with_curl("$base/trade/v1/query?" . http_build_query(array('out_trade_no' => $pay['out_trade_no']))));

// The customer's part of the WeChat sign-in: the sidecar's redirect, then the sandbox's, which carries the code.
$signed = with_curl("$base/tool/v1/get_weixin_oauth_code?" . http_build_query(array('redirect_uri' => 'http://127.0.0.1:9/callback')));
preg_match('/^Location: *(\S+)/mi', $signed[0], $location);
$back = with_curl(isset($location[1]) ? $location[1] : '');
preg_match('/^Location: *\S*[?&]code=([^&#\s]+)/mi', $back[0], $code);
$answer = check('curl, GET openid', with_curl("$base/tool/v1/get_weixin_openid?code=" . (isset($code[1]) ? $code[1] : '')));
if (empty($answer['openid'])) {
    echo "not ok php curl, GET openid: no openid in the answer\n";
    $failed = true;
}

exit($failed ? 1 : 0);
