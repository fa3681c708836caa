"""The pages: Persian and English HTML over the API's own operations; nothing here knows a rule."""
