"""The words that stories are made of: who, where, what. stories.py picks from these lists.

Every list holds things that can replace each other in any sentence, so adding a word here makes
every plot more varied. Names are given with the pronoun they use.
"""

BOY_NAMES = ("Tom Ben Sam Max Leo Jack Tim Finn Noah Oliver").split()
GIRL_NAMES = ("Lily Mia Anna Lucy Zoe Emma Ella Molly Daisy Clara").split()
ANIMAL_BOY_NAMES = ("Benny Pip Bruno Rusty Teddy Jasper Barnaby Biscuit Monty Otto").split()
ANIMAL_GIRL_NAMES = ("Ruby Bella Hazel Willow Luna Pearl Poppy Olive Ginger Honey").split()

ANIMALS = """
fox rabbit bear mouse squirrel hedgehog frog duck owl cat dog kitten puppy turtle bird pig sheep
goat horse cow lion tiger elephant monkey penguin dragon deer otter beaver badger bee ladybug
snail butterfly wolf hen goose pony lamb raccoon mole robot unicorn whale crab
""".split()

TRAITS = """
kind brave curious cheerful clever gentle playful shy quiet busy friendly lively merry careful
sleepy funny happy polite
""".split()
SIZES = ["little", "small", "young", "tiny"]
COLOURS = "red blue green yellow orange purple pink white".split()

HOMES = [
    "in a small house by the river",
    "in a cosy house near the forest",
    "in a village by the sea",
    "at the edge of a big forest",
    "on a sunny farm",
    "at the foot of a green hill",
    "near a quiet lake",
    "in a little town",
    "under an old oak tree",
    "beside a wide meadow",
    "in a tall house with a blue door",
    "in a warm little home behind the mill",
]
# Place, and the words that lead there.
PLACES = [
    "the forest",
    "the park",
    "the meadow",
    "the river",
    "the beach",
    "the garden",
    "the lake",
    "the hill",
    "the pond",
    "the orchard",
]
SPOTS = [
    "under a bush",
    "behind a big rock",
    "under a bench",
    "beside the old fence",
    "near the well",
    "behind the oak tree",
    "in the tall grass",
    "next to a pile of leaves",
    "under the stairs",
    "inside a basket",
    "behind the shed",
    "among the flowers",
    "in a hollow log",
    "by the gate",
]
TOYS = "ball kite hat scarf bell boat drum book lantern ribbon whistle basket balloon".split()
FOODS = ["apples", "berries", "cookies", "pancakes", "carrots", "pears", "cherries", "nuts"]
SOUPS = ["soup", "tea", "warm milk", "honey", "porridge", "hot chocolate"]
WEATHERS = [
    "sunny",
    "warm",
    "windy",
    "cloudy",
    "bright",
    "cold",
    "foggy",
    "snowy",
    "rainy",
    "quiet",
]
TIMES = ["morning", "day", "afternoon", "evening"]
SEASONS = ["spring", "summer", "autumn", "winter"]
FAMILY = [
    ("mother", "she", "her", "her"),
    ("father", "he", "him", "his"),
    ("grandmother", "she", "her", "her"),
    ("grandfather", "he", "him", "his"),
    ("sister", "she", "her", "her"),
    ("brother", "he", "him", "his"),
    ("aunt", "she", "her", "her"),
    ("uncle", "he", "him", "his"),
]
