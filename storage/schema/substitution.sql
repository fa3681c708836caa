-- Substitutions of a guarantor (A4). Whoever is to stand is a row of guarantees, so they have no table of their own.

INSERT INTO services (name) VALUES ('substitution');
