"""Painting surfaces: prompts, painters, and textures of any size without seams or repetition.

Nothing heavy is imported until a painter is loaded.
"""

from .painter import Painter, load_painter, painter_names
from .text import Meaning, understand_prompt

__all__ = ["Meaning", "Painter", "load_painter", "painter_names", "understand_prompt"]
