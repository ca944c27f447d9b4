// The same calls from k6, each reply checked: k6 run --vus N --duration Ns -e URL=... benchmarks/k6.js
import http from 'k6/http';

const headers = { Accept: 'application/json, text/event-stream', 'Content-Type': 'application/json' };
let id = 0;

export default function () {
  id += 1;
  const params = { name: 'echo', arguments: { message: 'hello' } };
  const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params });
  const message = JSON.parse(http.post(__ENV.URL, body, { headers, timeout: '30s' }).body);
  if (message.id !== id || message.result.isError) {
    throw new Error('wrong answer');
  }
}

export function handleSummary(data) {
  const { http_reqs, http_req_duration, http_req_failed, iterations } = data.metrics;
  return {
    stdout: JSON.stringify({
      calls: http_reqs.values.count,
      failures: http_req_failed.values.passes,
      checked: iterations.values.count,
      median_ms: http_req_duration.values.med,
    }),
  };
}
