"""What the page asks its server, in short words for tests."""

import json
import time
from typing import Any

import httpx2 as httpx

ENGINE = "tone"
PATIENCE = 60.0  # seconds
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


class Asking:
    """Requests as the page sends them; each answers JSON and checks the status."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __call__(self, method: str, path: str, data: Any = None, *, status: int = 200, **more: Any) -> Any:
        """One request. ``status``: what is expected."""
        if data is not None:
            more["json"] = data
        answer = self.client.request(method, path, **more)
        assert answer.status_code == status, answer.text
        if answer.headers.get("content-type", "") == "application/json":
            return answer.json()
        return answer

    def upload(self, content: bytes, name: str = "scale.flac", status: int = 201, **query: Any) -> Any:
        """Send a recording."""
        query.setdefault("engine", ENGINE)
        headers = {"X-File-Name": name, "Content-Type": "application/octet-stream"}
        return self("POST", "/api/recordings", content=content, headers=headers, params=query, status=status)

    def score(self, recording: dict[str, Any]) -> Any:
        """The score of a recording, once it is there."""
        self.wait(recording)
        return self("GET", f"/api/recordings/{recording['id']}/score")

    def wait(self, recording: dict[str, Any], states: tuple[str, ...] = ("ready", "failed", "new")) -> Any:
        """The recording, once it is in one of the states."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            row = self("GET", f"/api/recordings/{recording['id']}")
            if row["state"] in states:
                return row
            time.sleep(0.05)
        raise AssertionError(f"still {row['state']}")

    def events(self, job: str) -> list[tuple[str, Any]]:
        """All events of a job, up to its last one."""
        text = self.client.get(f"/api/jobs/{job}/events").text
        found = []
        for block in text.split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if lines:
                found.append((lines["event"], json.loads(lines["data"])))
        return found


def connected(port: int) -> Asking:
    """Asks a server that runs in another process."""
    return Asking(httpx.Client(base_url=f"http://localhost:{port}", headers={"X-Abcscribe": "1"}, timeout=PATIENCE))
