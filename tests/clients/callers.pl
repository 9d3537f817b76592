#!/usr/bin/env perl
# The sidecar as Perl shops call it, with LWP. Needs SIDECAR_URL; one line per call, exit code 1 on any failure.
use strict;
use warnings;
use HTTP::Request::Common qw(GET POST);
use LWP::UserAgent;
use POSIX qw(strftime);
use Time::HiRes qw(time);

my $base = $ENV{SIDECAR_URL} or die "SIDECAR_URL is not set";
# A browser's manners, as scripts have them that once fetched pages.
my $agent = LWP::UserAgent->new(timeout => 20, cookie_jar => {});
my $failed = 0;

sub check {
    my ($name, $request) = @_;
    my $answer = $agent->request($request);
    my $right = ($answer->header('X-Sandbox-Signature') // '') eq 'verified' && $answer->content =~ /"respcd": ?"0000"/;
    print $right ? "ok perl $name\n" : "not ok perl $name: " . $answer->status_line . " " . substr($answer->content, 0, 300) . "\n";
    $failed = 1 unless $right;
}

my $count = 0;
sub payment {
    $count++;
    return [txamt => 100, txcurrcd => 'HKD', pay_type => '800201', out_trade_no => sprintf('perl_%.0f_%d', time * 1e6, $count),
        txdtm => strftime('%Y-%m-%d %H:%M:%S', localtime), goods_name => "Tea \xe8\x8c\xb6 + milk & sugar"];
}

my $pay = payment();
check('form with Referer', POST("$base/trade/v1/payment", $pay, Referer => "$base/", 'Accept-Language' => 'en'));
my $order = $pay->[7];
check('query', GET("$base/trade/v1/query?out_trade_no=$order", Referer => 'https://www.shop.example/cart'));
check('close by GET', GET("$base/trade/v1/close?txamt=100&txdtm=2026-01-02+03:04:05&out_trade_no=$order", Referer => 'https://www.shop.example/cart'));
check('multipart', POST("$base/trade/v1/payment", Content_Type => 'form-data', Content => payment()));
check('a base URL that ends in a slash', POST("$base//trade/v1/payment", payment()));
exit $failed;
