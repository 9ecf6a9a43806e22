"""Procedural furnished rooms, photographed by a simulated RGB-D camera, with exact ground truth."""

from __future__ import annotations

from .generate import generate
from .layout import KINDS

__all__ = ["KINDS", "generate"]
