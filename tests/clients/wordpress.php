<?php
// WordPress 4.6 to 6.1 as shops' plugins call QFPay: Requests 1.x with curl, which sends its own target as Referer.
// Needs SIDECAR_URL and WORDPRESS, a folder with wp-includes; one line per call, exit code 1 on any failure.

error_reporting(E_ALL & ~E_DEPRECATED);
require getenv('WORDPRESS') . '/wp-includes/class-requests.php';
Requests::register_autoloader();

$base = getenv('SIDECAR_URL');
$agent = array('useragent' => 'WordPress/6.1; https://www.shop.example', 'timeout' => 20);
$failed = false;

function check($name, $response)
{
    global $failed;
    $json = json_decode($response->body, true);
    $right = isset($json['respcd']) && $json['respcd'] === '0000' && $response->headers['x-sandbox-signature'] === 'verified';
    echo $right ? "ok wordpress $name\n" : "not ok wordpress $name: " . substr($response->body, 0, 300) . "\n";
    $failed = $failed || !$right;
}

$order = 'wp_' . bin2hex(random_bytes(16));
$pay = array('txamt' => '100', 'txcurrcd' => 'HKD', 'pay_type' => '800201', 'out_trade_no' => $order,
    'txdtm' => date('Y-m-d H:i:s'), 'goods_name' => 'Tea 茶 + milk & sugar');
foreach (array('Requests_Transport_cURL', 'Requests_Transport_fsockopen') as $transport) {
    $pay['out_trade_no'] = $order . substr($transport, -4);
    $closed = array('out_trade_no' => $pay['out_trade_no'], 'txamt' => '100', 'txdtm' => date('Y-m-d H:i:s'));
    $options = $agent + array('transport' => $transport);
    check("$transport payment", Requests::post("$base/trade/v1/payment", array('Accept-Language' => 'en'), $pay, $options));
    check("$transport query", Requests::get("$base/trade/v1/query?out_trade_no=$pay[out_trade_no]", array(), $options));
    check("$transport close", Requests::get("$base/trade/v1/close?" . http_build_query($closed), array(), $options));
}
exit($failed ? 1 : 0);
