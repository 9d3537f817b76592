"""Everything that a page can send: JavaScript for the attacker's page, and pages that send forms.

In the scripts `url` is the target and `form` an encoded payment. Each returns what the page learns.
"""


def element(tag, attribute, more=""):
    """An element that loads a URL."""
    return f"""
        return await new Promise(done => {{
            const it = document.createElement('{tag}');
            it.onload = it.onloadeddata = () => done('loaded');
            it.onerror = () => done('failed');
            {more};
            it.{attribute} = url + '?' + form;
            document.body.append(it);
        }})"""


POSTS = {
    "fetch no-cors, form": "return (await fetch(url, {method: 'POST', mode: 'no-cors', body: new URLSearchParams(form)})).type",
    "fetch no-cors, text": "return (await fetch(url, {method: 'POST', mode: 'no-cors', body: form})).type",
    "fetch no-cors, blob": "return (await fetch(url, {method: 'POST', mode: 'no-cors', body: new Blob([form])})).type",
    "fetch no-cors, multipart": """
        const data = new FormData();
        new URLSearchParams(form).forEach((value, name) => data.append(name, value));
        return (await fetch(url, {method: 'POST', mode: 'no-cors', body: data})).type""",
    "fetch no-cors, no referrer": """
        return (await fetch(url, {method: 'POST', mode: 'no-cors', referrerPolicy: 'no-referrer', body: form})).type""",
    "fetch no-cors, keepalive": """
        return (await fetch(url, {method: 'POST', mode: 'no-cors', keepalive: true, body: new URLSearchParams(form)})).type""",
    "fetch cors, form": "return await (await fetch(url, {method: 'POST', body: new URLSearchParams(form)})).text()",
    "fetch cors, with credentials": """
        return await (await fetch(url, {method: 'POST', credentials: 'include', body: new URLSearchParams(form)})).text()""",
    "fetch cors, JSON (preflight)": """
        return await (await fetch(url, {method: 'POST', headers: {'Content-Type': 'application/json'},
            body: JSON.stringify(Object.fromEntries(new URLSearchParams(form)))})).text()""",
    "fetch cors, own header (preflight)": """
        return await (await fetch(url, {method: 'POST', headers: {'X-QF-APPCODE': 'x'}, body: new URLSearchParams(form)})).text()""",
    "fetch cors, PUT (preflight)": "return await (await fetch(url, {method: 'PUT', body: form})).text()",
    "XMLHttpRequest": """
        return await new Promise((done, failed) => {
            const it = new XMLHttpRequest();
            it.open('POST', url);
            it.onload = () => done(it.responseText);
            it.onerror = () => failed(new TypeError('Failed to fetch'));
            it.send(new URLSearchParams(form));
        })""",
    "sendBeacon, form": "return navigator.sendBeacon(url, new URLSearchParams(form)) ? 'opaque' : 'not sent'",
    "sendBeacon, blob": "return navigator.sendBeacon(url, new Blob([form])) ? 'opaque' : 'not sent'",
    "a form in a sandboxed frame": """
        const it = document.createElement('iframe');
        it.sandbox = 'allow-forms allow-scripts';
        const inputs = [...new URLSearchParams(form)].map(([name, value]) => `<input name="${name}" value="${value}">`);
        it.srcdoc = `<form method="post" action="${url}">${inputs.join('')}</form><script>document.forms[0].submit()</` +
            'script>';
        document.body.append(it);
        return 'opaque'""",
}

GETS = {
    "fetch": "return await (await fetch(url + '?' + form)).text()",
    "fetch no-cors": "return (await fetch(url + '?' + form, {mode: 'no-cors'})).type",
    "an image": element("img", "src"),
    "an image, no referrer": element("img", "src", "it.referrerPolicy = 'no-referrer'"),
    "a script": element("script", "src"),
    "a module": element("script", "src", "it.type = 'module'"),
    "a stylesheet": element("link", "href", "it.rel = 'stylesheet'"),
    "a video": element("video", "src"),
    "a frame": element("iframe", "src"),
    "a sandboxed frame": element("iframe", "src", "it.sandbox = ''"),
    "an object": element("object", "data"),
    "EventSource": "return await new Promise(done => { new EventSource(url + '?' + form).onerror = () => done('failed') })",
    "WebSocket": """
        return await new Promise(done => {
            const it = new WebSocket(url.replace('http', 'ws') + '?' + form);
            it.onopen = () => done('open');
            it.onerror = () => done('failed');
        })""",
}

# What a page of another origin may learn: that something was sent.
NOTHING = {"opaque", "failed", "loaded", "TypeError: Failed to fetch"}


def run(driver, script, url, form):
    """Runs one of these scripts in the page that is open, and returns what the page learnt."""
    wrapped = f"""
        const [url, form, done] = arguments;
        (async () => {{ {script} }})().then(done, error => done(error.name + ': ' + error.message));"""
    return driver.execute_async_script(wrapped, url, form)


def page_with_form(action, enctype, fields, referrer):
    """A page that sends a form as soon as it is open."""
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    return (
        f'<meta name="referrer" content="{referrer}"><form method="post" enctype="{enctype}" action="{action}">{inputs}'
        "</form><script>document.forms[0].submit()</script>"
    )


def page_that_leads(to, referrer):
    """A page that sends the browser on."""
    return f'<meta name="referrer" content="{referrer}"><script>location = "{to}"</script>'
