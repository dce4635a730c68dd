"""Where a worker keeps its own descriptors."""

import resource

_soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
LOWEST_DESCRIPTOR = 100 if _soft == resource.RLIM_INFINITY or _soft > 150 else max(3, _soft // 2)
"""Out of the way of tools that close or replace the first descriptors, as far as there are enough."""
