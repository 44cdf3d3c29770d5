"""Score -> what a page needs to draw it and to follow the recording with it.

`abc_positions` (which characters of the ABC text write which note), `view` (these, when each note sounds in the
recording, and the rest, as one JSON object), `samples` (tones to play the notes with), `html` (a page that needs no
server).
"""
