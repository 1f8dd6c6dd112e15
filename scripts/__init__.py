"""Scripts of the repository: the pictures and recordings of the README, the colours of the first picture, the
completions and the man page."""
