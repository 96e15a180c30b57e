"""Events of the speed job: ``python -m benchmarks.speed.events N SEED ZIPF OUT``.

Canonical payments of about 230 bytes in time order, 80 ms apart on average: 50 000 accounts,
uniform (ZIPF 0) or skewed (ZIPF 1.2). The same arguments give the same file.
"""

import sys
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

START_MS: Final = 1_700_000_000_000
ACCOUNTS: Final = 50_000
SKEWED_ACCOUNTS_MAX: Final = 99_999
COUNTERPARTIES: Final = 100_000
DEVICES: Final = 90_000
CHANNELS: Final = np.array(["card", "transfer", "wallet"])


def write_events(count: int, seed: int, zipf: float, path: Path) -> None:
    """Write `count` events as NDJSON; the order of the draws is part of the job's definition."""
    random = np.random.default_rng(seed)
    if zipf == 0:
        accounts = random.integers(0, ACCOUNTS, count)
    else:
        accounts = np.minimum(random.zipf(zipf, count), SKEWED_ACCOUNTS_MAX)
    times = START_MS + np.cumsum(random.integers(0, 160, count))
    counterparties = random.integers(0, COUNTERPARTIES, count)
    amounts = np.round(random.lognormal(3, 1.2, count), 2)
    channels = CHANNELS[random.integers(0, CHANNELS.shape[0], count)]
    devices = random.integers(0, DEVICES, count)
    pl.DataFrame(
        {
            "event_id": [f"tx-{number:012d}" for number in range(count)],
            "event_time": times,
            "kind": "payment",
            "account": [f"acct-{account:06d}" for account in accounts],
            "counterparty": [f"acct-{account:06d}" for account in counterparties],
            "amount": amounts,
            "currency": "CNY",
            "channel": channels,
            "country": "CN",
            "device": [f"d{device}" for device in devices],
            "ip": "10.2.3.4",
        }
    ).write_ndjson(path)


if __name__ == "__main__":
    write_events(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
