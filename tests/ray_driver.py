"""A process that transcribes on a cluster, to be killed: ``python ray_driver.py SOURCE TARGET``."""

import sys

import ray_workers

from abcscribe import bulk
from abcscribe.batch import Settings

if __name__ == "__main__":
    bulk.prepare = ray_workers.prepare
    for entry in bulk.run(bulk.plan(*sys.argv[1:], Settings(("abc",), ray_workers.NAME)), "ray"):
        print(entry.recording, flush=True)
