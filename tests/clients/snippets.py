"""Compiles and runs the snippets of README.md, docs/switching-over.md and docs/notifications.md as a reader would paste them. Needs SIDECAR_URL; prints one
line per snippet, exits 1 on any failure. Java as Java 8; what is not there is SKIPPED."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASE = os.environ["SIDECAR_URL"]
UNKNOWN = '"respcd":"1298"'
failed = False


def snippets(language):
    """The fenced blocks of a language, each with its document and number; those in lists lose their indentation."""
    for name in ("README.md", "docs/switching-over.md", "docs/notifications.md"):
        text = (ROOT / name).read_text()
        blocks = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.M | re.S)
        for number, (indent, block) in enumerate(blocks, 1):
            yield f"{name} {language} {number}", re.sub(rf"^{indent}", "", block, flags=re.M)


def tell(name, why):
    global failed
    print(f"not ok snippet {name}: {why[:600]}" if why else f"ok snippet {name}", flush=True)
    failed = failed or bool(why)


def run(command, **arguments):
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, **arguments)
    return done.returncode, done.stdout + done.stderr


def order():
    return f"snippet_{os.urandom(8).hex()}"


def pay_form(txamt):
    return f"txamt={txamt}&txcurrcd=HKD&pay_type=800201&txdtm=2026-01-02+03:04:05&out_trade_no={order()}"


def php(temp):
    for name, block in snippets("php"):
        if "http://127.0.0.1:8787" in block or "add_filter" in block:
            ports = block.replace("http://127.0.0.1:8787", BASE)
            file = temp / "lint.php"
            file.write_text("<?php\n" + ports)
            code, said = run(["php", "-l", str(file)])
            tell(name, "" if code == 0 else said)
            continue
        prelude = (
            f"<?php $base = '{BASE}'; $callback = getenv('CALLBACK'); $pay = array();\n"
            f"parse_str('{pay_form(4200001)}', $pay);\n"
        )
        file = temp / "run.php"
        file.write_text(prelude + block + "\necho isset($answer) ? $answer : curl_getinfo($page, CURLINFO_REDIRECT_URL);")
        code, said = run(["php", str(file)], env={**os.environ, "CALLBACK": "https://shop.example/back?a=1"})
        right = UNKNOWN in said or "/tool/v1/get_weixin_oauth_code?" in said
        tell(name, "" if code == 0 and right else said)
        if "callback" in block:
            code, said = run(["php", str(file)], env={**os.environ, "CALLBACK": "not a url"})
            tell(f"{name}, refused", "" if code != 0 and "redirect_invalid" in said else said)


JAVA = """
import java.io.*; import java.net.*; import java.util.*;
public class Snippet {
  %s
  static class Response { void sendRedirect(String url) { System.out.println(url); } }
  static void run(String callback, Response response, byte[] rawBody, String sign, String form) throws Exception {
    %s
    %s
  }
  public static void main(String[] a) throws Exception {
    run("https://shop.example/back?a=1", new Response(), "{}".getBytes("UTF-8"), "00000000000000000000000000000000", a[0]);
  }
}
"""


def java(temp):
    for name, block in snippets("java"):
        block = block.replace("http://127.0.0.1:8787", BASE)
        constants = "static final" in block
        fields = block if constants else f'static final String BASE = "{BASE}";'
        shows = next((f"System.out.println({it});" for it in ("answer", "valid") if re.search(rf" {it} = ", block)), "")
        (temp / "Snippet.java").write_text(JAVA % (fields, "" if constants else block, shows))
        code, said = run(["javac", "-encoding", "UTF-8", "--release", "8", "-Xlint:-options", "Snippet.java"], cwd=temp)
        if code == 0:
            code, said = run(["java", "-Dsun.net.http.retryPost=false", "-cp", str(temp), "Snippet", pay_form(4200001)])
        right = (
            UNKNOWN in said
            if "answer" in shows
            else said.strip() == "false" if "valid" in shows
            else "/tool/v1/get_weixin_oauth_code?" in said if "response." in block
            else said == ""
        )
        tell(name, "" if code == 0 and right else said or "it printed nothing")


def python(temp):
    for name, block in snippets("python"):
        file = temp / "snippet.py"
        prelude = f"import urllib.error, urllib.request\nbase, form = {BASE!r}, {pay_form(4200001)!r}\n"
        file.write_text(prelude + block + "\nprint(answer.decode())")
        code, said = run([sys.executable, str(file)])
        tell(name, "" if code == 0 and UNKNOWN in said else said)


with tempfile.TemporaryDirectory() as folder:
    for tool, play in (("php", php), ("javac", java), ("python3", python)):
        if shutil.which(tool):
            play(pathlib.Path(folder))
        else:
            print(f"SKIPPED: the snippets in {tool}")
sys.exit(failed)
