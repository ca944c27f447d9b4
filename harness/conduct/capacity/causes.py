"""Who usually cuts an idle connection after so long: defaults of servers and of what stands before them.

The time alone proves nothing; it says where to look first.
"""

from typing import Final

NEAR_S: Final = 1.5

# Default idle time in seconds -> whose it is, and the setting.
STREAMS: Final[dict[float, str]] = {
    30: "HAProxy's example configuration (timeout server 30s)",
    50: "HAProxy's older example configuration (timeout server 50s)",
    55: "Heroku's router (55 s without a byte)",
    60: "nginx (proxy_read_timeout), AWS's application load balancer (idle timeout), or Kong (read_timeout)",
    100: "Cloudflare (100 s without a byte)",
    120: "IIS (connectionTimeout)",
    180: "Traefik (idleTimeout)",
    230: "Azure App Service (230 s)",
    240: "Azure's load balancer (4 minutes)",
    300: "Envoy or Istio (stream_idle_timeout), or Node.js (requestTimeout)",
    350: "AWS's network load balancer (350 s)",
    600: "Google's load balancer (keep-alive of 600 s)",
}
CONNECTIONS: Final[dict[float, str]] = {
    2: "gunicorn (keepalive)",
    5: "Node.js (keepAliveTimeout), uvicorn (timeout_keep_alive) or Apache (KeepAliveTimeout)",
    60: "AWS's application load balancer (idle timeout)",
    75: "nginx (keepalive_timeout)",
    120: "IIS (connectionTimeout)",
    180: "Traefik (idleTimeout)",
    240: "Azure's load balancer (4 minutes)",
    350: "AWS's network load balancer (350 s)",
}


def cause(idle_s: float, usual: dict[float, str]) -> str:
    """Whose default this is; "" when it is nobody's."""
    nearest = min(usual, key=lambda known: abs(known - idle_s))
    return usual[nearest] if abs(nearest - idle_s) <= NEAR_S else ""
