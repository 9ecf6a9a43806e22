"""The painter's vocabulary: surface classes, colours and qualities, and the everyday words that mean them.

A concept vector has one number per name in CLASSES, COLORS and QUALITIES, in this order; the weights that ship were
trained on exactly this order, so append, never reorder.
"""

from __future__ import annotations

CLASSES = (
    "asphalt", "bark", "brick", "carpet", "ceiling_tiles", "clouds", "concrete", "cork", "fabric", "grass", "gravel",
    "ground", "ice", "lava", "leaves", "marble", "meadow", "metal", "milkyway", "moss", "nebula", "paper", "plaster",
    "rock", "roof", "sand", "snow", "starfield", "stone_paving", "terrazzo", "thatch", "tiles", "wallpaper", "water",
    "wood", "wood_floor", "cracked",
)  # fmt: skip
"""What a surface is made of, or opens onto."""

COLORS = {
    "red": "b03028", "orange": "dd8030", "yellow": "e0c840", "green": "4f8a38", "teal": "2a8c8c", "blue": "2f62b8",
    "purple": "7a44a8", "pink": "e090b0", "brown": "7a5234", "beige": "d2bc94", "white": "f2f2ee", "grey": "8c8c8a",
    "black": "1c1c1e",
}  # fmt: skip
"""Colour names and the sRGB each stands for."""

QUALITIES = (
    "dark", "light", "vivid", "muted", "smooth", "rough", "small", "large", "old", "wet", "mossy", "rusty", "flowers",
    "dry", "lush", "patterned", "checkered", "striped", "hexagonal", "herringbone", "stones", "veins", "bright_stars",
    "sunset", "glowing", "dirty", "ripples", "plain",
)  # fmt: skip
"""Qualities that change how a class looks."""

NAMES = (*CLASSES, *COLORS, *QUALITIES)
"""All concepts in the order of the vector."""

SKIES = frozenset({"clouds", "starfield", "milkyway", "nebula"})
"""Classes that are far away rather than on the surface."""

LAID = frozenset(
    {"brick", "ceiling_tiles", "fabric", "roof", "stone_paving", "thatch", "tiles", "wallpaper", "wood", "wood_floor",
     "bark", "carpet"}
)  # fmt: skip
"""Classes with a direction: never turned by an arbitrary angle."""

GRAIN = frozenset(
    {"asphalt", "cork", "grass", "gravel", "ground", "ice", "leaves", "moss", "paper", "plaster", "sand", "snow"}
)
"""Classes that are grain and drift alone: nothing in them has a place of its own, as joints, chips and veins have."""
NOISE = frozenset({"asphalt", "ground", "ice", "snow"})
"""Those of them that the embedded painter paints from pure noise; the others come out better over a layout."""
RESHAPED = frozenset({"moss", "sand"})
"""Those whose layout gives it no more than the drift: nearer to photographs with all grain its own."""
FIGURES = frozenset(
    {"flowers", "patterned", "checkered", "striped", "hexagonal", "herringbone", "veins", "ripples", "rusty", "mossy"}
)  # fmt: skip
"""Qualities that do have a place."""

