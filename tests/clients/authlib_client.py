"""Authlib's OAuth2Session, as an integration written in Python uses it.

tests/behaviour/foreign_clients.rs starts it and says what stands in the environment and on which lines they talk.
"""

import os

from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session


def say(*words):
    print(*words, flush=True)
    return input()


issuer = os.environ["ISSUER"]
session = OAuth2Session(
    os.environ["CLIENT_ID"],
    os.environ["CLIENT_SECRET"],
    scope=os.environ["SCOPE"],
    redirect_uri=os.environ["REDIRECT_URI"],
    code_challenge_method="S256",
    token_endpoint_auth_method="client_secret_basic",
    revocation_endpoint_auth_method="client_secret_basic",
)
token_endpoint = f"{issuer}/auth/oauth/token"

verifier = generate_token(48)
url, state = session.create_authorization_url(f"{issuer}/auth/oauth/authorize", code_verifier=verifier)
answer = say("AUTHORIZE", url)
token = session.fetch_token(token_endpoint, authorization_response=answer, state=state, code_verifier=verifier)
say("OK exchanged", token["access_token"])

# The session shows its token by itself.
account = session.get(f"{issuer}/API/V3/Account.json")
account.raise_for_status()
say("OK called", account.json()["Account"]["name"])

token = session.refresh_token(token_endpoint)
say("OK refreshed", token["access_token"])

about = session.introspect_token(f"{issuer}/auth/oauth/introspect", token=token["access_token"])
about.raise_for_status()
say("OK introspected", str(about.json()["active"]).lower())

session.revoke_token(f"{issuer}/auth/oauth/revoke", token=token["refresh_token"]).raise_for_status()
say("OK revoked", token["access_token"])

try:
    session.refresh_token(token_endpoint, refresh_token=token["refresh_token"])
    say("OK refused", "nothing")
except OAuthError as error:
    say("OK refused", error.error)
