"""What every test shares: compiled kernels from the cache, and Hypothesis profiles."""

import os

from cli.kernels import use_kernel_cache

use_kernel_cache()

from hypothesis import HealthCheck, settings  # noqa: E402 - the cache comes first

# a deadline would measure the compiler on the first example
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), max_examples=300, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
