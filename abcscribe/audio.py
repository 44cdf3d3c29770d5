"""Any media file -> mono float32 at 16 kHz, in blocks of bounded size."""

SAMPLE_RATE = 16_000  # Hz, everywhere behind this module
