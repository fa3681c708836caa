"""The demo: a whole story, from a personnel file to usable credit, its people and their files."""
