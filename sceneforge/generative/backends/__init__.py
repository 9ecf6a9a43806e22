"""One painter per file: `load(**options) -> Painter`."""
