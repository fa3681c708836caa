"""The outside: files, SMS, mail, spreadsheets; one Protocol each with a local adapter."""
