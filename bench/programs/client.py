# The same with Python's own client.
import sys
from prometheus_client import CollectorRegistry, Counter, Gauge, pushadd_to_gateway

registry = CollectorRegistry()
rows = Counter("rows", "Rows.", registry=registry)
success = Gauge("last_success_timestamp_seconds", "When.", registry=registry)
pushadd_to_gateway(sys.argv[1], job="python", registry=registry)
rows.inc()
success.set_to_current_time()
pushadd_to_gateway(sys.argv[1], job="python", registry=registry)
