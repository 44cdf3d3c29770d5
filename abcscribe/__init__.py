"""abcscribe: a recording goes in, a readable score comes out."""
