"""Output of a verification: a checklist on the terminal; results.json (CTRF), junit.xml, summary.md and report.html in a directory."""
