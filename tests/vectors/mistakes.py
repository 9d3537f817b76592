#!/usr/bin/env python3
"""Writes mistakes.tsv: signatures over a call and a body with one mistake each, and what the engine must say of it."""
import hashlib, hmac, html, json

K = b"0123456789ABCDEF0123456789ABCDEF"
O = b"SANDBOX0OTHER0KEY0NOT0SECRET0000"
m = lambda b: hashlib.md5(b).hexdigest()
s = lambda b: hashlib.sha256(b).hexdigest()
c = "a=茶&c=0".encode()
b = b'{"b": "\\u8336/", "a": 1.10}\n'
u = "茶"
# A call with what a shop sends: an amount, a URL, an '&' in a value, an empty value that was sent.
shop = {"goods_name": "Tea & bun's", "notify_url": "https://shop.test/n", "out_trade_no": "A-7", "pay_type": "800201",
        "return_url": "", "txamt": "1000", "txcurrcd": "HKD"}
kept = {name: value for name, value in shop.items() if value}
join = lambda pairs: "&".join(f"{name}={value}" for name, value in pairs).encode()
more = lambda **named: join(sorted({**kept, **named}.items()))
p = join(sorted(kept.items()))
empties = lambda word: join(sorted((name, value or word) for name, value in shop.items()))
rows = [
("call",m(c+K),"signature is right (lower case hex)"),
("call",m("a=茶&b=&c=0".encode()+K),"empty values were hashed"),
("call",m("a=茶".encode()+K),"values of 0 were dropped"),
("call",m("a=茶&c=0".encode("big5")+K),"Big5"),
("call",m("a=茶&c=0".encode("gbk")+K),"GBK"),
("call",m("a=?&c=0".encode()+K),"ISO-8859-1"),
("call",m("a=茶&c=0".encode().decode("latin-1").encode("utf8")+K),"UTF-8 twice"),
("call",m(K),"only the key was hashed"),
("call",s(c+K),"the signature is SHA256, the request says MD5; the text itself is right"),
("call",s("a=%E8%8C%B6&c=0".encode()+K),"the signature is SHA256, the request says MD5, and "),
("call",m(c+O),"key of app 'other'"),
("call",m(K+c),"before the text"),
("body",m(b+K),"signature is right"),
("body",m(b.rstrip()+K),"line end behind the body was removed"),
("body",m(b+b"\n"+K),"a line end was added"),
("body",m(b[:-1]+b"\r\n"+K),"changed to CRLF"),
("body",m(json.dumps({"b":u+"/","a":"@"},separators=(",",":")).replace('"@"',"1.10").encode()+K),"compact, \\u escapes, slashes not escaped)"),
("body",m(json.dumps({"b":u+"/","a":"@"},ensure_ascii=False).replace('"@"',"1.10").encode()+K),"with a space after , and :, raw UTF-8"),
("body",m(json.dumps({"b":u+"/","a":"@"},separators=(",",":")).replace('"@"',"1.10").replace("/","\\/").encode()+K),"slashes escaped"),
("body",m(json.dumps({"b":u+"/","a":"@"},sort_keys=True).replace('"@"',"1.10").encode()+K),"members sorted"),
("body",m(("a=1.10&b="+u+"/").encode()+K),"QFPay's sample of 2017"),
("body",m(b+O),"key of app 'other'"),
("body",m(b+K+b"\n"),"line end of the key file"),
("body",m(b+b"x"+K),"no known mistake"),
("body",hmac.new(K,b,"md5").hexdigest(),"HMAC-MD5 was used"),
("body",m(b+K.lower()),"the key was hashed in lower case"),
("body",m(b+b"shop"),"the app_code was hashed in place of the client_key"),
("body",m(b+K+b" "),"a space beside the key"),
("shop",m(p+K),"signature is right"),
("shop",hmac.new(K,p,"md5").hexdigest(),"HMAC-MD5 was used"),
("shop",hmac.new(K,p,"sha256").hexdigest(),"the request says MD5, and HMAC-SHA256 was used"),
("shop",m(json.dumps(shop).encode()+K),"hashed as JSON"),
("shop",m(json.dumps(kept).encode()+K),"hashed as JSON"),
("shop",m(json.dumps(kept,separators=(",",":")).replace("/","\\/").encode()+K),"hashed as JSON"),
("shop",m(json.dumps({**kept,"txamt":1000,"pay_type":800201},separators=(",",":")).encode()+K),"hashed as JSON"),
("shop",m("".join(kept[name] for name in sorted(kept)).encode()+K),"only the values were hashed"),
("shop",m("&".join(kept[name] for name in sorted(kept)).encode()+K),"only the values were hashed"),
("shop",m(more(mchid="None")+K),"mchid was hashed as 'None', but not sent"),
("shop",m(more(udid="null")+K),"udid was hashed as 'null', but not sent"),
("shop",m(more(mchid="undefined",limit_pay="undefined")+K),"mchid and limit_pay was hashed as 'undefined', but not sent"),
("shop",m(more(mchid="")+K),"mchid was hashed with an empty value, but not sent"),
("shop",m(empties("None")+K),"empty values were hashed as 'None'"),
("shop",m(empties("null")+K),"empty values were hashed as 'null'"),
("shop",m(join(sorted(kept.items(),reverse=True))+K),"sorted in descending order"),
("shop",m(p+K.lower()),"the key was hashed in lower case"),
("shop",s(p+K.lower()),"the request says MD5, and the key was hashed in lower case"),
("shop",m(p+K+b" "),"a space beside the key"),
("shop",m(p+b" "+K),"a space beside the key"),
("shop",m(p+b"shop"),"the app_code was hashed in place of the client_key"),
("shop",m(html.escape(p.decode()).encode()+K),"escaped for HTML"),
("shop",m(html.escape(p.decode(),quote=False).encode()+K),"escaped for HTML"),
("shop",m(more(goods_name="Tea &amp; bun's")+K),"escaped for HTML"),
("shop",m(more(goods_name="Tea &amp; bun&#039;s")+K),"escaped for HTML"),
("shop",m(more(notify_url="https:\\/\\/shop.test\\/n")+K),"'/' was hashed as '\\/'"),
("shop",m(more(txamt="1000.0")+K),"txamt was hashed with '.0' behind it"),
("shop",m(more(txamt="1000.00")+K),"txamt was hashed with '.00' behind it"),
("shop",m(more(txamt="1000.0",pay_type="800201.0")+K),"every whole number was hashed with '.0' behind it"),
("shop",m(more(txamt="1001")+K),"no known mistake"),
("shop",hmac.new(O,p,"md5").hexdigest(),"no known mistake"),
]
open("mistakes.tsv", "w").write("".join("\t".join(r)+"\n" for r in rows))
