-- The same POST from wrk, which is written in C, checks nothing and records nothing.
wrk.method = "POST"
wrk.body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"hello"}}}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json, text/event-stream"

done = function(summary, latency)
  local errors = summary.errors
  local failures = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.stderr:write(string.format('{"calls": %d, "seconds": %f, "failures": %d, "median_ms": %f}',
    summary.requests, summary.duration / 1e6, failures, latency:percentile(50) / 1e3))
end
