<?php
// WordPress 4.6 to 6.1 as shops' plugins call QFPay: Requests 1.x with curl, which sends its own target as Referer, and
// wp_safe_remote_post with the filters of docs/switching-over.md.
// Needs SIDECAR_URL and WORDPRESS, a folder with wp-includes; one line per call, exit code 1 on any failure.

error_reporting(E_ALL & ~E_DEPRECATED);
define('ABSPATH', getenv('WORDPRESS') . '/');
define('WPINC', 'wp-includes');
define('WP_CONTENT_DIR', ABSPATH . 'wp-content');
define('WP_DEBUG', false);
// Of WordPress what its HTTP API needs: no database, no translations.
foreach (array('version', 'load', 'default-constants', 'class-wp-error', 'plugin', 'functions', 'formatting', 'kses', 'http',
    'class-requests', 'class-http', 'class-wp-http-proxy', 'class-wp-http-response', 'class-wp-http-requests-response') as $file) {
    require ABSPATH . WPINC . "/$file.php";
}
Requests::register_autoloader();
require ABSPATH . WPINC . '/class-wp-http-requests-hooks.php';
function __($text) { return $text; }
function get_bloginfo($show) { return $show === 'version' ? $GLOBALS['wp_version'] : 'https://www.shop.example'; }
add_filter('pre_option_home', function () { return 'https://www.shop.example'; });

$base = getenv('SIDECAR_URL');
$agent = array('useragent' => 'WordPress/6.1; https://www.shop.example', 'timeout' => 20);
$failed = false;

function tell($name, $right, $said)
{
    global $failed;
    echo $right ? "ok wordpress $name\n" : "not ok wordpress $name: " . substr($said, 0, 300) . "\n";
    $failed = $failed || !$right;
}

function check($name, $response)
{
    $json = json_decode($response->body, true);
    $right = isset($json['respcd']) && $json['respcd'] === '0000' && $response->headers['x-sandbox-signature'] === 'verified';
    tell($name, $right, $response->body);
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

function said($answer)
{
    return is_wp_error($answer) ? $answer->get_error_message() : wp_remote_retrieve_body($answer);
}

function pay_safely($base)
{
    global $pay;
    $pay['out_trade_no'] = 'wp_' . bin2hex(random_bytes(16));
    return wp_safe_remote_post("$base/trade/v1/payment", array('timeout' => 65, 'body' => $pay));
}

$answer = wp_remote_post("$base/trade/v1/payment", array('timeout' => 65, 'body' => array('out_trade_no' => "{$order}_p") + $pay));
tell('wp_remote_post', strpos(said($answer), '"0000"') !== false, said($answer));
$answer = pay_safely($base);
tell('wp_safe_remote_post, without the filters', is_wp_error($answer), said($answer));
$callers = file_get_contents(__DIR__ . '/../../docs/switching-over.md');
if (!preg_match('/^```php\n(add_filter.*?)^```/sm', $callers, $filters)) {
    tell('filters', false, 'docs/switching-over.md has none');
    exit(1);
}
eval(str_replace('8787', (string) parse_url($base, PHP_URL_PORT), $filters[1]));
$answer = pay_safely($base);
tell('wp_safe_remote_post, with the filters', strpos(said($answer), '"0000"') !== false, said($answer));
// The filters let in the sidecar and nothing else.
foreach (array('http://127.0.0.1:9', 'http://10.0.0.1:' . parse_url($base, PHP_URL_PORT)) as $other) {
    $answer = pay_safely($other);
    tell("wp_safe_remote_post to $other", is_wp_error($answer) && $answer->get_error_code() === 'http_request_failed'
        && strpos(said($answer), 'valid URL') !== false, said($answer));
}
exit($failed ? 1 : 0);
