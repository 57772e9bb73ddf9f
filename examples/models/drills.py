"""Writes short exercises in keeping track: the same few names, things and pronouns again and again.

corpus.py mixes them in early in a run. In a story one token in twenty says who it is about; here it
is one in four, so that a small model finds out sooner that such words are copied, not made up. What
is copied is also weighted in the loss, see entity_ids().
"""

import story_words as words

ALONE = (
    "{a} went to {place}.",
    "{a} had a {thing}.",
    "{a} lost the {thing}.",
    "{a} found the {thing} at {place}.",
    "{a} was happy.",
    "{a} was sad.",
    "{a} ate some {food}.",
    "{a} went home.",
    "{a} laughed.",
    "{He} liked {his} {thing}.",
    "{He} smiled.",
    '"I am {a}," {he} said.',
    '"I like {food}," said {a}.',
    "{a} the {kind} was at {place}.",
    "The {kind} was named {a}.",
)
TOGETHER = (
    "{a} saw {b}.",
    "{a} and {b} went to {place}.",
    '"Hello, {b}!" said {a}.',
    '"Thank you, {b}!" said {a}.',
    "{a} gave {b} the {thing}.",
    "{a} and {b} ate {food}.",
    "{a} looked for {b} at {place}.",
    "{a} hugged {b}.",
    "{a} and {b} were friends.",
    "Then {a} went home with {b}.",
)


def _character(random, taken=None):
    kind = random.choice(words.ANIMALS + ["boy", "girl"] * 9)
    male = {"boy": True, "girl": False}.get(kind, random.random() < 0.5)
    if kind in ("boy", "girl"):
        names = words.BOY_NAMES if male else words.GIRL_NAMES
    else:
        names = words.ANIMAL_BOY_NAMES if male else words.ANIMAL_GIRL_NAMES
    name = random.choice([name for name in names if name != taken])
    return name, kind, ("he", "his") if male else ("she", "her")


def drill(random):
    """Returns eight to twelve short sentences about one or two characters and one of each thing."""
    first = _character(random)
    second = _character(random, first[0])
    shared = {
        "place": random.choice(words.PLACES),
        "food": random.choice(words.FOODS),
        "thing": f"{random.choice(words.COLOURS)} {random.choice(words.TOYS)}",
    }
    alone = random.random() < 0.4
    opening = "Once upon a time, there was {a_kind} named {a}."
    sentences = [_fill(opening, first, second, shared)]
    for _ in range(random.randint(7, 11)):
        together = not alone and random.random() < 0.5
        pair = (first, second) if alone or random.random() < 0.6 else (second, first)
        template = random.choice(TOGETHER if together else ALONE)
        if template.startswith("{He}"):  # A pronoun at the start is the one just named.
            template = "{a} was there. " + template
        sentences.append(_fill(template, *pair, shared))
    return " ".join(sentences)


def _fill(template, first, second, shared):
    name, kind, (he, his) = first
    a_kind = ("an " if kind[0] in "aeio" else "a ") + kind
    return template.format(
        a_kind=a_kind, a=name, b=second[0], kind=kind, he=he, He=he.capitalize(), his=his, **shared
    )


def entity_ids(tokenizer):
    """The ids of pieces that are a whole name, animal, thing, colour, food, place or pronoun."""
    listed = words.BOY_NAMES + words.GIRL_NAMES + words.ANIMAL_BOY_NAMES + words.ANIMAL_GIRL_NAMES
    listed += words.ANIMALS + words.TOYS + words.COLOURS + words.FOODS + ["boy", "girl"]
    listed += [place.split()[1] for place in words.PLACES]
    listed += [form for word in ("he", "she", "him", "her", "his") for form in (word, word.title())]
    encoded = [tokenizer.EncodeAsIds(" " + word) for word in listed]
    return {ids[0] for ids in encoded if len(ids) == 1}
