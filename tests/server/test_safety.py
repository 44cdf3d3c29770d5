"""Who is refused: rebound domains, other sites, forms, outsiders without the token, and names that try to be code."""

import json
from pathlib import Path
from typing import Any

import pytest
from asking import Asking
from starlette.testclient import TestClient

from abcscribe.server.app import Page, Settings
from abcscribe.server.safety import ANSWER_HEADERS, COOKIE

PORT = 8765
HOSTILE = "<img src=x onerror=alert(1)>\"'`</script><script>alert(1)</script>%0d%0aSet-Cookie: a=b\x00\x1b[31m"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8765", "localhost:80", "localhost", "127.0.0.1.evil.example:8765", "localhost.evil.example:8765",
        "evil.example@localhost:8765", "localhost:8765@evil.example", "[::1]", "192.168.0.2:8765", "", "localhost:x",
        "localhost:8765/", "0.0.0.0:8765", "LOCALHOST:99999999",
    ],
)  # fmt: skip
def test_a_rebound_domain_is_refused_even_for_reading(ask: Asking, host: str) -> None:
    for path in ("/", "/api/status", "/static/index.html"):
        assert ask.client.get(path, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8765", "127.0.0.1:8765", "[::1]:8765", "LocalHost:8765"])
def test_this_machine_is_served_under_its_names(ask: Asking, host: str) -> None:
    assert ask.client.get("/api/status", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Abcscribe": ""},
        {"X-Abcscribe": "2"},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:8766"},
        {"Origin": "https://localhost:8765"},
        {"Origin": "http://127.0.0.1:8765"},  # not the host that was asked
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},  # another port of this machine
    ],
)
def test_other_sites_cannot_change_anything(ask: Asking, page: Page, scale: bytes, headers: dict[str, str]) -> None:
    row = ask.upload(scale, transcribe=0)
    for method, path in (
        ("POST", "/api/recordings"),
        ("DELETE", f"/api/recordings/{row['id']}"),
        ("PATCH", f"/api/recordings/{row['id']}"),
        ("PUT", "/api/settings"),
        ("POST", "/api/archive"),
    ):
        answer = ask.client.request(method, path, content=b"{}", headers=headers)
        assert answer.status_code == 403
    assert page.library.search("", 9, 0)[1] == 1


def test_a_form_cannot_change_anything(ask: Asking) -> None:
    """A simple request, as a form or a script without a preflight can send it from anywhere."""
    del ask.client.headers["X-Abcscribe"]
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"):
        answer = ask.client.post("/api/settings", content=b"{}", headers={"Content-Type": kind})
        assert answer.status_code == 403


def test_other_sites_cannot_read_but_may_link(ask: Asking) -> None:
    for path, status in (("/api/recordings", 403), ("/static/style.css", 403), ("/", 200)):
        assert ask.client.get(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == status


def test_no_other_site_is_invited_and_no_script_may_stand_in_the_page(ask: Asking) -> None:
    for path in ("/", "/api/status", "/static/style.css", "/nowhere", "/api/recordings/0000000000000000"):
        answer = ask.client.get(path, headers={"Origin": "http://evil.example"})
        assert not [name for name in answer.headers if name.startswith("access-control")]
        for name, value in ANSWER_HEADERS.items():
            assert answer.headers[name] == value
    policy = ANSWER_HEADERS["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "script-src" not in policy  # default-src holds: no inline script, no eval
    assert ask.client.options("/api/settings").status_code == 405
    html = ask.client.get("/").text
    assert "<script>" not in html
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "https://" not in html


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/%2e%2e%2f%2e%2e%2f__init__.py",
        "/static//etc/passwd", "/static/..\\app.py", "/api/recordings/..%2f..%2fetc%2fpasswd/audio",
        "/api/recordings/%2e%2e/audio", "/api/jobs/../../x/events",
    ],
)  # fmt: skip
def test_paths_lead_nowhere(ask: Asking, path: str) -> None:
    answer = ask.client.get(path)
    assert answer.status_code == 404
    assert "root:" not in answer.text
    assert "import" not in answer.text


