"""Notifications of an agency's merchants as QFPay, a careless customer or a thief could make them, each with the route that it
belongs to by this program's own reading. Arguments: seed, count, key. A line each: verdict, signature, body, by tabs. The
verdict is the number of the receiver, 404 for what no shop takes, or 401 for what another key has signed.
"""

import hashlib
import json
import random
import sys

SHOPS, REFUNDS, TOKENS = range(24), range(24, 28), range(28, 30)


def routes():
    """Each as the names and values that it takes; receivers count from 0."""
    for shop in SHOPS:
        yield {"mchid": [f"M{shop:04}", f"{shop:016}"]}
    for shop in REFUNDS:
        yield {"mchid": [f"M{shop - 24:04}"], "notify_type": ["refund", "close"]}
    for store in TOKENS:
        yield {"userid": [str(2500 + store)], "notify_type": ["payment_token"]}


ROUTES = list(routes())


def belongs_to(body):
    """The receiver of a body, by Python's reading of it."""
    try:
        members = json.loads(body, object_pairs_hook=lambda pairs: pairs, parse_int=Number, parse_float=Number)
    except ValueError:
        members = []
    names = [name for name, _ in members] if isinstance(members, list) else []
    says = {name: value for name, value in members if names.count(name) == 1 and isinstance(value, str)}
    fitting = [
        (len(route), number)
        for number, route in enumerate(ROUTES)
        if all(says.get(name) in values for name, values in route.items())
    ]
    return max(fitting, default=(0, 404))[1]


class Number(str):
    """A number as it is written."""


def member(name, value, chance):
    """One member as text, now and then with an escape where another writer has none."""
    if chance.random() < 0.02:
        at = chance.randrange(len(name))
        name = f"{name[:at]}\\u{ord(name[at]):04x}{name[at + 1:]}"
    return f'"{name}"' + chance.choice([": ", ":", " : "]) + value


def notification(number, chance):
    shop = chance.choice(SHOPS)
    mchid = chance.choice([f"M{shop:04}"] * 3 + [f"{shop:016}"])
    if chance.random() < 0.03:
        mchid = chance.choice([f"m{shop:04}", f"M{shop:04} ", f"M{shop + 24:04}", ""])
    kind = chance.choice(["payment"] * 6 + ["refund"] * 3 + ["close", "Refund", "subscription_payment"])
    other = f"M{chance.choice(SHOPS):04}"
    goods = chance.choice(["奶茶", f'", "mchid": "{other}', f"&mchid={other}", "\\", f"{{\"mchid\": \"{other}\"}}", "\ud800" * chance.randrange(2)])
    members = [
        ("status", '"1"'),
        ("txamt", str(chance.randrange(1, 10**6))),
        ("goods_name", json.dumps(goods)),
        ("out_trade_no", f'"N-{number}"'),
        ("notify_type", json.dumps(kind)),
    ]
    dice = chance.random()
    if dice < 0.12:
        store = chance.choice([2528, 2529] * 10 + [2530])
        members[-1] = ("notify_type", json.dumps(chance.choice(["payment_token"] * 20 + ["payment"])))
        members.append(("userid", chance.choice([f'"{store}"', str(store)] * 10 + [f"{store}.0", f"[{store}]"])))
    else:
        members.append(("mchid", json.dumps(mchid)))
    if 0.12 < dice < 0.17:
        members.append(chance.choice([
            ("mchid", json.dumps(other)),
            ("mchid", json.dumps(mchid)),
            ("mchid", "null"),
            ("mchid", f'["{other}"]'),
            ("Mchid", json.dumps(other)),
            ("mchntid", json.dumps(other)),
            ("data", f'{{"mchid": "{other}", "notify_type": "refund"}}'),
            ("notify_type", '"refund"'),
            ("userid", '"2528"'),
        ]))
    chance.shuffle(members)
    body = "{" + chance.choice([", ", ","]).join(member(name, value, chance) for name, value in members) + "}"
    if dice > 0.995:
        body = chance.choice([body[:-1], body + "x", body.replace("}", ",}"), body + body])
    return body


def main():
    seed, count, key = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    chance = random.Random(seed)
    print(json.dumps(ROUTES))
    for number in range(count):
        body = notification(number, chance)
        forged = chance.random() < 0.01
        sign = hashlib.md5(body.encode() + (b"0" * 32 if forged else key.encode())).hexdigest().upper()
        print(401 if forged else belongs_to(body), sign, body, sep="\t")


main()
