<?php
// A payment whose fate is unknown (the sandbox's txamt=4200001), as PHP shops read its answer. SIDECAR_URL answers with HTTP's
// own status, OK_URL with answers.own_status = "200". Prints one line per way of calling, exits 1 on any failure.

function check($name, $answer, $read)
{
    global $failed;
    $right = $read ? strpos((string) $answer, '"respcd":"1298"') !== false : $answer === false;
    echo $right ? "ok php bodies: $name\n" : "not ok php bodies: $name: " . var_export($answer, true) . "\n";
    $failed = $failed || !$right;
}

function pay()
{
    return array('txamt' => '4200001', 'txcurrcd' => 'HKD', 'pay_type' => '800201',
        'out_trade_no' => 'bodies_' . bin2hex(random_bytes(12)), 'txdtm' => date('Y-m-d H:i:s'));
}

/** As shops do it that QFPay taught HTTP 200: an error's body is not asked for. */
function naive_stream($base)
{
    $context = stream_context_create(array('http' => array('method' => 'POST', 'timeout' => 20,
        'header' => 'Content-Type: application/x-www-form-urlencoded', 'content' => http_build_query(pay()))));
    return @file_get_contents("$base/trade/v1/payment", false, $context);
}

function failonerror($base)
{
    $curl = curl_init("$base/trade/v1/payment");
    curl_setopt_array($curl, array(CURLOPT_POSTFIELDS => http_build_query(pay()), CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 20, CURLOPT_FAILONERROR => true));
    return curl_exec($curl);
}

$failed = false;
list($http, $ok) = array(getenv('SIDECAR_URL'), getenv('OK_URL'));
check('file_get_contents loses it', naive_stream($http), false);
check('CURLOPT_FAILONERROR loses it', failonerror($http), false);
check('file_get_contents, own_status 200', naive_stream($ok), true);
check('CURLOPT_FAILONERROR, own_status 200', failonerror($ok), true);
exit($failed ? 1 : 0);
