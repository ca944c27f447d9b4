"""What a verification leaves: a checklist on the terminal; results.json (CTRF), junit.xml and summary.md in a directory."""
