<?php
// A shop that still signs for itself, as QFPay's PHP sample does, but with a local key: it works once its base URLs and its
// key constant are changed. Below PAGES_URL the sidecar takes only what that key signed; of calls it drops the signature.
// Needs SIDECAR_URL, PAGES_URL, LOCAL_KEY and APP_CODE.
// The shop's half is the sample's way of doing things; the customer's half is a browser that comes from the shop's page,
// follows redirects and presses Pay. Its pages are below browser.public_prefix, where the shop's web server passes them on.

define('ENVIRONMENT', getenv('SIDECAR_URL')); // was https://test-openapi-hk.qfapi.com
define('PAGES', getenv('PAGES_URL')); // the customer's browser opens these: was ENVIRONMENT as well
define('DIRECT', getenv('PAGES_URL')); // was https://o2-hk.qfapi.com
define('APP_CODE', getenv('APP_CODE'));
define('CLIENT_KEY', getenv('LOCAL_KEY')); // was QFPay's
define('SHOP', 'http://127.0.0.1:9'); // nobody listens there: the customer's walk ends when it arrives

/** The sample's own signature: sorted, joined, key appended, MD5. */
function sign($fields)
{
    ksort($fields);
    $joined = array();
    foreach ($fields as $name => $value) {
        $joined[] = "$name=$value";
    }
    return strtoupper(md5(implode('&', $joined) . CLIENT_KEY));
}

/** One request with the shop's own headers; $body null for GET. Answers status, Location, verified and text. */
function call($url, $fields = null, $body = null, $headers = array())
{
    $curl = curl_init($url);
    curl_setopt_array($curl, array(CURLOPT_RETURNTRANSFER => true, CURLOPT_HEADER => true, CURLOPT_TIMEOUT => 20));
    if ($fields !== null) {
        $headers = array('X-QF-APPCODE: ' . APP_CODE, 'X-QF-SIGN: ' . sign($fields));
    }
    curl_setopt($curl, CURLOPT_HTTPHEADER, $headers);
    if ($body !== null) {
        curl_setopt_array($curl, array(CURLOPT_POST => true, CURLOPT_POSTFIELDS => $body));
    }
    $answer = (string) curl_exec($curl);
    $head = curl_getinfo($curl, CURLINFO_HEADER_SIZE);
    return array(
        'status' => curl_getinfo($curl, CURLINFO_RESPONSE_CODE),
        'location' => curl_getinfo($curl, CURLINFO_REDIRECT_URL),
        'verified' => (bool) preg_match('/^X-Sandbox-Signature: *verified\r?$/mi', substr($answer, 0, $head)),
        'text' => substr($answer, $head) . curl_error($curl),
    );
}

/** Follows redirects until a page or the shop. Answers array(url, page), the page null for the shop. */
function browse($url, $body = null)
{
    for ($step = 0; $step < 10; $step++) {
        $answer = call($url, null, $body, browser_headers($url, $body));
        if (!$answer['location']) {
            return array($url, $answer['text']);
        }
        $url = $answer['location'];
        $body = null;
        if (strpos($url, SHOP . '/') === 0) {
            return array($url, null);
        }
    }
    return array($url, 'more than 10 redirects');
}

/** What a browser says about where a request comes from, and the shop's own Host where its web server passes it on. */
function browser_headers($url, $body)
{
    $headers = array('Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document');
    $headers[] = 'Sec-Fetch-Site: ' . ($body === null ? 'cross-site' : 'same-origin');
    if (strpos($url, PAGES . '/') === 0) {
        $headers[] = 'Host: www.shop.example';
        $headers[] = 'Referer: https://www.shop.example/cart';
    }
    return $headers;
}

/** Sends the form whose button says Pay, as a browser does. */
function press_pay($url, $page)
{
    preg_match_all('#<form\b([^>]*)>(.*?)</form>#is', $page, $forms, PREG_SET_ORDER);
    foreach ($forms as $form) {
        preg_match_all('#<button\b([^>]*)>(.*?)</button>#is', $form[2], $buttons, PREG_SET_ORDER);
        preg_match_all('#<input\b([^>]*)>#i', $form[2], $inputs, PREG_SET_ORDER);
        foreach ($buttons as $button) {
            if (!preg_match('/\bpay\b/i', strip_tags($button[2]))) {
                continue;
            }
            $fields = array();
            foreach (array_merge($inputs, array($button)) as $field) {
                $fields[attribute($field[1], 'name')] = attribute($field[1], 'value');
            }
            unset($fields['']);
            $action = attribute($form[1], 'action');
            if ($action === '') {
                $action = $url;
            } elseif ($action[0] === '/') {
                $action = preg_replace('#^(https?://[^/]+).*#', '$1', $url) . $action;
            }
            return browse($action, http_build_query($fields));
        }
    }
    return array($url, 'no form with a Pay button: ' . $page);
}

