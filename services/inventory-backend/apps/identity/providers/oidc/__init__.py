"""OpenID Connect: a thin relying party for the code flow (OpenID Connect Core 1.0, RFC 9700)."""
