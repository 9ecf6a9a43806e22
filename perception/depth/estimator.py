"""What finds depth in a single picture: the protocol, and loading one by name."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sceneforge.core import Camera, UsageError
from sceneforge.core.arrays import Float32, Float64, UInt8

Kind = Literal["metric", "depth", "disparity"]
"""What a guess is: metres; depth up to an unknown scale; inverse depth up to scale and shift."""


@dataclass(frozen=True)
class DepthGuess:
    """What an estimator says of one picture."""

    values: Float32
    """(H, W) of the kind below; larger disparity is nearer."""
    kind: Kind
    """How to read `values`."""
    sigma_share: float
    """Standard deviation of a metric guess as a share of the depth; of others after they were aligned."""
    note: str = ""
    """What was assumed, for people."""


class DepthEstimator(Protocol):
    """Finds depth in a single picture."""

    name: str
    """For reports."""

    def estimate(self, color: UInt8, camera: Camera, up: Float64 | None = None) -> DepthGuess:
        """Guess the depth of a picture.

        Args:
            color: (H, W, 3) uint8 sRGB.
            camera: Its intrinsics.
            up: (3,) unit: up in camera axes, where it is known.
        """
        ...


def estimator_names() -> tuple[str, ...]:
    """Names of the estimators there are."""
    from . import backends

    return tuple(sorted(m.name for m in pkgutil.iter_modules([*backends.__path__]) if not m.name.startswith("_")))


def load_estimator(name: str = "embedded", **options: Any) -> DepthEstimator:
    """Load an estimator by name; options are those of its `load`.

    Raises:
        UsageError: No estimator has this name.
        MissingExtra: It needs a package that is not installed.
    """
    from . import backends

    if name not in estimator_names():
        raise UsageError(f"no depth estimator is called '{name}'; there are: {', '.join(estimator_names())}")
    estimator: DepthEstimator = importlib.import_module(f"{backends.__name__}.{name}").load(**options)
    return estimator
