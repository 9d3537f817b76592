<?php
// An old shop in plain PHP (5.6 or later) that builds and signs the URLs of QFPay's pages itself, as QFPay's samples do. Two
// things changed: its key is a local key, and its pages are below its own address, where its web server passes them on.
// PAGES_URL       browser.public_prefix as the customer's browser reaches it (https://shop.example.com/pay)
// LOCAL_KEY_FILE  the file that browser.local_key_file of the sidecar names, readable by this shop as well
// APP_CODE        QFPay's app_code, no secret
// SHOP_URL        this shop as the customer's browser reaches it

define('PAGES', getenv('PAGES_URL')); // was https://openapi-hk.qfapi.com
define('CLIENT_KEY', trim(file_get_contents(getenv('LOCAL_KEY_FILE')))); // was the client_key
define('APP_CODE', getenv('APP_CODE'));
define('SHOP', getenv('SHOP_URL'));

/** Sorted by name, raw values joined, the key behind. */
function sign($parameters, $hash)
{
    ksort($parameters, SORT_STRING);
    $joined = array();
    foreach ($parameters as $name => $value) {
        $joined[] = "$name=$value";
    }
    return hash($hash, implode('&', $joined) . CLIENT_KEY);
}

function url($path, $parameters, $hash)
{
    $parameters['sign'] = sign($parameters, $hash);
    return PAGES . $path . '?' . http_build_query($parameters, '', '&');
}

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($path !== '/') { // a real shop asks /trade/v1/query here: whoever knows this address can open it
    exit('<!doctype html><html lang=en><meta name=viewport content=width=device-width><title>Back</title><p id="back">back at the shop: ' . htmlspecialchars($path) . '</p>');
}
$sign_in = url('/tool/v1/get_weixin_oauth_code', array('app_code' => APP_CODE, 'redirect_uri' => SHOP . '/callback'), 'md5');
$checkout = url('/checkstand/', array(
    'appcode' => APP_CODE,
    'sign_type' => 'sha256',
    'paysource' => 'shop_checkout',
    'out_trade_no' => 'php_' . bin2hex(openssl_random_pseudo_bytes(16)),
    'txamt' => '1200', // in cents; never taken from the browser
    'txcurrcd' => 'HKD',
    'txdtm' => date('Y-m-d H:i:s'),
    'goods_name' => 'Milk tea 奶茶 & bun',
    'return_url' => SHOP . '/done',
    'failed_url' => SHOP . '/failed',
    'notify_url' => SHOP . '/notify',
), 'sha256');
echo '<!doctype html><html lang=en><meta name=viewport content=width=device-width><title>Shop</title><h1>Shop</h1>';
echo '<a id="signin" href="' . htmlspecialchars($sign_in, ENT_QUOTES, 'UTF-8') . '">Sign in with WeChat</a> ';
echo '<a id="checkout" href="' . htmlspecialchars($checkout, ENT_QUOTES, 'UTF-8') . '">Buy</a>';
