#!/usr/bin/env python3
"""Writes mistakes.tsv: signatures over a call and a body with one mistake each, and what the engine must say of it."""
import hashlib, json

K = b"0123456789ABCDEF0123456789ABCDEF"
O = b"SANDBOX0OTHER0KEY0NOT0SECRET0000"
m = lambda b: hashlib.md5(b).hexdigest()
s = lambda b: hashlib.sha256(b).hexdigest()
c = "a=茶&c=0".encode()
b = b'{"b": "\\u8336/", "a": 1.10}\n'
u = "茶"
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
]
open("mistakes.tsv", "w").write("".join("\t".join(r)+"\n" for r in rows))
