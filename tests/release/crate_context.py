"""Put the context of RO-Crate 1.1 into rocrate-validator's cache, so that it validates without a network.

    PYTHON crate_context.py CACHE

PYTHON is that of the validator's own environment, which has `rocrate` 0.11.0 too: that brings the context.
"""

import importlib.resources
import sys

from requests import Request
from requests_cache import CachedResponse, CachedSession
from requests_cache.models import CachedRequest

URL = "https://w3id.org/ro/crate/1.1/context"

request = Request("GET", URL).prepare()
context = importlib.resources.files("rocrate").joinpath("data/ro-crate.jsonld").read_bytes()
response = CachedResponse(status_code=200, url=URL, headers={"Content-Type": "application/ld+json"})
response._content = context
response.request = CachedRequest.from_request(request)
cache = CachedSession(sys.argv[1]).cache
cache.save_response(response, cache.create_key(request))
