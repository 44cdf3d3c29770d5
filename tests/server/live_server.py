"""A server of its own process with the tests' worker: ``live_server.py FOLDER [BYTES]``. Prints its port.

BYTES bounds the size of every file that it can write, which is what a full disk looks like.
"""

import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import tone_engine

from abcscribe import hearing
from abcscribe.server import serve
from abcscribe.server.app import Page, Settings

STALLED = 4.0  # seconds

if __name__ == "__main__":
    hearing.ENGINES[tone_engine.NAME] = tone_engine.INFO
    folder = Path(sys.argv[1])
    listener = serve.listening("127.0.0.1", 0)
    worker = (sys.executable, str(Path(__file__).with_name("tone_worker.py")))
    port = listener.getsockname()[1]
    page = Page(Settings(folder, port, upload_bytes=4 << 20, stalled=STALLED, worker=worker))
    if len(sys.argv) > 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
    print(port, flush=True)
    serve.run(page, listener, None)
