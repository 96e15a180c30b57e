"""The kernel that brings the shards' answers back to their events."""

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel, straight
from models.features.layout import GROUP_BITS, ROW_SHIFT


@kernel
def place_answers(
    words: NDArray[np.int64],
    values: NDArray[np.float64],
    groups: NDArray[np.int64],
    first: int,
    out: NDArray[np.float64],
    truncated: NDArray[np.bool_],
    out_truncated: NDArray[np.bool_],
) -> None:
    """Write entries' values to their events' columns: features of the groups that each read."""
    for number in range(words.shape[0]):
        row = words[number] >> ROW_SHIFT
        read = (words[number] & ((1 << ROW_SHIFT) - 1)) >> GROUP_BITS
        if truncated[number]:
            out_truncated[row] = True
        for feature in range(groups.shape[0]):
            if (read >> groups[feature]) & 1:
                out[first + feature, row] = values[number, feature]


place_straight = straight(place_answers)
"""The same, for the many calls of a run."""