def test_a_hostile_name_is_text_everywhere(ask: Asking, recording: dict[str, Any]) -> None:
    row = ask("PATCH", f"/api/recordings/{recording['id']}", {"title": HOSTILE, "composer": HOSTILE})
    assert "\x1b" not in row["title"]
    assert "\x00" not in row["title"]
    score = ask("GET", f"/api/recordings/{recording['id']}/score")
    assert "\n" not in score["title"]
    assert len([line for line in score["abc"].splitlines() if line.startswith("T:")]) == 1
    edit = {"op": "part", "part": 0, "name": HOSTILE}
    ask("POST", f"/api/recordings/{recording['id']}/edits", {"edits": [edit]})
    for name in ("html", "svg", "musicxml"):
        answer = ask.client.get(f"/api/recordings/{recording['id']}/export/{name}")
        assert answer.status_code == 200, answer.text
        assert b"<img" not in answer.content
        assert b"<script>alert" not in answer.content
        assert "set-cookie" not in answer.headers
        assert answer.headers["content-disposition"].startswith("attachment")
        assert not answer.headers["content-type"].startswith(("text/html", "image/svg"))


def test_a_hostile_file_name_is_only_a_name(ask: Asking, scale: bytes) -> None:
    for name in ("..%2F..%2Fetc%2Fpasswd", "%2Fetc%2Fshadow", "..%5C..%5Cboot.ini", "%00", "a" * 5000, "%FF%FE", "CON"):
        row = ask.upload(scale, name, transcribe=0)
        assert "/" not in row["title"]
        assert "\\" not in row["title"]
        assert 0 < len(row["title"]) <= 500
        answer = ask.client.get(f"/api/recordings/{row['id']}/audio")
        assert answer.content == scale


@pytest.mark.parametrize(
    "abc",
    [
        'X:1\nT:<script>alert(1)</script>\nK:C\n"<img src=x onerror=alert(1)>"C|',
        "X:1\n%%text <script>\nI:abc-include /etc/passwd\n%%abc-include /etc/passwd\nK:C\nC|",
        "X:1\nK:C\n" + "[" * 3000 + "C|" + "(3" * 3000,
        "X:1\nK:C\nC" + "9" * 500 + "|",
        'X:1\nL:1/1\nM:99999999999/1\nK:C\nV:1 name="' + '"' * 99 + "\nC|",
        "X:1\nK:C\n\ud800C|",
        "\x00X:1\nK:C\nC|\x07",
    ],
)
def test_hostile_abc_is_read_as_music_or_refused(ask: Asking, recording: dict[str, Any], abc: str) -> None:
    path = f"/api/recordings/{recording['id']}"
    answer = ask.client.put(f"{path}/abc", content=json.dumps({"abc": abc}))  # a lone surrogate is ASCII in JSON
    assert answer.status_code in (200, 422)
    shown = ask("GET", f"{path}/score")
    assert "root:" not in shown["abc"]
    html = ask.client.get(f"{path}/export/html?audio=0").content
    assert b"<img" not in html
    assert b"<script>alert" not in html


@pytest.fixture
def outside(tmp_path: Path) -> Any:
    """A server that listens at every address, with a token."""
    settings = Settings(tmp_path / "library", PORT, hosts=("0.0.0.0",), token="right")
    with TestClient(Page(settings).app(), base_url=f"http://192.168.0.2:{PORT}") as client:
        yield client


def test_beyond_this_machine_the_token_is_asked_for(outside: TestClient) -> None:
    for path in ("/", "/api/recordings", "/static/style.css", "/?token=wrong", "/?token=", "/api/status?token=right"):
        assert outside.get(path).status_code == 401
    assert outside.get("/api/status", headers={"Cookie": f"{COOKIE}=wrong"}).status_code == 401
    assert outside.get("/api/status", headers={"Cookie": "a=b; ;=,"}).status_code == 401
    opened = outside.get("/?token=right", follow_redirects=False)
    assert (opened.status_code, opened.headers["location"]) == (303, "/")
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert outside.get("/api/status").status_code == 200
    assert outside.post("/api/abc", json={"abc": ""}).status_code == 403  # the header is asked for, too


def test_beyond_this_machine_only_addresses_are_served(outside: TestClient) -> None:
    """A domain could have been rebound to this machine; an address cannot."""
    outside.cookies.set(COOKIE, "right")
    for host, status in ((f"evil.example:{PORT}", 421), (f"10.0.0.5:{PORT}", 200), (f"[fe80::1]:{PORT}", 200)):
        assert outside.get("/api/status", headers={"Host": host}).status_code == status
