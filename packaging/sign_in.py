#!/usr/bin/env python3
"""Signs in to a server that scripts/package started, as a browser does: Python without packages.

  sign_in.py set-up LINK EMAIL PASSWORD       creates the first admin, and opens the settings
  sign_in.py sign-in ORIGIN EMAIL PASSWORD    signs in, and opens the settings

It exits with status 1 if a page is not what it should be.
"""

import http.cookiejar
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))


def page(address, fields=None):
    data = None if fields is None else urllib.parse.urlencode(fields).encode()
    request = urllib.request.Request(address, data=data, headers={"Origin": address[: address.index("/", 8)]})
    with browser.open(request, timeout=20) as answer:
        return answer.geturl(), answer.read().decode()


def submit(address, fields):
    _, text = page(address)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text))
    return page(address, hidden | fields)


def main(what, address, email, password):
    origin = address[: address.index("/", 8)] if what == "set-up" else address
    fields = {"email": email, "password": password}
    if what == "set-up":
        fields |= {"shop": "Harbour & Pine", "zone": "Europe/Stockholm", "name": "Ada Admin", "again": password}
        submit(address, fields)
    else:
        submit(f"{origin}/sign-in", fields)
    address, text = page(f"{origin}/settings")
    if not address.endswith("/settings") or "Sign out" not in text:
        sys.exit(f"Nobody is signed in on {address}.")


if len(sys.argv) != 5:
    sys.exit(__doc__)
try:
    main(*sys.argv[1:])
except urllib.error.HTTPError as error:
    sys.exit(f"{error.url}: {error.code}\n{re.sub('<[^>]+>', ' ', error.read().decode())}")
