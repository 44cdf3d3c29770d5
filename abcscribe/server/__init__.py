"""The page: a local server that takes recordings, keeps them with their scores, and gives them back corrected.

`app` (addresses), `safety` (who may ask), `uploads`, `library` (what is kept, in SQLite) with `files` and `migrations`,
`jobs` (the queue) with `worker` (the process that transcribes) and `pipeline` (the calls into the rest of abcscribe),
`history` (versions of a score), `exports`, `archive`, `serve` (the command). docs/api.md lists the addresses.
"""
