"""Writes short children's stories from a seeded random generator; train.py learns from them.

A story is a world (hero, friend, place, thing: the same for the whole story) walked through a
plot: an opening, eight to ten beats and an ending, each beat one of several sentences. Templates
use {slot} for something of the world and [a|b|c] for a free choice. `story(random)` is all that the
other files need; the plots are data in story_plots_*.py.
"""

import re
from dataclasses import dataclass

import story_words as words
from story_plots_friends import PLOTS as FRIEND_PLOTS
from story_plots_outdoors import PLOTS as OUTDOOR_PLOTS
from story_plots_growing import PLOTS as GROWING_PLOTS

PLOTS = FRIEND_PLOTS + OUTDOOR_PLOTS + GROWING_PLOTS

OPENINGS = [
    "Once upon a time, there was a {size} {kind} named {hero}. {He} lived {home}.",
    "Once upon a time there was a {size} {kind} named {hero} who lived {home}.",
    "Once upon a time, there was a {trait} {kind} named {hero} who lived {home}.",
    "Once upon a time, a {size} {kind} named {hero} lived {home}.",
    "Once upon a time, a {trait} {kind} called {hero} lived {home} with {his} {adult}.",
    "Once there was a {size} {kind} called {hero}. {He} was very {trait}, and {he} lived {home}.",
    "Long ago, a {trait} {size} {kind} named {hero} lived {home}.",
    "There was once a {size} {kind} named {hero}. Everyone knew that {hero} was {trait}.",
    "One {weather} {time}, a {size} {kind} named {hero} [went to|walked to|set off for] {place}.",
    "One {time}, a {trait} {kind} named {hero} "
    "[looked out of the window|woke up early|sat outside].",
    "In a place far away, {home}, lived a {size} {kind} named {hero}.",
]
LIKES = [
    "{He} [loved|liked] to [sing|dance|play|draw|read|explore|climb|run|paint] "
    "[all day long|every day|in the sun].",
    "{His} best friend was {a_friend}.",
    "{His} best friend was {a_friend}. They did everything together.",
    "Most of all, {he} loved {his} {thing}.",
    "{He} always wore a {colour} [hat|scarf|coat].",
    "{He} had a {size} {colour} [bag|box|bed|chair] that {he} liked very much.",
    "Every {time}, {he} [helped|sat with|walked with|had breakfast with] {his} {adult}.",
    "{He} liked {food} more than anything else.",
]
ENDINGS = [
    "[From that day on|After that], {hero} and {friend} were the best of friends.",
    "That night, {hero} [fell asleep with a smile|slept very well|dreamed of the happy day].",
    "{hero} went home and told {his} {adult} all about it.",
    "When {hero} got home, {his} {adult} gave {him} a big hug.",
    "Then they sat down together and ate some {food}.",
    "And they all lived happily ever after.",
    "It was the best {time} of all.",
    "{hero} and {friend} laughed and went home together as the sun went down.",
    "The stars came out, and {hero} felt [warm|happy|safe|proud] inside.",
    '"[What a day|What a good day]!" said {friend}, and {hero} [smiled|laughed|agreed].',
    "And whenever {hero} [saw|walked past|thought of] {place}, {he} smiled.",
]
MORAL_LEADS = [
    "{hero} learned that {moral}.",
    "{He} had learned that {moral}.",
    "And so {hero} learned that {moral}.",
    '"Now I know that {moral}," said {hero}.',
    "That day, {hero} learned something important: {moral}.",
]


@dataclass
class Story:
    """The text and what it is about, so that a chat turn can ask for it."""

    text: str
    kind: str  # What the hero is: "fox", "girl", ...
    hero: str
    friend: str
    topics: tuple  # Phrases that complete "a story about ...".


def _person(random, kind_choices=None):
    """Returns (name, kind, pronouns)."""
    kind = random.choice(kind_choices or (words.ANIMALS + ["boy", "girl"] * 9))
    male = {"boy": True, "girl": False}.get(kind, random.random() < 0.5)
    if kind in ("boy", "girl"):
        names = words.BOY_NAMES if male else words.GIRL_NAMES
    else:
        names = words.ANIMAL_BOY_NAMES if male else words.ANIMAL_GIRL_NAMES
    pronouns = ("he", "him", "his", "himself") if male else ("she", "her", "her", "herself")
    return random.choice(names), kind, pronouns


