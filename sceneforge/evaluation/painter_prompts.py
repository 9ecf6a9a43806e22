"""A hundred prompts and the class each asks for: fifty that name it plainly, fifty that paraphrase it."""

from __future__ import annotations

PLAIN: dict[str, tuple[str, ...]] = {
    "asphalt": ("asphalt road", "dark asphalt"),
    "bark": ("tree bark",),
    "brick": ("red brick wall", "old bricks", "brick floor"),
    "carpet": ("grey carpet",),
    "clouds": ("blue sky with clouds", "clouds at sunset"),
    "concrete": ("polished concrete", "stained concrete floor", "concrete"),
    "cork": ("cork floor",),
    "fabric": ("blue fabric", "woven fabric"),
    "grass": ("green grass", "short lawn", "dry grass"),
    "gravel": ("grey gravel", "pebbles"),
    "ground": ("brown soil", "dirt ground"),
    "ice": ("blue ice",),
    "lava": ("glowing lava",),
    "marble": ("white marble", "black marble with veins"),
    "meadow": ("meadow with flowers",),
    "metal": ("rusty metal", "steel plate"),
    "moss": ("green moss",),
    "plaster": ("white plaster wall",),
    "rock": ("grey rock", "dark rock cliff"),
    "roof": ("roof tiles",),
    "sand": ("desert sand", "beach sand"),
    "snow": ("fresh snow",),
    "starfield": ("night sky full of stars", "starry sky"),
    "stone_paving": ("cobblestones", "stone paving"),
    "terrazzo": ("terrazzo floor",),
    "tiles": ("white ceramic tiles", "blue tiles"),
    "water": ("clear water",),
    "wood": ("light wood", "wood grain"),
    "wood_floor": ("dark oak boards", "parquet floor", "wooden planks"),
}
"""Class -> prompts that use its usual word."""

PARAPHRASED: dict[str, tuple[str, ...]] = {
    "asphalt": ("fresh blacktop of a parking lot", "a tarred street surface"),
    "bark": ("the rough skin of an old trunk",),
    "brick": ("weathered masonry of clay blocks", "a wall of burnt clay blocks in mortar"),
    "carpet": ("soft deep pile underfoot",),
    "clouds": ("cotton wool drifting over blue heavens",),
    "concrete": ("bare cement slab of a garage", "brutalist grey screed"),
    "fabric": ("coarse sackcloth", "a linen weave"),
    "grass": ("a freshly mown football pitch", "golf green", "like an English garden lawn"),
    "gravel": ("a path of crushed stone", "loose shingle on a riverbank"),
    "ground": ("a muddy forest trail", "freshly ploughed earth", "dusty farm track"),
    "ice": ("a frozen pond", "glacier surface"),
    "lava": ("the floor is magma", "molten rock from a volcano"),
    "marble": ("polished Carrara slab", "veined stone of a palace hall"),
    "meadow": ("alpine pasture in bloom with daisies", "a field of wildflowers"),
    "metal": ("corroded iron sheet", "brushed aluminium"),
    "moss": ("a velvety green cushion from the woodland",),
    "plaster": ("whitewashed stucco", "a freshly painted wall"),
    "rock": ("the face of a cliff", "craggy mountainside"),
    "sand": ("Sahara dunes", "windswept seashore"),
    "snow": ("a winter wonderland", "ski slope powder"),
    "starfield": ("the cosmos at midnight", "countless suns in outer space", "a planetarium dome"),
    "stone_paving": ("medieval market square", "setts of an old town street"),
    "tiles": ("a bathroom with ceramic squares", "Portuguese azulejos"),
    "water": ("rippling surface of a lagoon", "the deep blue sea"),
    "wood_floor": ("a ship's deck", "herringbone parquetry", "timber decking on a terrace"),
}
"""Class -> prompts that avoid it, or hide it."""


def prompts() -> list[tuple[str, str, bool]]:
    """(prompt, class, whether it paraphrases) of all hundred, plain ones first."""
    return [
        (text, kind, paraphrased)
        for table, paraphrased in ((PLAIN, False), (PARAPHRASED, True))
        for kind, texts in table.items()
        for text in texts
    ]
