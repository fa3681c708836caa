"""The pages: over HTTP, and in a real Chromium against the real servers."""