WORDS: dict[str, str] = {
    # class words
    "asphalt": "asphalt", "tarmac": "asphalt", "road": "asphalt", "street": "asphalt", "blacktop": "asphalt",
    "driveway": "asphalt", "bitumen": "asphalt", "pavement": "asphalt stone_paving",
    "bark": "bark", "trunk": "bark", "tree": "bark", "log": "bark",
    "brick": "brick", "brickwork": "brick", "masonry": "brick", "clinker": "brick red",
    "carpet": "carpet", "rug": "carpet", "pile": "carpet", "carpeting": "carpet",
    "ceiling": "ceiling_tiles", "panel": "ceiling_tiles", "acoustic": "ceiling_tiles",
    "cloud": "clouds", "sky": "clouds", "overcast": "clouds grey", "heaven": "clouds", "cumulus": "clouds",
    "cloudy": "clouds", "daylight": "clouds",
    "concrete": "concrete", "cement": "concrete", "screed": "concrete", "slab": "concrete",
    "cork": "cork", "corkboard": "cork",
    "fabric": "fabric", "cloth": "fabric", "textile": "fabric", "linen": "fabric beige", "canvas": "fabric",
    "denim": "fabric blue", "wool": "fabric", "woven": "fabric", "cotton": "fabric", "tweed": "fabric",
    "weave": "fabric",
    "velvet": "fabric smooth", "jeans": "fabric blue",
    "grass": "grass", "lawn": "grass", "turf": "grass", "pasture": "grass", "football": "grass",
    "golf": "grass smooth",
    "sod": "grass", "field": "grass", "park": "grass",
    "gravel": "gravel", "pebble": "gravel", "shingle": "gravel", "ballast": "gravel", "scree": "gravel",
    "ground": "ground", "soil": "ground", "dirt": "ground", "earth": "ground", "mud": "ground wet", "path": "ground",
    "clay": "ground", "forest": "ground mossy", "dust": "ground dry", "trail": "ground", "terrain": "ground",
    "ice": "ice", "frozen": "ice", "glacier": "ice", "icy": "ice", "rink": "ice",
    "lava": "lava", "magma": "lava", "volcano": "lava", "molten": "lava", "volcanic": "lava", "ember": "lava",
    "inferno": "lava", "hell": "lava",
    "leaf": "leaves", "leaves": "leaves", "foliage": "leaves", "autumn": "leaves orange", "litter": "leaves",
    "marble": "marble", "onyx": "marble", "travertine": "marble beige", "carrara": "marble white veins",
    "granite": "marble grey", "alabaster": "marble white",
    "meadow": "meadow", "prairie": "meadow", "wildflower": "meadow flowers", "clearing": "meadow",
    "metal": "metal", "steel": "metal grey", "iron": "metal", "copper": "metal orange", "brass": "metal yellow",
    "aluminium": "metal light", "aluminum": "metal light", "tin": "metal", "bronze": "metal brown",
    "zinc": "metal grey", "plate": "metal", "sheet": "metal",
    "milky": "milkyway", "milkyway": "milkyway", "galaxy": "milkyway", "galactic": "milkyway",
    "moss": "moss", "lichen": "moss", "mossy": "mossy",
    "nebula": "nebula", "cosmic": "nebula", "interstellar": "nebula", "supernova": "nebula", "gas": "nebula",
    "paper": "paper", "cardboard": "paper brown", "parchment": "paper beige", "kraft": "paper brown",
    "plaster": "plaster", "stucco": "plaster rough", "render": "plaster", "paint": "plaster smooth",
    "wall": "plaster",
    "gypsum": "plaster white", "whitewash": "plaster white", "lime": "plaster",
    "rock": "rock", "cliff": "rock", "boulder": "rock", "crag": "rock", "cave": "rock dark", "stone": "rock",
    "slate": "roof grey", "rocky": "rock", "craggy": "rock", "basalt": "rock dark",
    "roof": "roof", "shingles": "roof", "rooftop": "roof",
    "sand": "sand", "beach": "sand", "dune": "sand ripples", "sandy": "sand", "desert": "sand", "sahara": "sand",
    "seabed": "sand", "shore": "sand",
    "snow": "snow", "snowy": "snow", "powder": "snow", "winter": "snow", "blizzard": "snow", "snowfall": "snow",
    "star": "starfield", "starfield": "starfield", "starry": "starfield", "night": "starfield",
    "midnight": "starfield", "constellation": "starfield bright_stars", "space": "starfield", "cosmos": "starfield",
    "universe": "starfield", "stellar": "starfield", "astronomy": "starfield",
    "paving": "stone_paving", "cobble": "stone_paving stones", "cobblestone": "stone_paving stones",
    "flagstone": "stone_paving large",
    "sett": "stone_paving stones", "paver": "stone_paving", "patio": "stone_paving", "plaza": "stone_paving",
    "courtyard": "stone_paving", "sidewalk": "stone_paving", "medieval": "stone_paving stones old",
    "terrazzo": "terrazzo", "chip": "terrazzo",
    "thatch": "thatch", "straw": "thatch", "reed": "thatch", "hay": "thatch", "thatched": "thatch",
    "tile": "tiles", "ceramic": "tiles", "mosaic": "tiles small", "bathroom": "tiles", "porcelain": "tiles white",
    "kitchen": "tiles", "pool": "water teal", "azulejo": "tiles blue patterned", "tiling": "tiles",
    "terracotta": "tiles orange",
    "wallpaper": "wallpaper", "damask": "wallpaper patterned",
    "water": "water", "sea": "water", "ocean": "water blue", "lake": "water", "pond": "water", "lagoon": "water teal",
    "river": "water", "aquatic": "water", "underwater": "water", "waves": "water", "caustic": "water",
    "stream": "water",
    "wood": "wood", "timber": "wood", "wooden": "wood", "veneer": "wood smooth", "plywood": "wood light",
    "lumber": "wood", "oak": "wood brown", "pine": "wood beige light", "walnut": "wood brown dark",
    "mahogany": "wood red dark", "birch": "wood beige light", "ebony": "wood black dark", "cherry": "wood red",
    "teak": "wood brown", "maple": "wood beige", "ash": "wood beige", "bamboo": "wood yellow",
    "beech": "wood beige light",
    "board": "wood_floor", "plank": "wood_floor", "parquet": "wood_floor", "floorboard": "wood_floor",
    "hardwood": "wood_floor", "laminate": "wood_floor smooth", "decking": "wood_floor", "deck": "wood_floor",
    "parquetry": "wood_floor", "planking": "wood_floor",
    "cracked": "cracked", "crack": "cracked", "parched": "cracked dry", "drought": "cracked dry",
    "fissure": "cracked",
    "crazed": "cracked",
    # colours
    "red": "red", "crimson": "red vivid", "scarlet": "red vivid", "maroon": "red dark", "ruby": "red vivid",
    "burgundy": "red dark", "rusty": "rusty", "orange": "orange", "amber": "orange", "yellow": "yellow",
    "golden": "yellow", "gold": "yellow", "ochre": "yellow muted", "green": "green", "emerald": "green vivid",
    "olive": "green muted", "verdant": "green lush", "teal": "teal", "turquoise": "teal", "cyan": "teal light",
    "blue": "blue", "navy": "blue dark", "azure": "blue light", "cobalt": "blue vivid", "indigo": "blue dark",
    "purple": "purple", "violet": "purple", "lilac": "purple light", "magenta": "pink vivid", "pink": "pink",
    "rose": "pink", "salmon": "pink", "brown": "brown", "chocolate": "brown dark", "tan": "beige", "beige": "beige",
    "cream": "beige light", "ivory": "white", "sandstone": "rock beige", "khaki": "beige", "white": "white",
    "grey": "grey", "gray": "grey", "silver": "grey light", "charcoal": "black", "black": "black",
    "anthracite": "black",
    "pitch": "black", "ashen": "grey",
    # qualities
    "dark": "dark", "deep": "dark", "gloomy": "dark", "shadowy": "dark", "light": "light", "pale": "light",
    "bright": "light vivid", "bleached": "light", "vivid": "vivid", "vibrant": "vivid",
    "colourful": "vivid patterned",
    "colorful": "vivid patterned", "saturated": "vivid", "muted": "muted", "dull": "muted", "faded": "muted old",
    "desaturated": "muted", "smooth": "smooth", "polished": "smooth", "fine": "small smooth", "soft": "smooth",
    "sleek": "smooth", "even": "smooth", "glossy": "smooth", "rough": "rough", "coarse": "rough large",
    "rugged": "rough",
    "bumpy": "rough", "textured": "rough", "small": "small", "tiny": "small", "little": "small", "narrow": "small",
    "large": "large", "big": "large", "wide": "large", "huge": "large", "broad": "large", "old": "old", "worn": "old",
    "ancient": "old", "weathered": "old", "rustic": "old", "antique": "old", "vintage": "old", "aged": "old",
    "wet": "wet", "damp": "wet", "rainy": "wet", "puddle": "water wet", "rust": "rusty", "corroded": "rusty",
    "oxidised": "rusty",
    "flower": "flowers", "floral": "flowers", "blossom": "flowers", "daisy": "flowers white", "poppy": "flowers red",
    "bloom": "flowers", "buttercup": "flowers yellow", "flowery": "flowers", "dandelion": "flowers yellow",
    "dry": "dry", "arid": "dry", "withered": "dry", "scorched": "dry", "lush": "lush green", "fresh": "lush",
    "thick": "lush", "dense": "lush", "overgrown": "lush mossy", "patterned": "patterned", "pattern": "patterned",
    "ornate": "patterned", "decorative": "patterned", "printed": "patterned", "checkered": "checkered",
    "chequered": "checkered", "chess": "checkered", "checkerboard": "checkered", "striped": "striped",
    "stripe": "striped", "hexagonal": "hexagonal", "hexagon": "hexagonal", "honeycomb": "hexagonal",
    "herringbone": "herringbone", "chevron": "herringbone", "vein": "veins", "veined": "veins", "glowing": "glowing",
    "burning": "glowing lava", "fiery": "glowing lava", "glow": "glowing", "hot": "glowing",
    "sunset": "sunset orange",
    "dusk": "sunset", "dawn": "sunset", "sunrise": "sunset orange", "dirty": "dirty", "stained": "dirty",
    "grimy": "dirty", "ripple": "ripples", "rippled": "ripples", "wavy": "ripples", "windswept": "ripples",
    "plain": "plain", "simple": "plain", "uniform": "plain", "mown": "smooth", "manicured": "smooth",
}  # fmt: skip
"""A word -> the concepts it means; the class a word names comes first."""

