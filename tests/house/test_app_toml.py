"""What Shopify is told about the app's addresses is what the app serves, and what the sandbox plays."""

import tomllib
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask

from sandbox import storefront
from tests.house.sources import read


@pytest.fixture(scope="module")
def app_toml() -> dict[str, Any]:
    return tomllib.loads(read("shopify.app.toml"))


def serves(app: Flask, method: str, path: str) -> bool:
    return any(rule.rule == path and method in (rule.methods or ()) for rule in app.url_map.iter_rules())


def test_the_app_serves_what_it_says(app: Flask, app_toml: dict[str, Any]) -> None:
    assert serves(app, "GET", f"{app_toml['app_proxy']['url']}/cashback")
    assert all(serves(app, "POST", one["uri"]) for one in app_toml["webhooks"]["subscriptions"])
    assert [urlsplit(url).path for url in app_toml["auth"]["redirect_urls"]] == ["/", "/auth/callback"]
    assert all(serves(app, "GET", urlsplit(url).path) for url in app_toml["auth"]["redirect_urls"])


def test_all_addresses_are_of_one_host(app_toml: dict[str, Any]) -> None:
    hosts = {urlsplit(url)[:2] for url in (app_toml["application_url"], *app_toml["auth"]["redirect_urls"])}
    assert hosts == {("https", "boomerang.example.com")}


def test_the_sandboxs_proxy_is_the_one_of_the_file(app_toml: dict[str, Any]) -> None:
    proxy = app_toml["app_proxy"]
    assert f"/{proxy['prefix']}/{proxy['subpath']}" == storefront.PREFIX
    assert proxy["url"] == storefront.TARGET
    assert storefront.SCOPE in app_toml["access_scopes"]["scopes"].split(",")
