"""Arguments from a server's JSON Schemas: values are drawn, and held against the schema. Pure, seeded, and within bounds."""
