"""Compare two sides, each of one or more runs: what changed, by how much, and whether that can be told from noise.

The run is the unit: a call is never a sample of a comparison. `measured` is what of a run is compared, `sides` finds
the runs, `design` and `fitting` say how sure a change is, `judging` gives each figure its word, `comparing` does it all;
`comparison` is the result as typed values. Reports: `terminal`, `markdown`, `junit`, `page`.
"""