function attribute($tag, $name)
{
    $found = preg_match("/\\b$name\\s*=\\s*(?:\"([^\"]*)\"|'([^']*)'|([^\\s>]+))/i", $tag, $value);
    return $found ? html_entity_decode(end($value), ENT_QUOTES, 'UTF-8') : '';
}

function must($name, $good, $why)
{
    echo $good ? "ok migration.php $name\n" : "not ok migration.php $name: " . substr($why, 0, 400) . "\n";
    if (!$good) {
        exit(1);
    }
}

/** QFPay says success, and the signature that it saw was right, which the shop's own is not. */
function answered($name, $answer)
{
    $json = json_decode($answer['text'], true);
    must($name, isset($json['respcd']) && $json['respcd'] === '0000' && $answer['verified'], json_encode($answer));
    return $json;
}

// The sample joins this URL by hand, without percent-encoding.
$redirect_uri = SHOP . '/callback';
$sign = sign(array('app_code' => APP_CODE, 'redirect_uri' => $redirect_uri));
list($at, $page) = browse(PAGES . '/tool/v1/get_weixin_oauth_code?app_code=' . APP_CODE . "&sign=$sign&redirect_uri=$redirect_uri");
parse_str((string) parse_url($at, PHP_URL_QUERY), $arrived);
must('oauth code', $page === null && !empty($arrived['code']), "ended at $at: $page");

// Another order's amount, or a page that nobody signed, is the customer's own doing.
$changed = PAGES . '/tool/v1/get_weixin_oauth_code?app_code=' . APP_CODE . "&sign=$sign&redirect_uri=$redirect_uri/elsewhere";
foreach (array($changed, preg_replace('/&sign=[^&]*/', '', $changed)) as $url) {
    $refused = call($url, null, null, browser_headers($url, null));
    must('page of a stranger', $refused['status'] === 403 && strpos($refused['text'], 'page_not_vouched'), json_encode($refused));
}

$checkout = array('appcode' => APP_CODE, 'sign_type' => 'md5', 'paysource' => 'shop_checkout', 'txamt' => '120',
    'txcurrcd' => 'HKD', 'txdtm' => date('Y-m-d H:i:s'), 'out_trade_no' => 'checkout_' . bin2hex(random_bytes(16)),
    'goods_name' => '茶 & bun', 'return_url' => SHOP . '/success', 'failed_url' => SHOP . '/failed', 'notify_url' => SHOP . '/n');
$page = PAGES . '/checkstand/?' . http_build_query($checkout + array('sign' => sign($checkout)));
$answer = call($page, null, null, browser_headers($page, null));
must('checkout', $answer['status'] === 302 && strpos($answer['location'], '/checkstand/#/?'), json_encode($answer));
$cheaper = str_replace('txamt=120', 'txamt=1', $page);
$answer = call($cheaper, null, null, browser_headers($cheaper, null));
must('checkout of a stranger', $answer['status'] === 403, json_encode($answer));

$fields = array('code' => $arrived['code']);
$answer = answered('openid', call(ENVIRONMENT . '/tool/v1/get_weixin_openid?' . http_build_query($fields), $fields));

// Everything in the query of a POST, nothing in the body.
$order = 'migration_' . bin2hex(random_bytes(16));
$fields = array(
    'sub_openid' => $answer['openid'],
    'goods_name' => 'Hong Kong tea 茶',
    'txamt' => '120',
    'txcurrcd' => 'HKD',
    'pay_type' => '800207',
    'out_trade_no' => $order,
    'txdtm' => date('Y-m-d H:i:s'),
);
$answer = answered('payment', call(ENVIRONMENT . '/trade/v1/payment?' . http_build_query($fields), $fields, ''));

$direct = $answer['pay_params'] + array(
    'mchntnm' => '茶 & Co',
    'txamt' => '120',
    'currency' => 'HKD',
    'redirect_url' => SHOP . '/success?shop=1',
);
list($at, $page) = browse(DIRECT . '/q/direct?' . http_build_query($direct));
must('q/direct page', $page !== null, "ended at $at");
list($at, $page) = press_pay($at, $page);
must('back at the shop', $page === null && strpos($at, SHOP . '/success') === 0, "ended at $at: $page");

$fields = array('out_trade_no' => $order);
$rows = answered('query', call(ENVIRONMENT . '/trade/v1/query', $fields, http_build_query($fields)))['data'];
must('paid', count($rows) === 1 && $rows[0]['respcd'] === '0000' && (string) $rows[0]['txamt'] === '120', json_encode($rows));
