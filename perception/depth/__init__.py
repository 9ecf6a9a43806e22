"""Dense depth per picture: sensor depth refined to the colour image, multi-view and two-view stereo, alignment."""

from .refine import DepthRefiner, RefinedDepth

__all__ = ["DepthRefiner", "RefinedDepth"]