def make_world(random, plot, kind=None):
    """Fixes everything a story may mention, so that it stays the same to the end."""
    hero, kind, (he, him, his, himself) = _person(random, [kind] if kind else None)
    friend = hero
    while friend == hero:
        friend, friend_kind, (fhe, fhim, fhis, _) = _person(random)
    # Two animals with one name would be told apart by their kind only; avoid the same kind too.
    if friend_kind == kind and kind not in ("boy", "girl"):
        friend_kind = random.choice([a for a in words.ANIMALS if a != kind])
    a_friend = friend if friend_kind in ("boy", "girl") else f"{friend} the {friend_kind}"
    adult, adult_he, adult_him, adult_his = random.choice(words.FAMILY)
    world = {
        "hero": hero,
        "kind": kind,
        "he": he,
        "him": him,
        "his": his,
        "himself": himself,
        "friend": friend,
        "friend_kind": friend_kind,
        "a_friend": a_friend,
        "fhe": fhe,
        "fhim": fhim,
        "fhis": fhis,
        "adult": adult,
        "ahe": adult_he,
        "ahim": adult_him,
        "ahis": adult_his,
        "size": random.choice(words.SIZES),
        "trait": random.choice(words.TRAITS),
        "home": random.choice(words.HOMES),
        "place": random.choice(words.PLACES),
        "toy": random.choice(words.TOYS),
        "colour": random.choice(words.COLOURS),
        "food": random.choice(words.FOODS),
        "soup": random.choice(words.SOUPS),
        "weather": random.choice(words.WEATHERS),
        "time": random.choice(words.TIMES),
        "season": random.choice(words.SEASONS),
        "animal": random.choice([a for a in words.ANIMALS if a not in (kind, friend_kind)]),
    }
    world["thing"] = f"{world['colour']} {world['toy']}"
    world["spot1"], world["spot2"], world["spot3"] = random.sample(words.SPOTS, 3)
    for slot, choices in plot.get("slots", {}).items():
        world[slot] = random.choice([c for c in choices if c not in (kind, friend_kind)])
    for slot in ("he", "his", "him", "fhe", "fhis", "ahe", "ahis"):
        world[slot.capitalize()] = world[slot].capitalize()
    return world


_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_A_BEFORE_VOWEL = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])(?!uni|one\b|use)")


def expand(random, template, world):
    """Resolves the [choices], then the {slots}, then a/an."""
    text = _CHOICE.sub(lambda match: random.choice(match.group(1).split("|")), template)
    while _SLOT.search(text):  # A slot's value may itself hold slots.
        text = _SLOT.sub(lambda match: world[match.group(1)], text)
    return _A_BEFORE_VOWEL.sub(r"\1n ", text)


def story(random, kind=None):
    """Returns one Story of about 80 to 200 words; `kind` asks for a hero of that kind."""
    plot = random.choice(PLOTS)
    world = make_world(random, plot, kind)
    sentences = [random.choice(OPENINGS)]
    likes = [like for like in LIKES if "friend" not in like or not plot.get("stranger")]
    sentences += random.sample(likes, random.choice((0, 1, 1, 2)))
    split_at = {len(sentences)}
    for beat in plot["beats"]:
        if beat[0] == "?":  # An optional beat.
            if random.random() < 0.5:
                continue
            beat = beat[1:]
        sentences.append(random.choice(beat))
    _follow_on(sentences)
    split_at.add(len(sentences))
    if random.random() < 0.6:
        world["moral"] = random.choice(plot["morals"])
        sentences.append(random.choice(MORAL_LEADS))
    sentences += random.sample(ENDINGS, random.choice((0, 1, 1)))
    lines = [expand(random, sentence, world) for sentence in sentences]
    topics = tuple(expand(random, topic, world) for topic in plot["topics"])
    return Story(
        _join(random, lines, split_at), world["kind"], world["hero"], world["friend"], topics
    )


_ONE_TIME = re.compile(r"^One (\{weather\} )?(?=\{time\}|night)")


def _follow_on(sentences):
    """A story that opened with "One morning" goes on with "The next morning", not with "One"."""
    opened = False
    for index, sentence in enumerate(sentences):
        if _ONE_TIME.match(sentence):
            if opened:
                sentences[index] = _ONE_TIME.sub("The next ", sentence)
            opened = True


def _join(random, lines, split_at):
    """Half of the stories are one paragraph; the others break before and after the plot."""
    if random.random() < 0.5:
        return " ".join(lines)
    text = lines[0]
    for index, line in enumerate(lines[1:], start=1):
        text += ("\n" if index in split_at else " ") + line
    return text
