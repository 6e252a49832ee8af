"""Nobody leads the hub into its own network by the address of a file."""

from __future__ import annotations

import pytest

from connectors._meta.addresses import HOSTS, Places, is_public, places_for

PUBLIC = Places()
META = Places(HOSTS)
SANDBOX = Places(loopback=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://scontent.xx.fbcdn.net/a.jpg",
        "https://127.0.0.1/a.jpg",
        "https://[::1]/a",
        "https://[::ffff:10.0.0.5]/a",
        "https://10.0.0.5/a",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/a",
        "https://db.internal/a",
        "https://intranet/a",
        "https://scontent.xx.fbcdn.net:8443/a",
        "https://user:word@scontent.xx.fbcdn.net/a",
        "https://scontent.xx.fbcdn.net:port/a",
        "file:///etc/passwd",
        "ftp://scontent.xx.fbcdn.net/a",
        "",
    ],
)
def test_what_is_not_public_https_is_refused(url: str) -> None:
    assert not PUBLIC.allow(url)
    assert not META.allow(url)


def test_with_a_list_only_its_hosts_count() -> None:
    assert META.allow("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1")
    assert META.allow("https://MMG.whatsapp.net./a")
    assert not META.allow("https://fbsbx.com.example.com/a")
    assert not META.allow("https://evilfbsbx.com/a")
    assert PUBLIC.allow("https://cdn.example.com/a")


def test_a_simulated_provider_has_its_files_on_this_machine_alone() -> None:
    assert places_for("http://127.0.0.1:8322", HOSTS) == Places(HOSTS, loopback=True)
    assert places_for("https://graph.facebook.com", HOSTS) == META
    assert SANDBOX.allow("http://127.0.0.1:8322/files/1/a")
    assert not SANDBOX.allow("http://10.0.0.5/files/1/a")
    assert not SANDBOX.allow("https://scontent.xx.fbcdn.net/a.jpg")


async def test_a_name_that_leads_inside_is_refused_when_it_is_looked_up() -> None:
    resolver = PUBLIC.resolver()
    try:
        with pytest.raises(OSError, match="not a public one"):
            await resolver.resolve("localhost", 443)
    finally:
        await resolver.close()


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111"])
def test_the_open_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", ["0.0.0.0", "100.64.0.1", "224.0.0.1", "fe80::1", "fd00::1", "::", "no address"])  # noqa: S104
def test_the_rest_is_not(address: str) -> None:
    assert not is_public(address)