PHRASES: dict[str, str] = {
    "night sky": "starfield", "starry sky": "starfield", "milky way": "milkyway", "outer space": "starfield",
    "deep space": "starfield", "stars and gas": "nebula", "blue sky": "clouds blue", "cloudy sky": "clouds",
    "ceiling tile": "ceiling_tiles", "drop ceiling": "ceiling_tiles", "suspended ceiling": "ceiling_tiles",
    "stone floor": "stone_paving", "stone tile": "stone_paving", "stone path": "stone_paving", "stone wall": "rock",
    "paving stone": "stone_paving", "wood floor": "wood_floor", "wooden floor": "wood_floor",
    "oak floor": "wood_floor brown",
    "oak board": "wood_floor brown", "oak plank": "wood_floor brown", "oak parquet": "wood_floor brown",
    "pine board": "wood_floor beige light", "pine floor": "wood_floor beige light",
    "walnut floor": "wood_floor brown dark",
    "walnut board": "wood_floor brown dark", "timber floor": "wood_floor", "wooden board": "wood_floor",
    "wooden plank": "wood_floor", "wood plank": "wood_floor", "ship deck": "wood_floor old", "roof tile": "roof",
    "tiled roof": "roof", "forest floor": "ground mossy", "forest ground": "ground mossy", "dry leaf": "leaves dry",
    "fallen leaf": "leaves", "cracked desert": "cracked dry beige", "cracked earth": "cracked dry",
    "cracked mud": "cracked dry", "cracked soil": "cracked dry", "cracked clay": "cracked dry",
    "dry lake": "cracked dry",
    "salt flat": "cracked white", "dry river": "cracked dry", "lake bed": "cracked dry", "river bed": "gravel",
    "brick wall": "brick", "brick floor": "brick", "red brick": "brick red", "pebble beach": "gravel",
    "stone chip": "terrazzo", "marble tile": "marble", "swimming pool": "water teal", "natural stone": "stone_paving",
    "tree bark": "bark", "green lawn": "grass green", "painted wall": "plaster smooth", "rusty metal": "metal rusty",
    "stained concrete": "concrete dirty", "bathroom floor": "tiles", "kitchen floor": "tiles", "cork floor": "cork",
    "tree leaf": "leaves", "wood grain": "wood", "sea of cloud": "clouds", "ice floe": "ice", "frozen lake": "ice",
    "frozen pond": "ice", "shooting star": "starfield", "spiral galaxy": "milkyway", "cotton wool": "clouds",
    "sea floor": "sand ripples", "ocean floor": "sand ripples", "ice rink": "ice", "small stone": "gravel",
    "loose stone": "gravel", "crushed stone": "gravel", "rounded stone": "gravel", "river stone": "gravel",
    "molten rock": "lava", "lava rock": "lava", "volcanic rock": "rock dark", "dirt road": "ground",
    "country road": "ground",
    "grass field": "grass", "flower field": "meadow flowers", "alpine pasture": "meadow flowers",
    "flower meadow": "meadow flowers",
    "garden path": "stone_paving", "polished concrete": "concrete smooth", "wall paint": "plaster smooth",
    "checkered floor": "tiles checkered", "chess floor": "tiles checkered", "persian rug": "carpet red patterned",
}  # fmt: skip
"""Two or three words that mean something else together than apart; matched on stems."""

WEAK = frozenset({"ceiling", "panel", "wall", "road", "street", "path", "field", "kitchen", "bathroom", "patio", "tree",
                  "park", "plaza", "courtyard", "sidewalk", "pavement", "driveway", "forest", "winter",
                  "night"})  # fmt: skip
"""Words that name a place more than a material: they count only where nothing else names a class."""

GATHERED = frozenset({"carpet", "sea", "blanket", "ocean", "bed", "lake", "field", "pool", "layer", "floor", "river"})
"""Words that in "a carpet of moss" only say how much of it there is."""
