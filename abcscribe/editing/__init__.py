"""Score -> Score by operations such as a musician makes: this note lower, these two parts one.

`timeline` (a part's notes with ties joined, and back into bars), `notes` (operations on notes), `parts` (operations on
parts and on the whole), `operations` (their JSON form, docs/api.md), `corrections` (operations that find their place
again in a score that was written anew).
"""
