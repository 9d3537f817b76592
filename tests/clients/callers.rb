# The sidecar as Ruby shops call it, with Net::HTTP. Needs SIDECAR_URL; one line per call, exit code 1 on any failure.
require 'json'
require 'net/http'
require 'securerandom'

BASE = ENV.fetch('SIDECAR_URL')
$failed = false

def check(name, answer)
  right = answer['X-Sandbox-Signature'] == 'verified' && JSON.parse(answer.body)['respcd'] == '0000'
  puts right ? "ok ruby #{name}" : "not ok ruby #{name}: #{answer.code} #{answer.body[0, 300]}"
  $failed ||= !right
end

def payment
  { 'txamt' => '100', 'txcurrcd' => 'HKD', 'pay_type' => '800201', 'out_trade_no' => "ruby_#{SecureRandom.hex(16)}",
    'txdtm' => Time.now.strftime('%Y-%m-%d %H:%M:%S'), 'goods_name' => 'Tea 茶 + milk & sugar' }
end

def post(target)
  uri = URI(BASE + target)
  request = Net::HTTP::Post.new(uri)
  yield request
  Net::HTTP.start(uri.host, uri.port, read_timeout: 20) { |http| http.request(request) }
end

pay = payment
check('post_form', Net::HTTP.post_form(URI("#{BASE}/trade/v1/payment"), pay))
check('get', Net::HTTP.get_response(URI("#{BASE}/trade/v1/query?out_trade_no=#{pay['out_trade_no']}")))
check('multipart', post('/trade/v1/payment') { |r| r.set_form(payment.to_a, 'multipart/form-data') })
check('JSON', post('/trade/v1/payment') { |r| r.body = payment.to_json; r['Content-Type'] = 'application/json' })
big5 = payment.merge('goods_name' => '奶茶')
check('a form in Big5', post('/trade/v1/payment') do |r|
  r.body = URI.encode_www_form(big5.transform_values { |value| value.encode('Big5') })
  r['Content-Type'] = 'application/x-www-form-urlencoded; charset=Big5'
end)
check('Host without a port', post('/trade/v1/payment') { |r| r.set_form_data(payment); r['Host'] = '127.0.0.1' })
exit($failed ? 1 : 0)
