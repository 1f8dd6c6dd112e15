"""Scripts of the repository: the pictures and recordings of the README, and the colours of the first picture."""
